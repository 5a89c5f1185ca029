"""One exchange between its request and its end: what is kept of it, and what its reply becomes. Pure; times come in.

The four copies that a reader wants are the client's request, the request sent, the backend's reply and the client's
reply. The flow itself carries the second and the last; the other two are kept here and put beside them.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, override

import orjson

from addon.dialects import EVENT_STREAM, ReplyContext
from addon.dialects.losses import Loss
from addon.protocol import compression, framing
from addon.protocol.deltas import Usage
from addon.protocol.errors import SSE_HEADERS, BackendError, DetourError, Kind, MalformedReply, Reply
from addon.proxy.journey import Journey, Trouble
from addon.routing.config import Credential
from addon.routing.route import Route, home
from addon.stream import PassThrough, SealedPassThrough, StreamTranslator

LINGERS_S = 1.0  # a body's end comes with its last piece, or a moment later
type Fields = Sequence[tuple[bytes, bytes]]

MOST_TOLD = 3  # losses in a line of the log; the view of changes has them all


@dataclass(slots=True)
class Exchange:
    """A request under way that passes to Anthropic and is only watched."""

    id: str
    route: Route
    started: float  # seconds of any monotonic clock; the same one for every time here
    translator: StreamTranslator | PassThrough | None = None
    taken: bytearray = field(default_factory=bytearray)  # the backend's bytes
    given: bytearray = field(default_factory=bytearray)  # the client's bytes
    dropped: int = 0  # of the backend's bytes, beyond what is kept
    first_at: float | None = None
    usage: Usage | None = None
    stop_reason: str | None = None
    error: str | None = None
    losses: tuple[Loss, ...] = ()
    encoding: str = ""  # how the backend's bytes are compressed
    client_left: bool = False
    unseen: bool = False  # some of the client's bytes are not shown to readers yet
    closed: bool = False  # the backend's reply has come to its own end
    journey: Journey | None = None  # None: there is one attempt, and its reply passes as it comes
    begun: bool = True  # whether the client may have what comes: all that comes before the first content waits
    waiting: bytearray = field(default_factory=bytearray)  # for the first content
    failure: DetourError | None = None  # how the attempt failed before the client heard a word
    trouble_kind: Kind = Kind.SERVER  # how the backend died under a stream
    answer: Reply | None = None  # the client's, where it is not what the backend said
    head: tuple[int, Fields] | None = None  # of the backend's reply: status and headers

    @property
    def request_id(self) -> str:
        """The id under which the client may quote this exchange."""
        return f"req_{self.id}"

    @property
    def credential(self) -> Credential | None:
        """What the request bears; None where it is the client's own."""
        return None

    def hide(self, text: str) -> str:
        """Take the key out of what is kept, and out of errors: some backends quote the key that they refuse."""
        return text

    @property
    def stream_types(self) -> tuple[str, ...]:
        """The content types of a streamed reply."""
        return (EVENT_STREAM,)

    @property
    def unpacks(self) -> bool:
        """Whether the client gets unpacked what the backend had compressed."""
        return isinstance(self.translator, Unpacked)

    @property
    def resizes(self) -> bool:
        """Whether the client's reply may have another length than the backend's said."""
        return isinstance(self.translator, SealedPassThrough) or self.unpacks

    @property
    def failed(self) -> bool:
        """Whether the attempt has failed before the client heard a word."""
        return self.failure is not None

    @property
    def ended(self) -> bool:
        """Whether all is said, well or badly."""
        return self.translator is not None and self.translator.over

    @property
    def lingers_s(self) -> float:
        """How long the backend has to end its reply once all is said: not at all where it ends badly."""
        return 0.0 if self.translator is not None and self.translator.refusal is not None else LINGERS_S

    def open_stream(self, encoding: str = "", *, waits: bool = False) -> None:
        """Get ready for a streamed reply; ``encoding`` is its content-encoding, ``waits``: for its first content."""
        self.encoding = encoding
        self.begun = not waits
        self.translator = self._translator(compression.unpacker(encoding))

    def _translator(self, unpack: compression.Unpack | None) -> StreamTranslator | PassThrough:
        if unpack is None:
            return PassThrough()
        return Unpacked(unpack) if self._speaks_first else Watch(unpack)

    @property
    def _speaks_first(self) -> bool:
        """Whether the client has, or may be sent, a head of ours, which says nothing of compression, and pings."""
        return self.is_opened

    def feed(self, chunk: bytes, now: float) -> bytes:
        """Take a piece of the backend's reply, give the client's bytes for it; empty means "nothing yet"."""
        if self.translator is None:
            return chunk
        written = self.translator.feed(chunk)
        self._take(chunk)
        if not self.begun:
            written = self._begin(written)
        if written:
            if self.first_at is None:
                self.first_at = now
            self.given += written
        return written

    def _begin(self, written: bytes, *, ended: bool = False) -> bytes:
        """Hold what comes before the first content; all of it goes with that, and nothing of a reply that failed."""
        assert self.translator is not None  # noqa: S101 - the caller has looked
        self.waiting += written
        if ended and not self.translator.begun and self.translator.refusal is None:
            self.failure = self.failure or self._wordless()
        if self.translator.begun or (ended and self.translator.refusal is None and self.failure is None):
            self.begun = True
            written = bytes(self.waiting)
            self.waiting.clear()
            return written
        if self.translator.refusal is not None and self.failure is None:
            self.failure = self._refusal(self.translator.refusal)
        return b""

    def _wordless(self) -> DetourError | None:
        """What a stream that ends before its first word means; None: it is Anthropic's own, and passes."""
        return None

    def _refusal(self, told: DetourError | Mapping[str, Any]) -> DetourError:
        """What a stream that begins with an error means."""
        if isinstance(told, DetourError):
            return told
        destination = home(self.route.asked)
        context = ReplyContext(destination.target, self.id, destination.credential.variable)
        return destination.dialect.decode_error(HTTPStatus.OK, {}, orjson.dumps(told), context)

    def _take(self, chunk: bytes) -> None:
        """Keep nothing of a reply that passes: the client's bytes are the same."""

    def close(self) -> bytes:
        """Take the end of the backend's reply, give the last of the client's bytes."""
        self.closed = True
        written = self.translator.close() if self.translator else b""
        if not self.begun:
            written = self._begin(written, ended=True)
        self.given += written
        self._note_facts()
        return written

    def abandon(self, message: str) -> None:
        """End without an answer: nobody is there to hear it, or nothing may be said."""
        self._note_facts()
        self.error = self.error or message

    def judge(self, status: int, headers: Mapping[str, str], body: bytes, now: float) -> DetourError | None:
        """Read a reply that came in one piece; None: it is one. ``headers`` has lower-case names."""
        destination = home(self.route.asked)
        context = ReplyContext(destination.target, self.id, destination.credential.variable)
        if status >= HTTPStatus.BAD_REQUEST:
            return destination.dialect.decode_error(status, headers, body, context)
        return MalformedReply(f"{self.route.name} sent no stream.") if self.is_opened else None

    def settle(self, error: DetourError) -> Reply:
        """Answer for a failure."""
        self.first_at = None
        self.failure, self.error = error, error.message
        reply = self._reply_to(error)
        if self.is_opened and reply.status != HTTPStatus.OK:  # the client has its status already
            reply = Reply(HTTPStatus.OK, SSE_HEADERS, framing.encode("error", error.event()))
        self.given[:] = reply.body
        self.answer = reply
        return reply

    def _reply_to(self, error: DetourError) -> Reply:
        return error.reply(self.request_id)

    @property
    def is_opened(self) -> bool:
        """Whether the client was told early that it gets a stream."""
        return self.journey is not None and self.journey.opened

    def anew(self) -> "Exchange":
        """Return the same before its next attempt."""
        return Exchange(self.id, self.route, self.started, losses=self.losses, journey=self.journey)

    def trouble(self, trouble: Trouble, *, began: bool) -> BackendError:
        """Return the error for a backend of which no reply says what is wrong; ``began``: it had begun to reply."""
        name = self.route.name
        if trouble.timed_out:
            return BackendError(Kind.TIMEOUT, f"{name}: {trouble.message}.")
        what = "broke off before its first word" if began else f"cannot be reached{self._address()}"
        return BackendError(Kind.UNREACHABLE, f"{name} {what}: {trouble.message}")

    def broken(self, trouble: Trouble | None) -> DetourError | None:
        """Return why a reply of which the client has heard came to no good end; None where it did, or may yet."""
        if self.translator is not None and self.translator.refusal is not None:
            return self._refusal(self.translator.refusal)
        if trouble is None or self.ended:
            return None
        return BackendError(self.trouble_kind, f"{self.route.name} broke off: {trouble.message}")

    def _address(self) -> str:
        return ""

    def seen(self) -> bytes:
        """Return the client's bytes as readers may see them."""
        return bytes(self.given)

    def backend_reply(self) -> bytes:
        """Return the backend's bytes as readers may see them."""
        return bytes(self.taken)

    def cut(self, message: str) -> bytes:
        """The backend died under a streamed reply: give the client a lawful end, where we write the stream at all."""
        written, all_said = b"", self.ended
        if self.translator is not None:
            written = self._tail(BackendError(self.trouble_kind, f"{self.route.name} broke off: {message}"))
            self.given += written
            self._note_facts()
        if not all_said:
            self.error = self.error or message
        return written

    def _tail(self, error: DetourError) -> bytes:
        assert self.translator is not None  # noqa: S101 - the caller has looked
        return self.translator.fail(error)

    def note_whole(self, body: bytes) -> None:
        """Read the facts of a reply that passed in one piece, if it is one that we know."""
        watch = PassThrough()
        with suppress(ValueError, AttributeError, TypeError):
            watch.note(orjson.loads(body))
        self.usage, self.stop_reason, self.error = watch.usage, watch.stop_reason, watch.error

    def _note_facts(self) -> None:
        if self.translator is not None:
            self.usage = self.translator.usage
            self.stop_reason = self.translator.stop_reason
            self.error = self.translator.error or self.error

    def told_losses(self) -> str:
        """What was lost, in words for the log; empty where nothing was that anybody misses."""
        told = [f"{loss.path}: {loss.what}" for loss in self.losses if not loss.routine]
        more = f"; and {len(told) - MOST_TOLD} more" if len(told) > MOST_TOLD else ""
        return f" · lost: {' '.join('; '.join(told[:MOST_TOLD]).split())}{more}" if told else ""

    def summary(self) -> str:
        """The flow's comment: route, model, tokens, time to the first token."""
        parts = [self.route.title]
        if self.journey is not None and (tried := self.journey.told(ended_well=self.failure is None)):
            parts.append(tried)
        if self.usage:
            cached = f" ({self.usage.cache_read_tokens:,} cached)" if self.usage.cache_read_tokens else ""
            total = self.usage.input_tokens + self.usage.cache_read_tokens + self.usage.cache_write_tokens
            parts.append(f"{total:,} in{cached}, {self.usage.output_tokens:,} out")
        if self.first_at is not None:
            parts.append(f"first token {self.first_at - self.started:.2f} s")
        if self.stop_reason:
            parts.append(str(self.stop_reason))
        if count := sum(not loss.routine for loss in self.losses):
            parts.append(f"{count} lost in translation")
        if self.error:
            parts.append(f"error: {self.error}")
        return " ".join(" · ".join(parts).split())  # one line, whatever the client's names and the backend's words are


class Watch(PassThrough):
    """Passes a compressed stream on and reads what it unpacks to."""

    __slots__ = ("_unpack",)

    def __init__(self, unpack: compression.Unpack) -> None:
        super().__init__()
        self._unpack: compression.Unpack | None = unpack

    @override
    def feed(self, chunk: bytes) -> bytes:
        if self._unpack is not None:
            try:
                super().feed(self._unpack(chunk))
            except MalformedReply:
                self._unpack, self.begun = None, True  # not what it says it is: stop reading, go on passing
        return chunk


class Unpacked(PassThrough):
    """A compressed stream that reaches the client as it unpacks."""

    def __init__(self, unpack: compression.Unpack) -> None:
        """Start before the first byte."""
        super().__init__()
        self._unpack: compression.Unpack | None = unpack

    @override
    def feed(self, chunk: bytes) -> bytes:
        """Return what it unpacks to; where it does not, an error, and nothing more."""
        if self._unpack is None:
            return b""
        try:
            return self._pass(self._unpack(chunk))
        except MalformedReply as error:
            self._unpack = None
            told = framing.encode("error", error.event())
            self._watch(told)
            return told

    def _pass(self, plain: bytes) -> bytes:
        return super().feed(plain)
