"""Makes the application: its pages, who may open them, and the headers that keep a page to itself.

What stands in a prompt is anybody's: autoescape is on for every template, whatever it is called, and the policy lets a
page run our own script only, load nothing from elsewhere and be shown in no frame. A fault is told with an id.
"""

import logging
import uuid
from http import HTTPStatus
from typing import Any

from flask import Flask, Response, abort, redirect, render_template, request, url_for
from jinja2 import StrictUndefined
from werkzeug.exceptions import HTTPException

from addon.prompts.log.reading import NoLog
from addon.prompts.reader import gate, wording
from addon.prompts.reader.house import KEY, House, house
from addon.prompts.reader.pages import (
    cache,
    comparison,
    documents,
    door,
    replays,
    search,
    session,
    sessions,
    turn,
    usage,
)
from addon.protocol.errors import ConfigError

logger = logging.getLogger(__name__)

PREFIX = "/_detour"
MOST_FORM = 65_536  # bytes of a POST
OPEN_ENDPOINTS = frozenset(("static", "door.locked", "door.login", "door.paste"))  # without the cookie
POLICY = "; ".join(
    (
        "default-src 'none'",
        "style-src 'self'",
        "script-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",  # the script asks for messages that were folded, and for what is new
        "form-action 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    )
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",  # with no-referrer a browser says Origin: null, and no form of ours were known
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
PAGES = (
    door.pages,
    sessions.pages,
    session.pages,
    turn.pages,
    comparison.pages,
    cache.pages,
    documents.pages,
    search.pages,
    usage.pages,
    replays.pages,
)
NAVIGATION = [("Sessions", "sessions.index"), ("Compare", "comparison.any_two"), ("Usage", "usage.show")]
FILTERS = ("count", "short", "size", "dollars", "percent", "duration", "span", "iso", "exact", "clock", "model")


def make(given: House) -> Flask:
    """Return the application, which may be asked by several threads."""
    app = Flask(__name__, static_url_path=f"{PREFIX}/read/static")
    app.extensions[KEY] = given
    app.config["MAX_CONTENT_LENGTH"] = MOST_FORM
    environment = app.jinja_env
    environment.autoescape = True
    environment.undefined = StrictUndefined
    environment.finalize = _writable
    environment.trim_blocks = environment.lstrip_blocks = True
    environment.filters.update({name: getattr(wording, name) for name in FILTERS})
    environment.filters["when"] = lambda at: wording.when(at, given.clock())
    for pages in PAGES:
        app.register_blueprint(pages, url_prefix=PREFIX)
    app.context_processor(_context)
    app.before_request(_check)
    app.after_request(_finish)
    app.register_error_handler(HTTPException, _refused)
    app.register_error_handler(ConfigError, _absent)
    app.register_error_handler(NoLog, _empty)
    app.register_error_handler(Exception, _bug)
    return app


def _writable(value: Any) -> Any:
    """Put a mark for half a character, which JSON may hold and UTF-8 may not."""
    if not isinstance(value, str) or value.isascii():
        return value
    try:
        value.encode()
    except UnicodeEncodeError:
        return type(value)(value.encode("utf-8", "replace").decode())
    return value


def _context() -> dict[str, Any]:
    """Return what every template knows."""
    return {
        "nav": NAVIGATION,
        "titles": lambda session: sessions.titles().one(house().open_log(), session),
    }


def _check() -> Any:
    """Let in who may; see ``gate``."""
    given = house()
    if not gate.is_here(request.host, by_address=given.by_address):
        abort(HTTPStatus.MISDIRECTED_REQUEST, f"The reader is at 127.0.0.1, not at {request.host}.")
    if request.path == PREFIX:  # the cookie's path begins behind it
        return redirect(url_for("sessions.index"))
    if request.method == "POST" and not gate.is_own(
        request.headers.get("Origin"), request.headers.get("Sec-Fetch-Site"), request.host
    ):
        abort(HTTPStatus.FORBIDDEN, "This was sent from a page that is not the reader's.")
    return None if request.endpoint in OPEN_ENDPOINTS or door.has_ticket() else door.locked()


def _finish(response: Response) -> Response:
    response.headers.update(HEADERS)
    if request.endpoint == "static":
        response.headers["Cache-Control"] = "no-cache"  # asked again, and answered 304: the code may be a newer one's
    return response


def _refused(error: HTTPException) -> Any:
    return _page(error.code or HTTPStatus.INTERNAL_SERVER_ERROR, error.name, error.description or "")


def _absent(error: ConfigError) -> Any:
    return _page(HTTPStatus.NOT_FOUND, "Not here", error.message)


def _empty(error: NoLog) -> Any:
    return render_template("empty.html", why=error.message), HTTPStatus.NOT_FOUND


def _bug(error: Exception) -> Any:
    incident = uuid.uuid4().hex[:12]
    logger.error("Detour: incident %s in the reader", incident, exc_info=error)
    return _page(HTTPStatus.INTERNAL_SERVER_ERROR, "A fault of ours", f"The log tells more: incident {incident}.")


def _page(status: int, title: str, why: str) -> Any:
    return render_template("fault.html", title=title, why=why, status=status), status
