"""``detour usage``: what was used and what it cost, as a table, a chart, CSV or JSON."""

import csv
import io
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from rich.bar import Bar
from rich.console import Console
from rich.table import Table
from rich.text import Text

from addon.cli import printing, prompt_log
from addon.prompts import prices, printable, usage
from addon.prompts.entry import Summary
from addon.prompts.log.reading import Wanted
from addon.prompts.usage import By, Latency, Report, Totals

type Form = Literal["table", "csv", "json"]
type Summaries = Callable[[float | None], Iterable[Summary]]  # of the exchanges since then

UNKNOWN = "unknown"
MOST_WIDTH = 110  # of the chart
MOST_DIGITS = 10  # of a sum: $1,234.56
TITLES = {
    By.SESSION: "session",
    By.MODEL: "model",
    By.AGENT: "agent",
    By.KIND: "kind of call",
    By.DAY: "day",
}
LEGEND = "first word, whole reply: seconds, the median / what 95 in 100 did not exceed"
FAILED = "failed"  # a column that is there only where there is something in it
WIDE = 140  # characters of a terminal that shows every column


@dataclass(frozen=True, slots=True)
class Column:
    """``is_extra``: it is left out where the terminal is narrow."""

    title: str
    cell: Callable[[Totals], str]
    is_extra: bool = False


def logged(since: float | None) -> Iterable[Summary]:
    """Read them from the log. Raises: ConfigError when there is none."""
    with prompt_log.opened() as log:
        return log.summaries(Wanted(since=since))


def run(summaries: Summaries, by: By, since: str | None, form: Form, *, chart: bool) -> None:
    """Print what was used. Raises: ConfigError."""
    begin = usage.since(since, datetime.now()) if since else None  # naive: the days are those of this machine
    report = usage.report(summaries(begin), by, None)
    if form == "json":
        printing.put_json(as_json(report))
    elif form == "csv":
        sys.stdout.write(as_csv(report))
    else:
        show(report, printing.console(), chart=chart)


def as_json(report: Report) -> dict[str, object]:
    """Return the report as programs read it."""
    return {
        "by": str(report.by),
        "rows": [{"name": name, **usage.numbers(totals)} for name, totals in report.rows],
        "total": usage.numbers(report.total),
        "replays": usage.numbers(report.replays),
        "shadows": usage.numbers(report.shadows),
    }


def as_csv(report: Report) -> str:
    """Return the rows alone; what is unknown is an empty field."""
    written = io.StringIO()
    writer = csv.writer(written, lineterminator="\n")
    writer.writerow([str(report.by), *usage.numbers(Totals())])
    for name, totals in report.rows:
        writer.writerow([_plain(name), *usage.numbers(totals).values()])
    return written.getvalue()


def _plain(name: str) -> str:
    """A name that no spreadsheet takes for a formula, and no terminal for a command: clients and backends choose it."""
    shown = printable.line(name)
    return f"'{shown}" if shown[:1] in ("=", "+", "-", "@") else shown


def show(report: Report, console: Console, *, chart: bool) -> None:
    """Print the table, and the chart, and what the sums do not say."""
    if not report.rows:
        console.print("No call to a model is in the log for this time.")
    else:
        console.print(table(report, console.width))
        if chart:
            console.print(bars(report, console.width))
    for line in notes(report):
        console.print(Text(line))


def table(report: Report, width: int) -> Table:
    """Return the sums, and the sum of the sums. ``width``: of the terminal, in characters."""
    is_wide = width >= WIDE
    columns = [column for column in COLUMNS if is_wide or not column.is_extra]
    columns = [column for column in columns if column.title != FAILED or report.total.failed]
    rows: list[list[Text | str]] = [
        [_name(name, report.by, width), *(Text(column.cell(totals)) for column in columns)]
        for name, totals in report.rows
    ]
    if len(rows) > 1:
        rows.append([Text(text, "bold") for text in ("all", *(column.cell(report.total) for column in columns))])
    heads = [printing.Column(column.title, "right") for column in columns]
    made = printing.table([printing.Column(TITLES[report.by], is_text=True), *heads], rows, width)
    made.caption, made.caption_justify = LEGEND, "left"
    return made


def bars(report: Report, width: int) -> Table:
    """Return a bar for each row: of its cost, or of its tokens where no cost is known."""
    priced = any(totals.dollars for _, totals in report.rows)
    sizes = [totals.dollars if priced else totals.prompt_tokens + totals.output_tokens for _, totals in report.rows]
    most = max((size or 0 for size in sizes), default=0) or 1
    made = Table(box=None, show_header=False, pad_edge=False, width=min(width, MOST_WIDTH), title_justify="left")
    made.title = "cost" if priced else "tokens"
    made.add_column(overflow="ellipsis", no_wrap=True, max_width=width // 3)
    made.add_column(justify="right", no_wrap=True, min_width=MOST_DIGITS)
    made.add_column(ratio=1, no_wrap=True)
    for (name, totals), size in zip(report.rows, sizes, strict=True):
        told = cost(totals) if priced else count(round(size or 0))
        made.add_row(_name(name, report.by, width), Text(told), Bar(most, 0, size or 0))
    return made


def notes(report: Report) -> list[str]:
    """Return what the sums leave out, in words."""
    told = []
    if report.total.unpriced:
        some = "1 call has" if report.total.unpriced == 1 else f"{report.total.unpriced:,} calls have"
        told.append(f"{some} no known price, and no part in any cost (+?): `price` of a model in detour.yaml sets it.")
    for name, totals in (("Replays", report.replays), ("Shadows", report.shadows)):
        if totals.exchanges:
            calls = "1 call" if totals.exchanges == 1 else f"{totals.exchanges:,} calls"
            told.append(f"{name}, not in the table: {calls}, {cost(totals)}.")
    return told


def cost(totals: Totals) -> str:
    """Write what is known of a cost."""
    if totals.dollars is None:
        return UNKNOWN
    return prices.told(totals.dollars) + (" +?" if totals.unpriced else "")


def count(tokens: int) -> str:
    """Write a number of tokens with the digits that say something: 950, 12.3k, 151k, 1.2M."""
    for unit, size in (("M", 1_000_000), ("k", 1_000)):
        if tokens >= size:
            return f"{tokens / size:.0f}{unit}" if tokens >= 100 * size else f"{tokens / size:.1f}{unit}"
    return str(tokens)


def _share(totals: Totals) -> str:
    return "" if totals.cache_share is None else f"{totals.cache_share:.0%}"


def _latency(found: Latency | None) -> str:
    return f"{found.median_ms / 1000:.1f}/{found.p95_ms / 1000:.1f}" if found else ""


COLUMNS = (
    Column("calls", lambda totals: f"{totals.exchanges:,}"),
    Column(FAILED, lambda totals: f"{totals.failed:,}" if totals.failed else ""),
    Column("prompt", lambda totals: count(totals.prompt_tokens)),
    Column("new", lambda totals: count(totals.input_tokens), is_extra=True),
    Column("cached", lambda totals: count(totals.cache_read_tokens), is_extra=True),
    Column("written", lambda totals: count(totals.cache_write_tokens), is_extra=True),
    Column("hits", _share),
    Column("output", lambda totals: count(totals.output_tokens)),
    Column("reasoning", lambda totals: count(totals.reasoning_tokens), is_extra=True),
    Column("cost", cost),
    Column("first", lambda totals: _latency(totals.first_content)),
    Column("whole", lambda totals: _latency(totals.total), is_extra=True),
)


def _name(name: str, by: By, width: int) -> Text:
    is_long = by is By.SESSION and name != usage.NO_SESSION
    return printing.cell(printing.short(name) if is_long and width < WIDE else name)
