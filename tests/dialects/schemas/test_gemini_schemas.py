"""JSON Schema in Gemini's words."""

from typing import Any

import pytest

from addon.dialects.schemas.gemini_schemas import ANYTHING, TOO_MUCH, said
from addon.protocol.messages import Json

STRING: Json = {"type": "string"}
# (what stands under a property, what Gemini is told, what is lost)
CASES: dict[str, tuple[Any, Json, set[str]]] = {
    "rules that it knows": (
        {"type": "string", "minLength": 1, "maxLength": 5, "pattern": "^a", "title": "T", "description": "D."},
        {"type": "string", "minLength": 1, "maxLength": 5, "pattern": "^a", "title": "T", "description": "D."},
        set(),
    ),
    "names and notes": (
        {"type": "string", "$schema": "x", "$id": "y", "$comment": "z", "examples": ["a"], "readOnly": True},
        STRING,
        set(),
    ),
    "rules that it does not know": (
        {"type": "array", "items": STRING, "uniqueItems": True, "contains": {}, "not": {}, "if": {}},
        {"type": "array", "items": STRING},
        {"uniqueItems", "contains", "not", "if"},
    ),
    "a rule of another type says nothing": ({"type": "string", "minimum": 5}, STRING, set()),
    "a rule of a wrong type": ({"type": "string", "minLength": "5"}, STRING, {"minLength"}),
    "may be null": ({"type": ["string", "null"], "minLength": 1},
                    {"type": "string", "minLength": 1, "nullable": True}, set()),
    "several types": (
        {"type": ["string", "integer"], "description": "D."},
        {"anyOf": [{"type": "string", "description": "D."}, {"type": "integer"}]},
        set(),
    ),
    "several types or null": (
        {"type": ["string", "integer", "null"]},
        {"anyOf": [{"type": "string", "nullable": True}, {"type": "integer", "nullable": True}]},
        set(),
    ),
    "anyOf with null": (
        {"anyOf": [{"type": "integer", "minimum": 1, "description": "E."}, {"type": "null"}], "description": "D.",
         "default": None},
        {"type": "integer", "minimum": 1, "description": "D. E.", "nullable": True},
        set(),
    ),
    "a default": ({"type": "integer", "default": 5}, {"type": "integer", "default": 5}, set()),
    "nothing stands beside anyOf": (
        {"anyOf": [STRING, {"type": "array", "items": STRING}], "description": "D.", "title": "T", "default": "a"},
        {"anyOf": [{"type": "string", "description": "D."}, {"type": "array", "items": STRING}]},
        set(),
    ),
    "what stands beside anyOf goes into its branches": (
        {"type": "object", "properties": {"a": STRING, "b": STRING},
         "anyOf": [{"required": ["a"]}, {"required": ["b"], "properties": {"b": {"minLength": 1}}}]},
        {"anyOf": [
            {"type": "object", "properties": {"a": STRING, "b": STRING}, "required": ["a"]},
            {"type": "object", "properties": {"a": STRING, "b": {"type": "string", "minLength": 1}},
             "required": ["b"]},
        ]},
        set(),
    ),
    "anyOf in anyOf": (
        {"anyOf": [{"anyOf": [STRING, {"type": "integer"}]}, {"type": "boolean"}]},
        {"anyOf": [STRING, {"type": "integer"}, {"type": "boolean"}]},
        set(),
    ),
    "oneOf": ({"oneOf": [STRING, {"type": "integer"}]}, {"anyOf": [STRING, {"type": "integer"}]}, set()),
    "both": ({"anyOf": [STRING], "oneOf": [{"type": "integer"}]}, STRING, {"oneOf"}),
    "anyOf without a schema": ({"anyOf": [False], "type": "string"}, STRING, set()),
    "allOf": (
        {"type": "string", "allOf": [{"minLength": 1}, {"pattern": "a"}, {"pattern": "b"}]},
        {"type": "string", "minLength": 1, "pattern": "a"},
        {"pattern"},
    ),
    "a constant": ({"const": "a", "description": "D."}, {"type": "string", "enum": ["a"], "description": "D."}, set()),
    "constants": ({"anyOf": [{"const": "a"}, {"const": "b"}, {"enum": ["b", "c"]}]},
                  {"type": "string", "enum": ["a", "b", "c"]}, set()),
    "constants with words of their own": (
        {"oneOf": [{"const": "a", "description": "A."}, {"const": "b"}]},
        {"anyOf": [{"type": "string", "enum": ["a"], "description": "A."}, {"type": "string", "enum": ["b"]}]},
        set(),
    ),
    "values that are twice there": ({"enum": ["a", "a"]}, {"type": "string", "enum": ["a"]}, set()),
    "numbers keep their type": (
        {"type": "integer", "enum": [0, 1], "description": "D."},
        {"type": "integer", "description": "D. One of 0, 1."},
        {"enum"},
    ),
    "an empty text among values": ({"enum": ["", "a"]}, {"type": "string", "description": "One of '', 'a'."}, {"enum"}),
    "true": ({"const": True}, {"type": "boolean", "description": "One of True."}, {"enum"}),
    "values or null": ({"enum": ["a", None]}, {"type": "string", "enum": ["a"], "nullable": True}, set()),
    "null alone": ({"type": "null"}, {"type": "string", "nullable": True}, set()),
    "formats": (
        {"type": "object", "properties": {"a": {"type": "string", "format": "uri"},
         "b": {"type": "string", "format": "date-time"}, "c": {"type": "integer", "format": "int64"}}},
        {"type": "object", "properties": {"a": STRING, "b": {"type": "string", "format": "date-time"},
         "c": {"type": "integer", "format": "int64"}}},
        set(),
    ),
    "bounds of whole numbers": (
        {"type": "integer", "exclusiveMinimum": 0, "exclusiveMaximum": 10},
        {"type": "integer", "minimum": 1, "maximum": 9},
        set(),
    ),
    "open bounds of numbers": ({"type": "number", "exclusiveMinimum": 0}, {"type": "number"}, {"exclusiveMinimum"}),
    "draft 4's bounds": ({"type": "integer", "minimum": 0, "exclusiveMinimum": True},
                         {"type": "integer", "minimum": 0}, {"exclusiveMinimum"}),
    "anything": ({"description": "Any."}, {"anyOf": [{**ANYTHING[0], "description": "Any."}, *ANYTHING[1:]]}, set()),
    "true for a schema": (True, {"anyOf": [*ANYTHING]}, set()),
    "a closed object": ({"type": "object", "additionalProperties": False, "unevaluatedProperties": False},
                        {"type": "object"}, set()),
    "a map": ({"type": "object", "additionalProperties": STRING, "propertyNames": {"pattern": "a"}},
              {"type": "object"}, {"additionalProperties", "propertyNames"}),
    "a property that is required and not there": (
        {"type": "object", "properties": {"a": STRING}, "required": ["b", "a", "b"]},
        {"type": "object", "properties": {"a": STRING, "b": {"anyOf": [*ANYTHING]}}, "required": ["b", "a"]},
        set(),
    ),
    "a property that may not be": ({"type": "object", "properties": {"a": False, "b": STRING}, "required": ["a"]},
                                   {"type": "object", "properties": {"b": STRING}}, set()),
    "properties that are none": ({"type": "object", "properties": 5, "required": 5}, {"type": "object"}, set()),
    "an array without items": ({"type": "array", "minItems": 1},
                               {"type": "array", "minItems": 1, "items": {"anyOf": [*ANYTHING]}}, set()),
    "places": ({"prefixItems": [STRING, {"type": "integer"}], "items": False},
               {"type": "array", "items": {"anyOf": [STRING, {"type": "integer"}]}}, {"prefixItems"}),
    "places of old": ({"items": [STRING, STRING], "additionalItems": False},
                      {"type": "array", "items": {"anyOf": [STRING, STRING]}}, {"prefixItems"}),
}  # fmt: skip


@pytest.mark.parametrize(("schema", "expected", "lost"), CASES.values(), ids=CASES)
def test_a_schema_in_its_words(schema: Any, expected: Json, lost: set[str]) -> None:
    told: set[str] = set()
    root = {"type": "object", "properties": {"p": schema}}
    before = repr(root)
    made = said(root, told)
    assert (made["properties"]["p"], told) == (expected, lost)
    assert repr(root) == before


TREE = {"type": "object", "properties": {"name": STRING, "next": {"$ref": "#/$defs/tree"}}}
REFERENCES: dict[str, tuple[Json, Json, set[str]]] = {
    "is written out": ({"$ref": "#/$defs/text", "description": "D."},
                       {"type": "string", "maxLength": 5, "description": "D. Text."}, set()),
    "leads on": ({"$ref": "#/$defs/alias"}, {"type": "string", "maxLength": 5, "description": "Text."}, set()),
    "stops where it comes back": (
        {"$ref": "#/$defs/tree"},
        {"type": "object", "properties": {"name": STRING, "next": {"type": "object"}}},
        {"$ref"},
    ),
    "stops at once": ({"$ref": "#/$defs/self"}, {"anyOf": [*ANYTHING]}, {"$ref"}),
    "leads nowhere": ({"$ref": "#/$defs/none", "type": "string"}, STRING, {"$ref"}),
    "in a branch": ({"anyOf": [{"$ref": "#/$defs/text"}, {"type": "null"}]},
                    {"type": "string", "maxLength": 5, "description": "Text.", "nullable": True}, set()),
    "among what all must be": ({"allOf": [{"$ref": "#/$defs/text"}], "minLength": 1},
                               {"type": "string", "minLength": 1, "maxLength": 5, "description": "Text."}, set()),
}  # fmt: skip


@pytest.mark.parametrize(("schema", "expected", "lost"), REFERENCES.values(), ids=REFERENCES)
def test_a_reference(schema: Json, expected: Json, lost: set[str]) -> None:
    definitions = {
        "text": {"type": "string", "maxLength": 5, "description": "Text."},
        "alias": {"$ref": "#/$defs/text"},
        "tree": TREE,
        "self": {"$ref": "#/$defs/self"},
    }
    told: set[str] = set()
    made = said({"type": "object", "properties": {"p": schema}, "$defs": definitions}, told)
    assert (made["properties"]["p"], told) == (expected, lost)


def count(schema: Any) -> int:
    inner = schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else ()
    return 1 + sum(map(count, inner))


def doubling(key: str) -> Json:
    """Each definition holds the next one twice."""
    definitions: Json = {f"d{number}": {key: [{"$ref": f"#/$defs/d{number + 1}"}] * 2} for number in range(40)}
    return {"type": "object", "properties": {"p": {"$ref": "#/$defs/d0"}}, "$defs": {**definitions, "d40": STRING}}


@pytest.mark.parametrize("key", ["anyOf", "allOf", "prefixItems"])
def test_references_that_double_at_each_step_end(key: str) -> None:
    told: set[str] = set()
    assert count(said(doubling(key), told)) < 20_000
    assert told


@pytest.mark.parametrize("wrap", [lambda inner: {"properties": {"a": inner}}, lambda inner: {"anyOf": [inner, STRING]}])
def test_what_is_nested_too_deep_is_said_to_be(wrap: Any) -> None:
    schema: Json = STRING
    for _ in range(400):
        schema = wrap(schema)
    told: set[str] = set()
    said({"type": "object", "properties": {"p": schema}}, told)
    assert TOO_MUCH in told
