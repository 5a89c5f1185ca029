"""What the prompt log keeps of one exchange, as values. Pure.

``Summary`` is what lists and sums need, one row of the log. ``Entry`` is everything: the client's request as it came,
the request that was sent, the reply as it came, the reply that was given. Where something passed as it was, ``sent``
and ``reply`` are None and the client's own stand for them. What the log gives back is redacted.
"""

from collections.abc import Sequence
from dataclasses import dataclass

type Headers = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """An HTTP request; ``body`` as sent, uncompressed."""

    method: str
    url: str
    headers: Headers
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An HTTP reply; ``body`` is uncompressed; ``left_out`` counts the bytes at its end that were not kept."""

    status: int
    headers: Headers
    body: bytes
    left_out: int = 0


@dataclass(frozen=True, slots=True)
class Attempt:
    """One that failed; ``status`` in words or as a number, as the client would have been told."""

    target: str
    status: str
    elapsed_ms: int
    why: str


@dataclass(frozen=True, slots=True)
class Change:
    """What a route changed or a translation lost at ``path``; ``routine``: as always, nobody misses it."""

    path: str
    what: str
    routine: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """One exchange in short.

    ``number`` is its place in the log (0 before it is written), ``id`` what the client may quote as ``req_ID``.
    Times are seconds since 1970 and milliseconds since the request came. None is unknown, never zero.
    """

    number: int = 0
    id: str
    at: float
    session: str | None = None
    agent: str | None = None  # None: the main conversation, or a call beside it
    parent_agent: str | None = None
    agent_type: str | None = None
    kind: str | None = None  # routing.call.Kind; None: no call to a model
    path: str = "/v1/messages"
    door: str = "proxy"  # or reverse
    asked: str | None = None  # the model that the client named
    route: str | None = None  # who answered: provider/model, anthropic, or detour
    status: int = 0  # the client's; 0: there was no reply
    stop_reason: str | None = None
    error: str | None = None
    first_byte_ms: int | None = None  # of the backend's reply
    first_content_ms: int | None = None
    total_ms: int = 0
    input_tokens: int | None = None  # counts neither of the next two, as Anthropic counts
    cache_read_tokens: int | None = None
    cache_write_tokens: int | None = None
    output_tokens: int | None = None  # reasoning included
    reasoning_tokens: int | None = None
    dollars: float | None = None  # None: the price is unknown
    losses: int = 0  # but for routine ones
    attempts: int = 0  # that failed; the last too, where all did
    origin: str | None = None  # None: the client's own; "replay" or "shadow": Detour's, of the exchange ``of``
    of: str | None = None  # an exchange's id

    @property
    def prompt_tokens(self) -> int | None:
        """All that went in: new, read from and written to the cache."""
        if self.input_tokens is None:
            return None
        return self.input_tokens + (self.cache_read_tokens or 0) + (self.cache_write_tokens or 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One exchange, whole. ``request`` None: only its metadata are kept (``record: metadata``)."""

    summary: Summary
    reason: str = ""  # why this route
    request: Request | None = None
    sent: Request | None = None  # None: it went as it came, or nothing was sent
    reply: Reply | None = None  # the backend's; None: it was given as it came, or there was none
    given: Reply | None = None  # the client's
    attempts: Sequence[Attempt] = ()
    changes: Sequence[Change] = ()
    losses: Sequence[Change] = ()
