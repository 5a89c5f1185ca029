"""The documents of sessions, found once: a long session's requests take a while to go through.

What was found is kept while the reader runs, for the sessions that were asked for last, and goes on with the turns that
came since. A page is given what there is after half a second, with how far that is; who asks again gets further.
"""

import time
from collections import OrderedDict
from contextlib import suppress
from dataclasses import dataclass, field
from threading import Lock

from addon.prompts.documents import History
from addon.prompts.log.reading import Log, NotKept
from addon.prompts.reader import exchange

AT_A_TIME_S = 0.5  # 1,500 turns or so
MOST_SESSIONS = 8


@dataclass(slots=True)
class Found:
    """What is known of a session: its documents so far, of ``read`` of ``turns`` turns."""

    history: History = field(default_factory=History)
    read: int = 0
    turns: int = 0

    @property
    def is_whole(self) -> bool:
        """Whether every turn was gone through."""
        return self.read == self.turns


class Histories:
    """See the module. For several threads; one goes through a session at a time."""

    def __init__(self, at_a_time_s: float = AT_A_TIME_S) -> None:
        """Nothing is known."""
        self._at_a_time_s = at_a_time_s
        self._found: OrderedDict[tuple[int, str], Found] = OrderedDict()
        self._lock = Lock()

    def of(self, log: Log, session: str) -> Found:
        """Go through a session, as far as the time reaches. Raises: NotKept where there is none."""
        turns = exchange.turns_of(log, session)
        if not turns:
            raise NotKept(f"The log keeps nothing of a session {session!r}; the sessions are on the first page.")
        with self._lock:
            key = (id(log), session)
            found = self._found.pop(key, None) or Found()
            if found.read > len(turns):  # old turns were let go, so places moved
                found = Found()
            self._found[key] = found
            if len(self._found) > MOST_SESSIONS:
                self._found.popitem(last=False)
            found.turns = len(turns)
            until = time.monotonic() + self._at_a_time_s
            for turn in turns[found.read :]:
                if turn.summary.origin is None:
                    with suppress(NotKept):
                        found.history.add(turn.place, turn.summary, exchange.body(log.entry(turn.summary.number)))
                found.read += 1
                if time.monotonic() > until:
                    break
            return found
