"""Numbers as people read them: tokens, prices, times; and the sums of a session. Pure. None is unknown, never zero."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo

from addon.prompts import prices, threads
from addon.prompts.entry import Summary

SECOND_MS, MINUTE_S, HOUR_S = 1_000, 60, 3_600


@dataclass(frozen=True, slots=True, kw_only=True)
class Sums:
    """What a session amounts to."""

    exchanges: int
    failed: int  # without an answer: an error, or nothing at all
    agents: int
    asked: tuple[str, ...]  # models that the client named, in the order of their first use
    routes: tuple[str, ...]  # who answered
    first_at: float
    last_at: float  # the end of the exchange that ended last
    prompt_tokens: int
    cached_tokens: int  # of these, read from the cache
    output_tokens: int
    dollars: float
    unpriced: int  # exchanges that used tokens at a price nobody knows


def sums(summaries: Sequence[Summary]) -> Sums:
    """Add up; there is at least one."""
    return Sums(
        exchanges=len(summaries),
        failed=sum(is_failure(each) for each in summaries),
        agents=len({each.agent for each in summaries if each.agent}),
        asked=_distinct(each.asked for each in summaries),
        routes=_distinct(each.route for each in summaries),
        first_at=min(each.at for each in summaries),
        last_at=max(each.at + each.total_ms / SECOND_MS for each in summaries),
        prompt_tokens=sum(each.prompt_tokens or 0 for each in summaries),
        cached_tokens=sum(each.cache_read_tokens or 0 for each in summaries),
        output_tokens=sum(each.output_tokens or 0 for each in summaries),
        dollars=sum(each.dollars or 0.0 for each in summaries),
        unpriced=sum(is_unpriced(each) for each in summaries),
    )


def is_failure(summary: Summary) -> bool:
    """Whether the client got no answer."""
    return not threads.is_answered(summary)


def is_unpriced(summary: Summary) -> bool:
    """Whether tokens were used whose price is unknown."""
    return summary.dollars is None and bool(summary.prompt_tokens or summary.output_tokens)


def count(number: int, noun: str) -> str:
    """Return ``1 turn``, ``1,234 turns``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def price(dollars: float, unpriced: int = 0) -> str:
    """Return the price; with exchanges whose price is unknown it is the least that it can be."""
    told = prices.told(dollars)
    if not unpriced:
        return told
    return f"at least {told}" if dollars else "unknown"


def elapsed(milliseconds: float) -> str:
    """Return ``350 ms``, ``1.5 s``, ``2 min 5 s``, ``3 h 2 min``."""
    if milliseconds < SECOND_MS:
        return f"{milliseconds:.0f} ms"
    seconds = milliseconds / SECOND_MS
    if seconds < MINUTE_S:
        return f"{seconds:.1f} s"
    if seconds < HOUR_S:
        return f"{seconds // MINUTE_S:.0f} min {seconds % MINUTE_S:.0f} s"
    return f"{seconds // HOUR_S:,.0f} h {seconds % HOUR_S // MINUTE_S:.0f} min"


def moment(at: float, zone: tzinfo = UTC) -> str:
    """Return day and time of a moment in seconds since 1970."""
    return f"{datetime.fromtimestamp(at, zone):%Y-%m-%d %H:%M:%S}"


def clock(at: float, zone: tzinfo = UTC) -> str:
    """Return the time of day alone."""
    return f"{datetime.fromtimestamp(at, zone):%H:%M:%S}"


def usage(summary: Summary) -> str:
    """Return what went in and came out, its price and its time, in a line; what is unknown is left out."""
    told = []
    if summary.prompt_tokens is not None:
        cached = f" ({summary.cache_read_tokens:,} cached)" if summary.cache_read_tokens else ""
        told.append(f"{summary.prompt_tokens:,} tokens in{cached}")
    if summary.output_tokens is not None:
        thought = f" ({summary.reasoning_tokens:,} thinking)" if summary.reasoning_tokens else ""
        told.append(f"{summary.output_tokens:,} out{thought}")
    if summary.dollars is not None:
        told.append(price(summary.dollars))
    elif is_unpriced(summary):
        told.append("price unknown")
    return " · ".join((*told, elapsed(summary.total_ms)))


def who(summary: Summary) -> str:
    """Return which model was asked, and who answered where that is another."""
    asked, route = summary.asked or "no model", summary.route
    if route is None or route in ("anthropic", f"anthropic/{asked}"):
        return asked
    return f"{asked} → {route}"


def outcome(summary: Summary) -> str:
    """Return how an exchange ended where it went wrong or ended otherwise than usual; else nothing."""
    if summary.status == 0:
        return summary.error or "no reply"
    if is_failure(summary):
        return f"{summary.status} {summary.error or ''}".strip()
    return "" if summary.stop_reason in (None, "end_turn", "tool_use") else str(summary.stop_reason)


def _distinct(names: Iterable[str | None]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for name in names if name))
