"""The dialect Converse: what is sent, and what is kept for the reply. The halves have tests of their own."""

from dataclasses import replace
from typing import Any

import orjson
import pytest

from addon.dialects import Encoded, ReplyContext, Target
from addon.dialects.bedrock.converse import DIALECT
from addon.dialects.losses import Lost
from addon.protocol import messages
from addon.protocol.deltas import End, Failure
from addon.protocol.errors import BackendError, Kind, TooDeep
from tests.stories import target

NOVA = replace(target("bedrock", "us.amazon.nova-pro-v1:0"), base_url="https://bedrock-runtime.us-east-1.amazonaws.com")
CONTEXT = ReplyContext(NOVA, "x1", "KEY")
SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}
FORM = {"format": {"type": "json_schema", "schema": SCHEMA}}


def encoded(there: Target = NOVA, **fields: Any) -> Encoded:
    body = {"model": "m", "messages": [{"role": "user", "content": "a"}], "max_tokens": 100, **fields}
    return DIALECT.encode(messages.check(body), None, there)


@pytest.mark.parametrize(("stream", "action"), [(True, "converse-stream"), (False, "converse")])
def test_a_stream_has_an_address_of_its_own(stream: bool, action: str) -> None:
    wire = encoded(stream=stream).wire
    assert wire.url == f"{NOVA.base_url}/model/us.amazon.nova-pro-v1%3A0/{action}"
    assert b"stream" not in wire.body


def test_extra_fields_lie_over_the_body() -> None:
    body = orjson.loads(encoded(replace(NOVA, extra_body={"serviceTier": {"type": "flex"}})).wire.body)
    assert body["serviceTier"] == {"type": "flex"}


def test_a_reply_is_no_longer_than_the_window_has_room_for() -> None:
    made = encoded(replace(NOVA, max_input_tokens=10_000, max_output_tokens=50_000), max_tokens=32_000)
    limit = orjson.loads(made.wire.body)["inferenceConfig"]["maxTokens"]
    assert 4_096 < limit < 10_000
    assert [loss.sort for loss in made.losses] == [Lost.OUTPUT_LIMIT]


def test_nova_that_thinks_its_most_gets_no_limit_of_ours() -> None:
    nova = replace(target("bedrock", "us.amazon.nova-2-lite-v1:0"), max_input_tokens=10_000)
    made = encoded(nova, output_config={"effort": "high"}, max_tokens=32_000)
    assert orjson.loads(made.wire.body)["inferenceConfig"] == {}


def test_what_the_reply_is_read_against_is_kept() -> None:
    call = {"type": "tool_use", "id": "t", "name": "Bash", "input": {}}
    tool = {"name": "Bash", "input_schema": SCHEMA}
    made = encoded(
        tools=[tool],
        messages=[{"role": "user", "content": "a"}, {"role": "assistant", "content": [call]}],
        output_config=FORM,
    )
    assert (made.offered, [*made.call_ids], made.form) == ({"Bash": SCHEMA}, ["t"], orjson.dumps(SCHEMA))
    assert made.input_tokens > 0


def test_arguments_that_are_nested_too_deep_are_refused() -> None:
    deep: Any = {}
    for _ in range(300):
        deep = {"a": deep}
    call = {"type": "tool_use", "id": "t", "name": "Bash", "input": deep}
    with pytest.raises(TooDeep):
        encoded(messages=[{"role": "user", "content": "a"}, {"role": "assistant", "content": [call]}])


def test_an_answer_that_has_not_the_form_is_malformed() -> None:
    message = {"role": "assistant", "content": [{"text": '{"b": 1}'}]}
    body = orjson.dumps({"output": {"message": message}, "stopReason": "end_turn", "usage": {}})
    context = replace(CONTEXT, form=orjson.dumps(SCHEMA))
    assert any(isinstance(each, Failure) for each in DIALECT.decode_whole(body, context))
    assert isinstance(DIALECT.decode_whole(body, CONTEXT)[-1], End)


def test_an_error_is_classified_by_its_name() -> None:
    error = DIALECT.decode_error(429, {"x-amzn-errortype": "ThrottlingException"}, b'{"message":"slow"}', CONTEXT)
    assert error.kind is Kind.RATE_LIMIT


def test_nothing_is_unframed_and_nothing_stands_for_an_error() -> None:
    assert DIALECT.translates
    assert DIALECT.stream_types == ("application/vnd.amazon.eventstream",)
    unframe: object = DIALECT.unframer(CONTEXT)  # type: ignore[func-returns-value]  # that it is none is what is said
    instead: object = DIALECT.instead_of(BackendError(Kind.SERVER, "no"), CONTEXT)  # type: ignore[func-returns-value]  # the same
    assert (unframe, instead) == (None, None)
