"""What Google's own search found becomes searches and citations."""

from typing import Any

import pytest

from addon.dialects.gemini.grounding import Grounding
from addon.dialects.web.search import Search
from addon.protocol.deltas import Citation, Delta, Source, WebSearch

type Json = dict[str, Any]

LINK = "https://vertexaisearch.cloud.google.com/grounding-api-redirect/A"
SEARCH = Search("rain", 0, True)
AEMET, OTHER = Source(f"{LINK}1", "aemet.es"), Source("https://example.org/a", "Example")


def chunk(page: Source) -> Json:
    return {"web": {"uri": page.url, "title": page.title}}


TOLD: Json = {
    "webSearchQueries": ["rain in spain", "weather"],
    "groundingChunks": [chunk(AEMET), chunk(OTHER), {"maps": {"uri": "https://maps"}}],
    "groundingSupports": [
        {"segment": {"text": "It rains."}, "groundingChunkIndices": [0, 2, 9]},
        {"segment": {"text": "Much."}, "groundingChunkIndices": [0, 1]},
    ],
}
CITED: list[Delta] = [
    Citation(Source(AEMET.url, AEMET.title, "It rains.")),
    Citation(Source(OTHER.url, OTHER.title, "Much.")),
]


def told(*metadata: Any, search: Search | None = SEARCH) -> list[Delta]:
    grounding = Grounding(search)
    for each in metadata:
        grounding.read(each)
    return list(grounding.close())


def test_a_page_is_cited_once_and_found_behind_the_text() -> None:
    assert told(TOLD) == [*CITED, WebSearch("rain in spain; weather", (AEMET, OTHER))]


def test_pages_of_a_search_that_nobody_asked_for_are_cited_only() -> None:
    assert told(TOLD, search=None) == CITED


def test_the_last_that_tells_of_pages_counts() -> None:
    assert told({}, TOLD, {"searchEntryPoint": {}}) == told(TOLD)


def test_a_search_without_queries_is_the_one_that_was_asked_for() -> None:
    assert told({"groundingChunks": [chunk(AEMET)]}) == [WebSearch("rain", (AEMET,))]


def test_the_host_of_a_page_behind_googles_link_is_its_title() -> None:
    allowed = Search("rain", 0, True, allowed=("aemet.es",))
    blocked = Search("rain", 0, True, blocked=("example.org",))
    for search in (allowed, blocked):
        assert told(TOLD, search=search)[-1] == WebSearch("rain in spain; weather", (AEMET,))


def test_a_page_without_a_title_is_called_by_its_domain() -> None:
    named = {"groundingChunks": [{"web": {"uri": LINK, "domain": "aemet.es"}}, {"web": {"uri": "u"}}]}
    assert told(named) == [WebSearch("rain", (Source(LINK, "aemet.es"), Source("u", "u")))]


@pytest.mark.parametrize(
    "odd",
    [None, [], "x", {}, {"searchEntryPoint": {}}, {"groundingSupports": ["x", {"groundingChunkIndices": ["0", -1]}]}],
)
def test_what_tells_of_no_page_is_nothing(odd: Any) -> None:
    assert told(odd) == []


def test_a_search_that_found_nothing_is_told() -> None:
    assert told({"webSearchQueries": ["a", 1]}) == [WebSearch("a", ())]
