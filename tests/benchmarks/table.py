"""The table that every benchmark ends with, as Markdown for docs/performance.md."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite


@dataclass(frozen=True, slots=True)
class Row:
    """A measured thing beside its yardstick. ``value`` and ``limit`` are of one unit, told in ``unit``."""

    what: str
    ours: str
    theirs: str
    value: float
    limit: float
    unit: str = "times"

    @property
    def passed(self) -> bool:
        """Whether the limit holds."""
        return self.value <= self.limit


def report(rows: Sequence[Row], heads: Sequence[str]) -> int:
    """Print the rows; return the exit status."""
    lines = [f"| {' | '.join(heads)} |", f"|{' - |' * len(heads)}"]
    for row in rows:
        verdict = "" if row.passed else " **passed the limit**"
        figure = f"{row.value:.2f} {row.unit}" if row.unit else f"{row.value:g}"
        limit = f"{row.limit:g} {row.unit}".rstrip() if isfinite(row.limit) else "none"
        lines.append(f"| {row.what} | {row.ours} | {row.theirs} | {figure}{verdict} | {limit} |")
    sys.stdout.write("\n".join(lines) + "\n")
    return 0 if all(row.passed for row in rows) else 1
