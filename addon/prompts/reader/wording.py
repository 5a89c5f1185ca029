"""How numbers and times are said. Pure; unknown is a dash, never a zero."""

from datetime import datetime

UNKNOWN = "\N{EN DASH}"
MOST_MODEL = 80  # characters; a client may call itself a model of any length
MINUTE_S, HOUR_S, DAY_S = 60, 3600, 86_400
KILO, MEGA = 1_000, 1_000_000


def count(number: int | None, noun: str = "") -> str:
    """Say a number in full, with its noun."""
    if number is None:
        return UNKNOWN
    return f"{number:,} {noun}{'' if number == 1 else 's'}" if noun else f"{number:,}"


def short(number: float | None) -> str:
    """Say a number in four characters or so."""
    if number is None:
        return UNKNOWN
    if number < KILO:
        return f"{number:g}"
    unit, letter = (KILO, "k") if number < MEGA - 500 else (MEGA, "M")
    scaled = number / unit
    return f"{scaled:.1f}{letter}" if scaled < 9.95 else f"{scaled:,.0f}{letter}"


def size(length: int) -> str:
    """Say how many bytes."""
    if length < KILO:
        return count(length, "byte")
    return f"{short(length).removesuffix('k')} kB" if length < MEGA - 500 else f"{length / MEGA:.1f} MB"


def dollars(amount: float | None) -> str:
    """Say a price; small ones with more digits."""
    if amount is None:
        return UNKNOWN
    if amount == 0:
        return "$0"
    return f"${amount:,.2f}" if amount >= 1 else f"${amount:.3f}" if amount >= 0.01 else f"${amount:.5f}"


def percent(share: float | None) -> str:
    """Say a share."""
    return UNKNOWN if share is None else f"{share * 100:.0f} %"


def duration(elapsed_ms: float | None) -> str:
    """Say a time that passed."""
    if elapsed_ms is None:
        return UNKNOWN
    if elapsed_ms < KILO:
        return f"{elapsed_ms:.0f} ms"
    seconds = elapsed_ms / KILO
    if seconds < MINUTE_S:
        return f"{seconds:.1f} s"
    return span(seconds)


def span(seconds: float) -> str:
    """Say how long something took, in its two largest units."""
    whole = round(seconds)
    if whole < MINUTE_S:
        return f"{whole} s"
    if whole < HOUR_S:
        return f"{whole // MINUTE_S} min {whole % MINUTE_S:02} s"
    if whole < DAY_S:
        return f"{whole // HOUR_S} h {whole % HOUR_S // MINUTE_S:02} min"
    return f"{whole // DAY_S} d {whole % DAY_S // HOUR_S} h"


def when(at: float, now: float) -> str:
    """Say a moment, as short as its distance allows."""
    then, today = local(at), local(now)
    days = (today.date() - then.date()).days
    if days == 0:
        return f"{then:%H:%M}"
    if days == 1:
        return f"yesterday {then:%H:%M}"
    day = f"{then.day} {then:%b}"
    return f"{day} {then:%H:%M}" if then.year == today.year else f"{day} {then.year}"


def clock(at: float) -> str:
    """Say a moment of a day that is known."""
    return f"{local(at):%H:%M:%S}"


def local(at: float) -> datetime:
    """Return a moment in this machine's time."""
    return datetime.fromtimestamp(at).astimezone()


def iso(at: float) -> str:
    """Return a moment for machines."""
    return local(at).isoformat(timespec="seconds")


def exact(at: float) -> str:
    """Say a moment in full."""
    then = local(at)
    return f"{then:%a} {then.day} {then:%b %Y %H:%M:%S}"


def model(name: str | None) -> str:
    """Say a route without its provider where that is Anthropic itself."""
    told = (name or UNKNOWN).removeprefix("anthropic/")
    return told if len(told) <= MOST_MODEL else told[: MOST_MODEL - 1] + "…"
