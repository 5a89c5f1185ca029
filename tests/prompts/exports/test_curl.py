"""The command sends what was sent, whatever is in it, and holds no key."""

import http.server
import json
import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import override

import pytest

from addon.prompts.entry import Entry, Request
from addon.prompts.exports import curl
from addon.protocol.errors import ConfigError
from tests.prompts.entries import entry, recorded_calls, routed
from tests.prompts.exports import hostile

BASH = shutil.which("bash") or "bash"
KEYS = {"ANTHROPIC_API_KEY": "k1", "ANTHROPIC_AUTH_TOKEN": "k2", "OPENAI_API_KEY": "k3"}
BODY = b'{"model": "m"}'


@dataclass
class Server:
    """Keeps what it was sent."""

    url: str = ""
    received: list[tuple[str, str, dict[str, str], bytes]] = field(default_factory=list)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    kept = Server()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            kept.received.append((self.command, self.path, headers, body))
            self.send_response(200)
            self.send_header("content-length", "2")
            self.end_headers()
            self.wfile.write(b"ok")

        do_GET = do_PUT = do_POST  # noqa: N815 - the names that it asks for

        @override
        def log_message(self, format: str, *args: object) -> None:
            pass

    running = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=running.serve_forever, daemon=True).start()
    kept.url = f"http://127.0.0.1:{running.server_port}"
    yield kept
    running.shutdown()
    running.server_close()


def run(script: bytes, tmp_path: Path, keys: dict[str, str]) -> subprocess.CompletedProcess[bytes]:
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "NO_PROXY": "*", **keys}
    file = tmp_path / "request.sh"
    file.write_bytes(script)
    return subprocess.run([BASH, str(file)], env=environment, capture_output=True, cwd=tmp_path, check=False)


def sent_by(made: Entry, server: Server, tmp_path: Path) -> tuple[str, str, dict[str, str], bytes]:
    assert made.request is not None
    there = replace(made, request=replace(made.request, url=server.url + "/v1/messages?beta=true"))
    done = run(curl.command(there), tmp_path, KEYS)
    assert (done.returncode, done.stdout) == (0, b"ok"), done.stderr
    return server.received[-1]


PICTURE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "A" * 1_500_000}}
BODIES = [
    BODY,
    b"",
    b'{"a": "\xff\xfe"}',
    b"it's $HOME `id` $(id) \\n \\\\ ! \" %s %d\n'EOF'\n\n",
    b'{"nul": "\0"}' + bytes(range(256)),
    json.dumps({"messages": ["x" * 300_000]}).encode(),
    json.dumps({"messages": [PICTURE]}).encode(),
    *(text.encode("utf-8", "replace") for text in hostile.TEXTS),
]


@pytest.mark.parametrize("body", BODIES, ids=range(len(BODIES)))
def test_the_body_arrives_byte_for_byte(body: bytes, server: Server, tmp_path: Path) -> None:
    made = entry(BODY)
    assert made.request is not None
    made = replace(made, request=replace(made.request, method="POST", body=body))
    method, path, _, received = sent_by(made, server, tmp_path)
    assert (method, path, received) == ("POST", "/v1/messages?beta=true", body)


def test_every_recorded_call_arrives(server: Server, tmp_path: Path) -> None:
    for made in recorded_calls()[::5]:
        assert made.request is not None
        _, _, headers, received = sent_by(made, server, tmp_path)
        assert received == made.request.body
        assert dict(made.request.headers).items() <= headers.items()
        assert headers["x-api-key"] == "k1"


def test_what_went_to_the_backend_arrives_with_its_key(server: Server, tmp_path: Path) -> None:
    made = routed("openai_chat/plain_text")
    assert made.sent is not None
    there = replace(made, sent=replace(made.sent, url=server.url + "/v1/chat/completions"))
    assert run(curl.command(there, sent=True), tmp_path, KEYS).returncode == 0
    _, path, headers, received = server.received[-1]
    assert (path, received) == ("/v1/chat/completions", made.sent.body)
    assert headers["authorization"] == "Bearer k3"
    assert "x-api-key" not in headers


def test_nothing_is_sent_without_the_key(server: Server, tmp_path: Path) -> None:
    before = len(server.received)
    done = run(curl.command(entry(BODY)), tmp_path, {})
    assert done.returncode != 0
    assert b"ANTHROPIC_API_KEY" in done.stderr
    assert len(server.received) == before


def headers_of(script: bytes) -> list[str]:
    return [line.strip(" \\") for line in script.decode().splitlines() if line.strip().startswith("-H")]


def with_request(**facts: object) -> Entry:
    made = entry(BODY)
    assert made.request is not None
    return replace(made, request=replace(made.request, **facts))  # type: ignore[arg-type]  # fields of a request


HEADERS: list[tuple[tuple[tuple[str, str], ...], list[str]]] = [
    ((), ["-H 'content-type: application/json'", '-H "x-api-key: ${ANTHROPIC_API_KEY:?}"']),
    (
        (("Content-Type", "a/b"), ("X-Api-Key", "sk-ant-secret"), ("Authorization", "Bearer secret")),
        ["-H 'Content-Type: a/b'", '-H "x-api-key: ${ANTHROPIC_API_KEY:?}"'],
    ),
    (
        (("authorization", "Bearer secret"), ("cookie", "secret"), ("host", "h"), ("content-length", "1")),
        ["-H 'content-type: application/json'", '-H "authorization: Bearer ${ANTHROPIC_AUTH_TOKEN:?}"'],
    ),
    (
        (("x-odd", "it's\r\n$(id)"), ("x-none", ""), ("@file", "x"), ("a b", "x")),
        [
            "-H 'x-odd: it'\"'\"'s $(id)'",
            "-H 'x-none;'",
            "-H 'content-type: application/json'",
            '-H "x-api-key: ${ANTHROPIC_API_KEY:?}"',
        ],
    ),
]


@pytest.mark.parametrize(("given", "told"), HEADERS)
def test_headers_are_quoted_and_keys_are_variables(given: tuple[tuple[str, str], ...], told: list[str]) -> None:
    script = curl.command(with_request(headers=given))
    assert headers_of(script) == told
    assert b"secret" not in script


CREDENTIALS: list[tuple[str, tuple[tuple[str, str], ...], list[str]]] = [
    ("groq/x", (("authorization", "Bearer $MY_GROQ"),), ['-H "authorization: Bearer ${MY_GROQ:?}"']),
    (
        "groq/x",
        (("authorization", "Bearer ${detour.yaml: credential}"),),
        ['-H "authorization: Bearer ${GROQ_API_KEY:?}"'],
    ),
    ("groq/x", (), ['-H "authorization: Bearer ${GROQ_API_KEY:?}"']),
    ("glm/x", (), ['-H "authorization: Bearer ${ZAI_API_KEY:?}"']),
    ("azure/x", (("api-key", "(redacted)"),), ['-H "api-key: ${AZURE_API_KEY:?}"']),
    ("ollama/x", (), []),
    ("my-own.gpu/x", (("authorization", "Bearer (redacted)"),), ['-H "authorization: Bearer ${MY_OWN_GPU_API_KEY:?}"']),
]


@pytest.mark.parametrize(("route", "given", "told"), CREDENTIALS)
def test_the_backends_key_is_its_variable(route: str, given: tuple[tuple[str, str], ...], told: list[str]) -> None:
    made = entry(BODY, route=route)
    sent = Request(method="POST", url="https://a.invalid/v1", headers=(("content-type", "x"), *given), body=BODY)
    assert headers_of(curl.command(replace(made, sent=sent), sent=True))[1:] == told


def test_other_methods_and_streams() -> None:
    script = curl.command(with_request(method="GET", body=b"")).decode()
    assert "-X" not in script
    assert "--data-binary" not in script
    assert "  -X PUT" in curl.command(with_request(method="PUT")).decode()
    assert "--no-buffer" in curl.command(with_request(body=b'{"stream" : true}')).decode()
    assert "--globoff" in curl.command(with_request(url="http://[::1]:8082/v1")).decode()


@pytest.mark.parametrize("url", ["file:///etc/passwd", "-K/etc/x", "http://a b", "", "http://a\nb"])
def test_what_is_no_web_address_is_refused(url: str) -> None:
    with pytest.raises(ConfigError, match="no web address"):
        curl.command(with_request(url=url))


def test_what_is_not_there_is_told() -> None:
    with pytest.raises(ConfigError, match="exchange 1: its request is not kept"):
        curl.command(replace(entry(BODY), request=None))
    with pytest.raises(ConfigError, match="leave out --sent"):
        curl.command(entry(BODY), sent=True)


def linter() -> list[str]:
    """shellcheck where it is installed; else bash itself, which reads a script without running it."""
    found = shutil.which("shellcheck")
    return [found] if found else [BASH, "-n"]


@pytest.mark.parametrize("body", BODIES[:6], ids=range(6))
def test_the_linter_of_shell_scripts_has_nothing_to_say(body: bytes, tmp_path: Path) -> None:
    file = tmp_path / "request.sh"
    file.write_bytes(curl.command(with_request(body=body)))
    done = subprocess.run([*linter(), str(file)], capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
