"""A session as a Markdown document. Pure.

Its texts are others', and Markdown runs what HTML runs. So a text stands in a quotation only where nothing in it could
be a tag, a picture that is fetched, a definition, or a link to anything but a page; any other text stands in a fence
longer than every run of backticks in it. Every line of a quotation begins with its mark, however the line before ended.
Source: CommonMark 0.31, "Fenced code blocks", "HTML blocks", "Link reference definitions".
"""

import html
import re
from collections.abc import Iterable, Iterator

from addon.prompts import printable
from addon.prompts.exports.document import Document, Said, Shown
from addon.prompts.exports.pieces import Piece, Sort

ACTIVE = re.compile(r"<[A-Za-z/!?]|!\[|\]:|\]\((?!https?://|[\w./#-]{0,999}\))")
BACKTICKS = re.compile("`+")
SPECIAL = re.compile(r"([\\`*_\[\]<>&|~#!])")
FENCE = 3  # backticks at the least
LONG = 1_200  # characters of a result that is folded
CALLED = {Sort.CALL: "Call", Sort.RESULT: "Result", Sort.FAILURE: "Failed"}
FOLDED = frozenset((Sort.REMINDER, Sort.THINKING))


def render(made: Document) -> bytes:
    """Write the document."""
    return ("\n\n".join(_document(made)) + "\n").encode()


def inline(text: str) -> str:
    """Return a text in one line that is only itself."""
    return SPECIAL.sub(r"\\\1", printable.line(text))


def code(text: str) -> str:
    """Return a text as a code span."""
    line = printable.line(text) or "?"
    ticks = "`" * (_longest(line) + 1)
    pad = " " if line[0] == "`" or line[-1] == "`" else ""
    return f"{ticks}{pad}{line}{pad}{ticks}"


def fence(text: str, language: str = "") -> str:
    """Return a text in a fence that nothing in it ends."""
    shown = printable.text(text)
    ticks = "`" * max(FENCE, _longest(shown) + 1)
    return f"{ticks}{language}\n{shown}\n{ticks}"


def quote(text: str, *, keep_lines: bool = False) -> str:
    """Return a text as a quotation in its own Markdown; in a fence where that could do anything.

    ``keep_lines``: who wrote it did not write Markdown, so its lines end where they end.
    """
    shown = printable.text(text).strip("\n")
    if ACTIVE.search(shown):
        return fence(shown)
    ending = "  \n" if keep_lines else "\n"
    return ending.join(f"> {line}".rstrip() for line in shown.split("\n"))


def _longest(text: str) -> int:
    return max(map(len, BACKTICKS.findall(text)), default=0)


def _document(made: Document) -> Iterator[str]:
    yield f"# {inline(made.title)}"
    yield "\n".join(f"- **{name}**: {inline(value)}" for name, value in made.facts)
    for section in made.sections:
        yield f"## {inline(section.title)}"
        if section.lead:
            yield f"*{inline(section.lead)}*"
        for turn in section.turns:
            yield from _turn(turn)
    yield from _appendix(made)


def _appendix(made: Document) -> Iterator[str]:
    if made.systems:
        yield "## System prompt"
    for whose, text in made.systems:
        if len(made.systems) > 1:
            yield f"### {inline(whose)}"
        yield from _fold(f"{len(text):,} characters", [fence(text)])
    if made.tools:
        yield "## Tools"
    for tool in made.tools:
        yield from _fold(
            tool.name, [*([fence(tool.description)] if tool.description else []), fence(tool.definition, "json")]
        )


def _turn(turn: Shown) -> Iterator[str]:
    if turn.is_joint:
        yield "---"
    yield f"### {inline(turn.title)}"
    yield inline(turn.meta)
    for note in turn.notes:
        yield f"*{inline(note)}*"
    said = [text for each in turn.said for text in _said(each)]
    if turn.folded and said:
        yield from _fold("what was said", said)
    else:
        yield from said
    if turn.losses:
        yield "Changed or lost on the way:"
        yield "\n".join(f"- {inline(loss)}" for loss in turn.losses)


def _said(said: Said) -> Iterator[str]:
    yield f"**{inline(said.who)}**"
    for piece in said.pieces:
        yield from _piece(piece, keep_lines=said.who != "Assistant")


def _piece(piece: Piece, *, keep_lines: bool) -> Iterator[str]:
    if piece.sort is Sort.TEXT:
        if piece.text.strip():
            yield quote(piece.text, keep_lines=keep_lines)
    elif piece.sort in FOLDED:
        yield from _fold(piece.title, [quote(piece.text)] if piece.text else [])
    elif piece.sort in CALLED:
        yield f"{CALLED[piece.sort]}: {code(piece.title)}"
        if len(piece.text) > LONG and piece.sort is not Sort.CALL:
            yield from _fold(f"{len(piece.text):,} characters", [fence(piece.text)])
        elif piece.text:
            yield fence(piece.text)
    else:
        yield f"*{inline(piece.title)}*"
        if piece.text:
            yield from _fold(f"{len(piece.text):,} characters", [fence(piece.text)])


def _fold(title: str, inside: Iterable[str]) -> Iterator[str]:
    yield f"<details><summary>{html.escape(printable.line(title))}</summary>"
    yield from inside
    yield "</details>"
