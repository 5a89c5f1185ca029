"""The layer's own decisions, without a network. What it does to real exchanges is in test_endings."""

from collections.abc import Callable

import pytest
from mitmproxy import http
from mitmproxy.connection import Client, Server
from mitmproxy.options import Options
from mitmproxy.proxy import events, layer, layers
from mitmproxy.proxy.context import Context
from mitmproxy.proxy.layers.http import GetHttpConnection, HttpLayer, HTTPMode

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


def _ours() -> DetourHttpLayer:
    made = DetourHttpLayer(_context(), HTTPMode.transparent)
    made.start(DESK)
    return made


DEAD: list[tuple[str, Callable[[Server], None], bool]] = [
    ("refused", lambda server: setattr(server, "error", "refused"), True),
    ("alive", lambda server: None, False),
    ("broken, its end not heard yet", lambda server: _set(server, error="cut", timestamp_tcp_setup=1.0), False),
    ("closed", lambda server: _set(server, timestamp_tcp_setup=1.0, timestamp_end=2.0), True),
    ("broken and over", lambda server: _set(server, error="cut", timestamp_tcp_setup=1.0, timestamp_end=2.0), True),
]


def _set(server: Server, **values: object) -> None:
    for name, value in values.items():
        setattr(server, name, value)


@pytest.mark.parametrize(("_name", "change", "forgotten"), DEAD)
@pytest.mark.parametrize("waited_for", [True, False])
def test_a_connection_that_is_over_is_forgotten_before_the_next(
    _name: str, change: Callable[[Server], None], forgotten: bool, waited_for: bool
) -> None:
    ours, server = _ours(), Server(address=("127.0.0.1", 9))
    change(server)
    ours.connections[server] = layers.TCPLayer(_context())
    if waited_for:
        ours.waiting_for_establishment[server].append(GetHttpConnection(("x", 1), False, None))
    for _ in ours.get_connection(GetHttpConnection(("127.0.0.1", 10), False, None)):
        pass
    assert (server not in ours.connections) == (forgotten and not waited_for)


def test_what_mitmproxy_leaves_undone_elsewhere_is_no_end_of_a_reply(monkeypatch: pytest.MonkeyPatch) -> None:
    def undone(self: HttpLayer, event: events.Event) -> layer.CommandGenerator[None]:
        raise NotImplementedError("of another kind")
        yield

    monkeypatch.setattr(HttpLayer, "_handle_event", undone)
    ours = _ours()
    for event in (events.Start(), events.DataReceived(ours.context.client, b"")):
        with pytest.raises(NotImplementedError):
            list(ours._handle_event(event))


def test_trailers_of_a_connection_that_is_no_exchanges_close_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def undone(self: HttpLayer, event: events.Event) -> layer.CommandGenerator[None]:
        raise NotImplementedError("trailers")
        yield

    monkeypatch.setattr(HttpLayer, "_handle_event", undone)
    ours, server = _ours(), Server(address=("127.0.0.1", 9))
    ours.connections[server] = layers.TCPLayer(_context())
    commands = list(ours._handle_event(events.DataReceived(server, b"")))
    assert [type(command).__name__ for command in commands] == ["CloseConnection"]
