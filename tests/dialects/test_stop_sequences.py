"""Text cut at a stop sequence, however it arrives."""

import pytest

from addon.dialects.openai_chat.rereading import Reread
from addon.dialects.openai_responses.reply import ResponsesDecoder
from addon.dialects.stop_sequences import StopReader, stopping
from addon.protocol.deltas import Delta, End, Failure, Finish, Reasoning, StopReason, Text, ToolCall, Unread, Usage
from addon.protocol.errors import MalformedReply
from tests.chunks import CONTEXT

FINISH, USAGE, CALL = Finish(StopReason.END_TURN), Usage(1, 1), ToolCall(0, "c", "f")


def read(*deltas: Delta, stops: tuple[str, ...] = ("STOP", "</b>")) -> list[Delta]:
    reader = StopReader(stops)
    return [told for delta in deltas for told in reader.read(delta)]


def words(deltas: list[Delta]) -> str:
    return "".join(delta.text for delta in deltas if isinstance(delta, Text))


TEXTS = [
    ("a STOP b", "a ", "STOP"),
    ("STOP", "", "STOP"),
    ("a</b>STOP", "a", "</b>"),
    ("SSTOP", "S", "STOP"),
    ("STO", "STO", None),
    ("a < b > c", "a < b > c", None),
]


@pytest.mark.parametrize(("text", "said", "stop"), TEXTS)
@pytest.mark.parametrize("size", [1, 2, 3, 100])
def test_text_is_cut_at_the_first_sequence_in_any_pieces(text: str, said: str, stop: str | None, size: int) -> None:
    pieces = [Text(text[at : at + size]) for at in range(0, len(text), size)]
    deltas = read(*pieces, FINISH, End())
    assert words(deltas) == said
    assert deltas[-2:] == [Finish(StopReason.STOP_SEQUENCE, stop) if stop else FINISH, End()]
    assert all(delta.text for delta in deltas if isinstance(delta, Text))


def test_what_comes_behind_the_sequence_is_dropped_but_for_counts_and_the_end() -> None:
    behind = (Text("b"), Reasoning("c"), CALL, Unread("x"), USAGE, FINISH, End())
    assert read(Text("aSTOP"), *behind) == [
        Text("a"),
        Unread("x"),
        USAGE,
        Finish(StopReason.STOP_SEQUENCE, "STOP"),
        End(),
    ]
    failure = Failure(MalformedReply("x"))
    assert read(Text("STOP"), failure) == [failure]


def test_no_sequence_reaches_over_a_call() -> None:
    assert read(Text("ST"), CALL, Text("OP")) == [Text("ST"), CALL, Text("OP")]


def test_counts_do_not_part_a_text() -> None:
    assert read(Text("ST"), USAGE, Text("OP"), FINISH) == [USAGE, Finish(StopReason.STOP_SEQUENCE, "STOP")]


def test_without_a_sequence_nothing_is_read_again() -> None:
    decoder = ResponsesDecoder(CONTEXT)
    assert stopping(decoder, ()) is decoder
    assert stopping(decoder, ("",)) is decoder
    assert isinstance(stopping(decoder, ("a",)), Reread)
