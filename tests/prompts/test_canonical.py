"""What counts for a model, however it is written."""

from typing import Any

import pytest
from hypothesis import given

from addon.prompts import canonical
from tests.prompts.test_render import ANYTHING

MARK = {"cache_control": {"type": "ephemeral"}}
TEXT = {"type": "text", "text": "a"}

SAME = [
    ({"role": "user", "content": "a"}, {"role": "user", "content": [TEXT]}),
    ({"role": "user", "content": [{**TEXT, **MARK}]}, {"content": "a", "role": "user"}),
    (
        {"content": [{"type": "tool_result", "content": [{**TEXT, **MARK}], **MARK}]},
        {"content": [{"type": "tool_result", "content": [TEXT]}]},
    ),
    ({"role": "system"}, {"role": "system", "content": []}),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_turns_that_count_the_same_are_written_the_same(one: object, other: object) -> None:
    assert canonical.written(canonical.message(one)) == canonical.written(canonical.message(other))


def test_an_argument_of_the_name_of_a_mark_stays() -> None:
    call = {"type": "tool_use", "input": MARK, **MARK}
    assert canonical.unmarked(call) == {"type": "tool_use", "input": MARK}
    assert canonical.message(3) == 3
    assert canonical.blocks([4]) == [4]


def test_marks_are_found_where_they_stand() -> None:
    request = {
        "messages": [{"content": "a"}, {"content": [{"type": "tool_result", "content": [{**TEXT, **MARK}]}]}],
        "system": [TEXT, {**TEXT, **MARK}],
        "tools": [{"name": "t", **MARK}, 1],
    }
    assert canonical.marks(request) == ("tools.0", "system.1", "messages.1")
    assert canonical.marks([]) == ()


def test_parts_come_in_the_order_of_the_cache() -> None:
    assert list(canonical.parts({"system": "s", "messages": ["m"], "tools": ["t"]})) == [
        ("tools", 0, "t"), ("system", 0, "s"), ("messages", 0, "m"),
    ]  # fmt: skip
    assert list(canonical.parts({"system": "", "messages": "m", "tools": None})) == []


def test_the_attribution_is_known() -> None:
    text = "x-anthropic-billing-header: cc_version=2;"
    assert canonical.is_attribution({"type": "text", "text": text})
    assert canonical.is_attribution(text)
    assert not canonical.is_attribution({"text": 3})


def test_too_deep_a_value_is_written_as_such() -> None:
    deep: Any = []
    for _ in range(400):
        deep = [{"type": "tool_result", "content": deep}]
    assert canonical.written(canonical.message({"content": deep})) == canonical.TOO_DEEP
    assert not canonical.is_marked({"content": deep})


@given(ANYTHING)
def test_any_json_goes_in(request_body: Any) -> None:
    for _, _, value in canonical.parts(request_body):
        canonical.written(canonical.message(value))
    canonical.marks(request_body)
