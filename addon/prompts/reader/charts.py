"""Bars, as numbers for SVG: the templates draw them, for a style attribute would be against the page's policy. Pure.

Everything is in a box of ``WIDTH`` by ``height`` units, which the page stretches.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from addon.prompts import weights
from addon.prompts.entry import Summary
from addon.prompts.reader import wording
from addon.prompts.threads import Turn
from addon.prompts.usage import Totals
from addon.prompts.weights import Weights

WIDTH = 1000.0
HEIGHT = 64.0
MOST_BARS = 250  # in a chart; of more turns, neighbours share one
LEAST = 0.4  # units, so that what there is can be seen


@dataclass(frozen=True, slots=True)
class Segment:
    """One rectangle; ``kind`` is its class."""

    kind: str
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Bar:
    """A turn, or neighbours: what to say of it, where it leads, and its segments."""

    title: str
    place: int
    segments: tuple[Segment, ...]
    x: float
    width: float


@dataclass(frozen=True, slots=True)
class Chart:
    """``most`` is what the highest bar stands for, ``legend`` the kinds that are in it."""

    name: str
    most: str
    total: str
    bars: tuple[Bar, ...]
    legend: tuple[tuple[str, str], ...] = ()


type Amounts = tuple[tuple[str, float], ...]  # kind -> how much, from below


def tokens(turns: Sequence[Turn]) -> Chart:
    """Draw what went in and came out, turn by turn."""
    legend = (("read", "read from the cache"), ("write", "written to it"), ("input", "new"), ("output", "answer"))
    return _chart("Tokens", turns, _tokens, wording.short, legend)


def price(turns: Sequence[Turn]) -> Chart:
    """Draw what was paid."""
    return _chart("Price", turns, lambda summary: (("price", summary.dollars or 0.0),), wording.dollars)


def latency(turns: Sequence[Turn]) -> Chart:
    """Draw how long it took until the first content, and from there to the end."""
    legend = (("first", "to the first word"), ("rest", "to the last"))
    return _chart("Time", turns, _latency, wording.duration, legend)


def _tokens(summary: Summary) -> Amounts:
    return (
        ("read", summary.cache_read_tokens or 0),
        ("write", summary.cache_write_tokens or 0),
        ("input", summary.input_tokens or 0),
        ("output", summary.output_tokens or 0),
    )


def _latency(summary: Summary) -> Amounts:
    first = min(summary.first_content_ms or 0, summary.total_ms)
    return ("first", first), ("rest", summary.total_ms - first)


def _chart(
    name: str,
    turns: Sequence[Turn],
    amounts: Callable[[Summary], Amounts],
    say: Callable[[float], str],
    legend: tuple[tuple[str, str], ...] = (),
) -> Chart:
    step = -(-len(turns) // MOST_BARS) or 1
    groups = [turns[start : start + step] for start in range(0, len(turns), step)]
    summed = [_sum([amounts(turn.summary) for turn in group]) for group in groups]
    totals = [sum(amount for _, amount in each) for each in summed]
    most = max(totals, default=0) or 1
    width = WIDTH / max(len(groups), 24)
    bars = [
        Bar(_title(group, say(total)), group[0].place, _stack(each, index * width, width, most), index * width, width)
        for index, (group, each, total) in enumerate(zip(groups, summed, totals, strict=True))
    ]
    total = sum(totals)
    return Chart(name, say(max(totals, default=0)), say(total), tuple(bars) if total else (), legend)


def _sum(several: Sequence[Amounts]) -> Amounts:
    found: dict[str, float] = {}
    for amounts in several:
        for kind, amount in amounts:
            found[kind] = found.get(kind, 0.0) + amount
    return tuple(found.items())


def _title(group: Sequence[Turn], total: str) -> str:
    first, last = group[0].place, group[-1].place
    return f"turn {first}: {total}" if first == last else f"turns {first} to {last}: {total}"


def _stack(amounts: Amounts, x: float, width: float, most: float) -> tuple[Segment, ...]:
    segments, floor = [], HEIGHT
    for kind, amount in amounts:
        if amount > 0:
            height = max(LEAST, amount / most * HEIGHT)
            floor -= height
            segments.append(Segment(kind, round(x, 2), round(floor, 2), round(width * 0.86, 2), round(height, 2)))
    return tuple(segments)


def days(rows: Sequence[tuple[str, Totals]]) -> list[Chart]:
    """Draw day after day what was paid, what went in and out, and how long half of the calls took at most."""
    legend = (("read", "from a cache"), ("input", "new"), ("output", "answers"))
    return [
        _daily("Price", rows, lambda each: (("price", each.dollars or 0.0),), wording.dollars),
        _daily("Tokens", rows, _daily_tokens, wording.short, legend),
        _daily(
            "Answer time", rows, lambda each: (("rest", each.total.median_ms if each.total else 0),), wording.duration
        ),
    ]


def _daily_tokens(totals: Totals) -> Amounts:
    new = totals.input_tokens + totals.cache_write_tokens
    return ("read", totals.cache_read_tokens), ("input", new), ("output", totals.output_tokens)


def _daily_latency(totals: Totals) -> Amounts:
    return (("rest", totals.total.median_ms if totals.total else 0),)


def _daily(
    name: str,
    rows: Sequence[tuple[str, Totals]],
    amounts: Callable[[Totals], Amounts],
    say: Callable[[float], str],
    legend: tuple[tuple[str, str], ...] = (),
) -> Chart:
    made = [amounts(totals) for _, totals in rows]
    sums = [sum(amount for _, amount in each) for each in made]
    most, width = max(sums, default=0) or 1, WIDTH / max(len(rows), 14)
    bars = [
        Bar(f"{day}: {say(total)}", place, _stack(each, place * width, width, most), place * width, width)
        for place, ((day, _), each, total) in enumerate(zip(rows, made, sums, strict=True))
    ]
    return Chart(name, say(max(sums, default=0)), "", tuple(bars) if any(sums) else (), legend)


# -- the parts of one request ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Share:
    """A part of a request in its bar. ``tokens`` is an estimate."""

    kind: str
    name: str
    tokens: int
    x: float
    width: float


KIND_OF_PART = {
    weights.TEXT: "text",
    weights.THINKING: "thinking",
    weights.CALLS: "call",
    weights.RESULTS: "result",
    weights.IMAGES: "picture",
    weights.DOCUMENTS: "picture",
    weights.OTHERS: "json",
}


def shares(weighed: Weights) -> list[Share]:
    """Lay the parts of a request side by side: tools, system prompt, messages by kind."""
    rows = [
        (weights.TOOLS, "tools", weighed.of_group(weights.TOOLS)),
        (weights.SYSTEM, "system prompt", weighed.of_group(weights.SYSTEM)),
        *(
            (KIND_OF_PART.get(part.name, "json"), part.name, part.tokens)
            for part in weighed.parts
            if part.group == weights.MESSAGES
        ),
    ]
    found, x = [], 0.0
    for kind, name, count in rows:
        if count > 0:
            width = count / (weighed.total or 1) * WIDTH
            found.append(Share(kind, name, count, round(x, 2), round(width, 2)))
            x += width
    return found
