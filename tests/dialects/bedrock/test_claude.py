"""Claude on Bedrock: Anthropic's events out of Amazon's frames, and errors that keep their kind."""

import json
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import orjson
import pytest
from anthropic.lib.streaming._messages import accumulate_event
from anthropic.types import RawMessageStreamEvent
from pydantic import TypeAdapter

from addon.dialects import ReplyContext
from addon.dialects.bedrock.claude import DIALECT
from addon.protocol import messages
from addon.protocol.errors import Kind, MalformedReply
from tests import amazon, law
from tests.end_to_end.bedrock_strictness import violations
from tests.stories import Story, every_story, target

CLAUDE = replace(
    target("bedrock", "us.anthropic.claude-opus-4-6-v1"), base_url="https://bedrock-runtime.us-east-1.amazonaws.com"
)
CONTEXT = ReplyContext(CLAUDE, "x1", "AWS_BEARER_TOKEN_BEDROCK")
STORIES = [pytest.param(story, id=story.name) for story in every_story("bedrock_claude", translates=False)]


@pytest.mark.parametrize("story", STORIES)
def test_a_story_becomes_its_goldens(story: Story) -> None:
    for path, wanted in story.goldens().items():
        assert path.read_bytes() == wanted, path


@pytest.mark.parametrize("story", STORIES)
def test_the_golden_client_reply_is_lawful(story: Story) -> None:
    events = law.events((story.folder / "client.sse").read_bytes())
    assert events[-1]["type"] in ("message_stop", "error")
    assert "amazon" not in json.dumps(events)


@pytest.mark.parametrize("story", STORIES)
def test_bedrock_takes_the_golden_wire_request(story: Story) -> None:
    wire = story.encode().wire
    path = wire.url.removeprefix(story.target.base_url)
    headers = {**dict(wire.headers), "authorization": "Bearer key"}
    assert violations(headers, path, json.loads(wire.body), key="key") == []


@pytest.mark.parametrize("story", STORIES)
def test_the_note_says_where_the_story_comes_from(story: Story) -> None:
    assert "Invented" in (story.folder / "story.md").read_text()


@pytest.mark.parametrize("story", STORIES)
@pytest.mark.parametrize("size", [1, 9, 100])
def test_cuts_change_nothing(story: Story, size: int) -> None:
    stream = story.backend_reply
    pieces = (stream[at : at + size] for at in range(0, len(stream), size))
    assert story.render_unframed_reply(pieces) == story.render_unframed_reply()


def unframed(*pieces: bytes) -> bytes:
    return b"".join(map(DIALECT.unframer(CONTEXT), pieces))


def sent(**fields: Any) -> tuple[str, dict[str, Any]]:
    body = {"model": "claude-opus-4-6", "messages": [{"role": "user", "content": "a"}], "max_tokens": 100, **fields}
    wire = DIALECT.encode(messages.check(body), orjson.dumps(body), CLAUDE).wire
    return wire.url, orjson.loads(wire.body)


@pytest.mark.parametrize(("stream", "action"), [(True, "invoke-with-response-stream"), (False, "invoke")])
def test_model_and_stream_are_in_the_address(stream: bool, action: str) -> None:
    url, body = sent(stream=stream)
    assert url == f"{CLAUDE.base_url}/model/us.anthropic.claude-opus-4-6-v1/{action}"
    assert body == {
        "anthropic_version": "bedrock-2023-05-31",
        "messages": [{"role": "user", "content": "a"}],
        "max_tokens": 100,
    }


def test_the_attribution_stays_behind() -> None:
    attribution = {"type": "text", "text": "x-anthropic-billing-header: cc_version=2.1.329;"}
    _, body = sent(system=[attribution, {"type": "text", "text": "You help."}], stream=True)
    assert body["system"] == [{"type": "text", "text": "You help."}]


def test_events_of_another_order_of_keys_pass_too() -> None:
    assert unframed(amazon.event("chunk", b'{"index":0,"type":"content_block_stop"}')) == (
        b'event: content_block_stop\ndata: {"index":0,"type":"content_block_stop"}\n\n'
    )


def test_frames_that_are_no_chunks_are_passed_over() -> None:
    assert unframed(amazon.event("initial-response", b"{}"), amazon.event("weather", b"{}")) == b""


@pytest.mark.parametrize("payload", [b"", b"[]", b"{}", b"no"])
def test_a_chunk_without_an_event_ends_in_an_error_and_nothing_behind_it_counts(payload: bytes) -> None:
    stop = amazon.event("chunk", b'{"type":"message_stop"}')
    [event] = law.events(unframed(amazon.event("chunk", payload) + stop, stop))
    assert event["error"]["type"] == "overloaded_error"
    assert event["error"]["message"] == f"{CLAUDE.name} sent a chunk that holds no event"


def test_a_fault_of_the_framing_is_raised() -> None:
    with pytest.raises(MalformedReply):
        unframed(bytes(12))


MIDWAY: list[tuple[str, str, Kind, str]] = [
    ("throttlingException", "Too many tokens per day, please wait", Kind.MONEY, "billing_error"),
    ("throttlingException", "Too many requests, please wait", Kind.RATE_LIMIT, "overloaded_error"),
    ("serviceUnavailableException", "Bedrock is unable to process your request.", Kind.OVERLOADED, "overloaded_error"),
    ("internalServerException", "Unexpected.", Kind.SERVER, "overloaded_error"),
    ("modelStreamErrorException", "Broken.", Kind.SERVER, "overloaded_error"),
    ("modelTimeoutException", "Timed out.", Kind.TIMEOUT, "overloaded_error"),
    ("validationException", "prompt is too long: 9 tokens > 5 maximum", Kind.OVERFLOW, "invalid_request_error"),
    ("validationException", "No.", Kind.REFUSED, "invalid_request_error"),
    ("accessDeniedException", "No.", Kind.PERMISSION, "permission_error"),
]


@pytest.mark.parametrize(("name", "words", "kind", "told"), MIDWAY)
def test_an_exception_is_an_event_of_its_type_and_keeps_its_kind(name: str, words: str, kind: Kind, told: str) -> None:
    [event] = law.events(unframed(amazon.exception(name, json.dumps({"message": words}).encode())))
    error = DIALECT.decode_error(200, {}, orjson.dumps(event), CONTEXT)
    assert (event["error"]["type"], error.kind) == (told, kind)
    assert error.message == event["error"]["message"]
    assert words in error.message


def test_an_error_event_of_anthropics_own_is_classified() -> None:
    body = b'{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}'
    assert DIALECT.decode_error(200, {}, body, CONTEXT).kind is Kind.OVERLOADED


REPAIRABLE: Iterable[str] = (
    "context_management: Extra inputs are not permitted",
    "messages.1.content.0: Invalid `signature` in `thinking` block",
)


@pytest.mark.parametrize("words", REPAIRABLE)
def test_what_the_client_repairs_itself_it_is_told_as_anthropic_tells_it(words: str) -> None:
    body = json.dumps({"message": words}).encode()
    error = DIALECT.decode_error(400, {"x-amzn-errortype": "ValidationException"}, body, CONTEXT)
    assert (error.kind, error.message) == (Kind.REPAIRABLE, words)


@pytest.mark.parametrize("story", STORIES)
def test_the_official_sdk_puts_the_events_together(story: Story) -> None:
    events = law.events((story.folder / "client.sse").read_bytes())
    snapshot, pieces = None, dict[int, Any]()
    for event in (each for each in events if each["type"] != "error"):
        told = TypeAdapter(RawMessageStreamEvent).validate_python(event)
        snapshot = accumulate_event(event=told, current_snapshot=snapshot, json_bufs=pieces)
    assert snapshot is not None
    assert (snapshot.stop_reason is None) == (events[-1]["type"] == "error")
