"""Search endpoints: no models, but they answer the client's searches where the model has no search of its own.

A search becomes one GET with the query; what is found becomes the blocks of a search and a short text that lists it,
because the client hands titles, addresses and that text to the model, and nothing else. The domains that the client
names go into the query, as far as there is room, and pages of others are left out of the results.
A search is only a help to a turn that goes on: whatever fails is told as a search that failed, never as an error that
the client would repeat for minutes.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

import orjson

from addon.dialects import EVENT_STREAM, Decoder, Encoded, ReplyContext, Target, WireRequest, extras, faults
from addon.dialects.losses import Loss, Lost, Refused, loss, refusal
from addon.dialects.web.search import Search, Unsearchable, wanted
from addon.protocol import lenient
from addon.protocol.deltas import Delta, End, Failure, Finish, Source, StopReason, Text, Usage, WebSearch
from addon.protocol.errors import BackendError, DetourError, Kind, MalformedReply
from addon.protocol.messages import Request

MOST_PAGES = 10  # as many as Anthropic's own search gives
NO_CONSTANTS: Mapping[str, object] = {}  # NaN and its like become null
MOST_BYTES = 8 * 1024 * 1024  # of a reply; one has some 50 kB


@dataclass(frozen=True, slots=True)
class Engine:
    """One kind of endpoint, as data."""

    label: str
    path: str
    longest: int  # characters of a query
    pages: Callable[[Mapping[str, Any]], Iterable[Source]]  # of a reply; raises what a wrong shape makes it raise
    remarks: Callable[[Mapping[str, Any]], Iterable[str]] = lambda reply: ()  # what else the model should read
    parameters: Mapping[str, str] = field(default_factory=dict)  # beside the query
    refusals: Mapping[int, str] = field(default_factory=dict)  # status -> what it means, and the way out
    most_words: int = 1_000  # of a query


class SearchEndpoint:
    """See :class:`addon.dialects.Dialect`."""

    translates = True
    stream_types = (EVENT_STREAM,)

    def __init__(self, engine: Engine) -> None:
        """``engine`` is the kind."""
        self._engine = engine

    def encode(self, request: Request, body: bytes | None, target: Target) -> Encoded:
        """Make the query. Raises: Unsearchable where none can be made, Unsupported for what is no search."""
        search = wanted(request)
        if search is None or not search.alone:
            raise refusal(Refused.SEARCH_ONLY, "tools", target.name)
        engine = self._engine
        if not search.query:
            raise Unsearchable("invalid_tool_input", "No search was made: the query is empty.")
        if len(search.query) > engine.longest or len(search.query.split()) > engine.most_words:
            most = f"{engine.longest} characters and {engine.most_words} words"
            raise Unsearchable("query_too_long", f"No search was made: {engine.label} takes {most}.", search.query)
        losses: list[Loss] = []
        if search.location:
            what = f"{engine.label} cannot be told where its search is made"
            losses.append(loss(Lost.SEARCH_OPTION, f"{search.path}.user_location", what))
        asked = {**extras.patch(engine.parameters, target.extra_body), "q": self._with_domains(search)}
        headers = (("accept", "application/json"), ("accept-encoding", "identity"))
        url = f"{target.base_url}{engine.path}?{urlencode({name: _said(value) for name, value in asked.items()})}"
        wire = WireRequest(url, extras.replace_headers(headers, target.headers), b"", "GET")
        return Encoded(wire, tuple(losses), search=search)

    def _with_domains(self, search: Search) -> str:
        """The query with the domains that have room in it: of those to search all or none, of those to avoid some."""
        wished = " OR ".join(f"site:{domain.partition('*')[0]}" for domain in search.allowed)
        query = f"{search.query} ({wished})" if len(search.allowed) > 1 else f"{search.query} {wished}".strip()
        if not self._fits(query):
            query = search.query
        for domain in search.blocked:
            longer = f"{query} -site:{domain.partition('*')[0]}"
            query = longer if self._fits(longer) else query
        return query

    def _fits(self, query: str) -> bool:
        return len(query) <= self._engine.longest and len(query.split()) <= self._engine.most_words

    def decoder(self, context: ReplyContext) -> Decoder:
        """Return a decoder of a reply that comes in one piece, whatever it calls itself."""
        return _Whole(self, context)

    def decode_whole(self, body: bytes, context: ReplyContext) -> list[Delta]:
        """Read what was found."""
        assert context.search is not None  # noqa: S101 - encode gives it
        search, engine = context.search, self._engine
        try:
            reply = _parsed(body)
            pages = [page for page in engine.pages(reply) if search.admits(page.url)][:MOST_PAGES]
            remarks = list(engine.remarks(reply))
        except (ValueError, AttributeError, TypeError, KeyError):
            return [Failure(MalformedReply(f"{context.target.name} answered with something that is no list of pages."))]
        found = WebSearch(search.query, tuple(pages))
        text = Text(listed(search.query, pages, remarks, engine.label))
        return [found, text, Usage(0, 0), Finish(StopReason.END_TURN), End()]

    def unframer(self, context: ReplyContext) -> None:
        """None: a streamed reply is server-sent events."""

    def decode_error(self, status: int, headers: Mapping[str, str], body: bytes, context: ReplyContext) -> BackendError:
        """Say what a status means."""
        if way_out := self._engine.refusals.get(status):
            kind = Kind.RATE_LIMIT if status == HTTPStatus.TOO_MANY_REQUESTS else Kind.REFUSED
            return BackendError(kind, f"{context.target.name}: {way_out}")
        return faults.from_reply(status, headers, body, context)

    def instead_of(self, error: DetourError, context: ReplyContext) -> list[Delta] | None:
        """Tell a failure as a search that failed."""
        is_limit = isinstance(error, BackendError) and error.kind is Kind.RATE_LIMIT
        code = "too_many_requests" if is_limit else "unavailable"
        query = context.search.query if context.search else ""
        return Unsearchable(code, f"The search failed. {error.message}", query).deltas


class _Whole:
    """A push parser that waits for the end."""

    __slots__ = ("_context", "_dialect", "_received")

    def __init__(self, dialect: SearchEndpoint, context: ReplyContext) -> None:
        self._dialect = dialect
        self._context = context
        self._received = bytearray()

    def feed(self, chunk: bytes) -> list[Delta]:
        if len(self._received) <= MOST_BYTES:
            self._received += chunk
        return []

    def close(self) -> list[Delta]:
        return self._dialect.decode_whole(bytes(self._received), self._context)


def _said(value: Any) -> str:
    """A parameter, as the user may have written it: true, a number, a list."""
    if isinstance(value, bool):
        return str(value).lower()
    return ",".join(map(_said, value)) if isinstance(value, list | tuple) else str(value)


def _parsed(body: bytes) -> Any:
    """Parse a reply; half an emoji in it should cost no search. Raises: ValueError."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return lenient.loads(body, NO_CONSTANTS.get)


def listed(query: str, pages: Sequence[Source], remarks: Iterable[str], label: str) -> str:
    """Say what was found, for a model to read."""
    lines = [f'{label} found for "{query}":' if pages else f'{label} found nothing for "{query}".']
    for number, page in enumerate(pages, 1):
        age = f" ({page.age})" if page.age else ""
        lines.append(f"\n{number}. {page.title}{age}\n{page.url}\n{page.text}".rstrip())
    return "\n".join([*lines, *(f"\n{remark}" for remark in remarks)])
