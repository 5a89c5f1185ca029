"""The presets that ship: of their shape, without an address or a key, with models that are sold, usable with a key."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from addon.protocol.errors import ConfigError
from addon.routing import catalog
from addon.routing.backends import BACKENDS
from addon.routing.call import Call
from addon.routing.config import Slot, Tier
from addon.routing.facts import UNKNOWN
from addon.routing.route import choose
from addon.settings import assembly
from addon.settings.document import Document, Preset
from addon.settings.presets import PRESETS
from addon.settings.switch import Switch

KNOWN = (
    "openai_premium", "gemini_balanced", "anthropic_pure", "cross_premium", "cross_balanced", "openai_reasoning",
    "cross_speed", "local_ollama", "openrouter", "glm", "deepseek", "kimi", "qwen",
)  # fmt: skip
KEYS = {name: "k" for row in BACKENDS.values() for name in row.key_names[:1]}
# of which litellm's data says nothing
UNLISTED = {
    "ollama/qwen3-coder:30b": "what runs on one's own machine has no price; its window is what one gives it",
    "ollama/qwen3:4b": "the same",
}


def configuration(text: dict[str, Any], values: dict[str, str] | None = None) -> assembly.Configuration:
    return assembly.configure(Document.model_validate(text), KEYS if values is None else values, lambda path: "file")


def texts(value: Any) -> Iterator[str]:
    """Every key and text in a value, at any depth."""
    if isinstance(value, str):
        yield value
    for key, inner in value.items() if isinstance(value, dict) else ():
        yield from (key, *texts(inner))
    for inner in value if isinstance(value, list) else ():
        yield from texts(inner)


def models() -> list[tuple[str, str, str]]:
    return [(name, slot, preset[slot]) for name, preset in PRESETS.items() for slot in Slot if slot in preset]


def test_they_are_the_known_ones() -> None:
    assert tuple(PRESETS) == KNOWN
    assert all(preset["about"] for preset in PRESETS.values())


@pytest.mark.parametrize("name", KNOWN)
def test_none_holds_an_address_or_a_key(name: str) -> None:
    Preset.model_validate(PRESETS[name])
    told = [text for text in texts(PRESETS[name]) if re.search(r"://|localhost|\.com|\$|key$|^sk-|credential", text)]
    assert told == []


@pytest.mark.parametrize(("name", "slot", "model"), models())
def test_every_model_is_one_that_its_vendor_sells(name: str, slot: str, model: str) -> None:
    provider, _, bare = model.partition("/")
    facts = catalog.lookup(provider, bare) if bare else None
    if model == "anthropic":
        assert facts is None
    elif model in UNLISTED:
        assert facts == UNKNOWN
    else:
        assert facts is not None
        assert facts.max_input_tokens is not None
        assert facts.price is not None


def test_what_is_unlisted_is_in_use() -> None:
    assert set(UNLISTED) <= {model for _, _, model in models()}


@pytest.mark.parametrize("name", KNOWN)
def test_each_answers_every_tier_when_its_keys_are_set(name: str) -> None:
    for settings in (
        configuration({"preset": name}).settings(),
        configuration({"big": "vllm/x", "small": "vllm/y"}).settings(Switch(preset=name)),
    ):
        assert settings.preset == name
        assert {tier: answer.name for tier, answer in settings.tiers.items()} == {
            Tier.OPUS: PRESETS[name]["big"],
            Tier.SONNET: PRESETS[name].get("middle", PRESETS[name]["big"]),
            Tier.HAIKU: PRESETS[name]["small"],
        }


@pytest.mark.parametrize("name", [name for name in KNOWN if name not in ("anthropic_pure", "local_ollama")])
def test_each_is_refused_with_the_name_of_the_key_that_is_missing(name: str) -> None:
    provider = PRESETS[name]["big"].partition("/")[0]
    with pytest.raises(ConfigError) as caught:
        configuration({"preset": name}, {}).settings()
    assert f"there is no key for {provider}: set {BACKENDS[provider].key_names[0]}" in caught.value.message
    assert f"big (preset {name}) is " in caught.value.message


@pytest.mark.parametrize("name", ["anthropic_pure", "local_ollama"])
def test_these_need_no_key(name: str) -> None:
    assert configuration({"preset": name}, {}).settings().preset == name


THINKING = {"thinking": {"type": "adaptive"}}


def test_reasoning_is_high_where_the_client_thinks_and_hides_no_model_that_is_chosen() -> None:
    written = configuration({"preset": "openai_reasoning"})
    thinking, quick = (Call({"model": "claude-opus-5", **fields}) for fields in (THINKING, {}))
    route = choose(thinking, written.settings())
    assert (route.name, route.changes.effort) == ("openai/gpt-6.1-sol", "high")
    assert choose(quick, written.settings()).changes.effort is None
    switched = written.settings(Switch(models={Slot.BIG: "vllm/now"}))
    assert choose(thinking, switched).name == "vllm/now"
    named = configuration({"preset": "openai_reasoning"}, {**KEYS, "BIG_MODEL": "vllm/named"}).settings()
    assert choose(thinking, named).name == "vllm/named"
