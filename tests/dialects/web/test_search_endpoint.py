"""A search endpoint behind the protocol of dialects: the query it is sent, what is made of its replies and failures."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import orjson
import pytest

from addon.dialects import Encoded, ReplyContext, Target
from addon.dialects.profiles import Profile
from addon.dialects.web.search import Search, Unsearchable
from addon.dialects.web.search_endpoint import MOST_BYTES, MOST_PAGES, Engine, SearchEndpoint
from addon.protocol import messages
from addon.protocol.deltas import Delta, End, Failure, Finish, Source, StopReason, Text, Usage, WebSearch
from addon.protocol.errors import BackendError, Kind, MalformedReply, Unsupported
from tests.searches import QUERY, body, request, tool

type Json = dict[str, Any]


def pages(reply: Mapping[str, Any]) -> Iterator[Source]:
    for page in reply["pages"]:
        yield Source(page, page.upper(), "words of it", reply.get("age"))


ENGINE = Engine(
    "Finder",
    "/find",
    longest=60,
    most_words=8,
    pages=pages,
    remarks=lambda reply: reply.get("remarks", ()),
    parameters={"form": "json"},
    refusals={403: "say please.", 429: "wait."},
)
DIALECT = SearchEndpoint(ENGINE)
TARGET = Target("finder", "web", "http://find.example/api", Profile())
CONTEXT = ReplyContext(TARGET, "x1", "FINDER_KEY", search=Search(QUERY, 0, True))


def sent(encoded: Encoded) -> dict[str, list[str]]:
    return parse_qs(urlsplit(encoded.wire.url).query)


def test_a_search_is_one_get_with_the_query_alone() -> None:
    encoded = DIALECT.encode(request(), b"the client's own words", TARGET)
    assert encoded.wire.url == "http://find.example/api/find?form=json&q=rain+in+spain"
    assert (encoded.wire.method, encoded.wire.body) == ("GET", b"")
    assert encoded.wire.headers == (("accept", "application/json"), ("accept-encoding", "identity"))
    assert encoded.search
    assert encoded.search.query == QUERY
    assert encoded.losses == ()


def test_parameters_and_headers_of_the_users_are_sent_too() -> None:
    extra = {"lang": "de", "safe": True, "count": 5, "engines": ["a", "b"], "form": None, "q": "mine"}
    there = replace(TARGET, extra_body=extra, headers=(("x-team", "blue"),))
    encoded = DIALECT.encode(request(), None, there)
    assert sent(encoded) == {
        "lang": ["de"], "safe": ["true"], "count": ["5"], "engines": ["a,b"], "q": [QUERY],
    }  # fmt: skip
    assert encoded.wire.headers[-1] == ("x-team", "blue")


LONG = [f"{letter}-long-domain.example" for letter in "abc"]
QUERIES: list[tuple[Json, str]] = [
    ({"allowed_domains": ["a.example"]}, f"{QUERY} site:a.example"),
    ({"allowed_domains": ["a.example", "b.example/x/*"]}, f"{QUERY} (site:a.example OR site:b.example/x/)"),
    ({"allowed_domains": LONG}, QUERY),
    ({"blocked_domains": ["a.example", *LONG, "d"]}, f"{QUERY} -site:a.example -site:a-long-domain.example"),
    ({"blocked_domains": [*LONG[1:], "d"]}, f"{QUERY} -site:b-long-domain.example -site:d"),
    ({"blocked_domains": list("abcdefg")}, f"{QUERY} -site:a -site:b -site:c -site:d -site:e"),
]


@pytest.mark.parametrize(("options", "query"), QUERIES)
def test_domains_go_into_the_query_as_far_as_there_is_room(options: Json, query: str) -> None:
    assert sent(DIALECT.encode(request(**options), None, TARGET))["q"] == [query]


def test_a_place_is_a_loss() -> None:
    [told] = DIALECT.encode(request(user_location={"country": "ES"}), None, TARGET).losses
    assert (told.path, told.what) == ("tools.0.user_location", "Finder cannot be told where its search is made")


@pytest.mark.parametrize(
    "wish", [{"tools": []}, {"tools": [{"name": "Bash"}]}, {"tools": [tool(), {"name": "Bash"}]}], ids=str
)
def test_what_is_no_search_is_refused(wish: Json) -> None:
    with pytest.raises(Unsupported, match="finder/web answers searches of the web, and nothing else"):
        DIALECT.encode(messages.check({**body(), **wish}), None, TARGET)


UNSEARCHABLE = [
    (" ", "invalid_tool_input", "No search was made: the query is empty."),
    ("x" * 61, "query_too_long", "No search was made: Finder takes 60 characters and 8 words."),
    ("a b c d e f g h i", "query_too_long", "No search was made: Finder takes 60 characters and 8 words."),
]


@pytest.mark.parametrize(("words", "code", "message"), UNSEARCHABLE)
def test_a_query_that_cannot_be_made_has_a_code_of_anthropics(words: str, code: str, message: str) -> None:
    with pytest.raises(Unsearchable) as caught:
        DIALECT.encode(request(words), None, TARGET)
    assert (caught.value.code, caught.value.message) == (code, message)
    assert caught.value.query == words.strip()


# -- replies -----------------------------------------------------------------------------------------------------------


def whole(reply: Any, search: Search | None = None) -> list[Delta]:
    raw = reply if isinstance(reply, bytes) else orjson.dumps(reply)
    return DIALECT.decode_whole(raw, replace(CONTEXT, search=search or CONTEXT.search))


def test_what_is_found_is_a_search_and_a_text_that_lists_it() -> None:
    found = (Source("http://a.example", "HTTP://A.EXAMPLE", "words of it", "2 days ago"),)
    text = f'Finder found for "{QUERY}":\n\n1. HTTP://A.EXAMPLE (2 days ago)\nhttp://a.example\nwords of it\n\nMind it.'
    assert whole({"pages": ["http://a.example"], "age": "2 days ago", "remarks": ["Mind it."]}) == [
        WebSearch(QUERY, found),
        Text(text),
        Usage(0, 0),
        Finish(StopReason.END_TURN),
        End(),
    ]


def test_nothing_found_is_said() -> None:
    assert whole({"pages": []})[:2] == [WebSearch(QUERY), Text(f'Finder found nothing for "{QUERY}".')]


def test_pages_of_other_domains_are_left_out_and_only_so_many_are_given() -> None:
    many = [f"http://{number % 2}.example/{number}" for number in range(50)]
    [search, *_] = whole({"pages": many}, Search(QUERY, 0, True, ("1.example",)))
    assert isinstance(search, WebSearch)
    assert [page.url for page in search.found] == many[1::2][:MOST_PAGES]


def test_half_an_emoji_costs_no_search() -> None:
    [search, *_] = whole(b'{"pages": ["http://a.example/\\ud83d"]}')
    assert isinstance(search, WebSearch)
    assert search.found[0].url == "http://a.example/\ufffd"


@pytest.mark.parametrize("reply", [b"<html>", b"", [], 7, {}, {"pages": None}, {"pages": [7]}], ids=str)
def test_what_is_no_list_of_pages_is_a_failure(reply: Any) -> None:
    [failure] = whole(reply)
    assert isinstance(failure, Failure)
    assert failure.error.message == "finder/web answered with something that is no list of pages."


def test_a_reply_that_calls_itself_a_stream_is_read_at_its_end() -> None:
    reply = orjson.dumps({"pages": ["http://a.example"]})
    decoder = DIALECT.decoder(CONTEXT)
    assert [list(decoder.feed(reply[place : place + 1])) for place in range(len(reply))] == [[]] * len(reply)
    assert decoder.close() == whole(reply)


def test_a_stream_without_an_end_is_not_kept() -> None:
    decoder = DIALECT.decoder(CONTEXT)
    for _ in range(3):
        decoder.feed(b" " * (MOST_BYTES + 1))
    [failure] = decoder.close()
    assert isinstance(failure, Failure)


# -- failures ----------------------------------------------------------------------------------------------------------

STATUSES = [
    (403, b"", Kind.REFUSED, "finder/web: say please."),
    (429, b"", Kind.RATE_LIMIT, "finder/web: wait."),
    (401, b"no", Kind.CREDENTIAL, "finder/web refused the credential in FINDER_KEY: no"),
    (500, b"oops", Kind.SERVER, "finder/web: oops"),
]


@pytest.mark.parametrize(("status", "said", "kind", "message"), STATUSES)
def test_a_status_is_told_in_the_engines_words_where_it_has_some(
    status: int, said: bytes, kind: Kind, message: str
) -> None:
    error = DIALECT.decode_error(status, {}, said, CONTEXT)
    assert (error.kind, error.message) == (kind, message)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (BackendError(Kind.RATE_LIMIT, "slow down"), "too_many_requests"),
        (BackendError(Kind.UNREACHABLE, "nobody there"), "unavailable"),
        (MalformedReply("odd"), "unavailable"),
    ],
)
def test_a_failure_is_told_as_a_search_that_failed(error: BackendError, code: str) -> None:
    told = DIALECT.instead_of(error, CONTEXT)
    assert told
    assert told[:2] == [WebSearch(QUERY, error=code), Text(f"The search failed. {error.message}")]
    bare = DIALECT.instead_of(error, replace(CONTEXT, search=None))
    assert bare
    assert bare[0] == WebSearch("", error=code)
