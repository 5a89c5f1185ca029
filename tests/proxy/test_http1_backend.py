"""Interim heads on a backend's connection; what they do to real exchanges is in test_attempts."""

from typing import Any

import pytest
from mitmproxy import http
from mitmproxy.connection import Client, Server
from mitmproxy.options import Options
from mitmproxy.proxy import events, layer
from mitmproxy.proxy.context import Context
from mitmproxy.proxy.layers.http._base import ReceiveHttp
from mitmproxy.proxy.layers.http._events import RequestEndOfMessage, RequestHeaders, ResponseEndOfMessage
from mitmproxy.proxy.layers.http._http1 import Http1Client

from addon.proxy import http1_backend
from addon.proxy.http1_backend import Http1Backend

REPLY = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


def _connection() -> Http1Client:
    context = Context(Client(peername=("127.0.0.1", 1), sockname=("127.0.0.1", 2)), Options())
    context.server = Server(address=("127.0.0.1", 9))
    made = Http1Client(context)
    list(made.handle_event(events.Start()))
    return made


def _asked() -> Http1Client:
    made = _connection()
    http1_backend.adopt(made)
    request = http.Request.make("POST", "http://a.test/")
    for event in (RequestHeaders(-1, request, end_stream=True), RequestEndOfMessage(-1)):
        list(made.handle_event(event))
    return made


def _heard(connection: Http1Client, *pieces: bytes) -> list[Any]:
    commands = [
        command for piece in pieces for command in connection.handle_event(events.DataReceived(connection.conn, piece))
    ]
    return [command.event for command in commands if isinstance(command, ReceiveHttp)]


INTERIM = [
    b"HTTP/1.1 100 Continue\r\n\r\n",
    b"HTTP/1.1 103 Early Hints\r\nlink: <a>\r\n\r\n",
    b"HTTP/1.0 102\r\n\r\n",
    b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: <a>\r\n\r\n",
]


@pytest.mark.parametrize("interim", INTERIM)
@pytest.mark.parametrize("step", [1, 7, 10_000])
def test_interim_heads_are_dropped_however_they_come(interim: bytes, step: int) -> None:
    came = interim + REPLY
    heard = _heard(_asked(), *(came[start : start + step] for start in range(0, len(came), step)))
    assert heard[0].response.status_code == 200
    assert b"".join(event.data for event in heard if hasattr(event, "data")) == b"ok"


def test_a_switch_of_protocols_that_nobody_asked_for_breaks_the_attempt() -> None:
    [heard] = _heard(_asked(), b"HTTP/1.1 101 Switching Protocols\r\n\r\n")
    assert (heard.stream_id, heard.message) == (-1, "it switches protocols, unasked")


@pytest.mark.parametrize("pieces", [[REPLY], [REPLY[:-1], REPLY[-1:]]])
def test_who_hears_the_end_of_a_reply_may_ask_again_at_once(pieces: list[bytes]) -> None:
    asked, sent = _asked(), list[Any]()
    again = RequestHeaders(-2, http.Request.make("POST", "http://a.test/again"), end_stream=True)
    for piece in pieces:
        for command in asked.handle_event(events.DataReceived(asked.conn, piece)):
            if isinstance(command, ReceiveHttp) and isinstance(command.event, ResponseEndOfMessage):
                sent += asked.handle_event(again)
    assert [command.data[:18] for command in sent] == [b"POST /again HTTP/1"]


def test_without_an_adoption_it_is_mitmproxys_mistake() -> None:
    """When this fails, mitmproxy reads interim heads itself, and the module can go."""
    plain = _connection()
    request = http.Request.make("POST", "http://a.test/")
    for event in (RequestHeaders(-1, request, end_stream=True), RequestEndOfMessage(-1)):
        list(plain.handle_event(event))
    assert _heard(plain, INTERIM[1] + REPLY)[0].response.status_code == 103


def test_only_a_connection_between_two_requests_is_adopted() -> None:
    fresh, asked = _connection(), _connection()
    http1_backend.adopt(fresh)
    assert type(fresh) is Http1Backend
    http1_backend.adopt(fresh)
    assert type(fresh) is Http1Backend
    asked.state = asked.read_body
    http1_backend.adopt(asked)
    assert type(asked) is Http1Client
    other = layer.NextLayer(asked.context)
    http1_backend.adopt(other)
    assert type(other) is layer.NextLayer
