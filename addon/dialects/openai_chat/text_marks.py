"""Marks in text that arrives in pieces: where one stands, and where one may have begun."""

import re


class Marks:
    """Texts to look for. Of two that begin at one place the longer is found."""

    __slots__ = ("_begun", "_found")

    def __init__(self, *marks: str) -> None:
        """``marks`` are not empty."""
        longest_first = sorted(marks, key=len, reverse=True)
        self._found = re.compile("|".join(map(re.escape, longest_first)))
        self._begun = re.compile(rf"(?:{'|'.join(map(_beginnings, longest_first))})\Z")

    def find(self, text: str, at: int = 0) -> re.Match[str] | None:
        """Return the first mark in ``text``, from the place ``at`` on."""
        return self._found.search(text, at)

    def match(self, text: str, at: int = 0) -> re.Match[str] | None:
        """Return the mark that stands at the place ``at``."""
        return self._found.match(text, at)

    def begun(self, text: str, at: int = 0) -> int:
        """Return where the end of ``text`` may be the beginning of a mark; its length where it cannot be."""
        found = self._begun.search(text, at)
        return found.start() if found else len(text)


def _beginnings(mark: str) -> str:
    """Return a pattern of everything that a mark can begin with, but for the whole: ``a(?:b(?:c)?)?`` for ``abcd``."""
    *rest, first = reversed(mark[:-1])
    pattern = ""
    for character in rest:
        pattern = f"(?:{re.escape(character)}{pattern})?"
    return re.escape(first) + pattern
