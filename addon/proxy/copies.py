"""Copies of an exchange: the client's own request once more, for somebody who is named, as a flow of its own.

A copy has nothing of the client's but the request, without its credential. mitmproxy's client replay sends it, by way
of our layer, like any request that comes in: translated, with the key in the backend's copy alone, timed, recorded.
"""

import time

from mitmproxy import http
from mitmproxy.connection import Client, Server

from addon.prompts import again
from addon.prompts.entry import Request
from addon.protocol.errors import ConfigError
from addon.proxy import forcing, record, transfer
from addon.routing.forced import Forced

ASKED = "/v1/messages"
HERE = ("127.0.0.1", 0)  # it is this machine that asks now, whoever asked then


def copy(flow: http.HTTPFlow, forced: Forced) -> http.HTTPFlow:
    """Return a copy, not sent yet. Raises: ConfigError where the flow is no call to a model, or not all there."""
    request = record.original(flow)
    _check(request)
    client = Client(peername=HERE, sockname=flow.client_conn.sockname, timestamp_start=time.time())
    client.proxy_mode = flow.client_conn.proxy_mode
    return _flow(client, request, forced)


def copy_logged(logged: Request, forced: Forced) -> http.HTTPFlow:
    """Return a copy of a request of the prompt log, not sent yet. Raises: ConfigError where it calls no model."""
    fields = [
        (name.encode("utf-8", "surrogateescape"), value.encode("utf-8", "surrogateescape"))
        for name, value in again.headers(logged)
    ]
    request = http.Request.make(logged.method, logged.url, logged.body, http.Headers(fields))
    _check(request)
    return _flow(Client(peername=HERE, sockname=HERE, timestamp_start=time.time()), request, forced)


def _check(request: http.Request) -> None:
    if request.method.upper() != "POST" or request.path.partition("?")[0] != ASKED:
        raise ConfigError(f"{request.method} {request.path.partition('?')[0]} is no call to a model: POST {ASKED} is")
    if not request.raw_content:
        raise ConfigError("the client's own request is not kept")


def _flow(client: Client, request: http.Request, forced: Forced) -> http.HTTPFlow:
    transfer.strip_credentials(request)
    request.http_version = "HTTP/1.1"
    made = http.HTTPFlow(client, Server(address=(request.host, request.port)))
    made.request = request
    forcing.force(made, forced)
    made.comment = f"{forced.told} → {forced.target}"
    return made
