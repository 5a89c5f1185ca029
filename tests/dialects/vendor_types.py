"""What the vendors' own published types say of a chat-completions request: an oracle that nobody here wrote.

The `openai` package describes a request as TypedDicts. As pydantic reads them they let much pass: an unknown key is
dropped, and an `Iterable` is looked at only by whoever iterates over it. The same schema is closed here at every level,
its iterables are lists, and a union is decided by its `role` or `type`, so that a fault is told once.

What a vendor's own copy of the API knows besides is the table `ADDED`. A value that a row describes is taken out, and
what is left must be OpenAI's: a field that neither OpenAI nor a row knows is a fault, whoever it is sent to. What a
vendor refuses of OpenAI's is the table `NARROWED`.
"""

import functools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Never, NotRequired, TypedDict

import orjson
from openai.types.chat.completion_create_params import (
    CompletionCreateParamsNonStreaming,
    CompletionCreateParamsStreaming,
)
from pydantic import Field, StringConstraints, TypeAdapter
from pydantic_core import SchemaValidator, ValidationError

from addon.routing.backends import BACKENDS

type Json = dict[str, Any]

DISCRIMINATORS = ("role", "type")


@dataclass(frozen=True, slots=True)
class Row:
    """What a vendor's API knows in one place."""

    providers: tuple[str, ...]
    path: str  # `a.*.b`: the field `b` of every item of the list `a`; `a.*`: the items themselves
    shape: Any  # a type; Never where the field may not stand at all
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


class Switch(TypedDict):
    """Together's switch for thinking."""

    enabled: bool


class Adaptive(TypedDict):
    """MiniMax's switch for thinking."""

    type: Literal["adaptive", "disabled"]


class Signature(TypedDict):
    """What Gemini signs a call with."""

    thought_signature: str


class ExtraContent(TypedDict):
    """What Gemini's compatible endpoint adds to a call."""

    google: Signature


class ThinkingText(TypedDict):
    """A piece of Mistral's thinking."""

    type: Literal["text"]
    text: str


class Thinking(TypedDict):
    """A part of an assistant's content at Mistral."""

    type: Literal["thinking"]
    thinking: list[ThinkingText]


class DocumentUrl(TypedDict):
    """A part of a user's content at Mistral."""

    type: Literal["document_url"]
    document_url: str
    document_name: str


SomeText = Annotated[str, Field(min_length=1)]


class SearchTool(TypedDict):
    """OpenRouter's own tool."""

    type: Literal["openrouter:web_search"]
    parameters: NotRequired["SearchParameters"]


class SearchParameters(TypedDict, total=False):
    """Its options, as OpenRouter's SDK types them (WebSearchServerToolConfig)."""

    allowed_domains: list[str]
    excluded_domains: list[str]
    max_uses: int
    user_location: dict[str, str]


class GlmSearch(TypedDict):
    """What GLM's tool may be told."""

    enable: Literal[True]
    search_engine: Literal["search-prime", "search_std"]
    search_result: bool
    search_domain_filter: NotRequired[str]


class GlmTool(TypedDict):
    """GLM's own tool."""

    type: Literal["web_search"]
    web_search: GlmSearch


class BrowserSearch(TypedDict):
    """Groq's own tool."""

    type: Literal["browser_search"]


class SearchOptions(TypedDict, total=False):
    """DashScope's options of a search."""

    forced_search: bool
    search_strategy: Literal["turbo", "max", "agent", "agent_max"]
    assigned_site_list: list[str]


class Place(TypedDict, total=False):
    """Where Perplexity's search is made; OpenAI has the same one level deeper."""

    country: str
    region: str
    city: str


# a value of this shape is the vendor's own
ADDED: tuple[Row, ...] = (
    Row(("deepseek",), "thinking", Toggle, "api-docs.deepseek.com, thinking mode"),
    Row(("zai", "bigmodel"), "thinking", Toggle, "docs.z.ai, deep thinking"),
    Row(("moonshot",), "thinking", Toggle, "platform.moonshot.ai, thinking models"),
    Row(("deepseek",), "messages.*.reasoning_content", str, "api-docs.deepseek.com, thinking mode with tool calls"),
    # empty it counts as missing, with a 400: earendil-works/pi#4179, theopenco/llmgateway#2093
    Row(("zai", "bigmodel"), "messages.*.reasoning_content", str, "docs.z.ai, thinking mode with tool calls"),
    Row(("moonshot",), "messages.*.reasoning_content", SomeText, "platform.moonshot.ai, thinking models with tools"),
    Row(("litellm", "litellm-proxy"), "messages.*.reasoning_content", str, "docs.litellm.ai, reasoning_content"),
    Row(("litellm", "litellm-proxy"), "messages.*.thinking_blocks", list[Json], "docs.litellm.ai, reasoning_content"),
    Row(("openrouter",), "reasoning", Off | Effort, "openrouter.ai/docs, reasoning tokens"),
    Row(("openrouter", "minimax"), "messages.*.reasoning_details", list[Json], "openrouter.ai/docs, reasoning tokens"),
    Row(("openrouter", "minimax", "groq"), "messages.*.reasoning", str, "openrouter.ai/docs; console.groq.com/docs"),
    Row(("groq",), "reasoning_format", Literal["parsed"], "console.groq.com/docs, reasoning"),
    Row(("minimax",), "thinking", Adaptive, "platform.minimax.io, OpenAI API compatible"),
    Row(("minimax",), "reasoning_split", Literal[True], "platform.minimax.io, OpenAI API compatible"),
    Row(("together",), "reasoning", Switch, "docs.together.ai, reasoning"),
    Row(("dashscope",), "enable_thinking", bool, "Alibaba Cloud Model Studio, deep thinking"),
    Row(("dashscope",), "thinking_budget", int, "Alibaba Cloud Model Studio, deep thinking"),
    Row(("dashscope",), "preserve_thinking", Literal[True], "Alibaba Cloud Model Studio, deep thinking"),
    Row(("dashscope",), "messages.*.reasoning_content", str, "Alibaba Cloud Model Studio, deep thinking"),
    Row(("zai", "bigmodel"), "tool_stream", Literal[True], "docs.z.ai, tool streaming"),
    Row(
        ("gemini-chat",),
        "messages.*.tool_calls.*.extra_content",
        ExtraContent,
        "ai.google.dev, thought signatures",
    ),
    Row(("mistral",), "messages.*.content.*", Thinking | DocumentUrl, "docs.mistral.ai, reasoning; document QnA"),
    Row(("mistral",), "tool_choice", Literal["any"], "docs.mistral.ai, function calling"),
    Row(("openrouter",), "tools.*", SearchTool, "openrouter.ai/docs, web search server tool"),
    Row(("zai", "bigmodel"), "tools.*", GlmTool, "docs.z.ai, web search in chat"),
    Row(("groq",), "tools.*", BrowserSearch, "console.groq.com/docs, browser search"),
    Row(("dashscope",), "enable_search", Literal[True], "Alibaba Cloud Model Studio, web search"),
    Row(("dashscope",), "search_options", SearchOptions, "Alibaba Cloud Model Studio, web search"),
    Row(("perplexity",), "search_domain_filter", list[str], "docs.perplexity.ai, Sonar filters"),
    Row(("perplexity",), "web_search_options.user_location", Place, "docs.perplexity.ai, Sonar filters"),
)


NineLetters = Annotated[str, StringConstraints(pattern=r"^[a-zA-Z0-9]{9}$")]


class PlainFormat(TypedDict):
    """JSON of any form."""

    type: Literal["text", "json_object"]


GLM = "docs.z.ai, chat completion"

# a value of OpenAI's must be of this shape too
NARROWED: tuple[Row, ...] = (
    Row(("deepseek",), "response_format", PlainFormat, "api-docs.deepseek.com, JSON output"),
    Row(("zai", "bigmodel"), "response_format", PlainFormat, GLM),
    Row(("zai", "bigmodel"), "tool_choice", Literal["auto", "none"], GLM),
    Row(("zai", "bigmodel"), "stop", Annotated[list[str], Field(max_length=1)], GLM),
    Row(
        ("mistral",), "stream_options", Never, "422, extra_forbidden: cline/cline#582, openai/openai-agents-python#442"
    ),
    Row(("mistral",), "max_completion_tokens", Never, "422, extra_forbidden: editor-code-assistant/eca#231"),
    Row(("mistral",), "tool_choice", Literal["auto", "any", "none"], "docs.mistral.ai, function calling"),
    Row(("mistral",), "messages.*.tool_call_id", NineLetters, "its error text names the pattern"),
    Row(("mistral",), "messages.*.tool_calls.*.id", NineLetters, "its error text names the pattern"),
)


def violations(
    provider: str, body: bytes, added: Sequence[Row] = ADDED, narrowed: Sequence[Row] = NARROWED
) -> list[str]:
    """Every fault of one request with its path, an empty list for a request that the provider's types take."""
    request, vendors = orjson.loads(body), kin(provider)
    faults = [
        f"{row.path}: {holder[name]!r} is not for {provider} ({row.source})"
        for row in narrowed
        if vendors.intersection(row.providers)
        for holder, name in _places(request, row.path.split("."))
        if not _fits(holder[name], row.shape)
    ]
    for row in added:
        if vendors.intersection(row.providers):
            for holder, name in reversed([*_places(request, row.path.split("."))]):
                if _fits(holder[name], row.shape):
                    del holder[name]
    types = CompletionCreateParamsStreaming if request.get("stream") else CompletionCreateParamsNonStreaming
    try:
        validator(types).validate_python(request, strict=True)
    except ValidationError as error:
        faults += [f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors(include_url=False)]
    return faults


def kin(provider: str) -> set[str]:
    """The provider, and those that it is like: the same vendor at another address."""
    found: set[str] = set()
    while provider and provider not in found:
        found.add(provider)
        provider = BACKENDS[provider].like if provider in BACKENDS else ""
    return found


def _places(holder: Any, path: Sequence[str]) -> Iterator[tuple[Any, Any]]:
    """Each dict that holds the last name of the path, with that name; for a last `*`, each place of the list."""
    name, *rest = path
    if name == "*":
        for index, item in enumerate(holder if isinstance(holder, list) else ()):
            yield from _places(item, rest) if rest else [(holder, index)]
    elif isinstance(holder, dict) and name in holder:
        if rest:
            yield from _places(holder[name], rest)
        else:
            yield holder, name


def _fits(value: Any, shape: Any) -> bool:
    return shape is not Never and validator(shape).isinstance_python(value, strict=True)


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
