"""Brave Search: an index of its own, asked with a key.

Source: api-dashboard.search.brave.com, "Web search", GET /web/search.
"""

from collections.abc import Iterator, Mapping
from html import unescape
from typing import Any

from addon.dialects.web.search_endpoint import Engine, SearchEndpoint
from addon.protocol.deltas import Source


def pages(reply: Mapping[str, Any]) -> Iterator[Source]:
    """Read ``web.results``: url, title, description, extra_snippets, age. ``web`` is missing where nothing is found."""
    for result in (reply.get("web") or {}).get("results") or ():
        if url := result.get("url"):
            texts = [result.get("description") or "", *(result.get("extra_snippets") or ())]
            text = unescape("\n".join(filter(None, texts)))
            yield Source(url, unescape(result.get("title") or url), text, result.get("age") or result.get("page_age"))


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
