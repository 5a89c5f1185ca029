"""Replies in Anthropic's own format, with the signatures of their thinking sealed under the backend's name.

A native backend signs its thinking as Anthropic does, and the client sends the signature back to whoever answers next.
Sealed, it says whose it is (``history`` opens it again). Where the user wants usage told as if the window
were larger, the counts are changed too. Every other byte of a reply passes as it came.
"""

from collections.abc import Callable, Iterable
from typing import Any

import orjson

from addon.dialects.anthropic.history import NATIVE, THOUGHTS
from addon.protocol import signature
from addon.protocol.framing import MAX_EVENT_BYTES

# what stands in the line of an event that bears a signature; others are not parsed
BEARERS = (b"signature", b"redacted_thinking")
USAGE = b'"usage"'
COUNTS = ("input_tokens", "output_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")

type Counted = Callable[[int], int]


class Sealer:
    """A push parser of lines, ended as in ``framing``: a line passes when it is complete, sealed and counted anew.

    Neither verb raises; what cannot be read passes as it is.
    """

    __slots__ = ("_bearers", "_counted", "_given_up", "_origin", "_rest", "_rest_bytes")

    def __init__(self, origin: str, counted: Counted | None = None) -> None:
        """``origin`` is who answers, ``provider/model``; ``counted`` makes a count what the client is told."""
        self._origin = origin
        self._counted = counted
        self._bearers = BEARERS if counted is None else (*BEARERS, USAGE)
        self._rest: list[bytes] = []  # pieces of a line without its end yet
        self._rest_bytes = 0
        self._given_up = False  # a line has outgrown its limit: all passes

    def feed(self, chunk: bytes) -> bytes:
        """Return what may pass by now."""
        if self._given_up:
            return chunk
        end = max(chunk.rfind(b"\n"), chunk.rfind(b"\r")) + 1
        lines = b"".join((*self._take_rest(), chunk[:end])) if end else b""
        self._rest.append(chunk[end:])
        self._rest_bytes += len(chunk) - end
        if self._rest_bytes > MAX_EVENT_BYTES:
            self._given_up = True
            return b"".join((lines, *self._take_rest()))
        return self._sealed(lines)

    def close(self) -> bytes:
        """Return what is left over."""
        return self._sealed(b"".join(self._take_rest()))

    def _take_rest(self) -> list[bytes]:
        rest, self._rest, self._rest_bytes = self._rest, [], 0
        return rest

    def _sealed(self, lines: bytes) -> bytes:
        if not self._may_bear(lines):
            return lines
        return b"".join(self._line(line) for line in lines.splitlines(keepends=True))

    def _may_bear(self, written: bytes) -> bool:
        return any(bearer in written for bearer in self._bearers)

    def _line(self, line: bytes) -> bytes:
        if not line.startswith(b"data:") or not self._may_bear(line):
            return line
        written = line[5:].strip()
        try:
            event = orjson.loads(written)
            bearer = event.get("delta") if event.get("type") == "content_block_delta" else event.get("content_block")
            counted = self._counted is not None and tell_usage(event.get("message") or event, self._counted)
            return line.replace(written, seal(written, event, [bearer], self._origin, anew=counted))
        except (orjson.JSONDecodeError, AttributeError, TypeError):
            return line


def seal_message(written: bytes, message: Any, origin: str, counted: Counted | None = None) -> bytes:
    """Return a whole message with its signatures sealed. Raises: TypeError where it is of a shape that none has."""
    content = message.get("content") if isinstance(message, dict) else None
    told_anew = counted is not None and tell_usage(message, counted)
    return seal(written, message, content if isinstance(content, list) else [], origin, anew=told_anew)


def seal(written: bytes, parsed: Any, blocks: Iterable[Any], origin: str, *, anew: bool) -> bytes:
    """Return the JSON ``written`` with the signatures of ``blocks``, which are parts of ``parsed``, sealed.

    Where a signature stands in it just once, every other byte stays, unless it is to be written ``anew`` anyway. Blocks
    may be anything. Raises: TypeError where they have parts that no block has.
    """
    spliced = None if anew else written
    for block in blocks:
        kind = block.get("type") if isinstance(block, dict) else None
        field = "signature" if kind == "signature_delta" else THOUGHTS.get(kind or "")
        own = block.get(field) if field else None
        if not isinstance(own, str) or not own:
            continue
        block[field] = signature.seal(origin, {NATIVE: own})
        as_told = orjson.dumps(own)
        once = spliced is not None and spliced.count(as_told) == 1
        spliced = spliced.replace(as_told, orjson.dumps(block[field])) if spliced is not None and once else None
    return orjson.dumps(parsed) if spliced is None else spliced


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
