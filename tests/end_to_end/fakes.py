"""A scripted backend on loopback, as strict as OpenAI and in its own threads.

The path of a request says in which format it is answered (`forms`); the usual one is chat-completions.

A script is a list of steps. A step is a reply, or `when(predicate, *replies)` for calls that come at their own time
(subagents, background calls). Each request takes the first unspent `when` step that matches, else the next plain reply.
A request that nothing answers, and one that its form objects to, is a fault: the client gets OpenAI's
400 and `verify` raises with the whole list. So does a step that was never asked for.
"""

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Protocol, override

from tests.end_to_end.forms import Form, Role, Turn
from tests.end_to_end.forms.chat import Chat
from tests.end_to_end.forms.gemini import Gemini
from tests.end_to_end.forms.responses import Responses
from tests.end_to_end.replies import Answer, Json, Raw, Reply, Silent, failure
from tests.end_to_end.strictness import Vendor

CHAT = Chat()
FORMS: tuple[Form, ...] = (CHAT, Responses(), Gemini())
KEY = "sk-test-detour-backend-key"


@dataclass(frozen=True, slots=True)
class Received:
    """One request as it arrived; header names in lower case."""

    path: str
    headers: dict[str, str]
    body: Json
    method: str = "POST"
    raw: bytes = b""

    @property
    def form(self) -> Form:
        """The format it is in; chat-completions where nobody serves its path."""
        return next((form for form in FORMS if form.serves(self.method, self.path)), CHAT)

    @property
    def turns(self) -> list[Turn]:
        """What it says, whatever its format."""
        return self.form.turns(self.body)

    def said(self, role: Role) -> list[Turn]:
        """The turns of one role."""
        return [turn for turn in self.turns if turn.role == role]

    @property
    def messages(self) -> list[Json]:
        """The chat messages."""
        messages: list[Json] = self.body["messages"]
        return messages

    @property
    def text(self) -> str:
        """Everything said in it, as one JSON text to search in."""
        return json.dumps(
            self.body.get("messages") or self.body.get("input") or self.body.get("contents"), ensure_ascii=False
        )

    @property
    def tool_names(self) -> list[str]:
        """The functions on offer."""
        return self.form.tool_names(self.body)

    def last(self, role: str) -> Json:
        """The newest message of one role."""
        return next(message for message in reversed(self.messages) if message["role"] == role)


type Predicate = Callable[[Received], bool]


@dataclass(slots=True)
class Step:
    """Replies still to be given, to any request or only to those that match."""

    replies: list[Reply]
    matches: Predicate | None = None


def when(matches: Predicate, *replies: Reply) -> Step:
    """Replies for the requests that match, in order."""
    return Step(list(replies), matches)


@dataclass(slots=True)
class FakeBackend:
    """The script, what was received, and what was wrong with it."""

    port: int = 0
    key: str = KEY
    vendor: Vendor = "openai"
    received: list[Received] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    _steps: list[Step] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def base_url(self) -> str:
        """What a user would put into OPENAI_API_BASE."""
        return f"http://127.0.0.1:{self.port}/v1"

    def script(self, *steps: Reply | Step, vendor: Vendor = "openai") -> None:
        """Forget everything and play these, as this vendor's server would."""
        with self._lock:
            self._steps = [
                Step([*step.replies], step.matches) if isinstance(step, Step) else Step([step]) for step in steps
            ]
            self.received, self.faults, self.vendor = [], [], vendor

    def objections(self, request: Received) -> list[str]:
        """What the vendor's server would refuse."""
        form = request.form
        found = form.violations(request.headers, request.path, request.body, key=self.key, vendor=self.vendor)
        if not form.serves(request.method, request.path):
            found.append(f"{request.method} {request.path}: nobody serves it")
        return found

    def refusal(self, message: str, code: str) -> Raw:
        """A 400 as the vendor's server writes it."""
        return failure(400, message, kind="invalid_request_error", code=code)

    def rendered(self, reply: Reply, request: Received) -> Raw:
        """The bytes of a reply for this request."""
        return rendered(reply, request)

    def answer(self, request: Received) -> Raw:
        """Judge one request and take its reply from the script."""
        objections = self.objections(request)
        with self._lock:
            self.received.append(request)
            number = len(self.received)
            self.faults += [f"request {number}: {objection}" for objection in objections]
            if objections:
                return self.refusal(objections[0], "fake_backend_violation")
            for step in sorted(self._steps, key=lambda step: step.matches is None):
                if step.replies and (step.matches is None or step.matches(request)):
                    return self.rendered(step.replies.pop(0), request)
            last = json.dumps(request.body.get("messages", request.body.get("input")))[-300:]
            self.faults.append(f"request {number}: the script has no reply left; it ends with {last}")
        return self.refusal("the script has no reply left", "fake_backend_script")

    def verify(self) -> None:
        """Raise when a request was faulty or a scripted reply was never asked for."""
        with self._lock:
            unspent = [reply for step in self._steps for reply in step.replies]
            faults = [*self.faults, *(f"never asked for: {reply!r:.200}" for reply in unspent)]
        assert not faults, "\n".join(faults)


def rendered(reply: Reply, request: Received) -> Raw:
    """The bytes of a reply in the format of the request."""
    if isinstance(reply, Silent):
        return replace(rendered(reply.reply, request), silent_before=reply.before, silent_s=reply.seconds)
    if isinstance(reply, Answer):
        return request.form.render(reply, request.path, request.body)
    return reply.render(request.body)


class Served(Protocol):
    """What a server can be made of."""

    port: int

    def answer(self, request: Received) -> Raw:
        """Judge one request and give its reply."""


class _Handler(BaseHTTPRequestHandler):
    """HTTP/1.1 with keep-alive; replies leave in chunks, each piece flushed by itself."""

    protocol_version = "HTTP/1.1"
    server: "_Server"

    def do_GET(self) -> None:
        """Answer from the script."""
        self.do_POST()

    def do_POST(self) -> None:
        """Answer from the script."""
        raw = self.rfile.read(int(self.headers.get("content-length", "0")))
        try:
            body: Any = json.loads(raw)
        except ValueError:
            body = None
        headers = {name.lower(): value for name, value in self.headers.items()}
        self._send(self.server.backend.answer(Received(self.path, headers, body, self.command, raw)))

    def _send(self, reply: Raw) -> None:
        silences = {reply.silent_before: reply.silent_s}
        time.sleep(silences.pop(0, 0.0))
        self.send_response(reply.status)
        for name, value in reply.headers:
            self.send_header(name, value)
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        for number, piece in enumerate(reply.pieces):
            time.sleep(silences.pop(number, 0.0))
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            self.wfile.flush()
        if reply.cut:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
        else:
            self.wfile.write(b"0\r\n\r\n")

    @override
    def log_message(self, format: str, *args: object) -> None:
        """Quiet: what arrived is in `received`."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, backend: "Served") -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.backend = backend

    @override
    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up in the middle of a reply is no news."""


@contextmanager
def serving[Backend: Served](backend: Backend) -> Iterator[Backend]:
    """Serve until the block ends."""
    server = _Server(backend)
    backend.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield backend
    finally:
        server.shutdown()
        server.server_close()
        thread.join(timeout=5)
