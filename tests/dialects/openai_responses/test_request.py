"""One request at a time: what went in, what goes out, what was lost."""

from dataclasses import replace
from typing import Any

import pytest

from addon.dialects import Target
from addon.dialects.openai_responses.request import translate
from addon.dialects.profiles import Profile, ReasoningStyle, SearchStyle
from addon.protocol import messages
from addon.protocol.errors import BadRequest

type Json = dict[str, Any]
type Told = tuple[str, str, bool]  # a loss: path, what, whether it is routine

PLAIN = Target("vllm", "qwen", "http://localhost:8000/v1", Profile(), max_output_tokens=1000)
ASKED = {"role": "user", "content": "Do it."}
EMPTY = {"type": "object", "properties": {}}
TOOL = {"name": "f", "description": "d", "input_schema": EMPTY}
FUNCTION = {"type": "function", "name": "f", "parameters": EMPTY, "strict": False, "description": "d"}
SEARCH = {"type": "web_search_20250305", "name": "web_search"}
SESSION = '{"session_id":"11111111-2222-4333-8444-555555555555"}'


def aimed(**fields: Any) -> Target:
    return replace(PLAIN, profile=Profile(**fields))


THINKS = aimed(reasoning=ReasoningStyle.EFFORT, effort_off="none")
SEARCHES = aimed(search=SearchStyle.TOOL)


def translated(target: Target = PLAIN, **fields: Any) -> tuple[Json, list[Told]]:
    """The body without what every request has, and the losses."""
    body, losses, _, _ = translate(messages.check({"model": "m", "messages": [ASKED], **fields}), target)
    assert (body.pop("model"), body.pop("store")) == ("qwen", False)
    assert body.pop("input") == [{"type": "message", "role": "user", "content": "Do it."}]
    return body, [(each.path, each.what, each.routine) for each in losses]


def bare(**fields: Any) -> Json:
    return {"max_output_tokens": 1000, **fields}


def test_a_request_without_anything_asks_for_nothing() -> None:
    assert translated() == (bare(), [])


def test_the_system_prompt_is_the_instructions() -> None:
    system = [{"type": "text", "text": text} for text in ("x-anthropic-billing-header: a", "b", "", "c")]
    assert translated(system=system) == (bare(instructions="b\n\nc"), [])


def test_sampling_and_the_stream_are_asked_for() -> None:
    body, _ = translated(temperature=0.5, top_p=0.9, stream=True)
    assert body == bare(temperature=0.5, top_p=0.9, stream=True)


def test_stop_sequences_are_ours_to_watch_for() -> None:
    assert translated(stop_sequences=["a", "b", "c", "d", "e"]) == (bare(), [])


def test_the_session_and_what_is_always_said() -> None:
    target = aimed(cache_key="prompt_cache_key", always={"service_tier": "flex", "max_output_tokens": 1})
    body, _ = translated(target, metadata={"user_id": SESSION})
    assert body == bare(service_tier="flex", prompt_cache_key="cf4c4732fd3b8f8a55b60871950a2f22")


LIMITS: list[tuple[object, int, list[Told]]] = [
    (None, 1000, []),
    (500, 500, []),
    (5000, 1000, [("max_tokens", "5000 became 1000, the model's limit", True)]),
    (1, 16, [("max_tokens", "1 became 16, the least that is taken", True)]),
]


@pytest.mark.parametrize(("wanted", "told", "lost"), LIMITS)
def test_the_limit_is_within_what_is_taken(wanted: object, told: int, lost: list[Told]) -> None:
    assert translated(max_tokens=wanted) == ({"max_output_tokens": told}, lost)


AUTO = {"summary": "auto"}
LOW = {"effort": "low", **AUTO}
THOUGHTS: list[tuple[Json, Json]] = [
    ({}, AUTO),
    ({"thinking": {"type": "adaptive"}}, AUTO),
    ({"output_config": {"effort": "max"}}, {"effort": "high", **AUTO}),
    ({"thinking": {"type": "enabled", "budget_tokens": 4000}}, LOW),
    ({"thinking": {"type": "disabled"}}, {"effort": "none"}),
    ({"messages": [{**ASKED, "output_config": {"effort": "low"}}], "output_config": {"effort": "high"}}, LOW),
]


@pytest.mark.parametrize(("asked", "told"), THOUGHTS)
def test_a_model_that_reasons_is_told_how_much_and_to_tell_it(asked: Json, told: Json) -> None:
    body, _ = translated(THINKS, **asked)
    assert body == bare(reasoning=told, include=["reasoning.encrypted_content"])


def test_a_model_that_cannot_be_told_not_to_think_thinks() -> None:
    body, lost = translated(aimed(reasoning=ReasoningStyle.EFFORT), thinking={"type": "disabled"})
    assert body["reasoning"] == AUTO
    assert lost == [("thinking.type", "vllm/qwen has no knob for it", True)]


def test_a_model_that_does_not_reason_is_told_nothing_of_it() -> None:
    assert translated(thinking={"type": "adaptive"}) == (bare(), [("thinking", "vllm/qwen has no knob for it", True)])


CHOICES: list[tuple[Json | None, Json]] = [
    (None, {}),
    ({"type": "auto"}, {"tool_choice": "auto"}),
    ({"type": "none"}, {"tool_choice": "none"}),
    ({"type": "any"}, {"tool_choice": "required"}),
    ({"type": "tool", "name": "f"}, {"tool_choice": {"type": "function", "name": "f"}}),
    ({"type": "auto", "disable_parallel_tool_use": True}, {"tool_choice": "auto", "parallel_tool_calls": False}),
]


@pytest.mark.parametrize(("choice", "told"), CHOICES)
def test_tools_are_flat_and_not_strict_and_chosen_in_every_way(choice: Json | None, told: Json) -> None:
    assert translated(tools=[TOOL], tool_choice=choice) == (bare(tools=[FUNCTION], **told), [])


def test_a_tool_without_arguments_or_words_has_an_empty_schema() -> None:
    body, _ = translated(tools=[{"name": "f", "input_schema": {}}])
    assert body["tools"] == [{"type": "function", "name": "f", "parameters": EMPTY, "strict": False}]


def test_a_choice_that_nobody_knows_is_a_loss_and_one_of_no_tool_a_fault() -> None:
    lost = [("tool_choice", 'vllm/qwen has no tool choice "some"; the model chooses', False)]
    assert translated(tools=[TOOL], tool_choice={"type": "some"}) == (bare(tools=[FUNCTION]), lost)
    assert translated(tool_choice={"type": "any"})[1] == [("tool_choice", "there is no tool to choose", False)]
    with pytest.raises(BadRequest, match="Tool 'g' not found"):
        translated(tools=[TOOL], tool_choice={"type": "tool", "name": "g"})


def test_a_target_without_the_switch_may_make_several_calls() -> None:
    body, lost = translated(
        aimed(parallel_switch=False), tools=[TOOL], tool_choice={"type": "auto", "disable_parallel_tool_use": True}
    )
    assert "parallel_tool_calls" not in body
    assert [path for path, _, _ in lost] == ["tool_choice.disable_parallel_tool_use"]


SOURCES = {"include": ["web_search_call.action.sources"]}
ONLY_SEARCH = {"type": "allowed_tools", "mode": "required", "tools": [{"type": "web_search"}]}


def test_a_search_is_a_tool_of_the_backend() -> None:
    place = {"type": "approximate", "country": "DE"}
    tool = {**SEARCH, "allowed_domains": ["A.example"], "user_location": place, "max_uses": 8}
    told = {"type": "web_search", "filters": {"allowed_domains": ["a.example"]}, "user_location": place}
    assert translated(SEARCHES, tools=[tool]) == (bare(tools=[told], max_tool_calls=8, **SOURCES), [])


def test_a_search_may_stand_beside_functions_and_be_demanded() -> None:
    choice = {"type": "tool", "name": "web_search"}
    body, lost = translated(SEARCHES, tools=[TOOL, SEARCH], tool_choice=choice)
    assert body == bare(tools=[FUNCTION, {"type": "web_search"}], tool_choice=ONLY_SEARCH, **SOURCES)
    assert lost == []


def test_blocked_domains_are_told_in_words() -> None:
    body, lost = translated(SEARCHES, tools=[{**SEARCH, "blocked_domains": ["b.example"]}])
    assert body["tools"] == [{"type": "web_search"}]
    assert body["instructions"] == "Use no page of these domains: b.example"
    assert [path for path, _, _ in lost] == ["tools.0.blocked_domains"]


def test_a_search_that_the_target_does_not_make_is_a_loss() -> None:
    assert translated(tools=[SEARCH])[1][0][:1] == ("tools.0",)


SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": False}
FORM = {"format": {"type": "json_schema", "schema": SCHEMA}}


def test_an_answer_of_a_form_is_asked_for() -> None:
    told = {"type": "json_schema", "name": "output", "schema": SCHEMA, "strict": True}
    assert translated(output_config=FORM) == (bare(text={"format": told}), [])


def test_a_form_that_is_not_promised_is_told_in_words() -> None:
    body, lost = translated(aimed(json_schema=False), output_config=FORM)
    assert body["text"] == {"format": {"type": "json_object"}}
    assert body["instructions"].startswith("Answer with one JSON object of this schema: ")
    assert [path for path, _, _ in lost] == ["output_config.format.schema"]
    assert "text" not in translated(aimed(json_schema=False, json_object=False), output_config=FORM)[0]


def test_a_field_that_nobody_knows_is_a_loss() -> None:
    assert translated(novelty=1)[1] == [("novelty", "vllm/qwen knows no such field", False)]
