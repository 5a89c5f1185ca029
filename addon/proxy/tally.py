"""What was lost and what was refused since the start, counted by model and sort. Pure.

A call counts once for each sort: a long history has the same thing in it with every call. Refusals count as they come.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from addon.dialects.losses import Loss
from addon.protocol.errors import Unsupported

MOST_ROWS = 1_000  # sorts are some forty, but clients may name any model
MOST_WORDS = 300  # of an example


@dataclass(frozen=True, slots=True)
class Row:
    """One sort of one model. ``example`` is the newest, with its path."""

    model: str
    sort: str
    calls: int
    routine: bool
    refused: bool
    example: str


class Tally:
    """The counts."""

    def __init__(self, most_rows: int = MOST_ROWS) -> None:
        """Start with none."""
        self._rows: dict[tuple[str, str], Row] = {}
        self._most_rows = most_rows

    def note(self, model: str, losses: Iterable[Loss]) -> None:
        """Count the losses of one call."""
        for sort, loss in {loss.sort: loss for loss in losses}.items():
            self._count(Row(model, sort, 1, loss.routine, refused=False, example=f"{loss.path}: {loss.what}"))

    def note_refusal(self, error: Unsupported) -> None:
        """Count a request that could not be said; its words name the model."""
        self._count(Row("", error.sort, 1, routine=False, refused=True, example=error.message))

    def _count(self, row: Row) -> None:
        key = (row.model, row.sort)
        known = self._rows.get(key)
        if known is None and len(self._rows) >= self._most_rows:
            del self._rows[next(iter(self._rows))]  # the oldest
        example = row.example[:MOST_WORDS].encode("utf-8", "replace").decode()
        self._rows[key] = replace(row, calls=(known.calls if known else 0) + 1, example=example)

    def rows(self) -> Sequence[Row]:
        """Return them: what people should look at first, then the most frequent."""
        return sorted(self._rows.values(), key=lambda row: (row.routine, not row.refused, -row.calls))
