"""The cache of a session: the turns that did not read back what was cached, why, and how much that was."""

from dataclasses import dataclass
from typing import Any

from flask import Blueprint, render_template, request

from addon.prompts import cache_break
from addon.prompts.cache_break import Finding
from addon.prompts.log.reading import Log, NotKept
from addon.prompts.reader import exchange
from addon.prompts.reader.house import house
from addon.prompts.reader.pages.comparison import cache_lost, share
from addon.prompts.threads import Turn

pages = Blueprint("cache", __name__)
PER_PAGE = 40  # each is found anew from two whole requests


@dataclass(frozen=True, slots=True)
class Row:
    """A turn that lost something. ``finding`` None: one of the prompts is not kept."""

    turn: Turn
    lost: int
    finding: Finding | None
    share: float


@pages.get("/read/session/<path:session>/cache")
def show(session: str) -> Any:
    """List them in order."""
    log = house().open_log()
    turns = exchange.turns_of(log, session)
    if not turns:
        raise NotKept(f"The log keeps nothing of a session {session!r}; the sessions are on the first page.")
    continued = [turn for turn in turns if turn.previous is not None]
    costs = [cache_break.cost(turn.previous, turn.summary) for turn in continued if turn.previous is not None]
    lost = [turn for turn in continued if cache_lost(turn)]
    page = max(1, request.args.get("page", 1, int))
    start = (page - 1) * PER_PAGE
    return render_template(
        "cache.html",
        session=session,
        rows=[_row(log, turn) for turn in lost[start : start + PER_PAGE]],
        page=page,
        more=len(lost) > start + PER_PAGE,
        broke=len(lost),
        lost=sum(cache_lost(turn) for turn in lost),
        read=sum(turn.summary.cache_read_tokens or 0 for turn in turns),
        continued=len(continued),
        unknown=sum(cost is None for cost in costs),
    )


def _row(log: Log, turn: Turn) -> Row:
    assert turn.previous is not None  # noqa: S101 - only such turns lose anything
    try:
        old, new = (exchange.body(log.entry(each.number)) for each in (turn.previous, turn.summary))
    except NotKept:
        old = new = None
    if old is None or new is None:
        return Row(turn, cache_lost(turn), None, 0.0)
    finding = cache_break.look(old, new, turn.previous, turn.summary)
    return Row(turn, cache_lost(turn), finding, share(finding))
