"""``detour usage``: what was used and what it cost, as a table, a chart, CSV or JSON."""

import csv
import io
import json
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

import typer
from rich.bar import Bar
from rich.console import Console
from rich.table import Table
from rich.text import Text

from addon.cli import wiring
from addon.prompts import prices, usage
from addon.prompts.entry import Summary
from addon.prompts.usage import By, Latency, Report, Totals

type Form = Literal["table", "csv", "json"]
type Summaries = Callable[[float | None], Iterable[Summary]]  # of the exchanges since then

UNKNOWN = "unknown"
SHORT_ID = 8  # characters that tell one session from another
MOST_WIDTH = 110  # of the chart
GAP = 2  # characters between columns
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
    from addon.prompts.log import reading, statements

    log = reading.Log(wiring.home_folder(Path.cwd(), os.environ) / statements.FILE)
    try:
        return log.summaries(reading.Wanted(since=since))
    finally:
        log.close()


def run(summaries: Summaries, by: By, since: str | None, form: Form, *, chart: bool) -> None:
    """Print what was used. Raises: ConfigError."""
    begin = usage.since(since, datetime.now()) if since else None  # naive: the days are those of this machine
    report = usage.report(summaries(begin), by, None)
    if form == "json":
        typer.echo(json.dumps(as_json(report), indent=1, ensure_ascii=False))
    elif form == "csv":
        typer.echo(as_csv(report), nl=False)
    else:
        show(report, Console(), chart=chart)


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
    """A name that no spreadsheet takes for a formula: clients and backends choose them."""
    return f"'{name}" if name[:1] in ("=", "+", "-", "@") else name


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
    columns = [column for column in COLUMNS if width >= WIDE or not column.is_extra]
    columns = [column for column in columns if column.title != FAILED or report.total.failed]
    several = len(report.rows) > 1
    made = Table(show_footer=several, header_style="bold", footer_style="bold", box=None, pad_edge=False)
    made.caption, made.caption_justify = LEGEND, "left"
    every = [totals for _, totals in report.rows] + [report.total]
    widths = [max(len(column.title), *(len(column.cell(each)) for each in every)) for column in columns]
    room = max(width - sum(widths) - GAP * len(widths), SHORT_ID)  # a name gives way, a number does not
    made.add_column(TITLES[report.by], footer="all", overflow="ellipsis", no_wrap=True, max_width=room)
    for column in columns:
        made.add_column(column.title, footer=column.cell(report.total), justify="right", no_wrap=True)
    for name, totals in report.rows:
        made.add_row(_name(name, report.by, width), *(Text(column.cell(totals)) for column in columns))
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
    """A name without what would move the cursor: clients and backends choose them."""
    if by is By.SESSION and width < WIDE and name != usage.NO_SESSION:
        name = name[:SHORT_ID]
    return Text("".join(letter if letter.isprintable() else "�" for letter in name))
