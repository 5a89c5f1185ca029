"""The exception tree, and the Anthropic error reply that each deserves.

::

    DetourError
    ├── BadRequest        the client sent something Anthropic would refuse too: 400, 403, 404, 405, 413, 415
    │   └── TooDeep           nested deeper than we can write
    ├── Blocked           a route of the user's refuses the request: 451
    ├── Unsupported       we cannot say this to the chosen backend: 424
    ├── BackendError      the backend refused or failed; the kind decides the reply (table KINDS)
    │   └── MalformedReply    the backend's bytes are not what its wire format promises: 502
    ├── InternalError     our own bug, told with an id: 424
    └── ConfigError       a setting is wrong; stops the start, never reaches a client

The statuses are chosen by what Claude Code 2.1.329 does with them (docs/protocol.md, "Errors"): 424 is shown verbatim
and never retried, an unknown 400 or a 422 is sent again up to six times, a 401 costs three minutes of retries, a 5xx
is retried with backoff.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Self, override

import orjson

# how a reply says what its body is
JSON_HEADERS = (("content-type", "application/json"),)
SSE_HEADERS = (("content-type", "text/event-stream; charset=utf-8"), ("cache-control", "no-cache"))
NO_RETRY = MappingProxyType({"x-should-retry": "false"})
MAX_RETRY_AFTER_S = 60  # Claude Code gives up at once on a longer wait; say so ourselves with x-should-retry


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole HTTP answer to the client."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


class DetourError(Exception):
    """Anything that goes wrong in an exchange; knows the reply it deserves."""

    status = 424
    type = "invalid_request_error"

    def __init__(self, message: str) -> None:
        """Take the sentence the client will read: it names the thing, the value and the way out.

        It may quote a header, in which mitmproxy keeps what is no UTF-8 as surrogates; JSON cannot hold those.
        """
        message = message.encode("utf-8", "replace").decode()
        super().__init__(message)
        self.message = message

    def kept(self) -> Self:
        """Return the error, to be kept: without the frames it came through, which hold the bodies, and it in a ring."""
        self.__traceback__ = self.__context__ = self.__cause__ = None
        return self

    @property
    def headers(self) -> Mapping[str, str]:
        """Extra reply headers that steer the client's retries."""
        return {}

    @property
    def type_in_stream(self) -> str:
        """The type in an ``error`` event, beside which there is no status."""
        return self.type

    def envelope(self, request_id: str | None = None) -> bytes:
        """Render Anthropic's error JSON (API reference, "errors")."""
        body: dict[str, object] = {"type": "error", "error": {"type": self.type, "message": self.message}}
        if request_id is not None:
            body["request_id"] = request_id
        return orjson.dumps(body)

    def event(self) -> bytes:
        """Render the data of an SSE ``error`` event."""
        return orjson.dumps({"type": "error", "error": {"type": self.type_in_stream, "message": self.message}})

    def reply(self, request_id: str | None = None) -> Reply:
        """Render the whole HTTP answer."""
        return Reply(
            self.status,
            (*JSON_HEADERS, *self.headers.items()),
            self.envelope(request_id),
        )


class BadRequest(DetourError):
    """The client's request is wrong in itself."""

    status = 400

    def __init__(self, message: str, status: int = 400, type: str = "invalid_request_error") -> None:  # noqa: A002 - Anthropic's name of the field
        """``message`` starts with the JSON path where there is one, as Anthropic's own do: ``messages.0.role: ...``."""
        super().__init__(message)
        self.status = status
        self.type = type


class TooDeep(BadRequest):
    """JSON that can be read but not written: orjson reads 1,024 levels and writes 254."""

    def __init__(self) -> None:
        """The same words wherever it is found."""
        super().__init__("The request body is nested too deeply: at most 254 levels can be sent on.")


class Blocked(DetourError):
    """A route refuses the request. 451: shown verbatim, one request, no retry."""

    status = 451
    type = "permission_error"

    def __init__(self, message: str, why: str, asked: str = "", kind: str = "", session: str | None = None) -> None:
        """``message`` is the user's own; the rest is for flow and log: the route and what it matched, the call."""
        super().__init__(message)
        self.why = why
        self.asked, self.kind, self.session = asked, kind, session


class Unsupported(DetourError):
    """Content that the chosen backend cannot be told. 424: shown verbatim, one request, no retry."""

    def __init__(self, path: str, what: str, way_out: str, sort: str = "") -> None:
        """``path`` is the JSON path in the client's request, ``what`` the thing, ``way_out`` what the user can do.

        ``sort`` is the name under which it is counted.
        """
        super().__init__(f"Detour: {path}: {what}. {way_out}")
        self.path = path
        self.sort = sort


class Kind(StrEnum):
    """What a backend's failure means, whatever its wording."""

    OVERFLOW = "overflow"
    OUTPUT_CAP = "output_cap"
    TOO_LARGE = "too_large"
    RATE_LIMIT = "rate_limit"
    CREDENTIAL = "credential"
    PERMISSION = "permission"
    MONEY = "money"
    NOT_FOUND = "not_found"
    OVERLOADED = "overloaded"
    UNREACHABLE = "unreachable"
    TIMEOUT = "timeout"
    SERVER = "server"
    MALFORMED = "malformed"
    REFUSED = "refused"
    REPAIRABLE = "repairable"  # the client knows this text and sends the request again without what is refused


# kind -> (HTTP status, Anthropic error type): the one table from backend to client
KINDS: Mapping[Kind, tuple[int, str]] = MappingProxyType(
    {
        Kind.OVERFLOW: (400, "invalid_request_error"),
        Kind.OUTPUT_CAP: (400, "invalid_request_error"),
        Kind.TOO_LARGE: (413, "request_too_large"),
        Kind.RATE_LIMIT: (429, "rate_limit_error"),
        Kind.CREDENTIAL: (403, "permission_error"),
        Kind.PERMISSION: (403, "permission_error"),
        Kind.MONEY: (402, "billing_error"),
        Kind.NOT_FOUND: (404, "not_found_error"),
        Kind.OVERLOADED: (503, "api_error"),
        Kind.UNREACHABLE: (503, "api_error"),
        Kind.TIMEOUT: (504, "timeout_error"),
        Kind.SERVER: (500, "api_error"),
        Kind.MALFORMED: (502, "api_error"),
        Kind.REFUSED: (424, "invalid_request_error"),
        Kind.REPAIRABLE: (400, "invalid_request_error"),
    }
)


# Failures that another try may mend. Inside a stream they are all told as overloads: on that, and on nothing else, the
# client asks for the same stream again; any other type makes it ask for a whole reply, which cannot be kept alive with
# pings, and a rate limit behind a complete text ends its turn (docs/protocol.md, "Errors inside a stream").
PASSING = frozenset((Kind.RATE_LIMIT, Kind.OVERLOADED, Kind.UNREACHABLE, Kind.TIMEOUT, Kind.SERVER, Kind.MALFORMED))


class BackendError(DetourError):
    """The backend refused or failed."""

    def __init__(self, kind: Kind, message: str, retry_after_s: int | None = None) -> None:
        """``retry_after_s`` is the backend's own wish in whole seconds, for rate limits."""
        super().__init__(message)
        self.kind = kind
        self.status, self.type = KINDS[kind]
        self.retry_after_s = retry_after_s

    @property
    @override
    def type_in_stream(self) -> str:
        """See ``PASSING``."""
        return "overloaded_error" if self.kind in PASSING else self.type

    @property
    @override
    def headers(self) -> Mapping[str, str]:
        """``retry-after`` up to what the client will wait for; beyond it, a plain "do not retry"."""
        if self.retry_after_s is None:
            return {}
        if self.retry_after_s > MAX_RETRY_AFTER_S:
            return NO_RETRY
        return {"retry-after": str(self.retry_after_s)}


class MalformedReply(BackendError):
    """The backend's bytes break its own wire format. 502: the client tries again."""

    def __init__(self, message: str) -> None:
        """``message`` names what was expected and what came."""
        super().__init__(Kind.MALFORMED, message)


class InternalError(DetourError):
    """A bug of ours. The log has the trace under the same id; the client reads only the id."""

    type = "api_error"

    def __init__(self, incident: str) -> None:
        """``incident`` is the id under which the log holds the details."""
        super().__init__(
            f"Detour failed on this request (incident {incident}). The proxy's log has the details under that id; "
            "please report them."
        )


class ConfigError(DetourError):
    """A setting is wrong: its name, its value (never a key) and what is allowed."""
