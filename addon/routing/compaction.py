"""When Claude Code compacts a conversation, and what to set so that it does so before a backend's window is full. Pure.

The client compacts before a request once the last reply's tokens, of prompt and answer together, have come within
33,000 of the window that it believes in. It believes in a million for Claude and for names that it does not know, takes
no window under 100,000, and lets a share of what is 20,000 below the window be set. Measured with 2.1.329 by bisection,
see docs/protocol.md, "Context".
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace

from addon.dialects import Target
from addon.protocol.errors import DetourError
from addon.routing.call import REQUEST_CLASS, Call, Kind
from addon.routing.config import Tier
from addon.routing.route import choose
from addon.routing.settings import Settings

WINDOW, SHARE = "CLAUDE_CODE_AUTO_COMPACT_WINDOW", "CLAUDE_AUTOCOMPACT_PCT_OVERRIDE"
ASSUMED, SMALLEST, LARGEST = 1_000_000, 100_000, 1_000_000  # of the client's windows
RESERVE, SUMMARY = 33_000, 20_000  # below the window: where it compacts, and what a share is of
# of a smaller window so much is left for what comes after the last reply: results of tools, and the summary
SMALL_RESERVE = 1 / 3
OWN_PROMPT = 16_000  # tokens of the client's own prompt with a short question: below that it could only compact
MAIN = (Tier.OPUS, Tier.SONNET)  # who may lead a conversation; Haiku does what is short
MOST_STEPS = 8  # from model to model, as a conversation grows


@dataclass(frozen=True, slots=True)
class Compaction:
    """How the client is made to compact in time for a model. Counts are in the client's own tokens.

    ``variables`` is empty where the client does so by itself, and where the window is too small for it at all.
    """

    model: str
    window: int
    at: int
    variables: Mapping[str, str]

    @property
    def is_too_small(self) -> bool:
        """Whether the client's own prompt leaves no room in it."""
        return self.at < OWN_PROMPT

    @property
    def assignments(self) -> str:
        """The variables as a shell sets them."""
        return " ".join(f"{name}={value}" for name, value in self.variables.items())


def plan(model: str, window: int) -> Compaction:
    """Return how a client is told of a window of so many tokens."""
    if window >= ASSUMED:
        return Compaction(model, window, ASSUMED - RESERVE, {})
    if window >= SMALLEST:
        return Compaction(model, window, window - RESERVE, {WINDOW: str(window)})
    room = window - min(RESERVE, round(window * SMALL_RESERVE))
    share = max(1, room * 100 // (SMALLEST - SUMMARY))
    variables = {WINDOW: str(SMALLEST), SHARE: str(share)}
    at = fires_at(variables)
    return Compaction(model, window, at, variables if at >= OWN_PROMPT else {})


def fires_at(environment: Mapping[str, str]) -> int:
    """Return at how many tokens a client with these variables compacts; what it cannot read has no effect."""
    window = min(max(_number(environment.get(WINDOW)) or ASSUMED, SMALLEST), LARGEST)
    share = _number(environment.get(SHARE))
    at = window - RESERVE
    return min(at, (window - SUMMARY) * share // 100) if share and share <= 100 else at


def _number(text: str | None) -> int:
    return int(text) if text and text.isascii() and text.isdecimal() else 0


def needed(settings: Settings) -> Compaction | None:
    """Return what the smallest window among the models that lead conversations needs; None where nothing is needed."""
    known = [each for each in leading(settings).values() if each is not None]
    smallest = min(known, key=lambda each: each.at, default=None)
    return smallest if smallest is not None and smallest.window < ASSUMED else None


def leading(settings: Settings) -> dict[str, Compaction | None]:
    """Return each model that leads conversations when they are longest; None: nobody knows its window."""
    found: dict[str, Compaction | None] = {}
    for tier in MAIN:
        with suppress(DetourError):  # blocked, or without a key: nobody's window is filled
            if (target := _last(tier, settings)) is not None:
                window = _window(target)
                found[target.name] = None if window is None else plan(target.name, window)
    return found


def _last(tier: Tier, settings: Settings) -> Target | None:
    """Return who answers the tier's main calls when they are longest: a rule may give long ones to a larger window."""
    tokens, target = 0, _answering(tier, 0, settings)
    for _ in range(MOST_STEPS):
        if target is None or target.max_input_tokens is None:
            break
        tokens = max(tokens, target.max_input_tokens)
        following = _answering(tier, tokens, settings)
        if following is not None and following.name == target.name:
            break
        target = following
    return target


def _answering(tier: Tier, tokens: int, settings: Settings) -> Target | None:
    """Return who answers; None for Anthropic. The user's own function is not asked: it may do anything."""
    call = Call({"model": f"claude-{tier}-5", "messages": []}, headers={REQUEST_CLASS: Kind.MAIN})
    call.input_tokens = tokens
    destination = choose(call, replace(settings, decider=None)).destination
    return None if destination is None or destination.is_home else destination.target


def _window(target: Target) -> int | None:
    """Return how large the client believes the window to be, once it is told."""
    return (target.report_window or target.max_input_tokens) if target.max_input_tokens else None
