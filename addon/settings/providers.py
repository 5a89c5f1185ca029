"""The ``backends`` of ``detour.yaml``: new providers, and known ones with something changed. Pure."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Literal
from urllib.parse import urlsplit

from addon.protocol.errors import ConfigError
from addon.routing.backends import Backend, find
from addon.routing.config import Credential, Endpoint, Proxy, Timeouts, nearest
from addon.settings import document, environment

VARIABLE = re.compile(r"\$\{(?P<name>[A-Za-z_]\w*)(?::-(?P<default>[^}]*))?\}")
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
type Secrets = Callable[[document.Credential], str | None]  # reads a file, runs a command


@dataclass(frozen=True, slots=True)
class Sources:
    """What providers are made of: ``values`` are those of the environment, by upper-case name."""

    values: Mapping[str, str]
    place: Place
    secrets: Secrets


def endpoints(
    written: Mapping[str, document.Backend], known: Mapping[str, Endpoint], sources: Sources
) -> dict[str, Endpoint]:
    """Return ``known`` with the document's applied. Raises: ConfigError that says the line."""
    made = dict(known)
    for name, backend in written.items():
        where = sources.place(("backends", name))
        try:
            row = _row(name, backend)
            made[row.name] = _endpoint(row, backend, known.get(row.name), sources)
        except ConfigError as error:
            raise ConfigError(f"{where}: {name}: {error.message}") from None
    return made


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
        base = replace(like, name=name, keys=(), bases=(), needs_key=False, key_command="", like=like.like or like.name)
    return base if backend.dialect is None else replace(base, dialect=backend.dialect)


def _endpoint(row: Backend, backend: document.Backend, known: Endpoint | None, sources: Sources) -> Endpoint:
    found = known or environment.endpoint(row, sources.values)
    made = replace(found, backend=row, profile=_profile(backend))
    if backend.address is not None:
        address = environment.base_address("address", filled(backend.address, sources.values))
        # a key belongs to the address that it was given for: another address needs one of its own
        kept = found.credential if address == found.base_url else replace(found.credential, key=None)
        made = replace(made, base_url=address, base_name="address", credential=kept)
    if backend.credential is not None:
        made = replace(made, credential=_credential(backend.credential, found.credential, sources))
    elif backend.address is not None and row.needs_key:
        made = replace(made, backend=replace(row, needs_key=False))  # an address alone: a server that asks for no key
    return replace(
        made,
        headers=tuple((name.lower(), _header(name, value, sources)) for name, value in backend.headers.items()),
        extra_body=MappingProxyType(dict(backend.body)),
        proxy=_proxy(filled(backend.proxy, sources.values)) if backend.proxy else None,
        timeouts=_timeouts(backend.timeouts) if backend.timeouts else Timeouts(),
    )


def _credential(written: str | document.Credential, base: Credential, sources: Sources) -> Credential:
    """Read the key from where the user keeps it; ``variable`` is how a shell would."""
    if isinstance(written, str):
        found = VARIABLE.fullmatch(written.strip())
        if found is None:
            return replace(base, variable=LITERAL, key=environment.checked_key("credential", written))
        written = document.Credential(env=found["name"])
    spec = written
    if spec.env is not None:
        value = sources.values.get(spec.env.upper(), "").strip() or None
        return replace(base, variable=spec.env, key=environment.checked_key(spec.env, value))
    if spec.key is not None:
        key = spec.key.get_secret_value()
        return replace(base, variable=LITERAL, key=environment.checked_key("credential.key", key))
    command = spec.command if isinstance(spec.command, str) else " ".join(spec.command or ())
    variable = f"(cat {spec.file})" if spec.file is not None else f"({command})"
    return replace(base, variable=variable, key=environment.checked_key("credential", sources.secrets(spec)))


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
    address = environment.base_address("proxy", text)
    parts = urlsplit(address)
    if parts.path:
        raise ConfigError(f"proxy is {address!r}: write it without a path, like http://proxy:3128")
    scheme: Literal["http", "https"] = "https" if parts.scheme == "https" else "http"
    return scheme, parts.hostname or "", parts.port or (443 if scheme == "https" else 80)


def _profile(backend: document.Backend) -> Mapping[str, Any]:
    fields = backend.profile.model_dump(exclude_unset=True)
    return MappingProxyType(
        {name: tuple(value) if isinstance(value, list) else value for name, value in fields.items()}
    )


def _timeouts(written: document.Timeouts) -> Timeouts:
    return Timeouts(written.connect, written.first_byte, written.idle, written.total)
