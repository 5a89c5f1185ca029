"""Each turn of a session holds what is new in it, and stands in the chapter of whoever said it."""

import json
from dataclasses import replace
from typing import Any

import pytest

from addon.prompts.entry import Entry, Reply
from addon.prompts.exports.chapters import Chapter, Sort, Turn, chapters, conversations, parsed
from tests.prompts.entries import SESSION, entry, recorded_calls, recorded_session, stream

type Json = dict[str, Any]

SESSIONS = ["first_door", "second_door", "older_model"]


def text(words: str) -> Json:
    return {"type": "text", "text": words}


def user(words: str) -> Json:
    return {"role": "user", "content": words}


def assistant(words: str) -> Json:
    return {"role": "assistant", "content": [text(words)]}


def asked(number: int, *messages: Json, said: str | None = "Yes.", kind: str = "main", **facts: Any) -> Entry:
    body = {"model": "m", "messages": list(messages), "system": f"s{number}"}
    given = None if said is None else stream(text(said))
    return entry(body, number=number, given=given, session=SESSION, kind=kind, **facts)


def only(*entries: Entry) -> Chapter:
    [chapter] = chapters(entries)
    return chapter


def new(turn: Turn) -> list[object]:
    return [message["content"] for message in turn.new]


@pytest.mark.parametrize("session", SESSIONS)
def test_a_recorded_session_is_told_once(session: str) -> None:
    entries = recorded_session(session)
    chapter = only(*entries)
    assert (chapter.sort, len(chapter.turns)) == (Sort.MAIN, len(entries))
    assert [turn.place for turn in chapter.turns] == list(range(1, 15))
    assert [turn.gone for turn in chapter.turns] == [0] * 14
    told = [message["role"] for turn in chapter.turns for message in turn.new]
    newest = parsed(entries[-1])["messages"]
    assert told == [message["role"] for message in newest if message["role"] != "assistant"]


def test_only_the_newest_request_of_a_conversation_is_held_and_no_body() -> None:
    chapter = only(*recorded_session())
    assert [bool(turn.request) for turn in chapter.turns] == [False] * 13 + [True]
    assert all(turn.entry.request is None and turn.entry.given is None for turn in chapter.turns)


def test_what_the_client_varies_is_the_same_message() -> None:
    marked = {"role": "user", "content": [text("a") | {"cache_control": {"type": "ephemeral"}}]}
    thought = {"role": "assistant", "content": [{"type": "thinking", "thinking": "Hm."}, text("Yes.")]}
    chapter = only(asked(1, user("a")), asked(2, marked, thought, user("b")))
    assert new(chapter.turns[1]) == ["b"]
    assert (chapter.turns[1].known, chapter.turns[1].gone) == (2, 0)


def test_the_same_words_again_are_new() -> None:
    chapter = only(asked(1, user("go on")), asked(2, user("go on"), assistant("Yes."), user("go on")))
    assert new(chapter.turns[1]) == ["go on"]


def test_asked_again_is_nothing_new() -> None:
    failed = replace(asked(1, user("a")), given=Reply(status=529, headers=(), body=b"{}"))
    chapter = only(failed, asked(2, user("a")))
    assert (chapter.turns[1].new, chapter.turns[1].known) == ((), 1)


def test_a_message_that_changed_is_told_with_what_is_new() -> None:
    first = [user("a"), assistant("b"), user("c"), assistant("d"), user("e")]
    second = [user("a"), assistant("b"), user("C"), assistant("d"), user("e"), assistant("Yes."), user("f")]
    turn = only(asked(1, *first), asked(2, *second)).turns[1]
    assert (new(turn), turn.known, turn.gone, turn.is_joint) == (["C", "f"], 5, 1, False)


def test_an_answer_that_the_history_tells_otherwise_is_told_again() -> None:
    turn = only(asked(1, user("a"), said="Yes."), asked(2, user("a"), assistant("No."), user("b"))).turns[1]
    assert new(turn) == [[text("No.")], "b"]


def test_a_compaction_is_a_joint() -> None:
    long = [user("a"), assistant("b"), user("c")]
    chapter = only(
        asked(1, *long),
        asked(2, *long, assistant("Yes."), user("CRITICAL: sum up"), said="The sum.", kind="compaction"),
        asked(3, user("The sum."), user("d")),
        asked(4, user("The sum."), user("d"), assistant("Yes."), user("e")),
    )
    assert [turn.is_compaction for turn in chapter.turns] == [False, True, False, False]
    assert [turn.is_joint for turn in chapter.turns] == [False, False, True, False]
    assert new(chapter.turns[1]) == ["CRITICAL: sum up"]
    assert new(chapter.turns[3]) == ["e"]
    assert [[turn.place for turn in one] for one in conversations(chapter.turns)] == [[1], [3, 4]]
    assert [turn.place for turn in chapter.turns if turn.request] == [1, 4]


def test_a_compaction_that_failed_is_none() -> None:
    long = [user("a"), assistant("b"), user("c")]
    chapter = only(
        asked(1, *long),
        asked(2, *long, user("CRITICAL"), said=None, kind="compaction"),
        asked(3, *long, assistant("Yes."), user("d")),
    )
    assert [turn.is_joint for turn in chapter.turns] == [False] * 3


def test_a_history_of_which_half_is_gone_begins_anew() -> None:
    long = [user("a"), assistant("b"), user("c"), assistant("d"), user("e")]
    chapter = only(asked(1, *long), asked(2, user("a"), assistant("other"), user("way")))
    assert [turn.is_joint for turn in chapter.turns] == [False, True]


def test_agents_have_chapters_and_those_without_an_id_are_known_by_their_task() -> None:
    found = chapters(
        [
            asked(1, user("a")),
            asked(2, user("x"), kind="subagent", agent="a1", agent_type="Explore"),
            asked(3, user("t"), kind="subagent"),
            asked(4, user("x"), assistant("Yes."), user("y"), kind="subagent", agent="a1", parent_agent="a0"),
            asked(5, user("u"), kind="workflow"),
            asked(6, user("t"), assistant("Yes."), user("v"), kind="subagent"),
        ]
    )
    assert [[turn.place for turn in chapter.turns] for chapter in found] == [[1], [2, 4], [3, 6], [5]]
    assert (found[1].agent, found[1].agent_type, found[1].parent) == ("a1", "Explore", "a0")
    assert [new(turn) for turn in found[2].turns] == [["t"], ["v"]]


def test_what_is_asked_beside_a_conversation_repeats_none_of_it() -> None:
    main, beside = chapters(
        [
            asked(1, user("a")),
            asked(2, user("a"), assistant("Yes."), user("By the way?"), kind="other", said="So."),
            asked(3, user("Name it."), kind="title"),
            asked(4, user("a"), assistant("Yes."), user("b")),
            asked(5, user("a"), kind="main", origin="replay", of="x"),
        ]
    )
    assert [new(turn) for turn in main.turns] == [["a"], ["b"]]
    assert [new(turn) for turn in beside.turns] == [["By the way?"], ["Name it."], []]
    assert beside.sort is Sort.BESIDE
    assert all(turn.is_beside and not turn.request for turn in beside.turns)


def test_results_bear_the_names_of_their_calls() -> None:
    call = {"type": "tool_use", "id": "c1", "name": "Bash", "input": {}}
    made = entry({"model": "m", "messages": [user("a")]}, given=stream(call), session=SESSION, kind="main")
    result = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "c1", "content": "x"}]}
    turn = only(made, asked(2, user("a"), {"role": "assistant", "content": [call]}, result)).turns[1]
    assert turn.names == {"c1": "Bash"}


@pytest.mark.parametrize("body", [b"", b"[]", b'{"messages": 7}', b'{"messages": [7, {"content": 8}]}'])
def test_any_body_makes_a_turn(body: bytes) -> None:
    made = asked(1, user("a"))
    assert made.request is not None
    odd = replace(made, request=replace(made.request, body=body))
    assert len(only(odd, made).turns) == 2


def test_metadata_alone_make_a_turn_and_no_joint() -> None:
    bare = replace(asked(2, user("a")), request=None)
    turns = only(asked(1, user("a")), bare, asked(3, user("a"), assistant("Yes."), user("b"))).turns
    assert [(new(turn), turn.gone, turn.is_joint) for turn in turns] == [
        (["a"], 0, False),
        ([], 0, False),
        (["b"], 0, False),
    ]


def test_blocks_of_any_shape_are_compared() -> None:
    odd = {"role": "user", "content": [7, "bare", {"type": "text", "text": "a"}]}
    assert only(asked(1, odd), asked(2, odd, assistant("Yes."), user("b"))).turns[1].known == 2


def test_a_message_too_deep_to_be_written_is_one_all_the_same() -> None:
    deep = json.loads("[" * 300 + "]" * 300)
    turn = only(asked(1, {"role": "user", "content": [{"type": "x", "y": deep}]})).turns[0]
    assert len(turn.new) == 1


def test_places_are_those_in_the_session() -> None:
    [chapter] = chapters(recorded_session()[3:5], [4, 5])
    assert [turn.place for turn in chapter.turns] == [4, 5]


def test_every_kind_of_call_has_a_place() -> None:
    entries = recorded_calls()
    found = chapters(entries)
    assert sorted(turn.place for chapter in found for turn in chapter.turns) == list(range(1, len(entries) + 1))
    assert [chapter.sort for chapter in found] == sorted((chapter.sort for chapter in found), key=list(Sort).index)
