"""The pages that a chat-completions backend says it found: searches and citations, gathered over one reply.

Where they stand: ``annotations`` of the message or of a delta (OpenAI, OpenRouter); ``citations``, ``search_results``,
``web_search``, ``search_info`` beside the choices (Perplexity, xAI; z.ai and bigmodel; Hunyuan), on one chunk or
repeated on each; ``executed_tools`` of the message or of a delta (Groq), first without and then with its results.

A citation belongs to the text that is open when it comes, so those of annotations are told at once. The rest is told at
the end: as searches where one was asked for, which may stand behind the text, else as citations.
Sources: OpenAI API reference, "chat completion object", annotations; the SDKs of OpenRouter, Perplexity and Groq.
"""

from collections.abc import Iterable, Iterator, Mapping, Set
from typing import Any

import orjson

from addon.dialects.web.search import Search, words
from addon.protocol.deltas import Citation, Delta, Source, Unread, WebSearch

BESIDE = frozenset(("citations", "search_results", "web_search", "search_info"))  # keys of a chunk
RESULTS = "search_results"  # under search_info, and under a tool that was executed
CITES_PAGE = "url_citation"


class Sources:
    """See the module. Anything of another shape than is known is told as unread, never raised."""

    __slots__ = ("_cited", "_executed", "_found", "_search")

    def __init__(self, search: Search | None) -> None:
        """``search`` is what the backend was asked to search for."""
        self._search = search
        self._found: dict[str, Source] = {}  # by address, in the order of finding
        self._cited: set[str] = set()
        self._executed: dict[int, tuple[str, list[Source]]] = {}  # index of the tool -> its query, what it found

    def read(self, holder: Mapping[str, Any], keys: Set[str], deltas: list[Delta]) -> None:
        """Read what stands under ``keys`` of a chunk, a message or a delta; what says nothing of pages is unread."""
        for key, value in holder.items():
            if key in keys and value:
                self._read(key, value, deltas)

    def _read(self, key: str, value: Any, deltas: list[Delta]) -> None:
        match key:
            case "annotations":
                self._annotations(value, deltas)
            case "executed_tools":
                self._tools(value, deltas)
            case "search_info":
                self._pages(key, value.get(RESULTS) if isinstance(value, dict) else value, deltas)
            case "citations" | "search_results" | "web_search":
                self._pages(key, value, deltas)
            case _:
                deltas.append(Unread(key))

    def close(self) -> Iterator[Delta]:
        """Yield what is told at the end."""
        if self._search is None:
            told = [*self._found.values(), *(page for _, pages in self._executed.values() for page in pages)]
            yield from self._cite(told)
            return
        for query, pages in self._executed.values():
            if pages:
                yield WebSearch(query or self._search.query, self._admitted(pages))
        if self._found:
            yield WebSearch(self._search.query, self._admitted(self._found.values()))

    def _annotations(self, value: Any, deltas: list[Delta]) -> None:
        for annotation in value if isinstance(value, list) else [value]:
            kind = annotation.get("type") if isinstance(annotation, dict) else None
            page = _source(annotation.get(CITES_PAGE) or annotation) if kind == CITES_PAGE else None
            if page is None:
                deltas.append(Unread(f"annotations.{kind}"))
                continue
            self._found.setdefault(page.url, page)
            deltas += self._cite([page])

    def _cite(self, pages: Iterable[Source]) -> Iterator[Delta]:
        for page in pages:
            if page.url not in self._cited:  # one that is cited again says nothing new: nobody reads where
                self._cited.add(page.url)
                yield Citation(page)

    def _pages(self, key: str, value: Any, deltas: list[Delta]) -> None:
        for entry in value if isinstance(value, list) else [value]:
            page = _source(entry)
            if page is None:
                deltas.append(Unread(key))
            elif page.url not in self._found or page.title != page.url:  # a bare address adds nothing to what is known
                self._found[page.url] = page

    def _tools(self, value: Any, deltas: list[Delta]) -> None:
        for position, tool in enumerate(value if isinstance(value, list) else [value]):
            if not isinstance(tool, dict):
                deltas.append(Unread("executed_tools"))
                continue
            results = tool.get(RESULTS)
            listed = results.get("results") if isinstance(results, dict) else tool.get("browser_results")
            pages = [page for entry in listed if (page := _source(entry))] if isinstance(listed, list) else []
            index = tool.get("index")
            key = index if isinstance(index, int) else position
            if pages or key not in self._executed:
                self._executed[key] = (_query(tool.get("arguments")), pages)

    def _admitted(self, pages: Iterable[Source]) -> tuple[Source, ...]:
        search = self._search
        return tuple(page for page in pages if search is None or search.admits(page.url))


def _source(entry: Any) -> Source | None:
    """Read one page, under whatever names its parts have; None where it has no address."""
    if isinstance(entry, str):
        return Source(entry, entry) if "://" in entry else None
    if not isinstance(entry, dict):
        return None
    url = words(entry, "url", "link")
    title, text = words(entry, "title", "name"), words(entry, "content", "snippet", "cited_text")
    age = words(entry, "date", "publish_date", "published_date", "last_updated") or None
    return Source(url, title or url, text, age) if url else None


def _query(arguments: Any) -> str:
    try:
        parsed = orjson.loads(arguments) if isinstance(arguments, str) else arguments
    except orjson.JSONDecodeError:
        return ""
    query = parsed.get("query") if isinstance(parsed, dict) else None
    return query if isinstance(query, str) else ""
