"""The real client's WebSearch where another model than Claude asked for it: who searches, and what the model reads.

The client makes a call of its own for the search, and hands what it found to the model as the result of a tool.
"""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.end_to_end.client import API_KEY, DOORS, ClaudeCode, Door, Run
from tests.end_to_end.fakes import KEY, FakeBackend, Received, serving, when
from tests.end_to_end.proxy import Proxy, free_ports, running, wait_until
from tests.end_to_end.replies import Answer, Page, Reply, answer, call
from tests.end_to_end.search_fakes import BRAVE_KEY, FORBIDDEN, SearchFake
from tests.end_to_end.strictness import Vendor

pytestmark = pytest.mark.client

SETTINGS = """\
backends:
  searxng: {{address: '{searxng}'}}
  brave: {{address: '{brave}', credential: '${{BRAVE_API_KEY}}'}}
routes:
  - {{name: brave for the small, when: {{kind: websearch, tier: haiku}}, to: brave/web}}
"""
MODELS = {
    "BIG_MODEL": "openai/gpt-5.5",
    "MIDDLE_MODEL": "openrouter/z-ai/glm-5.3",
    "SMALL_MODEL": "openai/gpt-5.5-mini",
}
RAIN = Page("https://www.aemet.example/rain", "Rain in Spain", "It rains mainly in the north.")
PLAIN = Page("https://plain.example/", "The plain", "It stays dry.")
WEATHER = Page("https://spam.example/weather", "Weather!!!", "Click here.")
LIMIT_S = 10  # a flow is saved a moment after the client has its reply


def models(fake: FakeBackend) -> dict[str, str]:
    """The environment in which this backend is asked for all of them."""
    at = {"BASE": fake.base_url, "KEY": KEY}
    return {**MODELS, **{f"{name}_API_{part}": at[part] for name in ("OPENAI", "OPENROUTER", "GEMINI") for part in at}}


@pytest.fixture(scope="module")
def searxng() -> Iterator[SearchFake]:
    with serving(SearchFake("searxng")) as fake:
        yield fake


@pytest.fixture(scope="module")
def brave() -> Iterator[SearchFake]:
    with serving(SearchFake("brave")) as fake:
        yield fake


@pytest.fixture(scope="module")
def searching(
    _fake: FakeBackend, searxng: SearchFake, brave: SearchFake, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Proxy]:
    home = tmp_path_factory.mktemp("searching")
    settings = SETTINGS.format(searxng=searxng.base_url, brave=brave.base_url)
    (home / "detour.yaml").write_text(settings, encoding="utf-8")
    with running(home, {**models(_fake), "BRAVE_API_KEY": BRAVE_KEY}) as proxy:
        yield proxy
        proxy.verify()
    for key in (KEY, BRAVE_KEY):
        proxy.verify_secrets(key, API_KEY)


@pytest.fixture(params=DOORS)
def user(request: pytest.FixtureRequest, searching: Proxy, tmp_path: Path) -> ClaudeCode:
    door: Door = request.param
    return ClaudeCode(door, searching, tmp_path / "home")


def search(
    claude: ClaudeCode,
    backend: FakeBackend,
    *replies: Reply,
    options: Sequence[str] = (),
    vendor: Vendor = "openai",
    **domains: list[str],
) -> Run:
    """One turn in which the model searches; `replies` are those of the search itself, where the backend makes it."""
    asks = answer("", call("WebSearch", query="rain in spain", **domains))
    backend.script(
        when(lambda request: not of_search(request), asks, answer("It rains.")),
        *([when(of_search, *replies)] if replies else []),
        vendor=vendor,
    )
    run = claude.run("Does it rain?", options=["--allowedTools", "WebSearch", *options])
    assert (run.exit_code, run.text, run.notices("api_retry")) == (0, "It rains.", [])
    return run


def of_search(request: Received) -> bool:
    return "Perform a web search for the query" in request.text


def read(backend: FakeBackend) -> str:
    """What the model reads as the result of its search, without what the client says around it."""
    told = backend.received[-1].said("tool")[-1].text
    head, reminder = 'Web search results for query: "rain in spain"\n\n', "\n\n\nREMINDER: "
    assert told.startswith(head), told
    return told.removeprefix(head).partition(reminder)[0]


def links(*pages: Page) -> str:
    shown = [{"title": page.title, "url": page.url} for page in pages]
    return f"Links: {json.dumps(shown, separators=(',', ':'))}"


def told_of(proxy: Proxy) -> str:
    """Comment and reason of the newest flow of a search that is saved."""
    calls = [state for state in proxy.saved() if "websearch" in state["comment"]]
    return f"{calls[-1]['comment']}: {calls[-1]['metadata']['detour']['reason']}" if calls else ""


def test_a_search_endpoint_searches_for_a_model_that_does_not(
    user: ClaudeCode, backend: FakeBackend, searxng: SearchFake
) -> None:
    searxng.finds(RAIN, PLAIN)
    search(user, backend)
    searxng.verify()
    assert searxng.queries == ["rain in spain"]
    assert read(backend).startswith(f"{links(RAIN, PLAIN)}\n\n"), "titles and addresses"
    assert RAIN.text in read(backend), "and the text, which the client takes from no result"
    assert [of_search(request) for request in backend.received] == [False, False]


def test_the_flow_of_a_search_says_who_searched(user: ClaudeCode, backend: FakeBackend, searxng: SearchFake) -> None:
    searxng.finds(RAIN)
    search(user, backend)
    expected = "openai/gpt-5.5 does not search, searxng/web does"
    wait_until(lambda: expected in told_of(user.proxy), LIMIT_S, lambda: told_of(user.proxy))


def test_the_domains_of_a_search_are_asked_for_and_no_page_of_another_is_told(
    user: ClaudeCode, backend: FakeBackend, searxng: SearchFake
) -> None:
    searxng.finds(WEATHER, RAIN, PLAIN)
    search(user, backend, allowed_domains=["aemet.example", "plain.example"])
    searxng.verify()
    assert searxng.queries == ["rain in spain (site:aemet.example OR site:plain.example)"]
    assert read(backend).startswith(f"{links(RAIN, PLAIN)}\n\n")
    assert WEATHER.title not in read(backend)


def test_a_route_sends_searches_to_brave(user: ClaudeCode, backend: FakeBackend, brave: SearchFake) -> None:
    brave.finds(WEATHER, RAIN)
    search(user, backend, options=["--model", "haiku"], blocked_domains=["spam.example"])
    brave.verify()
    assert brave.queries == ["rain in spain -site:spam.example"]
    assert read(backend).startswith(f"{links(RAIN)}\n\n")
    assert WEATHER.title not in read(backend)


def test_a_model_that_searches_is_asked_to(user: ClaudeCode, backend: FakeBackend, searxng: SearchFake) -> None:
    searxng.finds(PLAIN)
    found = Answer("Mostly in the north.", cites=(RAIN,))
    search(user, backend, found, options=["--model", "sonnet"], vendor="openrouter", allowed_domains=["aemet.example"])
    [asked] = [request for request in backend.received if of_search(request)]
    [tool] = asked.body["tools"]
    assert tool["type"] == "openrouter:web_search"
    assert tool["parameters"]["allowed_domains"] == ["aemet.example"]
    assert read(backend) == f"Mostly in the north.\n\n{links(RAIN)}"
    assert searxng.queries == []


def test_gemini_asks_google(user: ClaudeCode, backend: FakeBackend, searxng: SearchFake) -> None:
    searxng.finds(PLAIN)
    found = Answer("Mostly in the north.", cites=(RAIN, WEATHER))
    options = ["--model", "gemini/gemini-3.8-flash"]
    search(user, backend, found, options=options, blocked_domains=["spam.example"])
    [asked] = [request for request in backend.received if of_search(request)]
    assert asked.body["tools"] == [{"googleSearch": {}}]
    assert "Use no page of these domains: spam.example" in asked.said("system")[0].text
    assert read(backend) == f"Mostly in the north.\n\n{links(RAIN)}"
    assert searxng.queries == []


def test_a_search_endpoint_that_refuses_costs_no_time_and_is_told_to_the_model(
    user: ClaudeCode, backend: FakeBackend, searxng: SearchFake
) -> None:
    searxng.answers(FORBIDDEN)
    search(user, backend)
    assert len(searxng.queries) == 1, "asked again"
    assert read(backend).startswith("Web search error: unavailable\n\nThe search failed. searxng/web: ")
    assert "Add `json` to `search: formats:`" in read(backend), "the way out"


@pytest.mark.parametrize("door", DOORS)
def test_a_search_endpoint_that_is_down_is_told_to_the_model(door: Door, backend: FakeBackend, tmp_path: Path) -> None:
    [port] = free_ports(1)
    with running(tmp_path / "proxy", {**models(backend), "SEARXNG_API_BASE": f"http://127.0.0.1:{port}"}) as proxy:
        search(ClaudeCode(door, proxy, tmp_path / "home"), backend)
        proxy.verify()
    assert read(backend).startswith("Web search error: unavailable\n\nThe search failed. searxng/web")


def test_where_nobody_searches_the_model_is_told_so(claude: ClaudeCode, backend: FakeBackend) -> None:
    search(claude, backend)
    assert read(backend).startswith("No search was made: openai/gpt-5.5 has no web search of its own")
    assert "SEARXNG_API_BASE" in read(backend)
    assert [of_search(request) for request in backend.received] == [False, False]
    wait_until(lambda: "no search endpoint is set up" in claude.proxy.log, LIMIT_S, lambda: claude.proxy.log)
