"""How the commands that read the prompt log print: colours on a terminal only, and nothing of others' that acts."""

import json
import os
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Literal

from rich.console import Console
from rich.table import Table
from rich.text import Text

from addon.prompts import printable

PIPED_WIDTH = 160  # columns where there is no terminal and COLUMNS says nothing
SHORT_ID = 8  # characters of an id that tell it apart for people
NO_SESSION = "none"  # as people may write it
GAP = 2  # characters between columns
WIDE = 110  # characters of a terminal that shows every column
NARROWEST = 8  # characters that a column of texts keeps


@dataclass(frozen=True, slots=True)
class Column:
    """One of a table. ``is_text``: it gives way where there is no room; ``is_extra``: left out of a narrow table."""

    title: str
    justify: Literal["left", "right"] = "left"
    is_text: bool = False
    is_extra: bool = False


def console() -> Console:
    """Return a console on standard output that prints what it is given, and nothing of it as markup."""
    made = Console(highlight=False, markup=False, emoji=False)
    if not made.is_terminal and not os.environ.get("COLUMNS"):
        made = Console(highlight=False, markup=False, emoji=False, width=PIPED_WIDTH)
    return made


def cell(text: str, most: int | None = None, style: str = "") -> Text:
    """Return a text of others' in one line."""
    return Text(printable.line(text, most), style=style)


def lines(text: str, style: str = "", indent: str = "") -> Text:
    """Return a text of others' in as many lines as it has."""
    shown = printable.text(text)
    return Text(indent + shown.replace("\n", "\n" + indent) if indent else shown, style=style)


def table(columns: Sequence[Column], rows: Sequence[Sequence[Text | str]], width: int) -> Table:
    """Lay out rows within a width: numbers are whole, texts share what they leave."""
    shown = [place for place, column in enumerate(columns) if width >= WIDE or not column.is_extra]
    wanted = {place: max(len(columns[place].title), *(_length(row[place]) for row in rows), 0) for place in shown}
    texts = sorted((place for place in shown if columns[place].is_text), key=wanted.__getitem__)
    room = width - GAP * (len(shown) - 1) - sum(wanted[place] for place in shown if place not in texts)
    for left, place in zip(range(len(texts), 0, -1), texts, strict=True):
        wanted[place] = min(wanted[place], max(room // left, NARROWEST))
        room -= wanted[place]
    made = Table(box=None, pad_edge=False, padding=(0, GAP, 0, 0), header_style="bold")
    for place in shown:
        column = columns[place]
        made.add_column(
            column.title,
            justify=column.justify,
            no_wrap=True,
            overflow="ellipsis",
            min_width=wanted[place],
            max_width=wanted[place],
        )
    for row in rows:
        made.add_row(*(row[place] for place in shown))
    return made


def _length(told: Text | str) -> int:
    return told.cell_len if isinstance(told, Text) else len(told)


def put(console: Console, *parts: Text | tuple[str, str] | str) -> None:
    """Print a line of parts, as long as it is: a terminal breaks it, a program does not want it broken."""
    console.print(Text.assemble(*parts), soft_wrap=True)


def put_text(text: str) -> None:
    """Print a long text of others' as it is."""
    sys.stdout.write(printable.text(text).rstrip("\n") + "\n")


def put_json(value: object) -> None:
    """Print a value for programs; what is not ASCII is escaped, so nothing of it acts on a terminal either."""
    sys.stdout.write(json.dumps(value, indent=1) + "\n")


def put_bytes(content: bytes) -> None:
    """Write bytes as they are, so that programs get what was there; a terminal gets what it can show."""
    if sys.stdout.isatty():
        sys.stdout.write(printable.text(content.decode("utf-8", "replace")))
    else:
        sys.stdout.buffer.write(content)
    sys.stdout.flush()


def put_notes(notes: Iterable[str]) -> None:
    """Say on standard error what a reader of the output should know."""
    for note in notes:
        sys.stderr.write(f"detour: {printable.line(note)}\n")


def short(session: str | None) -> str:
    """Return the beginning of a session's name, or of an agent's, fit to be shown."""
    return printable.line(session)[:SHORT_ID] if session else NO_SESSION


def here() -> tzinfo:
    """Return the zone of this machine's clock."""
    return datetime.now().astimezone().tzinfo or UTC
