"""Events of one response to deltas, whole, byte by byte, and with another reply behind them.

The stories under ``tests/transcripts/openai_responses`` hold each kind of event once; here is what they do not say.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import orjson
import pytest

from addon.dialects import ReplyContext
from addon.dialects.openai_responses.reply import EVENTS, ResponsesDecoder
from addon.protocol.deltas import (
    Carry,
    Citation,
    Delta,
    End,
    Failure,
    Finish,
    Reasoning,
    Source,
    StopReason,
    Text,
    ToolArguments,
    ToolCall,
    Unread,
    Usage,
    WebSearch,
)
from addon.protocol.errors import BackendError, Kind
from tests.stories import every_story, target

type Json = dict[str, Any]

CONTEXT = ReplyContext(target("openai", "gpt-5.5"), "x1", "OPENAI_API_KEY")
DONE: Json = {"type": "response.completed", "response": {"status": "completed", "output": []}}
ENDED: list[Delta] = [Finish(StopReason.END_TURN), End()]
CALLED: list[Delta] = [Finish(StopReason.TOOL_USE), End()]


def sse(*events: Json) -> bytes:
    return b"".join(b"event: %s\ndata: %s\n\n" % (each["type"].encode(), orjson.dumps(each)) for each in events)


def whole(stream: bytes, context: ReplyContext = CONTEXT) -> list[Delta]:
    decoder = ResponsesDecoder(context)
    return [*decoder.feed(stream), *decoder.close()]


def byte_by_byte(stream: bytes, context: ReplyContext = CONTEXT) -> list[Delta]:
    decoder = ResponsesDecoder(context)
    deltas = [delta for at in range(len(stream)) for delta in decoder.feed(stream[at : at + 1])]
    return [*deltas, *decoder.close()]


def with_more_behind(stream: bytes, context: ReplyContext = CONTEXT) -> list[Delta]:
    return whole(stream + sse(piece("of another reply"), DONE), context)


type Decode = Callable[[bytes], list[Delta]]
THREE_WAYS = pytest.mark.parametrize("decode", [whole, byte_by_byte, with_more_behind])


def piece(text: Any, kind: str = "output_text", place: int = 0, **more: Any) -> Json:
    return {"type": f"response.{kind}.delta", "output_index": place, "delta": text, **more}


def added(place: int, **item: Any) -> Json:
    return {"type": "response.output_item.added", "output_index": place, "item": item}


def done(place: int, **item: Any) -> Json:
    return {"type": "response.output_item.done", "output_index": place, "item": item}


def message(text: str, **more: Any) -> Json:
    return {"type": "message", "content": [{"type": "output_text", "text": text}], **more}


CALL: Json = {"type": "function_call", "call_id": "call_1", "name": "f", "arguments": "{}"}
SAID: Json = {"type": "response.output_text.done", "output_index": 0, "text": "Hi"}
SHORT: Json = {"incomplete_details": {"reason": "max_tokens"}}
SEALED: Json = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "gAAAA"}
CITED = {"type": "url_citation", "url": "u"}
OPEN: Json = {"type": "reasoning", "summary": [{"text": "a"}], "content": [{"text": "b"}]}
FOUND: Json = {
    "type": "web_search_call",
    "id": "ws_1",
    "status": "completed",
    "action": {"type": "search", "query": "q"},
}
TOLD: Json = {"type": "message", "content": [{"type": "output_text", "text": "a"}]}
CASES: dict[str, tuple[list[Json], list[Delta]]] = {
    "text": ([piece("Hi"), piece("."), DONE], [Text("Hi"), Text("."), *ENDED]),
    "empty_pieces": ([piece(""), piece(None), DONE], ENDED),
    "text_that_is_told_again": (
        [piece("Hi"), SAID, done(0, **message("Hi")), DONE],
        [Text("Hi"), *ENDED],
    ),
    "text_when_done": (
        [SAID, DONE],
        [Text("Hi"), *ENDED],
    ),
    "two_messages": ([piece("a"), piece("b", place=1), DONE], [Text("a"), Text("\n\nb"), *ENDED]),
    "two_parts": ([piece("a"), piece("b", content_index=1), DONE], [Text("a"), Text("b"), *ENDED]),
    "text_around_a_call": (
        [piece("a"), done(1, **CALL), piece("b", place=2), DONE],
        [Text("a"), ToolCall(0, "call_1", "f"), ToolArguments(0, "{}"), Text("b"), *CALLED],
    ),
    "summary": (
        [piece("a", "reasoning_summary_text"), piece("b", "reasoning_summary_text", summary_index=1), DONE],
        [Reasoning("a"), Reasoning("\n\nb"), *ENDED],
    ),
    "plain_reasoning": ([piece("a", "reasoning_text"), piece("b"), DONE], [Reasoning("a"), Text("b"), *ENDED]),
    "sealed_reasoning": ([done(0, **SEALED), DONE], [Carry("output", [{"item": SEALED}]), *ENDED]),
    "sealed_reasoning_that_is_told_again": (
        [done(0, **SEALED), {**DONE, "response": {"output": [SEALED, CALL]}}],
        [Carry("output", [{"item": SEALED}]), ToolCall(0, "call_1", "f"), ToolArguments(0, "{}"), *CALLED],
    ),
    "phase": (
        [added(0, type="message", phase="commentary"), piece("a"), piece("b"), DONE],
        [Carry("output", [{"phase": "commentary"}]), Text("a"), Text("b"), *ENDED],
    ),
    "phase_of_nothing": (
        [added(0, type="message", phase="commentary"), done(0, type="message"), piece("b", place=1), DONE],
        [Text("b"), *ENDED],
    ),
    "refusal": ([piece("No.", "refusal"), DONE], [Text("No."), Finish(StopReason.REFUSAL), End()]),
    "refusal_when_done": (
        [done(0, type="message", content=[{"type": "refusal", "refusal": "No."}]), DONE],
        [Text("No."), Finish(StopReason.REFUSAL), End()],
    ),
    "citation_when_done": (
        [done(0, type="message", content=[{"type": "text", "text": "a", "annotations": [CITED]}]), DONE],
        [Text("a"), Citation(Source("u", "u")), *ENDED],
    ),
    "reasoning_when_done": (
        [done(0, type="reasoning", summary=[{"text": "a"}], content=[{"text": "b"}]), DONE],
        [Reasoning("a"), Reasoning("\n\nb"), Carry("output", [{"item": OPEN}]), *ENDED],
    ),
    "reasoning_sealed_late": (
        [
            added(0, type="reasoning", id="rs_1"),
            done(0, type="reasoning", id="rs_1"),
            done(1, **CALL),
            done(2, type="web_search_call"),
            {**DONE, "response": {"output": [SEALED, CALL, FOUND]}},
        ],
        [
            ToolCall(0, "call_1", "f"),
            ToolArguments(0, "{}"),
            WebSearch(""),
            Carry("output", [{"item": SEALED, "before": "call_1"}]),
            *CALLED,
        ],
    ),
    "reasoning_sealed_late_before_a_text": (
        [done(0, type="reasoning", id="rs_1"), piece("a", place=1), {**DONE, "response": {"output": [SEALED, TOLD]}}],
        [Text("a"), Carry("output", [{"item": SEALED, "before": ""}]), *ENDED],
    ),
    "reasoning_sealed_late_that_led_to_nothing": (
        [done(0, type="reasoning", id="rs_1"), {**DONE, "response": {"output": [SEALED]}}],
        ENDED,
    ),
    "search": (
        [done(0, **FOUND), piece("a", place=1), DONE],
        [WebSearch("q"), Carry("output", [{"item": FOUND}]), Text("a"), *ENDED],
    ),
    "search_without_an_id": ([done(0, type="web_search_call", action={"query": "q"}), DONE], [WebSearch("q"), *ENDED]),
    "refusal_and_a_call": (
        [piece("No.", "refusal"), done(1, **CALL), DONE],
        [Text("No."), ToolCall(0, "call_1", "f"), ToolArguments(0, "{}"), *CALLED],
    ),
    "citation": (
        [
            piece("a"),
            {"type": "response.output_text.annotation.added", "annotation": CITED},
            DONE,
        ],
        [Text("a"), Citation(Source("u", "u")), *ENDED],
    ),
    "usage": (
        [{**DONE, "response": {"usage": {"input_tokens": 5, "output_tokens": 2}}}],
        [Usage(5, 2), *ENDED],
    ),
    "reasoning_that_was_not_used": (
        [{**DONE, "response": {"input_transformations": [{"action": "removed", "reason": "model_mismatch"}]}}],
        [Unread("input_transformations.model_mismatch"), *ENDED],
    ),
    "arguments_before_their_item": (
        [piece("{}", "function_call_arguments"), added(0, **CALL), DONE],
        [ToolCall(0, "call_1", "f"), ToolArguments(0, "{}"), *CALLED],
    ),
    "named_when_its_arguments_are_done": (
        [{"type": "response.function_call_arguments.done", "output_index": 0, "call_id": "call_1", "name": "f"}, DONE],
        [ToolCall(0, "toolu_x1_0", "f"), *CALLED],
    ),
    "unknown": (
        [piece("a", "hologram"), {"type": "response.hologram.done"}, {"type": "keepalive", "delta": "x"}, DONE],
        [Unread("response.hologram.delta"), *ENDED],
    ),
    "item_of_no_kind": ([done(0), done(1, type="compaction"), DONE], ENDED),
    "item_of_an_unknown_kind": ([done(0, type="hologram"), DONE], [Unread("output.hologram"), *ENDED]),
    "part_of_an_unknown_kind": (
        [done(0, type="message", content=[{"type": "smell"}]), DONE],
        [Unread("content.smell"), *ENDED],
    ),
    "limit_of_another_name": (
        [piece("a"), {"type": "response.incomplete", "response": SHORT}],
        [Text("a"), Finish(StopReason.MAX_TOKENS), End()],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
@THREE_WAYS
def test_events_become_deltas_however_they_arrive(decode: Decode, case: str) -> None:
    events, deltas = CASES[case]
    assert decode(sse(*events)) == deltas


def test_every_kind_of_event_has_a_story() -> None:
    told = b"".join(story.backend_reply for story in every_story("openai_responses"))
    assert [kind for kind in EVENTS if b'"type":"%s"' % kind.encode() not in told] == []


def failed(code: str) -> Json:
    return {"type": "response.failed", "response": {"error": {"code": code, "message": "x"}}}


FAULTS: list[tuple[Json, Kind]] = [
    ({"type": "error", "code": "context_length_exceeded", "message": "x"}, Kind.OVERFLOW),
    ({"type": "error", "code": "rate_limit_exceeded", "message": "x"}, Kind.RATE_LIMIT),
    ({"type": "error", "code": "insufficient_quota", "message": "x"}, Kind.MONEY),
    ({"type": "error", "code": "invalid_encrypted_content", "message": "x"}, Kind.REPAIRABLE),
    ({"type": "error", "error": {"type": "invalid_request_error", "message": "x"}}, Kind.REFUSED),
    ({"type": "error", "code": None, "message": ""}, Kind.SERVER),
    (failed("server_error"), Kind.SERVER),
    (failed("bio_policy"), Kind.REFUSED),
    (failed("vector_store_timeout"), Kind.TIMEOUT),
    ({"type": "response.failed", "response": {}}, Kind.SERVER),
    ({"type": "response.completed", "response": {"status": "cancelled"}}, Kind.SERVER),
    ({"type": "response.completed", "response": {"status": "in_progress"}}, Kind.SERVER),
    ({"type": "response.incomplete", "response": {"status": "incomplete"}}, Kind.MALFORMED),
    ({"type": "response.output_text.delta", "delta": 1}, Kind.MALFORMED),
    ({"type": "response.completed", "response": None}, Kind.MALFORMED),
    ({"type": "response.output_item.done"}, Kind.MALFORMED),
]  # fmt: skip


@pytest.mark.parametrize(("event", "kind"), FAULTS)
def test_a_failure_says_what_it_means(event: Json, kind: Kind) -> None:
    told = [delta for delta in whole(sse(event)) if isinstance(delta, Failure)]
    assert [each.error.kind for each in told if isinstance(each.error, BackendError)] == [kind]


def test_nothing_follows_a_failure() -> None:
    assert len(whole(sse({"type": "error", "code": "x", "message": "y"}, piece("a"), DONE))) == 1


def test_a_call_that_never_says_its_name_is_a_fault() -> None:
    deltas = whole(sse({"type": "response.function_call_arguments.delta", "delta": "{}"}, DONE))
    assert [type(delta) for delta in deltas] == [Failure, End]


def test_a_reply_without_its_last_event_has_no_finish() -> None:
    assert whole(sse(piece("a"))) == [Text("a"), End()]
    assert whole(b"") == [End()]


def test_a_piece_of_an_event_that_outgrows_its_limit_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("addon.protocol.framing.MAX_EVENT_BYTES", 10)
    deltas = ResponsesDecoder(CONTEXT).feed(b"data: " + b"x" * 20)
    assert [type(delta) for delta in deltas] == [Failure]


def test_what_is_no_json_is_quoted_only_where_it_is_a_page() -> None:
    page = whole(b"data: <html>502</html>\n\n")[0]
    cut = whole(b'data: {"secret words\n\n')[0]
    assert isinstance(page, Failure)
    assert isinstance(cut, Failure)
    assert "<html>502</html>" in page.error.message
    assert "secret" not in cut.error.message


def test_half_an_emoji_costs_no_reply() -> None:
    assert whole(b'data: {"type":"response.output_text.delta","delta":"\\ud83d"}\n\n')[0] == Text("\ufffd")


def test_names_are_turned_back() -> None:
    context = replace(CONTEXT, tool_names={"f": "mcp.long name"})
    assert whole(sse(done(0, **CALL), DONE), context)[0] == ToolCall(0, "call_1", "mcp.long name")
