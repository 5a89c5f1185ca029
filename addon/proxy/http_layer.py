"""Our HTTP layer: puts the credential on the wire and never on the flow, and ends a failed exchange in words.

Theory of operation. mitmproxy's ``HttpLayer`` passes events between three kinds of children: the client's connection,
one ``HttpStream`` for each exchange, and the backends' connections. It does so in ``event_to_child`` alone. We look at
these events there:

* ``RequestHeaders`` on its way to a backend's connection: it leaves with the true credential in a copy of the request.
  The flow keeps the masked one, so mitmweb, saved flows, HAR and logs never hold a key, not even while waiting.
* ``ResponseHeaders`` of a streamed reply on their way to the client wait for the first of its bytes: a backend may
  answer 200 and then say, as the first event, that the prompt is too long. They are read when they leave.
* ``ResponseData`` of such a reply wait until all that came with the same read is translated, and leave as one piece:
  a burst costs the client's connection one write instead of hundreds, and a single delta waits for nothing.
* ``ResponseProtocolError`` on its way to the client: mitmproxy would send an HTML page and close the connection. We
  send Anthropic's error envelope instead, or, under a stream that has begun, an ``error`` event and a clean end.
* ``RequestProtocolError`` on its way to an exchange: the client has left. mitmproxy tells addons of a broken exchange
  without saying which side broke it.

Two more things that mitmproxy leaves undone, because with us the client's connection outlives the failure: a failed
connection is kept for ever and answers for its address, and trailers after a chunked reply raise NotImplementedError,
upon which the client would wait for ever.

The class is put in place through the public ``next_layer`` hook on layers that mitmproxy made, before they have any
state of their own. Replays build their layer without that hook; ``ReplayHandler`` is replaced while we are loaded.
``works_here`` checks the few internals this rests on; where they differ, the plain path serves (see ``hooks``).
"""

import inspect
from collections.abc import Callable, Mapping
from copy import copy
from dataclasses import dataclass, field
from typing import Any, cast, override

from mitmproxy import http
from mitmproxy.addons import clientplayback
from mitmproxy.connection import Connection, Server
from mitmproxy.proxy import commands, events, layer
from mitmproxy.proxy.layers.http import GetHttpConnection, HttpLayer, HttpStream
from mitmproxy.proxy.layers.http._events import (
    ErrorCode,
    RequestHeaders,
    RequestProtocolError,
    ResponseData,
    ResponseEndOfMessage,
    ResponseHeaders,
    ResponseProtocolError,
    ResponseTrailers,
)
from mitmproxy.proxy.layers.http._http1 import Http1Client

# a flow killed by the user, and what the client itself broke, keep mitmproxy's own ending
LEFT_ALONE = frozenset((ErrorCode.KILL, ErrorCode.CLIENT_DISCONNECTED, ErrorCode.GENERIC_CLIENT_ERROR))


@dataclass(frozen=True, slots=True)
class Parting:
    """Last words for a client whose backend is gone: a whole response, or the tail of a stream that has begun."""

    response: http.Response | None = None
    tail: bytes = b""


@dataclass(frozen=True, slots=True)
class Desk:
    """What the layer asks and tells the addon. Each takes the flow; an empty answer means "not one of ours"."""

    client_left: Callable[[http.HTTPFlow], None]
    holds: Callable[[http.HTTPFlow], bool]
    credentials: Callable[[http.HTTPFlow], Mapping[str, str]]
    parting: Callable[[http.HTTPFlow], Parting | None]


@dataclass(slots=True)
class Held:
    """What waits on its way to the client: the reply's headers, until its first bytes; its bytes, until a read ends."""

    stream: HttpStream
    headers: ResponseHeaders | None
    pieces: list[bytes] = field(default_factory=list)


class DetourHttpLayer(HttpLayer):
    """See the module."""

    desk: Desk
    held: dict[int, Held]  # by stream, while it lasts

    @override
    def event_to_child(self, child: layer.Layer | HttpStream, event: events.Event) -> layer.CommandGenerator[None]:
        # no generator itself: it runs for every event, and each frame costs
        if type(event) is ResponseData:
            held = self.held.get(event.stream_id)
            if held is None or isinstance(child, HttpStream):
                return super().event_to_child(child, event)
            held.pieces.append(event.data)
            return _nothing()
        look = LOOKS.get(type(event))
        return super().event_to_child(child, event) if look is None else look(self, child, event)

    def pass_on(self, child: layer.Layer | HttpStream, event: events.Event) -> layer.CommandGenerator[None]:
        """As mitmproxy does it."""
        return super().event_to_child(child, event)

    @override
    def _handle_event(self, event: events.Event) -> layer.CommandGenerator[None]:
        try:
            yield from super()._handle_event(event)
        except NotImplementedError:
            if not isinstance(event, events.DataReceived) or event.connection is self.context.client:
                raise
            yield from self._end_of_body(event.connection)  # trailers: the body before them is complete
        if self.held:
            for stream_id, held in list(self.held.items()):
                if held.pieces:
                    yield from self.release(stream_id, held)

    def release(self, stream_id: int, held: Held) -> layer.CommandGenerator[None]:
        """Send the client what waits, the headers first, the bytes in one piece."""
        client = self.connections[self.context.client]
        if held.headers is not None:
            headers, held.headers = held.headers, None
            yield from self.pass_on(client, headers)
        if held.pieces:
            written = b"".join(held.pieces)
            held.pieces.clear()
            yield from self.pass_on(client, ResponseData(stream_id, written))

    def _end_of_body(self, connection: Connection) -> layer.CommandGenerator[None]:
        reader = self.connections[connection].context.layers[-1]
        yield commands.CloseConnection(connection)
        if isinstance(reader, Http1Client) and reader.stream_id in self.streams:
            yield from self.event_to_child(self.streams[reader.stream_id], ResponseEndOfMessage(reader.stream_id))

    @override
    def get_connection(self, event: GetHttpConnection, *, reuse: bool = True) -> layer.CommandGenerator[None]:
        for connection in [each for each in self.connections if isinstance(each, Server) and self._is_dead(each)]:
            del self.connections[connection]
        return super().get_connection(event, reuse=reuse)

    def _is_dead(self, connection: Server) -> bool:
        """Whether it failed and nothing more will come of it. One that was made is still to hear of its end."""
        ended = connection.timestamp_tcp_setup is None or connection.timestamp_end is not None
        return bool(connection.error) and ended and connection not in self.waiting_for_establishment

    def flow(self, stream_id: int) -> http.HTTPFlow | None:
        """Return the flow of an exchange; None before its request has come."""
        return getattr(self.streams.get(stream_id), "flow", None)


type Child = layer.Layer | HttpStream
type Commands = layer.CommandGenerator[None]


def _nothing() -> Commands:
    """No commands."""
    yield from ()


def _authorize(ours: DetourHttpLayer, child: Child, event: RequestHeaders) -> Commands:
    """To a backend: with the true credential."""
    flow = None if isinstance(child, HttpStream) else ours.flow(event.stream_id)
    true_values = ours.desk.credentials(flow) if flow is not None else {}
    if true_values:
        request = copy(event.request)  # its own copy() copies by way of a whole state
        request.data = copy(event.request.data)
        request.data.headers = event.request.headers.copy()
        request.data.headers.update(true_values)
        event = RequestHeaders(event.stream_id, request, event.end_stream, event.replay_flow)
    return ours.pass_on(child, event)


def _note_leaving(ours: DetourHttpLayer, child: Child, event: RequestProtocolError) -> Commands:
    """To an exchange: the client has left it."""
    flow = ours.flow(event.stream_id) if isinstance(child, HttpStream) else None
    if flow is not None:
        ours.held.pop(event.stream_id, None)
        ours.desk.client_left(flow)
    return ours.pass_on(child, event)


def _hold(ours: DetourHttpLayer, child: Child, event: ResponseHeaders) -> Commands:
    """To the client: they wait, where the reply is a stream that we write."""
    flow = None if isinstance(child, HttpStream) or event.end_stream else ours.flow(event.stream_id)
    if flow is not None and ours.desk.holds(flow):
        ours.held[event.stream_id] = Held(ours.streams[event.stream_id], event)
        return
    yield from ours.pass_on(child, event)


def _release(ours: DetourHttpLayer, child: Child, event: ResponseTrailers | ResponseEndOfMessage) -> Commands:
    """To the client: after all that waits."""
    held = None if isinstance(child, HttpStream) else ours.held.pop(event.stream_id, None)
    if held is not None:
        yield from ours.release(event.stream_id, held)
    yield from ours.pass_on(child, event)
    if held is not None and type(event) is ResponseEndOfMessage:
        del held.stream.flow  # it is over, but refers to itself, and would keep the flow until the collector comes


def _part(ours: DetourHttpLayer, child: Child, event: ResponseProtocolError) -> Commands:
    """To the client: our last words, where there are some."""
    flow = None if isinstance(child, HttpStream) else ours.flow(event.stream_id)
    if flow is None:
        yield from ours.pass_on(child, event)
        return
    held = ours.held.pop(event.stream_id, None)
    if held is not None and held.pieces:
        yield from ours.release(event.stream_id, held)
    parting = ours.desk.parting(flow) if event.code not in LEFT_ALONE else None
    if parting is None:
        yield from ours.pass_on(child, event)
        return
    body = parting.tail
    if parting.response is not None:
        body = parting.response.raw_content or b""
        yield from ours.pass_on(child, ResponseHeaders(event.stream_id, parting.response, end_stream=False))
    if body:
        yield from ours.pass_on(child, ResponseData(event.stream_id, body))
    yield from ours.pass_on(child, ResponseEndOfMessage(event.stream_id))


LOOKS: Mapping[type[events.Event], Callable[..., Commands]] = {
    RequestHeaders: _authorize,
    RequestProtocolError: _note_leaving,
    ResponseHeaders: _hold,
    ResponseTrailers: _release,
    ResponseEndOfMessage: _release,
    ResponseProtocolError: _part,
}


def take_over(nextlayer: layer.NextLayer, desk: Desk) -> None:
    """Make the HTTP layer that mitmproxy chose, if it chose one, into ours."""
    chosen: Any = nextlayer.layer
    while chosen is not None:
        _adopt(chosen, desk)
        chosen = getattr(chosen, "child_layer", None)


def _adopt(chosen: object, desk: Desk) -> None:
    if type(chosen) is HttpLayer:
        chosen.__class__ = DetourHttpLayer
        ours = cast(DetourHttpLayer, chosen)
        ours.desk = desk
        ours.held = {}


_REPLAY_HANDLER = clientplayback.ReplayHandler


def take_over_replays(desk: Desk) -> None:
    """Let replays use our layer too."""

    class DetourReplayHandler(_REPLAY_HANDLER):
        def __init__(self, flow: http.HTTPFlow, options: Any) -> None:
            super().__init__(flow, options)
            _adopt(self.layer, desk)

    clientplayback.ReplayHandler = DetourReplayHandler  # type: ignore[misc]  # replays offer no hook for this


def give_back_replays() -> None:
    """Undo ``take_over_replays``."""
    clientplayback.ReplayHandler = _REPLAY_HANDLER  # type: ignore[misc]  # as it was


def works_here() -> str | None:
    """Return None when this mitmproxy has the internals the layer rests on, else what is missing."""
    wanted: dict[Callable[..., Any], list[str]] = {
        HttpLayer.event_to_child: ["self", "child", "event"],
        HttpLayer.get_connection: ["self", "event", "reuse"],
        RequestHeaders: ["stream_id", "request", "end_stream", "replay_flow"],
        ResponseHeaders: ["stream_id", "response", "end_stream"],
        _REPLAY_HANDLER: ["flow", "options"],
    }
    for thing, parameters in wanted.items():
        found = list(inspect.signature(thing).parameters)
        if found != parameters:
            return f"{getattr(thing, '__qualname__', thing)} takes {found}, not {parameters}"
    return None
