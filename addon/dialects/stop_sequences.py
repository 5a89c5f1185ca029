"""Stop sequences of a backend that knows none: the text is cut at the first of them, and the client told so.

The backend writes on, so what follows is dropped and only its end is waited for: with it come the counts. A sequence
that may begin at the end of what came so far is held until more comes; none reaches over anything but text.
Source: Messages API reference, "stop_sequences".
"""

from collections.abc import Iterable, Sequence

from addon.dialects.openai_chat.rereading import ChunkDecoder, Reread
from addon.protocol.deltas import Delta, End, Failure, Finish, StopReason, Text, Unread, Usage


def stopping(decoder: ChunkDecoder, sequences: Sequence[str]) -> ChunkDecoder:
    """Return a decoder that stops at the sequences; itself where there are none."""
    wanted = [sequence for sequence in sequences if sequence]
    return Reread(decoder, [StopReader(wanted)]) if wanted else decoder


class StopReader:
    """Reads one reply; a reader as ``rereading`` has them."""

    __slots__ = ("_held", "_sequences", "_stopped_by")

    def __init__(self, sequences: Sequence[str]) -> None:
        """``sequences`` are not empty, and none of them is."""
        self._sequences = sequences
        self._held = ""
        self._stopped_by: str | None = None

    def read(self, delta: Delta) -> Iterable[Delta]:
        """Return what stands for ``delta``."""
        if self._stopped_by is not None:
            return self._after(delta)
        match delta:
            case Text(text):
                return self._text(self._held + text)
            case Usage() | Unread():
                return [delta]
            case _:
                return [*self._release(), delta]

    def _text(self, text: str) -> list[Delta]:
        found = [(at, sequence) for sequence in self._sequences if (at := text.find(sequence)) >= 0]
        if found:
            at, self._stopped_by = min(found)
            self._held = ""
            return [Text(text[:at])] if at else []
        keep = max(_begun(text, sequence) for sequence in self._sequences)
        said, self._held = text[: len(text) - keep], text[len(text) - keep :]
        return [Text(said)] if said else []

    def _release(self) -> list[Delta]:
        held, self._held = self._held, ""
        return [Text(held)] if held else []

    def _after(self, delta: Delta) -> list[Delta]:
        match delta:
            case Finish():
                return [Finish(StopReason.STOP_SEQUENCE, self._stopped_by)]
            case Usage() | Unread() | Failure() | End():
                return [delta]
            case _:
                return []


def _begun(text: str, sequence: str) -> int:
    """How many characters at the end of ``text`` may be the beginning of ``sequence``."""
    most = min(len(text), len(sequence) - 1)
    return next((length for length in range(most, 0, -1) if text.endswith(sequence[:length])), 0)
