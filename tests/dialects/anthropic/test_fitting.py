"""What a request says to each sort of server, and what is left out of it."""

from dataclasses import replace
from typing import Any

import orjson
import pytest

from addon.dialects import Target
from addon.dialects.anthropic import betas
from addon.dialects.anthropic.fitting import fit
from addon.dialects.losses import Loss, Lost
from addon.dialects.profiles import Takes
from addon.protocol import messages
from addon.protocol.errors import Unsupported
from tests.stories import target

type Json = dict[str, Any]

ASK: Json = {"role": "user", "content": "Hi."}
TOOL: Json = {"name": "Bash", "description": "d", "input_schema": {"type": "object"}}
BASE: Json = {"model": "claude-opus-5-5", "messages": [ASK], "max_tokens": 32_000}


def there(takes: Takes, **facts: Any) -> Target:
    plain = target("deepseek-anthropic", "m")
    return replace(plain, profile=replace(plain.profile, takes=takes, claude=takes is Takes.VERTEX), **facts)


def said(
    takes: Takes, asked: tuple[str, ...] = (), facts: Json | None = None, **fields: Any
) -> tuple[Json, list[Loss], tuple[str, ...]]:
    body = {**BASE, **fields}
    request = replace(messages.check(body), betas=asked)
    fitted, losses, names = fit(request, orjson.dumps(body), 10, there(takes, **(facts or {})))
    changed = {name: value for name, value in fitted.body.items() if body.get(name) != value}
    return {**changed, **{name: None for name in body if name not in fitted.body}}, list(losses), names


ADAPTIVE = {"type": "adaptive", "display": "updates"}
FORM = {"type": "json_schema", "schema": {"type": "object"}}
WORDS = {"type": "text", "text": 'Answer with one JSON object of this schema: {"type":"object"}'}
CASES: dict[str, tuple[Takes, Json, Json, list[Lost]]] = {
    "nothing to leave out": (Takes.PLAIN, {"tools": [TOOL], "temperature": 1.0, "stream": True}, {}, []),
    "Anthropic's own fields": (
        Takes.VENDOR,
        {
            "metadata": {},
            "context_management": {},
            "diagnostics": {},
            "speed": "fast",
            "service_tier": "auto",
            "fallbacks": [],
        },
        dict.fromkeys(("metadata", "context_management", "diagnostics", "speed", "service_tier", "fallbacks")),
        [Lost.ANTHROPICS_OWN] * 6,
    ),
    "safeguards": (Takes.VENDOR, {"safeguards": []}, {"safeguards": None}, [Lost.SAFEGUARDS]),
    "a field that nobody knows": (Takes.VERTEX, {"news": 1}, {"news": None}, [Lost.UNKNOWN_FIELD]),
    "a field that nobody knows, to Anthropic": (Takes.ALL, {"news": 1}, {}, []),
    "how thinking is shown": (
        Takes.VENDOR,
        {"thinking": ADAPTIVE},
        {"thinking": {"type": "adaptive"}},
        [Lost.ANTHROPICS_OWN],
    ),
    "how thinking is shown, to a cloud": (Takes.VERTEX, {"thinking": ADAPTIVE}, {}, []),
    "thinking by a budget": (
        Takes.BUDGET,
        {"thinking": {"type": "adaptive"}, "output_config": {"effort": "low"}},
        {"thinking": {"type": "enabled", "budget_tokens": 2_048}},
        [Lost.THINKING_FORM],
    ),
    "thinking by a budget, of no effort": (
        Takes.PLAIN,
        {"thinking": {"type": "adaptive"}},
        {"thinking": {"type": "enabled", "budget_tokens": 8_192}},
        [Lost.THINKING_FORM],
    ),
    "thinking below a limit": (
        Takes.BUDGET,
        {"thinking": {"type": "enabled", "budget_tokens": 31_999}, "max_tokens": 4_096},
        {"thinking": {"type": "enabled", "budget_tokens": 4_095}},
        [],
    ),
    "no room for thinking": (
        Takes.BUDGET,
        {"thinking": {"type": "adaptive"}, "max_tokens": 64},
        {"thinking": None},
        [Lost.THINKING_KNOB],
    ),
    "thinking by itself": (
        Takes.ADAPTIVE,
        {"thinking": {"type": "enabled", "budget_tokens": 2_000}, "output_config": {"effort": "high"}},
        {"thinking": {"type": "adaptive"}, "output_config": None},
        [Lost.THINKING_KNOB, Lost.THINKING_FORM],
    ),
    "no thinking": (Takes.ADAPTIVE, {"thinking": {"type": "disabled"}}, {}, []),
    "thinking of a kind that nobody knows": (Takes.BUDGET, {"thinking": {"type": "new"}}, {}, []),
    "an effort in other words": (
        Takes.LOW_HIGH_MAX,
        {"output_config": {"effort": "xhigh"}},
        {"output_config": {"effort": "max"}},
        [Lost.THINKING_BUDGET],
    ),
    "an effort in no words": (
        Takes.VENDOR,
        {"output_config": {"effort": 3}},
        {"output_config": None},
        [Lost.THINKING_KNOB],
    ),
    "an effort of the newest turn": (
        Takes.VENDOR,
        {
            "messages": [ASK, {"role": "system", "content": [], "output_config": {"effort": "low"}}],
            "output_config": {"effort": "high"},
        },
        {"messages": [ASK], "output_config": {"effort": "low"}},
        [],
    ),
    "a form": (Takes.VLLM, {"output_config": {"format": FORM}}, {}, []),
    "a form where none is": (
        Takes.VENDOR,
        {"output_config": {"format": FORM}, "system": "Help."},
        {"output_config": None, "system": [{"type": "text", "text": "Help."}, WORDS]},
        [Lost.SCHEMA_UNCHECKED],
    ),
    "another part of output_config": (
        Takes.VENDOR,
        {"output_config": {"effort": "low", "task": 1}},
        {"output_config": {"effort": "low"}},
        [Lost.UNKNOWN_FIELD],
    ),
    "fields of tools": (
        Takes.VENDOR,
        {"tools": [{**TOOL, "eager_input_streaming": True, "input_examples": [], "news": 1}]},
        {"tools": [TOOL]},
        [Lost.ANTHROPICS_OWN, Lost.ANTHROPICS_OWN, Lost.TOOL_FIELD],
    ),
    "tools that are not loaded yet": (
        Takes.VENDOR,
        {"tools": [{"name": "DeferredToolPlaceholder", "defer_loading": True}, TOOL]},
        {"tools": [TOOL]},
        [],
    ),
    "tools that are not loaded yet, to a cloud": (
        Takes.VERTEX,
        {"tools": [{"name": "DeferredToolPlaceholder", "defer_loading": True}, TOOL]},
        {},
        [],
    ),
    "tools of Anthropic's servers": (
        Takes.SERVER,
        {"tools": [{"type": "web_search_20250305", "name": "web_search"}], "tool_choice": {"type": "auto"}},
        {"tools": None, "tool_choice": None},
        [Lost.SERVER_TOOL, Lost.TOOL_CHOICE_EMPTY],
    ),
    "the search where it is known": (
        Takes.VENDOR,
        {"tools": [{"type": "web_search_20250305", "name": "web_search"}]},
        {},
        [],
    ),
    "more caches than are given": (
        Takes.VENDOR,
        {"system": [{"type": "text", "text": "a", "cache_control": {"type": "ephemeral"}}] * 5},
        {
            "system": [
                {"type": "text", "text": "a"},
                *[{"type": "text", "text": "a", "cache_control": {"type": "ephemeral"}}] * 4,
            ]
        },
        [Lost.ANTHROPICS_OWN],
    ),
    "the cache of a system prompt": (
        Takes.VERTEX,
        {"system": [{"type": "text", "text": "a", "cache_control": {"type": "ephemeral", "scope": "global"}}]},
        {"system": [{"type": "text", "text": "a", "cache_control": {"type": "ephemeral"}}]},
        [Lost.ANTHROPICS_OWN],
    ),
}


@pytest.mark.parametrize(("takes", "asked", "expected", "lost"), CASES.values(), ids=CASES)
def test_a_request_says_what_is_taken(takes: Takes, asked: Json, expected: Json, lost: list[Lost]) -> None:
    changed, losses, _ = said(takes, **asked)
    assert changed == expected
    assert [each.sort for each in losses] == lost


def test_a_tool_that_only_the_client_can_call_ends_the_request() -> None:
    with pytest.raises(Unsupported, match=r'tools\.0: the tool "bash_20250124"'):
        said(Takes.VENDOR, tools=[{"type": "bash_20250124", "name": "bash"}])


def test_tools_that_were_loaded_on_the_way_stand_last_in_the_order_of_loading() -> None:
    late = [{**TOOL, "name": name, "defer_loading": True} for name in ("A", "B")]
    content = [{"type": "tool_reference", "tool_name": name} for name in ("B", "A")]
    loading = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "c", "content": content}]}
    changed, _, _ = said(Takes.VENDOR, tools=[*late, TOOL], messages=[ASK, loading])
    assert [tool["name"] for tool in changed["tools"]] == ["Bash", "B", "A"]


LIMITS = [
    (Takes.VENDOR, {"max_output_tokens": 8_192}, 8_192),
    (Takes.VERTEX, {"max_output_tokens": 8_192}, 8_192),
    (Takes.VENDOR, {"max_output_tokens": 64_000}, None),
    (Takes.VENDOR, {"max_input_tokens": 16_384}, 15_374),
    (Takes.VERTEX, {"max_input_tokens": 16_384}, None),
]


@pytest.mark.parametrize(("takes", "facts", "most"), LIMITS)
def test_a_reply_is_as_long_as_the_model_can_write(takes: Takes, facts: Json, most: int | None) -> None:
    changed, losses, _ = said(takes, facts=facts)
    assert changed.get("max_tokens") == most
    assert [each.sort for each in losses] == ([Lost.OUTPUT_LIMIT] if most else [])


def test_a_limit_that_is_none_is_the_backends_to_judge() -> None:
    assert (
        said(Takes.VENDOR, max_tokens="many", thinking={"type": "enabled"})[0]
        == {"thinking": {"type": "enabled", "budget_tokens": 8_192}}
        or said(Takes.VENDOR, max_tokens="many")[0] == {}
    )


def test_betas_go_to_claude_alone() -> None:
    asked = ("claude-code-20250219", "context-1m-2025-08-07")
    fields: Json = {"context_management": {}}
    assert said(Takes.VENDOR, asked, **fields)[2] == ()
    _, losses, names = said(Takes.VERTEX, asked, **fields)
    assert names == ("context-1m-2025-08-07", betas.CONTEXT_MANAGEMENT)
    assert [(each.path, each.what) for each in losses] == [("headers.anthropic-beta", "claude-code-20250219")]
    assert said(Takes.ALL, asked, **fields)[2] == asked
    assert said(Takes.ALL, **fields)[2] == (betas.CONTEXT_MANAGEMENT,)
