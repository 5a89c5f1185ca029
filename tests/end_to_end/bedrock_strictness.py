"""What Bedrock refuses, as a pure function over one request: by botocore's model of it, and by the rules in its pages.

`violations` gives every fault. botocore's own validator and serializer judge first: what they make of the same values
must be the very path and the very body. Then come enumerations, patterns and unions, which botocore leaves to the
server; then what only the user guide says of conversations. Of InvokeModel the body is Claude's: its fields and betas.
Sources: botocore 1.44, ``bedrock-runtime``; Amazon Bedrock user guide, "carry out a conversation", "tool use",
"Anthropic Claude Messages API".
"""

import base64
import binascii
import functools
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import botocore.session
from botocore.serialize import create_serializer
from botocore.validate import ParamValidator

from tests.end_to_end.strictness import HEADERS

type Json = dict[str, Any]

PATH = re.compile(r"/model/([^/]+)/(converse-stream|converse|invoke-with-response-stream|invoke)")
OPERATIONS = {
    "converse": "Converse",
    "converse-stream": "ConverseStream",
    "invoke": "InvokeModel",
    "invoke-with-response-stream": "InvokeModelWithResponseStream",
}
FRAMED = "application/vnd.amazon.eventstream"
CLAUDE_FIELDS = frozenset({
    "anthropic_beta", "anthropic_version", "context_management", "max_tokens", "messages", "metadata", "output_config",
    "safeguards", "stop_sequences", "system", "temperature", "thinking", "tool_choice", "tools", "top_k", "top_p",
})  # fmt: skip
CLAUDE_BETAS = frozenset({
    "compact-2026-01-12", "computer-use-2025-01-24", "computer-use-2025-11-24", "context-1m-2025-08-07",
    "context-management-2025-06-27", "dangerous-tool-use-2026-09-03", "effort-2025-11-24",
    "fine-grained-tool-streaming-2025-05-14", "mid-conversation-output-config-2026-07-01",
    "mid-conversation-tool-changes-2026-07-01", "thinking-binding-controls-2026-08-01",
    "thinking-display-updates-2026-08-18", "tool-search-tool-2025-10-19",
})  # fmt: skip
SERVER_TOOLS = ("web_search_", "web_fetch_", "code_execution_", "advisor_", "mcp_toolset")
SIGNS = {
    "x-anthropic-billing-header": "system: the client's attribution block",
    "detour1.": "messages: a signature that Anthropic never gave",
    '"scope": "global"': "cache_control.scope: Extra inputs are not permitted",
}
DOCUMENT_NAME = re.compile(r"(?!.* {2})[A-Za-z0-9 ()\[\]-]{1,200}")


@functools.cache
def service() -> Any:
    """botocore's model of the service; 0.3 s."""
    return botocore.session.get_session().get_service_model("bedrock-runtime")


def violations(headers: Mapping[str, str], path: str, body: object, *, key: str) -> list[str]:
    """Every fault of one request; `headers` with lower-case names."""
    found = PATH.fullmatch(path)
    if not found:
        return [f"{path}: no such operation"]
    if not isinstance(body, dict):
        return ["$: the body is not a JSON object"]
    action = found[2]
    faults = list(_headers(headers, action, key))
    if action.startswith("invoke"):
        return [*faults, *_claude(body)]
    faults += _modelled(path, body, OPERATIONS[action])
    return faults or list(_conversation(body))


def _headers(headers: Mapping[str, str], action: str, key: str) -> Iterator[str]:
    for name in headers:
        if name not in HEADERS | {"authorization"}:
            yield f"header {name}: not on the allow list"
    if headers.get("authorization") != f"Bearer {key}":
        yield "header authorization: not the backend's own key"
    accept = FRAMED if "stream" in action else "application/json"
    wanted = {"accept": accept, "accept-encoding": "identity", "content-type": "application/json"}
    for name, value in wanted.items():
        if headers.get(name) != value:
            yield f"header {name}: {headers.get(name)!r} is not {value}"


# -- by botocore's model -----------------------------------------------------------------------------------------------


def _modelled(path: str, body: Json, name: str) -> list[str]:
    operation = service().operation_model(name)
    model_id = re.sub("%([0-9A-F]{2})", lambda code: chr(int(code[1], 16)), path.split("/")[2])
    try:
        values = {**_values(body, operation.input_shape), "modelId": model_id}
    except (binascii.Error, TypeError) as error:
        return [f"$: a value of another type than it is modelled ({error})"]
    report = ParamValidator().validate(values, operation.input_shape)
    if report.has_errors():
        return [f"$: {report.generate_report()}"]
    made = create_serializer(service().metadata["protocol"]).serialize_to_request(values, operation)
    faults = [] if made["url_path"] == path else [f"{path}: botocore asks {made['url_path']}"]
    if json.loads(made["body"]) != body:
        faults.append(f"$: botocore writes the same values as {made['body']!r:.300}")
    model = _fine(model_id, operation.input_shape.members["modelId"], path)
    return [*faults, *model, *_fine(body, operation.input_shape, "$")]


def _values(value: Any, shape: Any) -> Any:
    """The values that botocore takes: bytes where the wire has base64."""
    if getattr(shape, "is_document_type", False):
        return value
    if shape.type_name == "structure" and isinstance(value, dict):
        return {
            name: _values(inner, shape.members[name]) if name in shape.members else inner
            for name, inner in value.items()
        }
    if shape.type_name == "list" and isinstance(value, list):
        return [_values(inner, shape.member) for inner in value]
    return base64.b64decode(value, validate=True) if shape.type_name == "blob" else value


def _fine(value: Any, shape: Any, path: str) -> Iterator[str]:
    """What botocore leaves to the server."""
    metadata = shape.metadata
    if "enum" in metadata and value not in metadata["enum"]:
        yield f"{path}: {value!r} is none of {metadata['enum']}"
    if "pattern" in metadata and not re.fullmatch(metadata["pattern"], value):
        yield f"{path}: {value!r:.60} does not fit {metadata['pattern']}"
    if shape.type_name == "string" and not metadata.get("min", 0) <= len(value) <= metadata.get("max", len(value)):
        yield f"{path}: {len(value)} characters"
    if getattr(shape, "is_document_type", False):
        return
    if shape.type_name == "structure":
        if getattr(shape, "is_tagged_union", False) and len(value) != 1:
            yield f"{path}: {sorted(value)} in a union"
        for name, inner in value.items():
            yield from _fine(inner, shape.members[name], f"{path}.{name}")
    elif shape.type_name == "list":
        for index, inner in enumerate(value):
            yield from _fine(inner, shape.member, f"{path}[{index}]")


# -- by the user guide -------------------------------------------------------------------------------------------------


def _conversation(body: Json) -> Iterator[str]:
    turns = [turn for turn in body["messages"] if turn["role"] != "system"]
    if not turns or turns[0]["role"] != "user":
        yield "$.messages: a conversation must start with a user message"
    names: list[str] = []
    open_calls: set[str] = set()
    called = False
    for index, turn in enumerate(turns):
        path, content = f"$.messages[{index}]", turn["content"]
        if index and turns[index - 1]["role"] == turn["role"]:
            yield f"{path}: a conversation must alternate between user and assistant roles"
        if not [part for part in content if "cachePoint" not in part]:
            yield f"{path}: no content"
        answered = [part["toolResult"]["toolUseId"] for part in content if "toolResult" in part]
        if set(answered) != open_calls or len(answered) != len(open_calls):
            yield f"{path}: {answered} are the results, where the calls are {sorted(open_calls)}"
        open_calls = {part["toolUse"]["toolUseId"] for part in content if "toolUse" in part}
        called = called or bool(open_calls)
        yield from _parts(content, path, names)
        if any("document" in part for part in content) and not any("text" in part for part in content):
            yield f"{path}: a document without a text"
    if open_calls:
        yield f"$.messages: {sorted(open_calls)} have no result"
    if called and "toolConfig" not in body:
        yield "$.toolConfig: must be defined where a message has toolUse"
    if len(set(names)) != len(names):
        yield f"$.messages: documents of one name, {names}"


def _parts(content: list[Json], path: str, names: list[str]) -> Iterator[str]:
    for index, part in enumerate(content):
        at = f"{path}[{index}]"
        if "text" in part and not part["text"].strip():
            yield f"{at}.text: blank"
        if "toolResult" in part:
            if any("toolResult" not in before for before in content[:index]):
                yield f"{at}: a result behind other content"
            if not part["toolResult"]["content"]:
                yield f"{at}: an empty result"
            yield from _parts(part["toolResult"]["content"], at, names)
        if "document" in part:
            names.append(part["document"]["name"])
            if not DOCUMENT_NAME.fullmatch(names[-1]):
                yield f"{at}.document.name: {names[-1]!r}"
        if "toolUse" in part and _has_empty_key(part["toolUse"]["input"]):
            yield f"{at}.toolUse.input: an empty key"


def _has_empty_key(value: Any) -> bool:
    if isinstance(value, dict):
        return "" in value or any(map(_has_empty_key, value.values()))
    return isinstance(value, list) and any(map(_has_empty_key, value))


def _claude(body: Json) -> Iterator[str]:
    if body.get("anthropic_version") != "bedrock-2023-05-31":
        yield f"$.anthropic_version: {body.get('anthropic_version')!r}"
    for name in sorted(set(body) - CLAUDE_FIELDS):
        yield f"{name}: Extra inputs are not permitted"
    for beta in body.get("anthropic_beta", ()):
        if beta not in CLAUDE_BETAS:
            yield f"invalid beta flag {beta}"
    for tool in body.get("tools", ()):
        if str(tool.get("type")).startswith(SERVER_TOOLS):
            yield f"tools: {tool['type']} is not supported"
    text = json.dumps(body)
    yield from (why for sign, why in SIGNS.items() if sign in text)
    if any("output_config" in turn for turn in body["messages"]):
        yield "output_config: Extra inputs are not permitted"
