"""The strict search endpoints would be worthless if they let things pass: each rule is shown to catch a violation."""

from typing import Any, Literal

import pytest

from tests.end_to_end.fakes import Received
from tests.end_to_end.search_fakes import BRAVE_KEY, SearchFake

TOKEN = {"x-subscription-token": BRAVE_KEY}
HEADERS = {"host": "127.0.0.1", "accept": "application/json", "accept-encoding": "identity", "user-agent": "detour"}
SEARXNG: dict[str, Any] = {"path": "/search?q=rain&format=json", "headers": HEADERS, "body": None, "method": "GET"}
BRAVE = {**SEARXNG, "path": "/res/v1/web/search?q=rain&count=20", "headers": HEADERS | TOKEN}
SPOILED: dict[str, tuple[Literal["searxng", "brave"], dict[str, Any], str]] = {
    "another method": ("searxng", {"method": "POST"}, "only GET /search is served"),
    "another path": ("brave", {"path": "/web/search?q=rain"}, "only GET /res/v1/web/search is served"),
    "a body": ("searxng", {"body": {"model": "gpt-5.5"}}, "a body"),
    "no format": ("searxng", {"path": "/search?q=rain"}, "a page for people"),
    "an unknown parameter": ("searxng", {"path": "/search?q=rain&format=json&system=x"}, "unknown parameters"),
    "no query": ("searxng", {"path": "/search?q=&format=json"}, "no query"),
    "a key": ("searxng", {"headers": {**HEADERS, "authorization": "Bearer sk"}}, "not on the allow list"),
    "another's key": ("searxng", {"headers": HEADERS | TOKEN}, "not on the allow list"),
    "the client's name": ("searxng", {"headers": {**HEADERS, "user-agent": "claude-cli/2"}}, "names the client"),
    "no key": ("brave", {"headers": HEADERS}, "not the key"),
    "too many results": ("brave", {"path": "/res/v1/web/search?q=rain&count=21"}, "count 21"),
    "too many words": ("brave", {"path": f"/res/v1/web/search?q={'rain+' * 51}"}, "51 words"),
    "too long a query": ("brave", {"path": f"/res/v1/web/search?q={'r' * 401}"}, "401 characters"),
}


@pytest.mark.parametrize(("kind", "request_"), [("searxng", SEARXNG), ("brave", BRAVE)])
def test_takes_what_the_real_one_takes(kind: Literal["searxng", "brave"], request_: dict[str, Any]) -> None:
    fake = SearchFake(kind)
    fake.answer(Received(**request_))
    fake.verify()
    assert fake.queries == ["rain"]


@pytest.mark.parametrize("spoiled", SPOILED)
def test_catches_a_spoiled_request(spoiled: str) -> None:
    kind, change, expected = SPOILED[spoiled]
    fake = SearchFake(kind)
    fake.answer(Received(**{**(SEARXNG if kind == "searxng" else BRAVE), **change}))
    [fault] = fake.faults
    assert expected in fault
    with pytest.raises(AssertionError):
        fake.verify()
