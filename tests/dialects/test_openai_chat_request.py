"""A request, field by field: what went in, what goes out, and what was lost on the way."""

from dataclasses import replace
from typing import Any

import pytest

from addon.dialects import Target
from addon.dialects.openai_chat_request import ToolNames, is_strict, translate
from addon.dialects.profiles import Profile, ReasoningStyle
from addon.protocol import messages
from addon.protocol.errors import BadRequest, Unsupported

type Json = dict[str, Any]
type Told = tuple[str, str, bool]  # a loss: path, what, whether it is routine

PLAIN = Target("vllm", "qwen", "http://localhost:8000/v1", Profile(), max_output_tokens=1000)
ASKED = {"role": "user", "content": "Do it."}


def aimed(**fields: Any) -> Target:
    return replace(PLAIN, profile=Profile(**fields))


def translated(target: Target = PLAIN, **fields: Any) -> tuple[Json, list[Told], dict[str, str]]:
    """The body without what every request has, the losses, the shortened names."""
    body, losses, names = translate(messages.check({"model": "m", "messages": [ASKED], **fields}), target)
    assert body.pop("model") == "qwen"
    return body, [(each.path, each.what, each.routine) for each in losses], names


def bare(**fields: Any) -> Json:
    """The body of a request without anything, and what `fields` add or change."""
    return {"messages": [ASKED], "max_tokens": 1000, **fields}


def lost(path: str, what: str) -> list[Told]:
    return [(path, what, False)]


def routine(path: str, what: str) -> list[Told]:
    return [(path, what, True)]


def test_a_request_without_anything() -> None:
    assert translated() == (bare(), [], {})


def test_the_system_prompt_comes_first() -> None:
    prompt = [{"type": "text", "text": "x-anthropic-billing-header: a"}, {"type": "text", "text": "You help."}]
    body, losses, _ = translated(system=prompt)
    assert (body["messages"], losses) == ([{"role": "system", "content": "You help."}, ASKED], [])


STREAM = {"stream": True, "stream_options": {"include_usage": True}}


@pytest.mark.parametrize(
    ("asked", "target", "expected"),
    [
        (True, PLAIN, STREAM),
        (False, PLAIN, {}),
        (None, PLAIN, {}),
        (True, aimed(stream_usage=False), {"stream": True}),
    ],
)
def test_a_stream_is_asked_for_with_its_usage(asked: bool | None, target: Target, expected: Json) -> None:
    assert translated(target, stream=asked) == (bare(**expected), [], {})


UNLIMITED = replace(PLAIN, max_output_tokens=None)
TRIAL_CLAMPED = "1024 became 1000, the model's limit"
CLAMPED = "128000 became 1000, the model's limit"
CLAMPED_UNKNOWN = "128000 became 8192, the default where a model's limit is unknown"


@pytest.mark.parametrize(
    ("target", "asked", "expected", "losses"),
    [
        (PLAIN, 10, {"max_tokens": 10}, []),
        (PLAIN, 1, {"max_tokens": 1}, []),
        (PLAIN, 1000, {"max_tokens": 1000}, []),
        (PLAIN, 128_000, {"max_tokens": 1000}, routine("max_tokens", CLAMPED)),
        (UNLIMITED, 128_000, {"max_tokens": 8192}, routine("max_tokens", CLAMPED_UNKNOWN)),
        (UNLIMITED, None, {"max_tokens": 8192}, []),
        (PLAIN, 0, {"max_tokens": 1000}, []),
        (PLAIN, -1, {"max_tokens": 1000}, []),
        (PLAIN, "many", {"max_tokens": 1000}, []),
        (PLAIN, True, {"max_tokens": 1000}, []),
        (aimed(max_tokens_field="max_completion_tokens"), 10, {"max_completion_tokens": 10}, []),
        (
            aimed(reasoning=ReasoningStyle.EFFORT),  # the client's trial of a model that was chosen by name
            1,
            {"max_tokens": 1000},
            [*routine("max_tokens", "1 became 1024: a model thinks first"), *routine("max_tokens", TRIAL_CLAMPED)],
        ),
    ],
)
def test_the_reply_is_limited_to_what_the_model_can(
    target: Target, asked: Any, expected: Json, losses: list[Told]
) -> None:
    assert translated(target, max_tokens=asked) == ({"messages": [ASKED], **expected}, losses, {})


@pytest.mark.parametrize(
    ("limit", "asked", "expected", "losses"),
    [
        (4, ["a"], {"stop": ["a"]}, []),
        (1, ["a"], {"stop": ["a"]}, []),
        (4, [], {}, []),
        (4, None, {}, []),
        (2, ["a", "b", "c"], {"stop": ["a", "b"]}, lost("stop_sequences", "vllm/qwen takes 2 of the 3")),
        (0, ["a"], {}, lost("stop_sequences", "vllm/qwen takes 0 of the 1")),
    ],
)
def test_stop_sequences_up_to_what_the_target_takes(limit: int, asked: Any, expected: Json, losses: list[Told]) -> None:
    assert translated(aimed(stop_limit=limit), stop_sequences=asked) == (bare(**expected), losses, {})


def test_sampling_where_the_target_takes_it() -> None:
    assert translated(temperature=0, top_p=0.5) == (bare(temperature=0, top_p=0.5), [], {})
    dropped = [*lost("temperature", "vllm/qwen takes no temperature"), *lost("top_p", "vllm/qwen takes no top_p")]
    assert translated(aimed(sampling=False), temperature=0, top_p=0.5) == (bare(), dropped, {})


def test_fields_with_a_meaning_for_anthropic_only_stay_behind() -> None:
    body, losses, _ = translated(
        metadata={"user_id": "{}"}, context_management={}, diagnostics={}, speed="fast", service_tier="a"
    )
    assert body == bare()
    assert [path for path, _, _ in losses] == [
        "metadata", "context_management", "diagnostics", "speed", "service_tier",
    ]  # fmt: skip
    assert all(is_routine for _, _, is_routine in losses)


def test_checks_that_nobody_makes_are_missed_aloud() -> None:
    body, [(path, what, is_routine)], _ = translated(safeguards=[{"type": "dangerous_tool_use"}])
    assert body == bare()
    assert (path, is_routine) == ("safeguards", False)
    assert "nobody else checks" in what


def test_a_field_that_nobody_knows_is_reported() -> None:
    assert translated(top_k=5) == (bare(), lost("top_k", "vllm/qwen knows no such field"), {})


# -- tools

BASH = {"name": "Bash", "description": "Runs.", "input_schema": {"type": "object", "properties": {"a": {}}}}


def function(name: str = "Bash", parameters: Any = None, **more: Any) -> Json:
    schema = {"type": "object", "properties": {"a": {}}} if parameters is None else parameters
    return {"type": "function", "function": {"name": name, "parameters": schema, **more}}


OBJECT = {"type": "object", "properties": {}}
TOOLS: dict[str, tuple[Json, Json]] = {
    "as they come": (BASH, function(description="Runs.")),
    "marks and hints are left out": (
        {**BASH, "cache_control": {}, "defer_loading": True, "eager_input_streaming": True, "input_examples": []},
        function(description="Runs."),
    ),
    "no description": ({"name": "Bash", "input_schema": OBJECT, "description": ""}, function(parameters=OBJECT)),
    "no schema": ({"name": "Bash"}, function(parameters=OBJECT)),
    "the dialect's name is left out": (
        {"name": "Bash", "input_schema": {"$schema": "https://json-schema.org/draft/2020-12/schema", **OBJECT}},
        function(parameters=OBJECT),
    ),
    "a schema without properties": ({"name": "Bash", "input_schema": {"type": "object"}}, function(parameters=OBJECT)),
    "a schema that may be null": (
        {"name": "Bash", "input_schema": {"type": ["object", "null"], "required": []}},
        function(parameters={**OBJECT, "required": []}),
    ),
    "a type that is said": ({**BASH, "type": "custom"}, function(description="Runs.")),
    "a type that is null": ({**BASH, "type": None}, function(description="Runs.")),
}


@pytest.mark.parametrize(("tool", "expected"), TOOLS.values(), ids=TOOLS)
def test_a_tool_becomes_a_function(tool: Json, expected: Json) -> None:
    assert translated(tools=[tool]) == (bare(tools=[expected]), [], {})


@pytest.mark.parametrize("tools", [[], None, [{"name": "DeferredToolPlaceholder", "defer_loading": True}]])
def test_no_tool_is_no_field(tools: Any) -> None:
    assert translated(tools=tools) == (bare(), [], {})


def test_a_tools_field_without_a_counterpart_is_reported() -> None:
    _, losses, _ = translated(tools=[BASH, {**BASH, "name": "Read", "strict": True}])
    assert losses == lost("tools.1.strict", "a tool's field without a counterpart")


def test_a_tool_of_anthropics_servers_is_refused() -> None:
    with pytest.raises(Unsupported) as caught:
        translated(tools=[BASH, {"type": "web_search_20250305", "name": "web_search", "max_uses": 8}])
    assert caught.value.path == "tools.1"
    assert 'the tool "web_search_20250305" is known to Claude models alone' in caught.value.message


A: Json = {"properties": {"a": {"type": "string"}}, "required": ["a"]}
B: Json = {"properties": {"b": {"type": "string"}}, "required": ["b"]}
ALTERNATIVES: dict[str, tuple[Json, Json, str]] = {
    "anyOf": (
        {"type": "object", "properties": {"c": {}}, "required": ["c"], "anyOf": [A, B]},
        {"type": "object", "properties": {**B["properties"], **A["properties"], "c": {}}, "required": ["c"]},
        "anyOf",
    ),
    "oneOf without a type": (
        {"oneOf": [A, {"$ref": "#/$defs/x"}, True]},
        {"properties": A["properties"], "type": "object"},
        "oneOf",
    ),
    "allOf requires": (
        {"type": "object", "allOf": [A, {**B, "required": ["b", "a"]}, {"properties": 5, "required": 5}]},
        {"type": "object", "properties": {**B["properties"], **A["properties"]}, "required": ["a", "b"]},
        "allOf",
    ),
    "the schema's own property wins": (
        {"type": "object", "properties": {"a": {"type": "integer"}}, "anyOf": [A]},
        {"type": "object", "properties": {"a": {"type": "integer"}}},
        "anyOf",
    ),
    "not and enum": ({**OBJECT, "not": {}, "enum": [{}]}, OBJECT, "not, enum"),
    "no list": ({**OBJECT, "anyOf": 5}, OBJECT, "anyOf"),
}


@pytest.mark.parametrize(("schema", "expected", "told"), ALTERNATIVES.values(), ids=ALTERNATIVES)
def test_alternatives_at_the_top_of_a_schema_become_properties(schema: Json, expected: Json, told: str) -> None:
    losses = lost("tools.0.input_schema", f"{told} at its top became plain properties")
    tools = [{"name": "Bash", "input_schema": schema}]
    assert translated(tools=tools) == (bare(tools=[function(parameters=expected)]), losses, {})


def test_alternatives_deeper_in_a_schema_stay() -> None:
    schema = {"type": "object", "properties": {"anyOf": {"anyOf": [A, B]}}}
    body, losses, _ = translated(tools=[{"name": "Bash", "input_schema": schema}])
    assert (body["tools"], losses) == ([function(parameters=schema)], [])


def test_names_are_shortened_in_one_way_everywhere() -> None:
    long = "mcp__server__" + "x" * 60
    turns = [
        ASKED,
        {"role": "assistant", "content": [{"type": "tool_use", "id": "c", "name": long, "input": {}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "c", "content": "a"}]},
    ]
    body, _, names = translated(messages=turns, tools=[{"name": long}], tool_choice={"type": "tool", "name": long})
    (short,) = names
    assert names == {short: long}
    assert len(short) == 64
    assert body["messages"][1]["tool_calls"][0]["function"]["name"] == short
    assert body["tools"][0]["function"]["name"] == short
    assert body["tool_choice"]["function"]["name"] == short


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Bash", "Bash"),
        ("a-b_C9", "a-b_C9"),
        ("x" * 64, "x" * 64),
        ("x" * 65, "x" * 55 + "_9537c5fd"),
        ("a.b", "a_b_2e7336dc"),
        ("\u00f6", "__6dbd11fd"),
        ("", "_e3b0c442"),
    ],
)
def test_a_name_that_openai_does_not_allow_gets_another(name: str, expected: str) -> None:
    names = ToolNames()
    assert (names.wire(name), names.wire(name)) == (expected, expected)
    assert names.shortened == ({} if name == expected else {expected: name})


NAMED = {"type": "function", "function": {"name": "Bash"}}
NO_CHOICE = 'vllm/qwen has no tool choice "{}"; the model chooses'
CHOICES: dict[str, tuple[Json, Json, Json, list[Told]]] = {
    "none said": ({}, {}, {}, []),
    "auto": ({}, {"type": "auto"}, {"tool_choice": "auto"}, []),
    "none": ({}, {"type": "none"}, {"tool_choice": "none"}, []),
    "any": ({}, {"type": "any"}, {"tool_choice": "required"}, []),
    "any in another word": ({"required_choice": "any"}, {"type": "any"}, {"tool_choice": "any"}, []),
    "any, refused": ({"required_choice": None}, {"type": "any"}, {}, lost("tool_choice", NO_CHOICE.format("any"))),
    "one": ({}, {"type": "tool", "name": "Bash"}, {"tool_choice": NAMED}, []),
    "one, refused": (
        {"named_choice": False},
        {"type": "tool", "name": "Bash"},
        {},
        lost("tool_choice", NO_CHOICE.format("tool")),
    ),
    "of tomorrow": ({}, {"type": "some"}, {}, lost("tool_choice", NO_CHOICE.format("some"))),
    "one at a time": ({}, {"disable_parallel_tool_use": True}, {"parallel_tool_calls": False}, []),
    "several at a time": ({}, {"type": "auto", "disable_parallel_tool_use": False}, {"tool_choice": "auto"}, []),
    "one at a time, refused": (
        {"parallel_switch": False},
        {"disable_parallel_tool_use": True},
        {},
        lost("tool_choice.disable_parallel_tool_use", "vllm/qwen has no such switch"),
    ),
}


@pytest.mark.parametrize(("profile", "choice", "expected", "losses"), CHOICES.values(), ids=CHOICES)
def test_the_choice_of_a_tool(profile: Json, choice: Json, expected: Json, losses: list[Told]) -> None:
    tools = [function(description="Runs.")]
    assert translated(aimed(**profile), tools=[BASH], tool_choice=choice) == (bare(tools=tools, **expected), losses, {})


def test_a_choice_without_tools_is_reported() -> None:
    assert translated(tool_choice={"type": "any"}) == (bare(), lost("tool_choice", "there is no tool to choose"), {})


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        ({"type": "tool"}, "tool_choice.tool.name: Field required"),
        ({"type": "tool", "name": "Read"}, "tool_choice: Tool 'Read' not found in provided tools"),
    ],
)
def test_a_choice_of_no_tool_is_refused(choice: Json, message: str) -> None:
    with pytest.raises(BadRequest) as caught:
        translated(tools=[BASH], tool_choice=choice)
    assert caught.value.message == message


# -- thinking

EFFORT: Json = {"reasoning": ReasoningStyle.EFFORT, "efforts": ("low", "medium", "high"), "effort_off": "none"}
ADAPTIVE = {"thinking": {"type": "adaptive", "display": "updates"}}
DISABLED = {"thinking": {"type": "disabled"}}


def effort(word: str) -> Json:
    return {"output_config": {"effort": word}}


def budget(tokens: Any) -> Json:
    return {"thinking": {"type": "enabled", "budget_tokens": tokens}}


def told_budget(tokens: int, word: str) -> list[Told]:
    return routine("thinking.budget_tokens", f'{tokens} became the effort "{word}"')


TOGGLED: Json = {"thinking": {"type": "enabled"}}
UNKNOWN_EFFORT = lost("output_config.effort", 'the effort "utmost" is unknown; the model chooses')
THINKING: dict[str, tuple[Json, Json, Json, list[Told]]] = {
    "nothing said": (EFFORT, {}, {}, []),
    "an effort": (EFFORT, effort("low"), {"reasoning_effort": "low"}, []),
    "an effort beyond the highest": (EFFORT, effort("max"), {"reasoning_effort": "high"}, []),
    "an effort between two": ({**EFFORT, "efforts": ("low", "max")}, effort("high"), {"reasoning_effort": "low"}, []),
    "an effort below the lowest": ({**EFFORT, "efforts": ("high",)}, effort("low"), {"reasoning_effort": "high"}, []),
    "an effort of tomorrow": (EFFORT, effort("utmost"), {}, UNKNOWN_EFFORT),
    "adaptive thinking and an effort": (EFFORT, {**ADAPTIVE, **effort("high")}, {"reasoning_effort": "high"}, []),
    "adaptive thinking alone": (EFFORT, ADAPTIVE, {}, []),
    "a small budget": (EFFORT, budget(4096), {"reasoning_effort": "low"}, told_budget(4096, "low")),
    "a middling budget": (EFFORT, budget(4097), {"reasoning_effort": "medium"}, told_budget(4097, "medium")),
    "the largest middling budget": (
        EFFORT,
        budget(16_384),
        {"reasoning_effort": "medium"},
        told_budget(16_384, "medium"),
    ),
    "the client's budget": (EFFORT, budget(31_999), {"reasoning_effort": "high"}, told_budget(31_999, "high")),
    "a budget beyond all": (EFFORT, budget(2**63), {"reasoning_effort": "high"}, told_budget(2**63, "high")),
    "a budget that is none": (EFFORT, budget("much"), {}, []),
    "an effort beats a budget": (EFFORT, {**budget(1), **effort("high")}, {"reasoning_effort": "high"}, []),
    "disabled": (EFFORT, DISABLED, {"reasoning_effort": "none"}, []),
    "disabled beats an effort": (EFFORT, {**DISABLED, **effort("high")}, {"reasoning_effort": "none"}, []),
    "disabled where it cannot be": ({**EFFORT, "effort_off": None}, DISABLED, {}, []),
    "no knob": ({}, {**ADAPTIVE, **effort("high")}, {}, routine("thinking", "vllm/qwen has no knob for it")),
    "no knob for an effort": ({}, effort("high"), {}, routine("output_config.effort", "vllm/qwen has no knob for it")),
    "no knob, and none needed": ({}, DISABLED, {}, []),
    "openrouter": ({"reasoning": ReasoningStyle.OPENROUTER}, effort("low"), {"reasoning": {"effort": "low"}}, []),
    "openrouter, adaptive": (
        {"reasoning": ReasoningStyle.OPENROUTER},
        ADAPTIVE,
        {"reasoning": {"effort": "medium"}},
        [],
    ),
    "openrouter, off": ({"reasoning": ReasoningStyle.OPENROUTER}, DISABLED, {"reasoning": {"enabled": False}}, []),
    "toggle": ({"reasoning": ReasoningStyle.TOGGLE}, effort("low"), TOGGLED, []),
    "toggle, off": ({"reasoning": ReasoningStyle.TOGGLE}, DISABLED, DISABLED, []),
    "toggle and effort": (
        {"reasoning": ReasoningStyle.TOGGLE_AND_EFFORT},
        effort("low"),
        {**TOGGLED, "reasoning_effort": "low"},
        [],
    ),
    "toggle and no effort": ({"reasoning": ReasoningStyle.TOGGLE_AND_EFFORT}, ADAPTIVE, TOGGLED, []),
    "toggle and effort, off": ({"reasoning": ReasoningStyle.TOGGLE_AND_EFFORT}, DISABLED, DISABLED, []),
    "enable": ({"reasoning": ReasoningStyle.ENABLE_THINKING}, ADAPTIVE, {"enable_thinking": True}, []),
    "enable, off": ({"reasoning": ReasoningStyle.ENABLE_THINKING}, DISABLED, {"enable_thinking": False}, []),
    "template": (
        {"reasoning": ReasoningStyle.TEMPLATE},
        ADAPTIVE,
        {"chat_template_kwargs": {"enable_thinking": True}},
        [],
    ),
}


@pytest.mark.parametrize(("profile", "asked", "expected", "losses"), THINKING.values(), ids=THINKING)
def test_the_wish_for_thinking(profile: Json, asked: Json, expected: Json, losses: list[Told]) -> None:
    assert translated(aimed(**profile), **asked) == (bare(**expected), losses, {})


def test_the_newest_turns_effort_wins() -> None:
    turns = [
        ASKED,
        {"role": "system", "content": [], "output_config": {"effort": "low"}},
        {"role": "assistant", "content": "A."},
        ASKED,
        {"role": "system", "content": [], "output_config": {"effort": "high"}},
        {"role": "system", "content": [], "output_config": {}},
    ]
    body, _, _ = translated(aimed(**EFFORT), messages=turns, output_config={"effort": "medium"})
    assert body["reasoning_effort"] == "high"


@pytest.mark.parametrize("index", [0, 1])
def test_any_turn_may_set_the_effort(index: int) -> None:
    turns: list[Json] = [ASKED, ASKED]
    turns[index] = {**ASKED, "output_config": {"effort": "low"}}
    body, losses, _ = translated(aimed(**EFFORT), messages=turns)
    assert (body["reasoning_effort"], losses) == ("low", [])
    _, losses, _ = translated(messages=turns)
    assert losses == routine(f"messages.{index}.output_config.effort", "vllm/qwen has no knob for it")


def test_the_last_turn_is_named_by_its_path() -> None:
    _, losses, _ = translated(messages=[ASKED, {"role": "assistant", "content": "A."}])
    assert losses == lost("messages.1", "the model answers these words; it does not continue them")


# -- the form of the reply

CLOSED: Json = {
    "type": "object",
    "properties": {"a": {"type": "string"}},
    "required": ["a"],
    "additionalProperties": False,
}


def form(schema: Json) -> Json:
    return {"output_config": {"format": {"type": "json_schema", "schema": schema}}}


@pytest.mark.parametrize(
    ("schema", "strict"),
    [
        (CLOSED, True),
        ({**CLOSED, "additionalProperties": True}, False),
        ({**CLOSED, "required": []}, False),
        ({**CLOSED, "anyOf": [CLOSED]}, False),
        ({"type": "string"}, False),
    ],
)
def test_a_schema_for_the_reply(schema: Json, strict: bool) -> None:
    told = {"type": "json_schema", "json_schema": {"name": "output", "schema": schema, "strict": strict}}
    assert translated(**form(schema)) == (bare(response_format=told), [], {})


WORDS = "vllm/qwen promises JSON; the schema was told in words, and the answer is checked against it"


def test_a_schema_is_told_in_words_where_the_backend_takes_none() -> None:
    body, losses, _ = translated(aimed(json_schema=False), system="You title.", **form({"type": "object"}))
    prompt = 'You title.\n\nAnswer with one JSON object of this schema: {"type":"object"}'
    assert body == bare(
        messages=[{"role": "system", "content": prompt}, ASKED], response_format={"type": "json_object"}
    )
    assert losses == lost("output_config.format.schema", WORDS)


@pytest.mark.parametrize(
    "wanted", [{"type": "grammar"}, {"type": "json_schema"}, {"type": "json_schema", "schema": 5}, "json"]
)
def test_a_form_of_tomorrow_is_refused(wanted: Any) -> None:
    with pytest.raises(Unsupported) as caught:
        translated(output_config={"format": wanted})
    assert caught.value.path == "output_config.format"


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        (CLOSED, True),
        ({"type": "string"}, True),
        ({"type": "array", "items": CLOSED}, True),
        ({"type": "array", "items": {"type": "object"}}, False),
        ({"anyOf": [CLOSED, {"type": "null"}]}, True),
        ({"anyOf": [CLOSED, {"type": "object"}]}, False),
        ({"properties": {"a": {}}}, False),
        ({**CLOSED, "properties": {"a": {"type": "object"}}}, False),
        ({"type": "object", "additionalProperties": False}, True),
        ({"oneOf": [CLOSED]}, False),
        ({**CLOSED, "not": {}}, False),
    ],
)
def test_strict_is_what_openai_takes_as_strict(schema: Json, expected: bool) -> None:
    assert is_strict(schema) is expected
