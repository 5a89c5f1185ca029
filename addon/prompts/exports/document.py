"""A session as a document that is only to be laid out: facts, then chapters of turns, then what is long. Pure.

In: the entries of a session. Out: values whose texts are raw: whoever lays them out escapes them. A turn says only what
is new in it (see ``chapters``); the system prompt and the tools, which come again with every request, stand once at the
end, each text of them that a conversation ended with.
"""

from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, tzinfo
from typing import Any

from addon.prompts.entry import Entry, Summary
from addon.prompts.exports import chapters, figures, pieces
from addon.prompts.exports.chapters import Chapter, Turn
from addon.prompts.exports.pieces import Piece
from addon.protocol.messages import Json

TITLE = 80  # characters of a title
ROLES = {"user": "User", "assistant": "Assistant", "system": "System"}
RESULTS = frozenset((pieces.Sort.RESULT, pieces.Sort.FAILURE, pieces.Sort.MEDIA))
CHAPTERS = {
    chapters.Sort.MAIN: "Conversation",
    chapters.Sort.AGENT: "Agent",
    chapters.Sort.BESIDE: "Beside the conversation",
}
SHORT_ID = 8  # characters of an id that tell it apart for people


@dataclass(frozen=True, slots=True)
class Said:
    """One message: who speaks, and what."""

    who: str
    pieces: tuple[Piece, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """One turn. ``notes``: what a reader must know before it; ``losses``: what was changed on the way, in words."""

    place: int
    title: str
    meta: str
    notes: tuple[str, ...] = ()
    said: tuple[Said, ...] = ()
    losses: tuple[str, ...] = ()
    folded: bool = False  # all of it repeats what is told elsewhere, or is of little interest
    is_joint: bool = False


@dataclass(frozen=True, slots=True)
class Section:
    """A chapter; ``lead`` says more of it, or nothing."""

    title: str
    lead: str
    turns: tuple[Shown, ...]


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool's definition: its description, and the rest of it as JSON."""

    name: str
    description: str
    definition: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """All of it, in the order in which it is read."""

    title: str
    facts: tuple[tuple[str, str], ...]
    sections: tuple[Section, ...]
    systems: tuple[tuple[str, str], ...]  # whose system prompt, and its text
    tools: tuple[Tool, ...]


def document(
    entries: Iterable[Entry],
    places: Iterable[int] | None = None,
    zone: tzinfo = UTC,
    *,
    only: Container[int] | None = None,
) -> Document:
    """Make the document of a session, or of the turns at ``only`` some places of it."""
    found = chapters.chapters(entries, places)
    if only is not None:
        kept = ((chapter, tuple(turn for turn in chapter.turns if turn.place in only)) for chapter in found)
        found = tuple(replace(chapter, turns=turns) for chapter, turns in kept if turns)
    turns = [turn for chapter in found for turn in chapter.turns]
    summaries = sorted((turn.entry.summary for turn in turns), key=lambda summary: summary.at)
    return Document(
        title=_title(found) or "Session",
        facts=tuple(facts(summaries, zone)) if summaries else (),
        sections=tuple(_section(chapter, zone) for chapter in found),
        systems=tuple(_systems(found)),
        tools=tuple(_tools(found)),
    )


def shown(turn: Turn, zone: tzinfo = UTC) -> Shown:
    """Lay out one turn."""
    summary = turn.entry.summary
    folded = turn.is_compaction or turn.is_beside
    kind = f": {summary.kind or summary.path}" if folded else ""
    return Shown(
        place=turn.place,
        title=f"Turn {turn.place}{kind}",
        meta=" · ".join((figures.clock(summary.at, zone), figures.who(summary), figures.usage(summary))),
        notes=tuple(_notes(turn)),
        said=tuple(_said(turn)),
        losses=tuple(_losses(turn.entry)),
        folded=folded,
        is_joint=turn.is_joint,
    )


def chapter_title(chapter: Chapter) -> str:
    """Return a chapter's name; an agent's with its type and the beginning of its id."""
    told = [CHAPTERS[chapter.sort], chapter.agent_type, chapter.agent[:SHORT_ID] if chapter.agent else None]
    return " ".join(filter(None, told))


def title(turns: Iterable[Turn]) -> str:
    """Return the user's first words in some turns of which the first one has something new to say."""
    return next(filter(None, (pieces.title({"messages": list(turn.new)}) for turn in turns)), "")


def _title(found: Sequence[Chapter]) -> str:
    told = next(filter(None, (title(chapter.turns) for chapter in found)), "")
    return _cut(" ".join(told.split()))


def _cut(text: str) -> str:
    return text if len(text) <= TITLE else text[: TITLE - 1].rstrip() + "…"


def facts(summaries: Sequence[Summary], zone: tzinfo) -> Iterator[tuple[str, str]]:
    """Return what a session amounts to, by name; there is at least one exchange."""
    sums = figures.sums(summaries)
    sessions = list(dict.fromkeys(summary.session for summary in summaries if summary.session))
    if sessions:
        yield "session", ", ".join(sessions)
    taken = figures.elapsed(1000 * (sums.last_at - sums.first_at))
    yield "time", f"{figures.moment(sums.first_at, zone)} to {figures.moment(sums.last_at, zone)} ({taken})"
    exchanges = [f"{sums.exchanges:,}"]
    exchanges += [f"{sums.failed:,} without an answer"] if sums.failed else []
    exchanges += [figures.count(sums.agents, "agent")] if sums.agents else []
    yield "exchanges", ", ".join(exchanges)
    yield "models asked", ", ".join(sums.asked) or "none"
    yield "answered by", ", ".join(sums.routes) or "nobody"
    cached = f", {sums.cached_tokens:,} of them from the cache" if sums.cached_tokens else ""
    yield "tokens", f"{sums.prompt_tokens:,} in{cached}; {sums.output_tokens:,} out"
    yield "price", figures.price(sums.dollars, sums.unpriced)


def _section(chapter: Chapter, zone: tzinfo) -> Section:
    lead = f"started by the agent {chapter.parent[:SHORT_ID]}" if chapter.parent else ""
    if chapter.sort is chapters.Sort.BESIDE:
        lead = "titles, searches, counts, questions on the side: part of no conversation"
    return Section(chapter_title(chapter), lead, tuple(shown(turn, zone) for turn in chapter.turns))


def _notes(turn: Turn) -> Iterator[str]:
    summary = turn.entry.summary
    if summary.origin is not None:
        yield f"A {summary.origin} by Detour of exchange {summary.of}."
    if turn.is_joint:
        kept = figures.count(turn.known, "message") if turn.known else "none"
        yield f"Here the conversation begins anew, with {kept} of what was said before."
    elif turn.gone and not turn.is_compaction:
        yield f"{figures.count(turn.gone, 'earlier message')} changed or left the history."
    if turn.is_compaction:
        yield f"The client asks for a summary of {figures.count(turn.known, 'message')}, and goes on with that."
    elif not turn.new and turn.known:
        yield "Nothing new: the same was asked before."
    if how := figures.outcome(summary):
        yield f"Outcome: {how}"
    if turn.entry.attempts:
        yield "Asked before, in vain: " + "; ".join(f"{each.target} ({each.status})" for each in turn.entry.attempts)


def _said(turn: Turn) -> Iterator[Said]:
    for message in turn.new:
        role = str(message.get("role"))
        found = tuple(pieces.said(message, turn.names))
        of_tools = role == "user" and found and all(piece.sort in RESULTS for piece in found)
        yield Said("Tools" if of_tools else ROLES.get(role, role), found)
    if turn.answer is None:
        return
    content = turn.answer.message.get("content") if turn.answer.message is not None else None
    if content:
        yield Said("Assistant", tuple(pieces.of(content, turn.names)))
    if turn.answer.error:
        yield Said("Error", (Piece(pieces.Sort.FAILURE, "the reply", turn.answer.error),))


def _losses(entry: Entry) -> Iterator[str]:
    for change in (*entry.changes, *entry.losses):
        if not change.routine:
            yield f"{change.path}: {change.what}"


def _systems(found: Iterable[Chapter]) -> Iterator[tuple[str, str]]:
    """Return each system prompt that a conversation ended with, once."""
    told: set[str] = set()
    for chapter, request in _newest(found):
        system = request.get("system")
        blocks = system if isinstance(system, list) else [system] if system else []
        text = "\n\n".join(pieces.written(block.get("text") if isinstance(block, dict) else block) for block in blocks)
        if text and text not in told:
            told.add(text)
            yield chapter_title(chapter), text


def _tools(found: Iterable[Chapter]) -> Iterator[Tool]:
    """Return each tool once, as a conversation had it last; one of the same name that differs is another."""
    told: set[Tool] = set()
    for _, request in _newest(found):
        offered = request.get("tools")
        for tool in offered if isinstance(offered, list) else ():
            made = _tool(tool)
            if made not in told:
                told.add(made)
                yield made


def _newest(found: Iterable[Chapter]) -> Iterator[tuple[Chapter, Json]]:
    for chapter in found:
        request = next((turn.request for turn in reversed(chapter.turns) if turn.request), None)
        if request is not None:
            yield chapter, request


def _tool(tool: Any) -> Tool:
    if not isinstance(tool, dict):
        return Tool("", "", pieces.written(tool))
    rest = {name: value for name, value in tool.items() if name not in ("name", "description", "cache_control")}
    return Tool(
        pieces.written(tool.get("name") or tool.get("type") or ""),
        pieces.written(tool.get("description") or ""),
        pieces.written(rest),
    )
