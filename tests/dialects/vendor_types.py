"""What the vendors' own published types say of a chat-completions request: an oracle that nobody here wrote.

The `openai` package describes a request as TypedDicts. As pydantic reads them they let much pass: an unknown key is
dropped, and an `Iterable` is looked at only by whoever iterates over it. The same schema is closed here at every level,
its iterables are lists, and a union is decided by its `role` or `type`, so that a fault is told once.

What a vendor's own copy of the API knows besides is the table `ADDED`. A value that a row describes is taken out, and
what is left must be OpenAI's: a field that neither OpenAI nor a row knows is a fault, whoever it is sent to.
"""

import functools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypedDict

import orjson
from openai.types.chat.completion_create_params import (
    CompletionCreateParamsNonStreaming,
    CompletionCreateParamsStreaming,
)
from pydantic import TypeAdapter
from pydantic_core import SchemaValidator, ValidationError

DISCRIMINATORS = ("role", "type")


@dataclass(frozen=True, slots=True)
class Added:
    """One field of a vendor's own, or a value of its own in a field of OpenAI's."""

    providers: tuple[str, ...]
    path: str  # `a.*.b`: the field `b` of every item of the list `a`
    shape: Any  # a type; a value that does not fit it is not the vendor's
    source: str


class Toggle(TypedDict):
    """A switch for thinking."""

    type: Literal["enabled", "disabled"]


class Off(TypedDict):
    """OpenRouter's way to say "do not think"."""

    enabled: Literal[False]


class Effort(TypedDict):
    """OpenRouter's way to say how much to think."""

    effort: Literal["minimal", "low", "medium", "high", "xhigh"]


ADDED: tuple[Added, ...] = (
    Added(("deepseek",), "thinking", Toggle, "api-docs.deepseek.com, thinking mode"),
    Added(("zai", "bigmodel"), "thinking", Toggle, "docs.z.ai, deep thinking"),
    Added(("moonshot",), "thinking", Toggle, "platform.moonshot.ai, thinking models"),
    Added(("deepseek",), "messages.*.reasoning_content", str, "api-docs.deepseek.com, thinking mode with tool calls"),
    Added(("moonshot",), "messages.*.reasoning_content", str, "platform.moonshot.ai, thinking models with tools"),
    Added(("openrouter",), "reasoning", Off | Effort, "openrouter.ai/docs, reasoning tokens"),
    Added(("dashscope",), "enable_thinking", bool, "Alibaba Cloud Model Studio, deep thinking"),
    Added(("mistral",), "tool_choice", Literal["any"], "docs.mistral.ai, function calling"),
)


def violations(provider: str, body: bytes, added: Sequence[Added] = ADDED) -> list[str]:
    """Every fault of one request with its path, an empty list for a request that the provider's types take."""
    request = orjson.loads(body)
    for row in added:
        if provider in row.providers:
            _take_out(request, row.path.split("."), validator(row.shape))
    types = CompletionCreateParamsStreaming if request.get("stream") else CompletionCreateParamsNonStreaming
    try:
        validator(types).validate_python(request, strict=True)
    except ValidationError as error:
        return [f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors(include_url=False)]
    return []


def _take_out(holder: Any, path: Sequence[str], shape: SchemaValidator) -> None:
    name, *rest = path
    if name == "*":
        for item in holder if isinstance(holder, list) else ():
            _take_out(item, rest, shape)
    elif isinstance(holder, dict) and name in holder:
        if rest:
            _take_out(holder[name], rest, shape)
        elif shape.isinstance_python(holder[name], strict=True):
            del holder[name]


@functools.cache
def validator(wanted: Any) -> SchemaValidator:
    """A validator of a type that takes nothing which the type does not name."""
    schema = TypeAdapter(wanted).core_schema
    named = {found["ref"]: found for found in _dicts(schema) if "ref" in found}
    return SchemaValidator(_closed(schema, named))


def _dicts(schema: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(schema, Mapping):
        yield schema
        schema = list(schema.values())
    if isinstance(schema, list | tuple):
        for inner in schema:
            yield from _dicts(inner)


def _closed(schema: Any, named: Mapping[str, Any]) -> Any:
    """The core schema of pydantic, closed; `named` are the parts that others refer to."""
    if isinstance(schema, list | tuple):
        return type(schema)(_closed(inner, named) for inner in schema)
    if not isinstance(schema, Mapping):
        return schema
    closed = {key: _closed(inner, named) for key, inner in schema.items()}
    kind = schema.get("type")
    if kind == "typed-dict":
        closed["extra_behavior"] = "forbid"
    elif kind == "generator":
        closed["type"] = "list"
    elif kind == "union":
        for discriminator in DISCRIMINATORS:
            tags = [_tag(named.get(choice.get("schema_ref"), choice), discriminator) for choice in schema["choices"]]
            if None not in tags:
                tagged = dict(zip(tags, closed["choices"], strict=True))
                return {"type": "tagged-union", "discriminator": discriminator, "choices": tagged}
    return closed


def _tag(choice: Mapping[str, Any], discriminator: str) -> str | None:
    """The one value that a TypedDict's field `discriminator` may have."""
    fields = choice["fields"] if choice["type"] == "typed-dict" else {}
    match fields.get(discriminator):
        case {"schema": {"type": "literal", "expected": [str(tag)]}}:
            return tag
        case _:
            return None
