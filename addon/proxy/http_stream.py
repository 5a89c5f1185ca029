"""One exchange inside mitmproxy's HTTP layer: asks its backend again, or another, before the client has heard a word.

Theory of operation. mitmproxy's ``HttpStream`` takes a request, connects, sends, and hands the reply on. Ours does the
same for one attempt, and looks at three places whether the attempt has come to nothing:

* ``make_server_connection``: there is no connection;
* ``handle_protocol_error``: the backend broke off, or its time has run out;
* ``send_response``: the reply is complete (and says "too many requests", or is no reply at all); ``give_up`` the same
  for a stream whose first event says so.

Each asks the addon (``Desk.failed``). It answers with a wait, after which the request that then stands on the flow is
sent like the first; or with None, and mitmproxy goes on as it would have: with the error hook, or with the reply.
``server_state`` has one state beside mitmproxy's: ``state_between_attempts``, which ``Resume`` ends, or an error. Even
where there is nothing to wait for, the next attempt begins with an event of its own: the reader of the backend's
connection is still at the end of its reply when we hear of that, and may be who gets the next request.

mitmproxy's events bear the id of an exchange and not that of a connection, so that a late word of the first backend
would be taken for one of the second's. Each attempt therefore has an id of its own (``attempt``, negative), under which
the backend's connection knows it. It is dropped with the attempt; mitmproxy ignores what comes for an id it has not,
and we ignore what came before that, while a hook was waited for.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Protocol, cast, override

from mitmproxy.connection import Connection
from mitmproxy.flow import Error
from mitmproxy.proxy import events, layer
from mitmproxy.proxy.layers.http import DropStream, GetHttpConnection, HttpStream, SendHttp
from mitmproxy.proxy.layers.http._base import HttpEvent
from mitmproxy.proxy.layers.http._events import (
    ErrorCode,
    RequestData,
    RequestEndOfMessage,
    RequestHeaders,
    RequestProtocolError,
    ResponseProtocolError,
)
from mitmproxy.proxy.layers.http._hooks import HttpErrorHook

from addon.proxy.desk import Awaited, Desk
from addon.proxy.journey import Again, Trouble
from addon.proxy.pace import Due, Pace, Phase

TIMED_OUT: Mapping[Due, str] = MappingProxyType(
    {
        Due.CONNECT: "no connection",
        Due.FIRST_BYTE: "not a byte of a reply",
        Due.IDLE: "nothing more of the reply",
        Due.TOTAL: "no end of the reply",
        Due.END: "all was said, and no end of the reply came",
    }
)


def _nothing() -> layer.CommandGenerator[None]:
    """No commands."""
    yield from ()


@dataclass
class TimedOut(ResponseProtocolError):
    """The backend's time has run out."""


@dataclass
class Refused(ResponseProtocolError):
    """The first thing that a stream says is that it failed."""


@dataclass
class Resume(HttpEvent):
    """The wait before an attempt is over."""


class Held(Protocol):
    """What waits of a reply on its way to the client."""

    pieces: list[bytes]

    @property
    def reply(self) -> Awaited:
        """The reply."""


class Ours(Protocol):
    """The layer that an exchange belongs to."""

    desk: Desk
    watched: dict[int, "DetourStream"]
    must_look: bool
    connections: dict[Connection, layer.Layer]
    streams: dict[int, HttpStream]

    @property
    def held(self) -> Mapping[int, Held]:
        """What waits, by exchange."""

    def let_go(self, stream: "DetourStream", *, held: bool = True) -> None:
        """The attempt is over."""


class DetourStream(HttpStream):
    """See the module."""

    ours: Ours
    pace: Pace | None = None  # None: not one of ours, or not sent yet
    attempt = 0  # the id of the one under way; 0: none
    reused = False  # whether it went over a connection that had served before
    opened = False  # whether the client was told "200, wait"
    begun = False  # whether the client was sent anything of a reply

    # -- one attempt ---------------------------------------------------------------------------------------------------

    @override
    def _handle_event(self, event: events.Event) -> layer.CommandGenerator[None]:
        # no generator itself, as in the layer
        if isinstance(event, HttpEvent) and event.stream_id < 0 and event.stream_id != self.attempt:
            return _nothing()
        return cast(layer.CommandGenerator[None], super()._handle_event(event))

    @override
    def make_server_connection(self) -> layer.CommandGenerator[bool]:
        allowed = self.ours.desk.begin(self.flow)
        if allowed is None:
            return (yield from super().make_server_connection())
        if self.pace is None:
            self.pace = Pace(allowed.timeouts, allowed.streaming, allowed.began_at)
            self.ours.watched[self.stream_id] = self
        self.pace.timeouts, self.pace.streaming = allowed.timeouts, allowed.streaming
        if allowed.wait is not None:
            self._try_again(allowed.wait)
            return False
        if allowed.refused is not None:
            yield from self._fail(allowed.refused, ErrorCode.CONNECT_FAILED)
            return False
        self._enter(Phase.CONNECTING)
        request, server = self.flow.request, self.flow.server_conn
        connection, error = yield GetHttpConnection(
            (request.host, request.port), request.scheme == "https", server.via, server.transport_protocol
        )
        if (yield from self.check_killed(emit_error_hook=True)):
            if connection is not None and connection.alpn != b"h2":  # nobody else would use it, nor close it
                yield SendHttp(RequestProtocolError(self.stream_id, "given up", ErrorCode.CANCEL), connection)
            return False
        if error:
            yield from self._fail(self._trouble(error), ErrorCode.CONNECT_FAILED)
            return False
        self.context.server = self.flow.server_conn = connection
        self._enter(Phase.WAITING)
        return True

    def _send(self) -> layer.CommandGenerator[None]:
        """Send the request that stands on the flow, as mitmproxy does it."""
        self.server_state = self.state_wait_for_response_headers
        if not (yield from self.make_server_connection()):
            return
        request, server = self.flow.request, self.context.server
        content = request.raw_content
        yield SendHttp(RequestHeaders(self.stream_id, request, end_stream=not content), server)
        if content:
            yield SendHttp(RequestData(self.stream_id, content), server)
        yield SendHttp(RequestEndOfMessage(self.stream_id), server)

    def _enter(self, phase: Phase) -> None:
        if self.pace is not None:
            self.pace.enter(phase, time.monotonic())
            self.ours.must_look = True

    # -- an attempt that comes to nothing ------------------------------------------------------------------------------

    @override
    def handle_protocol_error(
        self, event: RequestProtocolError | ResponseProtocolError
    ) -> layer.CommandGenerator[None]:
        if "flow" not in vars(self):
            return  # both sides broke off at once, and the one has ended it while the other waited
        over = self.server_state in (self.state_done, self.state_errored) or self.client_state == self.state_errored
        if self.pace is None or over:
            if not isinstance(event, TimedOut | Refused):
                yield from super().handle_protocol_error(event)
            self._leave()
        elif isinstance(event, RequestProtocolError):
            yield from self._abandon(event)
        elif (yield from self.check_killed(emit_error_hook=True)):
            return
        elif isinstance(event, Refused):
            yield from self._refuse()
        else:
            if isinstance(event, TimedOut):
                yield from self._cancel()
            yield from self._fail(self._trouble(event.message), event.code)

    @override
    def send_response(self, already_streamed: bool = False) -> layer.CommandGenerator[None]:
        held = self.ours.held.get(self.stream_id)
        if self.attempt and not self.begun and (held is None or held.reply.failed):
            again = self.ours.desk.failed(self.flow, None)
            if again is not None:
                self._try_again(again)
                return
            if held is not None:  # it goes out whole, as the error that it is
                self.ours.let_go(self)
                already_streamed = False
        yield from self._finish(already_streamed=already_streamed)

    def _refuse(self) -> layer.CommandGenerator[None]:
        again = self.ours.desk.failed(self.flow, None)
        yield from self._cancel()
        if again is not None:
            self._try_again(again)
        else:
            yield from self._finish(already_streamed=False)

    def _finish(self, *, already_streamed: bool) -> layer.CommandGenerator[None]:
        self._enter(Phase.OVER)
        yield from super().send_response(already_streamed)

    def _fail(self, trouble: Trouble, code: ErrorCode) -> layer.CommandGenerator[None]:
        """Make another attempt, or let mitmproxy end the exchange."""
        again = self.ours.desk.failed(self.flow, trouble)
        if again is not None:
            self._try_again(again)
            return
        held = self.ours.held.get(self.stream_id)
        has_words = self.begun or (held is not None and bool(held.pieces))  # they may have come with the same read
        self.ours.let_go(self, held=not has_words)
        yield from self._part(trouble.message, code)

    def _part(self, message: str, code: ErrorCode) -> layer.CommandGenerator[None]:
        """Let mitmproxy end the exchange."""
        self._enter(Phase.OVER)
        yield from super().handle_protocol_error(ResponseProtocolError(self.stream_id, message, code))
        self._leave()

    def _trouble(self, message: str) -> Trouble:
        due = self.pace.expired if self.pace is not None else None
        if self.pace is None or due is None:
            return Trouble(message, reused=self.reused)
        told = f"{TIMED_OUT[due]} within {self.pace.limit_s(due):g} s"
        return Trouble(told, timed_out=True, final=due is Due.TOTAL)

    # -- the next attempt ----------------------------------------------------------------------------------------------

    def _try_again(self, again: Again) -> None:
        self.ours.let_go(self)
        self.flow.response = self.flow.error = None
        self.response_body_buf.clear()
        self.server_state = self.state_between_attempts
        assert self.pace is not None  # noqa: S101 - only what has one is tried again
        self.pace.pause(again.delay_s, time.monotonic())
        self.ours.must_look = True

    def state_between_attempts(self, event: Resume) -> layer.CommandGenerator[None]:
        """Wait for nothing but the end of the wait."""
        yield from self._resume()

    def _resume(self) -> layer.CommandGenerator[None]:
        if (yield from self.check_killed(emit_error_hook=True)):
            return
        again = self.ours.desk.resume(self.flow)
        if again is None:
            yield from self._part("no other backend can be asked", ErrorCode.CONNECT_FAILED)
        elif again.delay_s > 0:
            self._try_again(again)
        else:
            yield from self._send()

    # -- ends ----------------------------------------------------------------------------------------------------------

    def _abandon(self, event: RequestProtocolError) -> layer.CommandGenerator[None]:
        """The client has left."""
        self._enter(Phase.OVER)
        if self.attempt and self.context.server in self.ours.connections:
            yield from super().handle_protocol_error(event)
        else:  # nobody is there to be told
            self.client_state = self.server_state = self.state_errored
            self.flow.error = Error(event.message)
            yield HttpErrorHook(self.flow)
            self.flow.live = False
            yield DropStream(self.stream_id)
        self._leave()

    @override
    def check_killed(self, emit_error_hook: bool) -> layer.CommandGenerator[bool]:
        killed = yield from super().check_killed(emit_error_hook)
        if killed:
            yield from self._cancel()
            self._leave()
        return killed

    @override
    def check_invalid(self, request: bool) -> layer.CommandGenerator[bool]:
        return (yield from self._leave_if(super().check_invalid(request)))

    @override
    def check_body_size(self, request: bool) -> layer.CommandGenerator[bool]:
        return (yield from self._leave_if(super().check_body_size(request)))

    def _leave_if(self, check: layer.CommandGenerator[bool]) -> layer.CommandGenerator[bool]:
        """Nothing more is due where mitmproxy's check has ended the exchange."""
        ended = yield from check
        if ended:
            self._leave()
        return ended

    def _cancel(self) -> layer.CommandGenerator[None]:
        """Tell the backend that nobody waits for its reply any more."""
        if self.attempt and self.context.server in self.ours.connections:
            yield SendHttp(RequestProtocolError(self.stream_id, "given up", ErrorCode.CANCEL), self.context.server)
        self.ours.let_go(self)

    @override
    def flow_done(self) -> layer.CommandGenerator[None]:
        self._leave()
        yield from super().flow_done()
        self._leave()

    def _leave(self) -> None:
        """Nothing more is due. Once it is over it forgets the flow, which would wait with it for the collector."""
        self.ours.let_go(self, held=False)
        self.ours.watched.pop(self.stream_id, None)
        if self.stream_id not in self.ours.streams:
            vars(self).pop("flow", None)
