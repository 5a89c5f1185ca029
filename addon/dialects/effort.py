"""How much thought a Messages request wants.

In: ``thinking`` of all types, ``output_config.effort`` of the request and of its turns. Out: the wish, in words that
the target's knob knows. Source: Messages API reference, "extended thinking", "effort".
"""

from dataclasses import dataclass

from addon.dialects import Target
from addon.dialects.losses import Loss, Lost, loss
from addon.dialects.profiles import ReasoningStyle
from addon.protocol.messages import Request

# thinking.budget_tokens up to -> effort; the client's own levels ("think" 4,000, "megathink" 10,000, 31,999) divide so
BUDGETS: tuple[tuple[int, str], ...] = ((4_096, "low"), (16_384, "medium"))
HIGHEST_BUDGET = "high"
EFFORTS = ("low", "medium", "high", "xhigh", "max")  # ascending


@dataclass(frozen=True, slots=True)
class Wish:
    """``off``: not to think. ``word``: the effort as the target's knob knows it; None: it chooses itself.

    ``budget``: tokens of thought, where the client told them and the target takes them (``Profile.budget_field``).
    """

    off: bool
    word: str | None
    budget: int | None


def wished(request: Request, target: Target, losses: list[Loss]) -> Wish | None:
    """Return the wish; None where none is made, or where the target has no knob."""
    profile = target.profile
    thinking = request.body.get("thinking") or {}
    path, effort = _wanted_effort(request)
    told = thinking.get("budget_tokens")
    budget = told if isinstance(told, int) and profile.budget_field else None
    if effort is None and thinking.get("type") == "enabled" and isinstance(told, int) and budget is None:
        effort = next((word for most, word in BUDGETS if told <= most), HIGHEST_BUDGET)
        losses.append(loss(Lost.THINKING_BUDGET, "thinking.budget_tokens", told, effort))
    off = thinking.get("type") == "disabled"
    if effort is None and not thinking:
        return None
    if profile.reasoning is ReasoningStyle.NONE:
        if not off:
            losses.append(loss(Lost.THINKING_KNOB, "thinking" if thinking else path, target.name))
        return None
    if effort is not None and effort not in EFFORTS:
        losses.append(loss(Lost.EFFORT_UNKNOWN, path, effort))
    return Wish(off, profile.effort_off if off else _nearest(effort, target), budget)


def _wanted_effort(request: Request) -> tuple[str, object]:
    """Where the effort is set, and to what; the newest turn's own wins over the request's."""
    messages = request.messages
    for index in range(len(messages) - 1, -1, -1):
        turn = messages[index]
        if "output_config" in turn and (effort := (turn["output_config"] or {}).get("effort")):
            return f"messages.{index}.output_config.effort", effort
    return "output_config.effort", (request.body.get("output_config") or {}).get("effort")


def _nearest(effort: object, target: Target) -> str | None:
    """The word nearest to ``effort`` that the target knows; of two the higher, as DeepSeek and Kimi read theirs."""
    if effort not in EFFORTS:
        return None
    wanted = EFFORTS.index(effort)
    return min(reversed(target.profile.efforts), key=lambda word: abs(EFFORTS.index(word) - wanted))
