"""Exchanges put in their place: a session, its agents as a tree, the turns of each, and whom a turn continues. Pure.

A conversation is what one agent of a session says: the main one, or one that it started. Calls beside it (titles,
verdicts, searches, counts, side questions) bear its session and are no part of it, nor is what Detour sends itself.
A compaction asks at the end of a conversation for a summary, and the next turn begins with that: a joint. The turn
behind it continues the turn before it, and nothing continues the compaction.

Source: docs/protocol.md, "Kinds of calls"; an agent of a hook has no id, and is told from the main one by its kind.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from http import HTTPStatus

from addon.prompts.entry import Summary
from addon.routing.call import Kind

# kind -> whose conversation it is, where the agent has no id
CONVERSATIONS = {Kind.MAIN: "main", Kind.COMPACTION: "main", Kind.SUBAGENT: "agent", Kind.WORKFLOW: "agent"}

type Conversation = tuple[str, str]  # the session, and the agent's id or a word of CONVERSATIONS


@dataclass(frozen=True, slots=True)
class Turn:
    """One exchange in its session. ``place`` is from 1, of all exchanges in the order in which they began.

    ``previous`` is the one whose request it continues, ``compaction`` the one that lies between the two, if any.
    """

    place: int
    summary: Summary
    previous: Summary | None = None
    compaction: Summary | None = None


@dataclass(frozen=True, slots=True)
class AgentNode:
    """An agent of a session with its exchanges, and the agents that it started; the main one is None."""

    agent: str | None
    parent: str | None
    type: str | None
    summaries: tuple[Summary, ...]
    children: tuple["AgentNode", ...]


def conversation(summary: Summary) -> Conversation | None:
    """Return the conversation that an exchange is a part of; None where it is beside one."""
    return conversation_of(summary.session, summary.agent, summary.kind) if summary.origin is None else None


def conversation_of(session: str | None, agent: str | None, kind: str | None) -> Conversation | None:
    """Return the same for a request that is no exchange yet."""
    whose = next((whose for known, whose in CONVERSATIONS.items() if known == kind), None)
    return None if whose is None or session is None else (session, agent or whose)


def is_answered(summary: Summary) -> bool:
    """Whether the client got what it asked for. What it did not get it asks for again, in the same words."""
    return summary.error is None and 0 < summary.status < HTTPStatus.BAD_REQUEST


def in_order(summaries: Iterable[Summary]) -> list[Summary]:
    """Sort exchanges by when they began; the log counts them by their ends."""
    return sorted(summaries, key=_began)


def previous(summaries: Iterable[Summary], summary: Summary) -> Summary | None:
    """Find the exchange whose request this one continues; None where it begins a conversation, or is beside one.

    That is the newest before it that was answered, or the newest at all where none was.
    """
    thread = conversation(summary)
    if thread is None:
        return None
    earlier = [
        each
        for each in summaries
        if each.id != summary.id
        and _began(each) < _began(summary)
        and each.kind != Kind.COMPACTION
        and conversation(each) == thread
    ]
    return max(earlier, key=lambda each: (is_answered(each), _began(each)), default=None)


def turns(summaries: Iterable[Summary]) -> list[Turn]:
    """Number the exchanges of one session; each knows whom it continues. Takes the time that sorting them takes."""
    answered: dict[Conversation, Summary] = {}
    asked: dict[Conversation, Summary] = {}
    compactions: dict[Conversation, Summary] = {}
    found = []
    for place, summary in enumerate(in_order(summaries), 1):
        thread = conversation(summary)
        if thread is None:
            found.append(Turn(place, summary))
            continue
        before = answered.get(thread) or asked.get(thread)
        if summary.kind == Kind.COMPACTION:
            found.append(Turn(place, summary, before))
            if is_answered(summary):
                compactions[thread] = summary
            continue
        found.append(Turn(place, summary, before, compactions.get(thread) if before is not None else None))
        asked[thread] = summary
        if is_answered(summary):
            answered[thread] = summary
            compactions.pop(thread, None)
    return found


def sessions(summaries: Iterable[Summary]) -> dict[str | None, list[Summary]]:
    """Part exchanges by session, in the order in which they began; None holds those of no session."""
    parted: dict[str | None, list[Summary]] = {}
    for summary in in_order(summaries):
        parted.setdefault(summary.session, []).append(summary)
    return parted


def agents(summaries: Iterable[Summary]) -> AgentNode:
    """Return the main agent of one session, with all others below it.

    An agent whose parent is not known, or that would be its own ancestor, stands below the main one.
    """
    said: dict[str | None, list[Summary]] = {None: []}
    for summary in in_order(summaries):
        said.setdefault(summary.agent or None, []).append(summary)
    parents = {agent: _parent(agent, mine, said) for agent, mine in said.items() if agent is not None}
    for agent in parents:
        if _is_own_ancestor(agent, parents):
            parents[agent] = None
    children: dict[str | None, list[str]] = {}
    for agent, parent in parents.items():
        children.setdefault(parent, []).append(agent)
    built: dict[str | None, AgentNode] = {}
    for each in reversed(_parents_first(children)):
        below = tuple(built[child] for child in children.get(each, ()))
        kind = next((one.agent_type for one in said[each] if one.agent_type), None) if each is not None else None
        parent = parents[each] if each is not None else None
        built[each] = AgentNode(each, parent, kind, tuple(said[each]), below)
    return built[None]


def _began(summary: Summary) -> tuple[float, int]:
    return summary.at, summary.number


def _parent(agent: str, mine: Sequence[Summary], known: dict[str | None, list[Summary]]) -> str | None:
    return next((each.parent_agent for each in mine if each.parent_agent in known and each.parent_agent != agent), None)


def _is_own_ancestor(agent: str, parents: dict[str, str | None]) -> bool:
    above, seen = parents[agent], {agent}
    while above is not None and above not in seen:
        seen.add(above)
        above = parents[above]
    return above == agent


def _parents_first(children: dict[str | None, list[str]]) -> list[str | None]:
    order: list[str | None] = [None]
    for agent in order:  # grows by the agents below
        order.extend(children.get(agent, ()))
    return order
