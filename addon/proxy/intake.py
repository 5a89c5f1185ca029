"""What becomes of a client's request: passed on untouched, answered here, or sent to a backend. Pure.

The paths are those Claude Code uses (docs/protocol.md, "Endpoints"); whatever is not in the table passes.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from urllib.parse import urlsplit

import orjson

from addon.dialects import Encoded, Loss
from addon.protocol import tokens
from addon.protocol.errors import BadRequest, Reply
from addon.protocol.messages import MAX_REQUEST_BYTES, Request, check, has_model, parse_json
from addon.routing.changes import Change
from addon.routing.config import Settings
from addon.routing.route import DISCOVERY_PREFIX, Destination, Route, choose

JSON_HEADERS = (("content-type", "application/json"),)
JSON_TYPES = ("application/json", "text/json")
MODEL_CREATED_AT = "2025-01-01T00:00:00Z"  # the list's shape asks for a date; ours have none

type Network = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True)
class Incoming:
    """A client's request as it came. ``headers`` has lower-case names; ``path`` is without the query."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    client_host: str | None  # None: unknown, treated as far away


@dataclass(frozen=True, slots=True)
class Pass:
    """To Anthropic, untouched. ``route`` None: not a call to a model."""

    route: Route | None = None


@dataclass(frozen=True, slots=True)
class Send:
    """To a backend, as ``encoded`` says."""

    route: Route
    destination: Destination
    stream: bool
    encoded: Encoded
    stop_sequences: tuple[str, ...] = ()
    changes: tuple[Change, ...] = ()  # what the route changed in the request before it was translated

    @property
    def losses(self) -> tuple[Loss, ...]:
        """What the backend was told differently."""
        return self.encoded.losses


type Verdict = Pass | Reply | Send


def decide(incoming: Incoming, settings: Settings, networks: tuple[Network, ...] = ()) -> Verdict:
    """Decide. ``networks`` lists who is served besides loopback. Raises: DetourError, which the caller answers."""
    entry = ENDPOINTS.get(incoming.path)
    if entry is None:
        return Pass()
    return entry(incoming, settings, networks)


def _messages(incoming: Incoming, settings: Settings, networks: tuple[Network, ...]) -> Verdict:
    found = _routed(incoming, settings, networks)
    if isinstance(found, Pass):
        return found
    route, destination, request = found
    encoded = destination.dialect.encode(request, incoming.body, destination.target)
    stops = tuple(request.body.get("stop_sequences") or ())
    return Send(route, destination, request.stream, encoded, stops)  # the parsed request itself is not kept


def _count_tokens(incoming: Incoming, settings: Settings, networks: tuple[Network, ...]) -> Verdict:
    found = _routed(incoming, settings, networks)
    if isinstance(found, Pass):
        return Pass()
    request = found[2]
    count = tokens.estimate(request.system, request.messages, request.tools)
    return Reply(200, JSON_HEADERS, orjson.dumps({"input_tokens": count}))


def _routed(
    incoming: Incoming, settings: Settings, networks: tuple[Network, ...]
) -> Pass | tuple[Route, Destination, Request]:
    """Choose the route of a call to a model, and check the call; one that passes is not judged.

    With nothing configured bad calls pass too: Anthropic answers them itself.
    """
    parsed, fault = _parse(incoming.body)
    route = choose(parsed["model"], settings) if has_model(parsed) else None
    if (route is None and not settings.leaves_anthropic) or (route is not None and route.destination is None):
        return Pass(route)
    if incoming.method != "POST":
        raise BadRequest(f"{incoming.path}: the method {incoming.method} is not allowed, use POST", 405)
    content_type = incoming.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type not in JSON_TYPES and not content_type.endswith("+json"):  # none at all: a web page can send that
        raise BadRequest(f"content-type: {content_type!r} is not supported, use application/json", 415)
    if fault is not None:
        raise fault
    request = check(parsed)  # fails where there is no model
    route = route or choose(request.model, settings)
    _admit(incoming, networks)
    return (route, route.destination, request) if route.destination else Pass(route)


def _parse(body: bytes) -> tuple[object, BadRequest | None]:
    if len(body) > MAX_REQUEST_BYTES:
        message = f"The request has {len(body)} bytes, more than {MAX_REQUEST_BYTES}."
        return None, BadRequest(message, 413, "request_too_large")
    try:
        return parse_json(body), None
    except BadRequest as fault:
        return None, fault


def _admit(incoming: Incoming, networks: tuple[Network, ...]) -> None:
    """Let only loopback, and whom the user listed, spend the user's keys. Raises: BadRequest 403."""
    origin = incoming.headers.get("origin")
    if origin is not None and not _is_loopback(_host(origin)):
        raise BadRequest(
            f"Detour serves no web page, and this request came from one: {origin}.", 403, "permission_error"
        )
    host = incoming.client_host
    address = _address(host)
    if _is_loopback(host) or (address is not None and any(address in network for network in networks)):
        return
    raise BadRequest(
        f"Detour serves this machine only, and the request came from {host or 'an unknown address'}. "
        "List its network in the option detour_clients.",
        403,
        "permission_error",
    )


def _host(origin: str) -> str | None:
    try:
        return urlsplit(origin).hostname
    except ValueError:
        return None


def _address(host: str | None) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address((host or "").partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def _is_loopback(host: str | None) -> bool:
    address = _address(host)
    return address.is_loopback if address is not None else host == "localhost"


def _hello(incoming: Incoming, settings: Settings, networks: tuple[Network, ...]) -> Verdict:
    if not settings.leaves_anthropic or incoming.method not in ("HEAD", "GET"):
        return Pass()
    return Reply(200, (), b"")


def _models(incoming: Incoming, settings: Settings, networks: tuple[Network, ...]) -> Verdict:
    """List the routes in force under names that the client's picker shows and that lead back to them."""
    if not settings.leaves_anthropic or incoming.method != "GET":
        return Pass()
    _admit(incoming, networks)
    names = dict.fromkeys(choice.name for choice in settings.tiers.values())
    entries = [
        {"type": "model", "id": DISCOVERY_PREFIX + name, "display_name": name, "created_at": MODEL_CREATED_AT}
        for name in names
    ]
    listed = {"data": entries, "has_more": False, "first_id": entries[0]["id"], "last_id": entries[-1]["id"]}
    return Reply(200, JSON_HEADERS, orjson.dumps(listed))


ENDPOINTS: Mapping[str, Callable[[Incoming, Settings, tuple[Network, ...]], Verdict]] = {
    "/v1/messages": _messages,
    "/v1/messages/count_tokens": _count_tokens,
    "/v1/models": _models,
    "/api/hello": _hello,
}
