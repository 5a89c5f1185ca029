"""Who continues whom: the conversations of a session, told from what is beside them."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from addon.prompts import threads
from addon.prompts.entry import Summary
from addon.prompts.threads import AgentNode

MAIN = Summary(id="", at=0.0, session="s", kind="main", status=200)


def made(at: float, **fields: Any) -> Summary:
    return replace(MAIN, id=f"id{at:g}", at=at, number=int(at), **fields)


FIRST = made(1)
TITLE = made(2, kind="title")
AGENT = made(3, kind="subagent", agent="a1", agent_type="Explore")
FAILED = made(4, status=529, error="overloaded_error: Overloaded")
SECOND = made(5)
COUNT = made(6, kind="count")
COMPACTION = made(7, kind="compaction")
THIRD = made(8)
REPLAY = made(9, origin="replay", of="id5")
OTHER_SESSION = made(10, session="t")
FOURTH = made(11)
NESTED = made(12, kind="subagent", agent="a2", parent_agent="a1")
AGENT_AGAIN = made(13, kind="subagent", agent="a1")
HOOK = made(14, kind="subagent")
ALL = (
    FIRST, TITLE, AGENT, FAILED, SECOND, COUNT, COMPACTION, THIRD, REPLAY, OTHER_SESSION, FOURTH, NESTED, AGENT_AGAIN,
    HOOK,
)  # fmt: skip

CONTINUED = [
    (FIRST, None),
    (TITLE, None),
    (AGENT, None),
    (FAILED, FIRST),
    (SECOND, FIRST),
    (COUNT, None),
    (COMPACTION, SECOND),
    (THIRD, SECOND),
    (REPLAY, None),
    (OTHER_SESSION, None),
    (FOURTH, THIRD),
    (NESTED, None),
    (AGENT_AGAIN, AGENT),
    (HOOK, None),
]


@pytest.mark.parametrize(("summary", "before"), CONTINUED, ids=[f"{each.at:g}" for each, _ in CONTINUED])
def test_a_turn_continues_the_last_one_that_was_answered_in_its_conversation(
    summary: Summary, before: Summary | None
) -> None:
    assert threads.previous(ALL, summary) == before


def test_where_none_was_answered_the_newest_is_continued() -> None:
    earlier = (made(1, status=500), made(2, status=0))
    assert threads.previous(earlier, made(3)) == earlier[1]


def test_without_a_session_nothing_is_continued() -> None:
    assert threads.previous((made(1, session=None),), made(2, session=None)) is None


def test_turns_are_numbered_as_they_began_and_know_their_joints() -> None:
    mine = [summary for summary in reversed(ALL) if summary.session == "s"]
    turns = threads.turns(mine)
    assert [turn.place for turn in turns] == list(range(1, 14))
    assert [(turn.summary, turn.previous) for turn in turns] == [pair for pair in CONTINUED if pair[0].session == "s"]
    assert {turn.summary.id: turn.compaction for turn in turns if turn.compaction} == {THIRD.id: COMPACTION}


def test_a_failed_turn_behind_a_compaction_leaves_the_joint_to_the_next() -> None:
    failed = made(8, status=500)
    turns = threads.turns((FIRST, made(6, kind="compaction", status=500), COMPACTION, failed, made(9), made(10)))
    assert [turn.compaction for turn in turns] == [None, None, None, COMPACTION, COMPACTION, None]


def test_a_conversation_that_begins_behind_a_compaction_has_no_joint() -> None:
    assert [turn.compaction for turn in threads.turns((COMPACTION, THIRD))] == [None, None]


def test_sessions_are_parted() -> None:
    alone = made(0, session=None)
    parted = threads.sessions((*reversed(ALL), alone))
    assert {session: len(said) for session, said in parted.items()} == {None: 1, "s": 13, "t": 1}
    assert parted["s"][0] == FIRST


def test_agents_are_a_tree() -> None:
    root = threads.agents(summary for summary in ALL if summary.session == "s")
    assert (root.agent, root.parent, root.type, len(root.summaries)) == (None, None, None, 10)
    nested = AgentNode("a2", "a1", None, (NESTED,), ())
    assert root.children == (AgentNode("a1", None, "Explore", (AGENT, AGENT_AGAIN), (nested,)),)


@pytest.mark.parametrize("parents", [("a",), ("b", "a"), ("b", "c", "a"), ("b", "c", "b"), ("gone", "a", "b")])
def test_no_agent_is_lost_however_parents_are_told(parents: tuple[str, ...]) -> None:
    said = [made(at, agent="abc"[at], parent_agent=parent) for at, parent in enumerate(parents)]
    assert sorted(agents_of(threads.agents(said))) == sorted("abc"[: len(parents)])


def agents_of(node: AgentNode) -> list[str]:
    return [agent for child in node.children for agent in (child.agent or "", *agents_of(child))]


SUMMARIES = st.lists(
    st.builds(
        made,
        st.integers(0, 6).map(float),
        session=st.sampled_from([None, "s"]),
        agent=st.sampled_from([None, "", "a", "b", "c"]),
        parent_agent=st.sampled_from([None, "a", "b", "c", "d"]),
        kind=st.sampled_from([None, "main", "subagent", "compaction", "title", "of tomorrow"]),
        status=st.sampled_from([0, 200, 500]),
        origin=st.sampled_from([None, "shadow"]),
    ),
    max_size=8,
    unique_by=lambda summary: summary.at,
)


@given(SUMMARIES)
def test_every_exchange_has_its_place_and_both_ways_agree(summaries: list[Summary]) -> None:
    turns = threads.turns(summaries)
    assert sorted(turn.summary.id for turn in turns) == sorted(each.id for each in summaries)
    assert all(turn.previous == threads.previous(summaries, turn.summary) for turn in turns)
    root = threads.agents(summaries)
    assert len(set(agents_of(root))) == len({each.agent for each in summaries if each.agent})
