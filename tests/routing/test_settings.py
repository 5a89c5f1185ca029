"""What is in force, as a value: how names are read, and what follows from it for a call that cannot be read."""

import gc
from dataclasses import replace
from typing import Any

import pytest

from addon.protocol.errors import ConfigError
from addon.routing import rules
from addon.routing.changes import Changes
from addon.routing.config import PASS, Answer, Choice, Tier
from addon.routing.route import destination_of
from addon.routing.rules import Rule
from addon.routing.settings import Decider, Settings
from addon.settings.assembly import parse

OPENAI, GEMINI = {"OPENAI_API_KEY": "a"}, {"GEMINI_API_KEY": "b"}
ELSEWHERE, HOME = Answer((Choice("ollama", "x"),), "r"), Answer((PASS,), "r")
TITLES = rules.conditions({"kind": "title"}, "")

# what is set; whether calls may be answered elsewhere; whether one that cannot be read must not pass
REACH: list[tuple[dict[str, Any], bool, bool]] = [
    ({}, False, False),
    ({"tiers": {Tier.OPUS: HOME}}, False, False),
    ({"tiers": {Tier.OPUS: ELSEWHERE}}, True, True),
    ({"tiers": {Tier.OPUS: HOME, Tier.HAIKU: ELSEWHERE}}, True, True),
    ({"aliases": {"fast": ELSEWHERE.choices}}, False, False),
    ({"decider": Decider("mine.py:choose", lambda call: None)}, True, True),
    ({"rules": (Rule("r", "", TITLES, HOME),)}, False, False),
    ({"rules": (Rule("r", "", TITLES, ELSEWHERE),)}, True, True),
    ({"rules": (Rule("r", "", TITLES, block="No."),)}, False, True),
    ({"rules": (Rule("r", "", TITLES, changes=Changes(effort="low")),)}, False, True),
    ({"rules": (Rule("r", "", TITLES, HOME, changes=Changes(max_tokens=1)),)}, False, True),
]


@pytest.mark.parametrize(("fields", "leaves", "judges"), REACH)
def test_settings_know_their_reach(fields: dict[str, Any], leaves: bool, judges: bool) -> None:
    settings = Settings(**fields)
    assert (settings.leaves_anthropic, settings.judges) == (leaves, judges)


def test_other_names_are_answered_as_the_largest_tier() -> None:
    assert Settings(tiers={Tier.OPUS: ELSEWHERE}).other is ELSEWHERE
    assert Settings(tiers={Tier.HAIKU: ELSEWHERE}).other is None


NAMES: list[tuple[dict[str, str], str, tuple[Choice, ...]]] = [
    ({}, "anthropic", (PASS,)),
    ({}, "Anthropic", (PASS,)),
    ({}, "anthropic/claude-x", (Choice("anthropic", "claude-x"),)),
    ({}, "ollama/a/b", (Choice("ollama", "a/b"),)),
    ({}, "OLLAMA/X", (Choice("ollama", "X"),)),
    ({}, "google/gemini-3", (Choice("gemini", "gemini-3"),)),
    ({}, "gpt-5", (Choice("openai", "gpt-5"),)),
    # a model alone is its maker's
    ({}, "gemini-3", (Choice("gemini", "gemini-3"),)),
    ({}, "claude-opus-5-5", (Choice("anthropic", "claude-opus-5-5"),)),
    # where a provider is preferred, every name is its own, but one that is plainly another's, whose key is there
    (OPENAI | {"PREFERRED_PROVIDER": "openai"}, "gemini-3", (Choice("openai", "gemini-3"),)),
    (OPENAI | GEMINI | {"PREFERRED_PROVIDER": "openai"}, "gemini-3", (Choice("gemini", "gemini-3"),)),
    (GEMINI, "gpt-5", (Choice("openai", "gpt-5"),)),
    (OPENAI | GEMINI | {"PREFERRED_PROVIDER": "gemini"}, "gpt-5", (Choice("openai", "gpt-5"),)),
    (OPENAI | GEMINI | {"PREFERRED_PROVIDER": "gemini"}, "o4-mini", (Choice("openai", "o4-mini"),)),
    (GEMINI | {"PREFERRED_PROVIDER": "gemini"}, "gpt-5", (Choice("gemini", "gpt-5"),)),
    (OPENAI | GEMINI | {"PREFERRED_PROVIDER": "gemini"}, "other", (Choice("gemini", "other"),)),
    (OPENAI | {"PREFERRED_PROVIDER": "ollama"}, "gpt-5", (Choice("ollama", "gpt-5"),)),
    # an address of its own is a proxy for all of them
    (OPENAI | GEMINI | {"OPENAI_BASE_URL": "http://127.0.0.1/v1"}, "gemini-3", (Choice("openai", "gemini-3"),)),
    ({"OPENAI_API_BASE": "http://127.0.0.1/v1"}, "of-my-own", (Choice("openai", "of-my-own"),)),
    ({}, "*", (Choice("openai", "*"),)),  # what a rule's star matched, whatever that is
    ({}, "fast", (Choice("ollama", "x"), PASS)),
    # a provider that only litellm has; those of our own table are asked directly
    ({}, "watsonx/meta-llama/llama-4", (Choice("litellm", "watsonx/meta-llama/llama-4"),)),
    ({}, "SageMaker/My-Endpoint", (Choice("litellm", "sagemaker/My-Endpoint"),)),
    ({}, "litellm/groq/x", (Choice("litellm", "groq/x"),)),
    ({}, "together_ai/x", (Choice("together", "x"),)),
]


@pytest.mark.parametrize(("values", "text", "choices"), NAMES)
def test_a_name_is_read_as_users_write_it(values: dict[str, str], text: str, choices: tuple[Choice, ...]) -> None:
    settings = replace(parse(values), aliases={"fast": (Choice("ollama", "x"), PASS)})
    assert settings.choices(text) == choices


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("nobody/x", "there is no provider 'nobody'. Known: anthropic, "),
        ("olama/x", "there is no provider 'olama'. Did you mean ollama"),
        ("/x", "there is no provider ''"),
        ("", "no model is named"),
        (" ", "no model is named"),
        ("n" * 1_000 + "/x", f"there is no provider '{'n' * 100}…'"),
        ("watsonx/", "there is no provider 'watsonx'"),
        ("ollama/", "the model is missing after the slash"),
        ("gemini2.5-pro", "no provider is known to have a model 'gemini2.5-pro'. Did you mean gemini/gemini-2.5-pro"),
    ],
)
def test_a_name_that_leads_nowhere_is_told(text: str, told: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse({}).choices(text)
    assert told in caught.value.message


def test_a_provider_of_the_users_hides_an_alias_of_ours() -> None:
    settings = parse({})
    mine = settings.endpoints["ollama"]
    assert settings.endpoint("Google") is settings.endpoints["gemini"]
    assert Settings(endpoints={"google": mine}).endpoint("google") is mine
    assert settings.endpoint("nobody") is None


def test_what_is_remembered_goes_with_the_settings() -> None:
    """A configuration that was read anew leaves nothing of the old one behind, its keys least of all."""
    settings = parse(OPENAI)
    destination = destination_of(Choice("openai", "gpt-5"), settings)
    assert destination_of(Choice("openai", "gpt-5"), settings) is destination
    assert replace(settings).remembered == {}
    assert gc.get_referrers(destination) == [settings.remembered]
