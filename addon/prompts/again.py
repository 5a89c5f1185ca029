"""A logged request as it may be sent again: what it bears beside its body. Pure."""

from collections.abc import Iterator

from addon.prompts.entry import Request

# how a mark begins that stands where a secret was: see ``redact``, which takes a sixth of a second to import
MARK = "[redacted:"
# the connection's own, the client's credentials, and ours
DROPPED = frozenset((
    "accept-encoding", "authorization", "connection", "content-length", "cookie", "expect", "host", "keep-alive",
    "proxy-authorization", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade", "x-api-key",
))  # fmt: skip
OURS = "x-detour-"
TYPE = ("content-type", "application/json")


def headers(request: Request) -> Iterator[tuple[str, str]]:
    """The headers of a copy: the client's own, but for what was the connection's, a credential, or is a mark by now."""
    names = set()
    for name, value in request.headers:
        lower = name.lower()
        if lower not in DROPPED and not lower.startswith(OURS) and MARK not in value:
            names.add(lower)
            yield name, value
    if TYPE[0] not in names:
        yield TYPE


def marks(request: Request) -> int:
    """How many marks stand in the body, and would be sent in the place of what was there."""
    return request.body.count(MARK.encode())
