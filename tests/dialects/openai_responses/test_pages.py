"""Searches and citations of one response, in their order."""

from typing import Any

from addon.dialects.openai_responses.pages import Pages
from addon.dialects.web.search import Search
from addon.protocol.deltas import Citation, Delta, Source, Unread, WebSearch

type Json = dict[str, Any]

ALONE = Search("rain", 0, alone=True)
BESIDE = Search("rain", 0, alone=False, blocked=("b.example",))
A, B = Source("https://a.example/", "A"), Source("https://b.example/", "B")
BARE = Source("https://a.example/", "https://a.example/")


def call(*urls: str, **more: Any) -> Json:
    action = {"type": "search", "query": "q", "sources": [{"url": url} for url in urls]}
    return {"status": "completed", "action": action, **more}


def cite(page: Source) -> Json:
    return {"type": "url_citation", "url": page.url, "title": page.title}


def told(search: Search | None, *events: Json) -> list[Delta]:
    pages, deltas = Pages(search), list[Delta]()
    for event in events:
        (pages.cite if "type" in event else pages.searched)(event, deltas)
    return [*deltas, *pages.close()]


def test_a_search_beside_functions_is_told_at_once_without_blocked_pages() -> None:
    assert told(BESIDE, call(A.url, B.url), cite(A)) == [WebSearch("q", (BARE,)), Citation(A)]


def test_a_search_that_is_all_waits_for_titles_and_for_what_is_cited_besides() -> None:
    assert told(ALONE, call(A.url), cite(A), cite(B)) == [Citation(A), Citation(B), WebSearch("q", (A, B))]


def test_pages_that_are_cited_without_a_search_were_found_by_one_where_one_was_asked_for() -> None:
    assert told(ALONE, cite(A)) == [Citation(A), WebSearch("rain", (A,))]
    assert told(BESIDE, cite(A)) == [Citation(A)]
    assert told(None, cite(A), cite(A)) == [Citation(A)]


def test_a_failed_search_is_told_as_one() -> None:
    assert told(ALONE, call(status="failed"), cite(A)) == [Citation(A), WebSearch("q", error="unavailable")]


def test_queries_may_be_several_or_none() -> None:
    several = {"action": {"queries": ["a", "b"]}}
    assert told(BESIDE, several, {"action": None}) == [WebSearch("a; b"), WebSearch("rain")]
    assert told(None, {"action": {}}) == [WebSearch("")]


def test_what_is_done_with_a_page_says_nothing() -> None:
    assert told(BESIDE, {"action": {"type": "open_page", "url": A.url}}) == []


def test_what_cites_no_page_is_unread() -> None:
    kinds = ("file_citation", "url_citation")
    assert told(None, *({"type": kind} for kind in kinds)) == [Unread(f"annotations.{kind}") for kind in kinds]
    deltas: list[Delta] = []
    Pages(None).cite("x", deltas)
    assert deltas == [Unread("annotations.None")]
