"""What is in force: who answers each tier of all that is written and chosen, and which rules remain."""

import dataclasses
import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from addon.protocol.errors import ConfigError
from addon.routing.call import Call, Kind
from addon.routing.config import LIMITS, PASS, Choice, Limits, Pattern, Retry, Slot, Streaming, Tier
from addon.routing.facts import ModelFacts, Price
from addon.routing.route import choose
from addon.routing.settings import Decider
from addon.routing.shadow import Budget
from addon.settings import document, inventory
from addon.settings.assembly import Configuration, configure, parse
from addon.settings.document import Document
from addon.settings.switch import NO_PRESET, Switch

BIG, MIDDLE, SMALL = Slot
NAMES = {"opus": "claude-opus-5", "sonnet": "claude-sonnet-5", "haiku": "claude-haiku-4-5", "other": "gpt-x"}


def place(path: tuple[str | int, ...]) -> str:
    return f"at {'.'.join(map(str, path))}"


def configuration(written: Mapping[str, Any], values: Mapping[str, str] | None = None) -> Configuration:
    return configure(Document.model_validate(written), values or {}, place)


def answers(
    written: Mapping[str, Any], values: Mapping[str, str] | None = None, switch: Switch | None = None
) -> dict[str, str]:
    """Who answers a plain call of each tier, and one of no tier."""
    found = configuration(written, values).settings(switch)
    return {name: choose(Call({"model": model}), found).name for name, model in NAMES.items()}


def each(opus: str, sonnet: str | None = None, haiku: str = "anthropic", other: str | None = None) -> dict[str, str]:
    return {"opus": opus, "sonnet": sonnet or opus, "haiku": haiku, "other": other or opus}


def mistake(written: Mapping[str, Any], values: Mapping[str, str] | None = None, switch: Switch | None = None) -> str:
    with pytest.raises(ConfigError) as caught:
        configuration(written, values).settings(switch)
    return caught.value.message


# -- who answers -------------------------------------------------------------------------------------------------------

PASSES = "anthropic"
MINE = {
    "presets": {"mine": {"big": "vllm/p-big", "small": "vllm/p-small"}, "two": {"big": "vllm/q", "middle": "vllm/r"}}
}
FILE = {"big": "vllm/f-big", "middle": "vllm/f-middle", "small": "vllm/f-small"}
PRECEDENCE: list[tuple[dict[str, Any], dict[str, str], Switch, dict[str, str]]] = [
    ({}, {}, Switch(), each(PASSES)),
    ({"big": "vllm/f"}, {}, Switch(), each("vllm/f")),
    ({"middle": "vllm/f"}, {}, Switch(), each(PASSES, "vllm/f")),
    ({"small": "vllm/f"}, {}, Switch(), each(PASSES, haiku="vllm/f")),
    (FILE, {}, Switch(), each("vllm/f-big", "vllm/f-middle", "vllm/f-small")),
    # the environment over the file, name by name
    (FILE, {"BIG_MODEL": "vllm/e"}, Switch(), each("vllm/e", "vllm/f-middle", "vllm/f-small")),
    (FILE, {"MIDDLE_MODEL": "vllm/e"}, Switch(), each("vllm/f-big", "vllm/e", "vllm/f-small")),
    (
        FILE,
        {"SMALL_MODEL_PROVIDER": "vllm", "SMALL_MODEL_NAME": "e"},
        Switch(),
        each("vllm/f-big", "vllm/f-middle", "vllm/e"),
    ),
    ({"big": "vllm/f"}, {"SMALL_MODEL": "anthropic"}, Switch(), each("vllm/f")),
    # the file over its preset, and the environment over both
    (MINE | {"preset": "mine"}, {}, Switch(), each("vllm/p-big", haiku="vllm/p-small")),
    (MINE | {"preset": "mine", "small": "vllm/f"}, {}, Switch(), each("vllm/p-big", haiku="vllm/f")),
    (MINE | {"preset": "two", "big": "vllm/f"}, {}, Switch(), each("vllm/f", "vllm/r")),
    (MINE | {"preset": "mine"}, {"BIG_MODEL": "vllm/e"}, Switch(), each("vllm/e", haiku="vllm/p-small")),
    ({"preset": "local_ollama"}, {}, Switch(), each("ollama/qwen3-coder:30b", haiku="ollama/qwen3:4b")),
    # what PREFERRED_PROVIDER stands for gives way to anything
    (
        {},
        {"PREFERRED_PROVIDER": "openai", "OPENAI_API_KEY": "k"},
        Switch(),
        each("openai/gpt-6.1-sol", haiku="openai/gpt-6-luna"),
    ),
    ({"small": "vllm/f"}, {"PREFERRED_PROVIDER": "openai"}, Switch(), each(PASSES, haiku="vllm/f")),
    (MINE | {"preset": "mine"}, {"PREFERRED_PROVIDER": "openai"}, Switch(), each("vllm/p-big", haiku="vllm/p-small")),
    ({"big": "x"}, {"PREFERRED_PROVIDER": "vllm"}, Switch(), each("vllm/x")),
    # a preset chosen while running, over everything that is written, for all tiers that it answers
    (FILE | MINE, {"BIG_MODEL": "vllm/e"}, Switch("mine"), each("vllm/p-big", haiku="vllm/p-small")),
    (FILE | MINE | {"preset": "two"}, {}, Switch("mine"), each("vllm/p-big", haiku="vllm/p-small")),
    (FILE | MINE, {}, Switch("two"), each("vllm/q", "vllm/r", "vllm/f-small")),
    (FILE, {}, Switch("anthropic_pure"), each(PASSES)),
    (MINE | {"preset": "mine"}, {}, Switch(NO_PRESET), each(PASSES)),
    (MINE | {"preset": "mine", "small": "vllm/f"}, {}, Switch(NO_PRESET), each(PASSES, haiku="vllm/f")),
    # a model chosen while running, over all that
    (FILE, {"BIG_MODEL": "vllm/e"}, Switch(models={BIG: "vllm/l"}), each("vllm/l", haiku="vllm/f-small")),
    (FILE, {}, Switch(models={MIDDLE: "vllm/l"}), each("vllm/f-big", "vllm/l", "vllm/f-small")),
    (FILE, {}, Switch(models={BIG: "vllm/l", MIDDLE: "vllm/m"}), each("vllm/l", "vllm/m", "vllm/f-small")),
    (FILE, {}, Switch(models={SMALL: "anthropic"}), each("vllm/f-big", "vllm/f-middle")),
    (FILE | MINE, {}, Switch("mine", {BIG: "vllm/l"}), each("vllm/l", haiku="vllm/p-small")),
]  # fmt: skip


@pytest.mark.parametrize(("written", "values", "switch", "expected"), PRECEDENCE)
def test_the_later_word_wins(
    written: dict[str, Any], values: dict[str, str], switch: Switch, expected: dict[str, str]
) -> None:
    assert answers(written, values, switch) == expected


RULES = [
    {"name": "haiku", "when": {"tier": "haiku"}, "to": "vllm/rule"},
    {"name": "titles", "when": {"kind": "title"}, "to": "vllm/title"},
    {"name": "quick", "when": {"tier": "haiku"}, "effort": "low"},
    {"name": "no side calls", "when": {"kind": "classifier"}, "block": "no"},
    {"name": "by name", "when": {"model": "*sonnet*"}, "to": "vllm/name"},
    {"name": "rest", "to": "vllm/rest"},
]
OF_PRESET = {"presets": {"mine": {"big": "vllm/p", "routes": [{"name": "of the preset", "default": "vllm/r"}]}}}
EVERY = ["haiku", "titles", "quick", "no side calls", "by name", "rest"]
SPECIAL = ["titles", "quick", "no side calls"]
# the switch -> the rules that are asked, and the tiers for which the general ones are
REMAINING: list[tuple[dict[str, Any], Switch, list[str], set[Tier | None]]] = [
    ({}, Switch(), EVERY, set()),
    ({}, Switch("local_ollama"), SPECIAL, set()),
    ({}, Switch(NO_PRESET), EVERY, set()),
    ({}, Switch(models={SMALL: "vllm/x"}), EVERY, {Tier.HAIKU}),
    ({}, Switch(models={MIDDLE: "vllm/x"}), EVERY, {Tier.SONNET}),
    ({}, Switch(models={BIG: "vllm/x"}), EVERY, {Tier.OPUS, Tier.SONNET, None}),
    ({}, Switch(blocked=(Kind.TITLE, Kind.MAIN)), ["block title", "block main", *EVERY], set()),
    ({"preset": "mine"}, Switch(), ["of the preset", *EVERY], set()),
    ({}, Switch("mine"), ["of the preset", *SPECIAL], set()),
    ({"preset": "mine"}, Switch(NO_PRESET), EVERY, set()),
    (
        {},
        Switch("mine", {BIG: "vllm/x"}, (Kind.TITLE,)),
        ["block title", "of the preset", *SPECIAL],
        {Tier.OPUS, Tier.SONNET, None},
    ),
]  # fmt: skip


@pytest.mark.parametrize(("written", "switch", "names", "spared"), REMAINING)
def test_a_switch_sets_aside_the_rules_that_only_tell_models_apart(
    written: dict[str, Any], switch: Switch, names: list[str], spared: set[Tier | None]
) -> None:
    found = configuration({"routes": RULES, **OF_PRESET, **written}).settings(switch)
    assert [rule.name for rule in found.rules] == names
    general = {"haiku", "by name", "rest", "of the preset"}
    assert {rule.name: rule.spared for rule in found.rules} == {
        name: frozenset(spared) if name in general else frozenset() for name in names
    }


def test_a_switch_is_seen_through_rules_and_the_rest_stays() -> None:
    written = {"routes": [{"default": "vllm/rest"}], "big": "vllm/f"}
    assert answers(written) == each("vllm/rest", haiku="vllm/rest")
    assert answers(written, switch=Switch(models={SMALL: "vllm/l"})) == each("vllm/rest", haiku="vllm/l")
    assert answers(written, switch=Switch(models={BIG: "vllm/l"})) == each("vllm/l", haiku="vllm/rest")
    assert answers(written, switch=Switch("anthropic_pure")) == each(PASSES)


def test_a_blocked_kind_is_refused_with_the_way_out() -> None:
    (rule,) = configuration({}).settings(Switch(blocked=(Kind.TITLE,))).rules
    assert (rule.name, rule.where, rule.told) == ("block title", "chosen while running", "the kind is title")
    assert rule.block == (
        "Detour blocks calls of the kind title: it was told so while running (detour.unblock lifts it)."
    )


def test_an_alias_called_like_a_claude_gives_way_to_what_is_chosen_for_it() -> None:
    written = {"models": {"claude-opus-5": "vllm/alias", "fast": "vllm/fast"}, **MINE}
    found = configuration(written)
    assert set(found.settings().aliases) == {"claude-opus-5", "fast"}
    assert set(found.settings(Switch(models={SMALL: "vllm/l"})).aliases) == {"claude-opus-5", "fast"}
    assert set(found.settings(Switch(NO_PRESET)).aliases) == {"claude-opus-5", "fast"}
    for switch in (Switch(models={BIG: "vllm/l"}), Switch("mine")):
        assert set(found.settings(switch).aliases) == {"fast"}


def test_what_is_in_force_is_replaced_and_never_changed() -> None:
    found = configuration({"routes": RULES, **MINE, **FILE})
    first = found.settings()
    before = {field.name: getattr(first, field.name) for field in dataclasses.fields(first)}
    copies = {name: dict(value) if isinstance(value, Mapping) else value for name, value in before.items()}
    second = found.settings(Switch("mine", {BIG: "vllm/l"}, (Kind.TITLE,)))
    assert second is not first
    assert {name: getattr(first, name) for name in before} == before
    assert {name: dict(value) if isinstance(value, Mapping) else value for name, value in before.items()} == copies
    with pytest.raises(TypeError):
        first.tiers[Tier.OPUS] = second.tiers[Tier.OPUS]  # type: ignore[index]  # that it cannot be is the point


CONFIGURED: list[tuple[dict[str, Any], dict[str, str], dict[str, str]]] = [
    ({}, {}, {"preset": ""}),
    ({"big": ["vllm/a", "b"]}, {"SMALL_MODEL": "vllm/e"}, {"preset": "", "big": "vllm/a b", "small": "vllm/e"}),
    (
        MINE | {"preset": "mine", "small": "vllm/f"},
        {},
        {"preset": "mine", "big": "vllm/p-big", "small": "vllm/f"},
    ),
]  # fmt: skip


@pytest.mark.parametrize(("written", "values", "expected"), CONFIGURED)
def test_a_switch_knows_what_it_goes_over(
    written: dict[str, Any], values: dict[str, str], expected: dict[str, str]
) -> None:
    assert configuration(written, values).configured == expected


# -- names -------------------------------------------------------------------------------------------------------------


def test_presets_are_listed_and_ones_own_hide_those_that_ship() -> None:
    found = configuration({"presets": {"glm": {"about": "my own"}, "mine": {}}}).presets
    assert (found["glm"], found["mine"], found["kimi"]) == ("my own", "of detour.yaml", "Moonshot")
    assert answers({"preset": "glm", "presets": {"glm": {"big": "vllm/x"}}}) == each("vllm/x")


def test_the_first_that_can_be_used_answers() -> None:
    found = configuration({"big": ["groq/x", "vllm/y", "anthropic"]}).settings()
    assert found.tiers[Tier.OPUS].choices == (Choice("vllm", "y"), PASS)
    assert found.tiers[Tier.OPUS].setting == "big (at big)"


def test_aliases_stand_for_models_and_for_each_other() -> None:
    written = {
        "models": {"slow": ["fast", "vllm/b"], "fast": "vllm/a", "off": "anthropic"},
        "big": "slow",
        "small": "off",
    }
    found = configuration(written).settings()
    assert found.aliases == {
        "fast": (Choice("vllm", "a"),),
        "slow": (Choice("vllm", "a"), Choice("vllm", "b")),
        "off": (PASS,),
    }
    assert [answer.name for answer in found.tiers.values()] == ["vllm/a, then vllm/b"] * 2 + ["anthropic"]


def test_facts_of_models_are_kept() -> None:
    price = {"input": 0.1, "cache_write": 2, "reasoning": 3}
    written = {"models": {"VLLM/q": {"window": 5, "output": 2, "price": price}, "gpt-x": {"window": 3}}}
    assert configuration(written).settings().facts == {
        "vllm/q": ModelFacts(5, 2, Price(0.1, None, None, 2.0, reasoning=3.0)),
        "openai/gpt-x": ModelFacts(3),
    }


def test_a_log_may_lie_where_it_is_allowed() -> None:
    assert configuration({}).settings().recording.folders == ()
    assert configuration({"record_folders": ["/data", "/logs"]}).settings().recording.folders == ("/data", "/logs")


def test_the_document_names_the_provider_of_bare_models_where_the_environment_does_not() -> None:
    written = {"provider": "LM_Studio", "small": "x"}
    assert answers(written)["haiku"] == "lmstudio/x"
    assert answers(written, {"PREFERRED_PROVIDER": "vllm"})["haiku"] == "vllm/x"
    own = {"provider": "box", "small": "x", "backends": {"box": {"address": "http://box"}}}
    assert answers(own)["haiku"] == "box/x"


def test_what_else_is_written_is_in_force() -> None:
    decider = Decider("a.py:f", lambda call: None)
    written = Document.model_validate(
        {"limits": {"request_bytes": 5}, "retry": {"longest_wait": 1}, "streaming": {"ping": "9s"}}
    )
    found = configure(written, {"DETOUR_HOME": " /x ", "FILE_LOG_LEVEL": "info"}, place, decider=decider, unused=("u",))
    in_force = found.settings()
    assert in_force.limits == Limits(request_bytes=5, reply_bytes=LIMITS.reply_bytes)
    assert (in_force.retry, in_force.streaming) == (Retry(longest_wait_s=1), Streaming(ping_s=9))
    assert (in_force.home, in_force.logging.file_level, in_force.decider) == ("/x", "info", decider)
    assert in_force.warnings == ("u",)


def test_the_users_own_patterns_are_carried() -> None:
    found = configuration({"redact": {"staff": r"EMP-\d+"}}).settings()
    assert found.redact == (Pattern("staff", r"EMP-\d+"),)
    assert configuration({}).settings().redact == ()


def test_a_shadow_has_its_budget_and_a_call_may_have_one() -> None:
    written = {"routes": [SHADOWED], "shadow": {"requests_per_day": 5, "dollars_per_day": 0.5}}
    found = configuration(written).settings()
    assert found.shadow_budget == Budget(5, 0.5)
    drawn = [choose(Call({"model": "m"}, lot=str(lot)), found).shadow for lot in range(50)]
    assert set(drawn) == {None, Choice("vllm", "second")}
    assert configuration(BUDGET).settings().shadow_budget == Budget(5)
    assert configuration({}).settings().shadow_budget is None


def test_a_preset_may_have_a_shadow_too() -> None:
    written = {"preset": "p", "presets": {"p": {"routes": [{"shadow": {"to": "vllm/q", "share": 1}}]}}, **BUDGET}
    route = choose(Call({"model": "m"}), configuration(written).settings())
    assert (route.name, route.shadow) == ("anthropic", Choice("vllm", "q"))


def test_an_environment_alone_may_be_parsed() -> None:
    assert parse({"SMALL_MODEL": "vllm/x"}).tiers[Tier.HAIKU].name == "vllm/x"


def test_filters_are_told_with_their_place() -> None:
    by_filter = [{"to": "x", "when": {"kind": "main"}}, {"to": "x", "when": {"filter": "~a"}}]
    written = {"routes": by_filter, "presets": {"p": {"routes": [{"to": "x", "when": {"filter": "~b"}}]}, "q": {}}}
    assert configuration(written).filters == {
        "~a": "at routes.1.when.filter",
        "~b": "at presets.p.routes.0.when.filter",
    }
    assert configuration({"routes": {"default": "x"}}).filters == {}


# -- warnings and mistakes ---------------------------------------------------------------------------------------------

BUDGET = {"shadow": {"requests_per_day": 5}}


def _shadow(target: str) -> dict[str, Any]:
    return {"to": "vllm/first", "shadow": {"to": target, "share": 0.5}}


SHADOWED = _shadow("vllm/second")
MISTAKES: list[tuple[dict[str, Any], dict[str, str], Switch, str]] = [
    ({"preset": "opnai"}, {}, Switch(), "at preset: there is no preset 'opnai'; there is "),
    ({"preset": "zzz"}, {}, Switch(), "there is anthropic_pure, "),
    ({}, {}, Switch("zzz"), "there is no preset 'zzz'; there is anthropic_pure, "),
    ({"presets": {"none": {}}}, {}, Switch(), "at presets.none: none has a meaning of its own"),
    ({"presets": {"configured": {}}}, {}, Switch(), "at presets.configured: configured has a meaning of its own"),
    ({"big": "opnai/x"}, {}, Switch(), "big (at big) is 'opnai/x', but there is no provider 'opnai'. Did "),
    ({"big": "groq/x"}, {}, Switch(), "big (at big) is 'groq/x', but there is no key for groq: set GROQ_API_KEY."),
    ({"big": ["groq/x", "xai/y"]}, {}, Switch(), "big (at big) is 'groq/x', 'xai/y', but there is no key for groq"),
    ({"search": "nobody/x"}, {}, Switch(), "search (at search) is 'nobody/x', but there is no provider 'nobody'."),
    ({"search": "searxng"}, {}, Switch(), "is 'searxng', but searxng has no address: set SEARXNG_API_BASE."),
    ({"search": "brave"}, {}, Switch(), "is 'brave', but there is no key for brave: set BRAVE_API_KEY or BRAVE_SE"),
    ({"search": "anthropic"}, {}, Switch(), "is 'anthropic', but anthropic passes a request as it is"),
    ({"search": "vllm/q"}, {}, Switch(), "search (at search) is 'vllm/q', but vllm/q has no search of its own."),
    ({"search": "ollama-anthropic/q"}, {}, Switch(), "but ollama-anthropic/q has no search of its own."),
    ({"small": "vllm/*"}, {}, Switch(), "small (at small) is 'vllm/*', but a star stands for"),
    ({}, {}, Switch(models={BIG: "nobody/x"}), "big (chosen while running) is 'nobody/x', but there is no provider"),
    ({"preset": "p", "presets": {"p": {"big": "nobody/x"}}}, {}, Switch(), "big (at presets.p.big) is 'nobody/x', "),
    ({"presets": {"p": {"routes": [{"to": "nobody/x"}]}}}, {}, Switch("p"), "at presets.p.routes.0: route 1 answers"),
    ({"routes": [{"to": "nobody/x"}]}, {}, Switch(), "at routes.0: route 1 answers with 'nobody/x', but there is no"),
    ({"routes": [{"to": "groq/x"}]}, {}, Switch(), "at routes.0: route 1 answers with 'groq/x', but there is no key"),
    ({"provider": "opnai"}, {}, Switch(), "at provider: provider is 'opnai', which is no provider. Did "),
    ({"models": {"a": "b", "b": "c", "c": "a"}}, {}, Switch(), "at models.a: a: it leads to itself: a → b → c → a"),
    ({"models": {"a": "a"}}, {}, Switch(), "at models.a: a: it leads to itself: a → a"),
    ({"models": {"a": "nobody/x"}}, {}, Switch(), "at models.a: a: there is no provider 'nobody'"),
    ({"models": {"a": "vllm/*"}}, {}, Switch(), "at models.a: a: a star stands for"),
    ({"models": {"anthropic": "vllm/x"}}, {}, Switch(), "at models.anthropic: anthropic as a model means Anthropic"),
    ({"models": {"nobody/x": {"window": 5}}}, {}, Switch(), "at models.nobody/x: nobody/x: there is no provider"),
    ({"backends": {"b": {}}}, {}, Switch(), "at backends.b: b: it has no address"),
    ({"routes": [SHADOWED]}, {}, Switch(), "at routes.0: route 1: it has a shadow, and shadows have no budget: write "),
    ({"routes": [_shadow("nobody/x")], **BUDGET}, {}, Switch(), "its shadow: The target 'nobody/x': there is no pro"),
    ({"routes": [_shadow("groq/x")], **BUDGET}, {}, Switch(), "its shadow: the target 'groq/x' cannot be asked: "),
    ({"routes": [_shadow("anthropic")], **BUDGET}, {}, Switch(), "anthropic alone is whoever the client asked"),
    ({"routes": [_shadow("anthropic/x")], **BUDGET}, {}, Switch(), "goes with no copy: set ANTHROPIC_API_KEY."),
    ({"routes": [_shadow("vllm/*")], **BUDGET}, {}, Switch(), "its shadow asks 'vllm/*', which has a star"),
    ({}, {"BIG_MODEL": "nobody/x"}, Switch(), "BIG_MODEL is 'nobody/x', but there is no provider 'nobody'"),
]  # fmt: skip


@pytest.mark.parametrize(("written", "values", "switch", "told"), MISTAKES)
def test_a_mistake_is_told_with_its_place(
    written: dict[str, Any], values: dict[str, str], switch: Switch, told: str
) -> None:
    assert told in mistake(written, values, switch)


AT = {"searxng": {"address": "http://find.example"}}
SEARCHING = {"profile": {"search": "options"}}
SEARCHERS: list[tuple[dict[str, Any], dict[str, str], str | None, str]] = [
    ({}, {}, None, ""),
    ({}, {"SEARXNG_BASE_URL": "http://find.example", "BRAVE_API_KEY": "k"}, "searxng/web", "SEARXNG_BASE_URL"),
    ({}, {"BRAVE_SEARCH_API_KEY": "k"}, "brave/web", "BRAVE_SEARCH_API_KEY"),
    ({"backends": AT}, {}, "searxng/web", "backends"),
    ({"search": "off"}, {"BRAVE_API_KEY": "k"}, None, ""),
    ({"search": "Brave"}, {"BRAVE_API_KEY": "k"}, "brave/web", "search (at search)"),
    ({"search": "brave/web"}, {"BRAVE_API_KEY": "k"}, "brave/web", "search (at search)"),
    ({"search": "perplexity/sonar"}, {"PERPLEXITY_API_KEY": "k"}, "perplexity/sonar", "search (at search)"),
    ({"search": "s", "models": {"s": ["brave/web", "openrouter/z"]}}, {"OPENROUTER_API_KEY": "k"}, "openrouter/z",
     "search (at search)"),
    ({"search": "vllm/q", "backends": {"vllm": SEARCHING}}, {}, "vllm/q", "search (at search)"),
    ({"search": "vllm/q", "models": {"vllm/q": SEARCHING}}, {}, "vllm/q", "search (at search)"),
]  # fmt: skip


@pytest.mark.parametrize(("written", "values", "name", "setting"), SEARCHERS)
def test_the_search_endpoint_is_the_one_named_else_one_that_is_set_up(
    written: dict[str, Any], values: dict[str, str], name: str | None, setting: str
) -> None:
    found = configuration(written, values).settings().searcher
    assert (found.choices[0].name if found else None, found.setting if found else "") == (name, setting)


def test_what_is_not_in_force_is_no_mistake() -> None:
    written = {"presets": {"p": {"big": "groq/x", "routes": [{"to": "nobody/x"}]}}, "big": "vllm/f"}
    assert answers(written) == each("vllm/f")
    assert answers({"big": "groq/x"}, {"BIG_MODEL": "vllm/e"}) == each("vllm/e")


# -- no key shows anywhere ---------------------------------------------------------------------------------------------

MARKER = "sk-marker-of-a-secret-0123456789"
SPOILT = ["", "é", "\n", " x"]
# each place in which a secret can stand
PLACES: list[tuple[dict[str, Any], dict[str, str]]] = [
    ({}, {"OPENAI_API_KEY": MARKER}),
    ({}, {"BIG_MODEL_NAME": "m", "BIG_MODEL_API_KEY": MARKER, "BIG_MODEL_API_BASE": "http://box"}),
    ({}, {"OPENAI_API_BASE": MARKER}),
    ({}, {"OPENAI_API_BASE": f"http://me:{MARKER}@box"}),
    ({}, {"OPENAI_API_BASE": f"http://box?key={MARKER}"}),
    ({"backends": {"b": {"address": "http://box", "credential": MARKER}}}, {}),
    ({"backends": {"b": {"address": "http://box", "credential": {"key": MARKER}}}}, {}),
    ({"backends": {"b": {"address": "http://box", "credential": "${KEY}"}}}, {"KEY": MARKER}),
    ({"backends": {"b": {"address": "http://box", "credential": "${NONE:-" + MARKER + "}"}}}, {}),
    ({"backends": {"b": {"address": "http://box", "credential": {"file": "f"}}}}, {}),
    ({"backends": {"b": {"address": "http://box", "credential": {"command": "c"}}}}, {}),
    ({"backends": {"b": {"address": f"http://me:{MARKER}@box"}}}, {}),
    ({"backends": {"b": {"address": "http://${KEY}@box"}}}, {"KEY": MARKER}),
    ({"backends": {"b": {"address": "http://box", "proxy": f"http://me:{MARKER}@proxy"}}}, {}),
    ({"backends": {"b": {"address": "http://box", "headers": {"x-key": MARKER}}}}, {}),
    ({"backends": {"b": {"address": "http://box", "headers": {"x-key": "${KEY}"}}}}, {"KEY": MARKER}),
    ({"backends": {"b": {"address": "http://box", "headers": {"authorization": MARKER}}}}, {}),
]


def spoilt(value: Any, end: str) -> Any:
    return json.loads(json.dumps(value).replace(MARKER, json.dumps(MARKER + end)[1:-1]))


@settings(max_examples=300)
@given(st.sampled_from(PLACES), st.sampled_from(SPOILT), st.sampled_from(["", "b/x", "nobody/x"]), st.booleans())
def test_no_key_is_in_any_text_that_leaves(
    where: tuple[dict[str, Any], dict[str, str]], end: str, small: str, is_live: bool
) -> None:
    written, values = spoilt(where[0], end), spoilt(where[1], end)
    said: list[object] = []
    try:
        secret = MARKER + end
        parsed = Document.model_validate(written | ({"small": small} if small else {}))
        made = configure(parsed, values, place, lambda credential: secret if credential.env is None else None)
        switch = Switch(models={SMALL: small}) if is_live else Switch()
        in_force = made.settings(switch)
        said += [made, in_force, in_force.endpoints, in_force.warnings, made.configured, made.base, made.named]
        said += [*inventory.rows(made, in_force, switch)]
        said += [endpoint.lack for endpoint in in_force.endpoints.values()]
        said += [endpoint.credential.mask for endpoint in in_force.endpoints.values()]
    except ConfigError as error:
        said += [error, error.message, error.envelope()]
    assert MARKER not in repr(said)


def test_the_marker_does_reach_the_backend() -> None:
    """So that the test above does not look for what is not there."""
    made = configure(Document.model_validate(PLACES[6][0]), {}, place)
    assert made.base.endpoints["b"].credential.value == f"Bearer {MARKER}"
    assert document.Credential(env="A").key is None
