"""What a chat-completions reply says it cost, counted as Anthropic counts.

Sources: OpenAI API reference, "usage"; DeepSeek, Moonshot and xAI, the same under their own names; SGLang,
``UsageInfo``; OpenRouter, "usage accounting".
"""

from collections.abc import Mapping
from math import inf
from typing import Any

from addon.dialects.counting import count
from addon.protocol.deltas import Usage


def read_usage(usage: Mapping[str, Any], *, reasoning_uncounted: bool = False, tells_cost: bool = False) -> Usage:
    """Count cached tokens once: OpenAI's ``prompt_tokens`` includes them, Anthropic's ``input_tokens`` does not.

    Cached tokens lie elsewhere at DeepSeek (``prompt_cache_hit_tokens``) and Moonshot (``cached_tokens``); where they
    exceed the prompt (xAI) the prompt is net already. Reasoning is not included in the completion where the profile
    says so, and where it exceeds it.
    """
    details = usage.get("prompt_tokens_details") or {}
    prompt = count(usage.get("prompt_tokens"))
    cached = count(details.get("cached_tokens") or usage.get("prompt_cache_hit_tokens") or usage.get("cached_tokens"))
    written = count(details.get("cache_write_tokens"))
    completion = count(usage.get("completion_tokens"))
    reasoning = count((usage.get("completion_tokens_details") or {}).get("reasoning_tokens"))
    if reasoning_uncounted or reasoning > completion:
        completion += reasoning
    fresh = prompt - cached - written if prompt >= cached + written else prompt
    cost = _cost(usage) if tells_cost else None
    return Usage(fresh, completion, cached, written, reasoning or _told_beside(usage, completion), dollars=cost)


def _cost(usage: Mapping[str, Any]) -> float | None:
    """What OpenRouter charged; with a key of the user's own at the provider, what that charged is added."""
    costs = [usage.get("cost")]
    if usage.get("is_byok") is True:
        costs.append((usage.get("cost_details") or {}).get("upstream_inference_cost"))
    known = [float(cost) for cost in costs if isinstance(cost, int | float) and 0 <= cost < inf]
    return sum(known) if len(known) == len(costs) else None


def _told_beside(usage: Mapping[str, Any], completion: int) -> int:
    """Count reasoning that is told outside of the details (SGLang, Perplexity), if it can be part of the completion."""
    reasoning = count(usage.get("reasoning_tokens"))
    return reasoning if reasoning <= completion else 0
