"""An exchange without a network: which of mitmproxy's commands it gives. The rest is in test_attempts."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from mitmproxy import http
from mitmproxy.connection import Client, Connection, Server
from mitmproxy.options import Options
from mitmproxy.proxy import commands, events, layer
from mitmproxy.proxy.context import Context
from mitmproxy.proxy.layers.http import (
    DropStream,
    GetHttpConnection,
    GetHttpConnectionCompleted,
    HttpLayer,
    HTTPMode,
    HttpStream,
    SendHttp,
)
from mitmproxy.proxy.layers.http._events import (
    ErrorCode,
    RequestEndOfMessage,
    RequestHeaders,
    RequestProtocolError,
    ResponseEndOfMessage,
    ResponseHeaders,
    ResponseProtocolError,
)

from addon.proxy.desk import Allowed, Desk
from addon.proxy.http_stream import DetourStream, Held, Resume, TimedOut
from addon.proxy.journey import Again, Trouble
from addon.proxy.pace import Due, Phase
from addon.routing.config import Timeouts


@dataclass
class World:
    """Addon, layer and network of one exchange: answers from lists, and keeps what it was told."""

    plans: list[Again | None] = field(default_factory=list)
    connections_made: list[str | None] = field(default_factory=list)  # errors; None: it stands
    is_ours: bool = True
    troubles: list[Trouble | None] = field(default_factory=list)
    resumed: list[Again | None] = field(default_factory=lambda: [Again()] * 9)
    given: list[Any] = field(default_factory=list)  # every command
    watched: dict[int, DetourStream] = field(default_factory=dict)
    held: dict[int, Held] = field(default_factory=dict)
    connections: dict[Connection, layer.Layer] = field(default_factory=dict)
    streams: dict[int, HttpStream] = field(default_factory=dict)
    flow: Any = None
    must_look: bool = False
    let_go_of: int = 0

    def __post_init__(self) -> None:
        context = Context(Client(peername=("127.0.0.1", 1), sockname=("127.0.0.1", 2)), Options())
        for name, kind in (("stream_large_bodies", str), ("body_size_limit", str), ("store_streamed_bodies", bool)):
            context.options.add_option(name, kind | None, None, "")
        context.options.add_option("validate_inbound_headers", bool, True, "")
        HttpLayer(context, HTTPMode.regular)
        self.stream = DetourStream(context.fork(), 1)
        self.stream.ours = self
        self.streams[1] = self.stream
        self.desk = Desk(
            begin=lambda flow: Allowed(Timeouts(1.0, 2.0, 3.0, 4.0), None, 0.0) if self.is_ours else None,
            credentials=lambda flow: {},
            holds=lambda flow: None,
            failed=self._failed,
            resume=lambda flow: self.resumed.pop(0),
            early=lambda flow: http.Response.make(),
            parting=lambda flow: None,
            client_left=lambda flow: None,
        )

    def _failed(self, flow: http.HTTPFlow, trouble: Trouble | None) -> Again | None:
        self.troubles.append(trouble)
        return self.plans.pop(0)

    def let_go(self, stream: DetourStream, *, held: bool = True) -> None:
        stream.attempt = 0
        self.let_go_of += 1

    def ask(self) -> None:
        """The client's request comes."""
        self.hear(events.Start())
        request = http.Request.make("POST", "http://a.test/v1/messages", b"")
        self.hear(RequestHeaders(1, request, end_stream=True), RequestEndOfMessage(1))

    def hear(self, *heard: events.Event) -> None:
        for event in heard:
            for command in self._run(event):
                self.given.append(command)

    def _run(self, event: events.Event) -> Iterator[commands.Command]:
        for command in self.stream.handle_event(event):
            yield command
            if isinstance(command, SendHttp) and isinstance(command.event, RequestHeaders):
                self.stream.attempt = -1  # as the layer does
            if isinstance(command, DropStream):
                del self.streams[command.stream_id]
            if isinstance(command, commands.StartHook):
                (self.flow,) = command.args()
                yield from self._run(events.HookCompleted(command))
            elif isinstance(command, GetHttpConnection):
                error = self.connections_made.pop(0)
                server = None if error else Server(address=command.address)
                if server is not None:
                    self.connections[server] = layer.NextLayer(self.stream.context)
                yield from self._run(GetHttpConnectionCompleted(command, (server, error) if error else (server, None)))  # type: ignore[arg-type]

    @property
    def told(self) -> list[str]:
        """The names of what was given, hooks and messages."""
        return [
            type(command.event if isinstance(command, SendHttp) else command).__name__
            for command in self.given
            if isinstance(command, SendHttp | commands.StartHook | GetHttpConnection)
        ]

    def count(self, name: str) -> int:
        return self.told.count(name)


def refused(attempt: int = -1) -> list[events.Event]:
    return [
        ResponseHeaders(attempt, http.Response.make(429, b"", {}), end_stream=False),
        ResponseEndOfMessage(attempt),
    ]


def test_a_request_of_nobodys_goes_as_mitmproxy_sends_it() -> None:
    world = World(connections_made=[None], is_ours=False)
    world.ask()
    assert world.stream.pace is None
    assert world.watched == {}
    assert world.told[-2:] == ["RequestHeaders", "RequestEndOfMessage"]


def test_where_no_connection_is_made_another_is_tried() -> None:
    world = World(plans=[Again()], connections_made=["refused", None])
    world.ask()
    assert world.troubles == [Trouble("refused")]
    assert world.count("GetHttpConnection") == 1, "the next attempt begins with an event of its own"
    world.hear(Resume(1))
    assert world.count("GetHttpConnection") == 2
    assert world.told[-2:] == ["RequestHeaders", "RequestEndOfMessage"]
    assert world.stream.pace is not None
    assert world.stream.pace.phase is Phase.WAITING
    assert world.watched == {1: world.stream}


def test_where_nobody_is_left_mitmproxy_ends_it() -> None:
    world = World(plans=[None], connections_made=["refused"])
    world.ask()
    assert world.told[-2:] == ["HttpErrorHook", "ResponseProtocolError"]
    assert world.watched == {}
    assert not world.flow.live
    assert "flow" not in vars(world.stream), "it would wait for the collector with it"


def test_a_wait_is_ended_by_the_clock() -> None:
    world = World(plans=[Again(5.0)], connections_made=["refused", None])
    world.ask()
    assert world.count("GetHttpConnection") == 1
    assert world.stream.pace is not None
    assert world.stream.pace.phase is Phase.PAUSED
    assert world.must_look
    world.hear(Resume(1))
    assert world.count("GetHttpConnection") == 2


def test_a_reply_that_says_no_is_not_the_clients() -> None:
    world = World(plans=[Again(), None], connections_made=[None, None])
    world.ask()
    world.hear(*refused())
    assert world.troubles == [None]
    assert world.count("HttpResponseHook") == 0
    assert world.flow.response is None
    world.hear(Resume(1), *refused())
    assert world.told[-3:] == ["HttpResponseHook", "ResponseHeaders", "ResponseEndOfMessage"]
    assert world.flow.response is not None


def test_one_that_has_begun_is_not_asked_again() -> None:
    world = World(plans=[None], connections_made=[None])
    world.ask()
    world.stream.begun = True
    world.hear(*refused())
    assert world.troubles == []
    assert world.count("HttpResponseHook") == 1


def test_a_backend_whose_time_is_out_is_told_so() -> None:
    world = World(plans=[None], connections_made=[None])
    world.ask()
    assert world.stream.pace is not None
    world.stream.pace.expired = Due.FIRST_BYTE
    world.hear(TimedOut(1, "", ErrorCode.GENERIC_SERVER_ERROR))
    assert world.told[-3:] == ["RequestProtocolError", "HttpErrorHook", "ResponseProtocolError"]
    assert world.troubles == [Trouble("not a byte of a reply within 2 s", timed_out=True)]


def test_the_end_of_all_of_its_time_is_final() -> None:
    world = World(plans=[None], connections_made=[None])
    world.ask()
    assert world.stream.pace is not None
    world.stream.pace.expired = Due.TOTAL
    world.hear(TimedOut(1, "", ErrorCode.GENERIC_SERVER_ERROR))
    assert world.troubles == [Trouble("no end of the reply within 4 s", timed_out=True, final=True)]


def test_a_kept_connection_is_told_apart() -> None:
    world = World(plans=[Again()], connections_made=[None, None])
    world.ask()
    world.stream.reused = True
    world.hear(ResponseProtocolError(-1, "server closed connection", ErrorCode.GENERIC_SERVER_ERROR))
    assert world.troubles == [Trouble("server closed connection", reused=True)]


@pytest.mark.parametrize("plan", [Again(5.0), Again()])
def test_a_client_that_leaves_is_the_end_of_it(plan: Again) -> None:
    world = World(plans=[plan], connections_made=["refused", None])
    world.ask()
    if plan.delay_s == 0:
        world.hear(Resume(1))
    world.hear(RequestProtocolError(1, "Client disconnected.", ErrorCode.CLIENT_DISCONNECTED))
    assert world.count("HttpErrorHook") == 1
    assert world.count("RequestProtocolError") == (plan.delay_s == 0), "whoever has the request is told"
    assert world.flow.error is not None
    assert world.watched == {}
    assert world.count("GetHttpConnection") == 1 + (plan.delay_s == 0)


def test_where_the_next_cannot_be_told_it_is_over() -> None:
    world = World(plans=[Again()], connections_made=["refused"], resumed=[None])
    world.ask()
    world.hear(Resume(1))
    assert world.told[-2:] == ["HttpErrorHook", "ResponseProtocolError"]


def test_the_next_may_take_its_time() -> None:
    world = World(plans=[Again()], connections_made=["refused", None], resumed=[Again(1.0), Again()])
    world.ask()
    world.hear(Resume(1))
    assert world.count("GetHttpConnection") == 1
    world.hear(Resume(1))
    assert world.count("GetHttpConnection") == 2


def test_what_an_attempt_said_before_it_was_given_up_is_nothing_to_the_next() -> None:
    """It waited in the queue, behind a hook that took its time."""
    world = World(plans=[Again(5.0)], connections_made=[None, None])
    world.ask()
    world.hear(ResponseProtocolError(-1, "cut", ErrorCode.GENERIC_SERVER_ERROR), *refused())
    assert world.count("GetHttpConnection") == 1
    world.hear(Resume(1))
    world.hear(*refused(attempt=-2))
    assert world.count("HttpResponseHook") == 0


def test_a_killed_flow_whose_backend_dies_is_not_asked_again() -> None:
    world = World(plans=[Again()], connections_made=[None])
    world.ask()
    world.stream.flow.kill()
    world.hear(ResponseProtocolError(-1, "cut", ErrorCode.GENERIC_SERVER_ERROR))
    assert world.troubles == []
    assert world.told[-3:] == ["HttpErrorHook", "ResponseProtocolError", "RequestProtocolError"]
    assert world.watched == {}


def test_the_clock_has_nothing_to_say_once_it_is_over() -> None:
    world = World(plans=[None], connections_made=["refused"])
    world.ask()
    told = world.told
    world.hear(TimedOut(1, "", ErrorCode.GENERIC_SERVER_ERROR))
    assert world.told == told


def test_where_both_sides_break_off_at_once_it_ends_once() -> None:
    world = World(plans=[None], connections_made=["refused"])
    world.ask()
    told = world.told
    vars(world.stream).pop("flow", None)  # as it is once it is over
    world.hear(RequestProtocolError(1, "gone", ErrorCode.CLIENT_DISCONNECTED))
    assert world.told == told
