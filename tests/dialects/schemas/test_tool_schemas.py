"""What each style makes of the schema of a tool, and of a reply."""

import json
from pathlib import Path

import jsonschema_rs
import pytest

from addon.dialects.profiles import SchemaStyle
from addon.dialects.schemas.tool_schemas import for_reply, for_tool
from addon.protocol.errors import TooDeep
from addon.protocol.messages import Json
from tests.translating import aimed, bare, lost, translated

TOOLS: list[Json] = json.loads((Path(__file__).parent / "claude_code_tools.json").read_text(encoding="utf-8"))
STRUCTURED: Json = {  # what the client makes of --json-schema
    "$schema": "http://json-schema.org/draft-07/schema#",
    "type": "object",
    "properties": {"title": {"type": "string"}, "n": {"anyOf": [{"type": "integer"}, {"type": "null"}]}},
    "required": ["title"],
    "additionalProperties": False,
}
OBJECT: Json = {"type": "object", "properties": {}}
GEMINIS = (SchemaStyle.GEMINI, SchemaStyle.GEMINI_JSON)
MAYBE: dict[SchemaStyle, Json] = {
    SchemaStyle.GEMINI: {"type": "integer", "nullable": True},
    SchemaStyle.GEMINI_JSON: {"type": ["integer", "null"]},
}


@pytest.mark.parametrize("style", SchemaStyle)
@pytest.mark.parametrize("tool", TOOLS, ids=[tool["name"] for tool in TOOLS])
def test_the_clients_own_tools_survive_every_style(tool: Json, style: SchemaStyle) -> None:
    schema = tool["input_schema"]
    before = json.dumps(schema)
    made, told = for_tool(schema, style)
    assert json.dumps(schema) == before
    assert told == ("pattern left out" if tool["name"] == "SendMessage" and style in GEMINIS else "")
    assert set((made or {}).get("properties", ())) == set(schema["properties"])
    assert (made or {}).get("required", []) == schema.get("required", [])
    assert (made is None) == (style in GEMINIS and not schema["properties"])
    jsonschema_rs.meta.validate(made or {})


@pytest.mark.parametrize("style", SchemaStyle)
def test_the_tool_of_structured_output_means_the_same_in_every_style(style: SchemaStyle) -> None:
    made, told = for_tool(STRUCTURED, style)
    assert told == ""
    assert made is not None
    number = MAYBE.get(style, STRUCTURED["properties"]["n"])
    assert made["properties"] == {"title": {"type": "string"}, "n": number}
    assert made["required"] == ["title"]
    assert "$schema" not in made


MISTRAL: dict[str, tuple[Json, Json]] = {
    "words that its grammar does not compile": (
        {"$id": "a", "$schema": "b", "strict": True, "additionalProperties": False, **OBJECT},
        OBJECT,
    ),
    "at every depth, but no names": (
        {"type": "object", "properties": {"strict": {"items": {"$id": "a", "type": "string"}}, "$id": True}},
        {"type": "object", "properties": {"strict": {"items": {"type": "string"}}, "$id": True}},
    ),
    "an object that says of what form more may be": (
        {**OBJECT, "additionalProperties": {"type": "string"}},
        {**OBJECT, "additionalProperties": {"type": "string"}},
    ),
}


@pytest.mark.parametrize(("schema", "expected"), MISTRAL.values(), ids=MISTRAL)
def test_mistral(schema: Json, expected: Json) -> None:
    assert for_tool(schema, SchemaStyle.MISTRAL) == (expected, "")


TEXT: Json = {"type": "string"}
MFJS: dict[str, tuple[object, object, str]] = {
    "a type goes into the branches": (
        {"type": "string", "anyOf": [{"minLength": 1}, {"type": "null"}, {"$ref": "#/$defs/a"}, True]},
        {"anyOf": [{"type": "string", "minLength": 1}, {"type": "null"}, {"$ref": "#/$defs/a"}, {"type": "string"}]},
        "",
    ),
    "branches that are none": ({"type": "string", "anyOf": [5]}, {"anyOf": [TEXT]}, ""),
    "no branch": ({"type": "string", "anyOf": []}, TEXT, ""),
    "several types": (
        {"type": ["string", "array", "null"], "items": TEXT, "minLength": 1, "description": "D."},
        {"description": "D.",
         "anyOf": [{"type": "string", "minLength": 1}, {"type": "array", "items": TEXT}, {"type": "null"}]},
        "",
    ),
    "one type in a list": ({"type": ["string"]}, TEXT, ""),
    "values of one type": ({"enum": ["a", "b"]}, {"enum": ["a", "b"]}, ""),
    "values of several types": (
        {"enum": ["a", 1, None], "title": "T"},
        {"title": "T",
         "anyOf": [{"type": "string", "enum": ["a"]}, {"type": "integer", "enum": [1]}, {"type": "null"}]},
        "",
    ),
    "null that the type forbids": ({"type": "string", "enum": ["a", None]}, {"type": "string", "enum": ["a"]}, ""),
    "values that it has no enum for": ({"enum": [True]}, {"type": "boolean"}, "enum left out"),
    "places": ({"type": "array", "items": [TEXT, True], "minItems": 2},
               {"type": "array", "prefixItems": [TEXT, {}], "minItems": 2}, ""),
    "places and what is behind them": ({"items": [TEXT], "additionalItems": False},
                                       {"prefixItems": [TEXT]}, "additionalItems left out"),
    "nothing behind the places": ({"prefixItems": [TEXT], "items": False}, {"prefixItems": [TEXT]}, "items left out"),
    "types beside branches": ({"type": ["string", "null"], "anyOf": [TEXT]}, {"anyOf": [TEXT]}, "type left out"),
    "items that may be anything": ({"type": "array", "items": True}, {"type": "array"}, ""),
    "true for a schema": (True, {}, ""),
    "false for a schema": (False, {}, "false left out"),
    "a reference": ({"$ref": "#/$defs/a", "description": "D."}, {"$ref": "#/$defs/a"}, ""),
    "a reference with a rule beside it": ({"$ref": "#/$defs/a", "minLength": 5}, {"$ref": "#/$defs/a"},
                                          "minLength left out"),
    "an old reference": ({"$ref": "#/definitions/b"}, {"$ref": "#/$defs/b"}, ""),
    "a reference to the whole": ({"$ref": "#"}, {"$ref": "#"}, ""),
    "a reference into the schema": ({"$ref": "#/properties/q"}, TEXT, ""),
    "a reference to itself in the schema": ({"$ref": "#/properties/p"}, {}, "$ref left out"),
    "a reference to elsewhere": ({"$ref": "https://a.example/s.json"}, {}, "$ref left out"),
    "definitions that are not at the root": ({"$defs": {"c": TEXT}, "$ref": "#/properties/p/$defs/c"}, TEXT, ""),
    "unused definitions that are not at the root": ({"$defs": {"c": TEXT}, "type": "string"}, TEXT, ""),
    "a property that is required and not there": (
        {"type": "object", "required": ["a"]}, {"type": "object", "required": ["a"], "properties": {"a": {}}}, "",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("schema", "expected", "told"), MFJS.values(), ids=MFJS)
def test_moonshot(schema: object, expected: object, told: str) -> None:
    definitions = {"definitions": {"b": {"type": "integer"}}, "$defs": {"a": TEXT}}
    root: Json = {"type": "object", "properties": {"p": schema, "q": TEXT}, **definitions}
    made, words = for_tool(root, SchemaStyle.MFJS)
    assert made == {
        "type": "object",
        "properties": {"p": expected, "q": TEXT},
        "$defs": {"b": {"type": "integer"}, "a": TEXT},
    }
    assert words == told


@pytest.mark.parametrize("style", [SchemaStyle.MFJS, SchemaStyle.MISTRAL, *GEMINIS])
def test_the_root_is_an_object_without_alternatives(style: SchemaStyle) -> None:
    made, told = for_tool({"anyOf": [{"properties": {"a": TEXT}}, {"type": "string"}]}, style)
    assert (made, told) == ({"properties": {"a": TEXT}, "type": "object"}, "anyOf at its top became plain properties")


@pytest.mark.parametrize("style", [SchemaStyle.MFJS, SchemaStyle.MISTRAL, *GEMINIS])
@pytest.mark.parametrize(
    ("reference", "told"), [("#/$defs/a", ""), ("#/$defs/b", "$ref left out"), ("#", "$ref left out")]
)
def test_a_reference_at_the_root(style: SchemaStyle, reference: str, told: str) -> None:
    root = {"$ref": reference, "properties": {"b": TEXT}, "$defs": {"a": {"properties": {"a": TEXT}}}}
    made, words = for_tool(root, style)
    assert words == told
    assert set((made or {})["properties"]) == ({"b"} if told else {"a", "b"})


def test_all_that_is_lost_of_a_tool_is_told_once() -> None:
    schema = {"anyOf": [{"properties": {"a": {"not": {}, "uniqueItems": True, "type": "array"}}}]}
    _, losses, _ = translated(aimed(tool_schema=SchemaStyle.GEMINI), tools=[{"name": "f", "input_schema": schema}])
    told = "anyOf at its top became plain properties; not, uniqueItems left out"
    assert losses == lost("tools.0.input_schema", told)


def test_a_tool_without_arguments_has_no_schema_for_gemini() -> None:
    body, losses, _ = translated(aimed(tool_schema=SchemaStyle.GEMINI), tools=[{"name": "f", "input_schema": OBJECT}])
    assert (body, losses) == (bare(tools=[{"type": "function", "function": {"name": "f"}}]), [])


def test_a_schema_that_cannot_be_written_is_too_deep() -> None:
    schema: Json = {}
    for _ in range(300):
        schema = {"properties": {"a": schema}}
    with pytest.raises(TooDeep):
        for_tool(schema, SchemaStyle.MFJS)


@pytest.mark.parametrize("style", [SchemaStyle.MFJS, SchemaStyle.MISTRAL])
def test_what_is_nested_too_deep_is_said_to_be(style: SchemaStyle) -> None:
    schema: Json = {}
    for _ in range(100):
        schema = {"properties": {"a": schema}}
    assert for_tool(schema, style)[1] == "what is nested too deep left out"


def test_references_that_are_written_out_twice_at_each_step_end() -> None:
    properties = {f"p{number}": {"anyOf": [{"$ref": f"#/properties/p{number + 1}"}] * 2} for number in range(40)}
    _, told = for_tool({"type": "object", "properties": properties}, SchemaStyle.MFJS)
    assert "what is nested too deep" in told


REPLIES: dict[str, tuple[SchemaStyle, Json, str]] = {
    "full": (SchemaStyle.FULL, STRUCTURED, ""),
    "mistral": (SchemaStyle.MISTRAL, {key: STRUCTURED[key] for key in ("type", "properties", "required")}, ""),
    "moonshot": (SchemaStyle.MFJS, {key: value for key, value in STRUCTURED.items() if key != "$schema"}, ""),
    "gemini": (
        SchemaStyle.GEMINI,
        {"type": "object",
         "properties": {"title": TEXT, "n": {"type": "integer", "nullable": True}}, "required": ["title"]},
        "",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("style", "expected", "told"), REPLIES.values(), ids=REPLIES)
def test_the_schema_of_a_reply(style: SchemaStyle, expected: Json, told: str) -> None:
    assert for_reply(STRUCTURED, style) == (expected, told)


def test_the_schema_of_a_reply_may_have_alternatives_at_its_top() -> None:
    schema = {"anyOf": [OBJECT, TEXT]}
    assert for_reply(schema, SchemaStyle.GEMINI) == ({"anyOf": [{"type": "object"}, TEXT]}, "")


def test_what_all_alternatives_require_is_required() -> None:
    schema = {"allOf": [{"properties": {"a": TEXT}, "required": ["a"]}], "required": ["b"]}
    made = {"properties": {"a": TEXT}, "required": ["b", "a"], "type": "object"}
    assert for_tool(schema, SchemaStyle.FULL) == (made, "allOf at its top became plain properties")
