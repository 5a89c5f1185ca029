"""SearXNG: the user's own instance of a search engine that asks many others.

Source: docs.searxng.org, "Search API" and "settings: search".
"""

from collections.abc import Iterator, Mapping
from typing import Any

from addon.dialects.web.search_endpoint import Engine, SearchEndpoint
from addon.protocol.deltas import Source

NO_JSON = (
    "the instance gives no JSON, or its limiter refuses. Add `json` to `search: formats:` in its settings.yml, and "
    "restart it."
)


def pages(reply: Mapping[str, Any]) -> Iterator[Source]:
    """Read ``results``: url, title, content, publishedDate."""
    for result in reply["results"]:
        if url := result.get("url"):
            text, age = result.get("content"), result.get("publishedDate")
            yield Source(url, result.get("title") or url, text or "", age or None)


def remarks(reply: Mapping[str, Any]) -> Iterator[str]:
    """Read ``answers``, and where nothing was found the ``unresponsive_engines``: pairs of a name and a reason."""
    for answer in reply.get("answers") or ():
        text = answer.get("answer") if isinstance(answer, dict) else answer
        if isinstance(text, str):
            yield f"Answer: {text}"
    if not reply["results"] and (silent := reply.get("unresponsive_engines")):
        yield f"These did not answer: {', '.join(f'{name} ({reason})' for name, reason in silent)}."


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
