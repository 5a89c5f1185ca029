"""Calls in text: every table runs whole, character by character, and with every cut in two."""

import json
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest

from addon.dialects.openai_chat import text_calls
from addon.dialects.openai_chat.text_call_forms import FORMS
from addon.dialects.openai_chat.text_calls import MOST_BLANKS, TextCalls, typed
from addon.protocol.deltas import Delta, Text, ToolArguments, ToolCall
from tests.chunks import CONTEXT

type Json = dict[str, Any]
type Told = list[str | tuple[str, Json]]

READ = {"properties": {"path": {"type": "string"}, "limit": {"type": "integer"}}}
OFFERING = replace(CONTEXT, offered={"Bash": {}, "Read": READ, "short_1": {}})


def told(deltas: Iterable[Delta]) -> Told:
    """Text as it is, neighbours joined; calls as name and arguments."""
    found: Told = []
    for delta in deltas:
        match delta:
            case Text(text):
                assert text
                if found and isinstance(found[-1], str):
                    found[-1] += text
                else:
                    found.append(text)
            case ToolCall(name=name):
                found.append((name, {}))
            case ToolArguments(json=text):
                found[-1] = (found[-1][0], json.loads(text))
            case _:
                raise AssertionError(delta)
    return found


def read(pieces: Iterable[str]) -> Told:
    parser = TextCalls(OFFERING)
    deltas = [delta for piece in pieces if piece for delta in parser.feed(piece)]
    return told([*deltas, *parser.close()])


def check_every_way(text: str, expected: Told) -> None:
    assert expected == read([text])
    assert expected == read(text)
    for at in range(len(text) + 1):
        assert expected == read([text[:at], text[at:]])


LS, PWD = ("Bash", {"command": "ls"}), ("Bash", {"command": "pwd"})
NAMED, OTHER = '{"name": "Bash", "arguments": {"command": "ls"}}', '{"name": "Bash", "parameters": {"command": "pwd"}}'
HERMES = f"<tool_call>\n{NAMED}\n</tool_call>"
FENCED = f"```json\n{OTHER}\n```"
ELSE = NAMED.replace("Bash", "Grep")
TEXTS: dict[str, tuple[str, Told]] = {
    "a call alone": (HERMES, [LS]),
    "text before it": (f"I look.\n\n{HERMES}", ["I look.\n\n", LS]),
    "text behind it": (f"{HERMES}\n\nDone. ", [LS, "Done. "]),
    "blanks around it": (f"\n {HERMES} \n", [LS]),
    "two of them": (f"{HERMES}\n{HERMES}", [LS, LS]),
    "two forms, and text between": (f"{HERMES} and\n{FENCED}\n", [LS, "and\n", PWD]),
    "two in one": (f"<tool_call>[{NAMED},{OTHER}]</tool_call>", [LS, PWD]),
    "the answer as a whole": (OTHER, [PWD]),
    "the answer as a whole, after blanks": (f"\n{OTHER}\n", [PWD]),
    "JSON that is only a part of the answer": (f"{OTHER} So.", [f"{OTHER} So."]),
    "JSON behind text": (f"See {OTHER}", [f"See {OTHER}"]),
    "JSON behind a call": (f"{HERMES}{OTHER}", [LS, OTHER]),
    "an answer in JSON": ('\n{"title": "A"}', ['\n{"title": "A"}']),
    "a tool that nobody offered": (f"A\n<tool_call>{ELSE}</tool_call>\n", [f"A\n<tool_call>{ELSE}</tool_call>\n"]),
    "one of two that nobody offered": (f"[TOOL_CALLS][{NAMED},{ELSE}]", [f"[TOOL_CALLS][{NAMED},{ELSE}]"]),
    "the same as a whole answer": (f"\n{ELSE}\n", [f"\n{ELSE}\n"]),
    "a name that was shortened": ('<function=short_1>{"a": 1}</function>', [("mcp.long name", {"a": 1})]),
    "a call that is none, then one": (f"<tool_call> is a tag.\n{HERMES}", ["<tool_call> is a tag.\n", LS]),
    "a broken call, then one": (
        f"<tool_call>{NAMED[:-1]}</tool_call>\n{HERMES}", [f"<tool_call>{NAMED[:-1]}</tool_call>\n", LS],
    ),
    "a call inside of a broken call": (
        f'<tool_call>{{"name": "Bash", "x": "<function=Bash>{{}}</function>"}} {HERMES}',
        ['<tool_call>{"name": "Bash", "x": "<function=Bash>{}</function>"} ', LS],
    ),
    "a cut call": (f"A {HERMES[:30]}", [f"A {HERMES[:30]}"]),
    "a cut call with a call inside": (
        f"<function=Bash><parameter=command>echo '{HERMES}'", [f"<function=Bash><parameter=command>echo '{HERMES}'"],
    ),
    "a mark alone": ("A [TOOL_CALLS]", ["A [TOOL_CALLS]"]),
    "the beginning of a mark": ("A [TOOL", ["A [TOOL"]),
    "what is nearly a mark": ("<tool_calls> [TOOL CALLS] ```jsonl", ["<tool_calls> [TOOL CALLS] ```jsonl"]),
    "the beginning of a mark alone": ("\n <too", ["\n <too"]),
    "a list in prose": ("[1] is first", ["[1] is first"]),
    "values that are typed": (
        "<tool_call><function=Read>\n<parameter=path>\n5\n</parameter>\n<parameter=limit>\n5\n</parameter>\n"
        "</function></tool_call>",
        [("Read", {"path": "5", "limit": 5})],
    ),
    "no text": ("", []),
    "blanks alone": ("\n\n", []),
}  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), TEXTS.values(), ids=TEXTS)
def test_calls_are_read_and_all_else_stays(text: str, expected: Told) -> None:
    check_every_way(text, expected)


@pytest.mark.parametrize("mark", FORMS)
def test_every_mark_may_stand_in_text_that_is_no_call(mark: str) -> None:
    check_every_way(f"The mark {mark} or {mark}{{}} or {mark}", [f"The mark {mark} or {mark}{{}} or {mark}"])


def test_calls_have_ids_and_keys_that_no_call_on_the_wire_has() -> None:
    parser = TextCalls(OFFERING)
    assert parser.feed(HERMES + FENCED) == [
        ToolCall(-1, "toolu_x1_t1", "Bash"), ToolArguments(-1, '{"command":"ls"}'),
        ToolCall(-2, "toolu_x1_t2", "Bash"), ToolArguments(-2, '{"command":"pwd"}'),
    ]  # fmt: skip
    assert parser.made == 2


def test_text_comes_as_soon_as_it_can() -> None:
    parser = TextCalls(OFFERING)
    steps: list[tuple[str, Told]] = [
        ("\n", []), ("Let me", ["\nLet me"]), (" see <", [" see "]), ("b> [", ["<b> "]), ("1]", ["[1]"]),
        ("```", []), ("json\n{", []), ('"a', []), ('b"', ['```json\n{"ab"']), (": 1}", [": 1}"]),
        ("<tool_call>", []), (NAMED, []), ("</tool_call>", [LS]), ("\n", []), ("So", ["So"]),
    ]  # fmt: skip
    assert [told(parser.feed(text)) for text, _ in steps] == [expected for _, expected in steps]


def test_what_is_interrupted_is_complete_or_no_call() -> None:
    parser = TextCalls(OFFERING)
    parser.feed(f"<tool_call>{NAMED}")
    assert told(parser.interrupt()) == [LS]
    assert told(parser.interrupt()) == []
    parser.feed(" A <tool_call>{")
    assert told(parser.interrupt()) == ["<tool_call>{"]
    assert told(parser.feed("}")) == ["}"]
    parser.feed("<function=")
    assert told(parser.feed(HERMES)) == ["<function=", LS]
    assert told(parser.close()) == []


def test_blanks_before_something_else_wait_for_text() -> None:
    parser = TextCalls(OFFERING)
    assert parser.feed("\n") + parser.interrupt() == []
    assert told(parser.feed("Hi")) == ["\nHi"]
    assert parser.close() == []


def test_blanks_without_end_are_not_held() -> None:
    many = "\n" * (MOST_BLANKS + 1)
    assert TextCalls(OFFERING).feed(many) == [Text(many)]
    assert told(TextCalls(OFFERING).feed(many + "<tool")) == [many]


def test_a_call_has_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_calls, "MAX_CALL_CHARACTERS", 40)
    assert read([HERMES]) == [HERMES]
    parser = TextCalls(OFFERING)
    assert parser.feed(HERMES[:40]) == []
    assert told([*parser.feed(HERMES[40:]), *parser.close()]) == [HERMES]


TYPED: dict[str, tuple[Any, str, Any]] = {
    "text": ({"type": "string"}, "5", "5"),
    "a whole number": ({"type": "integer"}, "5", 5),
    "a number": ({"type": "number"}, "5.5", 5.5),
    "a whole number for a number": ({"type": "number"}, "5", 5),
    "a fraction for a whole number": ({"type": "integer"}, "5.5", "5.5"),
    "a boolean": ({"type": "boolean"}, "true", True),
    "Python's boolean": ({"type": "boolean"}, "False\n", False),
    "a boolean for a number": ({"type": "integer"}, "true", "true"),
    "an array": ({"type": "array"}, '["a", 1]', ["a", 1]),
    "an object": ({"type": "object"}, '{"a": 1}', {"a": 1}),
    "null": ({"type": ["string", "null"]}, "null", None),
    "a number that may be text": ({"type": ["string", "null"]}, "5", "5"),
    "one of several": ({"anyOf": [{"type": "string"}, {"oneOf": [{"type": "array"}]}]}, "[1]", [1]),
    "no JSON": ({"type": "integer"}, "five", "five"),
    "no type": ({"enum": ["5"]}, "5", "5"),
    "a type that nobody knows": ({"type": "date"}, "5", "5"),
    "a schema that is none": (True, "5", "5"),
}


@pytest.mark.parametrize(("schema", "text", "expected"), TYPED.values(), ids=TYPED)
def test_bare_values_become_what_the_tool_wants(schema: Any, text: str, expected: Any) -> None:
    value = typed({"a": text}, {"properties": {"a": schema}})["a"]
    assert (type(value), value) == (type(expected), expected)


def test_a_value_that_the_tool_does_not_know_is_text() -> None:
    assert typed({"b": "5"}, {"properties": {"a": {"type": "integer"}}}) == {"b": "5"}
    assert typed({"b": "5"}, {}) == typed({"b": "5"}, {"properties": None}) == {"b": "5"}


LENIENT = {
    "line breaks": ('{"a": "b\nc"}', {"a": "b\nc"}),
    "half an emoji": ('{"a": "\\ud83d"}', {"a": "\ufffd"}),
    "no number": ('{"a": "\n", "b": 1e999}', {"a": "\n", "b": None}),
}


@pytest.mark.parametrize(("arguments", "expected"), LENIENT.values(), ids=LENIENT)
def test_arguments_are_read_as_leniently_as_a_reply(arguments: str, expected: Json) -> None:
    assert read([f'<tool_call>{{"name": "Bash", "arguments": {arguments}}}</tool_call>']) == [("Bash", expected)]


@pytest.mark.parametrize("levels", [300, 2_000, 200_000])
def test_a_call_that_is_nested_beyond_reason_stays_text(levels: int) -> None:
    text = f'<tool_call>{{"name": "Bash", "arguments": {{"a": {"[" * levels}{"]" * levels}}}}}</tool_call>'
    assert read([text]) == [text]
