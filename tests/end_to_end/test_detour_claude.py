"""`detour claude` with the real client: a Detour that is started for it, and one that runs; nothing is left behind.

What is not for the fake backend goes to a corporate proxy that refuses: nothing leaves this machine.
"""

import json
import os
import socketserver
import ssl
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import override

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from mitmproxy.certs import CertStore

from tests.end_to_end.client import API_KEY, BINARY, DOORS, TIME_LIMIT_S, Door
from tests.end_to_end.fakes import KEY, FakeBackend
from tests.end_to_end.proxy import ROOT, START_LIMIT_S, Proxy, wait_until
from tests.end_to_end.replies import answer

pytestmark = pytest.mark.client


class Corporate(socketserver.ThreadingTCPServer):
    """A proxy as companies have one: it decrypts with an authority of its own. This one answers 403 to all."""

    daemon_threads = True

    def __init__(self, folder: Path) -> None:
        self.asked: list[str] = []
        store = CertStore.from_store(folder, "corporate", 2048)
        self.authority = folder / "corporate-ca-cert.pem"
        entry = store.get_cert("api.anthropic.com", [x509.DNSName("api.anthropic.com")])
        key = entry.privatekey.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        (folder / "host.pem").write_bytes(key + entry.cert.to_pem())
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.tls.load_cert_chain(folder / "host.pem")
        super().__init__(("127.0.0.1", 0), _Tunnel)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Tunnel(socketserver.BaseRequestHandler):
    server: Corporate

    @override
    def handle(self) -> None:
        self.server.asked.append(self.request.recv(65536).decode().split(" ")[1])
        self.request.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        with suppress(OSError), self.server.tls.wrap_socket(self.request, server_side=True) as inside:
            inside.recv(65536)
            inside.sendall(b"HTTP/1.1 403 Forbidden\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{}")


@pytest.fixture
def corporate(tmp_path: Path) -> Iterator[Corporate]:
    (tmp_path / "corporate").mkdir()
    with Corporate(tmp_path / "corporate") as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def user(tmp_path: Path, corporate: Corporate, backend: FakeBackend) -> dict[str, str]:
    """The environment of a user with a key, a proxy in front, and a client that notes which Detours run."""
    client = tmp_path / "noting client"
    client.write_text(f'#!/bin/sh\nls "$DETOUR_HOME/instances" >"$HOME/seen"\nexec "{BINARY}" "$@"\n')
    client.chmod(stat.S_IRWXU)
    return {
        "PATH": os.defpath,
        "HOME": str(tmp_path),
        "LANG": "C.UTF-8",
        "SHELL": "/bin/sh",
        "PYTHONPATH": str(ROOT),
        "DETOUR_CLAUDE": str(client),
        "DETOUR_HOME": str(tmp_path / "detour"),
        "HTTPS_PROXY": corporate.url,
        "NODE_EXTRA_CA_CERTS": str(corporate.authority),
        "ANTHROPIC_API_KEY": API_KEY,
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        "CLAUDE_CODE_SKIP_FAST_MODE_ORG_CHECK": "1",
        "CLAUDE_CODE_MAX_RETRIES": "2",
        "BIG_MODEL": "openai/gpt-5.5",
        "SMALL_MODEL": "openai/gpt-5.5-mini",
        "OPENAI_API_KEY": KEY,
        "OPENAI_BASE_URL": backend.base_url,
    }


def detour(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    workspace = Path(environment["HOME"]) / "workspace"
    workspace.mkdir(exist_ok=True)
    return subprocess.run(
        [sys.executable, "-P", "-m", "addon.cli", "claude", *arguments],
        env=environment,
        cwd=workspace,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=TIME_LIMIT_S,
        check=False,
    )


def instances(environment: dict[str, str]) -> list[int]:
    """The Detours that ran beside the client, by process id."""
    return [int(Path(name).stem) for name in (Path(environment["HOME"]) / "seen").read_text().split()]


def is_running(pid: int) -> bool:
    return subprocess.run(["ps", "-p", str(pid)], capture_output=True, check=False).returncode == 0


@pytest.mark.parametrize("door", DOORS)
def test_a_detour_is_started_for_the_client_and_ends_with_it(
    user: dict[str, str], corporate: Corporate, backend: FakeBackend, door: Door
) -> None:
    backend.script(answer("Hello from elsewhere."))
    run = detour(user, "--door", door, "-p", "Say hello.")
    assert (run.returncode, run.stdout) == (0, "Hello from elsewhere.\n"), run.stderr
    assert f"Detour goes out through {user['HTTPS_PROXY']} (HTTPS_PROXY)" in run.stderr
    assert set(corporate.asked) == ({"api.anthropic.com:443"} if door == "proxy" else set())
    [pid] = instances(user)
    assert not is_running(pid)
    assert list((Path(user["DETOUR_HOME"]) / "instances").iterdir()) == []
    [log] = (Path(user["DETOUR_HOME"]) / "logs").iterdir()
    assert "openai/gpt-5.5" in log.read_text()
    assert KEY not in log.read_text()
    assert API_KEY not in log.read_text()
    assert "Certificate verify failed" not in log.read_text()


@pytest.mark.parametrize("door", DOORS)
def test_a_detour_that_runs_is_found(user: dict[str, str], mitmdump: Proxy, backend: FakeBackend, door: Door) -> None:
    backend.script(answer("Found."))
    user["DETOUR_HOME"] = str(mitmdump.home / "detour")
    says_so = mitmdump.home / "detour" / "instances" / f"{mitmdump.process.pid}.json"  # its doors open before that
    wait_until(says_so.exists, START_LIMIT_S, lambda: "it has not said that it runs")
    run = detour(user, "--door", door, "--no-start", "-p", "Where are you?", "--output-format", "json")
    assert (run.returncode, json.loads(run.stdout)["result"]) == (0, "Found."), run.stderr
    assert instances(user) == [mitmdump.process.pid]
    assert is_running(mitmdump.process.pid)


def test_a_user_without_an_account_needs_none(user: dict[str, str], backend: FakeBackend) -> None:
    backend.script(answer("Welcome."))
    del user["ANTHROPIC_API_KEY"]
    run = detour(user, "-p", "May I come in?")
    assert (run.returncode, run.stdout) == (0, "Welcome.\n"), run.stderr


def test_a_settings_file_does_not_lead_the_client_elsewhere(user: dict[str, str], backend: FakeBackend) -> None:
    backend.script(answer("Still here."))
    (Path(user["HOME"]) / ".claude").mkdir()
    settings = {"env": {"ANTHROPIC_BASE_URL": "http://127.0.0.1:1", "NO_PROXY": "corp.example"}}
    (Path(user["HOME"]) / ".claude" / "settings.json").write_text(json.dumps(settings))
    run = detour(user, "-p", "Where are you?")
    assert (run.returncode, run.stdout) == (0, "Still here.\n"), run.stderr


@pytest.mark.parametrize("found", [False, True])
def test_the_exit_code_is_the_clients(user: dict[str, str], mitmdump: Proxy, found: bool) -> None:
    if found:
        user["DETOUR_HOME"] = str(mitmdump.home / "detour")
    run = detour(user, "--", "-p", "--output-format", "no such format", "hi")
    assert run.returncode == 1
    assert "no such format" in run.stderr
    assert [is_running(pid) for pid in instances(user)] == [found]
