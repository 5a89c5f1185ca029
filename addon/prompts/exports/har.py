"""Exchanges as an HTTP archive, with both sides of each: the client's with Detour, and Detour's with the backend. Pure.

What was translated is two entries that stand behind each other, linked by ``_detour``: ``exchange`` is the same in
both, ``side`` tells them apart. What passed as it was is one. mitmproxy, browsers and others read the file; they skip
fields that begin with ``_``. Times of the second side are those of the first: the log keeps none of its own.
Source: HAR 1.2 (Odvarko); how mitmproxy 12 decodes texts, ``mitmproxy.io.har``.
"""

import base64
from collections.abc import Iterable
from datetime import UTC, datetime
from http import HTTPStatus
from urllib.parse import parse_qsl, urlsplit

import orjson

from addon import __version__
from addon.prompts.entry import Entry, Headers, Reply, Request, Summary
from addon.prompts.exports import Export
from addon.prompts.printable import encodable
from addon.protocol.messages import Json

VERSION = "1.2"
HTTP = "HTTP/1.1"
CLIENT, BACKEND = "client", "backend"
UNKNOWN = -1  # the archive's word for a size or a time that is not known
JSON_TYPE = "application/json"
ABOUT = ("id", "number", "session", "agent", "kind", "route", "asked", "origin", "dollars")


def archive(entries: Iterable[Entry]) -> Export:
    """Write the archive; exchanges whose request is not kept are left out and told."""
    found: list[Json] = []
    left_out: list[str] = []
    for entry in entries:
        if entry.request is None:
            left_out.append(f"exchange {entry.summary.number}: its request is not kept")
            continue
        found.append(_entry(entry, CLIENT, entry.request, entry.given))
        if entry.sent is not None:
            found.append(_entry(entry, BACKEND, entry.sent, entry.reply))
    log = {"version": VERSION, "creator": {"name": "claude-detour", "version": __version__}, "entries": found}
    return Export(orjson.dumps({"log": log}, option=orjson.OPT_INDENT_2) + b"\n", tuple(left_out))


def _entry(entry: Entry, side: str, request: Request, reply: Reply | None) -> Json:
    summary = entry.summary
    about: Json = {name: _told(value) for name in ABOUT if (value := getattr(summary, name)) is not None}
    about |= {"side": side, "exchange": summary.id, "reason": encodable(entry.reason)}
    if reply is not None and reply.left_out:
        about["left_out"] = reply.left_out
    if side == BACKEND:
        about["losses"] = [
            {"path": loss.path, "what": encodable(loss.what)} for loss in entry.losses if not loss.routine
        ]
    wait = min(summary.first_byte_ms or 0, summary.total_ms)
    return {
        "startedDateTime": datetime.fromtimestamp(summary.at, UTC).isoformat(timespec="milliseconds"),
        "time": summary.total_ms,
        "request": _request(request),
        "response": _response(reply),
        "cache": {},
        "timings": {"send": 0, "wait": wait, "receive": summary.total_ms - wait},
        "comment": encodable(_comment(summary, side)),
        "_detour": about,
    }


def _told(value: object) -> object:
    return encodable(value) if isinstance(value, str) else value


def _comment(summary: Summary, side: str) -> str:
    if side == BACKEND:
        return f"Detour to {summary.route}, for the client's exchange {summary.id}"
    return f"client to Detour, exchange {summary.id}, answered by {summary.route or 'nobody'}"


def _request(request: Request) -> Json:
    made: Json = {
        "method": request.method,
        "url": encodable(request.url),
        "httpVersion": HTTP,
        "cookies": [],
        "headers": _headers(request.headers),
        "queryString": [{"name": name, "value": value} for name, value in _query(request.url)],
        "headersSize": UNKNOWN,
        "bodySize": len(request.body),
    }
    if request.body:
        text = request.body.decode("utf-8", "replace")
        made["postData"] = {"mimeType": _mime(request.headers) or JSON_TYPE, "params": [], "text": text}
    return made


def _query(url: str) -> list[tuple[str, str]]:
    try:
        return parse_qsl(encodable(urlsplit(url).query), keep_blank_values=True)
    except ValueError:  # no address
        return []


def _response(reply: Reply | None) -> Json:
    body = reply.body if reply is not None else b""
    headers = reply.headers if reply is not None else ()
    status = reply.status if reply is not None else 0
    return {
        "status": status,
        "statusText": _phrase(status),
        "httpVersion": HTTP,
        "cookies": [],
        "headers": _headers(headers),
        "content": {"size": len(body), "mimeType": _mime(headers), **_content(body, headers)},
        "redirectURL": "",
        "headersSize": UNKNOWN,
        "bodySize": len(body) if reply is not None else UNKNOWN,
    }


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""


def _content(body: bytes, headers: Headers) -> Json:
    """Return a body as text where every reader makes the same bytes of it, else as base64."""
    mime = _mime(headers).lower()
    is_safe = body.isascii() or "utf-8" in mime or mime.startswith(JSON_TYPE)
    try:
        if is_safe:
            return {"text": body.decode()}
    except UnicodeDecodeError:
        pass
    return {"text": base64.b64encode(body).decode(), "encoding": "base64"}


def _headers(headers: Headers) -> list[Json]:
    """Return the headers; without the one that says that a body is compressed, for here it is not."""
    return [
        {"name": encodable(name), "value": encodable(value)}
        for name, value in headers
        if name.lower() not in ("content-encoding", "transfer-encoding")
    ]


def _mime(headers: Headers) -> str:
    return next((encodable(value) for name, value in headers if name.lower() == "content-type"), "")
