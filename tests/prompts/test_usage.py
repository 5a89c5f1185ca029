"""Sums of exchanges: what is in them, what is not, and in which order."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from addon.prompts import usage
from addon.prompts.entry import Summary
from addon.prompts.usage import By, Latency, Totals
from addon.protocol.errors import ConfigError

MIDNIGHT = datetime(2026, 11, 20, tzinfo=UTC).timestamp()
PLAIN = Summary(
    id="a",
    at=MIDNIGHT,
    session="s1",
    kind="main",
    asked="claude-opus-x",
    route="anthropic",
    status=200,
    stop_reason="end_turn",
    first_content_ms=100,
    total_ms=900,
    input_tokens=10,
    cache_read_tokens=80,
    cache_write_tokens=10,
    output_tokens=50,
    reasoning_tokens=20,
    dollars=0.5,
)
UNTOLD = replace(
    PLAIN, input_tokens=None, cache_read_tokens=None, cache_write_tokens=None, output_tokens=None, dollars=None
)


def names(by: By, *summaries: Summary, hours: int = 0) -> list[str]:
    zone = timezone(timedelta(hours=hours))
    return [name for name, _ in usage.report(summaries, by, zone).rows]


def test_everything_is_summed_up() -> None:
    second = replace(PLAIN, at=MIDNIGHT + 5, status=529, error="Overloaded", first_content_ms=None, total_ms=7)
    found = usage.report([second, PLAIN], By.SESSION, UTC)
    expected = Totals(
        exchanges=2,
        failed=1,
        input_tokens=20,
        cache_read_tokens=160,
        cache_write_tokens=20,
        output_tokens=100,
        reasoning_tokens=40,
        dollars=1.0,
        first_content=Latency(100, 100),
        total=Latency(7, 900),
        first_at=MIDNIGHT,
        last_at=MIDNIGHT + 5,
    )
    assert found.rows == (("s1", expected),)
    assert found.total == expected
    assert (expected.prompt_tokens, expected.cache_share) == (200, 0.8)


def test_nothing_is_nothing() -> None:
    found = usage.report([], By.DAY, UTC)
    assert (found.rows, found.total, found.total.cache_share) == ((), Totals(), None)


def test_what_is_no_call_to_a_model_does_not_count() -> None:
    assert usage.report([replace(PLAIN, kind=None)], By.DAY, UTC).total.exchanges == 0


def test_what_detour_made_itself_is_summed_up_apart() -> None:
    made = [replace(PLAIN, origin="replay", of="a"), replace(PLAIN, origin="shadow"), replace(PLAIN, origin="later")]
    found = usage.report([PLAIN, *made], By.KIND, UTC)
    assert [totals.exchanges for _, totals in found.rows] == [1]
    assert (found.total.exchanges, found.replays.exchanges, found.shadows.exchanges) == (1, 1, 1)


GROUPS: list[tuple[By, Summary, str]] = [
    (By.SESSION, PLAIN, "s1"),
    (By.SESSION, replace(PLAIN, session=None), "no session"),
    (By.MODEL, PLAIN, "anthropic/claude-opus-x"),
    (By.MODEL, replace(PLAIN, route="openai/gpt-x"), "openai/gpt-x"),
    (By.MODEL, replace(PLAIN, asked=None), "anthropic"),
    (By.MODEL, replace(PLAIN, route="detour"), "detour"),
    (By.MODEL, replace(PLAIN, route=None), "nobody"),
    (By.AGENT, PLAIN, "main"),
    (By.AGENT, replace(PLAIN, agent="a1"), "a1"),
    (By.AGENT, replace(PLAIN, agent="a1", agent_type="Explore"), "Explore"),
    (By.KIND, PLAIN, "main"),
    (By.DAY, PLAIN, "2026-11-20"),
]


@pytest.mark.parametrize(("by", "summary", "name"), GROUPS)
def test_an_exchange_belongs_somewhere(by: By, summary: Summary, name: str) -> None:
    assert names(by, summary) == [name]


def test_days_begin_where_the_user_lives() -> None:
    assert names(By.DAY, replace(PLAIN, at=MIDNIGHT + 1), replace(PLAIN, at=MIDNIGHT - 1)) == [
        "2026-11-19",
        "2026-11-20",
    ]
    assert names(By.DAY, replace(PLAIN, at=MIDNIGHT + 1), hours=-1) == ["2026-11-19"]


def test_sessions_stand_newest_first_and_models_dearest_first() -> None:
    old, new = replace(PLAIN, session="old"), replace(PLAIN, session="new", at=MIDNIGHT + 9)
    assert names(By.SESSION, old, new) == ["new", "old"]
    cheap = replace(PLAIN, route="a/cheap", dollars=0.1)
    unknown, large = (
        replace(cheap, route="a/unknown", dollars=None),
        replace(cheap, route="a/large", dollars=None, output_tokens=900),
    )
    assert names(By.MODEL, unknown, large, cheap, replace(cheap, route="a/dear", dollars=2.0)) == [
        "a/dear",
        "a/cheap",
        "a/large",
        "a/unknown",
    ]


UNPRICED: dict[str, tuple[Summary, bool]] = {
    "a price": (PLAIN, False),
    "tokens without a price": (replace(PLAIN, dollars=None), True),
    "output alone": (replace(UNTOLD, output_tokens=1, stop_reason=None), True),
    "tokens, of which there were none": (replace(UNTOLD, input_tokens=0, output_tokens=0), False),
    "a reply whose tokens were not told": (UNTOLD, True),
    "a reply that was left": (replace(UNTOLD, stop_reason=None), True),
    "a reply that never began": (replace(UNTOLD, stop_reason=None, first_content_ms=None), False),
    "a refusal": (replace(UNTOLD, stop_reason=None, status=429), False),
    "no reply": (replace(UNTOLD, stop_reason=None, status=0), False),
    "a count of tokens": (replace(UNTOLD, kind="count"), False),
    "free": (replace(PLAIN, dollars=0.0), False),
}


@pytest.mark.parametrize(("summary", "expected"), UNPRICED.values(), ids=UNPRICED)
def test_what_costs_and_has_no_price_is_counted(summary: Summary, expected: bool) -> None:
    assert usage.unpriced(summary) is expected
    assert usage.report([summary], By.DAY, UTC).total.unpriced == expected


def test_unknown_prices_are_not_added_as_nothing() -> None:
    unknown = replace(PLAIN, dollars=None)
    assert usage.report([unknown, unknown], By.DAY, UTC).total.dollars is None
    mixed = usage.report([unknown, PLAIN], By.DAY, UTC).total
    assert (mixed.dollars, mixed.unpriced) == (0.5, 1)
    refused = replace(UNTOLD, stop_reason=None, status=429)
    assert usage.report([refused], By.DAY, UTC).total.dollars == 0.0


@pytest.mark.parametrize(
    ("status", "error", "expected"),
    [(200, None, False), (200, "broke off", True), (0, None, True), (400, None, True), (302, None, False)],
)
def test_a_failure_is_one(status: int, error: str | None, expected: bool) -> None:
    assert usage.failed(replace(PLAIN, status=status, error=error)) is expected


def test_latencies_are_by_rank() -> None:
    summaries = [replace(PLAIN, total_ms=ms, first_content_ms=None) for ms in range(1, 101)]
    total = usage.report([*summaries, replace(PLAIN, status=0, total_ms=10_000)], By.DAY, UTC).total
    assert total.total == Latency(50, 95)


NOW = datetime(2026, 11, 20, 12, tzinfo=timezone(timedelta(hours=2)))
TIMES = [
    ("30m", timedelta(minutes=30)),
    ("12h", timedelta(hours=12)),
    (" 7 D ", timedelta(days=7)),
    ("2w", timedelta(weeks=2)),
    ("2026-11-20", timedelta(hours=12)),
    ("2026-11-19", timedelta(hours=36)),
]


@pytest.mark.parametrize(("text", "ago"), TIMES)
def test_a_time_is_read(text: str, ago: timedelta) -> None:
    assert usage.since(text, NOW) == (NOW - ago).timestamp()


@pytest.mark.parametrize("text", ["", "yesterday", "7", "d", "2026-13-01", "-1d", "9999999d"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="write 12h, 7d, 2w, or a date such as 2026-11-13"):
        usage.since(text, NOW)


def test_programs_read_raw_numbers() -> None:
    assert usage.numbers(usage.report([PLAIN], By.DAY, UTC).total) == {
        "exchanges": 1,
        "failed": 0,
        "input_tokens": 10,
        "cache_read_tokens": 80,
        "cache_write_tokens": 10,
        "output_tokens": 50,
        "reasoning_tokens": 20,
        "prompt_tokens": 100,
        "cache_share": 0.8,
        "dollars": 0.5,
        "unpriced": 0,
        "first_content_median_ms": 100,
        "first_content_p95_ms": 100,
        "total_median_ms": 900,
        "total_p95_ms": 900,
        "first_at": MIDNIGHT,
        "last_at": MIDNIGHT,
    }
    nothing = usage.numbers(Totals())
    assert (nothing["cache_share"], nothing["total_p95_ms"], nothing["dollars"]) == (None, None, 0.0)
