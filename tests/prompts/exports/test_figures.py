"""Numbers are told as people read them, and what is unknown is not told as zero."""

from dataclasses import replace
from datetime import timedelta, timezone
from typing import Any

import pytest

from addon.prompts.entry import Summary
from addon.prompts.exports import figures

BARE = Summary(id="a", at=0.0)
ANSWERED = replace(BARE, status=200, asked="opus", route="anthropic", stop_reason="end_turn")
EAST = timezone(timedelta(hours=2))

PRICES = [
    ((0.0, 0), "$0"),
    ((0.00123, 0), "$0.0012"),
    ((0.25, 0), "$0.250"),
    ((1234.5, 0), "$1,234.50"),
    ((0.25, 1), "at least $0.250"),
    ((0.0, 2), "unknown"),
]


@pytest.mark.parametrize(("given", "told"), PRICES)
def test_a_price_that_is_not_known_whole_says_so(given: tuple[float, int], told: str) -> None:
    assert figures.price(*given) == told


TIMES = [(0, "0 ms"), (999, "999 ms"), (1_500, "1.5 s"), (125_000, "2 min 5 s"), (10_920_000, "3 h 2 min")]


@pytest.mark.parametrize(("milliseconds", "told"), TIMES)
def test_a_time_has_the_unit_that_suits_it(milliseconds: int, told: str) -> None:
    assert figures.elapsed(milliseconds) == told


def test_moments_are_told_in_a_zone() -> None:
    assert figures.moment(0) == "1970-01-01 00:00:00"
    assert figures.moment(0, EAST) == "1970-01-01 02:00:00"
    assert figures.clock(61, EAST) == "02:01:01"


def test_numbers_of_things() -> None:
    assert [figures.count(number, "turn") for number in (0, 1, 1_234)] == ["0 turns", "1 turn", "1,234 turns"]


USAGES: list[tuple[dict[str, Any], str]] = [
    ({}, "0 ms"),
    ({"input_tokens": 5, "dollars": 0.5}, "5 tokens in · $0.500 · 0 ms"),
    ({"input_tokens": 5, "output_tokens": 7}, "5 tokens in · 7 out · price unknown · 0 ms"),
    (
        {"input_tokens": 5, "cache_read_tokens": 2_000, "output_tokens": 7, "reasoning_tokens": 3, "dollars": 0.0},
        "2,005 tokens in (2,000 cached) · 7 out (3 thinking) · $0 · 0 ms",
    ),
]


@pytest.mark.parametrize(("facts", "told"), USAGES)
def test_a_usage_leaves_out_what_is_unknown(facts: dict[str, Any], told: str) -> None:
    assert figures.usage(replace(ANSWERED, **facts)) == told


ASKED: list[tuple[str | None, str | None, str]] = [
    ("opus", "anthropic", "opus"),
    ("opus", "anthropic/opus", "opus"),
    ("opus", "anthropic/haiku", "opus → anthropic/haiku"),
    ("opus", None, "opus"),
    (None, "detour", "no model → detour"),
]


@pytest.mark.parametrize(("asked", "route", "told"), ASKED)
def test_who_answered_is_told_where_it_is_another(asked: str | None, route: str | None, told: str) -> None:
    assert figures.who(replace(BARE, asked=asked, route=route)) == told


OUTCOMES: list[tuple[dict[str, Any], str]] = [
    ({"status": 200, "stop_reason": "end_turn"}, ""),
    ({"status": 200, "stop_reason": "tool_use"}, ""),
    ({"status": 200}, ""),
    ({"status": 200, "stop_reason": "max_tokens"}, "max_tokens"),
    ({"status": 200, "error": "overloaded_error"}, "200 overloaded_error"),
    ({"status": 404}, "404"),
    ({}, "no reply"),
    ({"error": "the client left"}, "the client left"),
]


@pytest.mark.parametrize(("facts", "told"), OUTCOMES)
def test_how_it_ended_is_told_where_it_is_unusual(facts: dict[str, Any], told: str) -> None:
    assert figures.outcome(replace(BARE, **facts)) == told


def test_the_sums_of_a_session() -> None:
    sums = figures.sums(
        [
            replace(
                ANSWERED, at=10.0, total_ms=5_000, input_tokens=1, cache_read_tokens=9, output_tokens=2, dollars=0.5
            ),
            replace(ANSWERED, at=12.0, total_ms=1_000, agent="x", asked="haiku", route="groq/y", output_tokens=3),
            replace(BARE, at=11.0, asked="opus"),
        ]
    )
    assert sums == figures.Sums(
        exchanges=3,
        failed=1,
        agents=1,
        asked=("opus", "haiku"),
        routes=("anthropic", "groq/y"),
        first_at=10.0,
        last_at=15.0,
        prompt_tokens=10,
        cached_tokens=9,
        output_tokens=5,
        dollars=0.5,
        unpriced=1,
    )
