"""Counts of a response in, Anthropic's counts out."""

from typing import Any

import pytest

from addon.dialects.openai_responses.usage import read_usage
from addon.protocol.deltas import Usage

PLAIN = {"input_tokens": 10, "output_tokens": 3}
CASES: list[tuple[dict[str, Any], Usage]] = [
    (PLAIN, Usage(10, 3)),
    ({**PLAIN, "input_tokens_details": None, "output_tokens_details": None}, Usage(10, 3)),
    ({**PLAIN, "input_tokens_details": {"cached_tokens": 4}}, Usage(6, 3, 4)),
    ({**PLAIN, "input_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 5}}, Usage(1, 3, 4, 5)),
    ({**PLAIN, "input_tokens_details": {"cached_tokens": 40}}, Usage(10, 3, 40)),
    ({**PLAIN, "output_tokens_details": {"reasoning_tokens": 2}}, Usage(10, 3, 0, 0, 2)),
    ({**PLAIN, "output_tokens_details": {"reasoning_tokens": 20}}, Usage(10, 23, 0, 0, 20)),
    ({"input_tokens": None, "output_tokens": "3"}, Usage(0, 0)),
]


@pytest.mark.parametrize(("told", "usage"), CASES)
def test_cached_and_thought_tokens_are_counted_once(told: dict[str, Any], usage: Usage) -> None:
    assert read_usage(told) == usage
