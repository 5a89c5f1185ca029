"""``detour diff``: two requests beside each other, part by part, and in each the lines and words that changed."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from rich.console import Console
from rich.text import Text

from addon.cli import printing, prompt_log
from addon.cli.prompt_log import Chosen
from addon.prompts import cache_break, difference, printable
from addon.prompts.difference import Difference, Part
from addon.prompts.entry import Entry
from addon.prompts.exports import chapters
from addon.prompts.log.reading import Log
from addon.prompts.words import Run, State
from addon.protocol.errors import ConfigError

CONTEXT = 2  # lines before and after those that changed
MOST_LINES = 40  # of a part that is new or gone; --full shows all
MARKS = {"same": " ", "added": "+", "removed": "-", "changed": "~"}
SIDES: tuple[State, State] = ("removed", "added")
STYLES = {"same": "", "added": "green", "removed": "red", "changed": "yellow"}
WORDS = {"same": "", "added": "bold green", "removed": "strike red"}


@dataclass(slots=True)
class Line:
    """A line, without its end: one of both texts, however much of it they share, or a whole one of either."""

    runs: list[Run] = field(default_factory=list)
    of_one: State | None = None  # only the text has it that has what is in this state

    @property
    def is_same(self) -> bool:
        """Whether both have it as it is."""
        return self.of_one is None and all(run.state == "same" for run in self.runs)

    def is_in(self, state: State) -> bool:
        """Whether one of the texts has it: the old one has what was removed, the new one what was added."""
        return self.of_one in (None, state)

    def of(self, state: State) -> str:
        """Return what one of the texts has."""
        return "".join(run.text for run in self.runs if run.state in ("same", state))


def run(first: str, second: str | None, *, full: bool, as_json: bool) -> None:
    """Print how the second request differs from the first, or a request from the one before it. Raises: ConfigError."""
    with prompt_log.opened() as log:
        old, new = _both(log, first, second)
    found = difference.between(chapters.parsed(old), chapters.parsed(new))
    if as_json:
        printing.put_json(_as_json(old, new, found))
        return
    console = printing.console()
    for text in told(found, full=full, inline=console.is_terminal):
        console.print(text, soft_wrap=True)
    _cache(console, old, new)


def told(found: Difference, *, full: bool, inline: bool) -> Iterator[Text]:
    """Return a difference line by line. ``inline``: a changed line once, its words coloured; else as it was and is."""
    for note in found.notes:
        yield printing.cell(note, style="italic")
    for part in found.parts:
        if part.state != "same" or part.mark:
            yield _head(part)
        if part.state == "changed":
            yield from _changed(part, inline=inline)
        elif part.state != "same":
            yield from _whole(part, full=full)
    same = sum(part.state == "same" for part in found.parts)
    yield Text(f"\n{same:,} of {len(found.parts):,} parts are the same", style="dim")


def lines(runs: Sequence[Run]) -> list[Line]:
    """Cut runs into lines, where both texts end one; whole lines that only one of them has stand alone."""
    told = [Run(state, printable.text(text)) for state, text in runs]
    found = [Line()]
    for place, (state, text) in enumerate(told):
        if state == "same":
            first, *rest = text.split("\n")
            found[-1].runs += [Run(state, first)] if first else []
            found += (Line([Run("same", each)] if each else []) for each in rest)
        elif text.startswith("\n") and _lines_end(told[place + 1 :][:2]):
            found.append(Line([Run(state, text[1:])], state))
        elif text.endswith("\n") and found[-1].of_one is None and not found[-1].runs:
            found[-1] = Line([Run(state, text[:-1])], state)
            found.append(Line())
        else:
            found[-1].runs.append(Run(state, text))
    return found


def _lines_end(behind: Sequence[Run]) -> bool:
    """Whether both texts end a line before they go on with the same: ``behind`` is what follows."""
    for run in behind:
        if not run.text.startswith("\n"):
            return False
        if run.state == "same":
            break
    return True


def _both(log: Log, first: str, second: str | None) -> tuple[Entry, Entry]:
    chosen = prompt_log.exchange(log, first)
    if second is not None:
        return _entry(log, chosen), _entry(log, prompt_log.exchange(log, second))
    assert chosen.turn is not None  # noqa: S101 - an exchange has one
    before = chosen.before(chosen.turn)
    if before is None:
        raise ConfigError(f"{first} begins its conversation; name two exchanges")
    return log.entry(before.number), _entry(log, chosen)


def _entry(log: Log, chosen: Chosen) -> Entry:
    assert chosen.turn is not None  # noqa: S101 - an exchange has one
    entry = log.entry(chosen.turn.number)
    if entry.request is None:
        raise ConfigError(f"exchange {entry.summary.number}: its request is not kept")
    return entry


def _head(part: Part) -> Text:
    marks = "; ".join(filter(None, (part.mark, part.note)))
    title = f"{MARKS[part.state]} {printable.line(part.title)} ({printable.line(part.place)})"
    return Text.assemble("\n", (title, f"bold {STYLES[part.state]}".strip()), (f"  {marks}" if marks else "", "dim"))


def _whole(part: Part, *, full: bool) -> Iterator[Text]:
    shown = printable.text(part.new or part.old).split("\n")
    left_out = 0 if full else max(0, len(shown) - MOST_LINES)
    for line in shown[: len(shown) - left_out]:
        yield Text(f"{MARKS[part.state]} {line}", style=STYLES[part.state])
    if left_out:
        yield Text(f"  [{left_out:,} lines more; --full shows them]", style="dim")


def _changed(part: Part, *, inline: bool) -> Iterator[Text]:
    """Return the lines that changed, and a few around them."""
    found = lines(part.words)
    near = {
        place + offset
        for place, line in enumerate(found)
        if not line.is_same
        for offset in range(-CONTEXT, CONTEXT + 1)
    }
    skipped = False
    for place, line in enumerate(found):
        if place not in near:
            skipped = True
            continue
        if skipped:
            yield Text("  …", style="dim")
        skipped = False
        yield from _line(line, inline=inline)
    if skipped:
        yield Text("  …", style="dim")


def _line(line: Line, *, inline: bool) -> Iterator[Text]:
    if line.is_same:
        yield Text(f"  {line.of('same')}", style="dim")
    elif inline and line.of_one is None:
        words = ((run.text.replace("\n", "\n  "), WORDS[run.state]) for run in line.runs)
        yield Text.assemble(("~ ", "yellow"), *words)
    else:
        for state in SIDES:
            if line.is_in(state):
                yield from (Text(f"{MARKS[state]} {each}", style=STYLES[state]) for each in line.of(state).split("\n"))


def _cache(console: Console, old: Entry, new: Entry) -> None:
    if old.summary.session == new.summary.session:
        finding = cache_break.look(chapters.parsed(old), chapters.parsed(new), old.summary, new.summary)
        printing.put(console, ("cache: ", "bold"), printing.cell(finding.told))


def _as_json(old: Entry, new: Entry, found: Difference) -> dict[str, object]:
    finding = cache_break.look(chapters.parsed(old), chapters.parsed(new), old.summary, new.summary)
    return {
        "old": old.summary.id,
        "new": new.summary.id,
        "notes": list(found.notes),
        "same": sum(part.state == "same" for part in found.parts),
        "parts": [_part(part) for part in found.parts if part.state != "same" or part.mark],
        "cache": {"told": finding.told, "cost": finding.cost},
    }


def _part(part: Part) -> dict[str, object]:
    names = ("section", "place", "title", "state", "mark", "note", "old", "new")
    return {**{name: getattr(part, name) for name in names}, "words": [list(run) for run in part.words]}
