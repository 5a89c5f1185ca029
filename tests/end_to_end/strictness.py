"""What OpenAI's chat-completions endpoint refuses, as a pure function over one request.

`violations` gives every fault with its JSON path, an empty list for a request that OpenAI would take. It is stricter in
two ways, both on purpose: a header that is not on the allow list is a fault (a client credential must not get here),
and so is a word of Anthropic's vocabulary as a key anywhere outside a tool's own JSON schema.
Source: OpenAI API reference, "create chat completion".
"""

import base64
import binascii
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Literal

type Json = dict[str, Any]

HEADERS = frozenset({
    "accept", "accept-encoding", "connection", "content-length", "content-type", "host",
    "user-agent",
})  # fmt: skip

FIELDS = frozenset({
    "frequency_penalty", "logit_bias", "logprobs", "max_completion_tokens", "max_tokens", "messages", "metadata",
    "modalities", "model", "n", "parallel_tool_calls", "prediction", "presence_penalty", "prompt_cache_key",
    "prompt_cache_options", "prompt_cache_retention", "reasoning_effort", "response_format", "safety_identifier",
    "seed", "service_tier", "stop", "store", "stream", "stream_options", "temperature", "tool_choice", "tools",
    "top_logprobs", "top_p", "user", "verbosity", "web_search_options",
})  # fmt: skip

ANTHROPIC_KEYS = frozenset({
    "anthropic_version", "betas", "cache_control", "context_management", "defer_loading", "diagnostics",
    "disable_parallel_tool_use", "input_schema", "is_error", "output_config", "safeguards", "signature",
    "stop_sequences", "system", "thinking", "tool_use_id", "user_id",
})  # fmt: skip

ROLE_KEYS = {
    "system": frozenset({"role", "content", "name"}),
    "developer": frozenset({"role", "content", "name"}),
    "user": frozenset({"role", "content", "name"}),
    "assistant": frozenset({"role", "content", "name", "tool_calls", "refusal"}),
    "tool": frozenset({"role", "content", "tool_call_id"}),
}

# What a vendor's own copy of the API knows besides: DeepSeek has a switch for thinking and wants its reasoning text
# back, OpenRouter searches with a tool of its own, Azure takes its key in a header of its own.
type Vendor = Literal["openai", "deepseek", "azure", "openrouter", "zai", "dashscope", "minimax"]
VENDOR_FIELDS: dict[Vendor, frozenset[str]] = {
    "deepseek": frozenset({"thinking"}),
    "openrouter": frozenset({"reasoning"}),
    "zai": frozenset({"thinking", "tool_stream"}),
    "dashscope": frozenset({"enable_thinking", "preserve_thinking", "thinking_budget"}),
    "minimax": frozenset({"reasoning_split", "thinking"}),
}
VENDOR_ASSISTANT_KEYS: dict[Vendor, frozenset[str]] = {
    "deepseek": frozenset({"reasoning_content"}),
    "openrouter": frozenset({"reasoning", "reasoning_details"}),
}
VENDOR_TOOLS: dict[Vendor, Mapping[str, frozenset[str]]] = {  # type of a tool -> its parameters
    "openrouter": {
        "openrouter:web_search": frozenset({"allowed_domains", "excluded_domains", "max_uses", "user_location"})
    }
}

PART_KEYS = {
    "text": frozenset({"type", "text"}),
    "image_url": frozenset({"type", "image_url"}),
    "file": frozenset({"type", "file"}),
    "refusal": frozenset({"type", "refusal"}),
}

ROLE_PARTS = {
    "system": frozenset({"text"}),
    "developer": frozenset({"text"}),
    "user": frozenset({"text", "image_url", "file"}),
    "assistant": frozenset({"text", "refusal"}),
    "tool": frozenset({"text"}),
}

EFFORTS = frozenset({"none", "minimal", "low", "medium", "high", "xhigh", "max"})
NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
DATA_URI = re.compile(r"data:([a-z]+/[a-z0-9.+-]+);base64,(.*)", re.DOTALL)
IMAGE_TYPES = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})
CALL_ID_LIMIT = 40  # OpenAI refuses longer ids: "string too long. Expected a string with maximum length 40"
TOOL_LIMIT = 128  # OpenAI: "array too long. Expected an array with maximum length 128"
STOP_LIMIT = 4
OUTPUT_LIMIT = 128_000  # gpt-5.x: "max_completion_tokens is too large ... supports at most 128000"


def violations(headers: Mapping[str, str], body: object, *, key: str, vendor: Vendor = "openai") -> list[str]:
    """Every fault of one request; `headers` with lower-case names."""
    if not isinstance(body, dict):
        return ["$: the body is not a JSON object"]
    judged = {name: value for name, value in body.items() if name not in VENDOR_FIELDS.get(vendor, ())}
    return [
        *header_faults(headers, key, vendor),
        *_fields(judged),
        *vocabulary(judged, "$"),
        *_messages(judged, vendor),
        *_tools(judged, vendor),
    ]


def header_faults(headers: Mapping[str, str], key: str, vendor: Vendor) -> Iterator[str]:
    """Whatever the format."""
    credential, value = ("api-key", key) if vendor == "azure" else ("authorization", f"Bearer {key}")
    for name in headers:
        if name not in HEADERS and name != credential:
            yield f"header {name}: not on the allow list"
    if headers.get(credential) != value:
        yield f"header {credential}: not the backend's own key"
    if headers.get("accept-encoding") != "identity":
        yield f"header accept-encoding: {headers.get('accept-encoding')!r} is not identity"
    if headers.get("content-type", "").split(";")[0] != "application/json":
        yield f"header content-type: {headers.get('content-type')!r}"
    if headers.get("user-agent", "").lower().startswith(("claude-cli", "claude-code")):
        yield "header user-agent: names the client"


def _fields(body: Json) -> Iterator[str]:
    for name in body:
        if name not in FIELDS:
            yield f"$.{name}: unrecognized request argument"
    model = body.get("model")
    if not isinstance(model, str) or not model:
        yield "$.model: missing"
    elif re.match(r"gpt-5|o\d", model):
        for name in sorted({"max_tokens", "temperature", "top_p"} & set(body)):
            yield f"$.{name}: unsupported parameter with this model"
    if "stream" in body and not isinstance(body["stream"], bool):
        yield "$.stream: not a boolean"
    if "stream_options" in body and body.get("stream") is not True:
        yield "$.stream_options: only allowed when stream is true"
    yield from _knobs(body)
    yield from _response_format(body.get("response_format"))


def _knobs(body: Json) -> Iterator[str]:
    if "max_tokens" in body and "max_completion_tokens" in body:
        yield "$.max_tokens: given together with max_completion_tokens"
    for name in ("max_tokens", "max_completion_tokens"):
        if name in body and not (type(body[name]) is int and 1 <= body[name] <= OUTPUT_LIMIT):
            yield f"$.{name}: {body[name]!r} is not between 1 and {OUTPUT_LIMIT}"
    if body.get("n", 1) != 1:
        yield "$.n: the reply is read as one choice"
    stops = body.get("stop", ["-"])
    stops = [stops] if isinstance(stops, str) else stops
    if not (isinstance(stops, list) and 1 <= len(stops) <= STOP_LIMIT and all(s and isinstance(s, str) for s in stops)):
        yield f"$.stop: {stops!r} is not a string or 1 to {STOP_LIMIT} strings"
    if body.get("reasoning_effort", "none") not in EFFORTS:
        yield f"$.reasoning_effort: {body['reasoning_effort']!r}"


def _response_format(form: Any) -> Iterator[str]:
    match form:
        case None | {"type": "text" | "json_object"}:
            return
        case {"type": "json_schema", "json_schema": {"name": str(name), "schema": dict(schema)} as named}:
            if not NAME.fullmatch(name):
                yield f"$.response_format.json_schema.name: {name!r}"
            if unknown := set(named) - {"name", "schema", "strict", "description"}:
                yield f"$.response_format.json_schema: unknown keys {unknown}"
            if named.get("strict"):
                yield from closed(schema, "$.response_format.json_schema.schema")
        case _:
            yield f"$.response_format: {form!r}"


def closed(schema: Json, path: str) -> Iterator[str]:
    """Strict mode wants every object closed and every property required."""
    if schema.get("type") == "object":
        properties = schema.get("properties", {})
        if schema.get("additionalProperties") is not False:
            yield f"{path}.additionalProperties: must be false in strict mode"
        if sorted(schema.get("required", [])) != sorted(properties):
            yield f"{path}.required: must name every property in strict mode"
        for name, inner in properties.items():
            yield from closed(inner, f"{path}.properties.{name}")
    if isinstance(schema.get("items"), dict):
        yield from closed(schema["items"], f"{path}.items")


def vocabulary(value: object, path: str) -> Iterator[str]:
    """Words of Anthropic's as keys, and the attribution block anywhere."""
    if isinstance(value, dict):
        for name, inner in value.items():
            if name in ANTHROPIC_KEYS:
                yield f"{path}.{name}: Anthropic's word"
            if name not in ("parameters", "schema"):
                yield from vocabulary(inner, f"{path}.{name}")
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from vocabulary(inner, f"{path}[{index}]")
    elif isinstance(value, str) and value.startswith("x-anthropic-billing-header"):
        yield f"{path}: the client's attribution block"


def _messages(body: Json, vendor: Vendor) -> Iterator[str]:
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages:
        yield "$.messages: not a non-empty array"
        return
    open_calls: list[str] = []
    for index, message in enumerate(messages):
        path = f"$.messages[{index}]"
        role = message.get("role") if isinstance(message, dict) else None
        if role not in ROLE_KEYS:
            yield f"{path}.role: {role!r}"
            continue
        allowed = ROLE_KEYS[role]
        if role == "assistant":
            allowed |= VENDOR_ASSISTANT_KEYS.get(vendor, frozenset())
        for name in sorted(set(message) - allowed):
            yield f"{path}.{name}: not allowed in the role {role}"
        yield from _content(message, role, path)
        if role == "tool":
            yield from _answer(message, open_calls, path)
            continue
        if open_calls:
            yield f"{path}: calls {open_calls} were not answered by tool messages"
        open_calls = []
        if role == "assistant":
            yield from _calls(message, path)
            open_calls = [call.get("id", "") for call in message.get("tool_calls") or [] if isinstance(call, dict)]
    if open_calls:
        yield f"$.messages: calls {open_calls} were not answered by tool messages"


def _answer(message: Json, open_calls: list[str], path: str) -> Iterator[str]:
    call_id = message.get("tool_call_id")
    if not isinstance(call_id, str) or call_id not in open_calls:
        yield f"{path}.tool_call_id: {call_id!r} answers no open call"
        return
    open_calls.remove(call_id)


def _calls(message: Json, path: str) -> Iterator[str]:
    calls = message.get("tool_calls")
    if calls is None and "tool_calls" not in message:
        if message.get("content") in (None, "", []):
            yield f"{path}: an assistant message with neither content nor tool calls"
        return
    if not isinstance(calls, list) or not calls:
        yield f"{path}.tool_calls: not a non-empty array"
        return
    for index, call in enumerate(calls):
        at = f"{path}.tool_calls[{index}]"
        match call:
            case {"id": str(call_id), "type": "function", "function": {"name": str(name), "arguments": str(arguments)}}:
                if not 1 <= len(call_id) <= CALL_ID_LIMIT:
                    yield f"{at}.id: {len(call_id)} characters"
                if set(call) != {"id", "type", "function"} or set(call["function"]) != {"name", "arguments"}:
                    yield f"{at}: unknown keys"
                if not NAME.fullmatch(name):
                    yield f"{at}.function.name: {name!r}"
                if not is_object(arguments):
                    yield f"{at}.function.arguments: not a JSON object"
            case _:
                yield f"{at}: not a function call"


def is_object(text: str) -> bool:
    """Whether a text is a JSON object."""
    try:
        return isinstance(json.loads(text), dict)
    except ValueError:
        return False


def _content(message: Json, role: str, path: str) -> Iterator[str]:
    content = message.get("content")
    if isinstance(content, str) or (content is None and role == "assistant"):
        return
    if not isinstance(content, list) or not content:
        yield f"{path}.content: not a string or a non-empty array"
        return
    for index, part in enumerate(content):
        at = f"{path}.content[{index}]"
        kind = part.get("type") if isinstance(part, dict) else None
        if kind not in ROLE_PARTS[role]:
            yield f"{at}.type: {kind!r} is not allowed in the role {role}"
            continue
        for name in sorted(set(part) ^ PART_KEYS[kind]):
            yield f"{at}.{name}: unknown or missing on a {kind} part"
        yield from _media(part, at)


def _media(part: Json, path: str) -> Iterator[str]:
    match part:
        case {"type": "text", "text": str()} | {"type": "refusal", "refusal": str()}:
            return
        case {"type": "image_url", "image_url": {"url": str(url), **rest}}:
            if unknown := set(rest) - {"detail"}:
                yield f"{path}.image_url: unknown keys {unknown}"
            if not url.startswith(("https://", "http://")):
                yield from data_uri(url, IMAGE_TYPES, f"{path}.image_url.url")
        case {"type": "file", "file": {"file_data": str(uri), "filename": str(), **rest}} if not rest:
            yield from data_uri(uri, frozenset({"application/pdf"}), f"{path}.file.file_data")
        case _:
            yield f"{path}: malformed {part.get('type')} part"


def data_uri(uri: str, media_types: frozenset[str], path: str) -> Iterator[str]:
    """Whether it holds something, of one of these types."""
    found = DATA_URI.fullmatch(uri)
    if not found or found[1] not in media_types:
        yield f"{path}: {uri[:40]!r} is not a data URI of {sorted(media_types)}"
        return
    try:
        if not base64.b64decode(found[2], validate=True):
            yield f"{path}: empty"
    except binascii.Error:
        yield f"{path}: not base64"


def _tools(body: Json, vendor: Vendor) -> Iterator[str]:
    tools = body.get("tools")
    names: list[str] = []
    if "tools" in body:
        if not isinstance(tools, list) or not 1 <= len(tools) <= TOOL_LIMIT:
            yield f"$.tools: not an array of 1 to {TOOL_LIMIT}"
            return
        for index, tool in enumerate(tools):
            yield from _tool(tool, f"$.tools[{index}]", names, VENDOR_TOOLS.get(vendor, {}))
    for name in ("tool_choice", "parallel_tool_calls"):
        if name in body and not tools:
            yield f"$.{name}: only allowed when tools are specified"
    match body.get("tool_choice"):
        case None | "none" | "auto" | "required":
            return
        case {"type": "function", "function": {"name": str(name)}} if name in names:
            return
        case {"type": "allowed_tools", "allowed_tools": {"mode": "auto" | "required", "tools": [*_]}}:
            return
        case other:
            yield f"$.tool_choice: {other!r}"


def _tool(tool: Any, path: str, names: list[str], own: Mapping[str, frozenset[str]]) -> Iterator[str]:
    match tool:
        case {"type": "function", "function": {"name": str(name), **rest}} if set(tool) == {"type", "function"}:
            if not NAME.fullmatch(name) or name in names:
                yield f"{path}.function.name: {name!r} is malformed or not unique"
            names.append(name)
            if unknown := set(rest) - {"description", "parameters", "strict"}:
                yield f"{path}.function: unknown keys {unknown}"
            schema = rest.get("parameters", {"type": "object"})
            if not isinstance(schema, dict) or schema.get("type") != "object":
                yield f"{path}.function.parameters: the root is not of type object"
            elif forbidden := sorted({"oneOf", "anyOf", "allOf", "enum", "not"} & set(schema)):
                yield f"{path}.function.parameters: {forbidden} at the top level"
        case {"type": str(kind), "parameters": dict(parameters)} if kind in own and set(tool) == {"type", "parameters"}:
            if unknown := set(parameters) - own[kind]:
                yield f"{path}.parameters: unknown keys {unknown}"
        case {"type": str(kind)} if kind in own and set(tool) == {"type"}:
            return
        case _:
            yield f"{path}: not a function tool"
