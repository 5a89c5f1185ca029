"""Between a flow and the core's values."""

import json
from contextlib import nullcontext
from datetime import UTC, datetime
from typing import Any

import pytest
from mitmproxy import flowfilter, http
from mitmproxy.proxy import mode_specs
from mitmproxy.test import tflow

from addon.dialects import WireRequest
from addon.protocol.errors import BackendError, Reply
from addon.proxy import transfer
from addon.proxy.intake import Incoming, Send, decide
from addon.settings.assembly import parse
from tests.proxy.live import ask

HOME = [
    ("https://api.anthropic.com/v1/messages", "https", "API.anthropic.com", 443, True),
    ("https://api.anthropic.com:443/v1/messages", "https", "api.anthropic.com", 443, True),
    ("http://api.anthropic.com/v1/messages", "https", "api.anthropic.com", 443, False),
    ("https://api.anthropic.com:8443/v1/messages", "https", "api.anthropic.com", 443, False),
    ("https://api.openai.com/v1/messages", "https", "api.anthropic.com", 443, False),
    ("http://[::1]/v1/messages", "http", "::1", 80, True),
    ("http://[::1]/v1/chat/completions", "http", "::1", 80, False),  # another dialect, or another provider, of one host
    ("http://[::1]/anthropic/v1/messages", "http", "::1", 80, False),
]


@pytest.mark.parametrize(("url", "scheme", "host", "port", "home"), HOME)
def test_a_request_goes_home_to_the_same_address_only(url: str, scheme: str, host: str, port: int, home: bool) -> None:
    request = tflow.tflow().request
    request.scheme, request.host, request.port, request.path = scheme, host, port, "/v1/messages?beta=true"
    assert transfer.goes_home(request, WireRequest(url, (), b"")) is home


KEYLESS: list[tuple[str, dict[str, str], str | None]] = [
    ("anthropic/claude-x", {}, "set ANTHROPIC_API_KEY"),
    ("anthropic/claude-x", {"ANTHROPIC_API_KEY": "key"}, None),
    ("anthropic/claude-x", {"ANTHROPIC_API_BASE": "http://127.0.0.1:9"}, None),
    ("ollama/x", {}, None),
]


@pytest.mark.parametrize(("model", "values", "told"), KEYLESS)
def test_what_leaves_its_credential_behind_needs_another(model: str, values: dict[str, str], told: str | None) -> None:
    body = json.dumps(ask(model=model)).encode()
    send = decide(Incoming("POST", "/v1/messages", {"content-type": "application/json"}, body, "::1"), parse(values))
    assert isinstance(send, Send)
    with pytest.raises(BackendError, match=told) if told else nullcontext():
        transfer.check_credential(send)


VERSIONS = [
    (b"http/1.1", "HTTP/1.1", "HTTP/1.1", {"transfer-encoding": "chunked"}),
    (None, "HTTP/1.1", "HTTP/1.1", {"transfer-encoding": "chunked"}),
    (None, "HTTP/1.0", "HTTP/1.0", {"connection": "close"}),
    (b"h2", "HTTP/2.0", "HTTP/2.0", {}),
]


@pytest.mark.parametrize(("alpn", "asked", "version", "framing"), VERSIONS)
@pytest.mark.parametrize("streamed", [True, False])
def test_a_reply_is_framed_as_its_client_speaks(
    alpn: bytes | None, asked: str, version: str, framing: dict[str, str], streamed: bool
) -> None:
    flow = tflow.tflow(resp=True)
    flow.client_conn.alpn, flow.request.http_version = alpn, asked
    assert flow.response
    flow.response.headers["set-cookie"] = "theirs"
    flow.response.trailers = http.Headers(a="b")
    transfer.rewrite(flow, 429, (("content-type", "application/json"),), streamed=streamed)
    expected = {"content-type": "application/json", "request-id": transfer.request_id(flow)}
    assert dict(flow.response.headers) == expected | (framing if streamed else {})
    assert (flow.response.status_code, flow.response.http_version) == (429, version)
    assert flow.response.reason == ("" if version == "HTTP/2.0" else "Too Many Requests")
    assert flow.response.trailers is None


NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest.mark.filterwarnings("ignore:.*deprecated:DeprecationWarning")  # pyparsing, of mitmproxy 12.2
@pytest.mark.parametrize("code", [*flowfilter.filter_unary, *flowfilter.filter_rex, *flowfilter.filter_int])
def test_every_filter_can_be_asked_of_a_request_that_just_came(code: type[Any]) -> None:
    flow = tflow.tflow()
    flow.server_conn.address = None
    argument = " 200" if code in flowfilter.filter_int else " GET" if code in flowfilter.filter_rex else ""
    incoming = transfer.incoming(flow, NOON)
    assert incoming.matches_filter
    expected = code.code in ("all", "http", "m", "q", "a")
    assert incoming.matches_filter(f"~{code.code}{argument}") is (expected and code.code != "a")


def test_a_flow_without_a_response_has_no_head_to_rewrite() -> None:
    flow = tflow.tflow()
    transfer.rewrite(flow, 200, (), streamed=True)
    assert flow.response is None


def test_ids_are_short_and_plain() -> None:
    flow = tflow.tflow()
    assert transfer.exchange_id(flow).isalnum()
    assert len(transfer.request_id(flow)) <= 40


def test_a_reply_becomes_a_response_with_an_id() -> None:
    flow = tflow.tflow()
    made = transfer.response(Reply(418, (("x-should-retry", "false"),), b"{}"), flow)
    assert (made.status_code, made.content, made.headers["x-should-retry"]) == (418, b"{}", "false")
    assert made.headers["request-id"] == transfer.request_id(flow)


def test_a_request_from_nowhere_has_no_host() -> None:
    flow = tflow.tflow()
    flow.client_conn.peername = None  # type: ignore[assignment]  # a loaded flow may have none
    flow.request.headers["X-Odd"] = "1"
    flow.request.path = "/a?b=c"
    incoming = transfer.incoming(flow, NOON)
    assert (incoming.client_host, incoming.path, incoming.headers["x-odd"]) == (None, "/a", "1")


def test_headers_of_one_name_are_joined_whatever_their_letters() -> None:
    flow = tflow.tflow()
    flow.request.headers = http.Headers([(b"A", b"1"), (b"b", b"\xff"), (b"a", b"2")])
    assert transfer.incoming(flow, NOON).headers == {"a": "1, 2", "b": "\udcff"}


@pytest.mark.parametrize(("mode", "address"), [("regular", ("https", "api.anthropic.com", 443)),
                                               ("reverse:http://there:8000", ("http", "there", 8000))])  # fmt: skip
def test_a_request_of_our_own_surface_becomes_a_call(mode: str, address: tuple[str, str, int]) -> None:
    flow = tflow.tflow()
    flow.client_conn.proxy_mode = mode_specs.ProxyMode.parse(mode)
    request = flow.request
    request.scheme, request.host, request.port, request.path = "http", "there", 8000, "/conversation/continue"
    request.headers = http.Headers([(b"a", b"mine"), (b"content-encoding", b"gzip")])
    transfer.ask(flow, b"{}", (("a", "theirs"), ("b", "theirs")), "beta=true")
    assert (request.scheme, request.host, request.port) == address
    assert (request.path, request.raw_content) == ("/v1/messages?beta=true", b"{}")
    assert (request.headers["a"], request.headers["b"]) == ("mine", "theirs")
    assert "content-encoding" not in request.headers
    transfer.ask(flow, b"{}", (), "")
    assert request.path == "/v1/messages"
