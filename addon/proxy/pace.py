"""When something must be done in an exchange although nobody says anything. Pure; times come in.

Theory of operation. An exchange has a phase, told by whoever moves it; each phase has its own limit, and runs out into
one ``Due`` (table ``LIMITS``). Beside it two clocks run through all phases: the time for the whole exchange, and the
client's silence. A client that waits for a stream and has heard nothing is told "200, wait" when the grace period is
over, and from then on gets a ping whenever it has heard nothing for ``ping_s``.

    CONNECTING  until a connection stands          connect_s     CONNECT
    WAITING     the request is on its way          first_byte_s  FIRST_BYTE
    REPLYING    the backend has begun to answer    idle_s        IDLE        measured from its last piece
    PAUSED      between two attempts               its own       RESUME
    ENDING      all is said, the end not come yet  its own       END
    OVER        nothing more is due

What has run out is noted, and does not run out again in the same phase; the client is pinged all the same.

All times are seconds of one monotonic clock.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from math import inf

from addon.routing.config import Streaming, Timeouts


class Phase(Enum):
    """Where the exchange stands with its backend."""

    CONNECTING = auto()
    WAITING = auto()
    REPLYING = auto()
    PAUSED = auto()
    ENDING = auto()
    OVER = auto()


class Due(Enum):
    """What is to be done."""

    CONNECT = auto()
    FIRST_BYTE = auto()
    IDLE = auto()
    TOTAL = auto()
    END = auto()
    RESUME = auto()
    OPEN = auto()  # tell the client 200, and that it has to wait
    PING = auto()


@dataclass(slots=True)
class Pace:
    """The clocks of one exchange. ``streaming`` None: the client waits for a whole reply, and cannot be pinged."""

    timeouts: Timeouts
    streaming: Streaming | None
    began_at: float
    phase: Phase = Phase.CONNECTING
    since: float = 0.0  # when the phase began
    heard_at: float = 0.0  # the backend's last piece
    ends_at: float = 0.0  # of the phases that have a limit of their own
    wrote_at: float | None = None  # the client's last piece; None: it has heard nothing yet
    expired: Due | None = None

    def enter(self, phase: Phase, now: float) -> None:
        """Begin a phase."""
        self.phase, self.since, self.heard_at = phase, now, now
        if self.expired is not Due.TOTAL:
            self.expired = None

    def pause(self, delay_s: float, now: float) -> None:
        """Wait before the next attempt."""
        self.enter(Phase.PAUSED, now)
        self.ends_at = now + delay_s

    def end(self, delay_s: float, now: float) -> None:
        """Nothing that the client needs can come any more: wait for the end of the reply no longer than this."""
        self.enter(Phase.ENDING, now)
        self.ends_at = now + delay_s

    def limit_s(self, due: Due) -> float:
        """How long the backend had. Raises: KeyError for what is no limit of its."""
        limits = self.timeouts
        return {
            Due.CONNECT: limits.connect_s,
            Due.FIRST_BYTE: limits.first_byte_s,
            Due.IDLE: limits.idle_s,
            Due.TOTAL: limits.total_s,
            Due.END: self.ends_at - self.since,
        }[due] or 0.0

    def next_at(self) -> float:
        """When the next thing is due; ``inf`` for never."""
        return self._next()[0]

    def due(self, now: float) -> Due | None:
        """What is due by now, the most important first; None for nothing yet."""
        at, what = self._next()
        return what if at <= now else None

    def _next(self) -> tuple[float, Due]:
        if self.phase is Phase.OVER:
            return inf, Due.TOTAL
        candidates = [(inf, Due.TOTAL)]
        if self.expired is None:
            limit, of_phase = LIMITS[self.phase]
            candidates = [(_after(self.began_at, self.timeouts.total_s), Due.TOTAL), (limit(self), of_phase)]
        if self.streaming is not None and self.phase is not Phase.ENDING:  # behind the last word comes no ping
            candidates.append(
                (self.began_at + self.streaming.grace_s, Due.OPEN)
                if self.wrote_at is None
                else (self.wrote_at + self.streaming.ping_s, Due.PING)
            )
        return min(candidates, key=lambda candidate: candidate[0])  # of equal ones the first


def _after(moment: float, limit_s: float | None) -> float:
    return inf if limit_s is None else moment + limit_s


LIMITS: Mapping[Phase, tuple[Callable[[Pace], float], Due]] = {
    Phase.CONNECTING: (lambda pace: _after(pace.since, pace.timeouts.connect_s), Due.CONNECT),
    Phase.WAITING: (lambda pace: _after(pace.since, pace.timeouts.first_byte_s), Due.FIRST_BYTE),
    Phase.REPLYING: (lambda pace: _after(pace.heard_at, pace.timeouts.idle_s), Due.IDLE),
    Phase.PAUSED: (lambda pace: pace.ends_at, Due.RESUME),
    Phase.ENDING: (lambda pace: pace.ends_at, Due.END),
}
