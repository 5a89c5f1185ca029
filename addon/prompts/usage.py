"""What was used, and what it cost: exchanges summed up by session, model, agent, kind of call or day. Pure.

Only calls to a model count. Those that Detour made itself, replays and shadows, are summed up apart: the client never
made them. What is unknown is in no sum: ``unpriced`` counts the exchanges that cost something nobody knows.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta, tzinfo
from enum import StrEnum
from http import HTTPStatus
from math import ceil

from addon.prompts.entry import Summary
from addon.protocol.errors import ConfigError
from addon.routing.call import Kind
from addon.routing.config import ANTHROPIC

MAIN = "main"  # the name of what no agent asked
NOBODY = "nobody"  # of what nobody answered
NO_SESSION = "no session"
AGO = re.compile(r"(\d{1,6})\s*([mhdw])")
TOKENS = ("input_tokens", "cache_read_tokens", "cache_write_tokens", "output_tokens", "reasoning_tokens")
SECONDS: Mapping[str, int] = {"m": 60, "h": 3_600, "d": 86_400, "w": 604_800}


class By(StrEnum):
    """What is summed up together."""

    SESSION = "session"
    MODEL = "model"
    AGENT = "agent"
    KIND = "kind"
    DAY = "day"


@dataclass(frozen=True, slots=True)
class Latency:
    """Milliseconds since the request came: half of the exchanges took no longer, 95 of 100 took no longer."""

    median_ms: int
    p95_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """Sums of exchanges. Tokens that were not told count as none; ``dollars`` None: not one price is known."""

    exchanges: int = 0
    failed: int = 0
    input_tokens: int = 0  # new ones
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    output_tokens: int = 0  # reasoning included
    reasoning_tokens: int = 0
    dollars: float | None = 0.0  # of those whose price is known
    unpriced: int = 0  # exchanges that cost what nobody knows
    first_content: Latency | None = None
    total: Latency | None = None
    first_at: float | None = None  # seconds since 1970
    last_at: float | None = None

    @property
    def prompt_tokens(self) -> int:
        """All that went in."""
        return self.input_tokens + self.cache_read_tokens + self.cache_write_tokens

    @property
    def cache_share(self) -> float | None:
        """Which part of the prompts came from a cache, 0 to 1; None: there were none."""
        return self.cache_read_tokens / self.prompt_tokens if self.prompt_tokens else None


@dataclass(frozen=True, slots=True)
class Report:
    """``rows``: the client's own, by name; sessions newest first, days in their order, others dearest first."""

    by: By
    rows: tuple[tuple[str, Totals], ...]
    total: Totals
    replays: Totals
    shadows: Totals


def report(summaries: Iterable[Summary], by: By, zone: tzinfo | None) -> Report:
    """Sum up exchanges, in any order. ``zone``: where days begin and end; None: the system's own zone."""
    key = KEYS[by]
    groups: dict[str, _Sum] = {}
    total, replays, shadows = _Sum(), _Sum(), _Sum()
    others = {"replay": replays, "shadow": shadows}
    for summary in summaries:
        if summary.kind is None:
            continue
        if summary.origin is None:
            groups.setdefault(key(summary, zone), _Sum()).add(summary)
            total.add(summary)
        elif summary.origin in others:
            others[summary.origin].add(summary)
    rows = sorted(((name, found.totals()) for name, found in groups.items()), key=ORDERS[by])
    return Report(by, tuple(rows), total.totals(), replays.totals(), shadows.totals())


def failed(summary: Summary) -> bool:
    """Whether an exchange came to no good end."""
    return summary.error is not None or not summary.status or summary.status >= HTTPStatus.BAD_REQUEST


def unpriced(summary: Summary) -> bool:
    """Whether an exchange cost what nobody knows: it used tokens, or had a reply of which they were not told."""
    if summary.dollars is not None or summary.kind == Kind.COUNT:
        return False
    if summary.prompt_tokens is not None or summary.output_tokens is not None:
        return bool(summary.prompt_tokens or summary.output_tokens)
    was_answered = 0 < summary.status < HTTPStatus.BAD_REQUEST and summary.first_content_ms is not None
    return summary.stop_reason is not None or was_answered


def model_of(summary: Summary) -> str:
    """Who answered, as ``provider/model``. What passes to Anthropic is the model that the client named."""
    if summary.route == ANTHROPIC and summary.asked:
        return f"{ANTHROPIC}/{summary.asked}"
    return summary.route or NOBODY


def since(text: str, now: datetime) -> float:
    """Read ``30m``, ``12h``, ``7d``, ``2w`` or a date, which begins at midnight where ``now`` is: here, if it is naive.

    Returns seconds since 1970. Raises: ConfigError.
    """
    wanted = text.strip().lower()
    if found := AGO.fullmatch(wanted):
        return now.timestamp() - int(found[1]) * SECONDS[found[2]]
    try:
        day = date.fromisoformat(wanted)
    except ValueError:
        near = (now - timedelta(days=7)).date()
        raise ConfigError(f"since: {text!r} is no time; write 12h, 7d, 2w, or a date such as {near}.") from None
    return datetime.combine(day, time(), now.tzinfo).timestamp()


def numbers(totals: Totals) -> dict[str, int | float | None]:
    """Return sums as programs read them: raw, with their units in their names; None: unknown."""
    first, whole = totals.first_content, totals.total
    return {
        "exchanges": totals.exchanges,
        "failed": totals.failed,
        **{name: getattr(totals, name) for name in TOKENS},
        "prompt_tokens": totals.prompt_tokens,
        "cache_share": totals.cache_share,
        "dollars": totals.dollars,
        "unpriced": totals.unpriced,
        "first_content_median_ms": first and first.median_ms,
        "first_content_p95_ms": first and first.p95_ms,
        "total_median_ms": whole and whole.median_ms,
        "total_p95_ms": whole and whole.p95_ms,
        "first_at": totals.first_at,
        "last_at": totals.last_at,
    }


@dataclass(slots=True)
class _Sum:
    """Totals in the making."""

    numbers: dict[str, int] = field(default_factory=dict)
    dollars: float = 0.0
    priced: int = 0
    first_content: list[int] = field(default_factory=list)
    whole: list[int] = field(default_factory=list)
    first_at: float | None = None
    last_at: float | None = None

    def add(self, summary: Summary) -> None:
        for name, value in (
            ("exchanges", 1),
            ("failed", int(failed(summary))),
            ("unpriced", int(unpriced(summary))),
            *((name, getattr(summary, name)) for name in TOKENS),
        ):
            self.numbers[name] = self.numbers.get(name, 0) + (value or 0)
        if summary.dollars is not None:
            self.dollars += summary.dollars
            self.priced += 1
        if summary.first_content_ms is not None:
            self.first_content.append(summary.first_content_ms)
        if summary.status:
            self.whole.append(summary.total_ms)
        self.first_at = summary.at if self.first_at is None else min(self.first_at, summary.at)
        self.last_at = summary.at if self.last_at is None else max(self.last_at, summary.at)

    def totals(self) -> Totals:
        return Totals(
            **self.numbers,
            dollars=self.dollars if self.priced or not self.numbers.get("unpriced") else None,
            first_content=_latency(self.first_content),
            total=_latency(self.whole),
            first_at=self.first_at,
            last_at=self.last_at,
        )


def _latency(found: list[int]) -> Latency | None:
    """By the nearest rank: both are times that something took."""
    ranked = sorted(found)
    return Latency(*(ranked[ceil(len(ranked) * part) - 1] for part in (0.5, 0.95))) if ranked else None


def _day(summary: Summary, zone: tzinfo | None) -> str:
    return datetime.fromtimestamp(summary.at, zone).date().isoformat()


KEYS: Mapping[By, Callable[[Summary, tzinfo | None], str]] = {
    By.SESSION: lambda summary, _: summary.session or NO_SESSION,
    By.MODEL: lambda summary, _: model_of(summary),
    By.AGENT: lambda summary, _: summary.agent_type or summary.agent or MAIN,
    By.KIND: lambda summary, _: str(summary.kind),
    By.DAY: _day,
}


def _dearest(row: tuple[str, Totals]) -> tuple[float, int, str]:
    name, totals = row
    return (-(totals.dollars or 0.0), -totals.prompt_tokens - totals.output_tokens, name)


def _newest(row: tuple[str, Totals]) -> tuple[float, str]:
    return (-(row[1].last_at or 0.0), row[0])


ORDERS: Mapping[By, Callable[[tuple[str, Totals]], tuple[object, ...]]] = {
    By.SESSION: _newest,
    By.MODEL: _dearest,
    By.AGENT: _dearest,
    By.KIND: _dearest,
    By.DAY: lambda row: (row[0],),
}
