"""A session as a document: what stands where, before anybody lays it out."""

from dataclasses import replace
from datetime import timedelta, timezone
from typing import Any

from addon.prompts.entry import Attempt, Change, Entry, Reply
from addon.prompts.exports.document import Document, Said, Shown, document
from addon.prompts.exports.pieces import Piece, Sort
from tests.prompts.entries import SESSION, entry, recorded_calls, recorded_session, routed, stream

YES = {"type": "text", "text": "Yes."}


def asked(number: int = 1, content: Any = "a", **facts: Any) -> Entry:
    body = {"model": "m", "messages": [{"role": "user", "content": content}], **facts.pop("body", {})}
    told: dict[str, Any] = {"session": SESSION, "kind": "main", "given": stream(YES), **facts}
    return entry(body, number=number, **told)


def turn(*entries: Entry) -> Shown:
    return document(entries).sections[0].turns[-1]


def test_the_head_of_a_session() -> None:
    made = document(recorded_session(), zone=timezone(timedelta(hours=1)))
    assert made.title == "Read notes.txt."
    assert made.facts == (
        ("session", SESSION),
        ("time", "2026-11-18 12:07:40 to 2026-11-18 12:20:41 (13 min 2 s)"),
        ("exchanges", "14"),
        ("models asked", "claude-opus-5-5"),
        ("answered by", "anthropic"),
        ("tokens", "14,000 in, 12,600 of them from the cache; 280 out"),
        ("price", "$0.175"),
    )
    assert [(section.title, section.lead, len(section.turns)) for section in made.sections] == [
        ("Conversation", "", 14)
    ]


def test_nothing_is_a_document_too() -> None:
    assert document([]) == Document(title="Session", facts=(), sections=(), systems=(), tools=())


def test_what_is_not_known_is_not_told() -> None:
    bare = replace(asked(agent="a1", kind="subagent", status=0, asked=None, route=None, session=None), given=None)
    facts = dict(document([bare]).facts)
    assert "session" not in facts
    assert facts["exchanges"] == "1, 1 without an answer, 1 agent"
    assert (facts["models asked"], facts["answered by"]) == ("none", "nobody")


def test_a_long_title_is_cut() -> None:
    assert document([asked(content="x\n" * 99)]).title == ("x " * 40)[:79].rstrip() + "…"


def test_the_chapters_have_names() -> None:
    facts = {"agent": "0123456789", "agent_type": "Explore", "parent_agent": "abcdefghij"}
    made = document([asked(), asked(2, kind="subagent", **facts), asked(3, kind="title")])
    assert [(section.title, section.lead) for section in made.sections] == [
        ("Conversation", ""),
        ("Agent Explore 01234567", "started by the agent abcdefgh"),
        ("Beside the conversation", "titles, searches, counts, questions on the side: part of no conversation"),
    ]
    assert [(one.title, one.folded) for section in made.sections for one in section.turns] == [
        ("Turn 1", False),
        ("Turn 2", False),
        ("Turn 3: title", True),
    ]


def test_a_turn_says_who_said_what() -> None:
    results = [{"type": "tool_result", "tool_use_id": "c", "content": "x"}]
    made = asked(content=results)
    assert turn(made).said == (
        Said("Tools", (Piece(Sort.RESULT, "c", "x"),)),
        Said("Assistant", (Piece(Sort.TEXT, "", "Yes."),)),
    )
    system = entry({"model": "m", "messages": [{"role": "system", "content": "x"}]}, kind="main")
    assert turn(system).said == (Said("System", (Piece(Sort.REMINDER, "system reminder, 1 characters", "x"),)),)
    odd = entry({"model": "m", "messages": [{"role": "<b>", "content": "x"}]}, kind="main")
    assert turn(odd).said[0].who == "<b>"


def test_a_failure_is_said() -> None:
    body = b'{"type": "error", "error": {"type": "overloaded_error", "message": "Later."}}'
    failed = replace(asked(status=529, error="overloaded_error"), given=Reply(status=529, headers=(), body=body))
    shown = turn(replace(failed, attempts=(Attempt("groq/x", "503", 20, "down"),)))
    assert shown.said[-1] == Said("Error", (Piece(Sort.FAILURE, "the reply", "overloaded_error: Later."),))
    assert shown.notes == ("Outcome: 529 overloaded_error", "Asked before, in vain: groq/x (503)")


def test_what_a_reader_must_know_is_noted() -> None:
    first = asked(content="a")
    assert turn(first, asked(2)).notes == (
        "1 earlier message changed or left the history.",
        "Nothing new: the same was asked before.",
    )
    replayed = asked(2, origin="replay", of="abc")
    assert document([replayed]).sections[0].turns[0].notes == ("A replay by Detour of exchange abc.",)
    compaction = asked(2, kind="compaction")
    assert turn(first, compaction).notes[-1] == "The client asks for a summary of 1 message, and goes on with that."
    joint = turn(first, compaction, asked(3, content="b"))
    assert (joint.is_joint, joint.notes) == (
        True,
        ("Here the conversation begins anew, with none of what was said before.",),
    )


def test_losses_are_told_but_for_routine_ones() -> None:
    made = replace(
        asked(),
        changes=(Change("max_tokens", "set to 5"),),
        losses=(Change("top_k", "gone"), Change("m", "x", routine=True)),
    )
    assert turn(made).losses == ("max_tokens: set to 5", "top_k: gone")
    assert turn(routed("openai_chat/plain_text")).meta.startswith("11:07:40 · claude-opus-5-5 → openai/gpt-5.5 · ")


def test_the_system_prompt_and_the_tools_stand_once() -> None:
    tools = [
        {"name": "Bash", "description": "Runs.", "input_schema": {}, "cache_control": {}},
        {"type": "web_search"},
        7,
    ]
    system = [{"type": "text", "text": "one"}, {"type": "text", "text": "two"}]
    main = [asked(number, body={"system": f"old {number}"}) for number in (1, 2)]
    main.append(asked(3, body={"system": system, "tools": tools}))
    agents = [
        asked(number, kind="subagent", agent=f"a{number}", body={"system": "agent", "tools": tools[:1]})
        for number in (4, 5)
    ]
    made = document([*main, *agents])
    assert made.systems == (("Conversation", "one\n\ntwo"), ("Agent a4", "agent"))
    assert [(tool.name, tool.description, tool.definition) for tool in made.tools] == [
        ("Bash", "Runs.", '{\n  "input_schema": {}\n}'),
        ("web_search", "", '{\n  "type": "web_search"\n}'),
        ("", "", "7"),
    ]


def test_every_recorded_call_is_a_turn() -> None:
    entries = recorded_calls()
    made = document(entries)
    assert sorted(one.place for section in made.sections for one in section.turns) == list(range(1, len(entries) + 1))


def test_a_turn_alone_says_what_is_new_in_it() -> None:
    made = document(recorded_session()[1:3], [2, 3], only={3})
    [section] = made.sections
    [one] = section.turns
    assert (one.title, [said.who for said in one.said]) == ("Turn 3", ["User", "Assistant"])
    assert (made.title, dict(made.facts)["exchanges"]) == ("Count its lines.", "1")
    assert made.systems
    assert document(recorded_session()[1:3], [2, 3], only={9}).sections == ()
