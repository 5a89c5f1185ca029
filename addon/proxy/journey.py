"""What the attempts of one exchange have in common: what was asked, who was tried, and who is asked next. Pure.

Theory of operation. An attempt that fails before the client has heard a word is weighed (``plan``): the same target
again after a wait, or the next of the list at once, or nobody (``addon/routing/retry.py`` says which failure deserves
what). A target whose time has run out is not asked again while there is another: the client has waited long enough.
Where nobody is left, the client hears the failure that it can do most about: one that its own retry may mend before
one that it cannot, the newest of them (``last_word``).
"""

from dataclasses import dataclass, field

from addon.dialects.documents import Reading
from addon.protocol import tokens
from addon.protocol.errors import BackendError, DetourError
from addon.proxy.intake import Incoming
from addon.routing.health import Attempt, Health, Row
from addon.routing.retry import After, after, delay_s
from addon.routing.route import Route, fall_back, larger
from addon.routing.settings import Settings


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why an attempt has come to nothing, where no reply says it."""

    message: str
    timed_out: bool = False
    final: bool = False  # the time for the whole exchange is over: nothing is tried any more
    reused: bool = False  # a kept connection was closed under the request: the backend may not even have seen it
    error: DetourError | None = None  # ours: nobody was asked


@dataclass(frozen=True, slots=True)
class Again:
    """Another attempt, after a wait."""

    delay_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Failed:
    """One that failed. ``status`` is what the backend's reply said, or what its failure amounts to."""

    target: str
    status: int
    elapsed_ms: int
    why: str


@dataclass(slots=True)
class Journey:
    """See the module. All times are seconds of one monotonic clock."""

    incoming: Incoming
    settings: Settings
    route: Route  # of the attempt under way, or of the next one
    health: Health
    began_at: float  # that attempt
    attempts: list[Failed] = field(default_factory=list)  # those that failed
    opened: bool = False  # the client was told early that it gets a stream
    is_other: bool = False  # the next attempt goes to another target, and the request is translated anew
    attempt: Attempt | None = None  # the one under way, as the target's health knows it
    cooled: Row | None = None  # a target that is another since the last failure, until somebody has said so
    readings: dict[bytes, Reading] = field(default_factory=dict)  # PDFs that a translation waited for
    renewed: set[str] = field(default_factory=set)  # targets whose credential was made anew
    _errors: list[DetourError] = field(default_factory=list)
    _tries: int = 0  # how often this target was asked

    def plan(self, error: DetourError, now: float, draw: float, trouble: Trouble | None = None) -> Again | None:
        """Note that the attempt failed, and say what comes next. ``draw`` lies in [0, 1)."""
        elapsed_ms = round((now - self.began_at) * 1000)
        self.attempts.append(Failed(self.route.name, error.status, elapsed_ms, error.message))
        self._errors.append(error)
        self._tries += 1
        if trouble is not None and trouble.final:
            return self._leave(error, now, None)
        what = after(error)
        if what is After.SAME and not (trouble is not None and trouble.timed_out and self.route.others):
            reused = trouble is not None and trouble.reused
            wait_s = delay_s(error, self._tries, self.settings.retry, draw, at_once=reused)
            if wait_s is not None:
                return Again(wait_s)
        if what is After.NEVER:
            return self._leave(error, now, None)
        if what is After.LARGER:
            return self._leave(error, now, larger(self.route, self.settings, self._too_small()))
        return self._leave(error, now, fall_back(self.route, self.settings))

    def once_more(self, error: DetourError, now: float) -> Again | None:
        """Note that the target refused a credential that can be made anew, and grant one attempt with another."""
        if self.route.name in self.renewed:
            return None
        self.renewed.add(self.route.name)
        self.attempts.append(Failed(self.route.name, error.status, round((now - self.began_at) * 1000), error.message))
        return Again()

    def _too_small(self) -> int:
        """The window that did not do; where it is not known, the prompt that did not fit."""
        destination = self.route.destination
        window = destination.target.max_input_tokens if destination is not None else None
        return window or tokens.estimate_text(len(self.incoming.body))

    def _leave(self, error: DetourError, now: float, route: Route | None) -> Again | None:
        """Turn from the target: to ``route``, or to nobody."""
        self.note_failure(error, now)
        self.end(now)
        self.attempt = None
        if route is None:
            return None
        self.route, self.is_other, self._tries = route, True, 0
        return Again()

    def note_failure(self, error: DetourError, now: float) -> None:
        """Nothing more is expected of the attempt under way, and its target hears why."""
        if isinstance(error, BackendError) and self.attempt is not None:
            self.cooled = self.health.fail(self.attempt, error.kind, error.retry_after_s, error.message, now)
            self.attempt = None

    def start(self, now: float) -> None:
        """The next attempt begins."""
        self.began_at, self.is_other = now, False
        if self.attempt is None:
            self.attempt = self.health.begin(self.route.choice.name, now)

    def answered(self, now: float) -> Row | None:
        """The first content came. Returns: the target's health, where it is another now."""
        return self.health.succeed(self.attempt, now) if self.attempt is not None else None

    def end(self, now: float) -> None:
        """Nothing more is known of the attempt under way."""
        if self.attempt is not None:
            self.health.abandon(self.attempt, now)

    def last_word(self) -> DetourError:
        """Return what the client hears when nobody is left to ask."""
        mendable = [error for error in self._errors if after(error) is After.SAME]
        error = (mendable or self._errors)[-1]
        if len(self.attempts) > 1 and after(error) in (After.SAME, After.NEXT):
            error.message = f"{error.message} ({self.told()})"
        return error

    def told(self, *, ended_well: bool = True) -> str:
        """The attempts that failed, in few words; without the last where that is what the exchange ended with."""
        by_target: dict[str, list[str]] = {}
        for attempt in self.attempts if ended_well else self.attempts[:-1]:
            by_target.setdefault(attempt.target, []).append(str(attempt.status))
        told = ", ".join(f"{target} {' '.join(statuses)}" for target, statuses in by_target.items())
        return f"tried {told}" if told else ""
