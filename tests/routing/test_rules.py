"""Rules by themselves: what a condition takes and holds for, stars, order. With real documents: test_table."""

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from addon.protocol.errors import ConfigError
from addon.routing import rules
from addon.routing.call import Call, Door, Kind
from addon.routing.changes import Changes
from addon.routing.config import PASS, Answer, Choice, Tier
from addon.routing.rules import CONDITIONS, Rule, conditions, star_of
from addon.routing.shadow import Shadow

OPUS = "claude-opus-5-5"


def call(model: str = OPUS, **facts: Any) -> Call:
    return Call({"model": model}, **facts)


def holds(key: str, value: Any, asked: Call) -> bool:
    (condition,) = conditions({key: value}, "salt")
    return condition.holds(asked)


MISTAKES: list[tuple[str, Any, str]] = [
    ("modle", "x", "there is no condition 'modle'; there are model, tier, door"),
    ("model", 7, "model takes a text or a list of texts, not 7"),
    ("model", [], "model takes a text or a list of texts"),
    ("model", ["a", 7], "model takes a text or a list of texts"),
    ("agent", {"a": 1}, "agent takes a text or a list of texts"),
    ("tier", "giant", "tier: there is no 'giant'; there are opus, sonnet, haiku"),
    ("tier", None, "tier takes a text or a list of texts"),
    ("kind", ["title", "poem"], "kind: there is no 'poem'; there are main"),
    ("door", "window", "door: there is no 'window'; there are proxy, reverse"),
    ("thinking", "yes", "thinking takes true or false, not 'yes'"),
    ("image", 1, "image takes true or false, not 1"),
    ("effort_at_least", "huge", "effort_at_least takes one of low, medium, high, xhigh, max, not 'huge'"),
    ("tokens_at_least", "many", "tokens_at_least takes a number of tokens such as 60000, not 'many'"),
    ("tokens_at_least", 0, "tokens_at_least takes a number of tokens"),
    ("tokens_at_least", True, "tokens_at_least takes a number of tokens"),
    ("tool", 7, "tool takes a text or a list of texts"),
    ("header", "x-team", "header takes names and globs such as {x-team: blue*}, not 'x-team'"),
    ("header", {}, "header takes names and globs"),
    ("header", {"x-team": 7}, "header.x-team takes a text or a list of texts"),
    ("filter", " ", "filter takes one of mitmproxy's flow filter expressions"),
    ("filter", 7, "filter takes one of mitmproxy's flow filter expressions"),
    ("time", "", "time takes hours and days such as"),
    ("time", 7, "time takes hours and days such as"),
    ("time", "at noon", "time takes hours and days such as"),
    ("time", "22-6", "time takes hours and days such as"),
    ("time", "9:00-", "time takes hours and days such as"),
    ("time", "xyz 9:00-17:00", "time: the days are mon, tue"),
    ("time", "mon-xyz", "time: the days are mon, tue"),
    ("time", "9:60-17:00", "time: 9:60 is no time of the day"),
    ("time", "9:00-24:01", "time: 24:01 is no time of the day"),
    ("time", "9:00-09:00", "time: 9:00-09:00 begins when it ends"),
    ("probability", 1.1, "probability takes a share from 0 to 1, not 1.1"),
    ("probability", -0.1, "probability takes a share from 0 to 1"),
    ("probability", float("nan"), "probability takes a share from 0 to 1"),
    ("probability", True, "probability takes a share from 0 to 1"),
    ("probability", "half", "probability takes a share from 0 to 1"),
]


@pytest.mark.parametrize(("key", "value", "told"), MISTAKES)
def test_a_mistake_is_told_with_what_is_allowed(key: str, value: Any, told: str) -> None:
    with pytest.raises(ConfigError) as caught:
        conditions({key: value}, "salt")
    assert told in caught.value.message


def test_conditions_are_asked_in_the_order_of_their_cost_however_they_are_written() -> None:
    wanted: dict[str, Any] = {"filter": "~all", "tokens_at_least": 1, "image": True, "kind": "main", "tier": "opus"}
    found = [condition.key for condition in conditions(wanted, "salt")]
    assert found == ["tier", "kind", "image", "tokens_at_least", "filter"]
    assert list(CONDITIONS)[-1] == "filter"


# Saturday 21 November 2026
MOMENTS: list[tuple[str, str, bool]] = [
    ("9:00-17:00", "2026-11-21T09:00", True),
    ("9:00-17:00", "2026-11-21T08:59:59.999999", False),
    ("9:00-17:00", "2026-11-21T16:59:59.999999", True),
    ("9:00-17:00", "2026-11-21T17:00", False),
    ("0:00-24:00", "2026-11-21T23:59:59.999999", True),
    ("sat", "2026-11-21T23:59:59.999999", True),
    ("SAT", "2026-11-22T00:00", False),
    ("22:00-06:00", "2026-11-21T22:00", True),
    ("22:00-06:00", "2026-11-21T05:59", True),
    ("22:00-06:00", "2026-11-21T06:00", False),
    ("22:00-24:00", "2026-11-21T00:00", False),
    ("22:00-00:00", "2026-11-21T23:00", True),
    ("22:00-00:00", "2026-11-21T00:00", False),
    # a span over midnight is of the day on which it begins
    ("fri 22:00-06:00", "2026-11-21T05:59", True),
    ("fri 22:00-06:00", "2026-11-20T05:59", False),
    ("sat 22:00-06:00", "2026-11-21T05:59", False),
    ("sun 22:00-06:00", "2026-11-23T01:00", True),
    ("mon-fri 22:00-06:00", "2026-11-21T01:00", True),
    ("mon-fri 22:00-06:00", "2026-11-21T22:00", False),
    # days go round the week
    ("fri-mon", "2026-11-22T12:00", True),
    ("fri-mon", "2026-11-24T12:00", False),
    ("mon-sun", "2026-11-21T12:00", True),
    ("mon9:00-17:00", "2026-11-23T12:00", True),
    (" sat ", "2026-11-21T12:00", True),
]


@pytest.mark.parametrize(("written", "now", "expected"), MOMENTS)
def test_a_time_is_what_the_clock_on_the_wall_shows(written: str, now: str, expected: bool) -> None:
    at = datetime.fromisoformat(now)
    zones = (None, timezone(timedelta(hours=13)), ZoneInfo("UTC"))
    assert [holds("time", written, call(now=at.replace(tzinfo=zone))) for zone in zones] == [expected] * 3


@pytest.mark.parametrize("fold", [0, 1])
def test_an_hour_that_comes_twice_is_the_same_twice(fold: int) -> None:
    twice = datetime(2026, 10, 25, 2, 30, fold=fold, tzinfo=ZoneInfo("Europe/Berlin"))
    assert holds("time", "2:00-3:00", call(now=twice))
    assert not holds("time", "2:00-2:30", call(now=twice))


def test_without_a_clock_no_time_holds() -> None:
    assert not holds("time", "0:00-24:00", call())


@pytest.mark.parametrize(("name", "sent"), [("X-Team", "x-team"), ("x-team", "x-team"), ("X-TEAM", "x-team")])
def test_a_header_is_known_in_any_case(name: str, sent: str) -> None:
    assert holds("header", {name: "BLUE"}, call(headers={sent: "blue"}))
    assert not holds("header", {name: "blue"}, call(headers={sent: "bluer"}))
    assert not holds("header", {name: "*"}, call())


@pytest.mark.parametrize(("session", "expected"), [("AB1", True), ("1AB", False), (None, False)])
def test_what_is_not_told_matches_no_glob(session: str | None, expected: bool) -> None:
    headers = {"x-claude-code-session-id": session} if session else {}
    assert holds("session", "ab*", call(headers=headers)) is expected
    assert holds("session", "*", call(headers=headers)) is (session is not None)


def test_a_glob_for_a_credential_is_not_told() -> None:
    (condition,) = conditions({"header": {"X-Api-Key": "sk-ant-1234*", "x-team": ["a", "b"]}}, "salt")
    assert condition.told == "the header x-api-key is the one it asks for and the header x-team is a or b"


@pytest.mark.parametrize(("globs", "expected"), [("read", True), ("mcp__*", False), (["x", "Ba??"], True)])
def test_a_tool_is_one_of_those_on_offer(globs: Any, expected: bool) -> None:
    asked = Call({"model": OPUS, "tools": [{"name": "Bash"}, {"name": "Read"}]})
    assert holds("tool", globs, asked) is expected


def test_a_shadow_is_drawn_for_each_call() -> None:
    shadow = Shadow(Choice("a", "b"), 0.5, "salt")
    rule = Rule("r", "here", shadow=shadow)
    body = {"model": "m", "metadata": {"user_id": '{"session_id": "one"}'}}
    drawn = [rule.shadowed(Call(body, lot=str(lot))) for lot in range(50)]
    assert set(drawn) == {None, shadow.choice}
    assert drawn == [rule.shadowed(Call(body, lot=str(lot))) for lot in range(50)]
    assert Rule("r", "here").shadowed(Call(body)) is None
    assert replace(rule, shadow=replace(shadow, share=1.0)).shadowed(Call(body)) == shadow.choice


def test_a_draw_is_the_rules_own_and_the_sessions() -> None:
    (first,) = conditions({"probability": 0.5}, "first")
    (second,) = conditions({"probability": 0.5}, "second")
    drawn = [(first.holds(call(lot=str(lot))), second.holds(call(lot=str(lot)))) for lot in range(200)]
    assert {(a, b) for a, b in drawn} == {(True, True), (True, False), (False, True), (False, False)}
    assert [first.holds(call(lot=str(lot))) for lot in range(200)] == [each for each, _ in drawn]
    assert not any(holds("probability", 0, call(lot=str(lot))) for lot in range(200))
    assert all(holds("probability", 1.0, call(lot=str(lot))) for lot in range(200))


STARS: list[tuple[Any, str, str | None]] = [
    ("gpt-*", "gpt-5.5", "5.5"),
    ("*", "anything/at\nall", "anything/at\nall"),
    ("GPT-*-mini", "gpt-5-MINI", "5"),
    ("gpt-*", "xgpt-5", None),
    ("gpt-*-mini", "gpt-5-mini-x", None),
    ("gpt-?.*", "gpt-5.5", "5"),
    ("gpt-[45]*", "gpt-4o", "o"),
    ("a.*", "abc", None),
    ("gpt-*", "gpt-", ""),
]


@pytest.mark.parametrize(("glob", "name", "filling"), STARS)
def test_a_star_stands_for_what_the_glob_leaves_open(glob: str, name: str, filling: str | None) -> None:
    pattern = star_of(glob)
    assert pattern is not None
    found = pattern.fullmatch(name)
    assert (found[1] if found else None) == filling
    assert (found is not None) == holds("model", glob, call(name))


@pytest.mark.parametrize("model", ["gpt-5", "*-*", ["gpt-*"], None])
def test_one_glob_with_one_star_fills(model: Any) -> None:
    assert star_of(model) is None
    with pytest.raises(ConfigError, match=r"a/\* has a star, and nothing fills it"):
        Rule("r", "line 1", answer=Answer((Choice("a", "*"),), "r"), star=star_of(model))


ANSWER = Answer((Choice("a", "x"), PASS), "r")


def test_an_answer_without_a_star_stays_as_it_is() -> None:
    assert Rule("r", "", answer=ANSWER, star=star_of("gpt-*")).choices(call("gpt-5")) is ANSWER.choices
    assert Rule("r", "", block="No.").choices(call()) == ()


@pytest.mark.parametrize(("effort", "expected"), [("medium", False), ("high", True), ("max", True), (None, False)])
def test_an_effort_is_enough_from_a_word_on(effort: str | None, expected: bool) -> None:
    asked = Call({"model": OPUS, "output_config": {"effort": effort}})
    assert holds("effort_at_least", "high", asked) is expected


def test_a_star_that_fills_nothing_is_no_pass() -> None:
    starred = Rule("r", "", answer=Answer((Choice("a", "*"),), "r"), star=star_of("gpt-*"))
    (choice,) = starred.choices(call("gpt-"))
    assert (choice.model, choice.passes) == ("", False)
    assert starred.choices(call("something else")) == (choice,)


def made(**fields: Any) -> Rule:
    when = fields.pop("when", {})
    return Rule("r", "line 1", conditions(when, "salt"), **fields)


GENERAL: list[tuple[Rule, bool, bool, bool]] = [
    # rule, whether it only tells models apart, whether it is asked of named models, whether nothing comes behind it
    (made(answer=ANSWER), True, False, True),
    (made(answer=ANSWER, when={"tier": "opus"}), True, False, False),
    (made(answer=ANSWER, when={"tier": "opus", "model": "*"}), True, True, False),
    (made(answer=ANSWER, when={"tier": "opus", "kind": "title"}), False, False, False),
    (made(changes=Changes(effort="low")), False, False, True),
    (made(block="No."), False, True, True),
    (made(block="No.", when={"tier": "opus"}), False, True, False),
    (made(answer=ANSWER).except_tiers(frozenset((Tier.OPUS,))), True, False, False),
]


@pytest.mark.parametrize(("rule", "general", "for_named", "catch_all"), GENERAL)
def test_a_rule_knows_its_reach(rule: Rule, general: bool, for_named: bool, catch_all: bool) -> None:
    assert (rule.is_general, rule.is_for_named, rule.is_catch_all) == (general, for_named, catch_all)


@pytest.mark.parametrize(
    ("rule", "outcome"),
    [
        (made(answer=ANSWER), "a/x, then anthropic"),
        (made(block="No."), "blocked: No."),
        (made(changes=Changes(effort="low")), "whoever would answer, with effort low"),
        (
            made(changes=Changes(effort="low"), timeouts={"idle_s": 0.5}),
            "whoever would answer, with effort low, timeouts idle 0.5 s",
        ),
    ],
)
def test_a_rule_tells_what_it_does(rule: Rule, outcome: str) -> None:
    assert (rule.outcome, rule.title, rule.told) == (outcome, "r (line 1)", "it asks for nothing")


def test_a_rule_spares_tiers_and_what_the_client_names_itself() -> None:
    rule = made(answer=ANSWER, when={"model": "*"}).except_tiers(frozenset((Tier.OPUS, None)))
    assert rule.failing(call(), named=False) is rules.CHOSEN
    assert rule.failing(call("gpt-5"), named=False) is rules.CHOSEN
    assert rule.failing(call("claude-haiku-5"), named=False) is None
    assert rule.failing(call("ollama/x"), named=True) is None
    again = rule.except_tiers(frozenset((Tier.HAIKU,)))
    assert again.failing(call("claude-haiku-5"), named=False) is rules.CHOSEN
    assert again.failing(call(), named=False) is rules.CHOSEN


def test_the_first_that_matches_decides_and_none_may() -> None:
    first = made(answer=ANSWER, when={"kind": "title"})
    second = made(answer=ANSWER, when={"tier": "opus"})
    third = made(answer=ANSWER)
    assert rules.first((first, second, third), call(), named=False) is second
    assert rules.first((first, second, third), call("gpt"), named=False) is third
    assert rules.first((first, second, third), call("a/opus"), named=True) is None
    assert rules.first((), call(), named=False) is None


def test_a_trace_tells_what_failed_up_to_the_rule_that_matches() -> None:
    first = made(answer=ANSWER, when={"tier": "opus", "kind": "title"})
    second, third = made(answer=ANSWER), made(block="No.")
    told = [
        (rule, failed.told if failed else None)
        for rule, failed in rules.trace((first, second, third), call(), named=False)
    ]
    assert told == [(first, "the kind is title"), (second, None)]
    named = [failed for _, failed in rules.trace((second, second), call("a/x"), named=True)]
    assert named == [rules.NAMED_ITSELF] * 2
    assert not any(condition.holds(call()) for condition in (rules.NAMED_ITSELF, rules.CHOSEN))


def test_words_of_the_enumerations_are_taken_as_they_are() -> None:
    assert holds("kind", [Kind.OTHER], call())
    assert holds("door", Door.REVERSE, call(door=Door.REVERSE))
    assert holds("tier", [Tier.OPUS], call())
