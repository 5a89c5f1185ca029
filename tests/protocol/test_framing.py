"""Server-sent events, read in any cuts."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from addon.protocol import framing
from addon.protocol.errors import MalformedReply
from addon.protocol.framing import Frame, ServerSentEvents
from tests.properties.strategies import cuts


def whole(stream: bytes) -> list[Frame]:
    parser = ServerSentEvents()
    return [*parser.feed(stream), *parser.close()]


def byte_by_byte(stream: bytes) -> list[Frame]:
    parser = ServerSentEvents()
    frames = [frame for at in range(len(stream)) for frame in parser.feed(stream[at : at + 1])]
    return [*frames, *parser.close()]


def with_an_event_behind(stream: bytes) -> list[Frame]:
    frames = whole(stream + b"\n\ndata: behind\n\n")
    assert frames.pop() == Frame("message", b"behind")
    return frames


THREE_WAYS = pytest.mark.parametrize("parse", [whole, byte_by_byte, with_an_event_behind])
type Parse = Callable[[bytes], list[Frame]]


@THREE_WAYS
@pytest.mark.parametrize(
    ("stream", "expected"),
    [
        (b"", []),
        (b"data: a\n\n", [Frame("message", b"a")]),
        (b"data:a\n\n", [Frame("message", b"a")]),
        (b"data:  a\n\n", [Frame("message", b" a")]),
        (b"data: a\r\n\r\n", [Frame("message", b"a")]),
        (b"data: a\r\rdata: b\r\r", [Frame("message", b"a"), Frame("message", b"b")]),
        (b"data: a\n\r\ndata: b\r\n\n", [Frame("message", b"a"), Frame("message", b"b")]),
        (b"data: a\ndata: b\n\n", [Frame("message", b"a\nb")]),
        (b"data\n\n", [Frame("message", b"")]),
        (b"data:\n\n", [Frame("message", b"")]),
        (b"event: ping\ndata: a\n\n", [Frame("ping", b"a")]),
        (b"event: ping\n\ndata: a\n\n", [Frame("message", b"a")]),
        (b"event: \xff\ndata: a\n\n", [Frame("\ufffd", b"a")]),
        (b": comment\n\n:\n\ndata: a\n: inside\n\n", [Frame("message", b"a")]),
        (b"id: 7\nretry: 3000\nunknown: x\ndata: a\n\n", [Frame("message", b"a")]),
        (b"error: {}\n\n", [Frame("error", b"{}")]),
        (b"\n\n\r\n\r\r\n", []),
        (b"data: a", [Frame("message", b"a")]),
        (b"data: a\n", [Frame("message", b"a")]),
        (b"event: ping", []),
        (b"\xef\xbb\xbfdata: a\n\n", [Frame("message", b"a")]),
        (b"\xef\xbb\xbf\xef\xbb\xbfdata: a\n\n", []),
        (b"\xef\xbbdata: a\n\n", []),
        (b"data: \xe2\x80\xa8\x0b\x0c\x1c\x85\n\n", [Frame("message", b"\xe2\x80\xa8\x0b\x0c\x1c\x85")]),
        (b"<html>\n<body>\n", []),
    ],
)
def test_events_are_read(parse: Parse, stream: bytes, expected: list[Frame]) -> None:
    assert expected == parse(stream)


def test_a_byte_order_mark_alone_is_nothing() -> None:
    for end in range(4):
        assert byte_by_byte(b"\xef\xbb\xbf"[:end]) == []


@given(st.data(), st.binary())
def test_any_cutting_of_any_bytes_gives_the_same_frames(data: st.DataObject, stream: bytes) -> None:
    assert whole(stream) == fed(data.draw(cuts(stream)))


@given(st.data(), st.lists(st.sampled_from([b"data", b"event", b":", b" ", b"a", b"\n", b"\r", b"\xef\xbb\xbf"])))
def test_any_cutting_of_odd_events_gives_the_same_frames(data: st.DataObject, words: list[bytes]) -> None:
    stream = b"".join(words)
    assert whole(stream) == fed(data.draw(cuts(stream)))


def fed(pieces: list[bytes]) -> list[Frame]:
    parser = ServerSentEvents()
    frames: list[Frame] = []
    for piece in pieces:
        sole = parser.sole(piece)
        frames += parser.feed(piece) if sole is None else [Frame("message", sole)]
    return [*frames, *parser.close()]


NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\r\n\0"), min_size=1).filter(
    lambda name: not name.startswith(" ")
)


@given(st.data(), st.lists(st.tuples(NAMES, st.binary().filter(lambda data: b"\n" not in data and b"\r" not in data))))
def test_what_is_encoded_is_decoded(data: st.DataObject, frames: list[tuple[str, bytes]]) -> None:
    stream = b"".join(framing.encode(name, content) for name, content in frames)
    assert [Frame(*frame) for frame in frames] == fed(data.draw(cuts(stream)))


def test_a_sole_event_is_read_at_once() -> None:
    parser = ServerSentEvents()
    assert parser.sole(b"data: a\n\n") is None, "the first piece may begin with a byte order mark"
    assert parser.feed(b"data: a\n\n") == [Frame("message", b"a")]
    assert parser.sole(b"data: b\n\n") == b"b"
    assert parser.sole(b"data: c\r\n\r\n") == b"c"


@pytest.mark.parametrize("piece", [b"data: a\n", b"data: a", b"data: a\ndata: b\n\n", b"event: x\ndata: a\n\n", b"",
                                   b"data: a\r\ndata: b\r\n\r\n", b"data: a\rdata: b\r\n\r\n",
                                   b"data: a\r\n\n", b"data:a\n\n", b": c\n\n"])  # fmt: skip
def test_anything_but_a_sole_event_must_be_fed(piece: bytes) -> None:
    parser = ServerSentEvents()
    parser.feed(b"data: a\n\n")
    assert parser.sole(piece) is None


@pytest.mark.parametrize("before", [b"", b"data", b"data: a\n", b"event: x\n", b"data: a\r", b"\r"])
def test_a_sole_event_after_something_pending_must_be_fed(before: bytes) -> None:
    parser = ServerSentEvents()
    parser.feed(before)
    assert parser.sole(b"data: a\n\n") is None


@pytest.fixture
def _small_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(framing, "MAX_EVENT_BYTES", 64)


@pytest.mark.usefixtures("_small_limit")
@pytest.mark.parametrize("step", [1, 7, 1000])
@pytest.mark.parametrize("stream", [b"x" * 65, b"data: " + b"x" * 65 + b"\n", b"data: 12345678\n" * 9])
def test_an_event_beyond_the_limit_is_refused_and_stays_so(stream: bytes, step: int) -> None:
    parser = ServerSentEvents()
    pieces = (stream[at : at + step] for at in range(0, len(stream), step))
    with pytest.raises(MalformedReply, match="more than 64 bytes"):
        list(map(parser.feed, pieces))
    with pytest.raises(MalformedReply):
        parser.feed(b"data: a\n\n")
    assert parser.sole(b"data: a\n\n") is None
    assert parser.close() == []


@pytest.mark.usefixtures("_small_limit")
def test_events_before_the_one_beyond_the_limit_are_given() -> None:
    parser = ServerSentEvents()
    assert parser.feed(b"data: a\n\ndata: " + b"x" * 65 + b"\n") == [Frame("message", b"a")]
    assert parser.sole(b"data: b\n\n") is None
    with pytest.raises(MalformedReply):
        parser.feed(b"\n")


@pytest.mark.usefixtures("_small_limit")
def test_many_events_within_the_limit_are_read() -> None:
    assert whole(b"data: 12345678\n\n" * 100) == [Frame("message", b"12345678")] * 100


def test_a_line_end_that_is_cut_in_two_is_one() -> None:
    parser = ServerSentEvents()
    assert parser.feed(b"data: a\r") == []
    assert parser.feed(b"\ndata: b\r\n\r\n") == [Frame("message", b"a\nb")]
