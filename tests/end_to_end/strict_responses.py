"""What OpenAI's Responses endpoint refuses, as a pure function over one request; see ``strictness``, its neighbour.

Stricter than OpenAI in the same two ways, and in a third: a request must be stateless, so it stores nothing, refers to
nothing that was stored, and asks for reasoning as it can be sent back.
Source: OpenAI API reference, "create a model response"; its error texts.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from tests.end_to_end.strictness import (
    EFFORTS,
    IMAGE_TYPES,
    NAME,
    OUTPUT_LIMIT,
    TOOL_LIMIT,
    Vendor,
    closed,
    data_uri,
    header_faults,
    is_object,
    vocabulary,
)

type Json = dict[str, Any]

FIELDS = frozenset({
    "include", "input", "instructions", "max_output_tokens", "max_tool_calls", "metadata", "model",
    "parallel_tool_calls", "prompt_cache_key", "prompt_cache_options", "reasoning", "safety_identifier",
    "service_tier", "store", "stream", "stream_options", "temperature", "text", "tool_choice", "tools", "top_p",
    "truncation",
})  # fmt: skip
INCLUDED = frozenset({"reasoning.encrypted_content", "web_search_call.action.sources"})
REASONS = re.compile(r"o\d|codex|gpt-[5-9]")
ITEM_KEYS = {
    "message": frozenset({"type", "role", "content", "phase"}),
    "function_call": frozenset({"type", "call_id", "name", "arguments"}),
    "function_call_output": frozenset({"type", "call_id", "output"}),
    "reasoning": frozenset({"type", "id", "summary", "encrypted_content", "content"}),
    "web_search_call": frozenset({"type", "id", "status", "action"}),
}
OPTIONAL = frozenset({"phase", "content", "encrypted_content"})
PART_KEYS = {
    "input_text": frozenset({"type", "text"}),
    "input_image": frozenset({"type", "image_url", "detail"}),
    "input_file": frozenset({"type", "filename", "file_data"}),
}
LED_TO = frozenset({"message", "function_call", "web_search_call", "reasoning"})
CALL_ID_LIMIT = 64
SMALLEST_OUTPUT = 16
SEALED = "gAAAA"  # how OpenAI's encrypted content begins


def violations(headers: Mapping[str, str], body: object, *, key: str, vendor: Vendor = "openai") -> list[str]:
    """Every fault of one request; `headers` with lower-case names."""
    if not isinstance(body, dict):
        return ["$: the body is not a JSON object"]
    return [*header_faults(headers, key, vendor), *_fields(body), *vocabulary(body, "$"), *_input(body), *_tools(body)]


def _fields(body: Json) -> Iterator[str]:
    for name in body:
        if name not in FIELDS:
            yield f"$.{name}: Unknown parameter"
    model = body.get("model")
    if not isinstance(model, str) or not model:
        yield "$.model: missing"
        return
    reasons = bool(REASONS.match(model))
    if body.get("store") is not False:
        yield "$.store: something would be stored"
    if "stream" in body and not isinstance(body["stream"], bool):
        yield "$.stream: not a boolean"
    most = body.get("max_output_tokens", SMALLEST_OUTPUT)
    if not (type(most) is int and SMALLEST_OUTPUT <= most <= OUTPUT_LIMIT):
        yield f"$.max_output_tokens: {most!r} is not between {SMALLEST_OUTPUT} and {OUTPUT_LIMIT}"
    yield from _thinking(body, reasons)
    yield from _form((body.get("text") or {}).get("format"))


def _thinking(body: Json, reasons: bool) -> Iterator[str]:
    include = body.get("include", [])
    if not isinstance(include, list) or not INCLUDED.issuperset(include):
        yield f"$.include: {include!r}"
    elif ("reasoning.encrypted_content" in include) != reasons:
        yield "$.include: encrypted content is for models that reason, and for all of them"
    if not reasons:
        if "reasoning" in body:
            yield "$.reasoning: not supported with this model"
        return
    for name in sorted({"temperature", "top_p"} & set(body)):
        yield f"$.{name}: unsupported parameter with this model"
    reasoning = body.get("reasoning", {})
    if set(reasoning) - {"effort", "summary"} or reasoning.get("effort", "low") not in EFFORTS:
        yield f"$.reasoning: {reasoning!r}"
    if reasoning.get("summary", "auto") not in ("auto", "concise", "detailed"):
        yield f"$.reasoning.summary: {reasoning['summary']!r}"


def _form(form: Any) -> Iterator[str]:
    match form:
        case None | {"type": "text" | "json_object"}:
            return
        case {"type": "json_schema", "name": str(name), "schema": dict(schema), **rest}:
            if not NAME.fullmatch(name) or rest.keys() - {"strict", "description"}:
                yield f"$.text.format: {name!r}, {[*rest]}"
            if rest.get("strict"):
                yield from closed(schema, "$.text.format.schema")
        case _:
            yield f"$.text.format: {form!r}"


def _input(body: Json) -> Iterator[str]:
    items = body.get("input")
    if not isinstance(items, list) or not items:
        yield "$.input: not a non-empty array"
        return
    calls: list[str] = []
    for index, item in enumerate(items):
        path = f"$.input[{index}]"
        kind = item.get("type") if isinstance(item, dict) else None
        if kind not in ITEM_KEYS:
            yield f"{path}.type: {kind!r}"
            continue
        wrong = (set(item) - ITEM_KEYS[kind]) | (ITEM_KEYS[kind] - OPTIONAL - set(item)) - {"content"}
        for name in sorted(wrong):
            yield f"{path}.{name}: unknown or missing on a {kind} item"
        following = items[index + 1].get("type") if index + 1 < len(items) else None
        yield from _item(item, kind, following, calls, path)
    for call_id in calls:
        yield f"$.input: No tool output found for function call {call_id}."


def _item(item: Json, kind: str, following: str | None, calls: list[str], path: str) -> Iterator[str]:
    match kind:
        case "message":
            yield from _message(item, path)
        case "function_call":
            yield from _call(item, calls, path)
        case "function_call_output":
            if item.get("call_id") not in calls:
                yield f"{path}: No tool call found for function call output with call_id {item.get('call_id')}."
            else:
                calls.remove(item["call_id"])
            yield from _content(item.get("output"), f"{path}.output")
        case "reasoning":
            if following not in LED_TO:
                yield f"{path}: Item of type 'reasoning' was provided without its required following item."
            sealed = item.get("encrypted_content")
            if not str(item.get("id")).startswith("rs_") or not (sealed or item.get("content")):
                yield f"{path}: Items are not persisted when `store` is set to false."
            if sealed and not str(sealed).startswith(SEALED):
                yield f"{path}: The encrypted content could not be verified. (invalid_encrypted_content)"
        case _:
            if not str(item.get("id")).startswith("ws_"):
                yield f"{path}.id: {item.get('id')!r}"


def _message(item: Json, path: str) -> Iterator[str]:
    role, content = item.get("role"), item.get("content")
    if role not in ("user", "assistant", "system", "developer"):
        yield f"{path}.role: {role!r}"
    if "phase" in item and (role != "assistant" or item["phase"] not in ("commentary", "final_answer")):
        yield f"{path}.phase: {item['phase']!r}"
    if role != "user" and not isinstance(content, str):
        yield f"{path}.content: not a text"
    yield from _content(content, f"{path}.content")


def _call(item: Json, calls: list[str], path: str) -> Iterator[str]:
    call_id, name = item.get("call_id"), item.get("name")
    if not isinstance(call_id, str) or not 1 <= len(call_id) <= CALL_ID_LIMIT or call_id in calls:
        yield f"{path}.call_id: {call_id!r}"
    else:
        calls.append(call_id)
    if not isinstance(name, str) or not NAME.fullmatch(name):
        yield f"{path}.name: {name!r}"
    if not is_object(str(item.get("arguments"))):
        yield f"{path}.arguments: not a JSON object"


def _content(content: Any, path: str) -> Iterator[str]:
    if isinstance(content, str):
        if not content:
            yield f"{path}: empty"
        return
    if not isinstance(content, list) or not content:
        yield f"{path}: not a string or a non-empty array"
        return
    for index, part in enumerate(content):
        at = f"{path}[{index}]"
        kind = part.get("type") if isinstance(part, dict) else None
        if kind not in PART_KEYS:
            yield f"{at}.type: {kind!r}"
            continue
        for name in sorted(set(part) ^ PART_KEYS[kind]):
            yield f"{at}.{name}: unknown or missing on a {kind} part"
        if kind == "input_image" and not str(part.get("image_url")).startswith(("https://", "http://")):
            yield from data_uri(str(part.get("image_url")), IMAGE_TYPES, f"{at}.image_url")
        if kind == "input_file":
            yield from data_uri(str(part.get("file_data")), frozenset({"application/pdf"}), f"{at}.file_data")


def _tools(body: Json) -> Iterator[str]:
    tools = body.get("tools", [])
    names: list[str] = []
    if "tools" in body and not (isinstance(tools, list) and 1 <= len(tools) <= TOOL_LIMIT):
        yield f"$.tools: not an array of 1 to {TOOL_LIMIT}"
        return
    for index, tool in enumerate(tools):
        yield from _tool(tool, f"$.tools[{index}]", names)
    for name in ("tool_choice", "parallel_tool_calls", "max_tool_calls"):
        if name in body and not tools:
            yield f"$.{name}: only allowed when tools are specified"
    match body.get("tool_choice"):
        case None | "none" | "auto" | "required":
            return
        case {"type": "function", "name": str(name), **rest} if name in names and not rest:
            return
        case {"type": "allowed_tools", "mode": "auto" | "required", "tools": [*_]}:
            return
        case other:
            yield f"$.tool_choice: {other!r}"


def _tool(tool: Any, path: str, names: list[str]) -> Iterator[str]:
    match tool:
        case {"type": "function", "name": str(name), "parameters": dict(schema), "strict": False, **rest}:
            if not NAME.fullmatch(name) or name in names:
                yield f"{path}.name: {name!r} is malformed or not unique"
            names.append(name)
            if unknown := set(rest) - {"description"}:
                yield f"{path}: unknown keys {unknown}"
            if schema.get("type") != "object":
                yield f"{path}.parameters: the root is not of type object"
            elif forbidden := sorted({"oneOf", "anyOf", "allOf", "enum", "not"} & set(schema)):
                yield f"{path}.parameters: {forbidden} at the top level"
        case {"type": "web_search", **rest}:
            if unknown := set(rest) - {"filters", "user_location", "search_context_size"}:
                yield f"{path}: unknown keys {unknown}"
            if tool.get("filters", {}).keys() - {"allowed_domains"}:
                yield f"{path}.filters: {tool['filters']!r}"
        case _:
            yield f"{path}: not a function that is not strict, and no search: {json.dumps(tool)[:80]}"
