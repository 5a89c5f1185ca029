"""The wish for thought, said by the knob that a chat-completions target has.

Source: vendors' knobs in docs/protocol.md, "Reasoning".
"""

from collections.abc import Callable, Mapping

from addon.dialects import Target
from addon.dialects.effort import wished
from addon.dialects.losses import Loss, Lost, loss
from addon.dialects.profiles import ReasoningStyle
from addon.protocol.messages import Json, Request


def think(request: Request, target: Target, body: Json, losses: list[Loss]) -> None:
    """Map thinking and effort to the target's knob."""
    wish = wished(request, target, losses)
    if wish is None:
        return
    profile = target.profile
    if wish.off and profile.reasoning is ReasoningStyle.EFFORT and profile.effort_off is None:
        losses.append(loss(Lost.THINKING_KNOB, "thinking.type", target.name))
    body.update(KNOBS[profile.reasoning](wish.off, wish.word))
    if profile.budget_field and wish.budget is not None and not wish.off:
        body[profile.budget_field] = wish.budget


# style -> (off, word of effort or None) -> fields of the body
KNOBS: Mapping[ReasoningStyle, Callable[[bool, str | None], Json]] = {
    ReasoningStyle.EFFORT: lambda _, word: {"reasoning_effort": word} if word else {},
    ReasoningStyle.LEVEL: lambda _, word: {"reasoning_effort": word} if word else {},  # as Gemini's are called here
    ReasoningStyle.BUDGET: lambda _, word: {"reasoning_effort": word} if word else {},
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
    ReasoningStyle.REASONING: lambda _, word: {"reasoning": {"effort": word}} if word else {},
    ReasoningStyle.NOVA: lambda off, word: {
        "reasoningConfig": {"type": "disabled"}
        if off
        else {"type": "enabled", **({"maxReasoningEffort": word} if word else {})}
    },
    ReasoningStyle.CLAUDE: lambda off, word: {
        "thinking": {"type": "disabled" if off else "adaptive"},
        **({"output_config": {"effort": word}} if word and not off else {}),
    },
    ReasoningStyle.ENABLE_THINKING: lambda off, _: {"enable_thinking": not off},
    ReasoningStyle.TEMPLATE: lambda off, _: {"chat_template_kwargs": {"enable_thinking": not off}},
}
