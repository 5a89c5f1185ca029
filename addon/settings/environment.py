"""The names of the environment and of ``.env``: from ``{NAME: value}`` to who is named for what, and the providers.

They are those of the two well-known proxies and of their fork (docs/configuration.md, "Names"). A mistake is a
ConfigError that says which, what and how. Pure; ``settings_file`` does the reading.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from urllib.parse import urlsplit

from addon.protocol.errors import ConfigError
from addon.routing.backend import BEARER, MINT_SETTINGS, SIGNED, Backend, Mint, Minting
from addon.routing.backends import BACKENDS, find
from addon.routing.config import ANTHROPIC, LITELLM, Credential, Endpoint, Logging, Slot, nearest
from addon.routing.litellm_providers import PROVIDERS

DEFAULT_PROVIDER = "openai"

# slot -> how its names begin: BIG_MODEL, or BIG_MODEL_PROVIDER and its three companions
SLOT_NAMES: Mapping[Slot, str] = MappingProxyType({slot: f"{slot.upper()}_MODEL" for slot in Slot})
PARTS = ("PROVIDER", "NAME", "API_KEY", "API_BASE")
PREFERRED = "PREFERRED_PROVIDER"
# what PREFERRED_PROVIDER alone means: its proxy had a model of that family for each slot, these are today's
PREFERRED_MODELS: Mapping[str, Mapping[Slot, str]] = MappingProxyType(
    {
        "openai": {Slot.BIG: "gpt-6.1-sol", Slot.SMALL: "gpt-6-luna"},
        "gemini": {Slot.BIG: "gemini-3.1-pro-preview", Slot.SMALL: "gemini-3.8-flash"},
    }
)
LOGGING_NAMES = ("FILE_LOG_LEVEL", "CONSOLE_LOG_LEVEL", "LOG_REQUEST_BODY", "LOG_RESPONSE_BODY")
PLACEHOLDER = re.compile(r"\{([A-Z_]+)\}")
PLAIN_SETTINGS = (
    *SLOT_NAMES.values(),
    *(f"{name}_{part}" for name in SLOT_NAMES.values() for part in PARTS),
    PREFERRED,
    *LOGGING_NAMES,
    "DETOUR_HOME",
    "DETOUR_CONFIG",
)

COMMAND_LIFETIME_S = 1_800.0  # of what a command printed that says nothing of it; as `lifetime` in detour.yaml


@dataclass(frozen=True, slots=True)
class Named:
    """What the environment says. ``slots`` maps to the model as written and the setting that says so."""

    slots: Mapping[Slot, tuple[str, str]]
    implied: Mapping[Slot, tuple[str, str]]  # what PREFERRED_PROVIDER stands for where no model is named anywhere
    endpoints: Mapping[str, Endpoint]
    preferred: str
    unused: tuple[str, ...] = ()  # sentences about settings that have no effect beside the others


def names() -> tuple[str, ...]:
    """Every setting that is read."""
    rows = BACKENDS.values()
    keys = {name for row in rows for name in row.key_names}
    bases = {name for row in rows for name in row.base_names}
    places = {name for row in rows for known in row.places.values() for name in known}
    of_mints = {name for known in MINT_SETTINGS.values() for name in known}
    return (*PLAIN_SETTINGS, *sorted(keys | bases | places | of_mints))


def read(values: Mapping[str, str]) -> Named:
    """Read ``{NAME: value}`` (upper-case names, stripped, none of them empty). Raises: ConfigError."""
    preferred = _preferred(values.get(PREFERRED))
    wanted = {slot: values[name] for slot, name in SLOT_NAMES.items() if name in values}
    slots = {slot: (model, SLOT_NAMES[slot]) for slot, model in wanted.items()}
    endpoints = {row.name: endpoint(row, values) for row in BACKENDS.values()}
    unused: tuple[str, ...] = ()
    if preferred == ANTHROPIC:
        unused = tuple(
            f"{setting} is {model!r} and has no effect: PREFERRED_PROVIDER is anthropic, which passes everything. "
            "Write provider/model to send it elsewhere all the same."
            for model, setting in slots.values()
            if "/" not in model
        )
        slots = {slot: found for slot, found in slots.items() if "/" in found[0]}
    for slot, name in SLOT_NAMES.items():
        if given := {part: values[f"{name}_{part}"] for part in PARTS if f"{name}_{part}" in values}:
            model, own = _in_four(slot, name, given, endpoints, values)
            slots[slot] = (model, f"{name}_NAME")
            endpoints.update(own)
    family = PREFERRED_MODELS.get(preferred, {}) if PREFERRED in values and not slots else {}
    implied = {slot: (f"{preferred}/{model}", PREFERRED) for slot, model in family.items()}
    return Named(slots, implied, endpoints, preferred, unused)


# what the fork's levels are called here; mitmproxy has one more, alert, between warn and error
LEVELS: Mapping[str, str] = MappingProxyType(
    {"debug": "debug", "info": "info", "warning": "warn", "warn": "warn", "error": "error", "critical": "error"}
)
YES, NO = ("true", "1", "yes", "on"), ("false", "0", "no", "off")


def logging(values: Mapping[str, str]) -> Logging:
    """Read the four names of logging. Raises: ConfigError."""
    return Logging(
        _level("CONSOLE_LOG_LEVEL", values),
        _level("FILE_LOG_LEVEL", values),
        _flag("LOG_REQUEST_BODY", values),
        _flag("LOG_RESPONSE_BODY", values),
    )


def _level(name: str, values: Mapping[str, str]) -> str | None:
    if name not in values:
        return None
    if (level := LEVELS.get(values[name].lower())) is None:
        raise ConfigError(f"{name} is {values[name]!r}; there are {', '.join(LEVELS)}")
    return level


def _flag(name: str, values: Mapping[str, str]) -> bool:
    text = values.get(name, NO[0]).lower()
    if text not in (*YES, *NO):
        raise ConfigError(f"{name} is {values[name]!r}; write true or false")
    return text in YES


def endpoint(row: Backend, values: Mapping[str, str]) -> Endpoint:
    """Apply the settings that are set to a provider's row. Raises: ConfigError."""
    key_name = next((name for name in row.key_names if name in values), row.key_names[0])
    base_name = next((name for name in row.base_names if name in values), None)
    given = complete(row, base_address(base_name, values[base_name])) if base_name else None
    base_url = given or _placed(row, key_name, values)
    key = checked_key(key_name, values.get(key_name))
    minting = _minting(row, base_url, values, is_own=base_name is None) if key is None else None
    bears = credential(row, key_name, key, minting, base_url)
    return Endpoint(row, base_url, bears, base_name, _headers(row, values))


def credential(
    row: Backend, variable: str, key: str | None, minting: Minting | None, base_url: str | None
) -> Credential:
    """Return a credential with the header that it goes in: what is made has one of its own."""
    if minting is not None:
        variable = minting.told
    if minting is not None and minting.mint is not Mint.COMMAND:
        header, prefix = SIGNED if minting.mint is Mint.AWS else BEARER
    else:
        header, prefix = row.auth_of(variable, base_url)
    return Credential(header, prefix, variable, key, minting)


def _minting(row: Backend, base_url: str | None, values: Mapping[str, str], *, is_own: bool) -> Minting | None:
    """Return how the row's credential is made, where it may go to this address; ``is_own``: it is the row's."""
    if base_url is None:
        return None
    if row.minting is not None:
        found = told(replace(row.minting, command=row.key_command), values)
        return found if found.may_go_to(base_url) else None
    if row.key_command and is_own:
        return Minting(Mint.COMMAND, command=row.key_command, lifetime_s=COMMAND_LIFETIME_S)
    return None


def told(minting: Minting, values: Mapping[str, str]) -> Minting:
    """Add the settings of its mint's own."""
    found = tuple((name, values[name]) for name in MINT_SETTINGS[minting.mint] if name in values)
    return replace(minting, settings=found)


def _headers(row: Backend, values: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """The headers of the provider's row; one of a place that nobody has told is left out. Raises: ConfigError."""
    made = []
    for name, value in row.headers:
        told = {place: _told(row, place, values) for place in PLACEHOLDER.findall(value)}
        if all(told.values()):
            filled = PLACEHOLDER.sub(lambda found: told[found[1]] or "", value)  # noqa: B023 - called here
            made.append((name, checked_key(" and ".join(told) or name, filled) or ""))
    return tuple(made)


def _told(row: Backend, place: str, values: Mapping[str, str]) -> str | None:
    """What the user has said of a place, or what it is where nobody has."""
    name = next((name for name in row.places[place] if name in values), None)
    return row.place[place] if name is None else values[name]


def complete(row: Backend, address: str) -> str:
    """Put the path of the API's version behind an address that has none."""
    return address if urlsplit(address).path else address + row.version_path


def _placed(row: Backend, key_name: str, values: Mapping[str, str]) -> str | None:
    """The provider's own address, with what it is told by place: a project, a region."""
    if row.keyed_url is not None and key_name in values and key_name not in row.tokens:
        return row.keyed_url
    if row.base_url is None or not row.place:
        return row.base_url
    told = {place: next((name for name in names if name in values), None) for place, names in row.places.items()}
    places = {place: row.place[place] if name is None else values[name] for place, name in told.items()}
    if not all(places.values()):
        return None
    filled = PLACEHOLDER.sub(lambda found: places[found[1]] or "", row.base_url)
    for pattern, instead in row.place_hosts:
        filled = pattern.sub(instead, filled)
    return base_address(" and ".join(name or place for place, name in told.items()), filled)


def _in_four(
    slot: Slot, name: str, given: Mapping[str, str], endpoints: Mapping[str, Endpoint], values: Mapping[str, str]
) -> tuple[str, dict[str, Endpoint]]:
    """Read ``BIG_MODEL_PROVIDER`` and its companions: the model, and an endpoint of its own where it has one.

    A key goes only where it was given for: an address of its own needs a key of its own.
    """
    if name in values:
        raise ConfigError(f"{name} and {name}_{next(iter(given))} both name a model: keep one of the two forms")
    if "NAME" not in given:
        raise ConfigError(f"{name}_{next(iter(given))} is set, but {name}_NAME is not: it names the model")
    provider = given.get("PROVIDER", DEFAULT_PROVIDER)
    row, model = find(provider), given["NAME"]
    if row is None and provider.lower() in PROVIDERS:
        row, model = BACKENDS[LITELLM], f"{provider.lower()}/{model}"
    if row is None:
        raise ConfigError(f"{name}_PROVIDER is {provider!r}, which is no provider. {nearest(provider)}")
    if not given.keys() & {"API_KEY", "API_BASE"}:
        return f"{row.name}/{model}", {}
    own = replace(
        row,
        name=f"{row.name}-{slot}",
        like=row.name,
        key_command="",
        keys=(f"{name}_API_KEY",),
        tokens=(),
        bases=(f"{name}_API_BASE",),
    )
    known = endpoints[row.name]
    made = endpoint(own, values)
    if made.base_name is None:
        header, prefix = own.auth_of(made.credential.variable, known.base_url)
        credential = replace(made.credential, header=header, prefix=prefix)
        made = replace(made, base_url=known.base_url, base_name=known.base_name, credential=credential)
    return f"{own.name}/{model}", {own.name: made}


def base_address(setting: str, value: str) -> str:
    """Check an address; without its trailing slash. Raises: ConfigError."""
    try:
        parts = urlsplit(value)
        host = (parts.hostname or "").encode("idna")
        is_good = parts.scheme in ("http", "https") and bool(host) and parts.port != 0 and _is_plain(value)
    except ValueError:  # a port that is no number, a bracket that is not closed, a host no name can be
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
    """An address as it may be shown: nothing before an @, nothing after a ?, and no lone word, which could be a key."""
    shown = value.rpartition("@")[2].partition("?")[0]
    return shown if any(mark in shown for mark in ":/.") else "..."


def _is_plain(value: str) -> bool:
    return value.isascii() and value.isprintable() and " " not in value


def checked_key(setting: str, value: str | None) -> str | None:
    """Check that a key can stand in a header. Raises: ConfigError, which never shows it."""
    if value is None:
        return None
    if not _is_plain(value):
        raise ConfigError(f"{setting} holds characters that no HTTP header takes (not shown here): copy the key anew")
    return value


def _preferred(value: str | None) -> str:
    if not value:
        return DEFAULT_PROVIDER
    row = find(value)
    if row is None:
        raise ConfigError(f"PREFERRED_PROVIDER is {value!r}, which is no provider. {nearest(value)}")
    return row.name
