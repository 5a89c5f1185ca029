"""What a model thought goes back to it, and to no other."""

from dataclasses import replace
from typing import Any

import pytest

from addon.dialects.bedrock.thoughts import said_back
from addon.protocol import signature
from addon.protocol.event_shapes import UNSHOWN
from tests.stories import target

GPT = target("bedrock", "us.openai.gpt-6-sol")


def block(thought: str, origin: str = GPT.name, /, **state: Any) -> dict[str, Any]:
    return {"type": "thinking", "thinking": thought, "signature": signature.seal(origin, state)}


def words(text: str, **more: str) -> dict[str, Any]:
    return {"reasoningContent": {"reasoningText": {"text": text, **more}}}


SEALED = [
    {"signature": "one", "length": 2},
    {"redactedContent": "QQ==", "length": 0},
    {"signature": "two", "length": 3},
]


@pytest.mark.parametrize(
    ("thought", "said"),
    [
        (block("Hm."), [words("Hm.")]),
        (block(""), []),
        (block("", **{UNSHOWN: "Hm."}), [words("Hm.")]),
        (block("", converse=[{"redactedContent": "QQ=="}]), [{"reasoningContent": {"redactedContent": "QQ=="}}]),
        (
            block("abcde", converse=SEALED),
            [
                words("ab", signature="one"),
                {"reasoningContent": {"redactedContent": "QQ=="}},
                words("cde", signature="two"),
            ],
        ),
        (block("abc", converse=SEALED[:1]), [words("ab", signature="one"), words("c")]),
        (block("abc", converse={"no": "list"}), [words("abc")]),
        (block("abc", converse=[{"of": "another version"}]), [words("abc")]),
        (block("abc", converse=[5, {"signature": "s", "length": "1"}, {"signature": 5, "length": 1}]), [words("abc")]),
    ],
)
def test_its_own_thinking_goes_back_as_it_came(thought: dict[str, Any], said: list[dict[str, Any]]) -> None:
    assert said_back(thought, GPT) == said


@pytest.mark.parametrize(
    ("thought", "whose"),
    [
        (block("Hm.", "bedrock/us.openai.gpt-6-luna"), "bedrock/us.openai.gpt-6-luna"),
        (block("Hm.", "openai/gpt-6-sol"), "openai/gpt-6-sol"),
        ({"type": "thinking", "thinking": "Hm.", "signature": "ErUB"}, "an earlier turn"),
    ],
)
def test_what_others_thought_does_not(thought: dict[str, Any], whose: str) -> None:
    assert said_back(thought, GPT) == whose
    assert said_back(thought, replace(GPT, model="other")) == whose
