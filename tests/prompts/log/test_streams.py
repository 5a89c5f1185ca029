"""Streams in the form in which they are kept."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from addon.prompts.log import streams
from addon.prompts.redact import Redactor

TRANSCRIPTS = sorted((Path(__file__).parents[2] / "transcripts").rglob("*.sse"))
SECRET = b"sk-ant-api03-ABCDEFGHIJKLMNOP"


def same(text: bytes) -> bytes:
    return text


def hiding(text: bytes) -> bytes:
    return re.sub(rb"sk-ant-[A-Za-z0-9-]{10,}", b"[redacted]", text)


def event(text: str, *, index: int = 0, kind: str = "text") -> bytes:
    data = f'{{"type":"content_block_delta","index":{index},"delta":{{"type":"{kind}_delta","{kind}":"{text}"}}}}'
    return f"event: content_block_delta\ndata: {data}\n\n".encode()


PING = b'event: ping\ndata: {"type": "ping"}\n\n'


@pytest.mark.parametrize("path", TRANSCRIPTS, ids=lambda path: "/".join(path.parts[-3:]))
def test_every_recorded_stream_comes_back_as_it_was(path: Path) -> None:
    body = path.read_bytes()
    assert streams.unpack(streams.pack(body, same)) == body


@given(st.binary())
def test_any_bytes_come_back(body: bytes) -> None:
    assert streams.unpack(streams.pack(body, same)) == body


fragments = st.sampled_from(
    [*(event(text) for text in ("a", "", 'x\\"y', "\\\\", "ü", "\\n\\n")), event("b", index=1), PING, b"\n\n", b'"',
     event("{", kind="partial_json"), b'data: {"content":"a"}\n\n', b'data: {"content": "', b"\xff", b": comment\n\n"]
)  # fmt: skip


@given(st.lists(fragments, max_size=40))
def test_any_events_in_any_order_come_back(parts: list[bytes]) -> None:
    body = b"".join(parts)
    assert streams.unpack(streams.pack(body, same)) == body


def test_a_long_stream_takes_little_more_than_its_text() -> None:
    words = [f"word{number % 7} " for number in range(500)]
    form = streams.pack(b"".join(map(event, words)), same)
    assert len(form) < len("".join(words)) + 500 * 3 + 500
    assert "".join(words).encode() in form


@pytest.mark.parametrize(
    "joined",
    [
        b"".join,
        PING.join,
        lambda parts: b"".join(part + event("1", index=1, kind="partial_json") for part in parts),
        lambda parts: b"".join(part.replace(b"\n\n", b"\nid: %d\n\n" % number) for number, part in enumerate(parts)),
    ],
    ids=["one run", "with pings between", "beside another block", "each event unlike the last"],
)
@pytest.mark.parametrize("size", [1, 3, 7, 100])
def test_a_credential_in_several_deltas_is_found(joined: Callable[[list[bytes]], bytes], size: int) -> None:
    text = b"the key is " + SECRET + b" and no other"
    body = joined([event(text[at : at + size].decode()) for at in range(0, len(text), size)])
    body += PING * streams.FEWEST_EVENTS
    form = streams.pack(body, hiding)
    assert SECRET[8:] not in form
    told = b"".join(re.findall(rb'"text":"([^"]*)"', streams.unpack(form)))
    assert told == b"the key is [redacted] and no other"


def test_where_a_text_begins_nothing_stands_before_it() -> None:
    body = event("name: x and") + event(" more") * 5
    form = streams.pack(body, lambda text: re.sub(b"^name: (.*)", b"[redacted]", text))
    assert b"".join(re.findall(rb'"text":"([^"]*)"', streams.unpack(form))) == b"[redacted]"


def test_a_credential_outside_of_the_texts_is_found_too() -> None:
    body = event("a") * 5 + b'data: {"error":"' + SECRET + b'"}\n\n'
    assert SECRET[8:] not in streams.pack(body, hiding)
    assert streams.pack(b'{"error":"' + SECRET + b'"}', hiding) == b'={"error":"[redacted]"}'


def test_what_is_no_form_is_refused() -> None:
    with pytest.raises(ValueError, match="neither"):
        streams.unpack(b"?")


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ([b"ab", b"cd"], [b"ab", b"cd"]),
        ([b"", b"sk-ant-", b"", b"ABCDEFGHIJ", b" x"], [b"", b"[redacted]", b"", b"", b" x"]),
        ([b"a sk-ant-ABCDEFGHIJ b sk-ant-", b"ABCDEFGHIJ", b""], [b"a [redacted] b [redacted]", b"", b""]),
    ],
)
def test_what_is_changed_stands_where_it_began(values: list[bytes], told: list[bytes]) -> None:
    assert streams.redacted(values, hiding) == told


def test_what_is_added_at_the_end_belongs_to_the_last() -> None:
    assert streams.redacted([b"a", b"b"], lambda text: text + b"!") == [b"a", b"b!"]


def test_the_number_of_a_block_is_looked_for_near_its_text() -> None:
    near, far = (b'{"index":3,%s"text":"' % (b" " * size) for size in (10, streams.LONGEST_HEAD))
    assert (streams._index(near, len(near)), streams._index(far, len(far))) == (b" 3", b"")


def test_a_credential_in_deltas_that_come_in_turns_with_others_is_found() -> None:
    redact = Redactor(b"0123456789abcdef").body
    key = "sk-ant-api03-" + "aB3dE6gH9jK2mN5pQ8sT" * 4 + "-AAAAAAAA_AA"
    event = 'data: {"type":"response.output_text.delta","output_index":%d,"content_index":0,"delta":"%s"}\n\n'
    told = "".join(event % (0, key[at : at + 9]) + event % (1, " to be ") for at in range(0, len(key), 9)).encode()
    body = streams.unpack(streams.pack(told, redact))
    assert body.count(b"[redacted:anthropic:") == 1
    assert not any(key[at : at + 9].encode() in body for at in range(0, len(key) - 9, 9))
