"""What comes out of today's translator, compared with what was recorded: values only, no flow."""

import json
from dataclasses import replace
from typing import Any

import pytest

from addon.proxy.intake import Incoming, Send, decide
from addon.proxy.retranslation import NotComparable, Recorded, Sent, keyless, retranslate
from addon.proxy.routed_exchange import RoutedExchange
from addon.routing.settings import Settings
from addon.settings import document_text
from addon.settings.assembly import configure
from tests.proxy.live import HELLO, WHOLE_HELLO, ask

TEXT = "big: vllm/q\n"


def written(text: str = TEXT) -> Settings:
    document, place, _ = document_text.parse(text, "detour.yaml")
    return configure(document, {}, place).settings()


def incoming(**asked: Any) -> Incoming:
    body = json.dumps(ask(**asked)).encode()
    return Incoming("POST", "/v1/messages", {"content-type": "application/json"}, body, "127.0.0.1")


def recorded(settings: Settings, reply: bytes = b"".join(HELLO), **asked: Any) -> Recorded:
    """An exchange as the same code makes it."""
    request = incoming(**asked)
    send = decide(request, settings)
    assert isinstance(send, Send)
    exchange = RoutedExchange("abc", send.route, 0.0, send=send)
    if send.stream:
        exchange.open_stream(waits=True)
        given = exchange.feed(reply, 0.0) + exchange.close()
        given = given if exchange.failure is None else exchange.settle(exchange.failure).body
    else:
        given = exchange.reply_whole(200, {}, reply, 0.0).body
    wire = send.encoded.wire
    sent = Sent(wire.method, wire.url, {"host": "x", "user-agent": "claude-detour/0", **dict(wire.headers)}, wire.body)
    return Recorded(id="abc", asked=request, route=send.route.name, sent=sent, reply=reply, given=given)


WHOLE = json.dumps(WHOLE_HELLO).encode()


@pytest.mark.parametrize(("reply", "stream"), [(b"".join(HELLO), True), (WHOLE, False), (b"", True)])
def test_the_same_code_makes_the_same(reply: bytes, stream: bool) -> None:
    assert retranslate(recorded(written(), reply, stream=stream), written()) == ()


def test_an_error_is_translated_again_with_its_status() -> None:
    was = recorded(written())
    body = b'{"error": {"message": "slow down"}}'
    today = retranslate(replace(was, reply=body, status=429, headers={"retry-after": "3"}), written())
    assert "reply: error is new" in today
    told = json.dumps({"type": "error", "error": {"type": "x", "message": "y"}, "request_id": "req_abc"}).encode()
    today = retranslate(replace(was, reply=body, status=429, given=told), written())
    assert today == ("reply: error.type", "reply: error.message")


def test_a_whole_reply_to_a_stream_is_read_as_one() -> None:
    was = recorded(written())
    today = retranslate(replace(was, reply=WHOLE), written())
    assert today[0].startswith("reply: event.")


def changed(was: Recorded, **sent: Any) -> tuple[str, ...]:
    return retranslate(replace(was, sent=replace(was.sent, **sent)), written())


def test_each_part_of_a_request_is_told() -> None:
    was = recorded(written())
    body = json.loads(was.sent.body)
    headers = dict(was.sent.headers)
    assert changed(was, url="https://elsewhere.example/x/chat/completions") == ()
    assert changed(was, url="https://elsewhere.example/x/completions") == (
        "request: the address ends in /chat/completions",
    )
    assert changed(was, method="PUT") == ("request: the method is POST",)
    assert changed(was, headers={**headers, "x-old": "1", "content-type": "text/json"}) == (
        "request: header content-type",
        "request: header x-old",
    )
    assert changed(was, headers={**headers, "authorization": "Bearer $VLLM_API_KEY"}) == ()
    assert changed(was, body=json.dumps({**body, "old": 1, "model": "r"}).encode()) == (
        "request: model",
        "request: old is gone",
    )
    del body["stream"]
    body["messages"].append({"role": "user", "content": "more"})
    assert changed(was, body=json.dumps(body).encode()) == (
        "request: messages has 1 parts, not 2",
        "request: stream is new",
    )
    assert changed(was, body=json.dumps(dict.fromkeys("abcdefgh", 0)).encode())[-1].endswith("more places")
    assert changed(was, body=json.dumps(json.loads(was.sent.body), indent=1).encode()) == (
        "request: the same values, written in other bytes",
    )
    assert changed(was, body=b"") == ("request: a body where there was none",)
    assert changed(was, body=b"no json") == ("request: other bytes",)
    assert changed(was, body=b"[]") == ("request: the whole",)


def test_numbers_of_another_type_are_no_same() -> None:
    was = recorded(written(), temperature=1)
    body = {**json.loads(was.sent.body), "temperature": True}
    assert changed(was, body=json.dumps(body).encode()) == ("request: temperature",)


def test_each_part_of_a_reply_is_told() -> None:
    was = recorded(written())
    other = was.given.replace(b'"lo"', b'"la"')
    (place,) = retranslate(replace(was, given=other), written())
    assert place.startswith("reply: event.")
    assert place.endswith(".delta.text")
    assert retranslate(replace(was, given=b""), written()) == ("reply: a body where there was none",)
    assert retranslate(replace(was, given=b"event: x\ndata: {\n\n"), written()) == ("reply: other bytes",)
    assert retranslate(replace(was, given=b"", reply=None), written()) == ()


def test_headers_are_the_clients_own_where_it_went_home() -> None:
    was = recorded(written())
    assert retranslate(replace(was, at_home=True, sent=replace(was.sent, headers={"x": "y"})), written()) == ()


def test_keys_and_addresses_are_not_needed() -> None:
    settings = keyless(written("{}"))
    assert all(endpoint.lack is None for endpoint in settings.endpoints.values())
    assert all(endpoint.credential.hide("no key") == "no key" for endpoint in settings.endpoints.values())


ANTHROPIC = "today's settings do something else"
REFUSED: list[tuple[dict[str, Any], str, str]] = [
    ({"route": "anthropic"}, TEXT, ANTHROPIC),
    ({"route": "anthropic"}, "{}", ANTHROPIC),
    ({"route": "vllm/other", "changes": True}, TEXT, "none of today's settings does"),
    ({"route": "mine/x"}, TEXT, "there is no provider 'mine'"),
    ({"route": "VLLM/x"}, TEXT, "today somebody else answers it"),
]


@pytest.mark.parametrize(("facts", "text", "words"), REFUSED)
def test_what_cannot_be_compared_says_why(facts: dict[str, Any], text: str, words: str) -> None:
    with pytest.raises(NotComparable, match=words):
        retranslate(replace(recorded(written()), **facts), written(text))


def test_a_request_that_a_route_changes_on_its_way_home_is_compared() -> None:
    settings = written("routes: [{to: anthropic, max_tokens: 7}]")
    request = incoming()
    send = decide(request, settings)
    assert isinstance(send, Send)
    sent = Sent("POST", "https://api.anthropic.com/v1/messages", {}, send.encoded.wire.body)
    was = Recorded(id="abc", asked=request, route="anthropic", sent=sent, at_home=True, changes=True, reply=b"x")
    assert retranslate(was, settings) == ()
    assert retranslate(was, written("routes: [{to: anthropic, max_tokens: 8}]")) == ("request: max_tokens",)
