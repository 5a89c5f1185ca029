"""When something is due in an exchange: rows of (what happened, when, what is due)."""

from math import inf

import pytest

from addon.proxy.pace import LIMITS, Due, Pace, Phase
from addon.routing.config import Streaming, Timeouts

ALL = Timeouts(connect_s=10.0, first_byte_s=60.0, idle_s=300.0, total_s=1_000.0)
NONE = Timeouts(None, None, None, None)
STREAMING = Streaming(grace_s=12.0, ping_s=15.0)


def pace(timeouts: Timeouts = ALL, streaming: Streaming | None = None, *, phase: Phase, at: float = 100.0) -> Pace:
    made = Pace(timeouts, streaming, began_at=100.0)
    made.enter(phase, at)
    return made


PHASES = [
    (Phase.CONNECTING, 110.0, Due.CONNECT),
    (Phase.WAITING, 160.0, Due.FIRST_BYTE),
    (Phase.REPLYING, 400.0, Due.IDLE),
]


@pytest.mark.parametrize(("phase", "at", "due"), PHASES)
def test_each_phase_has_its_limit(phase: Phase, at: float, due: Due) -> None:
    clock = pace(phase=phase)
    assert clock.next_at() == at
    assert clock.due(at - 0.001) is None
    assert clock.due(at) is due
    assert clock.limit_s(due) == at - 100.0


@pytest.mark.parametrize(("phase", "_at", "_due"), PHASES)
def test_without_a_limit_nothing_is_ever_due(phase: Phase, _at: float, _due: Due) -> None:
    assert pace(NONE, phase=phase).next_at() == inf


def test_every_phase_but_the_last_has_a_row() -> None:
    assert set(LIMITS) == set(Phase) - {Phase.OVER}


def test_a_reply_has_its_time_again_with_every_piece() -> None:
    clock = pace(phase=Phase.REPLYING)
    clock.heard_at = 250.0
    assert clock.next_at() == 550.0


def test_the_time_for_all_of_it_runs_through_every_phase() -> None:
    for phase in LIMITS:
        clock = pace(phase=phase, at=1_099.0)
        clock.ends_at = 2_000.0
        assert clock.due(1_100.0) is Due.TOTAL


def test_a_pause_ends_when_it_is_over() -> None:
    clock = pace(NONE, phase=Phase.WAITING)
    clock.pause(2.0, 105.0)
    assert (clock.phase, clock.next_at(), clock.due(107.0)) == (Phase.PAUSED, 107.0, Due.RESUME)


def test_a_reply_in_which_all_is_said_has_a_moment_to_end() -> None:
    clock = pace(phase=Phase.REPLYING)
    clock.end(1.0, 200.0)
    assert (clock.next_at(), clock.due(201.0), clock.limit_s(Due.END)) == (201.0, Due.END, 1.0)
    clock.streaming, clock.wrote_at = Streaming(ping_s=0.1), 200.0
    assert clock.next_at() == 201.0, "behind the last word comes no ping"


def test_a_client_that_has_heard_nothing_is_told_to_wait_and_then_pinged() -> None:
    clock = pace(NONE, STREAMING, phase=Phase.WAITING)
    assert (clock.next_at(), clock.due(112.0)) == (112.0, Due.OPEN)
    clock.wrote_at = 112.0
    assert (clock.next_at(), clock.due(127.0)) == (127.0, Due.PING)
    clock.enter(Phase.REPLYING, 120.0)
    clock.wrote_at = 120.0
    assert clock.next_at() == 135.0


def test_the_grace_is_counted_from_the_request_whatever_was_tried() -> None:
    clock = pace(NONE, STREAMING, phase=Phase.CONNECTING, at=111.0)
    assert clock.due(112.0) is Due.OPEN


def test_what_has_run_out_does_so_once_and_the_client_is_pinged_all_the_same() -> None:
    clock = pace(ALL, STREAMING, phase=Phase.CONNECTING)
    clock.expired = clock.due(110.0)
    assert clock.expired is Due.CONNECT
    assert (clock.next_at(), clock.due(112.0)) == (112.0, Due.OPEN)
    clock.enter(Phase.WAITING, 113.0)
    assert clock.expired is None


def test_the_time_for_all_of_it_stays_over() -> None:
    clock = pace(phase=Phase.WAITING)
    clock.expired = Due.TOTAL
    clock.enter(Phase.CONNECTING, 2_000.0)
    assert (clock.expired, clock.next_at()) == (Due.TOTAL, inf)


def test_when_it_is_over_nothing_is_due() -> None:
    clock = pace(ALL, STREAMING, phase=Phase.OVER)
    assert (clock.next_at(), clock.due(10_000.0)) == (inf, None)


def test_of_two_things_due_the_earlier_comes_first() -> None:
    clock = pace(Timeouts(5.0, None, None, 5.0), STREAMING, phase=Phase.CONNECTING)
    assert clock.due(200.0) is Due.TOTAL, "and of two at one time, the one that ends it"
