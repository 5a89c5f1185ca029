"""Every request that we build is one that Google's own types take, and that keeps the rules in its pages."""

import contextlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from addon.dialects import Target
from addon.dialects.gemini.dialect import DIALECT
from addon.protocol import messages, signature
from addon.protocol.errors import BadRequest, Unsupported
from tests import searches
from tests.end_to_end.gemini_strictness import of_body
from tests.properties.conversations import requests
from tests.stories import FOLDER, Story, every_story, target

type Json = dict[str, Any]

CALLS = Path(__file__).parents[2] / "routing" / "calls" / "claude_code.json"
RECORDED: list[bytes] = [json.dumps(entry["body"]).encode() for entry in json.loads(CALLS.read_text())]
SESSIONS = [
    json.dumps(body).encode()
    for path in sorted((FOLDER / "sessions").glob("*.json"))
    for body in json.loads(path.read_text())
]
SEARCH = json.dumps(searches.body()).encode()
MODELS = [
    "gemini-4-argon", "gemini-3.8-flash", "gemini-3-pro-preview", "gemini-2.5-pro", "gemini-2.5-flash-lite",
    "gemini-2.0-flash", "gemma-3-27b-it",
]  # fmt: skip
TARGETS = [target(provider, model) for provider in ("gemini", "vertex") for model in MODELS]


def faults(body: bytes, there: Target) -> list[str]:
    """What Google would refuse of a request; nothing where it cannot be said."""
    with contextlib.suppress(Unsupported, BadRequest):
        sent = orjson.loads(DIALECT.encode(messages.parse(body), body, there).wire.body)
        return of_body(sent, there.model, vertex=there.profile.vertex)
    return []


GOOD: Json = {
    "systemInstruction": {"parts": [{"text": "s"}]},
    "contents": [
        {"role": "user", "parts": [{"text": "t"}, {"inlineData": {"mimeType": "image/png", "data": "AA=="}}]},
        {
            "role": "model",
            "parts": [{"functionCall": {"id": "a", "name": "f", "args": {"x": 1}}, "thoughtSignature": "AAAA"}],
        },
        {"role": "user", "parts": [{"functionResponse": {"id": "a", "name": "f", "response": {"output": "r"}}}]},
    ],
    "tools": [{"functionDeclarations": [{"name": "f", "parametersJsonSchema": {"type": "object", "properties": {}}}]}],
    "toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["f"]}},
    "safetySettings": [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"}],
    "generationConfig": {
        "maxOutputTokens": 100,
        "stopSequences": ["a"],
        "thinkingConfig": {"includeThoughts": True, "thinkingLevel": "LOW"},
    },
}


def model_parts(body: Json) -> list[Json]:
    return list(body["contents"][1]["parts"])


# what is done to the good request, and the words of the one fault that must be told
WRONG: list[tuple[Callable[[Json], Any], str]] = [
    (lambda body: body.update(system="s"), "system: Extra inputs"),
    (lambda body: body.pop("contents"), "contents: Field required"),
    (lambda body: body["contents"][0].update(cache_control={}), "cache_control: Extra inputs"),
    (lambda body: body["contents"][0]["parts"][1]["inlineData"].update(type="b"), "inlineData.type: Extra inputs"),
    (lambda body: body["generationConfig"].update(max_output_tokens=1), "max_output_tokens: Extra inputs"),
    (lambda body: body["toolConfig"]["functionCallingConfig"].update(mode="any"), "writes the same values"),
    (lambda body: body["toolConfig"]["functionCallingConfig"].update(mode="SOME"), "not a valid"),
    (lambda body: body["contents"].reverse(), "function response parts"),
    (lambda body: body["contents"].pop(), "end with the user"),
    (lambda body: body["contents"].insert(0, body["contents"][0]), "the role of the one before"),
    (lambda body: body["contents"].append({"role": "user", "parts": []}), "at least one parts field"),
    (lambda body: body["contents"][0]["parts"].append({"text": ""}), "text: empty"),
    (lambda body: body["contents"][0]["parts"].append({}), "where one is needed"),
    (lambda body: body["contents"][1]["parts"][0].pop("thoughtSignature"), "missing a thought_signature"),
    (lambda body: body["contents"][1]["parts"][0]["functionCall"].pop("id"), "for this model"),
    (lambda body: body["contents"][1]["parts"].append(model_parts(body)[0]), "an id comes twice"),
    (lambda body: body["contents"][2]["parts"].insert(0, {"text": "x"}), "stands behind something else"),
    (lambda body: body["generationConfig"].update(stopSequences=list("abcdef")), "stopSequences: too many"),
    (lambda body: body["generationConfig"]["thinkingConfig"].update(thinkingBudget=1), "or both"),
    (lambda body: body["generationConfig"].update(maxOutputTokens=65_537), "supported range"),
    (lambda body: body["generationConfig"].update(responseJsonSchema={}), "response mime type"),
    (lambda body: body.update(tools=[]), "tools: empty"),
    (lambda body: body["tools"].append({"googleSearch": {}}), "in another mode than VALIDATED"),
    (lambda body: body["tools"].append(body["tools"][0]), "Duplicate function declaration"),
    (lambda body: body["tools"][0]["functionDeclarations"][0].update(name="1"), "Invalid function name"),
    (lambda body: body["tools"][0]["functionDeclarations"][0].update(description=""), "description: empty"),
    (
        lambda body: body["tools"][0]["functionDeclarations"][0].update(parametersJsonSchema={"type": "string"}),
        "should be of type OBJECT",
    ),
    (
        lambda body: body["tools"][0]["functionDeclarations"][0].update(
            parametersJsonSchema={"type": "object", "properties": {"a": {"anyOf": [{"const": 1}]}}}
        ),
        "const: not supported",
    ),
]


def test_a_good_request_has_no_fault() -> None:
    assert of_body(GOOD, "gemini-3.1-pro-preview") == []


@pytest.mark.parametrize(("spoil", "words"), WRONG, ids=[words for _, words in WRONG])
def test_what_google_does_not_take_is_a_fault(spoil: Callable[[Json], Any], words: str) -> None:
    body = json.loads(json.dumps(GOOD))
    spoil(body)
    assert [each for each in of_body(body, "gemini-3.1-pro-preview") if words in each], of_body(body, "gemini-3")


@pytest.mark.parametrize("story", every_story("gemini"), ids=lambda story: story.name)
def test_the_request_of_a_story_has_googles_types(story: Story) -> None:
    assert faults(story.client_request, story.target) == []


@pytest.mark.parametrize("there", TARGETS, ids=lambda there: there.name)
def test_the_real_clients_calls_have_googles_types(there: Target) -> None:
    own = [body.replace(b"REAL", b"x") for body in SESSIONS]
    assert [fault for body in (*RECORDED, *own, SEARCH) for fault in faults(body, there)] == []


@given(requests(), st.sampled_from(TARGETS))
def test_any_translated_request_has_googles_types(body: Json, there: Target) -> None:
    assert faults(json.dumps(body).encode(), there) == []


STATES = st.fixed_dictionaries(
    {},
    optional={
        "calls": st.dictionaries(st.sampled_from(["a", "b"]), st.sampled_from(["AAAA", "BBBB"])),
        "marks": st.lists(
            st.tuples(st.integers(0, 6), st.integers(0, 6), st.just({"thoughtSignature": "CCCC"})).map(list), max_size=3
        ),
        "thoughts": st.just([[0, 3, {"thoughtSignature": "DDDD"}]]),
    },
)
BLOCKS = st.one_of(
    st.sampled_from(["Hello.", " ", ""]).map(lambda text: {"type": "text", "text": text}),
    st.sampled_from("ab").map(lambda name: {"type": "tool_use", "id": name, "name": "f", "input": {}}),
)


@given(st.lists(st.tuples(BLOCKS, STATES), max_size=5), st.sampled_from(TARGETS), st.sampled_from([None, *TARGETS]))
def test_whatever_is_carried_back_has_googles_types(
    turn: list[tuple[Json, Json]], there: Target, other: Target | None
) -> None:
    origin = (other or there).name
    content = [
        each
        for block, state in turn
        for each in (block, {"type": "thinking", "thinking": "Hm.", "signature": signature.seal(origin, state)})
    ]
    turns = [{"role": "user", "content": "Go."}, {"role": "assistant", "content": content or "Yes."}]
    body = {"model": "m", "messages": [*turns, {"role": "user", "content": "On."}]}
    assert faults(json.dumps(body).encode(), there) == []
