"""What a reply of Gemini's cost, counted as Anthropic counts.

Source: google-genai 3.6, ``types.GenerateContentResponseUsageMetadata``: ``promptTokenCount`` includes what was cached,
``candidatesTokenCount`` leaves thoughts out; what its own tools found is counted beside the prompt.
"""

from collections.abc import Mapping
from typing import Any

from addon.dialects.counting import count
from addon.protocol.deltas import Usage


def read_usage(usage: Mapping[str, Any]) -> Usage:
    """Read ``usageMetadata``; it is cumulative."""
    prompt, cached = count(usage.get("promptTokenCount")), count(usage.get("cachedContentTokenCount"))
    thoughts = count(usage.get("thoughtsTokenCount"))
    fresh = prompt - cached if prompt >= cached else prompt
    return Usage(
        fresh + count(usage.get("toolUsePromptTokenCount")),
        count(usage.get("candidatesTokenCount")) + thoughts,
        cached,
        reasoning_tokens=thoughts,
    )
