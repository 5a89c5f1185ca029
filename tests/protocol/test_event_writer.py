"""Deltas to events, by table."""

from typing import Any, get_args

import pytest

from addon.protocol import event_writer, signature
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
    Usage,
    WebSearch,
)
from addon.protocol.errors import DetourError, MalformedReply
from addon.protocol.event_writer import EventWriter, State
from addon.protocol.messages import collect
from addon.protocol.signature import Seal
from addon.protocol.tokens import estimate_text
from tests import law
from tests.law import told

type Json = dict[str, Any]

ORIGIN = "openai/gpt-5.5"
ESTIMATE = 70
STOP = Finish(StopReason.END_TURN)
CALLS = Finish(StopReason.TOOL_USE)
LENGTH = Finish(StopReason.MAX_TOKENS)
END = End()
A, B, C = (ToolCall(key, f"call_{key}", name) for key, name in enumerate(("Bash", "Read", "Grep")))


def new_writer() -> EventWriter:
    return EventWriter("msg_1", "claude-opus-5-5", ORIGIN, ESTIMATE)


def args(key: int, *pieces: str) -> list[Delta]:
    return [ToolArguments(key, piece) for piece in pieces]


def written(*deltas: Delta) -> bytes:
    writer = new_writer()
    return b"".join(map(writer.write, deltas))


NO_FINISH = "error openai/gpt-5.5 ended its reply without a finish reason."
ODD = "error Tool call {} came with arguments that are not a JSON object."
STRAY = "error Arguments came for call 0, which is not open."
STORIES: dict[str, tuple[list[Delta], list[str]]] = {
    "text": (
        [Text("Hel"), Text("lo"), STOP, END],
        ["start", "0 [text", "0 Hel", "0 lo", "0 ]", "because end_turn", "stop"],
    ),
    "thinking is signed": (
        [Reasoning("H"), Reasoning("m"), STOP, END],
        ["start", "0 [thinking", "0 H", "0 m", "0 signed", "0 ]", "because end_turn", "stop"],
    ),
    "thinking behind text waits for what follows": (
        [Text("a"), Reasoning("b"), Reasoning("c"), Text("d"), STOP, END],
        [
            *("start", "0 [text", "0 a", "0 ]", "1 [thinking", "1 bc", "1 signed", "1 ]"),
            *("2 [text", "2 d", "2 ]", "because end_turn", "stop"),
        ],
    ),
    "thinking behind text, then blanks, then words": (
        [Text("a"), Reasoning("b"), Text("\n"), Reasoning("c"), Text(" d"), STOP, END],
        [
            *("start", "0 [text", "0 a", "0 ]", "1 [thinking", "1 bc", "1 signed", "1 ]"),
            *("2 [text", "2 \n d", "2 ]", "because end_turn", "stop"),
        ],
    ),
    "thinking behind the answer, then blanks alone": (
        [Text("a"), Reasoning("b"), Text("\n"), STOP, END],
        ["start", "0 [text", "0 a", "0 ]", "because end_turn", "stop"],
    ),
    "thinking behind text, then a call": (
        [Text("a"), Reasoning("b"), STOP, A, *args(0, "{}"), CALLS, END],
        [
            *("start", "0 [text", "0 a", "0 ]", "1 [thinking", "1 b", "1 signed", "1 ]"),
            *("2 [call_0", "2 {}", "2 ]", "because tool_use", "stop"),
        ],
    ),
    "thinking behind the answer is not the last": (
        [Reasoning("a"), Text("b"), Reasoning("c"), STOP, END],
        [
            *("start", "0 [thinking", "0 a", "0 signed", "0 ]"),
            *("1 [text", "1 b", "1 ]", "because end_turn", "stop"),
        ],
    ),
    "arguments of no call, behind text and thinking": (
        [Text("a"), Reasoning("b"), *args(0, "{}")],
        ["start", "0 [text", "0 a", STRAY],
    ),
    "a call": (
        [Text("Now."), A, *args(0, '{"a"', ":1}"), CALLS, END],
        ["start", "0 [text", "0 Now.", "0 ]", "1 [call_0", '1 {"a"', "1 :1}", "1 ]", "because tool_use", "stop"],
    ),
    "thinking, then a call": (
        [Reasoning("a"), A, *args(0, "{}"), CALLS, END],
        ["start", "0 [thinking", "0 a", "0 signed", "0 ]", "1 [call_0", "1 {}", "1 ]", "because tool_use", "stop"],
    ),
    "a call without arguments": ([A, CALLS, END], ["start", "0 [call_0", "0 ]", "because tool_use", "stop"]),
    "calls one after the other": (
        [A, *args(0, "{}"), B, *args(1, "{}"), CALLS, END],
        ["start", "0 [call_0", "0 {}", "0 ]", "1 [call_1", "1 {}", "1 ]", "because tool_use", "stop"],
    ),
    "calls that begin together are written in turn": (
        [A, B, *args(1, '{"b"'), *args(0, '{"a"', ":1}"), *args(1, ":2}"), CALLS, END],
        [
            "start",
            "0 [call_0",
            '0 {"a"',
            "0 :1}",
            "0 ]",
            "1 [call_1",
            '1 {"b"',
            "1 :2}",
            "1 ]",
            "because tool_use",
            "stop",
        ],
    ),
    "three calls, the last of them complete first": (
        [A, B, C, *args(2, "{}"), *args(1, "{}"), *args(0, "{}"), CALLS, END],
        [
            "start",
            "0 [call_0",
            "0 {}",
            "0 ]",
            "1 [call_1",
            "1 {}",
            "1 ]",
            "2 [call_2",
            "2 {}",
            "2 ]",
            "because tool_use",
            "stop",
        ],
    ),
    "a brace inside an argument completes nothing": (
        [A, B, *args(0, '{"a":"}', '"}'), *args(1, "{}"), CALLS, END],
        ["start", "0 [call_0", '0 {"a":"}', '0 "}', "0 ]", "1 [call_1", "1 {}", "1 ]", "because tool_use", "stop"],
    ),
    "space after a complete call": (
        [A, *args(0, "{}", "\n"), Text("So."), CALLS, END],
        ["start", "0 [call_0", "0 {}", "0 \n", "0 ]", "1 [text", "1 So.", "1 ]", "because tool_use", "stop"],
    ),
    "words between calls wait for the call": (
        [A, *args(0, "{"), Text("x"), Reasoning("y"), Text("z"), *args(0, "}"), CALLS, END],
        [
            "start",
            "0 [call_0",
            "0 {",
            "0 }",
            "0 ]",
            "1 [text",
            "1 x",
            "1 z",
            "1 ]",
            "because tool_use",
            "stop",
        ],
    ),
    "a call without arguments gives way at the end": (
        [A, B, *args(1, "{}"), CALLS, END],
        ["start", "0 [call_0", "0 ]", "1 [call_1", "1 {}", "1 ]", "because tool_use", "stop"],
    ),
    "what waited is written although the first call never had arguments": (
        [A, Text("x"), B, CALLS, END],
        ["start", "0 [call_0", "0 ]", "1 [text", "1 x", "1 ]", "2 [call_1", "2 ]", "because tool_use", "stop"],
    ),
    "a call cut at the limit stays open": (
        [Text("a"), A, *args(0, '{"a'), LENGTH, END],
        ["start", "0 [text", "0 a", "0 ]", "1 [call_0", '1 {"a', "because max_tokens", "stop"],
    ),
    "a call cut before its arguments stays open": (
        [A, LENGTH, END],
        ["start", "0 [call_0", "because max_tokens", "stop"],
    ),
    "a call cut by the window stays open": (
        [A, *args(0, "{"), Finish(StopReason.CONTEXT_WINDOW), END],
        ["start", "0 [call_0", "0 {", "because model_context_window_exceeded", "stop"],
    ),
    "a call cut by a filter stays open": (
        [A, *args(0, "{"), Finish(StopReason.REFUSAL), END],
        ["start", "0 [call_0", "0 {", "because refusal", "stop"],
    ),
    "a complete call runs although the limit was reached": (
        [A, *args(0, "{}"), LENGTH, END],
        ["start", "0 [call_0", "0 {}", "0 ]", "because max_tokens", "stop"],
    ),
    "the second call cut": (
        [A, *args(0, "{}"), B, *args(1, "{"), LENGTH, END],
        ["start", "0 [call_0", "0 {}", "0 ]", "1 [call_1", "1 {", "because max_tokens", "stop"],
    ),
    "the second call cut while it waited": (
        [A, B, *args(1, "{"), *args(0, "{}"), LENGTH, END],
        ["start", "0 [call_0", "0 {}", "0 ]", "1 [call_1", "1 {", "because max_tokens", "stop"],
    ),
    "arguments that are no object": (
        [A, *args(0, "[1]"), CALLS, END],
        ["start", "0 [call_0", "0 [1]", ODD.format(0)],
    ),
    "arguments that are no JSON": ([A, *args(0, "{"), CALLS, END], ["start", "0 [call_0", "0 {", ODD.format(0)]),
    "the second call's arguments are no JSON": (
        [A, B, *args(0, "{}"), *args(1, "{"), CALLS, END],
        ["start", "0 [call_0", "0 {}", "0 ]", "1 [call_1", "1 {", ODD.format(1)],
    ),
    "arguments that begin with nothing": (
        [A, *args(0, "", "{}"), CALLS, END],
        ["start", "0 [call_0", "0 ", "0 {}", "0 ]", "because tool_use", "stop"],
    ),
    "nothing but a finish": ([STOP, END], ["start", "because end_turn", "stop"]),
    "nothing at all": ([END], [NO_FINISH]),
    "usage without a finish": ([Usage(1, 2), END], [NO_FINISH]),
    "text without a finish": ([Text("a"), END], ["start", "0 [text", "0 a", "0 ]", NO_FINISH]),
    "a call without a finish is not closed": ([A, *args(0, "{}"), END], ["start", "0 [call_0", "0 {}", NO_FINISH]),
    "content after the finish": (
        [Text("a"), STOP, Text("b"), CALLS, END],
        ["start", "0 [text", "0 a", "0 b", "0 ]", "because tool_use", "stop"],
    ),
    "nothing after the end": (
        [
            Text("a"),
            STOP,
            END,
            Text("b"),
            Reasoning("c"),
            A,
            *args(0, "{}"),
            Usage(1, 1),
            CALLS,
            END,
            Failure(MalformedReply("late")),
        ],
        ["start", "0 [text", "0 a", "0 ]", "because end_turn", "stop"],
    ),
    "a failure first": ([Failure(MalformedReply("odd")), Text("a"), STOP, END], ["error odd"]),
    "a failure in a text": ([Text("a"), Failure(MalformedReply("odd")), END], ["start", "0 [text", "0 a", "error odd"]),
    "a failure in thinking": (
        [Reasoning("a"), Failure(MalformedReply("odd"))],
        ["start", "0 [thinking", "0 a", "error odd"],
    ),
    "a failure in a call drops what waited": (
        [A, B, *args(1, "{}"), Failure(MalformedReply("odd")), *args(0, "{}"), END],
        ["start", "0 [call_0", "error odd"],
    ),
    "a failure after the finish": ([STOP, Failure(MalformedReply("odd"))], ["error odd"]),
    "arguments of no call, first": ([*args(0, "{}")], [STRAY]),
    "arguments of no call, between": ([Text("a"), *args(0, "{}")], ["start", "0 [text", "0 a", STRAY]),
    "arguments of no call, in thinking": ([Reasoning("a"), *args(0, "{}")], ["start", "0 [thinking", "0 a", STRAY]),
    "arguments of a call that was closed": (
        [A, *args(0, "{}"), Text("b"), *args(0, "{}")],
        ["start", "0 [call_0", "0 {}", "0 ]", "1 [text", "1 b", STRAY],
    ),
    "arguments of a call that is closed between": (
        [A, B, *args(0, "{}"), *args(1, "{}"), C, *args(2, "{}"), *args(0, "x"), CALLS, END],
        ["start", "0 [call_0", "0 {}", "0 ]", "1 [call_1", "1 {}", "1 ]", "2 [call_2", "2 {}", "2 ]", STRAY],
    ),
}


PAGE = Source("https://a.example/1", "A page", "Its words.", "2 days ago")
STORIES |= {
    "what is carried has a block of its own before the next call": (
        [Text("a"), Carry("details", [1]), Text("b"), A, *args(0, "{}"), CALLS, END],
        [
            *("start", "0 [text", "0 a", "0 b", "0 ]", "1 [thinking", "1 signed", "1 ]"),
            *("2 [call_0", "2 {}", "2 ]", "because tool_use", "stop"),
        ],
    ),
    "what is carried before the first text": (
        [Carry("details", [1]), Text("a"), STOP, END],
        ["start", "0 [thinking", "0 signed", "0 ]", "1 [text", "1 a", "1 ]", "because end_turn", "stop"],
    ),
    "what is carried behind the last text has no place": (
        [Text("a"), Carry("details", [1]), STOP, END],
        ["start", "0 [text", "0 a", "0 ]", "because end_turn", "stop"],
    ),
    "nothing but what is carried has no place": (
        [Carry("details", [1]), STOP, END],
        ["start", "because end_turn", "stop"],
    ),
    "what is carried while a call is open waits for its end": (
        [A, *args(0, '{"a"'), Carry("details", [1]), *args(0, ":1}"), CALLS, END],
        [
            *("start", "0 [call_0", '0 {"a"', "0 :1}", "0 ]", "1 [thinking", "1 signed", "1 ]"),
            *("because tool_use", "stop"),
        ],
    ),
    "a search is two blocks": (
        [Text("Wait."), WebSearch("cats", (PAGE,)), Text("Cats."), STOP, END],
        [
            *("start", "0 [text", "0 Wait.", "0 ]", "1 [srvtoolu_1_1", '1 {"query":"cats"}', "1 ]"),
            *("2 [web_search_tool_result", "2 ]", "3 [text", "3 Cats.", "3 ]", "because end_turn", "stop"),
        ],
    ),
    "a citation belongs to the open text": (
        [Text("Cats."), Citation(PAGE), Text(" Dogs."), STOP, END],
        [
            *("start", "0 [text", "0 Cats.", "0 cites https://a.example/1", "0  Dogs.", "0 ]"),
            *("because end_turn", "stop"),
        ],
    ),
    "a citation of nothing has no place": ([Citation(PAGE), STOP, END], ["start", "because end_turn", "stop"]),
}


@pytest.mark.parametrize(("deltas", "expected"), STORIES.values(), ids=STORIES)
def test_deltas_are_written_as_lawful_events(deltas: list[Delta], expected: list[str]) -> None:
    events = law.check(written(*deltas), ended=False)
    assert told(events) == expected


def test_a_delta_is_written_at_once() -> None:
    writer = new_writer()
    assert told(law.events(writer.write(Text("a")))) == ["start", "0 [text", "0 a"]
    assert writer.write(Text("b")) == (
        b"event: content_block_delta\n"
        b'data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"b"}}\n\n'
    )
    assert writer.write(STOP) == b""
    assert writer.write(Usage(1, 2)) == b""


def test_the_first_event_says_who_and_how_much() -> None:
    start, *_ = law.events(written(Text("a")))
    assert start["message"] == {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-opus-5-5",
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {
            "input_tokens": ESTIMATE,
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": 0,
            "output_tokens": 0,
        },
    }


def test_a_call_is_begun_as_the_client_needs_it() -> None:
    _, begun = law.events(written(A))
    assert begun["content_block"] == {"type": "tool_use", "id": "call_0", "name": "Bash", "input": {}}


def test_the_signature_says_who_thought() -> None:
    signed = [event for event in law.events(written(Reasoning("a"), STOP, END)) if "delta" in event][1]
    assert signature.unseal(signed["delta"]["signature"]) == Seal(ORIGIN)


def ending(*deltas: Delta) -> Json:
    return law.check(written(*deltas))[-2]


def test_usage_that_came_last_is_told() -> None:
    counts = ending(Usage(1, 1), Text("a"), STOP, Usage(10, 20, 30, 40), END)["usage"]
    assert counts == {
        "input_tokens": 10,
        "output_tokens": 20,
        "cache_read_input_tokens": 30,
        "cache_creation_input_tokens": 40,
    }


def test_usage_that_never_came_is_estimated() -> None:
    said = ("x" * 50, "y" * 30, '{"a":"' + "z" * 20 + '"}')
    counts = ending(Text(said[0]), Reasoning(said[1]), A, *args(0, said[2]), CALLS, END)["usage"]
    assert (counts["input_tokens"], counts["output_tokens"]) == (ESTIMATE, estimate_text(sum(map(len, said))))


def test_counts_are_told_as_the_client_is_to_hear_them_and_kept_as_they_are() -> None:
    writer = EventWriter("msg_1", "m", ORIGIN, ESTIMATE, counted=lambda count: count * 10)
    deltas: list[Delta] = [Text("a"), STOP, Usage(1, 2, 3, 4), END]
    stream = b"".join(map(writer.write, deltas))
    first, *_, last, _ = law.check(stream)
    assert first["message"]["usage"]["input_tokens"] == ESTIMATE * 10
    assert last["usage"] == {
        "input_tokens": 10,
        "cache_creation_input_tokens": 40,
        "cache_read_input_tokens": 30,
        "output_tokens": 20,
    }
    assert writer.usage == Usage(1, 2, 3, 4)


def test_nothing_said_is_nothing_counted() -> None:
    writer = EventWriter("msg_1", "m", ORIGIN)
    assert writer.final_usage() == Usage(0, 0)


@pytest.mark.parametrize("deltas", [[LENGTH, Usage(9, 0), END], [Usage(9, 0), LENGTH, END], [LENGTH, END]])
def test_a_reply_without_a_word_may_be_an_error(deltas: list[Delta]) -> None:
    asked: list[tuple[StopReason, Usage | None]] = []

    def wordless(reason: StopReason, usage: Usage | None) -> DetourError | None:
        asked.append((reason, usage))
        return MalformedReply("It was too long.") if usage else None

    writer = EventWriter("msg_1", "m", ORIGIN, wordless=wordless)
    [first, *_] = told(law.check(b"".join(map(writer.write, deltas))))
    usage = Usage(9, 0) if len(deltas) == 3 else None
    assert asked == [(StopReason.MAX_TOKENS, usage)]
    assert (first == "error It was too long.") is (usage is not None)


def test_a_reply_with_a_word_is_never_asked_about() -> None:
    writer = EventWriter("msg_1", "m", ORIGIN, wordless=lambda _reason, _usage: MalformedReply("no"))
    assert writer.write(Text("a")) + writer.write(LENGTH) + writer.write(END)
    assert writer.error is None


def test_a_stop_sequence_is_told() -> None:
    expected = {"stop_reason": "stop_sequence", "stop_sequence": "</severity>"}
    assert ending(Finish(StopReason.STOP_SEQUENCE, "</severity>"), END)["delta"] == expected


@pytest.mark.parametrize("text", ["a\u2028", "a\nb\r", '"\\', "\0", "\U0001f600", "data: [DONE]\n\n"])
def test_text_is_written_so_that_it_comes_back(text: str) -> None:
    assert law.check(written(Text(text), STOP, END))[2]["delta"]["text"] == text


BLANKS: dict[str, tuple[list[Delta], list[str]]] = {
    "before words": ([Text("\n"), Text(" "), Text("a"), STOP, END], ["text: \n a"]),
    "before a call": ([Text("\n\n"), A, *args(0, "{}"), CALLS, END], ["tool_use"]),
    "before thinking": ([Text("\n"), Reasoning("Hm"), Text("a"), STOP, END], ["thinking", "text: a"]),
    "alone": ([Text("\n"), STOP, END], []),
    "behind words": ([Text("a"), Text("\n"), STOP, END], ["text: a\n"]),
}


@pytest.mark.parametrize(("deltas", "expected"), BLANKS.values(), ids=BLANKS)
def test_no_block_is_blank(deltas: list[Delta], expected: list[str]) -> None:
    content = collect(written(*deltas))["content"]
    assert [f"text: {each['text']}" if each["type"] == "text" else each["type"] for each in content] == expected


def test_the_facts_of_a_reply_are_kept() -> None:
    writer = new_writer()
    assert (writer.stop_reason, writer.usage, writer.error, writer.over) == (None, None, None, False)
    for delta in (Text("a"), Usage(1, 2), STOP):
        writer.write(delta)
    assert (writer.stop_reason, writer.usage, writer.over) == (StopReason.END_TURN, Usage(1, 2), False)
    writer.write(END)
    assert writer.over
    assert writer.final_usage() == Usage(1, 2)


def test_every_state_has_a_row_with_every_delta() -> None:
    every = set(get_args(Delta.__value__))
    assert set(event_writer.TRANSITIONS) == set(State)
    assert all(set(row) == every for row in event_writer.TRANSITIONS.values())


def test_what_is_no_delta_is_a_bug_of_the_caller() -> None:
    with pytest.raises(KeyError):
        new_writer().write("text")  # type: ignore[arg-type]  # that is the point


# -- around a reply


def _long_call(*more: Delta) -> bytes:
    writer = new_writer()
    deltas = [ToolCall(0, "a", "A"), ToolArguments(0, '{"a":"0123456789'), *more, Finish(StopReason.TOOL_USE), End()]
    return b"".join(map(writer.write, deltas))


@pytest.mark.parametrize(
    "more",
    [[ToolArguments(0, "x" * 90)], [ToolCall(1, "b", "B"), ToolArguments(1, "x" * 60), ToolArguments(1, "x" * 60)]],
)
def test_a_call_without_end_is_an_error(more: list[Delta], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_writer, "MAX_CALL_CHARACTERS", 100)
    assert b"of more than 100 characters" in _long_call(*more)
    assert b"event: message_stop" not in _long_call(*more)


def test_what_waits_behind_a_cut_call_is_told_as_lost() -> None:
    writer = new_writer()
    cut: list[Delta] = [
        ToolCall(0, "a", "A"),
        ToolArguments(0, '{"a'),
        Text("lost"),
        Finish(StopReason.MAX_TOKENS),
        End(),
    ]
    written = b"".join(map(writer.write, cut))
    assert b"lost" not in written
    assert list(writer.unread) == ["content"]


def state_of(*deltas: Delta, shows_thinking: bool = True) -> list[Json]:
    """What the signatures of a reply carry."""
    writer = EventWriter("msg_1", "m", ORIGIN, shows_thinking=shows_thinking)
    events = law.check(b"".join(map(writer.write, (*deltas, STOP, END))))
    signed = [each["delta"]["signature"] for each in events if each.get("delta", {}).get("type") == "signature_delta"]
    seals = [signature.unseal(each) for each in signed]
    assert all(seal and seal.origin == ORIGIN for seal in seals)
    return [dict(seal.state) for seal in seals if seal]


def test_what_is_carried_is_in_the_signature_of_its_block() -> None:
    lists: list[Delta] = [Reasoning("Hm"), Carry("details", [1]), Carry("details", [2]), Text("a"), Reasoning("So")]
    lists.append(Text("b"))
    assert state_of(*lists) == [{"details": [1, 2]}, {}]
    objects: list[Delta] = [Carry("calls", {"a": 1}), Carry("calls", {"b": 2}), Carry("details", [3]), Text("a")]
    assert state_of(*objects) == [{"calls": {"a": 1, "b": 2}, "details": [3]}]


def test_what_is_carried_too_late_is_told_as_unread() -> None:
    writer = new_writer()
    for delta in (Text("a"), Carry("details", [1]), STOP, END):
        writer.write(delta)
    assert list(writer.unread) == ["reasoning state"]


def test_thinking_behind_the_answer_is_told_as_unread_and_counted() -> None:
    writer = new_writer()
    for delta in (Text("a" * 50), Reasoning("b" * 50), Carry("details", [1]), STOP, END):
        writer.write(delta)
    assert list(writer.unread) == ["reasoning", "reasoning state"]
    assert writer.final_usage().output_tokens == estimate_text(100)


def test_thinking_that_waits_without_end_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_writer, "MAX_CALL_CHARACTERS", 100)
    said = written(Text("a"), Reasoning("b" * 60), Reasoning("b" * 60), Text("c"), STOP, END)
    assert told(law.check(said))[-1].startswith("error openai/gpt-5.5 made a tool call, or said at once")


def test_thinking_that_is_not_to_be_seen_is_in_the_signature() -> None:
    deltas: list[Delta] = [Reasoning("Hm"), Reasoning("m"), Carry("details", [1]), Text("a"), Reasoning("So")]
    assert state_of(*deltas, Text("b"), shows_thinking=False) == [{"details": [1], "text": "Hmm"}, {"text": "So"}]
    writer = EventWriter("msg_1", "m", ORIGIN, shows_thinking=False)
    assert b"Hm" not in b"".join(map(writer.write, deltas))
    assert writer.final_usage().output_tokens == estimate_text(len("Hmma"))


def test_more_than_fits_is_not_carried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_writer, "MAX_CALL_CHARACTERS", 100)
    carried: list[Delta] = [Carry("details", ["x" * 60]), Carry("details", ["x" * 60]), STOP, END]
    assert told(law.check(written(*carried)))[-1].startswith("error openai/gpt-5.5 made a tool call, or said at once")


def test_a_search_says_what_was_found_and_is_counted() -> None:
    message = collect(written(WebSearch("cats", (PAGE,)), WebSearch("dogs", error="unavailable"), STOP, END))
    asked, found, _, failed = message["content"]
    assert (asked["input"], found["tool_use_id"]) == ({"query": "cats"}, asked["id"])
    [page] = found["content"]
    seal = signature.unseal(page.pop("encrypted_content"))
    assert seal == Seal(ORIGIN, {"text": "Its words."})
    assert page == {
        "type": "web_search_result", "title": "A page", "url": "https://a.example/1", "page_age": "2 days ago",
    }  # fmt: skip
    assert failed["content"] == {"type": "web_search_tool_result_error", "error_code": "unavailable"}
    assert message["usage"]["server_tool_use"] == {"web_search_requests": 2}


def test_a_citation_is_collected_with_its_text() -> None:
    [text] = collect(written(Text("Cats."), Citation(PAGE), STOP, END))["content"]
    [citation] = text["citations"]
    assert (citation["url"], citation["title"], citation["cited_text"]) == (PAGE.url, PAGE.title, PAGE.text)


def test_a_citation_without_its_text_is_told_as_unread() -> None:
    writer = new_writer()
    for delta in (Reasoning("Hm"), Citation(PAGE), A, Citation(PAGE)):
        writer.write(delta)
    assert list(writer.unread) == ["citation"]
