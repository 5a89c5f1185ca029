"""The values of a configuration: tiers and slots, models that may answer, providers with their keys and limits."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Literal

from addon.routing.backend import Backend, Minting
from addon.routing.backends import ALIASES, BACKENDS, POPULAR

SHORTEST_SECRET = 12  # keys that are given out have 20 characters and more; local servers take "EMPTY" or "lm-studio"
LIVE = "chosen while running"  # where a rule or a model stands that no file names
LITELLM = "litellm"  # the provider that has all of litellm's
ANTHROPIC = "anthropic"  # alone, as a target: to Anthropic, untouched
CLAUDE = "claude-"
LONGEST_NAME = 100  # that is quoted, and compared with others: to compare takes long where both are
MOST_ATTEMPTS = 10  # of one target, beside the first: more would only be slower to fail
DISCOVERY_PREFIX = "claude-via-"  # the client's picker shows only names with "claude" in them


class Tier(StrEnum):
    """Claude's three sizes."""

    OPUS = "opus"
    SONNET = "sonnet"
    HAIKU = "haiku"


class Slot(StrEnum):
    """What users give models to; the names are those of BIG_MODEL, MIDDLE_MODEL and SMALL_MODEL."""

    BIG = "big"
    MIDDLE = "middle"
    SMALL = "small"


# slot -> the tiers it answers; a later row wins over an earlier one
SLOTS: Mapping[Slot, tuple[Tier, ...]] = MappingProxyType(
    {Slot.BIG: (Tier.OPUS, Tier.SONNET), Slot.MIDDLE: (Tier.SONNET,), Slot.SMALL: (Tier.HAIKU,)}
)


@dataclass(frozen=True, slots=True)
class Credential:
    """A key and where it goes. ``variable`` names it wherever people read; the key itself is never shown."""

    header: str
    prefix: str
    variable: str
    key: str | None = field(repr=False)
    minting: Minting | None = None  # how it is made anew before each expires; the proxy holds what is made
    made: tuple[str, ...] = field(default=(), repr=False)  # what this exchange was given of it, to be hidden

    @property
    def value(self) -> str | None:
        """The header's true value; None when there is no key."""
        return self.prefix + self.key if self.key else None

    def hide(self, text: str) -> str:
        """Put the setting's name where ``text`` quotes the key. A key too short to be a secret is a word: "ollama"."""
        for secret in (self.key, *self.made):
            if secret is not None and len(secret) >= SHORTEST_SECRET:
                text = text.replace(secret, f"${self.variable}")
        return text

    @property
    def is_sent(self) -> bool:
        """Whether a request bears one: a key, or what is made for it."""
        return bool(self.key) or self.minting is not None

    @property
    def mask(self) -> str:
        """What stands in its place on a flow: a shell would fill it in."""
        return f"{self.prefix}${self.variable}"


# the fields of Timeouts that somebody wrote; what is not there is as it is elsewhere
type TimeoutsWanted = Mapping[str, float | None]


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long a backend may take, in seconds; None: for ever."""

    connect_s: float | None = 10.0
    first_byte_s: float | None = None
    idle_s: float | None = 300.0
    total_s: float | None = None

    def changed(self, wanted: TimeoutsWanted) -> "Timeouts":
        """Lay what somebody wrote over these, field by field."""
        return replace(self, **wanted) if wanted else self


@dataclass(frozen=True, slots=True)
class Retry:
    """How often the same target is asked again when it fails, and how long that may be waited for.

    Twice and five seconds: longer, and the next target, or the client's own retry, is the better answer.
    """

    attempts: int = 2
    longest_wait_s: float = 5.0


@dataclass(frozen=True, slots=True)
class Streaming:
    """How a streamed reply is kept alive: Claude Code warns after 20 s of silence and gives up after 180 s or 300 s.

    ``grace_s``: how long the status of the reply waits for the backend's first content, so that a failure before it has
    its true status; ``ping_s``: the silence after which the client is told that we are there.
    """

    grace_s: float = 12.0
    ping_s: float = 15.0


type Proxy = tuple[Literal["http", "https"], str, int]  # scheme, host, port


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A provider with the user's settings applied."""

    backend: Backend
    base_url: str | None
    credential: Credential
    base_name: str | None = None  # the setting that gave the address; None: the provider's own
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)  # one may hold a key all the same
    extra_body: Mapping[str, Any] = field(default_factory=dict)
    profile: Mapping[str, Any] = field(default_factory=dict)  # fields of the Profile that the user changed
    proxy: Proxy | None = None
    timeouts: Timeouts = Timeouts()

    @property
    def only_searches(self) -> bool:
        """Whether it is no model, but a search endpoint."""
        return self.backend.only_searches

    @property
    def lack(self) -> str | None:
        """What keeps it from being used, and the setting that mends it; None when nothing does."""
        row = self.backend
        if self.base_url is None:
            places = [name for name, default in row.place.items() if default is None]
            return f"{row.name} has no address: set {' and '.join(places) or row.base_names[0]}."
        if row.needs_key and self.credential.key is None and self.credential.minting is None:
            made = (
                f", or write `credential: {row.minting.written}` beside its address" if row.minting is not None else ""
            )
            return f"there is no key for {row.name}: set {' or '.join(row.key_names)}{made}."
        return None


@dataclass(frozen=True, slots=True)
class Choice:
    """A model that may answer; PASS is one without a model."""

    provider: str
    model: str

    @property
    def passes(self) -> bool:
        """Whether the request goes to Anthropic untouched."""
        return self == PASS

    @property
    def name(self) -> str:
        """As users write it."""
        return f"{self.provider}/{self.model}" if self.model else self.provider


PASS = Choice(ANTHROPIC, "")


@dataclass(frozen=True, slots=True)
class Answer:
    """Who answers, the first that can be used, and the setting that says so."""

    choices: tuple[Choice, ...]
    setting: str

    @property
    def name(self) -> str:
        """As users write it."""
        return ", then ".join(choice.name for choice in self.choices)

    @property
    def passes(self) -> bool:
        """Whether Anthropic answers, untouched."""
        return self.choices[0].passes


@dataclass(frozen=True, slots=True)
class Limits:
    """What is taken and kept at most, in bytes."""

    request_bytes: int = 32 * 1024 * 1024  # Anthropic's own limit (API reference, "errors", 413)
    reply_bytes: int = 16 * 1024 * 1024  # of a backend's reply, beside the flow; the client gets all of it


class Mode(StrEnum):
    """How much of each exchange the prompt log keeps."""

    OFF = "off"
    METADATA = "metadata"
    FULL = "full"


@dataclass(frozen=True, slots=True)
class Recording:
    """What the prompt log keeps, and for how long."""

    mode: Mode = Mode.FULL
    keep_days: int = 90  # a quarter: what was asked, and what it cost
    keep_bytes: int = 1024 * 1024 * 1024  # some thousand long sessions
    folders: tuple[str, ...] = ()  # beside DETOUR_HOME, where a log may lie that is chosen while running


@dataclass(frozen=True, slots=True)
class Pattern:
    """A regular expression for what is never kept; ``name`` stands in the mark."""

    name: str
    expression: str


@dataclass(frozen=True, slots=True)
class Logging:
    """What the proxies whose names we read wrote to their logs. Levels are mitmproxy's words, in small letters."""

    console_level: str | None = None
    file_level: str | None = None
    request_bodies: bool = False
    response_bodies: bool = False


LIMITS = Limits()
LOGGING = Logging()
RECORDING = Recording()
TIMEOUTS = Timeouts()
RETRY = Retry()
STREAMING = Streaming()


def timeouts_told(wanted: TimeoutsWanted) -> str:
    """Say timeouts as users write them: ``first_byte 30 s, idle none``."""
    return ", ".join(
        f"{name.removesuffix('_s')} {'none' if value is None else f'{value:g} s'}" for name, value in wanted.items()
    )


def quoted(name: str) -> str:
    """Quote what somebody wrote for a name, which may be of any length."""
    return repr(name if len(name) <= LONGEST_NAME else f"{name[:LONGEST_NAME]}…")


def nearest(name: str, known: Mapping[str, object] = BACKENDS) -> str:
    """Say which providers a mistaken name may mean."""
    near = get_close_matches(name.lower()[:LONGEST_NAME], [*known, *ALIASES], n=3)
    if near:
        return f"Did you mean {' or '.join(near)}?"
    shown = sorted(each for each in known if each in POPULAR or each not in BACKENDS)
    return f"Known: {', '.join(shown)}; docs/backends.md lists all."


def tier_of(model: str) -> Tier | None:
    """Return the tier that a model's name speaks of, if any."""
    lower = model.lower()
    return next((tier for tier in Tier if tier in lower), None)


def is_claude(model: str) -> bool:
    """Whether a name is like those that the client has of itself."""
    return model.startswith(CLAUDE) and tier_of(model) is not None
