"""mitmproxy opens the archive and finds the same bytes; both sides of an exchange are linked."""

import io
import json
import warnings
from dataclasses import replace
from typing import Any

import orjson
import pytest
from mitmproxy import http
from mitmproxy.io import FlowReader

from addon.prompts.entry import Change, Entry, Reply, Request
from addon.prompts.exports import har
from tests.prompts.entries import entry, recorded_calls, recorded_session, routed
from tests.prompts.exports import hostile
from tests.stories import every_story

STORIES = [story.name for story in every_story("openai_chat")][::12]
BODY = b'{"model": "m", "messages": []}'


def opened(content: bytes) -> list[http.HTTPFlow]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return [flow for flow in FlowReader(io.BytesIO(content)).stream() if isinstance(flow, http.HTTPFlow)]


def entries_of(content: bytes) -> list[dict[str, Any]]:
    return list(json.loads(content)["log"]["entries"])


def sides(made: Entry) -> list[tuple[Request, Reply | None]]:
    assert made.request is not None
    found = [(made.request, made.given)]
    return found if made.sent is None else [*found, (made.sent, made.reply)]


@pytest.mark.parametrize(
    "entries", [recorded_session(), recorded_calls(), [routed(name) for name in STORIES], hostile.session()]
)
def test_mitmproxy_opens_it_and_finds_the_same(entries: list[Entry]) -> None:
    flows = opened(har.archive(entries).content)
    wanted = [side for each in entries for side in sides(each)]
    assert len(flows) == len(wanted)
    for flow, (request, reply) in zip(flows, wanted, strict=True):
        assert (flow.request.method, flow.request.url, flow.request.content) == (
            request.method,
            request.url,
            request.body,
        )
        assert flow.response is not None
        assert reply is not None
        assert (flow.response.status_code, flow.response.content) == (reply.status, reply.body)
        assert flow.response.headers.get("content-type") == dict(reply.headers).get("content-type")


BODIES = [
    (b"", "text/event-stream"),
    ("schön 日本".encode(), "text/event-stream"),
    ("schön".encode(), "text/event-stream; charset=utf-8"),
    ("schön".encode(), "application/json"),
    ("sch\u00f6n".encode(), "text/html"),
    ("schön".encode("latin-1"), "application/json"),
    (bytes(range(256)), "application/octet-stream"),
    (b"plain", ""),
]


@pytest.mark.parametrize(("body", "mime"), BODIES)
def test_any_reply_comes_back(body: bytes, mime: str) -> None:
    headers = (("content-type", mime), ("content-encoding", "gzip")) if mime else ()
    made = replace(entry(BODY), given=Reply(status=200, headers=headers, body=body))
    [flow] = opened(har.archive([made]).content)
    assert flow.response is not None
    assert flow.response.content == body
    [told] = entries_of(har.archive([made]).content)
    assert told["response"]["content"]["size"] == told["response"]["bodySize"] == len(body)


def test_both_sides_are_linked() -> None:
    made = replace(routed("openai_chat/plain_text"), losses=(Change("top_k", "gone"), Change("x", "y", routine=True)))
    client, backend = entries_of(har.archive([made]).content)
    assert client["_detour"]["exchange"] == backend["_detour"]["exchange"] == made.summary.id
    assert [client["_detour"]["side"], backend["_detour"]["side"]] == ["client", "backend"]
    assert backend["_detour"]["losses"] == [{"path": "top_k", "what": "gone"}]
    assert client["comment"] == f"client to Detour, exchange {made.summary.id}, answered by openai/gpt-5.5"
    assert backend["comment"] == f"Detour to openai/gpt-5.5, for the client's exchange {made.summary.id}"


def test_what_passed_is_one_entry() -> None:
    assert len(entries_of(har.archive([entry(BODY)]).content)) == 1


def test_times_are_those_of_the_exchange() -> None:
    [told] = entries_of(har.archive([entry(BODY, first_byte_ms=300, total_ms=1_500, at=0.25)]).content)
    assert told["startedDateTime"] == "1970-01-01T00:00:00.250+00:00"
    assert (told["time"], told["timings"]) == (1_500, {"send": 0, "wait": 300, "receive": 1_200})
    [told] = entries_of(har.archive([entry(BODY, first_byte_ms=None, total_ms=0)]).content)
    assert told["timings"] == {"send": 0, "wait": 0, "receive": 0}


def test_no_reply_is_one_of_status_zero() -> None:
    content = har.archive([entry(BODY)]).content
    [told] = entries_of(content)
    assert (told["response"]["status"], told["response"]["statusText"], told["response"]["bodySize"]) == (0, "", -1)
    assert len(opened(content)) == 1


def test_the_query_is_told_in_parts() -> None:
    [told] = entries_of(har.archive([entry(BODY, url="https://a.invalid/v1?beta=true&x=&y=%20")]).content)
    assert told["request"]["queryString"] == [
        {"name": "beta", "value": "true"},
        {"name": "x", "value": ""},
        {"name": "y", "value": " "},
    ]
    [told] = entries_of(har.archive([entry(BODY, url="https://[half/v1?a=b")]).content)
    assert told["request"]["queryString"] == []


def test_what_no_text_can_hold_is_told_all_the_same() -> None:
    made = entry(BODY)
    assert made.request is not None
    odd = replace(made.request, headers=(("x-odd", "a\udcff"),), body=b"")
    cut = Reply(status=299, headers=(), body=b"x", left_out=7)
    [told] = entries_of(har.archive([replace(made, request=odd, given=cut)]).content)
    assert told["request"]["headers"] == [{"name": "x-odd", "value": "a?"}]
    assert "postData" not in told["request"]
    assert (told["response"]["statusText"], told["_detour"]["left_out"]) == ("", 7)


def test_what_is_not_kept_is_told() -> None:
    export = har.archive([replace(entry(BODY, number=3), request=None)])
    assert export.left_out == ("exchange 3: its request is not kept",)
    log = orjson.loads(export.content)["log"]
    assert (log["version"], log["entries"]) == ("1.2", [])
