"""How targets are: every transition, what cools for how long, what is late, and what never happens."""

from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, precondition, rule

from addon.protocol.errors import Kind
from addon.routing import health
from addon.routing.health import (
    AVOIDED,
    COOLINGS,
    LONGEST_COOLING_S,
    PROBE_S,
    TRANSITIONS,
    Attempt,
    Cooling,
    Event,
    Health,
    Row,
    State,
    grown_s,
)

X, Y = "openai/x", "vllm/y"
OWN_FAULT = tuple(kind for kind in Kind if COOLINGS[kind] is Cooling.NONE)
COOLS = tuple(kind for kind in Kind if COOLINGS[kind] is not Cooling.NONE)


def failed(targets: Health, now: float = 0.0, kind: Kind = Kind.SERVER, wait_s: float | None = None) -> Row | None:
    """One request to X that fails at once."""
    return targets.fail(targets.begin(X, now), kind, wait_s, "it broke", now)


def state(targets: Health, now: float, name: str = X) -> State:
    return next((row.state for row in targets.rows(now) if row.name == name), State.UP)


def in_state(wanted: State) -> tuple[Health, float, Attempt]:
    """A target in a state, the time, and an attempt whose end counts in it; in PROBING it is the probe."""
    targets = Health()
    match wanted:
        case State.UP:
            return targets, 0.0, targets.begin(X, 0.0)
        case State.COOLING:
            failed(targets)
            return targets, 1.0, targets.begin(X, 1.0)
        case State.HALF_OPEN:
            failed(targets)
            newer = targets.begin(X, 1.0)  # although it cools
            return targets, 6.0, newer
        case State.PROBING:
            failed(targets)
            return targets, 6.0, targets.begin(X, 6.0)
        case State.DOWN:
            targets.switch_off(X)
            return targets, 0.0, targets.begin(X, 0.0)


def test_every_state_has_a_row_for_every_event() -> None:
    assert {one: set(row) for one, row in TRANSITIONS.items()} == {one: set(Event) for one in State}


@pytest.mark.parametrize("before", State)
@pytest.mark.parametrize("event", Event)
def test_a_target_goes_where_the_table_says(before: State, event: Event) -> None:
    targets, now, attempt = in_state(before)
    assert state(targets, now) is before
    match event:
        case Event.BEGIN:
            targets.begin(X, now)
        case Event.SUCCEED:
            targets.succeed(attempt, now)
        case Event.FAIL:
            targets.fail(attempt, Kind.SERVER, None, "it broke", now)
        case Event.ABANDON:
            targets.abandon(attempt, now)
        case Event.ELAPSE:
            now += LONGEST_COOLING_S
        case Event.SWITCH_OFF:
            targets.switch_off(X)
        case Event.SWITCH_ON:
            targets.switch_on(X)
    assert state(targets, now) is TRANSITIONS[before][event]


# -- cooling -----------------------------------------------------------------------------------------------------------

TABLE: dict[Kind, Cooling] = {
    **dict.fromkeys((Kind.RATE_LIMIT, Kind.OVERLOADED), Cooling.AS_TOLD),
    **dict.fromkeys((Kind.CREDENTIAL, Kind.PERMISSION, Kind.MONEY, Kind.NOT_FOUND), Cooling.GROWING),
    **dict.fromkeys((Kind.UNREACHABLE, Kind.TIMEOUT, Kind.SERVER, Kind.MALFORMED), Cooling.GROWING),
    **dict.fromkeys((Kind.OVERFLOW, Kind.OUTPUT_CAP, Kind.TOO_LARGE, Kind.REFUSED, Kind.REPAIRABLE), Cooling.NONE),
}


def test_every_kind_of_failure_cools_or_does_not() -> None:
    assert {kind: TABLE[kind] for kind in Kind} == COOLINGS


WAITS = [
    (Kind.RATE_LIMIT, 7.0, 7.0),
    (Kind.RATE_LIMIT, 3_600.0, 300.0),
    (Kind.RATE_LIMIT, None, 5.0),
    (Kind.RATE_LIMIT, 0.0, 5.0),
    (Kind.OVERLOADED, 20.0, 20.0),
    (Kind.OVERLOADED, None, 5.0),
    (Kind.SERVER, 7.0, 5.0),
    (Kind.MONEY, None, 5.0),
]


@pytest.mark.parametrize(("kind", "told_s", "left_s"), WAITS)
def test_a_target_cools_as_long_as_its_failure_says(kind: Kind, told_s: float | None, left_s: float) -> None:
    targets = Health()
    assert failed(targets, 100.0, kind, told_s) == Row(X, State.COOLING, 1, left_s, "it broke")
    assert targets.avoided(100.0 + left_s - 0.1) == {X: State.COOLING}
    assert targets.avoided(100.0 + left_s) == {}


def test_each_failure_in_a_row_doubles_the_cooling_up_to_five_minutes() -> None:
    targets, now, found = Health(), 0.0, []
    for _ in range(9):
        row = failed(targets, now)
        assert row is not None
        assert row.left_s is not None
        found.append(row.left_s)
        now += row.left_s
    assert found == [5, 10, 20, 40, 80, 160, 300, 300, 300]
    assert targets.succeed(targets.begin(X, now), now) == Row(X, State.UP)
    assert failed(targets, now) == Row(X, State.COOLING, 1, 5.0, "it broke")


def test_after_any_number_of_failures_the_wait_is_a_number() -> None:
    assert grown_s(10**6) == LONGEST_COOLING_S


@pytest.mark.parametrize("kind", OWN_FAULT)
def test_a_failure_of_the_requests_own_shows_that_the_target_answers(kind: Kind) -> None:
    targets = Health()
    assert failed(targets, kind=kind) is None
    assert targets.rows(0.0) == ()
    failed(targets)
    assert failed(targets, 6.0, kind) == Row(X, State.UP)


def test_of_a_long_reason_the_beginning_is_kept() -> None:
    targets = Health()
    targets.fail(targets.begin(X, 0.0), Kind.SERVER, None, "a" * 10_000, 0.0)
    assert targets.rows(0.0)[0].why == "a" * health.LONGEST_WHY


# -- late events -------------------------------------------------------------------------------------------------------


def test_requests_that_fail_together_are_one_failure() -> None:
    targets = Health()
    burst = [targets.begin(X, 0.0) for _ in range(16)]
    rows = [targets.fail(attempt, Kind.SERVER, None, "it broke", 1.0) for attempt in burst]
    assert [row is not None for row in rows] == [True] + 15 * [False]
    assert targets.rows(1.0) == (Row(X, State.COOLING, 1, 5.0, "it broke"),)


def test_a_late_wish_to_wait_lengthens_the_cooling_and_never_shortens_it() -> None:
    targets = Health()
    burst = [targets.begin(X, 0.0) for _ in range(3)]
    for attempt, wait_s in zip(burst, (None, 30.0, 6.0), strict=True):
        targets.fail(attempt, Kind.RATE_LIMIT, wait_s, "slow down", 0.0)
    assert targets.rows(0.0)[0].left_s == 30.0


@pytest.mark.parametrize("now", [1.0, 6.0])
def test_a_late_success_lifts_no_cooling_and_is_no_probe(now: float) -> None:
    targets = Health()
    older = targets.begin(X, 0.0)
    failed(targets)
    before = state(targets, now)
    assert targets.succeed(older, now) is None
    assert state(targets, now) is before
    assert targets.begin(X, 6.0).is_probe


def test_a_late_end_does_not_end_the_probe() -> None:
    for end in ("succeed", "fail", "abandon"):
        targets = Health()
        older = targets.begin(X, 0.0)
        failed(targets)
        targets.begin(X, 6.0)
        if end == "succeed":
            targets.succeed(older, 7.0)
        elif end == "fail":
            targets.fail(older, Kind.SERVER, None, "it broke", 7.0)
        else:
            targets.abandon(older, 7.0)
        assert state(targets, 7.0) is State.PROBING


def test_a_late_failure_does_not_cool_what_came_up_since() -> None:
    targets = Health()
    older = targets.begin(X, 0.0)
    failed(targets)
    targets.succeed(targets.begin(X, 6.0), 7.0)
    assert targets.fail(older, Kind.SERVER, None, "it broke", 8.0) is None
    assert targets.avoided(8.0) == {}


def test_what_had_to_go_to_a_cooling_target_brings_it_up_or_counts() -> None:
    targets = Health()
    failed(targets)
    assert targets.succeed(targets.begin(X, 1.0), 2.0) == Row(X, State.UP)
    failed(targets, 3.0)
    assert targets.fail(targets.begin(X, 4.0), Kind.SERVER, None, "again", 4.0) is None  # it cooled already
    assert targets.rows(4.0) == (Row(X, State.COOLING, 2, 10.0, "again"),)


def test_a_further_failure_never_shortens_the_cooling() -> None:
    targets = Health()
    failed(targets, 0.0, Kind.RATE_LIMIT, 200.0)
    failed(targets, 1.0)
    assert targets.rows(1.0) == (Row(X, State.COOLING, 2, 199.0, "it broke"),)


def test_a_reply_that_breaks_after_its_first_content_cools_its_target_a_probe_too() -> None:
    targets = Health()
    failed(targets)
    probe = targets.begin(X, 6.0)
    targets.succeed(probe, 7.0)
    row = targets.fail(probe, Kind.SERVER, None, "it broke", 9.0)
    assert row == Row(X, State.COOLING, 1, 5.0, "it broke")


# -- probes ------------------------------------------------------------------------------------------------------------


def test_one_request_probes_and_the_others_pass_it_over() -> None:
    targets = Health()
    failed(targets)
    assert [targets.begin(X, now).is_probe for now in (1.0, 6.0, 6.0, 7.0)] == [False, True, False, False]
    assert targets.avoided(7.0) == {X: State.PROBING}


def test_a_probe_whose_client_left_is_released() -> None:
    targets = Health()
    failed(targets)
    targets.abandon(targets.begin(X, 6.0), 7.0)
    assert targets.avoided(7.0) == {}
    assert targets.begin(X, 7.0).is_probe


def test_a_probe_that_is_not_heard_of_makes_room_and_still_counts_when_it_ends() -> None:
    targets = Health()
    failed(targets)
    lost = targets.begin(X, 6.0)
    assert targets.avoided(6.0 + PROBE_S) == {}
    assert targets.begin(X, 6.0 + PROBE_S).is_probe
    targets.abandon(lost, 200.0)  # it is no longer the probe
    assert targets.avoided(200.0) == {X: State.PROBING}
    assert targets.succeed(lost, 201.0) == Row(X, State.UP)


# -- by hand -----------------------------------------------------------------------------------------------------------


def test_a_target_is_switched_off_until_it_is_switched_on() -> None:
    targets = Health()
    before = targets.begin(X, 0.0)
    assert (targets.switch_off(X), targets.switch_off(X)) == (True, False)
    assert targets.succeed(targets.begin(X, 1.0), 1.0) is None
    assert failed(targets, 1.0) is None
    assert targets.avoided(10.0**6) == {X: State.DOWN}
    assert targets.rows(1.0) == (Row(X, State.DOWN),)
    assert (targets.switch_on(X), targets.switch_on(X), targets.switch_on(Y)) == (True, False, False)
    assert targets.fail(before, Kind.SERVER, None, "it broke", 2.0) is None  # as it was before the hand came
    assert targets.rows(2.0) == (Row(X, State.UP),)


def test_switching_on_lifts_a_cooling() -> None:
    targets = Health()
    failed(targets)
    assert targets.switch_on(X)
    assert targets.avoided(0.0) == {}


# -- memory ------------------------------------------------------------------------------------------------------------


def test_of_many_targets_the_first_are_forgotten_those_that_are_up_before_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(health, "MOST_TARGETS", 3)
    targets = Health()
    targets.switch_off("off")
    for name in ("a", "b", "c"):
        targets.fail(targets.begin(name, 0.0), Kind.SERVER, None, "", 0.0)
    targets.switch_on("b")
    for name in ("d", "e"):
        targets.fail(targets.begin(name, 1.0), Kind.SERVER, None, "", 1.0)
    assert [row.name for row in targets.rows(1.0)] == ["off", "c", "d", "e"]


def test_of_what_never_failed_nothing_is_kept() -> None:
    targets = Health()
    for number in range(1_000):
        targets.succeed(targets.begin(f"ollama/{number}", 0.0), 0.0)
    assert targets.rows(0.0) == ()


# -- whatever happens --------------------------------------------------------------------------------------------------

NAMES = st.sampled_from([X, Y, "groq/z"])


class Anything(RuleBasedStateMachine):
    """Requests begin and end in any order while time goes on and somebody plays with the switch."""

    attempts: Bundle[Attempt] = Bundle("attempts")

    def __init__(self) -> None:
        super().__init__()
        self.targets = Health()
        self.now = 0.0
        self.probed: dict[str, float] = {}  # when the probe began of which nothing was heard, while no verdict came
        self.off: set[str] = set()
        self.late: dict[str, int] = {}  # the last attempt that tells of the target as it was
        self.begun = 0

    def told(self, name: str) -> Row:
        return next((row for row in self.targets.rows(self.now) if row.name == name), Row(name, State.UP))

    @rule(target=attempts, name=NAMES)
    def begin(self, name: str) -> Attempt:
        before = self.told(name)
        attempt = self.targets.begin(name, self.now)
        self.begun += 1
        assert attempt.number == self.begun
        assert attempt.is_probe is (before.state is State.HALF_OPEN)
        if attempt.is_probe:
            assert self.now - self.probed.get(name, -PROBE_S) >= PROBE_S
            self.probed[name] = self.now
        return attempt

    @rule(attempt=attempts)  # a failure may follow
    def succeed(self, attempt: Attempt) -> None:
        before, row = self.told(attempt.name), self.targets.succeed(attempt, self.now)
        self.end(attempt, row)
        if self.is_late(attempt):
            assert self.told(attempt.name) == before
        elif attempt.name not in self.off:
            assert self.told(attempt.name).state is State.UP
        if row is not None:
            self.late[attempt.name] = attempt.number - 1

    @rule(attempt=consumes(attempts), kind=st.sampled_from(COOLS), wait_s=st.none() | st.integers(0, 900))
    def fail(self, attempt: Attempt, kind: Kind, wait_s: int | None) -> None:
        before = self.told(attempt.name)
        self.end(attempt, self.targets.fail(attempt, kind, wait_s, "why", self.now))
        after = self.told(attempt.name)
        if before.state is State.COOLING:
            assert (after.left_s or 0) >= (before.left_s or 0)
        if self.is_late(attempt):
            assert (after.state, after.failures) == (before.state, before.failures)
        elif attempt.name not in self.off:
            assert (after.state, after.failures) == (State.COOLING, before.failures + 1)
            self.late[attempt.name] = self.begun

    @rule(attempt=consumes(attempts))
    def abandon(self, attempt: Attempt) -> None:
        before = self.told(attempt.name)
        self.targets.abandon(attempt, self.now)
        self.end(attempt, None)
        if not attempt.is_probe:
            assert self.told(attempt.name) == before

    def is_late(self, attempt: Attempt) -> bool:
        return attempt.number <= self.late.get(attempt.name, 0)

    def end(self, attempt: Attempt, row: Row | None) -> None:
        assert row is None or row == self.told(attempt.name)
        if attempt.is_probe or row is not None or self.told(attempt.name).state is not State.PROBING:
            self.probed.pop(attempt.name, None)

    @rule(name=NAMES, on=st.booleans())
    def switch(self, name: str, on: bool) -> None:
        before = self.told(name).state
        changed = self.targets.switch_on(name) if on else self.targets.switch_off(name)
        assert changed is (before is not (State.UP if on else State.DOWN))
        self.off = self.off - {name} if on else self.off | {name}
        self.probed.pop(name, None)
        self.late[name] = self.begun if changed else self.late.get(name, 0)

    @rule(elapsed_s=st.sampled_from([0.25, 1.0, 4.75, 5.0, 60.0, 120.0, 300.0]))  # exact in binary
    def wait(self, elapsed_s: float) -> None:
        before = self.targets.avoided(self.now)
        self.now += elapsed_s
        assert self.targets.avoided(self.now).items() <= before.items()  # time alone cools nothing down

    @precondition(lambda self: self.off != {X, Y, "groq/z"})
    @rule()
    def wait_long(self) -> None:
        self.now += LONGEST_COOLING_S
        assert set(self.targets.avoided(self.now)) == self.off

    @invariant()
    def a_row_is_right(self) -> None:
        for row in self.targets.rows(self.now):
            assert (row.state is State.DOWN) is (row.name in self.off)
            assert (row.left_s is None) is (row.state not in (State.COOLING, State.PROBING))
            assert row.left_s is None or 0 < row.left_s <= LONGEST_COOLING_S
            assert (row.failures > 0) is (row.state in (State.COOLING, State.HALF_OPEN, State.PROBING))
        rows: Any = {row.name: row.state for row in self.targets.rows(self.now) if row.state in AVOIDED}
        assert self.targets.avoided(self.now) == rows


TestAnything = Anything.TestCase
