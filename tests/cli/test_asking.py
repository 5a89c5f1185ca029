"""A logged request is sent as it was, but for what is the connection's, a credential, or a mark in the place of one."""

import json

from addon.cli.asking import Question, ask
from addon.prompts.entry import Request
from tests.cli.door import Said, opened
from tests.prompts.entries import stream

BODY = b'{"model": "claude", "stream": true, "n": 1.0}'
HEADERS = (
    ("Content-Type", "application/json; charset=utf-8"),
    ("anthropic-beta", "one,two"),
    ("x-team", "[redacted:key:0123abcd]"),
    ("Authorization", "Bearer [redacted:authorization:0123abcd]"),
    ("x-api-key", "secret"),
    ("Accept-Encoding", "gzip"),
    ("Host", "api.anthropic.com"),
    ("Content-Length", "1"),
    ("x-detour-target", "somebody/else"),
)
URL = "https://api.anthropic.com/v1/messages?beta=true"
HELLO = stream({"type": "thinking", "thinking": "Hm."}, {"type": "text", "text": "Hello"})


def question(headers: tuple[tuple[str, str], ...] = HEADERS, url: str = URL) -> Question:
    return Question(request=Request(method="POST", url=url, headers=headers, body=BODY), of="abc")


def test_the_request_goes_as_it_was_with_the_target_and_the_token() -> None:
    with opened({"a/b": Said((HELLO,))}) as door:
        ask(question(), "a/b", door.url, "the-token")
    ((path, headers, body),) = door.asked
    assert path == "/v1/messages?beta=true"
    assert body == BODY
    assert headers == {
        "host": door.url.removeprefix("http://"),
        "content-type": "application/json; charset=utf-8",
        "content-length": str(len(BODY)),
        "anthropic-beta": "one,two",
        "accept-encoding": "identity",
        "x-detour-target": "a/b",
        "x-detour-replay-of": "abc",
        "x-detour-token": "the-token",
    }


def test_a_request_without_a_type_is_called_json() -> None:
    with opened({"a/b": Said((HELLO,))}) as door:
        ask(question((), "http://127.0.0.1:8082/v1/messages"), "a/b", door.url, "t")
    assert door.asked[0][0] == "/v1/messages"
    assert door.asked[0][1]["content-type"] == "application/json"


def test_a_stream_is_read_and_timed() -> None:
    half = HELLO.index(b"content_block_delta") + 4
    with opened({"a/b": Said((HELLO[:half], HELLO[half:]))}) as door:
        outcome = ask(question(), "a/b", door.url, "t")
    assert (outcome.answer.text, outcome.answer.thinking, outcome.answer.error) == ("Hello", "Hm.", None)
    assert (outcome.target, outcome.status, outcome.id, outcome.failed) == ("a/b", 200, "0001", False)
    assert (outcome.prompt_tokens, outcome.output_tokens) == (1_000, 20)
    assert outcome.first_ms is not None
    assert outcome.total_ms is not None
    assert outcome.first_ms <= outcome.total_ms


def test_a_whole_reply_has_no_first_word() -> None:
    message = {"type": "message", "content": [{"type": "text", "text": "Hi"}], "stop_reason": "end_turn"}
    with opened(
        {"a/b": Said((json.dumps(message).encode(),), id="of another", content_type="application/json")}
    ) as door:
        outcome = ask(question(), "a/b", door.url, "t")
    assert (outcome.answer.text, outcome.first_ms, outcome.prompt_tokens, outcome.output_tokens) == (
        "Hi",
        None,
        None,
        None,
    )
    assert outcome.id is None


def test_an_error_is_an_outcome() -> None:
    body = b'{"type": "error", "error": {"type": "api_error", "message": "busy"}}'
    with opened({"a/b": Said((body,), 503, content_type="application/json")}) as door:
        outcome = ask(question(), "a/b", door.url, "t")
    assert outcome.failed
    assert outcome.status == 503
    assert "busy" in (outcome.answer.error or "")


def test_a_stream_that_ends_early_has_failed() -> None:
    with opened({"a/b": Said((HELLO[: len(HELLO) // 2],))}) as door:
        assert ask(question(), "a/b", door.url, "t").failed


def test_a_door_that_is_closed_is_an_outcome_too() -> None:
    with opened({"a/b": Said(status=0)}) as door:
        gone = ask(question(), "a/b", door.url, "t")
    closed = ask(question(), "a/b", door.url, "t")
    for outcome in gone, closed:
        assert outcome.failed
        assert outcome.status == 0
        assert "the connection failed" in (outcome.answer.error or "")
