"""Replies in Anthropic's own format, with the signatures of their thinking sealed under the backend's name.

A native backend signs its thinking as Anthropic does, and the client sends the signature back to whoever answers next.
Sealed, it says whose it is (``anthropic_history`` opens it again). Every other byte of a reply passes as it came.
"""

from collections.abc import Mapping
from typing import Any

import orjson

from addon.dialects.anthropic_history import NATIVE, THOUGHTS
from addon.protocol import signature
from addon.protocol.framing import MAX_EVENT_BYTES

# what stands in the line of an event that bears a signature; others are not parsed
BEARERS = (b"signature", b"redacted_thinking")


class Sealer:
    """A push parser of lines: a line passes when it is complete, the signature in it sealed."""

    __slots__ = ("_origin", "_rest")

    def __init__(self, origin: str) -> None:
        """``origin`` is who answers, ``provider/model``."""
        self._origin = origin
        self._rest: bytes | None = b""  # a line without its end yet; None: given up, all passes

    def feed(self, chunk: bytes) -> bytes:
        """Return what may pass by now."""
        if self._rest is None:
            return chunk
        head, newline, rest = (self._rest + chunk).rpartition(b"\n")
        self._rest = rest
        if len(rest) > MAX_EVENT_BYTES:
            self._rest = None
            return head + newline + rest
        if not any(bearer in head for bearer in BEARERS):
            return head + newline
        return b"\n".join(self._line(line) for line in head.split(b"\n")) + newline

    def close(self) -> bytes:
        """Return what is left over."""
        rest, self._rest = self._rest, None
        return self._line(rest) if rest else b""

    def _line(self, line: bytes) -> bytes:
        if not line.startswith(b"data:") or not any(bearer in line for bearer in BEARERS):
            return line
        written = line[5:].strip()
        try:
            event = orjson.loads(written)
            bearer = event.get("delta") if event.get("type") == "content_block_delta" else event.get("content_block")
            sealed = seal_block(bearer, self._origin)
        except (orjson.JSONDecodeError, AttributeError):
            return line
        if not sealed:
            return line
        return line.replace(written, orjson.dumps(event))


def seal_block(block: Any, origin: str) -> bool:
    """Seal the signature in a block, or in the delta of one, in place; False where there is none."""
    kind = block.get("type") if isinstance(block, dict) else None
    field = "signature" if kind == "signature_delta" else THOUGHTS.get(kind or "")
    if field is None or not isinstance(block.get(field), str) or not block[field]:
        return False
    block[field] = signature.seal(origin, {NATIVE: block[field]})
    return True


def seal_message(message: Mapping[str, Any], origin: str) -> bool:
    """Seal every signature in a whole message, in place; False where there is none."""
    content = message.get("content")
    sealed = [seal_block(block, origin) for block in content] if isinstance(content, list) else []
    return any(sealed)
