"""Tools, their names, their schemas, and the choice among them."""

from typing import Any

import pytest

from addon.dialects.tools import ToolNames
from addon.protocol.errors import BadRequest, Unsupported
from tests.translating import ASKED, Json, Told, aimed, bare, lost, translated

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


def test_tools_that_were_loaded_stand_last_in_the_order_of_loading() -> None:
    def reference(name: str) -> Json:
        return {"type": "tool_result", "tool_use_id": name, "content": [{"type": "tool_reference", "tool_name": name}]}

    turns = [ASKED, {"role": "user", "content": [reference(name) for name in ("New", "Cron", "New")]}]
    tools = [{"name": name, "defer_loading": name != "Bash"} for name in ("Bash", "Cron", "Known", "New")]
    tools += [{"name": "Write"}]
    body, _, _ = translated(messages=turns, tools=tools)
    assert [tool["function"]["name"] for tool in body["tools"]] == ["Bash", "Write", "Known", "New", "Cron"]


def test_a_tools_field_without_a_counterpart_is_reported() -> None:
    _, losses, _ = translated(tools=[BASH, {**BASH, "name": "Read", "strict": True}])
    assert losses == lost("tools.1.strict", "a tool's field without a counterpart")


def test_a_typed_tool_that_the_client_runs_is_refused() -> None:
    with pytest.raises(Unsupported) as caught:
        translated(tools=[BASH, {"type": "bash_20250124", "name": "bash"}])
    assert caught.value.path == "tools.1"
    assert 'the tool "bash_20250124" is known to Claude models alone' in caught.value.message


def test_tools_of_anthropics_servers_alone_leave_no_tools() -> None:
    body, losses, _ = translated(tools=[{"type": "web_fetch_20260309", "name": "web_fetch"}, {"type": "advisor_x"}])
    assert body == bare()
    assert [path for path, _, _ in losses] == ["tools.0", "tools.1"]


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
        ("21st_a", "_21st_a_bc9a74c1"),
        ("-a", "_-a_c2748917"),
        ("_a", "_a"),
        ("", "_e3b0c442"),
    ],
)
def test_a_name_that_some_backend_does_not_allow_gets_another(name: str, expected: str) -> None:
    names = ToolNames()
    assert (names[name], names[name]) == (expected, expected)
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
    "one, said otherwise": (
        {"named_choice": False},
        {"type": "tool", "name": "Bash"},
        {"tool_choice": "required"},
        [],
    ),
    "one, refused": (
        {"named_choice": False, "required_choice": None},
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


def test_where_no_tool_can_be_named_only_the_chosen_one_is_offered() -> None:
    choice = {"type": "tool", "name": "Read"}
    body, losses, _ = translated(aimed(named_choice=False), tools=[BASH, {**BASH, "name": "Read"}], tool_choice=choice)
    assert ([tool["function"]["name"] for tool in body["tools"]], losses) == (["Read"], [])


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
