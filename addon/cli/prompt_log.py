"""What people name of the prompt log, found in it: a session, a turn of one, an exchange; and their entries."""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from addon.cli import wiring
from addon.prompts import threads
from addon.prompts.entry import Entry, Summary
from addon.prompts.log.reading import LAST, Log, NotKept, Wanted
from addon.prompts.log.statements import FILE
from addon.protocol.errors import ConfigError
from addon.routing.call import Kind

NONE = "none"  # how people name the exchanges that belong to no session


@dataclass(frozen=True, slots=True)
class Chosen:
    """What was named. ``summaries``: all of its session, by when they began. ``turn`` None: the session itself.

    ``places`` are those of the exchanges in their session, counted from one in the order of the log, by their numbers.
    """

    session: str
    summaries: tuple[Summary, ...]
    places: Mapping[int, int]
    turn: Summary | None = None

    @property
    def own(self) -> list[Summary]:
        """What the client asked itself: no replay, no shadow."""
        return [summary for summary in self.summaries if summary.origin is None]

    def place(self, summary: Summary) -> int:
        """Where an exchange stands in its session."""
        return self.places[summary.number]

    def before(self, summary: Summary) -> Summary | None:
        """Return the exchange that another continues, or that it was asked beside; None: there is none."""
        previous = threads.previous(self.summaries, summary)
        if previous is not None or threads.conversation(summary) is not None:
            return previous
        kinds = (Kind.MAIN, Kind.SUBAGENT, Kind.WORKFLOW)
        earlier = [
            each
            for each in self.own
            if each.at <= summary.at
            and each.number != summary.number
            and each.agent == summary.agent
            and each.kind in kinds
        ]
        return earlier[-1] if earlier else None


def opened() -> closing[Log]:
    """Open the log, to be closed. Raises: ConfigError when there is none."""
    return closing(Log(wiring.home_folder(Path.cwd(), os.environ) / FILE))


def choose(log: Log, text: str) -> Chosen:
    """Find what ``text`` names: SESSION, SESSION/TURN, an exchange's number or id, or ``last``. Raises: ConfigError."""
    if "/" in text:
        session, _, turn = text.rpartition("/")
        return _of(log, log.resolve(f"{_named(log, session)}/{turn}"))
    tries = [_session, _exchange]
    faults = []
    for find in reversed(tries) if text.isdigit() else tries:
        try:
            return find(log, text)
        except NotKept as fault:
            faults.append(fault.message)
    raise ConfigError(faults[0])


def exchange(log: Log, text: str) -> Chosen:
    """Find one exchange: SESSION/TURN, a number, an id, or ``last``. Raises: ConfigError."""
    if "/" in text:
        return choose(log, text)
    return _exchange(log, text)


def entries(log: Log, summaries: Sequence[Summary]) -> Iterator[Entry]:
    """Read exchanges one by one; of one that is not kept whole any more only its metadata are left."""
    for summary in summaries:
        try:
            yield log.entry(summary.number)
        except NotKept:
            yield Entry(summary=summary)


def _session(log: Log, text: str) -> Chosen:
    session = _named(log, text)
    return _chosen(log, session, None)


def _exchange(log: Log, text: str) -> Chosen:
    return _of(log, log.resolve(text))


def _named(log: Log, text: str) -> str:
    return "" if text == NONE else log.session(text)


def _of(log: Log, summary: Summary) -> Chosen:
    return _chosen(log, summary.session or "", summary)


def _chosen(log: Log, session: str, turn: Summary | None) -> Chosen:
    found = log.summaries(Wanted(session=session))
    if not found:
        raise NotKept(
            f"No exchange without a session is in the log; `detour sessions` lists what is, {LAST} is newest."
        )
    places = {summary.number: place for place, summary in enumerate(found, start=1)}
    return Chosen(session, tuple(threads.in_order(found)), places, turn)
