"""A turn beside its copies: what other models said to the same prompt, asked by a person or as a shadow."""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from flask import Blueprint, abort, make_response, redirect, render_template, request, url_for

from addon.prompts.entry import Summary
from addon.prompts.log.reading import Log, NotKept, Wanted
from addon.prompts.reader import exchange
from addon.prompts.reader.house import house
from addon.prompts.reader.pages import turn
from addon.prompts.reader.texts import Budget
from addon.protocol.errors import ConfigError

pages = Blueprint("replays", __name__)
turn.TABS.append(("Other models", "replays.beside"))
MOST_BESIDE = 12
MOST_OF_A_TEXT = 20_000  # characters
MOST_MODEL = 200


@dataclass(frozen=True, slots=True)
class Column:
    """One answer."""

    summary: Summary
    answered: dict[str, Any]


@pages.get("/read/turn/<int:number>/beside")
def beside(number: int) -> Any:
    """Show them side by side."""
    log = house().open_log()
    newest = log.newest()
    found = exchange.read(log, number)
    return turn.page(
        "turn_beside.html",
        found,
        "replays.beside",
        columns=_columns(log, found.summary),
        asked=_awaited(log, found.summary),
        newest=newest,
        **turn.asking(found),
    )


@pages.get("/read/live/turn/<int:number>/beside")
def live(number: int) -> Any:
    """Return the columns anew where there is another one."""
    log, after = house().open_log(), request.args.get("after", 0, int)
    newest, summary = log.newest(), log.entry(number).summary
    if newest <= after or not log.summaries(Wanted(of=summary.of or summary.id), after=after, limit=1):
        return "", HTTPStatus.NO_CONTENT
    response = make_response(render_template("beside_columns.html", columns=_columns(log, summary), asked=""))
    response.headers["X-Newest"] = str(newest)
    return response


@pages.post("/read/turn/<int:number>/again")
def ask(number: int) -> Any:
    """Ask another model, and show the page on which its answer will appear."""
    again, model = house().again, request.form.get("model", "").strip()[:MOST_MODEL]
    if again is None:
        abort(HTTPStatus.CONFLICT, "No Detour runs here that could ask: start one, for example with `detour web`.")
    log = house().open_log()
    entry, newest = log.entry(number), log.newest()
    try:
        again(entry, model)
    except ConfigError as error:
        abort(HTTPStatus.BAD_REQUEST, error.message)
    return redirect(url_for("replays.beside", number=number, asked=model, after=newest), HTTPStatus.SEE_OTHER)


def _awaited(log: Log, summary: Summary) -> str:
    """Return the model that was just asked, as long as the log has no newer copy than it had then."""
    after = request.args.get("after", 0, int)
    is_there = log.summaries(Wanted(of=summary.of or summary.id), after=after, limit=1)
    return "" if is_there else request.args.get("asked", "")[:MOST_MODEL]


def _columns(log: Log, summary: Summary) -> list[Column]:
    """Return the first exchange and its copies; of many, the newest."""
    copies = log.summaries(Wanted(of=summary.of or summary.id), newest=True, limit=MOST_BESIDE)
    first = [summary] if summary.origin is None else _original(log, summary)
    budget, found = Budget(), []
    for each in (*first, *reversed(copies)):
        try:
            entry = log.entry(each.number)
        except NotKept:
            continue
        found.append(Column(each, turn.answered(entry, budget, MOST_OF_A_TEXT)))
    return found


def _original(log: Log, summary: Summary) -> list[Summary]:
    try:
        return [log.resolve(summary.of or "")]
    except NotKept:
        return []
