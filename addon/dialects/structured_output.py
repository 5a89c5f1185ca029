"""Replies of a form: the schema that a request wants, in the form that the target takes.

Source: Messages API reference, "structured outputs"; OpenAI API reference, ``response_format``.
"""

from typing import Any

import orjson

from addon.dialects import Target
from addon.dialects.losses import Loss, Lost, Refused, loss, refusal
from addon.protocol.messages import Json, Request


def wanted(request: Request) -> Json | None:
    """The schema that the reply must have, where one is asked for. Raises: Unsupported."""
    asked = (request.body.get("output_config") or {}).get("format")
    if asked is None:
        return None
    schema = asked.get("schema") if isinstance(asked, dict) and asked.get("type") == "json_schema" else None
    if not isinstance(schema, dict):
        raise refusal(Refused.OUTPUT_FORMAT, "output_config.format")
    return schema


def in_words(schema: Json | None, target: Target) -> list[Json]:
    """Tell the model the schema where the backend cannot be told; its plain JSON mode also demands the word JSON."""
    if schema is None or target.profile.json_schema:
        return []
    return [{"type": "text", "text": f"Answer with one JSON object of this schema: {orjson.dumps(schema).decode()}"}]


def demand(schema: Json | None, target: Target, body: Json, losses: list[Loss]) -> None:
    """Set ``response_format``."""
    if schema is None:
        return
    if target.profile.json_schema:
        strict = schema.get("type") == "object" and "anyOf" not in schema and is_strict(schema)
        body["response_format"] = {
            "type": "json_schema",
            "json_schema": {"name": "output", "schema": schema, "strict": strict},
        }
    else:
        body["response_format"] = {"type": "json_object"}
        losses.append(loss(Lost.SCHEMA_IN_WORDS, "output_config.format.schema", f"{target.name} promises JSON"))


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
