"""Our HTTP layer: puts the credential on the wire and never on the flow, keeps a stream alive, and ends it in words.

Theory of operation. mitmproxy's ``HttpLayer`` passes events between three kinds of children: the client's connection,
one ``HttpStream`` for each exchange (ours: ``http_stream``), and the backends' connections. It does so in
``event_to_child`` alone. We look at these events there (table ``LOOKS``):

    to a backend    RequestHeaders         leave with the true credential, in a copy: the flow keeps the masked one, so
                                           that mitmweb, saved flows, HAR and logs never hold a key
                    any                    bear the id of the attempt (see ``http_stream``)
    to an exchange  ResponseHeaders        the backend has begun to answer
                    RequestProtocolError   the client has left; mitmproxy does not tell addons which side broke it, and
                                           lets it wait for its connection, which may never come
    to the client   ResponseHeaders        of a stream wait for its first content: a backend may answer 200 and then
                                           say, as the first event, that the prompt is too long, or that it has no time
                    ResponseData           of a stream wait until all that came with the same read is translated, and
                                           leave as one piece: a burst costs one write instead of hundreds, and a single
                                           delta waits for nothing
                    ResponseProtocolError  mitmproxy would send a page of HTML and close. We send Anthropic's error
                                           envelope, or, under a stream that has begun, an ``error`` event and an end

The clock. Every exchange has a ``Pace``. We keep one wake-up for all of them, for whatever is due first, and set it
anew when somebody might be due sooner (``must_look``). What is done when is the table ``ACTIONS``. A client that has
heard nothing when the grace period is over gets the head of a stream and a ping, and then pings: between events only.
Headers of a reply that come later are not sent twice.

What concerns the backends' connections is in ``http_connections``. How the class gets its place is in ``takeover``.
"""

import time
from collections.abc import Callable, Mapping
from copy import copy
from dataclasses import dataclass, field
from itertools import count
from math import inf
from typing import cast, override
from weakref import WeakSet

from mitmproxy import http
from mitmproxy.connection import Connection, ConnectionState
from mitmproxy.proxy import commands, events, layer
from mitmproxy.proxy.layers.http import HttpStream
from mitmproxy.proxy.layers.http._base import HttpEvent
from mitmproxy.proxy.layers.http._events import (
    ErrorCode,
    RequestData,
    RequestEndOfMessage,
    RequestHeaders,
    RequestProtocolError,
    RequestTrailers,
    ResponseData,
    ResponseEndOfMessage,
    ResponseHeaders,
    ResponseProtocolError,
    ResponseTrailers,
)

from addon.protocol.event_shapes import PING
from addon.proxy import http1_backend
from addon.proxy.desk import Awaited, Desk
from addon.proxy.http_connections import ConnectionsLayer
from addon.proxy.http_stream import DetourStream, Refused, Resume, TimedOut
from addon.proxy.pace import Due, Phase

# a flow killed by the user, and what the client itself broke, keep mitmproxy's own ending
LEFT_ALONE = frozenset((ErrorCode.KILL, ErrorCode.CLIENT_DISCONNECTED, ErrorCode.GENERIC_CLIENT_ERROR))
EVENT_ENDS = (b"\n\n", b"\r\r", b"\n\r\n")  # how the bytes end behind a whole event
LONGEST_END = 3


@dataclass(slots=True)
class Held:
    """What waits on its way to the client: the reply's headers, for its first content; its bytes, for a read's end."""

    stream: DetourStream
    reply: Awaited
    headers: ResponseHeaders | None  # None: they have left
    pieces: list[bytes] = field(default_factory=list)
    tail: bytes = b"\n\n"  # the last bytes that were sent

    @property
    def between_events(self) -> bool:
        """Whether a ping may come now."""
        return self.tail.endswith(EVENT_ENDS)


class DetourHttpLayer(ConnectionsLayer):
    """See the module."""

    desk: Desk
    held: dict[int, Held]  # by stream, while its reply lasts
    watched: dict[int, DetourStream]  # by stream, while something may be due
    must_look: bool  # whether something may be due sooner than the wake-up
    wakeup: commands.RequestWakeup | None
    wakeup_at: float
    used: WeakSet[Connection]  # those that have served an attempt
    attempts: "count[int]"

    def start(self, desk: Desk) -> None:
        """What a constructor would do; mitmproxy has made the layer."""
        self.desk = desk
        self.held, self.watched, self.used = {}, {}, WeakSet()
        self.must_look, self.wakeup, self.wakeup_at = False, None, inf
        self.attempts = count(-1, -1)

    @override
    def event_to_child(self, child: layer.Layer | HttpStream, event: events.Event) -> layer.CommandGenerator[None]:
        # no generator itself: it runs for every event, and each frame costs
        if type(event) is ResponseData:
            if isinstance(child, HttpStream):
                if (pace := cast(DetourStream, child).pace) is not None:
                    pace.heard_at = time.monotonic()
                return super().event_to_child(child, event)
            held = self.held.get(event.stream_id)
            if held is None:
                return super().event_to_child(child, event)
            held.pieces.append(event.data)
            return _nothing()
        look = LOOKS.get(type(event))
        return super().event_to_child(child, event) if look is None else look(self, child, event)

    def pass_on(self, child: layer.Layer | HttpStream, event: events.Event) -> layer.CommandGenerator[None]:
        """As mitmproxy does it."""
        return super().event_to_child(child, event)

    def to_client(self, event: events.Event) -> layer.CommandGenerator[None]:
        """Send it as it is."""
        return super().event_to_child(self.connections[self.context.client], event)

    @override
    def make_stream(self, stream_id: int) -> layer.CommandGenerator[None]:
        stream = self.streams[stream_id] = DetourStream(self.context.fork(), stream_id)
        stream.ours = self
        yield from self.event_to_child(stream, events.Start())

    @override
    def _handle_event(self, event: events.Event) -> layer.CommandGenerator[None]:
        try:
            if isinstance(event, events.Wakeup) and event.command not in self.command_sources:
                yield from self._look(event)
            else:
                yield from super()._handle_event(event)
                if type(event) is events.ConnectionClosed:
                    yield from self._end_orphans(event.connection)
        except NotImplementedError:
            if not isinstance(event, events.DataReceived) or event.connection is self.context.client:
                raise
            yield from self.end_body(event.connection)  # trailers: the body before them is complete
        if self.held:
            for stream_id, held in list(self.held.items()):
                if held.pieces:
                    yield from self.release(stream_id, held)
                    self._note_end(held)
                elif held.headers is not None or not held.stream.begun:
                    yield from self._refuse(held)
        if self.must_look:
            yield from self._set_wakeup()

    def _end_orphans(self, connection: Connection) -> layer.CommandGenerator[None]:
        """Tell the attempts on a connection that it is gone: of HTTP/2, mitmproxy forgets those in its queue."""
        gone = self.connections.get(connection)
        for stream_id, stream in list(self.streams.items()):
            if stream_id < 0 and gone is not None and self.connections.get(stream.context.server) is gone:
                told = ResponseProtocolError(stream_id, "connection closed", ErrorCode.GENERIC_SERVER_ERROR)
                yield from self.event_to_child(stream, told)

    def release(self, stream_id: int, held: Held) -> layer.CommandGenerator[None]:
        """Send the client what waits, the headers first, the bytes in one piece."""
        if held.headers is not None:
            headers, held.headers = held.headers, None
            yield from self.to_client(headers)
        if held.pieces:
            stream = held.stream
            if not stream.begun:
                stream.begun = self.must_look = True  # a ping may be due sooner than the end of the grace was
            written = b"".join(held.pieces)
            held.pieces.clear()
            held.tail = (held.tail + written)[-LONGEST_END:]
            if stream.pace is not None:
                stream.pace.wrote_at = time.monotonic()
            yield from self.to_client(ResponseData(stream_id, written))

    def _refuse(self, held: Held) -> layer.CommandGenerator[None]:
        """The exchange hears that its reply has failed before it began."""
        stream = held.stream
        if held.reply.failed and stream.attempt:
            yield from self.event_to_child(stream, Refused(stream.stream_id, "the reply begins with an error"))

    def _note_end(self, held: Held) -> None:
        """Where all is said the backend need say no more: its body may have no end, or go on for ever."""
        pace = held.stream.pace
        if pace is not None and pace.phase is Phase.REPLYING and held.reply.ended:
            pace.end(held.reply.lingers_s, time.monotonic())
            self.must_look = True

    def let_go(self, stream: DetourStream, *, held: bool = True) -> None:
        """The attempt is over: nothing more is heard of it, and what waits of its reply is forgotten (``held``)."""
        if stream.attempt:
            self.streams.pop(stream.attempt, None)
            stream.attempt = 0
        if held:
            self.held.pop(stream.stream_id, None)

    # -- the clock -----------------------------------------------------------------------------------------------------

    def _set_wakeup(self) -> layer.CommandGenerator[None]:
        self.must_look = False
        at = min((stream.pace.next_at() for stream in self.watched.values() if stream.pace is not None), default=inf)
        if at < self.wakeup_at:
            self.wakeup_at, self.wakeup = at, commands.RequestWakeup(max(0.0, at - time.monotonic()))
            yield self.wakeup

    def _look(self, event: events.Wakeup) -> layer.CommandGenerator[None]:
        """Do what is due."""
        if event.command is not self.wakeup:
            return  # one that was replaced by a sooner one
        self.wakeup, self.wakeup_at, self.must_look = None, inf, True
        now = time.monotonic()
        for stream in list(self.watched.values()):
            due = stream.pace.due(now) if stream.pace is not None else None
            if due is not None:
                yield from ACTIONS[due](self, stream, due, now)

    def flow(self, stream_id: int) -> http.HTTPFlow | None:
        """Return the flow of an exchange; None before its request has come."""
        return getattr(self.streams.get(stream_id), "flow", None)


type Child = layer.Layer | HttpStream
type Commands = layer.CommandGenerator[None]


def _nothing() -> Commands:
    """No commands."""
    yield from ()


# -- looks -------------------------------------------------------------------------------------------------------------


def _send_head(ours: DetourHttpLayer, child: Child, event: RequestHeaders) -> Commands:
    """To a backend: with the true credential, as a new attempt."""
    stream = None if isinstance(child, HttpStream) else cast(DetourStream | None, ours.streams.get(event.stream_id))
    if stream is None:
        return ours.pass_on(child, event)
    true_values = ours.desk.credentials(stream.flow)
    if true_values or stream.pace is not None:
        request = copy(event.request)  # its own copy() copies by way of a whole state
        request.data = copy(event.request.data)
        request.data.content = b""  # it goes by itself, and the connection would keep it after a failure
        request.data.headers = event.request.headers.copy()
        request.data.headers.update(true_values)
        event = RequestHeaders(event.stream_id, request, event.end_stream, event.replay_flow)
    if stream.pace is not None:
        server = stream.context.server
        stream.reused = server in ours.used
        ours.used.add(server)
        stream.attempt = next(ours.attempts)
        ours.streams[stream.attempt] = stream
        http1_backend.adopt(child.context.layers[-1])
    return ours.pass_on(child, _under_its_id(stream, event))


def _send_more(
    ours: DetourHttpLayer, child: Child, event: RequestData | RequestTrailers | RequestEndOfMessage
) -> Commands:
    """To a backend."""
    stream = None if isinstance(child, HttpStream) else cast(DetourStream | None, ours.streams.get(event.stream_id))
    return ours.pass_on(child, event if stream is None else _under_its_id(stream, event))


def _under_its_id[E: HttpEvent](stream: DetourStream, event: E) -> E:
    if stream.attempt:
        event.stream_id = stream.attempt
    return event


def _give_up(ours: DetourHttpLayer, child: Child, event: RequestProtocolError) -> Commands:
    """To an exchange: the client has left it. To a backend: nobody waits for its reply."""
    stream = cast(DetourStream | None, ours.streams.get(event.stream_id))
    if not isinstance(child, HttpStream):
        if child.context.server.state & ConnectionState.CAN_WRITE:  # closed twice, mitmproxy loses the socket
            yield from ours.pass_on(child, event if stream is None else _under_its_id(stream, event))
        return
    if (flow := ours.flow(event.stream_id)) is not None:
        ours.held.pop(event.stream_id, None)
        ours.desk.client_left(flow)
    yield from ours.pass_on(child, event)
    yield from ours.stop_waiting(cast(DetourStream, child), event.message)


def _hold(ours: DetourHttpLayer, child: Child, event: ResponseHeaders) -> Commands:
    """To the client: they wait, where the reply is a stream that we answer for, and are not sent twice."""
    if isinstance(child, HttpStream):
        if (pace := cast(DetourStream, child).pace) is not None:
            pace.enter(Phase.REPLYING, time.monotonic())
            ours.must_look = True
        yield from ours.pass_on(child, event)
        return
    stream = cast(DetourStream | None, ours.streams.get(event.stream_id))
    flow = None if event.end_stream else ours.flow(event.stream_id)
    reply = ours.desk.holds(flow) if flow is not None else None
    if stream is not None and reply is not None and not stream.begun:
        ours.held[event.stream_id] = Held(stream, reply, None if stream.opened else event)
        return
    if stream is not None and stream.pace is not None:  # before that it is a 100
        stream.begun, stream.pace.streaming = True, None  # nothing that we could ping into
        if stream.opened:
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
    parting = ours.desk.parting(flow)
    if parting is None or event.code in LEFT_ALONE:
        yield from ours.pass_on(child, event)
        return
    body = parting.tail
    if parting.response is not None:
        body = parting.response.raw_content or b""
        if not cast(DetourStream, ours.streams[event.stream_id]).opened:
            yield from ours.pass_on(child, ResponseHeaders(event.stream_id, parting.response, end_stream=False))
    if body:
        yield from ours.pass_on(child, ResponseData(event.stream_id, body))
    yield from ours.pass_on(child, ResponseEndOfMessage(event.stream_id))


LOOKS: Mapping[type[events.Event], Callable[..., Commands]] = {
    RequestHeaders: _send_head,
    RequestData: _send_more,
    RequestTrailers: _send_more,
    RequestEndOfMessage: _send_more,
    RequestProtocolError: _give_up,
    ResponseHeaders: _hold,
    ResponseTrailers: _release,
    ResponseEndOfMessage: _release,
    ResponseProtocolError: _part,
}


# -- what is due -------------------------------------------------------------------------------------------------------


def _open(ours: DetourHttpLayer, stream: DetourStream, due: Due, now: float) -> Commands:
    """Tell the client that it has to wait."""
    response = ours.desk.early(stream.flow)
    if response is None:  # it is over, and only waits for a hook
        ours.watched.pop(stream.stream_id, None)
        return
    stream.opened = True
    if (held := ours.held.get(stream.stream_id)) is not None:
        held.headers = None
    yield from ours.to_client(ResponseHeaders(stream.stream_id, response, end_stream=False))
    yield from _ping(ours, stream, due, now)


def _ping(ours: DetourHttpLayer, stream: DetourStream, due: Due, now: float) -> Commands:
    held = ours.held.get(stream.stream_id)
    if stream.pace is not None:
        stream.pace.wrote_at = now
    if held is None or held.between_events:
        yield from ours.to_client(ResponseData(stream.stream_id, PING))


def _resume(ours: DetourHttpLayer, stream: DetourStream, due: Due, now: float) -> Commands:
    if stream.pace is not None:
        stream.pace.ends_at = inf
    yield from ours.event_to_child(stream, Resume(stream.stream_id))


def _expire(ours: DetourHttpLayer, stream: DetourStream, due: Due, now: float) -> Commands:
    """The backend's time is over: while it connects, the connection fails; else the exchange is told."""
    assert stream.pace is not None  # noqa: S101 - only those with one are asked what is due
    if stream.pace.phase is not Phase.CONNECTING:
        stream.pace.expired = due
        whose = stream.stream_id if due is Due.TOTAL else stream.attempt
        yield from ours.event_to_child(stream, TimedOut(whose, str(due), ErrorCode.GENERIC_SERVER_ERROR))
        return
    pending = ours.pending(stream)
    if due is Due.CONNECT and pending and all(each.timestamp_start is None for each in pending):
        stream.pace.since = now  # it waits for its turn
        return
    stream.pace.expired = due
    yield from ours.stop_waiting(stream, str(due))


ACTIONS: Mapping[Due, Callable[[DetourHttpLayer, DetourStream, Due, float], Commands]] = {
    Due.OPEN: _open,
    Due.PING: _ping,
    Due.RESUME: _resume,
    Due.CONNECT: _expire,
    Due.FIRST_BYTE: _expire,
    Due.IDLE: _expire,
    Due.TOTAL: _expire,
    Due.END: _expire,
}
