r"""What the user's own patterns find. Pure.

A pattern is written for texts as people read them. So in JSON, also inside server-sent events, and in JSON inside the
strings of JSON, it is tried on each string as it reads, and what it finds is traced back to the bytes; also in what can
only be the inside of such a string, with escapes and no bare quote. Anywhere else it is tried on all of it. If the
pattern has a group, the first one is the secret, otherwise all that it finds is.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

from addon.routing.config import Pattern

MOST_DEPTH = 3  # JSON in JSON in JSON
STRING = re.compile(rb'"((?:[^"\\]|\\.)*+)"', re.DOTALL)
BARE_QUOTE = re.compile(rb'(?<!\\)"')
ESCAPE = re.compile(
    r"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|.)|[^\\]|\\", re.DOTALL
)
LETTERS = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f"}
JSON_LIKE = re.compile(rb'[\s,\]}]*(?:[{\[]|"[\w-]*" ?:)|(?:event|data):')  # or a piece of JSON, from where it is cut

type Compiled = tuple[tuple[str, re.Pattern[str]], ...]


def compile_all(patterns: Sequence[Pattern]) -> Compiled:
    """Return the patterns, ready to be tried. Raises: re.error; the settings have checked them."""
    return tuple((pattern.name, re.compile(pattern.expression)) for pattern in patterns)


def find(data: bytes, patterns: Compiled, depth: int = 0) -> list[tuple[int, int, str]]:
    """Return start, end and name of all that is found."""
    if not patterns or not data:
        return []
    if depth == 0 and b"\\" in data and not BARE_QUOTE.search(data):
        return list(_unescaped(data, patterns, depth))
    if depth < MOST_DEPTH and JSON_LIKE.match(data):
        return list(_in_strings(data, patterns, depth))
    return list(_in_text(data, patterns))


def _in_strings(data: bytes, patterns: Compiled, depth: int) -> Iterator[tuple[int, int, str]]:
    for string in STRING.finditer(data):
        start, raw = string.start(1), string[1]
        found = _unescaped(raw, patterns, depth) if b"\\" in raw else find(raw, patterns, depth + 1)
        yield from ((start + begin, start + end, name) for begin, end, name in found)


def _in_text(data: bytes, patterns: Compiled) -> Iterator[tuple[int, int, str]]:
    text = data.decode("utf-8", "surrogateescape")
    for name, pattern in patterns:
        for found in pattern.finditer(text):
            begin, end = found.span(1 if pattern.groups else 0)
            if 0 <= begin < end:
                start = len(text[:begin].encode("utf-8", "surrogateescape"))
                yield start, start + len(text[begin:end].encode("utf-8", "surrogateescape")), name


def _unescaped(raw: bytes, patterns: Compiled, depth: int) -> Iterator[tuple[int, int, str]]:
    """Try the patterns on a string as it reads, and trace back what they find."""
    written = raw.decode("utf-8", "surrogateescape")
    pieces = [piece[0] for piece in ESCAPE.finditer(written)]
    read = [_read(piece) for piece in pieces]
    found = find("".join(read).encode("utf-8", "surrogatepass"), patterns, depth + 1)
    if not found:
        return
    ends_read, ends_written = [0], [0]
    for said, piece in zip(read, pieces, strict=True):
        ends_read.append(ends_read[-1] + len(said.encode("utf-8", "surrogatepass")))
        ends_written.append(ends_written[-1] + len(piece.encode("utf-8", "surrogateescape")))
    for begin, end, name in found:
        first = next(index for index, (_, stop) in enumerate(pairwise(ends_read)) if stop > begin)
        last = next(index for index, stop in enumerate(ends_read) if stop >= end)
        yield ends_written[first], ends_written[last], name


def _read(piece: str) -> str:
    if not piece.startswith("\\") or len(piece) == 1:
        return piece
    if piece[1] == "u" and len(piece) > 2:  # \u and its digits
        units = bytes.fromhex(piece.replace("\\u", ""))
        return units.decode("utf-16-be", "surrogatepass")
    return LETTERS.get(piece[1], piece[1])
