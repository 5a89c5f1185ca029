"""What a reply says: streamed or whole, an error, cut anywhere, and never an exception."""

from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from addon.prompts import answer
from addon.prompts.answer import CUT, Answer, Call
from addon.prompts.entry import Reply
from addon.protocol import framing, messages
from addon.protocol.errors import MalformedReply
from tests import stories

CLIENT_STREAMS = sorted(stories.FOLDER.rglob("client.sse"))
START = {"type": "message_start", "message": {"id": "m", "role": "assistant", "model": "x", "content": [], "usage": {}}}
THOUGHT = {"type": "content_block_start", "index": 0, "content_block": {"type": "thinking", "thinking": ""}}
TEXT = {"type": "content_block_start", "index": 1, "content_block": {"type": "text", "text": ""}}
CALL = {"type": "content_block_start", "index": 2, "content_block": {"type": "tool_use", "id": "c", "name": "Bash"}}
END = {"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 7}}
STOP = {"type": "message_stop"}


def delta(index: int, kind: str, **fields: object) -> dict[str, Any]:
    return {"type": "content_block_delta", "index": index, "delta": {"type": kind, **fields}}


def closed(index: int) -> dict[str, Any]:
    return {"type": "content_block_stop", "index": index}


def written(*events: dict[str, Any]) -> bytes:
    return b"".join(framing.encode(event["type"], orjson.dumps(event)) for event in events)


WHOLE = written(
    START,
    THOUGHT,
    delta(0, "thinking_delta", thinking="Look "),
    delta(0, "thinking_delta", thinking="first."),
    delta(0, "signature_delta", signature="seal"),
    closed(0),
    TEXT,
    delta(1, "text_delta", text="Here "),
    delta(1, "citations_delta", citation={"url": "u"}),
    delta(1, "text_delta", text="it is."),
    closed(1),
    CALL,
    delta(2, "input_json_delta", partial_json='{"command":'),
    delta(2, "input_json_delta", partial_json='"ls"}'),
    closed(2),
    {"type": "ping"},
    {"type": "event_of_tomorrow"},
    END,
    STOP,
)


def test_a_stream_is_put_together() -> None:
    read = answer.of(Reply(status=200, headers=(), body=WHOLE))
    assert (read.text, read.thinking, read.stop_reason, read.error) == ("Here it is.", "Look first.", "tool_use", None)
    assert read.calls == (Call("c", "Bash", {"command": "ls"}),)
    assert read.usage == {"output_tokens": 7}
    assert read.message
    assert read.message["content"][0] == {"type": "thinking", "thinking": "Look first.", "signature": "seal"}
    assert read.message["content"][1]["citations"] == [{"url": "u"}]


def test_a_whole_message_says_the_same() -> None:
    streamed = answer.read(WHOLE)
    assert answer.read(orjson.dumps(streamed.message)) == streamed


@pytest.mark.parametrize("path", CLIENT_STREAMS, ids=lambda path: path.parent.name)
def test_the_collector_agrees_about_every_recorded_reply(path: Path) -> None:
    stream = path.read_bytes()
    read = answer.read(stream)
    try:
        collected = messages.collect(stream)
    except MalformedReply:
        assert read.error
        return
    assert (collected, None) == (read.message, read.error)


def test_a_stream_that_was_cut_tells_what_had_come() -> None:
    cut = WHOLE[: WHOLE.index(b'\\"ls\\"')]
    read = answer.read(cut)
    assert (read.text, read.thinking, read.error) == ("Here it is.", "Look first.", CUT)
    assert read.calls == (Call("c", "Bash", '{"command":', whole=False),)
    assert read.message
    assert [block["type"] for block in read.message["content"]] == ["thinking", "text"]


def test_a_stream_that_ends_with_an_error_tells_it() -> None:
    error = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
    read = answer.read(written(START, TEXT, delta(1, "text_delta", text="Half"), error, closed(1)))
    assert (read.text, read.error) == ("Half", "overloaded_error: Overloaded")
    assert answer.read(written(error)) == Answer(error="overloaded_error: Overloaded")


REFUSALS: list[tuple[bytes, int, str]] = [
    (b"", 200, "the reply has no body"),
    (b" \n", 502, "HTTP 502 without a body"),
    (b"<html>Bad gateway", 502, "HTTP 502: <html>Bad gateway"),
    (b"[1]", 200, "HTTP 200: [1]"),
    (b"{not JSON", 200, "HTTP 200: {not JSON"),
    (b'{"type":"error","error":{"type":"api_error","message":"No."}}', 500, "api_error: No."),
    (b'{"error":"gone"}', 404, "gone"),
    (b'{"error":{}}', 404, "an error without a message"),
    (b'{"type":"error"}', 404, "an error without a message"),
    (b'data: {"type":"ping"}\n\n', 200, CUT),
    (b"data: " + b"x" * (framing.MAX_EVENT_BYTES + 1), 200, "HTTP 200: data: " + "x" * (answer.MOST_SHOWN - 6)),
]


@pytest.mark.parametrize(("body", "status", "error"), REFUSALS, ids=range(len(REFUSALS)))
def test_what_is_no_message_is_told(body: bytes, status: int, error: str) -> None:
    assert answer.read(body, status) == Answer(error=error)


def test_deltas_without_a_block_and_odd_fields_are_passed_over() -> None:
    read = answer.read(
        written(
            {**START, "message": 1},
            delta(5, "text_delta", text="lost"),
            {**TEXT, "index": [1]},
            {"type": "content_block_delta", "delta": 3},
            {"type": "content_block_delta", "delta": {"type": ["text_delta"]}},
            {**THOUGHT, "content_block": {"type": ["odd"]}},
            {**CALL, "content_block": {"type": "web_search_tool_result", "citations": 1}},
            delta(2, "citations_delta"),
            STOP,
        )
    )
    assert (read.text, read.calls, read.error) == ("", (), None)
    assert answer.read(b'{"content":"x","usage":3,"stop_reason":4}') == Answer(
        message={"content": "x", "usage": 3, "stop_reason": 4}
    )


def test_an_input_that_came_with_its_block_is_kept() -> None:
    block = {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {"query": "q"}}
    read = answer.read(written(START, {**CALL, "content_block": block}, closed(2), STOP))
    assert read.calls == (Call("s", "web_search", {"query": "q"}),)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(0, 3) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)
TYPES = st.sampled_from([
    "message_start", "content_block_start", "content_block_delta", "content_block_stop", "message_delta", "error",
])  # fmt: skip
KINDS = st.sampled_from(["text", "thinking", "tool_use", "text_delta", "thinking_delta", "input_json_delta", "x"])
INNER = JSON | st.fixed_dictionaries(
    {"type": KINDS}, optional={"text": JSON, "thinking": JSON, "partial_json": JSON, "input": JSON, "id": JSON}
)
EVENT = st.fixed_dictionaries(
    {"type": TYPES | JSON},
    optional={
        "index": st.integers(0, 2) | JSON,
        "delta": INNER,
        "content_block": INNER,
        "message": JSON | st.fixed_dictionaries({"content": JSON, "usage": JSON}),
        "usage": JSON,
        "error": JSON,
    },
)


@given(st.lists(EVENT, max_size=6))
def test_any_events_give_an_answer(events: list[dict[str, Any]]) -> None:
    answer.read(b"".join(framing.encode("x", orjson.dumps(event)) for event in events))


@given(st.binary(max_size=60) | JSON.map(orjson.dumps), st.integers(0, 599))
def test_any_bytes_give_an_answer(body: bytes, status: int) -> None:
    answer.read(body, status)


@given(st.integers(0, len(WHOLE)))
def test_a_stream_cut_anywhere_gives_an_answer(length: int) -> None:
    whole, read = answer.read(WHOLE), answer.read(WHOLE[:length])
    assert whole.text.startswith(read.text)
    assert whole.thinking.startswith(read.thinking)
