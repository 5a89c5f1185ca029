"""The neutral words are values: equal by what they say, and unchangeable."""

import dataclasses
from typing import get_args

import pytest

from addon.protocol import deltas
from addon.protocol.errors import InternalError

EVERY_DELTA: list[deltas.Delta] = [
    deltas.Text("a"),
    deltas.Reasoning("a"),
    deltas.Carry("details", [1]),
    deltas.ToolCall(0, "call_1", "Bash"),
    deltas.ToolArguments(0, "{}"),
    deltas.WebSearch("cats", (deltas.Source("https://a.example", "A"),)),
    deltas.Citation(deltas.Source("https://a.example", "A")),
    deltas.Usage(1, 2),
    deltas.Unread("audio"),
    deltas.Finish(deltas.StopReason.END_TURN),
    deltas.Failure(InternalError("1")),
    deltas.End(),
]


def test_every_delta_is_listed_here() -> None:
    assert set(get_args(deltas.Delta.__value__)) == {type(delta) for delta in EVERY_DELTA}


@pytest.mark.parametrize("delta", EVERY_DELTA, ids=lambda delta: type(delta).__name__)
def test_a_delta_is_a_value(delta: deltas.Delta) -> None:
    assert delta == dataclasses.replace(delta)
    assert not hasattr(delta, "__dict__")
    with pytest.raises((dataclasses.FrozenInstanceError, TypeError)):  # a slotted class without fields says the latter
        setattr(delta, "text", "b")  # noqa: B010 - the type checker forbids the plain form, which is the point


def test_cached_tokens_are_none_unless_told() -> None:
    assert deltas.Usage(1, 2) == deltas.Usage(1, 2, cache_read_tokens=0, cache_write_tokens=0)


def test_stop_reasons_are_anthropics_words() -> None:
    assert {str(reason) for reason in deltas.StopReason} == {
        "end_turn", "max_tokens", "stop_sequence", "tool_use", "refusal", "model_context_window_exceeded",
    }  # fmt: skip
