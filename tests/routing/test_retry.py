"""Who is asked after a failure, and how long the same target is waited for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from addon.protocol.errors import (
    PASSING,
    BackendError,
    BadRequest,
    Blocked,
    ConfigError,
    DetourError,
    InternalError,
    Kind,
    MalformedReply,
    TooDeep,
    Unsupported,
)
from addon.routing.config import RETRY, Retry
from addon.routing.retry import AFTER_KIND, AFTER_OTHERS, After, after, delay_s

KINDS: dict[After, tuple[Kind, ...]] = {
    After.SAME: (
        Kind.RATE_LIMIT, Kind.OVERLOADED, Kind.UNREACHABLE, Kind.TIMEOUT, Kind.SERVER, Kind.MALFORMED,
    ),
    After.NEXT: (Kind.CREDENTIAL, Kind.PERMISSION, Kind.MONEY, Kind.NOT_FOUND, Kind.REFUSED),
    After.LARGER: (Kind.OVERFLOW, Kind.TOO_LARGE),
    After.NEVER: (Kind.OUTPUT_CAP, Kind.REPAIRABLE),
}  # fmt: skip
ERRORS: list[tuple[DetourError, After]] = [
    *((BackendError(kind, "x"), found) for found, kinds in KINDS.items() for kind in kinds),
    (MalformedReply("x"), After.SAME),
    (Unsupported("messages.0", "x", "y"), After.NEXT),
    (BadRequest("x"), After.NEVER),
    (TooDeep(), After.NEVER),
    (Blocked("x", "y"), After.NEVER),
    (InternalError("x"), After.NEVER),
    (ConfigError("x"), After.NEVER),
    (DetourError("x"), After.NEVER),
]


def test_what_the_same_target_may_mend_the_client_may_too() -> None:
    assert {kind for kind in Kind if AFTER_KIND[kind] is After.SAME} == PASSING


@pytest.mark.parametrize(("error", "expected"), ERRORS, ids=lambda value: getattr(value, "kind", type(value).__name__))
def test_a_failure_leads_to_whoever_may_do_better(error: DetourError, expected: After) -> None:
    assert after(error) is expected


def test_every_failure_is_decided() -> None:
    assert set(AFTER_KIND) == set(Kind)
    tree = {kind for kind in DetourError.__subclasses__() if kind.__module__ == DetourError.__module__}
    assert {type(error) for error, _ in ERRORS} >= tree
    assert set(AFTER_OTHERS) == tree - {BackendError}


SERVER = BackendError(Kind.SERVER, "x")


def limited(retry_after_s: int) -> BackendError:
    return BackendError(Kind.RATE_LIMIT, "x", retry_after_s)


# error, how often it was asked, settings, draw, whether at once, and the wait
WAITS: list[tuple[DetourError, int, Retry, float, bool, float | None]] = [
    (SERVER, 1, RETRY, 0.0, False, 0.5),
    (SERVER, 1, RETRY, 0.5, False, 0.625),
    (SERVER, 2, RETRY, 0.0, False, 1.0),
    (SERVER, 3, RETRY, 0.0, False, None),
    (SERVER, 3, Retry(attempts=10), 0.0, False, 2.0),
    (SERVER, 5, Retry(attempts=10), 0.0, False, 5.0),
    (SERVER, 9, Retry(attempts=10), 0.9, False, 5.0),
    (SERVER, 10**6, Retry(attempts=10**6), 0.0, False, 5.0),
    (SERVER, 1, Retry(attempts=0), 0.0, False, None),
    (SERVER, 1, Retry(longest_wait_s=0.2), 0.0, False, 0.2),
    # what the backend says is the least
    (limited(2), 1, RETRY, 0.0, False, 2.0),
    (limited(2), 1, RETRY, 0.5, False, 2.5),
    (limited(5), 1, RETRY, 0.5, False, 5.0),
    (limited(6), 1, RETRY, 0.0, False, None),
    (limited(6), 1, Retry(longest_wait_s=10.0), 0.0, False, 6.0),
    (limited(0), 1, RETRY, 0.0, False, 0.5),
    (limited(1), 3, Retry(attempts=5), 0.0, False, 2.0),
    # a kept connection was closed
    (BackendError(Kind.UNREACHABLE, "x"), 1, RETRY, 0.9, True, 0.0),
    (BackendError(Kind.UNREACHABLE, "x"), 2, RETRY, 0.0, True, 1.0),
    (BackendError(Kind.UNREACHABLE, "x"), 1, Retry(attempts=0), 0.0, True, None),
    # another target
    (BackendError(Kind.CREDENTIAL, "x"), 1, RETRY, 0.0, False, None),
    (BackendError(Kind.OVERFLOW, "x"), 1, RETRY, 0.0, True, None),
    (Unsupported("a", "b", "c"), 1, RETRY, 0.0, False, None),
]


@pytest.mark.parametrize(("error", "tries", "retry", "draw", "at_once", "wait_s"), WAITS)
def test_the_same_target_is_asked_again_after_a_wait(
    error: DetourError, tries: int, retry: Retry, draw: float, at_once: bool, wait_s: float | None
) -> None:
    assert delay_s(error, tries, retry, draw, at_once=at_once) == wait_s


@given(
    st.sampled_from(KINDS[After.SAME]),
    st.none() | st.integers(0, 100),
    st.integers(1, 12),
    st.integers(0, 10),
    st.floats(0.01, 100),
    st.floats(0, 1, exclude_max=True),
)
def test_no_wait_is_shorter_than_told_or_longer_than_allowed(
    kind: Kind, told_s: int | None, tries: int, attempts: int, longest_wait_s: float, draw: float
) -> None:
    retry = Retry(attempts, longest_wait_s)
    wait_s = delay_s(BackendError(kind, "x", told_s), tries, retry, draw)
    if wait_s is not None:
        assert (told_s or 0) <= wait_s <= longest_wait_s
    assert (wait_s is None) is (tries > attempts or (told_s or 0) > longest_wait_s)
