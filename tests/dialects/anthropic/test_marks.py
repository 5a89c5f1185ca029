"""Of too many marks for a cache the last four stay, wherever they are."""

from typing import Any

import orjson
import pytest

from addon.dialects.anthropic.marks import MOST, is_many, limited

type Json = dict[str, Any]

MARK = {"cache_control": {"type": "ephemeral"}}


def block(number: int, *, marked: bool = True) -> Json:
    return {"type": "text", "text": str(number), **(MARK if marked else {})}


def user(*blocks: Json) -> Json:
    return {"role": "user", "content": list(blocks)}


def result(*inner: Json) -> Json:
    return {"type": "tool_result", "tool_use_id": "c", "content": list(inner), **MARK}


CASES: dict[str, tuple[Json, Json]] = {
    "four": ({"system": [block(1), block(2)], "messages": [user(block(3), block(4))]}, {}),
    "none": ({"system": "a", "messages": [{"role": "user", "content": "a"}]}, {}),
    "five": (
        {"system": [block(1), block(2)], "messages": [user(block(3), block(4), block(5))]},
        {"system": [block(1, marked=False), block(2)]},
    ),
    "tools first": (
        {"tools": [{"name": "a", **MARK}], "system": [block(1), block(2)], "messages": [user(block(3), block(4))]},
        {"tools": [{"name": "a"}]},
    ),
    "inside a result": (
        {"messages": [user(result(block(1), block(2))), user(block(3), block(4), block(5))]},
        {
            "messages": [
                user({"type": "tool_result", "tool_use_id": "c", "content": [block(1, marked=False), block(2)]}),
                user(block(3), block(4), block(5)),
            ]
        },
    ),
    "many": (
        {"system": [block(1), block(2), block(3)], "messages": [user(block(number)) for number in range(4, 8)]},
        {"system": [block(number, marked=False) for number in (1, 2, 3)]},
    ),
}


@pytest.mark.parametrize(("body", "changed"), CASES.values(), ids=CASES)
def test_the_last_four_marks_stay(body: Json, changed: Json) -> None:
    before = orjson.dumps(body)
    assert limited(body) == changed
    assert orjson.dumps(body) == before
    assert limited(body | changed) == {}
    if changed:
        assert is_many(before)


def test_a_mark_in_a_text_is_none() -> None:
    said = orjson.dumps({"system": '"cache_control"' * (MOST + 1)})
    assert not is_many(said)
    assert is_many(None)
