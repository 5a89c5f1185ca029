"""The search in every prompt and answer."""

from dataclasses import dataclass
from typing import Any

from flask import Blueprint, current_app, render_template, request

from addon.prompts.entry import Summary
from addon.prompts.log.reading import Log
from addon.prompts.log.search import Hit, Search
from addon.prompts.reader.house import house

pages = Blueprint("search", __name__)
MOST_HITS = 50
MOST_QUERY = 500  # characters
KEPT = "detour_search"  # the search of the log that is open, under which the application keeps it


@dataclass(frozen=True, slots=True)
class Found:
    """An exchange in which it was said, and where."""

    summary: Summary
    hit: Hit


@pages.get("/read/search")
def find() -> Any:
    """Search."""
    query = request.args.get("q", "").strip()[:MOST_QUERY]
    found = _find(query) if query else []
    return render_template("search.html", query=query, found=found, most=MOST_HITS)


def _find(query: str) -> list[Found]:
    log = house().open_log()
    found: list[Found] = []
    for hit in _search(log).find(query, MOST_HITS):
        first = log.summaries(after=hit.number - 1, limit=1)
        found += [Found(summary, hit) for summary in first if summary.number == hit.number]
    return found


def _search(log: Log) -> Search:
    kept: tuple[Log, Search] | None = current_app.extensions.get(KEPT)
    if kept is None or kept[0] is not log:
        kept = current_app.extensions[KEPT] = log, Search(log)
    return kept[1]
