"""The sessions, the newest first, and what a search finds."""

from typing import Any

from flask import Blueprint, current_app, make_response, render_template, request, url_for

from addon.prompts.log.reading import NoLog
from addon.prompts.reader.house import house
from addon.prompts.reader.titles import Titles

pages = Blueprint("sessions", __name__)
PER_PAGE = 50
TITLES = "detour_titles"


@pages.get("/")
def index() -> Any:
    """List them."""
    try:
        shown = _rows()
    except NoLog as absent:
        return render_template("empty.html", why=absent.message)
    return render_template("sessions.html", **shown)


@pages.get("/read/live/sessions")
def live() -> Any:
    """Return the list anew where there is something new in the log, 204 where not."""
    try:
        newest = house().open_log().newest()
    except NoLog:
        newest = 0
    if newest == request.args.get("after", 0, int):
        return "", 204
    response = make_response(render_template("sessions_list.html", **_rows()))
    response.headers["X-Newest"] = str(newest)
    return response


def titles() -> Titles:
    """Return the application's."""
    kept: Titles = current_app.extensions.setdefault(TITLES, Titles())
    return kept


def _rows() -> dict[str, Any]:
    log, page = house().open_log(), max(1, request.args.get("page", 1, int))
    newest = log.newest()
    found = log.sessions(PER_PAGE + 1, (page - 1) * PER_PAGE)
    return {
        "rows": found[:PER_PAGE],
        "titles": titles().of(log, found[:PER_PAGE]),
        "page": page,
        "has_more": len(found) > PER_PAGE,
        "newest": newest,
        "live": url_for("sessions.live", page=page),
    }
