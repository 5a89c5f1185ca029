"""What a reply cost, as Anthropic counts it."""

from typing import Any

import pytest

from addon.dialects.gemini.counts import read_usage
from addon.protocol.deltas import Usage

COUNTS: list[tuple[dict[str, Any], Usage]] = [
    ({}, Usage(0, 0)),
    ({"promptTokenCount": 10, "candidatesTokenCount": 3}, Usage(10, 3)),
    ({"promptTokenCount": 10, "cachedContentTokenCount": 4}, Usage(6, 0, 4)),
    ({"promptTokenCount": 4, "cachedContentTokenCount": 10}, Usage(4, 0, 10)),
    ({"candidatesTokenCount": 3, "thoughtsTokenCount": 20}, Usage(0, 23, reasoning_tokens=20)),
    ({"promptTokenCount": 10, "toolUsePromptTokenCount": 7}, Usage(17, 0)),
    ({"promptTokenCount": None, "candidatesTokenCount": "3"}, Usage(0, 0)),
]


@pytest.mark.parametrize(("told", "usage"), COUNTS)
def test_cached_tokens_count_once_and_thoughts_are_output(told: dict[str, Any], usage: Usage) -> None:
    assert read_usage(told) == usage
