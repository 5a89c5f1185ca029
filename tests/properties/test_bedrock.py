"""Whatever is asked of Bedrock is what botocore would send; and a longer history extends what was said before."""

import contextlib
import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from addon import dialects
from addon.dialects import Encoded, Target
from addon.protocol import messages
from addon.protocol.errors import BadRequest, Unsupported
from addon.routing.backends import BACKENDS
from tests.end_to_end.bedrock_strictness import violations
from tests.properties import conversations as our
from tests.properties.blocks import Json
from tests.stories import FOLDER, target

MODELS = (
    "us.amazon.nova-2-lite-v1:0", "us.amazon.nova-pro-v1:0", "openai.gpt-oss-120b-1:0", "us.openai.gpt-6-sol",
    "mistral.devstral-2-123b", "us.meta.llama4-scout-17b-instruct-v1:0", "minimax.minimax-m2.5",
    "converse/us.anthropic.claude-sonnet-4-6", "us.anthropic.claude-opus-5-5", "us.anthropic.claude-opus-4-6-v1",
    "invoke/arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc",
)  # fmt: skip
TARGETS = st.sampled_from([target("bedrock", model) for model in MODELS])
CONVERSE = st.sampled_from([target("bedrock", model) for model in MODELS[:8]])


def encode(body: Json, there: Target) -> Encoded:
    written = json.dumps(body).encode()
    dialect = dialects.load(BACKENDS["bedrock"].dialect_of(there.model))
    return dialect.encode(messages.parse(written), written, there)


def objections(made: Encoded, there: Target) -> list[str]:
    headers = {**dict(made.wire.headers), "authorization": "Bearer key"}
    return violations(headers, made.wire.url.removeprefix(there.base_url), json.loads(made.wire.body), key="key")


@given(our.requests(our.history()), TARGETS)
def test_what_the_client_really_sends_is_what_botocore_would_send(body: Json, there: Target) -> None:
    with contextlib.suppress(Unsupported, BadRequest):
        assert objections(encode(body, there), there) == []


@given(our.requests(), CONVERSE)
def test_a_request_in_any_order_is_what_botocore_would_send_by_converse(body: Json, there: Target) -> None:
    with contextlib.suppress(Unsupported, BadRequest):
        made = encode(body, there)
        said = json.loads(made.wire.body)["messages"]
        if said[-1]["role"] == "user":  # the model's own last word is told as lost
            assert objections(made, there) == []


def parts(made: Encoded) -> list[Any]:
    """Each part of each message with its role, in their order; a mark of the cache is none."""
    said = orjson.loads(made.wire.body)["messages"]
    return [(turn["role"], part) for turn in said for part in turn["content"] if "cachePoint" not in part]


@given(our.history(), our.answered(), CONVERSE, our.tools())
def test_a_longer_history_extends_what_was_said(
    shorter: list[Json], turn: list[Json], there: Target, tools: list[Json]
) -> None:
    body: Json = {"model": "m", "system": "You help.", "tools": tools}
    with contextlib.suppress(Unsupported):
        before = parts(encode({**body, "messages": shorter}, there))
        after = parts(encode({**body, "messages": [*shorter, *turn]}, there))
        assert before == after[: len(before)]


SESSIONS = sorted((FOLDER / "sessions").glob("*.json"))


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("session", SESSIONS, ids=lambda path: path.stem)
def test_a_session_of_the_real_client_is_taken_and_its_beginning_stays(session: Path, model: str) -> None:
    there = target("bedrock", model)
    said = [encode(body, there) for body in json.loads(session.read_text())]
    assert [objections(made, there) for made in said] == [[] for _ in said]
    if BACKENDS["bedrock"].dialect_of(model) == "bedrock_converse":
        for before, after in pairwise(map(parts, said)):
            assert after[: len(before)] == before
