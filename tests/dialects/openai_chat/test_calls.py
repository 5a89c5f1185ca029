"""Fragments to calls: every table runs whole, byte by byte, event by event, and with another reply behind it."""

from dataclasses import replace
from typing import Any

import orjson
import pytest

from addon.dialects.openai_chat import calls as openai_chat_calls
from addon.dialects.openai_chat.calls import Calls
from addon.dialects.openai_chat.echo import CALLS as CARRIED
from addon.dialects.profiles import Echo
from addon.protocol.deltas import Carry, Delta, ToolArguments, ToolCall, Unread
from addon.protocol.errors import MalformedReply
from tests.chunks import CONTEXT, END, THREE_WAYS, Decode, call, calls, reading, sse

A, B = "call_a", "call_b"
CALLS: dict[str, tuple[list[Any], list[Delta]]] = {
    "in pieces": (
        [calls(call(0, A, "Bash", "")), calls(call(0, arguments='{"a"')), calls(call(0, arguments=":1}"))],
        [ToolCall(0, A, "Bash"), ToolArguments(0, '{"a"'), ToolArguments(0, ":1}")],
    ),
    "in many pieces, some of them empty": (
        [calls(call(0, A, "Bash", "{")), *(calls(call(0, None, None, x)) for x in ('"a"', ":", "", "1", "", "}"))],
        [ToolCall(0, A, "Bash"), *(ToolArguments(0, x) for x in ("{", '"a"', ":", "1", "}"))],
    ),
    "two by index": (
        [calls(call(0, A, "Bash", "{")), calls(call(1, B, "Read", "{")), calls(call(0, arguments="}"))],
        [
            ToolCall(0, A, "Bash"), ToolArguments(0, "{"), ToolCall(1, B, "Read"), ToolArguments(1, "{"),
            ToolArguments(0, "}"),
        ],
    ),
    "two in one chunk": (
        [calls(call(0, A, "Bash", "{}"), call(1, B, "Read", "{}"))],
        [ToolCall(0, A, "Bash"), ToolArguments(0, "{}"), ToolCall(1, B, "Read"), ToolArguments(1, "{}")],
    ),
    "two without an index, by their ids": (
        [calls(call(None, A, "Bash", "{}"), call(None, B, "Read", "{}"))],
        [ToolCall(0, A, "Bash"), ToolArguments(0, "{}"), ToolCall(1, B, "Read"), ToolArguments(1, "{}")],
    ),
    "two at the same index, by their ids": (
        [calls(call(0, A, "Bash", "{}")), calls(call(0, B, "Read", "{}"))],
        [ToolCall(0, A, "Bash"), ToolArguments(0, "{}"), ToolCall(1, B, "Read"), ToolArguments(1, "{}")],
    ),
    "two without index or id, by their names": (
        [calls(call(name="Bash", arguments="{}")), calls(call(name="Read", arguments="{}"))],
        [
            ToolCall(0, "toolu_x1_0", "Bash"), ToolArguments(0, "{}"), ToolCall(1, "toolu_x1_1", "Read"),
            ToolArguments(1, "{}"),
        ],
    ),
    "pieces without an index go to the latest": (
        [calls(call(None, A, "Bash", "{")), calls(call(arguments="}"))],
        [ToolCall(0, A, "Bash"), ToolArguments(0, "{"), ToolArguments(0, "}")],
    ),
    "pieces without an index go to the call of their id": (
        [calls(call(None, A, "Bash", "{")), calls(call(None, B, "Read", "{")), calls(call(None, A, None, "}"))],
        [
            ToolCall(0, A, "Bash"), ToolArguments(0, "{"), ToolCall(1, B, "Read"), ToolArguments(1, "{"),
            ToolArguments(0, "}"),
        ],
    ),
    "an id that comes twice is given away once": (
        [calls(call(0, A, "Bash", "{}")), calls(call(1, A, "Read", "{}"))],
        [ToolCall(0, A, "Bash"), ToolArguments(0, "{}"), ToolCall(1, "toolu_x1_1", "Read"), ToolArguments(1, "{}")],
    ),
    "no id": ([calls(call(0, name="Bash"))], [ToolCall(0, "toolu_x1_0", "Bash")]),
    "an empty id": ([calls(call(0, "", "Bash"))], [ToolCall(0, "toolu_x1_0", "Bash")]),
    "an id that is no text": ([calls(call(0, 7, "Bash"))], [ToolCall(0, "toolu_x1_0", "Bash")]),
    "the name comes late": (
        [calls(call(0, A, None, '{"a"')), calls(call(0, name="Bash", arguments=":1}"))],
        [ToolCall(0, A, "Bash"), ToolArguments(0, '{"a"'), ToolArguments(0, ":1}")],
    ),
    "the name comes again": (
        [calls(call(0, A, "Bash", "{")), calls(call(0, A, "Bash", "}"))],
        [ToolCall(0, A, "Bash"), ToolArguments(0, "{"), ToolArguments(0, "}")],
    ),
    "the name is null later": (
        [calls(call(0, A, "Bash")), calls({"index": 0, "id": None, "function": {"name": None, "arguments": "{}"}})],
        [ToolCall(0, A, "Bash"), ToolArguments(0, "{}")],
    ),
    "arguments as an object": (
        [calls(call(0, A, "Bash", {"a": 1}))],
        [ToolCall(0, A, "Bash"), ToolArguments(0, '{"a":1}')],
    ),
    "an empty piece": (
        [calls(call(0, A, "Bash", "{}")), calls(call(0, arguments=""))],
        [ToolCall(0, A, "Bash"), ToolArguments(0, "{}")],
    ),
    "pieces at one index go to the call of their id": (
        [calls(call(0, A, "Bash", "{")), calls(call(0, B, "Read", "{")), calls(call(0, A, None, "}"))],
        [
            ToolCall(0, A, "Bash"), ToolArguments(0, "{"), ToolCall(1, B, "Read"), ToolArguments(1, "{"),
            ToolArguments(0, "}"),
        ],
    ),
    "arguments absent": ([calls(call(0, A, "Bash"))], [ToolCall(0, A, "Bash")]),
    "a shortened name is turned back": ([calls(call(0, A, "short_1"))], [ToolCall(0, A, "mcp.long name")]),
    "an empty list": ([calls()], []),
    "no function yet": ([calls({"index": 0, "id": A}), calls(call(0, name="Bash"))], [ToolCall(0, A, "Bash")]),
    "arguments null": (
        [calls({"index": 0, "id": A, "function": {"name": "Bash", "arguments": None}})],
        [ToolCall(0, A, "Bash")],
    ),
    "arguments as an empty object": ([calls(call(0, A, "Bash", {}))], [ToolCall(0, A, "Bash")]),
    "arguments as an object, and the same again": (
        [calls(call(0, A, "Bash", {"a": 1})), calls(call(0, A, "Bash", {"a": 1}))],
        [ToolCall(0, A, "Bash"), ToolArguments(0, '{"a":1}')],
    ),
    "arguments in snapshots": (
        [calls(call(0, A, "Bash", '{"a')), calls(call(0, None, None, '{"a":')), calls(call(0, None, None, '{"a":1}'))],
        [ToolCall(0, A, "Bash"), ToolArguments(0, '{"a'), ToolArguments(0, '":'), ToolArguments(0, "1}")],
    ),
    "snapshots with the name in each": (
        [calls(call(name="Bash", arguments=text)) for text in ("{", '{"a', '{"a":1}', '{"a":1}')],
        [ToolCall(0, "toolu_x1_0", "Bash"), ToolArguments(0, "{"), ToolArguments(0, '"a'), ToolArguments(0, '":1}')],
    ),
    "snapshots before the name": (
        [calls(call(0, A, None, '{"a')), calls(call(0, A, None, '{"a":1}')), calls(call(0, A, "Bash", '{"a":1}'))],
        [ToolCall(0, A, "Bash"), ToolArguments(0, '{"a":1}')],
    ),
    "arguments in doubt to the end": (
        [calls(call(0, A, "Bash", '{"a":')), calls(call(0, None, None, '{"a":1}'))],
        [ToolCall(0, A, "Bash"), ToolArguments(0, '{"a":'), ToolArguments(0, "1}")],
    ),
    "arguments quoted": (
        [calls(call(0, A, "Bash", '"{\\"a\\"')), calls(call(0, None, None, ': 1}"'))],
        [ToolCall(0, A, "Bash"), ToolArguments(0, '{"a": 1}')],
    ),
    "arguments quoted and cut": (
        [calls(call(0, A, "Bash", '"{\\"a\\"'))],
        [ToolCall(0, A, "Bash"), ToolArguments(0, '{"a"')],
    ),
    "two at the same index, by their names": (
        [calls(call(0, "", "Bash", "{}")), calls(call(0, "", "Read", "{}"))],
        [
            ToolCall(0, "toolu_x1_0", "Bash"), ToolArguments(0, "{}"), ToolCall(1, "toolu_x1_1", "Read"),
            ToolArguments(1, "{}"),
        ],
    ),
    "two of one name at the same index, because the first is whole": (
        [calls(call(0, "", "Bash", '{"a":1}')), calls(call(0, "", "Bash", '{"a":2}'))],
        [
            ToolCall(0, "toolu_x1_0", "Bash"), ToolArguments(0, '{"a":1}'), ToolCall(1, "toolu_x1_1", "Bash"),
            ToolArguments(1, '{"a":2}'),
        ],
    ),
    "two of one name at the same index, the first in pieces without it": (
        [calls(call(0, "", "Bash", '{"a"')), calls(call(0, "", "", ":1}")), calls(call(0, "", "Bash", '{"a":2}'))],
        [
            ToolCall(0, "toolu_x1_0", "Bash"), ToolArguments(0, '{"a"'), ToolArguments(0, ":1}"),
            ToolCall(1, "toolu_x1_1", "Bash"), ToolArguments(1, '{"a":2}'),
        ],
    ),
    "two that are the same, in one chunk": (
        [calls(call(0, "", "Bash", "{}"), call(0, "", "Bash", "{}"))],
        [
            ToolCall(0, "toolu_x1_0", "Bash"), ToolArguments(0, "{}"), ToolCall(1, "toolu_x1_1", "Bash"),
            ToolArguments(1, "{}"),
        ],
    ),
    "two without arguments in one chunk": (
        [calls(call(name="Bash"), call(name="Bash"))],
        [ToolCall(0, "toolu_x1_0", "Bash"), ToolCall(1, "toolu_x1_1", "Bash")],
    ),
    "name and a new id in every piece": (
        [calls(call(0, A, "Bash", "{")), calls(call(0, B, "Bash", '"a"')), calls(call(0, "call_c", "Bash", ":1}"))],
        [ToolCall(0, A, "Bash"), ToolArguments(0, "{"), ToolArguments(0, '"a"'), ToolArguments(0, ":1}")],
    ),
    "the name in every piece, without index or id": (
        [calls(call(name="Bash", arguments=text)) for text in ("", "{", '"a"', ':"', '{}"}')],
        [
            ToolCall(0, "toolu_x1_0", "Bash"), ToolArguments(0, "{"), ToolArguments(0, '"a"'), ToolArguments(0, ':"'),
            ToolArguments(0, '{}"}'),
        ],
    ),
    "one id for all, without an index": (
        [calls(call(None, A, "Bash", "{}")), calls(call(None, A, "Read", "{")), calls(call(None, A, None, "}"))],
        [
            ToolCall(0, A, "Bash"), ToolArguments(0, "{}"), ToolCall(1, "toolu_x1_1", "Read"), ToolArguments(1, "{"),
            ToolArguments(1, "}"),
        ],
    ),
    "one id under two indexes, in pieces": (
        [
            calls(call(0, A, "Bash", "{")), calls(call(1, A, "Read", "{")), calls(call(0, A, None, "}")),
            calls(call(1, A, None, "}")),
        ],
        [
            ToolCall(0, A, "Bash"), ToolArguments(0, "{"), ToolCall(1, "toolu_x1_1", "Read"), ToolArguments(1, "{"),
            ToolArguments(0, "}"), ToolArguments(1, "}"),
        ],
    ),
    "the id comes late, and bears later pieces": (
        [
            calls(call(None, None, "Bash", "{")), calls(call(None, A, None, '"a":')),
            calls(call(None, B, "Read", "{}")), calls(call(None, A, None, "1}")),
        ],
        [
            ToolCall(0, "toolu_x1_0", "Bash"), ToolArguments(0, "{"), ToolArguments(0, '"a":'), ToolCall(1, B, "Read"),
            ToolArguments(1, "{}"), ToolArguments(0, "1}"),
        ],
    ),
    "an index that comes late": (
        [calls(call(None, A, "Bash", "{")), calls(call(0, None, None, "}"))],
        [ToolCall(0, A, "Bash"), ToolArguments(0, "{"), ToolArguments(0, "}")],
    ),
    "indexes that are text": (
        [calls(call("0", A, "Bash", "{")), calls(call("1", B, "Read", "{}")), calls(call("0", None, None, "}"))],
        [
            ToolCall(0, A, "Bash"), ToolArguments(0, "{"), ToolCall(1, B, "Read"), ToolArguments(1, "{}"),
            ToolArguments(0, "}"),
        ],
    ),
    "a name that is no text is none": (
        [calls(call(0, A, 5, "{")), calls(call(0, A, "Bash", "}"))],
        [ToolCall(0, A, "Bash"), ToolArguments(0, "{"), ToolArguments(0, "}")],
    ),
    "pieces in one chunk": (
        [calls(call(0, A, "Bash", ""), call(0, None, None, "{"), call(0, None, None, "}"))],
        [ToolCall(0, A, "Bash"), ToolArguments(0, "{"), ToolArguments(0, "}")],
    ),
    "what Gemini wants back is unread where nobody asked for it": (
        [calls({**call(0, A, "Bash", "{}"), "extra_content": {"google": {}}})],
        [Unread("tool_calls.extra_content"), ToolCall(0, A, "Bash"), ToolArguments(0, "{}")],
    ),
}  # fmt: skip


@THREE_WAYS
@pytest.mark.parametrize(("chunks", "expected"), CALLS.values(), ids=CALLS)
def test_calls_are_put_together(decode: Decode, chunks: list[Any], expected: list[Delta]) -> None:
    assert [*expected, END] == decode(sse(*chunks))


@THREE_WAYS
def test_an_id_of_an_earlier_turn_is_not_given_away_again(decode: Decode) -> None:
    pieces = [calls(call(None, A, "Bash", "{")), calls(call(None, B, "Read", "{}")), calls(call(None, A, None, "}"))]
    assert decode(sse(*pieces), replace(CONTEXT, call_ids={A})) == [
        ToolCall(0, "toolu_x1_0", "Bash"), ToolArguments(0, "{"), ToolCall(1, B, "Read"), ToolArguments(1, "{}"),
        ToolArguments(0, "}"), END,
    ]  # fmt: skip


SIGNATURE = {"google": {"thought_signature": "c2ln"}}


@THREE_WAYS
def test_what_gemini_wants_back_is_carried_with_the_calls_id(decode: Decode) -> None:
    signed = {**call(0, None, "Bash", "{}"), "extra_content": SIGNATURE}
    late = {**call(0, None, None, ""), "extra_content": SIGNATURE}
    stream = sse(calls(signed, call(1, B, "Read", "{")), calls(call(1, None, None, "}")), calls(late))
    assert decode(stream, reading(reasoning_echo=Echo.CALL_SIGNATURES)) == [
        Carry(CARRIED, {"toolu_x1_0": SIGNATURE}), ToolCall(0, "toolu_x1_0", "Bash"), ToolArguments(0, "{}"),
        ToolCall(1, B, "Read"), ToolArguments(1, "{"), ToolArguments(1, "}"),
        Carry(CARRIED, {"toolu_x1_0": SIGNATURE}), END,
    ]  # fmt: skip


def uses(*pairs: tuple[Any, Any]) -> str:
    return orjson.dumps(
        {"tool_uses": [{"recipient_name": name, "parameters": parameters} for name, parameters in pairs]}
    ).decode()


TWO = uses(("functions.Bash", {"command": "ls"}), ("short_1", None))
CUT, EMPTY = TWO[:-5], '{"tool_uses":[]}'
NO_NAME, NO_USES = uses(("functions.", {})), '{"a":1}'
WRAPPERS: dict[str, tuple[list[Any], list[Delta]]] = {
    "two inside": (
        [calls(call(0, A, "multi_tool_use.parallel", TWO[:20])), calls(call(0, None, None, TWO[20:]))],
        [
            ToolCall(1, A + "_0", "Bash"), ToolArguments(1, '{"command":"ls"}'),
            ToolCall(2, A + "_1", "mcp.long name"), ToolArguments(2, "{}"),
        ],
    ),
    "one inside keeps the id": (
        [calls(call(0, A, "parallel", uses(("functions.Bash", '{"a":1}'))))],
        [ToolCall(1, A, "Bash"), ToolArguments(1, '{"a":1}')],
    ),
    "beside another call": (
        [calls(call(0, A, "parallel", uses(("functions.Bash", {"a": 1}))), call(1, B, "Read", "{}"))],
        [ToolCall(1, B, "Read"), ToolArguments(1, "{}"), ToolCall(2, A, "Bash"), ToolArguments(2, '{"a":1}')],
    ),
    "the name comes late": (
        [calls(call(0, A, None, TWO[:9])), calls(call(0, A, "parallel", TWO[9:]))],
        [
            ToolCall(1, A + "_0", "Bash"), ToolArguments(1, '{"command":"ls"}'),
            ToolCall(2, A + "_1", "mcp.long name"), ToolArguments(2, "{}"),
        ],
    ),
    "cut": ([calls(call(0, A, "parallel", CUT))], [ToolCall(1, A, "parallel"), ToolArguments(1, CUT)]),
    "nothing inside": ([calls(call(0, A, "parallel", EMPTY))], [ToolCall(1, A, "parallel"), ToolArguments(1, EMPTY)]),
    "no name inside": (
        [calls(call(0, A, "parallel", NO_NAME))],
        [ToolCall(1, A, "parallel"), ToolArguments(1, NO_NAME)],
    ),
    "something else inside": (
        [calls(call(0, A, "parallel", NO_USES))],
        [ToolCall(1, A, "parallel"), ToolArguments(1, NO_USES)],
    ),
    "no arguments": ([calls(call(0, A, "parallel"))], [ToolCall(1, A, "parallel")]),
}  # fmt: skip


@THREE_WAYS
@pytest.mark.parametrize(("chunks", "expected"), WRAPPERS.values(), ids=WRAPPERS)
def test_a_wrapper_that_nobody_offered_becomes_the_calls_inside(
    decode: Decode, chunks: list[Any], expected: list[Delta]
) -> None:
    assert [*expected, END] == decode(sse(*chunks))


def test_a_tool_of_that_name_that_was_offered_is_a_tool() -> None:
    offered = replace(CONTEXT, offered={"parallel": {}})
    deltas: list[Delta] = []
    made = Calls(offered)
    made.read([call(0, A, "parallel", TWO)], deltas)
    assert deltas + made.close() == [ToolCall(0, A, "parallel"), ToolArguments(0, TWO)]


@pytest.mark.parametrize("name", [None, "parallel"])
def test_arguments_that_must_be_held_have_a_limit(monkeypatch: pytest.MonkeyPatch, name: str | None) -> None:
    monkeypatch.setattr(openai_chat_calls, "MAX_CALL_CHARACTERS", 10)
    made = Calls(CONTEXT)
    made.read([call(0, A, name, '{"a":')], [])
    with pytest.raises(MalformedReply, match="arguments of more than 10 characters"):
        made.read([call(0, A, name, '"012345"}')], [])
