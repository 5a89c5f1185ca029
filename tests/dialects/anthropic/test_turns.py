"""Turns are said as a backend takes them, and a longer history begins as a shorter one."""

from typing import Any

import pytest

from addon.dialects.anthropic.fields import ROWS
from addon.dialects.anthropic.turns import Turns
from addon.dialects.losses import Loss, Lost
from addon.dialects.profiles import Takes
from addon.protocol.errors import Unsupported
from tests.stories import target

type Json = dict[str, Any]

ASK: Json = {"role": "user", "content": "Hi."}
ANSWER: Json = {"role": "assistant", "content": "Hello."}
NOTE: Json = {"role": "system", "content": "Be short."}
REMINDER = {"type": "text", "text": "<system-reminder>\nBe short.\n</system-reminder>"}
SAID = {"type": "text", "text": "Hi."}
REFERENCE = {"type": "tool_reference", "tool_name": "WebFetch"}
LOADED = {"type": "text", "text": "[the tool WebFetch is loaded and can be called]"}
ADDED = {"type": "tool_addition", "tool": {"type": "tool_reference", "name": "a"}}


def result(*content: Json) -> Json:
    return {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "c", "content": list(content)}]}


def fit(takes: Takes, *messages: Json, marked: bool = False) -> tuple[list[Json], list[Loss], Turns]:
    losses: list[Loss] = []
    turns = Turns(target("deepseek-anthropic", "m"), ROWS[takes], losses)
    return turns.fit(list(messages), marked=marked), losses, turns


def user(*blocks: Json) -> Json:
    return {"role": "user", "content": list(blocks)}


EFFORT: Json = {"role": "system", "content": [], "output_config": {"effort": "low"}}
CASES: dict[str, tuple[Takes, list[Json], list[Json], list[Lost]]] = {
    "a note after the user": (Takes.VENDOR, [ASK, NOTE, ANSWER], [user(SAID, REMINDER), ANSWER], []),
    "a note after a result": (
        Takes.VENDOR,
        [result(), {"role": "system", "content": [{"type": "text", "text": "Be short."}]}],
        [user(*result()["content"], REMINDER)],
        [],
    ),
    "a note after an answer": (Takes.VENDOR, [ASK, ANSWER, NOTE], [ASK, ANSWER, user(REMINDER)], []),
    "a note at the head": (Takes.VENDOR, [NOTE], [user(REMINDER)], []),
    "a note to Claude": (Takes.VERTEX, [ASK, NOTE], [ASK, NOTE], []),
    "an effort alone": (Takes.VENDOR, [ASK, EFFORT], [ASK], []),
    "an effort alone to a cloud that knows none of a turn": (Takes.BEDROCK, [ASK, EFFORT], [ASK], []),
    "an effort to a cloud that does": (Takes.VERTEX, [ASK, EFFORT], [ASK, EFFORT], []),
    "a tool that was loaded": (Takes.PLAIN, [result(REFERENCE)], [result(LOADED)], []),
    "a tool that was loaded, to Claude": (Takes.VERTEX, [result(REFERENCE)], [result(REFERENCE)], []),
    "a change of tools": (Takes.VERTEX, [user(ADDED, SAID)], [user(SAID)], [Lost.TOOL_CHANGE]),
    "a change of tools where it is known": (Takes.BEDROCK, [user(ADDED)], [user(ADDED)], []),
    "a field of a turn": (Takes.VERTEX, [{**ASK, "clear_at": 1}], [ASK], [Lost.UNKNOWN_FIELD]),
    "a field of a turn, to Anthropic": (Takes.ALL, [{**ASK, "clear_at": 1}], [{**ASK, "clear_at": 1}], []),
    "a block of a kind that nobody knows": (Takes.VENDOR, [user({"type": "new"})], [user({"type": "new"})], []),
    "a search of Anthropic's where that is known": (
        Takes.VENDOR,
        [user({"type": "server_tool_use", "name": "a"})],
        [user({"type": "server_tool_use", "name": "a"})],
        [],
    ),
    "a search of Anthropic's where it is not": (
        Takes.SERVER,
        [user({"type": "server_tool_use", "name": "a", "input": {}})],
        [user({"type": "text", "text": "[a was called with {}]"})],
        [Lost.SERVER_TOOL_BLOCK],
    ),
    "a text as a document": (
        Takes.VENDOR,
        [user({"type": "document", "source": {"type": "text", "data": "Words."}, "title": "T"})],
        [user({"type": "text", "text": "[T]\nWords."})],
        [],
    ),
    "a document of an odd sort": (
        Takes.VENDOR,
        [user({"type": "document", "source": {"type": "url"}})],
        [user({"type": "document", "source": {"type": "url"}})],
        [],
    ),
    "a block that says nothing": (
        Takes.VENDOR,
        [user({"type": "fallback"}, SAID)],
        [user(SAID)],
        [Lost.ANTHROPICS_OWN],
    ),
}


@pytest.mark.parametrize(("takes", "asked", "expected", "lost"), CASES.values(), ids=CASES)
def test_a_turn_is_said_as_it_is_taken(takes: Takes, asked: list[Json], expected: list[Json], lost: list[Lost]) -> None:
    fitted, losses, _ = fit(takes, *asked)
    assert fitted == expected
    assert [each.sort for each in losses] == lost


def test_what_is_taken_as_it_is_stays_the_same_object() -> None:
    messages = [ASK, ANSWER, result({"type": "text", "text": "a"})]
    turns = Turns(target("deepseek-anthropic", "m"), ROWS[Takes.PLAIN], [])
    assert turns.fit(messages, marked=True) is messages


def test_the_newest_effort_of_a_turn_is_kept_for_the_request() -> None:
    late = {**NOTE, "output_config": {"effort": "high"}}
    turns = fit(Takes.VENDOR, ASK, EFFORT, ANSWER, ASK, late)[2]
    assert (turns.effort, turns.effort_path) == ("high", "messages.4.output_config.effort")
    assert fit(Takes.VERTEX, ASK, EFFORT)[2].effort is None


def test_tools_are_numbered_as_they_are_loaded() -> None:
    other = {"type": "tool_reference", "tool_name": "Other"}
    assert fit(Takes.VENDOR, result(REFERENCE, other), result(REFERENCE))[2].loaded == {"WebFetch": 1, "Other": 2}


MARKED: Json = user({**SAID, "cache_control": {"type": "ephemeral", "scope": "global", "ttl": "1h"}})


@pytest.mark.parametrize(
    ("takes", "mark"),
    [
        (Takes.ALL, {"type": "ephemeral", "scope": "global", "ttl": "1h"}),
        (Takes.VERTEX, {"type": "ephemeral", "ttl": "1h"}),
        (Takes.PLAIN, {"type": "ephemeral"}),
    ],
)
def test_a_mark_for_a_cache_has_the_fields_that_are_taken(takes: Takes, mark: Json) -> None:
    fitted, losses, _ = fit(takes, MARKED, marked=True)
    assert fitted[0]["content"][0]["cache_control"] == mark
    assert [each.path for each in losses] == [
        f"messages.0.content.0.cache_control.{name}" for name in ("scope", "ttl") if name not in mark
    ]


def test_a_document_without_a_text_is_refused_where_none_are_taken() -> None:
    paper = {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "AAAA"}}
    with pytest.raises(Unsupported, match=r"messages\.0\.content\.0: deepseek-anthropic/m takes no documents"):
        fit(Takes.VENDOR, user(paper))
    assert fit(Takes.ALL, user(paper))[0] == [user(paper)]


def test_a_longer_history_begins_as_the_shorter_one() -> None:
    history = [ASK, NOTE, ANSWER, result(REFERENCE), NOTE, ANSWER, ASK]
    whole, _, _ = fit(Takes.VENDOR, *history)
    for end in (2, 3, 5, 6):
        part, _, _ = fit(Takes.VENDOR, *history[:end])
        assert whole[: len(part)] == part
