"""A conversation as the log holds it: whose words it is made of, and what its next turn sends."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from addon.prompts import conversation
from addon.prompts.conversation import History, Told
from addon.prompts.entry import Entry, Reply, Summary
from addon.protocol.errors import BadRequest
from tests.prompts.entries import STARTED_AT, entry, recorded_calls, recorded_session, routed, stream

type Json = dict[str, Any]

ASK: Json = {"model": "claude-opus-x", "max_tokens": 99, "system": "Be brief.", "stream": True}
HELLO: Json = {"role": "user", "content": "Hello"}
HI: Json = {"role": "assistant", "content": [{"type": "text", "text": "Hi"}]}
CALLING: Json = {
    "role": "assistant",
    "content": [
        {"type": "text", "text": "I look."},
        {"type": "tool_use", "id": "toolu_1", "name": "Bash", "input": {}},
        {"type": "tool_use", "id": "toolu_2", "name": "Bash", "input": {}},
    ],
}


def turn(*messages: Json, number: int = 1, said: str = "Hi", **facts: Any) -> Entry:
    given = stream({"type": "text", "text": said})
    return entry({**ASK, "messages": list(messages)}, number=number, given=given, **{"kind": "main", **facts})


def past(*messages: Json) -> History:
    return History("s", dict(ASK), messages, len(messages) - 1)


# -- which exchange ----------------------------------------------------------------------------------------------------

PLAIN = turn(HELLO, session="s").summary
TURNS: dict[str, tuple[Summary, bool]] = {
    "the main agent's": (PLAIN, True),
    "of no session": (replace(PLAIN, session=None, kind="other"), True),
    "beside a session": (replace(PLAIN, kind="other"), False),
    "a title": (replace(PLAIN, kind="title", session=None), False),
    "a compaction": (replace(PLAIN, kind="compaction"), False),
    "an agent's": (replace(PLAIN, agent="a"), False),
    "a refusal": (replace(PLAIN, status=429), False),
    "a failure": (replace(PLAIN, error="broke off"), False),
    "a replay": (replace(PLAIN, origin="replay"), False),
    "one that was brought in": (replace(PLAIN, origin="import", status=0), True),
    "no call": (replace(PLAIN, kind=None), False),
}


@pytest.mark.parametrize(("summary", "expected"), TURNS.values(), ids=TURNS)
def test_a_turn_is_one(summary: Summary, expected: bool) -> None:
    assert conversation.is_turn(summary) is expected


def test_of_the_real_clients_calls_the_main_ones_are_turns() -> None:
    found = {each.summary.kind for each in recorded_calls() if conversation.is_turn(each.summary)}
    assert found == {"main"}


# -- what it holds -----------------------------------------------------------------------------------------------------


def test_a_turn_holds_the_whole_conversation() -> None:
    found = conversation.history(turn(HELLO, HI, HELLO, session="s"))
    assert found == History("s", ASK, (HELLO, HI, HELLO, HI), 3)


def test_an_answer_that_says_nothing_is_none() -> None:
    without = replace(turn(HELLO), given=None)
    assert conversation.history(without).messages == (HELLO,)
    empty = replace(turn(HELLO), given=Reply(status=200, headers=(), body=b"{}"))
    assert conversation.history(empty).messages == (HELLO,)


def test_a_translated_answer_is_what_the_client_was_given() -> None:
    each = routed("openai_chat/parallel_tools")
    *_, said = conversation.history(each).messages
    assert said["role"] == "assistant"
    assert [block["type"] for block in said["content"]].count("tool_use") > 1


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"messages": 1}'])
def test_what_is_no_request_is_refused(body: bytes) -> None:
    kept = turn(HELLO)
    assert kept.request is not None
    with pytest.raises(BadRequest, match="no prompts") as caught:
        conversation.history(replace(kept, request=replace(kept.request, body=body)))
    assert caught.value.status == 404


def test_without_prompts_there_is_no_history() -> None:
    with pytest.raises(BadRequest, match="`record`"):
        conversation.history(replace(turn(HELLO), request=None))


# -- who said it, and when ---------------------------------------------------------------------------------------------


def told(found: list[Told]) -> list[tuple[float | None, str | None, str | None]]:
    return [(each.at and each.at - STARTED_AT, each.model, each.exchange and each.exchange[-1:]) for each in found]


def counted(*entries: Entry) -> list[tuple[Summary, int]]:
    return [(each.summary, conversation.history(each).asked) for each in reversed(entries)]


FIRST = turn(HELLO, number=1)
SECOND = turn(HELLO, HI, HELLO, number=2, route="openai/gpt-x")
THIRD = turn(HELLO, HI, HELLO, HI, HELLO, number=3)
OPUS = "anthropic/claude-opus-x"


def test_each_message_is_its_turns() -> None:
    found = conversation.attributed(conversation.history(THIRD), counted(FIRST, SECOND, THIRD))
    assert told(found) == [
        (60, OPUS, "1"),
        (61.5, OPUS, "1"),
        (120, "openai/gpt-x", "2"),
        (121.5, "openai/gpt-x", "2"),
        (180, OPUS, "3"),
        (181.5, OPUS, "3"),
    ]


def test_only_the_turns_that_are_needed_are_looked_at() -> None:
    def turns() -> Iterator[tuple[Summary, int]]:
        yield from counted(SECOND, THIRD)
        raise AssertionError("asked for more")

    found = conversation.attributed(conversation.history(THIRD), turns(), first=3)
    assert told(found)[2:] == [
        (None, None, None),
        (121.5, "openai/gpt-x", "2"),
        (180, OPUS, "3"),
        (181.5, OPUS, "3"),
    ]


def test_behind_a_joint_nothing_is_guessed() -> None:
    compacted = turn(HELLO, HI, HELLO, number=4)
    found = conversation.attributed(conversation.history(compacted), counted(THIRD, compacted))
    assert told(found) == [(None, None, None), (None, None, None), (240, OPUS, "4"), (241.5, OPUS, "4")]


def test_without_turns_nothing_is_known() -> None:
    found = conversation.attributed(past(HELLO, HI), [])
    assert found == [Told(HELLO), Told(HI)]


def test_a_conversation_that_was_brought_in_begins_at_once() -> None:
    brought = turn(HELLO, HI, HELLO, number=5, origin="import")
    found = conversation.attributed(conversation.history(replace(brought, given=None)), counted(brought))
    assert told(found) == [(300, OPUS, "5")] * 3


def test_the_real_clients_session_is_told_whole() -> None:
    entries = [each for each in recorded_session() if conversation.is_turn(each.summary)]
    found = conversation.attributed(conversation.history(entries[-1]), counted(*entries))
    assert all(each.at is not None for each in found)
    assert [each.at for each in found] == sorted(each.at or 0 for each in found)


# -- the next turn -----------------------------------------------------------------------------------------------------


def test_a_message_goes_on_as_before() -> None:
    assert conversation.continued(past(HELLO, HI), {"message": "And?"}) == {
        **ASK,
        "stream": False,
        "messages": [HELLO, HI, {"role": "user", "content": "And?"}],
    }


def test_what_a_request_says_goes_over_what_the_last_one_said() -> None:
    given = {"messages": [HELLO, HI, HELLO], "model": "m", "stream": True, "system": None, "top_k": 3}
    assert conversation.continued(past(HELLO, HI), given) == {
        "model": "m",
        "max_tokens": 99,
        "stream": True,
        "top_k": 3,
        "messages": [HELLO, HI, HELLO, HI, HELLO],
    }


def results(message: Json) -> list[str]:
    return [block["tool_use_id"] for block in message["content"] if block["type"] == "tool_result"]


def test_calls_that_nobody_ran_are_said_to_be_so() -> None:
    first = conversation.continued(past(HELLO, CALLING), {"message": "And?"})["messages"][2]
    assert results(first) == ["toolu_1", "toolu_2"]
    assert first["content"][0]["is_error"] is True
    assert first["content"][-1] == {"type": "text", "text": "And?"}


def test_results_that_are_sent_are_not_said_twice() -> None:
    result = {"type": "tool_result", "tool_use_id": "toolu_2", "content": "done"}
    given = {"messages": [{"role": "user", "content": [result]}]}
    body = conversation.continued(past(HELLO, CALLING), given)
    assert results(body["messages"][2]) == ["toolu_1", "toolu_2"]
    both = {"role": "user", "content": [{**result, "tool_use_id": "toolu_1"}, result]}
    assert conversation.continued(past(HELLO, CALLING), {"messages": [both]})["messages"][2] == both


def test_results_stand_before_words_of_another_role() -> None:
    given = {"messages": [{"role": "system", "content": "Now."}, HELLO]}
    messages = conversation.continued(past(HELLO, CALLING), given)["messages"]
    assert [each["role"] for each in messages] == ["user", "assistant", "user", "system", "user"]
    assert results(messages[2]) == ["toolu_1", "toolu_2"]


def test_a_conversation_may_end_with_the_user() -> None:
    assert conversation.continued(past(HELLO), {"message": "And?"})["messages"][0] == HELLO


REFUSED: list[tuple[Json, str]] = [
    ({}, "give message, a text, or messages"),
    ({"message": "a", "messages": [HELLO]}, "give message"),
    ({"messages": []}, "at least one"),
    ({"messages": "a"}, "at least one"),
    ({"messages": ["a"]}, "at least one"),
    ({"messages": [HELLO], "max_tokens": None, "model": None}, "model"),
    ({"messages": [{"role": "nobody", "content": "a"}]}, "messages.2.role"),
]


@pytest.mark.parametrize(("given", "words"), REFUSED)
def test_what_cannot_be_sent_is_refused(given: Json, words: str) -> None:
    with pytest.raises(BadRequest, match=words):
        conversation.continued(past(HELLO, HI), given)


def test_a_conversation_without_a_limit_needs_one() -> None:
    bare = History(None, {"model": "m"}, (HELLO,), 1)
    with pytest.raises(BadRequest, match="max_tokens"):
        conversation.continued(bare, {"message": "a"})
    assert conversation.continued(bare, {"message": "a", "max_tokens": 5})["max_tokens"] == 5


# -- out and in --------------------------------------------------------------------------------------------------------


def test_what_is_brought_in_is_a_request_and_its_answer() -> None:
    assert conversation.parted({"model": "m"}, [HELLO, HI]) == ({"model": "m", "messages": [HELLO]}, HI)
    assert conversation.parted({}, [HELLO, HI, HELLO]) == ({"messages": [HELLO, HI, HELLO]}, None)


@pytest.mark.parametrize(
    ("request_", "messages", "words"),
    [
        ({}, [HI], "the first is the user's"),
        ({}, [{"role": "user"}], "messages.0.content"),
        ({"tools": 5}, [HELLO], "tools"),
    ],
)
def test_what_is_no_conversation_is_refused(request_: Json, messages: list[Json], words: str) -> None:
    with pytest.raises(BadRequest, match=words):
        conversation.parted(request_, messages)
