"""JSON Schema as Gemini takes it in ``parametersJsonSchema`` and ``responseJsonSchema``.

These are chosen over ``parameters`` and ``responseSchema`` (``gemini_schemas``), because numbers have an enum there,
places of a list their types, objects may be closed, and null is a type; ``parameters`` answers 400 to the first unknown
keyword, where here "the full JSON Schema may be sent", of which a part is heeded. Nothing outside of that part is sent
all the same, and references are written out: each is one rule less on whose reading anything depends (a reference that
leads to itself may stand in few places, and nothing beside any). One node has one type, or one and null, or is an
``anyOf``; an enum holds texts or numbers.
Sources: google-genai 3.6, ``GenerateContentConfig.response_json_schema``, ``FunctionDeclaration``; ai.google.dev,
"Structured output"; google-gemini/gemini-cli#4196, GetStream/Vision-Agents#513, danny-avila/LibreChat#13845.
"""

from typing import Any, override

from addon.dialects.schemas.gemini_schemas import Stack, Writer, places_of
from addon.protocol.messages import Json

NULL: Json = {"type": "null"}
SIMPLE: tuple[Json, ...] = ({"type": ["string", "null"]}, {"type": "number"}, {"type": "boolean"})


def said(root: Json, lost: set[str]) -> Json:
    """Return ``root`` as Gemini takes it. Keywords that are left out, and would be missed, are added to ``lost``."""
    return JsonWriter(root, lost).node(root, 0, frozenset())


class JsonWriter(Writer):
    """See the module."""

    anything = ({"type": "object"}, {"type": "array", "items": {"anyOf": [*SIMPLE, {"type": "object"}]}}, *SIMPLE)

    @override
    def nullable(self, made: list[Json]) -> list[Json]:
        (first, *others) = made
        if not others and "enum" not in first and isinstance(first.get("type"), str):
            return [{**first, "type": [first["type"], "null"]}]
        return [*made, NULL]

    @override
    def enumerated(self, made: Json, values: Any) -> Json:
        if not isinstance(values, list):
            return made
        of_texts = made["type"] == "string" and all(values)
        of_numbers = made["type"] in ("integer", "number")
        return {**made, "enum": _distinct(values)} if of_texts or of_numbers else self.in_words(made, values)

    @override
    def properties(self, option: Json, depth: int, stack: Stack) -> Json:
        made = Writer.properties(self, option, depth, stack)
        others = option.get("additionalProperties")
        if isinstance(others, bool):
            made["additionalProperties"] = others
        elif isinstance(others, dict):
            made["additionalProperties"] = self.node(others, depth + 1, stack)
        if others is False and "patternProperties" in option:
            del made["additionalProperties"]  # what the patterns allow must not be forbidden
        return made

    @override
    def items(self, option: Json, depth: int, stack: Stack) -> Json:
        places = places_of(option)
        if not places:
            return Writer.items(self, option, depth, stack)
        made: Json = {
            "prefixItems": [self.node(each if isinstance(each, dict) else {}, depth + 1, stack) for each in places]
        }
        rest = option.get("additionalItems") if isinstance(option.get("items"), list) else option.get("items")
        if isinstance(rest, dict):
            return {**made, "items": self.node(rest, depth + 1, stack)}
        return {**made, "maxItems": min(len(places), option.get("maxItems", len(places)))} if rest is False else made


def _distinct(values: list[Any]) -> list[Any]:
    return list(dict.fromkeys(values))
