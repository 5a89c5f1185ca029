"""Calls put together from the events that tell of them."""

from dataclasses import replace
from typing import Any

import pytest

from addon.dialects import ReplyContext
from addon.dialects.openai_responses import calls
from addon.dialects.openai_responses.calls import Calls
from addon.protocol.deltas import Delta, ToolArguments, ToolCall
from addon.protocol.errors import MalformedReply
from tests.stories import target

CONTEXT = ReplyContext(target("openai", "gpt-5.5"), "x1", tool_names={"short": "long name"}, call_ids=("call_0",))


def item(name: str = "f", call_id: Any = "call_1", arguments: Any = "") -> dict[str, Any]:
    return {"name": name, "call_id": call_id, "arguments": arguments}


def test_pieces_go_on_as_they_come_and_the_rest_with_the_whole() -> None:
    made, deltas = Calls(CONTEXT), list[Delta]()
    call = made.new()
    made.read(call, item("short"), deltas, done=False)
    call.add('{"a"', deltas)
    call.complete('{"a": 1}', deltas)
    made.read(call, item("short", arguments='{"a": 1}'), deltas, done=True)
    assert deltas == [ToolCall(0, "call_1", "long name"), ToolArguments(0, '{"a"'), ToolArguments(0, ": 1}")]


def test_pieces_before_the_name_wait_for_it() -> None:
    made, deltas = Calls(CONTEXT), list[Delta]()
    call = made.new()
    call.add("{}", deltas)
    assert (deltas, made.nameless) == ([], True)
    made.read(call, item(), deltas, done=True)
    assert (deltas, made.nameless) == ([ToolCall(0, "call_1", "f"), ToolArguments(0, "{}")], False)


def test_what_contradicts_the_pieces_is_passed_over() -> None:
    call = Calls(CONTEXT).new()
    call.add('{"a": 1}', [])
    call.complete('{"b": 1, "c": 2}', [])
    call.complete("{", [])
    assert call.arguments == '{"a": 1}'


def test_a_stand_in_of_a_call_that_only_begins_is_no_argument() -> None:
    made, deltas = Calls(CONTEXT), list[Delta]()
    made.read(made.new(), item(arguments="{}"), deltas, done=False)
    assert deltas == [ToolCall(0, "call_1", "f")]


@pytest.mark.parametrize("told", ["", None, "call_0"])
def test_an_id_that_is_missing_or_was_given_away_is_replaced(told: Any) -> None:
    made, deltas = Calls(CONTEXT), list[Delta]()
    for _ in range(2):
        made.read(made.new(), item(call_id=told), deltas, done=True)
    assert [delta.id for delta in deltas if isinstance(delta, ToolCall)] == ["toolu_x1_0", "toolu_x1_1"]


def test_too_large_a_call_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "MAX_CALL_CHARACTERS", 3)
    call = Calls(CONTEXT).new()
    call.add("123", [])
    with pytest.raises(MalformedReply, match="more than 3 characters"):
        call.add("4", [])


USES = '{"tool_uses":[{"recipient_name":"functions.short","parameters":{"a":1}},{"recipient_name":"g"}]}'


def wrapped(arguments: str, context: ReplyContext = CONTEXT) -> list[Delta]:
    made, deltas = Calls(context), list[Delta]()
    made.read(made.new(), item("parallel", arguments=arguments), deltas, done=True)
    return [*deltas, *made.close()]


def test_a_wrapper_that_nobody_offered_is_opened() -> None:
    first = [ToolCall(1, "call_1_0", "long name"), ToolArguments(1, '{"a":1}')]
    assert wrapped(USES) == [*first, ToolCall(2, "call_1_1", "g"), ToolArguments(2, "{}")]


def test_a_wrapper_that_cannot_be_opened_is_a_call_of_its_own_name() -> None:
    assert wrapped('{"tool') == [ToolCall(1, "call_1", "parallel"), ToolArguments(1, '{"tool')]
    assert wrapped("") == [ToolCall(1, "call_1", "parallel")]


def test_a_tool_of_that_name_that_was_offered_is_none() -> None:
    offered = replace(CONTEXT, offered={"parallel": {}})
    assert wrapped(USES, offered) == [ToolCall(0, "call_1", "parallel"), ToolArguments(0, USES)]
