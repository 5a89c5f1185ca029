"""The parts of ``detour.yaml`` that bound something: what is kept, how often and how long is tried. Pure."""

from typing import Annotated

from pydantic import BaseModel, Field

from addon.routing.config import MOST_ATTEMPTS
from addon.settings.document_values import STRICT, Maybe, Positive, Span


class Bound(BaseModel):
    """Forbids what it does not know."""

    model_config = STRICT


class Limits(Bound):
    """What Detour keeps at most."""

    request_bytes: Maybe[Positive] = None
    """Larger requests are refused (32 MiB, which is Anthropic's own limit)."""
    reply_bytes: Maybe[Positive] = None
    """Of a backend's reply, kept beside the flow for reading (16 MiB)."""


class Retention(Bound):
    """How long the prompt log keeps an exchange: until one of these is passed; the oldest go first."""

    days: Maybe[Positive] = None
    """(90)"""
    bytes: Maybe[Positive] = None
    """What the log may take on disk (1 GiB)."""


class Retry(Bound):
    """How often the same target is asked again when it fails; then the next one of a list is."""

    attempts: Maybe[Annotated[int, Field(ge=0, le=MOST_ATTEMPTS)]] = None
    """How often, after the first time (2); 0: never."""
    longest_wait: Maybe[Span] = None
    """The longest wait between two times (5s); when a backend asks for more, the next one is asked at once."""


class Streaming(Bound):
    """How a streamed reply is kept alive while the backend is silent."""

    grace: Maybe[Span] = None
    """How long a failure still gets its true status (12s); then the reply begins, and a failure ends it."""
    ping: Maybe[Span] = None
    """The silence after which the client gets a ping (15s)."""
