"""What an exchange costs."""

import pytest

from addon.prompts import prices
from addon.prompts.prices import Part
from addon.protocol.deltas import Usage
from addon.routing.facts import Price

WHOLE = Price(input=4.0, output=20.0, cache_read=0.4, cache_write=5.0, cache_write_hour=8.0, reasoning=40.0)
LONG = Price(1.0, 2.0, above=1000, long=Price(3.0, 4.0))

COSTS: dict[str, tuple[Usage, Price | None, float | None]] = {
    "each by its own": (Usage(100, 50, 1000, 30, 20, 10), WHOLE, 400 + 400 + 100 + 80 + 600 + 800),
    "reasoning costs as output does": (Usage(0, 50, reasoning_tokens=20), Price(output=10.0), 500),
    "reasoning that is free": (Usage(0, 50, reasoning_tokens=20), Price(output=10.0, reasoning=0.0), 300),
    "nothing was used": (Usage(0, 0), None, 0),
    "nothing is known": (Usage(1, 1), None, None),
    "what did not occur needs no price": (Usage(100, 0), Price(input=1.0), 100),
    "output of unknown price": (Usage(100, 1), Price(input=1.0), None),
    "input of unknown price": (Usage(1, 100), Price(output=1.0), None),
    "the cache is not the input": (Usage(100, 0, 1), Price(input=1.0, output=1.0), None),
    "writes for an hour are not writes": (Usage(100, 0, 0, 5, 0, 5), Price(1.0, 1.0, 1.0, 1.0), None),
    "all of it free": (Usage(100, 50, 10, 10), Price(0.0, 0.0, 0.0, 0.0), 0),
    "a prompt that is not long": (Usage(1000, 10), LONG, 1020),
    "a long prompt": (Usage(1001, 10), LONG, 3043),
    "the cache makes it long": (Usage(1, 10, 1000), LONG, None),
    "long, at nobody knows what": (Usage(1001, 10), Price(1.0, 2.0, above=1000), None),
    "what the backend says": (Usage(100, 50, 1000, dollars=0.25), Price(1.0, 1.0), 250_000),
    "free, as the backend says": (Usage(100, 50, dollars=0.0), Price(1.0, 1.0), 0),
    "more reasoning than output": (Usage(0, 10, reasoning_tokens=20), Price(output=1.0, reasoning=2.0), 20),
    "more for an hour than was written": (Usage(0, 0, 0, 5, 0, 9), WHOLE, 40),
    "counts below nothing": (Usage(-5, -5, -5, -5, -5, -5), WHOLE, 0),
}


@pytest.mark.parametrize(("usage", "price", "millionths"), COSTS.values(), ids=COSTS)
def test_tokens_cost_what_their_sort_costs(usage: Usage, price: Price | None, millionths: float | None) -> None:
    cost = prices.dollars(usage, price)
    assert cost == (None if millionths is None else pytest.approx(millionths / 1_000_000))
    assert usage.dollars is not None or (cost is None) == bool(prices.unknown(usage, price))


def test_the_parts_are_told() -> None:
    assert prices.parts(Usage(100, 50, 1000), Price(4.0, 20.0)) == (
        Part("input", 100, 4.0),
        Part("cache_read", 1000, None),
        Part("output", 50, 20.0),
    )
    assert prices.unknown(Usage(100, 50, 1000), Price(4.0, 20.0)) == ("cache_read",)
    assert Part("input", 500, 4.0).dollars == 0.002
    assert Part("input", 500, None).dollars is None


TOLD = [
    (0.0, "$0"),
    (12.3, "$12.30"),
    (1234.5, "$1,234.50"),
    (0.9996, "$1.00"),
    (0.1234, "$0.123"),
    (0.01, "$0.010"),
    (0.0042, "$0.0042"),
    (0.00099, "$0.00099"),
    (0.0000314, "$0.000031"),
]


@pytest.mark.parametrize(("cost", "text"), TOLD)
def test_dollars_are_written_with_sensible_digits(cost: float, text: str) -> None:
    assert prices.told(cost) == text
