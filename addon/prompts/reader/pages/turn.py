"""A turn: what is new in its prompt, the answer, what was said before; and what was sent, came back, and changed.

No page is larger than a megabyte: what is old is one line until it is opened, long texts are cut in the middle, and the
whole of a text is read in slices on a page of its own.
"""

import base64
import binascii
from collections.abc import Mapping, Sequence
from typing import Any

from flask import Blueprint, Response, abort, redirect, render_template, request, url_for

from addon.prompts import answer, weights
from addon.prompts.entry import Entry, Headers, Reply, Request
from addon.prompts.reader import charts, exchange, texts, transcript
from addon.prompts.reader.exchange import Exchange
from addon.prompts.reader.house import house
from addon.prompts.reader.texts import Budget
from addon.prompts.reader.transcript import Message, Piece
from addon.protocol.errors import BadRequest
from addon.protocol.messages import parse_json

pages = Blueprint("turn", __name__)
MOST_ROWS = 200  # of messages that are folded; more are on further pages
MOST_DOCUMENTS = 300  # of blocks of the system prompt, and of tools
ASKED = "/v1/messages"
MOST_INLINE = 12_000  # characters of a text in a session's list
MOST_INLINE_PAGE = 120_000  # bytes of one turn there
# what the tabs of a turn are called, and their endpoints; a module that adds a page adds its own
TABS: list[tuple[str, str]] = [
    ("Prompt", "turn.prompt"),
    ("Sent", "turn.sent"),
    ("Reply", "turn.reply"),
    ("Route", "turn.facts"),
]


@pages.get("/read/at/<path:place>")
def find(place: str) -> Any:
    """Lead to an exchange by what a person calls it: SESSION/TURN, an id, a number, last."""
    return redirect(url_for("turn.prompt", number=house().open_log().resolve(place).number))


@pages.get("/read/turn/<int:number>")
def prompt(number: int) -> Any:
    """Show the prompt, what is new in it first, and the answer."""
    found, budget = exchange.read(house().open_log(), number), Budget()
    if found.request is None:
        return page("turn_bare.html", found, "turn.prompt", raw_body=_raw(found.entry.request, budget))
    messages = transcript.messages(found.request, found.before)
    old = [message for message in messages if not message.is_new]
    last = min(max(0, request.args.get("until", len(old), int)), len(old))
    given = answered(found.entry, budget)
    return page(
        "turn.html",
        found,
        "turn.prompt",
        answered=given,
        new=_opened(found, messages, budget),
        old=old[max(0, last - MOST_ROWS) : last],
        new_total=sum(message.is_new for message in messages),
        old_total=len(old),
        earlier=max(0, last - MOST_ROWS),
        later=last < len(old),
        system=transcript.system(found.request)[:MOST_DOCUMENTS],
        tools=transcript.tools(found.request)[:MOST_DOCUMENTS],
        parameters=[(name, budget.cut(text, MOST_INLINE)) for name, text in transcript.parameters(found.request)],
        shares=charts.shares(weights.of(found.request)),
        **asking(found),
    )


@pages.get("/read/turn/<int:number>/inner")
def inner(number: int) -> Any:
    """Return what is new in a turn and its answer, for a list of turns."""
    found, budget = exchange.read(house().open_log(), number), Budget(MOST_INLINE_PAGE)
    messages = transcript.messages(found.request, found.before) if found.request is not None else []
    given = answered(found.entry, budget, MOST_INLINE)
    return render_template(
        "turn_inner.html",
        number=number,
        new=_opened(found, messages, budget, MOST_INLINE),
        continues=found.before is not None,  # then the assistant's messages are the answer to the turn before
        old_total=sum(not message.is_new for message in messages),
        answered=given,
        kept=found.entry.request is not None,
        summary=found.summary,
    )


@pages.get("/read/turn/<int:number>/message/<int:index>")
def message(number: int, index: int) -> Any:
    """Return one message, for a fold that is opened; a page of its own where no script runs."""
    found = _request(number)
    try:
        content = transcript.at(found, f"messages.{index}")
    except LookupError:
        abort(404, f"There is no message {index + 1}.")
    shown = content.get("content") if isinstance(content, dict) else content
    pieces = transcript.pieces(shown, f"messages.{index}.content", Budget())
    return _fragment("message.html", number, f"Message {index + 1}", pieces=pieces)


@pages.get("/read/turn/<int:number>/document/<path:place>")
def document(number: int, place: str) -> Any:
    """Return a system block or a tool, likewise."""
    text = transcript.document(_at(number, place))
    return _fragment("document.html", number, place, text=Budget().cut(text, texts.SLICE), path=place)


@pages.get("/read/turn/<int:number>/part/<path:place>")
def part(number: int, place: str) -> Any:
    """Show one text whole, a slice at a time. ``place`` is a path in the request, or ``answer`` and one in that."""
    value = _at(number, place)
    text = value if isinstance(value, str) else transcript.document(value)
    return _slices(number, place, text)


@pages.get("/read/turn/<int:number>/body/<what>")
def body(number: int, what: str) -> Any:
    """Show a body whole, likewise: ``request``, ``sent``, ``reply`` or ``given``."""
    entry = house().open_log().entry(number)
    bodies: Mapping[str, Request | Reply | None] = {
        "request": entry.request,
        "sent": entry.sent,
        "reply": entry.reply,
        "given": entry.given,
    }
    kept = bodies.get(what)
    if kept is None:
        abort(404, "Nothing of that is kept of this turn.")
    return _slices(number, what, _readable(kept.body))


@pages.get("/read/turn/<int:number>/picture/<path:place>")
def picture(number: int, place: str) -> Any:
    """Return a picture of the prompt, of a kind that cannot hold a script."""
    source = _at(number, place)
    kind = source.get("media_type") if isinstance(source, dict) else None
    if kind not in transcript.PICTURES or not isinstance(source.get("data"), str):
        abort(404, "There is no picture that a browser may be shown.")
    try:
        content = base64.b64decode(source["data"], validate=False)
    except (binascii.Error, ValueError):
        abort(404, "The picture is no base64.")
    return Response(content, content_type=kind, headers={"Content-Disposition": "inline; filename=picture"})


@pages.get("/read/turn/<int:number>/sent")
def sent(number: int) -> Any:
    """Show the request that was sent."""
    found, budget = exchange.read(house().open_log(), number), Budget()
    entry = found.entry
    return page("turn_sent.html", found, "turn.sent", shown=_raw(entry.sent or entry.request, budget))


@pages.get("/read/turn/<int:number>/reply")
def reply(number: int) -> Any:
    """Show what the backend said, byte for byte, and what the client was given."""
    found, budget = exchange.read(house().open_log(), number), Budget()
    entry = found.entry
    return page("turn_reply.html", found, "turn.reply", came=_raw(entry.reply, budget), given=_raw(entry.given, budget))


@pages.get("/read/turn/<int:number>/route")
def facts(number: int) -> Any:
    """Show who was asked, why, what that changed or lost, and the headers."""
    found = exchange.read(house().open_log(), number)
    entry = found.entry
    headers: Sequence[tuple[str, Headers]] = [
        (name, kept.headers)
        for name, kept in (
            ("The client's request", entry.request),
            ("The request that was sent", entry.sent),
            ("The backend's reply", entry.reply),
            ("The reply that was given", entry.given),
        )
        if kept is not None
    ]
    return page("turn_route.html", found, "turn.facts", headers=headers)


def page(template: str, found: Exchange, tab: str, **shown: Any) -> str:
    """Render a page of a turn, with its head and its tabs."""
    return render_template(
        template, found=found, entry=found.entry, summary=found.summary, place=found.place, tab=tab, tabs=TABS, **shown
    )


def asking(found: Exchange) -> dict[str, Any]:
    """Return what the form needs that asks another model: whether that is possible, and whom."""
    can_ask = house().again is not None and found.request is not None and found.summary.path.startswith(ASKED)
    return {"can_ask": can_ask, "models": list(house().models()) if can_ask else []}


def _opened(
    found: Exchange, messages: Sequence[Message], budget: Budget, most: int = texts.MOST_OF_A_TEXT
) -> list[tuple[Message, tuple[Piece, ...] | None]]:
    """Return the new messages with what they are made of; None for those that the page has no room for."""
    opened: list[tuple[Message, tuple[Piece, ...] | None]] = []
    for new in (message for message in messages if message.is_new):
        if len(opened) == MOST_ROWS:
            break
        pieces = None if budget.is_spent else _pieces(found, new.index, budget, most)
        opened.append((new, pieces))
    return opened


def _pieces(found: Exchange, index: int, budget: Budget, most: int) -> tuple[Piece, ...]:
    assert found.request is not None  # noqa: S101 - the callers have looked
    said = found.request["messages"][index]
    content = said.get("content") if isinstance(said, dict) else said
    return transcript.pieces(content, f"messages.{index}.content", budget, most)


def answered(entry: Entry, budget: Budget, most: int = texts.MOST_OF_A_TEXT) -> dict[str, Any]:
    """Read what the client was given."""
    given = entry.given or entry.reply
    read = answer.of(given) if given is not None else answer.Answer(error=entry.summary.error or "there was no reply")
    content = read.message.get("content") if read.message is not None else None
    return {
        "pieces": transcript.pieces(content, "answer.content", budget, most),
        "error": budget.cut(read.error or "", most),
        "stop_reason": read.stop_reason,
    }


def _request(number: int) -> Mapping[str, Any]:
    """Return a request's body, or end with 404."""
    found = exchange.body(house().open_log().entry(number))
    if found is None:
        abort(404, "The prompt of this turn is not kept.")
    return found


def _at(number: int, place: str) -> Any:
    first, _, rest = place.partition(".")
    try:
        if first == "answer":
            entry = house().open_log().entry(number)
            given = entry.given or entry.reply
            return transcript.at(answer.of(given).message if given is not None else None, rest)
        return transcript.at(_request(number), place)
    except LookupError:
        abort(404, f"Nothing stands at {place}.")


def _fragment(template: str, number: int, title: str, **shown: Any) -> str:
    """Render a part of a page for the script, or a page of its own."""
    is_part = request.headers.get("X-Part") is not None
    return render_template(template if is_part else "fragment.html", part=template, number=number, title=title, **shown)


def _slices(number: int, title: str, text: str) -> str:
    start = min(max(0, request.args.get("from", 0, int)), max(0, len(text) - 1)) // texts.SLICE * texts.SLICE
    end = start + texts.SLICE
    return render_template(
        "whole.html", number=number, title=title, text=text[start:end], start=start, length=len(text),
        earlier=max(0, start - texts.SLICE) if start else None, later=end if end < len(text) else None,
        step=texts.SLICE,
    )  # fmt: skip


def _raw(kept: Request | Reply | None, budget: Budget) -> dict[str, Any] | None:
    """Return a body as text."""
    if kept is None:
        return None
    text = budget.cut(_readable(kept.body), texts.SLICE)
    if isinstance(kept, Request):
        return {"title": f"{kept.method} {kept.url}", "text": text, "left_out": 0}
    return {"title": f"HTTP {kept.status}", "text": text, "left_out": kept.left_out}


def _readable(body: bytes) -> str:
    """Indent JSON; anything else is text as it is."""
    try:
        return transcript.indented(parse_json(body))
    except BadRequest:
        return body.decode("utf-8", "replace")
