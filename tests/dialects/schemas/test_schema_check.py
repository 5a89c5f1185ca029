"""Answers of a form that the backend was told in words."""

import contextlib
import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from addon.dialects.schemas import schema_check
from addon.dialects.schemas.schema_check import WAY_OUT, FormReader, candidates, validator
from addon.protocol.deltas import (
    Carry,
    Citation,
    Delta,
    End,
    Failure,
    Finish,
    Reasoning,
    Source,
    StopReason,
    Text,
    ToolArguments,
    ToolCall,
    Usage,
)
from addon.protocol.errors import BackendError, BadRequest, Kind, MalformedReply
from addon.protocol.messages import Json

TITLE: Json = {
    "type": "object",
    "properties": {"title": {"type": "string"}, "tags": {"type": "array", "items": {"type": "string"}}},
    "required": ["title"],
    "additionalProperties": False,
}
RAIN = '{"title": "Rain"}'
STOP, END = Finish(StopReason.END_TURN), End()


def read(*deltas: Delta, schema: Json = TITLE) -> list[Delta]:
    reader = FormReader(orjson.dumps(schema), "ollama/qwen3")
    return [told for delta in deltas for told in reader.read(delta)]


def failed(what: str) -> str:
    return f"ollama/qwen3 was told the schema of its answer in words, and {what}. {WAY_OUT}"


# what the model wrote -> what the client gets
GOOD: dict[str, tuple[str, str]] = {
    "nothing else": (RAIN, RAIN),
    "blanks around it": (f"\n\n {RAIN}\n", RAIN),
    "a fence": (f"```json\n{RAIN}\n```", RAIN),
    "a fence of no language": (f"```\n{RAIN}\n```\n", RAIN),
    "a fence with words around it": (f"Here it is:\n```json\n{RAIN}\n```\nI hope it helps.", RAIN),
    "words around it": (f"Here it is: {RAIN} I hope it helps.", RAIN),
    "braces in the words": (f"For {{you}} and {{me}}: {RAIN}", RAIN),
    "a brace in a string": ('So: {"title": "a } b"}!', '{"title": "a } b"}'),
    "a draft that does not fit": (f'First {{"name": "Rain"}}, then {RAIN}.', RAIN),
    "two fences": (f"```json\n{{}}\n```\n```json\n{RAIN}\n```", RAIN),
    "as it was written": (
        '{\n  "title": "R\\u0061in",\n  "tags": [ ]\n}',
        '{\n  "title": "R\\u0061in",\n  "tags": [ ]\n}',
    ),
}


@pytest.mark.parametrize(("text", "answer"), GOOD.values(), ids=GOOD)
def test_an_answer_that_fits_is_given_without_what_stands_around_it(text: str, answer: str) -> None:
    assert read(Text(text), STOP, END) == [STOP, Text(answer), END]
    assert read(*map(Text, text), STOP, END) == [STOP, Text(answer), END]


BAD: dict[str, tuple[str, str]] = {
    "another property": ('{"title": "a", "SECRET": 1}', "broke the rule additionalProperties"),
    "a property that is missing": ('{"tags": []}', "broke the rule required"),
    "another type": ('{"title": 5}', "broke the rule properties.title.type"),
    "another type, deep inside": ('{"title": "a", "tags": ["b", 5]}', "broke the rule properties.tags.items.type"),
    "no object": ("[1, 2]", "broke the rule type"),
    "words": ("I cannot do that.", "answered with no JSON"),
    "nothing": ("", "answered with no JSON"),
    "half of it": ('{"title": "Ra', "answered with no JSON"),
    "two of it": (f"{RAIN} or {RAIN}", "gave several answers of it"),
    "no number": ('{"title": NaN}', "answered with no JSON"),
    "single quotes": ("{'title': 'a'}", "answered with no JSON"),
}


@pytest.mark.parametrize(("text", "what"), BAD.values(), ids=BAD)
def test_one_that_does_not_is_an_error_before_any_content_and_quotes_none(text: str, what: str) -> None:
    first, failure, last = read(Text(text), STOP, END) if text else read(STOP, END)
    assert (first, last) == (STOP, END)
    assert isinstance(failure, Failure)
    assert isinstance(failure.error, BackendError)
    assert (failure.error.status, failure.error.kind) == (424, Kind.REFUSED)
    assert failure.error.message == failed(what)


CALL: list[Delta] = [ToolCall(0, "call_1", "Bash"), ToolArguments(0, "{}")]
THOUGHT = Reasoning("Hm.")
ODD = Text("Not JSON.")
SOURCE = Citation(Source("https://a.example/", "A"))
BROKEN = Failure(MalformedReply("It broke."))
PASSING: dict[str, tuple[list[Delta], list[Delta]]] = {
    "thinking passes at once": ([THOUGHT, Carry("a", []), Usage(1, 2)], [THOUGHT, Carry("a", []), Usage(1, 2)]),
    "thinking comes first": ([Text(RAIN), THOUGHT, STOP, END], [THOUGHT, STOP, Text(RAIN), END]),
    "text beside calls is no answer": ([ODD, *CALL, ODD, Finish(StopReason.TOOL_USE), END],
                                       [ODD, *CALL, ODD, Finish(StopReason.TOOL_USE), END]),
    "an answer that was cut": ([ODD, Finish(StopReason.MAX_TOKENS), END], [Finish(StopReason.MAX_TOKENS), ODD, END]),
    "the window's end": ([ODD, Finish(StopReason.CONTEXT_WINDOW), END], [Finish(StopReason.CONTEXT_WINDOW), ODD, END]),
    "a refusal": ([ODD, Finish(StopReason.REFUSAL), END], [Finish(StopReason.REFUSAL), ODD, END]),
    "a stop sequence": ([ODD, Finish(StopReason.STOP_SEQUENCE, "x"), END],
                        [Finish(StopReason.STOP_SEQUENCE, "x"), ODD, END]),
    "text behind the finish": ([Text(RAIN[:5]), STOP, Text(RAIN[5:]), END], [STOP, Text(RAIN), END]),
    "a reply without a finish": ([Text(RAIN), END], [END]),
    "a reply that failed": ([Text(RAIN), BROKEN, END], [BROKEN, END]),
    "a citation": ([Text(RAIN), SOURCE, STOP, END], [STOP, Text(RAIN), SOURCE, END]),
}  # fmt: skip


@pytest.mark.parametrize(("deltas", "expected"), PASSING.values(), ids=PASSING)
def test_what_else_a_reply_holds(deltas: list[Delta], expected: list[Delta]) -> None:
    told = read(*deltas)
    if deltas[1:2] == [BROKEN]:  # without a finish reason there is no answer to judge
        expected = [BROKEN, END]
    assert told == expected


def test_an_answer_is_not_kept_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schema_check, "MOST_CHARACTERS", 10)
    assert read(Text("x" * 10)) == []
    [failure] = read(Text("x" * 10), Text("x"))
    assert isinstance(failure, Failure)
    assert failure.error.message == failed("wrote more than 10 characters")


@pytest.mark.parametrize(
    ("schema", "path"),
    [
        ({"type": "nothing"}, "output_config.format.schema.type"),
        ({"properties": {"a": {"required": "a"}}}, "output_config.format.schema.properties.a.required"),
    ],
)
def test_a_schema_that_is_none_is_the_clients_mistake(schema: Json, path: str) -> None:
    with pytest.raises(BadRequest) as caught:
        validator(orjson.dumps(schema))
    assert (caught.value.status, caught.value.message) == (400, f"{path}: JSON schema is invalid.")


def test_a_schema_of_another_draft_is_read_as_one() -> None:
    schema = {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "items": [{"type": "string"}],
        "additionalItems": False,
    }
    check = validator(orjson.dumps(schema))
    assert (check(["a"]), check(["a", "b"])) == (None, "additionalItems")


@pytest.mark.parametrize("reference", ["https://a.example/schema.json", "#/$defs/none", "http://[half"])
def test_a_reference_that_leads_nowhere_is_not_fetched(reference: str) -> None:
    check = validator(orjson.dumps({"$ref": reference}))
    assert check({}) == "$ref, which leads nowhere"


@pytest.mark.parametrize(
    "schema", [{"$schema": 5}, {"$schema": "http://[half"}, json.loads('{"items":' * 200 + "{}" + "}" * 200)]
)
def test_a_schema_that_cannot_be_looked_at_is_invalid_or_checked(schema: Json) -> None:
    with contextlib.suppress(BadRequest):
        validator(orjson.dumps(schema))({})


def test_a_number_beyond_reckoning_fits_no_rule() -> None:
    assert validator(b'{"multipleOf": 0.5}')(10**400) is not None


def test_a_pattern_that_only_javascript_knows_is_not_checked() -> None:
    named = {"pattern": "(?<name>a)", "patternProperties": {"(?<name>a)": False, "^b": False}}
    check = validator(orjson.dumps({"properties": {"c": named}}))
    assert (check({"c": "x"}), check({"c": {"a": 1}})) == (None, None)
    assert check({"c": {"b": 1}}) == "properties.c.patternProperties"


def test_a_reference_that_goes_round_in_circles_ends() -> None:
    assert validator(b'{"$ref": "#"}')({}) == "$ref, which leads nowhere"


@pytest.mark.parametrize("text", ["{" * 100_000, '{"a":' * 100_000, "[" * 100_000, '{"a": "' * 10_000])
def test_a_text_that_never_ends_is_given_up(text: str) -> None:
    assert list(candidates(text)) == []


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=5,
)
PIECES = st.sampled_from(["```json\n", "```", "{", "}", '"', "Here: ", "\n", '{"title": "a"}'])


@given(st.lists(PIECES | VALUES.map(lambda value: orjson.dumps(value).decode()), max_size=5), st.data())
def test_whatever_is_written_an_answer_fits_or_there_is_none(pieces: list[str], data: st.DataObject) -> None:
    *_, last, end = read(*(Text(piece) for piece in pieces if piece), STOP, END)
    assert end == END
    if isinstance(last, Text):
        answer: Any = orjson.loads(last.text)
        assert isinstance(answer["title"], str)
        assert last.text in "".join(pieces)
    else:
        assert isinstance(last, Failure)
