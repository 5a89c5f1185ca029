"""A backend's HTTP/1 connection, on which interim responses come before the true one.

mitmproxy takes the first head that it reads for the reply: after a 103 (Early Hints) or an unasked 100 it sees the true
reply as a second one, and breaks the exchange. Interim heads say nothing that the client needs (RFC 9110, 15.2), and
are dropped here, before it reads them.

101 switches protocols. Unasked it is no reply to a call to a model, and mitmproxy would hand the connection on to the
next request in the middle of what it does not understand: the connection is closed, and the attempt has failed.

mitmproxy tells the end of a reply before the connection is ready for another request. Whoever asks a second time at
once, of the same address, is given that connection and breaks it; so here the end is told last.
"""

import re
from typing import override

from mitmproxy.proxy import commands, events, layer
from mitmproxy.proxy.layers.http._base import ReceiveHttp
from mitmproxy.proxy.layers.http._events import ErrorCode, ResponseEndOfMessage, ResponseProtocolError
from mitmproxy.proxy.layers.http._http1 import Http1Client

INTERIM = re.compile(rb"HTTP/1\.[01] 1(?!01)\d\d[ \r\n]")
SWITCH = re.compile(rb"HTTP/1\.[01] 101[ \r\n]")


class Http1Backend(Http1Client):
    """See the module."""

    @override
    def read_headers(self, event: events.ConnectionEvent) -> layer.CommandGenerator[None]:
        while isinstance(event, events.DataReceived) and self.request and INTERIM.match(bytes(self.buf)):
            if self.buf.maybe_extract_lines() is None:
                return  # its end has not come yet
        if isinstance(event, events.DataReceived) and self.stream_id and SWITCH.match(bytes(self.buf)):
            stream_id, self.stream_id = self.stream_id, None
            yield commands.CloseConnection(self.conn)
            yield ReceiveHttp(
                ResponseProtocolError(stream_id, "it switches protocols, unasked", ErrorCode.GENERIC_SERVER_ERROR)
            )
            return
        yield from super().read_headers(event)

    @override
    def read_body(self, event: events.Event) -> layer.CommandGenerator[None]:
        end = None
        for command in super().read_body(event):  # none of which waits for an answer
            if isinstance(command, ReceiveHttp) and isinstance(command.event, ResponseEndOfMessage):
                end = command
            else:
                yield command
        if end is not None:
            yield end


def adopt(connection: object) -> None:
    """Make a connection's reader, where it is one of HTTP/1 and between two requests, into ours."""
    if type(connection) is Http1Client and connection.state == connection.read_headers:
        connection.__class__ = Http1Backend
        connection.state = connection.read_headers
