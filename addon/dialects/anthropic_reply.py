"""Replies in Anthropic's own format, with the signatures of their thinking sealed under the backend's name.

A native backend signs its thinking as Anthropic does, and the client sends the signature back to whoever answers next.
Sealed, it says whose it is (``anthropic_history`` opens it again). Where the user wants usage told as if the window
were larger, the counts are changed too. Every other byte of a reply passes as it came.
"""

from collections.abc import Callable, Mapping
from typing import Any

import orjson

from addon.dialects.anthropic_history import NATIVE, THOUGHTS
from addon.protocol import signature
from addon.protocol.framing import MAX_EVENT_BYTES

# what stands in the line of an event that bears a signature; others are not parsed
BEARERS = (b"signature", b"redacted_thinking")
USAGE = b'"usage"'
COUNTS = ("input_tokens", "output_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")

type Counted = Callable[[int], int]


class Sealer:
    """A push parser of lines: a line passes when it is complete, its signature sealed, its usage as it is told."""

    __slots__ = ("_bearers", "_counted", "_origin", "_rest")

    def __init__(self, origin: str, counted: Counted | None = None) -> None:
        """``origin`` is who answers, ``provider/model``; ``counted`` makes a count what the client is told."""
        self._origin = origin
        self._counted = counted
        self._bearers = BEARERS if counted is None else (*BEARERS, USAGE)
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
        if not any(bearer in head for bearer in self._bearers):
            return head + newline
        return b"\n".join(self._line(line) for line in head.split(b"\n")) + newline

    def close(self) -> bytes:
        """Return what is left over."""
        rest, self._rest = self._rest, None
        return self._line(rest) if rest else b""

    def _line(self, line: bytes) -> bytes:
        if not line.startswith(b"data:") or not any(bearer in line for bearer in self._bearers):
            return line
        written = line[5:].strip()
        try:
            event = orjson.loads(written)
            bearer = event.get("delta") if event.get("type") == "content_block_delta" else event.get("content_block")
            changed = seal_block(bearer, self._origin)
            if self._counted is not None:
                changed |= tell_usage(event.get("message") or event, self._counted)
        except (orjson.JSONDecodeError, AttributeError):
            return line
        if not changed:
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


def tell_usage(holder: Any, counted: Counted) -> bool:
    """Change the counts of a message, or of the end of one, in place; False where there are none."""
    usage = holder.get("usage") if isinstance(holder, dict) else None
    if not isinstance(usage, dict):
        return False
    lifetimes = usage.get("cache_creation")  # what was written to the cache once more, by how long it stays there
    for counts in (usage, lifetimes if isinstance(lifetimes, dict) else {}):
        for key, count in counts.items():
            if (key in COUNTS or counts is lifetimes) and isinstance(count, int) and not isinstance(count, bool):
                counts[key] = counted(count)
    return True


def seal_message(message: Mapping[str, Any], origin: str) -> bool:
    """Seal every signature in a whole message, in place; False where there is none."""
    content = message.get("content")
    sealed = [seal_block(block, origin) for block in content] if isinstance(content, list) else []
    return any(sealed)
