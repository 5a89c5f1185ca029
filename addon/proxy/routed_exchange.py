"""One exchange with a backend of the user's choice: its reply becomes the client's. Pure; times come in."""

import re
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from http import HTTPStatus
from typing import Any, cast, override

import orjson

from addon.credentials.made import Made, Outgoing
from addon.dialects import EVENT_STREAM, Decoder, ReplyContext, Unframe, window
from addon.dialects.anthropic.reply import Sealer, seal_message
from addon.dialects.losses import Lost, loss
from addon.protocol import compression, framing, tokens
from addon.protocol.deltas import Delta, Failure
from addon.protocol.errors import JSON_HEADERS, SSE_HEADERS, DetourError, MalformedReply, Reply
from addon.protocol.event_shapes import MESSAGE_STOP
from addon.protocol.event_writer import BEHIND_CUT, UNCARRIED, EventWriter
from addon.protocol.messages import collect
from addon.proxy.exchange import Exchange, Unpacked, Watch
from addon.proxy.intake import Send
from addon.routing.backend import Minting
from addon.routing.config import Credential
from addon.stream import PassThrough, SealedPassThrough, StreamTranslator, write_whole

# what the writer found no place for, by its path; of any other it is a part of the reply
REPLY_LOSSES: Mapping[str, Lost] = {BEHIND_CUT: Lost.REPLY_BEHIND_CUT_CALL, UNCARRIED: Lost.REPLY_STATE}
LINE_ENDS = (b"\n", b"\r")
EVENT_END = re.compile(rb"\n\n|\r\r|\n\r\n")  # what stands behind a whole event
SIGNATURE = "Signature="  # behind it, in AWS's Authorization
MOST_OF_AN_END = 4096  # bytes: more than the lines of a last event
STREAM_MARKS = (b"data:", b"event:", b": ")  # how a stream begins that calls itself something else


@dataclass(slots=True, kw_only=True)
class RoutedExchange(Exchange):
    """A request under way to a backend of the user's choice."""

    send: Send
    made: Made | None = None  # what was made for this attempt, where its credential is

    @property
    def minting(self) -> Minting | None:
        """How the credential is made; None where there is a key, or none is needed."""
        return self.send.destination.credential.minting

    def equip(self, made: Made) -> None:
        """Take what was made for this attempt; what is kept and told is without it."""
        self.made = made
        self._hide_too(made.secrets)

    def headers_for(self, request: Outgoing) -> Mapping[str, str]:
        """Return the headers that show what was made."""
        assert self.made is not None  # noqa: S101 - the caller has looked
        headers = self.made.headers(self.send.destination.credential, request)
        signature = headers.get("authorization", "").partition(SIGNATURE)[2]
        if signature:
            self._hide_too((*self.made.secrets, signature))
        return headers

    def _hide_too(self, secrets: tuple[str, ...]) -> None:
        destination = self.send.destination
        credential = replace(destination.credential, made=secrets)
        self.send = replace(self.send, destination=replace(destination, credential=credential))

    @property
    def translates(self) -> bool:
        """Whether replies are written anew, and not passed on as they come."""
        return self.send.destination.dialect.translates

    @property
    def rewrites_head(self) -> bool:
        """Whether the client's stream is another than the backend's: translated, or taken out of its framing."""
        return self.translates or self.stream_types != (EVENT_STREAM,)

    @property
    @override
    def stream_types(self) -> tuple[str, ...]:
        return self.send.destination.dialect.stream_types

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
    def _speaks_first(self) -> bool:
        return self.journey is not None and self.send.stream

    @override
    def anew(self) -> "RoutedExchange":
        losses = self.send.encoded.losses
        return RoutedExchange(self.id, self.route, self.started, losses=losses, send=self.send, journey=self.journey)

    @override
    def _translator(self, unpack: compression.Unpack | None) -> StreamTranslator | PassThrough:
        if not self.translates:
            return self._passing(unpack)
        decoder = self.send.destination.dialect.decoder(self._context())
        return StreamTranslator(_Unpacking(unpack, decoder) if unpack else decoder, self._writer())

    def _passing(self, unpack: compression.Unpack | None) -> PassThrough:
        """Let the backend's own events through, without what they are packed and framed in."""
        if unframe := self.send.destination.dialect.unframer(self._context()):
            unpack = _chained(unpack, unframe)
        sealer = Sealer(self.route.name, self._told_counts()) if self.seals else None
        if unpack is None:
            return SealedPassThrough(sealer) if sealer is not None else PassThrough()
        if sealer is not None:
            return _UnpackedSealed(unpack, sealer)
        return Unpacked(unpack) if self._speaks_first or unframe else Watch(unpack)

    @override
    def _refusal(self, told: DetourError | Mapping[str, Any]) -> DetourError:
        if isinstance(told, DetourError):
            return told
        return self.send.destination.dialect.decode_error(HTTPStatus.OK, {}, orjson.dumps(told), self._context())

    @override
    def _wordless(self) -> DetourError:
        return MalformedReply(f"{self.route.name} ended its reply before its first word.")

    @override
    def _tail(self, error: DetourError) -> bytes:
        if not isinstance(self.translator, PassThrough) or self.ended:
            return Exchange._tail(self, error)
        begun = EVENT_END.split(self.given[-MOST_OF_AN_END:])[-1]  # of an event whose end has not come
        if begun and not begun.endswith(LINE_ENDS):
            return b""  # nothing can be said inside of a line
        blank = b"\n" if begun else b""
        if self.translator.stop_reason is None:
            return blank + framing.encode("error", error.event())
        return blank if b'"message_stop"' in begun else blank + MESSAGE_STOP  # all is said but the end

    @override
    def close(self) -> bytes:
        """End a stream that passes, and that its backend has ended too early, as if that had broken off."""
        translator = self.translator
        if not isinstance(translator, PassThrough) or not self.begun or not translator.is_cut:
            return Exchange.close(self)
        error = MalformedReply(f"{self.route.name} ended its reply without a finish reason.")
        written = self._tail(error)
        if not written:
            return Exchange.close(self)
        self.closed = True
        if translator.stop_reason is None:
            translator.note(orjson.loads(error.event()))
        self.given += written
        self._note_facts()
        return written

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
        return self.hide(Exchange.summary(self))

    def _without_key(self, text: bytes) -> bytes:
        return self.hide(text.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")

    @override
    def hide(self, text: str) -> str:
        return self.send.destination.credential.hide(text)

    @override
    def _take(self, chunk: bytes) -> None:
        room = self.send.kept_bytes - len(self.taken)
        self.taken += chunk[:room]
        self.dropped += max(0, len(chunk) - room)

    @override
    def judge(self, status: int, headers: Mapping[str, str], body: bytes, now: float) -> DetourError | None:
        self._take(body)
        try:
            self.answer = self._whole(status, headers, body)
        except DetourError as error:
            return error.kept()
        self.first_at = now
        return None

    def reply_whole(self, status: int, headers: Mapping[str, str], body: bytes, now: float) -> Reply:
        """Turn a reply that came in one piece into the client's. ``headers`` has lower-case names."""
        if self.answer is None:
            error = self.judge(status, headers, body, now)
            return self.settle(error) if error is not None else cast(Reply, self.answer)
        return self.answer

    @override
    def settle(self, error: DetourError) -> Reply:
        error.message = self.hide(error.message)
        return Exchange.settle(self, error)

    @override
    def _reply_to(self, error: DetourError) -> Reply:
        """With the error, unless the dialect has something better to say."""
        deltas = self.send.destination.dialect.instead_of(error, self._context())
        return self._say(deltas) if deltas is not None else error.reply(self.request_id)

    @override
    def _address(self) -> str:
        return f" at {self.send.destination.target.base_url}"

    @override
    def _note_facts(self) -> None:
        Exchange._note_facts(self)
        self._note_losses(self.translator.writer.unread if isinstance(self.translator, StreamTranslator) else ())

    def _note_losses(self, unread: Iterable[str] = ()) -> None:
        """Add to what the request lost what the reply did; ``usage`` is known."""
        parts = [loss(REPLY_LOSSES.get(path, Lost.REPLY_PART), f"reply.{path}") for path in unread]
        self.losses = (*self.send.encoded.losses, *parts, *window.cut(self.usage, self._context()))

    def _whole(self, status: int, headers: Mapping[str, str], body: bytes) -> Reply:
        dialect = self.send.destination.dialect
        if status >= HTTPStatus.BAD_REQUEST:
            raise dialect.decode_error(status, headers, body, self._context())
        if status != HTTPStatus.OK:
            raise MalformedReply(f"{self.route.name} answered with the status {status}, which no model API does.")
        if not self.translates:
            return self._whole_native(headers, body)
        if headers.get("content-type", "").lower().startswith(dialect.stream_types) or body.startswith(STREAM_MARKS):
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
        if self.is_opened:
            raise MalformedReply(f"{self.route.name} sent no stream.")
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


def _chained(unpack: compression.Unpack | None, unframe: Unframe) -> Unframe:
    return unframe if unpack is None else lambda chunk: unframe(unpack(chunk))


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


class _UnpackedSealed(Unpacked):
    """The same of a backend whose signatures are sealed."""

    def __init__(self, unpack: compression.Unpack, sealer: Sealer) -> None:
        super().__init__(unpack)
        self._sealer = sealer

    @override
    def _pass(self, plain: bytes) -> bytes:
        self._watch(plain)
        return self._sealer.feed(plain)

    @override
    def close(self) -> bytes:
        return self._sealer.close()
