"""A streamed reply in the form in which it is kept: what repeats once, and the text in one piece. Pure, lossless.

A stream says the same hundred bytes around each word. Kept are the different wrappings, which of them stands where, and
the words joined, a column for each kind of text and block: so they compress like the text that they are, and a
credential that came in several deltas is found. What is no stream is kept as it is.

The form: ``=`` and the body; or ``~``, a line of JSON, and the columns one behind the other.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

import orjson

from addon.prompts.log.pieces import common_prefix, common_suffix

PLAIN, STREAM = b"=", b"~"
FEWEST_EVENTS = 4
MOST_RUNS = 256  # of a stream: each may look at all that is left of it
BLANK = b"\n\n"
# the texts that grow in a stream, in the wire formats that we read or write
VALUE = re.compile(
    rb'"(text|thinking|partial_json|content|reasoning_content|reasoning|arguments|delta|summary|refusal|signature)": ?"'
)
INDEX = re.compile(rb'"index": ?(\d+)')

type Redact = Callable[[bytes], bytes]


@dataclass(slots=True)
class Columns:
    """``wrappings`` and ``values`` in turn, beginning with a wrapping; each value is of the column beside it."""

    wrappings: list[bytes] = field(default_factory=list)
    values: list[bytes] = field(default_factory=list)
    columns: list[bytes] = field(default_factory=list)


def pack(body: bytes, redact: Redact) -> bytes:
    """Return the form of a reply's body, redacted."""
    if body.count(BLANK) < FEWEST_EVENTS or b"\r" in body:
        return PLAIN + redact(body)
    return _packed(_columns(body), redact) or PLAIN + redact(body)


def unpack(form: bytes) -> bytes:
    """Return the body. Raises: ValueError for what is no form."""
    if form[:1] == PLAIN:
        return form[1:]
    if form[:1] != STREAM:
        raise ValueError("neither a plain body nor a stream")
    line, _, text = form[1:].partition(b"\n")
    head = orjson.loads(line)
    wrappings = [each.encode() for each in head["wrappings"]]
    order = _spread(head["order"])
    columns, lengths = _spread(head["columns"]), head["lengths"]
    starts = [0]
    for size in head["sizes"]:
        starts.append(starts[-1] + size)
    made = [wrappings[order[0]]]
    for wrapping, column, length in zip(order[1:], columns, lengths, strict=True):
        made += (text[starts[column] : starts[column] + length], wrappings[wrapping])
        starts[column] += length
    return b"".join(made)


def _packed(found: Columns, redact: Redact) -> bytes | None:
    names = {name: number for number, name in enumerate(dict.fromkeys(found.columns))}
    columns = [names[name] for name in found.columns]
    values: list[list[bytes]] = [[] for _ in names]
    for column, value in zip(columns, found.values, strict=True):
        values[column].append(value)
    values = [redacted(each, redact) for each in values]
    known = {wrapping: redact(wrapping) for wrapping in dict.fromkeys(found.wrappings)}
    places = {wrapping: number for number, wrapping in enumerate(known)}
    turns = [iter(each) for each in values]
    try:
        head = orjson.dumps(
            {
                "wrappings": [wrapping.decode() for wrapping in known.values()],
                "order": _gathered([places[wrapping] for wrapping in found.wrappings]),
                "columns": _gathered(columns),
                "lengths": [len(next(turns[column])) for column in columns],
                "sizes": [sum(map(len, each)) for each in values],
            }
        )
    except UnicodeDecodeError:
        return None
    return b"".join((STREAM, head, b"\n", *(part for each in values for part in each)))


def redacted(values: Sequence[bytes], redact: Redact) -> list[bytes]:
    """Redact texts as if they were one; what was changed stands where it began."""
    text = b"".join(values)
    told = redact(text)
    if told == text:
        return list(values)
    begun = common_prefix(text, told)
    ended = common_suffix(text, told, min(len(text), len(told)) - begun)
    changed, behind = told[begun : len(told) - ended], len(text) - ended
    made, position, is_told = [], 0, False
    for value in values:
        start, position = position, position + len(value)
        before, after = value[: max(0, begun - start)], value[max(0, behind - start) :]
        is_here = not is_told and position > begun
        made.append(before + changed + after if is_here else before + after)
        is_told = is_told or is_here
    if not is_told:
        made[-1] += changed
    return made


def _gathered(numbers: Sequence[int]) -> list[list[int]]:
    """Runs of the same number, as ``[number, times]``."""
    return [[number, len(list(same))] for number, same in groupby(numbers)]


def _spread(runs: Sequence[Sequence[Any]]) -> list[int]:
    return [number for number, times in runs for _ in range(times)]


# -- reading -----------------------------------------------------------------------------------------------------------


def _columns(body: bytes) -> Columns:
    """Take the values out of a stream."""
    found, position, begun, runs = Columns(), 0, 0, 0
    while (match := VALUE.search(body, position)) is not None:
        start = match.end()
        end = _quote(body, start)
        if end < 0:
            break
        column = match[1] + _index(body, start)
        found.wrappings.append(body[begun:start])
        found.values.append(body[start:end])
        found.columns.append(column)
        begun = position = end
        if runs < MOST_RUNS and (between := _between(body, start, end)):
            values = _run(body, end, between)
            runs += 1
            found.wrappings += [between] * len(values)
            found.values += values
            found.columns += [column] * len(values)
            begun = position = end + sum(map(len, values)) + len(between) * len(values)
    found.wrappings.append(body[begun:])
    return found


def _index(body: bytes, start: int) -> bytes:
    """The block's number, in the event in which a value stands."""
    event = body.rfind(BLANK, 0, start) + 1
    match = INDEX.search(body, event, start)
    return b" " + match[1] if match else b""


def _quote(body: bytes, position: int) -> int:
    """Where the text that begins at ``position`` ends; -1: nowhere."""
    while (position := body.find(b'"', position)) >= 0:
        if body[position - 1 : position] != b"\\" or _backslashes(body, position) % 2 == 0:
            return position
        position += 1
    return -1


def _backslashes(body: bytes, position: int) -> int:
    start = position
    while body[start - 1 : start] == b"\\":
        start -= 1
    return position - start


def _between(body: bytes, start: int, end: int) -> bytes:
    """What stands between this value and the next, if the next event is of the same kind."""
    event = body.rfind(BLANK, 0, start)
    event = event + len(BLANK) if event >= 0 else 0
    close = body.find(BLANK, end)
    if close < 0:
        return b""
    between = body[end : close + len(BLANK)] + body[event:start]
    return between if body.startswith(between, end) else b""


def _run(body: bytes, end: int, between: bytes) -> list[bytes]:
    """The values that follow, each behind ``between``."""
    values = []
    for part in body[end + len(between) :].split(between):
        if b'"' in part and (close := _quote(part, 0)) >= 0:
            values.append(part[:close])
            break
        values.append(part)
    else:
        values.pop()  # the stream ends within a text
    return values
