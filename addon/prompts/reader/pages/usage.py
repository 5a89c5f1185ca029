"""What was used and what it cost: by day, by model, by session, by kind of call."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, abort, render_template, request

from addon.prompts import usage
from addon.prompts.log.reading import Wanted
from addon.prompts.reader import charts, wording
from addon.prompts.reader.house import house
from addon.prompts.usage import By, Report, Totals
from addon.protocol.errors import ConfigError

pages = Blueprint("usage", __name__)
RANGES: Mapping[str, str] = {"1d": "a day", "7d": "a week", "30d": "30 days", "": "all of the log"}
USUAL = "30d"
MOST_ROWS = 40
MOST_DAYS = 60
TABLES: Sequence[tuple[By, str, str]] = (
    (By.MODEL, "Models", "Model"),
    (By.SESSION, "Sessions", "Session"),
    (By.KIND, "Kinds of calls", "Kind"),
    (By.AGENT, "Agents", "Agent"),
)


@dataclass(frozen=True, slots=True)
class Row:
    """One of a table. ``width`` is its part of the dearest one's price, or of the largest one's tokens."""

    name: str
    totals: Totals
    width: float


@dataclass(frozen=True, slots=True)
class Table:
    """Rows, and how many more there are."""

    by: str
    title: str
    noun: str  # of a row
    rows: tuple[Row, ...]
    more: int


@pages.get("/read/usage")
def show() -> Any:
    """Sum up."""
    wanted = request.args.get("since", USUAL)
    try:
        began = usage.since(wanted, wording.local(house().clock())) if wanted else None
    except ConfigError as error:
        abort(400, error.message)
    summaries = house().open_log().summaries(Wanted(since=began))
    reports = {by: usage.report(summaries, by, None) for by in (By.DAY, *(by for by, _, _ in TABLES))}
    days = reports[By.DAY]
    own = (("replays", days.replays), ("shadows", days.shadows))
    return render_template(
        "usage.html",
        wanted=wanted,
        ranges=RANGES,
        total=days.total,
        beside=[(name, each) for name, each in own if each.exchanges],
        charts=charts.days(days.rows[-MOST_DAYS:]),
        tables=[_table(by, title, noun, reports[by]) for by, title, noun in TABLES],
    )


def _table(by: By, title: str, noun: str, report: Report) -> Table:
    shown = report.rows[:MOST_ROWS]
    most = max((_size(totals, report) for _, totals in shown), default=0) or 1
    rows = tuple(Row(name, totals, round(_size(totals, report) / most * 100, 1)) for name, totals in shown)
    return Table(str(by), title, noun, rows, len(report.rows) - len(shown))


def _size(totals: Totals, report: Report) -> float:
    """Return by what a row's bar is measured: its price, where any is known."""
    return totals.dollars or 0.0 if report.total.dollars else float(totals.prompt_tokens + totals.output_tokens)
