"""Replies of a form."""

from typing import Any

import pytest

from addon.dialects.structured_output import is_strict
from addon.protocol.errors import Unsupported
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


WORDS = "vllm/qwen promises JSON; the schema was told in words, and the answer is checked against it"


def test_a_schema_is_told_in_words_where_the_backend_takes_none() -> None:
    body, losses, _ = translated(aimed(json_schema=False), system="You title.", **form({"type": "object"}))
    prompt = 'You title.\n\nAnswer with one JSON object of this schema: {"type":"object"}'
    assert body == bare(
        messages=[{"role": "system", "content": prompt}, ASKED], response_format={"type": "json_object"}
    )
    assert losses == lost("output_config.format.schema", WORDS)


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
