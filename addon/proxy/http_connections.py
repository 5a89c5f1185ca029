"""The backends' connections of our HTTP layer: who waits for one, who is given one, and when one is forgotten.

Theory of operation. With us the client's connection outlives the failure of a backend's, which mitmproxy does not
expect: it keeps a connection that failed for ever, and lets it answer for its address; one that is closed, too. Both
are forgotten before the next is asked for. Trailers after a chunked reply raise NotImplementedError, upon which the
client would wait for ever; an interim response (103) is taken for the reply (see ``http1_backend``).

mitmproxy makes five connections to an address at a time. The sixth waits until one of them is closed, and nobody hears
of it if it is given up before its turn. So it is the exchange that hears, when its time is over or its client has left,
that there is no connection (``stop_waiting``). What becomes of one that nobody else waits for:

    before its turn              stays; is closed once it stands, unless somebody has joined meanwhile
    being made, or in its        closed and joined by nobody; what is heard of it later is ignored
    handshake
    made, and mitmproxy has      stays, as before its turn: mitmproxy would lose its socket
    not said so yet
"""

from typing import cast, override

from mitmproxy.connection import Connection, Server
from mitmproxy.proxy import commands, layer
from mitmproxy.proxy.layers.http import (
    GetHttpConnection,
    GetHttpConnectionCompleted,
    HttpLayer,
    HttpStream,
    RegisterHttpConnection,
)
from mitmproxy.proxy.layers.http._events import ErrorCode, RequestProtocolError, ResponseEndOfMessage
from mitmproxy.proxy.layers.http._http1 import Http1Client


class ConnectionsLayer(HttpLayer):
    """See the module."""

    def pending(self, stream: HttpStream) -> list[Server]:
        """Return the connections that are being made for an exchange: the backend's, and a proxy's on the way to it."""
        awaited = self._awaited(stream)
        stack = self.connections[awaited] if awaited is not None else None
        return [each for each, its in self.connections.items() if its is stack and isinstance(each, Server)]

    def _awaited(self, stream: HttpStream) -> Connection | None:
        command = stream._paused.command if stream._paused is not None else None
        for connection, waiting in self.waiting_for_establishment.items():
            if any(each is command for each in waiting):  # those for one address are equal
                return connection
        return None

    def stop_waiting(self, stream: HttpStream, why: str) -> layer.CommandGenerator[None]:
        """Let an exchange go on without the connection that it waits for, if it does."""
        awaited = self._awaited(stream)
        if awaited is None or stream._paused is None:
            return
        pending, command = self.pending(stream), cast(GetHttpConnection, stream._paused.command)
        waiting = self.waiting_for_establishment[awaited]
        waiting[:] = [each for each in waiting if each is not command]
        if not waiting and self._may_close(pending):
            del self.waiting_for_establishment[awaited]
            for each in pending:
                yield commands.CloseConnection(each)
        del self.command_sources[command]
        yield from self.event_to_child(stream, GetHttpConnectionCompleted(command, (None, why)))

    def _may_close(self, pending: list[Server]) -> bool:
        begun = [each for each in pending if each.timestamp_start is not None]
        opening = [each.connection for each in self.command_sources if isinstance(each, commands.OpenConnection)]
        return bool(begun) and not any(each.timestamp_tcp_setup is not None and each in opening for each in begun)

    @override
    def get_connection(self, event: GetHttpConnection, *, reuse: bool = True) -> layer.CommandGenerator[None]:
        for connection in [each for each in self.connections if isinstance(each, Server) and self._is_dead(each)]:
            del self.connections[connection]
        return super().get_connection(event, reuse=reuse)

    def _is_dead(self, connection: Server) -> bool:
        """Whether nothing more will come of it: it was not made, or it is closed and has heard so."""
        never_made = bool(connection.error) and connection.timestamp_tcp_setup is None
        is_over = never_made or connection.timestamp_end is not None
        return is_over and connection not in self.waiting_for_establishment

    @override
    def register_connection(self, command: RegisterHttpConnection) -> layer.CommandGenerator[None]:
        waiting = self.waiting_for_establishment.get(command.connection)
        if waiting is None:  # it is closed already
            return
        is_wanted = bool(waiting)
        yield from super().register_connection(command)
        if not is_wanted and not command.err:  # one of HTTP/1 is closed by this, one of HTTP/2 is there for the next
            gone = RequestProtocolError(0, "nobody waits for it", ErrorCode.CANCEL)
            yield from self.event_to_child(self.connections[command.connection], gone)

    def end_body(self, connection: Connection) -> layer.CommandGenerator[None]:
        """A reply is complete, and its connection of no more use."""
        reader = self.connections[connection].context.layers[-1]
        yield commands.CloseConnection(connection)
        if isinstance(reader, Http1Client) and reader.stream_id in self.streams:
            yield from self.event_to_child(self.streams[reader.stream_id], ResponseEndOfMessage(reader.stream_id))
