"""The ``backends`` of ``detour.yaml``: new providers, and known ones with something changed. Pure."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Literal
from urllib.parse import urlsplit

from addon.dialects.extras import replace_headers
from addon.dialects.profiles import Takes
from addon.protocol.errors import ConfigError
from addon.routing.backend import CLOUD_PLATFORM, GCLOUD, MINT_SETTINGS, Backend, Mint, Minting
from addon.routing.backends import find
from addon.routing.config import TIMEOUTS, Credential, Endpoint, Proxy, Timeouts, TimeoutsWanted, nearest
from addon.settings import document, environment

VARIABLE = re.compile(r"\$\{(?P<name>[A-Za-z_]\w*)(?::-(?P<default>[^}]*))?\}")
REFERENCE = re.compile(r"^\$|\$\{|^os\.environ/")  # what somebody meant for a reference, and a key never is
LITERAL = "{detour.yaml: credential}"  # how a key that stands in the file is shown
NAME = re.compile(r"[a-z0-9][a-z0-9._-]*")
HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
# a credential has a place of its own, from which it never shows; the others are what makes a request one
REFUSED_HEADERS = frozenset(
    (
        "authorization", "x-api-key", "api-key", "x-goog-api-key", "cookie", "proxy-authorization",
        "host", "content-length", "content-type", "transfer-encoding", "connection", "accept-encoding", "te", "upgrade",
    )
)  # fmt: skip

type Path = tuple[str | int, ...]
type Place = Callable[[Path], str]  # where a value of the document stands, for people
type Secrets = Callable[[document.Credential], str | None]  # reads a file


@dataclass(frozen=True, slots=True)
class Sources:
    """What providers are made of: ``values`` are those of the environment, by upper-case name."""

    values: Mapping[str, str]
    place: Place
    secrets: Secrets
    timeouts: Timeouts = TIMEOUTS  # of every provider


def endpoints(
    written: Mapping[str, document.Backend], known: Mapping[str, Endpoint], sources: Sources
) -> dict[str, Endpoint]:
    """Return ``known`` with the document's applied. Raises: ConfigError that says the line."""
    made = {name: replace(endpoint, timeouts=sources.timeouts) for name, endpoint in known.items()}
    names: dict[str, str] = {}
    for name, backend in written.items():
        try:
            row = _row(name, backend)
            _check_name(row.name, names, known)
            names[row.name] = name
            made[row.name] = _endpoint(row, backend, made.get(row.name), sources)
        except ConfigError as error:
            raise ConfigError(f"{sources.place(('backends', name))}: {name}: {error.message}") from None
    return made


def _check_name(name: str, names: Mapping[str, str], known: Mapping[str, Endpoint]) -> None:
    if name in names:
        raise ConfigError(f"it is the same provider as {names[name]}: keep one of the two")
    if name in known and find(name) is None:
        raise ConfigError("a provider of that name is made of BIG_MODEL_NAME and the like: choose another name")


def _row(name: str, backend: document.Backend) -> Backend:
    """The provider's row: a known one, one like it, or a plain one."""
    itself = find(name)
    if itself is None and not NAME.fullmatch(name):
        raise ConfigError("a provider's name has small letters, digits, dots, dashes and underscores only")
    like = find(backend.like) if backend.like else itself
    if backend.like and like is None:
        raise ConfigError(f"like is {backend.like!r}, which is no provider. {nearest(backend.like)}")
    if like is None:
        base = Backend(name, None, needs_key=False)
    elif itself is like:
        base = like
    else:
        base = replace(
            like, name=name, keys=(), tokens=(), bases=(), needs_key=False, key_command="", like=like.like or like.name
        )
    return base if backend.dialect is None else replace(base, dialect=backend.dialect, speeches=())


def _endpoint(row: Backend, backend: document.Backend, known: Endpoint | None, sources: Sources) -> Endpoint:
    found = known or _new(row, sources)
    credential, base_url, base_name = found.credential, found.base_url, found.base_name
    if backend.address is not None:
        given = environment.base_address("address", filled(backend.address, sources.values))
        base_url, base_name = environment.complete(row, given), "address"
        if base_url != found.base_url:  # a key belongs to the address that it was given for
            kept = credential.minting if credential.minting and credential.minting.may_go_to(base_url) else None
            variable = credential.variable if kept or credential.minting is None else row.key_names[0]
            credential = replace(credential, key=None, minting=kept, variable=variable)
            row = replace(row, needs_key=False)
    if backend.credential is not None:
        credential = _credential(backend.credential, replace(credential, minting=None), sources)
        row = replace(row, needs_key=True, keys=(credential.variable,), tokens=_tokens(backend.credential, credential))
    credential = environment.credential(row, credential.variable, credential.key, credential.minting, base_url)
    if known is None and base_url is None:
        raise ConfigError("it has no address: write address, or like with a provider that has one")
    return Endpoint(
        row,
        base_url,
        credential,
        base_name,
        headers=replace_headers(
            found.headers,
            tuple((name.lower(), _header(name, value, sources)) for name, value in backend.headers.items()),
        ),
        extra_body=MappingProxyType(dict(backend.body)),
        profile=profile(backend.profile),
        proxy=_proxy(filled(backend.proxy, sources.values)) if backend.proxy else None,
        timeouts=found.timeouts.changed(timeouts(backend.timeouts)),
    )


def _new(row: Backend, sources: Sources) -> Endpoint:
    """A provider that has only the name from the user: no variable of the environment is its own."""
    names = {name for known in row.places.values() for name in known}
    names |= set(MINT_SETTINGS[row.minting.mint] if row.minting is not None else ())
    placed = {name: value for name, value in sources.values.items() if name in names}
    return replace(environment.endpoint(row, placed), timeouts=sources.timeouts)


def _credential(written: str | document.Credential, base: Credential, sources: Sources) -> Credential:
    """Read the key from where the user keeps it; ``variable`` is how a shell would."""
    if isinstance(written, str):
        found = VARIABLE.fullmatch(written.strip())
        if found is not None:
            return _of_variable(found["name"], found["default"], base, sources)
        if REFERENCE.search(written):
            raise ConfigError(
                "credential refers to something in a way that is not read here: write ${NAME} and no more"
            )
        return replace(base, variable=LITERAL, key=environment.checked_key("credential", written.strip()))
    if written.env is not None:
        return _of_variable(written.env, None, base, sources)
    if written.key is not None:
        literal = written.key.get_secret_value()
        return replace(base, variable=LITERAL, key=environment.checked_key("credential.key", literal))
    if written.file is not None:
        key = environment.checked_key("credential", sources.secrets(written))
        return replace(base, variable=f"(cat {written.file})", key=key)
    minting = environment.told(_minting(written), sources.values)
    return replace(base, variable=minting.told, key=None, minting=minting)


def _minting(written: document.Credential) -> Minting:
    """Return how it is made: by a mint, or by a command."""
    if written.mint == "google":
        return Minting(Mint.GOOGLE, CLOUD_PLATFORM, command=GCLOUD)
    if written.mint == "aws":
        return Minting(Mint.AWS, written.service or "", written.region or "", written.profile or "")
    command = written.command if isinstance(written.command, str) else tuple(written.command or ())
    return Minting(Mint.COMMAND, command=command, lifetime_s=written.lifetime)


def _tokens(written: str | document.Credential, made: Credential) -> tuple[str, ...]:
    """The settings that hold a bearer token, whatever header the provider's keys go in."""
    is_bearer = isinstance(written, document.Credential) and written.bearer
    return (made.variable,) if is_bearer else ()


def _of_variable(name: str, default: str | None, base: Credential, sources: Sources) -> Credential:
    value = sources.values.get(name.upper()) or default or None
    return replace(base, variable=name, key=environment.checked_key(name, value))


def filled(text: str, values: Mapping[str, str]) -> str:
    """Put the environment's values in place of ``${NAME}`` and ``${NAME:-default}``. Raises: ConfigError."""

    def value(found: re.Match[str]) -> str:
        known = values.get(found["name"].upper(), "") or found["default"]
        if known is None:
            raise ConfigError(f"${{{found['name']}}} is not set: set it, or write ${{{found['name']}:-default}}")
        return known

    return VARIABLE.sub(value, text)


def _header(name: str, value: str, sources: Sources) -> str:
    if not HEADER_NAME.fullmatch(name):
        raise ConfigError(f"headers: {name!r} is no header's name")
    if name.lower() in REFUSED_HEADERS:
        raise ConfigError(f"headers: {name} cannot be set here; a key goes into credential, from where it never shows")
    text = filled(value, sources.values)
    if not text.isascii() or not text.isprintable():
        raise ConfigError(f"headers: {name} holds characters that no header takes")
    return text


def _proxy(text: str) -> Proxy:
    if "@" in text:
        raise ConfigError("proxy holds a password, which is read from DETOUR_UPSTREAM only: the proxy of all providers")
    address = environment.base_address("proxy", text)
    parts = urlsplit(address)
    if parts.path:
        raise ConfigError(f"proxy is {address!r}: write it without a path, like http://proxy:3128")
    scheme: Literal["http", "https"] = "https" if parts.scheme == "https" else "http"
    return scheme, parts.hostname or "", parts.port or (443 if scheme == "https" else 80)


def profile(written: document.Profile) -> Mapping[str, Any]:
    """Return the fields of a Profile that are written, for ``replace``."""
    fields = written.model_dump(exclude_unset=True)
    if fields.get("claude"):
        fields.setdefault("takes", Takes.ALL)  # a gateway to Claude passes on what Claude takes
    return MappingProxyType(
        {name: tuple(value) if isinstance(value, list) else value for name, value in fields.items()}
    )


def timeouts(written: document.Timeouts | None) -> TimeoutsWanted:
    """Return the fields of Timeouts that are written."""
    fields = written.model_dump(exclude_unset=True) if written is not None else {}
    return MappingProxyType({f"{name}_s": value for name, value in fields.items()})
