"""JSON Schema said in the words of Gemini's ``Schema``: an OpenAPI subset, and an allow list at every depth.

One node has one type, or is an ``anyOf`` and nothing else. Its endpoint answers 400 to any other keyword, to a node
without a type, to a second field beside ``anyOf``, to an ``enum`` on anything but text, to an array without items, and
one bad tool costs the whole request.
Sources: google-genai ``types.Schema``; error texts in google-gemini/gemini-cli#3178, directus/mcp#8,
voocel/litellm#9, ihor-sokoliuk/mcp-searxng#89, agno-agi/agno#2112.
"""

from collections.abc import Mapping
from typing import Any

from addon.dialects.schemas.json_schemas import ANNOTATIONS, TYPED, at, by_type, complete, listed_schemas, merged
from addon.protocol.messages import Json

MOST_NODES = 2_000  # references are written out, and may double at each step; Claude Code's largest tool has 20
DEEPEST = 32  # Gemini itself refuses what is nested deeper than about this
FORMATS: Mapping[str, tuple[str, ...]] = {
    "string": ("date-time",),
    "number": ("float", "double"),
    "integer": ("int32", "int64"),
}
KEPT: Mapping[str, tuple[str, ...]] = {  # as they are, where they have the right type
    "string": ("minLength", "maxLength", "pattern"),
    "number": ("minimum", "maximum"),
    "integer": ("minimum", "maximum"),
    "array": ("minItems", "maxItems"),
    "object": ("minProperties", "maxProperties"),
}
TEXTS = ("title", "description", "pattern")
READ = ("type", "enum", "const", "anyOf", "oneOf", "allOf", "$ref")
SAID = {  # keywords that are said some other way, or whose loss changes nothing that the model is to write
    "object": ("properties", "required"),
    "array": ("items", "prefixItems", "additionalItems", "unevaluatedItems"),
}
SIMPLE: tuple[Json, ...] = ({"type": "string", "nullable": True}, {"type": "number"}, {"type": "boolean"})
ANYTHING: tuple[Json, ...] = (
    {"type": "object"},
    {"type": "array", "items": {"anyOf": [*SIMPLE, {"type": "object"}]}},
    *SIMPLE,
)
TOO_MUCH = "what is nested too deep"
type Stack = frozenset[str]  # references that are being written out


def said(root: Json, lost: set[str]) -> Json:
    """Return ``root`` as Gemini takes it. Keywords that are left out, and would be missed, are added to ``lost``."""
    return Writer(root, lost).node(root, 0, frozenset())


class Writer:
    """Writes one schema; what differs between Gemini's two subsets is a verb of its own."""

    anything: tuple[Json, ...] = ANYTHING

    def __init__(self, root: Json, lost: set[str]) -> None:
        """Keywords that are left out, and would be missed, are added to ``lost``."""
        self._root = root
        self._lost = lost
        self._left = MOST_NODES

    def node(self, schema: Json, depth: int, stack: Stack) -> Json:
        """Write a schema at a depth; ``stack`` holds the references that led there."""
        if not self._has_room(depth):
            return {"type": "object"}
        whole, inside = self._resolved(schema, stack)
        options = self._options(whole, depth, inside)
        typed = [(option, held) for option, held in options if option.get("type") != "null"]
        made = [self._single(option, depth, held) for option, held in typed]
        if not typed:
            made = [{"type": "string"}]
        made = _one_enum(made)
        if {} in made:
            made = [dict(each) for each in self.anything]
        if len(typed) < len(options):
            made = self.nullable(made)
        texts = {key: whole[key] for key in ("title", "description") if isinstance(whole.get(key), str)}
        if len(made) == 1:
            default = {"default": whole["default"]} if "default" in whole and _is_plain(whole["default"]) else {}
            return _described({**made[0], **default}, texts)
        return {"anyOf": [_described(made[0], {**texts, "title": ""}), *made[1:]]}

    def _resolved(self, schema: Json, stack: Stack) -> tuple[Json, Stack]:
        """Write out the reference, and join what "allOf" demands."""
        if "$ref" not in schema and "allOf" not in schema:
            return schema, stack
        whole: Json = {}
        parts = [schema]
        for part in parts:  # grows
            if not self._has_room():
                break
            whole = merged(
                whole, {key: value for key, value in part.items() if key not in ("$ref", "allOf")}, self._lost
            )
            if "$ref" in part:
                reference = part["$ref"]
                found = at(self._root, reference)
                if found is None or reference in stack:
                    self._lost.add("$ref")
                    found = {"type": "object"} if found and found.get("type") == "object" else {}
                else:
                    stack |= {reference}
                parts.append(found)
            parts += listed_schemas(part.get("allOf"))
        return whole, stack

    def _has_room(self, depth: int = 0) -> bool:
        self._left -= 1
        if self._left >= 0 and depth <= DEEPEST:
            return True
        self._lost.add(TOO_MUCH)
        return False

    def _options(self, schema: Json, depth: int, stack: Stack) -> list[tuple[Json, Stack]]:
        """Return the schema as alternatives that have one type each."""
        unions = [key for key in ("anyOf", "oneOf") if isinstance(schema.get(key), list)]
        self._lost |= {key for key in schema if key not in ANNOTATIONS and key not in TYPED and key not in READ}
        self._lost |= {*unions[1:]}
        branches = [*listed_schemas(schema[unions[0]])] if unions else []
        if not branches or not self._has_room(depth):
            parts = by_type(schema)
            form = schema.get("format")
            return [({**part, "format": form} if form else part, stack) for part in parts]
        base = {key: value for key, value in schema.items() if key not in (*unions, "title", "description", "default")}
        options: list[tuple[Json, Stack]] = []
        for branch in branches:
            whole, inside = self._resolved(branch, stack)
            both = merged(base, whole, self._lost) if base else whole
            texts = {key: whole[key] for key in ("title", "description") if isinstance(whole.get(key), str)}
            found = self._options(both, depth + 1, inside)
            options += [({**texts, **option}, held) for option, held in found]
        return options

    def _single(self, option: Json, depth: int, stack: Stack) -> Json:
        """Write one type."""
        kind = option.get("type")
        if kind is None:
            return {}
        made: Json = {"type": kind}
        made |= {key: option[key] for key in ("title", "description") if option.get(key)}
        if option.get("format") in FORMATS.get(kind, ()):
            made["format"] = option["format"]
        made |= {key: option[key] for key in KEPT.get(kind, ()) if _is_rule(key, option.get(key))}
        match kind:
            case "object":
                made |= self.properties(option, depth, stack)
            case "array":
                made |= self.items(option, depth, stack)
            case "integer":
                for key, bound, step in (("exclusiveMinimum", "minimum", 1), ("exclusiveMaximum", "maximum", -1)):
                    if type(option.get(key)) is int:
                        made[bound] = option[key] + step
                        option = {name: value for name, value in option.items() if name != key}
            case _:
                pass
        self._note(kind, option, made)
        return self.enumerated(made, option.get("enum"))

    def _note(self, kind: str, option: Json, made: Json) -> None:
        """Tell which rules were left out; a closed object is none, for all its properties are there."""
        rules = {key for key in option if key in TYPED and key not in made and key not in SAID.get(kind, ())}
        if isinstance(option.get("additionalProperties"), bool):
            rules.discard("additionalProperties")
        if option.get("unevaluatedProperties") is False:
            rules.discard("unevaluatedProperties")
        self._lost |= rules

    def nullable(self, made: list[Json]) -> list[Json]:
        """Say that the value may be null too."""
        return [{**each, "nullable": True} for each in made]

    def enumerated(self, made: Json, values: Any) -> Json:
        """Say that the value is one of ``values``, all of the type of ``made``."""
        if not isinstance(values, list):
            return made
        if made["type"] == "string" and all(values):
            return {**made, "enum": list(dict.fromkeys(values))}
        return self.in_words(made, values)  # there is an enum of texts only; the value itself must keep its type

    def in_words(self, made: Json, values: list[Any]) -> Json:
        """Say it in words."""
        self._lost.add("enum")
        one_of = ", ".join(str(value) if isinstance(value, int | float) else repr(value) for value in values)
        return _described(made, {"description": f"One of {one_of}."})

    def properties(self, option: Json, depth: int, stack: Stack) -> Json:
        """Say what an object holds."""
        whole = complete(option)
        properties = whole.get("properties")
        if not isinstance(properties, dict):
            return {}
        made = {
            name: self.node(inner if isinstance(inner, dict) else {}, depth + 1, stack)
            for name, inner in properties.items()
            if inner is not False
        }
        required = whole.get("required")
        names = [name for name in required if name in made] if isinstance(required, list) else []
        found: Json = {"properties": made} if made else {}  # an empty object is refused, one without properties is not
        return {**found, "required": list(dict.fromkeys(names))} if names else found

    def items(self, option: Json, depth: int, stack: Stack) -> Json:
        """Say what a list holds."""
        items, places = option.get("items"), places_of(option)
        if places is not None:
            self._lost.add("prefixItems")  # places have no types of their own
            return {"items": self.node({"anyOf": places}, depth + 1, stack)}
        return {"items": self.node(items if isinstance(items, dict) else {}, depth + 1, stack)}


def places_of(option: Json) -> list[Any] | None:
    """Return the schemas of a list's places, in the word of any draft; None where they have none."""
    items = option.get("items")
    places = option.get("prefixItems") if "prefixItems" in option else items if isinstance(items, list) else None
    return places if isinstance(places, list) else None


def _one_enum(made: list[Json]) -> list[Json]:
    """Join alternatives that are nothing but words."""
    if len(made) > 1 and all(each.keys() == {"type", "enum"} and each["type"] == "string" for each in made):
        return [{"type": "string", "enum": list(dict.fromkeys(value for each in made for value in each["enum"]))}]
    return made


def _described(schema: Json, texts: Json) -> Json:
    """Put texts in front of those that are there."""
    made = dict(schema)
    for key, text in texts.items():
        if text:
            made[key] = f"{text} {made[key]}" if key in made and key == "description" else text
    return made


def _is_plain(value: object) -> bool:
    return isinstance(value, str | int | float)


def _is_rule(key: str, value: object) -> bool:
    if key in TEXTS:
        return isinstance(value, str)
    return isinstance(value, int | float) and not isinstance(value, bool)
