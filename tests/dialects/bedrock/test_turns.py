"""The rules of a conversation by Converse; the stories show what becomes of each block."""

from dataclasses import replace
from typing import Any

import pytest

from addon.dialects.bedrock.turns import Turns
from addon.dialects.losses import Lost
from addon.dialects.profiles import SystemTurns
from addon.protocol.errors import BadRequest, Unsupported
from tests.stories import target

NOVA = target("bedrock", "us.amazon.nova-pro-v1:0")
MARK = {"type": "ephemeral"}


def said(*messages: Any, **profile: Any) -> tuple[list[Any], list[Lost]]:
    turns = Turns(replace(NOVA, profile=replace(NOVA.profile, **profile)), str)
    for index, (role, content) in enumerate(messages):
        turns.add(index, {"role": role, "content": content})
    made = turns.close(len(messages) - 1)
    return [(turn["role"], turn["content"]) for turn in made], [loss.sort for loss in turns.losses]


def text(words: str, **more: Any) -> dict[str, Any]:
    return {"type": "text", "text": words, **more}


def call(call_id: str, **arguments: Any) -> dict[str, Any]:
    return {"type": "tool_use", "id": call_id, "name": "Bash", "input": arguments}


def result(call_id: str, content: Any = "done", **more: Any) -> dict[str, Any]:
    return {"type": "tool_result", "tool_use_id": call_id, "content": content, **more}


def test_turns_of_one_side_in_a_row_are_one_message() -> None:
    assert said(("user", "a"), ("user", "b"), ("assistant", "c"), ("assistant", "d"), ("user", "e"))[0] == [
        ("user", [{"text": "a"}, {"text": "b"}]),
        ("assistant", [{"text": "c"}, {"text": "d"}]),
        ("user", [{"text": "e"}]),
    ]


def test_a_text_that_is_blank_is_left_out_and_a_turn_of_them_too() -> None:
    blank = [text(" \n"), text("")]
    assert said(("user", [text("a"), *blank]), ("assistant", blank), ("user", "b"))[0] == [
        ("user", [{"text": "a"}, {"text": "b"}])
    ]


@pytest.mark.parametrize("blocks", [[], [text(" ")]])
def test_a_conversation_without_a_word_is_refused(blocks: list[Any]) -> None:
    with pytest.raises(BadRequest, match="at least one message must have non-empty content"):
        said(("user", blocks))


def test_the_last_word_of_the_model_is_told_as_lost() -> None:
    assert said(("user", "a"), ("assistant", "b"))[1] == [Lost.PREFILL]


def test_results_stand_before_all_else_in_the_order_in_which_they_came() -> None:
    turns, losses = said(
        ("user", "a"),
        ("assistant", [call("1"), call("2")]),
        ("user", [text("first"), result("2"), text("then"), result("1")]),
    )
    ids = [part["toolResult"]["toolUseId"] for part in turns[2][1][:2]]
    assert (ids, turns[2][1][2:], losses) == (["2", "1"], [{"text": "first"}, {"text": "then"}], [])


def test_a_call_before_another_turn_of_the_model_is_answered_between() -> None:
    turns, losses = said(("user", "a"), ("assistant", [call("1")]), ("assistant", "b"), ("user", "c"))
    assert [role for role, _ in turns] == ["user", "assistant", "user", "assistant", "user"]
    assert turns[2][1][0]["toolResult"]["status"] == "error"
    assert losses == [Lost.MISSING_RESULT]


def test_ids_that_come_twice_in_a_turn_are_told_apart() -> None:
    turns, _ = said(("user", "a"), ("assistant", [call("1"), call("1")]), ("user", [result("1"), result("1")]))
    calls = [part["toolUse"]["toolUseId"] for part in turns[1][1]]
    assert calls == [part["toolResult"]["toolUseId"] for part in turns[2][1]]
    assert len(set(calls)) == 2


def test_an_id_of_another_backend_has_signs_that_converse_takes() -> None:
    turns, losses = said(("user", "a"), ("assistant", [call("call_a|fc:x")]), ("user", [result("call_a|fc:x")]))
    wire_id = turns[1][1][0]["toolUse"]["toolUseId"]
    assert (wire_id[:5], len(wire_id), losses) == ("call_", 37, [])
    assert turns[2][1][0]["toolResult"]["toolUseId"] == wire_id


def test_an_id_is_no_longer_than_converse_takes() -> None:
    turns, _ = said(("user", "a"), ("assistant", [call("x" * 65)]), ("user", [result("x" * 65)]))
    assert len(turns[1][1][0]["toolUse"]["toolUseId"]) <= 64


def test_empty_keys_are_left_out_of_arguments_at_any_depth() -> None:
    turns, _ = said(
        ("user", "a"), ("assistant", [call("1", a=[{"": 1, "b": {"": 2}}], **{"": 3})]), ("user", [result("1")])
    )
    assert turns[1][1][0]["toolUse"]["input"] == {"a": [{"b": {}}]}


def test_marks_stand_behind_what_they_are_set_on_as_many_as_are_taken() -> None:
    marked = [text(word, cache_control=MARK) for word in "abc"]
    point = {"cachePoint": {"type": "default"}}
    assert said(("user", marked), cache_points=2)[0] == [
        ("user", [{"text": "a"}, point, {"text": "b"}, point, {"text": "c"}])
    ]
    assert said(("user", marked), cache_points=0)[0] == [("user", [{"text": "a"}, {"text": "b"}, {"text": "c"}])]


def test_a_mark_on_nothing_is_none() -> None:
    assert said(("user", [text(" ", cache_control=MARK), text("a")]), cache_points=4)[0] == [("user", [{"text": "a"}])]


@pytest.mark.parametrize(("claude", "point"), [(True, {"type": "default", "ttl": "1h"}), (False, {"type": "default"})])
def test_an_hour_in_the_cache_is_asked_of_claude_alone(claude: bool, point: Any) -> None:
    turns, _ = said(("user", [text("a", cache_control={**MARK, "ttl": "1h"})]), cache_points=1, claude=claude)
    assert turns[0][1][1] == {"cachePoint": point}


def test_the_system_prompt_is_its_texts_and_their_marks() -> None:
    turns = Turns(NOVA, str)
    assert turns.system([text("a", cache_control=MARK), text(" "), text("b"), {"type": "text"}]) == [
        {"text": "a"},
        {"cachePoint": {"type": "default"}},
        {"text": "b"},
    ]


@pytest.mark.parametrize(
    ("turns", "role", "words"),
    [
        (SystemTurns.ANYWHERE, "system", "b"),
        (SystemTurns.FIRST_ONLY, "user", "<system-reminder>\nb\n</system-reminder>"),
    ],
)
def test_a_system_turn_is_said_as_such_where_it_may_be(turns: SystemTurns, role: str, words: str) -> None:
    made, _ = said(("user", "a"), ("assistant", "x"), ("system", [text("b"), text(" ")]), system_turns=turns)
    assert made[2] == (role, [{"text": words}])


def test_a_system_turn_that_begins_is_the_users() -> None:
    made, _ = said(("system", "a"), ("user", "b"), system_turns=SystemTurns.ANYWHERE)
    assert [role for role, _ in made] == ["user"]


def test_a_system_turn_without_words_is_none() -> None:
    assert len(said(("user", "a"), ("system", []))[0]) == 1


@pytest.mark.parametrize(
    ("role", "block", "what"),
    [
        ("assistant", {"type": "hologram"}, "hologram"),
        ("user", {"type": "hologram"}, "hologram"),
        (
            "system",
            {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBO"}},
            "image in a system turn",
        ),
    ],
)
def test_a_block_that_nobody_translates_is_refused_with_its_path(role: str, block: Any, what: str) -> None:
    with pytest.raises(Unsupported, match=f"messages.1.content.0: .* cannot be given: {what}"):
        said(("user", "a"), (role, [block]))


def test_what_the_server_did_is_told_in_words() -> None:
    use = {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {"query": "rain"}}
    made, losses = said(("user", "a"), ("assistant", [use, text("b", citations=[{}])]), ("user", "c"))
    assert made[1][1] == [{"text": '[web_search was called with {"query":"rain"}]'}, {"text": "b"}]
    assert losses == [Lost.SERVER_TOOL_BLOCK, Lost.CITATIONS]


def test_thinking_alone_is_no_turn() -> None:
    made, losses = said(("user", "a"), ("assistant", [{"type": "thinking", "thinking": "", "signature": "x"}]))
    assert (made, losses) == ([("user", [{"text": "a"}])], [Lost.FOREIGN_THINKING])


def test_a_picture_is_refused_where_none_is_seen() -> None:
    with pytest.raises(Unsupported, match="sees no pictures"):
        said(("user", [{"type": "image", "source": {}}]), images=False)
