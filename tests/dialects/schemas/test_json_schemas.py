"""Schemas taken apart: references, types, what two of them both allow."""

from typing import Any

import pytest

from addon.dialects.schemas.json_schemas import at, by_type, complete, listed_schemas, merged, rebuilt, type_of
from addon.protocol.messages import Json


def test_every_schema_inside_is_visited_and_nothing_else() -> None:
    schema = {
        "properties": {"type": {"a": 1}},
        "anyOf": [{"b": 1}],
        "items": {"c": 1},
        "enum": [{"d": 1}],
        "default": {"e": 1},
        "additionalProperties": False,
        "$defs": 5,
    }
    assert rebuilt(schema, lambda inner: [inner]) == {
        **schema, "properties": {"type": [{"a": 1}]}, "anyOf": [[{"b": 1}]], "items": [{"c": 1}],
    }  # fmt: skip
    assert rebuilt({"items": [{}, True]}, type) == {"items": [dict, bool]}


ROOT: Json = {"$defs": {"a/b~": {"type": "string"}, "list": []}, "properties": {"x": {"minimum": 1}}}


@pytest.mark.parametrize(
    ("reference", "found"),
    [
        ("#", ROOT),
        ("#/$defs/a~1b~0", {"type": "string"}),
        ("#/properties/x", {"minimum": 1}),
        ("#/$defs/list", None),
        ("#/$defs/list/0", None),
        ("#/$defs/none", None),
        ("https://a.example/schema#/$defs/x", None),
        (5, None),
    ],
)
def test_a_reference_is_followed_within_its_document(reference: object, found: Json | None) -> None:
    assert at(ROOT, reference) == found


@pytest.mark.parametrize(
    ("value", "kind"),
    [(True, "boolean"), (1, "integer"), (1.5, "number"), ("", "string"), (None, "null"), ([], "array"), ({}, "object")],
)
def test_the_type_of_a_value(value: object, kind: str) -> None:
    assert type_of(value) == kind


ENUM = {"enum": ["a", 1, 2.5, None, True]}
SPLIT: dict[str, tuple[Json, list[Json]]] = {
    "one type": ({"type": "string", "minLength": 1, "minimum": 1, "title": "T"}, [{"type": "string", "minLength": 1}]),
    "several": (
        {"type": ["array", "integer", "null", "file"], "items": {}, "minimum": 1},
        [{"type": "array", "items": {}}, {"type": "integer", "minimum": 1}, {"type": "null"}],
    ),
    "values of several types": (
        ENUM,
        [
            {"type": "string", "enum": ["a"]},
            {"type": "integer", "enum": [1]},
            {"type": "number", "enum": [1, 2.5]},
            {"type": "null"},
            {"type": "boolean", "enum": [True]},
        ],
    ),
    "values beside a type": ({"type": ["string", "object"], **ENUM}, [{"type": "string", "enum": ["a"]}]),
    "a constant": ({"const": 5}, [{"type": "integer", "enum": [5]}]),
    "null alone": ({"const": None}, [{"type": "null"}]),
    "no value fits": ({"type": "object", **ENUM}, [{}]),
    "OpenAPI's null": ({"type": "string", "nullable": True}, [{"type": "string"}, {"type": "null"}]),
    "guessed": ({"properties": {}}, [{"type": "object", "properties": {}}]),
    "a number is guessed": ({"minimum": 1}, [{"type": "number", "minimum": 1}]),
    "nothing to guess from": ({"description": "Anything."}, [{}]),
    "no types": ({"type": 5, "enum": []}, [{}]),
}


@pytest.mark.parametrize(("schema", "parts"), SPLIT.values(), ids=SPLIT)
def test_a_schema_is_split_by_type(schema: Json, parts: list[Json]) -> None:
    assert by_type(schema) == parts


A: Json = {"type": "object", "properties": {"a": {"type": "string"}, "b": True}, "required": ["a"]}
B: Json = {"properties": {"a": {"pattern": "x"}, "b": {"type": "null"}, "c": {}}, "required": ["c", "a"]}
MERGED: dict[str, tuple[Json, Json, Json, set[str]]] = {
    "properties and required": (
        A,
        B,
        {
            "type": "object",
            "properties": {"a": {"type": "string", "pattern": "x"}, "b": {"type": "null"}, "c": {}},
            "required": ["a", "c"],
        },
        set(),
    ),
    "types": ({"type": ["string", "null"]}, {"type": "string"}, {"type": "string"}, set()),
    "types in common": (
        {"type": ["string", "null", "array"]}, {"type": ["null", "string"]}, {"type": ["string", "null"]}, set(),
    ),
    "types without anything in common": ({"type": "string"}, {"type": "array"}, {"type": "string"}, set()),
    "values": ({"enum": [1, 2, 3]}, {"enum": [3, 2, 5]}, {"enum": [2, 3]}, set()),
    "values without anything in common": ({"enum": [1]}, {"enum": [2]}, {"enum": [1]}, set()),
    "words": ({"description": "A."}, {"description": "B."}, {"description": "A. B."}, set()),
    "the same words": ({"description": "A."}, {"description": "A."}, {"description": "A."}, set()),
    "a title": ({"title": "A"}, {"title": "B"}, {"title": "A"}, set()),
    "rules that cannot be both": (
        {"pattern": "a", "minimum": 1}, {"pattern": "b", "minimum": 1}, {"pattern": "a", "minimum": 1}, {"pattern"},
    ),
    "what is no schema": ({"properties": 5, "required": 5}, A, {**A, "properties": 5, "required": 5},
                          {"properties", "required"}),
}  # fmt: skip


@pytest.mark.parametrize(("one", "other", "both", "lost"), MERGED.values(), ids=MERGED)
def test_what_two_schemas_both_demand(one: Json, other: Json, both: Json, lost: set[str]) -> None:
    told: set[str] = set()
    before = repr((one, other))
    assert (merged(one, other, told), told) == (both, lost)
    assert repr((one, other)) == before


def test_schemas_that_are_nested_deep_are_joined_to_a_depth() -> None:
    def nested(leaf: Json) -> Json:
        for _ in range(300):
            leaf = {"properties": {"a": leaf}}
        return leaf

    lost: set[str] = set()
    assert merged(nested({"type": "string"}), nested({"type": "null"}), lost) == nested({"type": "string"})
    assert lost == {"properties"}


@pytest.mark.parametrize(
    ("value", "schemas"), [([{"a": 1}, True, False, 5], [{"a": 1}, {}]), (None, []), ({"a": {}}, [])]
)
def test_what_is_no_schema_is_left_out_of_a_list(value: Any, schemas: list[Json]) -> None:
    assert list(listed_schemas(value)) == schemas


@pytest.mark.parametrize(
    ("schema", "whole"),
    [
        (A, A),
        ({"required": ["a", "a", 5]}, {"required": ["a", "a", 5], "properties": {"a": {}}}),
        ({**A, "required": ["c"]}, {**A, "required": ["c"], "properties": {**A["properties"], "c": {}}}),
        ({"required": 5}, {"required": 5}),
        ({"properties": 5, "required": ["a"]}, {"properties": {"a": {}}, "required": ["a"]}),
    ],
)
def test_every_required_property_is_there(schema: Json, whole: Json) -> None:
    assert complete(schema) == whole
