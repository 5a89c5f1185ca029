"""The names of the environment and of ``.env``: from ``{NAME: value}`` to Settings.

A mistake is a ConfigError that says which, what and how. Pure; ``settings_file`` does the reading.
"""

from collections.abc import Mapping
from types import MappingProxyType
from urllib.parse import urlsplit

from addon.protocol.errors import ConfigError
from addon.routing.backends import BACKENDS, Backend, find
from addon.routing.config import Choice, Credential, Endpoint, Settings, Tier, nearest

DEFAULT_PROVIDER = "openai"

# setting -> the tiers it answers; a later row wins over an earlier one
TIER_SETTINGS: Mapping[str, tuple[Tier, ...]] = MappingProxyType(
    {
        "BIG_MODEL": (Tier.OPUS, Tier.SONNET),
        "MIDDLE_MODEL": (Tier.SONNET,),
        "SMALL_MODEL": (Tier.HAIKU,),
    }
)
PLAIN_SETTINGS = (*TIER_SETTINGS, "PREFERRED_PROVIDER", "DETOUR_HOME")


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
