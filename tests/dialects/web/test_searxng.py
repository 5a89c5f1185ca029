"""SearXNG's JSON, as its documentation and its source have it."""

from typing import Any

import orjson
import pytest

from addon.dialects import ReplyContext
from addon.dialects.web import searxng
from addon.dialects.web.search import Search
from addon.protocol.deltas import Source, Text, WebSearch
from tests.searches import request
from tests.stories import target

type Json = dict[str, Any]

TARGET = target("searxng", "web")
CONTEXT = ReplyContext(TARGET, "x1", search=Search("rain", 0, True))

REPLY: Json = {
    "query": "rain",
    "number_of_results": 0,
    "results": [
        {
            "url": "https://a.example/rain",
            "title": "Rain",
            "content": "It rains.",
            "publishedDate": "2026-11-02T00:00:00",
            "engine": "brave",
            "engines": ["brave", "mojeek"],
            "score": 2.5,
            "category": "general",
        },
        {"url": "https://b.example", "title": "", "content": None, "publishedDate": None},
        {"title": "a result without an address"},
        {"url": 5, "title": "an address that is none"},
        "no result",
    ],
    "answers": [{"answer": "42 mm", "url": "https://w.example"}, "an answer of old", {"url": "https://x.example"}, 7],
    "corrections": [],
    "infoboxes": [],
    "suggestions": ["rain in spain"],
    "unresponsive_engines": [["duckduckgo", "CAPTCHA"]],
}


def read(reply: Json) -> tuple[WebSearch, str]:
    search, text, *_ = searxng.DIALECT.decode_whole(orjson.dumps(reply), CONTEXT)
    assert isinstance(search, WebSearch)
    assert isinstance(text, Text)
    return search, text.text


def test_json_is_asked_for() -> None:
    url = searxng.DIALECT.encode(request(), None, TARGET).wire.url
    assert url == "https://backend.invalid/v1/search?format=json&q=rain+in+spain"


def test_results_and_answers_are_read() -> None:
    search, text = read(REPLY)
    assert search.found == (
        Source("https://a.example/rain", "Rain", "It rains.", "2026-11-02T00:00:00"),
        Source("https://b.example", "https://b.example"),
    )
    assert text.startswith('SearXNG found for "rain":')
    assert text.endswith("\n\nAnswer: 42 mm\n\nAnswer: an answer of old".replace("\n\n", "\n\n"))
    assert "duckduckgo" not in text


def test_where_nothing_is_found_the_engines_that_did_not_answer_are_named() -> None:
    _, text = read({**REPLY, "results": [], "answers": None})
    assert text == 'SearXNG found nothing for "rain".\n\nThese did not answer: duckduckgo (CAPTCHA).'
    odd = [["duckduckgo", "CAPTCHA"], "bing", []]
    assert read({"results": [], "unresponsive_engines": odd})[1] == text
    assert read({"results": []})[1] == 'SearXNG found nothing for "rain".'


@pytest.mark.parametrize("page", [b"<!doctype html><title>403 Forbidden</title>", b""])
def test_an_instance_without_json_says_how_to_turn_it_on(page: bytes) -> None:
    message = searxng.DIALECT.decode_error(403, {}, page, CONTEXT).message
    assert "Add `json` to `search: formats:` in its settings.yml" in message
