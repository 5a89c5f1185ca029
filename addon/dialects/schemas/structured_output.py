"""Replies of a form: the schema that a request wants, in the form that the target takes.

A backend that cannot be held to the schema, or not to all of it, is told it in words, and its answer is checked
(``schema_check``).
Source: Messages API reference, "structured outputs"; OpenAI API reference, ``response_format``.
"""

from dataclasses import dataclass
from typing import Any

import orjson

from addon.dialects import Target
from addon.dialects.losses import Loss, Lost, Refused, loss, refusal
from addon.dialects.schemas import schema_check
from addon.dialects.schemas.tool_schemas import for_reply
from addon.protocol.errors import TooDeep
from addon.protocol.messages import Json, Request

PATH = "output_config.format.schema"


@dataclass(frozen=True, slots=True)
class Form:
    """What is asked for, and how the target is told. ``why``: it is not held to all of it; empty where it is."""

    schema: Json
    response_format: Json | None
    why: str = ""

    @property
    def in_words(self) -> list[Json]:
        """The schema in words, where the answer is checked; plain JSON mode also demands the word JSON."""
        if not self.why:
            return []
        schema = orjson.dumps(self.schema).decode()
        return [{"type": "text", "text": f"Answer with one JSON object of this schema: {schema}"}]

    def demand(self, body: Json, losses: list[Loss]) -> None:
        """Set ``response_format``."""
        if self.response_format is not None:
            body["response_format"] = self.response_format
        if self.why:
            losses.append(loss(Lost.SCHEMA_IN_WORDS, PATH, self.why))


def asked(request: Request, target: Target) -> Form | None:
    """Return the form that the reply must have, where one is asked for. Raises: Unsupported, TooDeep."""
    form = (request.body.get("output_config") or {}).get("format")
    if form is None:
        return None
    schema = form.get("schema") if isinstance(form, dict) and form.get("type") == "json_schema" else None
    if not isinstance(schema, dict):
        raise refusal(Refused.OUTPUT_FORMAT, "output_config.format")
    profile = target.profile
    if request.tools and not profile.form_beside_tools:
        return Form(schema, None, f"{target.name} promises nothing beside tools")
    if request.stream and not profile.form_streams:
        return Form(schema, None, f"{target.name} promises nothing in a stream")
    if profile.json_schema:
        told, lost = for_reply(schema, profile.tool_schema)
        strict = told.get("type") == "object" and "anyOf" not in told and is_strict(told)
        named = {"name": "output", "schema": told, "strict": strict}
        why = f"{target.name} is held to a part of it, {lost}" if lost else ""
        return Form(schema, {"type": "json_schema", "json_schema": named}, why)
    if profile.json_object:
        return Form(schema, {"type": "json_object"}, f"{target.name} promises JSON")
    return Form(schema, None, f"{target.name} promises nothing")


def checked(request: Request, target: Target) -> bytes | None:
    """Return the schema that the answer is checked against; None where it needs no check. Raises: BadRequest.

    It is looked at now: one that is wrong is the client's own mistake.
    """
    form = asked(request, target)
    if form is None or not form.why:
        return None
    try:
        schema = orjson.dumps(form.schema)
    except orjson.JSONEncodeError:
        raise TooDeep from None
    schema_check.validator(schema)
    return schema


# OpenAI structured outputs guide, "unsupported keywords"
STRICT_REFUSED = frozenset(("allOf", "not", "oneOf", "dependentRequired", "dependentSchemas", "if", "then", "else"))


def is_strict(schema: Any) -> bool:
    """Whether OpenAI's strict mode takes every part of the schema: objects closed, each property required."""
    if isinstance(schema, list):
        return all(is_strict(item) for item in schema)
    if not isinstance(schema, dict):
        return True
    if not STRICT_REFUSED.isdisjoint(schema):
        return False
    properties = schema.get("properties")
    if schema.get("type") == "object" or properties is not None:
        if schema.get("additionalProperties") is not False:
            return False
        if set(properties or ()) != set(schema.get("required") or ()):
            return False
    return all(is_strict(value) for value in schema.values())
