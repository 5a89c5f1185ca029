"""The real Claude Code at addresses of Anthropic's format that are not Anthropic, each as strict as its vendor."""

import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from tests.end_to_end.client import DOORS, ClaudeCode, Door, Run
from tests.end_to_end.fakes import Received, serving
from tests.end_to_end.messages_server import Message
from tests.end_to_end.proxy import Proxy, running
from tests.end_to_end.replies import Json, Raw, call
from tests.end_to_end.test_claude_code import png
from tests.end_to_end.vendor_servers import VENDORS, VendorServer, violations

TOOLS = ["--allowedTools", "Bash,Read,ToolSearch", "--permission-mode", "acceptEdits"]
CLIENTS = ["--model", "opus"]


@dataclass(frozen=True, slots=True)
class Market:
    """All vendors, and the proxy: a header of the client's says who answers."""

    servers: Mapping[str, VendorServer]
    proxy: Proxy


def settings(servers: Mapping[str, VendorServer]) -> Json:
    backends, routes = {}, []
    for number, (name, server) in enumerate(servers.items()):
        vendor = server.is_like
        base = f"{server.base_url}/v1/projects/p/locations/l" if vendor.version else server.base_url
        backends[f"v{number}"] = {"like": vendor.like, "address": base, "credential": "${VENDOR_KEY}"}
        routes.append({"when": {"header": {"x-vendor": name}}, "to": f"v{number}/{vendor.model}"})
    return {"backends": backends, "routes": routes, "retry": {"attempts": 0}}


@pytest.fixture(scope="module")
def _market(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Market]:
    folder = tmp_path_factory.mktemp("market")
    with ExitStack() as stack:
        servers = {name: stack.enter_context(serving(VendorServer(is_like=vendor))) for name, vendor in VENDORS.items()}
        (folder / "detour.yaml").write_text(json.dumps(settings(servers)), encoding="utf-8")
        key = next(iter(servers.values())).key
        environment = {"VENDOR_KEY": key, "DETOUR_CONFIG": str(folder / "detour.yaml")}
        yield Market(servers, stack.enter_context(running(folder, environment)))


@pytest.fixture
def market(_market: Market) -> Iterator[Market]:
    for server in _market.servers.values():
        server.script()
    yield _market
    for server in _market.servers.values():
        server.verify()
    _market.proxy.verify()


@pytest.fixture(params=DOORS)
def user(request: pytest.FixtureRequest, market: Market, tmp_path: Path) -> ClaudeCode:
    door: Door = request.param
    return ClaudeCode(door, market.proxy, tmp_path / "home")


def ask(user: ClaudeCode, vendor: str, *turns: str) -> Run:
    told = {"ANTHROPIC_CUSTOM_HEADERS": f"x-vendor: {vendor}"}
    return user.run(*turns, options=[*TOOLS, *CLIENTS], environment=told)


@pytest.mark.client
@pytest.mark.parametrize("name", VENDORS)
def test_a_vendor_takes_all_that_the_client_says(user: ClaudeCode, market: Market, name: str) -> None:
    """Text, thinking, parallel calls, a picture in a result, a tool that is loaded on the way, and a second turn."""
    picture = user.workspace / "dot.png"
    user.workspace.mkdir(parents=True, exist_ok=True)
    picture.write_bytes(png())
    server = market.servers[name]
    calls = (
        call("Bash", "toolu_a", command="echo one-$((1+1))", description="Run it"),
        call("Read", "toolu_b", file_path=str(picture)),
    )
    server.script(
        Message("I look.", "Two things at once.", calls),
        Message("", "Now a tool.", (call("ToolSearch", "toolu_c", query="select:WebFetch", max_results=5),)),
        Message("One-2, and red."),
        Message("Still red."),
    )
    run = ask(user, name, "Look at both.", "And now?")
    assert run.results == ["One-2, and red.", "Still red."]
    _, second, third, fourth = server.received
    assert "one-2" in second.text
    assert '"image"' in second.text
    thoughts = [block for each in third.messages for block in blocks(each) if block["type"] == "thinking"]
    assert [block["thinking"] for block in thoughts] == ["Two things at once.", "Now a tool."]
    assert "WebFetch" in [tool["name"] for tool in third.body["tools"]]
    same = min(len(second.messages), len(third.messages)) - 1
    assert [bare(each) for each in third.messages[:same]] == [bare(each) for each in second.messages[:same]]
    assert prompt(fourth) == prompt(third)


def prompt(request: Received) -> list[str]:
    """The system prompt, without what tells Anthropic who asks."""
    texts = [block["text"] for block in request.body["system"]]
    return [text for text in texts if not text.startswith("x-anthropic-billing-header")]


def blocks(message: Json) -> list[Json]:
    content = message["content"]
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


def bare(message: Json) -> list[Json]:
    """What a turn says; the mark for a cache moves on with every request."""
    return [{name: value for name, value in block.items() if name != "cache_control"} for block in blocks(message)]


TOO_LONG = "prompt is too long: 250000 tokens > 204800 maximum"
OVERFLOWS: dict[str, tuple[int, Json]] = {
    "vllm": (
        400,
        {
            "error": {
                "message": "This model's maximum context length is 204800 tokens. However, your request has 250000 "
                "input tokens. Please reduce the length of the input messages.",
                "type": "BadRequestError",
                "param": None,
                "code": 400,
            }
        },
    ),
    "minimax": (
        400,
        {
            "type": "error",
            "error": {
                "type": "invalid_request_error",
                "message": "invalid params, context window exceeds limit (2013)",
            },
        },
    ),
    "vertex": (400, {"type": "error", "error": {"type": "invalid_request_error", "message": TOO_LONG}}),
}


def error(status: int, body: Json, *headers: tuple[str, str]) -> Raw:
    return Raw((json.dumps(body).encode(),), status, (("content-type", "application/json"), *headers))


@pytest.mark.client
@pytest.mark.parametrize("name", OVERFLOWS)
def test_an_overflow_in_the_vendors_words_is_compacted(user: ClaudeCode, market: Market, name: str) -> None:
    server = market.servers[name]
    server.script(
        Message("First."),
        Message("Second."),
        error(*OVERFLOWS[name]),
        Message("<summary>They counted.</summary>"),
        Message("Third, after all."),
    )
    run = ask(user, name, "One.", "Two.", "Three.")
    assert run.text == "Third, after all."
    assert run.notices("compact_boundary")


@pytest.mark.client
@pytest.mark.parametrize("name", ["deepseek", "vertex"])
def test_a_rate_limit_is_waited_for_by_the_client(user: ClaudeCode, market: Market, name: str) -> None:
    limited = {"type": "error", "error": {"type": "rate_limit_error", "message": "Slow down."}}
    market.servers[name].script(error(429, limited, ("retry-after", "1")), Message("Now."))
    run = ask(user, name, "Hello.")
    assert run.text == "Now."
    assert [notice["error_status"] for notice in run.notices("api_retry")] == [429]


@pytest.mark.client
@pytest.mark.parametrize("name", ["kimi", "vertex"])
def test_a_reply_that_is_cut_off_is_asked_for_again(user: ClaudeCode, market: Market, name: str) -> None:
    server = market.servers[name]
    whole = Message("Half of it.").render({"stream": True, "messages": [], "model": "m"})
    server.script(replace(whole, pieces=whole.pieces[:1], cut=True), Message("All of it."))
    assert ask(user, name, "Hello.").text == "All of it."


WRONG = {
    "a field of Anthropic's": ({"diagnostics": {}}, "diagnostics: Extra inputs are not permitted"),
    "a kind of thinking": ({"thinking": {"type": "adaptive"}}, "thinking: Input tag 'adaptive'"),
    "an effort": ({"output_config": {"effort": "xhigh"}}, "output_config.effort: 'xhigh'"),
    "a form": ({"output_config": {"format": {}}}, "output_config.format: Extra inputs are not permitted"),
    "a tool's field": (
        {"tools": [{"name": "a", "input_schema": {}, "defer_loading": True}]},
        "tools.0.custom.defer_loading: Extra inputs",
    ),
    "a turn of the system's": ({"messages": [{"role": "system", "content": "a"}]}, "messages.0.role: Input should be"),
    "a block": (
        {"messages": [{"role": "user", "content": [{"type": "tool_reference", "tool_name": "a"}]}]},
        "messages.0.content.0.type: tool_reference is not known",
    ),
    "a seal of ours": (
        {
            "messages": [
                {"role": "assistant", "content": [{"type": "thinking", "thinking": "a", "signature": "detour1.x"}]}
            ]
        },
        "messages.0.content.0: Invalid `signature`",
    ),
    "the client's fingerprint": (
        {"system": [{"type": "text", "text": "x-anthropic-billing-header: a"}]},
        "system.0: a fingerprint",
    ),
    "the scope of a mark": (
        {"system": [{"type": "text", "text": "a", "cache_control": {"type": "ephemeral", "scope": "global"}}]},
        "system.0.cache_control.scope: Extra",
    ),
}


@pytest.mark.parametrize(("fields", "said"), WRONG.values(), ids=WRONG)
def test_a_vendor_refuses_what_it_does_not_know(fields: Json, said: str) -> None:
    vendor = VENDORS["deepseek"]
    right: Json = {"model": vendor.model, "max_tokens": 9, "messages": [{"role": "user", "content": "a"}]}
    headers = {"x-api-key": "k", "content-type": "application/json", "anthropic-version": "2023-06-01"}
    assert list(violations(Received("/v1/messages", headers, right), vendor, "k")) == []
    found = list(violations(Received("/v1/messages", headers, right | fields), vendor, "k"))
    assert found[0].startswith(said), found


def test_a_beta_that_is_not_known_is_refused() -> None:
    vendor = VENDORS["vertex"]
    headers = {"authorization": "Bearer k", "anthropic-beta": "prompt-caching-scope-2026-01-05"}
    body: Json = {"anthropic_version": vendor.version, "max_tokens": 9, "messages": []}
    [found] = violations(Received(f"/v1/projects/p/locations/l{vendor.path}", headers, body), vendor, "k")
    assert found.startswith("Unexpected value(s) `prompt-caching-scope-2026-01-05`")
