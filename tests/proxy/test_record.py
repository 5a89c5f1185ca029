"""What a flow keeps beside itself, and how the client's request comes back."""

import json
from dataclasses import replace

import pytest
from mitmproxy import http
from mitmproxy.test import tflow

from addon.dialects import Encoded, WireRequest
from addon.dialects.losses import Lost, loss
from addon.proxy import record
from addon.proxy.exchange import Exchange
from addon.proxy.intake import Incoming, Send, decide
from addon.proxy.routed_exchange import RoutedExchange
from addon.routing.changes import Change
from addon.routing.route import Route
from addon.settings.assembly import parse
from tests.proxy.live import ask


def _sent(model: str = "vllm/q") -> Send:
    body = json.dumps(ask(model=model)).encode()
    send = decide(Incoming("POST", "/v1/messages", {"content-type": "application/json"}, body, "::1"), parse({}))
    assert isinstance(send, Send)
    return send


def _kept(model: str = "vllm/q") -> http.HTTPFlow:
    flow, send = tflow.tflow(resp=True), _sent(model)
    encoded = Encoded(WireRequest("http://x/", (), b""), (loss(Lost.SAFEGUARDS, "top_k"),))
    record.keep_original(flow, replace(send, encoded=encoded, changes=(Change("tools", "dropped: Bash"),)))
    return flow


def test_the_clients_request_comes_back_as_it_was() -> None:
    flow = _kept()
    before = tflow.tflow().request
    flow.request.method, flow.request.url, flow.request.content = "PUT", "http://elsewhere/x", b"changed"
    flow.request.headers = http.Headers(a="b")
    assert record.is_rewritten(flow)
    record.restore(flow)
    assert not record.is_rewritten(flow)
    assert (flow.request.method, flow.request.url, flow.request.content) == (before.method, before.url, before.content)
    assert flow.request.headers.fields == before.headers.fields
    record.restore(flow)  # nothing kept: nothing changes
    assert flow.request.url == before.url


def test_only_plain_values_are_kept() -> None:
    flow = _kept()
    again = http.HTTPFlow.from_state(flow.get_state())
    assert record.of(again)["losses"] == [["top_k", loss(Lost.SAFEGUARDS, "").what, False]]
    assert record.of(again)["changes"] == [["tools", "dropped: Bash"]]
    assert (record.of(again)["route"], record.of(again)["reason"]) == ("vllm/q", "the client named it")


def test_the_wish_for_the_long_window_is_kept() -> None:
    assert record.of(_kept("vllm/q[1m]"))["reason"] == "the client named it; asked for with the long window, [1m]"


@pytest.mark.parametrize("kept", [None, 7, [], "text"])
def test_what_others_keep_under_our_name_is_nothing(kept: object) -> None:
    flow = tflow.tflow()
    flow.metadata[record.KEY] = kept
    assert record.of(flow) == {}
    assert record.of(None) == {}


def test_a_reply_is_kept_where_it_is_not_the_clients_anyway() -> None:
    send = _sent()
    routed = RoutedExchange("abc", send.route, 0.0, send=send)
    passing = Exchange("abc", Route("claude-opus-4-8", False, "passed through"), 0.0)
    kept, changed, untouched = _kept(), _kept(), tflow.tflow()
    record.keep_reply(kept, routed)
    record.keep_reply(changed, passing)
    record.keep_reply(untouched, passing)
    assert (record.of(kept)["reply"], record.of(kept)["dropped"]) == (b"", 0)
    assert record.of(changed)["losses"] == []
    assert "reply" not in record.of(changed)
    assert untouched.metadata == {}


def test_revert_shows_the_clients_request_once() -> None:
    flow = _kept()
    url = flow.request.url
    flow.request.url = "http://elsewhere/x"
    record.offer_revert(flow)
    record.offer_revert(flow)
    assert flow.modified()
    flow.revert()
    assert (flow.request.url, flow.response, flow.comment) == (url, None, "")
    assert not record.is_rewritten(flow)
    assert not flow.modified()


def test_a_flow_that_was_not_rewritten_has_nothing_to_revert() -> None:
    flow = tflow.tflow()
    record.offer_revert(flow)
    assert not flow.modified()
