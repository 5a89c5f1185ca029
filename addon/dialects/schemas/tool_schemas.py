"""The schemas that a backend takes: of a tool's arguments, and of a reply. One function for each style, in a table.

In: a schema as the client wrote it, of any draft; it is never changed. Out: one that the backend takes, the same for
the same schema always, and in words what it lost. A rule that is left out is one that the model is not told; the client
checks what its tools are called with all the same.
Sources: OpenAI API reference, function calling; MoonshotAI/walle, docs/mfjs-spec.md, and the errors of its server in
vercel/ai#18921 and MoonshotAI/kimi-cli#2061; BerriAI/litellm#13389 (Mistral); ``gemini_schemas``.
"""

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

import orjson

from addon.dialects.profiles import SchemaStyle
from addon.dialects.schemas import gemini_json_schemas, gemini_schemas
from addon.dialects.schemas.json_schemas import (
    ANNOTATIONS,
    at,
    by_type,
    complete,
    listed_schemas,
    merged,
    rebuilt,
    type_of,
)
from addon.protocol.errors import TooDeep
from addon.protocol.messages import Json

COMBINATORS = frozenset(("allOf", "anyOf", "oneOf", "enum", "not"))
DEEPEST = 64  # of schemas that are walked through; Python's own stack has room for ten times that
MOST_NODES = 2_000  # that references are written out to
NOT_IN_ENUMS = frozenset(("boolean", "object", "array", "null"))  # of Moonshot's
NEVER_EMPTY = frozenset((SchemaStyle.GEMINI, SchemaStyle.GEMINI_JSON))
TOO_MUCH = "what is nested too deep"


def for_tool(schema: Json, style: SchemaStyle) -> tuple[Json | None, str]:
    """Return the schema of a tool's arguments, None for none at all, and what it lost. Raises: TooDeep."""
    if style is SchemaStyle.FULL:  # the common case is a dozen keys looked at
        return opened(schema)
    return _kept(written(schema), style, True)


def for_reply(schema: Json, style: SchemaStyle) -> tuple[Json, str]:
    """Return the schema of a reply, and what it lost. Raises: TooDeep."""
    if style is SchemaStyle.FULL:
        return schema, ""
    fitted, lost = _kept(written(schema), style, False)
    return fitted or {"type": "object"}, lost


def written(schema: Json) -> bytes:
    """Return the schema as JSON. Raises: TooDeep."""
    try:
        return orjson.dumps(schema)
    except orjson.JSONEncodeError:
        raise TooDeep from None


@lru_cache(maxsize=256)  # a session has some fifty tools, the same in each request
def _kept(schema: bytes, style: SchemaStyle, of_tool: bool) -> tuple[Json | None, str]:
    lost: set[str] = set()
    told = []
    root: Json = orjson.loads(schema)
    if of_tool:
        if "$ref" in root:
            root = _without_reference(root, lost)
        root, flat = opened(root)
        told += [flat] if flat else []
    fitted: Json | None = STYLES[style](root, lost)
    if of_tool and style in NEVER_EMPTY and fitted is not None and "properties" not in fitted:
        fitted = None  # an object without properties is refused at the top
    if lost:
        told.append(f"{', '.join(sorted(lost))} left out")
    return fitted, "; ".join(told)


def _without_reference(root: Json, lost: set[str]) -> Json:
    beside = {key: value for key, value in root.items() if key != "$ref"}
    found = at(root, root["$ref"])
    if found is None or "$ref" in found:
        lost.add("$ref")
        return beside
    return merged(found, beside, lost)


# -- full: JSON Schema, but an object without alternatives at its top --------------------------------------------------


def opened(schema: Json) -> tuple[Json, str]:
    """Return a tool's schema as OpenAI takes it: an object, without alternatives at its top; and what it lost."""
    told = ""
    if not COMBINATORS.isdisjoint(schema):
        told = f"{', '.join(key for key in schema if key in COMBINATORS)} at its top became plain properties"
        schema = flattened(schema)
    if "$schema" in schema:
        schema = schema.copy()
        del schema["$schema"]
    if schema.get("type") != "object" or "properties" not in schema:
        schema = {"properties": {}, **schema, "type": "object"}
    return schema, told


def flattened(schema: Json) -> Json:
    """Return a tool's schema without alternatives at its top, which OpenAI refuses (schemas of MCP servers have them).

    The properties of all alternatives are offered; required is what the schema itself and "allOf" require.
    """
    plain = {key: value for key, value in schema.items() if key not in COMBINATORS}
    properties: Json = {}
    required: list[Any] = []
    for key, holders in (("", [schema]), *((key, schema.get(key)) for key in ("allOf", "anyOf", "oneOf"))):
        for holder in holders if isinstance(holders, list) else ():
            if isinstance(holder, dict) and isinstance(holder.get("properties"), dict):
                properties = {**holder["properties"], **properties}
            if isinstance(holder, dict) and isinstance(holder.get("required"), list) and key in ("", "allOf"):
                required += [name for name in holder["required"] if name not in required]
    return {**plain, "properties": properties, **({"required": required} if required else {})}


# -- mistral: without the words that its grammar does not compile ------------------------------------------------------


def mistral(root: Json, lost: set[str]) -> Json:
    """Take out names of schemas, ``strict``, and that objects are closed: all their properties are named anyway."""

    def visit(schema: Any, depth: int = 0) -> Any:
        if not isinstance(schema, dict):
            return schema
        if depth > DEEPEST:
            lost.add(TOO_MUCH)
            return {}
        kept = {key: value for key, value in schema.items() if key not in ("$id", "$schema", "strict")}
        if kept.get("additionalProperties") is False:
            del kept["additionalProperties"]
        return rebuilt(kept, lambda inner: visit(inner, depth + 1))

    made: Json = visit(root)
    return made


# -- mfjs: Moonshot's own flavour --------------------------------------------------------------------------------------


def mfjs(root: Json, lost: set[str]) -> Json:
    """Say a schema in Moonshot's flavour: definitions at the root, a type in each branch, tuples as prefixItems."""
    definitions = {
        name: schema
        for key in ("definitions", "$defs")
        for name, schema in (root[key].items() if isinstance(root.get(key), dict) else ())
    }
    plain = {key: value for key, value in root.items() if key not in ("$schema", "$id", "definitions", "$defs")}
    if definitions:
        plain["$defs"] = definitions
    return _Moonshot(root, lost).node(plain, 0, frozenset())


class _Moonshot:
    def __init__(self, root: Json, lost: set[str]) -> None:
        self._root = root
        self._lost = lost
        self._left = MOST_NODES

    def node(self, schema: Any, depth: int, stack: frozenset[str]) -> Json:
        if schema is False:
            self._lost.add("false")
        if not isinstance(schema, dict):
            return {}  # "true" is refused
        self._left -= 1
        if depth > DEEPEST or self._left < 0:
            self._lost.add(TOO_MUCH)
            return {}
        if isinstance(schema.get("$ref"), str):
            return self._reference(schema, depth, stack)
        if depth and ("$defs" in schema or "definitions" in schema):
            schema = {key: value for key, value in schema.items() if key not in ("$defs", "definitions")}
        made = rebuilt(_one_type(self._tuple(schema), self._lost), lambda inner: self.node(inner, depth + 1, stack))
        return complete(_types_into_branches(made))

    def _reference(self, schema: Json, depth: int, stack: frozenset[str]) -> Json:
        """Keep a reference to a definition, and nothing beside it: its server expands it and finds conflicts."""
        reference: str = schema["$ref"]
        self._lost |= {key for key in schema if key != "$ref" and key not in ANNOTATIONS}
        name = reference.removeprefix("#/definitions/").removeprefix("#/$defs/")
        if at(self._root, reference) is not None and (reference == "#" or "/" not in name):
            return {"$ref": reference if reference == "#" else f"#/$defs/{name}"}
        found = at(self._root, reference)
        if found is None or reference in stack:
            self._lost.add("$ref")
            return {}
        return self.node(found, depth + 1, stack | {reference})

    def _tuple(self, schema: Json) -> Json:
        """Say places in the newer word; what comes behind them cannot be said."""
        items = schema.get("items")
        if isinstance(items, list):
            self._lost |= {"additionalItems"} & schema.keys()
            plain = {key: value for key, value in schema.items() if key not in ("items", "additionalItems")}
            return {**plain, "prefixItems": items}
        if "items" in schema and not isinstance(items, dict):
            if items is False:
                self._lost.add("items")
            return {key: value for key, value in schema.items() if key != "items"}
        return schema


def _one_type(schema: Json, lost: set[str]) -> Json:
    """Say several types as branches, and an enum of several types, or of other values than texts and numbers."""
    values = schema.get("enum")
    kinds = {type_of(value) for value in values} if isinstance(values, list) else set()
    if not (isinstance(schema.get("type"), list) or len(kinds) > 1 or kinds & NOT_IN_ENUMS):
        return schema
    if "anyOf" in schema:  # the branches say it once more, as a rule
        left_out = ("type", "enum")
        lost |= {*left_out} & schema.keys()
        return {key: value for key, value in schema.items() if key not in left_out}
    parts = by_type(schema)
    for part in parts:
        if part.get("type") in NOT_IN_ENUMS and "enum" in part:
            lost.add("enum")
            del part["enum"]
    said = {"type", "enum", "const", *(key for part in parts for key in part)}
    beside = {key: value for key, value in schema.items() if key not in said}
    return {**beside, **parts[0]} if len(parts) == 1 else {**beside, "anyOf": parts}


def _types_into_branches(schema: Json) -> Json:
    """Move the type into the branches that have none; beside them it is refused."""
    if "type" not in schema or not isinstance(schema.get("anyOf"), list):
        return schema
    kind = schema["type"]
    branches = [
        branch if "type" in branch or "$ref" in branch or "anyOf" in branch else {"type": kind, **branch}
        for branch in listed_schemas(schema["anyOf"])
    ]
    plain = {key: value for key, value in schema.items() if key != "type"}
    if branches:
        return {**plain, "anyOf": branches}
    del plain["anyOf"]
    return {**plain, "type": kind}


# every style but FULL, which is what a schema is anyway
STYLES: Mapping[SchemaStyle, Callable[[Json, set[str]], Json]] = {
    SchemaStyle.MISTRAL: mistral,
    SchemaStyle.MFJS: mfjs,
    SchemaStyle.GEMINI: gemini_schemas.said,
    SchemaStyle.GEMINI_JSON: gemini_json_schemas.said,
}
