"""What happened lately: a bounded ring of entries, one for each exchange that ended. Pure; times come in.

It is for ``GET /debug_logs``. Headers are never in an entry, so no credential is; a body is in one only where the user
asked for it (LOG_REQUEST_BODY, LOG_RESPONSE_BODY), and then at most ``KEPT_BODY`` characters of it.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus

from addon.protocol.errors import Blocked, DetourError
from addon.proxy.exchange import Exchange
from addon.proxy.told import SELF, Told

MOST_ENTRIES = 500  # a long day's work of one session
MOST_CHARACTERS = 8 * 1024 * 1024  # of all bodies together
KEPT_BODY = 64 * 1024  # characters of one body: the newest turns stand at its end, and an error in its first lines
MOST_WORDS = 1_000  # characters of a name, a reason, an error


class LogType(StrEnum):
    """Which entries are asked for, and with which body."""

    ALL = "all"
    REQUEST = "request"
    RESPONSE = "response"
    ERROR = "error"
    ROUTE = "route"


@dataclass(frozen=True, slots=True)
class Body:
    """A body as far as it is kept; ``left_out`` counts the characters that are not."""

    text: str
    left_out: int = 0


def cut(body: bytes, most: int = KEPT_BODY) -> Body:
    """Keep the head and the tail of a body, half of ``most`` each."""
    text = body.decode("utf-8", "replace")
    if len(text) <= most:
        return Body(text)
    half = most // 2
    return Body(f"{text[:half]} … {text[-half:]}", len(text) - 2 * half)


@dataclass(frozen=True, slots=True)
class Entry:
    """One exchange. ``status`` 0: there was no reply."""

    time: str  # ISO 8601
    id: str
    status: int
    elapsed_ms: int
    session: str | None = None
    kind: str | None = None
    asked: str | None = None
    answered_by: str | None = None
    reason: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    losses: int = 0
    error: str | None = None
    request_body: Body | None = None
    response_body: Body | None = None

    @property
    def failed(self) -> bool:
        """Whether anything went wrong."""
        return self.error is not None or not self.status or self.status >= HTTPStatus.BAD_REQUEST

    @property
    def size(self) -> int:
        """Characters of its bodies."""
        return sum(len(body.text) for body in (self.request_body, self.response_body) if body is not None)


@dataclass(frozen=True, slots=True)
class End:
    """How an exchange ended, as the shell saw it."""

    time: str
    status: int
    elapsed_ms: int
    request_body: Body | None = None
    response_body: Body | None = None


def of_exchange(exchange: Exchange, end: End) -> Entry:
    """Make the entry of an exchange that passed or was sent to a backend."""
    usage, route, error = exchange.usage, exchange.route, exchange.error
    if error is not None and exchange.credential is not None:
        error = exchange.credential.hide(error)  # some backends quote the key that they refuse
    return Entry(
        end.time,
        exchange.request_id,
        end.status,
        end.elapsed_ms,
        _told(route.session),
        route.kind,
        _told(route.asked),
        _told(route.name),
        _told(route.reason),
        usage.input_tokens + usage.cache_read_tokens + usage.cache_write_tokens if usage else None,
        usage.output_tokens if usage else None,
        sum(not loss.routine for loss in exchange.losses),
        _told(error),
        end.request_body,
        end.response_body,
    )


def _told(text: str | None) -> str | None:
    """A client's or a backend's words as they may stand in JSON, and not too many of them."""
    return text[:MOST_WORDS].encode("utf-8", "replace").decode() if text is not None else None


def of_refusal(request_id: str, error: DetourError, end: End) -> Entry:
    """Make the entry of a request that Detour answered with an error of its own."""
    blocked = error if isinstance(error, Blocked) else None
    return Entry(
        end.time,
        request_id,
        end.status,
        end.elapsed_ms,
        _told(blocked.session) if blocked else None,
        (blocked.kind or None) if blocked else None,
        _told(blocked.asked or None) if blocked else None,
        reason=_told(blocked.why) if blocked else None,
        error=_told(error.message),
        request_body=end.request_body,
    )


def of_told(request_id: str, told: Told, end: End) -> Entry:
    """Make the entry of a call to a model that Detour answered itself."""
    return Entry(
        end.time,
        request_id,
        end.status,
        end.elapsed_ms,
        _told(told.route.session),
        told.route.kind,
        _told(told.route.asked),
        SELF,
        _told(told.why),
        request_body=end.request_body,
        response_body=end.response_body,
    )


class Journal:
    """The ring."""

    def __init__(self, most_entries: int = MOST_ENTRIES, most_characters: int = MOST_CHARACTERS) -> None:
        """See the limits of the module."""
        self._entries: deque[Entry] = deque()
        self._most_entries = most_entries
        self._most_characters = most_characters
        self._characters = 0

    def note(self, entry: Entry) -> None:
        """Take an entry; the oldest make room for it."""
        self._entries.append(entry)
        self._characters += entry.size
        while len(self._entries) > self._most_entries or self._characters > self._most_characters:
            self._characters -= self._entries.popleft().size

    def newest(self, log_type: LogType, limit: int) -> Sequence[Entry]:
        """Return at most ``limit`` entries, the newest last."""
        found = [entry for entry in self._entries if log_type is not LogType.ERROR or entry.failed]
        return found[-limit:]

    def clear(self) -> int:
        """Forget all; return how many there were."""
        gone = len(self._entries)
        self._entries.clear()
        self._characters = 0
        return gone
