"""A search as it is asked for: its words, its domains, and how its failure is told."""

from typing import Any

import pytest

from addon.dialects.web.search import Search, Unsearchable, query_of, wanted
from addon.protocol import messages
from addon.protocol.deltas import Finish, Text, WebSearch
from tests.searches import ASK, QUERY, request, tool

type Json = dict[str, Any]


def asked(*tools: Json) -> Search | None:
    return wanted(messages.check({"model": "m", "messages": [{"role": "user", "content": ASK}], "tools": [*tools]}))


def test_the_clients_call_is_a_search_alone() -> None:
    options: Json = {"allowed_domains": ["a.example"], "user_location": {"type": "approximate", "country": "ES"}}
    found = wanted(request(**options))
    assert found == Search(QUERY, 0, True, ("a.example",), (), 8, {"country": "ES"})
    assert (found.path, found.spent) == ("tools.0", False)


def test_a_search_may_stand_beside_other_tools_and_say_nothing() -> None:
    found = asked({"name": "Bash"}, {"name": "Read", "type": None}, tool())
    assert found == Search(QUERY, 2, alone=False)


def test_a_request_without_such_a_tool_wants_none() -> None:
    assert asked({"name": "web_search_20250305"}) is None
    assert asked() is None


@pytest.mark.parametrize(
    "options", [{"max_uses": "8", "allowed_domains": "a.example", "user_location": "here"}, {"blocked_domains": [7]}]
)
def test_options_of_another_shape_say_nothing(options: Json) -> None:
    assert asked(tool(**options)) == Search(QUERY, 0, True)


@pytest.mark.parametrize(("max_uses", "spent"), [(None, False), (1, False), (0, True), (-1, True)])
def test_a_search_that_may_be_made_no_times_is_spent(max_uses: int | None, spent: bool) -> None:
    assert Search("q", 0, True, max_uses=max_uses).spent is spent


TURNS: dict[str, tuple[list[Json], str]] = {
    "the client's words": ([{"role": "user", "content": [{"type": "text", "text": ASK}]}], QUERY),
    "the client's words among others": (
        [{"role": "user", "content": [{"type": "text", "text": "Be quick."}, {"type": "text", "text": f"{ASK} \n"}]}],
        QUERY,
    ),
    "anybody's words": ([{"role": "user", "content": " Who won?\n"}], "Who won?"),
    "the newest of the user's": (
        [
            {"role": "user", "content": "Old?"},
            {"role": "user", "content": "New?"},
            {"role": "assistant", "content": "A"},
        ],
        "New?",
    ),
    "a picture alone": ([{"role": "user", "content": [{"type": "image", "source": {}}]}], ""),
    "nobody's": ([{"role": "assistant", "content": "A"}], ""),
}


@pytest.mark.parametrize(("turns", "query"), TURNS.values(), ids=TURNS)
def test_the_query_is_what_the_user_said_last(turns: list[Json], query: str) -> None:
    assert query_of(messages.check({"model": "m", "messages": turns})) == query


DOMAINS: list[tuple[str, str, bool]] = [
    ("a.example", "https://a.example/x", True),
    ("a.example", "https://www.A.example:8443/x?y", True),
    ("a.example", "https://na.example/", False),
    ("a.example", "https://a.example.evil.example/", False),
    ("A.example/", "http://a.example", True),
    ("https://a.example/docs", "https://a.example/docs/x", True),
    ("a.example/docs", "https://a.example/blog", False),
    ("a.example/docs/*", "https://b.a.example/docs/7", True),
    ("a.example", "https://[", False),
    ("a.example", "no address", False),
]


@pytest.mark.parametrize(("domain", "url", "matches"), DOMAINS)
def test_a_domain_stands_for_its_subdomains_and_for_what_is_under_its_path(
    domain: str, url: str, matches: bool
) -> None:
    allowing, blocking = asked(tool(allowed_domains=[domain, " "])), asked(tool(blocked_domains=[domain]))
    assert allowing
    assert blocking
    assert allowing.admits(url) is matches
    assert blocking.admits(url) is (not matches and url != "https://[")


def test_without_domains_every_page_is_admitted() -> None:
    assert Search("q", 0, True).admits("https://[")


def test_a_search_that_failed_is_told_as_one() -> None:
    found = Unsearchable("query_too_long", "No search was made.", "q").deltas
    assert found[0] == WebSearch("q", error="query_too_long")
    assert found[1] == Text("No search was made.")
    assert any(isinstance(delta, Finish) for delta in found)
