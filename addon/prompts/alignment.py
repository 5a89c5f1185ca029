"""Two sequences laid beside each other, at a bounded price. Pure.

``difflib`` finds what people call the difference, and takes the cube of the length where much is repeated. So its
search is run here step by step, the longest match first, and ends when the steps are spent; what it did not reach is
told as replaced.
"""

from collections import Counter, deque
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import accumulate
from typing import Literal

type State = Literal["same", "removed", "added", "replaced"]

MOST_STEPS = 1_000_000  # of the innermost loop: a fifth of a second


@dataclass(slots=True)
class Steps:
    """How many steps are left; shared by all that belongs to one comparison."""

    left: int = MOST_STEPS


@dataclass(frozen=True, slots=True)
class Stretch:
    """A stretch of the old sequence beside one of the new; one of the two is empty where it was removed or added."""

    state: State
    old: slice
    new: slice


def price[T: Hashable](old: Sequence[T], new: Sequence[T]) -> int:
    """How many steps the first search takes."""
    counts = Counter(new)
    return sum(counts[item] for item in old) + len(old)


def align[T: Hashable](old: Sequence[T], new: Sequence[T], steps: Steps) -> Iterator[Stretch]:
    """Lay ``new`` beside ``old``: stretches in order, no two of one state in a row."""
    head = _alike(old, new)
    tail = _alike(old[: head - 1 if head else None : -1], new[: head - 1 if head else None : -1])
    inner_old, inner_new = old[head : len(old) - tail], new[head : len(new) - tail]
    matches = [(0, 0, head)] if head else []
    matches += [(head + i, head + j, size) for i, j, size in _matches(inner_old, inner_new, steps)]
    if tail:
        matches.append((len(old) - tail, len(new) - tail, tail))
    yield from _stretches(matches, len(old), len(new))


def _alike[T](old: Sequence[T], new: Sequence[T]) -> int:
    """How many items at the start are the same."""
    return next((i for i, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), min(len(old), len(new)))


def _matches[T: Hashable](old: Sequence[T], new: Sequence[T], steps: Steps) -> list[tuple[int, int, int]]:
    """Matches in order: where in old, where in new, how long."""
    if not old or not new:
        return []
    counts = Counter(new)
    prices = list(accumulate((counts[item] + 1 for item in old), initial=0))
    if prices[-1] > steps.left:
        return []
    matcher = SequenceMatcher(None, old, new, autojunk=False)
    pending, found = deque([(0, len(old), 0, len(new))]), []
    while pending:
        old_start, old_end, new_start, new_end = pending.popleft()
        cost = prices[old_end] - prices[old_start]
        if old_start == old_end or new_start == new_end or cost > steps.left:
            continue
        steps.left -= cost
        i, j, size = matcher.find_longest_match(old_start, old_end, new_start, new_end)
        if size:
            found.append((i, j, size))
            pending += [(old_start, i, new_start, j), (i + size, old_end, j + size, new_end)]
    return sorted(found)


def _stretches(matches: list[tuple[int, int, int]], old_length: int, new_length: int) -> Iterator[Stretch]:
    old_at = new_at = 0
    same: Stretch | None = None
    for i, j, size in (*matches, (old_length, new_length, 0)):
        if (i, j) != (old_at, new_at):
            if same is not None:
                yield same
                same = None
            state: State = "added" if i == old_at else "removed" if j == new_at else "replaced"
            yield Stretch(state, slice(old_at, i), slice(new_at, j))
        if size:
            start = same if same is not None else Stretch("same", slice(i, i), slice(j, j))
            same = Stretch("same", slice(start.old.start, i + size), slice(start.new.start, j + size))
        old_at, new_at = i + size, j + size
    if same is not None:
        yield same
