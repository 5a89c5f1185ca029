"""How long something is good: what a command printed says of it, and when it is made anew. Pure.

In: what a command printed. Formats: a token alone, in the first line (gcloud auth print-access-token, password
managers; what stands below are notes); JSON of ``az account get-access-token`` (``accessToken``, ``expires_on`` in
seconds since the epoch, ``expiresOn`` in local time without a zone), of ``gcloud config config-helper --format=json``
(``credential.access_token``, ``credential.token_expiry``), of OAuth (``access_token``, ``expires_in`` in seconds from
now) and of Kubernetes' exec plugins (``status.token``, ``status.expirationTimestamp``). A JSON Web Token holds its end
itself (RFC 7519, 4.1.4).
"""

import base64
from collections.abc import Iterator, Mapping
from datetime import datetime, tzinfo
from math import isfinite
from typing import Any

import orjson

TOKENS = ("access_token", "accessToken", "token", "id_token")
MOMENTS = ("expires_on", "expiresOn", "token_expiry", "expirationTimestamp", "expires_at", "expiresAt", "expiration")
SPANS = ("expires_in", "expiresIn")
INNER = ("credential", "status")  # where the whole stands one level further down
EARLY_S, EARLY_PART = 300.0, 0.1  # made anew that long before it expires: the smaller of the two
LAST_S = 10.0  # nothing is sent with what expires within this: it is on its way, and clocks differ


class Unreadable(ValueError):
    """What was printed holds no token."""


def read(printed: str, now: float, lifetime_s: float | None, zone: tzinfo | None = None) -> tuple[str, float | None]:
    """Return the token and when it expires, in seconds since the epoch; None: never. Raises: Unreadable.

    ``lifetime_s`` holds where nothing is said; ``zone``: of times without one, None: this machine's.
    """
    printed = printed.strip()
    if printed.startswith("{"):
        told = _parsed(printed)
        token = next(filter(None, map(_token, _parts(told))), "")
        if not token:
            raise Unreadable("JSON without a token")
        ends = next((found for part in _parts(told) if (found := _end(part, now, zone)) is not None), None)
    else:
        token, ends = printed.partition("\n")[0].strip(), None
        if not token:
            raise Unreadable("nothing")
    if ends is None:
        ends = end_of(token)
    if ends is None and lifetime_s is not None:
        ends = now + lifetime_s
    return token, ends


def end_of(token: str) -> float | None:
    """Return when a JSON Web Token expires; None for another token."""
    parts = token.split(".")
    if len(parts) != 3:
        return None
    try:
        claims = orjson.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except ValueError:
        return None
    return _number(claims.get("exp")) if isinstance(claims, dict) else None


def fresh_until(made_at: float, expires_at: float | None) -> float | None:
    """Return when it is made anew; None: never."""
    if expires_at is None:
        return None
    return expires_at - min(EARLY_S, EARLY_PART * max(0.0, expires_at - made_at))


def is_over(expires_at: float | None, now: float) -> bool:
    """Whether nothing may be sent with it any more."""
    return expires_at is not None and now >= expires_at - LAST_S


def _parsed(printed: str) -> Mapping[str, Any]:
    try:
        told = orjson.loads(printed)
    except ValueError:
        raise Unreadable("something that begins like JSON and is none") from None
    return told if isinstance(told, dict) else {}


def _parts(told: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield told
    yield from (inner for name in INNER if isinstance(inner := told.get(name), dict))


def _token(part: Mapping[str, Any]) -> str:
    return next((found for name in TOKENS if isinstance(found := part.get(name), str) and found), "")


def _end(part: Mapping[str, Any], now: float, zone: tzinfo | None) -> float | None:
    for name in MOMENTS:
        if (moment := _moment(part.get(name), zone)) is not None:
            return moment
    spans = (_number(part.get(name)) for name in SPANS)
    return next((now + span for span in spans if span is not None), None)


def _moment(value: Any, zone: tzinfo | None) -> float | None:
    number = _number(value)
    if number is not None:
        return number / 1000 if number > 1e11 else number  # some count in milliseconds
    if not isinstance(value, str):
        return None
    try:
        found = datetime.fromisoformat(value)
        return (found if found.tzinfo is not None or zone is None else found.replace(tzinfo=zone)).timestamp()
    except (OverflowError, OSError, ValueError):
        return None


def _number(value: Any) -> float | None:
    if isinstance(value, bool):
        return None
    try:
        number = float(value) if isinstance(value, int | float | str) else None
    except (ValueError, OverflowError):
        return None
    return number if number is not None and isfinite(number) else None
