"""Search endpoints on loopback, as strict as the real ones: SearXNG and Brave Search.

Stricter in one way, on purpose: a header that is not on the allow list is a fault, for nothing of the client's and no
key of another may get here. Sources: docs.searxng.org, "Search API"; api-dashboard.search.brave.com, "Web search".
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import parse_qsl, urlsplit

from tests.end_to_end.fakes import Received
from tests.end_to_end.replies import Json, Page, Raw

BRAVE_KEY = "BSA-test-brave-key"
HEADERS = frozenset({"accept", "accept-encoding", "connection", "host", "user-agent"})
JSON_HEADERS = (("content-type", "application/json"),)

PARAMETERS: Mapping[str, frozenset[str]] = {
    "searxng": frozenset({"q", "format"}),
    "brave": frozenset({"q", "count", "text_decorations"}),
}
PATHS = {"searxng": "/search", "brave": "/res/v1/web/search"}
FORBIDDEN = Raw(  # of an instance whose settings do not list the format, word for word
    (b"<!doctype html>\n<html lang=en>\n<title>403 Forbidden</title>\n<h1>Forbidden</h1>\n",),
    403,
    (("content-type", "text/html; charset=utf-8"),),
)
MOST_COUNTED, LONGEST, MOST_WORDS = 20, 400, 50  # Brave's: results, characters and words of a query


@dataclass(slots=True)
class SearchFake:
    """What it finds, or answers instead; what it was asked, and what was wrong with that."""

    kind: Literal["searxng", "brave"]
    port: int = 0
    queries: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    _reply: Raw = FORBIDDEN

    @property
    def base_url(self) -> str:
        """What a user would put into SEARXNG_API_BASE or BRAVE_API_BASE."""
        return f"http://127.0.0.1:{self.port}{PATHS[self.kind].removesuffix('/search').removesuffix('/web')}"

    def finds(self, *pages: Page) -> None:
        """Forget everything, and find these from now on."""
        self.answers(Raw((json.dumps(self._found(pages)).encode(),), headers=JSON_HEADERS))

    def answers(self, reply: Raw) -> None:
        """Forget everything, and answer with this."""
        self.queries, self.faults, self._reply = [], [], reply

    def answer(self, request: Received) -> Raw:
        """Judge one request and give its reply."""
        address = urlsplit(request.path)
        asked = dict(parse_qsl(address.query, keep_blank_values=True))
        self.queries.append(asked.get("q", ""))
        self.faults += [f"request {len(self.queries)}: {fault}" for fault in self._objections(request, asked)]
        return self._reply

    def verify(self) -> None:
        """Raise when a request was faulty."""
        assert not self.faults, "\n".join(self.faults)

    def _objections(self, request: Received, asked: Mapping[str, str]) -> Iterator[str]:
        if (request.method, urlsplit(request.path).path) != ("GET", PATHS[self.kind]):
            yield f"{request.method} {request.path}: only GET {PATHS[self.kind]} is served"
        if request.body is not None:
            yield f"a body: {request.body!r}"
        if unknown := set(asked) - PARAMETERS[self.kind]:
            yield f"unknown parameters {unknown}"
        if unknown := set(request.headers) - HEADERS - ({"x-subscription-token"} if self.kind == "brave" else set()):
            yield f"headers {unknown}: not on the allow list"
        if request.headers.get("user-agent", "").lower().startswith(("claude-cli", "claude-code")):
            yield "header user-agent: names the client"
        if not asked.get("q"):
            yield "no query"
        yield from self._of_brave(request, asked) if self.kind == "brave" else self._of_searxng(asked)

    def _of_searxng(self, asked: Mapping[str, str]) -> Iterator[str]:
        if asked.get("format") != "json":
            yield f"format {asked.get('format')!r}: it would be a page for people"

    def _of_brave(self, request: Received, asked: Mapping[str, str]) -> Iterator[str]:
        if request.headers.get("x-subscription-token") != BRAVE_KEY:
            yield "header x-subscription-token: not the key"
        if not 1 <= int(asked.get("count", "20")) <= MOST_COUNTED:
            yield f"count {asked['count']}"
        query = asked.get("q", "")
        if len(query) > LONGEST or len(query.split()) > MOST_WORDS:
            yield f"a query of {len(query)} characters, {len(query.split())} words"

    def _found(self, pages: tuple[Page, ...]) -> Json:
        if self.kind == "brave":
            results = [{"url": page.url, "title": page.title, "description": page.text} for page in pages]
            return {"type": "search", "web": {"type": "search", "results": results}}
        listed = [{"url": page.url, "title": page.title, "content": page.text, "score": 1.0} for page in pages]
        return {"query": "", "number_of_results": 0, "results": listed, "answers": [], "unresponsive_engines": []}
