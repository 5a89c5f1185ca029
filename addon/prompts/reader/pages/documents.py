"""The system prompt and the tools of a session as documents: which text was sent when, and what changed in it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, abort, current_app, render_template, request

from addon.prompts.alignment import Steps
from addon.prompts.documents import Document, Version
from addon.prompts.reader import comparing
from addon.prompts.reader.comparing import Piece
from addon.prompts.reader.histories import Found, Histories
from addon.prompts.reader.house import house
from addon.prompts.reader.texts import SLICE, Budget, Cut
from addon.prompts.words import Run, words

pages = Blueprint("documents", __name__)
KEY = "detour-histories"  # under which the application keeps them
WIDTH = 1000.0
LEAST = 2.0  # units of a bar, so that a single turn can be seen
MOST_STRETCHES = 2_400  # drawn on a page: some hundred bytes each
MOST_ROWS = 300
PER_PAGE = 20  # versions


@dataclass(frozen=True, slots=True)
class Stretch:
    """Turns that sent one version, as a rectangle of a bar; ``tone``: neighbours differ."""

    x: float
    width: float
    tone: int
    title: str


@dataclass(frozen=True, slots=True)
class Shown:
    """A version beside the one before it: its words, or the whole text of the first."""

    version: Version
    pieces: tuple[Piece, ...]
    left_out: int
    when: str


@pages.get("/read/session/<path:session>/documents")
def index(session: str) -> Any:
    """List the documents of a session, those that changed first."""
    found = _histories().of(house().open_log(), session)
    documents = found.history.documents()[:MOST_ROWS]
    most = MOST_STRETCHES // (2 * len(documents) or 1)  # twice: those that changed are listed once more
    rows = [(document, list(_stretches(document, found, max(1, most)))) for document in documents]
    page = render_template(
        "documents.html",
        session=session,
        found=found,
        changed=[row for row in rows if len(row[0].versions) > 1],
        groups=[
            ("System prompts", [row for row in rows if row[0].section == "system"]),
            ("Tools", [row for row in rows if row[0].section == "tools"]),
        ],
        tokens=sum(document.now.tokens for document in documents if document.now and document.section == "tools"),
    )
    return page if found.is_whole else (page, {"Refresh": "1"})  # it goes on by itself, without a script too


@pages.get("/read/session/<path:session>/document")
def show(session: str) -> Any:
    """Show the document ``name``: its versions, the newest first, each with what changed in it."""
    found = _histories().of(house().open_log(), session)
    document = _document(found)
    last = min(max(1, request.args.get("until", len(document.versions), int)), len(document.versions))
    budget, steps = Budget(), Steps()
    chosen = [document.version(number) for number in range(last, max(0, last - PER_PAGE), -1)]
    return render_template(
        "document_history.html",
        session=session,
        found=found,
        document=document,
        stretches=list(_stretches(document, found)),
        versions=[_shown(document, version, budget, steps) for version in chosen],
        earlier=last - PER_PAGE if last > PER_PAGE else 0,
        later=last < len(document.versions),
    )


@pages.get("/read/session/<path:session>/document/version/<int:number>")
def version(session: str, number: int) -> Any:
    """Show one text of the document ``name`` whole, a slice at a time."""
    document = _document(_histories().of(house().open_log(), session))
    try:
        text = document.version(number).text
    except LookupError as error:
        abort(404, str(error))
    start = min(max(0, request.args.get("from", 0, int)), max(0, len(text) - 1)) // SLICE * SLICE
    return render_template(
        "document_version.html", session=session, document=document, number=number,
        text=text[start : start + SLICE], start=start, length=len(text), step=SLICE,
    )  # fmt: skip


def _histories() -> Histories:
    kept = current_app.extensions.get(KEY)
    if not isinstance(kept, Histories):
        kept = current_app.extensions[KEY] = Histories()
    return kept


def _document(found: Found) -> Document:
    name = request.args.get("name", "")
    try:
        return found.history.document(name)
    except LookupError:
        abort(404, f"No turn of the session sent a document {name[:100]!r}" + ("." if found.is_whole else " so far."))


def _stretches(document: Document, found: Found, most: int = MOST_STRETCHES) -> Iterator[Stretch]:
    """Draw when each version was sent, the newest stretches of so many."""
    spans = [(span, version) for version in document.versions for span in version.spans]
    spans.sort(key=lambda pair: pair[0].first)
    for span, of in spans[-most:]:
        x = (span.first - 1) / found.turns * WIDTH
        width = max(LEAST, (span.last - span.first + 1) / found.turns * WIDTH)
        title = f"version {of.number}, {_turns(span.first, span.last)}"
        yield Stretch(round(min(x, WIDTH - width), 2), round(width, 2), (of.number - 1) % 4, title)


def _shown(document: Document, version: Version, budget: Budget, steps: Steps) -> Shown:
    if version.number == 1:
        cut = budget.cut(version.text)
        whole = Piece("same", Cut(cut.head, cut.left_out, cut.tail))
        return Shown(version, (whole,), 0, _when(version))
    before = document.version(version.number - 1)
    runs: tuple[Run, ...] = words(before.text, version.text, steps)
    pieces, left_out = comparing.pieces(runs, budget)
    return Shown(version, pieces, left_out, _when(version))


def _when(version: Version) -> str:
    """Say which turns sent it; of many stretches the first, and how many more."""
    told = ", ".join(_turns(span.first, span.last) for span in version.spans[:4])
    more = len(version.spans) - 4
    return f"{told} and {more:,} more times" if more > 0 else told


def _turns(first: int, last: int) -> str:
    return f"turn {first:,}" if first == last else f"turns {first:,} to {last:,}"
