"""What our HTTP layer asks and tells the addon, and what it hears.

After a reload a connection keeps the layer that it has, whose code is the old one, and asks the new addon: what passes
here is read by the names of its fields, and neither side makes the other's clocks or compares its enums.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from mitmproxy import http

from addon.proxy.journey import Again, Trouble
from addon.routing.config import Streaming, Timeouts


@dataclass(frozen=True, slots=True)
class Parting:
    """Last words for a client whose backend is gone: a whole response, or the tail of a stream that has begun."""

    response: http.Response | None = None
    tail: bytes = b""


class Awaited(Protocol):
    """A reply on its way, as the layer sees it."""

    @property
    def failed(self) -> bool:
        """Whether it has failed before its first content."""

    @property
    def ended(self) -> bool:
        """Whether all is said, well or badly."""

    @property
    def lingers_s(self) -> float:
        """How long the backend has to end its reply once all is said."""


@dataclass(frozen=True, slots=True)
class Allowed:
    """How long an attempt may take. ``streaming`` None: the client waits for a whole reply, and cannot be pinged.

    ``began_at`` is when the exchange began, in seconds of ``time.monotonic``. ``wait``: it cannot be sent yet, its
    credential is being made; ``refused``: nor ever, there is none.
    """

    timeouts: Timeouts
    streaming: Streaming | None
    began_at: float
    wait: Again | None = None
    refused: Trouble | None = None


@dataclass(frozen=True, slots=True)
class Desk:
    """Each takes the flow; an empty answer means "not one of ours"."""

    begin: Callable[[http.HTTPFlow], Allowed | None]  # an attempt begins
    credentials: Callable[[http.HTTPFlow], Mapping[str, str]]
    holds: Callable[[http.HTTPFlow], Awaited | None]  # the stream whose headers wait for its first content
    failed: Callable[[http.HTTPFlow, Trouble | None], Again | None]  # an attempt is over; trouble None: by its reply
    resume: Callable[[http.HTTPFlow], Again | None]  # the wait is over; None: there is nobody left to ask
    early: Callable[[http.HTTPFlow], http.Response | None]  # the head that tells a waiting client "200, wait"
    parting: Callable[[http.HTTPFlow], Parting | None]
    client_left: Callable[[http.HTTPFlow], None]
