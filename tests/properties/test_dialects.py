"""Requests in every dialect of the table: translated or refused in our words, always alike, no foreign seal shown."""

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from addon import dialects
from addon.dialects import Encoded, Target
from addon.protocol import messages, signature
from addon.protocol.errors import BadRequest, Unsupported
from addon.routing.backends import BACKENDS
from tests import stories
from tests.properties import conversations as our
from tests.properties.blocks import Json

# models that bring out each dialect and what each family changes, beside those of the chat-completions rows
MODELS = (
    *our.MODELS, "gemini-2.5-flash", "gemini-3.8-flash", "gemma-3", "claude-opus-5-5", "meta/llama-4",
    "anthropic.claude-opus-5", "us.anthropic.claude-sonnet-4-6-v1:0", "amazon.nova-pro-v1:0", "openai.gpt-oss-120b-1:0",
    "deepseek.v3-v1:0", "mistral.mistral-large-2407-v1:0", "qwen.qwen3-coder-30b-a3b-v1:0", "gpt-5.3-codex",
)  # fmt: skip
MARK = "foreignstate"


def speakers() -> dict[str, list[tuple[str, Target]]]:
    """Dialect -> a target for each row and profile that speak it, with the provider's row."""
    found: dict[str, dict[str, tuple[str, Target]]] = {}
    for row in BACKENDS.values():
        for model in MODELS if not row.only_searches else ():
            target = stories.target(row.name, model)
            dialect = row.dialect_of(model)
            found.setdefault(dialect, {}).setdefault(f"{row.name} {target.profile}", (dialect, target))
    return {dialect: list(targets.values()) for dialect, targets in found.items()}


SPEAKERS = speakers()
TRANSLATING = sorted(name for name in SPEAKERS if dialects.load(name).translates)
EVERYBODY = st.sampled_from(sorted(SPEAKERS)).flatmap(lambda dialect: st.sampled_from(SPEAKERS[dialect]))
TRANSLATORS = st.sampled_from(TRANSLATING).flatmap(lambda dialect: st.sampled_from(SPEAKERS[dialect]))


def encode(body: Json, speaker: tuple[str, Target]) -> Encoded:
    dialect, target = speaker
    written = json.dumps(body).encode()
    return dialects.load(dialect).encode(messages.parse(written), written, target)


def test_every_dialect_that_answers_has_a_row() -> None:
    searches = {row.dialect for row in BACKENDS.values() if row.only_searches}
    assert set(dialects.MODULES) - searches == set(SPEAKERS)


@given(our.requests(), EVERYBODY)
def test_a_request_translates_always_alike_or_is_refused_in_our_words(body: Json, speaker: tuple[str, Target]) -> None:
    before = json.dumps(body)
    with contextlib.suppress(Unsupported, BadRequest):
        encoded = encode(body, speaker)
        assert encoded.wire == encode(json.loads(before), speaker).wire
        assert isinstance(json.loads(encoded.wire.body), dict)
        assert encoded.wire.url.startswith(speaker[1].base_url.partition("/v1")[0])  # Vertex has versions of it
        for loss in encoded.losses:
            assert loss.path.split(".", maxsplit=1)[0] in body, loss
            assert loss.what
    assert before == json.dumps(body)


@given(our.requests(our.history()), TRANSLATORS)
def test_what_the_client_really_sends_is_said_in_every_dialect(body: Json, speaker: tuple[str, Target]) -> None:
    try:
        encode(body, speaker)
    except Unsupported as refused:  # a model without eyes, a search where only functions are
        assert refused.message  # noqa: PT017 - either is right


@given(st.data(), our.requests(), EVERYBODY)
def test_a_request_with_any_value_anywhere_is_translated_or_refused(
    data: st.DataObject, body: Json, speaker: tuple[str, Target]
) -> None:
    body = json.loads(json.dumps(body))  # strategies share the values that they give
    for _ in range(data.draw(st.integers(1, 3))):
        spoil(data, body)
    with contextlib.suppress(Unsupported, BadRequest):
        encode(body, speaker)


SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.sampled_from(["", "text", "user"])
FIELDS = st.sampled_from(["type", "text", "source", "content", "name", "role", "data", "id", "signature", "input"])
HOSTILE = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(FIELDS, inner, max_size=3), max_leaves=8
)


def spoil(data: st.DataObject, body: Json) -> None:
    """Put any value at any place."""
    holder: Any = body
    while keys := list(holder) if isinstance(holder, dict) else list(range(len(holder))):
        key = data.draw(st.sampled_from(keys))
        if not isinstance(holder[key], dict | list) or not data.draw(st.integers(0, 3)):
            holder[key] = data.draw(HOSTILE)
            return
        holder = holder[key]


STATE: st.SearchStrategy[Any] = st.recursive(
    st.just(MARK), lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.just("data"), inner), max_leaves=4
)


@given(st.data(), our.history(), TRANSLATORS)
def test_what_another_model_sealed_is_shown_to_nobody(
    data: st.DataObject, turns: list[Json], speaker: tuple[str, Target]
) -> None:
    seal = signature.seal("elsewhere/model", {"calls": data.draw(STATE), "items": [data.draw(STATE)]})
    thought = {"type": "thinking", "thinking": MARK, "signature": seal}
    body = {"model": "m", "max_tokens": 99, "messages": [with_thought(turn, thought) for turn in turns]}
    with contextlib.suppress(Unsupported, BadRequest):
        wire = encode(body, speaker).wire
        assert MARK not in wire.body.decode()
        assert signature.PREFIX not in wire.body.decode()


def with_thought(turn: Json, thought: Json) -> Json:
    if turn["role"] != "assistant":
        return turn
    content = turn["content"]
    blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
    return {**turn, "content": [thought, *blocks]}


@pytest.mark.parametrize("dialect", sorted(SPEAKERS))
def test_a_backends_own_state_of_any_shape_breaks_nothing(dialect: str) -> None:
    """Whoever keeps the transcripts may change them: the state in a seal is not to be trusted."""
    shapes: list[Any] = [None, 1, "x", [], {}, [None], [1], ["x"], [[]], [{}], {"x": 1}, {"x": {}}, [{"type": 1}]]
    for _, target in SPEAKERS[dialect]:
        for shape in shapes:
            keys = ("calls", "reasoning_details", "items", "parts", "signatures", "reasoning", "blocks", "redacted")
            seal = signature.seal(target.name, dict.fromkeys(keys, shape))
            content = [
                {"type": "thinking", "thinking": "A.", "signature": seal},
                {"type": "text", "text": "B."},
                {"type": "tool_use", "id": "toolu_1", "name": "Read", "input": {}},
            ]
            result = {"type": "tool_result", "tool_use_id": "toolu_1", "content": "C."}
            turns = [{"role": "user", "content": "Hi."}, {"role": "assistant", "content": content}]
            turns.append({"role": "user", "content": [result]})
            encode({"model": "m", "max_tokens": 99, "messages": turns}, (dialect, target))
