"""Our HTTP layer: puts the credential on the wire and never on the flow, and ends a failed exchange in words.

Theory of operation. mitmproxy's ``HttpLayer`` passes events between three kinds of children: the client's connection,
one ``HttpStream`` for each exchange, and the backends' connections. It does so in ``event_to_child`` alone. We look at
three events there:

* ``RequestHeaders`` on its way to a backend's connection: it leaves with the true credential in a copy of the request.
  The flow keeps the masked one, so mitmweb, saved flows, HAR and logs never hold a key, not even while waiting.
* ``ResponseHeaders`` of a streamed reply on their way to the client wait for the first of its bytes: a backend may
  answer 200 and then say, as the first event, that the prompt is too long. They are read when they leave.
* ``ResponseProtocolError`` on its way to the client: mitmproxy would send an HTML page and close the connection. We
  send Anthropic's error envelope instead, or, under a stream that has begun, an ``error`` event and a clean end.

The class is put in place through the public ``next_layer`` hook on layers that mitmproxy made, before they have any
state of their own. Replays build their layer without that hook; ``ReplayHandler`` is replaced while we are loaded.
``works_here`` checks the few internals this rests on; where they differ, the plain path serves (see ``hooks``).
"""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast, override

from mitmproxy import http
from mitmproxy.addons import clientplayback
from mitmproxy.proxy import events, layer
from mitmproxy.proxy.layers.http import HttpLayer, HttpStream
from mitmproxy.proxy.layers.http._base import HttpEvent
from mitmproxy.proxy.layers.http._events import (
    ErrorCode,
    RequestHeaders,
    ResponseData,
    ResponseEndOfMessage,
    ResponseHeaders,
    ResponseProtocolError,
)

# a flow killed by the user, and what the client itself broke, keep mitmproxy's own ending
LEFT_ALONE = frozenset((ErrorCode.KILL, ErrorCode.CLIENT_DISCONNECTED, ErrorCode.GENERIC_CLIENT_ERROR))


@dataclass(frozen=True, slots=True)
class Parting:
    """Last words for a client whose backend is gone: a whole response, or the tail of a stream that has begun."""

    response: http.Response | None = None
    tail: bytes = b""


@dataclass(frozen=True, slots=True)
class Desk:
    """What the layer asks the addon. Each takes the flow; an empty answer means "not one of ours"."""

    holds: Callable[[http.HTTPFlow], bool]
    credentials: Callable[[http.HTTPFlow], Mapping[str, str]]
    parting: Callable[[http.HTTPFlow], Parting | None]


class DetourHttpLayer(HttpLayer):
    """See the module."""

    desk: Desk
    held: dict[int, ResponseHeaders]  # by stream

    @override
    def event_to_child(self, child: layer.Layer | HttpStream, event: events.Event) -> layer.CommandGenerator[None]:
        if not isinstance(child, HttpStream):
            if isinstance(event, RequestHeaders):
                event = self._with_credential(event)
            elif isinstance(event, ResponseHeaders) and self._holds(event):
                self.held[event.stream_id] = event
                return
            elif isinstance(event, ResponseProtocolError):
                self.held.pop(event.stream_id, None)
                if parting := self._parting(event):
                    yield from self._part(child, event.stream_id, parting)
                    return
            elif self.held and isinstance(event, HttpEvent) and (headers := self.held.pop(event.stream_id, None)):
                yield from super().event_to_child(child, headers)
        yield from super().event_to_child(child, event)

    def _flow(self, stream_id: int) -> http.HTTPFlow | None:
        return getattr(self.streams.get(stream_id), "flow", None)

    def _holds(self, event: ResponseHeaders) -> bool:
        flow = self._flow(event.stream_id)
        return flow is not None and not event.end_stream and self.desk.holds(flow)

    def _parting(self, event: ResponseProtocolError) -> Parting | None:
        flow = self._flow(event.stream_id)
        return self.desk.parting(flow) if flow is not None and event.code not in LEFT_ALONE else None

    def _with_credential(self, event: RequestHeaders) -> RequestHeaders:
        flow = self._flow(event.stream_id)
        true_values = self.desk.credentials(flow) if flow is not None else {}
        if not true_values:
            return event
        request = event.request.copy()
        request.headers.update(true_values)
        return RequestHeaders(event.stream_id, request, event.end_stream, event.replay_flow)

    def _part(self, child: layer.Layer, stream_id: int, parting: Parting) -> layer.CommandGenerator[None]:
        body = parting.tail
        if parting.response is not None:
            body = parting.response.raw_content or b""
            headers = ResponseHeaders(stream_id, parting.response, end_stream=False)
            yield from super().event_to_child(child, headers)
        if body:
            yield from super().event_to_child(child, ResponseData(stream_id, body))
        yield from super().event_to_child(child, ResponseEndOfMessage(stream_id))


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
        RequestHeaders: ["stream_id", "request", "end_stream", "replay_flow"],
        ResponseHeaders: ["stream_id", "response", "end_stream"],
        _REPLAY_HANDLER: ["flow", "options"],
    }
    for thing, parameters in wanted.items():
        found = list(inspect.signature(thing).parameters)
        if found != parameters:
            return f"{getattr(thing, '__qualname__', thing)} takes {found}, not {parameters}"
    return None
