"""The script as a user loads it: from any folder, with its package whole, broken, repaired, and reloaded in use."""

import http.client
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import override

import pytest

SOURCE = Path(__file__).parent.parent / "addon"
KEY = "sk-rewrite-secret"
LIMIT_S = 30
SYNTAX_ERROR = "\ndef broken(:\n"


class Backend(ThreadingHTTPServer):
    """Answers chat completions, streamed with a pause that the test ends; and whatever else it is asked."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.received: list[tuple[str, dict[str, str]]] = []
        self.go_on = threading.Event()
        self.go_on.set()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Backend

    def do_POST(self) -> None:
        request = json.loads(self.rfile.read(int(self.headers["content-length"])) or b"{}")
        self.server.received.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
        pieces = [_event("Hel"), _event("lo"), _event(None), b"data: [DONE]\n\n"]
        if not request.get("stream"):
            pieces = [json.dumps({"choices": [{"message": {"content": "Hello"}, "finish_reason": "stop"}]}).encode()]
            self.server.go_on.wait(LIMIT_S)
        self.send_response(200)
        self.send_header("content-type", "text/event-stream" if request.get("stream") else "application/json")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        for piece in pieces:
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            self.wfile.flush()
            self.server.go_on.wait(LIMIT_S)
        self.wfile.write(b"0\r\n\r\n")

    @override
    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


def _event(text: str | None) -> bytes:
    delta = {"content": text} if text else {}
    choice = {"delta": delta, "finish_reason": None if text else "stop"}
    return b"data: " + json.dumps({"choices": [choice]}).encode() + b"\n\n"


@pytest.fixture
def backend() -> Iterator[Backend]:
    server = Backend()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    yield server
    server.go_on.set()
    server.shutdown()
    server.server_close()
    thread.join(5)


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A bare clone, in a folder whose name is unkind to shells."""
    folder = tmp_path / "a clone of mine"
    shutil.copytree(SOURCE, folder / "addon", ignore=shutil.ignore_patterns("__pycache__"))
    return folder


@dataclass
class Mitmdump:
    process: subprocess.Popen[bytes]
    port: int
    log_file: Path
    _connections: list[http.client.HTTPConnection] = field(default_factory=list)

    @property
    def log(self) -> str:
        return self.log_file.read_text(encoding="utf-8", errors="replace")

    def wait_for(self, words: str, count: int = 1) -> None:
        _until(lambda: self.log.count(words) >= count, lambda: f"{words!r} is not in the log:\n{self.log}")

    def connect(self) -> http.client.HTTPConnection:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=LIMIT_S)
        self._connections.append(connection)
        return connection

    def ask(
        self, connection: http.client.HTTPConnection | None = None, path: str = "/v1/messages", *, stream: bool = False
    ) -> http.client.HTTPResponse:
        connection = connection or self.connect()
        body = {
            "model": "claude-opus-4-8",
            "max_tokens": 9,
            "stream": stream,
            "messages": [{"role": "user", "content": "Hi"}],
        }
        connection.request("POST", path, json.dumps(body), {"content-type": "application/json"})
        return connection.getresponse()

    def answer(self, *more: object) -> tuple[int, object]:
        reply = self.ask(*more)  # type: ignore[arg-type]
        return reply.status, json.loads(reply.read())

    def close(self) -> None:
        for connection in self._connections:
            connection.close()
        self.process.terminate()
        self.process.wait(LIMIT_S)


def _until(condition: Callable[[], object], complaint: Callable[[], str]) -> None:
    deadline = time.monotonic() + LIMIT_S
    while not condition():
        assert time.monotonic() < deadline, complaint()
        time.sleep(0.02)


@contextmanager
def mitmdump(
    folder: Path, script: str, environment: Mapping[str, str], *options: str, target: str = "https://api.anthropic.com"
) -> Iterator[Mitmdump]:
    """mitmdump in ``folder`` with door two open towards ``target``; ready, or ended."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        port = held.getsockname()[1]
    process = _start(folder, script, environment, "--mode", f"reverse:{target}@127.0.0.1:{port}", *options)
    running = Mitmdump(process, port, folder / "log")
    try:
        _until(lambda: _listens(port) or process.poll() is not None, lambda: running.log)
        yield running
    finally:
        running.close()


def _start(folder: Path, script: str, environment: Mapping[str, str], *options: str) -> subprocess.Popen[bytes]:
    command = [str(Path(sys.executable).with_name("mitmdump")), "-s", script, "--set", f"confdir={folder / 'confdir'}"]
    with (folder / "log").open("wb") as log:
        return subprocess.Popen(
            [*command, *options],
            cwd=folder,
            env={"PATH": os.defpath, "HOME": str(folder), "PYTHONUNBUFFERED": "1", "LANG": "C.UTF-8", **environment},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )


def _listens(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
    except OSError:
        return False


def _settings(backend: Backend) -> dict[str, str]:
    url = f"http://127.0.0.1:{backend.server_address[1]}/v1"
    return {"BIG_MODEL": "openai/gpt-test", "OPENAI_BASE_URL": url, "OPENAI_API_KEY": KEY}


def _edit(file: Path, old: str, new: str) -> None:
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new), encoding="utf-8")


def _touch(file: Path) -> None:
    """Make mitmproxy see a change: it compares times, once a second."""
    later = file.stat().st_mtime + 2
    os.utime(file, (later, later))


def _text(reply: object) -> str:
    assert isinstance(reply, dict)
    return str(reply["content"][0]["text"])


def _message(reply: object) -> str:
    assert isinstance(reply, dict)
    assert reply["type"] == "error"
    return str(reply["error"]["message"])


def test_it_runs_and_reloads_from_a_bare_clone_by_a_relative_path(
    tmp_path: Path, clone: Path, backend: Backend
) -> None:
    script, version = clone / "addon" / "rewrite.py", clone / "addon" / "__init__.py"
    _edit(version, '__version__ = "', '__version__ = "first-')
    with mitmdump(tmp_path, "a clone of mine/addon/rewrite.py", _settings(backend)) as running:
        kept = running.connect()
        status, reply = running.answer(kept)
        assert (status, _text(reply)) == (200, "Hello")
        assert backend.received[-1][1]["user-agent"].startswith("claude-detour/first-")

        # a reload while two exchanges are under way: they go on in the old code, new ones use the new
        backend.go_on.clear()
        streamed = running.ask(stream=True)
        begun = streamed.read1(65536)
        whole = running.connect()
        waiting = threading.Thread(target=lambda: replies.append(running.answer(whole)))
        replies: list[tuple[int, object]] = []
        waiting.start()
        _until(lambda: len(backend.received) == 3, lambda: running.log)
        _edit(version, '__version__ = "first-', '__version__ = "second-')
        _touch(script)
        running.wait_for("Loading script", 2)
        running.wait_for("Door two", 2)
        backend.go_on.set()
        assert b"message_stop" in begun + streamed.read()
        waiting.join(LIMIT_S)
        assert [(status, _text(reply)) for status, reply in replies] == [(200, "Hello")]
        for connection in (kept, whole, None):  # also on connections that the old code has made
            status, reply = running.answer(connection)
            assert (status, _text(reply)) == (200, "Hello")
            path, headers = backend.received[-1]
            assert path == "/v1/chat/completions"
            assert headers["user-agent"].startswith("claude-detour/second-")
            assert headers["authorization"] == f"Bearer {KEY}"
        assert running.log.count("end_turn") == 6

        # a reload that fails, in the script or in the package, answers 503 until it is repaired
        for number, file in enumerate((script, clone / "addon" / "routing" / "route.py"), start=1):
            good = file.read_text(encoding="utf-8")
            file.write_text(good + SYNTAX_ERROR, encoding="utf-8")
            _touch(script)
            running.wait_for("Loading script", 1 + 2 * number)
            _until(lambda: running.answer(kept)[0] == 503, lambda: running.log)
            assert "not loaded" in _message(running.answer()[1])
            file.write_text(good, encoding="utf-8")
            _touch(script)
            running.wait_for("Door two", 2 + number)
            status, reply = running.answer(kept)
            assert (status, _text(reply)) == (200, "Hello")

        # settings that become wrong: the old ones stay, until all is loaded anew, and then nothing leaves as it is
        (tmp_path / ".env").write_text("SMALL_MODEL=nobody/x\n", encoding="utf-8")
        running.wait_for("the settings are not read anew: SMALL_MODEL is 'nobody/x'")
        assert running.answer(kept)[0] == 200
        _touch(script)
        _until(lambda: running.answer(kept)[0] == 503, lambda: running.log)
        status, reply = running.answer(kept)
        assert (status, "settings" in _message(reply)) == (503, True)
        assert running.log.count("Door two") == 4  # and nothing is said to be in force
        sent = len(backend.received)
        assert running.answer(kept)[0] == 503
        assert len(backend.received) == sent
        assert running.process.poll() is None
        assert KEY not in running.log
        assert "crashed" not in running.log


@pytest.mark.parametrize("breakage", ["raise ModuleNotFoundError('No module named orjson')\n", SYNTAX_ERROR])
def test_a_package_that_does_not_load_answers_503_and_says_what_to_run(
    tmp_path: Path, clone: Path, backend: Backend, breakage: str
) -> None:
    _edit(clone / "addon" / "stream.py", "import orjson\n", breakage)
    target = f"http://127.0.0.1:{backend.server_address[1]}"
    script = str(clone / "addon" / "rewrite.py")
    with mitmdump(tmp_path, script, _settings(backend), "--set", "stream_large_bodies=1", target=target) as running:
        for path in ("/v1/messages", "/v1/messages/count_tokens?beta=true"):
            reply = running.ask(path=path)
            assert reply.status == 503
            error = json.loads(reply.read())
            assert "not loaded" in error["error"]["message"]
            assert error["request_id"] == reply.headers["request-id"]
        assert backend.received == []
        assert running.ask(path="/v1/other").status == 200
        assert running.process.poll() is None
        told = [line for line in running.log.splitlines() if "scripts/detour" in line]
        assert len(told) == 1
        assert "Traceback" not in running.log


MISTAKES = [
    ({"BIG_MODEL": "opnai/gpt-5.5"}, (), ("BIG_MODEL", "'opnai/gpt-5.5'", "openai")),
    ({"BIG_MODEL": "openai/gpt-5.5"}, (), ("BIG_MODEL", "OPENAI_API_KEY")),
    ({"OPENAI_API_KEY": f"{KEY} with spaces"}, (), ("OPENAI_API_KEY", "characters")),
    ({"OPENAI_BASE_URL": f"ftp://user:{KEY}@host"}, (), ("OPENAI_BASE_URL", "https://host/v1")),
    ({"PREFERRED_PROVIDER": "nobody"}, (), ("PREFERRED_PROVIDER", "'nobody'")),
    ({}, ("--set", "stream_large_bodies=1m"), ("stream_large_bodies", "'1m'")),
    ({}, ("--set", "detour_clients=everyone"), ("detour_clients", "'everyone'", "10.0.0.0/8")),
    ({}, ("--set", "detour_keep_bytes=many"), ("detour_keep_bytes", "'many'", "200m")),
]


@pytest.mark.parametrize(("settings", "options", "words"), MISTAKES)
def test_a_mistake_stops_the_start_and_says_what_is_allowed(
    tmp_path: Path, settings: dict[str, str], options: tuple[str, ...], words: tuple[str, ...]
) -> None:
    process = _start(tmp_path, str(SOURCE / "rewrite.py"), settings, "--listen-port", "0", *options)
    assert process.wait(LIMIT_S) == 1
    said = (tmp_path / "log").read_text(encoding="utf-8")
    for word in words:
        assert word in said
    assert KEY not in said
    assert "Traceback" not in said


def test_litellm_stays_out_of_the_process(tmp_path: Path, backend: Backend) -> None:
    spy = tmp_path / "spy.py"
    spy.write_text(
        "import sys\nfrom mitmproxy import ctx\n"
        "def response(flow):\n    print('LITELLM', 'litellm' in sys.modules, flush=True)\n",
        encoding="utf-8",
    )
    with mitmdump(tmp_path, str(SOURCE / "rewrite.py"), _settings(backend), "-s", str(spy)) as running:
        assert running.ask().status == 200
        running.wait_for("LITELLM")
        assert "LITELLM False" in running.log
