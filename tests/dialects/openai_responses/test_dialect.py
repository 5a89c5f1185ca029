"""The whole dialect: what goes out, what a whole reply becomes, what an error means."""

from dataclasses import replace
from typing import Any

import orjson
import pytest

from addon.dialects import Encoded, ReplyContext, Target
from addon.dialects.openai_responses.dialect import DIALECT
from addon.protocol import messages
from addon.protocol.deltas import End, Failure, Finish, StopReason, Text, Usage
from addon.protocol.errors import BackendError, Kind, TooDeep
from addon.stream import write_whole
from tests.stories import Story, every_story, target

TARGET = target("openai", "gpt-5.5")
CONTEXT = ReplyContext(TARGET, "x1", "OPENAI_API_KEY")
SAID = {"type": "message", "content": [{"type": "output_text", "text": "Hi."}]}


def encoded(target: Target = TARGET, **fields: Any) -> Encoded:
    body = {"model": "m", "max_tokens": 1000, "messages": [{"role": "user", "content": "Hi."}], **fields}
    return DIALECT.encode(messages.check(body), None, target)


def test_the_request_goes_to_the_path_of_responses() -> None:
    sent = encoded(stream=True)
    assert sent.wire.url == "https://api.openai.com/v1/responses"
    assert dict(sent.wire.headers)["accept"] == "text/event-stream"
    assert dict(encoded().wire.headers)["accept"] == "application/json"


def test_tools_are_offered_by_their_names_on_the_wire() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "string"}}}
    sent = encoded(tools=[{"name": "a b", "input_schema": schema}])
    assert {sent.tool_names[name]: told for name, told in sent.offered.items()} == {"a b": schema}


def test_a_reply_gets_what_the_prompt_leaves_of_the_window() -> None:
    small = replace(TARGET, max_input_tokens=8_000, profile=replace(TARGET.profile, reply_beside_window=False))
    sent = encoded(small, max_tokens=16_000)
    assert orjson.loads(sent.wire.body)["max_output_tokens"] < 8_000
    assert [loss.path for loss in sent.losses] == ["max_tokens"]


def test_the_body_of_the_user_is_laid_over_ours() -> None:
    sent = encoded(replace(TARGET, extra_body={"reasoning": {"summary": None}, "service_tier": "flex"}))
    body = orjson.loads(sent.wire.body)
    assert (body["reasoning"], body["service_tier"]) == ({}, "flex")


def test_what_is_nested_too_deeply_is_refused() -> None:
    deep: Any = {}
    for _ in range(300):
        deep = {"a": deep}
    with pytest.raises(TooDeep):
        encoded(tools=[{"name": "a", "input_schema": deep}])


def test_a_whole_reply_is_read() -> None:
    usage = {"input_tokens": 5, "output_tokens": 2}
    body = orjson.dumps({"object": "response", "status": "completed", "output": [SAID], "usage": usage})
    assert DIALECT.decode_whole(body, CONTEXT) == [Text("Hi."), Usage(5, 2), Finish(StopReason.END_TURN), End()]


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b'{"status":"failed","error":{"code":"server_error","message":"x"},"output":[]}', Kind.SERVER),
        (b'{"error":{"code":"rate_limit_exceeded","message":"x"}}', Kind.RATE_LIMIT),
        (b'{"code":"x","error":"Too many requests"}', Kind.RATE_LIMIT),
        (b"<html>", Kind.MALFORMED),
    ],
)
def test_a_whole_reply_that_is_an_error_is_one(body: bytes, kind: Kind) -> None:
    failure = DIALECT.decode_whole(body, CONTEXT)[0]
    assert isinstance(failure, Failure)
    assert isinstance(failure.error, BackendError)
    assert failure.error.kind is kind


def test_a_whole_reply_that_says_nothing_has_no_finish() -> None:
    assert DIALECT.decode_whole(b"{}", CONTEXT) == [End()]


def test_an_error_is_read_by_status_and_words() -> None:
    error = DIALECT.decode_error(401, {}, b'{"error":{"message":"Incorrect API key"}}', CONTEXT)
    assert error.kind is Kind.CREDENTIAL
    assert "OPENAI_API_KEY" in error.message
    assert DIALECT.instead_of(error, CONTEXT) is None  # type: ignore[func-returns-value]  # the protocol's other answer
    assert DIALECT.unframer(CONTEXT) is None  # type: ignore[func-returns-value]  # the same


def response_of(story: Story) -> bytes | None:
    """The response object of a story's last event, where all is told in it."""
    told = [line[6:] for line in story.backend_reply.splitlines() if line.startswith(b'data: {"type":"response.comp')]
    response = orjson.loads(told[0])["response"] if told else {}
    return orjson.dumps(response) if response.get("output") else None


LATE = ("azure_late", "search")  # what stands elsewhere where it is told late
WHOLE = [
    pytest.param(story, body, id=story.name)
    for story in every_story("openai_responses")
    if not story.folder.name.startswith(LATE) and (body := response_of(story))
]


@pytest.mark.parametrize(("story", "body"), WHOLE)
def test_a_whole_reply_says_what_the_stream_says(story: Story, body: bytes) -> None:
    written = write_whole(DIALECT.decode_whole(body, story.context()), story.writer())
    assert messages.collect(written) == messages.collect(story.render_client_reply())
