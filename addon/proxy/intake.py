"""What becomes of a client's request: passed on untouched, answered here, or sent to a backend. Pure.

The paths are those Claude Code uses (docs/protocol.md, "Endpoints"); whatever is not in the table passes.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from urllib.parse import urlsplit

import orjson

from addon.dialects import Encoded
from addon.dialects.anthropic import betas
from addon.dialects.anthropic.history import concerns
from addon.dialects.extras import merge
from addon.dialects.losses import Loss
from addon.dialects.web.search import Unsearchable
from addon.dialects.window import reported
from addon.protocol import tokens
from addon.protocol.errors import JSON_HEADERS, BadRequest, Reply, Unsupported
from addon.protocol.messages import Json, Request, check, has_model, parse_json
from addon.proxy.told import Told, tell
from addon.routing import changes, forced, searching
from addon.routing.call import Call, Door
from addon.routing.changes import Change
from addon.routing.config import DISCOVERY_PREFIX, LIMITS, Choice
from addon.routing.forced import Forced
from addon.routing.health import NOBODY, State
from addon.routing.route import Destination, Route, choose, fall_back, home
from addon.routing.searching import Unasked
from addon.routing.settings import Settings

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
    door: Door | None = None
    now: datetime | None = None  # local time
    lot: str = ""  # what a draw falls to where there is no session
    matches_filter: Callable[[str], bool] | None = None  # whether its flow matches one of mitmproxy's expressions
    avoided: Mapping[str, State] = NOBODY  # targets that are not up
    forced: Forced | None = None  # a copy of an exchange, and who answers it past all rules

    def call(self, parsed: Json) -> Call:
        """What rules ask of a call to a model."""
        return Call(
            parsed,
            raw=self.body,
            headers=self.headers,
            path=self.path,
            door=self.door,
            now=self.now,
            lot=self.lot,
            matches_filter=self.matches_filter,
        )


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
    shows_thinking: bool = True  # False: the client wants the signature of thinking alone
    changes: tuple[Change, ...] = ()  # what the route changed in the request before it was translated
    kept_bytes: int = LIMITS.reply_bytes  # of the reply, for reading

    @property
    def losses(self) -> tuple[Loss, ...]:
        """What the backend was told differently."""
        return self.encoded.losses


type Verdict = Pass | Reply | Told | Send


def decide(incoming: Incoming, settings: Settings, networks: tuple[Network, ...] = ()) -> Verdict:
    """Decide. ``networks`` lists who is served besides loopback. Raises: DetourError, which the caller answers."""
    entry = ENDPOINTS.get(incoming.path)
    if incoming.forced is not None and entry not in (_messages, _count_tokens):
        raise BadRequest(f"{incoming.path}: nobody can be named to answer this: it is no call to a model.")
    if entry is None:
        return Pass()
    return entry(incoming, settings, networks)


def _messages(incoming: Incoming, settings: Settings, networks: tuple[Network, ...]) -> Verdict:
    found = _routed(incoming, settings, networks)
    if isinstance(found, Pass):
        is_mixed = found.route is not None and concerns(incoming.body, claude=True)
        return _with_own_thinking(found.route, incoming) if found.route and is_mixed else found
    route, destination, asked = found
    refusal: Unsupported | None = None
    while True:
        try:
            return _translated(route, destination, asked, incoming, settings)
        except Unsupported as error:
            refusal = refusal or error
            other = fall_back(route, settings)
        if other is None:
            raise refusal
        if other.destination is None:
            return Pass(other)
        route, destination = other, other.destination


def decide_again(incoming: Incoming, settings: Settings, route: Route) -> Verdict:
    """Say a request anew, to the destination of ``route``. Raises: DetourError, as ``decide``."""
    if route.destination is None:
        return _with_own_thinking(route, incoming) if concerns(incoming.body, claude=True) else Pass(route)
    return _translated(route, route.destination, _asked(parse_json(incoming.body), incoming), incoming, settings)


def _translated(
    route: Route, destination: Destination, asked: Request, incoming: Incoming, settings: Settings
) -> Verdict:
    settled = searching.settle(route, asked, settings)
    if isinstance(settled, Unasked):
        return tell(settled, route, asked, incoming.lot)
    route, destination = settled, settled.destination or destination
    request, changed = changes.apply(route.changes, asked)
    if extra := route.changes.body:
        target = replace(destination.target, extra_body=merge(destination.target.extra_body, extra))
        destination = replace(destination, target=target)
    body = incoming.body if request is asked else None
    try:
        encoded = destination.dialect.encode(request, body, destination.target)
    except Unsearchable as fault:
        return tell(searching.failed(fault, route), route, asked, incoming.lot)
    stops = tuple(request.body.get("stop_sequences") or ())
    # the parsed request itself is not kept
    shown = (request.body.get("thinking") or {}).get("display") != "omitted"
    return Send(route, destination, request.stream, encoded, stops, shown, changed, settings.limits.reply_bytes)


def _with_own_thinking(route: Route, incoming: Incoming) -> Verdict:
    """Let a request pass without the thinking of other models, which Anthropic would refuse; what it cannot be, passes.

    It is the one thing that we change unasked in a request to Anthropic: another model wrote that thinking through us.
    """
    try:
        request = check(parse_json(incoming.body))
    except BadRequest:
        return Pass(route)
    destination = home(request.model)
    encoded = destination.dialect.encode(request, incoming.body, destination.target)
    if not encoded.losses:
        return Pass(route)
    return Send(replace(route, destination=destination), destination, request.stream, encoded)


def _count_tokens(incoming: Incoming, settings: Settings, networks: tuple[Network, ...]) -> Verdict:
    found = _routed(incoming, settings, networks)
    if isinstance(found, Pass) or found[1].is_home:
        return Pass()
    request, _ = changes.apply(found[0].changes, found[2])
    count = tokens.estimate(request.system, request.messages, request.tools)
    told = reported(count, found[1].target)
    return Reply(200, JSON_HEADERS, orjson.dumps({"input_tokens": told}))


def _routed(
    incoming: Incoming, settings: Settings, networks: tuple[Network, ...]
) -> Pass | tuple[Route, Destination, Request]:
    """Choose the route of a call to a model, and check the call; one that passes is not judged.

    With nothing configured bad calls pass too: Anthropic answers them itself. With any rule they do not: who knows
    whether they were to be blocked.
    """
    parsed, fault = _parse(incoming.body, settings.limits.request_bytes)
    route = _choose(incoming, parsed, settings) if has_model(parsed) else None
    judges = settings.judges or incoming.forced is not None
    if (route is None and not judges) or (route is not None and route.destination is None):
        return Pass(route)
    if incoming.method != "POST":
        raise BadRequest(f"{incoming.path}: the method {incoming.method} is not allowed, use POST", 405)
    content_type = incoming.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type not in JSON_TYPES and not content_type.endswith("+json"):  # none at all: a web page can send that
        raise BadRequest(f"content-type: {content_type!r} is not supported, use application/json", 415)
    if fault is not None:
        raise fault
    request = _asked(parsed, incoming)  # fails where there is no model
    route = route or _choose(incoming, request.body, settings)
    if route.destination is not None and route.destination.is_home:
        return route, route.destination, request  # it spends the client's own key
    admit(incoming, networks)
    return (route, route.destination, request) if route.destination else Pass(route)


def _asked(parsed: object, incoming: Incoming) -> Request:
    """Check a request, with the betas that its header asks for. Raises: BadRequest."""
    request = check(parsed)
    asked = betas.read(incoming.headers.get(betas.HEADER))
    return replace(request, betas=asked) if asked else request


def _choose(incoming: Incoming, parsed: Json, settings: Settings) -> Route:
    call = incoming.call(parsed)
    if incoming.forced is not None:
        return forced.choose(call, incoming.forced, settings)
    return choose(call, settings, incoming.avoided)


def _parse(body: bytes, most: int) -> tuple[object, BadRequest | None]:
    if len(body) > most:
        message = f"The request has {len(body):,} bytes, more than {most:,}."
        return None, BadRequest(message, 413, "request_too_large")
    try:
        return parse_json(body), None
    except BadRequest as fault:
        return None, fault


def admit(incoming: Incoming, networks: tuple[Network, ...]) -> None:
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


@lru_cache(maxsize=256)  # mostly one: this machine
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
    """List the models that are configured, under names that the client's picker shows and that lead back to them."""
    names = offered(settings)
    if not names or incoming.method != "GET":
        return Pass()
    admit(incoming, networks)
    entries = [
        {"type": "model", "id": DISCOVERY_PREFIX + name, "display_name": name, "created_at": MODEL_CREATED_AT}
        for name in names
    ]
    listed = {"data": entries, "has_more": False, "first_id": entries[0]["id"], "last_id": entries[-1]["id"]}
    return Reply(200, JSON_HEADERS, orjson.dumps(listed))


def offered(settings: Settings) -> tuple[str, ...]:
    """Every model that is configured, and every alias, as the client may name it."""
    answers = [*settings.tiers.values(), *(rule.answer for rule in settings.rules if rule.answer is not None)]
    choices = [
        choice
        for answer in answers
        for choice in answer.choices
        if not choice.passes and "*" not in choice.model and _is_model(choice, settings)
    ]
    aliases = (name for name, known in settings.aliases.items() if any(_is_model(choice, settings) for choice in known))
    return tuple(dict.fromkeys([*(choice.name for choice in choices), *aliases, *settings.facts]))


def _is_model(choice: Choice, settings: Settings) -> bool:
    """Whether a choice is no search endpoint."""
    endpoint = settings.endpoints.get(choice.provider)
    return endpoint is None or not endpoint.only_searches


ENDPOINTS: Mapping[str, Callable[[Incoming, Settings, tuple[Network, ...]], Verdict]] = {
    "/v1/messages": _messages,
    "/v1/messages/count_tokens": _count_tokens,
    "/v1/models": _models,
    "/api/hello": _hello,
}
