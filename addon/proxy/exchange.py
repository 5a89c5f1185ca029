"""One exchange between its request and its end: what is kept of it, and what its reply becomes. Pure; times come in.

The four copies that a reader wants are the client's request, the request sent, the backend's reply and the client's
reply. The flow itself carries the second and the last; the other two are kept here and put beside them.
"""

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from http import HTTPStatus
from typing import override

import orjson

from addon.dialects import Decoder, ReplyContext, window
from addon.dialects.anthropic.reply import Sealer, seal_message
from addon.dialects.losses import Loss, Lost, loss
from addon.protocol import compression, tokens
from addon.protocol.deltas import Delta, Failure, Usage
from addon.protocol.errors import JSON_HEADERS, SSE_HEADERS, BackendError, DetourError, Kind, MalformedReply, Reply
from addon.protocol.event_writer import BEHIND_CUT, EventWriter
from addon.protocol.messages import collect
from addon.proxy.intake import Send
from addon.routing.config import Credential
from addon.routing.route import Route
from addon.stream import PassThrough, SealedPassThrough, StreamTranslator, write_whole

STREAM_MARKS = (b"data:", b"event:", b": ")  # how a stream begins that calls itself something else

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

    @property
    def request_id(self) -> str:
        """The id under which the client may quote this exchange."""
        return f"req_{self.id}"

    @property
    def credential(self) -> Credential | None:
        """What the request bears; None where it is the client's own."""
        return None

    @property
    def writes(self) -> bool:
        """Whether the reply is a stream that we write."""
        return False

    @property
    def resizes(self) -> bool:
        """Whether the client's reply may have another length than the backend's said."""
        return isinstance(self.translator, SealedPassThrough)

    def open_stream(self, encoding: str = "") -> None:
        """Get ready for a streamed reply; ``encoding`` is its content-encoding."""
        self.encoding = encoding
        unpack = compression.unpacker(encoding)
        self.translator = _Watch(unpack) if unpack else PassThrough()

    def feed(self, chunk: bytes, now: float) -> bytes:
        """Take a piece of the backend's reply, give the client's bytes for it; empty means "nothing yet"."""
        if self.translator is None:
            return chunk
        written = self.translator.feed(chunk)
        self._take(chunk)
        if written:
            if self.first_at is None:
                self.first_at = now
            self.given += written
        return written

    def _take(self, chunk: bytes) -> None:
        """Keep nothing of a reply that passes: the client's bytes are the same."""

    def close(self) -> bytes:
        """Take the end of the backend's reply, give the last of the client's bytes."""
        self.closed = True
        written = self.translator.close() if self.translator else b""
        self.given += written
        self._note_facts()
        return written

    def abandon(self, message: str) -> None:
        """End without an answer: nobody is there to hear it, or nothing may be said."""
        self._note_facts()
        self.error = self.error or message

    def seen(self) -> bytes:
        """Return the client's bytes as readers may see them."""
        return bytes(self.given)

    def backend_reply(self) -> bytes:
        """Return the backend's bytes as readers may see them."""
        return bytes(self.taken)

    def cut(self, message: str) -> bytes:
        """The backend died under a streamed reply: give the client a lawful end, where we write the stream at all."""
        written = b""
        if self.translator is not None:
            written = self.translator.fail(BackendError(Kind.SERVER, f"{self.route.name} broke off: {message}"))
            self.given += written
            self._note_facts()
        if written or not self.writes:  # else all had been said before it died
            self.error = self.error or message
        return written

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


@dataclass(slots=True, kw_only=True)
class RoutedExchange(Exchange):
    """A request under way to a backend of the user's choice."""

    send: Send

    @property
    def translates(self) -> bool:
        """Whether replies are written anew, and not passed on as they come."""
        return self.send.destination.dialect.translates

    @property
    def seals(self) -> bool:
        """Whether what the backend signs is to say whose it is, in a reply that passes on."""
        return not self.send.destination.target.profile.claude

    @property
    @override
    def credential(self) -> Credential | None:
        return self.send.destination.credential

    @property
    @override
    def writes(self) -> bool:
        return isinstance(self.translator, StreamTranslator)

    @override
    def open_stream(self, encoding: str = "") -> None:
        if not self.translates:
            Exchange.open_stream(self, encoding)
            if self.seals and not compression.unpacker(encoding):
                self.translator = SealedPassThrough(Sealer(self.route.name, self._told_counts()))
            return
        self.encoding = encoding
        unpack = compression.unpacker(encoding)
        decoder = self.send.destination.dialect.decoder(self._context())
        self.translator = StreamTranslator(_Unpacking(unpack, decoder) if unpack else decoder, self._writer())

    @override
    def seen(self) -> bytes:
        return self._without_key(bytes(self.given))

    @override
    def backend_reply(self) -> bytes:
        body = bytes(self.taken)
        with suppress(MalformedReply):  # as it came, then
            body = compression.unpack_whole(self.encoding, body)
        return self._without_key(body)

    @override
    def summary(self) -> str:
        return self._mask(Exchange.summary(self))

    def _without_key(self, text: bytes) -> bytes:
        return self._mask(text.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")

    def _mask(self, text: str) -> str:
        """Take the key out of what is kept, and out of errors: some backends quote the key that they refuse."""
        return self.send.destination.credential.hide(text)

    @override
    def _take(self, chunk: bytes) -> None:
        room = self.send.kept_bytes - len(self.taken)
        self.taken += chunk[:room]
        self.dropped += max(0, len(chunk) - room)

    def reply_whole(self, status: int, headers: Mapping[str, str], body: bytes, now: float) -> Reply:
        """Turn a reply that came in one piece into the client's. ``headers`` has lower-case names."""
        self._take(body)
        try:
            reply = self._whole(status, headers, body)
        except DetourError as error:
            return self._failed(error)
        self.first_at = now
        return reply

    def _failed(self, error: DetourError) -> Reply:
        """Answer for a failure: with the error, unless the dialect has something better to say."""
        error.message = self.error = self._mask(error.message)
        deltas = self.send.destination.dialect.instead_of(error, self._context())
        return self._say(deltas) if deltas is not None else error.reply(self.request_id)

    def refuse(self) -> Reply | None:
        """Return the error reply for a stream that failed before it said anything; None when it has begun well."""
        if not isinstance(self.translator, StreamTranslator) or self.translator.writer.error is None:
            return None
        self.first_at = None
        reply = self.translator.writer.error.reply(self.request_id)
        self.given[:] = reply.body
        return reply

    def unreachable(self, message: str, *, began: bool) -> Reply:
        """Answer for a backend of which the client has heard nothing; ``began``: it had begun to reply."""
        address = self.send.destination.target.base_url
        what = "broke off before its first word" if began else f"cannot be reached at {address}"
        return self._failed(BackendError(Kind.UNREACHABLE, f"{self.route.name} {what}: {message}"))

    @override
    def _note_facts(self) -> None:
        Exchange._note_facts(self)
        self._note_losses(self.translator.writer.unread if isinstance(self.translator, StreamTranslator) else ())

    def _note_losses(self, unread: Iterable[str] = ()) -> None:
        """Add to what the request lost what the reply did; ``usage`` is known."""
        parts = [
            loss(Lost.REPLY_BEHIND_CUT_CALL if path == BEHIND_CUT else Lost.REPLY_PART, f"reply.{path}")
            for path in unread
        ]
        self.losses = (*self.send.encoded.losses, *parts, *window.cut(self.usage, self._context()))

    def _whole(self, status: int, headers: Mapping[str, str], body: bytes) -> Reply:
        dialect = self.send.destination.dialect
        if status >= HTTPStatus.BAD_REQUEST:
            raise dialect.decode_error(status, headers, body, self._context())
        if status != HTTPStatus.OK:
            raise MalformedReply(f"{self.route.name} answered with the status {status}, which no model API does.")
        if not self.translates:
            return self._whole_native(headers, body)
        if headers.get("content-type", "").lower().startswith("text/event-stream") or body.startswith(STREAM_MARKS):
            decoder = dialect.decoder(self._context())
            deltas = [*decoder.feed(body), *decoder.close()]
        else:
            deltas = dialect.decode_whole(body, self._context())
        return self._say(deltas)

    def _say(self, deltas: Iterable[Delta]) -> Reply:
        """Write a whole reply in the form that the client asked for. Raises: DetourError when it failed."""
        writer = self._writer()
        events = write_whole(deltas, writer)
        self.usage, self.stop_reason = writer.usage, writer.stop_reason
        self._note_losses(writer.unread)
        if self.send.stream:
            return Reply(200, SSE_HEADERS, events)
        return Reply(200, JSON_HEADERS, orjson.dumps(collect(events)))

    def _whole_native(self, headers: Mapping[str, str], body: bytes) -> Reply:
        watch = PassThrough()
        try:
            message = orjson.loads(body)
            watch.note(message)
            body = seal_message(body, message, self.route.name, self._told_counts()) if self.seals else body
        except (ValueError, AttributeError, TypeError):
            raise MalformedReply(f"{self.route.name} answered with something that is no message.") from None
        self.usage, self.stop_reason = watch.usage, watch.stop_reason
        self._note_losses()
        return Reply(200, (("content-type", headers.get("content-type", "application/json")),), body)

    def _context(self) -> ReplyContext:
        destination = self.send.destination
        return ReplyContext(
            destination.target,
            self.id,
            destination.credential.variable,
            self.send.encoded.tool_names,
            self._input_estimate(),
            self.send.stop_sequences,
            self.send.encoded.offered,
            self.send.encoded.search,
            self.send.encoded.form,
            self.send.encoded.call_ids,
        )

    def _told_counts(self) -> Callable[[int], int] | None:
        """What makes a count of tokens what the client is told; None where it is told what there is."""
        target = self.send.destination.target
        return partial(window.reported, target=target) if target.report_window else None

    def _writer(self) -> EventWriter:
        return EventWriter(
            f"msg_{self.id}",
            self.route.asked,
            self.route.name,
            self._input_estimate(),
            self.send.destination.credential.hide,  # of no exchange: a ring would keep the bodies for the collector
            shows_thinking=self.send.shows_thinking,
            wordless=partial(window.wordless, context=self._context()),
            counted=self._told_counts() or int,
        )

    def _input_estimate(self) -> int:
        """A quick one, for message_start; the real count replaces it at the end."""
        return self.send.encoded.input_tokens or tokens.estimate_text(len(self.send.encoded.wire.body))


class _Unpacking:
    """A decoder behind a compressed stream."""

    __slots__ = ("_decoder", "_unpack", "close")

    def __init__(self, unpack: compression.Unpack, decoder: Decoder) -> None:
        self._unpack = unpack
        self._decoder = decoder
        self.close = decoder.close

    def feed(self, chunk: bytes) -> Iterable[Delta]:
        try:
            plain = self._unpack(chunk)
        except MalformedReply as error:
            return [Failure(error)]
        return self._decoder.feed(plain)


class _Watch(PassThrough):
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
                self._unpack = None  # not what it says it is: stop reading, go on passing
        return chunk
