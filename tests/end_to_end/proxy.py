"""A real mitmdump or mitmweb with the addon, as a user starts it: `-s addon/rewrite.py`, from another directory.

Both doors are open: `proxy_url` for HTTPS_PROXY, `reverse_url` for ANTHROPIC_BASE_URL. The log is kept, and `verify`
raises when it shows a crash. The process is ended by its own id.
"""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
START_LIMIT_S = 30  # mitmproxy alone needs about 1 s; a loaded machine may be slow to import
STOP_LIMIT_S = 10
WEB_PASSWORD = "test-web-password"
XSRF = "ab"  # mitmweb wants the same text as a cookie and as a header
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # whatever proxy the tester's environment names
CRASHES = ("mitmproxy has crashed", "Traceback (most recent call last)", "Addon error", "Detour is not loaded")


@dataclass(slots=True)
class Proxy:
    """A running mitmproxy and where its parts are."""

    process: subprocess.Popen[bytes]
    home: Path
    proxy_port: int
    reverse_port: int
    web_port: int | None = None
    _read: int = 0

    @property
    def proxy_url(self) -> str:
        """The first door, for HTTPS_PROXY."""
        return f"http://127.0.0.1:{self.proxy_port}"

    @property
    def reverse_url(self) -> str:
        """The second door, for ANTHROPIC_BASE_URL."""
        return f"http://127.0.0.1:{self.reverse_port}"

    @property
    def ca_certificate(self) -> Path:
        """The certificate a client of the first door must trust."""
        return self.home / "confdir" / "mitmproxy-ca-cert.pem"

    @property
    def log(self) -> str:
        """All it has printed."""
        return (self.home / "log").read_text(encoding="utf-8", errors="replace")

    def new_log(self) -> str:
        """What it has printed since the last time this was called."""
        log = self.log
        news, self._read = log[self._read :], len(log)
        return news

    def web(self, path: str, body: object = None, method: str | None = None) -> Any:
        """Ask mitmweb as its page does; an answer without a body is None."""
        headers = {
            "authorization": f"Bearer {WEB_PASSWORD}",
            "content-type": "application/json",
            "cookie": f"_mitmproxy_xsrf={XSRF}",
            "x-xsrftoken": XSRF,
        }
        sent = None if body is None else json.dumps(body).encode()
        url = f"http://127.0.0.1:{self.web_port}{path}"
        with DIRECT.open(urllib.request.Request(url, sent, headers, method=method), timeout=10) as response:
            return json.loads(response.read() or b"null")

    def saved(self) -> list[dict[str, Any]]:
        """The states of the flows that are saved: those that have ended, in the order of their ends."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # mitmproxy's filters use pyparsing's old names
            from mitmproxy.io import FlowReader
        with (self.home / "flows").open("rb") as saved:
            return [flow.get_state() for flow in FlowReader(saved).stream()]

    def verify_secrets(self, backend_key: str, client_key: str) -> None:
        """After the end: raise when a key is in the log, or in what is saved of an exchange that left Anthropic."""
        assert backend_key not in self.log
        assert client_key not in self.log
        states = self.saved()
        routed = [state for state in states if state["request"]["host"] != "api.anthropic.com"]
        assert routed, "nothing was saved"
        assert backend_key not in repr(states), "the backend's key is in a saved flow"
        assert client_key not in repr(routed), "the client's key is in a flow that went elsewhere"

    def verify(self) -> None:
        """Raise when it has died or logged a crash since the last look."""
        news = self.new_log()
        assert self.process.poll() is None, f"the proxy ended with {self.process.poll()}:\n{news}"
        assert not [sign for sign in CRASHES if sign in news], news


@contextmanager
def running(
    home: Path, environment: Mapping[str, str], *options: str, tool: str = "mitmdump", seal: bool = True
) -> Iterator[Proxy]:
    """Start the tool in `home` with exactly this environment besides PATH and HOME, and end it with the block."""
    executable = Path(sys.executable).with_name(tool)
    home.mkdir(parents=True, exist_ok=True)
    proxy_port, reverse_port, web_port = free_ports(3)
    command = [
        str(executable), "--set", f"confdir={home / 'confdir'}", "-w", str(home / "flows"),
        "--mode", f"regular@127.0.0.1:{proxy_port}",
        "--mode", f"reverse:https://api.anthropic.com@127.0.0.1:{reverse_port}",
        "-s", str(ROOT / "addon" / "rewrite.py"),
    ]  # fmt: skip
    if seal:
        command += ["-s", str(Path(__file__).with_name("sealed.py"))]
    if tool == "mitmweb":
        command += ["--no-web-open-browser", "--web-host", "127.0.0.1", "--web-port", str(web_port)]
        command += ["--set", f"web_password={WEB_PASSWORD}"]
    full_environment = {
        "PATH": os.defpath,
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "PYTHONUNBUFFERED": "1",
        "DETOUR_HOME": str(home / "detour"),
        **environment,
    }
    with (home / "log").open("wb") as log:
        process = subprocess.Popen(
            [*command, *options], cwd=home, env=full_environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
        proxy = Proxy(process, home, proxy_port, reverse_port, web_port if tool == "mitmweb" else None)
        try:
            ports = [proxy_port, reverse_port, *([web_port] if tool == "mitmweb" else [])]
            wait_until(
                lambda: process.poll() is not None or (all(map(listens, ports)) and proxy.ca_certificate.exists()),
                START_LIMIT_S,
                lambda: f"{tool} is not ready:\n{proxy.log}",
            )
            proxy.verify()
            yield proxy
        finally:
            end(process)


def free_ports(count: int) -> list[int]:
    """Ports that were free a moment ago, all different because they are held at the same time."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()


def listens(port: int) -> bool:
    """Whether something accepts connections there."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
    except OSError:
        return False


def wait_until(condition: Callable[[], bool], limit_s: float, complaint: Callable[[], str]) -> None:
    """Poll until it holds; raises TimeoutError with the complaint after the limit."""
    deadline = time.monotonic() + limit_s
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(complaint())
        time.sleep(0.02)


def end(process: subprocess.Popen[bytes]) -> None:
    """End one process that we started."""
    process.terminate()
    try:
        process.wait(STOP_LIMIT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(STOP_LIMIT_S)
