"""Texts cut to what a page may hold: their head and their tail, with what is between counted. Pure.

A page is at most a megabyte whatever it shows, so a budget counts what a text takes once it is escaped, not its length.
"""

from dataclasses import dataclass

MOST_OF_A_PAGE = 420_000  # bytes, escaped, that stand open; lines of what is folded may take as much again
MOST_OF_A_TEXT = 60_000  # characters that stand open
LEAST_OF_A_TEXT = 200  # of one whose page is full
SLICE = 120_000  # characters of a page that shows one text: 600 kB if all of them are quotes
PREVIEW = 140
ESCAPED = {"&": 5, "<": 4, ">": 4, '"': 5, "'": 5}  # "&amp;" "&lt;" "&gt;" "&#34;" "&#39;", as markupsafe writes them


@dataclass(frozen=True, slots=True)
class Cut:
    """``head``, then ``left_out`` characters, then ``tail``."""

    head: str
    left_out: int = 0
    tail: str = ""

    @property
    def length(self) -> int:
        """Characters of the whole."""
        return len(self.head) + self.left_out + len(self.tail)


class Budget:
    """What a page has room for."""

    def __init__(self, total: int = MOST_OF_A_PAGE) -> None:
        """``total`` bytes, escaped."""
        self.left = total

    @property
    def is_spent(self) -> bool:
        """Whether a further text is only shown in part."""
        return self.left <= 0

    def cut(self, text: str, most: int = MOST_OF_A_TEXT) -> Cut:
        """Take a text in, or as much of it as there is room for."""
        room = most if weight(text[:most]) <= self.left else max(LEAST_OF_A_TEXT, min(most, self.left // 6))
        made = cut(text, room)
        self.left -= weight(made.head) + weight(made.tail)
        return made


def cut(text: str, most: int) -> Cut:
    """Leave out the middle of what is longer than ``most``; at the ends of lines, where one is near."""
    if len(text) <= most:
        return Cut(text)
    head, tail = text[: most * 3 // 4], text[len(text) - most // 4 :]
    if (end := head.rfind("\n")) > len(head) * 9 // 10:
        head = head[: end + 1]
    if 0 <= (start := tail.find("\n")) < len(tail) // 10:
        tail = tail[start + 1 :]
    return Cut(head, len(text) - len(head) - len(tail), tail)


def weight(text: str) -> int:
    """Return how many bytes a text takes in a page."""
    extra = sum(text.count(character) * (length - 1) for character, length in ESCAPED.items())
    return len(text.encode("utf-8", "replace")) + extra


def preview(text: str, most: int = PREVIEW) -> str:
    """Return the beginning of a text, in one line of at most twice as many bytes, escaped."""
    line = " ".join(text[: most * 4].split())
    room = most if weight(line[:most]) <= most * 2 else most * 2 // 5
    return line if len(line) <= room and len(text) <= most * 4 else line[: room - 1].rstrip() + "…"
