"""``detour sessions``: the sessions of the prompt log, those with the newest exchange first."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import tzinfo

from rich.table import Table
from rich.text import Text

from addon.cli import printing, prompt_log
from addon.prompts.exports import chapters, figures, pieces
from addon.prompts.log.reading import Log, NotKept, SessionRow, Wanted
from addon.routing.call import Kind

TITLE = 60  # characters of a title in the table
LOOKED_AT = 3  # exchanges in which a title is looked for
SECONDS = len(":00")
COLUMNS = (
    printing.Column("session"),
    printing.Column("last"),
    printing.Column("title", is_text=True),
    printing.Column("calls", "right"),
    printing.Column("failed", "right", is_extra=True),
    printing.Column("agents", "right", is_extra=True),
    printing.Column("tokens in", "right"),
    printing.Column("out", "right", is_extra=True),
    printing.Column("answered by", is_text=True),
    printing.Column("price", "right"),
)


@dataclass(frozen=True, slots=True)
class Titled:
    """A session, and what the user said in it first."""

    row: SessionRow
    title: str


def run(limit: int, *, as_json: bool) -> None:
    """Print them. Raises: ConfigError."""
    with prompt_log.opened() as log:
        found = list(titled(log, limit))
        count = log.count_sessions()
    if as_json:
        printing.put_json([{"session": each.row.session, "title": each.title, **_numbers(each.row)} for each in found])
        return
    console = printing.console()
    if not found:
        console.print("There is no exchange in the log yet.")
        return
    console.print(table(found, console.width))
    if count > len(found):
        console.print(f"{count - len(found):,} older ones are not shown; --limit shows more.")


def titled(log: Log, limit: int) -> Iterator[Titled]:
    """Return the newest sessions with their titles."""
    for row in log.sessions(limit):
        yield Titled(row, title(log, row.session))


def title(log: Log, session: str | None) -> str:
    """Return what the user said first; empty where nothing of it is kept."""
    for kind in (Kind.MAIN, None):
        for summary in log.summaries(Wanted(session=session or "", kind=kind), limit=LOOKED_AT):
            try:
                found = pieces.title(chapters.parsed(log.entry(summary.number)))
            except NotKept:
                continue
            if found:
                return " ".join(found.split())
    return ""


def table(found: list[Titled], width: int) -> Table:
    """Lay them out."""
    zone = printing.here()
    return printing.table(COLUMNS, [list(_cells(each, zone)) for each in found], width)


def _cells(each: Titled, zone: tzinfo) -> Iterator[Text | str]:
    row = each.row
    yield printing.cell(printing.short(row.session))
    yield figures.moment(row.last_at, zone)[:-SECONDS]
    yield printing.cell(each.title, TITLE)
    yield f"{row.exchanges:,}"
    yield f"{row.failed:,}" if row.failed else ""
    yield f"{row.agents:,}" if row.agents else ""
    yield f"{row.prompt_tokens:,}"
    yield f"{row.output_tokens:,}"
    yield printing.cell(", ".join(row.routes), TITLE)
    yield figures.price(row.dollars, row.unpriced)


def _numbers(row: SessionRow) -> dict[str, object]:
    return {name: value for name, value in asdict(row).items() if name != "session"}
