"""What a failure leads to before any content came: the same target again, the next one, a larger one, or the end. Pure.

The same target is asked again where the failure is one that passes; the next one at once where it will not, and
another may do better; a larger one where the request does not fit. Where the failure is the request's own, every target
would say the same, and the client has its own answer to it.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from addon.protocol.errors import (
    BackendError,
    BadRequest,
    Blocked,
    ConfigError,
    DetourError,
    InternalError,
    Kind,
    Unsupported,
)
from addon.routing.config import Retry

FIRST_WAIT_S = 0.5  # a worker that restarts, or a limit on requests per second, has passed by then
JITTER = 0.5  # of the wait, on top of it: requests that failed together do not come back together


class After(StrEnum):
    """Who is asked after a failure."""

    SAME = "same"  # after a wait, as often as ``retry`` allows; then the next
    NEXT = "next"  # at once
    LARGER = "larger"  # the next with a larger window
    NEVER = "never"


AFTER_KIND: Mapping[Kind, After] = MappingProxyType(
    {
        Kind.OVERFLOW: After.LARGER,
        Kind.OUTPUT_CAP: After.NEVER,  # the client asks again for less
        Kind.TOO_LARGE: After.LARGER,
        Kind.RATE_LIMIT: After.SAME,
        Kind.CREDENTIAL: After.NEXT,
        Kind.PERMISSION: After.NEXT,
        Kind.MONEY: After.NEXT,
        Kind.NOT_FOUND: After.NEXT,
        Kind.OVERLOADED: After.SAME,
        Kind.UNREACHABLE: After.SAME,
        Kind.TIMEOUT: After.SAME,
        Kind.SERVER: After.SAME,
        Kind.MALFORMED: After.SAME,
        Kind.REFUSED: After.NEXT,
        Kind.REPAIRABLE: After.NEVER,  # the client repairs it
    }
)
# errors that no backend told
AFTER_OTHERS: Mapping[type[DetourError], After] = MappingProxyType(
    {
        Unsupported: After.NEXT,  # another backend may be told
        BadRequest: After.NEVER,
        Blocked: After.NEVER,
        InternalError: After.NEVER,
        ConfigError: After.NEVER,
    }
)


def after(error: DetourError) -> After:
    """Say who is asked after a failure that came before any content."""
    if isinstance(error, BackendError):
        return AFTER_KIND[error.kind]
    return next((found for kind, found in AFTER_OTHERS.items() if isinstance(error, kind)), After.NEVER)


def delay_s(error: DetourError, tries: int, retry: Retry, draw: float, *, at_once: bool = False) -> float | None:
    """Return how long to wait until the same target is asked again; None: it is not.

    ``tries``: how often it was asked, 1 when it failed for the first time. ``draw``: from 0 up to, not including, 1.
    ``at_once``: a connection that was kept from before was closed under the request, which says nothing of the target:
    the first retry does not wait. A backend's retry-after is the least; where it is beyond ``retry.longest_wait_s``,
    nobody waits for it.
    """
    if after(error) is not After.SAME or tries > retry.attempts:
        return None
    if at_once and tries == 1:
        return 0.0
    told_s = (error.retry_after_s if isinstance(error, BackendError) else None) or 0
    if told_s > retry.longest_wait_s:
        return None
    least_s = max(told_s, FIRST_WAIT_S * 2.0 ** min(tries - 1, 10))
    return min(least_s * (1 + JITTER * draw), retry.longest_wait_s)
