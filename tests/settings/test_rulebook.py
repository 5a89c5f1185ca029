"""From routes as they are written to rules: what each asks and does, where it stands, and what is a mistake."""

import re
from typing import Any

import pytest
from pydantic import TypeAdapter

from addon.protocol.errors import ConfigError
from addon.routing.call import Call
from addon.routing.changes import NOTHING, Changes, Replacement
from addon.routing.config import Answer, Choice
from addon.routing.rules import Rule
from addon.routing.shadow import Shadow
from addon.settings import rulebook
from addon.settings.document import Preset, Route, Scenarios, Target
from addon.settings.rulebook import Book

ROUTES = TypeAdapter[list[Route] | Scenarios](list[Route] | Scenarios)


def resolve(target: Target, setting: str) -> Answer:
    if "nobody" in target:
        raise ConfigError("there is no provider 'nobody'.")
    return Answer(tuple(Choice(*text.split("/", 1)) for text in rulebook.targets(target)), setting)


def witness(target: str) -> Choice:
    if target == "nobody/x":
        raise ConfigError("its shadow: there is no provider 'nobody'.")
    return Choice(*target.split("/", 1))


def rules(written: Any) -> tuple[Rule, ...]:
    place = lambda path: f"line of {'.'.join(map(str, path))}"  # noqa: E731
    return Book(place, ("routes",), resolve, witness).rules(Preset.model_validate({"routes": written}).routes)


def told(rule: Rule) -> tuple[str, str, str, str]:
    return rule.name, rule.where, rule.told, rule.outcome


def test_a_list_keeps_its_order_and_its_names() -> None:
    found = rules([{"name": "first", "to": "a/b"}, {"when": {"kind": "title"}, "block": "no"}, {"effort": "low"}])
    assert [told(rule) for rule in found] == [
        ("first", "line of routes.0", "it asks for nothing", "a/b"),
        ("route 2", "line of routes.1", "the kind is title", "blocked: no"),
        ("route 3", "line of routes.2", "it asks for nothing", "whoever would answer, with effort low"),
    ]
    assert found[0].answer == Answer((Choice("a", "b"),), "first")


SHORT: dict[str, tuple[str, dict[str, Any]]] = {
    "web_search": ("it offers the tool web_search", {"tools": [{"name": "web_search"}]}),
    "image": ("it has an image", {"messages": [{"role": "user", "content": [{"type": "image"}]}]}),
    "long_context": ("it has 60,000 input tokens or more", {"messages": [{"role": "user", "content": "a " * 130_000}]}),
    "background": ("the tier is haiku", {"model": "claude-haiku-4-5"}),
    "think": ("thinking is on", {"thinking": {"type": "adaptive"}}),
    "default": ("it asks for nothing", {}),
}


@pytest.mark.parametrize("name", SHORT)
def test_a_scenario_is_shorthand_for_a_condition(name: str) -> None:
    (rule,) = rules([{name: ["a/b", "c/d"]}])
    sentence, body = SHORT[name]
    assert told(rule) == (name, "line of routes.0", sentence, "a/b, then c/d")
    assert rule.failing(Call({"model": "claude-opus-5", **body}), named=False) is None
    if rule.conditions:
        assert rule.failing(Call({"model": "claude-opus-5"}), named=False) is not None
    (named,) = rules([{name: "a/b", "name": "mine"}])
    assert named.name == "mine"
    assert rules([{name: "a/b"}])[0].where == "line of routes.0"


def test_a_mapping_of_scenarios_is_asked_with_the_most_special_first() -> None:
    found = rules(dict.fromkeys(reversed(SHORT), "a/b"))
    assert [(rule.name, rule.where) for rule in found] == [(name, f"line of routes.{name}") for name in SHORT]


@pytest.mark.parametrize(
    "written", [{"long_context": {"to": "a/b", "tokens": 7}}, [{"long_context": {"to": "a/b", "tokens": 7}}]]
)
def test_long_context_begins_where_it_is_told(written: Any) -> None:
    (rule,) = rules(written)
    assert told(rule)[2:] == ("it has 7 input tokens or more", "a/b")


def test_nothing_written_is_no_rule() -> None:
    assert rules([]) == rules(None) == ()


def test_each_rule_draws_for_itself() -> None:
    found = rules([{"to": "a/b", "when": {"probability": 0.5}}, {"to": "c/d", "when": {"probability": 0.5}}])
    sides = {
        tuple(rule.failing(Call({"model": "m"}, lot=str(lot)), named=False) is None for rule in found)
        for lot in range(64)
    }
    assert sides == {(True, True), (True, False), (False, True), (False, False)}


def test_a_star_stands_for_what_the_one_in_the_model_matched() -> None:
    (rule,) = rules([{"when": {"model": "gpt-*"}, "to": "openai/gpt-*"}])
    assert rule.choices(Call({"model": "gpt-7"})) == (Choice("openai", "gpt-7"),)


CHANGES = [
    ({"to": "a/b"}, NOTHING),
    ({"effort": "off"}, Changes(effort="off")),
    ({"max_tokens": 5, "temperature": 0}, Changes(max_tokens=5, temperature=0)),
    ({"body": {"a": {"b": None}}}, Changes(body={"a": {"b": None}})),
    ({"system": {"append": "x"}}, Changes(append_system="x")),
    (
        {"system": {"replace": [{"pattern": "(a)", "with": r"\1b"}]}},
        Changes(replacements=(Replacement(re.compile("(a)"), r"\1b"),)),
    ),
    ({"drop_tools": "Web*"}, Changes(drop_tools=("Web*",))),
    ({"drop_tools": ["a", "b"], "inline_tools": True}, Changes(drop_tools=("a", "b"), inline_tools=True)),
]


@pytest.mark.parametrize(("written", "changes"), CHANGES)
def test_a_rule_changes_what_it_says(written: dict[str, Any], changes: Changes) -> None:
    assert rules([written])[0].changes == changes


def test_a_rule_has_the_timeouts_that_are_written_and_no_others() -> None:
    timed, plain = rules([{"timeouts": {"first_byte": "30s", "idle": "none"}}, {"to": "a/b"}])
    assert (timed.timeouts, plain.timeouts) == ({"first_byte_s": 30.0, "idle_s": None}, {})
    assert timed.changes == NOTHING
    assert timed.outcome == "whoever would answer, with timeouts first_byte 30 s, idle none"


MISTAKES = [
    ([{"to": "nobody/x"}], "line of routes.0: route 1 answers with 'nobody/x', but there is no provider 'nobody'."),
    (
        [{"name": "n", "to": ["nobody", "a/b"]}],
        "line of routes.0: n answers with 'nobody', 'a/b', but there is no provider 'nobody'.",
    ),
    ([{"think": "nobody/x"}], "line of routes.0: think answers with 'nobody/x', but there is no provider 'nobody'."),
    ({"image": "nobody/x"}, "line of routes.image: image answers with 'nobody/x', but there is no provider 'nobody'."),
    ([{"to": "a/b", "when": {"time": "late"}}], "line of routes.0: route 1: time takes hours and days such as"),
    ([{"to": "a/b", "when": {"filter": " ~a"}}, {"to": "a/b", "when": {"time": "25:00-26:00"}}], "line of routes.1: "),
    (
        [{"system": {"replace": [{"pattern": "(", "with": ""}]}}],
        "line of routes.0: route 1: '(' is no regular expression: missing ), unterminated subpattern at position 0",
    ),
    (
        [{"system": {"replace": [{"pattern": "a{99999999999999}", "with": ""}]}}],
        "line of routes.0: route 1: 'a{99999999999999}' is no regular expression",
    ),
    (
        [{"system": {"replace": [{"pattern": "a", "with": r"\g<name>"}]}}],
        "line of routes.0: route 1: the text '\\\\g<name>' for the pattern 'a': unknown group name 'name'",
    ),
    ([{"system": {"replace": [{"pattern": "a", "with": r"\2"}]}}], "invalid group reference 2"),
    ([{"to": "a/*"}], "line of routes.0: route 1: a/* has a star, and nothing fills it"),
    ([{"think": "a/*"}], "line of routes.0: think: a/* has a star, and nothing fills it"),
    ([{"to": "a/*", "when": {"model": ["x*", "y*"]}}], "line of routes.0: route 1: a/* has a star"),
]


@pytest.mark.parametrize(("written", "message"), MISTAKES)
def test_a_mistake_is_told_once_with_its_place(written: Any, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        rules(written)
    assert message in caught.value.message
    assert caught.value.message.count("line of") == 1


def test_choices_are_divided_into_those_that_can_be_used_and_why_not() -> None:
    good, bad = Choice("a", "b"), Choice("c", "d")
    assert rulebook.usable((good, bad), lambda choice: None if choice is good else "no key") == ((good,), ("no key",))


def test_a_rule_may_have_a_shadow() -> None:
    found = rules(
        [{"name": "r", "to": "a/b", "shadow": {"to": "c/d", "share": 0.25}}, {"shadow": {"to": "e/f", "share": 1}}]
    )
    assert [rule.shadow for rule in found] == [
        Shadow(Choice("c", "d"), 0.25, "shadow r 0"),
        Shadow(Choice("e", "f"), 1, "shadow route 2 1"),
    ]
    assert found[0].outcome == "a/b, with 0.25 of them also to c/d, unseen"
    assert found[1].outcome == "whoever would answer, with 1 of them also to e/f, unseen"
    with pytest.raises(ConfigError, match=r"line of routes.0: route 1: its shadow: there is no provider 'nobody'"):
        rules([{"shadow": {"to": "nobody/x", "share": 1}}])
