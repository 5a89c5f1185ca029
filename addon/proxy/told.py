"""Calls to a model that Detour answers itself, in a reply of the form that was asked for. Pure."""

from dataclasses import dataclass

import orjson

from addon.protocol.errors import JSON_HEADERS, SSE_HEADERS, Reply
from addon.protocol.event_writer import EventWriter
from addon.protocol.messages import Request, collect
from addon.routing.route import Route
from addon.routing.searching import Unasked
from addon.stream import write_whole

SELF = "Detour itself"  # who answered, where nothing was sent
ORIGIN = "detour"
ID_LENGTH = 24


@dataclass(frozen=True, slots=True)
class Told:
    """The answer. ``why`` is for people."""

    route: Route
    reply: Reply
    why: str


def tell(unasked: Unasked, route: Route, request: Request, lot: str) -> Told:
    """Render what is said. ``lot`` is unique among calls: the client merges replies of one id."""
    message_id = f"msg_{lot.replace('-', '')[:ID_LENGTH]}"
    events = write_whole(unasked.deltas, EventWriter(message_id, route.asked, ORIGIN))
    if request.stream:
        return Told(route, Reply(200, SSE_HEADERS, events), unasked.why)
    return Told(route, Reply(200, JSON_HEADERS, orjson.dumps(collect(events))), unasked.why)
