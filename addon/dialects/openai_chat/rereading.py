"""A decoder whose deltas are read once more, where a profile says that a backend tells one thing as another.

Opt-in, so that the usual reply costs nothing: ``reread`` gives the decoder itself back where there is nothing to do.
"""

from collections.abc import Iterable
from typing import Protocol

from addon.dialects import Decoder, ReplyContext
from addon.dialects.openai_chat.text_calls import TextCalls
from addon.dialects.openai_chat.think_tags import ThinkTags
from addon.dialects.schemas.schema_check import FormReader
from addon.protocol.deltas import Delta, End, Failure, Finish, Reasoning, StopReason, Text, ToolCall, Unread, Usage

ENDS_ITS_TURN = frozenset((StopReason.END_TURN, StopReason.STOP_SEQUENCE))


class ChunkDecoder(Decoder, Protocol):
    """A decoder that also takes one chunk's data by itself."""

    def decode(self, data: bytes) -> Iterable[Delta]:
        """Return what the chunk says. Raises: MalformedReply."""


class Reader(Protocol):
    """Takes the deltas of one reply, in their order."""

    def read(self, delta: Delta) -> Iterable[Delta]:
        """Return what stands for ``delta``; the last is ``End`` or ``Failure``."""


def reread(decoder: ChunkDecoder, context: ReplyContext) -> ChunkDecoder:
    """Return a decoder that does what the profile asks for, and checks what the request has asked for."""
    profile = context.target.profile
    readers: list[Reader] = []
    if profile.repeats_reasoning:
        readers.append(Unrepeated())
    if profile.think_tags or profile.think_opened:
        readers.append(TagReader(ThinkTags(opened=profile.think_opened)))
    if profile.text_calls and context.offered:
        readers.append(CallReader(TextCalls(context)))
    if context.form is not None:
        readers.append(FormReader(context.form, context.target.name))
    return Reread(decoder, readers) if readers else decoder


class Reread:
    """See the module."""

    __slots__ = ("_decoder", "_readers")

    def __init__(self, decoder: ChunkDecoder, readers: list[Reader]) -> None:
        """``readers`` read in their order, each what the one before it gives."""
        self._decoder = decoder
        self._readers = readers

    def feed(self, chunk: bytes) -> list[Delta]:
        """Return what ``chunk`` completes."""
        return self._read(self._decoder.feed(chunk))

    def decode(self, data: bytes) -> list[Delta]:
        """Return what one chunk says. Raises: MalformedReply."""
        return self._read(self._decoder.decode(data))

    def close(self) -> list[Delta]:
        """Return the rest."""
        return self._read(self._decoder.close())

    def _read(self, deltas: Iterable[Delta]) -> list[Delta]:
        for reader in self._readers:
            deltas = [told for delta in deltas for told in reader.read(delta)]
        return [*deltas]


class Unrepeated:
    """Leaves out thinking that comes twice in a row, word for word.

    xAI tells "Thinking... " over and over instead of what its model thinks (vercel/ai#7311).
    """

    __slots__ = ("_last",)

    def __init__(self) -> None:
        """Start with none."""
        self._last = ""

    def read(self, delta: Delta) -> list[Delta]:
        """See :class:`Reader`."""
        if isinstance(delta, Reasoning):
            if delta.text == self._last:
                return []
            self._last = delta.text
        return [delta]


class TagReader:
    """Reads tags in text as thinking."""

    __slots__ = ("_called", "_ends", "_tags")

    def __init__(self, tags: ThinkTags) -> None:
        """Start with a fresh parser."""
        self._tags = tags
        self._called = False
        self._ends = False  # the backend said that the turn is over, and that nothing cut it

    def read(self, delta: Delta) -> list[Delta]:
        """See :class:`Reader`."""
        match delta:
            case Text(text):
                return [*self._tags.feed(text)]
            case Finish(reason):
                self._ends = reason in ENDS_ITS_TURN
            case ToolCall():
                self._called = True
            case End() | Failure():
                unanswered = isinstance(delta, End) and self._ends and not self._called
                return [*self._tags.close(unanswered=unanswered), delta]
            case _:
                pass
        return [delta]


class CallReader:
    """Reads calls in text as calls; the finish reason follows them."""

    __slots__ = ("_calls", "_finish")

    def __init__(self, calls: TextCalls) -> None:
        """Start with a fresh parser."""
        self._calls = calls
        self._finish: Finish | None = None  # held to the end, for what is last may still become a call

    def read(self, delta: Delta) -> list[Delta]:
        """See :class:`Reader`."""
        match delta:
            case Text(text):
                return self._calls.feed(text)
            case Usage() | Unread():
                return [delta]
            case Finish():
                self._finish = delta
                return []
            case End():
                return [*self._calls.close(), *self._reason(), delta]
            case _:
                return [*self._calls.interrupt(), delta]

    def _reason(self) -> list[Delta]:
        if self._finish and self._finish.reason in ENDS_ITS_TURN and self._calls.made:
            return [Finish(StopReason.TOOL_USE)]
        return [self._finish] if self._finish else []
