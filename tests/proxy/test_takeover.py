"""How our HTTP layer takes its place, and whether it can."""

import pytest
from mitmproxy import http
from mitmproxy.addons import clientplayback
from mitmproxy.connection import Client
from mitmproxy.options import Options
from mitmproxy.proxy import layer, layers
from mitmproxy.proxy.context import Context
from mitmproxy.proxy.layers.http import HttpLayer, HTTPMode
from mitmproxy.test import tflow

from addon.proxy import takeover
from addon.proxy.desk import Desk
from addon.proxy.http_layer import DetourHttpLayer

DESK = Desk(
    begin=lambda flow: None,
    credentials=lambda flow: {},
    holds=lambda flow: None,
    failed=lambda flow, trouble: None,
    resume=lambda flow: None,
    early=lambda flow: http.Response.make(),
    parting=lambda flow: None,
    client_left=lambda flow: None,
)


def _context() -> Context:
    client = Client(peername=("127.0.0.1", 1), sockname=("127.0.0.1", 2))
    return Context(client, Options())


def test_the_http_layer_under_tls_is_taken_over_and_nothing_else() -> None:
    context = _context()
    nextlayer = layer.NextLayer(context)
    takeover.take_over(nextlayer, DESK)  # mitmproxy has not chosen yet
    assert nextlayer.layer is None
    layers.ServerTLSLayer(context)
    tls = layers.ClientTLSLayer(context)  # it looks for the one above it
    tls.child_layer = HttpLayer(context, HTTPMode.transparent)
    nextlayer.layer = tls
    takeover.take_over(nextlayer, DESK)
    assert type(tls.child_layer) is DetourHttpLayer
    assert tls.child_layer.desk is DESK
    nextlayer.layer = layers.TCPLayer(context)
    takeover.take_over(nextlayer, DESK)
    assert type(nextlayer.layer) is layers.TCPLayer


def test_replays_use_our_layer_while_we_are_loaded() -> None:
    mitmproxys = clientplayback.ReplayHandler
    takeover.take_over_replays(DESK)
    try:
        handler = clientplayback.ReplayHandler(tflow.tflow(), Options())
        assert type(handler.layer) is DetourHttpLayer
    finally:
        takeover.give_back_replays()
    assert clientplayback.ReplayHandler is mitmproxys


def test_this_mitmproxy_has_what_the_layer_rests_on() -> None:
    assert takeover.works_here() is None


def test_another_mitmproxy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(HttpLayer, "event_to_child", lambda self, child, event, more: iter(()))
    assert "takes ['self', 'child', 'event', 'more']" in str(takeover.works_here())


def test_state_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(takeover.STATE, HttpLayer, ("self.streams", "self.gone"))
    assert takeover.works_here() == "HttpLayer has no self.gone"
