"""Fragments to calls: every table runs whole, byte by byte, event by event, and with another reply behind it."""

from typing import Any

import pytest

from addon.protocol.deltas import Delta, ToolArguments, ToolCall
from tests.chunks import END, THREE_WAYS, Decode, call, calls, sse

A, B = "call_a", "call_b"
CALLS: dict[str, tuple[list[Any], list[Delta]]] = {
    "in pieces": (
        [calls(call(0, A, "Bash", "")), calls(call(0, arguments='{"a"')), calls(call(0, arguments=":1}"))],
        [ToolCall(0, A, "Bash"), ToolArguments(0, '{"a"'), ToolArguments(0, ":1}")],
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
}  # fmt: skip


@THREE_WAYS
@pytest.mark.parametrize(("chunks", "expected"), CALLS.values(), ids=CALLS)
def test_calls_are_put_together(decode: Decode, chunks: list[Any], expected: list[Delta]) -> None:
    assert [*expected, END] == decode(sse(*chunks))
