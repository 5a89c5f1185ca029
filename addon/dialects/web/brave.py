"""Brave Search: an index of its own, asked with a key.

Source: api-dashboard.search.brave.com, "Web search", GET /web/search.
"""

from collections.abc import Iterator, Mapping
from html import unescape
from typing import Any

from addon.dialects.web.search import words
from addon.dialects.web.search_endpoint import Engine, SearchEndpoint
from addon.protocol.deltas import Source


def pages(reply: Mapping[str, Any]) -> Iterator[Source]:
    """Read ``web.results``: url, title, description, extra_snippets, age. ``web`` is missing where nothing is found."""
    for result in (reply.get("web") or {}).get("results") or ():
        if url := words(result, "url"):
            texts = [words(result, "description"), *(result.get("extra_snippets") or ())]
            text = unescape("\n".join(text for text in texts if isinstance(text, str) and text))
            yield Source(url, unescape(words(result, "title") or url), text, words(result, "age", "page_age") or None)


DIALECT = SearchEndpoint(
    Engine(
        "Brave Search",
        "/web/search",
        longest=400,
        most_words=50,
        pages=pages,
        parameters={"count": "20", "text_decorations": "false"},  # 20 is the most; no marks around the words sought
    )
)
