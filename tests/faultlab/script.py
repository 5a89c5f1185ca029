"""The words in which the table of faults is written: what a backend does on the wire, and what a client must see.

A script is what a backend does upon one request, step by step: bytes go out as they are, everything else is named here.
After its last step the connection stays open for another request.
"""

import gzip
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum, StrEnum
from typing import Any, Literal

type Json = dict[str, Any]

# -- what a backend does -----------------------------------------------------------------------------------------------


class Act(Enum):
    """What is no byte."""

    RESET = "the connection is reset (RST); over HTTP/2 the stream is"
    CLOSE = "the connection is closed in good order"
    CUT = "the connection ends below TLS, which is not told (no close_notify)"
    HANG = "nothing more, until the other side hangs up"
    END = "the end of the reply, over HTTP/2"
    GOAWAY = "the connection is given notice, over HTTP/2"


RESET, CLOSE, CUT, HANG, END, GOAWAY = Act


@dataclass(frozen=True, slots=True)
class Pause:
    """Silence."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Drip:
    """Bytes, each by itself."""

    what: bytes


@dataclass(frozen=True, slots=True)
class Repeat:
    """The same bytes many times over."""

    what: bytes
    times: int


@dataclass(frozen=True, slots=True)
class Head:
    """A head over HTTP/2: of a reply, or, with a status of 1xx, of less than one."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Trailers:
    """The last of a reply over HTTP/2."""

    headers: tuple[tuple[str, str], ...]


MOMENT = Pause(0.01)

type Step = bytes | Act | Pause | Drip | Repeat | Head | Trailers
type Script = tuple[Step, ...]


def head(status: str = "200 OK", *lines: str, kind: str = "text/event-stream", length: int | None = None) -> bytes:
    """The head of an HTTP/1.1 reply, its body in chunks unless it has a length."""
    framing = "transfer-encoding: chunked" if length is None else f"content-length: {length}"
    told = (f"HTTP/1.1 {status}", *([f"content-type: {kind}"] if kind else []), framing, *lines)
    return "\r\n".join((*told, "", "")).encode()


def whole(body: Json | bytes, status: str = "200 OK", *lines: str, kind: str = "application/json") -> bytes:
    """A reply with a length."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return head(status, *lines, kind=kind, length=len(content)) + content


def failure(status: str, message: str, *lines: str, code: str | None = None) -> bytes:
    """An error as OpenAI tells it."""
    return whole({"error": {"message": message, "type": "error", "param": None, "code": code}}, status, *lines)


def chunk(piece: bytes) -> bytes:
    """A piece of a body in chunks."""
    return b"%x\r\n%s\r\n" % (len(piece), piece)


SABOTAGE = b": sabotage\n\n"  # a comment upon which inside.py raises
LAST = b"0\r\n\r\n"  # the end of a body in chunks


def sse(data: Json | bytes) -> bytes:
    """A server-sent event of chat-completions."""
    return b"data: %s\n\n" % (data if isinstance(data, bytes) else json.dumps(data).encode())


def delta(text: str) -> bytes:
    """The event that says a piece of text."""
    return sse({"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": None}]})


def call(arguments: str, **opening: str) -> bytes:
    """The event that says a piece of a tool call; the first one names it."""
    function = {**opening, "arguments": arguments}
    told = {"index": 0, "function": function, **({"id": "call_1", "type": "function"} if opening else {})}
    return sse({"choices": [{"index": 0, "delta": {"tool_calls": [told]}, "finish_reason": None}]})


def native(kind: str, **fields: Any) -> bytes:
    """An event of Anthropic's own format."""
    return b"event: %s\ndata: %s\n\n" % (kind.encode(), json.dumps({"type": kind, **fields}).encode())


ROLE = sse({"choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}, "finish_reason": None}]})
FINISH = sse({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
USAGE = sse({"choices": [], "usage": {"prompt_tokens": 12, "completion_tokens": 2}})
DONE = sse(b"[DONE]")
ENDING = FINISH + USAGE + DONE
STREAM = ROLE + delta("Hel") + delta("lo") + ENDING
HELLO = head() + b"".join(map(chunk, (ROLE, delta("Hel"), delta("lo"), FINISH, USAGE, DONE))) + LAST
MESSAGE = {
    "object": "chat.completion",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hello"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 12, "completion_tokens": 2},
}
WHOLE = whole(MESSAGE)
NATIVE_START = native(
    "message_start",
    message={"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": [], "stop_reason": None,
             "stop_sequence": None,
             "usage": {"input_tokens": 7, "output_tokens": 1, "cache_creation_input_tokens": 0,
                       "cache_read_input_tokens": 0}},
) + native("content_block_start", index=0, content_block={"type": "text", "text": ""})  # fmt: skip
NATIVE_DELTA = native("content_block_delta", index=0, delta={"type": "text_delta", "text": "Hello"})
NATIVE_END = (
    native("content_block_stop", index=0)
    + native("message_delta", delta={"stop_reason": "end_turn", "stop_sequence": None},
             usage={"input_tokens": 7, "output_tokens": 3, "cache_creation_input_tokens": 0,
                    "cache_read_input_tokens": 0})
    + native("message_stop")
)  # fmt: skip


def squeezed(body: bytes) -> bytes:
    """The same in gzip."""
    return gzip.compress(body, mtime=0)


def as_written(script: Script) -> Script:
    """Each write by itself; whether one read brings several is for the machine to say."""
    return script


def together(script: Script) -> Script:
    """As few writes as can be: one read brings what was said one by one."""
    made: list[Step] = []
    for step in script:
        if isinstance(step, bytes) and made and isinstance(made[-1], bytes):
            made[-1] += step
        else:
            made.append(step)
    return tuple(made)


def apart(script: Script) -> Script:
    """Each write in two, and a moment behind each: many reads bring what was said at once."""
    made: list[Step] = []
    for step in script:
        if isinstance(step, bytes) and SABOTAGE not in step:
            made += [step[: len(step) // 2], MOMENT, step[len(step) // 2 :], MOMENT]
        else:
            made.append(step)
    return tuple(made)


type Tempo = Callable[[Script], Script]

TEMPOS: tuple[Tempo, ...] = (as_written, together, apart)  # what comes of a row is the same in each


# -- what a client does and sees ---------------------------------------------------------------------------------------


class Moment(StrEnum):
    """When a client leaves."""

    CONNECTING = "while the backend is being connected"
    ASKED = "while it waits for the reply"
    BEGUN = "in the middle of the reply"
    WAITING = "while a retry waits"
    SENDING = "in the middle of its own request"


type Speaks = Literal["http/1.1", "tunnel", "http/2"]  # at the reverse door; at the proxy door, either


@dataclass(frozen=True, slots=True)
class Sees:
    """What the client must get. With the status 200 and an error, the error is an event at the end of a stream."""

    status: int = 200
    error: str = ""  # Anthropic's type of error
    words: str = ""  # in the message of the error
    text: str = "Hello"  # all that was said before the end, whatever the end
    pings: int = 0  # at least
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: bool = False  # a stream that is not ours to end breaks off

    @property
    def told(self) -> str:
        """For people."""
        if self.cut:
            return "200, and the stream breaks off as the backend's did"
        pings = ", with pings" if self.pings else ""
        if self.status != 200:
            headers = "".join(f", `{name}: {value}`" for name, value in self.headers.items())
            return f"{self.status} `{self.error}`{headers}"
        if not self.error:
            return f"the reply{pings}"
        so_far = "what was said so far, then " if self.text else "200, "
        return f"{so_far}the event `error`, `{self.error}`{pings}"


@dataclass(frozen=True, slots=True)
class Fault:
    """One row: what goes wrong, and what must come of it."""

    name: str
    does: str  # what goes wrong, for people
    plays: tuple[Script, ...] = ((HELLO,),)  # what the backend does upon each request; the last for all further ones
    sees: Sees = Sees()  # nothing is looked at where the client has left
    asks: str = "lab"  # which backends are asked, in this order; one that is never reached is not among them
    targets: tuple[str, ...] = ("lab",)
    windows: tuple[int, ...] = ()  # of the targets
    client: Speaks = "http/1.1"
    stream: bool = True
    leaves: Moment | None = None
    lingers_s: float = 0.0  # after the client has left, until what it left is looked at
    after: str = ""  # what was asked before on the same connection, see backend.ALWAYS
    beside: bool = False  # another request goes on meanwhile, on the same connection
    setting: str = "patient"  # see settings.SETTINGS
    instances: int = 1  # of Detour, with one DETOUR_HOME; the second is asked afterwards
    reads: str = ""  # a file under DETOUR_HOME that is looked at like the log
    log: str = ""  # what the log must say

    @property
    def asked(self) -> list[str]:
        """The backends in the order in which they are asked."""
        return self.asks.split()

    @property
    def passes(self) -> bool:
        """Whether the reply is a backend's own, headers and all."""
        return bool(self.asked) and self.asked[-1] in ("native", "anthropic")

    @property
    def told(self) -> str:
        """What comes of it, for people."""
        return f"it has left {self.leaves}" if self.leaves else self.sees.told

    @property
    def requests(self) -> str:
        """How many requests arrive, for people: at each target in turn."""
        return " + ".join(str(self.asked.count(target)) for target in self.targets)
