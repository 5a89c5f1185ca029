"""The document of an exchange: all that stands in no column, as one line of JSON. Pure.

Bodies are not in it but where they lie, as spans: ``[segment, first byte, how many, ...]``.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import orjson

from addon.prompts.entry import Attempt, Change, Entry, Headers, Reply, Request, Summary

type Span = tuple[int, int, int]
type Spans = list[Span]
type Read = Callable[[Sequence[int]], bytes]

PARTS = ("request", "sent", "reply", "given")


def dump(entry: Entry, bodies: dict[str, Spans], request_heads: dict[str, Request | Reply]) -> bytes:
    """Return the document; ``request_heads`` has the redacted heads of the parts that are kept, ``bodies`` theirs."""
    made: dict[str, Any] = {name: _head(head, bodies[name]) for name, head in request_heads.items()}
    made["reason"] = clean(entry.reason)
    if entry.attempts:
        made["attempts"] = [
            [clean(each.target), clean(each.status), each.elapsed_ms, clean(each.why)] for each in entry.attempts
        ]
    for name, told in ("changes", entry.changes), ("losses", entry.losses):
        if told:
            made[name] = [[clean(each.path), clean(each.what), each.routine] for each in told]
    return orjson.dumps(made)


def load(text: bytes, summary: Summary, read: Read, unpack: Callable[[bytes], bytes]) -> Entry:
    """Return the entry; ``read`` gives the bytes of spans, ``unpack`` a reply's body."""
    kept = orjson.loads(text)
    return Entry(
        summary=summary,
        reason=kept["reason"],
        request=_request(kept.get("request"), read),
        sent=_request(kept.get("sent"), read),
        reply=_reply(kept.get("reply"), read, unpack),
        given=_reply(kept.get("given"), read, unpack),
        attempts=[Attempt(*each) for each in kept.get("attempts", ())],
        changes=_changes(kept.get("changes", ())),
        losses=_changes(kept.get("losses", ())),
    )


def merged(spans: Iterable[Span]) -> Spans:
    """Join spans that lie side by side."""
    made: Spans = []
    segment = end = begun = -1
    for now, start, size in spans:
        if now == segment and start == end:
            end += size
            continue
        if segment >= 0:
            made.append((segment, begun, end - begun))
        segment, begun, end = now, start, start + size
    if segment >= 0:
        made.append((segment, begun, end - begun))
    return made


def clean(text: str) -> str:
    """What UTF-8 cannot say is replaced."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def _head(head: Request | Reply, spans: Spans) -> dict[str, Any]:
    headers = [[clean(name), clean(value)] for name, value in head.headers]
    made: dict[str, Any] = {"headers": headers, "body": [number for span in spans for number in span]}
    if isinstance(head, Request):
        return {"method": clean(head.method), "url": clean(head.url), **made}
    return {"status": head.status, "left_out": head.left_out, **made}


def _headers(kept: Iterable[Sequence[str]]) -> Headers:
    return tuple((name, value) for name, value in kept)


def _request(kept: dict[str, Any] | None, read: Read) -> Request | None:
    if kept is None:
        return None
    headers = _headers(kept["headers"])
    return Request(method=kept["method"], url=kept["url"], headers=headers, body=read(kept["body"]))


def _reply(kept: dict[str, Any] | None, read: Read, unpack: Callable[[bytes], bytes]) -> Reply | None:
    if kept is None:
        return None
    body = unpack(read(kept["body"]))
    return Reply(status=kept["status"], headers=_headers(kept["headers"]), body=body, left_out=kept["left_out"])


def _changes(kept: Iterable[Sequence[Any]]) -> list[Change]:
    return [Change(*each) for each in kept]
