"""What a profile has read once more, through the dialect: streams in every way, and whole replies."""

from dataclasses import replace
from typing import Any

import orjson
import pytest

from addon.dialects import ReplyContext
from addon.dialects.openai_chat.dialect import DIALECT
from addon.dialects.openai_chat.reply import ChatDecoder
from addon.dialects.openai_chat.rereading import reread
from addon.protocol.deltas import (
    Delta,
    Failure,
    Finish,
    Reasoning,
    StopReason,
    Text,
    ToolArguments,
    ToolCall,
    Unread,
    Usage,
)
from tests.chunks import CONTEXT, END, THREE_WAYS, Decode, Json, call, calls, chunk, reading, sse, whole

OFFERING = replace(CONTEXT, offered={"Bash": {}})
CALL_TEXT = '<tool_call>{"name": "Bash", "arguments": {}}</tool_call>'
MADE: list[Delta] = [ToolCall(-1, "toolu_x1_t1", "Bash"), ToolArguments(-1, "{}")]
STOP, LENGTH = chunk({}, "stop"), chunk({}, "length")
ENDED, CUT, CALLED = Finish(StopReason.END_TURN), Finish(StopReason.MAX_TOKENS), Finish(StopReason.TOOL_USE)
NATIVE = calls(call(0, "call_a", "Bash", "{}"))
NATIVELY: list[Delta] = [ToolCall(0, "call_a", "Bash"), ToolArguments(0, "{}")]


def text(words: str) -> Json:
    return chunk({"content": words})


def test_a_decoder_with_nothing_to_do_is_itself() -> None:
    decoder = ChatDecoder(CONTEXT)
    assert reread(decoder, CONTEXT) is decoder
    assert reread(decoder, reading(text_calls=True)) is decoder  # nothing was offered


REPEATS: dict[str, tuple[list[Any], list[Delta]]] = {
    "a delta that comes again": (
        [chunk({"reasoning_content": "Thinking... "})] * 3 + [text("Hi"), text("Hi"), STOP],
        [Reasoning("Thinking... "), Text("Hi"), Text("Hi"), ENDED],
    ),
    "after something else": (
        [chunk({"reasoning_content": "A"}), text("Hi"), chunk({"reasoning_content": "A"}), STOP],
        [Reasoning("A"), Text("Hi"), ENDED],
    ),
    "not in a row": (
        [chunk({"reasoning_content": each}) for each in ("A", "B", "A")],
        [Reasoning("A"), Reasoning("B"), Reasoning("A")],
    ),
}


@THREE_WAYS
@pytest.mark.parametrize(("chunks", "expected"), REPEATS.values(), ids=REPEATS)
def test_repeated_thinking_is_told_once(decode: Decode, chunks: list[Any], expected: list[Delta]) -> None:
    assert [*expected, END] == decode(sse(*chunks), reading(repeats_reasoning=True))


TAGS: dict[str, tuple[list[Any], list[Delta]]] = {
    "thinking and text": (
        [text("<thi"), text("nk>Hm"), text("</think>"), text("Hi"), STOP],
        [Reasoning("Hm"), Text("Hi"), ENDED],
    ),
    "thinking and a call": ([text("<think>Hm"), NATIVE, STOP], [Reasoning("Hm"), *NATIVELY, CALLED]),
    "thinking alone was the answer": ([text("<think>4"), STOP], [Reasoning("4"), ENDED, Text("4")]),
    "thinking that was cut": ([text("<think>4 </"), LENGTH], [Reasoning("4"), CUT, Reasoning(" </")]),
    "thinking without a finish reason": ([text("<think>4")], [Reasoning("4")]),
    "what is held is told before an error": ([text("<thi"), b"no JSON"], [Text("<thi")]),
    "other thinking stays": (
        [chunk({"reasoning": "A"}), text("<think>B</think>C")], [Reasoning("A"), Reasoning("B"), Text("C")],
    ),
}  # fmt: skip


@THREE_WAYS
@pytest.mark.parametrize(("chunks", "expected"), TAGS.values(), ids=TAGS)
def test_tags_are_read_as_thinking(decode: Decode, chunks: list[Any], expected: list[Delta]) -> None:
    deltas = [delta for delta in decode(sse(*chunks), reading(think_tags=True)) if not isinstance(delta, Failure)]
    assert [*expected, END] == deltas


def test_a_reply_that_begins_inside_its_thinking() -> None:
    assert whole(sse(text("Hm</think>Hi"), STOP), reading(think_opened=True)) == [
        Reasoning("Hm"),
        Text("Hi"),
        ENDED,
        END,
    ]
    assert whole(sse(text("4"), STOP), reading(think_opened=True)) == [Reasoning("4"), ENDED, Text("4"), END]


IN_TEXT: dict[str, tuple[list[Any], list[Delta]]] = {
    "a call": ([text(CALL_TEXT[:9]), text(CALL_TEXT[9:]), STOP], [*MADE, CALLED]),
    "a call at the limit": ([text(CALL_TEXT), LENGTH], [*MADE, CUT]),
    "no call": ([text("Hi <too"), STOP], [Text("Hi "), Text("<too"), ENDED]),
    "a call without a finish reason": ([text(CALL_TEXT)], MADE),
    "a call behind the finish reason": ([STOP, text(CALL_TEXT)], [*MADE, CALLED]),
    "usage is told at once": (
        [text("<tool"), chunk({"audio": "x"}, usage={"prompt_tokens": 1, "completion_tokens": 2}), text("s>"), STOP],
        [Unread("audio"), Usage(1, 2), Text("<tools>"), ENDED],
    ),
    "what is held is told before a call on the wire": (
        [text("A <too"), NATIVE, STOP],
        [Text("A "), Text("<too"), *NATIVELY, CALLED],
    ),
    "a call in text and one on the wire": ([text(CALL_TEXT[:-12]), NATIVE, STOP], [*MADE, *NATIVELY, CALLED]),
    "what is held is told before an error": ([text("<tool"), {"error": "boom"}], [Text("<tool")]),
}


@THREE_WAYS
@pytest.mark.parametrize(("chunks", "expected"), IN_TEXT.values(), ids=IN_TEXT)
def test_calls_in_text_are_read_as_calls(decode: Decode, chunks: list[Any], expected: list[Delta]) -> None:
    deltas = decode(sse(*chunks), reading(OFFERING, text_calls=True))
    assert [*expected, END] == [delta for delta in deltas if not isinstance(delta, Failure)]


def test_thinking_and_calls_of_one_text() -> None:
    both = reading(OFFERING, text_calls=True, think_tags=True)
    stream = sse(text(f"<think>I call {CALL_TEXT}"), text(f"</think>\n\n{CALL_TEXT}"), STOP)
    assert whole(stream, both) == [Reasoning(f"I call {CALL_TEXT}"), *MADE, CALLED, END]


WHOLE: dict[str, tuple[ReplyContext, Json, list[Delta]]] = {
    "tags": (reading(think_tags=True), {"content": "<think>A</think>B"}, [Reasoning("A"), Text("B"), ENDED]),
    "calls": (reading(OFFERING, text_calls=True), {"content": CALL_TEXT}, [*MADE, CALLED]),
    "neither": (CONTEXT, {"content": "<think>A</think>B"}, [Text("<think>A</think>B"), ENDED]),
}


@pytest.mark.parametrize(("context", "message", "expected"), WHOLE.values(), ids=WHOLE)
def test_a_whole_reply_is_read_the_same(context: ReplyContext, message: Json, expected: list[Delta]) -> None:
    body = orjson.dumps({"choices": [{"message": message, "finish_reason": "stop"}]})
    assert DIALECT.decode_whole(body, context) == [*expected, END]
