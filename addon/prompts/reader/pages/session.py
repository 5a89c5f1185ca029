"""A session: its agents, its charts, and its turns, each to be opened where it stands; new ones come while it runs."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, abort, make_response, redirect, render_template, request, url_for

from addon.prompts import threads
from addon.prompts.entry import Summary
from addon.prompts.log.reading import NotKept, Wanted
from addon.prompts.reader import charts, exchange
from addon.prompts.reader.house import house
from addon.prompts.reader.pages.sessions import titles
from addon.prompts.threads import AgentNode, Turn

pages = Blueprint("session", __name__)
PER_PAGE = 100
MOST_DEPTH = 8  # to which agents are indented


@dataclass(frozen=True, slots=True)
class Agent:
    """A row of the tree. ``name`` None: the main one."""

    name: str | None
    type: str | None
    depth: int
    turns: int
    dollars: float | None
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class Sums:
    """Of all turns that are shown."""

    prompt: int
    output: int
    dollars: float
    unpriced: int
    failed: int
    elapsed_s: float
    began: float


@pages.get("/read/session/<path:session>")
def show(session: str) -> Any:
    """Show one."""
    turns = _turns(session)
    if not turns:
        raise NotKept(f"The log keeps nothing of a session {session!r}; the sessions are on the first page.")
    chosen = request.args.get("agent")
    tree = threads.agents(turn.summary for turn in turns)
    shown = _chosen(turns, chosen)
    pages_of = -(-len(shown) // PER_PAGE) or 1
    page = min(max(1, request.args.get("page", 1, int)), pages_of)
    return render_template(
        "session.html",
        session=session,
        title=titles().one(house().open_log(), session),
        agents=list(_agents(tree, chosen)),
        chosen=chosen,
        sums=_sums(shown) if shown else None,
        charts=[draw(shown) for draw in (charts.tokens, charts.price, charts.latency)],
        place_of=lambda place: url_for("session.at", session=session, turn=place),
        turns=shown[(page - 1) * PER_PAGE : page * PER_PAGE],
        total=len(shown),
        page=page,
        pages=pages_of,
        newest=max(turn.summary.number for turn in turns),
        live=url_for("session.live", session=session, agent=chosen) if page == pages_of else "",
    )


@pages.get("/read/loose")
def loose() -> Any:
    """List the calls that bear no session, the newest first."""
    page, log = max(1, request.args.get("page", 1, int)), house().open_log()
    found = log.summaries(Wanted(session=""), newest=True)
    start = (page - 1) * PER_PAGE
    rows = [Turn(each.number, each) for each in found[start : start + PER_PAGE]]
    return render_template("loose.html", turns=rows, page=page, has_more=len(found) > start + PER_PAGE)


@pages.get("/read/live/session/<path:session>")
def live(session: str) -> Any:
    """Return the rows of turns that are newer than ``after``, a number of the log; 204 where there are none."""
    after, log = request.args.get("after", 0, int), house().open_log()
    if log.newest() <= after:
        return "", 204
    turns = _chosen(_turns(session), request.args.get("agent"))
    fresh = [turn for turn in turns if turn.summary.number > after]
    if not fresh:
        return "", 204
    response = make_response(render_template("session_turns.html", turns=fresh))
    response.headers["X-Newest"] = str(max(turn.summary.number for turn in fresh))
    return response


@pages.get("/read/session/<path:session>/at/<int:turn>")
def at(session: str, turn: int) -> Any:
    """Lead to a turn by its place."""
    turns = _turns(session)
    if not 1 <= turn <= len(turns):
        abort(404, f"The session has {len(turns)} turns.")
    return redirect(url_for("turn.prompt", number=turns[turn - 1].summary.number))


def _turns(session: str) -> list[Turn]:
    return exchange.turns_of(house().open_log(), session)


def _chosen(turns: Sequence[Turn], agent: str | None) -> list[Turn]:
    """Return the turns of one agent; "" is the main one."""
    return [turn for turn in turns if agent is None or (turn.summary.agent or "") == agent]


def _agents(tree: AgentNode, chosen: str | None) -> Iterator[Agent]:
    """Walk the tree, each agent before those that it started."""
    pending = [(tree, 0)]
    while pending:
        node, depth = pending.pop()
        prices = [each.dollars for each in node.summaries if each.dollars is not None]
        is_chosen = chosen is not None and (node.agent or "") == chosen
        dollars = sum(prices) if prices else None
        yield Agent(node.agent, node.type, min(depth, MOST_DEPTH), len(node.summaries), dollars, is_chosen)
        pending += [(child, depth + 1) for child in reversed(node.children)]


def _sums(turns: Sequence[Turn]) -> Sums:
    every: list[Summary] = [turn.summary for turn in turns]
    ends = max(each.at + each.total_ms / 1000 for each in every)
    return Sums(
        prompt=sum(each.prompt_tokens or 0 for each in every),
        output=sum(each.output_tokens or 0 for each in every),
        dollars=sum(each.dollars or 0.0 for each in every),
        unpriced=sum(each.dollars is None for each in every),
        failed=sum(not threads.is_answered(each) for each in every),
        elapsed_s=ends - every[0].at,
        began=every[0].at,
    )
