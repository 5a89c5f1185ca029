r"""Secrets that a stream cuts into pieces: ``sk-a`` in one event, ``nt-api03-...`` in the next. Pure.

The pieces of a text, of thinking or of a call's arguments are put together in the order in which they came, for each
field and the numbers beside it (block, choice, call), as they are escaped. Where a secret lies over several of them,
its mark stands in the first, and its bytes are taken out of the others.
"""

import re
from collections.abc import Iterator

FRAGMENT = re.compile(
    rb'"(text|thinking|partial_json|content|reasoning_content|reasoning|refusal|arguments|delta)": ?'
    rb'"((?:[^"\\]|\\.)*+)"'
)
NUMBER = re.compile(rb'"(?:index|output_index|content_index)": ?(\d{1,6})')
LINE = re.compile(rb"(?:^|(?<=[\r\n]))data:[^\r\n]*+")

type Span = tuple[int, int]


def streams(data: bytes) -> Iterator[list[Span]]:
    """Yield where the pieces of each text stand that came in more than one; nothing where there are no events."""
    if not data.startswith((b"data:", b"event:", b"id:", b":")):
        return
    found: dict[tuple[bytes, ...], list[Span]] = {}
    for line in LINE.finditer(data):
        numbers = tuple(NUMBER.findall(line[0]))
        for fragment in FRAGMENT.finditer(data, line.start(), line.end()):
            if fragment[2]:
                found.setdefault((fragment[1], *numbers), []).append(fragment.span(2))
    yield from (spans for spans in found.values() if len(spans) > 1)


def whole(data: bytes, fragments: list[Span]) -> bytes:
    """Return the pieces put together."""
    return b"".join([data[start:end] for start, end in fragments])


def place(fragments: list[Span], start: int, end: int) -> Span:
    """Return from where to where in the data something of the whole lies, with all that is between its pieces."""
    parts = list(edits(fragments, [(start, end, b"")]))
    return parts[0][0], parts[-1][1]


def edits(fragments: list[Span], secrets: list[tuple[int, int, bytes]]) -> Iterator[tuple[int, int, bytes]]:
    """Yield what to replace by what; ``secrets`` are start, end and mark in the pieces put together."""
    since = 0
    for start, end in fragments:
        until = since + end - start
        for begin, stop, mark in secrets:
            if begin < until and since < stop:
                yield (
                    start + max(begin - since, 0),
                    start + min(stop - since, until - since),
                    mark if begin >= since else b"",
                )
        since = until
