"""The strict Bedrock would be worthless if it let things pass: every rule is shown to catch its violation."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from tests.end_to_end.bedrock_strictness import FRAMED, violations

type Json = dict[str, Any]

HEADERS = {
    "host": "127.0.0.1",
    "authorization": "Bearer key",
    "accept": FRAMED,
    "accept-encoding": "identity",
    "content-type": "application/json",
}
PATH = "/model/us.amazon.nova-pro-v1%3A0/converse-stream"
CALL = {"toolUse": {"toolUseId": "t", "name": "Bash", "input": {}}}
RESULT = {"toolResult": {"toolUseId": "t", "content": [{"text": "b"}]}}
REQUEST: Json = {
    "messages": [
        {"role": "user", "content": [{"text": "a"}]},
        {"role": "assistant", "content": [CALL]},
        {"role": "user", "content": [RESULT, {"text": "c"}]},
    ],
    "system": [{"text": "You help."}, {"cachePoint": {"type": "default"}}],
    "inferenceConfig": {"maxTokens": 9},
    "toolConfig": {"tools": [{"toolSpec": {"name": "Bash", "inputSchema": {"json": {"type": "object"}}}}]},
}
CLAUDE: Json = {"anthropic_version": "bedrock-2023-05-31", "max_tokens": 9, "messages": []}
PDF = {"document": {"format": "pdf", "name": "a", "source": {"bytes": "JVBE"}}}


def found(body: object = REQUEST, path: str = PATH, **headers: str) -> list[str]:
    told = {**HEADERS, **{name.replace("_", "-"): value for name, value in headers.items()}}
    return violations(told, path, body, key="key")


def changed(change: Callable[[Json], object]) -> Json:
    body = copy.deepcopy(REQUEST)
    change(body)
    return body


def test_what_is_right_passes() -> None:
    assert found() == []
    assert found(CLAUDE, "/model/m/invoke-with-response-stream") == []


@pytest.mark.parametrize(
    ("path", "fault"),
    [
        ("/v1/messages", "no such operation"),
        ("/model/us.amazon.nova-pro-v1:0/converse-stream", "botocore asks"),
        ("/model/a%2Fb%20c/converse-stream", "does not fit"),
    ],
)
def test_a_wrong_path_is_caught(path: str, fault: str) -> None:
    assert fault in found(path=path)[0]


@pytest.mark.parametrize(
    "headers",
    [
        {"authorization": "Bearer other"},
        {"accept": "application/json"},
        {"accept_encoding": "gzip"},
        {"content_type": "text/plain"},
        {"x_api_key": "k"},
    ],
    ids=str,
)
def test_a_wrong_header_is_caught(headers: dict[str, str]) -> None:
    assert found(**headers)[0].startswith("header ")


CHANGES: list[tuple[str, Callable[[Json], object]]] = [
    ("Unknown parameter", lambda body: body.update(stream=True)),
    ("Missing required parameter", lambda body: body["toolConfig"].pop("tools")),
    ("is none of", lambda body: body["messages"][0].update(role="tool")),
    ("does not fit", lambda body: body["toolConfig"]["tools"][0]["toolSpec"].update(name="a b")),
    ("valid min length", lambda body: body["system"].append({"text": ""})),
    ("union", lambda body: body["toolConfig"].update(toolChoice={"auto": {}, "any": {}})),
    (
        "another type",
        lambda body: body["messages"][0]["content"].append({"image": {"format": "png", "source": {"bytes": "?"}}}),
    ),
    ("must start with a user", lambda body: body["messages"].pop(0)),
    ("must alternate", lambda body: body["messages"].append({"role": "user", "content": [{"text": "d"}]})),
    ("no content", lambda body: body["messages"][0].update(content=[])),
    ("are the results", lambda body: body["messages"][2]["content"].pop(0)),
    ("have no result", lambda body: body["messages"].pop()),
    ("toolConfig", lambda body: body.pop("toolConfig")),
    ("blank", lambda body: body["messages"][0]["content"].append({"text": " "})),
    ("behind other content", lambda body: body["messages"][2]["content"].reverse()),
    ("an empty result", lambda body: body["messages"][2]["content"][0]["toolResult"].update(content=[])),
    ("without a text", lambda body: body["messages"][0].update(content=[PDF])),
    ("documents of one name", lambda body: body["messages"][0]["content"].extend([PDF, PDF])),
    ("an empty key", lambda body: body["messages"][1]["content"][0]["toolUse"].update(input={"a": [{"": 1}]})),
]


@pytest.mark.parametrize(("fault", "change"), CHANGES, ids=[fault for fault, _ in CHANGES])
def test_a_wrong_request_by_converse_is_caught(fault: str, change: Callable[[Json], object]) -> None:
    assert any(fault in each for each in found(changed(change))), found(changed(change))


def test_a_name_that_no_document_may_have_is_caught() -> None:
    named = {"document": {**PDF["document"], "name": "a.pdf"}}
    body = changed(lambda body: body["messages"][0]["content"].append(named))
    assert "document.name" in found(body)[0]


WRONG: list[tuple[str, Json]] = [
    ("anthropic_version", {"anthropic_version": "2023-06-01"}),
    ("model: Extra inputs", {"model": "m"}),
    ("stream: Extra inputs", {"stream": True}),
    ("invalid beta flag", {"anthropic_beta": ["claude-code-20250219"]}),
    ("is not supported", {"tools": [{"type": "web_search_20250305", "name": "web_search"}]}),
    ("attribution", {"system": [{"type": "text", "text": "x-anthropic-billing-header: a"}]}),
    ("signature", {"system": [{"type": "text", "text": "detour1.e30="}]}),
    ("output_config", {"messages": [{"role": "system", "content": [], "output_config": {}}]}),
    ("cache_control.scope", {"system": [{"cache_control": {"scope": "global"}}]}),
]


@pytest.mark.parametrize(("fault", "fields"), WRONG, ids=[fault for fault, _ in WRONG])
def test_a_wrong_request_of_claude_is_caught(fault: str, fields: Json) -> None:
    [told] = found({**CLAUDE, **fields}, "/model/m/invoke-with-response-stream")
    assert fault in told


def test_a_body_that_is_none_is_caught() -> None:
    assert found([]) == ["$: the body is not a JSON object"]
