"""A difference as a page shows it: what is new, what changed, what is gone, cut to the page's budget. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from addon.prompts.difference import SECTIONS, Difference, Part, Section, State
from addon.prompts.reader.texts import Budget, Cut, preview
from addon.prompts.words import Run

AROUND = 300  # characters of what is the same, on each side of a change
MOST_PARTS = 120  # of one state
MOST_RUN = 20_000  # characters of one run
MOST_TITLE, MOST_PATH = 80, 200  # characters; names are the client's
TAG = 40  # bytes of markup around a run
ORDER: tuple[Section, ...] = ("messages", "system", "tools", "parameters")  # what was said is what people look for
STATES: tuple[tuple[State, str], ...] = (("added", "New"), ("changed", "Changed"), ("removed", "Gone"))


@dataclass(frozen=True, slots=True)
class Piece:
    """A run of words; ``state`` is same, added or removed."""

    state: str
    text: Cut


@dataclass(frozen=True, slots=True)
class Shown:
    """A part with its words, as many as there is room for."""

    part: Part
    title: str
    place: str  # in its request; "" where that is too long a path to be asked for
    pieces: tuple[Piece, ...]
    left_out: int  # characters for which the page has no room

    @property
    def is_old(self) -> bool:
        """Whether the whole of it stands in the request before."""
        return self.part.state == "removed"


@dataclass(frozen=True, slots=True)
class Group:
    """The parts of one state; ``more``: so many have no room."""

    state: str
    title: str
    parts: tuple[Shown, ...]
    more: int


@dataclass(frozen=True, slots=True)
class Sheet:
    """A whole comparison."""

    groups: tuple[Group, ...]
    same: tuple[tuple[str, int, int], ...]  # section, parts that are the same, all parts
    moved: tuple[Part, ...]  # from which the mark of a cache left, or to which it came
    notes: tuple[str, ...]


def sheet(difference: Difference, budget: Budget) -> Sheet:
    """Lay out a difference."""
    return Sheet(
        groups=tuple(_groups(difference, budget)),
        same=tuple(_same(difference)),
        moved=tuple(difference.moved_marks),
        notes=difference.notes,
    )


def pieces(runs: Sequence[Run], budget: Budget) -> tuple[tuple[Piece, ...], int]:
    """Cut runs of words: what is the same far from a change is left out, and all where the budget is spent."""
    made: list[Piece] = []
    for number, run in enumerate(runs):
        if budget.is_spent:
            return tuple(made), sum(len(each.text) for each in runs[number:])
        budget.left -= TAG
        if run.state == "same":
            shown = _around(run.text, is_first=number == 0, is_last=number == len(runs) - 1)
            made.append(Piece(run.state, _within(shown, budget)))
        else:
            made.append(Piece(run.state, budget.cut(run.text, MOST_RUN)))
    return tuple(made), 0


def _groups(difference: Difference, budget: Budget) -> Iterator[Group]:
    for state, title in STATES:
        parts = [part for section in ORDER for part in difference.of(section) if part.state == state]
        if parts:
            shown = tuple(_shown(part, budget) for part in parts[:MOST_PARTS])
            yield Group(state, title, shown, len(parts) - len(shown))


def _shown(part: Part, budget: Budget) -> Shown:
    made, left_out = pieces(part.words, budget)
    place = part.place if len(part.place) <= MOST_PATH else ""
    return Shown(part, preview(part.title, MOST_TITLE), place, made, left_out)


def _same(difference: Difference) -> Iterator[tuple[str, int, int]]:
    for section in SECTIONS:
        states = [part.state for part in difference.of(section)]
        if states:
            yield section, states.count("same"), len(states)


def _around(text: str, *, is_first: bool, is_last: bool) -> Cut:
    """Keep what is beside a change."""
    head, tail = 0 if is_first else AROUND, 0 if is_last else AROUND
    if is_first and is_last:
        head = AROUND
    left_out = len(text) - head - tail
    if left_out <= AROUND:
        return Cut(text)
    return Cut(text[:head], left_out, text[len(text) - tail :])


def _within(shown: Cut, budget: Budget) -> Cut:
    head = budget.cut(shown.head, MOST_RUN)
    if shown.left_out == 0:
        return head
    tail = budget.cut(shown.tail, MOST_RUN)
    return Cut(head.head + head.tail, shown.left_out + head.left_out + tail.left_out, tail.head + tail.tail)
