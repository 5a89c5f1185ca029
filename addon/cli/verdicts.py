"""The verdicts of ``detour check`` as a table with what is wrong under it, and as JSON."""

from collections.abc import Sequence
from typing import Any

from rich.text import Text

from addon.cli import printing
from addon.cli.doctor import MARKS
from addon.cli.finding import Level
from addon.cli.printing import Column
from addon.cli.verdict import NO, WHEN_FORCED, WRONG, YES, Verdict

COLUMNS = (
    Column("model", is_text=True),
    Column("reached"),
    Column("key"),
    Column("stream"),
    Column("tool call"),
    Column("usage"),
    Column("thinks"),
    Column("first", "right"),
    Column("whole", "right"),
)
STYLES = {YES: "green", NO: "red", WRONG: "red", WHEN_FORCED: "yellow"}


def say(note: str) -> None:
    """Tell the user, beside what is printed."""
    printing.put_notes([note])


def show(found: Sequence[Verdict], elapsed_s: float) -> None:
    """Print the table, then each finding with its way out."""
    console = printing.console()
    console.print(printing.table(COLUMNS, [_cells(each) for each in found], console.width))
    if any(each.findings for each in found):
        printing.put(console, "")
    for each in found:
        for finding in each.findings:
            mark, style = MARKS[finding.level]
            name = printing.cell(each.target, style="bold")
            printing.put(console, (mark, style), "  ", name, ": ", printing.cell(finding.what))
            if finding.remedy:
                printing.put(console, "      ", ("→ ", style), finding.remedy)
    bad = sum(not each.works for each in found)
    style = MARKS[Level.FAIL if bad else Level.OK][1]
    told = f"{len(found) - bad} of {len(found)} work" if len(found) > 1 else "it does not work" if bad else "it works"
    printing.put(console, ("\n" + told, style), f", found out in {elapsed_s:.1f} s")


def _cells(each: Verdict) -> list[Text | str]:
    words = (each.reached, each.key, each.stream, each.call, each.usage)
    return [
        printing.cell(each.target),
        *(Text(word, STYLES.get(word, "")) for word in words),
        each.thinking,
        seconds(each.first_ms),
        seconds(each.total_ms),
    ]


def seconds(elapsed_ms: int | None) -> str:
    """Write a time: 1.2 s."""
    return "" if elapsed_ms is None else f"{elapsed_ms / 1000:.1f} s"


def put_json(found: Sequence[Verdict]) -> None:
    """Print them for programs; null is unknown."""
    printing.put_json([as_values(each) for each in found])


def as_values(each: Verdict) -> dict[str, Any]:
    """Return a verdict as programs read it."""
    words = ("reached", "key", "stream", "call", "usage", "thinking")
    return {
        "target": each.target,
        "works": each.works,
        **{name: getattr(each, name) or None for name in words},
        "first_ms": each.first_ms,
        "total_ms": each.total_ms,
        "findings": [
            {"level": str(finding.level), "what": finding.what, "remedy": finding.remedy} for finding in each.findings
        ],
    }
