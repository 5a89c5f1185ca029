"""Events of Converse to deltas, in any cuts; a whole reply says what the stream of it says. Stories show the rest."""

import json
from dataclasses import replace
from typing import Any

import orjson
import pytest

from addon.dialects import ReplyContext
from addon.dialects.bedrock.converse import DIALECT
from addon.dialects.bedrock.reply import EVENTS, STOP_FAULTS, STOP_REASONS, ConverseDecoder
from addon.protocol.deltas import (
    Carry,
    Delta,
    End,
    Failure,
    Finish,
    StopReason,
    Text,
    ToolArguments,
    ToolCall,
    Unread,
    Usage,
)
from addon.protocol.errors import BackendError, Kind
from tests import amazon
from tests.end_to_end.bedrock_strictness import service
from tests.stories import Story, every_story, target

CONTEXT = ReplyContext(target("bedrock", "us.amazon.nova-pro-v1:0"), "x1", "KEY", {"short_1": "mcp__long name"})
STORIES = [pytest.param(story, id=story.name) for story in every_story("bedrock_converse")]


def whole(stream: bytes, context: ReplyContext = CONTEXT) -> list[Delta]:
    decoder = DIALECT.decoder(context)
    return [*decoder.feed(stream), *decoder.close()]


def by_pieces(stream: bytes, size: int, context: ReplyContext = CONTEXT) -> list[Delta]:
    decoder = DIALECT.decoder(context)
    pieces = [stream[at : at + size] for at in range(0, len(stream), size)]
    return [*(delta for piece in pieces for delta in decoder.feed(piece)), *decoder.close()]


def told(deltas: list[Delta]) -> list[object]:
    """Deltas as they compare, up to the first failure: an error by its kind and words."""
    found: list[object] = []
    for each in deltas:
        if isinstance(each, Failure):
            assert isinstance(each.error, BackendError)
            return [*found, (each.error.kind, each.error.message)]
        found.append(each)
    return found


@pytest.mark.parametrize("story", STORIES)
@pytest.mark.parametrize("size", [1, 7, 64])
def test_cuts_change_nothing(story: Story, size: int) -> None:
    stream, context = story.backend_reply, story.context()
    assert told(by_pieces(stream, size, context)) == told(whole(stream, context))


@pytest.mark.parametrize("story", STORIES)
def test_a_stream_that_ends_anywhere_ends_in_an_error_unless_all_was_said(story: Story) -> None:
    stream = story.backend_reply
    for at in range(0, len(stream), 5):
        translator = story.translator()
        translator.feed(stream[:at])
        translator.close()
        assert translator.bug is None
        assert translator.over
        assert (translator.refusal is None) == (translator.stop_reason is not None and translator.refusal is None)


def event(name: str, **payload: Any) -> bytes:
    return amazon.event(name, json.dumps(payload).encode())


def test_every_event_of_botocores_model_is_read() -> None:
    members = service().operation_model("ConverseStream").output_shape.members["stream"].members
    events = {name for name, shape in members.items() if not shape.metadata.get("exception")}
    assert events == EVENTS.keys() - {"initial-response"}


def test_every_stop_reason_of_botocores_model_is_known() -> None:
    stop = service().operation_model("Converse").output_shape.members["stopReason"]
    assert set(stop.metadata["enum"]) == {*STOP_REASONS, *STOP_FAULTS}


def test_the_name_of_a_tool_is_the_clients() -> None:
    start = event("contentBlockStart", contentBlockIndex=3, start={"toolUse": {"toolUseId": "t", "name": "short_1"}})
    assert whole(start)[0] == ToolCall(3, "t", "mcp__long name")


@pytest.mark.parametrize(("call_id", "again"), [("t", "t_2"), ("", "x1_2")])
def test_an_id_is_given_once(call_id: str, again: str) -> None:
    start = event("contentBlockStart", contentBlockIndex=0, start={"toolUse": {"toolUseId": call_id, "name": "A"}})
    taken = replace(CONTEXT, call_ids=("t",))
    assert whole(start, taken)[0] == ToolCall(0, again, "A")


def test_arguments_of_a_call_that_never_began_are_left_out() -> None:
    assert whole(event("contentBlockDelta", contentBlockIndex=0, delta={"toolUse": {"input": "{}"}})) == [End()]


def test_a_signature_in_pieces_is_one() -> None:
    pieces = [
        event("contentBlockDelta", contentBlockIndex=0, delta={"reasoningContent": {"signature": each}})
        for each in "ab"
    ]
    assert whole(b"".join((*pieces, event("contentBlockStop", contentBlockIndex=0))))[0] == Carry(
        "converse", [{"signature": "ab", "length": 0}]
    )


def test_what_is_sealed_is_carried_where_a_block_has_no_end_of_its_own() -> None:
    piece = event("contentBlockDelta", contentBlockIndex=0, delta={"reasoningContent": {"redactedContent": "QQ=="}})
    carry, finish, end = whole(piece + event("messageStop", stopReason="end_turn"))
    assert carry == Carry("converse", [{"redactedContent": "QQ==", "length": 0}])
    assert (finish, end) == (Finish(StopReason.END_TURN), End())


def reply(*content: Any, stop: str = "end_turn", **usage: Any) -> bytes:
    usage = {"inputTokens": 1, "outputTokens": 2, "totalTokens": 3, **usage}
    message = {"role": "assistant", "content": [*content]}
    return orjson.dumps(
        {"output": {"message": message}, "stopReason": stop, "usage": usage, "metrics": {"latencyMs": 1}}
    )


def test_a_whole_reply_is_read_as_its_stream() -> None:
    found = DIALECT.decode_whole(
        reply(
            {"reasoningContent": {"reasoningText": {"text": "Hm.", "signature": "sig"}}},
            {"reasoningContent": {"redactedContent": "QQ=="}},
            {"text": "I look."},
            {"citationsContent": {"content": [{"text": "So they say."}], "citations": []}},
            {"toolUse": {"toolUseId": "t", "name": "Bash", "input": {"command": "ls"}}},
            {"video": {"format": "mp4"}},
            stop="tool_use",
            cacheReadInputTokens=5,
        ),
        CONTEXT,
    )
    assert found[1:3] == [
        Carry("converse", [{"signature": "sig", "length": 3}]),
        Carry("converse", [{"redactedContent": "QQ==", "length": 0}]),
    ]
    assert found[3:] == [
        Text("I look."),
        Text("So they say."),
        ToolCall(4, "t", "Bash"),
        ToolArguments(4, '{"command":"ls"}'),
        Unread("contentBlockDelta.video"),
        Finish(StopReason.TOOL_USE),
        Usage(1, 2, 5),
        End(),
    ]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b'{"output":{}}',
        b'{"output":{"message":{"content":[5]}}}',
        reply({"text": 5}),
        reply({"toolUse": {}}),
    ],
)
def test_a_whole_reply_of_another_shape_is_malformed(body: bytes) -> None:
    [failure] = [each for each in DIALECT.decode_whole(body, CONTEXT) if isinstance(each, Failure)]
    assert isinstance(failure.error, BackendError)
    assert failure.error.kind is Kind.MALFORMED
    assert failure.error.message.startswith("bedrock/us.amazon.nova-pro-v1:0 sent a reply ")


def test_bytes_behind_a_fault_of_the_framing_are_not_read() -> None:
    decoder = ConverseDecoder(CONTEXT)
    broken = bytes(12)
    assert [type(each) for each in decoder.feed(event("messageStart", role="assistant") + broken)] == []
    assert [type(each) for each in decoder.feed(event("messageStop", stopReason="end_turn"))] == [Failure]
    assert [type(each) for each in decoder.close()] == [Failure]
