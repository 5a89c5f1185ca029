"""What a mint makes: a token, or what signs each request; and what keeps it from making one. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from addon.routing.config import Credential


class Unmade(Exception):
    """Nothing was made. The sentence says what is missing and the way out, and holds no secret."""

    def __init__(self, message: str) -> None:
        """Take the sentence for people."""
        super().__init__(message)
        self.message = message


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A request as it goes out. ``headers`` has lower-case names."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes


class Made(Protocol):
    """A credential that was made. ``expires_at``: seconds since the epoch; None: it does not."""

    @property
    def kind(self) -> str:
        """What it was made of, for people: "service account"."""

    @property
    def expires_at(self) -> float | None:
        """When it expires."""

    @property
    def secrets(self) -> tuple[str, ...]:
        """What nobody may see of it."""

    def check(self, url: str) -> None:
        """See that it can be used at an address. Raises: Unmade."""

    def headers(self, credential: Credential, request: Outgoing) -> Mapping[str, str]:
        """Return the headers for a request on its way out, to an address that was checked."""


@dataclass(frozen=True, slots=True)
class Token:
    """A token that stands in a header as it is. ``beside``: headers that go with it and are no secret."""

    value: str = field(repr=False)
    kind: str
    expires_at: float | None = None
    beside: tuple[tuple[str, str], ...] = ()

    @property
    def secrets(self) -> tuple[str, ...]:
        """The token."""
        return (self.value,)

    def check(self, url: str) -> None:
        """It can be used anywhere."""

    def headers(self, credential: Credential, request: Outgoing) -> Mapping[str, str]:
        """Return it in its header."""
        return {credential.header: credential.prefix + self.value, **dict(self.beside)}
