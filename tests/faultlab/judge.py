"""Whether what a row shows is what it must show. Every complaint is a sentence; none is the verdict wanted."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field

from tests import law
from tests.faultlab.client import Got
from tests.faultlab.script import Fault, Sees

CRASHES = ("mitmproxy has crashed", "Addon error", "Detour is not loaded")
TRACE = "Traceback (most recent call last)"
PING = b"event: ping\n"
PLAIN = Fault("well", "nothing")


@dataclass(slots=True)
class Shown:
    """What came of a row."""

    got: Got | None = None
    after: Got | None = None  # of a request on the same connection, afterwards
    beside: Got | None = None  # of the one that went on meanwhile
    asked: list[str] = field(default_factory=list)
    objections: list[str] = field(default_factory=list)
    left_open: int = 0  # connections to the backend, a moment after the client had left
    log: str = ""
    elapsed_s: float = 0.0


def complaints(fault: Fault, shown: Shown) -> list[str]:
    """Say all that is not as it must be."""
    return [*_of_backend(fault, shown), *_of_client(fault, shown), *_of_log(fault, shown)]


def _of_backend(fault: Fault, shown: Shown) -> Iterator[str]:
    yield from (f"the backend objects: {each}" for each in shown.objections)
    if shown.asked != fault.asked:
        yield f"asked were {' '.join(shown.asked) or 'none'}, not {fault.asks or 'none'}"
    if shown.left_open:
        yield f"{shown.left_open} connections to the backend are open although the client has left"


def _of_client(fault: Fault, shown: Shown) -> Iterator[str]:
    if shown.got is not None:
        yield from _reply(fault, fault.sees, shown.got)
    for name, got in (("afterwards", shown.after), ("beside it", shown.beside)):
        if got is not None:
            yield from (f"{name}: {each}" for each in _reply(PLAIN, PLAIN.sees, got))


def _reply(fault: Fault, sees: Sees, got: Got) -> Iterator[str]:
    body = bytes(got.body)
    if bool(got.broken) != sees.cut:
        yield f"the reply broke off: {got.broken}" if got.broken else "the reply does not break off"
    if got.status != sees.status:
        yield f"the status is {got.status}, not {sees.status}: {body[:300]!r}"
        return
    if not got.headers.get("request-id", "").startswith("req_") and not fault.passes:
        yield "no request-id"
    for name, value in sees.headers.items():
        if got.headers.get(name) != value:
            yield f"the header {name} is {got.headers.get(name)}, not {value}"
    try:
        if sees.status != 200:
            yield from _error(sees, json.loads(body), body)
        elif fault.stream:
            yield from _stream(sees, body)
        else:
            said = "".join(block.get("text", "") for block in json.loads(body)["content"])
            yield from _said(sees, said)
    except (AssertionError, ValueError, KeyError) as error:
        yield f"{error!r} in {body[-500:]!r}"


def _stream(sees: Sees, body: bytes) -> Iterator[str]:
    pieces = body.split(b"\n\n")
    pings = [piece for piece in pieces if piece.startswith(PING)]
    rest = b"\n\n".join(piece for piece in pieces if not piece.startswith(PING))
    found = law.events(rest) if sees.cut else law.check(rest)
    texts = [
        event["delta"].get("text") or event["delta"].get("partial_json") or "" for event in found if "delta" in event
    ]
    yield from _said(sees, "".join(texts))
    if len(pings) < sees.pings:
        yield f"{len(pings)} pings, fewer than {sees.pings}"
    last = found[-1] if found else {}
    if sees.error:
        yield from _error(sees, last, body[-500:])
    elif last.get("type") != "message_stop" and not sees.cut:
        yield f"the stream ends with {last}"


def _said(sees: Sees, said: str) -> Iterator[str]:
    if said != sees.text:
        yield f"said was {said[:80]!r} ({len(said)}), not {sees.text[:80]!r} ({len(sees.text)})"


def _error(sees: Sees, told: law.Json, body: bytes) -> Iterator[str]:
    error = told.get("error", {}) if told.get("type") == "error" else {}
    if error.get("type") != sees.error:
        yield f"the error is of the type {error.get('type')}, not {sees.error}: {body!r}"
    elif sees.words.lower() not in error["message"].lower():
        yield f"the error does not say {sees.words!r}: {error['message']}"


def _of_log(fault: Fault, shown: Shown) -> list[str]:
    found = [f"the log says {sign!r}" for sign in CRASHES if sign in shown.log]
    if TRACE in shown.log and "incident" not in fault.log:
        found.append("the log holds a trace")
    if fault.log not in shown.log:
        found.append(f"the log does not say {fault.log!r}")
    found += [f"the flow {each} has not exactly one end" for each in unended(shown.log)]
    return [*found, f"the log is:\n{shown.log}"] if found else []


def unended(log: str) -> list[str]:
    """The flows in a log that have begun and have not exactly one end; inside.py says so."""
    words = [line.partition("faultlab: ")[2].split() for line in log.splitlines() if "faultlab: " in line]
    begun = [name for name, what, *_ in words if what == "began"]
    ended = [name for name, what, *_ in words if what == "ended"]
    return [name for name in begun if ended.count(name) != 1]
