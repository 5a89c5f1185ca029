"""The prefix of a request that a backend may have cached, as segments in the order in which it is cached. Pure.

Tools, then the system prompt, then the messages; a message is a segment for its head and one for each of its blocks.
Tools that are deferred are no part of it: the model reads them where a search has found them.
Source: Anthropic's guides "Prompt caching" and "Tool use with prompt caching", November 2026.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from addon.prompts import canonical, weights
from addon.protocol import tokens

TOOLS, SYSTEM, MESSAGES = "tools", "system", "messages"
ORDER = (TOOLS, SYSTEM, MESSAGES)
DEFERRED = "defer_loading"


@dataclass(frozen=True, slots=True)
class Segment:
    """One piece of the prefix: ``text`` is its bytes as people read them, ``key`` what it is compared by."""

    section: str
    path: str
    title: str
    name: str  # a tool's; "" for others
    key: bytes
    text: bytes
    tokens: float  # estimated
    is_marked: bool  # a cache may end behind it
    is_attribution: bool = False


def segments(request: object) -> list[Segment]:
    """Take a request of any shape apart."""
    fields: Mapping[str, Any] = request if isinstance(request, dict) else {}
    return [*_tools(fields.get("tools")), *_system(fields.get("system")), *_messages(fields.get("messages"))]


def _tools(tools: object) -> Iterator[Segment]:
    for number, tool in enumerate(tools if isinstance(tools, list) else ()):
        bare = canonical.unmarked(tool)
        if isinstance(bare, dict) and bare.get(DEFERRED):
            continue
        name = bare.get("name") if isinstance(bare, dict) else None
        called = name if isinstance(name, str) else "without a name"
        marked = canonical.is_marked(tool)
        key = canonical.written(bare)
        yield Segment(
            TOOLS, f"tools.{number}", f"tool {called}", called, key, _tool(bare), weights.of_tool(bare), marked
        )


def _tool(tool: object) -> bytes:
    """A tool as people read it: its name, its description, then the rest as it came."""
    if not isinstance(tool, dict):
        return _json(tool)
    shown = [name for name in ("name", "description") if isinstance(tool.get(name), str)]
    text = "".join(f"{tool[name]}\n" for name in shown)
    rest = {name: value for name, value in tool.items() if name not in shown}
    return text.encode("utf-8", "replace") + _json(rest)


def _system(system: object) -> Iterator[Segment]:
    for number, block in enumerate(canonical.blocks(system) if system else ()):
        path = f"system.{number}.text" if isinstance(system, list) else "system"
        is_attribution = canonical.is_attribution(block)
        title = "attribution" if is_attribution else f"system prompt, block {number + 1}"
        marked = canonical.is_marked(system[number]) if isinstance(system, list) else False
        yield _block(SYSTEM, path, title, block, is_marked=marked, is_attribution=is_attribution)


def _messages(messages: object) -> Iterator[Segment]:
    for number, message in enumerate(messages if isinstance(messages, list) else ()):
        path, title = f"messages.{number}", f"message {number + 1}"
        if not isinstance(message, dict):
            yield _block(MESSAGES, path, title, message)
            continue
        head = {name: value for name, value in message.items() if name != "content"}
        title = f"{title}, {message['role']}" if isinstance(message.get("role"), str) else title
        text = _json(head)
        yield Segment(
            MESSAGES, path, title, "", canonical.written(head), text, float(tokens.MESSAGE_TOKENS), is_marked=False
        )
        content = message.get("content")
        for place, block in enumerate(canonical.blocks(content)):
            marked = canonical.is_marked(content[place]) if isinstance(content, list) else False
            of_block = f"{title}: {_kind(block)}"
            yield _block(MESSAGES, f"{path}.content.{place}", of_block, block, is_marked=marked)


def _block(
    section: str, path: str, title: str, block: object, *, is_marked: bool = False, is_attribution: bool = False
) -> Segment:
    is_plain = isinstance(block, dict) and list(block) == ["type", "text"] and isinstance(block["text"], str)
    text = block["text"].encode("utf-8", "replace") if isinstance(block, dict) and is_plain else _json(block)
    estimate = sum(weights.of_content([block]).values())
    return Segment(
        section, path, title, "", canonical.written(block), text, estimate, is_marked, is_attribution=is_attribution
    )


def _kind(block: object) -> str:
    kind = block.get("type") if isinstance(block, dict) else None
    return kind.replace("_", " ") if isinstance(kind, str) else "a block"


def _json(value: object) -> bytes:
    try:
        return orjson.dumps(value)
    except orjson.JSONEncodeError:  # it reads 1,024 levels and writes 254
        return canonical.TOO_DEEP
