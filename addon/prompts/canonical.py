"""A request's parts as they count for a model and its cache, however the client wrote them. Pure.

The client writes the same turn differently from request to request: the mark ``cache_control`` moves to the newest
one, and a lone text that has lost it becomes a string (docs/protocol.md). What is the same here, is the same there.
Any JSON goes in.
"""

from collections.abc import Iterator
from typing import Any

import orjson

from addon.protocol.messages import ATTRIBUTION

MARK = "cache_control"
MAX_DEPTH = 20  # of results within results in which marks are looked for
TOO_DEEP = b'"(nested too deeply)"'


def written(value: object) -> bytes:
    """Write a value; two that a model reads as the same are written the same."""
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    except orjson.JSONEncodeError:  # it reads 1,024 levels and writes 254
        return TOO_DEEP


def message(value: object) -> object:
    """A message with its content as blocks, without marks."""
    if not isinstance(value, dict):
        return value
    return {**value, "content": blocks(value.get("content"))}


def blocks(content: object) -> list[object]:
    """A content as blocks, without marks."""
    if isinstance(content, list):
        return [unmarked(block) for block in content]
    return [{"type": "text", "text": content}] if content is not None else []


def unmarked(block: object, depth: int = 0) -> object:
    """A block or a tool without its mark, and without those of the blocks in it."""
    if not isinstance(block, dict):
        return block
    bare = {name: value for name, value in block.items() if name != MARK}
    content = bare.get("content")
    if block.get("type") == "tool_result" and isinstance(content, list) and depth < MAX_DEPTH:
        bare["content"] = [unmarked(inner, depth + 1) for inner in content]
    return bare


def is_marked(value: object, depth: int = 0) -> bool:
    """Whether a block, a tool, or a message's content bears a mark."""
    if isinstance(value, list):
        return any(is_marked(inner, depth) for inner in value)
    if not isinstance(value, dict):
        return False
    return MARK in value or (depth < MAX_DEPTH and is_marked(value.get("content"), depth + 1))


def marks(request: object) -> tuple[str, ...]:
    """Where the marks stand, as paths of parts, in the order in which a model reads them."""
    return tuple(f"{section}.{number}" for section, number, value in parts(request) if is_marked(value))


def parts(request: object) -> Iterator[tuple[str, int, Any]]:
    """Every tool, system block and message with its number, in the order in which they are cached."""
    fields = request if isinstance(request, dict) else {}
    for section in ("tools", "system", "messages"):
        inner = fields.get(section)
        values = inner if isinstance(inner, list) else [inner] if inner and section == "system" else []
        yield from ((section, number, value) for number, value in enumerate(values))


def is_attribution(block: object) -> bool:
    """Whether a system block is the client's note for Anthropic, which differs for each request."""
    text = block.get("text") if isinstance(block, dict) else block
    return isinstance(text, str) and text.startswith(ATTRIBUTION)
