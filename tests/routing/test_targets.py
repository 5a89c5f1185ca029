"""Targets as people see them: which are listed, what one may be called, how each is told."""

from dataclasses import replace

import pytest

from addon.protocol.errors import ConfigError, Kind
from addon.routing import targets
from addon.routing.config import PASS, Answer, Choice, Tier
from addon.routing.health import Health, Row, State
from addon.routing.rules import Rule, star_of
from addon.routing.settings import Settings
from addon.routing.shadow import Shadow
from addon.settings.assembly import parse

X, Y, STAR = Choice("ollama", "x"), Choice("vllm", "y"), Choice("openai", "gpt-*")
NOTHING = parse({"OPENAI_API_KEY": "k", "SEARXNG_API_BASE": "http://127.0.0.1"})
SETTINGS = replace(
    NOTHING,
    tiers={Tier.OPUS: Answer((X, PASS), "big"), Tier.HAIKU: Answer((Choice("searxng", "web"),), "small")},
    rules=(Rule("r", "", answer=Answer((Y, STAR, X), "r"), star=star_of("gpt-*")), Rule("block", "", block="no")),
    aliases={"fast": (X,), "several": (X, Y), "other": (Choice("groq", "g"),)},
)


def failing(*names: str) -> Health:
    health = Health()
    for name in names:
        health.fail(health.begin(name, 0.0), Kind.SERVER, None, "it broke", 0.0)
    return health


def test_every_target_that_may_answer_is_listed_once_then_those_that_are_known_besides() -> None:
    rows = targets.rows(SETTINGS, failing("openai/gpt-7", "vllm/y"), 0.0)
    assert [row.name for row in rows] == ["ollama/x", "anthropic", "vllm/y", "groq/g", "openai/gpt-7"]
    assert rows[0] == Row("ollama/x", State.UP)
    assert [row.state for row in rows[2:]] == [State.COOLING, State.UP, State.COOLING]


NAMES = [
    ("ollama/x", "ollama/x"),
    ("OLLAMA/x", "ollama/x"),
    ("fast", "ollama/x"),
    ("anthropic", "anthropic"),
    ("openai/gpt-7", "openai/gpt-7"),  # the star may stand for it
    ("gpt-7", "openai/gpt-7"),
    ("groq/known", "groq/known"),
]


@pytest.mark.parametrize(("text", "name"), NAMES)
def test_a_target_is_called_as_models_are(text: str, name: str) -> None:
    assert targets.named(text, SETTINGS, failing("groq/known"), 0.0) == name


MISTAKES = [
    (SETTINGS, "several", "'several' stands for ollama/x, vllm/y: name one of them"),
    (SETTINGS, "ollama/xx", "there is no target 'ollama/xx'; there is ollama/x"),
    (SETTINGS, "zai/q", "there is no target 'zai/q'; there is ollama/x, anthropic, vllm/y, groq/g"),
    (SETTINGS, "openai/o3", "there is no target 'openai/o3'; there is "),
    (SETTINGS, "nobody/x", "there is no provider 'nobody'"),
    (SETTINGS, " ", "no model is named"),
    (NOTHING, "anthropic", "there is no target 'anthropic'; there is none"),
]


@pytest.mark.parametrize(("settings", "text", "told"), MISTAKES)
def test_what_is_no_target_is_told(settings: Settings, text: str, told: str) -> None:
    with pytest.raises(ConfigError) as caught:
        targets.named(text, settings, Health(), 0.0)
    assert caught.value.message.startswith(told)


TOLD = [
    (Row("a/b", State.UP), "up          a/b"),
    (
        Row("a/b", State.COOLING, 2, 9.6, "HTTP 500:\n it  broke"),
        "cooling     a/b: 2 failures in a row, not tried for 10 s, HTTP 500: it broke",
    ),
    (Row("a/b", State.HALF_OPEN, 1), "to be tried a/b: 1 failure in a row"),
    (Row("a/b", State.PROBING, 1, 100.0), "being tried a/b: 1 failure in a row"),
    (Row("a/b", State.DOWN), "off         a/b"),
]


@pytest.mark.parametrize(("row", "line"), TOLD)
def test_a_target_is_told_in_a_line(row: Row, line: str) -> None:
    assert targets.told(row) == line


def test_each_choice_is_told_what_it_answers() -> None:
    first, second, star = Choice("ollama", "a"), Choice("ollama", "b"), STAR
    settings = Settings(
        tiers={Tier.OPUS: Answer((first, second), "big")},
        rules=(
            Rule("r", "", (), Answer((star,), "r"), star=star_of("gpt-*"), shadow=Shadow(second, 0.1, "s")),
            Rule("again", "", (), Answer((first, PASS), "again")),
            Rule("no", "", (), block="no"),
        ),
        aliases={"fast": (second,)},
    )
    assert targets.uses(settings) == {
        first: ("opus", "rule again"),
        second: ("opus (fallback)", "alias fast", "shadow of r"),
        PASS: ("rule again (fallback)",),
    }
