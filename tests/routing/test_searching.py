"""Who makes the client's searches: the model's own search, the configured endpoint, or nobody, honestly."""

from collections.abc import Mapping
from typing import Any

import pytest

from addon.protocol import messages
from addon.protocol.deltas import Text, WebSearch
from addon.routing.call import Call
from addon.routing.route import Route, choose
from addon.routing.searching import Unasked, settle
from addon.routing.settings import Settings
from addon.settings import document_text
from addon.settings.assembly import configure
from tests.searches import ASK, QUERY, body, tool

type Json = dict[str, Any]

NOTHING: Mapping[str, str] = {}
SEARXNG = {"SEARXNG_API_BASE": "http://find.example"}
BRAVE = {"BRAVE_API_KEY": "k"}
MODELS = {"OPENAI_API_KEY": "k", "OPENROUTER_API_KEY": "k", "PERPLEXITY_API_KEY": "k", "MINIMAX_API_KEY": "k"}


def settings(text: str = "", **values: str) -> Settings:
    written, place, _ = document_text.parse(text, "detour.yaml")
    return configure(written, {**MODELS, **values}, place).settings()


def settled(
    big: str, text: str = "", values: Mapping[str, str] = NOTHING, request: Json | None = None
) -> Route | Unasked:
    found = settings(text, BIG_MODEL=big, **values)
    asked = request or body()
    return settle(choose(Call(asked), found), messages.check(asked), found)


def route(found: Route | Unasked) -> Route:
    assert isinstance(found, Route)
    return found


def unasked(found: Route | Unasked) -> Unasked:
    assert isinstance(found, Unasked)
    return found


WHO: list[tuple[str, str, dict[str, str], str]] = [
    # the model's own search comes first
    ("openrouter/z", "", {**SEARXNG, **BRAVE}, "openrouter/z"),
    ("perplexity/sonar", "search: brave", BRAVE, "perplexity/sonar"),
    ("openai/gpt-5-search-api", "", SEARXNG, "openai/gpt-5-search-api"),
    ("openai/gpt-5.5", "", SEARXNG, "openai/gpt-5.5"),
    ("openrouter-anthropic/z", "", SEARXNG, "openrouter-anthropic/z"),
    # then the endpoint that is named, else SearXNG, else Brave
    ("openai/gpt-4.1", "", {**SEARXNG, **BRAVE}, "searxng/web"),
    ("openai/gpt-4.1", "", BRAVE, "brave/web"),
    ("openai/gpt-4.1", "search: brave", {**SEARXNG, **BRAVE}, "brave/web"),
    ("openai/gpt-4.1", "search: perplexity/sonar", SEARXNG, "perplexity/sonar"),
    ("openai/gpt-4.1", "backends: {searxng: {address: 'http://mine'}}", BRAVE, "searxng/web"),
    ("openai/gpt-4.1", "backends: {mine: {like: searxng, address: 'http://mine'}}\nsearch: mine", {}, "mine/web"),
    ("minimax-anthropic/m3", "", SEARXNG, "searxng/web"),
    ("ollama-anthropic/q", "", SEARXNG, "searxng/web"),
    # of a backend of Anthropic's format nobody knows: where an endpoint is set up, that is sure
    ("kimi-coding/k3", "", {**SEARXNG, "KIMI_API_KEY": "k"}, "searxng/web"),
    ("kimi-coding/k3", "", {"KIMI_API_KEY": "k"}, "kimi-coding/k3"),
    ("kimi-coding/k3", "backends: {kimi-coding: {profile: {search: native}}}", {**SEARXNG, "KIMI_API_KEY": "k"},
     "kimi-coding/k3"),
    # a route of the user's
    ("openai/gpt-4.1", "routes: {web_search: searxng/web}", SEARXNG, "searxng/web"),
    ("openai/gpt-4.1", "routes: {web_search: openrouter/z}", SEARXNG, "openrouter/z"),
    ("openai/gpt-4.1", "routes: {web_search: anthropic}", SEARXNG, "anthropic"),
]  # fmt: skip


@pytest.mark.parametrize(("big", "text", "values", "name"), WHO)
def test_a_search_goes_to_whoever_can_make_it(big: str, text: str, values: dict[str, str], name: str) -> None:
    assert route(settled(big, text, values=values)).name == name


def test_the_reason_says_why_another_searches_and_what_set_it_up() -> None:
    text = "routes: [{when: {tool: web_search}, effort: low}]"
    found = route(settled("openai/gpt-4.1", text, values=SEARXNG))
    assert found.reason.startswith("BIG_MODEL answers opus; route 1 ")
    assert found.reason.endswith("; openai/gpt-4.1 does not search, searxng/web does (SEARXNG_API_BASE)")
    assert not found.changes, "what a route changes is for a model"
    assert route(settled("openai/gpt-4.1", "search: brave", values=BRAVE)).reason.endswith(
        "does (search (detour.yaml, line 1))"
    )


NOBODY = [("openai/gpt-4.1", ""), ("openai/gpt-4.1", "search: off"), ("minimax-anthropic/m3", "")]


@pytest.mark.parametrize(("big", "text"), NOBODY)
def test_where_nobody_searches_it_is_said_and_how_to_change_it(big: str, text: str) -> None:
    values = SEARXNG if text else {}
    found = unasked(settled(big, text, values=values))
    assert isinstance(found.deltas[0], Text)
    words = found.deltas[0].text
    assert words.startswith(f"No search was made: {big} has no web search of its own")
    assert all(name in words for name in ("SEARXNG_API_BASE", "BRAVE_API_KEY", "`web_search:`"))
    assert found.why == f"BIG_MODEL answers opus; {big} does not search, and no search endpoint is set up"


@pytest.mark.parametrize("big", ["openai/gpt-4.1", "perplexity/sonar"])
def test_a_search_that_may_not_be_made_fails_as_anthropics_own(big: str) -> None:
    found = unasked(settled(big, request={**body(), "tools": [tool(max_uses=0)]}, values=SEARXNG))
    assert found.deltas[0] == WebSearch(QUERY, error="max_uses_exceeded")


BASH = {"name": "Bash", "input_schema": {"type": "object"}}
OTHERS: list[Json] = [
    {"tools": [BASH, tool()]},
    {"tools": [BASH]},
    {"tools": None, "messages": [{"role": "user", "content": ASK}]},
]


@pytest.mark.parametrize("other", OTHERS, ids=str)
def test_any_other_call_keeps_its_route(other: Json) -> None:
    assert route(settled("openai/gpt-4.1", request={**body(), **other}, values=SEARXNG)).name == "openai/gpt-4.1"


def test_what_passes_to_anthropic_stays_untouched() -> None:
    found = settings(SMALL_MODEL="openai/gpt-4.1", **SEARXNG)
    passing = choose(Call(body()), found)
    assert settle(passing, messages.check(body()), found) is passing
    changing = settings("routes: [{when: {tool: web_search}, max_tokens: 7}]", **SEARXNG)
    home = choose(Call(body()), changing)
    assert home.destination
    assert home.destination.is_home
    assert settle(home, messages.check(body()), changing) is home
