"""What happens around a reply: bugs, deaths, and replies that pass through."""

import json
from collections.abc import Iterable
from typing import Any, override

import pytest

from addon.dialects import Decoder
from addon.dialects.anthropic.reply import Sealer
from addon.protocol.deltas import Delta, End, Failure, Finish, Reasoning, StopReason, Text, Usage
from addon.protocol.errors import BackendError, InternalError, Kind, MalformedReply
from addon.protocol.event_writer import EventWriter
from addon.stream import PassThrough, SealedPassThrough, StreamTranslator, write_whole
from tests import law
from tests.law import told

type Json = dict[str, Any]

ORIGIN = "openai/gpt-5.5"
STOP = Finish(StopReason.END_TURN)
END = End()


def new_writer() -> EventWriter:
    return EventWriter("msg_1", "claude-opus-5-5", ORIGIN)


def written(*deltas: Delta) -> bytes:
    writer = new_writer()
    return b"".join(map(writer.write, deltas))


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
    "thinking, and what is written for an hour": (
        [
            start(cache_creation_input_tokens=7, cache_creation={"ephemeral_1h_input_tokens": 4}),
            end(output_tokens=8, output_tokens_details={"thinking_tokens": 3}),
        ],
        Usage(0, 8, 0, 7, 3, 4),
        "end_turn",
    ),
    "counts of another shape": (
        [
            start(input_tokens=5, cache_creation=[1]),
            end(output_tokens=8, output_tokens_details={"thinking_tokens": "3"}),
        ],
        Usage(5, 8),
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
    "what is no number": ([start(input_tokens=5), end(input_tokens="6", output_tokens=[1])], Usage(5, 0), "end_turn"),
    "a reason that is no text": ([{"type": "message_delta", "delta": {"stop_reason": ["a"]}}], None, None),
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


def test_facts_are_read_off_a_reply_whose_signatures_are_sealed() -> None:
    signed = {"type": "content_block_delta", "delta": {"type": "signature_delta", "signature": "abc"}}
    passing = SealedPassThrough(Sealer("zai-anthropic/g"))
    stream = sse(start(input_tokens=5), signed, end(output_tokens=2))
    given = b"".join(passing.feed(stream[at : at + 5]) for at in range(0, len(stream), 5)) + passing.close()
    assert given != stream
    assert (passing.usage, passing.stop_reason) == (Usage(5, 2), "end_turn")


def test_the_facts_are_the_backends_whatever_the_client_is_told() -> None:
    passing = SealedPassThrough(Sealer("zai-anthropic/g", lambda count: count * 10))
    given = passing.feed(sse(start(input_tokens=5), end(output_tokens=2))) + passing.close()
    assert b'"input_tokens":50' in given
    assert passing.usage == Usage(5, 2)


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
