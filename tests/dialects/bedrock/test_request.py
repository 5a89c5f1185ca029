"""Requests of Converse: fields, tools, limits and knobs; what is sent is what botocore would send."""

import json
from dataclasses import replace
from typing import Any

import pytest

from addon.dialects import Target
from addon.dialects.bedrock.request import Said, translate
from addon.dialects.losses import Lost
from addon.protocol import messages
from addon.protocol.errors import BadRequest, Unsupported
from tests.end_to_end.bedrock_strictness import violations
from tests.stories import Story, every_story, target

NOVA = target("bedrock", "us.amazon.nova-pro-v1:0")
BASH = {"name": "Bash", "description": "Run.", "input_schema": {"type": "object", "properties": {"command": {}}}}
READ = {"name": "Read", "description": " ", "input_schema": {}}
CALLED = [
    {"role": "user", "content": "a"},
    {"role": "assistant", "content": [{"type": "tool_use", "id": "1", "name": "Bash", "input": {}}]},
    {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "1", "content": "b"}]},
]
STORIES = every_story("bedrock_converse")


def said(there: Target = NOVA, **fields: Any) -> Said:
    body = {"model": "m", "messages": [{"role": "user", "content": "a"}], "max_tokens": 100, **fields}
    return translate(messages.check(body), there)


def lost(made: Said) -> list[Lost]:
    return [loss.sort for loss in made.losses]


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.name)
def test_what_a_story_sends_is_what_botocore_would_send(story: Story) -> None:
    wire = story.encode().wire
    path = wire.url.removeprefix(story.target.base_url)
    headers = {**dict(wire.headers), "authorization": "Bearer key"}
    assert violations(headers, path, json.loads(wire.body), key="key") == []


def test_a_tool_is_its_name_its_words_and_its_schema() -> None:
    config = said(tools=[BASH, READ]).body["toolConfig"]
    assert config == {
        "tools": [
            {
                "toolSpec": {
                    "name": "Bash",
                    "description": "Run.",
                    "inputSchema": {"json": {"type": "object", "properties": {"command": {}}}},
                }
            },
            {"toolSpec": {"name": "Read", "inputSchema": {"json": {"type": "object", "properties": {}}}}},
        ]
    }


CHOICES: list[tuple[Any, ...]] = [
    ({"type": "auto"}, {}, {"auto": {}}, ["Bash", "Read"], []),
    ({"type": "any"}, {}, {"any": {}}, ["Bash", "Read"], []),
    ({"type": "any"}, {"required_choice": None}, None, ["Bash", "Read"], [Lost.TOOL_CHOICE]),
    ({"type": "tool", "name": "Read"}, {}, {"tool": {"name": "Read"}}, ["Bash", "Read"], []),
    ({"type": "tool", "name": "Read"}, {"named_choice": False}, {"any": {}}, ["Read"], []),
    (
        {"type": "tool", "name": "Read"},
        {"named_choice": False, "required_choice": None},
        None,
        ["Bash", "Read"],
        [Lost.TOOL_CHOICE],
    ),
    ({"type": "auto", "disable_parallel_tool_use": True}, {}, {"auto": {}}, ["Bash", "Read"], [Lost.PARALLEL_SWITCH]),
    ({"type": "none"}, {}, None, [], []),
]


@pytest.mark.parametrize(("choice", "profile", "told", "names", "losses"), CHOICES)
def test_a_choice_is_said_in_the_forms_that_the_model_takes(
    choice: Any, profile: Any, told: Any, names: list[str], losses: list[Lost]
) -> None:
    made = said(replace(NOVA, profile=replace(NOVA.profile, **profile)), tools=[BASH, READ], tool_choice=choice)
    config = made.body.get("toolConfig", {"tools": []})
    assert [tool["toolSpec"]["name"] for tool in config["tools"]] == names
    assert (config.get("toolChoice"), lost(made)) == (told, losses)


def test_tools_that_may_not_be_called_stay_where_the_conversation_has_calls() -> None:
    made = said(messages=CALLED, tools=[BASH], tool_choice={"type": "none"})
    assert [tool["toolSpec"]["name"] for tool in made.body["toolConfig"]["tools"]] == ["Bash"]
    assert lost(made) == [Lost.TOOL_CHOICE]


def test_a_tool_of_an_earlier_turn_is_told_as_one_that_cannot_be_called() -> None:
    [tool] = said(messages=CALLED).body["toolConfig"]["tools"]
    assert tool["toolSpec"]["description"] == "A tool of an earlier turn. It cannot be called now."


def test_a_choice_among_no_tools_is_lost() -> None:
    made = said(tool_choice={"type": "any"})
    assert ("toolConfig" in made.body, lost(made)) == (False, [Lost.TOOL_CHOICE_EMPTY])


def test_a_choice_of_a_tool_that_is_not_offered_is_refused() -> None:
    with pytest.raises(BadRequest, match="Tool 'Write' not found"):
        said(tools=[BASH], tool_choice={"type": "tool", "name": "Write"})


def test_a_choice_of_a_tool_of_anthropics_is_refused() -> None:
    search = {"type": "web_search_20250305", "name": "web_search"}
    with pytest.raises(Unsupported):
        said(tools=[search, BASH], tool_choice={"type": "tool", "name": "web_search"})


def test_limits_and_sampling_have_their_own_names() -> None:
    made = said(temperature=0.2, top_p=0.9, stop_sequences=["a", "", "b"])
    assert made.body["inferenceConfig"] == {
        "maxTokens": 100,
        "temperature": 0.2,
        "topP": 0.9,
        "stopSequences": ["a", "b"],
    }


KNOBS = [
    ("openai.gpt-oss-120b-1:0", {"effort": "low"}, {"reasoning_effort": "low"}),
    ("us.openai.gpt-6-sol", {"effort": "max"}, {"reasoning": {"effort": "max"}}),
    (
        "us.amazon.nova-2-lite-v1:0",
        {"effort": "medium"},
        {"reasoningConfig": {"type": "enabled", "maxReasoningEffort": "medium"}},
    ),
    ("deepseek.v3.2", {"effort": "high"}, {"reasoning_effort": "high"}),
    (
        "converse/us.anthropic.claude-opus-5",
        {"effort": "xhigh"},
        {"thinking": {"type": "adaptive"}, "output_config": {"effort": "xhigh"}},
    ),
    ("us.amazon.nova-pro-v1:0", {"effort": "high"}, None),
    ("us.deepseek.r1-v1:0", {"effort": "high"}, None),
]


@pytest.mark.parametrize(("model", "config", "fields"), KNOBS)
def test_the_wish_for_thought_goes_where_the_model_takes_it(model: str, config: Any, fields: Any) -> None:
    made = said(target("bedrock", model), thinking={"type": "adaptive"}, output_config=config)
    assert made.body.get("additionalModelRequestFields") == fields
    assert (lost(made) == [Lost.THINKING_KNOB]) == (fields is None)


def test_fields_of_the_model_that_every_request_needs_stand_beside() -> None:
    there = replace(NOVA, profile=replace(NOVA.profile, always={"inferenceConfig": {"topK": 5}}))
    assert said(there).body["additionalModelRequestFields"] == {"inferenceConfig": {"topK": 5}}


def test_a_field_that_nobody_named_is_lost() -> None:
    assert lost(said(metadata={"user_id": "u"}, weather=1)) == [Lost.ANTHROPICS_OWN, Lost.UNKNOWN_FIELD]


def test_names_that_were_shortened_are_told() -> None:
    made = said(tools=[{**BASH, "name": "mcp__" + "x" * 80}])
    [(short, name)] = made.names.shortened.items()
    assert (len(short), name) == (64, "mcp__" + "x" * 80)
