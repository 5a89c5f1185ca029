"""What the user configured, as values: who answers each tier, the providers with their addresses and keys."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from enum import StrEnum

from addon.routing.backends import ALIASES, BACKENDS, Backend

SHORTEST_SECRET = 12  # keys that are given out have 20 characters and more; local servers take "EMPTY" or "lm-studio"


class Tier(StrEnum):
    """Claude's three sizes."""

    OPUS = "opus"
    SONNET = "sonnet"
    HAIKU = "haiku"


@dataclass(frozen=True, slots=True)
class Credential:
    """A key and where it goes. ``variable`` names it wherever people read; the key itself is never shown."""

    header: str
    prefix: str
    variable: str
    key: str | None = field(repr=False)

    @property
    def value(self) -> str | None:
        """The header's true value; None when there is no key."""
        return self.prefix + self.key if self.key else None

    def hide(self, text: str) -> str:
        """Put the setting's name where ``text`` quotes the key. A key too short to be a secret is a word: "ollama"."""
        if self.key is None or len(self.key) < SHORTEST_SECRET:
            return text
        return text.replace(self.key, f"${self.variable}")

    @property
    def mask(self) -> str:
        """What stands in its place on a flow: a shell would fill it in."""
        return f"{self.prefix}${self.variable}"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A provider with the user's settings applied."""

    backend: Backend
    base_url: str | None
    credential: Credential

    @property
    def lack(self) -> str | None:
        """What keeps it from being used, and the setting that mends it; None when nothing does."""
        row = self.backend
        if self.base_url is None:
            return f"{row.name} has no address: set {row.base_names[0]}."
        if row.needs_key and self.credential.key is None:
            return f"there is no key for {row.name}: set {' or '.join(row.key_names)}."
        return None


@dataclass(frozen=True, slots=True)
class Choice:
    """A model that a setting names."""

    provider: str
    model: str
    setting: str  # who said so

    @property
    def name(self) -> str:
        """As users write it."""
        return f"{self.provider}/{self.model}"


@dataclass(frozen=True, slots=True, eq=False)  # compared and hashed by identity: routes are remembered for it
class Settings:
    """Everything that the user configured. ``tiers`` lacks the tiers that pass through to Anthropic."""

    tiers: Mapping[Tier, Choice] = field(default_factory=dict)
    other: Choice | None = None  # where names of no tier go
    endpoints: Mapping[str, Endpoint] = field(default_factory=dict)
    home: str | None = None

    @property
    def leaves_anthropic(self) -> bool:
        """Whether any tier is answered elsewhere."""
        return bool(self.tiers)


def nearest(name: str) -> str:
    """Say which providers a mistaken name may mean."""
    known = [*BACKENDS, *ALIASES]
    near = get_close_matches(name.lower(), known, n=3)
    return f"Did you mean {' or '.join(near)}?" if near else f"Known: {', '.join(sorted(BACKENDS))}."
