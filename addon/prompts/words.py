"""The difference between two texts, word by word. Pure, and bounded: see ``alignment``.

What both begin and end with is set aside at once. Of the rest words are compared where that is cheap, else lines, and
words within the lines that differ; where that is dear too, the rest is told as replaced.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Literal, NamedTuple

from addon.prompts.alignment import Steps, align, price

WORDS = re.compile(r"\w+ ?|\s+|[^\w\s]")  # a blank goes with its word: there are as many blanks as words
LINES = re.compile(r"[^\n]*\n|[^\n]+")
MOST_CHARACTERS = 200_000  # of both texts, that are cut into words: some 30 ms
LONGEST_WORD = 100  # what goes on for longer is torn apart anywhere
HAS_WORD = re.compile(r"\w")

type State = Literal["same", "removed", "added"]


class Run(NamedTuple):
    """A piece of text that is in both, or only in the old or the new one."""

    state: State
    text: str


def words(old: str, new: str, steps: Steps | None = None) -> tuple[Run, ...]:
    """Compare two texts. The runs that are not added make ``old``, those that are not removed make ``new``."""
    if old == new:
        return (Run("same", old),) if old else ()
    head = _head(old, new)
    tail = _tail(old[head:], new[head:])
    inner = _compared(old[head : len(old) - tail], new[head : len(new) - tail], steps or Steps())
    end = old[len(old) - tail :]
    runs = list(_joined((Run("same", old[:head]), *inner, Run("same", end))))
    return tuple(_joined(_without_crumbs(runs)))


def _compared(old: str, new: str, steps: Steps) -> Iterator[Run]:
    if len(old) + len(new) <= MOST_CHARACTERS:
        old_words, new_words = WORDS.findall(old), WORDS.findall(new)
        if price(old_words, new_words) <= steps.left // 2:
            yield from _aligned(old_words, new_words, steps)
            return
    old_lines, new_lines = LINES.findall(old), LINES.findall(new)
    for run_old, run_new, same in _pairs(old_lines, new_lines, steps):
        if same or not run_old or not run_new or (run_old == old and run_new == new):
            yield from _replaced(run_old, run_new, same=same)
        else:
            yield from _compared(run_old, run_new, steps)


def _aligned(old: list[str], new: list[str], steps: Steps) -> Iterator[Run]:
    for run_old, run_new, same in _pairs(old, new, steps):
        yield from _replaced(run_old, run_new, same=same)


def _pairs(old: list[str], new: list[str], steps: Steps) -> Iterator[tuple[str, str, bool]]:
    for stretch in align(old, new, steps):
        yield "".join(old[stretch.old]), "".join(new[stretch.new]), stretch.state == "same"


def _replaced(old: str, new: str, *, same: bool) -> Iterator[Run]:
    if same:
        yield Run("same", old)
        return
    yield Run("removed", old)
    yield Run("added", new)


def _without_crumbs(runs: list[Run]) -> Iterator[Run]:
    """Leave out matches without a word in them between two changes: they only tear a new sentence apart."""
    for number, run in enumerate(runs):
        if run.state == "same" and 0 < number < len(runs) - 1 and not HAS_WORD.search(run.text):
            yield from _replaced(run.text, run.text, same=False)
        else:
            yield run


def _joined(runs: Iterable[Run]) -> Iterator[Run]:
    """Join runs of one state that only others than ``same`` part; what was removed comes first."""
    same: list[str] = []
    removed: list[str] = []
    added: list[str] = []
    for run in (*runs, Run("same", "")):
        if run.state == "removed" and run.text:
            removed.append(run.text)
        elif run.state == "added" and run.text:
            added.append(run.text)
        elif run.state == "same":
            if run.text and (removed or added):
                yield from _told(same, removed, added)
            same.append(run.text)
    yield from _told(same, removed, added)


def _told(same: list[str], removed: list[str], added: list[str]) -> Iterator[Run]:
    for state, texts in (("same", same), ("removed", removed), ("added", added)):
        if text := "".join(texts):
            yield Run(state, text)  # type: ignore[arg-type]  # each is one of the three
        texts.clear()


def _head(old: str, new: str) -> int:
    """How much both begin with, up to the start of a word."""
    low, high = 0, min(len(old), len(new))
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if old[:middle] == new[:middle] else (low, middle - 1)
    for size in range(low, max(0, low - LONGEST_WORD), -1):
        if not (_in_word(old, size) or _in_word(new, size)):
            return size
    return low if low > LONGEST_WORD else 0


def _tail(old: str, new: str) -> int:
    """How much both end with, down to the end of a word."""
    low, high = 0, min(len(old), len(new))
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if old[-middle:] == new[-middle:] else (low, middle - 1)
    for size in range(low, max(0, low - LONGEST_WORD), -1):
        if not (_in_word(old, len(old) - size) or _in_word(new, len(new) - size)):
            return size
    return low if low > LONGEST_WORD else 0


def _in_word(text: str, place: int) -> bool:
    """Whether a word goes on at this place."""
    return 0 < place < len(text) and text[place - 1].isalnum() and text[place].isalnum()
