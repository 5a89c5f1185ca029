"""A logged request, sent once more through a door to a model that is named; what came of it, as a value."""

import http.client
import time
from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import urlsplit

from addon.prompts import again, answer
from addon.prompts.answer import Answer
from addon.prompts.entry import Request
from addon.routing.forced import OF_HEADER, TARGET_HEADER, TOKEN_HEADER

TIMEOUT_S = 900.0  # of one read: a large model may think as long before its first word where nobody pings
PIECE = 65_536
FIRST_CONTENT = b"content_block_delta"  # the event that a person would call the first word
ID = "req_"


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is sent: a request, as the copy of the exchange ``of`` where it was logged."""

    request: Request
    of: str | None = None
    timeout_s: float = TIMEOUT_S

    def headers(self, target: str, token: str) -> Iterator[tuple[str, str]]:
        """The headers of the copy."""
        yield from again.headers(self.request)
        yield "accept-encoding", "identity"
        yield from ((TARGET_HEADER, target), (TOKEN_HEADER, token))
        if self.of is not None:
            yield OF_HEADER, self.of


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a model said. ``status`` 0: there was no reply. ``id`` is the new exchange's; None: nobody knows."""

    target: str
    answer: Answer
    status: int = 0
    id: str | None = None
    first_ms: int | None = None  # until the first word of a stream
    total_ms: int | None = None
    prompt_tokens: int | None = None
    output_tokens: int | None = None
    dollars: float | None = None
    is_logged: bool = False  # as it was answered then

    @property
    def failed(self) -> bool:
        """Whether it is no whole answer."""
        return self.status != HTTPStatus.OK or self.answer.error is not None


def ask(question: Question, target: str, door: str, token: str) -> Outcome:
    """Send it through the reverse door at ``door``; a failure is an outcome too."""
    parts, asked = urlsplit(door), urlsplit(question.request.url)
    path = f"{asked.path}?{asked.query}" if asked.query else asked.path
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port or 80, timeout=question.timeout_s)
    started = time.monotonic()
    try:
        connection.putrequest("POST", path, skip_accept_encoding=True)
        for name, value in question.headers(target, token):
            connection.putheader(name, value)
        connection.putheader("content-length", str(len(question.request.body)))
        connection.endheaders(question.request.body)
        with connection.getresponse() as response:
            return _read(response, target, started)
    except (OSError, http.client.HTTPException) as error:
        told = f"the connection failed: {str(error) or type(error).__name__}"
        return Outcome(target=target, answer=Answer(error=told), total_ms=_since(started))
    finally:
        connection.close()


def _read(response: http.client.HTTPResponse, target: str, started: float) -> Outcome:
    body, first_ms = bytearray(), None
    while piece := response.read1(PIECE):
        looked_at = max(0, len(body) - len(FIRST_CONTENT))
        body += piece
        if first_ms is None and FIRST_CONTENT in body[looked_at:]:
            first_ms = _since(started)
    said = answer.read(bytes(body), response.status)
    usage = said.usage
    counts = [count for name in PROMPT if isinstance(count := usage.get(name), int)]
    output = usage.get("output_tokens")
    given = response.headers.get("request-id", "")
    return Outcome(
        target=target,
        answer=said,
        status=response.status,
        id=given.removeprefix(ID) if given.startswith(ID) else None,
        first_ms=first_ms,
        total_ms=_since(started),
        prompt_tokens=sum(counts) if counts else None,
        output_tokens=output if isinstance(output, int) else None,
    )


PROMPT = ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")


def _since(started: float) -> int:
    return round((time.monotonic() - started) * 1000)
