"""Where a prompt cache broke: the first byte of a prefix that is not what it was one turn before, and what it cost.

Pure. A backend caches what a request begins with: tools, system prompt, messages (``cache_prefix``). The next request
reads it back as far as the two are the same, so a byte that changed at the front has everything behind it read anew,
at ten times the price or more. A turn that only adds to the one before breaks nothing.

The attribution is the first block of the system prompt and differs for each request at the first door. Anthropic
reads it apart from the prompt; servers that read it as text cache nothing behind it. So where nothing else changed it
is what is told, and whether it did harm is told by the tokens that the reply says were read.

Some parameters break the cache though no byte of the prefix changed. Source: Anthropic's guide "Prompt caching", "What
invalidates the cache", November 2026; the attribution: users' reports, such as musistudio/claude-code-router#1220.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest
from typing import Any, Literal

import orjson

from addon.prompts import cache_prefix
from addon.prompts.cache_prefix import MESSAGES, ORDER, SYSTEM, TOOLS, Segment
from addon.prompts.difference import is_compacted
from addon.prompts.entry import Summary

type What = Literal["changed", "added", "removed", "moved"]

CONTEXT, EXCERPT = 60, 120  # characters shown before the first one that differs, and from there on
FORGOTTEN_AFTER_S, FORGOTTEN_AFTER_HOUR_S = 300, 3600  # Anthropic's two lifetimes of a cache
# parameter -> the first section that is not read back when it changes
KNOBS: Mapping[str, str] = {"model": TOOLS, "speed": SYSTEM, "tool_choice": MESSAGES, "thinking": MESSAGES}
NO_MATTER = frozenset(("display",))  # fields of a knob that only say what the client is shown

COMPACTED = "The conversation was compacted in between"
BEHIND_MARK = "it stands behind the last cache mark of the request before, so nothing of it was cached"
ATTRIBUTION_READ = "it is the client's note to Anthropic, which reads it apart from the prompt"
ATTRIBUTION_LOST = (
    "Nothing else changed, so whoever answered reads it as part of the prompt; "
    "CLAUDE_CODE_ATTRIBUTION_HEADER=0 has the client leave it out"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Break:
    """The first byte that differs, in the part at ``path`` of the request before, or of this one where it was added."""

    path: str
    title: str
    what: What
    offset: int  # bytes of the prefix before it
    context: str  # the text just before it, in both
    old: str  # the text from there on, in the request before
    new: str
    tokens_kept: int  # estimated, of the prefix before it
    tokens_lost: int  # estimated, of the old prefix behind it, up to the last cache mark
    harmless: bool = False
    why: str = ""  # it is harmless, or what is special about it
    attribution: bool = False  # the attribution changed too, further in front


@dataclass(frozen=True, slots=True)
class Finding:
    """What became of the cache between two turns. ``cost``: cached tokens that were not read back; None: unknown."""

    found: Break | None
    cost: int | None
    told: str  # in a sentence


def find(old: object, new: object) -> Break | None:
    """Compare the prefixes of two requests of a conversation; None where the new one only adds to the old one."""
    before, now = cache_prefix.segments(old), cache_prefix.segments(new)
    prefix = [segment for segment in before if not segment.is_attribution]
    found = _first(prefix, [segment for segment in now if not segment.is_attribution])
    found = _earlier(_knob(old, new, prefix), found)
    one, other = ([segment for segment in each if segment.is_attribution] for each in (before, now))
    is_another = [segment.key for segment in one] != [segment.key for segment in other]
    if found is None:
        return _attribution(before, one, other) if is_another else None
    behind = sum(len(segment.text) for segment in one) if _is_behind_system(found) else 0
    return replace(found, offset=found.offset + behind, attribution=is_another)


def _is_behind_system(found: Break) -> bool:
    """Whether a break lies behind the attribution, which was left out."""
    return found.path.startswith((SYSTEM, MESSAGES)) or KNOBS.get(found.path) == MESSAGES


def look(old: object, new: object, before: Summary, now: Summary) -> Finding:
    """Say what became of the cache, with what the two replies say of their tokens."""
    found, lost = find(old, new), cost(before, now)
    if found is not None and found.title == "attribution" and lost:
        found = replace(found, harmless=False, why=ATTRIBUTION_LOST)
    if found is not None and found.path.startswith(MESSAGES) and is_compacted(old, new):
        found = replace(found, why=COMPACTED)
    return Finding(found, lost, _told(found, lost, before, now, old))


def cost(before: Summary, now: Summary) -> int | None:
    """Return how many tokens were cached when the turn before had ended and not read back now; None: unknown."""
    if now.cache_read_tokens is None or (before.cache_read_tokens is None and before.cache_write_tokens is None):
        return None
    cached = (before.cache_read_tokens or 0) + (before.cache_write_tokens or 0)
    return max(0, cached - now.cache_read_tokens)


# -- the first byte ----------------------------------------------------------------------------------------------------


def _first(old: Sequence[Segment], new: Sequence[Segment]) -> Break | None:
    kept, offset = 0.0, 0
    for number, (one, other) in enumerate(zip_longest(old, new)):
        if one is None and (other is None or other.section == MESSAGES):
            return None  # it only adds
        if one is not None and other is not None and one.section == other.section and one.key == other.key:
            kept, offset = kept + one.tokens, offset + len(one.text)
            continue
        what, told = _what(one, other, old, new)
        before, now = one.text if one else b"", other.text if other else b""
        same = _same(before, now)
        share = same / len(before) if before else 0.0
        inside = (one.tokens if one else 0.0) * share
        lost = _up_to_mark(old, number) - inside
        harmless = lost <= 0
        context, shown_old, shown_new = _excerpts(before, now, same)
        return Break(
            path=told.path,
            title=told.title,
            what=what,
            offset=offset + same,
            context=context,
            old=shown_old,
            new=shown_new,
            tokens_kept=round(kept + inside),
            tokens_lost=max(0, round(lost)),
            harmless=harmless,
            why=BEHIND_MARK if harmless else "",
        )
    return None


def _what(
    one: Segment | None, other: Segment | None, old: Sequence[Segment], new: Sequence[Segment]
) -> tuple[What, Segment]:
    """What happened where two prefixes part, and the segment to name for it."""
    if one is None:
        assert other is not None  # noqa: S101 - one of the two is there
        return "added", other
    if other is None:
        return "removed", one
    if one.section != other.section:
        return ("removed", one) if ORDER.index(one.section) < ORDER.index(other.section) else ("added", other)
    if one.name == other.name:
        return "changed", one
    if all(segment.name != other.name for segment in old):
        return "added", other
    if all(segment.name != one.name for segment in new):
        return "removed", one
    return "moved", one


def _same(old: bytes, new: bytes) -> int:
    """How many bytes both begin with, no character of them torn."""
    low, high = 0, min(len(old), len(new))
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if old[:middle] == new[:middle] else (low, middle - 1)
    while low and any(low < len(text) and text[low] & 0xC0 == 0x80 for text in (old, new)):  # inside UTF-8
        low -= 1
    return low


def _excerpts(old: bytes, new: bytes, same: int) -> tuple[str, str, str]:
    context = old[max(0, same - 4 * CONTEXT) : same].decode("utf-8", "ignore")[-CONTEXT:]
    shown = (text[same : same + 4 * EXCERPT].decode("utf-8", "ignore")[:EXCERPT] for text in (old, new))
    return (context, *shown)  # type: ignore[return-value]  # two of them


def _up_to_mark(old: Sequence[Segment], start: int) -> float:
    """How many tokens stand from a segment on, up to the last mark; all where there is no mark."""
    marked = [number for number, segment in enumerate(old) if segment.is_marked]
    end = marked[-1] + 1 if marked else len(old)
    return sum(segment.tokens for segment in old[start:end])


# -- what is no byte of the prefix -------------------------------------------------------------------------------------


def _knob(old: object, new: object, prefix: Sequence[Segment]) -> Break | None:
    """The parameter that breaks the cache furthest in front."""
    before: Any = old if isinstance(old, dict) else {}
    now: Any = new if isinstance(new, dict) else {}
    changed = [name for name in KNOBS if _setting(before.get(name)) != _setting(now.get(name))]
    if not changed:
        return None
    name = min(changed, key=lambda name: ORDER.index(KNOBS[name]))
    start = sum(ORDER.index(segment.section) < ORDER.index(KNOBS[name]) for segment in prefix)
    lost = _up_to_mark(prefix, start)
    return Break(
        path=name,
        title=f"the parameter {name}",
        what="changed",
        offset=sum(len(segment.text) for segment in prefix[:start]),
        context="",
        old=_shown(before.get(name)),
        new=_shown(now.get(name)),
        tokens_kept=round(sum(segment.tokens for segment in prefix[:start])),
        tokens_lost=round(lost),
        harmless=lost <= 0,
        why=BEHIND_MARK if lost <= 0 else "",
    )


def _setting(value: Any) -> Any:
    return {name: inner for name, inner in value.items() if name not in NO_MATTER} if isinstance(value, dict) else value


def _shown(value: object) -> str:
    if value is None or isinstance(value, str):
        return value or "not set"
    try:
        return orjson.dumps(value).decode()[:EXCERPT]
    except orjson.JSONEncodeError:
        return "(nested too deeply)"


def _earlier(one: Break | None, other: Break | None) -> Break | None:
    if one is None or other is None:
        return one or other
    return one if one.tokens_kept <= other.tokens_kept else other


def _attribution(before: Sequence[Segment], old: Sequence[Segment], new: Sequence[Segment]) -> Break:
    """Nothing else has changed."""
    one, other = old[0] if old else None, new[0] if new else None
    texts = (one.text if one else b"", other.text if other else b"")
    same = _same(*texts)
    context, shown_old, shown_new = _excerpts(*texts, same)
    front = [segment for segment in before if segment.section == TOOLS]
    told = one or other
    assert told is not None  # noqa: S101 - else nothing would differ
    return Break(
        path=told.path,
        title=told.title,
        what="changed" if one and other else "removed" if one else "added",
        offset=sum(len(segment.text) for segment in front) + same,
        context=context,
        old=shown_old,
        new=shown_new,
        tokens_kept=round(sum(segment.tokens for segment in front)),
        tokens_lost=round(_up_to_mark(before, len(front))),
        harmless=True,
        why=ATTRIBUTION_READ,
    )


# -- in words ----------------------------------------------------------------------------------------------------------


def _told(found: Break | None, lost: int | None, before: Summary, now: Summary, old: object) -> str:
    if found is not None and not found.harmless:
        told = f"{_what_happened(found)}, and about {found.tokens_lost:,} tokens of the prefix stand behind it"
        if lost:
            told += f": {lost:,} cached tokens were not read back"
        elif lost is not None:
            told += ", yet all that was cached was read back"
        return f"{told}. {found.why}." if found.why else f"{told}."
    if not lost:
        return "The cache holds." if found is None else f"{_what_happened(found)}, harmless: {found.why}."
    return f"The prefix is the same, yet {lost:,} cached tokens were not read back{_reason(before, now, old)}."


def _what_happened(found: Break) -> str:
    return f"{found.title[:1].upper()}{found.title[1:]} {_VERBS[found.what]}"


_VERBS: Mapping[What, str] = {"changed": "changed", "added": "is new", "removed": "is gone", "moved": "moved"}


def _reason(before: Summary, now: Summary, old: object) -> str:
    if before.route != now.route:
        return f": {now.route} answered, before it was {before.route}, and caches are not shared"
    hours = any(mark.get("ttl") == "1h" for mark in _marks(old))
    waited = now.at - before.at - before.total_ms / 1000
    if waited > (FORGOTTEN_AFTER_HOUR_S if hours else FORGOTTEN_AFTER_S):
        return f": {round(waited / 60):,} minutes had passed, and a cache is forgotten after {60 if hours else 5}"
    return ", for a reason that does not show in the requests"


def _marks(request: object) -> list[dict[str, Any]]:
    """All marks of a request."""
    fields = request if isinstance(request, dict) else {}
    holders = [*_list(fields.get("tools")), *_list(fields.get("system"))]
    for message in _list(fields.get("messages")):
        holders += _list(message.get("content")) if isinstance(message, dict) else []
    marks = [holder.get("cache_control") for holder in holders if isinstance(holder, dict)]
    return [mark for mark in marks if isinstance(mark, dict)]


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
