"""Whatever schema a tool has, each style makes one that its backend takes, and that forbids nothing the tool allows."""

import json
from typing import Any

import jsonschema_rs
from hypothesis import assume, given
from hypothesis import strategies as st

from addon.dialects.profiles import SchemaStyle
from addon.dialects.schemas.json_schemas import MAPS, RULES
from addon.dialects.schemas.tool_schemas import for_reply, for_tool

type Json = dict[str, Any]

NAMES = st.sampled_from(["a", "b", "c"])
VALUES = st.sampled_from(["a", "b", "", 0, 1, 1.5, True, None])
TYPES = st.sampled_from(["string", "integer", "number", "boolean", "null", "object", "array"])
REFERENCES = st.sampled_from(["#/$defs/A", "#/$defs/B", "#/properties/a", "#", "#/$defs/none", "https://a.example/"])
COUNTS = st.integers(0, 3)
# keywords that every style can say, or leave out
SIMPLE: dict[str, st.SearchStrategy[Any]] = {
    "type": TYPES | st.lists(TYPES, min_size=1, max_size=3, unique=True),
    "enum": st.lists(VALUES, min_size=1, max_size=3),
    "const": VALUES,
    "description": st.just("Words."),
    "default": VALUES,
    "format": st.sampled_from(["uri", "date-time", "int64"]),
    "minLength": COUNTS,
    "pattern": st.sampled_from(["^a", "b$"]),
    "minimum": COUNTS,
    "exclusiveMaximum": COUNTS,
    "multipleOf": st.just(2),
    "maxItems": COUNTS,
    "uniqueItems": st.booleans(),
    "maxProperties": COUNTS,
    "required": st.lists(NAMES, max_size=2, unique=True),
    "additionalProperties": st.booleans(),
    "$comment": st.just("Nobody reads it."),
    "not": st.just({"const": "b"}),
}


def schemas(references: st.SearchStrategy[str]) -> st.SearchStrategy[Any]:
    """Schemas with most keywords of the drafts, inside each other."""

    def around(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
        holding: dict[str, st.SearchStrategy[Any]] = {
            "properties": st.dictionaries(NAMES, inner, max_size=3),
            "items": inner,
            "anyOf": st.lists(inner, min_size=1, max_size=3),
            "oneOf": st.lists(inner, min_size=1, max_size=2),
            "allOf": st.lists(inner, min_size=1, max_size=2),
            "$ref": references,
            "propertyNames": inner,
        }
        return st.fixed_dictionaries({}, optional={**SIMPLE, **holding})

    return st.recursive(st.fixed_dictionaries({}, optional=SIMPLE) | st.just(True), around, max_leaves=4)


@st.composite
def roots(draw: st.DrawFn) -> Json:
    """A tool's schema: an object with definitions that may lead to each other."""
    inner = schemas(REFERENCES)
    return {
        "type": "object",
        "properties": draw(st.dictionaries(NAMES, inner, max_size=3)),
        "required": draw(st.lists(NAMES, max_size=2, unique=True)),
        "$defs": {"A": draw(inner), "B": draw(inner)},
    }


GEMINI = frozenset(
    (
        "type", "format", "title", "description", "nullable", "enum", "items", "properties", "required", "anyOf",
        "minItems", "maxItems", "minLength", "maxLength", "minimum", "maximum", "minProperties", "maxProperties",
        "pattern", "default",
    )
)  # fmt: skip


def every_node(schema: Any) -> Any:
    """Yield each schema in a schema."""
    if isinstance(schema, dict):
        yield schema
        for key, value in schema.items():
            for inner in value.values() if key in MAPS and isinstance(value, dict) else [value]:
                if key not in ("enum", "const", "default"):
                    yield from every_node(inner)
    elif isinstance(schema, list):
        for inner in schema:
            yield from every_node(inner)


@given(roots(), st.booleans())
def test_gemini_is_told_nothing_but_its_own_words(root: Json, of_tool: bool) -> None:
    made, _ = (for_tool if of_tool else for_reply)(root, SchemaStyle.GEMINI)
    for node in every_node(made):
        assert node.keys() <= GEMINI
        assert node.keys() == {"anyOf"} or "anyOf" not in node
        assert isinstance(node.get("type"), str) or "anyOf" in node
        assert "items" in node or node.get("type") != "array"
        assert "enum" not in node or (node["type"] == "string" and all(node["enum"]))
        assert set(node.get("required", ())) <= set(node.get("properties", ()))
        assert node.get("properties", True)


@given(roots(), st.booleans())
def test_gemini_is_told_json_schema_in_the_part_that_it_heeds(root: Json, of_tool: bool) -> None:
    made, _ = (for_tool if of_tool else for_reply)(root, SchemaStyle.GEMINI_JSON)
    for node in every_node(made):
        assert node.keys() <= GEMINI - {"nullable"} | {"prefixItems", "additionalProperties"}
        kinds = node.get("type", [])
        assert isinstance(kinds, str) or kinds == [kinds[0], "null"] if "type" in node else node.keys() == {"anyOf"}
        assert {"items", "prefixItems"} & node.keys() or "array" not in kinds
        assert "enum" not in node or (node["type"] in ("string", "integer", "number") and "" not in node["enum"])
        assert set(node.get("required", ())) <= set(node.get("properties", ()))
        assert node.get("properties", True)


@given(roots())
def test_moonshot_is_told_nothing_that_it_refuses(root: Json) -> None:
    made, _ = for_tool(root, SchemaStyle.MFJS)
    assert made is not None
    assert made["type"] == "object"
    for node in every_node(made):
        assert not ("type" in node and "anyOf" in node)
        assert isinstance(node.get("type", ""), str)
        assert "$ref" not in node or (len(node) == 1 and node["$ref"].startswith("#"))
        assert isinstance(node.get("items", {}), dict)
        assert all(isinstance(inner, dict) for inner in node.get("properties", {}).values())
        assert set(node.get("required", ())) <= set(node.get("properties", ()))
        assert "$defs" not in node or node is made


@given(roots(), st.sampled_from(SchemaStyle))
def test_what_is_made_is_a_schema_and_the_same_each_time(root: Json, style: SchemaStyle) -> None:
    before = json.dumps(root)
    made, told = for_tool(root, style)
    assert json.dumps(root) == before
    assert for_tool(json.loads(before), style) == (made, told)
    jsonschema_rs.meta.validate(made or {})


PLAIN = schemas(st.just("#/$defs/A"))
THINGS = VALUES | st.dictionaries(NAMES, VALUES | st.lists(VALUES, max_size=2), max_size=2)
INSTANCES = st.dictionaries(NAMES, THINGS | st.lists(THINGS, max_size=2), max_size=3)


def in_json_schema(schema: Any) -> Any:
    """Say Gemini's nullable in JSON Schema's own words."""
    if isinstance(schema, list):
        return [in_json_schema(inner) for inner in schema]
    if not isinstance(schema, dict):
        return schema
    made = {key: in_json_schema(value) for key, value in schema.items() if key != "nullable"}
    return {"anyOf": [made, {"type": "null"}]} if schema.get("nullable") is True else made


def with_types(schema: Any) -> Any:
    """Say the type that rules speak of: where it is not said, it is guessed, and other types are forbidden then."""
    if isinstance(schema, list):
        return [with_types(inner) for inner in schema]
    if not isinstance(schema, dict):
        return schema
    made = {key: value if key in ("enum", "const", "default") else with_types(value) for key, value in schema.items()}
    kinds = [kind for kind, keys in RULES.items() if not keys.isdisjoint(schema)]
    return made if not kinds or {"type", "enum", "const"} & schema.keys() else {**made, "type": kinds[0]}


@given(
    PLAIN.map(with_types),
    PLAIN.map(with_types),
    INSTANCES,
    st.sampled_from([SchemaStyle.MFJS, SchemaStyle.MISTRAL, SchemaStyle.GEMINI, SchemaStyle.GEMINI_JSON]),
)
def test_what_the_tool_takes_is_never_forbidden(schema: Any, other: Any, instance: Json, style: SchemaStyle) -> None:
    root: Json = {"type": "object", "properties": {"a": schema}, "$defs": {"A": other}}
    try:
        takes = jsonschema_rs.Draft202012Validator(root).is_valid(instance)
    except (ValueError, jsonschema_rs.ReferencingError):  # a reference that leads only to itself
        takes = False
    assume(takes)
    made, _ = for_tool(root, style)
    assert jsonschema_rs.Draft202012Validator(in_json_schema(made or {})).is_valid(instance)


def rules(kind: str, **optional: st.SearchStrategy[Any]) -> st.SearchStrategy[Json]:
    return st.fixed_dictionaries({"type": st.just(kind)}, optional=optional)


def around_usual(inner: st.SearchStrategy[Json]) -> st.SearchStrategy[Json]:
    several = st.lists(inner, min_size=1, max_size=2)
    properties = st.dictionaries(NAMES, inner, min_size=1, max_size=3)
    return st.one_of(
        several.map(lambda branches: {"anyOf": branches}),
        rules("array", items=inner, maxItems=COUNTS),
        rules("array", prefixItems=several, items=st.just(False)),
        st.tuples(properties, st.booleans(), inner).map(
            lambda made: {
                "type": "object",
                "properties": made[0],
                "required": sorted(made[0])[:1],
                "additionalProperties": False if made[1] else made[2],
            }
        ),
    )


# schemas as tools have them, in which no two rules are about the same
USUAL = st.recursive(
    st.one_of(
        rules("string", minLength=COUNTS, pattern=st.just("^a")),
        rules("integer", minimum=COUNTS, exclusiveMaximum=COUNTS),
        rules("boolean"),
        st.just({"type": ["number", "null"]}),
        st.just({"$ref": "#/$defs/A"}),
        st.lists(VALUES, min_size=1, max_size=3, unique_by=json.dumps).map(lambda values: {"enum": values}),
        VALUES.map(lambda value: {"const": value}),
    ),
    around_usual,
    max_leaves=4,
)


@given(USUAL, USUAL, INSTANCES)
def test_what_gemini_may_write_the_tool_takes_where_nothing_is_told_as_lost(
    schema: Json, other: Json, instance: Json
) -> None:
    root: Json = {"type": "object", "properties": {"a": schema}, "$defs": {"A": other}}
    try:
        takes = jsonschema_rs.Draft202012Validator(root).is_valid(instance)
    except (ValueError, jsonschema_rs.ReferencingError):  # a reference that leads only to itself
        takes = False
    made, told = for_tool(root, SchemaStyle.GEMINI_JSON)
    assume(not told and jsonschema_rs.Draft202012Validator(made or {}).is_valid(instance))
    assert takes
