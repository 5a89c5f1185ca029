"""Turns, one by one, as input items: what stands in a conversation, what the backend is told, what is lost."""

from dataclasses import replace
from typing import Any

import pytest

from addon.dialects import Target
from addon.dialects.openai_responses.items import Conversation
from addon.dialects.profiles import Profile, SystemTurns
from addon.protocol import signature
from addon.protocol.errors import BadRequest, Unsupported

type Json = dict[str, Any]
type Lost = list[tuple[str, str]]

TARGET = Target("openai", "gpt-5.5", "https://api.openai.com/v1", Profile(documents=True, system_role="developer"))
HI: Json = {"role": "user", "content": "Hi."}
RS: Json = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "gAAAA"}
IMAGE: Json = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBO"}}
IMAGE_PART: Json = {"type": "input_image", "image_url": "data:image/png;base64,iVBO", "detail": "auto"}


def said(*turns: Json, target: Target = TARGET) -> tuple[list[Json], Lost]:
    conversation = Conversation(target, lambda name: name.replace(".", "_"))
    for index, turn in enumerate(turns):
        conversation.add(index, turn)
    items = conversation.close(len(turns) - 1)
    return items, [(each.path, each.what) for each in conversation.losses]


def user(content: Any) -> Json:
    return {"type": "message", "role": "user", "content": content}


def assistant(content: str, **more: Any) -> Json:
    return {"type": "message", "role": "assistant", "content": content, **more}


def model(*blocks: Json) -> Json:
    return {"role": "assistant", "content": [*blocks]}


def words(text: str) -> Json:
    return {"type": "text", "text": text}


def use(call_id: str = "call_1") -> Json:
    return {"type": "tool_use", "id": call_id, "name": "a.b", "input": {"c": 1}}


def result(content: Any, call_id: str = "call_1", **more: Any) -> Json:
    return {"type": "tool_result", "tool_use_id": call_id, "content": content, **more}


def call(call_id: str = "call_1") -> Json:
    return {"type": "function_call", "call_id": call_id, "name": "a_b", "arguments": '{"c":1}'}


def output(told: Any, call_id: str = "call_1") -> Json:
    return {"type": "function_call_output", "call_id": call_id, "output": told}


def thought(*entries: Json, origin: str = "openai/gpt-5.5") -> Json:
    return {"type": "thinking", "thinking": "", "signature": signature.seal(origin, {"output": [*entries]})}


def test_texts_and_pictures_of_the_user_are_one_message() -> None:
    assert said({"role": "user", "content": [words("a"), words(""), words("b")]}) == ([user("a\n\nb")], [])
    parts = [{"type": "input_text", "text": "a"}, IMAGE_PART]
    assert said({"role": "user", "content": [words("a"), IMAGE]}) == ([user(parts)], [])


RESULTS: list[tuple[Json, Any]] = [
    (result("a"), "a"),
    (result(""), "[no output]"),
    (result(None), "[no output]"),
    (result([words("a"), words("b")]), "a\n\nb"),
    (result("a", is_error=True), "[tool error]\na"),
    (result([words("a"), IMAGE]), [{"type": "input_text", "text": "a"}, IMAGE_PART]),
    (result([IMAGE], is_error=True), [{"type": "input_text", "text": "[tool error]"}, IMAGE_PART]),
    (result([], is_error=True), "[tool error]\n[no output]"),
]


@pytest.mark.parametrize(("block", "told"), RESULTS)
def test_a_result_holds_all_that_the_tool_gave(block: Json, told: Any) -> None:
    assert said(HI, model(use()), {"role": "user", "content": [block]}) == ([user("Hi."), call(), output(told)], [])


def test_results_stand_before_the_words_of_their_turn() -> None:
    turn = {"role": "user", "content": [words("And?"), result("a")]}
    assert said(HI, model(use()), turn)[0][-2:] == [output("a"), user("And?")]


@pytest.mark.parametrize("after", [[HI], [model(words("b")), HI], []])
def test_a_call_without_a_result_gets_one(after: list[Json]) -> None:
    items, lost = said(HI, model(use()), *after)
    assert items[:3] == [user("Hi."), call(), output("[no result: the call was interrupted]")]
    assert [what for _, what in lost] == ["the call call_1 has no result; said so to the model"]


def test_a_result_without_a_call_becomes_text() -> None:
    items, lost = said({"role": "user", "content": [result("a"), words("b")]})
    assert items == [user("a\n\nb")]
    assert [path for path, _ in lost] == ["messages.0.content.0"]


def test_a_turn_of_the_model_keeps_its_order() -> None:
    blocks = (words("a"), use("call_1"), words("b"), use("call_2"))
    answers = {"role": "user", "content": [result("1"), result("2", "call_2")]}
    items, _ = said(HI, model(*blocks), answers)
    assert items[1:5] == [assistant("a"), call("call_1"), assistant("b"), call("call_2")]


def test_reasoning_and_phases_go_back_where_they_were() -> None:
    turn = model(thought({"item": RS}, {"phase": "commentary"}), words("a"), words("b"), use())
    items, lost = said(HI, turn, {"role": "user", "content": [result("1")]})
    assert items[1:5] == [RS, assistant("a", phase="commentary"), assistant("b"), call()]
    assert lost == []


def test_an_empty_text_is_left_out_and_takes_no_phase() -> None:
    items, _ = said(HI, model(thought({"phase": "commentary"}), words(""), words("a")), HI)
    assert items[1] == assistant("a", phase="commentary")


def test_reasoning_that_led_to_nothing_is_left_out() -> None:
    assert said(HI, model(thought({"item": RS})), HI)[0] == [user("Hi."), user("Hi.")]


def test_late_reasoning_goes_before_what_it_led_to() -> None:
    two = {**RS, "id": "rs_2"}
    late = thought({"item": RS, "before": ""}, {"item": two, "before": "call_1"})
    items, _ = said(HI, model(words("a"), use(), late), {"role": "user", "content": [result("1")]})
    assert items[1:5] == [RS, assistant("a"), two, call()]


THOUGHTS: list[tuple[Json, str]] = [
    (thought({"item": RS}, origin="openai/gpt-5.4"), "thinking of openai/gpt-5.4 left out"),
    (thought(), "thinking of openai/gpt-5.5 left out"),
    ({"type": "thinking", "thinking": "a", "signature": "EqQB"}, "thinking of an earlier turn left out"),
    ({"type": "redacted_thinking", "data": "x"}, "Anthropic's encrypted thinking left out"),
]


@pytest.mark.parametrize(("block", "what"), THOUGHTS)
def test_thinking_that_cannot_go_back_is_a_loss(block: Json, what: str) -> None:
    items, lost = said(HI, model(block, words("a")), HI)
    assert items[1] == assistant("a")
    assert lost == [("messages.1.content.0", what)]


SEARCHED = {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {"query": "q"}}
FOUND = {"type": "web_search_tool_result", "tool_use_id": "s", "content": []}
WS = {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {"type": "search", "query": "q"}}


def test_a_search_goes_back_as_it_was_and_that_of_another_in_words() -> None:
    cited = {**words("a"), "citations": [{"type": "web_search_result_location"}]}
    items, lost = said(HI, model(SEARCHED, FOUND, thought({"item": WS}), cited), HI)
    assert items[1:3] == [WS, assistant("a")]
    assert lost == [("messages.1.content.3", "the pages that a text of an earlier turn cites")]
    items, lost = said(HI, model(SEARCHED, FOUND, {**words("a"), "citations": []}), HI)
    assert [item["content"] for item in items[1:4]] == [
        '[web_search was called with {"query":"q"}]',
        "[found by web_search]\nnothing",
        "a",
    ]
    assert len(lost) == 2


def test_a_block_that_nobody_knows_is_refused() -> None:
    with pytest.raises(Unsupported, match=r"messages\.1\.content\.0: openai/gpt-5\.5 cannot be given: hologram"):
        said(HI, model({"type": "hologram"}))


SYSTEM = {"role": "system", "content": [words("Be short."), words("")]}
FIRST_ONLY = replace(TARGET, profile=Profile(system_turns=SystemTurns.FIRST_ONLY))
REMINDER = "<system-reminder>\nBe short.\n</system-reminder>"


def test_a_system_turn_has_a_role_of_its_own() -> None:
    told = {"type": "message", "role": "developer", "content": "Be short."}
    assert said(HI, SYSTEM)[0] == [user("Hi."), told]
    assert said(HI, model(use()), SYSTEM)[0][2:] == [output("[no result: the call was interrupted]"), told]
    assert said(HI, {"role": "system", "content": ""})[0] == [user("Hi.")]


def test_a_system_turn_joins_the_user_where_it_may_stand_first_only() -> None:
    assert said(HI, SYSTEM, target=FIRST_ONLY)[0] == [user(f"Hi.\n\n{REMINDER}")]
    assert said(HI, SYSTEM, SYSTEM, target=FIRST_ONLY)[0] == [user(f"Hi.\n\n{REMINDER}\n\n{REMINDER}")]
    assert said(SYSTEM, target=FIRST_ONLY)[0] == [user(REMINDER)]
    assert said(HI, model(words("a")), SYSTEM, target=FIRST_ONLY)[0][-1] == user(REMINDER)
    seen = {"role": "user", "content": [IMAGE]}
    assert said(seen, SYSTEM, target=FIRST_ONLY)[0] == [user([IMAGE_PART, {"type": "input_text", "text": REMINDER}])]


def test_a_picture_in_a_system_turn_is_refused() -> None:
    with pytest.raises(Unsupported, match="image in a system turn"):
        said(HI, {"role": "system", "content": [IMAGE]})


def test_a_prefill_is_a_loss() -> None:
    assert said(HI, model(words("{")))[1] == [
        ("messages.1", "the model answers these words; it does not continue them")
    ]


def test_a_conversation_without_a_word_is_refused() -> None:
    with pytest.raises(BadRequest, match="at least one message must have non-empty content"):
        said({"role": "user", "content": ""})
