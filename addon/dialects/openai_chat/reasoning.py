"""How much thought a Messages request wants, said by the knob that the target has.

In: ``thinking`` of all types, ``output_config.effort`` of the request and of its turns. Out: fields of the wire body.
Source: Messages API reference, "extended thinking", "effort"; vendors' knobs in docs/protocol.md, "Reasoning".
"""

from collections.abc import Callable, Mapping

from addon.dialects import Target
from addon.dialects.losses import Loss, Lost, loss
from addon.dialects.profiles import ReasoningStyle
from addon.protocol.messages import Json, Request

# thinking.budget_tokens up to -> effort; the client's own levels ("think" 4,000, "megathink" 10,000, 31,999) divide so
BUDGETS: tuple[tuple[int, str], ...] = ((4_096, "low"), (16_384, "medium"))
HIGHEST_BUDGET = "high"
EFFORTS = ("low", "medium", "high", "xhigh", "max")  # ascending


def think(request: Request, target: Target, body: Json, losses: list[Loss]) -> None:
    """Map thinking and effort to the target's knob."""
    thinking = request.body.get("thinking") or {}
    path, effort = _wanted_effort(request)
    budget = thinking.get("budget_tokens")
    budget_field = target.profile.budget_field if isinstance(budget, int) else None
    if effort is None and thinking.get("type") == "enabled" and isinstance(budget, int) and not budget_field:
        effort = next((word for most, word in BUDGETS if budget <= most), HIGHEST_BUDGET)
        losses.append(loss(Lost.THINKING_BUDGET, "thinking.budget_tokens", budget, effort))
    off = thinking.get("type") == "disabled"
    if effort is None and not thinking:
        return
    if target.profile.reasoning is ReasoningStyle.NONE:
        if not off:
            losses.append(loss(Lost.THINKING_KNOB, "thinking" if thinking else path, target.name))
        return
    if effort is not None and effort not in EFFORTS:
        losses.append(loss(Lost.EFFORT_UNKNOWN, path, effort))
    if off and target.profile.reasoning is ReasoningStyle.EFFORT and target.profile.effort_off is None:
        losses.append(loss(Lost.THINKING_KNOB, "thinking.type", target.name))
    word = target.profile.effort_off if off else _effort(effort, target)
    body.update(KNOBS[target.profile.reasoning](off, word))
    if budget_field and not off:
        body[budget_field] = budget


def _wanted_effort(request: Request) -> tuple[str, object]:
    """Where the effort is set, and to what; the newest turn's own wins over the request's."""
    messages = request.messages
    for index in range(len(messages) - 1, -1, -1):
        if (turn := messages[index].get("output_config")) and turn.get("effort"):
            return f"messages.{index}.output_config.effort", turn["effort"]
    return "output_config.effort", (request.body.get("output_config") or {}).get("effort")


def _effort(effort: object, target: Target) -> str | None:
    """The word nearest to ``effort`` that the target knows; of two the higher, as DeepSeek and Kimi read theirs."""
    if effort not in EFFORTS:
        return None
    wanted = EFFORTS.index(effort)
    return min(reversed(target.profile.efforts), key=lambda word: abs(EFFORTS.index(word) - wanted))


# style -> (off, word of effort or None) -> fields of the body
KNOBS: Mapping[ReasoningStyle, Callable[[bool, str | None], Json]] = {
    ReasoningStyle.EFFORT: lambda _, word: {"reasoning_effort": word} if word else {},
    ReasoningStyle.OPENROUTER: lambda off, word: {
        "reasoning": {"enabled": False} if off else {"effort": word or "medium"}
    },
    ReasoningStyle.TOGGLE: lambda off, _: {"thinking": {"type": "disabled" if off else "enabled"}},
    ReasoningStyle.TOGGLE_AND_EFFORT: lambda off, word: (
        {"thinking": {"type": "disabled"}}
        if off
        else {"thinking": {"type": "enabled"}, **({"reasoning_effort": word} if word else {})}
    ),
    ReasoningStyle.ADAPTIVE: lambda off, _: {"thinking": {"type": "disabled" if off else "adaptive"}},
    ReasoningStyle.TOGETHER: lambda off, word: {
        "reasoning": {"enabled": not off},
        **({"reasoning_effort": word} if word and not off else {}),
    },
    ReasoningStyle.ENABLE_THINKING: lambda off, _: {"enable_thinking": not off},
    ReasoningStyle.TEMPLATE: lambda off, _: {"chat_template_kwargs": {"enable_thinking": not off}},
}
