"""The OpenAPI document: complete, and true of what the operations answer. A running proxy is tested against it too."""

import json

import jsonschema_rs
import pytest

from addon.protocol.errors import Reply
from addon.proxy.intake import Incoming
from addon.proxy.rest import openapi, surface
from addon.proxy.rest.openapi import OPERATIONS, PREFIX, document
from addon.proxy.rest.surface import RestRequest
from addon.routing.call import Door
from tests.proxy.rest.rest_control import TOKEN, surroundings

BODIES = {
    "switch_model": b'{"preset": "mine"}',
    "block": b'{"kind": "title"}',
    "unblock": b'{"kind": "all"}',
    "disable": b'{"target": "fast"}',
    "enable": b'{"target": "fast"}',
    "conversation/enable": b'{"enabled": true}',
    "conversation/continue": b'{"message": "And?", "session": "nobody"}',
    "conversation/import": b'{"messages": [{"role": "user", "content": "Hello"}]}',
}


def test_every_operation_stands_in_it_at_the_doors_where_it_is_served() -> None:
    at_root = {f"/{name}" for name in ("config", "models", "debug_logs", "health", "switch_model")}
    at_root |= {f"/{name}" for name in OPERATIONS if name.startswith("conversation")}
    assert set(document(reverse=False)["paths"]) == {PREFIX + name for name in OPERATIONS}
    assert set(document(reverse=True)["paths"]) == {PREFIX + name for name in OPERATIONS} | at_root


def test_every_operation_has_its_own_id() -> None:
    ids = [made["operationId"] for path in document(reverse=True)["paths"].values() for made in path.values()]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize(
    ("name", "method", "statuses"),
    [
        ("health", "get", ["200", "403"]),
        ("health", "head", ["200", "403"]),
        ("openapi.json", "get", ["200", "403"]),
        ("config", "get", ["200", "403", "503"]),
        ("debug_logs", "get", ["200", "400", "401", "403", "503"]),
        ("switch_model", "post", ["200", "400", "401", "403", "413", "415", "503"]),
        ("targets", "get", ["200", "403", "503"]),
        ("disable", "post", ["200", "400", "401", "403", "413", "415", "503"]),
        ("reload", "post", ["202", "401", "403", "503"]),
        ("conversation", "get", ["200", "400", "401", "403", "404", "503"]),
        ("conversation", "delete", ["200", "401", "403", "503"]),
        ("conversation/status", "get", ["200", "403", "503"]),
        ("conversation/continue", "post", ["200", "400", "401", "403", "404", "413", "415", "503", "default"]),
    ],
)
def test_the_statuses_are_those_that_come(name: str, method: str, statuses: list[str]) -> None:
    assert sorted(document(reverse=False)["paths"][PREFIX + name][method]["responses"]) == statuses


def test_what_changes_something_asks_for_the_token() -> None:
    for path, methods in document(reverse=True)["paths"].items():
        for method, made in methods.items():
            wanted = {"post": openapi.TOKEN, "delete": openapi.TOKEN}.get(method)
            if path.endswith("debug_logs") and method != "delete":
                wanted = [{}, *openapi.TOKEN]
            if path.endswith(("/conversation", "/export")):
                wanted = openapi.TOKEN
            assert made.get("security") == wanted, (path, method)


CALLS = [(name, method) for name, operation in OPERATIONS.items() for method in operation.methods if method != "HEAD"]


@pytest.mark.parametrize(("name", "method"), CALLS)
@pytest.mark.parametrize("door", Door)
def test_each_answer_has_the_shape_that_is_told(name: str, method: str, door: Door) -> None:
    told = document(reverse=door is Door.REVERSE)
    headers = {"content-type": "application/json", "x-detour-token": TOKEN}
    for sent in (headers, {}, {"origin": "https://evil.example"}):
        incoming = Incoming(method, PREFIX + name, sent, BODIES.get(name, b""), "127.0.0.1", door)
        reply = surface.answer(RestRequest(incoming), surroundings())
        assert isinstance(reply, Reply)
        made = told["paths"][PREFIX + name][method.lower()]["responses"][str(reply.status)]
        schema = {**made["content"]["application/json"]["schema"], "components": told["components"]}
        jsonschema_rs.Draft202012Validator(schema).validate(json.loads(reply.body))


def test_a_models_answer_may_be_a_stream() -> None:
    made = document(reverse=True)["paths"]["/conversation/continue"]["post"]
    assert set(made["responses"]["200"]["content"]) == {"application/json", "text/event-stream"}


def test_a_body_that_need_not_be_sent_is_told_so() -> None:
    paths = document(reverse=True)["paths"]
    assert paths["/conversation/enable"]["post"]["requestBody"]["required"] is False
    assert paths["/switch_model"]["post"]["requestBody"]["required"] is True
