"""Thinking goes back to whom it came from, in the form that is wanted, and to nobody else."""

from dataclasses import replace
from typing import Any

import pytest

from addon.dialects import Target
from addon.dialects.openai_chat.echo import ECHOES, UNSIGNED, Thoughts
from addon.dialects.profiles import Echo, Profile
from addon.protocol import signature

type Json = dict[str, Any]

TARGET = Target("gemini", "g3", "https://backend.invalid", Profile())
DETAILS = [{"type": "reasoning.encrypted", "data": "x"}]
BLOCKS = [{"type": "thinking", "thinking": "A", "signature": "c2ln"}]
SIGNED = {"google": {"thought_signature": "c2ln"}}
CALLS: list[Json] = [{"id": "w1", "function": {}}, {"id": "w2", "function": {}}]
CALL_BLOCKS: list[Json] = [
    {"type": "tool_use", "id": "toolu_1"},
    {"type": "text"},
    {"type": "tool_use", "id": "toolu_2"},
]


def echoing(echo: Echo | None, *, always: bool = False) -> Target:
    return replace(TARGET, profile=Profile(reasoning_echo=echo, echo_always=always))


def thinking(words: str, origin: str = "gemini/g3", **state: Any) -> Json:
    return {"type": "thinking", "thinking": words, "signature": signature.seal(origin, state)}


def echoed(target: Target, *blocks: Json, content: str | None = "Yes.", calls: bool = False) -> Json:
    """What an assistant's message becomes."""
    thoughts = Thoughts(target)
    for block in blocks:
        thoughts.add(block)
    message: Json = {"content": content}
    if calls:
        message["tool_calls"] = [dict(call) for call in CALLS]
    thoughts.onto(message, CALL_BLOCKS if calls else [])
    return message


TWO = (thinking("A"), thinking("B"))
FORMS: dict[str, tuple[Target, tuple[Json, ...], Json]] = {
    "a field": (echoing(Echo.REASONING_CONTENT), TWO, {"content": "Yes.", "reasoning_content": "A\n\nB"}),
    "no thoughts, no field": (echoing(Echo.REASONING_CONTENT), (), {"content": "Yes."}),
    "a field that must be there": (
        echoing(Echo.REASONING_CONTENT, always=True), (), {"content": "Yes.", "reasoning_content": " "},
    ),
    "another field": (echoing(Echo.REASONING), TWO, {"content": "Yes.", "reasoning": "A\n\nB"}),
    "details": (
        echoing(Echo.REASONING_DETAILS), (thinking("A", reasoning_details=DETAILS),),
        {"content": "Yes.", "reasoning_details": DETAILS},
    ),
    "text where there are no details": (
        echoing(Echo.REASONING_DETAILS), TWO, {"content": "Yes.", "reasoning": "A\n\nB"},
    ),
    "details of another model of the provider": (
        echoing(Echo.REASONING_DETAILS), (thinking("A", "gemini/g2", reasoning_details=DETAILS),),
        {"content": "Yes.", "reasoning": "A"},
    ),
    "details that are none": (
        echoing(Echo.REASONING_DETAILS), (thinking("A", reasoning_details="x"),), {"content": "Yes.", "reasoning": "A"},
    ),
    "signed blocks, and their text": (
        echoing(Echo.THINKING_BLOCKS), (thinking("A", reasoning_details=BLOCKS),),
        {"content": "Yes.", "reasoning_content": "A", "thinking_blocks": BLOCKS},
    ),
    "text of a model that signs nothing": (
        echoing(Echo.THINKING_BLOCKS), (thinking("A"),), {"content": "Yes.", "reasoning_content": "A"},
    ),
    "blocks of another model": (
        echoing(Echo.THINKING_BLOCKS), (thinking("A", "gemini/g2", reasoning_details=BLOCKS),), {"content": "Yes."},
    ),
    "parts": (
        echoing(Echo.THINKING_PARTS), (thinking("A"),),
        {"content": [
            {"type": "thinking", "thinking": [{"type": "text", "text": "A"}]}, {"type": "text", "text": "Yes."},
        ]},
    ),
    "tags": (echoing(Echo.THINK_TAGS), (thinking("A"),), {"content": "<think>\nA\n</think>\n\nYes."}),
    "nothing to say in tags": (echoing(Echo.THINK_TAGS), (), {"content": "Yes."}),
    "words that the client did not want to see": (
        echoing(Echo.REASONING), (thinking("", text="Hm"),), {"content": "Yes.", "reasoning": "Hm"},
    ),
    "a model that wants nothing back": (echoing(None), TWO, {"content": "Yes."}),
    "no calls to sign": (echoing(Echo.CALL_SIGNATURES), TWO, {"content": "Yes."}),
}  # fmt: skip


@pytest.mark.parametrize(("target", "blocks", "expected"), FORMS.values(), ids=FORMS)
def test_thinking_takes_the_form_that_is_wanted(target: Target, blocks: tuple[Json, ...], expected: Json) -> None:
    assert echoed(target, *blocks) == expected


@pytest.mark.parametrize("echo", Echo)
def test_every_form_stands_beside_calls_without_words(echo: Echo) -> None:
    message = echoed(echoing(echo), thinking("A"), content=None, calls=True)
    assert [call["id"] for call in message["tool_calls"]] == ["w1", "w2"]
    assert set(ECHOES) == set(Echo)


SIGNATURES: dict[str, tuple[tuple[Json, ...], list[Json]]] = {
    "each on its own call": (
        (thinking("", calls={"toolu_1": SIGNED, "toolu_2": {"b": 1}}),),
        [{**CALLS[0], "extra_content": SIGNED}, {**CALLS[1], "extra_content": {"b": 1}}],
    ),
    "the first alone": (
        (thinking("", calls={"toolu_1": SIGNED}),), [{**CALLS[0], "extra_content": SIGNED}, CALLS[1]],
    ),
    "a stand-in for calls of another's": (
        (thinking("", "openai/o3", calls={"toolu_1": SIGNED}),),
        [{**CALLS[0], "extra_content": UNSIGNED}, CALLS[1]],
    ),
    "a stand-in where thinking was lost": ((), [{**CALLS[0], "extra_content": UNSIGNED}, CALLS[1]]),
}  # fmt: skip


@pytest.mark.parametrize(("blocks", "expected"), SIGNATURES.values(), ids=SIGNATURES)
def test_a_call_is_signed_as_it_came(blocks: tuple[Json, ...], expected: list[Json]) -> None:
    assert echoed(echoing(Echo.CALL_SIGNATURES), *blocks, calls=True)["tool_calls"] == expected


@pytest.mark.parametrize(
    ("block", "whose"),
    [
        (thinking("A", "openai/o3"), "openai/o3"),
        ({"type": "thinking", "thinking": "A", "signature": "ErUB"}, "an earlier turn"),
        ({"type": "thinking", "thinking": "A"}, "an earlier turn"),
        (thinking("A"), None),
        (thinking("A", "gemini/g2"), None),
    ],
)
def test_whose_thinking_does_not_go_back_is_told(block: Json, whose: str | None) -> None:
    assert Thoughts(echoing(Echo.REASONING)).add(block) == whose
    assert Thoughts(echoing(None)).add(thinking("A")) == "gemini/g3"
    behind_one_name = Thoughts(echoing(Echo.THINKING_BLOCKS))  # litellm has models of many providers
    assert behind_one_name.add(thinking("A", "gemini/g2")) == "gemini/g2"
