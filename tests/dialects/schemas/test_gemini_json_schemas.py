"""JSON Schema in the part that Gemini heeds."""

from typing import Any

import pytest

from addon.dialects.schemas.gemini_json_schemas import JsonWriter, said
from addon.dialects.schemas.gemini_schemas import TOO_MUCH
from addon.protocol.messages import Json

STRING: Json = {"type": "string"}
NULL: Json = {"type": "null"}
ANYTHING: Json = {"anyOf": [*JsonWriter.anything]}
# (what stands under a property, what Gemini is told, what is lost)
CASES: dict[str, tuple[Any, Json, set[str]]] = {
    "a constant is an enum of one, of its own type": ({"const": "a"}, {"type": "string", "enum": ["a"]}, set()),
    "a number too": ({"const": 1}, {"type": "integer", "enum": [1]}, set()),
    "numbers are an enum of numbers": ({"enum": [1, 2, 1]}, {"type": "integer", "enum": [1, 2]}, set()),
    "numbers with a point": ({"type": "number", "enum": [1, 1.5]}, {"type": "number", "enum": [1, 1.5]}, set()),
    "a truth value is said in words": (
        {"const": True},
        {"type": "boolean", "description": "One of True."},
        {"enum"},
    ),
    "an empty text is said in words": (
        {"enum": ["a", ""]},
        {"type": "string", "description": "One of 'a', ''."},
        {"enum"},
    ),
    "texts and numbers": (
        {"enum": ["a", 1]},
        {"anyOf": [{"type": "string", "enum": ["a"]}, {"type": "integer", "enum": [1]}]},
        set(),
    ),
    "null is a type": (
        {"type": ["string", "null"], "minLength": 1},
        {"type": ["string", "null"], "minLength": 1},
        set(),
    ),
    "null in OpenAPI's word": ({"type": "string", "nullable": True}, {"type": ["string", "null"]}, set()),
    "null is no word of an enum": (
        {"enum": ["a", None]},
        {"anyOf": [{"type": "string", "enum": ["a"]}, NULL]},
        set(),
    ),
    "null beside several types": (
        {"anyOf": [STRING, {"type": "integer"}, NULL]},
        {"anyOf": [STRING, {"type": "integer"}, NULL]},
        set(),
    ),
    "oneOf is anyOf": ({"oneOf": [STRING, {"type": "integer"}]}, {"anyOf": [STRING, {"type": "integer"}]}, set()),
    "a closed object": (
        {"type": "object", "properties": {"a": STRING}, "additionalProperties": False},
        {"type": "object", "properties": {"a": STRING}, "additionalProperties": False},
        set(),
    ),
    "an object of a form": (
        {"type": "object", "additionalProperties": {"const": 1}},
        {"type": "object", "additionalProperties": {"type": "integer", "enum": [1]}},
        set(),
    ),
    "what a pattern allows is not forbidden": (
        {"type": "object", "patternProperties": {"^a": STRING}, "additionalProperties": False},
        {"type": "object"},
        {"patternProperties"},
    ),
    "places": (
        {"type": "array", "prefixItems": [STRING, True], "items": {"type": "integer"}},
        {"type": "array", "prefixItems": [STRING, ANYTHING], "items": {"type": "integer"}},
        set(),
    ),
    "places and nothing behind them": (
        {"type": "array", "prefixItems": [STRING, STRING], "items": False, "maxItems": 5},
        {"type": "array", "prefixItems": [STRING, STRING], "maxItems": 2},
        set(),
    ),
    "places of an older draft": (
        {"type": "array", "items": [STRING], "additionalItems": {"type": "integer"}},
        {"type": "array", "prefixItems": [STRING], "items": {"type": "integer"}},
        set(),
    ),
    "a list of anything": ({"type": "array"}, {"type": "array", "items": ANYTHING}, set()),
    "anything": ({}, ANYTHING, set()),
    "names and notes": ({"type": "string", "$schema": "x", "$id": "y", "$comment": "z"}, STRING, set()),
    "rules that it does not know": (
        {"type": "number", "multipleOf": 2, "exclusiveMinimum": 1, "not": {}},
        {"type": "number"},
        {"multipleOf", "exclusiveMinimum", "not"},
    ),
    "whole numbers have no bounds that are left out": (
        {"type": "integer", "exclusiveMinimum": 1},
        {"type": "integer", "minimum": 2},
        set(),
    ),
    "a reference is written out": ({"$ref": "#/$defs/A", "description": "D."}, {**STRING, "description": "D."}, set()),
    "a reference that leads to itself": (
        {"$ref": "#/$defs/B"},
        {"type": "object", "properties": {"b": {"type": "object"}}},
        {"$ref"},
    ),
}


@pytest.mark.parametrize(("schema", "expected", "lost"), CASES.values(), ids=CASES)
def test_a_schema_is_said_in_the_words_that_are_heeded(schema: Any, expected: Json, lost: set[str]) -> None:
    definitions = {"A": STRING, "B": {"type": "object", "properties": {"b": {"$ref": "#/$defs/B"}}}}
    told: set[str] = set()
    made = said({"type": "object", "properties": {"p": schema}, "$defs": definitions}, told)
    assert made == {"type": "object", "properties": {"p": expected}}
    assert told == lost


def test_what_is_nested_too_deep_is_cut_and_told() -> None:
    schema: Json = STRING
    for _ in range(60):
        schema = {"type": "array", "items": schema}
    lost: set[str] = set()
    said({"type": "object", "properties": {"p": schema}}, lost)
    assert TOO_MUCH in lost
