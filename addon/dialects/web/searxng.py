"""SearXNG: the user's own instance of a search engine that asks many others.

Source: docs.searxng.org, "Search API" and "settings: search".
"""

from collections.abc import Iterator, Mapping
from typing import Any

from addon.dialects.web.search import words
from addon.dialects.web.search_endpoint import Engine, SearchEndpoint
from addon.protocol.deltas import Source

NO_JSON = (
    "the instance gives no JSON, or its limiter refuses. Add `json` to `search: formats:` in its settings.yml, and "
    "restart it."
)


def pages(reply: Mapping[str, Any]) -> Iterator[Source]:
    """Read ``results``: url, title, content, publishedDate."""
    for result in reply["results"]:
        if url := words(result, "url"):
            age = words(result, "publishedDate") or None
            yield Source(url, words(result, "title") or url, words(result, "content"), age)


def remarks(reply: Mapping[str, Any]) -> Iterator[str]:
    """Read ``answers``, and where nothing was found the ``unresponsive_engines``: pairs of a name and a reason."""
    for answer in reply.get("answers") or ():
        text = answer.get("answer") if isinstance(answer, dict) else answer
        if isinstance(text, str):
            yield f"Answer: {text}"
    if not reply["results"] and (silent := reply.get("unresponsive_engines")):
        told = (f"{pair[0]} ({pair[-1]})" for pair in silent if isinstance(pair, list) and pair)
        yield f"These did not answer: {', '.join(told)}."


DIALECT = SearchEndpoint(
    Engine(
        "SearXNG",
        "/search",
        longest=2_000,  # engines behind it take about as many, and so do servers in an address
        pages=pages,
        remarks=remarks,
        parameters={"format": "json"},
        refusals={403: NO_JSON},
    )
)
