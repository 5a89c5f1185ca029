"""How our HTTP layer takes the place of mitmproxy's, and whether it can.

The class is put in place through the public ``next_layer`` hook on layers that mitmproxy made, before they have any
state of their own. Replays build their layer without that hook; ``ReplayHandler`` is replaced while we are loaded.
``works_here`` checks the internals that the layer rests on; where they differ, the plain path serves: public hooks
alone, with which a reply is translated as it streams, and nothing of what is in ``NEEDS_LAYER`` can be done.
"""

import inspect
from typing import Any, cast

from mitmproxy import http
from mitmproxy.addons import clientplayback
from mitmproxy.proxy import commands, layer
from mitmproxy.proxy.layers.http import GetHttpConnection, HttpLayer, HttpStream
from mitmproxy.proxy.layers.http._events import RequestHeaders, ResponseHeaders, ResponseProtocolError
from mitmproxy.proxy.layers.http._http1 import Http1Client

from addon.proxy.desk import Desk
from addon.proxy.http_layer import DetourHttpLayer

NEEDS_LAYER = (
    "pings",
    "timeouts",
    "retries and fallback",
    "the true status of a stream that begins with an error",
    "an end in words when a backend dies",
    "keys that never show on a flow",
)


def take_over(nextlayer: layer.NextLayer, desk: Desk) -> None:
    """Make the HTTP layer that mitmproxy chose, if it chose one, into ours."""
    chosen: Any = nextlayer.layer
    while chosen is not None:
        _adopt(chosen, desk)
        chosen = getattr(chosen, "child_layer", None)


def _adopt(chosen: object, desk: Desk) -> None:
    if type(chosen) is HttpLayer:
        chosen.__class__ = DetourHttpLayer
        cast(DetourHttpLayer, chosen).start(desk)


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
    for owner, name, parameters in WANTED:
        thing = getattr(owner, name, None) if name else owner
        if thing is None:
            return f"{owner.__qualname__} has no {name}"
        found = list(inspect.signature(thing).parameters)
        if found != parameters:
            return f"{getattr(thing, '__qualname__', thing)} takes {found}, not {parameters}"
    for holder, names in STATE.items():
        source = inspect.getsource(holder)
        for name in names:
            if name not in source:
                return f"{holder.__qualname__} has no {name}"
    return None


# what is called or replaced, with its parameters; without a name, the making of it
WANTED: tuple[tuple[Any, str, list[str]], ...] = (
    (HttpLayer, "event_to_child", ["self", "child", "event"]),
    (HttpLayer, "get_connection", ["self", "event", "reuse"]),
    (HttpLayer, "make_stream", ["self", "stream_id"]),
    (HttpStream, "make_server_connection", ["self"]),
    (HttpStream, "handle_protocol_error", ["self", "event"]),
    (HttpStream, "send_response", ["self", "already_streamed"]),
    (HttpStream, "flow_done", ["self"]),
    (HttpStream, "check_killed", ["self", "emit_error_hook"]),
    (Http1Client, "read_headers", ["self", "event"]),
    (RequestHeaders, "", ["stream_id", "request", "end_stream", "replay_flow"]),
    (ResponseHeaders, "", ["stream_id", "response", "end_stream"]),
    (ResponseProtocolError, "", ["stream_id", "message", "code"]),
    (GetHttpConnection, "", ["address", "tls", "via", "transport_protocol"]),
    (commands.RequestWakeup, "", ["delay"]),
    (_REPLAY_HANDLER, "", ["flow", "options"]),
)
# the state that is read or set
STATE: dict[type, tuple[str, ...]] = {
    HttpLayer: ("self.streams", "self.connections", "self.command_sources", "self.waiting_for_establishment"),
    HttpStream: (
        "self.client_state",
        "self.server_state",
        "self.state_errored",
        "self.state_wait_for_response_headers",
        "self.response_body_buf",
    ),
    layer.Layer: ("self._paused", "self._paused_event_queue"),
    Http1Client: ("self.stream_id", "self.buf"),
}
