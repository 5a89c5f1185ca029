"""A row of the provider table: address, dialect, names of its settings, and how it departs from its wire format."""

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

from addon.dialects.profiles import Profile, SearchStyle

CHAT, RESPONSES, NATIVE = "openai_chat", "openai_responses", "anthropic"
SEARCH_ENDPOINTS = ("searxng", "brave")  # dialects
BEARER = ("authorization", "Bearer ")
X_API_KEY = ("x-api-key", "")
API_KEY = ("api-key", "")

PLAIN = Profile()
SEARCHES = Profile(search=SearchStyle.NATIVE)  # a backend of Anthropic's format that knows its web_search tool
NO_SEARCH = Profile(search=SearchStyle.NONE)  # one that does not


class Mint(StrEnum):
    """Who makes a credential that expires, where no key is set."""

    GOOGLE = "google"  # application default credentials, a service account's file: google-auth
    AWS = "aws"  # the standard chain, and a signature for each request: botocore
    COMMAND = "command"  # what a command prints


CLOUD_PLATFORM = "https://www.googleapis.com/auth/cloud-platform"
GCLOUD = "gcloud auth application-default print-access-token"  # prints what google-auth would make
SIGNED = ("authorization", "AWS4-HMAC-SHA256 ")
# settings of a mint's own, which may stand in .env as well as in the environment
MINT_SETTINGS: Mapping[Mint, tuple[str, ...]] = MappingProxyType(
    {
        Mint.GOOGLE: ("GOOGLE_APPLICATION_CREDENTIALS", "GOOGLE_CLOUD_QUOTA_PROJECT"),
        Mint.AWS: (
            "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_CONFIG_FILE",
            "AWS_SHARED_CREDENTIALS_FILE",
        ),
        Mint.COMMAND: (),
    }
)  # fmt: skip
# the hosts of a mint's own services, to which what it makes may go unasked
OWN_HOSTS: Mapping[Mint, re.Pattern[str]] = MappingProxyType(
    {
        Mint.GOOGLE: re.compile(r"(?:.+\.)?googleapis\.com"),
        # all but the first and api.aws are of regions that stand apart: China, Europe's own, the secret ones
        Mint.AWS: re.compile(
            r".+\.(?:amazonaws\.com(?:\.cn)?|api\.aws|amazonaws\.eu|c2s\.ic\.gov|sc2s\.sgov\.gov|csp\.hci\.ic\.gov"
            r"|cloud\.adc-e\.uk)"
        ),
    }
)


@dataclass(frozen=True, slots=True)
class Minting:
    """How a credential that expires is made.

    ``scope``: Google's OAuth scope; AWS's name for the service signed for. ``region``: AWS's; empty: what the address
    says. ``command``: what prints it; of Google's, where google-auth is not installed. ``lifetime_s``: of what a
    command printed without a word on that; None: for ever. ``settings``: those of MINT_SETTINGS that are set.
    """

    mint: Mint
    scope: str = ""
    region: str = ""
    profile: str = ""
    command: str | tuple[str, ...] = ""
    lifetime_s: float | None = None
    settings: tuple[tuple[str, str], ...] = field(default=(), repr=False)

    @property
    def told(self) -> str:
        """What a shell would be asked for it: it stands where the credential does not show."""
        match self.mint:
            case Mint.GOOGLE:
                return f"({GCLOUD})"
            case Mint.AWS:
                profile = self.profile or dict(self.settings).get("AWS_PROFILE", "")
                return f"(aws configure export-credentials{f' --profile {profile}' if profile else ''})"
            case Mint.COMMAND:
                return f"({self.command if isinstance(self.command, str) else shlex.join(self.command)})"

    @property
    def written(self) -> str:
        """How ``detour.yaml`` says it, where it is no command."""
        return "{mint: google}" if self.mint is Mint.GOOGLE else f"{{mint: aws, service: {self.scope}}}"

    @property
    def secrets(self) -> tuple[str, ...]:
        """Settings of it that nobody may see."""
        return tuple(value for name, value in self.settings if name.endswith(("_SECRET_ACCESS_KEY", "_TOKEN")))

    def may_go_to(self, base_url: str) -> bool:
        """Whether an address is one of its own services."""
        parts, own = urlsplit(base_url), OWN_HOSTS.get(self.mint)
        return own is not None and parts.scheme == "https" and own.fullmatch(parts.hostname or "") is not None


@dataclass(frozen=True, slots=True)
class Speech:
    """A dialect for the models and the addresses that the two patterns are found in."""

    model: re.Pattern[str]
    address: re.Pattern[str]
    dialect: str
    auth: tuple[str, str] | None = None  # the header there, where it is another than the row's
    profile: Profile | None = None  # the same of the profile; ``by_model`` says nothing of it then


@dataclass(frozen=True, slots=True)
class Backend:
    """One provider. ``base_url`` None: the user must give it."""

    name: str
    base_url: str | None
    dialect: str = CHAT
    auth: tuple[str, str] = BEARER  # header, and what stands before the key
    keys: tuple[str, ...] = ()  # settings that hold the credential, the first set wins; () means NAME_API_KEY
    tokens: tuple[str, ...] = ()  # settings that hold a bearer token, for where none of the keys is set
    minting: Minting | None = None  # for where neither is
    bases: tuple[str, ...] = ()  # settings that hold the address; () means NAME_API_BASE
    needs_key: bool = True
    place: Mapping[str, str | None] = field(default_factory=dict)  # settings in {} of the address -> their defaults
    place_names: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # of these -> other settings that say it
    place_hosts: tuple[tuple[re.Pattern[str], str], ...] = ()  # in the address so filled -> what stands there instead
    headers: tuple[tuple[str, str], ...] = ()  # of every request; a setting in {} is filled in, as in the address
    keyed_url: str | None = None  # the address where a key is set, which says the place itself
    key_command: str = ""  # prints a key where none is set
    by_process: bool = False  # litellm's process answers; only the proxy knows where that listens
    model_prefix: str = ""  # before a model's name that has no slash
    like: str = ""  # the provider whose models it has, where it is a variant of one
    profile: Profile = PLAIN
    by_model: tuple[tuple[re.Pattern[str], Mapping[str, Any]], ...] = field(
        default=()
    )  # pattern of the model -> fields
    speeches: tuple[Speech, ...] = ()  # the first that fits says the dialect, where any does
    by_dialect: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  # dialect -> fields, over those by model
    version_path: str = ""  # stands behind an address that somebody gave without any path

    @property
    def key_names(self) -> tuple[str, ...]:
        """The settings that may hold the credential, in order."""
        return (*(self.keys or (f"{_prefix(self.name)}_API_KEY",)), *self.tokens)

    @property
    def base_names(self) -> tuple[str, ...]:
        """The settings that may hold the address, in order."""
        return self.bases or (f"{_prefix(self.name)}_API_BASE", f"{_prefix(self.name)}_BASE_URL")

    @property
    def places(self) -> Mapping[str, tuple[str, ...]]:
        """Of each setting in {} of the address: the settings that may hold it, the first set wins."""
        return {name: (name, *self.place_names.get(name, ())) for name in self.place}

    @property
    def only_searches(self) -> bool:
        """Whether it is no model, but a search endpoint."""
        return self.dialect in SEARCH_ENDPOINTS

    def profile_of(self, model: str, base_url: str | None = None) -> Profile:
        """Return the profile with what this model's name changes; ``None``: at the provider's own address."""
        speech = self._speech(model, base_url)
        if speech is not None and speech.profile is not None:
            return speech.profile
        fitting = (fields for pattern, fields in self.by_model if pattern.search(model))
        changed = {**next(fitting, {}), **self.by_dialect.get(speech.dialect if speech else self.dialect, {})}
        return replace(self.profile, **changed) if changed else self.profile

    def dialect_of(self, model: str, base_url: str | None = None) -> str:
        """Return what this model speaks at that address; ``None``: at the provider's own."""
        speech = self._speech(model, base_url)
        return self.dialect if speech is None else speech.dialect

    def auth_of(self, setting: str, base_url: str | None = None) -> tuple[str, str]:
        """Return the header, and what stands before the credential, for one that this setting holds, at an address."""
        if setting in self.tokens:
            return BEARER
        speech = self._speech("", base_url)
        return self.auth if speech is None or speech.auth is None else speech.auth

    def _speech(self, model: str, base_url: str | None) -> Speech | None:
        address = base_url or self.base_url or ""
        fitting = (each for each in self.speeches if each.model.search(model) and each.address.search(address))
        return next(fitting, None)


def _prefix(name: str) -> str:
    return name.upper().replace("-", "_").replace(".", "")


def by_model(*rules: tuple[str, dict[str, Any]]) -> tuple[tuple[re.Pattern[str], Mapping[str, Any]], ...]:
    """Write ``Backend.by_model``: pattern of the model, fields of the profile."""
    return tuple((re.compile(pattern), MappingProxyType(fields)) for pattern, fields in rules)


def speeches(*rules: tuple[str, str, str]) -> tuple[Speech, ...]:
    """Write ``Backend.speeches``: pattern of the model, pattern of the address, dialect."""
    return tuple(Speech(re.compile(model), re.compile(address), dialect) for model, address, dialect in rules)
