"""What the prompt log gets of a flow that has ended: taken on the event loop, made into an entry beside it.

``take`` only refers to what the flow holds and nobody changes any more: bodies, headers, and what ``record`` keeps.
``entry`` reads headers, unpacks bodies and asks for prices; it takes its time, and any thread may call it.
"""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from mitmproxy import http

from addon.prompts import prices
from addon.prompts.entry import Attempt, Change, Entry, Headers, Reply, Request, Summary
from addon.protocol import compression
from addon.protocol.amazon_frames import readable
from addon.protocol.errors import BadRequest, MalformedReply
from addon.protocol.messages import has_model, parse_json
from addon.proxy import record, transfer
from addon.proxy.doors import is_reverse
from addon.proxy.exchange import Exchange
from addon.proxy.told import SELF
from addon.routing.call import AGENT_ID, AGENT_TYPE, Call, Door
from addon.routing.config import Mode
from addon.routing.pricing import price_of
from addon.routing.settings import Settings

MOST_UNPACKED = 128 << 20  # bytes: more than four times what Anthropic takes
UNPACKED_AT_ONCE = 4 << 10  # of which a bomb makes a few megabytes
PARENT_AGENT = "x-claude-code-parent-agent-id"
MODEL_PATHS = "/v1/messages"  # and what lies below it
FAILED_FROM = 400
OURSELVES = "detour"  # answered, as a model would

type Fields = Iterable[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class Head:
    """A request as a flow or a record holds it."""

    method: str
    url: str
    fields: Fields
    body: bytes


@dataclass(frozen=True, slots=True)
class Taken:
    """A flow that has ended."""

    id: str
    at: float
    door: str
    path: str
    asked: Head
    sent: Head | None
    response: http.Response | None
    given: bytes
    kept: dict[str, Any]
    exchange: Exchange | None
    settings: Settings
    error: str | None
    first_byte_ms: int | None
    total_ms: int

    @property
    def size(self) -> int:
        """Bytes that it holds in memory."""
        others = (self.sent.body if self.sent else b"", self.kept.get("reply") or b"")
        return len(self.asked.body) + len(self.given) + sum(map(len, others))


def take(flow: http.HTTPFlow, exchange: Exchange | None, settings: Settings, now: float) -> Taken:
    """Take a flow that has ended; ``now`` in seconds since 1970."""
    request, response, kept = flow.request, flow.response, record.of(flow)
    asked = there = Head(request.method, request.url, request.headers.fields, request.raw_content or b"")
    if (original := kept.get("original")) is not None:
        asked = Head(original["method"], original["url"], original["headers"], original["body"])
    began = response.timestamp_start if response is not None and flow.server_conn.timestamp_start else None
    return Taken(
        transfer.exchange_id(flow),
        request.timestamp_start,
        Door.REVERSE if is_reverse(flow.client_conn.proxy_mode) else Door.PROXY,
        urlsplit(asked.url).path,
        asked,
        there if there is not asked else None,
        response,
        (response.raw_content or b"") if response is not None else b"",
        kept,
        exchange,
        settings,
        flow.error.msg if flow.error else None,
        _ms(request.timestamp_start, began),
        _ms(request.timestamp_start, now) or 0,
    )


def entry(taken: Taken) -> Entry:
    """Return what the log keeps, in the mode that is in force. Nothing is redacted yet."""
    summary, kept = _summary(taken), taken.kept
    told = {
        "reason": kept.get("reason", ""),
        "attempts": [Attempt(target, str(status), ms, why) for target, status, ms, why in kept.get("attempts", ())],
        "changes": [Change(path, what) for path, what in kept.get("changes", ())],
        "losses": [Change(path, what, bool(routine)) for path, what, routine in kept.get("losses", ())],
    }
    if taken.settings.recording.mode is Mode.METADATA:
        return Entry(summary=summary, **told)
    given = reply = None
    if taken.response is not None:
        headers = _headers(taken.response.headers.fields)
        given = Reply(status=summary.status, headers=headers, body=_plain(taken.response.headers, taken.given))
    if "reply" in kept:
        status, fields = (taken.exchange.head if taken.exchange else None) or (summary.status, ())
        body, left_out = readable(bytes(kept["reply"])), kept.get("dropped", 0)
        reply = Reply(status=status, headers=_headers(fields), body=body, left_out=left_out)
    sent = _request(taken.sent) if taken.sent is not None else None
    return Entry(summary=summary, request=_request(taken.asked), sent=sent, reply=reply, given=given, **told)


def _summary(taken: Taken) -> Summary:
    exchange, kept = taken.exchange, taken.kept
    headers = {name.lower(): value for name, value in _headers(taken.asked.fields)}
    status = taken.response.status_code if taken.response is not None else 0
    error = exchange.error if exchange is not None else None
    if error is None and kept.get("route") == SELF and status >= FAILED_FROM:
        error = kept.get("reason")
    losses = kept.get("losses", ())
    return Summary(
        id=taken.id,
        at=taken.at,
        agent=headers.get(AGENT_ID),
        parent_agent=headers.get(PARENT_AGENT),
        agent_type=headers.get(AGENT_TYPE),
        path=taken.path,
        door=taken.door,
        route=OURSELVES if kept.get("route") == SELF else kept.get("route"),
        status=status,
        error=error or taken.error,
        first_byte_ms=taken.first_byte_ms,
        total_ms=taken.total_ms,
        losses=sum(not routine for _, _, routine in losses),
        attempts=len(kept.get("attempts", ())),
        origin=kept.get("origin"),
        of=kept.get("of"),
        **_call(taken, headers),
        **_used(exchange, taken.settings),
    )


def _call(taken: Taken, headers: dict[str, str]) -> dict[str, Any]:
    """What is known of the call: of its route, or else read from its body."""
    if taken.exchange is not None:
        route = taken.exchange.route
        return {"session": route.session, "kind": route.kind, "asked": route.asked}
    if not f"{taken.path}/".startswith(f"{MODEL_PATHS}/"):
        return {"session": Call({"model": ""}, headers=headers).session}
    body: object = None
    with suppress(BadRequest):
        body = parse_json(_plain(headers, taken.asked.body))
    told = body if has_model(body) else {"model": ""}
    call = Call(told, headers=headers, path=taken.path)
    return {"session": call.session, "kind": str(call.kind), "asked": told["model"] or None}


def _used(exchange: Exchange | None, settings: Settings) -> dict[str, Any]:
    """Tokens, what they cost, and when the first came."""
    if exchange is None:
        return {}
    first, usage = exchange.first_at, exchange.usage
    made: dict[str, Any] = {
        "stop_reason": str(exchange.stop_reason) if exchange.stop_reason else None,
        "first_content_ms": _ms(exchange.started, first),
    }
    if usage is not None:
        made |= {
            "input_tokens": usage.input_tokens,
            "cache_read_tokens": usage.cache_read_tokens,
            "cache_write_tokens": usage.cache_write_tokens,
            "output_tokens": usage.output_tokens,
            "reasoning_tokens": usage.reasoning_tokens,
            "dollars": prices.dollars(usage, price_of(exchange.route, settings)),
        }
    return made


def _ms(started: float, ended: float | None) -> int | None:
    return max(0, round((ended - started) * 1000)) if ended is not None else None


def _request(head: Head) -> Request:
    headers = _headers(head.fields)
    body = _plain({name.lower(): value for name, value in headers}, head.body)
    return Request(method=head.method, url=head.url, headers=headers, body=body)


def _headers(fields: Fields) -> Headers:
    return tuple((bytes(name).decode("latin-1"), bytes(value).decode("latin-1")) for name, value in fields)


def _plain(headers: Any, body: bytes) -> bytes:
    """Unpack a body; one that does not unpack is kept as it is, and so is one that would fill the memory."""
    unpack = compression.unpacker(headers.get("content-encoding", ""))
    if unpack is None:
        return body
    made, size = [], 0
    with suppress(MalformedReply):
        for place in range(0, len(body), UNPACKED_AT_ONCE):
            made.append(unpack(body[place : place + UNPACKED_AT_ONCE]))
            size += len(made[-1])
            if size > MOST_UNPACKED:
                return body
        return b"".join(made)
    return body
