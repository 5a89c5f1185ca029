"""A copy has the client's own request and nothing else of it, whatever has become of the flow since."""

from dataclasses import replace

import pytest
from mitmproxy import http
from mitmproxy.proxy import mode_specs
from mitmproxy.test import tflow
from mitmproxy.test.tutils import treq

from addon.prompts.entry import Request
from addon.protocol.errors import ConfigError
from addon.proxy import copies, forcing, record
from addon.routing.forced import Forced

FORCED = Forced("vllm/q", of="abc")
ORIGINAL = {
    "method": "POST",
    "url": "https://api.anthropic.com/v1/messages?beta=true",
    "headers": [[b"content-type", b"application/json"], [b"x-app", b"cli"]],
    "body": b'{"model": "claude"}',
}


def _flow(**request: object) -> http.HTTPFlow:
    flow = tflow.tflow(req=treq(method=b"POST", path=b"/v1/messages", content=b'{"model":"m"}', **request), resp=True)
    flow.client_conn.proxy_mode = mode_specs.ProxyMode.parse("reverse:https://api.anthropic.com")
    return flow


def test_a_flow_that_was_sent_elsewhere_gives_the_clients_request_back() -> None:
    flow = _flow()
    flow.metadata[record.KEY] = {"original": ORIGINAL, "reply": b"..."}
    made = copies.copy(flow, FORCED)
    assert made.request.url == ORIGINAL["url"]
    assert [list(field) for field in made.request.headers.fields] == ORIGINAL["headers"]
    assert made.request.raw_content == ORIGINAL["body"]
    assert made.server_conn.address == ("api.anthropic.com", 443)
    assert flow.request.path == "/v1/messages", "the flow itself is as it was"
    assert flow.metadata[record.KEY]["original"] is ORIGINAL


def test_a_flow_that_passed_gives_its_request_without_the_credential() -> None:
    secret = ((b"authorization", b"Bearer secret"), (b"x-api-key", b"secret"), (b"x-app", b"cli"))
    flow = _flow(headers=secret, http_version=b"HTTP/2.0")
    made = copies.copy(flow, FORCED)
    assert made.request.headers.fields == ((b"x-app", b"cli"),)
    assert made.request.http_version == "HTTP/1.1"
    assert "secret" not in repr(made.get_state())
    assert flow.request.headers["authorization"] == "Bearer secret", "the flow itself is as it was"


def test_a_copy_is_a_new_flow_of_this_machine_at_the_same_door() -> None:
    flow = _flow()
    made = copies.copy(flow, FORCED)
    assert made.id != flow.id
    assert made.response is None
    assert not made.live
    assert made.client_conn.peername == ("127.0.0.1", 0)
    assert made.client_conn.proxy_mode == flow.client_conn.proxy_mode
    assert forcing.of(made) == FORCED
    assert made.comment == "replay of req_abc → vllm/q"


@pytest.mark.parametrize(
    ("request_of", "words"),
    [
        ({"method": b"GET", "path": b"/v1/messages"}, "GET /v1/messages is no call to a model"),
        ({"method": b"POST", "path": b"/v1/messages/count_tokens?x"}, "POST /v1/messages/count_tokens is no call"),
        ({"method": b"POST", "path": b"/v1/messages", "content": b""}, "is not kept"),
        ({"method": b"POST", "path": b"/v1/messages", "content": None}, "is not kept"),
    ],
)
def test_what_cannot_be_copied_says_why(request_of: dict[str, bytes], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        copies.copy(tflow.tflow(req=treq(**request_of)), FORCED)


LOGGED = Request(
    method="POST",
    url="http://127.0.0.1:8082/v1/messages?beta=true",
    headers=(("x-app", "cli"), ("x-api-key", "secret"), ("x-odd", "\udce9")),
    body=b'{"model": "claude"}',
)


def test_a_logged_request_is_copied_too() -> None:
    made = copies.copy_logged(LOGGED, FORCED)
    assert made.request.url == LOGGED.url
    assert made.request.raw_content == LOGGED.body
    assert dict(made.request.headers.fields) == {
        b"x-app": b"cli",
        b"x-odd": b"\xe9",
        b"content-type": b"application/json",
        b"content-length": b"19",
    }
    assert made.client_conn.peername == ("127.0.0.1", 0)
    assert forcing.of(made) == FORCED
    with pytest.raises(ConfigError, match="GET /v1/messages is no call"):
        copies.copy_logged(replace(LOGGED, method="GET"), FORCED)
