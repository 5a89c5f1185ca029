"""A difference as text for people: what is new first, then what changed, then what is gone. Pure.

In: a ``Difference``, and what became of the cache. Out: text that YAML's colours suit; words that changed stand as
``[-old-]`` and ``{+new+}``, with what is around them.
"""

from collections.abc import Iterator, Sequence

from addon.prompts import render
from addon.prompts.cache_break import Finding
from addon.prompts.difference import SECTIONS, Difference, Section
from addon.prompts.words import Run

AROUND = 200  # characters shown on each side of a change
STATES = ("added", "changed", "removed")
ORDER: tuple[Section, ...] = ("messages", "system", "tools", "parameters")  # what was said is what people look for


def text(difference: Difference, before: str, cache: Finding | None = None) -> str:
    """Render a difference. ``before`` says in words with what the request is compared."""
    lines = (
        f"# compared with {before} · {_counts(difference)}",
        *(f"# {note}" for note in difference.notes),
        *(_cache(cache) if cache is not None else ()),
        *(line for state in STATES for line in _parts(state, difference)),
        *_marks(difference),
        *_same(difference),
        "",
    )
    return "\n".join(lines)


def marked(runs: Sequence[Run]) -> str:
    """Mark what changed in a text, and leave out what is far from it."""
    return "".join(_run(run, is_first=number == 0, is_last=number == len(runs) - 1) for number, run in enumerate(runs))


def _run(run: Run, *, is_first: bool, is_last: bool) -> str:
    if run.state == "removed":
        return f"[-{run.text}-]"
    if run.state == "added":
        return f"{{+{run.text}+}}"
    head = 0 if is_first else AROUND
    tail = 0 if is_last else AROUND
    left_out = len(run.text) - head - tail
    if left_out <= AROUND:
        return run.text
    note = f"[… {left_out:,} characters …]"
    return "\n".join((*((run.text[:head],) if head else ()), note, *((run.text[-tail:],) if tail else ())))


def _counts(difference: Difference) -> str:
    states = [part.state for part in difference.parts]
    told = [f"{states.count(state)} {state}" for state in STATES if state in states]
    return ", ".join(told) or "nothing changed"


def _cache(cache: Finding) -> Iterator[str]:
    yield ""
    yield f"cache: {cache.told}"
    if (found := cache.found) is not None:
        yield f"{render.INDENT}first byte that differs: {found.offset:,}, in {found.path}"
        for name, shown in (("before", found.old), ("now", found.new)):
            yield f"{render.INDENT}{name}: {_line(found.context)}▸{_line(shown)}"


def _line(shown: str) -> str:
    return shown.replace("\n", "⏎")


def _parts(state: str, difference: Difference) -> Iterator[str]:
    parts = [part for section in ORDER for part in difference.of(section) if part.state == state]
    if not parts:
        return
    yield ""
    yield f"{state}:"
    for part in parts:
        facts = [part.place, *filter(None, (part.mark, part.note))]
        yield f"- {part.title}: | # {', '.join(facts)}"
        yield render.indented(marked(part.words) if part.state == "changed" else part.new or part.old)


def _marks(difference: Difference) -> Iterator[str]:
    if moved := difference.moved_marks:
        yield ""
        yield "cache marks:"
        yield from (f"{render.INDENT}{part.place}: {part.mark}" for part in moved)


def _same(difference: Difference) -> Iterator[str]:
    yield ""
    yield "the same:"
    for section in SECTIONS:
        parts = difference.of(section)
        same = sum(part.state == "same" for part in parts)
        if parts:
            yield f"{render.INDENT}{section}: {same:,} of {len(parts):,}"
