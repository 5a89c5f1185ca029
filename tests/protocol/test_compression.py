"""Compressed bodies, in any cuts."""

import gzip
import zlib

import brotli  # type: ignore[import-untyped]  # a compiled extension without types
import pytest
import zstandard

from addon.protocol import compression
from addon.protocol.errors import MalformedReply

TEXT = b"data: {}\n\n" * 500
PACKED = [
    ("gzip", gzip.compress(TEXT, mtime=0)),
    ("X-GZIP", gzip.compress(TEXT, mtime=0)),
    ("deflate", zlib.compress(TEXT)),
    (" br ", brotli.compress(TEXT)),
    ("zstd", zstandard.compress(TEXT)),
]


@pytest.mark.parametrize(("encoding", "packed"), PACKED)
@pytest.mark.parametrize("step", [1, 7, 100_000])
def test_a_body_unpacks_in_any_cuts(encoding: str, packed: bytes, step: int) -> None:
    unpack = compression.unpacker(encoding)
    assert unpack
    assert b"".join(unpack(packed[at : at + step]) for at in range(0, len(packed), step)) == TEXT
    assert compression.unpack_whole(encoding, packed) == TEXT


@pytest.mark.parametrize("encoding", ["", "identity", "Identity"])
def test_a_plain_body_needs_no_unpacking(encoding: str) -> None:
    assert compression.unpacker(encoding) is None
    assert compression.unpack_whole(encoding, TEXT) == TEXT


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "zstd", "lzma", "gzip, br"])
def test_what_does_not_unpack_is_malformed(encoding: str) -> None:
    unpack = compression.unpacker(encoding)
    assert unpack
    with pytest.raises(MalformedReply, match="compress"):
        unpack(b"this is nothing of the kind, and long enough for every one of them to notice")
