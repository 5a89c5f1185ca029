"""Faults of Anthropic itself, where it answers or is one of several targets. What passes to it is not ours to mend."""

from tests.faultlab.script import (
    CLOSE,
    HELLO,
    LAST,
    NATIVE_DELTA,
    NATIVE_END,
    NATIVE_START,
    RESET,
    Fault,
    Sees,
    chunk,
    failure,
    head,
    native,
    whole,
)

ALONE, FIRST, LATER = ("anthropic",), ("anthropic", "lab"), ("lab", "anthropic")
SAID = (head(), chunk(NATIVE_START + NATIVE_DELTA))
WELL = (*SAID, chunk(NATIVE_END), LAST)
FAILED = native("error", error={"type": "overloaded_error", "message": "Overloaded"})


def refusal(status: str, kind: str, *lines: str) -> bytes:
    """An error as Anthropic tells it."""
    return whole({"type": "error", "error": {"type": kind, "message": "Anthropic's own words"}}, status, *lines)


BUSY = refusal("529 Overloaded", "overloaded_error")
LIMIT = refusal("429 Too Many Requests", "rate_limit_error", "retry-after: 30")
NO_KEY = refusal("401 Unauthorized", "authentication_error")

HOME = tuple(
    Fault(name, does, plays, sees, asks, targets=targets, setting="home")
    for name, does, targets, asks, plays, sees in (
        ("home", "nothing", ALONE, "anthropic", (WELL,), Sees()),
        ("home_busy", "529", ALONE, "anthropic", ((BUSY,),), Sees(529, "overloaded_error", "own words")),
        ("home_limit", "429", ALONE, "anthropic", ((LIMIT,),), Sees(429, "rate_limit_error", "own words")),
        ("home_key", "401", ALONE, "anthropic", ((NO_KEY,),), Sees(401, "authentication_error", "own words")),
        ("home_cut", "the connection is closed in the middle of the stream", ALONE, "anthropic", ((*SAID, CLOSE),),
         Sees(cut=True)),
        ("home_first", "nothing; a second target is listed", FIRST, "anthropic", (WELL,), Sees()),
        ("home_busy_then_second", "529; a second target is listed", FIRST, "anthropic anthropic lab",
         ((BUSY,), (BUSY,), (HELLO,)), Sees()),
        ("home_limit_then_second", "429 that asks for 30 s; a second target is listed", FIRST, "anthropic lab",
         ((LIMIT,), (HELLO,)), Sees()),
        ("home_key_then_second", "401; a second target is listed", FIRST, "anthropic lab", ((NO_KEY,), (HELLO,)),
         Sees()),
        ("home_reset_then_second", "the connection is reset before the reply; a second target is listed", FIRST,
         "anthropic anthropic lab", ((RESET,), (RESET,), (HELLO,)), Sees()),
        ("home_error_first_then_second", "an error as the first event; a second target is listed", FIRST,
         "anthropic anthropic lab", ((head(), chunk(FAILED), LAST),) * 2 + ((HELLO,),), Sees()),
        ("home_cut_with_second", "the connection is closed in the middle of the stream; a second target is listed",
         FIRST, "anthropic", ((*SAID, CLOSE),), Sees(cut=True)),
        ("then_home", "a backend answers 401; Anthropic is the second target", LATER, "lab anthropic",
         ((failure("401 Unauthorized", "no such key"),), WELL), Sees()),
        ("then_home_busy", "the same, and Anthropic answers 529", LATER, "lab anthropic anthropic",
         ((failure("401 Unauthorized", "no such key"),), (BUSY,)), Sees(529, "overloaded_error", "own words")),
    )
)  # fmt: skip
