"""How targets are: which one is up, which cools down after a failure, which is being tried again. Pure.

Theory of operation. A target is called as its ``Choice``: ``provider/model``. Who sends a request to one says so with
``begin`` and gets an Attempt, for which one of three follows: ``succeed`` (its first content came; where the reply
breaks after that, ``fail`` follows still), ``fail``, ``abandon`` (neither: the client left, or nothing was sent). The
time is an argument, in seconds of a clock that never goes back. One failure that tells of the target cools it down:

- UP: nothing is known against it. All targets begin so, and those of which nothing was ever said are not kept.
- COOLING: it failed, and is passed over while another is up. A rate limit cools it for as long as the backend says,
  anything else for 5 s, twice as long after each failure in a row, 5 minutes at most.
- HALF_OPEN: the cooling is over, and nobody has tried yet. The next request to it is its probe.
- PROBING: its probe is under way, and all others pass it over. A probe that is not heard of in two minutes is given up:
  the next one may be made, and the old one's end still counts when it comes.
- DOWN: switched off by hand. Nothing but the hand, or the end of the run, switches it on again.

Late events. A failure that counts, and a hand at the switch, are verdicts on every attempt under way; a success that
brings a target up is one on all that began before it. An attempt under such a verdict is late: it tells of the target
as it was. Its success lifts no cooling and ends no probe, its failure neither counts nor cools a target that has come
up since, so that sixteen requests that fail together are one failure. One thing of it is taken: a backend's wish to
wait lengthens a cooling under way. Of requests that had to go to a cooling target, because all were, the end is no late
one: their success brings it up, their failure counts.

A failure that is the request's own (too long, refused) shows that the target answers, and is a success here.

Memory: the last 256 targets of which something is known, those switched off apart.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, StrEnum, auto
from types import MappingProxyType

from addon.protocol.errors import Kind

FIRST_COOLING_S = 5.0  # a restart, or a burst of a minute's limit, takes about as long
LONGEST_COOLING_S = 300.0  # a target that came back is tried within five minutes
PROBE_S = 120.0  # a slow model's first content takes a minute; then rather two probes than none for ever
MOST_TARGETS = 256  # a session knows a handful, but the client may name any model
LONGEST_WHY = 200  # characters: it quotes a backend


class State(StrEnum):
    """How a target is; see the theory of operation."""

    UP = "up"
    COOLING = "cooling"
    HALF_OPEN = "half_open"
    PROBING = "probing"
    DOWN = "down"


class Event(Enum):
    """What happens to a target. None of the first four is late."""

    BEGIN = auto()
    SUCCEED = auto()
    FAIL = auto()
    ABANDON = auto()  # of its probe
    ELAPSE = auto()  # its cooling is over, or its probe was not heard of
    SWITCH_OFF = auto()
    SWITCH_ON = auto()


# every state, every event -> the state after it
TRANSITIONS: Mapping[State, Mapping[Event, State]] = MappingProxyType(
    {
        State.UP: {
            Event.BEGIN: State.UP,
            Event.SUCCEED: State.UP,
            Event.FAIL: State.COOLING,
            Event.ABANDON: State.UP,
            Event.ELAPSE: State.UP,
            Event.SWITCH_OFF: State.DOWN,
            Event.SWITCH_ON: State.UP,
        },
        State.COOLING: {
            Event.BEGIN: State.COOLING,
            Event.SUCCEED: State.UP,
            Event.FAIL: State.COOLING,
            Event.ABANDON: State.COOLING,
            Event.ELAPSE: State.HALF_OPEN,
            Event.SWITCH_OFF: State.DOWN,
            Event.SWITCH_ON: State.UP,
        },
        State.HALF_OPEN: {
            Event.BEGIN: State.PROBING,
            Event.SUCCEED: State.UP,
            Event.FAIL: State.COOLING,
            Event.ABANDON: State.HALF_OPEN,
            Event.ELAPSE: State.HALF_OPEN,
            Event.SWITCH_OFF: State.DOWN,
            Event.SWITCH_ON: State.UP,
        },
        State.PROBING: {
            Event.BEGIN: State.PROBING,
            Event.SUCCEED: State.UP,
            Event.FAIL: State.COOLING,
            Event.ABANDON: State.HALF_OPEN,
            Event.ELAPSE: State.HALF_OPEN,
            Event.SWITCH_OFF: State.DOWN,
            Event.SWITCH_ON: State.UP,
        },
        State.DOWN: {
            Event.BEGIN: State.DOWN,
            Event.SUCCEED: State.DOWN,
            Event.FAIL: State.DOWN,
            Event.ABANDON: State.DOWN,
            Event.ELAPSE: State.DOWN,
            Event.SWITCH_OFF: State.DOWN,
            Event.SWITCH_ON: State.UP,
        },
    }
)
AVOIDED = frozenset((State.COOLING, State.PROBING, State.DOWN))
TIMED = frozenset((State.COOLING, State.PROBING))  # those that end by themselves


class Cooling(Enum):
    """What a failure does to its target."""

    AS_TOLD = auto()  # as long as the backend says; where it says nothing, or no time at all, as GROWING
    GROWING = auto()
    NONE = auto()  # the request's own fault


COOLINGS: Mapping[Kind, Cooling] = MappingProxyType(
    {
        Kind.OVERFLOW: Cooling.NONE,
        Kind.OUTPUT_CAP: Cooling.NONE,
        Kind.TOO_LARGE: Cooling.NONE,
        Kind.RATE_LIMIT: Cooling.AS_TOLD,
        Kind.CREDENTIAL: Cooling.GROWING,
        Kind.PERMISSION: Cooling.GROWING,
        Kind.MONEY: Cooling.GROWING,
        Kind.NOT_FOUND: Cooling.GROWING,
        Kind.OVERLOADED: Cooling.AS_TOLD,
        Kind.UNREACHABLE: Cooling.GROWING,
        Kind.TIMEOUT: Cooling.GROWING,
        Kind.SERVER: Cooling.GROWING,
        Kind.MALFORMED: Cooling.GROWING,
        Kind.REFUSED: Cooling.NONE,
        Kind.REPAIRABLE: Cooling.NONE,
    }
)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One request on its way to a target. Numbers grow by the order in which attempts begin."""

    name: str
    number: int
    is_probe: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """A target as it is now, for people. ``failures``: in a row; ``left_s``: until its state ends by itself."""

    name: str
    state: State
    failures: int = 0
    left_s: float | None = None
    why: str = ""


@dataclass(slots=True)
class _Known:
    """What is known of a target. ``verdict``: the number of the last attempt that is late."""

    state: State = State.UP
    failures: int = 0
    ends_at: float = 0.0  # of the timed states
    verdict: int = 0
    probe: int | None = None
    why: str = ""


class Health:
    """The targets of which something is known."""

    def __init__(self) -> None:
        """All targets are up."""
        self._known: dict[str, _Known] = {}
        self._begun = 0

    def begin(self, name: str, now: float) -> Attempt:
        """Say that a request is sent to a target now."""
        self._begun += 1
        known = self._at(name, now)
        is_probe = known is not None and _step(known, Event.BEGIN)
        if known is not None and is_probe:
            known.probe, known.ends_at = self._begun, now + PROBE_S
        return Attempt(name, self._begun, is_probe)

    def succeed(self, attempt: Attempt, now: float) -> Row | None:
        """Say that the first content came. Returns: the target's row where its state is another now."""
        known = self._at(attempt.name, now)
        if known is None or attempt.number <= known.verdict or not _step(known, Event.SUCCEED):
            return None
        _settle(known, attempt.number - 1)
        return _row(attempt.name, known, now)

    def fail(self, attempt: Attempt, kind: Kind, retry_after_s: float | None, why: str, now: float) -> Row | None:
        """Say that it failed. Returns: the target's row where its state is another now."""
        cooling = COOLINGS[kind]
        if cooling is Cooling.NONE:
            return self.succeed(attempt, now)
        told_s = min(retry_after_s, LONGEST_COOLING_S) if cooling is Cooling.AS_TOLD and retry_after_s else None
        known = self._at(attempt.name, now) or self._keep(attempt.name)
        if attempt.number <= known.verdict:
            if known.state is State.COOLING and told_s is not None:
                known.ends_at = max(known.ends_at, now + told_s)
            return None
        is_changed = _step(known, Event.FAIL)
        if known.state is State.DOWN:
            return None
        known.failures += 1
        known.verdict, known.probe, known.why = self._begun, None, why[:LONGEST_WHY]
        ends_at = now + (told_s if told_s is not None else grown_s(known.failures))
        known.ends_at = ends_at if is_changed else max(known.ends_at, ends_at)
        return _row(attempt.name, known, now) if is_changed else None

    def abandon(self, attempt: Attempt, now: float) -> None:
        """Say that nothing will be known of an attempt: the client left, or nothing was sent."""
        known = self._at(attempt.name, now)
        if known is not None and attempt.number == known.probe:
            _step(known, Event.ABANDON)
            known.probe = None

    def switch_off(self, name: str) -> bool:
        """Let nobody be sent to a target while there is another. Returns: whether it was on."""
        known = self._known.get(name) or self._keep(name)
        _settle(known, self._begun)
        return _step(known, Event.SWITCH_OFF)

    def switch_on(self, name: str) -> bool:
        """Bring a target up, also from its cooling. Returns: whether it was anything else."""
        known = self._known.get(name)
        if known is None or not _step(known, Event.SWITCH_ON):
            return False
        _settle(known, self._begun)
        return True

    def avoided(self, now: float) -> Mapping[str, State]:
        """Return the targets that are passed over while others are up, each with its state."""
        if not self._known:
            return NOBODY
        return {row.name: row.state for row in self.rows(now) if row.state in AVOIDED}

    def rows(self, now: float) -> tuple[Row, ...]:
        """Return what is known of every target."""
        for known in self._known.values():
            _elapse(known, now)
        return tuple(_row(name, known, now) for name, known in self._known.items())

    def _at(self, name: str, now: float) -> _Known | None:
        known = self._known.get(name)
        if known is not None:
            _elapse(known, now)
        return known

    def _keep(self, name: str) -> _Known:
        """Begin to know of a target; of too many the first that is up, or else the first, is forgotten."""
        forgettable = [other for other, known in self._known.items() if known.state is not State.DOWN]
        if len(forgettable) >= MOST_TARGETS:
            up = (other for other in forgettable if self._known[other].state is State.UP)
            del self._known[next(up, forgettable[0])]
        found = self._known[name] = _Known()
        return found


NOBODY: Mapping[str, State] = MappingProxyType({})


def grown_s(failures: int) -> float:
    """How long a target cools after so many failures in a row."""
    return min(FIRST_COOLING_S * 2.0 ** min(failures - 1, 10), LONGEST_COOLING_S)


def _step(known: _Known, event: Event) -> bool:
    """Go where the table says. Returns: whether that is another state."""
    was, known.state = known.state, TRANSITIONS[known.state][event]
    return known.state is not was


def _settle(known: _Known, verdict: int) -> None:
    """Hold nothing against it, and all attempts up to ``verdict`` for late."""
    known.failures, known.why, known.probe, known.verdict = 0, "", None, verdict


def _elapse(known: _Known, now: float) -> None:
    if known.state in TIMED and now >= known.ends_at:
        _step(known, Event.ELAPSE)


def _row(name: str, known: _Known, now: float) -> Row:
    left_s = known.ends_at - now if known.state in TIMED else None
    return Row(name, known.state, known.failures, left_s, known.why)
