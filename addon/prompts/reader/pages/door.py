"""The way in: by the address that `detour read` prints, or by the token in a form; and out again."""

from http import HTTPStatus
from threading import Lock
from typing import Any
from urllib.parse import urlsplit

from flask import Blueprint, current_app, make_response, redirect, render_template, request, url_for

from addon.prompts.reader import gate
from addon.prompts.reader.house import house

pages = Blueprint("door", __name__)
USED = "detour_used"  # the application's codes that were opened
guard = Lock()


@pages.get("/read/locked")
def locked(why: str = "") -> Any:
    """Say how to get in."""
    token_file = house().token_file
    return render_template("locked.html", why=why, token_file=token_file, to=_wanted()), HTTPStatus.UNAUTHORIZED


@pages.get("/read/login")
def login() -> Any:
    """Take a code for a ticket, once."""
    code, token = request.args.get("code", ""), house().token()
    if has_ticket():
        return redirect(_wanted(), HTTPStatus.SEE_OTHER)
    if token is None or not gate.opens(token, gate.CODE, code, house().clock()):
        return locked("That address was too old. Run detour read again, or paste the token below.")
    with guard:
        used: set[str] = current_app.extensions.setdefault(USED, set())
        if code in used:
            return locked("That address was opened before. Run detour read again, or paste the token below.")
        used.add(code)
    return _let_in(token)


@pages.post("/read/login")
def paste() -> Any:
    """Take the token itself for a ticket."""
    token = house().token()
    if token is None or not gate.is_token(token, request.form.get("token", "")):
        return locked("That is not the token of this Detour.")
    return _let_in(token)


@pages.post("/read/logout")
def logout() -> Any:
    """Forget the ticket."""
    response = make_response(redirect(url_for("door.locked"), HTTPStatus.SEE_OTHER))
    response.delete_cookie(gate.COOKIE, path="/_detour/", httponly=True, samesite="Strict")
    return response


def has_ticket() -> bool:
    """Whether who asks was let in before."""
    token, ticket = house().token(), request.cookies.get(gate.COOKIE, "")
    return token is not None and gate.opens(token, gate.TICKET, ticket, house().clock())


def _let_in(token: str) -> Any:
    response = make_response(redirect(_wanted(), HTTPStatus.SEE_OTHER))
    ticket = gate.seal(token, gate.TICKET, house().clock() + gate.TICKET_S)
    response.set_cookie(gate.COOKIE, ticket, max_age=gate.TICKET_S, path="/_detour/", httponly=True, samesite="Strict")
    return response


def _wanted() -> str:
    """Return the page that was asked for, if it is one of ours."""
    wanted = request.values.get("to") or (request.full_path.rstrip("?") if request.method == "GET" else "")
    try:
        parts = urlsplit(wanted)
    except ValueError:  # no address at all
        return url_for("sessions.index")
    is_page = parts.path.startswith("/_detour/") and not parts.path.startswith(("/_detour/read/lo", "/_detour//"))
    return wanted if is_page and not parts.netloc and not parts.scheme else url_for("sessions.index")
