"""Each line is what OpenAI's own types take, and what its rules for training sets demand."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from addon.prompts.entry import Entry, Reply
from addon.prompts.exports import openai_chat
from tests.dialects.vendor_types import violations
from tests.prompts.entries import SESSION, entry, recorded_calls, recorded_session, routed, stream
from tests.prompts.exports import hostile
from tests.stories import every_story

type Json = dict[str, Any]

STORIES = [story.name for story in every_story("openai_chat")]
ROLES = {"system", "developer", "user", "assistant", "tool"}
FUNCTION = re.compile(r"[a-zA-Z0-9_-]{1,64}")
YES = {"type": "text", "text": "Yes."}
CALL = {"type": "tool_use", "id": "c1", "name": "Bash", "input": {"command": "ls"}}
RESULT = {"type": "tool_result", "tool_use_id": "c1", "content": "x"}


def lines(entries: list[Entry]) -> list[Json]:
    return [json.loads(line) for line in openai_chat.dump(entries).content.splitlines()]


def broken_rules(line: Json) -> Iterator[str]:
    """What OpenAI's check of a training file would say: guide "supervised fine-tuning", cookbook "data preparation"."""
    if not set(line) <= {"messages", "tools", "parallel_tool_calls"}:
        yield "unknown key"
    if not line["messages"] or line["messages"][-1]["role"] != "assistant":
        yield "the last message is not the assistant's"
    waiting: list[str] = []
    for message in line["messages"]:
        yield from _broken_by(message, waiting)
    if not all(FUNCTION.fullmatch(tool["function"]["name"]) for tool in line.get("tools", ())):
        yield "a tool's name"
    if ("tools" in line) != ("parallel_tool_calls" in line):
        yield "the switch for parallel calls"


def _broken_by(message: Json, waiting: list[str]) -> Iterator[str]:
    if not set(message) <= {"role", "content", "name", "tool_calls", "tool_call_id", "weight"}:
        yield f"unknown key in {message}"
    if message["role"] not in ROLES:
        yield "unknown role"
    if not message.get("content") and not message.get("tool_calls"):
        yield f"nothing in {message}"
    if message["role"] == "tool":
        waiting.remove(message["tool_call_id"])
    elif waiting:
        yield "a call without a result"
    for call in message.get("tool_calls", ()):
        waiting.append(call["id"])
        json.loads(call["function"]["arguments"])
        if not FUNCTION.fullmatch(call["function"]["name"]):
            yield "a function's name"


def asked(number: int, *messages: Json, said: Json | None = YES, **facts: Any) -> Entry:
    body = {"model": "claude", "max_tokens": 9, "messages": list(messages), **facts.pop("body", {})}
    told: dict[str, Any] = {"session": SESSION, "kind": "main", **facts}
    return entry(body, number=number, given=None if said is None else stream(said), **told)


def user(content: Any) -> Json:
    return {"role": "user", "content": content}


def assistant(*blocks: Json) -> Json:
    return {"role": "assistant", "content": list(blocks)}


CORPUS: list[list[Entry]] = [
    *(recorded_session(name) for name in ("first_door", "second_door", "older_model")),
    recorded_calls(),
    hostile.session(),
    *([replace(made, summary=replace(made.summary, kind="main"))] for made in map(routed, STORIES)),
    [asked(1, user("a"), said=CALL)],
]


@pytest.mark.parametrize("entries", CORPUS, ids=range(len(CORPUS)))
def test_openai_takes_every_line(entries: list[Entry]) -> None:
    for line in lines(entries):
        assert list(broken_rules(line)) == []
        assert violations("openai", json.dumps({"model": "gpt-4.1", **line}).encode()) == []


def test_a_session_is_one_line_with_its_answer() -> None:
    export = openai_chat.dump(recorded_session())
    [line] = [json.loads(each) for each in export.content.splitlines()]
    assert line["messages"][0]["role"] == "system"
    assert line["messages"][-1] == {"role": "assistant", "content": "All done."}
    assert (len(line["tools"]), line["parallel_tool_calls"]) == (14, True)
    assert export.left_out == ()


def test_calls_beside_are_told_and_a_line_where_each_exchange_is_one() -> None:
    entries = [
        asked(1, user("a")),
        asked(2, user("Name it."), kind="title"),
        asked(3, user("b"), kind="other", said=None),
    ]
    export = openai_chat.dump(entries)
    assert export.content.count(b"\n") == 1
    assert export.left_out == ("2 calls beside the conversations left out; name one, and it is a line",)
    alone = openai_chat.dump(entries, each=True)
    assert [json.loads(line)["messages"][0]["content"] for line in alone.content.splitlines()] == ["a", "Name it."]
    assert openai_chat.dump(entries[2:], [7], each=True).left_out == ("Turn 7 is left out: nobody answers in it",)


def test_the_answer_may_be_a_call() -> None:
    [line] = lines([asked(1, user("a"), said=CALL)])
    assert [message["role"] for message in line["messages"]] == ["user", "assistant"]
    assert line["messages"][-1]["tool_calls"][0]["function"] == {"name": "Bash", "arguments": '{"command":"ls"}'}
    assert openai_chat.dump([asked(1, user("a"), said=CALL)]).left_out == ()


def test_what_nobody_answered_is_cut_off() -> None:
    failed = Reply(status=529, headers=(), body=b'{"type": "error", "error": {"message": "Later."}}')
    first = asked(1, user("a"))
    second = replace(asked(2, user("a"), assistant(YES), user("b")), given=failed)
    [line] = lines([first, second])
    assert [message["content"] for message in line["messages"]] == ["a", "Yes."]
    export = openai_chat.dump([asked(1, user("a"), said=None)])
    assert export.content == b""
    assert export.left_out == ("Conversation up to turn 1 is left out: nobody answers in it",)


def test_agents_and_what_came_after_a_compaction_are_conversations_of_their_own() -> None:
    long = [user("a"), assistant(YES), user("c")]
    found = lines(
        [
            asked(1, *long),
            asked(2, *long, assistant(YES), user("sum up"), kind="compaction"),
            asked(3, user("The sum.")),
            asked(4, user("x"), kind="subagent", agent="a1"),
            asked(5, user("Name it."), kind="title"),
        ]
    )
    assert [[message["content"] for message in line["messages"]] for line in found] == [
        ["a", "Yes.", "c", "Yes."],
        ["The sum.", "Yes."],
        ["x", "Yes."],
    ]


def test_the_switch_for_parallel_calls_is_the_clients() -> None:
    tools = [{"name": "Bash", "input_schema": {"type": "object"}}]
    body = {"tools": tools, "tool_choice": {"type": "auto", "disable_parallel_tool_use": True}}
    [line] = lines([asked(1, user("a"), body=body)])
    assert line["parallel_tool_calls"] is False


def test_what_could_not_be_said_is_told() -> None:
    lost = asked(1, user([RESULT, {"type": "tool_result", "tool_use_id": "c2", "content": "y"}]))
    [told] = openai_chat.dump([lost]).left_out
    assert told.startswith("Conversation up to turn 1: messages.0.content.0: the result of a call that")
    assert told.endswith("; and 1 more")
    wrong = asked(1, {"role": "nobody", "content": "a"})
    [told] = openai_chat.dump([wrong], [7]).left_out
    assert told.startswith("Conversation up to turn 7 is left out: messages.0.role: ")
    [told] = openai_chat.dump([asked(1, body={"messages": "x"})]).left_out
    assert told == "Conversation up to turn 1 is left out: messages: Input should be a valid list"
    [told] = openai_chat.dump([replace(wrong, request=None)]).left_out
    assert told == "Conversation up to turn 1 is left out: its requests are not kept"
    [told] = openai_chat.dump([asked(1, user([{"type": "container_upload", "file_id": "x"}]))]).left_out
    assert "container_upload" in told
