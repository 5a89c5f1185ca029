"""Chunks to deltas: every table runs with the bytes whole, byte by byte, and with another reply's bytes behind them."""

import dataclasses
from typing import Any

import pytest

from addon.dialects.openai_chat import reply as openai_chat_reply
from addon.dialects.openai_chat.echo import DETAILS
from addon.dialects.openai_chat.reply import ChatDecoder
from addon.dialects.profiles import Echo
from addon.dialects.web.search import Search
from addon.protocol.deltas import (
    Carry,
    Citation,
    Delta,
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
from addon.protocol.errors import KINDS, Kind, MalformedReply
from tests.chunks import CONTEXT, DONE, END, THREE_WAYS, Decode, Json, call, calls, chunk, reading, sse, whole

PAGE = Source("https://a.example", "https://a.example")
WORDS: dict[str, tuple[list[Any], list[Delta]]] = {
    "text": ([chunk({"content": "Hi"}), chunk({"content": " you"})], [Text("Hi"), Text(" you")]),
    "a role-only first chunk says nothing": ([chunk({"role": "assistant", "content": ""})], []),
    "null content says nothing": ([chunk({"role": "assistant", "content": None, "refusal": None})], []),
    "text beside a role": ([chunk({"role": "assistant", "content": "Hi"})], [Text("Hi")]),
    "reasoning_content": ([chunk({"reasoning_content": "Hm"})], [Reasoning("Hm")]),
    "reasoning": ([chunk({"reasoning": "Hm"})], [Reasoning("Hm")]),
    "both names carry the same once": ([chunk({"reasoning_content": "Hm", "reasoning": "Hm"})], [Reasoning("Hm")]),
    "an empty first name gives way": ([chunk({"reasoning_content": "", "reasoning": "Hm"})], [Reasoning("Hm")]),
    "reasoning comes before text": ([chunk({"content": "A", "reasoning": "Hm"})], [Reasoning("Hm"), Text("A")]),
    "reasoning as an object is kept": ([chunk({"reasoning": {"a": 1}})], [Reasoning('{"a":1}')]),
    "parts of text": (
        [chunk({"content": [{"type": "text", "text": "A"}, {"type": "output_text", "text": "B"}]})],
        [Text("A"), Text("B")],
    ),
    "an empty part says nothing": ([chunk({"content": [{"type": "text", "text": ""}]})], []),
    "a thinking part": (
        [chunk({"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "H"}, {"text": "m"}]}]})],
        [Reasoning("Hm")],
    ),
    "a thinking part as text": ([chunk({"content": [{"type": "thinking", "thinking": "Hm"}]})], [Reasoning("Hm")]),
    "an empty thinking part": ([chunk({"content": [{"type": "thinking", "thinking": []}]})], []),
    "a part that refers to sources is told as unread": (
        [chunk({"content": [{"type": "text", "text": "A"}, {"type": "reference", "reference_ids": [1]}]})],
        [Text("A"), Unread("content.reference")],
    ),
    "what is no word is told as unread": (
        [chunk({"content": "A", "audio": {"id": "a"}, "annotations": []})],
        [Text("A"), Unread("audio")],
    ),
    "the only thing of a delta is told as unread": ([chunk({"images": ["x"]})], [Unread("images")]),
    "an annotation is a citation of the text": (
        [chunk({"content": "A", "annotations": [{"type": "url_citation", "url": "https://a.example"}]})],
        [Text("A"), Citation(PAGE)],
    ),
    "sources beside the choices are citations at the end": (
        [chunk({"role": "assistant"}, citations=["https://a.example"]), chunk({"content": "A"})],
        [Text("A"), Citation(PAGE)],
    ),
    "reasoning in details alone": (
        [chunk({"reasoning_details": [{"type": "reasoning.text", "text": "H"}, {"summary": "m"}, {"data": "x"}]})],
        [Reasoning("Hm"), Unread("reasoning_details")],
    ),
    "reasoning in details and in plain is read once": (
        [chunk({"reasoning": "Hm", "reasoning_details": [{"text": "Hm"}]})],
        [Reasoning("Hm")],
    ),
    "the whole message once more, after its pieces, says nothing": (
        [chunk({"content": "A"}), {"choices": [{"message": {"content": "A", "tool_calls": [call(0, "x", "Bash")]}}]}],
        [Text("A")],
    ),
    "the same after pieces of thinking": (
        [chunk({"reasoning_content": "Hm"}), {"choices": [{"message": {"reasoning_content": "Hm"}}]}],
        [Reasoning("Hm")],
    ),
    "the same after pieces beside other things": (
        [chunk({"role": "assistant", "content": "A"}), {"choices": [{"message": {"content": "A"}}]}],
        [Text("A")],
    ),
    "a whole message in an event is read": (
        [chunk({"role": "assistant"}), {"choices": [{"message": {"content": "A"}}]}],
        [Text("A")],
    ),
    "choices are missing": ([{"id": "x"}, {"choices": []}, {"choices": None}], []),
    "an error that is null is none": ([chunk({"content": "A"}, error=None)], [Text("A")]),
    "content that is a lone surrogate": (
        [b'{"choices":[{"delta":{"content":"a\\ud83d"}}]}'],
        [Text("a"), Text("\ufffd")],
    ),
    "a number that is none": ([b'{"choices":[{"delta":{"content":"a"},"logprobs":NaN}]}'], [Text("a")]),
    "a pair of surrogates over two chunks": (
        [b'{"choices":[{"delta":{"content":"a\\ud83d"}}]}', b'{"choices":[{"delta":{"content":"\\ude00b"}}]}'],
        [Text("a"), Text("\U0001f600b")],
    ),
    "half a pair, and thinking about something else": (
        [b'{"choices":[{"delta":{"content":"\\ud83d"}}]}', b'{"choices":[{"delta":{"content":"b"}}]}'],
        [Text("b"), Text("\ufffd")],
    ),
    "a backslash and letters are no half": (
        [b'{"choices":[{"delta":{"content":"\\\\ud83d"},"x":NaN}]}'],
        [Text("\\ud83d")],
    ),
    "a pair of surrogates": ([b'{"choices":[{"delta":{"content":"\\ud83d\\ude00"}}]}'], [Text("\U0001f600")]),
}


@THREE_WAYS
@pytest.mark.parametrize(("chunks", "expected"), WORDS.values(), ids=WORDS)
def test_words_are_read(decode: Decode, chunks: list[Any], expected: list[Delta]) -> None:
    assert [*expected, END] == decode(sse(*chunks))


A = "call_a"


def details(*parts: Json, **more: Any) -> Json:
    return chunk({"reasoning_details": list(parts), **more})


SUMMARY, MORE = {"type": "reasoning.summary", "summary": "Hm"}, {"type": "reasoning.summary", "summary": "m."}
SEALED = {"type": "reasoning.encrypted", "data": "c2VhbGVk"}
BOTH = [{"type": "reasoning.summary", "summary": "Hmm."}, SEALED]
WANTED_BACK: dict[str, tuple[list[Any], list[Delta]]] = {
    "before the text that follows": (
        [details(SUMMARY, reasoning="Hm"), details(MORE, reasoning="m."), details(SEALED), chunk({"content": "A"})],
        [Reasoning("Hm"), Reasoning("m."), Carry(DETAILS, BOTH), Text("A")],
    ),
    "before the text beside it": (
        [details(SUMMARY, content="A"), chunk({"content": "B"}), details(SEALED, content="C")],
        [Reasoning("Hm"), Carry(DETAILS, [SUMMARY]), Text("A"), Text("B"), Carry(DETAILS, [SEALED]), Text("C")],
    ),
    "before the call that follows": (
        [details(SEALED, content=""), chunk({"tool_calls": []}), calls(call(0, "call_a", "Bash", "{}"))],
        [Carry(DETAILS, [SEALED]), ToolCall(0, "call_a", "Bash"), ToolArguments(0, "{}")],
    ),
    "before a refusal": (
        [details(SEALED, refusal="No.")],
        [Carry(DETAILS, [SEALED]), Text("No.")],
    ),
    "at the end": (
        [chunk({"content": "A"}), details(SEALED), chunk({}, "stop")],
        [Text("A"), Finish(StopReason.END_TURN), Carry(DETAILS, [SEALED])],
    ),
    "not where there is nothing": (
        [details(), chunk({"reasoning_details": None, "content": "A"})],
        [Text("A")],
    ),
}


@THREE_WAYS
@pytest.mark.parametrize(("chunks", "expected"), WANTED_BACK.values(), ids=WANTED_BACK)
def test_details_are_carried_before_what_they_belong_to(
    decode: Decode, chunks: list[Any], expected: list[Delta]
) -> None:
    assert [*expected, END] == decode(sse(*chunks), reading(reasoning_echo=Echo.REASONING_DETAILS))


def test_details_are_not_carried_for_a_backend_that_does_not_want_them() -> None:
    stream = sse(details(SUMMARY, SEALED), chunk({"content": "A"}))
    assert whole(stream) == [Reasoning("Hm"), Text("A"), Unread("reasoning_details"), END]


A_CALL = calls(call(0, A, "Bash", "{}"))
FINISHES: dict[str, tuple[list[Any], StopReason]] = {
    "stop": ([chunk({}, "stop")], StopReason.END_TURN),
    "end": ([chunk({}, "end")], StopReason.END_TURN),
    "eos": ([chunk({}, "eos")], StopReason.END_TURN),
    "end_turn": ([chunk({}, "end_turn")], StopReason.END_TURN),
    "length": ([chunk({}, "length")], StopReason.MAX_TOKENS),
    "max_tokens": ([chunk({}, "max_tokens")], StopReason.MAX_TOKENS),
    "model_length": ([chunk({}, "model_length")], StopReason.MAX_TOKENS),
    "tool_calls": ([A_CALL, chunk({}, "tool_calls")], StopReason.TOOL_USE),
    "tool_use": ([A_CALL, chunk({}, "tool_use")], StopReason.TOOL_USE),
    "function_call": ([A_CALL, chunk({}, "function_call")], StopReason.TOOL_USE),
    "content_filter": ([chunk({}, "content_filter")], StopReason.REFUSAL),
    "sensitive": ([chunk({}, "sensitive")], StopReason.REFUSAL),
    "model_context_window_exceeded": ([chunk({}, "model_context_window_exceeded")], StopReason.CONTEXT_WINDOW),
    "stop after calls": ([A_CALL, chunk({}, "stop")], StopReason.TOOL_USE),
    "length after calls": ([A_CALL, chunk({}, "length")], StopReason.MAX_TOKENS),
    "stop after a refusal": ([chunk({"refusal": "No."}), chunk({}, "stop")], StopReason.REFUSAL),
    "stop after a refusal and a call": ([chunk({"refusal": "No."}), A_CALL, chunk({}, "stop")], StopReason.TOOL_USE),
    "stop after a part that refuses": (
        [chunk({"content": [{"type": "refusal", "refusal": "No."}]}), chunk({}, "stop")],
        StopReason.REFUSAL,
    ),
}


@THREE_WAYS
@pytest.mark.parametrize(("chunks", "expected"), FINISHES.values(), ids=FINISHES)
def test_the_finish_reason_is_told_in_anthropics_words(decode: Decode, chunks: list[Any], expected: StopReason) -> None:
    *_, finish, end = decode(sse(*chunks))
    assert (finish, end) == (Finish(expected), END)


@pytest.mark.parametrize("name", ["stop_reason", "matched_stop"])
def test_the_sequence_that_stopped_it_is_told(name: str) -> None:
    asked = dataclasses.replace(CONTEXT, stop_sequences=("</severity>",))
    for told, expected in (
        ("</severity>", Finish(StopReason.STOP_SEQUENCE, "</severity>")),
        ("end_turn", Finish(StopReason.END_TURN)),
        (151645, Finish(StopReason.END_TURN)),
        (["</severity>"], Finish(StopReason.END_TURN)),
    ):
        choice = {"index": 0, "delta": {}, "finish_reason": "stop", name: told}
        assert ChatDecoder(asked).feed(sse({"choices": [choice]})) == [expected]


LATE: dict[str, tuple[list[Any], list[Delta]]] = {
    "calls behind the finish reason": (
        [chunk({}, "stop"), A_CALL],
        [
            Finish(StopReason.END_TURN),
            ToolCall(0, A, "Bash"),
            ToolArguments(0, "{}"),
            Finish(StopReason.TOOL_USE),
        ],
    ),
    "calls behind the limit": (
        [chunk({}, "length"), A_CALL],
        [Finish(StopReason.MAX_TOKENS), ToolCall(0, A, "Bash"), ToolArguments(0, "{}")],
    ),
    "calls under an empty reason": (
        [A_CALL, chunk({}, ""), b"[DONE]"],
        [ToolCall(0, A, "Bash"), ToolArguments(0, "{}"), Finish(StopReason.TOOL_USE)],
    ),
    "calls under an empty reason, and a chunk with usage": (
        [A_CALL, chunk({}, ""), {"choices": [], "usage": {"prompt_tokens": 10, "completion_tokens": 2}}, b"[DONE]"],
        [ToolCall(0, A, "Bash"), ToolArguments(0, "{}"), Usage(10, 2), Finish(StopReason.TOOL_USE)],
    ),
    "words under an empty reason": ([chunk({"content": "A"}, ""), b"[DONE]"], [Text("A")]),
    "calls under no reason": ([A_CALL, b"[DONE]"], [ToolCall(0, A, "Bash"), ToolArguments(0, "{}")]),
}


@THREE_WAYS
@pytest.mark.parametrize(("chunks", "expected"), LATE.values(), ids=LATE)
def test_calls_win_over_a_reason_that_does_not_know_of_them(
    decode: Decode, chunks: list[Any], expected: list[Delta]
) -> None:
    assert [*expected, END] == decode(sse(*chunks))


def test_an_empty_reason_counts_only_where_the_backend_itself_ends_the_reply() -> None:
    assert whole(sse(A_CALL, chunk({}, ""))) == [ToolCall(0, A, "Bash"), ToolArguments(0, "{}"), END]


def test_a_call_without_a_name_behind_the_finish_reason_fails() -> None:
    finish, failure, end = whole(sse(chunk({}, "stop"), calls(call(0, A, None, "{}"))))
    assert (finish, end) == (Finish(StopReason.END_TURN), END)
    assert isinstance(failure, Failure)
    assert failure.error.message == "openai/gpt-5.5 sent a tool call without a name"


def test_every_finish_reason_is_in_a_table() -> None:
    known = {*openai_chat_reply.FINISH, *openai_chat_reply.FINISH_FAULTS}
    tested = {name for name in FINISHES if " " not in name} | set(FAULTS_AT_THE_END)
    assert known == tested


def test_a_refusal_is_said_in_words() -> None:
    assert [Text("No."), END] == whole(sse(chunk({"refusal": "No."})))


@pytest.mark.parametrize("empty", ["", None])
def test_an_empty_finish_reason_is_none(empty: str | None) -> None:
    assert [Text("A"), END] == whole(sse(chunk({"content": "A"}, empty)))


FAULTS_AT_THE_END = {
    "error": Kind.SERVER,
    "network_error": Kind.SERVER,
    "insufficient_system_resource": Kind.OVERLOADED,
}


@pytest.mark.parametrize(("finish", "kind"), FAULTS_AT_THE_END.items())
def test_a_finish_reason_that_is_a_fault_fails(finish: str, kind: Kind) -> None:
    failure, _ = whole(sse(chunk({}, finish)))
    assert isinstance(failure, Failure)
    assert (failure.error.status, failure.error.type) == KINDS[kind]
    assert failure.error.message == f'openai/gpt-5.5 ended its reply with "{finish}"'


TOLD_NUMBERS = {"prompt_tokens": 10, "completion_tokens": 2}
USED = Usage(10, 2)
PLACES: dict[str, list[Any]] = {
    "trailing": [chunk({}, "stop"), {"choices": [], "usage": TOLD_NUMBERS}],
    "on the last choice's chunk": [chunk({}, "stop", usage=TOLD_NUMBERS)],
    "in the choice": [{"choices": [{"delta": {}, "finish_reason": "stop", "usage": TOLD_NUMBERS}]}],
    "under x_groq": [chunk({}, "stop", x_groq={"usage": TOLD_NUMBERS})],
}


@THREE_WAYS
@pytest.mark.parametrize("chunks", PLACES.values(), ids=PLACES)
def test_usage_is_found(decode: Decode, chunks: list[Any]) -> None:
    assert [Finish(StopReason.END_TURN), USED, END] == decode(sse(*chunks))


def test_usage_beside_words_is_found() -> None:
    beside = [chunk({"content": "A"}, usage=TOLD_NUMBERS), chunk({"content": "B"}, usage=None)]
    assert [Text("A"), USED, Text("B"), END] == whole(sse(*beside))


def test_usage_in_a_choice_with_words_is_found() -> None:
    beside = {"choices": [{"delta": {"content": "A"}, "usage": TOLD_NUMBERS}]}
    assert [Text("A"), USED, END] == whole(sse(beside))


def test_no_usage_is_no_delta() -> None:
    assert [Text("A"), END] == whole(sse(chunk({"content": "A"}, x_groq={"id": "r"}, usage={})))


def test_reasoning_is_counted_as_the_profile_says() -> None:
    told = {**TOLD_NUMBERS, "completion_tokens_details": {"reasoning_tokens": 1}}
    places = [{"choices": [], "usage": told}, {"choices": [{"delta": {}, "usage": told}]}]
    counted = Usage(10, 3, reasoning_tokens=1)
    assert whole(sse(*places), reading(reasoning_uncounted=True)) == [counted, counted, END]


FAULTS: dict[str, tuple[Any, Kind, str]] = {
    "an envelope": ({"error": {"message": "boom", "type": "server_error", "code": None}}, Kind.SERVER, "boom"),
    "an error beside a choice": (
        {**chunk({}, "error"), "error": {"code": 502, "message": "Provider", "metadata": {"raw": "cause"}}},
        Kind.SERVER,
        "Provider: cause",
    ),
    "a flat error": ({"object": "error", "message": "boom", "code": 500}, Kind.SERVER, "boom"),
    "a string": ({"error": "rate limit"}, Kind.RATE_LIMIT, "rate limit"),
    "a string and a code": ({"error": "boom", "code": "invalid_api_key"}, Kind.CREDENTIAL, "boom"),
    "a number for a code": ({"error": {"message": "boom", "code": "429"}}, Kind.RATE_LIMIT, "boom"),
    "in the choice": (
        {"choices": [{"delta": {}, "finish_reason": "error", "error": {"message": "boom", "code": 503}}]},
        Kind.OVERLOADED,
        "boom",
    ),
    "a bare message": ({"message": "boom"}, Kind.SERVER, "boom"),
}


@THREE_WAYS
@pytest.mark.parametrize(("body", "kind", "words"), FAULTS.values(), ids=FAULTS)
def test_an_error_inside_a_reply_is_told(decode: Decode, body: Any, kind: Kind, words: str) -> None:
    said, failure, *_ = decode(sse(chunk({"content": "A"}), body))
    assert said == Text("A")
    assert isinstance(failure, Failure)
    assert (failure.error.status, failure.error.type) == KINDS[kind]
    assert failure.error.message.endswith(words)


def test_an_error_in_a_choice_comes_after_its_words() -> None:
    text, failure, _ = whole(sse({"choices": [{"delta": {"content": "A"}, "error": {"message": "boom"}}]}))
    assert text == Text("A")
    assert isinstance(failure, Failure)


def test_an_overflow_inside_a_reply_is_told_as_one() -> None:
    failure, _ = whole(sse({"error": {"message": "exceeds the context window of this model", "code": None}}))
    assert isinstance(failure, Failure)
    assert failure.error.message.startswith("prompt is too long for ")


MALFORMED: dict[str, tuple[Any, str]] = {
    "not JSON": (b"<html>", "sent what is not JSON: <html>"),
    "cut JSON": (b'{"choices":[{"delta":{"content":"a secret', "sent what is not JSON: a chunk that is cut or broken"),
    "a broken list": (b" [1,", "sent what is not JSON: a chunk that is cut or broken"),
    "a long text is not quoted whole": (b"x" * 999, "sent what is not JSON: " + "x" * 120),
    "bytes that are no text": (b"\xff\xfe", "sent what is not JSON: \ufffd\ufffd"),
    "a number": (b"5", "sent a chunk of the wrong shape ('int' object has no attribute 'get')"),
    "an array": (b"[]", "sent a chunk of the wrong shape ('list' object has no attribute 'get')"),
    "choices of numbers": ({"choices": [5]}, "wrong shape"),
    "choices as an object": ({"choices": {"a": 1}}, "wrong shape"),
    "a delta that is text": ({"choices": [{"delta": "Hi"}]}, "wrong shape"),
    "content as an object": (chunk({"content": {"a": 1}}), "neither text nor a list of parts, but of the type dict"),
    "content as a number": (chunk({"content": 5}), "neither text nor a list of parts, but of the type int"),
    "a part of an unknown type": (chunk({"content": [{"type": "video"}]}), 'a part of the unknown type "video"'),
    "a part that is none": (chunk({"content": ["Hi"]}), 'a part of the unknown type "None"'),
    "calls as a number": (chunk({"tool_calls": 5}), "wrong shape"),
    "a call that is text": (chunk({"tool_calls": ["Bash"]}), "wrong shape"),
    "a finish reason as a list": (chunk({}, ["stop"]), "wrong shape"),
    "usage as text": ({"choices": [], "usage": "much"}, "wrong shape"),
    "tokens beyond all counting": (b'{"choices":[],"usage":{"prompt_tokens":1e999}}', "sent"),
    "an unknown finish reason": (chunk({}, "banana"), 'ended its reply with the unknown finish reason "banana"'),
    "calls without any": (chunk({}, "tool_calls"), 'ended its reply with "tool_calls" but made no tool call'),
    "a call without a name": (
        chunk({"tool_calls": [call(0, A, None, "{}")]}, "tool_calls"),
        "sent a tool call without a name",
    ),
}


@THREE_WAYS
@pytest.mark.parametrize(("body", "words"), MALFORMED.values(), ids=MALFORMED)
def test_what_breaks_the_format_is_a_failure(decode: Decode, body: Any, words: str) -> None:
    first, *_ = decode(sse(body))
    assert isinstance(first, Failure)
    assert isinstance(first.error, MalformedReply)
    assert words in first.error.message


@THREE_WAYS
def test_what_breaks_the_format_only_at_the_end_is_a_failure_there(decode: Decode) -> None:
    odd = {"type": "reasoning.text", "text": "Hm", "format": ["no", "text"]}
    deltas = decode(sse(chunk({"reasoning_details": [odd]}), chunk({}, "stop")) + DONE)
    assert [Reasoning, Finish, Failure] == [type(delta) for delta in deltas]
    assert "wrong shape" in str(deltas[-1])


def test_an_event_beyond_the_limit_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("addon.protocol.framing.MAX_EVENT_BYTES", 100)
    first, *_ = whole(sse(chunk({"content": "x" * 200})))
    assert isinstance(first, Failure)
    assert isinstance(first.error, MalformedReply)


def test_done_ends_and_nothing_counts_after_it() -> None:
    decoder = ChatDecoder(CONTEXT)
    assert [Text("A"), END] == decoder.feed(sse(chunk({"content": "A"})) + DONE + sse(chunk({"content": "B"})))
    assert decoder.feed(sse(chunk({"content": "C"}))) + decoder.close() == []


def test_close_ends_once() -> None:
    decoder = ChatDecoder(CONTEXT)
    assert decoder.close() == [END]
    assert decoder.close() == []


def test_close_reads_a_last_event_without_its_blank_line() -> None:
    decoder = ChatDecoder(CONTEXT)
    assert decoder.feed(sse(chunk({"content": "A"}))[:-2]) == []
    assert [Text("A"), END] == decoder.close()


def test_in_a_search_what_was_found_is_told_at_the_end_wherever_it_stands() -> None:
    searching = dataclasses.replace(CONTEXT, search=Search("rain", 0, alone=True))
    pages = [chunk({"content": "It "}, web_search=[{"link": "https://a.example"}]), chunk({"content": "rains."})]
    expected = [Text("It "), Text("rains."), WebSearch("rain", (PAGE,)), END]
    assert whole(sse(*pages), searching) == expected
    assert whole(sse(*pages) + DONE, searching) == expected
    assert whole(sse(*pages))[-2:] == [Text("rains."), END], "a word alone is not looked at closely"
