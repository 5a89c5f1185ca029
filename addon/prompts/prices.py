"""What an exchange costs: its tokens, each at the price of its sort. Pure."""

from dataclasses import dataclass
from math import floor, log10
from typing import Literal

from addon.protocol.deltas import Usage
from addon.routing.facts import MILLION, Price

type Sort = Literal["input", "cache_read", "cache_write", "cache_write_hour", "output", "reasoning"]

UNKNOWN = Price()
FROM_CENTS, FROM_TENTHS_OF_CENTS = 0.9995, 0.01  # where dollars are written with fewer digits


@dataclass(frozen=True, slots=True)
class Part:
    """Tokens of one sort, and the dollars for a million of them; None: unknown."""

    sort: Sort
    tokens: int
    price: float | None

    @property
    def dollars(self) -> float | None:
        """What they cost; None: unknown."""
        return None if self.price is None else self.tokens * self.price / MILLION


def parts(usage: Usage, price: Price | None) -> tuple[Part, ...]:
    """Return what was used, sort by sort; what did not occur is not in it.

    Reasoning is output, and costs the same where no price of its own is told. Nothing else stands in for a price that
    is unknown: what is read from a cache costs between nothing and the whole of the input price, and what is written
    to it more than that at some, so any number in their place would be made up.
    """
    known = price or UNKNOWN
    prompt = usage.input_tokens + usage.cache_read_tokens + usage.cache_write_tokens
    if known.above is not None and prompt > known.above:
        known = known.long or UNKNOWN
    reasoning = min(usage.reasoning_tokens, usage.output_tokens)
    for_an_hour = min(usage.cache_write_hour_tokens, usage.cache_write_tokens)
    found: tuple[Part, ...] = (
        Part("input", usage.input_tokens, known.input),
        Part("cache_read", usage.cache_read_tokens, known.cache_read),
        Part("cache_write", usage.cache_write_tokens - for_an_hour, known.cache_write),
        Part("cache_write_hour", for_an_hour, known.cache_write_hour),
        Part("output", usage.output_tokens - reasoning, known.output),
        Part("reasoning", reasoning, known.output if known.reasoning is None else known.reasoning),
    )
    return tuple(part for part in found if part.tokens > 0)


def dollars(usage: Usage, price: Price | None) -> float | None:
    """Return what was used in dollars, as the backend says, or else by its prices.

    None: it does not say, and the price of something that was used is unknown.
    """
    if usage.dollars is not None:
        return usage.dollars
    costs = [part.dollars for part in parts(usage, price)]
    known = [cost for cost in costs if cost is not None]
    return sum(known, 0.0) if len(known) == len(costs) else None


def unknown(usage: Usage, price: Price | None) -> tuple[Sort, ...]:
    """Return the sorts that were used and whose price is unknown."""
    return tuple(part.sort for part in parts(usage, price) if part.price is None)


def told(cost: float) -> str:
    """Write dollars with as many digits as people read: $12.30, $0.123, $0.0042, $0."""
    if not cost:
        return "$0"
    if cost >= FROM_CENTS:
        return f"${cost:,.2f}"
    if cost >= FROM_TENTHS_OF_CENTS:
        return f"${cost:.3f}"
    digits = 1 - floor(log10(cost))  # two that say something
    return f"${cost:.{digits}f}"
