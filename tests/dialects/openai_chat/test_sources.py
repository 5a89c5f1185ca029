"""What backends say they found, wherever they say it."""

from typing import Any

import pytest

from addon.dialects.openai_chat.sources import Sources
from addon.dialects.web.search import Search
from addon.protocol.deltas import Citation, Delta, Source, Unread, WebSearch

type Json = dict[str, Any]

SEARCH = Search("rain", 0, True)
A, B = Source("https://a.example", "A", "words"), Source("https://b.example", "https://b.example")


def read(*said: tuple[str, Any], search: Search | None = None) -> tuple[list[Delta], list[Delta]]:
    """What is told at once, and what is told at the end."""
    sources, deltas = Sources(search), list[Delta]()
    for key, value in said:
        sources.read({key: value, "elsewhere": 7}, {key}, deltas)
    return deltas, [*sources.close()]


def cited(**page: Any) -> Json:
    return {"type": "url_citation", "url_citation": page}


OPENROUTER = cited(url="https://a.example", title="A", content="words", start_index=1, end_index=5)
OPENAI = {"type": "url_citation", "url": "https://a.example", "title": "A", "cited_text": "words"}


@pytest.mark.parametrize("annotation", [OPENROUTER, OPENAI])
def test_an_annotation_is_a_citation_at_once(annotation: Json) -> None:
    assert read(("annotations", [annotation])) == ([Citation(A)], [])


def test_a_page_is_cited_once_and_found_once() -> None:
    again = cited(url="https://a.example", title="Again")
    assert read(("annotations", [OPENROUTER, again]), ("annotations", [again])) == ([Citation(A)], [])
    told, end = read(("annotations", [OPENROUTER, again]), search=SEARCH)
    assert (told, end) == ([Citation(A)], [WebSearch("rain", (A,))])


ODD: list[tuple[str, Any, list[str]]] = [
    ("annotations", [{"type": "file", "file": {}}], ["annotations.file"]),
    ("annotations", [cited(title="no address")], ["annotations.url_citation"]),
    ("annotations", ["x"], ["annotations.None"]),
    ("annotations", "x", ["annotations.None"]),
    ("citations", [7], ["citations"]),
    ("search_results", 7, ["search_results"]),
    ("search_info", "x", ["search_info"]),
    ("citations", ["[1]"], ["citations"]),
    ("search_info", {"search_results": None}, ["search_info"]),
    ("executed_tools", [7], ["executed_tools"]),
    ("executed_tools", 7, ["executed_tools"]),
]


@pytest.mark.parametrize(("key", "value", "paths"), ODD)
def test_what_has_another_shape_is_told_as_unread(key: str, value: Any, paths: list[str]) -> None:
    assert read((key, value))[0] == [Unread(path) for path in paths]


PERPLEXITY = [{"id": 1, "url": "https://a.example", "title": "A", "snippet": "words", "date": None, "source": "web"}]
ZAI = [{"icon": "i", "title": "A", "link": "https://a.example", "content": "words", "media": "m", "refer": "ref_1"}]

BESIDE: list[tuple[str, Any]] = [
    ("search_results", PERPLEXITY),
    ("web_search", ZAI),
    ("search_info", {"search_results": [{"index": 1, "title": "A", "url": "https://a.example", "content": "words"}]}),
]


@pytest.mark.parametrize(("key", "value"), BESIDE)
def test_pages_beside_the_choices_are_told_at_the_end(key: str, value: Any) -> None:
    assert read((key, value), (key, value)) == ([], [Citation(A)])
    assert read((key, value), (key, value), search=SEARCH) == ([], [WebSearch("rain", (A,))])


def test_bare_addresses_add_only_what_is_not_known() -> None:
    citations = ("citations", ["https://a.example", "https://b.example"])
    for said in ((citations, ("search_results", PERPLEXITY)), (("search_results", PERPLEXITY), citations)):
        assert read(*said, search=SEARCH)[1] == [WebSearch("rain", (A, B))]


def test_dates_are_kept_as_they_are() -> None:
    page = {**ZAI[0], "publish_date": "2026-11-01"}
    [search] = read(("web_search", [page]), search=SEARCH)[1]
    assert isinstance(search, WebSearch)
    assert search.found[0].age == "2026-11-01"


def executed(index: Any, arguments: Any, **more: Any) -> Json:
    return {"index": index, "type": "browser_search", "arguments": arguments, **more}


RESULTS = {"search_results": {"results": [{"title": "A", "url": "https://a.example", "content": "words", "score": 1}]}}


def test_each_tool_that_groq_executed_is_a_search_of_its_own() -> None:
    first = executed(0, '{"query": "rain today", "topn": 10}')
    opened = executed(1, '{"id": 3}', browser_results=[{"title": "B", "url": "https://b.example"}])
    said = [
        ("executed_tools", [first]),
        ("executed_tools", [{**first, **RESULTS}, opened]),
        ("executed_tools", [first]),
    ]
    found = Source("https://b.example", "B")
    assert read(*said, search=SEARCH) == ([], [WebSearch("rain today", (A,)), WebSearch("rain", (found,))])
    assert read(*said) == ([], [Citation(A), Citation(found)])


@pytest.mark.parametrize("arguments", [None, "{", "7", '{"query": 7}', {}])
def test_a_tool_without_a_query_searched_for_what_was_asked(arguments: Any) -> None:
    said = ("executed_tools", [executed([], arguments, **RESULTS)])
    assert read(said, search=SEARCH)[1] == [WebSearch("rain", (A,))]


def test_a_tool_that_found_nothing_is_no_search() -> None:
    assert read(("executed_tools", [executed(0, '{"query": "x"}')]), search=SEARCH) == ([], [])


def test_where_no_pages_are_told_no_search_is() -> None:
    assert read(search=SEARCH) == ([], [])


def test_pages_of_other_domains_are_left_out() -> None:
    only = Search("rain", 0, True, allowed=("b.example",))
    assert read(("citations", [A.url, B.url]), search=only)[1] == [WebSearch("rain", (B,))]


def test_what_says_nothing_of_pages_is_unread_and_what_is_empty_says_nothing() -> None:
    assert read(("audio", {"id": 1}), ("images", []), ("citations", None)) == ([Unread("audio")], [])
