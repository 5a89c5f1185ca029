"""One exchange as its pages need it: read from the log, with its place in the session and the turn before. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from weakref import WeakKeyDictionary

from addon.prompts import threads
from addon.prompts.entry import Entry, Summary
from addon.prompts.log.reading import Log, NotKept, Wanted
from addon.prompts.threads import Turn
from addon.protocol.errors import BadRequest
from addon.protocol.messages import parse_json

MOST_KEPT = 8  # sessions; one of 10,000 turns takes some 10 MB
KEPT: WeakKeyDictionary[Log, tuple[int, dict[str, list[Turn]]]] = WeakKeyDictionary()


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where an exchange stands in its session: its turn, how many there are, and the turns beside it."""

    turn: Turn
    of: int = 1
    earlier: Turn | None = None
    later: Turn | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """What the log keeps of it, and what its request said. ``request`` None: not kept, or no JSON object.

    ``before`` is what the request said that it continues.
    """

    entry: Entry
    place: Place
    request: Mapping[str, Any] | None
    before: Mapping[str, Any] | None = None

    @property
    def summary(self) -> Summary:
        """In short."""
        return self.entry.summary


def read(log: Log, number: int) -> Exchange:
    """Read an exchange. Raises: NotKept."""
    entry = log.entry(number)
    place, before = place_of(log, entry.summary), None
    if (previous := place.turn.previous) is not None and place.turn.compaction is None:
        try:
            before = body(log.entry(previous.number))
        except NotKept:
            before = None
    return Exchange(entry=entry, place=place, request=body(entry), before=before)


def place_of(log: Log, summary: Summary) -> Place:
    """Find where an exchange stands."""
    if summary.session is None:
        return Place(turn=Turn(1, summary))
    turns = turns_of(log, summary.session)
    index = next((index for index, turn in enumerate(turns) if turn.summary.number == summary.number), None)
    if index is None:
        return Place(turn=Turn(1, summary))
    return Place(
        turn=turns[index],
        of=len(turns),
        earlier=turns[index - 1] if index else None,
        later=turns[index + 1] if index + 1 < len(turns) else None,
    )


def turns_of(log: Log, session: str) -> list[Turn]:
    """Return the turns of a session in the order of the log, which is how a person counts them: SESSION/TURN.

    Those of a few sessions are kept until something new is in the log: a page asks for many turns of one.
    """
    newest = log.newest()
    kept = KEPT.get(log)
    if kept is None or kept[0] != newest:
        kept = KEPT[log] = newest, {}
    if session not in kept[1]:
        if len(kept[1]) >= MOST_KEPT:
            kept[1].clear()
        kept[1][session] = _turns_of(log, session)
    return kept[1][session]


def _turns_of(log: Log, session: str) -> list[Turn]:
    found = sorted(threads.turns(log.summaries(Wanted(session=session))), key=lambda turn: turn.summary.number)
    return [replace(turn, place=place) for place, turn in enumerate(found, 1)]


def body(entry: Entry) -> Mapping[str, Any] | None:
    """Return what a request said."""
    if entry.request is None:
        return None
    try:
        parsed = parse_json(entry.request.body)
    except BadRequest:
        return None
    return parsed if isinstance(parsed, dict) else None
