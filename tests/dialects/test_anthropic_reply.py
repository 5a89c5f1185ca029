"""Signatures are sealed on their way to the client; every other byte passes."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from addon.dialects import anthropic_reply
from addon.dialects.anthropic_history import NATIVE
from addon.dialects.anthropic_reply import Sealer, seal_message, tell_usage
from addon.protocol import signature
from addon.protocol.signature import Seal

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


def test_a_whole_message_is_sealed_too() -> None:
    message: Json = {"content": [{"type": "thinking", "signature": "abc"}, {"type": "text", "text": "a"}]}
    assert seal_message(message, ORIGIN)
    assert signature.unseal(message["content"][0]["signature"]) == Seal(ORIGIN, {NATIVE: "abc"})


@pytest.mark.parametrize("message", [{}, {"content": "a"}, {"content": [{"type": "thinking", "signature": ""}, 5]}])
def test_a_message_without_signatures_stays(message: Json) -> None:
    before = json.dumps(message)
    assert not seal_message(message, ORIGIN)
    assert json.dumps(message) == before


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
