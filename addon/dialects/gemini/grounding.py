"""The pages that Gemini's own search found, gathered over one reply.

``groundingMetadata`` comes with the last chunks, each time whole. The text that is open then rests on the pages of
``groundingSupports``; the searches are told behind it, as they may be. A page's address is a link of Google's that
leads there; its host stands in ``domain``, or in the title.
Source: google-genai 3.6, ``types.GroundingMetadata``; ai.google.dev, "Grounding with Google Search".
"""

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from addon.dialects.web.search import Search, words
from addon.protocol.deltas import Citation, Delta, Source, WebSearch

REDIRECTS = "vertexaisearch.cloud.google.com"
BETWEEN = "; "  # of several queries


class Grounding:
    """See the module. Of another shape than is known it is nothing."""

    __slots__ = ("_last", "_search")

    def __init__(self, search: Search | None) -> None:
        """``search`` is what the backend was asked to search for."""
        self._search = search
        self._last: Mapping[str, Any] = {}

    def read(self, told: Any) -> None:
        """Take the metadata of one chunk; the last that tells of pages counts."""
        if isinstance(told, dict) and (told.get("groundingChunks") or told.get("webSearchQueries") or not self._last):
            self._last = told

    def close(self) -> Iterator[Delta]:
        """Yield what is told at the end."""
        pages = [_page(each) for each in _list(self._last.get("groundingChunks"))]
        cited: set[str] = set()
        for support in _list(self._last.get("groundingSupports")):
            segment = support.get("segment") if isinstance(support, dict) else None
            for index in _list(support.get("groundingChunkIndices")) if isinstance(support, dict) else ():
                page = pages[index] if isinstance(index, int) and 0 <= index < len(pages) else None
                if page is not None and page.url not in cited:
                    cited.add(page.url)
                    yield Citation(Source(page.url, page.title, words(segment, "text")))
        if self._search is not None and self._last:
            queries = [query for query in _list(self._last.get("webSearchQueries")) if isinstance(query, str) and query]
            if queries or pages:
                found = tuple(page for page in pages if page is not None and self._admits(page))
                yield WebSearch(BETWEEN.join(queries) or self._search.query, found)

    def _admits(self, page: Source) -> bool:
        search = self._search
        return search is None or search.admits(_own_address(page))


def _page(chunk: Any) -> Source | None:
    """Read one page; None for what is none (a place on a map, a file of the user's)."""
    web = chunk.get("web") if isinstance(chunk, dict) else None
    url = words(web, "uri")
    return Source(url, words(web, "title", "domain") or url) if url else None


def _own_address(page: Source) -> str:
    """Return the address that domains are compared with."""
    is_link = (urlsplit(page.url).hostname or "").endswith(REDIRECTS) if "://" in page.url else False
    return f"https://{page.title}" if is_link else page.url


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
