"""Deltas to events, by table; and what happens around a reply: bugs, deaths, and replies that pass through."""

import json
from collections.abc import Iterable
from typing import Any, override

import pytest

from addon import stream
from addon.dialects import Decoder
from addon.protocol import signature
from addon.protocol.deltas import (
    Delta,
    End,
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
from addon.protocol.errors import BackendError, InternalError, Kind, MalformedReply
from addon.protocol.tokens import estimate_text
from addon.stream import EventWriter, PassThrough, State, StreamTranslator, write_whole
from tests import law

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


def told(events: Iterable[Json]) -> list[str]:
    """Events in short, for reading in a table."""
    return [SHORT[event["type"]](event) for event in events]


def _delta(event: Json) -> str:
    (content,) = (value for key, value in event["delta"].items() if key != "type")
    return f"{event['index']} {content}" if event["delta"]["type"] != "signature_delta" else f"{event['index']} signed"


SHORT: dict[str, Any] = {
    "message_start": lambda _: "start",
    "content_block_start": lambda event: (
        f"{event['index']} [{event['content_block'].get('id') or event['content_block']['type']}"
    ),
    "content_block_delta": _delta,
    "content_block_stop": lambda event: f"{event['index']} ]",
    "message_delta": lambda event: f"because {event['delta']['stop_reason']}",
    "message_stop": lambda _: "stop",
    "error": lambda event: f"error {event['error']['message']}",
}

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
    "thinking, text, thinking": (
        [Reasoning("a"), Text("b"), Reasoning("c"), STOP, END],
        [
            "start",
            "0 [thinking",
            "0 a",
            "0 signed",
            "0 ]",
            "1 [text",
            "1 b",
            "1 ]",
            "2 [thinking",
            "2 c",
            "2 signed",
            "2 ]",
            "because end_turn",
            "stop",
        ],
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
            "2 [thinking",
            "2 y",
            "2 signed",
            "2 ]",
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
    assert signature.origin(signed["delta"]["signature"]) == ORIGIN


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


def test_nothing_said_is_nothing_counted() -> None:
    writer = EventWriter("msg_1", "m", ORIGIN)
    assert writer.final_usage() == Usage(0, 0)


def test_a_stop_sequence_is_told() -> None:
    expected = {"stop_reason": "stop_sequence", "stop_sequence": "</severity>"}
    assert ending(Finish(StopReason.STOP_SEQUENCE, "</severity>"), END)["delta"] == expected


@pytest.mark.parametrize("text", ["\u2028", "a\nb\r", '"\\', "\0", "\U0001f600", "data: [DONE]\n\n"])
def test_text_is_written_so_that_it_comes_back(text: str) -> None:
    assert law.check(written(Text(text), STOP, END))[2]["delta"]["text"] == text


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
    every = {Text, Reasoning, ToolCall, ToolArguments, Usage, Unread, Finish, Failure, End}
    assert set(stream.TRANSITIONS) == set(State)
    assert all(set(row) == every for row in stream.TRANSITIONS.values())


def test_what_is_no_delta_is_a_bug_of_the_caller() -> None:
    with pytest.raises(KeyError):
        new_writer().write("text")  # type: ignore[arg-type]  # that is the point


# -- around a reply


class Scripted:
    """A decoder that gives what it is told to, for each piece and for the end."""

    def __init__(self, *answers: list[Delta] | Exception) -> None:
        self.answers = list(answers)

    def feed(self, chunk: bytes) -> Iterable[Delta]:
        return self.close()

    def close(self) -> Iterable[Delta]:
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


class Failing(EventWriter):
    """A writer with a bug."""

    __slots__ = ()

    @override
    def write(self, delta: Delta) -> bytes:
        if isinstance(delta, Reasoning):
            raise ZeroDivisionError
        return super().write(delta)


def test_a_reply_is_translated_piece_by_piece() -> None:
    decoder: Decoder = Scripted([], [Text("a")], [Usage(1, 2), STOP], [END])
    translator = StreamTranslator(decoder, new_writer())
    assert [translator.feed(b"x") == b"" for _ in range(3)] == [True, False, True]
    assert told(law.events(translator.close())) == ["0 ]", "because end_turn", "stop"]
    assert (translator.usage, translator.stop_reason, translator.error, translator.bug) == (
        Usage(1, 2),
        "end_turn",
        None,
        None,
    )


@pytest.mark.parametrize("at_end", [False, True])
def test_a_bug_ends_the_reply_lawfully_and_is_kept(at_end: bool) -> None:
    bug = ZeroDivisionError("ours")
    translator = StreamTranslator(Scripted([Text("a")], bug, []), new_writer())
    given = translator.feed(b"x") + (translator.close() if at_end else translator.feed(b"y"))
    events = law.check(given + translator.close() if not at_end else given)
    assert told(events)[-1] == f"error {InternalError('msg_1').message}"
    assert translator.bug is bug
    assert translator.error == InternalError("msg_1").message


@pytest.mark.parametrize("at_end", [False, True])
def test_what_was_written_before_a_bug_is_given(at_end: bool) -> None:
    writer = Failing("msg_1", "m", ORIGIN)
    translator = StreamTranslator(Scripted([Text("a"), Reasoning("b")]), writer)
    events = law.check(translator.close() if at_end else translator.feed(b"x"))
    assert told(events)[:3] == ["start", "0 [text", "0 a"]
    assert isinstance(translator.bug, ZeroDivisionError)


def test_a_backend_that_dies_is_told_once() -> None:
    translator = StreamTranslator(Scripted([Text("a")], [END]), new_writer())
    given = translator.feed(b"x") + translator.fail(BackendError(Kind.SERVER, "gone"))
    assert told(law.check(given)) == ["start", "0 [text", "0 a", "error gone"]
    assert translator.fail(BackendError(Kind.SERVER, "again")) + translator.close() == b""
    assert translator.error == "gone"


def test_a_whole_reply_is_the_stream_it_amounts_to() -> None:
    deltas: list[Delta] = [Text("a"), STOP, Usage(1, 2), END]
    assert write_whole(deltas, new_writer()) == written(*deltas)


def test_a_whole_reply_that_failed_raises() -> None:
    error = MalformedReply("odd")
    with pytest.raises(MalformedReply) as caught:
        write_whole([Text("a"), Failure(error)], new_writer())
    assert caught.value is error


# -- replies that pass through


def sse(*events: Json) -> bytes:
    return b"".join(b"event: %s\ndata: %s\n\n" % (e["type"].encode(), json.dumps(e).encode()) for e in events)


def start(**usage: Any) -> Json:
    return {"type": "message_start", "message": {"usage": usage}}


def end(reason: str | None = "end_turn", **usage: Any) -> Json:
    return {"type": "message_delta", "delta": {"stop_reason": reason}, "usage": usage}


FACTS: dict[str, tuple[list[Json], Usage | None, str | None]] = {
    "a reply": (
        [start(input_tokens=5, cache_read_input_tokens=6, cache_creation_input_tokens=7), end(output_tokens=8)],
        Usage(5, 8, 6, 7),
        "end_turn",
    ),
    "numbers at the end win": (
        [start(input_tokens=0), end("tool_use", input_tokens=5, output_tokens=8)],
        Usage(5, 8),
        "tool_use",
    ),
    "nothing at the beginning": ([end(output_tokens=8)], Usage(0, 8), "end_turn"),
    "nothing at the end": ([start(input_tokens=5), end()], Usage(5, 0), "end_turn"),
    "a zero at the end does not": (
        [start(input_tokens=5), end(input_tokens=0, output_tokens=8)],
        Usage(5, 8),
        "end_turn",
    ),
    "null for a number": (
        [start(input_tokens=5, cache_read_input_tokens=None), end(output_tokens=1)],
        Usage(5, 1),
        "end_turn",
    ),
    "no usage": ([{"type": "message_start", "message": {}}, {"type": "message_delta", "delta": {}}], None, None),
    "no message": ([{"type": "message_start"}, {"type": "message_delta", "delta": None}], None, None),
    "other events say nothing": ([{"type": "content_block_delta", "usage": {"input_tokens": 9}}], None, None),
}


@pytest.mark.parametrize(("events", "usage", "stop_reason"), FACTS.values(), ids=FACTS)
def test_facts_are_read_off_a_reply_that_passes(
    events: list[Json], usage: Usage | None, stop_reason: str | None
) -> None:
    passing, whole = PassThrough(), sse(*events)
    pieces = [whole[at : at + 7] for at in range(0, len(whole), 7)]
    assert [passing.feed(piece) for piece in pieces] == pieces
    assert passing.close() == b""
    assert (passing.usage, passing.stop_reason, passing.error) == (usage, stop_reason, None)


def test_an_error_that_passes_is_kept() -> None:
    passing = PassThrough()
    passing.feed(sse({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}))
    assert passing.error == "Overloaded"
    passing.feed(sse({"type": "error", "error": "odd"}))
    assert passing.error == "Overloaded"


def test_a_whole_message_is_read_too() -> None:
    passing = PassThrough()
    passing.note({"stop_reason": "refusal", "usage": {"input_tokens": 3, "output_tokens": 4}, "content": []})
    assert (passing.usage, passing.stop_reason) == (Usage(3, 4), "refusal")


@pytest.mark.parametrize(
    "odd",
    [
        b"event: message_delta\ndata: <html>\n\n",
        b"event: message_delta\ndata: []\n\n",
        b'event: message_start\ndata: {"message": 5}\n\n',
        b'event: message_delta\ndata: {"usage": "much"}\n\n',
    ],
)
def test_what_we_do_not_know_passes_all_the_same(odd: bytes) -> None:
    passing = PassThrough()
    rest = sse(start(input_tokens=5))
    assert passing.feed(odd) == odd
    assert passing.feed(rest) == rest
    assert passing.usage is None, "reading has stopped"


def test_an_event_beyond_the_limit_passes_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("addon.protocol.framing.MAX_EVENT_BYTES", 10)
    assert PassThrough().feed(b"x" * 20) == b"x" * 20


def test_a_reply_that_passes_is_not_ours_to_end() -> None:
    assert PassThrough().fail(MalformedReply("odd")) == b""


def _long_call(*more: Delta) -> bytes:
    writer = new_writer()
    deltas = [ToolCall(0, "a", "A"), ToolArguments(0, '{"a":"0123456789'), *more, Finish(StopReason.TOOL_USE), End()]
    return b"".join(map(writer.write, deltas))


@pytest.mark.parametrize(
    "more",
    [[ToolArguments(0, "x" * 90)], [ToolCall(1, "b", "B"), ToolArguments(1, "x" * 60), ToolArguments(1, "x" * 60)]],
)
def test_a_call_without_end_is_an_error(more: list[Delta], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "MAX_CALL_CHARACTERS", 100)
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
    assert list(writer.unread) == ["what came behind a tool call that was cut"]
