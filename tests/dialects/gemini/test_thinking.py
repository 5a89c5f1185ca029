"""How much thought is asked for: by levels, or by tokens, and never by both."""

from typing import Any

import pytest

from addon.dialects.gemini.thinking import think
from addon.protocol import messages
from tests.dialects.gemini.saying import ASKED, GEMMA, NEW
from tests.stories import target

type Json = dict[str, Any]

ADAPTIVE, DISABLED = {"thinking": {"type": "adaptive"}}, {"thinking": {"type": "disabled"}}


def effort(word: str) -> Json:
    return {**ADAPTIVE, "output_config": {"effort": word}}


def budget(tokens: int) -> Json:
    return {"thinking": {"type": "enabled", "budget_tokens": tokens}}


def level(word: str) -> Json:
    return {"includeThoughts": True, "thinkingLevel": word}


def tokens(count: int) -> Json:
    return {"includeThoughts": True, "thinkingBudget": count}


WISHES: list[tuple[str, Json, Json | None]] = [
    ("gemini-3.1-pro-preview", {}, None),
    ("gemini-3.1-pro-preview", ADAPTIVE, {"includeThoughts": True}),
    ("gemini-3.1-pro-preview", effort("medium"), level("MEDIUM")),
    ("gemini-3.1-pro-preview", effort("max"), level("HIGH")),
    ("gemini-3.1-pro-preview", budget(4000), level("LOW")),
    ("gemini-3.1-pro-preview", DISABLED, {"thinkingLevel": "LOW"}),
    ("gemini-3-pro-preview", effort("medium"), level("HIGH")),
    ("gemini-3.8-flash", DISABLED, {"thinkingLevel": "MINIMAL"}),
    ("gemini-4-argon", effort("high"), level("HIGH")),
    ("gemini-2.5-pro", ADAPTIVE, tokens(-1)),
    ("gemini-2.5-pro", effort("low"), tokens(2048)),
    ("gemini-2.5-pro", effort("max"), tokens(32768)),
    ("gemini-2.5-pro", budget(31999), tokens(31999)),
    ("gemini-2.5-pro", budget(1), tokens(128)),
    ("gemini-2.5-pro", DISABLED, {"thinkingBudget": 128}),
    ("gemini-2.5-flash", budget(31999), tokens(24576)),
    ("gemini-2.5-flash", DISABLED, {"thinkingBudget": 0}),
    ("gemini-2.5-flash-lite", budget(100), tokens(512)),
    ("gemini-2.0-flash", effort("high"), None),
]


@pytest.mark.parametrize(("model", "wish", "config"), WISHES)
def test_a_wish_is_said_in_the_words_of_the_model(model: str, wish: Json, config: Json | None) -> None:
    request = messages.check({"model": "m", "messages": [ASKED], **wish})
    assert think(request, target("gemini", model), []) == ({} if config is None else {"thinkingConfig": config})


def test_a_model_that_cannot_think_is_not_asked_to_and_that_is_a_loss() -> None:
    losses: list[Any] = []
    assert think(messages.check({"model": "m", "messages": [ASKED], **ADAPTIVE}), GEMMA, losses) == {}
    assert [each.path for each in losses] == ["thinking"]


def test_a_budget_that_became_a_level_is_told() -> None:
    losses: list[Any] = []
    think(messages.check({"model": "m", "messages": [ASKED], **budget(4000)}), NEW, losses)
    assert [(each.path, each.routine) for each in losses] == [("thinking.budget_tokens", True)]
