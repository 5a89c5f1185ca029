"""What a route changes in a request: every change is told, nothing is changed in place, and the history stays."""

import copy
import re
from typing import Any

import orjson
import pytest

from addon.dialects import effort as effort_words
from addon.dialects import tools
from addon.dialects.openai_chat import request as openai_chat_request
from addon.protocol import messages
from addon.protocol.messages import ATTRIBUTION
from addon.routing import changes
from addon.routing.changes import Change, Changes, Replacement, apply
from tests.stories import target

ASK = [{"role": "user", "content": "Hi"}]
NOT_SET = "not set to 'high': this call does not ask for thinking, and an effort would start it"
type Body = dict[str, Any]


def applied(wanted: Changes, **fields: Any) -> tuple[Body, list[tuple[str, str]]]:
    """The fields of the changed request beside model and messages (unless these are given), and what is told."""
    body = {"model": "claude-opus-5-5", "messages": ASK, **fields}
    request = messages.parse(orjson.dumps(body))
    before = copy.deepcopy(request.body)
    changed, told = apply(wanted, request)
    assert request.body == before, "changed in place"
    assert (changed is request) == (changed.body == before), "the same request exactly when nothing of it changed"
    assert changed.messages is changed.body["messages"]
    assert (changed.model, changed.stream) == (request.model, request.stream)
    assert messages.check(changed.body) == changed
    rest = {name: value for name, value in changed.body.items() if name in fields or name not in body}
    return rest, [(change.path, change.what) for change in told]


def test_nothing_asked_for_changes_nothing() -> None:
    assert not Changes()
    assert applied(Changes(), thinking={"type": "adaptive"}) == ({"thinking": {"type": "adaptive"}}, [])


ASKED_FOR = [
    Changes(effort="off"), Changes(max_tokens=1), Changes(temperature=0), Changes(body={"a": 1}),
    Changes(append_system="a"), Changes(replacements=(Replacement(re.compile("a"), "b"),)),
    Changes(drop_tools=("a",)), Changes(inline_tools=True),
]  # fmt: skip


@pytest.mark.parametrize("wanted", ASKED_FOR)
def test_anything_asked_for_is_true(wanted: Changes) -> None:
    assert wanted


# -- how much thought --------------------------------------------------------------------------------------------------

ADAPTIVE = {"type": "adaptive", "display": "updates"}
SCHEMA = {"type": "json_schema", "schema": {}}
EDIT = {"type": "clear_thinking_20251015", "keep": "all"}
OTHER_EDIT = {"type": "clear_tool_uses_20250919"}
OFF: Body = {"thinking": {"type": "disabled"}}

# effort, the request's fields, those after it, what is told
EFFORTS: list[tuple[str, Body, Body, list[tuple[str, str]]]] = [
    (
        "low",
        {"thinking": ADAPTIVE, "output_config": {"effort": "high", "format": SCHEMA}},
        {"thinking": ADAPTIVE, "output_config": {"effort": "low", "format": SCHEMA}},
        [("output_config.effort", "set to 'low' (was 'high')")],
    ),
    (
        "xhigh",
        {"thinking": ADAPTIVE},
        {"thinking": ADAPTIVE, "output_config": {"effort": "xhigh"}},
        [("output_config.effort", "set to 'xhigh'")],
    ),
    ("low", {"output_config": {"effort": "low"}}, {"output_config": {"effort": "low"}}, []),
    (
        "max",
        {"output_config": {"effort": "low"}},
        {"output_config": {"effort": "max"}},
        [("output_config.effort", "set to 'max' (was 'low')")],
    ),
    ("high", {}, {}, [("output_config.effort", NOT_SET)]),
    (
        "high",
        {"output_config": {"format": SCHEMA}},
        {"output_config": {"format": SCHEMA}},
        [("output_config.effort", NOT_SET)],
    ),
    ("high", OFF, OFF, [("output_config.effort", "not set to 'high': this call disables thinking")]),
    (
        "high",
        {**OFF, "output_config": {"effort": "low"}},
        {**OFF, "output_config": {"effort": "low"}},
        [("output_config.effort", "not set to 'high': this call disables thinking")],
    ),
    (
        "low",
        {"thinking": {"type": "enabled", "budget_tokens": 31_999, "display": "updates"}, "max_tokens": 32_000},
        {
            "thinking": {"type": "enabled", "budget_tokens": 4_000, "display": "updates"},
            "max_tokens": 32_000,
            "output_config": {"effort": "low"},
        },
        [("output_config.effort", "set to 'low'"), ("thinking.budget_tokens", "set to 4000 (was 31999)")],
    ),
    (
        "high",
        {"thinking": {"type": "enabled", "budget_tokens": 31_999}, "output_config": {"effort": "high"}},
        {"thinking": {"type": "enabled", "budget_tokens": 31_999}, "output_config": {"effort": "high"}},
        [],
    ),
    (
        "max",
        {"thinking": {"type": "enabled", "budget_tokens": 4_000}, "max_tokens": 8_192},
        {
            "thinking": {"type": "enabled", "budget_tokens": 8_191},
            "max_tokens": 8_192,
            "output_config": {"effort": "max"},
        },
        [
            ("output_config.effort", "set to 'max'"),
            ("thinking.budget_tokens", "set to 31999 (was 4000)"),
            ("thinking.budget_tokens", "lowered to 8191: it must be less than max_tokens"),
        ],
    ),
    ("off", {}, OFF, [("thinking", "disabled")]),
    ("off", OFF, OFF, []),
    (
        "off",
        {"thinking": ADAPTIVE, "output_config": {"effort": "high"}},
        OFF,
        [("thinking", "disabled (was 'adaptive')"), ("output_config.effort", "left out (was 'high')")],
    ),
    (
        "off",
        {**OFF, "output_config": {"effort": "high", "format": SCHEMA}},
        {**OFF, "output_config": {"format": SCHEMA}},
        [("output_config.effort", "left out (was 'high')")],
    ),
    (
        "off",
        {**OFF, "context_management": {"edits": [EDIT, OTHER_EDIT], "x": 1}},
        {**OFF, "context_management": {"edits": [OTHER_EDIT], "x": 1}},
        [("context_management.edits", "left out: clear_thinking_20251015, which needs thinking")],
    ),
    (
        "off",
        {**OFF, "context_management": {"edits": [EDIT]}},
        OFF,
        [("context_management.edits", "left out: clear_thinking_20251015, which needs thinking")],
    ),
    *(
        ("off", {**OFF, "context_management": context}, {**OFF, "context_management": context}, [])
        for context in ({"edits": [OTHER_EDIT, "x"]}, {"edits": "x"}, "x", {})
    ),
]  # fmt: skip


@pytest.mark.parametrize(("effort", "fields", "expected", "told"), EFFORTS)
def test_the_effort_is_the_routes(effort: str, fields: Body, expected: Body, told: list[tuple[str, str]]) -> None:
    assert applied(Changes(effort=effort), **fields) == (expected, told)


def turn(effort: str | None, content: object = "Be quick.", **config: Any) -> Body:
    told = {**config, **({"effort": effort} if effort else {})}
    return {"role": "system", "content": content, "output_config": told}


TURNS: list[tuple[str, list[Body], list[Body], str]] = [
    ("low", [turn("high")], [turn("low")], "set to 'low' in 1 turn (was 'high')"),
    (
        "low",
        [turn("high"), turn("max"), turn("low"), turn("max", []), turn(None, x=1)],
        [turn("low"), turn("low"), turn("low"), turn("low", []), turn(None, x=1)],
        "set to 'low' in 3 turns (was 'high', 'max')",
    ),
    (
        "off",
        [turn("high"), turn("high", x=1), turn("high", []), turn("high", [], x=1)],
        [{"role": "system", "content": "Be quick."}, turn(None, x=1), turn("high", []), turn(None, [], x=1)],
        "left out in 3 turns (was 'high')",
    ),
]


@pytest.mark.parametrize(("effort", "turns", "expected", "what"), TURNS)
def test_the_effort_of_every_turn_is_the_routes(
    effort: str, turns: list[Body], expected: list[Body], what: str
) -> None:
    said = [item for system in turns for item in (*ASK, system)]
    changed, told = applied(Changes(effort=effort), messages=said)
    assert changed["messages"] == [item for system in expected for item in (*ASK, system)]
    assert ("messages.*.output_config.effort", what) in told


def test_a_turns_own_effort_is_a_wish_for_an_effort() -> None:
    changed, told = applied(Changes(effort="low"), messages=[*ASK, turn("high")])
    assert changed["output_config"] == {"effort": "low"}
    assert told[0] == ("output_config.effort", "set to 'low'")


def test_efforts_are_those_that_the_dialects_know() -> None:
    assert ("off", *effort_words.EFFORTS) == changes.EFFORTS


@pytest.mark.parametrize("effort", effort_words.EFFORTS)
def test_a_budget_says_the_same_as_its_effort(effort: str) -> None:
    """A backend that reads the number and one that reads the word think about as much."""
    budget = changes.BUDGETS[effort]
    read = next((word for most, word in effort_words.BUDGETS if budget <= most), "high")
    assert read == (effort if effort in ("low", "medium") else "high")


@pytest.mark.parametrize("style", ["openrouter", "dashscope", "openai", "deepseek"])
def test_a_quick_call_stays_quick_whatever_the_backend(style: str) -> None:
    """The call for a title has no thinking and no effort; to a backend, any effort would be the wish to think."""
    request = messages.parse(orjson.dumps({"model": "m", "messages": ASK}))
    backend = target(style, "gpt-5.5")
    before = openai_chat_request.translate(request, backend)[0]
    assert openai_chat_request.translate(apply(Changes(effort="high"), request)[0], backend)[0] == before


# -- the limits --------------------------------------------------------------------------------------------------------

BUDGET = {"type": "enabled", "budget_tokens": 31_999}
LIMITS: list[tuple[Changes, Body, Body, list[tuple[str, str]]]] = [
    (Changes(max_tokens=9), {"max_tokens": 64}, {"max_tokens": 9}, [("max_tokens", "set to 9 (was 64)")]),
    (Changes(max_tokens=99), {"max_tokens": 64}, {"max_tokens": 99}, [("max_tokens", "set to 99 (was 64)")]),
    (Changes(max_tokens=64), {"max_tokens": 64}, {"max_tokens": 64}, []),
    (Changes(max_tokens=64), {}, {"max_tokens": 64}, [("max_tokens", "set to 64")]),
    (Changes(temperature=0.2), {"temperature": 1}, {"temperature": 0.2}, [("temperature", "set to 0.2 (was 1)")]),
    (Changes(temperature=0), {}, {"temperature": 0}, [("temperature", "set to 0")]),
    (Changes(temperature=1.0), {"temperature": 1}, {"temperature": 1}, []),
    (
        Changes(max_tokens=2_000),
        {"max_tokens": 32_000, "thinking": BUDGET},
        {"max_tokens": 2_000, "thinking": {"type": "enabled", "budget_tokens": 1_999}},
        [
            ("max_tokens", "set to 2000 (was 32000)"),
            ("thinking.budget_tokens", "lowered to 1999: it must be less than max_tokens"),
        ],
    ),
    (
        Changes(max_tokens=1_024),
        {"max_tokens": 32_000, "thinking": BUDGET},
        {"max_tokens": 1_024, "thinking": {"type": "disabled"}},
        [
            ("max_tokens", "set to 1024 (was 32000)"),
            ("thinking", "1024 tokens leave no room for it"),
            ("thinking", "disabled (was 'enabled')"),
        ],
    ),
    (Changes(effort="low"), {"max_tokens": 9, "thinking": BUDGET, "output_config": {"effort": "low"}},
     {"max_tokens": 9, "thinking": {"type": "disabled"}},
     [("thinking.budget_tokens", "set to 4000 (was 31999)"), ("thinking", "9 tokens leave no room for it"),
      ("thinking", "disabled (was 'enabled')"), ("output_config.effort", "left out (was 'low')")]),
]  # fmt: skip


@pytest.mark.parametrize(("wanted", "fields", "expected", "told"), LIMITS)
def test_limits_are_the_routes(wanted: Changes, fields: Body, expected: Body, told: list[tuple[str, str]]) -> None:
    assert applied(wanted, **fields) == (expected, told)


def test_what_the_client_wrote_wrongly_is_left_to_the_backend() -> None:
    wrong = {"max_tokens": 9, "thinking": BUDGET}
    assert applied(Changes(drop_tools=("x",)), **wrong) == (wrong, [])


# -- the system prompt -------------------------------------------------------------------------------------------------


def text(said: str, **fields: Any) -> Body:
    return {"type": "text", "text": said, **fields}


def swap(pattern: str, replacement: str) -> Changes:
    return Changes(replacements=(Replacement(re.compile(pattern), replacement),))


SEAL = text(f"{ATTRIBUTION} cc_version=2; a")
CACHED = {"cache_control": {"type": "ephemeral"}}
SYSTEMS: list[tuple[Changes, object, object, list[str]]] = [
    (
        Changes(append_system="Be brief."),
        [SEAL, text("a", **CACHED)],
        [SEAL, text("a", **CACHED), text("Be brief.")],
        ["appended 9 characters"],
    ),
    (Changes(append_system="b"), "a", [text("a"), text("b")], ["appended 1 character"]),
    (Changes(append_system="b"), None, [text("b")], ["appended 1 character"]),
    (Changes(append_system="b"), "", [text("b")], ["appended 1 character"]),
    (Changes(append_system=""), "a", "a", []),
    (
        swap("a", "b"),
        [SEAL, text("a cat", **CACHED), text("sat"), text("on")],
        [SEAL, text("b cbt", **CACHED), text("sbt"), text("on")],
        ["the pattern 'a' replaced 3 times"],
    ),
    (swap(r"(c)at", r"\1ow"), "cat", [text("cow")], ["the pattern '(c)at' replaced 1 time"]),
    (swap("a", "b"), [SEAL, text("on")], [SEAL, text("on")], ["the pattern 'a' matched nothing"]),
    (swap("a", "b"), [SEAL], [SEAL], ["the pattern 'a' matched nothing"]),
    (swap("a", "b"), "on", "on", ["the pattern 'a' matched nothing"]),
    (swap("a", "b"), f"{ATTRIBUTION} a", f"{ATTRIBUTION} a", ["the pattern 'a' matched nothing"]),
    (swap("a", "a"), "a", "a", ["the pattern 'a' replaced 1 time"]),
    (swap("(?s).*", ""), [SEAL, text("a\nb"), text("c")], [SEAL], ["the pattern '(?s).*' replaced 4 times"]),
    (swap("a", " "), "a", None, ["the pattern 'a' replaced 1 time"]),
    (
        Changes(append_system="a", replacements=(*swap("a", "b").replacements, *swap("b", "c").replacements)),
        "a",
        [text("c"), text("a")],
        ["the pattern 'a' replaced 1 time", "the pattern 'b' replaced 1 time", "appended 1 character"],
    ),
]


@pytest.mark.parametrize(("wanted", "system", "expected", "told"), SYSTEMS)
def test_the_system_prompt_is_edited(wanted: Changes, system: object, expected: object, told: list[str]) -> None:
    changed, said = applied(wanted, **({"system": system} if system is not None else {}))
    assert changed.get("system") == expected
    assert said == [("system", what) for what in told]


def test_turns_of_the_role_system_are_history() -> None:
    history = [*ASK, {"role": "system", "content": "a"}]
    assert applied(swap("a", "b"), messages=history, system="a")[0]["messages"] == history


@pytest.mark.parametrize("replacement", [r"\9", r"\g<x>", r"\q"])
def test_a_text_that_names_no_group_is_refused_at_once(replacement: str) -> None:
    with pytest.raises(ValueError, match="for the pattern 'a'"):
        Replacement(re.compile("a"), replacement)


# -- the tools ---------------------------------------------------------------------------------------------------------


def tool(name: str, **fields: Any) -> Body:
    return {"name": name, "description": name, "input_schema": {"type": "object"}, **fields}


SEARCH = {"type": "web_search_20250305", "name": "web_search", "max_uses": 8}
NAMED = {"type": "tool", "name": "Bash", "disable_parallel_tool_use": True}
# globs, tools, tool_choice -> names that stay, tool_choice, what is told
DROPPED: list[tuple[tuple[str, ...], list[Body], Body | None, list[str], Body | None, list[tuple[str, str]]]] = [
    (("Bash",), [tool("Bash"), tool("Read")], None, ["Read"], None, [("tools", "dropped: Bash")]),
    (
        ("mcp__*", "B?sh"),
        [tool("Bash"), tool("Read"), tool("mcp__a__b"), tool("mcp__c")],
        {"type": "any"},
        ["Read"],
        {"type": "any"},
        [("tools", "dropped: Bash, mcp__a__b, mcp__c")],
    ),
    (
        ("bash", "Read"),
        [tool("Bash"), tool("Read"), tool("ReadAll")],
        None,
        ["Bash", "ReadAll"],
        None,
        [("tools", "dropped: Read"), ("tools", "'bash' matches no tool of this call")],
    ),
    (("x",), [tool("Bash")], NAMED, ["Bash"], NAMED, [("tools", "'x' matches no tool of this call")]),
    (
        ("Bash",),
        [tool("Bash"), tool("Read")],
        NAMED,
        ["Read"],
        {"type": "auto", "disable_parallel_tool_use": True},
        [("tool_choice", "set to 'auto' (was 'Bash', which was dropped)"), ("tools", "dropped: Bash")],
    ),
    (("Read",), [tool("Bash"), tool("Read")], NAMED, ["Bash"], NAMED, [("tools", "dropped: Read")]),
    (
        ("web_*",),
        [SEARCH],
        {"type": "auto"},
        [],
        None,
        [("tool_choice", "left out: no tool is left"), ("tools", "dropped: web_search")],
    ),
    (("*",), [SEARCH, tool("Bash")], None, [], None, [("tools", "dropped: web_search, Bash")]),
    (("*",), [], None, [], None, []),
]


@pytest.mark.parametrize(("globs", "tools", "choice", "left", "left_choice", "told"), DROPPED)
def test_tools_are_dropped_by_name(
    globs: tuple[str, ...],
    tools: list[Body],
    choice: Body | None,
    left: list[str],
    left_choice: Body | None,
    told: list[tuple[str, str]],
) -> None:
    changed, said = applied(Changes(drop_tools=globs), tools=tools, **({"tool_choice": choice} if choice else {}))
    assert changed.get("tools") == ([known for known in tools if known["name"] in left] or (None if tools else []))
    assert (changed.get("tool_choice"), said) == (left_choice, told)


def reference(name: str, **fields: Any) -> Body:
    return {"type": "tool_reference", "tool_name": name, **fields}


def result(content: object) -> Body:
    return {"type": "tool_result", "tool_use_id": "t", "content": content}


CALL = {"type": "tool_use", "id": "t", "name": "Bash", "input": {}}
CALLED = [*ASK, {"role": "assistant", "content": [CALL]}, {"role": "user", "content": [result("done"), text("ok")]}]
FOUND = {"role": "user", "content": [result([reference("Bash", **CACHED), reference("Read")]), text("Tool loaded.")]}


def test_a_toolset_is_known_by_its_type() -> None:
    toolset = {"type": "mcp_toolset", "mcp_server_name": "a"}
    changed, told = applied(Changes(drop_tools=("mcp_*",)), tools=[tool("Bash"), toolset])
    assert changed["tools"] == [tool("Bash")]
    assert told == [("tools", "dropped: mcp_toolset")]
    changed, _ = applied(Changes(inline_tools=True), tools=[tool("Bash"), toolset])
    assert changed["tools"] == [tool("Bash"), toolset]


def test_a_tool_without_a_name_is_left_to_the_backend() -> None:
    nameless = tool("")
    for wanted in (Changes(inline_tools=True), Changes(drop_tools=("Bash",))):
        changed, _ = applied(wanted, tools=[tool("Read"), nameless])
        assert changed["tools"] == [tool("Read"), nameless]


def test_calls_of_dropped_tools_stay_in_the_history() -> None:
    changed, told = applied(Changes(drop_tools=("Bash",)), tools=[tool("Bash"), tool("Read")], messages=CALLED)
    assert changed["messages"] == CALLED
    assert told == [("tools", "dropped: Bash")]


def test_a_reference_to_a_dropped_tool_becomes_text() -> None:
    changed, told = applied(Changes(drop_tools=("Bash",)), messages=[*CALLED, FOUND])
    gone = text("[the tool Bash cannot be called]", **CACHED)
    found = {"role": "user", "content": [result([gone, reference("Read")]), text("Tool loaded.")]}
    assert changed["messages"] == [*CALLED, found]
    assert told == [("messages", "references to tools became text in 1 turn")]


PLACEHOLDER = tool("DeferredToolPlaceholder", defer_loading=True)
NOT_SENT = (
    "the client has not sent the tools it defers, so these cannot be inlined, and ToolSearch stays to load them; "
    "start it with ENABLE_TOOL_SEARCH=false, and it sends all"
)
INLINED: list[tuple[list[Body], list[Body], list[str]]] = [
    ([tool("Bash")], [tool("Bash")], []),
    (
        [tool("Bash"), tool("ToolSearch"), PLACEHOLDER, tool("WebFetch", defer_loading=True)],
        [tool("Bash"), tool("ToolSearch"), tool("WebFetch")],
        [NOT_SENT, "inlined: WebFetch"],
    ),
    (
        [tool("ToolSearch"), tool("WebFetch", defer_loading=True), tool("X", defer_loading=False)],
        [tool("WebFetch"), tool("X")],
        ["dropped: ToolSearch, every tool is here", "inlined: WebFetch, X"],
    ),
]


@pytest.mark.parametrize(("tools", "expected", "told"), INLINED)
def test_deferred_tools_are_inlined(tools: list[Body], expected: list[Body], told: list[str]) -> None:
    assert applied(Changes(inline_tools=True), tools=tools) == (
        {"tools": expected},
        [("tools", what) for what in told],
    )


def test_what_a_search_found_becomes_text() -> None:
    plain = {"role": "user", "content": [result([text("a")]), result("b"), {"type": "tool_result", "tool_use_id": "u"}]}
    changed, told = applied(Changes(inline_tools=True), messages=[*CALLED, plain, FOUND, FOUND])
    words = "[the tool {} is loaded and can be called]"
    inner = [text(words.format("Bash"), **CACHED), text(words.format("Read"))]
    found = {"role": "user", "content": [result(inner), text("Tool loaded.")]}
    assert changed["messages"] == [*CALLED, plain, found, found]
    assert told == [("messages", "references to tools became text in 2 turns")]


def test_what_a_search_found_is_worded_as_the_dialect_does() -> None:
    request = messages.parse(orjson.dumps({"model": "m", "messages": [*CALLED, FOUND], "tools": [tool("Bash")]}))
    backend = target("openai", "gpt-5.5")
    inlined = apply(Changes(inline_tools=True), request)[0]
    wire = openai_chat_request.translate(request, backend)[0]["messages"]
    assert openai_chat_request.translate(inlined, backend)[0]["messages"] == wire


def test_a_dropped_tool_is_not_said_to_be_loaded() -> None:
    wanted = Changes(drop_tools=("Bash", "ToolSearch"), inline_tools=True)
    changed, told = applied(wanted, messages=[*ASK, FOUND], tools=[tool("Bash"), tool("ToolSearch"), tool("Read")])
    assert "[the tool Bash cannot be called]" in str(changed["messages"])
    assert "[the tool Read is loaded and can be called]" in str(changed["messages"])
    assert changed["tools"] == [tool("Read")]
    assert told[0] == ("tools", "dropped: Bash, ToolSearch")


def test_the_placeholder_has_one_name() -> None:
    assert tools.PLACEHOLDER_TOOL == changes.PLACEHOLDER_TOOL


# -- the backend's request, and all together ---------------------------------------------------------------------------


def test_extra_fields_of_the_backend_are_told_and_not_applied() -> None:
    wanted = Changes(body={"top_k": 20, "provider": {"sort": "price", "only": ["a"]}, "user": None, "x": {}})
    assert applied(wanted, top_k=5) == (
        {"top_k": 5},
        [
            ("body.top_k", "set by the route"),
            ("body.provider.sort", "set by the route"),
            ("body.provider.only", "set by the route"),
            ("body.user", "left out by the route"),
            ("body.x", "set by the route"),
        ],
    )


EVERYTHING = Changes(
    effort="low", max_tokens=100, temperature=0.5, body={"top_k": 1}, append_system="b", drop_tools=("Bash",),
    replacements=swap("a", "b").replacements, inline_tools=True,
)  # fmt: skip


def test_changes_are_told_in_one_order() -> None:
    _, told = applied(
        EVERYTHING, thinking=ADAPTIVE, system="a", tools=[tool("Bash"), PLACEHOLDER], messages=[*CALLED, FOUND]
    )
    assert [path for path, _ in told] == [
        "output_config.effort", "max_tokens", "temperature", "system", "system", "tools", "messages", "tools",
        "messages", "body.top_k",
    ]  # fmt: skip


def test_a_longer_history_extends_the_shorter_ones_changed_messages() -> None:
    """So that the backend's prompt cache holds; a tool that is loaded or unloaded on the way changes no turn."""
    history = [*CALLED, turn("high"), FOUND, turn("high", []), *CALLED, FOUND]
    for wanted in (EVERYTHING, Changes(effort="off", drop_tools=("Bash",)), Changes(inline_tools=True)):
        whole = applied(wanted, messages=history, thinking=ADAPTIVE, tools=[tool("Bash"), tool("Read")])[0]["messages"]
        for length in range(1, len(history)):
            part = applied(wanted, messages=history[:length], thinking=ADAPTIVE, tools=[tool("Read")])[0]["messages"]
            assert part == whole[:length]
        assert len(whole) == len(history)


def test_a_change_says_where_and_what() -> None:
    request = messages.parse(orjson.dumps({"model": "m", "messages": ASK}))
    assert apply(Changes(max_tokens=5), request)[1] == (Change("max_tokens", "set to 5"),)


TOLD = [
    (Changes(), ""),
    (Changes(effort="low", max_tokens=5, temperature=0.0), "effort low, max_tokens 5, temperature 0.0"),
    (Changes(body={"top_k": 1, "secret": "x"}, drop_tools=("Bash", "Web*")), "body top_k, secret, without Bash, Web*"),
    (Changes(append_system="Be brief.", inline_tools=True), "system appended 'Be brief.', tools inlined"),
    (Changes(replacements=(Replacement(re.compile("a" * 99), ""),)), f"replaced '{'a' * 57}...'"),
]


@pytest.mark.parametrize(("changes", "told"), TOLD)
def test_what_is_asked_for_is_told_in_few_words(changes: Changes, told: str) -> None:
    assert changes.told == told
