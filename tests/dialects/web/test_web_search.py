"""How each style is asked to search, which of the client's options it takes, and what is told of the rest."""

from dataclasses import replace
from typing import Any

import pytest

from addon.dialects import Target
from addon.dialects.openai_chat import dialect as openai_chat
from addon.dialects.openai_chat.request import translate
from addon.dialects.profiles import Profile, SearchStyle
from addon.dialects.web.search import Search
from addon.dialects.web.web_search import STYLES, given
from addon.protocol import messages
from addon.protocol.errors import Unsupported
from addon.routing.backends import BACKENDS
from tests.searches import body, request, tool

type Json = dict[str, Any]

PLACE = {"type": "approximate", "country": "ES", "city": "Madrid"}
ALL: Json = {"allowed_domains": ["a.example", "b.example/x"], "user_location": PLACE}
BLOCKED: Json = {"blocked_domains": ["c.example"]}
SEARCHING = frozenset(
    (
        "plugins",
        "max_tool_calls",
        "tools",
        "tool_choice",
        "web_search_options",
        "search_domain_filter",
        "enable_search",
        "search_options",
    )
)


def aimed(style: SearchStyle | None) -> Target:
    return Target("a", "model", "https://a.example", Profile(search=style))


def asked(style: SearchStyle | None, **options: Any) -> tuple[Json, list[tuple[str, bool]], list[str]]:
    """What of the body is the search, the losses as path and whether routine, and the words of the system prompt."""
    sent, losses, *_ = translate(request(**options), aimed(style))
    system = [message["content"] for message in sent["messages"] if message["role"] == "system"]
    told = [(each.path, each.routine) for each in losses]
    return {name: value for name, value in sent.items() if name in SEARCHING}, told, system


def function(kind: str, **parameters: Any) -> Json:
    return {"tools": [{"type": kind, **parameters}]}


def glm(**more: Any) -> Json:
    return function(
        "web_search", web_search={"enable": True, "search_engine": "search-prime", "search_result": True, **more}
    )


WHERE = {"country": "ES", "city": "Madrid"}
LIMIT = ("tools.0.max_uses", True)
UNSAID = ("tools.0.allowed_domains", False)
NOWHERE = ("tools.0.user_location", False)
AVOIDED = ("tools.0.blocked_domains", False)

PLAIN: dict[SearchStyle, tuple[Json, list[tuple[str, bool]]]] = {
    SearchStyle.OPTIONS: ({"web_search_options": {}}, []),
    SearchStyle.OPENROUTER: (function("openrouter:web_search", parameters={"max_uses": 8}), []),
    SearchStyle.ALWAYS: ({}, []),
    SearchStyle.ENABLE_SEARCH: ({"enable_search": True, "search_options": {"forced_search": True}}, []),
    SearchStyle.ENABLE_SEARCH_AGENT: ({"enable_search": True, "search_options": {"search_strategy": "agent"}}, [LIMIT]),
    SearchStyle.ZAI: (glm(), []),
    SearchStyle.BIGMODEL: (
        function("web_search", web_search={"enable": True, "search_engine": "search_std", "search_result": True}),
        [],
    ),
    SearchStyle.GROQ: ({**function("browser_search"), "tool_choice": "required"}, [LIMIT]),
    SearchStyle.GOOGLE: ({"tools": [{"googleSearch": {}}]}, [LIMIT]),
    SearchStyle.GOOGLE_BESIDE: ({"tools": [{"googleSearch": {}}]}, [LIMIT]),
    SearchStyle.TOOL: ({**function("web_search"), "max_tool_calls": 8}, []),
}


def test_every_style_that_a_dialect_translates_has_a_row() -> None:
    assert set(STYLES) == set(SearchStyle) - {SearchStyle.NONE, SearchStyle.NATIVE} == set(PLAIN)


@pytest.mark.parametrize("style", PLAIN)
def test_the_clients_search_is_asked_for_in_the_backends_form(style: SearchStyle) -> None:
    wish, losses = PLAIN[style]
    assert asked(style) == (wish, losses, [])


WITH_DOMAINS: dict[SearchStyle, tuple[Json, list[tuple[str, bool]]]] = {
    SearchStyle.OPTIONS: (
        {"web_search_options": {"user_location": {"type": "approximate", "approximate": WHERE}}},
        [UNSAID],
    ),
    SearchStyle.OPENROUTER: (
        function(
            "openrouter:web_search",
            parameters={"allowed_domains": ["a.example", "b.example/x"], "max_uses": 8, "user_location": PLACE},
        ),
        [],
    ),
    SearchStyle.ALWAYS: (
        {
            "search_domain_filter": ["a.example", "b.example/x"],
            "web_search_options": {"user_location": WHERE},
        },
        [],
    ),
    SearchStyle.ENABLE_SEARCH: (
        {
            "enable_search": True,
            "search_options": {"forced_search": True, "assigned_site_list": ["a.example", "b.example/x"]},
        },
        [NOWHERE],
    ),
    SearchStyle.ENABLE_SEARCH_AGENT: (PLAIN[SearchStyle.ENABLE_SEARCH_AGENT][0], [UNSAID, NOWHERE, LIMIT]),
    SearchStyle.ZAI: (glm(), [UNSAID, NOWHERE]),
    SearchStyle.GROQ: (PLAIN[SearchStyle.GROQ][0], [UNSAID, NOWHERE, LIMIT]),
    SearchStyle.GOOGLE: (PLAIN[SearchStyle.GOOGLE][0], [UNSAID, NOWHERE, LIMIT]),
}


@pytest.mark.parametrize("style", WITH_DOMAINS)
def test_options_are_said_where_the_backend_has_them_and_told_where_not(style: SearchStyle) -> None:
    wish, losses = WITH_DOMAINS[style]
    system = ["Search these domains only, and use no page of another: a.example, b.example/x"]
    assert asked(style, **ALL) == (wish, losses, system if UNSAID in losses else [])


def test_domains_to_avoid_are_said_or_told_in_words() -> None:
    openrouter = function("openrouter:web_search", parameters={"excluded_domains": ["c.example"], "max_uses": 8})
    assert asked(SearchStyle.OPENROUTER, **BLOCKED) == (openrouter, [], [])
    assert asked(SearchStyle.ALWAYS, **BLOCKED)[0] == {"search_domain_filter": ["-c.example"]}
    words = ["Use no page of these domains: c.example"]
    assert asked(SearchStyle.ZAI, **BLOCKED) == (glm(), [AVOIDED], words)


def test_a_list_of_domains_is_said_whole_or_not_at_all() -> None:
    assert asked(SearchStyle.ZAI, allowed_domains=["a.example"])[0] == glm(search_domain_filter="a.example")
    many = [f"{number}.example" for number in range(21)]
    assert len(asked(SearchStyle.ALWAYS, allowed_domains=many[1:])[0]["search_domain_filter"]) == 20
    wish, losses, words = asked(SearchStyle.ALWAYS, allowed_domains=many)
    assert (wish, losses) == ({}, [UNSAID])
    assert "20.example" in words[0]


def test_a_tool_without_options_has_no_empty_ones() -> None:
    sent, *_ = translate(messages.check({**body(), "tools": [tool()]}), aimed(SearchStyle.OPENROUTER))
    assert sent["tools"] == [{"type": "openrouter:web_search"}]


# -- beside other tools ------------------------------------------------------------------------------------------------

BASH = {"name": "Bash", "input_schema": {"type": "object", "properties": {}}}


def beside(style: SearchStyle | None, choice: Json | None = None) -> tuple[Json, list[str]]:
    whole = {**body(), "tools": [BASH, tool()], "tool_choice": choice}
    sent, losses, *_ = translate(messages.check(whole), aimed(style))
    return sent, [f"{each.path} {each.sort}" for each in losses]


def test_a_search_stands_beside_functions_where_the_backend_allows_both() -> None:
    sent, losses = beside(SearchStyle.OPENROUTER)
    assert [each["type"] for each in sent["tools"]] == ["function", "openrouter:web_search"]
    assert losses == []
    sent, losses = beside(SearchStyle.ALWAYS)
    assert [each["type"] for each in sent["tools"]] == ["function"]
    assert losses == []


@pytest.mark.parametrize("style", [None, SearchStyle.NONE, SearchStyle.NATIVE, SearchStyle.OPTIONS, SearchStyle.GROQ])
def test_elsewhere_the_functions_stay_and_the_search_is_a_loss(style: SearchStyle | None) -> None:
    sent, losses = beside(style, {"type": "any"})
    assert [each["type"] for each in sent["tools"]] == ["function"]
    assert sent["tool_choice"] == "required"
    assert losses == ["tools.1 server_tool"]


def test_a_demanded_search_is_made_or_is_left_to_the_model_or_is_refused() -> None:
    demand = {"type": "tool", "name": "web_search", "disable_parallel_tool_use": True}
    sent, losses = beside(SearchStyle.ALWAYS, demand)
    assert "tool_choice" not in sent
    assert sent["parallel_tool_calls"] is False
    assert losses == []
    _, losses = beside(SearchStyle.OPENROUTER, demand)
    assert losses == ["tool_choice tool_choice"]
    with pytest.raises(Unsupported) as caught:
        beside(SearchStyle.OPTIONS, demand)
    assert caught.value.path == "tool_choice"


def test_a_search_without_a_backend_that_makes_it_leaves_no_tools_behind() -> None:
    wish, losses, _ = asked(None)
    assert wish == {}
    assert losses == [("tools.0", False), ("tool_choice", False)]


def test_a_search_that_may_not_be_made_is_not_asked_for() -> None:
    wish, losses, _ = asked(SearchStyle.ALWAYS)
    assert (wish, losses) == ({}, [])
    spent = messages.check({**body(), "tools": [tool(max_uses=0)]})
    assert given(spent, aimed(SearchStyle.GROQ)) is None


def test_the_dialect_says_what_was_searched_for() -> None:
    for style, searches in ((SearchStyle.ALWAYS, True), (None, False)):
        encoded = openai_chat.DIALECT.encode(request(**ALL), None, aimed(style))
        assert isinstance(encoded.search, Search) is searches


ROWS = [
    ("openai", "gpt-5-search-api", SearchStyle.OPTIONS),
    ("openai", "gpt-4o-mini-search-preview", SearchStyle.OPTIONS),
    ("openai", "gpt-5.5", SearchStyle.TOOL),
    ("openai", "gpt-4.1", None),
    ("openai-chat", "gpt-5.5", None),
    ("openai-responses", "gpt-4.1", SearchStyle.TOOL),
    ("openrouter", "z-ai/glm-5.3", SearchStyle.OPENROUTER),
    ("perplexity", "sonar", SearchStyle.ALWAYS),
    ("dashscope", "qwen3-max-2026-01-23", SearchStyle.ENABLE_SEARCH_AGENT),
    ("dashscope", "qwen-plus", None),
    ("zai", "glm-5.3", SearchStyle.ZAI),
    ("bigmodel", "glm-5.3", SearchStyle.BIGMODEL),
    ("groq", "openai/gpt-oss-120b", SearchStyle.GROQ),
    ("groq", "llama-4", None),
    ("anthropic", "claude-opus-5-5", SearchStyle.NATIVE),
    ("minimax-anthropic", "m3", SearchStyle.NONE),
    ("kimi-coding", "k3", None),
]


@pytest.mark.parametrize(("provider", "model", "style"), ROWS)
def test_a_providers_row_says_how_its_models_search(provider: str, model: str, style: SearchStyle | None) -> None:
    assert BACKENDS[provider].profile_of(model).search is style


def test_a_search_model_of_openais_takes_no_sampling() -> None:
    sent, *_ = translate(
        messages.check({**body(), "temperature": 1}),
        replace(aimed(None), profile=BACKENDS["openai"].profile_of("gpt-5-search-api")),
    )
    assert "temperature" not in sent
    assert "reasoning_effort" not in sent
