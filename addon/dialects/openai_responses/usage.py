"""What a response says it cost, counted as Anthropic counts.

Source: OpenAI API reference, "the response object", usage.
"""

from collections.abc import Mapping
from typing import Any

from addon.dialects.counting import count
from addon.protocol.deltas import Usage


def read_usage(usage: Mapping[str, Any]) -> Usage:
    """Count cached tokens once: ``input_tokens`` includes what was read from the cache and what was written to it.

    Where these exceed it, it is net already. ``output_tokens`` includes reasoning, but for those who forgot (xAI).
    """
    details = usage.get("input_tokens_details") or {}
    total = count(usage.get("input_tokens"))
    cached, written = count(details.get("cached_tokens")), count(details.get("cache_write_tokens"))
    output = count(usage.get("output_tokens"))
    reasoning = count((usage.get("output_tokens_details") or {}).get("reasoning_tokens"))
    fresh = total - cached - written if total >= cached + written else total
    return Usage(fresh, output + reasoning if reasoning > output else output, cached, written, reasoning)
