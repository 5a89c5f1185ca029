"""The shape of the configuration: from names and values to Settings, or a ConfigError that says which, what and how.

Pure; ``settings_file`` does the reading. The full configuration file of a later issue becomes another way to make the
same Settings.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from enum import StrEnum
from types import MappingProxyType
from urllib.parse import urlsplit

from addon.protocol.errors import ConfigError
from addon.routing.backends import ALIASES, BACKENDS, Backend, find

DEFAULT_PROVIDER = "openai"
SHORTEST_SECRET = 12  # keys that are given out have 20 characters and more; local servers take "EMPTY" or "lm-studio"


class Tier(StrEnum):
    """Claude's three sizes."""

    OPUS = "opus"
    SONNET = "sonnet"
    HAIKU = "haiku"


# setting -> the tiers it answers; a later row wins over an earlier one
TIER_SETTINGS: Mapping[str, tuple[Tier, ...]] = MappingProxyType(
    {
        "BIG_MODEL": (Tier.OPUS, Tier.SONNET),
        "MIDDLE_MODEL": (Tier.SONNET,),
        "SMALL_MODEL": (Tier.HAIKU,),
    }
)
PLAIN_SETTINGS = (*TIER_SETTINGS, "PREFERRED_PROVIDER", "DETOUR_HOME")


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


def names() -> tuple[str, ...]:
    """Every setting that is read."""
    rows = BACKENDS.values()
    keys = {name for row in rows for name in row.key_names}
    bases = {name for row in rows for name in row.base_names}
    return (*PLAIN_SETTINGS, *sorted(keys | bases))


def parse(values: Mapping[str, str]) -> Settings:
    """Make Settings of ``{NAME: value}`` (upper-case names; an empty value is none). Raises: ConfigError."""
    values = {name: stripped for name, value in values.items() if (stripped := value.strip())}
    endpoints = {row.name: _endpoint(row, values) for row in BACKENDS.values()}
    preferred = _preferred(values.get("PREFERRED_PROVIDER"))
    tiers: dict[Tier, Choice] = {}
    for setting, answered in TIER_SETTINGS.items():
        if value := values.get(setting):
            choice = _choice(setting, value, preferred)
            if lack := endpoints[choice.provider].lack:
                raise ConfigError(f"{setting} is {value!r}, but {lack}")
            tiers.update(dict.fromkeys(answered, choice))
    return Settings(tiers, tiers.get(Tier.OPUS), endpoints, values.get("DETOUR_HOME"))


def _endpoint(row: Backend, values: Mapping[str, str]) -> Endpoint:
    key_name = next((name for name in row.key_names if values.get(name)), row.key_names[0])
    base_name = next((name for name in row.base_names if values.get(name)), None)
    base_url = _base_url(base_name, values[base_name]) if base_name else row.base_url
    header, prefix = row.auth
    return Endpoint(row, base_url, Credential(header, prefix, key_name, _key(key_name, values.get(key_name))))


def _base_url(setting: str, value: str) -> str:
    try:
        parts = urlsplit(value)
        is_good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is no number, a bracket that is not closed
        raise ConfigError(_bad_address(setting, value)) from None
    if not is_good:
        raise ConfigError(_bad_address(setting, value))
    if parts.username or parts.password:
        raise ConfigError(f"{setting} holds a credential in the address: put the key into its own setting")
    if parts.query or parts.fragment:
        raise ConfigError(f"{setting} is {_safe_url(value)!r}: write it without anything after ? or #")
    return value.rstrip("/")


def _bad_address(setting: str, value: str) -> str:
    return f"{setting} is {_safe_url(value)!r}: write an address like https://host/v1"


def _safe_url(value: str) -> str:
    """An address as it may be shown: nothing before an @, nothing after a ?."""
    return value.rpartition("@")[2].partition("?")[0]


def _key(setting: str, value: str | None) -> str | None:
    if value is None:
        return None
    if not value.isascii() or not value.isprintable() or " " in value:
        raise ConfigError(f"{setting} holds characters that no HTTP header takes (not shown here): copy the key anew")
    return value


def _preferred(value: str | None) -> str:
    if not value:
        return DEFAULT_PROVIDER
    row = find(value)
    if row is None:
        raise ConfigError(f"PREFERRED_PROVIDER is {value!r}, which is no provider. {nearest(value)}")
    return row.name


def _choice(setting: str, value: str, preferred: str) -> Choice:
    provider, slash, model = value.partition("/")
    if not slash:
        return Choice(preferred, provider, setting)
    row = find(provider)
    if row is None:
        raise ConfigError(
            f"{setting} is {value!r}: there is no provider {provider!r}. {nearest(provider)} "
            "Write provider/model, or a bare model name with PREFERRED_PROVIDER."
        )
    if not model:
        raise ConfigError(f"{setting} is {value!r}: the model is missing after the slash.")
    return Choice(row.name, model, setting)


def nearest(name: str) -> str:
    """Say which providers a mistaken name may mean."""
    known = [*BACKENDS, *ALIASES]
    near = get_close_matches(name.lower(), known, n=3)
    return f"Did you mean {' or '.join(near)}?" if near else f"Known: {', '.join(sorted(BACKENDS))}."
