"""Gemini's chunks become deltas, whatever is odd about them; the stories are in tests/transcripts/gemini."""

from typing import Any

import orjson
import pytest

from addon.dialects.gemini.reply import GeminiDecoder
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
)
from addon.protocol.errors import BackendError, Kind
from tests.dialects.gemini.saying import context, parts, read

type Json = dict[str, Any]

STOP = Finish(StopReason.END_TURN)


def called(name: str = "f", **fields: Any) -> Json:
    return {"functionCall": {"name": name, **fields}}


def plain(*told: Any, **fields: Any) -> Json:
    """A chunk as nearly all are."""
    return {"candidates": [{"content": {"parts": [*told], "role": "model"}, "index": 0}], "responseId": "r", **fields}


GROUND = {
    "groundingChunks": [{"web": {"uri": "u", "title": "t"}}],
    "groundingSupports": [{"segment": {"text": "Hi"}, "groundingChunkIndices": [0]}],
}
SIGN = {"thoughtSignature": "T"}
READ: list[tuple[list[Any], list[Delta]]] = [
    (
        [plain({"text": "I "}, usageMetadata={"promptTokenCount": 1}), plain({"text": "look.", **SIGN})],
        [Text("I "), Text("look."), Carry("marks", [[2, 5, SIGN]]), End()],
    ),
    ([plain({"text": ""}), plain({"text": "Hm", "thought": True}), plain()], [Reasoning("Hm"), End()]),
    ([plain({"text": "Hi"}, promptFeedback={})], [Text("Hi"), End()]),
    ([plain({"toolCall": {"id": "s"}})], [Carry("marks", [[0, 0, {"toolCall": {"id": "s"}}]]), End()]),
    (
        [parts({"text": "Hi"}, groundingMetadata=GROUND)],
        [Text("Hi"), Citation(Source("u", "t", "Hi")), End()],
    ),
    ([parts({"text": "Hi"}), parts({"text": "."}, finish="STOP")], [Text("Hi"), Text("."), STOP, End()]),
    ([parts({"text": "Hm.", "thought": True})], [Reasoning("Hm."), End()]),
    (
        [parts({"text": "Hm.", "thought": True, "thoughtSignature": "T"})],
        [Reasoning("Hm."), Carry("thoughts", [[0, 3, {"thoughtSignature": "T"}]]), End()],
    ),
    (
        [parts({"text": "", "thoughtSignature": "T"}, {"thoughtSignature": "U"})],
        [*(Carry("marks", [[0, 0, {"thoughtSignature": each}]]) for each in "TU"), End()],
    ),
    ([parts({"text": ""}, {"text": "", "thought": True}, {})], [End()]),
    (
        [parts({**called(id="c"), "thoughtSignature": "A"}, finish="STOP")],
        [
            Carry("calls", {"c": "A"}),
            ToolCall(0, "c", "f"),
            ToolArguments(0, "{}"),
            Finish(StopReason.TOOL_USE),
            End(),
        ],
    ),
    (
        [parts(called(args='{"a": 1}'), called(args=""))],
        [
            ToolCall(0, "toolu_x_0", "f"),
            ToolArguments(0, '{"a": 1}'),
            ToolCall(1, "toolu_x_1", "f"),
            ToolArguments(1, "{}"),
            End(),
        ],
    ),
    (
        [parts(finish="STOP"), parts(called(args={"a": 1}))],
        [STOP, ToolCall(0, "toolu_x_0", "f"), ToolArguments(0, '{"a":1}'), Finish(StopReason.TOOL_USE), End()],
    ),
    ([{"usageMetadata": {"promptTokenCount": 1}}], [Usage(1, 0), End()]),
    ([{"candidates": [{"finishReason": "MAX_TOKENS"}]}], [Finish(StopReason.MAX_TOKENS), End()]),
    ([{"candidates": [{"content": {"parts": None}, "finishReason": "STOP"}]}], [STOP, End()]),
    ([{"candidates": [{}], "modelVersion": "m"}], [End()]),
    (
        [{"promptFeedback": {"blockReason": "SAFETY"}}],
        [Unread("promptFeedback.blockReason.SAFETY"), Finish(StopReason.REFUSAL), End()],
    ),
    ([{"promptFeedback": {"safetyRatings": []}}, parts({"text": "Hi"}, finish="STOP")], [Text("Hi"), STOP, End()]),
    (
        [parts({"text": "Hi"}, citationMetadata={"citations": [{"uri": "u", "title": "t"}, {"license": "mit"}]})],
        [Text("Hi"), Citation(Source("u", "t")), End()],
    ),
    ([[parts({"text": "Hi"})]], [Text("Hi"), End()]),
]


@pytest.mark.parametrize(("chunks", "deltas"), READ)
def test_chunks_become_deltas_in_reading_order(chunks: list[Any], deltas: list[Delta]) -> None:
    assert read(*chunks) == deltas


@pytest.mark.parametrize(("chunks", "deltas"), READ)
def test_the_bytes_may_be_cut_anywhere(chunks: list[Any], deltas: list[Delta]) -> None:
    whole = b"".join(b"data: " + orjson.dumps(chunk) + b"\n\n" for chunk in chunks)
    decoder = GeminiDecoder(context())
    fed = [delta for at in range(len(whole)) for delta in decoder.feed(whole[at : at + 1])]
    assert [*fed, *decoder.close()] == deltas


def test_an_id_that_is_known_is_made_anew() -> None:
    told = read(parts(called(id="a"), called(id="a"), called(id="old")), against=context(call_ids={"old"}))
    assert [each.id for each in told if isinstance(each, ToolCall)] == ["a", "toolu_x_1", "toolu_x_2"]


def test_a_shortened_name_is_the_clients_own_again() -> None:
    told = read(parts(called("short_1")), against=context(tool_names={"short_1": "long name"}))
    assert told[0] == ToolCall(0, "toolu_x_0", "long name")


WITHOUT_PLACE: list[tuple[Any, list[str]]] = [
    (parts({"inlineData": {"mimeType": "image/png"}}), ["parts.inlineData"]),
    (parts({"text": "a", "novelty": 1, "empty": None}), ["parts.novelty"]),
    (parts(novelty={"a": 1}, empty=[]), ["candidates.novelty"]),
    ({**parts(), "novelty": 1, "empty": ""}, ["novelty"]),
    ({"candidates": [{}, {"content": {"parts": [{"text": "Two."}]}}]}, ["candidates.1"]),
    ({"candidates": [{"index": 1, "content": {"parts": [{"text": "Two."}]}}]}, ["candidates.1"]),
    (parts(finish="SAFETY"), ["finishReason.SAFETY"]),
]


@pytest.mark.parametrize(("chunk", "paths"), WITHOUT_PLACE)
def test_what_has_no_place_is_told_by_its_path(chunk: Any, paths: list[str]) -> None:
    assert [each.path for each in read(chunk) if isinstance(each, Unread)] == paths


BAD: list[tuple[Any, Kind, str]] = [
    ({"hello": 1}, Kind.MALFORMED, "without candidates"),
    ({}, Kind.MALFORMED, "without candidates"),
    (1, Kind.MALFORMED, "the wrong shape"),
    ({"candidates": "x"}, Kind.MALFORMED, "the wrong shape"),
    ({"candidates": [1]}, Kind.MALFORMED, "the wrong shape"),
    (plain({"text": 1}), Kind.MALFORMED, "a text of the type int"),
    ({"candidates": [{"content": 1}]}, Kind.MALFORMED, "the wrong shape"),
    (parts({"text": 1}), Kind.MALFORMED, "a text of the type int"),
    (parts({"functionCall": {"args": {}}}), Kind.MALFORMED, "a tool call without a name"),
    (parts({"functionCall": 1}), Kind.MALFORMED, "the wrong shape"),
    ({"error": None, "candidates": []}, Kind.MALFORMED, "without candidates"),
    ({"error": {"code": 503, "message": "busy", "status": "UNAVAILABLE"}}, Kind.OVERLOADED, "busy"),
    ({"error": {"message": "late", "status": "DEADLINE_EXCEEDED"}}, Kind.TIMEOUT, "late"),
    ({"error": {"message": "who", "status": "UNAUTHENTICATED"}}, Kind.CREDENTIAL, "who"),
    ([{"error": {"code": 429, "message": "slow", "status": "RESOURCE_EXHAUSTED"}}], Kind.RATE_LIMIT, "slow"),
    (parts(finish="OTHER"), Kind.SERVER, '"OTHER"'),
    (parts(finish="MALFORMED_FUNCTION_CALL", finishMessage="call:f{"), Kind.MALFORMED, "call:f{"),
    (parts(finish="NEW"), Kind.MALFORMED, "unknown finish reason"),
]


@pytest.mark.parametrize(("chunk", "kind", "words"), BAD)
def test_what_is_no_reply_is_a_failure_in_its_place(chunk: Any, kind: Kind, words: str) -> None:
    failure = next(each for each in read(chunk) if isinstance(each, Failure))
    assert isinstance(failure.error, BackendError)
    assert failure.error.kind is kind
    assert words in failure.error.message


@pytest.mark.parametrize("data", [b'data: {"candidates": [\n\n', b"data: oh\n\n", b"data: <html>"])
def test_what_is_not_json_is_a_failure_that_quotes_no_words_of_the_models(data: bytes) -> None:
    decoder = GeminiDecoder(context())
    told = [*decoder.feed(data), *decoder.close()]
    failure = next(each for each in told if isinstance(each, Failure))
    assert "sent what is not JSON" in failure.error.message
    assert "candidates" not in failure.error.message


def test_a_number_that_json_lacks_costs_no_reply() -> None:
    chunk = b'data: {"candidates": [{"content": {"parts": [{"text": "Hi"}]}, "avgLogprobs": NaN}]}\n\n'
    assert GeminiDecoder(context()).feed(chunk) == [Text("Hi")]


def test_the_mark_of_an_end_that_gateways_add_says_nothing() -> None:
    assert GeminiDecoder(context()).feed(b"data: [DONE]\n\n") == []


def test_an_event_that_never_ends_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("addon.protocol.framing.MAX_EVENT_BYTES", 10)
    [failure] = GeminiDecoder(context()).feed(b"data: " + b"x" * 20)
    assert isinstance(failure, Failure)


def test_the_end_is_told_once() -> None:
    decoder = GeminiDecoder(context())
    assert decoder.close() == [End()]
    assert decoder.close() == []
