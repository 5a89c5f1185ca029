"""The pages of one response: what its searches found, and what its text cites.

A search is told where it was made, with the addresses it used; their titles come with the citations, behind it. A
search that is all that the call was for waits for those, and gets the pages besides that the text cites. What a model
did with a page it found (opened it, looked for words in it) says nothing.
Source: OpenAI API reference, "web search call", url_citation; docs.x.ai, "live search".
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from addon.dialects.web.search import Search, words
from addon.protocol.deltas import Citation, Delta, Source, Unread, WebSearch

CITES_PAGE = "url_citation"


class Pages:
    """See the module. Anything of another shape than is known is told as unread, never raised."""

    __slots__ = ("_cited", "_search", "_searches", "_told")

    def __init__(self, search: Search | None) -> None:
        """``search`` is what the backend was asked to search for."""
        self._search = search
        self._searches: list[WebSearch] = []  # that wait for the end
        self._told: set[str] = set()  # addresses that a search told of
        self._cited: dict[str, Source] = {}

    def searched(self, item: Mapping[str, Any], deltas: list[Delta]) -> None:
        """Read a search that is done."""
        action = item.get("action") or {}
        if action.get("type", "search") != "search":
            return
        query = action.get("query") or "; ".join(filter(None, map(str, action.get("queries") or ())))
        query = str(query or (self._search.query if self._search else ""))
        if item.get("status") == "failed":
            made = WebSearch(query, error="unavailable")
        else:
            found = (_source(each) for each in action.get("sources") or ())
            made = WebSearch(query, self._admitted(page for page in found if page is not None))
        self._told.update(page.url for page in made.found)
        if self._search is not None and self._search.alone:
            self._searches.append(made)
        else:
            deltas.append(made)

    def cite(self, annotation: Any, deltas: list[Delta]) -> None:
        """Read an annotation of the text that is open. One that is repeated says nothing new."""
        kind = annotation.get("type") if isinstance(annotation, dict) else None
        page = _source(annotation) if kind == CITES_PAGE else None
        if page is None:
            deltas.append(Unread(f"annotations.{kind}"))
        elif page.url not in self._cited:
            self._cited[page.url] = page
            deltas.append(Citation(page))

    def close(self) -> list[Delta]:
        """Return what is told at the end."""
        search, untold = self._search, [page for page in self._cited.values() if page.url not in self._told]
        if search is None or not search.alone:
            return []
        if not self._searches and untold:
            self._searches.append(WebSearch(search.query))
        made = [
            replace(each, found=tuple(self._cited.get(page.url, page) for page in each.found))
            for each in self._searches
        ]
        if made and not made[-1].error:
            made[-1] = replace(made[-1], found=(*made[-1].found, *self._admitted(untold)))
        return [*made]

    def _admitted(self, pages: Iterable[Source]) -> tuple[Source, ...]:
        search = self._search
        return tuple(page for page in pages if search is None or search.admits(page.url))


def _source(entry: Any) -> Source | None:
    url = words(entry, "url")
    return Source(url, words(entry, "title") or url) if url else None
