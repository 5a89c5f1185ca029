"""Brave Search's JSON, as its documentation has it."""

from typing import Any

import orjson
import pytest

from addon.dialects import ReplyContext
from addon.dialects.web import brave
from addon.dialects.web.search import Search
from addon.protocol.deltas import Source, WebSearch
from addon.protocol.errors import Kind
from tests.searches import request
from tests.stories import target

type Json = dict[str, Any]

TARGET = target("brave", "web")
CONTEXT = ReplyContext(TARGET, "x1", "BRAVE_API_KEY", search=Search("rain", 0, True))

RESULTS: list[Json] = [
    {
        "type": "search_result",
        "title": "Rain &amp; more",
        "url": "https://a.example/rain",
        "description": "It&#x27;s raining.",
        "extra_snippets": ["In the plain."],
        "age": "2 days ago",
        "page_age": "2026-11-24T10:00:00",
    },
    {"url": "https://b.example", "page_age": "2026-01-01T00:00:00"},
    {"title": "a result without an address"},
]


def read(reply: Json) -> WebSearch:
    search, *_ = brave.DIALECT.decode_whole(orjson.dumps(reply), CONTEXT)
    assert isinstance(search, WebSearch)
    return search


def test_as_many_results_as_there_may_be_are_asked_for_without_marks() -> None:
    url = brave.DIALECT.encode(request(), None, TARGET).wire.url
    assert url == "https://api.search.brave.com/res/v1/web/search?count=20&text_decorations=false&q=rain+in+spain"


def test_results_are_read() -> None:
    assert read({"type": "search", "query": {"original": "rain"}, "web": {"results": RESULTS}}).found == (
        Source("https://a.example/rain", "Rain & more", "It's raining.\nIn the plain.", "2 days ago"),
        Source("https://b.example", "https://b.example", "", "2026-01-01T00:00:00"),
    )


@pytest.mark.parametrize("reply", [{"type": "search"}, {"web": {}}, {"web": {"results": []}}, {"web": None}])
def test_nothing_found_is_no_fault(reply: Json) -> None:
    assert read(reply).found == ()


def test_a_refused_key_is_named() -> None:
    error = {"id": "1", "status": 422, "code": "SUBSCRIPTION_TOKEN_INVALID", "detail": "The token is invalid."}
    told = brave.DIALECT.decode_error(422, {}, orjson.dumps({"type": "ErrorResponse", "error": error}), CONTEXT)
    assert (told.kind, told.message) == (
        Kind.CREDENTIAL,
        "brave/web refused the credential in BRAVE_API_KEY: The token is invalid.",
    )
