"""Amazon's frames: read as botocore reads them, however they are cut, and refused where botocore refuses them."""

import itertools
import struct
from functools import partial
from typing import Any
from zlib import crc32

import pytest
from botocore.eventstream import EventStreamBuffer, ParserError
from hypothesis import given
from hypothesis import strategies as st

from addon.protocol.amazon_frames import (
    MAX_PAYLOAD_BYTES,
    AmazonFrame,
    AmazonFrames,
    is_framed,
    readable,
    shown,
    unpacked,
)
from addon.protocol.errors import MalformedReply
from tests import amazon

# written down from botocore's own words; facts of the format
VECTOR = bytes.fromhex(
    "0000004a0000002aacda56570b3a6576656e742d747970650700056368756e6b0d3a6d6573736167652d74797065070005"
    "6576656e747b226279746573223a226533303d227dae919f38"
)
NAMES = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), min_size=1, max_size=20)
VALUES = st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.binary(max_size=40) | st.text(max_size=40)
FRAMES = st.lists(st.tuples(st.binary(max_size=200), st.dictionaries(NAMES, VALUES, max_size=4)), max_size=5)


def read(pieces: list[bytes]) -> list[AmazonFrame]:
    frames = AmazonFrames()
    return [*(frame for piece in pieces for frame in frames.feed(piece)), *frames.close()]


def by_botocore(data: bytes) -> list[tuple[dict[str, Any], bytes]]:
    buffer = EventStreamBuffer()
    buffer.add_data(data)
    return [(message.headers, message.payload) for message in buffer]


def cuts(data: bytes, places: list[int]) -> list[bytes]:
    edges = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[start:end] for start, end in itertools.pairwise(edges)]


def test_the_vector_of_botocore_is_read() -> None:
    [frame] = read([VECTOR])
    assert frame == AmazonFrame(b'{"bytes":"e30="}', {":event-type": "chunk", ":message-type": "event"})
    assert (frame.sort, frame.name, unpacked(frame.payload)) == ("event", "chunk", b"{}")


def test_our_tests_write_the_vector_too() -> None:
    assert amazon.frame(b'{"bytes":"e30="}', {":event-type": "chunk", ":message-type": "event"}) == VECTOR


@given(FRAMES, st.lists(st.integers(0, 2000), max_size=6))
def test_what_is_written_is_read_however_it_is_cut(
    written: list[tuple[bytes, dict[str, Any]]], places: list[int]
) -> None:
    data = b"".join(amazon.frame(payload, headers) for payload, headers in written)
    assert [(frame.payload, frame.headers) for frame in read(cuts(data, places))] == written
    assert [(headers, payload) for payload, headers in written] == by_botocore(data)


@given(FRAMES, st.integers(0, 2000), st.integers(1, 255))
def test_a_byte_that_was_changed_is_noticed_wherever_botocore_notices_it(
    written: list[tuple[bytes, dict[str, Any]]], at: int, change: int
) -> None:
    data = bytearray(b"".join(amazon.frame(payload, headers) for payload, headers in written) or VECTOR)
    data[at % len(data)] ^= change
    with pytest.raises(MalformedReply):
        read([bytes(data)])
    with pytest.raises((ParserError, AssertionError)):
        assert len(by_botocore(bytes(data))) == max(len(written), 1)


def header(kind: int, value: bytes) -> bytes:
    return bytes([1]) + b"n" + bytes([kind]) + value


def bare(headers: bytes, payload: bytes = b"") -> bytes:
    """A frame whose headers are these very bytes."""
    prelude = struct.pack(">II", len(headers) + len(payload) + 16, len(headers))
    whole = prelude + struct.pack(">I", crc32(prelude)) + headers + payload
    return whole + struct.pack(">I", crc32(whole))


@pytest.mark.parametrize(
    ("kind", "raw", "value"),
    [
        (0, b"", True),
        (1, b"", False),
        (2, b"\xff", -1),
        (3, b"\x01\x00", 256),
        (4, b"\xff\xff\xff\xfe", -2),
        (5, bytes(7) + b"\x07", 7),
        (6, b"\x00\x02hi", b"hi"),
        (7, b"\x00\x02hi", "hi"),
        (8, bytes(6) + b"\x03\xe8", 1000),
        (9, bytes(range(16)), bytes(range(16))),
    ],
)
def test_every_type_of_a_header_is_read_as_botocore_reads_it(kind: int, raw: bytes, value: object) -> None:
    data = bare(header(kind, raw))
    assert read([data])[0].headers == {"n": value}
    assert by_botocore(data) == [({"n": value}, b"")]


@pytest.mark.parametrize(
    "headers",
    [header(10, b""), header(7, b"\x00\x09hi"), header(7, b"\x00\x01\xff"), header(5, b"\x00"), b"\x05na"],
    ids=["type", "cut text", "no UTF-8", "cut number", "cut name"],
)
def test_headers_that_are_none_are_refused(headers: bytes) -> None:
    with pytest.raises(MalformedReply, match="headers cannot be read"):
        read([bare(headers)])


@pytest.mark.parametrize(
    ("total", "headers"), [(MAX_PAYLOAD_BYTES + 17, 0), (200_000, 131_073), (15, 0), (20, 5)], ids=str
)
def test_a_frame_beyond_the_limits_is_refused_by_its_prelude(total: int, headers: int) -> None:
    prelude = struct.pack(">II", total, headers)
    with pytest.raises(MalformedReply, match=f"a frame of {total} bytes"):
        AmazonFrames().feed(prelude + struct.pack(">I", crc32(prelude)))


@pytest.mark.parametrize("kept", [1, 11, 12, 40, len(VECTOR) - 1])
def test_what_is_left_over_at_the_end_was_cut(kept: int) -> None:
    frames = AmazonFrames()
    assert len(frames.feed(VECTOR + VECTOR[:kept])) == 1
    with pytest.raises(MalformedReply, match="ended within a frame"):
        frames.close()


def test_frames_before_a_bad_one_are_given_first() -> None:
    frames = AmazonFrames()
    assert len(frames.feed(VECTOR + VECTOR[:-1] + b"x")) == 1
    for verb in (partial(frames.feed, b""), frames.close):
        with pytest.raises(MalformedReply, match="does not fit its checksum"):
            verb()


@pytest.mark.parametrize(
    ("headers", "sort", "name"),
    [
        ({":message-type": "exception", ":exception-type": "throttlingException"}, "exception", "throttlingException"),
        ({":message-type": "error", ":error-code": "500", ":error-message": "no"}, "error", "500"),
        ({}, "", ""),
    ],
)
def test_a_frame_says_what_it_is(headers: dict[str, str], sort: str, name: str) -> None:
    frame = AmazonFrame(b"", headers)
    assert (frame.sort, frame.name) == (sort, name)


@pytest.mark.parametrize(
    ("body", "framed"), [(VECTOR, True), (VECTOR[:12], True), (b"", False), (b'{"message":1}', False)]
)
def test_a_framed_body_is_known_by_its_first_bytes(body: bytes, framed: bool) -> None:
    assert is_framed(body) == framed


def test_frames_are_shown_as_lines() -> None:
    text = 'event chunk {"type":"ping"}\nexception throttlingException {"message":"slow"}\nerror 500 broken\n'
    assert shown(amazon.framed(text)) == text.encode()


def test_only_what_is_framed_is_made_readable() -> None:
    assert readable(VECTOR) == b"event chunk {}\n"
    assert readable(b'{"message":"slow"}') == b'{"message":"slow"}'


def test_what_cannot_be_unpacked_is_shown_as_it_is() -> None:
    odd = amazon.frame(b"no\nJSON", {":event-type": "chunk", ":message-type": "event"})
    assert shown(odd) == b"event chunk no JSON\n"


def test_a_stream_that_was_cut_is_shown_up_to_there() -> None:
    assert shown(VECTOR + VECTOR[:20]) == (
        b"event chunk {}\n[The backend's stream ended within a frame, behind 20 bytes of it.]\n"
    )


def test_a_broken_stream_is_shown_up_to_there() -> None:
    broken = b"[The backend's stream holds a frame whose prelude does not fit its checksum.]"
    assert shown(VECTOR + bytes(12)).splitlines() == [b"event chunk {}", broken]


@pytest.mark.parametrize(
    "payload", [b"", b"[]", b'{"p":"x"}', b'{"bytes":"\xc3\xa4"}', b'{"bytes":1}', b'{"bytes":"a"}']
)
def test_a_chunk_without_base64_holds_no_event(payload: bytes) -> None:
    assert unpacked(payload) is None
