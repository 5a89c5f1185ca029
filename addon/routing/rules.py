"""Rules: conditions on a request, all of which must hold, and what becomes of it then. The first that matches wins.

Pure. A condition is a sentence for people and a test; the table ``CONDITIONS`` makes both from what the user wrote.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from fnmatch import translate
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from addon.protocol.errors import ConfigError
from addon.routing.call import EFFORTS, Call, Door, Kind
from addon.routing.changes import NOTHING, Changes
from addon.routing.config import Answer, Choice, Tier, TimeoutsWanted, timeouts_told
from addon.routing.shadow import Shadow

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
TIME = re.compile(
    r"(?:(?P<day>[a-z]{3})(?:-(?P<last>[a-z]{3}))? ?)?(?:(?P<start>\d\d?:\d\d)-(?P<end>\d\d?:\d\d))?", re.IGNORECASE
)
DAY_MINUTES = 24 * 60
GENERAL = frozenset(("tier", "model"))  # conditions that only tell models apart
# a glob for one of these may hold a part of a credential: it is not told
CREDENTIALS = frozenset(("authorization", "x-api-key", "api-key", "x-goog-api-key", "cookie", "proxy-authorization"))

type Test = Callable[[Call], bool]


@dataclass(frozen=True, slots=True)
class Condition:
    """One thing that must hold; ``told`` completes "because ..."."""

    key: str
    told: str
    holds: Test


@dataclass(frozen=True, slots=True)
class Rule:
    """What becomes of the requests for which all conditions hold.

    ``answer`` None: whom the client names, else who answers its tier. ``where`` says where the rule stands.
    Raises: ConfigError where ``answer`` has a star that nothing fills.
    """

    name: str
    where: str
    conditions: tuple[Condition, ...] = ()
    answer: Answer | None = None
    block: str | None = None
    changes: Changes = NOTHING
    timeouts: TimeoutsWanted = field(default_factory=dict)  # for its calls, over those of whoever answers
    star: re.Pattern[str] | None = None  # a model glob whose star fills the one in ``answer``
    spared: frozenset[Tier | None] = frozenset()  # tiers for which a model was chosen while running
    shadow: Shadow | None = None  # who is asked too, in the background

    def __post_init__(self) -> None:
        """Check the answer's star."""
        if self.star is None and self.has_star:
            raise ConfigError(
                f"{self.answer.name if self.answer else ''} has a star, and nothing fills it: "
                "the rule needs a condition on the model that is one glob with one star"
            )

    @property
    def has_star(self) -> bool:
        """Whether the answer depends on the model's name."""
        return self.answer is not None and any("*" in choice.model for choice in self.answer.choices)

    @property
    def title(self) -> str:
        """How people know it."""
        return f"{self.name} ({self.where})"

    @property
    def outcome(self) -> str:
        """What becomes of the requests, in words."""
        if self.block is not None:
            return f"blocked: {self.block}"
        who = self.answer.name if self.answer is not None else "whoever would answer"
        also = [self.changes.told] if self.changes else []
        also += [f"timeouts {timeouts_told(self.timeouts)}"] if self.timeouts else []
        also += [self.shadow.told] if self.shadow is not None else []
        return f"{who}, with {', '.join(also)}" if also else who

    @property
    def is_general(self) -> bool:
        """Whether it only tells models apart to say who answers: a switch made while running sets it aside."""
        return self.answer is not None and all(condition.key in GENERAL for condition in self.conditions)

    @property
    def is_for_named(self) -> bool:
        """Whether it is asked where the client names the model itself: when it blocks, or looks at the name."""
        return self.block is not None or any(condition.key == "model" for condition in self.conditions)

    def failing(self, call: Call, *, named: bool) -> Condition | None:
        """Return the first condition that does not hold; None when the rule matches."""
        if named:
            if not self.is_for_named:
                return NAMED_ITSELF
        elif self.spared and call.tier in self.spared:
            return CHOSEN
        for condition in self.conditions:
            if not condition.holds(call):
                return condition
        return None

    def shadowed(self, call: Call) -> Choice | None:
        """Who is asked too, where the draw fell on this call: another for each, unlike a rule's own probability."""
        if self.shadow is None or call.draw(f"{self.shadow.salt}\0{call.lot}") >= self.shadow.share:
            return None
        return self.shadow.choice

    @property
    def told(self) -> str:
        """Why it matches, in words."""
        return ", ".join(condition.told for condition in self.conditions) or "it asks for nothing"

    @property
    def is_catch_all(self) -> bool:
        """Whether it leaves no call to the rules behind it, but for those that the client names itself."""
        return not self.conditions and not self.spared

    def choices(self, call: Call) -> tuple[Choice, ...]:
        """Who answers, with the star filled."""
        if self.answer is None:
            return ()
        if self.star is None or not self.has_star:
            return self.answer.choices
        found = self.star.fullmatch(call.named) or self.star.fullmatch(call.model)
        filling = found[1] if found else ""
        return tuple(replace(choice, model=choice.model.replace("*", filling)) for choice in self.answer.choices)

    def except_tiers(self, tiers: frozenset[Tier | None]) -> "Rule":
        """Return the rule as it holds for other tiers than these, and for models that the client names itself."""
        return replace(self, spared=self.spared | tiers)


NAMED_ITSELF = Condition("model", "the model is none that the client named itself", lambda _: False)
CHOSEN = Condition("tier", "the tier is none for which a model was chosen while running", lambda _: False)


def first(rules: Iterable[Rule], call: Call, *, named: bool) -> Rule | None:
    """Return the rule that decides; None when none does."""
    for rule in rules:
        if rule.failing(call, named=named) is None:
            return rule
    return None


def trace(rules: Iterable[Rule], call: Call, *, named: bool) -> Iterator[tuple[Rule, Condition | None]]:
    """Yield each rule up to the one that matches, with the condition that failed."""
    for rule in rules:
        failed = rule.failing(call, named=named)
        yield rule, failed
        if failed is None:
            return


def conditions(wanted: Mapping[str, Any], salt: str) -> tuple[Condition, ...]:
    """Make the conditions of what the user wrote, the cheap ones first; ``salt`` tells draws of several rules apart.

    Raises: ConfigError that says what is allowed.
    """
    if unknown := [key for key in wanted if key not in CONDITIONS]:
        raise ConfigError(f"there is no condition {unknown[0]!r}; there are {', '.join(CONDITIONS)}")
    return tuple(
        _probability(key, wanted[key], salt) if key == "probability" else make(key, wanted[key])
        for key, make in CONDITIONS.items()
        if key in wanted
    )


def star_of(model: Any) -> re.Pattern[str] | None:
    """Return the pattern whose group is what the star of a single model glob stands for."""
    if not isinstance(model, str) or model.count("*") != 1:
        return None
    before, after = (re.sub(r"\\[zZ]$", "", translate(part)) for part in model.split("*"))
    return re.compile(f"{before}(.*){after}", re.IGNORECASE | re.DOTALL)


def _texts(key: str, value: Any) -> tuple[str, ...]:
    texts = (value,) if isinstance(value, str) else value
    if not isinstance(texts, Sequence) or not texts or not all(isinstance(text, str) for text in texts):
        raise ConfigError(f"{key} takes a text or a list of texts, not {value!r}")
    return tuple(texts)


def glob(patterns: Sequence[str]) -> Callable[[str], object]:
    """Return a test for any of the globs, in any case."""
    return re.compile("|".join(translate(pattern) for pattern in patterns), re.IGNORECASE).match


def _globbed(read: Callable[[Call], str | None], noun: str) -> Callable[[str, Any], Condition]:
    def make(key: str, value: Any) -> Condition:
        texts = _texts(key, value)
        matches = glob(texts)

        def holds(call: Call) -> bool:
            text = read(call)
            return text is not None and matches(text) is not None

        return Condition(key, f"{noun} {' or '.join(texts)}", holds)

    return make


def _model(key: str, value: Any) -> Condition:
    texts = _texts(key, value)
    matches = glob(texts)
    return Condition(
        key,
        f"the model is {' or '.join(texts)}",
        lambda call: matches(call.named) is not None or matches(call.model) is not None,
    )


def _one_of(known: type[StrEnum], read: Callable[[Call], str | None], noun: str) -> Callable[[str, Any], Condition]:
    def make(key: str, value: Any) -> Condition:
        texts = _texts(key, value)
        if unknown := [text for text in texts if text not in list(known)]:
            raise ConfigError(f"{key}: there is no {unknown[0]!r}; there are {', '.join(known)}")
        wanted = frozenset(texts)
        return Condition(key, f"{noun} {' or '.join(texts)}", lambda call: read(call) in wanted)

    return make


def _flag(read: Callable[[Call], bool], yes: str, no: str) -> Callable[[str, Any], Condition]:
    def make(key: str, value: Any) -> Condition:
        if not isinstance(value, bool):
            raise ConfigError(f"{key} takes true or false, not {value!r}")
        return Condition(key, yes if value else no, lambda call: read(call) is value)

    return make


def _effort(key: str, value: Any) -> Condition:
    if value not in EFFORTS:
        raise ConfigError(f"{key} takes one of {', '.join(EFFORTS)}, not {value!r}")
    enough = frozenset(EFFORTS[EFFORTS.index(value) :])
    return Condition(key, f"the effort is at least {value}", lambda call: call.effort in enough)


def _tokens(key: str, value: Any) -> Condition:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ConfigError(f"{key} takes a number of tokens such as 60000, not {value!r}")
    return Condition(key, f"it has {value:,} input tokens or more", lambda call: call.input_tokens >= value)


def _tool(key: str, value: Any) -> Condition:
    texts = _texts(key, value)
    matches = glob(texts)
    is_offered = lru_cache(maxsize=8)(lambda names: any(map(matches, names)))  # a session offers the same all along
    return Condition(key, f"it offers the tool {' or '.join(texts)}", lambda call: is_offered(call.tool_names))


def _header(key: str, value: Any) -> Condition:
    if not isinstance(value, Mapping) or not value:
        raise ConfigError(f"{key} takes names and globs such as {{x-team: blue*}}, not {value!r}")
    wanted = {name.lower(): _texts(f"{key}.{name}", globs) for name, globs in value.items()}
    tests = {name: glob(texts) for name, texts in wanted.items()}
    told = " and ".join(
        f"the header {name} is {'the one it asks for' if name in CREDENTIALS else ' or '.join(texts)}"
        for name, texts in wanted.items()
    )

    def holds(call: Call) -> bool:
        return all(name in call.headers and matches(call.headers[name]) for name, matches in tests.items())

    return Condition(key, told, holds)


def _filter(key: str, value: Any) -> Condition:
    if not isinstance(value, str) or not value.strip():
        raise ConfigError(f"{key} takes one of mitmproxy's flow filter expressions, not {value!r}")
    return Condition(key, f"the flow matches {value}", lambda call: call.matches_filter(value))


def _time(key: str, value: Any) -> Condition:
    found = TIME.fullmatch(value.strip()) if isinstance(value, str) and value.strip() else None
    if found is None:
        raise ConfigError(
            f"{key} takes hours and days such as 22:00-06:00, mon-fri or mon-fri 09:00-17:00, not {value!r}"
        )
    days = _days(key, found["day"], found["last"])
    start, end = _minute(key, found["start"] or "0:00"), _minute(key, found["end"] or "24:00")
    if start == end:
        raise ConfigError(f"{key}: {value} begins when it ends")

    def holds(call: Call) -> bool:
        return call.now is not None and _within(call.now, days, start, end)

    return Condition(key, f"it is {value}", holds)


def _days(key: str, start: str | None, end: str | None) -> frozenset[int]:
    if start is None:
        return frozenset(range(7))
    try:
        low = DAYS.index(start.lower())
        high = DAYS.index((end or start).lower())
    except ValueError:
        raise ConfigError(f"{key}: the days are {', '.join(DAYS)}") from None
    return frozenset((low + step) % 7 for step in range((high - low) % 7 + 1))


def _minute(key: str, text: str) -> int:
    """The minute of the day."""
    hour, minute = map(int, text.split(":"))
    found = 60 * hour + minute
    if minute > 59 or found > DAY_MINUTES:
        raise ConfigError(f"{key}: {text} is no time of the day")
    return found


def _within(now: datetime, days: frozenset[int], start: int, end: int) -> bool:
    """A span over midnight belongs to the day on which it begins. What counts is what the clock on the wall shows."""
    at, today = 60 * now.hour + now.minute, now.weekday()
    if start < end:
        return today in days and start <= at < end
    return (today in days and at >= start) or ((today - 1) % 7 in days and at < end)


def _probability(key: str, value: Any, salt: str = "") -> Condition:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise ConfigError(f"{key} takes a share from 0 to 1, not {value!r}")
    return Condition(key, f"the draw fell into the share of {value:g}", lambda call: call.draw(salt) < value)


CONDITIONS: Mapping[str, Callable[[str, Any], Condition]] = MappingProxyType(
    {
        "model": _model,
        "tier": _one_of(Tier, lambda call: call.tier, "the tier is"),
        "door": _one_of(Door, lambda call: call.door, "the door is"),
        "kind": _one_of(Kind, lambda call: call.kind, "the kind is"),
        "agent": _globbed(lambda call: call.agent_type, "the agent type is"),
        "session": _globbed(lambda call: call.session, "the session is"),
        "header": _header,
        "thinking": _flag(lambda call: call.thinking, "thinking is on", "thinking is off"),
        "effort_at_least": _effort,
        "time": _time,
        "probability": _probability,
        "tool": _tool,
        "image": _flag(lambda call: call.has_image, "it has an image", "it has no image"),
        "document": _flag(lambda call: call.has_document, "it has a document", "it has no document"),
        "tokens_at_least": _tokens,
        "filter": _filter,
    }
)
