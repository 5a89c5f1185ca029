"""What goes back with a turn: what is kept of an item, and where it stands in the next request."""

from typing import Any

import pytest

from addon.dialects import Target
from addon.dialects.openai_responses.carried import Returned, reasoning, search, thinker
from addon.dialects.profiles import Profile
from addon.protocol import signature

type Json = dict[str, Any]

TARGET = Target("openai", "gpt-5.5", "https://api.openai.com/v1", Profile())
ONE: Json = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "gAAAA"}
OPEN: Json = {"type": "reasoning", "id": "rs_1", "summary": [], "content": [{"type": "reasoning_text", "text": "a"}]}
ACTION = {"type": "search", "query": "q"}
FOUND: Json = {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": ACTION}


def thought(*entries: Any, origin: str = "openai/gpt-5.5") -> Json:
    return {"type": "thinking", "thinking": "", "signature": signature.seal(origin, {"output": [*entries]})}


KEPT: list[tuple[Json, Json | None]] = [
    ({**ONE, "status": "completed", "content": None}, ONE),
    ({**OPEN, "summary": None, "encrypted_content": None}, OPEN),
    ({"encrypted_content": "x"}, {"type": "reasoning", "summary": [], "encrypted_content": "x"}),
    ({"id": "rs_1", "summary": [{"type": "summary_text", "text": "a"}]}, None),
    ({"id": "rs_1", "summary": None, "encrypted_content": "", "content": []}, None),
]


@pytest.mark.parametrize(("item", "kept"), KEPT)
def test_reasoning_is_kept_where_the_model_can_use_it_again(item: Json, kept: Json | None) -> None:
    assert reasoning(item) == kept


def test_a_search_is_kept_without_its_pages() -> None:
    assert search({**FOUND, "action": {**ACTION, "sources": [{"type": "url", "url": "u"}]}}) == FOUND
    assert search({**FOUND, "status": "failed"}) == {**FOUND, "status": "failed"}


@pytest.mark.parametrize("lacks", ["id", "action"])
def test_a_search_that_could_not_be_told_again_is_not_kept(lacks: str) -> None:
    assert search({name: value for name, value in FOUND.items() if name != lacks}) is None


def test_what_a_block_carries_stands_where_the_block_stands() -> None:
    block = thought({"item": ONE}, {"phase": "commentary"}, {"item": FOUND})
    returned = Returned(TARGET, [block])
    assert returned.at(0) == ([ONE, FOUND], "commentary")
    assert returned.searches


def test_what_came_late_stands_before_the_call_or_the_text_that_it_led_to() -> None:
    two = {**ONE, "id": "rs_2"}
    block = thought({"item": ONE, "before": ""}, {"item": two, "before": "call_1"})
    returned = Returned(TARGET, [{"type": "text", "text": "a"}, block])
    assert (returned.at(0), returned.at(1)) == (None, ([], ""))
    assert [returned.before(name) for name in ("", "", "call_1", "call_2")] == [[ONE], [], [two], []]
    assert not returned.searches


FOREIGN: list[Json] = [
    thought({"item": ONE}, origin="openai/gpt-5.4"),
    thought({"item": ONE}, origin="azure/gpt-5.5"),
    thought({"item": {"type": "message"}}, {"item": "x"}, {"phase": "of the moon"}, "x", {}),
    thought({"phase": "commentary", "item": "x"}, {"phase": "commentary", "before": ""}, {"item": {"type": []}}),
    {"type": "thinking", "thinking": "a", "signature": signature.seal("openai/gpt-5.5", {"output": {"item": 1}})},
    {"type": "thinking", "thinking": "a", "signature": "EqQB"},
    {"type": "text", "text": "a"},
]


@pytest.mark.parametrize("block", FOREIGN)
def test_nothing_else_goes_back(block: Json) -> None:
    returned = Returned(TARGET, [block])
    assert returned.at(0) is None
    assert not returned.searches


def test_whose_thinking_it_is() -> None:
    assert thinker(thought(origin="a/b")) == "a/b"
    assert thinker({"type": "thinking", "thinking": "a"}) == "an earlier turn"
