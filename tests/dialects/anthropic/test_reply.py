"""Signatures are sealed on their way to the client; every other byte passes."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from addon.dialects.anthropic import reply as anthropic_reply
from addon.dialects.anthropic.history import NATIVE
from addon.dialects.anthropic.reply import Sealer, seal_message, tell_usage
from addon.protocol import signature

type Json = dict[str, Any]

ORIGIN = "zai-anthropic/glm-5.3"


def event(name: str, space: str = " ", **fields: Any) -> bytes:
    data = json.dumps({"type": name, **fields}, separators=(",", ":"), ensure_ascii=False)
    return f"event: {name}\ndata:{space}{data}\n\n".encode()


def signed(own: str, space: str = " ") -> bytes:
    return event("content_block_delta", space, index=0, delta={"type": "signature_delta", "signature": own})


def sealed(own: str) -> str:
    return signature.seal(ORIGIN, {NATIVE: own})


TEXT = event("content_block_delta", index=1, delta={"type": "text_delta", "text": 'a "signature" in words, \u00fc'})
START = event("content_block_start", index=0, content_block={"type": "thinking", "thinking": "", "signature": ""})
LAID_OUT = (
    b'data: { "type" : "content_block_delta", "n": 123456789012345678901234567890, "f": 1.10, "u": "\\u00fc",'
    b'"delta": {"type": "signature_delta", "signature": %s} }\r\n\r\n'
)
DEEP = (
    b'data: {"type":"content_block_delta","delta":{"type":"signature_delta","signature":%s},"x":'
    + b"[" * 300 + b'"x"' + b"]" * 300 + b"}\n\n"
)  # fmt: skip
ODD_TYPE = b'data: {"type":"content_block_delta","delta":{"type":{"signature":"abc"}}}\n\n'
STREAMS: dict[str, tuple[bytes, bytes]] = {
    "nothing signed": (START + TEXT, START + TEXT),
    "a signature": (START + signed("abc") + TEXT, START + signed(sealed("abc")) + TEXT),
    "no space": (signed("abc", ""), signed(sealed("abc"), "")),
    "CRLF": (signed("abc").replace(b"\n", b"\r\n"), signed(sealed("abc")).replace(b"\n", b"\r\n")),
    "a signature at the start of its block": (
        event("content_block_start", index=0, content_block={"type": "thinking", "signature": "abc"}),
        event("content_block_start", index=0, content_block={"type": "thinking", "signature": sealed("abc")}),
    ),
    "redacted": (
        event("content_block_start", index=0, content_block={"type": "redacted_thinking", "data": "abc"}),
        event("content_block_start", index=0, content_block={"type": "redacted_thinking", "data": sealed("abc")}),
    ),
    "CR alone": (signed("abc").replace(b"\n", b"\r"), signed(sealed("abc")).replace(b"\n", b"\r")),
    "numbers, blanks and escapes stay as they are written": (
        LAID_OUT % b'"abc"',
        LAID_OUT % json.dumps(sealed("abc")).encode(),
    ),
    "what stands there twice is written anew": (
        signed("signature_delta"),
        signed(sealed("signature_delta")),
    ),
    "what is written with escapes is written anew": (
        signed("a/bc").replace(b"a/b", b"a\\/b"),
        signed(sealed("a/bc")),
    ),
    "deeper than can be written": (DEEP % b'"abc"', DEEP % json.dumps(sealed("abc")).encode()),
    "deeper than can be written anew": (DEEP % b'"x"', DEEP % b'"x"'),
    "half a character": (LAID_OUT % b'"\\ud800"', LAID_OUT % b'"\\ud800"'),
    "a type that is no text": (ODD_TYPE, ODD_TYPE),
    "not JSON": (b"data: signature\n\n", b"data: signature\n\n"),
    "no object": (b'data: ["signature"]\n\n', b'data: ["signature"]\n\n'),
    "no end": (TEXT[:-1] + signed("abc")[:-2], TEXT[:-1] + signed(sealed("abc"))[:-2]),
    "something else": (b"\xff\x00signature\n", b"\xff\x00signature\n"),
}  # fmt: skip


@pytest.mark.parametrize(("stream", "expected"), STREAMS.values(), ids=STREAMS)
@pytest.mark.parametrize("step", [1, 7, 10_000])
def test_signatures_are_sealed_and_all_else_passes(stream: bytes, expected: bytes, step: int) -> None:
    sealer = Sealer(ORIGIN)
    pieces = [sealer.feed(stream[at : at + step]) for at in range(0, len(stream), step)]
    assert b"".join([*pieces, sealer.close()]) == expected


def test_a_line_that_is_complete_does_not_wait() -> None:
    sealer = Sealer(ORIGIN)
    assert sealer.feed(START + b"data: {") == START
    assert sealer.feed(b"}\n") == b"data: {}\n"
    assert sealer.close() == b""


def test_a_line_without_end_is_not_kept_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(anthropic_reply, "MAX_EVENT_BYTES", 10)
    sealer = Sealer(ORIGIN)
    assert sealer.feed(b"a\nb" + b"x" * 10) == b"a\nb" + b"x" * 10
    assert sealer.feed(signed("abc")) + sealer.close() == signed("abc")


@given(st.lists(st.binary(max_size=30)))
def test_no_byte_is_lost(pieces: list[bytes]) -> None:
    sealer = Sealer(ORIGIN)
    assert b"".join([*map(sealer.feed, pieces), sealer.close()]) == b"".join(pieces)


def whole(*blocks: Any) -> bytes:
    return json.dumps({"n": 10**30, "content": [*blocks]}).encode()


def thinking(own: Any) -> Json:
    return {"type": "thinking", "thinking": "Hm", "signature": own}


MESSAGES: dict[str, tuple[bytes, bytes]] = {
    "one block": (whole(thinking("abc"), {"type": "text"}), whole(thinking(sealed("abc")), {"type": "text"})),
    "two blocks": (whole(thinking("abc"), thinking("d")), whole(thinking(sealed("abc")), thinking(sealed("d")))),
    "no blocks": (whole(), whole()),
    "unsigned, and what is no block": (whole(thinking(""), 5, thinking(7)), whole(thinking(""), 5, thinking(7))),
    "no list": (b'{"content": "a"}', b'{"content": "a"}'),
    "no object": (b"[]", b"[]"),
}


@pytest.mark.parametrize(("written", "expected"), MESSAGES.values(), ids=MESSAGES)
def test_a_whole_message_is_sealed_too(written: bytes, expected: bytes) -> None:
    assert seal_message(written, json.loads(written), ORIGIN) == expected


def test_a_whole_message_with_a_signature_twice_is_written_anew() -> None:
    written = json.dumps({"content": [thinking("abc"), thinking("abc")]}).encode()
    assert json.loads(seal_message(written, json.loads(written), ORIGIN)) == {"content": [thinking(sealed("abc"))] * 2}


@given(st.binary(max_size=40), st.sampled_from(['"a"', "{}", "[]", "null", '{"type": "signature_delta"}', "{"]))
def test_anything_at_all_passes(some: bytes, value: str) -> None:
    stream = b'data: {"type": "content_block_delta", "delta": ' + value.encode() + b', "signature": 1}\n' + some
    sealer = Sealer(ORIGIN)
    assert sealer.feed(stream) + sealer.close() == stream


COUNTS = {"input_tokens": 5, "cache_read_input_tokens": 7, "cache_creation_input_tokens": 0, "service_tier": "default"}
TOLD = {**COUNTS, "input_tokens": 50, "cache_read_input_tokens": 70}


def counted(count: int) -> int:
    return count * 10


@pytest.mark.parametrize("step", [1, 7, 10_000])
def test_usage_is_told_otherwise_where_it_stands_and_nowhere_else(step: int) -> None:
    said = event("content_block_delta", index=0, delta={"type": "text_delta", "text": 'my "usage" of input_tokens: 5'})
    ping = event("ping")
    stream = event("message_start", message={"id": "m", "usage": COUNTS}) + said + ping
    stream += event("message_delta", delta={"stop_reason": "end_turn"}, usage={"output_tokens": 3})
    sealer = Sealer(ORIGIN, counted)
    pieces = [sealer.feed(stream[at : at + step]) for at in range(0, len(stream), step)]
    expected = event("message_start", message={"id": "m", "usage": TOLD}) + said + ping
    expected += event("message_delta", delta={"stop_reason": "end_turn"}, usage={"output_tokens": 30})
    assert b"".join([*pieces, sealer.close()]) == expected


def test_what_was_cached_for_how_long_is_counted_once_more() -> None:
    lifetimes = {"ephemeral_5m_input_tokens": 3, "ephemeral_1h_input_tokens": 4}
    message: Json = {"usage": {"cache_creation_input_tokens": 7, "cache_creation": lifetimes}}
    assert tell_usage(message, counted)
    told = {"ephemeral_5m_input_tokens": 30, "ephemeral_1h_input_tokens": 40}
    assert message == {"usage": {"cache_creation_input_tokens": 70, "cache_creation": told}}


@pytest.mark.parametrize("holder", [{}, {"usage": None}, {"usage": "5"}, [], None])
def test_a_message_without_usage_stays(holder: Any) -> None:
    assert not tell_usage(holder, counted)


def test_what_is_no_count_stays() -> None:
    usage = {"input_tokens": None, "output_tokens": True, "cache_creation": 5, "server_tool_use": {"n": 1}}
    assert tell_usage({"usage": (kept := dict(usage))}, counted)
    assert kept == usage


def test_a_whole_message_is_counted_too() -> None:
    written = json.dumps({"content": [thinking("abc")], "usage": COUNTS}).encode()
    told = json.loads(seal_message(written, json.loads(written), ORIGIN, counted))
    assert told == {"content": [thinking(sealed("abc"))], "usage": TOLD}
