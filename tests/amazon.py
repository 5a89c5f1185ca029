"""Amazon's side of Bedrock, as botocore knows it: frames for a stream, and botocore as a reader of what we send.

The text form of a stream (`backend.frames` of a story) has a line for each frame: what it is, its name, its payload:
`event messageStart {"role":"assistant"}`, `exception throttlingException {"message":"..."}`, `error code words`. An
event named `chunk` is packed once more, as Bedrock does it with the events of InvokeModel. An empty line, and one that
begins with `#`, is no frame; `raw` is followed by bytes in hexadecimal digits.
"""

import base64
import json
import struct
from collections.abc import Mapping
from zlib import crc32

from botocore.eventstream import EventStreamBuffer

type Value = str | bytes | int | bool


def frame(payload: bytes, headers: Mapping[str, Value]) -> bytes:
    """Write one frame."""
    packed = b"".join(_header(name, value) for name, value in headers.items())
    prelude = struct.pack(">II", len(packed) + len(payload) + 16, len(packed))
    whole = prelude + struct.pack(">I", crc32(prelude)) + packed + payload
    return whole + struct.pack(">I", crc32(whole))


def _header(name: str, value: Value) -> bytes:
    named = bytes([len(name.encode())]) + name.encode()
    match value:
        case bool():
            return named + bytes([0 if value else 1])
        case int():
            return named + b"\x05" + struct.pack(">q", value)
        case bytes():
            return named + b"\x06" + struct.pack(">H", len(value)) + value
        case str():
            return named + b"\x07" + struct.pack(">H", len(value.encode())) + value.encode()


def event(name: str, payload: bytes) -> bytes:
    """Write an event; `chunk` is packed once more, and padded, as Bedrock does it."""
    if name == "chunk":
        payload = json.dumps({"bytes": base64.b64encode(payload).decode(), "p": "abcdefgh"}).encode()
    headers = {":event-type": name, ":content-type": "application/json", ":message-type": "event"}
    return frame(payload, headers)


def exception(name: str, payload: bytes) -> bytes:
    """Write an exception."""
    headers = {":exception-type": name, ":content-type": "application/json", ":message-type": "exception"}
    return frame(payload, headers)


def framed(text: str) -> bytes:
    """Write a stream from its text form; what botocore reads out of it is what was written."""
    written = b"".join(_framed(line) for line in text.splitlines() if line and not line.startswith("#"))
    if "\nraw " not in f"\n{text}":
        buffer = EventStreamBuffer()
        buffer.add_data(written)
        assert len(list(buffer)) == len([line for line in text.splitlines() if line and not line.startswith("#")])
    return written


def _framed(line: str) -> bytes:
    sort, _, rest = line.partition(" ")
    name, _, payload = rest.partition(" ")
    match sort:
        case "event":
            return event(name, payload.encode())
        case "exception":
            return exception(name, payload.encode())
        case "error":
            return frame(b"", {":error-code": name, ":error-message": payload, ":message-type": "error"})
        case "raw":
            return bytes.fromhex(rest)
        case unknown:
            raise ValueError(f"no frame is called {unknown!r}")
