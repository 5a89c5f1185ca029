"""Properties 6 and 7: every request is translated or refused in our words; a longer history extends a shorter one."""

import contextlib
import json
from dataclasses import replace
from typing import Any

import orjson
from hypothesis import given
from hypothesis import strategies as st

from addon import dialects
from addon.dialects import Encoded, Target
from addon.dialects.anthropic import history as anthropic_history
from addon.dialects.profiles import Takes
from addon.protocol import messages, signature, tokens
from addon.protocol.errors import BadRequest, Unsupported
from addon.routing.backends import BACKENDS
from tests.end_to_end import strictness
from tests.properties import conversations as our
from tests.properties.blocks import Json

CHAT = dialects.load("openai_chat")
NATIVE = dialects.load("anthropic")
HEADERS = {"authorization": "Bearer key", "content-type": "application/json", "accept-encoding": "identity"}


def encode(body: Json, target: Target) -> Encoded:
    written = json.dumps(body).encode()
    dialect = dialects.load(BACKENDS[target.provider].dialect)
    return dialect.encode(messages.parse(written), written, target)


@given(our.requests(), our.TARGETS)
def test_a_translated_request_is_one_that_openai_takes(body: Json, target: Target) -> None:
    with contextlib.suppress(Unsupported, BadRequest):
        wire = encode(body, target).wire
        assert strictness.violations({**dict(wire.headers), **HEADERS}, json.loads(wire.body), key="key") == []


@given(our.requests(), our.EVERY_STYLE | our.CHAT_ROWS | our.NATIVE_ROWS)
def test_every_request_translates_or_is_refused_for_every_profile(body: Json, target: Target) -> None:
    before = json.dumps(body)
    with contextlib.suppress(Unsupported, BadRequest):
        encoded = encode(body, target)
        assert encoded.wire == encode(json.loads(before), target).wire
        for loss in encoded.losses:
            assert loss.path.split(".", maxsplit=1)[0] in body, loss
            assert loss.what
    assert before == json.dumps(body)


@given(our.requests(our.history()), our.TARGETS)
def test_what_the_client_really_sends_is_never_refused(body: Json, target: Target) -> None:
    encode(body, target)


def test_every_pattern_of_the_provider_table_has_a_model_here() -> None:
    unmatched = [
        (row.name, pattern.pattern)
        for row in BACKENDS.values()
        for pattern, _ in row.by_model
        if not any(pattern.search(model) for model in our.MODELS)
    ]
    assert unmatched == []


@given(our.history(), our.answered(), our.EVERY_STYLE | our.CHAT_ROWS, our.tools())
def test_a_longer_history_extends_the_shorter_ones_messages(
    shorter: list[Json], turn: list[Json], target: Target, tools: list[Json]
) -> None:
    target = replace(target, profile=replace(target.profile, images=True, image_urls=True))
    body: Json = {"model": "m", "system": "You help.", "tools": tools}
    before = orjson.loads(encode({**body, "messages": shorter}, target).wire.body)["messages"]
    after = orjson.loads(encode({**body, "messages": [*shorter, *turn]}, target).wire.body)["messages"]
    assert before == after[: len(before)]


@given(our.requests(our.history()), our.TARGETS)
def test_how_the_client_marks_and_wraps_its_texts_changes_nothing(body: Json, target: Target) -> None:
    assert encode(body, target).wire == encode({**body, "messages": unmarked(body["messages"])}, target).wire


def unmarked(turns: list[Json]) -> list[Json]:
    """The same turns as the client sends them later: no cache marks, a sole text as a plain string."""
    plain: Any = json.loads(json.dumps(turns), object_hook=_without_mark)
    for turn in plain:
        if len(turn["content"]) == 1 and isinstance(turn["content"], list) and turn["content"][0]["type"] == "text":
            turn["content"] = turn["content"][0]["text"]
    return list(plain)


def _without_mark(found: Json) -> Json:
    return {key: value for key, value in found.items() if key != "cache_control"}


SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.sampled_from(["", "text", "user"])
FIELDS = st.sampled_from(["type", "text", "source", "content", "name", "role", "data", "id"])
HOSTILE = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(FIELDS, inner, max_size=3), max_leaves=8
)


@given(st.data(), our.requests(), our.EVERY_STYLE)
def test_a_request_with_any_value_anywhere_is_refused_in_our_words(
    data: st.DataObject, body: Json, target: Target
) -> None:
    body = json.loads(json.dumps(body))  # strategies share the values that they give
    for _ in range(data.draw(st.integers(1, 3))):
        holder: Any = body
        while True:
            keys = list(holder) if isinstance(holder, dict) else list(range(len(holder)))
            if not keys:
                break
            key = data.draw(st.sampled_from(keys))
            if isinstance(holder[key], dict | list) and data.draw(st.integers(0, 3)):
                holder = holder[key]
                continue
            holder[key] = data.draw(HOSTILE)
            break
    written = json.dumps(body).encode()
    with contextlib.suppress(Unsupported, BadRequest):
        request = messages.parse(written)
        assert tokens.estimate(request.system, request.messages, request.tools) >= 1
        NATIVE.encode(request, written, target)
        CHAT.encode(request, written, target)


OF_ANTHROPIC = our.NATIVE_ROWS.filter(lambda target: target.profile.takes is Takes.ALL)


@given(our.requests(), OF_ANTHROPIC, st.booleans())
def test_the_native_dialect_changes_anthropics_model_and_foreign_thinking_and_nothing_else(
    body: Json, target: Target, compact: bool
) -> None:
    written = json.dumps(body, separators=(",", ":") if compact else None).encode()
    with contextlib.suppress(BadRequest):
        request = messages.parse(written)
        sent = NATIVE.encode(request, written, target).wire.body
        is_looked_at = anthropic_history.concerns(written, claude=target.profile.claude)
        shown = anthropic_history.own(request, target)[0] if is_looked_at else request
        assert {**shown.body, "model": target.model} == messages.parse_json(sent)


@given(our.requests(our.history()), our.NATIVE_ROWS)
def test_what_a_native_backend_does_not_take_is_told_and_what_it_gets_it_takes(body: Json, target: Target) -> None:
    with contextlib.suppress(BadRequest, Unsupported):
        encoded = encode(body, target)
        sent = messages.parse(encoded.wire.body)
        told = {each.path.split(".", maxsplit=1)[0] for each in encoded.losses}
        gone = {name for name in body if body[name] and name not in sent.body}
        assert gone <= told | {"tools"}  # a list of placeholders alone is left out, and nobody misses it
        again = NATIVE.encode(sent, encoded.wire.body, target)
        assert messages.parse_json(again.wire.body) == sent.body
        assert again.losses == ()


@given(our.requests(our.history()), our.NATIVE_ROWS)
def test_claude_and_others_are_shown_no_seal_of_ours(body: Json, target: Target) -> None:
    written = json.dumps(body).encode()
    with contextlib.suppress(BadRequest, Unsupported):
        sent = messages.parse(NATIVE.encode(messages.parse(written), written, target).wire.body)
        for turn in sent.messages:
            for each in turn["content"] if isinstance(turn["content"], list) else ():
                signed = each.get("signature", each.get("data", ""))
                assert not signed.startswith(signature.PREFIX)
                assert target.profile.claude == bool(signed) or "thinking" not in each["type"] or signed == "ErUB"
