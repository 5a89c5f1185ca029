"""The wish for thinking, in every form that the client has and every knob that a target has."""

from typing import Any

import pytest

from addon.dialects.profiles import ReasoningStyle
from tests.translating import ASKED, Json, Told, aimed, bare, lost, routine, translated

EFFORT: Json = {"reasoning": ReasoningStyle.EFFORT, "efforts": ("low", "medium", "high"), "effort_off": "none"}
ADAPTIVE = {"thinking": {"type": "adaptive", "display": "updates"}}
DISABLED = {"thinking": {"type": "disabled"}}


def effort(word: str) -> Json:
    return {"output_config": {"effort": word}}


def budget(tokens: Any) -> Json:
    return {"thinking": {"type": "enabled", "budget_tokens": tokens}}


def told_budget(tokens: int, word: str) -> list[Told]:
    return routine("thinking.budget_tokens", f'{tokens} became the effort "{word}"')


TOGGLED: Json = {"thinking": {"type": "enabled"}}
UNKNOWN_EFFORT = lost("output_config.effort", 'the effort "utmost" is unknown; the model chooses')
THINKING: dict[str, tuple[Json, Json, Json, list[Told]]] = {
    "nothing said": (EFFORT, {}, {}, []),
    "an effort": (EFFORT, effort("low"), {"reasoning_effort": "low"}, []),
    "an effort beyond the highest": (EFFORT, effort("max"), {"reasoning_effort": "high"}, []),
    "an effort between two": ({**EFFORT, "efforts": ("low", "max")}, effort("high"), {"reasoning_effort": "max"}, []),
    "an effort nearer to the lower": (
        {**EFFORT, "efforts": ("low", "max")},
        effort("medium"),
        {"reasoning_effort": "low"},
        [],
    ),
    "medium at DeepSeek": (
        {**EFFORT, "efforts": ("low", "high", "max")},
        effort("medium"),
        {"reasoning_effort": "high"},
        [],
    ),
    "an effort below the lowest": ({**EFFORT, "efforts": ("high",)}, effort("low"), {"reasoning_effort": "high"}, []),
    "an effort of tomorrow": (EFFORT, effort("utmost"), {}, UNKNOWN_EFFORT),
    "adaptive thinking and an effort": (EFFORT, {**ADAPTIVE, **effort("high")}, {"reasoning_effort": "high"}, []),
    "adaptive thinking alone": (EFFORT, ADAPTIVE, {}, []),
    "a small budget": (EFFORT, budget(4096), {"reasoning_effort": "low"}, told_budget(4096, "low")),
    "a middling budget": (EFFORT, budget(4097), {"reasoning_effort": "medium"}, told_budget(4097, "medium")),
    "the largest middling budget": (
        EFFORT,
        budget(16_384),
        {"reasoning_effort": "medium"},
        told_budget(16_384, "medium"),
    ),
    "the client's budget": (EFFORT, budget(31_999), {"reasoning_effort": "high"}, told_budget(31_999, "high")),
    "a budget beyond all": (EFFORT, budget(2**63), {"reasoning_effort": "high"}, told_budget(2**63, "high")),
    "a budget that is none": (EFFORT, budget("much"), {}, []),
    "an effort beats a budget": (EFFORT, {**budget(1), **effort("high")}, {"reasoning_effort": "high"}, []),
    "disabled": (EFFORT, DISABLED, {"reasoning_effort": "none"}, []),
    "disabled beats an effort": (EFFORT, {**DISABLED, **effort("high")}, {"reasoning_effort": "none"}, []),
    "disabled where it cannot be": (
        {**EFFORT, "effort_off": None},
        DISABLED,
        {},
        routine("thinking.type", "vllm/qwen has no knob for it"),
    ),
    "a budget where there is a field for it": (
        {"reasoning": ReasoningStyle.ENABLE_THINKING, "budget_field": "thinking_budget"},
        budget(5000),
        {"enable_thinking": True, "thinking_budget": 5000},
        [],
    ),
    "no budget where thinking is off": (
        {"reasoning": ReasoningStyle.ENABLE_THINKING, "budget_field": "thinking_budget"},
        {"thinking": {"type": "disabled", "budget_tokens": 5000}},
        {"enable_thinking": False},
        [],
    ),
    "adaptive": ({"reasoning": ReasoningStyle.ADAPTIVE}, effort("low"), {"thinking": {"type": "adaptive"}}, []),
    "adaptive, off": ({"reasoning": ReasoningStyle.ADAPTIVE}, DISABLED, {"thinking": {"type": "disabled"}}, []),
    "together": (
        {"reasoning": ReasoningStyle.TOGETHER},
        effort("low"),
        {"reasoning": {"enabled": True}, "reasoning_effort": "low"},
        [],
    ),
    "together, off": ({"reasoning": ReasoningStyle.TOGETHER}, DISABLED, {"reasoning": {"enabled": False}}, []),
    "no knob": ({}, {**ADAPTIVE, **effort("high")}, {}, routine("thinking", "vllm/qwen has no knob for it")),
    "no knob for an effort": ({}, effort("high"), {}, routine("output_config.effort", "vllm/qwen has no knob for it")),
    "no knob, and none needed": ({}, DISABLED, {}, []),
    "openrouter": ({"reasoning": ReasoningStyle.OPENROUTER}, effort("low"), {"reasoning": {"effort": "low"}}, []),
    "openrouter, adaptive": (
        {"reasoning": ReasoningStyle.OPENROUTER},
        ADAPTIVE,
        {"reasoning": {"effort": "medium"}},
        [],
    ),
    "openrouter, off": ({"reasoning": ReasoningStyle.OPENROUTER}, DISABLED, {"reasoning": {"enabled": False}}, []),
    "toggle": ({"reasoning": ReasoningStyle.TOGGLE}, effort("low"), TOGGLED, []),
    "toggle, off": ({"reasoning": ReasoningStyle.TOGGLE}, DISABLED, DISABLED, []),
    "toggle and effort": (
        {"reasoning": ReasoningStyle.TOGGLE_AND_EFFORT},
        effort("low"),
        {**TOGGLED, "reasoning_effort": "low"},
        [],
    ),
    "toggle and no effort": ({"reasoning": ReasoningStyle.TOGGLE_AND_EFFORT}, ADAPTIVE, TOGGLED, []),
    "toggle and effort, off": ({"reasoning": ReasoningStyle.TOGGLE_AND_EFFORT}, DISABLED, DISABLED, []),
    "enable": ({"reasoning": ReasoningStyle.ENABLE_THINKING}, ADAPTIVE, {"enable_thinking": True}, []),
    "enable, off": ({"reasoning": ReasoningStyle.ENABLE_THINKING}, DISABLED, {"enable_thinking": False}, []),
    "template": (
        {"reasoning": ReasoningStyle.TEMPLATE},
        ADAPTIVE,
        {"chat_template_kwargs": {"enable_thinking": True}},
        [],
    ),
}


@pytest.mark.parametrize(("profile", "asked", "expected", "losses"), THINKING.values(), ids=THINKING)
def test_the_wish_for_thinking(profile: Json, asked: Json, expected: Json, losses: list[Told]) -> None:
    assert translated(aimed(**profile), **asked) == (bare(**expected), losses, {})


def test_the_newest_turns_effort_wins() -> None:
    turns = [
        ASKED,
        {"role": "system", "content": [], "output_config": {"effort": "low"}},
        {"role": "assistant", "content": "A."},
        ASKED,
        {"role": "system", "content": [], "output_config": {"effort": "high"}},
        {"role": "system", "content": [], "output_config": {}},
    ]
    body, _, _ = translated(aimed(**EFFORT), messages=turns, output_config={"effort": "medium"})
    assert body["reasoning_effort"] == "high"


@pytest.mark.parametrize("index", [0, 1])
def test_any_turn_may_set_the_effort(index: int) -> None:
    turns: list[Json] = [ASKED, ASKED]
    turns[index] = {**ASKED, "output_config": {"effort": "low"}}
    body, losses, _ = translated(aimed(**EFFORT), messages=turns)
    assert (body["reasoning_effort"], losses) == ("low", [])
    _, losses, _ = translated(messages=turns)
    assert losses == routine(f"messages.{index}.output_config.effort", "vllm/qwen has no knob for it")


def test_the_last_turn_is_named_by_its_path() -> None:
    _, losses, _ = translated(messages=[ASKED, {"role": "assistant", "content": "A."}])
    assert losses == lost("messages.1", "the model answers these words; it does not continue them")


# -- the form of the reply
