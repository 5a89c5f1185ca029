"""``detour scan``: which secrets were taken out of the prompt log, and whether one stands in it as it is.

``--redact`` writes the log anew by the rules of today, into a file beside it that takes its place at the end: nothing
of what was taken out is left in free pages, or in the index of the search.
"""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.text import Text

from addon.cli import printing, prompt_log, wiring
from addon.prompts.log import search
from addon.prompts.log.reading import Log, NotKept
from addon.prompts.log.statements import FILE
from addon.prompts.log.writer import Writer
from addon.prompts.redact import Redactor, for_settings
from addon.prompts.scan import Holding, Mark, Open, Scanner
from addon.protocol.errors import ConfigError
from addon.settings import instance_file, mark_secret, settings_file

NEW = ".new"  # behind the name of a log that is being written anew
SQLITES = ("", "-wal", "-shm", "-journal")  # the files of a database
WAY_OUT = "`detour scan --redact` writes the log anew without what stands in it; end every Detour before."


@dataclass(slots=True)
class Seen:
    """In how many exchanges something stands, and the first of them as SESSION/TURN."""

    first: str
    exchanges: int = 0


@dataclass(slots=True)
class Report:
    """What the log holds."""

    exchanges: int = 0
    unread: int = 0  # that are not kept whole any more
    sessions: set[str | None] = field(default_factory=set)
    marks: dict[Mark, Seen] = field(default_factory=dict)
    open: dict[Open, Seen] = field(default_factory=dict)

    def add(self, holding: Holding, place: str) -> None:
        """Count what an exchange holds."""
        for mark in holding.marks:
            self.marks.setdefault(mark, Seen(place)).exchanges += 1
        for each in holding.open:
            self.open.setdefault(each, Seen(place)).exchanges += 1


def run(*, as_json: bool, redact: bool) -> int:
    """Print what the log holds; ``redact``: write it anew before. Returns 1 where a secret stands in it."""
    home = wiring.home_folder(Path.cwd(), os.environ)
    redactor = redactor_of_today(home)
    told = f"{write_anew(home, redactor):,} exchanges were written anew." if redact else ""
    with prompt_log.opened() as log:
        report = examine(log, redactor)
    if as_json:
        printing.put_json(_plain(report))
    else:
        show(report, told)
    return int(bool(report.open))


def redactor_of_today(home: Path) -> Redactor:
    """Return what takes out by the rules that are in force. Raises: ConfigError."""
    settings = settings_file.read(Path.cwd()).configuration.settings()
    return for_settings(settings, mark_secret.read(home))


def examine(log: Log, redactor: Redactor) -> Report:
    """Look at every exchange."""
    scanner, report = Scanner(redactor), Report()
    turns: dict[str | None, int] = {}
    for summary in log.summaries():
        turns[summary.session] = turns.get(summary.session, 0) + 1
        report.exchanges += 1
        report.sessions.add(summary.session)
        try:
            holding = scanner.look(log.entry(summary.number))
        except NotKept:
            report.unread += 1
            continue
        name = printing.short(summary.session) if summary.session else prompt_log.NONE
        report.add(holding, f"{name}/{turns[summary.session]}")
    return report


def write_anew(home: Path, redactor: Redactor) -> int:
    """Write the log by the rules of today; return how many exchanges it has. Raises: ConfigError."""
    file = home / FILE
    if running := instance_file.running(home):
        raise ConfigError(f"A Detour is running (process {running[0].pid}) and writes the log: end it first.")
    new = file.with_name(FILE + NEW)
    _remove(new)
    with prompt_log.opened() as log:
        writer = Writer(new, redactor)
        try:
            numbers = [writer.add(entry) for entry in prompt_log.entries(log, log.summaries())]
        finally:
            writer.close()
    _remove(file, SQLITES[1:])
    new.replace(file)
    _remove(file.with_name(search.FILE))  # made anew by the next search
    return len(numbers)


def _remove(database: Path, endings: Sequence[str] = SQLITES) -> None:
    for ending in endings:
        database.with_name(database.name + ending).unlink(missing_ok=True)


def show(report: Report, told: str = "") -> None:
    """Print it for people."""
    console = printing.console()
    if told:
        console.print(told)
    sessions = f"{len(report.sessions):,} session{'' if len(report.sessions) == 1 else 's'}"
    console.print(f"{report.exchanges:,} exchange{'' if report.exchanges == 1 else 's'} of {sessions} looked at.")
    if report.unread:
        console.print(f"{report.unread:,} of them are not kept whole any more.")
    if report.marks:
        console.print("\nTaken out of it:")
        console.print(printing.table(MARKS, list(_mark_rows(report)), console.width))
    if not report.open:
        console.print("\nNothing stands in it that a rule of today would take out.")
        return
    console.print("\nNot taken out, and a rule of today would:")
    rows: list[list[Text | str]] = [
        [printing.cell(each.kind), printing.cell(each.place), f"{seen.exchanges:,}", printing.cell(seen.first)]
        for each, seen in report.open.items()
    ]
    console.print(printing.table(OPEN, rows, console.width))
    console.print(f"\n{WAY_OUT}")


MARKS = (
    printing.Column("kind"),
    printing.Column("different", "right"),
    printing.Column("exchanges", "right"),
    printing.Column("first in"),
)
OPEN = (
    printing.Column("kind"),
    printing.Column("where", is_text=True),
    printing.Column("exchanges", "right"),
    printing.Column("first in"),
)


def _mark_rows(report: Report) -> Iterator[list[Text | str]]:
    for kind in sorted({kind for kind, _ in report.marks}):
        seen = [each for mark, each in report.marks.items() if mark[0] == kind]
        most = max(each.exchanges for each in seen)
        yield [printing.cell(kind), f"{len(seen):,}", f"{most:,}", printing.cell(seen[0].first)]


def _plain(report: Report) -> dict[str, Any]:
    return {
        "exchanges": report.exchanges,
        "unread": report.unread,
        "sessions": len(report.sessions),
        "marks": [
            {"kind": kind, "mark": digits, "exchanges": seen.exchanges, "first": seen.first}
            for (kind, digits), seen in report.marks.items()
        ],
        "unredacted": [
            {"kind": each.kind, "where": each.place, "exchanges": seen.exchanges, "first": seen.first}
            for each, seen in report.open.items()
        ],
    }
