"""What was lost and what was refused since the start, counted by model and sort. Pure.

A call counts once for each sort: a long history has the same thing in it with every call. Refusals count as they come.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

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
    """The counts. Rows are made when somebody asks: a call costs a look-up for each sort."""

    def __init__(self, most_rows: int = MOST_ROWS) -> None:
        """Start with none."""
        self._counts: dict[tuple[str, str], tuple[int, Loss | str]] = {}  # and the newest, a refusal's words
        self._most_rows = most_rows

    def note(self, model: str, losses: Iterable[Loss]) -> None:
        """Count the losses of one call."""
        for sort, loss in {loss.sort: loss for loss in losses}.items():
            self._count((model, sort), loss)

    def note_refusal(self, error: Unsupported) -> None:
        """Count a request that could not be said; its words name the model."""
        self._count(("", error.sort), error.message)  # not the error: its traceback holds the request

    def _count(self, key: tuple[str, str], newest: Loss | str) -> None:
        calls, _ = self._counts.get(key) or (0, None)
        if not calls and len(self._counts) >= self._most_rows:
            del self._counts[next(iter(self._counts))]  # the oldest
        self._counts[key] = (calls + 1, newest)

    def rows(self) -> Sequence[Row]:
        """Return them: what people should look at first, then the most frequent."""
        made = [_row(model, sort, calls, newest) for (model, sort), (calls, newest) in self._counts.items()]
        return sorted(made, key=lambda row: (row.routine, not row.refused, -row.calls))


def _row(model: str, sort: str, calls: int, newest: Loss | str) -> Row:
    told = newest if isinstance(newest, str) else f"{newest.path}: {newest.what}"
    example = told[:MOST_WORDS].encode("utf-8", "replace").decode()
    routine = not isinstance(newest, str) and newest.routine
    return Row(model, sort, calls, routine, refused=isinstance(newest, str), example=example)
