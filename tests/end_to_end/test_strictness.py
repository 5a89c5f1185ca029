"""The strict backend would be worthless if it let things pass: every rule is shown to catch its violation."""

import base64
import copy
from collections.abc import Callable
from typing import Any

import pytest

from tests.end_to_end.strictness import Json, violations

KEY = "sk-test"
PNG = "data:image/png;base64," + base64.b64encode(b"\x89PNG").decode()
PDF = "data:application/pdf;base64," + base64.b64encode(b"%PDF-1.4").decode()
HEADERS = {
    "host": "127.0.0.1",
    "authorization": f"Bearer {KEY}",
    "accept-encoding": "identity",
    "content-type": "application/json",
}
REQUEST: Json = {
    "model": "gpt-5.5",
    "stream": True,
    "stream_options": {"include_usage": True},
    "max_completion_tokens": 128_000,
    "reasoning_effort": "medium",
    "tool_choice": "auto",
    "parallel_tool_calls": True,
    "stop": ["</severity>"],
    "response_format": {
        "type": "json_schema",
        "json_schema": {
            "name": "title",
            "strict": True,
            "schema": {
                "type": "object",
                "properties": {"title": {"type": "string"}},
                "required": ["title"],
                "additionalProperties": False,
            },
        },
    },
    "tools": [
        {
            "type": "function",
            "function": {
                "name": "Bash",
                "description": "Run it",
                "strict": False,
                "parameters": {"type": "object", "properties": {"thinking": {"type": "string"}}},
            },
        }
    ],
    "messages": [
        {"role": "system", "content": "You are helpful."},
        {
            "role": "user",
            "content": [{"type": "text", "text": "list"}, {"type": "image_url", "image_url": {"url": PNG}}],
        },
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {"id": "call_1", "type": "function", "function": {"name": "Bash", "arguments": '{"command":"ls"}'}},
                {"id": "call_2", "type": "function", "function": {"name": "Bash", "arguments": "{}"}},
            ],
        },
        {"role": "tool", "tool_call_id": "call_2", "content": "b"},
        {"role": "tool", "tool_call_id": "call_1", "content": [{"type": "text", "text": "a"}]},
        {"role": "user", "content": [{"type": "file", "file": {"filename": "a.pdf", "file_data": PDF}}]},
        {"role": "assistant", "content": "Done."},
        {"role": "user", "content": "thanks"},
    ],
}

type Spoil = Callable[[Any], object]


def schema(body: Json) -> Json:
    found: Json = body["response_format"]["json_schema"]["schema"]
    return found


def function(body: Json) -> Json:
    found: Json = body["tools"][0]["function"]
    return found


def calls(body: Json) -> list[Json]:
    found: list[Json] = body["messages"][2]["tool_calls"]
    return found


SPOILED_BODIES: dict[str, tuple[Spoil, str]] = {
    "unknown field": (lambda b: b.update(thinking={"type": "adaptive"}), "$.thinking: unrecognized"),
    "no model": (lambda b: b.pop("model"), "$.model: missing"),
    "stream is no boolean": (lambda b: b.update(stream="yes"), "$.stream: not a boolean"),
    "stream options of a whole reply": (lambda b: b.update(stream=False), "$.stream_options"),
    "both output limits": (lambda b: b.update(max_tokens=5), "$.max_tokens: given together"),
    "old limit on a new model": (
        lambda b: b.update(max_tokens=b.pop("max_completion_tokens")),
        "$.max_tokens: unsupported",
    ),
    "limit above the model's": (lambda b: b.update(max_completion_tokens=128_001), "$.max_completion_tokens: 128001"),
    "temperature on a reasoning model": (lambda b: b.update(temperature=1), "$.temperature: unsupported"),
    "two choices": (lambda b: b.update(n=2), "$.n"),
    "five stops": (lambda b: b.update(stop=list("abcde")), "$.stop"),
    "no stops": (lambda b: b.update(stop=[]), "$.stop"),
    "unknown effort": (lambda b: b.update(reasoning_effort="ultra"), "$.reasoning_effort"),
    "Anthropic's format": (
        lambda b: b.update(response_format={"type": "json_schema", "schema": {}}),
        "$.response_format",
    ),
    "unknown key in the format": (
        lambda b: b["response_format"]["json_schema"].update(x=1),
        "$.response_format.json_schema",
    ),
    "open schema in strict mode": (
        lambda b: schema(b).pop("additionalProperties"),
        "additionalProperties: must be false",
    ),
    "optional property in strict mode": (lambda b: schema(b).update(required=[]), "required: must name every property"),
    "cache_control in a part": (
        lambda b: b["messages"][1]["content"][0].update(cache_control={"type": "ephemeral"}),
        "$.messages[1].content[0].cache_control: Anthropic's word",
    ),
    "user id in metadata": (lambda b: b.update(metadata={"user_id": "x"}), "$.metadata.user_id: Anthropic's word"),
    "deferred tool": (lambda b: b["tools"][0].update(defer_loading=True), "defer_loading: Anthropic's word"),
    "attribution block": (
        lambda b: b["messages"][0].update(content="x-anthropic-billing-header: cc_version=2.1.329"),
        "attribution block",
    ),
    "no messages": (lambda b: b.update(messages=[]), "$.messages: not a non-empty"),
    "unknown role": (lambda b: b["messages"][7].update(role="human"), "$.messages[7].role: 'human'"),
    "unknown key on a message": (
        lambda b: b["messages"][6].update(reasoning_content="x"),
        "reasoning_content: not allowed",
    ),
    "answer to nothing": (lambda b: b["messages"][3].update(tool_call_id="call_9"), "'call_9' answers no open call"),
    "second answer": (lambda b: b["messages"][3].update(tool_call_id="call_1"), "'call_1' answers no open call"),
    "missing answer": (lambda b: b["messages"].pop(4), "$.messages[4]: calls ['call_1'] were not answered"),
    "missing answer at the end": (lambda b: b["messages"].__delitem__(slice(4, None)), "$.messages: calls ['call_1']"),
    "text between call and answer": (
        lambda b: b["messages"].insert(3, {"role": "user", "content": "x"}),
        "$.messages[3]: calls ['call_1', 'call_2'] were not answered",
    ),
    "assistant says nothing": (lambda b: b["messages"][6].update(content=None), "neither content nor tool calls"),
    "empty list of calls": (lambda b: b["messages"][6].update(tool_calls=[]), "tool_calls: not a non-empty array"),
    "call id too long": (lambda b: calls(b)[0].update(id="c" * 41), "tool_calls[0].id: 41 characters"),
    "call in Anthropic's shape": (lambda b: calls(b)[0].update(type="tool_use"), "tool_calls[0]: not a function call"),
    "unknown key on a call": (lambda b: calls(b)[0].update(index=0), "tool_calls[0]: unknown keys"),
    "malformed call name": (lambda b: calls(b)[0]["function"].update(name="a b"), "tool_calls[0].function.name: 'a b'"),
    "arguments no object": (lambda b: calls(b)[0]["function"].update(arguments='"x"'), "arguments: not a JSON object"),
    "arguments no JSON": (lambda b: calls(b)[0]["function"].update(arguments="{"), "arguments: not a JSON object"),
    "image in a tool message": (
        lambda b: b["messages"][4].update(content=[{"type": "image_url", "image_url": {"url": PNG}}]),
        "'image_url' is not allowed in the role tool",
    ),
    "image block in Anthropic's shape": (
        lambda b: b["messages"][1].update(content=[{"type": "image", "source": {}}]),
        "'image' is not allowed in the role user",
    ),
    "empty content": (lambda b: b["messages"][1].update(content=[]), "content: not a string or a non-empty array"),
    "null content": (lambda b: b["messages"][1].update(content=None), "content: not a string or a non-empty array"),
    "unknown key on a part": (lambda b: b["messages"][1]["content"][0].update(x=1), "content[0].x: unknown or missing"),
    "data URI of no image": (
        lambda b: b["messages"][1]["content"][1]["image_url"].update(url="data:image/tiff;base64,AAAA"),
        "is not a data URI of",
    ),
    "data URI without base64": (
        lambda b: b["messages"][1]["content"][1]["image_url"].update(url="data:image/png;base64,@@@@"),
        "image_url.url: not base64",
    ),
    "empty data URI": (
        lambda b: b["messages"][1]["content"][1]["image_url"].update(url="data:image/png;base64,"),
        "image_url.url: empty",
    ),
    "unknown key on an image": (
        lambda b: b["messages"][1]["content"][1]["image_url"].update(media_type="image/png"),
        "image_url: unknown keys",
    ),
    "file without a name": (lambda b: b["messages"][5]["content"][0]["file"].pop("filename"), "malformed file part"),
    "bare base64 file": (
        lambda b: b["messages"][5]["content"][0]["file"].update(file_data="JVBERi0="),
        "file.file_data: 'JVBERi0=' is not a data URI",
    ),
    "empty tools": (lambda b: b.update(tools=[]), "$.tools: not an array of 1"),
    "tool choice without tools": (lambda b: b.pop("tools"), "$.tool_choice: only allowed when tools"),
    "tool in Anthropic's shape": (
        lambda b: b["tools"].append({"name": "Read", "input_schema": {}}),
        "$.tools[1]: not a function tool",
    ),
    "malformed tool name": (lambda b: function(b).update(name="a.b"), "function.name: 'a.b' is malformed"),
    "tool given twice": (lambda b: b["tools"].append(b["tools"][0]), "$.tools[1].function.name: 'Bash'"),
    "unknown key on a function": (
        lambda b: function(b).update(input_examples=[]),
        "function: unknown keys {'input_examples'}",
    ),
    "parameters no object": (
        lambda b: function(b)["parameters"].update(type="string"),
        "the root is not of type object",
    ),
    "allOf at the root": (lambda b: function(b)["parameters"].update(allOf=[]), "['allOf'] at the top level"),
    "Anthropic's tool choice": (lambda b: b.update(tool_choice={"type": "auto"}), "$.tool_choice: {'type': 'auto'}"),
    "choice of an absent tool": (
        lambda b: b.update(tool_choice={"type": "function", "function": {"name": "Read"}}),
        "$.tool_choice: {'type': 'function'",
    ),
}

SPOILED_HEADERS: dict[str, tuple[dict[str, str], str]] = {
    "the client's key": ({"x-api-key": "sk-ant"}, "header x-api-key: not on the allow list"),
    "the client's token": ({"authorization": "Bearer sk-ant"}, "header authorization"),
    "a cookie": ({"cookie": "a=b"}, "header cookie"),
    "Anthropic's header": ({"anthropic-beta": "x"}, "header anthropic-beta"),
    "the client's header": ({"x-claude-code-session-id": "x"}, "header x-claude-code-session-id"),
    "the SDK's header": ({"x-stainless-lang": "js"}, "header x-stainless-lang"),
    "the proxy's header": ({"proxy-authorization": "Basic x"}, "header proxy-authorization"),
    "compression": ({"accept-encoding": "gzip"}, "header accept-encoding"),
    "no JSON": ({"content-type": "text/plain"}, "header content-type"),
    "the client's name": ({"user-agent": "claude-cli/2.1.329"}, "header user-agent"),
}


def test_takes_what_openai_takes() -> None:
    assert violations(HEADERS, REQUEST, key=KEY) == []


def test_refuses_a_body_that_is_no_object() -> None:
    assert violations(HEADERS, None, key=KEY) == ["$: the body is not a JSON object"]


def test_takes_azures_key_only_as_azure() -> None:
    headers = {name: value for name, value in HEADERS.items() if name != "authorization"} | {"api-key": KEY}
    assert violations(headers, REQUEST, key=KEY, vendor="azure") == []
    assert violations(HEADERS, REQUEST, key=KEY, vendor="azure") == [
        "header authorization: not on the allow list",
        "header api-key: not the backend's own key",
    ]


def test_allows_echoed_reasoning_only_to_a_reasoning_backend() -> None:
    body = copy.deepcopy(REQUEST)
    body["messages"][6]["reasoning_content"] = "hm"
    body["thinking"] = {"type": "enabled"}
    assert violations(HEADERS, body, key=KEY, vendor="deepseek") == []
    assert violations(HEADERS, body, key=KEY) == [
        "$.thinking: unrecognized request argument",
        "$.thinking: Anthropic's word",
        "$.messages[6].reasoning_content: not allowed in the role assistant",
    ]


def test_allows_a_tool_of_openrouters_to_openrouter_alone() -> None:
    body = copy.deepcopy(REQUEST)
    body["tools"].append({"type": "openrouter:web_search", "parameters": {"max_uses": 8}})
    assert violations(HEADERS, body, key=KEY, vendor="openrouter") == []
    assert violations(HEADERS, body, key=KEY) == ["$.tools[1]: not a function tool"]
    body["tools"][1]["parameters"]["blocked_domains"] = []
    assert violations(HEADERS, body, key=KEY, vendor="openrouter") == [
        "$.tools[1].parameters: unknown keys {'blocked_domains'}"
    ]


@pytest.mark.parametrize("spoiled", SPOILED_BODIES)
def test_catches_a_spoiled_body(spoiled: str) -> None:
    spoil, expected = SPOILED_BODIES[spoiled]
    body = copy.deepcopy(REQUEST)
    spoil(body)
    found = violations(HEADERS, body, key=KEY)
    assert [fault for fault in found if expected in fault], found


@pytest.mark.parametrize("spoiled", SPOILED_HEADERS)
def test_catches_a_spoiled_header(spoiled: str) -> None:
    headers, expected = SPOILED_HEADERS[spoiled]
    found = violations(HEADERS | headers, REQUEST, key=KEY)
    assert [fault for fault in found if fault.startswith(expected)], found
