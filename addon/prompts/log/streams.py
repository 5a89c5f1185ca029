"""A streamed reply in the form in which it is kept: what repeats once, and the text in one piece. Pure, lossless.

A stream says the same hundred bytes around each word. Kept are the different wrappings, which of them stands where, and
the words joined, a column for each kind of text and block: so they compress like the text that they are, and a
credential that came in several deltas is found. What is no stream is kept as it is.

The form: ``=`` and the body; or ``~``, a line of JSON, and the columns one behind the other.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from addon.prompts.log.pieces import common_prefix, common_suffix

PLAIN, STREAM = b"=", b"~"
FEWEST_EVENTS = 4
MOST_RUNS = 256  # of a stream: each may look at all that is left of it
LONGEST_HEAD = 4_096  # bytes of an event before its text, in which its block's number is looked for
BLANK = b"\n\n"
APART = b"\n\x00\n"  # between texts that are looked at together: no credential goes over it
# the texts that grow in a stream, in the wire formats that we read or write
VALUE = re.compile(
    rb'"(text|thinking|partial_json|content|reasoning_content|reasoning|arguments|delta|summary|refusal|signature)": ?"'
)
INDEX = re.compile(rb'"index": ?(\d+)')

type Redact = Callable[[bytes], bytes]


@dataclass(frozen=True, slots=True)
class Run:
    """Values of one column: ``before`` stands before the first, ``between`` before each other."""

    before: bytes
    between: bytes
    column: bytes
    values: list[bytes]


def pack(body: bytes, redact: Redact) -> bytes:
    """Return the form of a reply's body, redacted."""
    body = redact(body)  # it sees what comes in turns, of several blocks; the columns show what it does not
    if body.count(BLANK) < FEWEST_EVENTS or b"\r" in body:
        return PLAIN + body
    try:
        return _packed(*_runs(body), redact)
    except UnicodeDecodeError:
        return PLAIN + body


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


def _packed(runs: list[Run], rest: bytes, redact: Redact) -> bytes:
    columns: dict[bytes, list[bytes]] = {}
    for run in runs:
        columns.setdefault(run.column, []).extend(run.values)
    texts = [b"".join(values) for values in columns.values()]  # each for itself: what begins a text begins a line
    texts.append(APART.join([rest, *{each.before for each in runs}, *{each.between for each in runs}]))
    if any(redact(text) != text for text in texts):  # seldom
        columns = {name: redacted(values, redact) for name, values in columns.items()}
    else:
        redact = bytes
    names = {name: number for number, name in enumerate(columns)}
    wrappings: dict[bytes, int] = {}
    order, places, lengths = [], [], list[int]()
    taken = dict.fromkeys(columns, 0)
    for run in runs:
        count, start = len(run.values), taken[run.column]
        taken[run.column] = start + count
        order.append([wrappings.setdefault(run.before, len(wrappings)), 1])
        if count > 1:
            order.append([wrappings.setdefault(run.between, len(wrappings)), count - 1])
        places.append([names[run.column], count])
        lengths += map(len, columns[run.column][start : start + count])
    order.append([wrappings.setdefault(rest, len(wrappings)), 1])
    head = {
        "wrappings": [redact(each).decode() for each in wrappings],
        "order": order,
        "columns": places,
        "lengths": lengths,
        "sizes": [sum(map(len, values)) for values in columns.values()],
    }
    return b"".join((STREAM, orjson.dumps(head), b"\n", *(part for values in columns.values() for part in values)))


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


def _spread(runs: Sequence[Sequence[Any]]) -> list[int]:
    return [number for number, times in runs for _ in range(times)]


# -- reading -----------------------------------------------------------------------------------------------------------


def _runs(body: bytes) -> tuple[list[Run], bytes]:
    """Take the values out of a stream; also return what stands behind the last."""
    found: list[Run] = []
    position = begun = 0
    while (match := VALUE.search(body, position)) is not None:
        start = match.end()
        end = _quote(body, start)
        if end < 0:
            break
        between = _between(body, start, end) if len(found) < MOST_RUNS else b""
        others = _others(body, end, between) if between else []
        found.append(Run(body[begun:start], between, match[1] + _index(body, start), [body[start:end], *others]))
        begun = position = end + sum(map(len, others)) + len(between) * len(others)
    return found, body[begun:]


def _index(body: bytes, start: int) -> bytes:
    """The block's number, in the event in which a value stands."""
    event = body.rfind(BLANK, max(0, start - LONGEST_HEAD), start) + 1 or max(0, start - LONGEST_HEAD)
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


def _others(body: bytes, end: int, between: bytes) -> list[bytes]:
    """The values that follow, each behind ``between``."""
    parts = body[end + len(between) :].split(between)
    for place, part in enumerate(parts):
        if b'"' in part and (close := _quote(part, 0)) >= 0:
            return [*parts[:place], part[:close]]
    return parts[:-1]  # the stream ends within a text
