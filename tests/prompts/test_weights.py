"""Where a request's tokens go."""

from typing import Any

import orjson
import pytest
from hypothesis import given

from addon.prompts import weights
from addon.prompts.weights import Weight
from addon.protocol import tokens
from tests import stories
from tests.prompts.test_render import ANYTHING

SESSIONS = sorted((stories.FOLDER / "sessions").glob("*.json"))
LONG = "x" * 3600  # a thousand tokens
RESULT = [{"type": "text", "text": LONG}, {"type": "image", "source": {"data": LONG}}]
REQUEST: dict[str, Any] = {
    "system": [{"type": "text", "text": LONG}, {"type": "text", "text": "Be."}],
    "tools": [{"name": "Bash", "description": LONG}, {"description": "odd"}, 1],
    "messages": [
        {"role": "user", "content": LONG},
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": LONG, "signature": LONG},
                {"type": "tool_use", "id": "t1", "name": "Bash", "input": {"command": LONG, "timeout": 1, "x": None}},
            ],
        },
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1", "content": RESULT}]},
        {"role": "user", "content": [{"type": "document", "source": {"type": "text", "data": LONG}}]},
        {"role": "user", "content": [{"type": "of tomorrow", "text": LONG}, "bare"]},
        {"role": "user", "content": [{"type": "tool_result"}]},
        7,
    ],
}


def test_parts_are_told_in_the_order_in_which_a_model_reads_them() -> None:
    assert weights.of(REQUEST).parts == (
        Weight("tools", "Bash", 1021),
        Weight("tools", "without a name", 18),
        Weight("tools", "without a name", 0),
        Weight("system", "0", 1000),
        Weight("system", "1", 1),
        Weight("messages", "text", 1005),
        Weight("messages", "thinking", 1006),
        Weight("messages", "tool calls", 1024),
        Weight("messages", "tool results", 1016),
        Weight("messages", "images", 1600),
        Weight("messages", "documents", 1004),
        Weight("messages", "other blocks", 1013),
    )


def test_groups_are_summed() -> None:
    found = weights.of(REQUEST)
    assert found.of_group("system") == 1001
    assert found.total == sum(part.tokens for part in found.parts)


@pytest.mark.parametrize("session", SESSIONS, ids=lambda path: path.stem)
def test_the_sum_is_the_estimate_of_the_whole(session: Any) -> None:
    for request in orjson.loads(session.read_bytes()):
        estimate = tokens.estimate(request["system"], request["messages"], request["tools"])
        thought = sum(part.tokens for part in weights.of(request).parts if part.name == "thinking")
        assert weights.of(request).total - thought == pytest.approx(estimate, rel=0.03)


def test_deep_values_do_not_exhaust_the_stack() -> None:
    deep: Any = "innermost"
    result: Any = []
    for _ in range(3000):
        deep, result = [deep], [{"type": "tool_result", "content": result}]
    messages = [{"content": result}, {"content": [{"type": "of tomorrow", "deep": deep}]}]
    found = weights.of({"tools": [{"name": deep}], "messages": messages, "system": deep})
    assert found.parts[0] == Weight("tools", "without a name", 16)


@given(ANYTHING)
def test_any_json_has_weights(request_body: Any) -> None:
    assert weights.of(request_body).total >= 0


def test_a_system_prompt_of_one_text_is_one_part() -> None:
    assert weights.of({"system": LONG}).parts == (Weight("system", "0", 1000),)
    assert weights.of({}).parts == weights.of([]).parts == ()
