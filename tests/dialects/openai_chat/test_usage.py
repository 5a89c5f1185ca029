"""What backends say a reply cost."""

from typing import Any

import pytest

from addon.dialects.openai_chat.usage import read_usage
from addon.protocol.deltas import Usage

type Json = dict[str, Any]

TOLD_NUMBERS = {"prompt_tokens": 10, "completion_tokens": 2}
USAGES: dict[str, tuple[Json, Usage]] = {
    "plain": (TOLD_NUMBERS, Usage(10, 2)),
    "cached is part of the prompt": ({**TOLD_NUMBERS, "prompt_tokens_details": {"cached_tokens": 4}}, Usage(6, 2, 4)),
    "cached and written": (
        {**TOLD_NUMBERS, "prompt_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 3}},
        Usage(3, 2, 4, 3),
    ),
    "deepseek": ({**TOLD_NUMBERS, "prompt_cache_hit_tokens": 4, "prompt_cache_miss_tokens": 6}, Usage(6, 2, 4)),
    "moonshot": ({**TOLD_NUMBERS, "cached_tokens": 4}, Usage(6, 2, 4)),
    "cached beyond the prompt": ({**TOLD_NUMBERS, "prompt_tokens_details": {"cached_tokens": 40}}, Usage(10, 2, 40)),
    "reasoning is part of the completion": (
        {**TOLD_NUMBERS, "completion_tokens_details": {"reasoning_tokens": 1}},
        Usage(10, 2, reasoning_tokens=1),
    ),
    "reasoning beyond the completion": (
        {**TOLD_NUMBERS, "completion_tokens_details": {"reasoning_tokens": 5}},
        Usage(10, 7, reasoning_tokens=5),
    ),
    "sglang": ({**TOLD_NUMBERS, "reasoning_tokens": 1}, Usage(10, 2, reasoning_tokens=1)),
    "told beside, beyond the completion": ({**TOLD_NUMBERS, "reasoning_tokens": 5}, Usage(10, 2)),
    "told twice": (
        {**TOLD_NUMBERS, "reasoning_tokens": 2, "completion_tokens_details": {"reasoning_tokens": 1}},
        Usage(10, 2, reasoning_tokens=1),
    ),
    "everything is cached": ({**TOLD_NUMBERS, "prompt_tokens_details": {"cached_tokens": 10}}, Usage(0, 2, 10)),
    "all of it is reasoning": (
        {**TOLD_NUMBERS, "completion_tokens_details": {"reasoning_tokens": 2}},
        Usage(10, 2, reasoning_tokens=2),
    ),
    "details are null": (
        {**TOLD_NUMBERS, "prompt_tokens_details": None, "completion_tokens_details": None},
        Usage(10, 2),
    ),
    "nothing": ({}, Usage(0, 0)),
    "negative and odd": ({"prompt_tokens": -1, "completion_tokens": "2"}, Usage(0, 0)),
    "beyond all counting": ({"prompt_tokens": 1e300, "completion_tokens": 2**80}, Usage(2**53 - 1, 2**53 - 1)),
    "fractions": ({"prompt_tokens": 10.0, "completion_tokens": 2.9}, Usage(10, 2)),
}


@pytest.mark.parametrize(("told", "expected"), USAGES.values(), ids=USAGES)
def test_tokens_are_counted_once(told: Json, expected: Usage) -> None:
    assert expected == read_usage(told)


def test_reasoning_is_added_where_the_profile_says_that_it_is_left_out() -> None:
    told = {**TOLD_NUMBERS, "completion_tokens_details": {"reasoning_tokens": 1}}
    assert read_usage(told, reasoning_uncounted=True) == Usage(10, 3, reasoning_tokens=1)
    assert read_usage(TOLD_NUMBERS, reasoning_uncounted=True) == Usage(10, 2)


COSTS: dict[str, tuple[Json, float | None]] = {
    "what was charged": ({"cost": 0.0123}, 0.0123),
    "nothing": ({"cost": 0}, 0.0),
    "no word of it": ({}, None),
    "a text": ({"cost": "0.1"}, None),
    "an object": ({"cost": {"total_cost": 0.1}}, None),
    "less than nothing": ({"cost": -1}, None),
    "no number": ({"cost": float("nan")}, None),
    "beyond counting": ({"cost": float("inf")}, None),
    "with a key of the user's own": (
        {"cost": 0.01, "is_byok": True, "cost_details": {"upstream_inference_cost": 0.2}},
        0.21,
    ),
    "with such a key, and no word of its cost": ({"cost": 0.01, "is_byok": True, "cost_details": None}, None),
    "without such a key": ({"cost": 0.01, "is_byok": False, "cost_details": {"upstream_inference_cost": 0.01}}, 0.01),
}


@pytest.mark.parametrize(("told", "expected"), COSTS.values(), ids=COSTS)
def test_a_cost_is_taken_where_the_profile_says_that_it_is_one(told: Json, expected: float | None) -> None:
    found = read_usage({**TOLD_NUMBERS, **told}, tells_cost=True).dollars
    assert found == (None if expected is None else pytest.approx(expected))
    assert read_usage({**TOLD_NUMBERS, **told}).dollars is None
