"""The ring of what happened lately: what an entry tells, what it never tells, and how much is kept."""

import pytest

from addon.dialects import Encoded, WireRequest
from addon.dialects.losses import Loss, Lost, loss
from addon.protocol.errors import BadRequest, Blocked, Reply
from addon.proxy.exchange import Exchange
from addon.proxy.intake import Send
from addon.proxy.rest import journal
from addon.proxy.rest.journal import KEPT_BODY, Body, End, Entry, Journal, LogType, cut
from addon.proxy.routed_exchange import RoutedExchange
from addon.proxy.told import Told
from addon.routing.call import Call
from addon.routing.route import choose
from addon.settings.assembly import parse
from tests.proxy.live import HELLO, KEY, NATIVE_HELLO

SETTINGS = parse({"OPENAI_API_KEY": KEY})
END = End("2026-11-05T12:00:00.000+00:00", 200, 1200, cut(b"asked"), cut(b"answered"))
HEADERS = {"x-claude-code-session-id": "a-session", "x-claude-code-request-class": "main"}


def _routed(*losses: Loss) -> RoutedExchange:
    route = choose(Call({"model": "openai/gpt-test"}, headers=HEADERS), SETTINGS)
    assert route.destination
    send = Send(route, route.destination, True, Encoded(WireRequest("http://x", (), b"{}"), losses))
    return RoutedExchange("abc", route, 10.0, losses=losses, send=send)


def _entry(number: int, *, status: int = 200, error: str | None = None, body: Body | None = None) -> Entry:
    return Entry("now", f"req_{number}", status, 1, error=error, request_body=body)


def test_an_entry_tells_who_asked_what_and_who_answered_how() -> None:
    exchange = _routed(loss(Lost.SAFEGUARDS, "top_k"), loss(Lost.ENCRYPTED_THINKING, "metadata"))
    exchange.open_stream()
    for piece in HELLO:
        exchange.feed(piece, 11.0)
    exchange.close()
    assert journal.of_exchange(exchange, END) == Entry(
        time=END.time,
        id="req_abc",
        status=200,
        elapsed_ms=1200,
        session="a-session",
        kind="main",
        asked="openai/gpt-test",
        answered_by="openai/gpt-test",
        reason="the client named it",
        input_tokens=12,
        output_tokens=2,
        losses=1,
        request_body=Body("asked"),
        response_body=Body("answered"),
    )


def test_what_passes_is_told_too() -> None:
    passing = Exchange("abc", choose(Call({"model": "claude-opus-4-8"}), SETTINGS), 10.0)
    passing.open_stream()
    for piece in NATIVE_HELLO:
        passing.feed(piece, 11.0)
    passing.close()
    entry = journal.of_exchange(passing, End("now", 200, 5))
    assert (entry.answered_by, entry.input_tokens, entry.output_tokens, entry.session) == ("anthropic", 7, 3, None)


@pytest.mark.parametrize("exchange", [_routed(), Exchange("abc", choose(Call({"model": "opus"}), SETTINGS), 10.0)])
def test_an_exchange_without_an_answer_has_no_tokens(exchange: Exchange) -> None:
    exchange.abandon("the client left")
    entry = journal.of_exchange(exchange, End("now", 0, 5))
    assert (entry.input_tokens, entry.output_tokens, entry.error) == (None, None, "the client left")
    assert entry.failed


def test_a_key_that_a_backend_quotes_is_not_told() -> None:
    exchange = _routed()
    exchange.abandon(f"the key {KEY} is not known")
    assert journal.of_exchange(exchange, END).error == "the key $OPENAI_API_KEY is not known"


def test_what_is_no_text_and_what_is_endless_can_be_told() -> None:
    call = Call({"model": "openai/" + "x" * 5_000}, headers={"x-claude-code-session-id": "\udcff"})
    entry = journal.of_exchange(Exchange("abc", choose(call, SETTINGS), 10.0), END)
    assert (entry.session, len(entry.asked or "")) == ("?", journal.MOST_WORDS)


def test_an_error_of_our_own_is_an_entry() -> None:
    entry = journal.of_refusal("req_abc", Blocked("No titles today.", "a rule"), End("now", 451, 2, cut(b"asked")))
    assert entry == Entry(
        "now", "req_abc", 451, 2, reason="a rule", error="No titles today.", request_body=Body("asked")
    )
    assert journal.of_refusal("req_abc", BadRequest("no"), END) == Entry(
        END.time, "req_abc", 200, 1200, error="no", request_body=Body("asked")
    )


def test_an_answer_of_our_own_tells_who_asked_and_why() -> None:
    route = choose(Call({"model": "openai/gpt-test"}, headers=HEADERS), SETTINGS)
    assert journal.of_told("req_abc", Told(route, Reply(200, (), b""), "nobody searches"), END) == Entry(
        END.time,
        "req_abc",
        200,
        1200,
        session="a-session",
        kind="main",
        asked="openai/gpt-test",
        answered_by="Detour itself",
        reason="nobody searches",
        request_body=Body("asked"),
        response_body=Body("answered"),
    )


@pytest.mark.parametrize(
    ("status", "error", "failed"),
    [(200, None, False), (304, None, False), (400, None, True), (0, None, True), (200, "broke off", True)],
)
def test_what_failed_is_known(status: int, error: str | None, failed: bool) -> None:
    assert _entry(1, status=status, error=error).failed is failed


@pytest.mark.parametrize(
    ("body", "most", "kept"),
    [
        (b"", 4, Body("")),
        (b"abcd", 4, Body("abcd")),
        (b"abcdefg", 4, Body("ab … fg", 3)),
        (b"abcdefg", 5, Body("ab … fg", 3)),
        ("äöüß!".encode(), 4, Body("äö … ß!", 1)),
        (b"\xff\xfe", 4, Body("\ufffd\ufffd")),
        (b"x" * (KEPT_BODY + 10), KEPT_BODY, Body(f"{'x' * (KEPT_BODY // 2)} … {'x' * (KEPT_BODY // 2)}", 10)),
    ],
)
def test_a_long_body_keeps_its_ends_and_the_rest_is_counted(body: bytes, most: int, kept: Body) -> None:
    assert cut(body, most) == kept


def test_the_oldest_make_room() -> None:
    ring = Journal(most_entries=3)
    for number in range(5):
        ring.note(_entry(number))
    assert [entry.id for entry in ring.newest(LogType.ALL, 10)] == ["req_2", "req_3", "req_4"]


def test_bodies_have_a_limit_together() -> None:
    ring = Journal(most_characters=10)
    for number, size in enumerate((4, 4, 4, 0, 2, 9)):
        ring.note(_entry(number, body=Body("x" * size)))
    assert [entry.id for entry in ring.newest(LogType.ALL, 10)] == ["req_5"]
    ring.note(_entry(6, body=Body("x" * 11)))
    assert not ring.newest(LogType.ALL, 10), "one that is too large by itself"
    ring.note(_entry(7, body=Body("x" * 10)))
    assert len(ring.newest(LogType.ALL, 10)) == 1, "what is gone is not counted any more"


def test_the_newest_come_last_and_errors_alone_where_they_are_asked_for() -> None:
    ring = Journal()
    for number in range(6):
        ring.note(_entry(number, status=500 if number % 2 else 200))
    assert [entry.id for entry in ring.newest(LogType.ALL, 2)] == ["req_4", "req_5"]
    assert [entry.id for entry in ring.newest(LogType.ROUTE, 1)] == ["req_5"]
    assert [entry.id for entry in ring.newest(LogType.ERROR, 2)] == ["req_3", "req_5"]


def test_a_blocked_call_is_known_by_what_it_asked_for() -> None:
    error = Blocked("no titles", "titles: the kind is title", "claude-opus-5-5", "title", "a-session")
    entry = journal.of_refusal("req_1", error, End("now", 451, 0))
    assert (entry.asked, entry.kind, entry.session) == ("claude-opus-5-5", "title", "a-session")
    assert entry.reason == "titles: the kind is title"


def test_what_is_forgotten_makes_room() -> None:
    ring = Journal(most_characters=10)
    ring.note(_entry(1, body=Body("x" * 9)))
    assert ring.clear() == 1
    assert not ring.newest(LogType.ALL, 10)
    ring.note(_entry(2, body=Body("x" * 9)))
    assert [entry.id for entry in ring.newest(LogType.ALL, 10)] == ["req_2"]
