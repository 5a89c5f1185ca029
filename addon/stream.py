"""Backend bytes to client bytes while they arrive.

``StreamTranslator`` pushes each piece of the backend's reply through the dialect's decoder, and each delta that comes
out through an ``EventWriter``, which alone writes Anthropic's events (see there for the output law).

``PassThrough`` is for backends that speak Anthropic's format themselves: bytes go through as they are, and the few
facts that we show are read on the way.
"""

from collections.abc import Iterable, Mapping
from typing import Any, override

import orjson

from addon.dialects import Decoder
from addon.dialects.anthropic.reply import Sealer
from addon.protocol import framing
from addon.protocol.deltas import Delta, Failure, Usage
from addon.protocol.errors import DetourError, InternalError
from addon.protocol.event_writer import EventWriter


class StreamTranslator:
    """One streamed reply, from the backend's bytes to the client's. No verb raises."""

    __slots__ = ("_decoder", "bug", "writer")

    def __init__(self, decoder: Decoder, writer: EventWriter) -> None:
        """Join a dialect's decoder to a writer."""
        self._decoder = decoder
        self.writer = writer
        self.bug: Exception | None = None  # a fault of ours, for the shell to log under the message's id

    def feed(self, chunk: bytes) -> bytes:
        """Return the client's bytes for this piece; empty means "nothing yet"."""
        written = b""
        try:
            for delta in self._decoder.feed(chunk):
                written += self.writer.write(delta)
        except Exception as bug:  # noqa: BLE001 - the stream's boundary, see _own_fault
            return written + self._own_fault(bug)
        return written

    def close(self) -> bytes:
        """Return the last of the client's bytes."""
        written = b""
        try:
            for delta in self._decoder.close():
                written += self.writer.write(delta)
        except Exception as bug:  # noqa: BLE001 - the stream's boundary, see _own_fault
            return written + self._own_fault(bug)
        return written

    def fail(self, error: DetourError) -> bytes:
        """End the client's stream with ``error``: the backend died."""
        return self.writer.write(Failure(error))

    @property
    def usage(self) -> Usage | None:
        """What the backend counted, if it did."""
        return self.writer.usage

    @property
    def begun(self) -> bool:
        """Whether the reply has any content, or its end."""
        return self.writer.begun

    @property
    def over(self) -> bool:
        """Whether the client has been told the end, well or badly."""
        return self.writer.over

    @property
    def refusal(self) -> DetourError | None:
        """What the client was told, where the reply failed."""
        return self.writer.error

    @property
    def stop_reason(self) -> str | None:
        """Why the backend stopped, once it has said so."""
        return self.writer.stop_reason

    @property
    def error(self) -> str | None:
        """What the client was told, where the reply failed."""
        return self.writer.error.message if self.writer.error else None

    def _own_fault(self, bug: Exception) -> bytes:
        """Tell the client of a bug of ours. A raise would go to mitmproxy, which drops the piece or the connection."""
        self.bug = bug
        return self.writer.write(Failure(InternalError(self.writer.message_id)))


def write_whole(deltas: Iterable[Delta], writer: EventWriter) -> bytes:
    """Write a whole reply's deltas as the stream they amount to. Raises: DetourError when the reply failed."""
    written = b"".join([writer.write(delta) for delta in deltas])
    if writer.error is not None:
        raise writer.error
    return written


class PassThrough:
    """A reply in Anthropic's own format: the bytes go through, the facts are read on the way."""

    __slots__ = ("_frames", "begun", "error", "over", "refusal", "stop_reason", "usage")

    WATCHED = frozenset(("message_start", "message_delta", "error"))
    ENDS = frozenset(("message_stop", "error"))
    PREAMBLE = frozenset(("message_start", "ping", "error"))  # with anything else the reply has begun

    def __init__(self) -> None:
        """Start before the first byte."""
        self._frames: framing.ServerSentEvents | None = framing.ServerSentEvents()
        self.usage: Usage | None = None
        self.stop_reason: str | None = None
        self.error: str | None = None
        self.refusal: Mapping[str, Any] | None = None  # the error event, as it came
        self.over = False  # whether it has ended, well or badly
        self.begun = False  # whether it has any content, or its end, or is nothing that we can read

    @property
    def is_cut(self) -> bool:
        """Whether the end of the reply, if it came now, would come too early."""
        return self._frames is not None and not self.over

    def feed(self, chunk: bytes) -> bytes:
        """Return ``chunk`` itself."""
        self._watch(chunk)
        return chunk

    def _watch(self, chunk: bytes) -> None:
        if self._frames is not None:
            try:
                for frame in self._frames.feed(chunk):
                    if frame.event in self.WATCHED:
                        self.note(orjson.loads(frame.data))
                    if frame.event not in self.PREAMBLE:
                        self.begun = True
                    self.over = self.over or frame.event in self.ENDS
            except (DetourError, ValueError, AttributeError, TypeError):
                self._frames, self.begun = None, True  # not what we know: stop reading, go on passing

    def close(self) -> bytes:
        """Add nothing."""
        return b""

    def fail(self, error: DetourError) -> bytes:
        """Add nothing: a stream that we did not write is not ours to end."""
        return b""

    def note(self, event: Mapping[str, Any]) -> None:
        """Read usage and stop reason out of an event, or out of a whole message."""
        usage = event.get("usage") or (event.get("message") or {}).get("usage")
        if usage:
            before = self.usage or Usage(0, 0)
            self.usage = Usage(
                _told(usage.get("input_tokens"), before.input_tokens),
                _told(usage.get("output_tokens"), before.output_tokens),
                _told(usage.get("cache_read_input_tokens"), before.cache_read_tokens),
                _told(usage.get("cache_creation_input_tokens"), before.cache_write_tokens),
                _told(_inside(usage, "output_tokens_details", "thinking_tokens"), before.reasoning_tokens),
                _told(_inside(usage, "cache_creation", "ephemeral_1h_input_tokens"), before.cache_write_hour_tokens),
            )
        holder = event if "stop_reason" in event else event.get("delta") or {}
        self.stop_reason = _told(holder.get("stop_reason"), self.stop_reason or "") or None
        if isinstance(event.get("error"), dict):
            self.error, self.refusal = str(event["error"].get("message")), event


def _inside(usage: Mapping[str, Any], group: str, name: str) -> object:
    """Return a count of a group of counts; None where there is no such group."""
    counts = usage.get(group)
    return counts.get(name) if isinstance(counts, dict) else None


def _told[T](value: object, before: T) -> T:
    """Return ``value``, or what was told before where it is nothing, or of another type."""
    return value if value and isinstance(value, type(before)) else before


class SealedPassThrough(PassThrough):
    """The same, where signatures are sealed on the way, and usage as it is told; every other byte goes through."""

    __slots__ = ("_sealer",)

    def __init__(self, sealer: Sealer) -> None:
        """Start before the first byte."""
        super().__init__()
        self._sealer = sealer

    @override
    def feed(self, chunk: bytes) -> bytes:
        """Return the lines that are complete."""
        self._watch(chunk)
        return self._sealer.feed(chunk)

    @override
    def close(self) -> bytes:
        """Return what was left over."""
        return self._sealer.close()
