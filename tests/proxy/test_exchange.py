"""An exchange that passes, or is asked again: what is kept of it, and what is told."""

import json
import logging
from dataclasses import replace

import pytest

from addon.protocol import framing
from addon.protocol.errors import BackendError, Kind
from addon.proxy.exchange import Exchange
from addon.routing.call import Call
from addon.routing.route import choose
from addon.routing.settings import Settings
from tests.proxy.live import NATIVE_HELLO

JSON = {"content-type": "application/json"}


def _passing() -> Exchange:
    return Exchange("abc", choose(Call({"model": "claude-opus-4-8"}), Settings()), 10.0)


PURPOSES = [("main", ""), ("other", ""), (None, ""), ("subagent", " (subagent)"), ("title", " (title)")]


@pytest.mark.parametrize(("kind", "told"), PURPOSES)
def test_a_summary_tells_what_a_call_is_for_where_that_is_not_plain(kind: str | None, told: str) -> None:
    passing = _passing()
    passing.route = replace(passing.route, kind=kind)
    assert passing.summary() == f"claude-opus-4-8 → anthropic{told}"


def test_bytes_pass_before_a_stream_is_opened() -> None:
    assert _passing().feed(b"x", 1.0) == b"x"
    assert _passing().close() == b""


def test_a_passing_exchange_keeps_the_clients_bytes_only() -> None:
    passing = _passing()
    passing.open_stream()
    for piece in NATIVE_HELLO:
        assert passing.feed(piece, 11.0) == piece
    assert passing.close() == b""
    assert (passing.seen(), passing.backend_reply()) == (b"".join(NATIVE_HELLO), b"")
    assert passing.credential is None


@pytest.mark.parametrize("encoding", ["gzip", "lzma"])
def test_what_does_not_unpack_passes_all_the_same(encoding: str) -> None:
    passing = _passing()
    passing.open_stream(encoding)
    assert [passing.feed(piece, 11.0) for piece in (b"no gzip", b" at all")] == [b"no gzip", b" at all"]
    assert passing.usage is None


def test_an_abandoned_exchange_keeps_the_first_error(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    passing = _passing()
    passing.abandon("first")
    passing.abandon("second")
    assert passing.error == "first"
    assert caplog.records == []  # the core does not log


REFUSALS = [
    (200, b"{}", None),
    (401, b'{"type":"error","error":{"type":"authentication_error","message":"invalid x-api-key"}}', 403),
    (529, b'{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}', 503),
    (
        400,
        b'{"type":"error","error":{"type":"invalid_request_error","message":"prompt is too long"}}',
        400,
    ),
]


@pytest.mark.parametrize(("status", "body", "expected"), REFUSALS)
def test_what_anthropic_refuses_is_weighed_as_any_other_refusal(status: int, body: bytes, expected: int | None) -> None:
    error = _passing().judge(status, JSON, body, 11.0)
    assert (error.status if error is not None else None) == expected


def test_a_stream_of_anthropics_that_begins_with_an_error_has_failed() -> None:
    passing = _passing()
    passing.open_stream(waits=True)
    told = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
    assert passing.feed(NATIVE_HELLO[0] + framing.encode("error", json.dumps(told).encode()), 11.0) == b""
    assert isinstance(passing.failure, BackendError)
    assert passing.failure.kind is Kind.OVERLOADED
    assert passing.failed


def test_a_stream_that_waits_passes_whole() -> None:
    passing = _passing()
    passing.open_stream(waits=True)
    assert b"".join([*(passing.feed(piece, 11.0) for piece in NATIVE_HELLO), passing.close()]) == b"".join(NATIVE_HELLO)
    empty = _passing()
    empty.open_stream(waits=True)
    assert (empty.feed(b": nothing\n\n", 11.0), empty.close()) == (b"", b": nothing\n\n")


def test_the_next_attempt_begins_with_nothing_of_the_last() -> None:
    passing = _passing()
    passing.open_stream()
    passing.feed(NATIVE_HELLO[0], 11.0)
    assert passing.anew() == _passing()
