"""JSON Schema taken apart, for the styles that take a part of it only. Schemas that come in are never changed.

Source: JSON Schema 2020-12, core and validation; what drafts 4 to 7 called otherwise is read too.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from addon.protocol.messages import Json

DEEPEST_MERGE = 16  # levels of properties that are joined name by name
# keywords that hold schemas: by name, in a list, or one
MAPS = frozenset(("properties", "patternProperties", "$defs", "definitions", "dependentSchemas"))
LISTS = frozenset(("anyOf", "oneOf", "allOf", "prefixItems"))
SINGLES = frozenset(
    (
        "items",
        "additionalItems",
        "additionalProperties",
        "contains",
        "propertyNames",
        "not",
        "if",
        "then",
        "else",
        "unevaluatedItems",
        "unevaluatedProperties",
    )
)
# that say nothing of a value's form; nobody misses them but for "description"
ANNOTATIONS = frozenset(
    (
        "$schema",
        "$id",
        "id",
        "$anchor",
        "$comment",
        "$defs",
        "definitions",
        "title",
        "description",
        "default",
        "examples",
        "example",
        "deprecated",
        "readOnly",
        "writeOnly",
        "contentEncoding",
        "contentMediaType",
        "format",
        "nullable",
    )
)
# what each type's values may be asked for
RULES: Mapping[str, frozenset[str]] = {
    "object": frozenset(
        (
            "properties",
            "required",
            "additionalProperties",
            "patternProperties",
            "propertyNames",
            "minProperties",
            "maxProperties",
            "dependentRequired",
            "dependentSchemas",
            "dependencies",
            "unevaluatedProperties",
        )
    ),
    "array": frozenset(
        (
            "items",
            "prefixItems",
            "additionalItems",
            "minItems",
            "maxItems",
            "uniqueItems",
            "contains",
            "minContains",
            "maxContains",
            "unevaluatedItems",
        )
    ),
    "string": frozenset(("minLength", "maxLength", "pattern")),
    "number": frozenset(("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf")),
    "boolean": frozenset(),
    "null": frozenset(),
}
RULES = {**RULES, "integer": RULES["number"]}
TYPED = frozenset().union(*RULES.values())


def rebuilt(schema: Json, visit: Callable[[Any], Any]) -> Json:
    """Return a copy in which ``visit`` has made every schema directly inside."""
    made: Json = {}
    for key, value in schema.items():
        if key in MAPS and isinstance(value, dict):
            made[key] = {name: visit(inner) for name, inner in value.items()}
        elif (key in LISTS or key == "items") and isinstance(value, list):
            made[key] = [visit(inner) for inner in value]
        elif key in SINGLES and isinstance(value, dict):
            made[key] = visit(value)
        else:
            made[key] = value
    return made


def at(root: Json, reference: object) -> Json | None:
    """Return the schema that a ``$ref`` within ``root`` means; None where it means none, or one elsewhere."""
    if not isinstance(reference, str) or not reference.startswith("#"):
        return None
    found: Any = root
    for name in reference.removeprefix("#").split("/")[1:]:
        key = name.replace("~1", "/").replace("~0", "~")
        found = found.get(key) if isinstance(found, dict) else None
    return found if isinstance(found, dict) else None


def type_of(value: object) -> str:
    """Return JSON Schema's word for a value's type."""
    match value:
        case bool():
            return "boolean"
        case int():
            return "integer"
        case float():
            return "number"
        case str():
            return "string"
        case None:
            return "null"
        case list():
            return "array"
        case _:
            return "object"


def by_type(schema: Json) -> list[Json]:
    """Split a schema into one for each type that its values may have, with what concerns this type, and no const.

    Annotations are left out. One that does not say its types, nor lets them be guessed, comes back as ``[{}]``.
    """
    values = _values(schema)
    parts = []
    for kind in _types(schema, values):
        part = {"type": kind, **{key: value for key, value in schema.items() if key in RULES[kind]}}
        if values is not None:
            fitting = [value for value in values if _is(value, kind)]
            if not fitting:
                continue  # no value can be of this type
            if kind != "null":
                part["enum"] = fitting
        parts.append(part)
    return parts or [{}]


def _values(schema: Json) -> list[Any] | None:
    if "const" in schema:
        return [schema["const"]]
    values = schema.get("enum")
    return values if isinstance(values, list) and values else None


def _types(schema: Json, values: list[Any] | None) -> list[str]:
    said = schema.get("type")
    kinds = [kind for kind in (said if isinstance(said, list) else [said]) if isinstance(kind, str) and kind in RULES]
    if not kinds and values is not None:
        kinds = [type_of(value) for value in values]
    if not kinds:
        kinds = [kind for kind, keys in RULES.items() if kind != "integer" and not keys.isdisjoint(schema)][:1]
    if kinds and schema.get("nullable") is True:  # OpenAPI's word
        kinds.append("null")
    return list(dict.fromkeys(kinds))


def _is(value: object, kind: str) -> bool:
    own = type_of(value)
    return own == kind or (kind == "number" and own == "integer")


def merged(one: Json, other: Json, lost: set[str], room: int = DEEPEST_MERGE) -> Json:
    """Return a schema for what both allow; a keyword that cannot be both is ``lost``, and stays as the first has it."""
    both = dict(one)
    for key, value in other.items():
        if key not in both:
            both[key] = value
        elif both[key] != value:
            both[key] = _both(key, both[key], value, lost, room)
    return both


def _both(key: str, one: Any, other: Any, lost: set[str], room: int) -> Any:
    match key, one, other:
        case "properties", dict(), dict() if room:
            common = {name: _inner(one[name], other[name], lost, room - 1) for name in one if name in other}
            return {**one, **other, **common}
        case "required", list(), list():
            return [*one, *(name for name in other if name not in one)]
        case "enum", list(), list():
            return [value for value in one if value in other] or one
        case "description", str(), str():
            return f"{one} {other}"
        case "type", _, _:
            kinds = [kind for kind in _listed(one) if kind in _listed(other)]
            return kinds[0] if len(kinds) == 1 else kinds or one
        case _ if key in ANNOTATIONS:
            return one
        case _:
            lost.add(key)
            return one


def _inner(one: Any, other: Any, lost: set[str], room: int) -> Any:
    if isinstance(one, dict) and isinstance(other, dict):
        return merged(one, other, lost, room)
    return other if one is True else one


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def listed_schemas(value: object) -> Iterator[Json]:
    """Yield the schemas of a list; what is none is nothing that could be said."""
    for inner in value if isinstance(value, list) else ():
        if isinstance(inner, dict):
            yield inner
        elif inner is True:
            yield {}


def complete(schema: Json) -> Json:
    """Return an object's schema with every property that it requires; some backends refuse a name without one."""
    required = schema.get("required")
    if not isinstance(required, list):
        return schema
    properties = schema.get("properties")
    known = properties if isinstance(properties, dict) else {}
    missing = [name for name in required if isinstance(name, str) and name not in known]
    return {**schema, "properties": {**known, **{name: {} for name in missing}}} if missing else schema
