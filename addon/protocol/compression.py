"""Compressed bodies while they arrive. We ask every backend for plain bytes; some compress all the same.

brotli and zstandard come with mitmproxy. Source of the names: RFC 9110, 8.4.1; RFC 8878 for zstd.
"""

import zlib
from collections.abc import Callable

import brotli  # type: ignore[import-untyped]  # a compiled extension without types
import zstandard

from addon.protocol.errors import MalformedReply

type Unpack = Callable[[bytes], bytes]

GZIP_OR_ZLIB = 32 + zlib.MAX_WBITS  # zlib reads which of the two it is off the header


def unpacker(encoding: str) -> Unpack | None:
    """Return a function from a body's pieces, in order, to what they unpack to; None when the body is plain.

    The function raises MalformedReply for bytes that do not unpack, and for any when the encoding is not known.
    """
    name = encoding.strip().lower()
    if name in PLAIN:
        return None
    make = UNPACKERS.get(name)
    unpack = make() if make else None

    def checked(piece: bytes) -> bytes:
        if unpack is None:
            raise MalformedReply(f"The reply is compressed with {encoding!r}, which Detour cannot read.")
        try:
            return unpack(piece)
        except (zlib.error, brotli.error, zstandard.ZstdError) as error:
            raise MalformedReply(f"The reply's {name} compression is broken: {error}") from error

    return checked


def unpack_whole(encoding: str, body: bytes) -> bytes:
    """Unpack a body that is complete. Raises: MalformedReply."""
    unpack = unpacker(encoding)
    return unpack(body) if unpack else body


PLAIN = ("", "identity")
UNPACKERS: dict[str, Callable[[], Unpack]] = {
    "gzip": lambda: zlib.decompressobj(GZIP_OR_ZLIB).decompress,
    "x-gzip": lambda: zlib.decompressobj(GZIP_OR_ZLIB).decompress,
    "deflate": lambda: zlib.decompressobj(GZIP_OR_ZLIB).decompress,
    "br": lambda: brotli.Decompressor().process,
    "zstd": lambda: zstandard.ZstdDecompressor().decompressobj().decompress,
}
