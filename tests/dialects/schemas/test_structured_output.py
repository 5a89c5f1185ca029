"""Replies of a form."""

from typing import Any

import orjson
import pytest

from addon.dialects.profiles import SchemaStyle
from addon.dialects.schemas.structured_output import checked, is_strict
from addon.protocol import messages
from addon.protocol.errors import BadRequest, TooDeep, Unsupported
from tests.translating import ASKED, Json, aimed, bare, lost, translated

CLOSED: Json = {
    "type": "object",
    "properties": {"a": {"type": "string"}},
    "required": ["a"],
    "additionalProperties": False,
}


def form(schema: Json) -> Json:
    return {"output_config": {"format": {"type": "json_schema", "schema": schema}}}


@pytest.mark.parametrize(
    ("schema", "strict"),
    [
        (CLOSED, True),
        ({**CLOSED, "additionalProperties": True}, False),
        ({**CLOSED, "required": []}, False),
        ({**CLOSED, "anyOf": [CLOSED]}, False),
        ({"type": "string"}, False),
    ],
)
def test_a_schema_for_the_reply(schema: Json, strict: bool) -> None:
    told = {"type": "json_schema", "json_schema": {"name": "output", "schema": schema, "strict": strict}}
    assert translated(**form(schema)) == (bare(response_format=told), [], {})


IN_WORDS = "; the schema was told in words, and the answer is checked against it"
OPEN: Json = {"type": "object", "properties": {"a": {"type": "string", "pattern": "b", "format": "uri"}}}
OBJECT_FORM: Json = {"response_format": {"type": "json_object"}}
TOOL: Json = {"name": "f", "input_schema": {"type": "object", "properties": {}}}


def held(schema: Json) -> Json:
    return {
        "response_format": {"type": "json_schema", "json_schema": {"name": "output", "schema": schema, "strict": False}}
    }


# fields of the profile, fields of the request, what the backend is told beside words, why it is not held to the schema
TOLD: dict[str, tuple[Json, Json, Json, str]] = {
    "JSON of any form": ({"json_schema": False}, {}, OBJECT_FORM, "vllm/qwen promises JSON"),
    "nothing": ({"json_schema": False, "json_object": False}, {}, {}, "vllm/qwen promises nothing"),
    "nothing beside tools": (
        {"form_beside_tools": False}, {"tools": [TOOL]}, {}, "vllm/qwen promises nothing beside tools",
    ),
    "all without tools": ({"form_beside_tools": False}, {"tools": []}, held(OPEN), ""),
    "nothing in a stream": (
        {"form_streams": False, "stream_usage": False}, {"stream": True}, {"stream": True},
        "vllm/qwen promises nothing in a stream",
    ),
    "all without a stream": ({"form_streams": False}, {"stream": False}, held(OPEN), ""),
    "a part": (
        {"tool_schema": SchemaStyle.GEMINI},
        {"schema": {**OPEN, "propertyNames": {"maxLength": 9}}},
        held({"type": "object", "properties": {"a": {"type": "string", "pattern": "b"}}}),
        "vllm/qwen is held to a part of it, propertyNames left out",
    ),
    "all in other words": (
        {"tool_schema": SchemaStyle.GEMINI}, {},
        held({"type": "object", "properties": {"a": {"type": "string", "pattern": "b"}}}), "",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("profile", "fields", "told", "why"), TOLD.values(), ids=TOLD)
def test_a_schema_is_told_in_words_where_the_backend_cannot_be_held_to_all_of_it(
    profile: Json, fields: Json, told: Json, why: str
) -> None:
    schema = fields.pop("schema", OPEN)
    body, losses, _ = translated(aimed(**profile), system="You title.", **form(schema), **fields)
    body.pop("tools", None)
    words = f"\n\nAnswer with one JSON object of this schema: {orjson.dumps(schema).decode()}" if why else ""
    assert body == bare(messages=[{"role": "system", "content": f"You title.{words}"}, ASKED], **told)
    assert losses == (lost("output_config.format.schema", why + IN_WORDS) if why else [])
    request = messages.check({"model": "m", "messages": [ASKED], **form(schema), **fields})
    assert checked(request, aimed(**profile)) == (orjson.dumps(schema) if why else None)


def test_without_a_form_nothing_is_checked() -> None:
    assert checked(messages.check({"model": "m", "messages": [ASKED]}), aimed(json_schema=False)) is None


def test_a_schema_that_is_none_is_the_clients_mistake() -> None:
    request = messages.check({"model": "m", "messages": [ASKED], **form({"type": "nothing"})})
    with pytest.raises(BadRequest) as caught:
        checked(request, aimed(json_schema=False))
    assert caught.value.message == "output_config.format.schema.type: JSON schema is invalid."


def test_a_schema_that_cannot_be_written_is_too_deep() -> None:
    schema: Json = {}
    for _ in range(300):
        schema = {"not": schema}
    request = messages.check({"model": "m", "messages": [ASKED], **form(schema)})
    with pytest.raises(TooDeep):
        checked(request, aimed(json_schema=False))


@pytest.mark.parametrize(
    "wanted", [{"type": "grammar"}, {"type": "json_schema"}, {"type": "json_schema", "schema": 5}, "json"]
)
def test_a_form_of_tomorrow_is_refused(wanted: Any) -> None:
    with pytest.raises(Unsupported) as caught:
        translated(output_config={"format": wanted})
    assert caught.value.path == "output_config.format"


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        (CLOSED, True),
        ({"type": "string"}, True),
        ({"type": "array", "items": CLOSED}, True),
        ({"type": "array", "items": {"type": "object"}}, False),
        ({"anyOf": [CLOSED, {"type": "null"}]}, True),
        ({"anyOf": [CLOSED, {"type": "object"}]}, False),
        ({"properties": {"a": {}}}, False),
        ({**CLOSED, "properties": {"a": {"type": "object"}}}, False),
        ({"type": "object", "additionalProperties": False}, True),
        ({"oneOf": [CLOSED]}, False),
        ({**CLOSED, "not": {}}, False),
    ],
)
def test_strict_is_what_openai_takes_as_strict(schema: Json, expected: bool) -> None:
    assert is_strict(schema) is expected
