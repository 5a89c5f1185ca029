"""Amazon's event stream, ``application/vnd.amazon.eventstream``: bytes to frames, and frames as people may read them.

A frame, all numbers big-endian: its whole length (4 bytes), the length of its headers (4), the CRC-32 of these eight
bytes (4), the headers, the payload, the CRC-32 of all before (4). A header is the length of its name (1), the name, the
type of its value (1) and the value. Sources: AWS, "event stream encoding"; botocore 1.44, ``eventstream.py``, from
which the two limits are.
"""

import base64
import binascii
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from zlib import crc32

import orjson

from addon.protocol.errors import MalformedReply

CONTENT_TYPE = "application/vnd.amazon.eventstream"
MAX_HEADERS_BYTES = 128 * 1024
MAX_PAYLOAD_BYTES = 24 * 1024 * 1024
PRELUDE = struct.Struct(">III")
CHECKED = 8  # bytes of the prelude, which its own sum is of
CRC = struct.Struct(">I")

type Value = str | bytes | int | bool

# type of a header's value -> the struct of one whose size is fixed
FIXED: Mapping[int, struct.Struct] = MappingProxyType(
    {
        2: struct.Struct(">b"),
        3: struct.Struct(">h"),
        4: struct.Struct(">i"),
        5: struct.Struct(">q"),
        8: struct.Struct(">q"),
    }
)
SIZED: Mapping[int, Callable[[bytes], Value]] = MappingProxyType({6: bytes, 7: bytes.decode})  # behind two of length
TRUE, FALSE, UUID = 0, 1, 9
UUID_BYTES = 16


@dataclass(frozen=True, slots=True)
class AmazonFrame:
    """One message of a stream."""

    payload: bytes
    headers: Mapping[str, Value] = field(default_factory=dict)

    @property
    def sort(self) -> str:
        """``event``, ``exception`` or ``error``."""
        return str(self.headers.get(":message-type", ""))

    @property
    def name(self) -> str:
        """Which event, exception or error."""
        found = (self.headers.get(key) for key in (":event-type", ":exception-type", ":error-code"))
        return str(next((name for name in found if name is not None), ""))


class AmazonFrames:
    """A push parser: ``feed`` bytes as they arrive, in any cuts; ``close`` at the end."""

    __slots__ = ("_broken", "_rest", "_total")

    def __init__(self) -> None:
        """Start at the first byte of a body."""
        self._rest = bytearray()
        self._total = 0  # length of the frame at the head of the rest; 0: its prelude is not there yet
        self._broken: MalformedReply | None = None

    def feed(self, chunk: bytes) -> list[AmazonFrame]:
        """Return the frames that ``chunk`` completes. Raises: MalformedReply, when all before the fault is given."""
        if self._broken is not None:
            raise self._broken
        self._rest += chunk
        frames: list[AmazonFrame] = []
        try:
            while frame := self._next():
                frames.append(frame)
        except MalformedReply as error:
            self._broken = error
            self._rest.clear()
            if not frames:
                raise
        return frames

    def close(self) -> list[AmazonFrame]:
        """Return nothing: every frame has its end in itself. Raises: MalformedReply for one that was cut, or bad."""
        if self._broken is not None:
            raise self._broken
        if self._rest:
            raise MalformedReply(f"The backend's stream ended within a frame, behind {len(self._rest)} bytes of it.")
        return []

    def _next(self) -> AmazonFrame | None:
        if not self._total:
            if len(self._rest) < PRELUDE.size:
                return None
            self._total = _total(self._rest)
        if len(self._rest) < self._total:
            return None
        whole = bytes(self._rest[: self._total])
        del self._rest[: self._total]
        self._total = 0
        return _frame(whole)


def _total(head: bytes | bytearray) -> int:
    """Read the length of a frame off its prelude. Raises: MalformedReply."""
    total, headers, told = PRELUDE.unpack_from(head)
    if crc32(head[:CHECKED]) != told:
        raise MalformedReply("The backend's stream holds a frame whose prelude does not fit its checksum.")
    payload = total - headers - PRELUDE.size - CRC.size
    if headers > MAX_HEADERS_BYTES or not 0 <= payload <= MAX_PAYLOAD_BYTES:
        raise MalformedReply(f"The backend's stream holds a frame of {total} bytes with {headers} bytes of headers.")
    return int(total)


def _frame(whole: bytes) -> AmazonFrame:
    body, end = whole[: -CRC.size], whole[-CRC.size :]
    if crc32(body) != CRC.unpack(end)[0]:
        raise MalformedReply("The backend's stream holds a frame that does not fit its checksum.")
    at = PRELUDE.size + PRELUDE.unpack_from(whole)[1]
    try:
        return AmazonFrame(body[at:], _headers(body[PRELUDE.size : at]))
    except (struct.error, IndexError, UnicodeDecodeError, KeyError):
        raise MalformedReply("The backend's stream holds a frame whose headers cannot be read.") from None


def _headers(raw: bytes) -> dict[str, Value]:
    """Raises: struct.error, IndexError, UnicodeDecodeError, KeyError."""
    found: dict[str, Value] = {}
    at = 0
    while at < len(raw):
        end = at + 1 + raw[at]
        name, kind = raw[at + 1 : end].decode(), raw[end]
        found[name], at = _value(raw, end + 1, kind)
    return found


def _value(raw: bytes, at: int, kind: int) -> tuple[Value, int]:
    """Return a value and where it ends."""
    if kind in (TRUE, FALSE):
        return kind == TRUE, at
    if kind in FIXED:
        return FIXED[kind].unpack_from(raw, at)[0], at + FIXED[kind].size
    size, at = (UUID_BYTES, at) if kind == UUID else (struct.unpack_from(">H", raw, at)[0], at + 2)
    value = raw[at : at + size]
    if len(value) < size:
        raise IndexError(at)
    return (value if kind == UUID else SIZED[kind](value)), at + size


def is_framed(body: bytes) -> bool:
    """Whether a body begins with a frame."""
    try:
        return len(body) >= PRELUDE.size and _total(body) > 0
    except MalformedReply:
        return False


def readable(body: bytes) -> bytes:
    """Return a reply as people may read it, and as secrets are found in it: a framed one as lines."""
    return shown(body) if is_framed(body) else body


def shown(body: bytes) -> bytes:
    """Return a framed body, or what there is of it, as people may read it: a line for each frame.

    ``event contentBlockStop {"contentBlockIndex":0}``; an event that is packed once more (``unpacked``) is unpacked.
    """
    frames, lines = AmazonFrames(), []
    try:
        lines = [_line(frame) for frame in frames.feed(body)]
        frames.close()
    except MalformedReply as error:
        lines.append(f"[{error.message}]".encode())
    return b"".join(line + b"\n" for line in lines)


def _line(frame: AmazonFrame) -> bytes:
    payload = unpacked(frame.payload) if frame.name == "chunk" else None
    if frame.sort == "error":
        payload = str(frame.headers.get(":error-message", "")).encode()
    told = frame.payload if payload is None else payload
    return b" ".join((f"{frame.sort} {frame.name}".encode(), *told.split(b"\n")))


def unpacked(payload: bytes) -> bytes | None:
    """Return the event that Bedrock packs into a ``chunk``, ``{"bytes": base64}``; None where there is none."""
    try:
        packed = orjson.loads(payload)["bytes"]
        return base64.b64decode(packed, validate=True)
    except (orjson.JSONDecodeError, KeyError, TypeError, binascii.Error, ValueError):
        return None
