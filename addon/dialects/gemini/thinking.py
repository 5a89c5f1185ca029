"""How much Gemini thinks: a level for Gemini 3 and later, a number of tokens for Gemini 2.5, never both.

Thoughts are shown where they are asked for; ``maxOutputTokens`` counts them.
Source: ai.google.dev, "Gemini thinking": the models' ranges; google-genai 3.6, ``types.ThinkingConfig``.
"""

import re
from collections.abc import Mapping

from addon.dialects import Target
from addon.dialects.effort import Wish, wished
from addon.dialects.losses import Loss
from addon.dialects.profiles import ReasoningStyle
from addon.protocol.messages import Json, Request

# pattern of a 2.5 model -> the budget that is nearest to no thinking, the smallest else, the largest
RANGES: tuple[tuple[re.Pattern[str], int, int, int], ...] = (
    (re.compile("pro"), 128, 128, 32_768),
    (re.compile("lite"), 0, 512, 24_576),
    (re.compile(""), 0, 1, 24_576),
)
# effort -> budget, as wide apart as Google's own client has them
BUDGETS: Mapping[str, int] = {"low": 2_048, "medium": 8_192, "high": 24_576, "xhigh": 32_768, "max": 32_768}
DYNAMIC = -1  # as much as the model finds right


def think(request: Request, target: Target, losses: list[Loss]) -> Json:
    """Return ``thinkingConfig`` in an object; an empty one where nothing is wished, or can be."""
    wish = wished(request, target, losses)
    if wish is None:
        return {}
    amount = _budget(wish, target.model) if target.profile.reasoning is ReasoningStyle.BUDGET else _level(wish)
    return {"thinkingConfig": amount if wish.off else {"includeThoughts": True, **amount}}


def _level(wish: Wish) -> Json:
    return {"thinkingLevel": wish.word.upper()} if wish.word else {}


def _budget(wish: Wish, model: str) -> Json:
    off, least, most = next(limits for pattern, *limits in RANGES if pattern.search(model))
    if wish.off:
        return {"thinkingBudget": off}
    tokens = wish.budget if wish.budget is not None else BUDGETS.get(wish.word or "")
    return {"thinkingBudget": DYNAMIC if tokens is None else max(least, min(tokens, most))}
