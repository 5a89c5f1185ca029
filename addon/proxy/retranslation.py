"""A recorded exchange through today's translator, and what comes out differently. Pure.

Nothing in a translation is left to chance: ids are made from the exchange's own, which is recorded, and no time is
written. So every difference is one of the code or of the settings. Headers are compared but for those that the shell
adds (host, length, our user agent with its version) and the credential; addresses from the dialect's own path on,
because the provider may be configured elsewhere today.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

import orjson

from addon.protocol import framing
from addon.protocol.errors import DetourError, MalformedReply
from addon.proxy.intake import Incoming, Send, decide
from addon.proxy.routed_exchange import RoutedExchange
from addon.routing.config import ANTHROPIC, Credential
from addon.routing.forced import Forced
from addon.routing.settings import Settings

NO_KEY = "no key"  # stands for every key: shorter than what is taken for a secret
NOWHERE = "https://recheck.invalid/v1"  # of a provider whose address is not configured today
ADDED = frozenset(("host", "content-length", "user-agent"))  # by the shell, to what the dialect says
WHOLE = (b"{", b"[")  # how a reply begins that is no stream
MOST_PLACES = 5  # of one body, in words


class NotComparable(Exception):
    """The exchange cannot be translated again; the text says why."""


@dataclass(frozen=True, slots=True)
class Sent:
    """A request as it went to a backend, but for its credential; header names in small letters."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """What a flow keeps of an exchange with a backend. ``reply`` None: nothing of it, or not all, can be compared."""

    id: str
    asked: Incoming
    route: str
    sent: Sent
    at_home: bool = False  # it went to the very address that the client called, with the client's own headers
    changes: bool = False  # whether its route changed the request before it was translated
    reply: bytes | None = None
    status: int = 200  # of the backend's reply
    headers: Mapping[str, str] = field(default_factory=dict)  # those of it that say how it is read
    given: bytes = b""


def retranslate(recorded: Recorded, settings: Settings) -> tuple[str, ...]:
    """Return where today's output differs: ``request: ...``, ``reply: ...``. Raises: NotComparable."""
    send = _send(recorded, keyless(settings))
    found = [f"request: {place}" for place in _request(recorded, send)]
    if recorded.reply is not None and not send.destination.is_home:
        given = _given(recorded, recorded.reply, send)
        found += [f"reply: {place}" for place in _bodies(recorded.given, given)]
    return tuple(found)


def keyless(settings: Settings) -> Settings:
    """Return the settings as they would be with every key there, and every address."""
    endpoints = {
        name: replace(
            endpoint,
            base_url=endpoint.base_url or NOWHERE,
            credential=_any(endpoint.credential),
        )
        for name, endpoint in settings.endpoints.items()
    }
    return replace(settings, endpoints=MappingProxyType(endpoints))


def _any(credential: Credential) -> Credential:
    return replace(credential, key=NO_KEY)


# -- the request -------------------------------------------------------------------------------------------------------


def _send(recorded: Recorded, settings: Settings) -> Send:
    """Translate the request for the one who answered it: by today's rules where they choose the same, else forced."""
    verdict = _decided(recorded.asked, settings)
    if isinstance(verdict, Send) and verdict.route.name == recorded.route:
        return verdict
    if recorded.route == ANTHROPIC:
        raise NotComparable(f"it passed to {ANTHROPIC}, and today's settings do something else with it")
    if recorded.changes:
        raise NotComparable("a route changed the request, and none of today's settings does: start with those of then")
    verdict = _decided(replace(recorded.asked, forced=Forced(recorded.route)), settings)
    if isinstance(verdict, DetourError):
        raise NotComparable(f"today's translator refuses it: {verdict.message}")
    if not isinstance(verdict, Send) or verdict.route.name != recorded.route:
        raise NotComparable("today somebody else answers it")
    return verdict


def _decided(asked: Incoming, settings: Settings) -> object:
    """The verdict, or why there is none."""
    try:
        return decide(asked, settings)
    except DetourError as error:
        return error


def _request(recorded: Recorded, send: Send) -> Iterator[str]:
    old, wire = recorded.sent, send.encoded.wire
    if not send.destination.is_home and not old.url.endswith(tail := _tail(wire.url, send)):
        yield f"the address ends in {tail}"
    if old.method != wire.method:
        yield f"the method is {wire.method}"
    if not recorded.at_home:
        skipped = ADDED | {send.destination.credential.header}
        new = {name.lower(): value for name, value in wire.headers if name.lower() not in skipped}
        was = {name: value for name, value in old.headers.items() if name not in skipped}
        yield from (f"header {name}" for name in sorted(was.keys() | new.keys()) if was.get(name) != new.get(name))
    yield from _bodies(old.body, wire.body)


def _tail(url: str, send: Send) -> str:
    """The part of an address that the dialect makes."""
    base = send.destination.target.base_url
    return url[len(base) :] if url.startswith(base) else urlsplit(url).path


# -- the reply ---------------------------------------------------------------------------------------------------------


def _given(recorded: Recorded, reply: bytes, send: Send) -> bytes:
    """What the client would get today."""
    exchange = RoutedExchange(recorded.id, send.route, 0.0, losses=send.encoded.losses, send=send)
    if recorded.status != HTTPStatus.OK or not send.stream or reply.lstrip().startswith(WHOLE):
        return exchange.reply_whole(recorded.status, recorded.headers, reply, 0.0).body
    exchange.open_stream(waits=True)
    written = exchange.feed(reply, 0.0) + exchange.close()
    return written if exchange.failure is None else exchange.settle(exchange.failure).body


# -- comparing ---------------------------------------------------------------------------------------------------------


def _bodies(old: bytes, new: bytes) -> Iterator[str]:
    """Where two bodies differ; nothing where they are the same to the byte."""
    if old == new:
        return
    before, after = _parsed(old), _parsed(new)
    if before is None or after is None:
        yield "other bytes" if old and new else "a body where there was none" if new else "no body where there was one"
        return
    places = list(_places(before, after, ""))
    if not places:
        yield "the same values, written in other bytes"
    yield from places[:MOST_PLACES]
    if len(places) > MOST_PLACES:
        yield f"and {len(places) - MOST_PLACES} more places"


def _parsed(body: bytes) -> Any:
    """JSON, or the events of a stream; None for neither."""
    try:
        return orjson.loads(body)
    except ValueError:
        pass
    parser = framing.ServerSentEvents()
    try:
        frames = [*parser.feed(body), *parser.close()]
        return {"event": [orjson.loads(frame.data) for frame in frames]} if frames else None
    except (ValueError, MalformedReply):
        return None


def _places(old: Any, new: Any, path: str) -> Iterator[str]:
    """Paths of what differs, the deepest."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key in [*old, *(key for key in new if key not in old)]:
            inner = f"{path}.{key}" if path else str(key)
            if key not in new:
                yield f"{inner} is gone"
            elif key not in old:
                yield f"{inner} is new"
            else:
                yield from _places(old[key], new[key], inner)
    elif isinstance(old, list) and isinstance(new, list):
        for index, (one, other) in enumerate(zip(old, new, strict=False)):
            yield from _places(one, other, f"{path}.{index}")
        if len(old) != len(new):
            yield f"{path} has {len(new)} parts, not {len(old)}"
    elif old != new or type(old) is not type(new):
        yield path or "the whole"
