"""What our HTTP layer asks and tells the addon, and what it hears."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from mitmproxy import http

from addon.proxy.journey import Again, Trouble
from addon.proxy.pace import Pace


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
class Desk:
    """Each takes the flow; an empty answer means "not one of ours"."""

    accept: Callable[[http.HTTPFlow], Pace | None]  # a request is about to leave: how long may everything take?
    credentials: Callable[[http.HTTPFlow], Mapping[str, str]]
    holds: Callable[[http.HTTPFlow], Awaited | None]  # the stream whose headers wait for its first content
    failed: Callable[[http.HTTPFlow, Trouble | None], Again | None]  # an attempt is over; trouble None: by its reply
    resume: Callable[[http.HTTPFlow], Again | None]  # the wait is over; None: there is nobody left to ask
    early: Callable[[http.HTTPFlow], http.Response]  # the head that tells a waiting client "200, wait"
    parting: Callable[[http.HTTPFlow], Parting | None]
    client_left: Callable[[http.HTTPFlow], None]
