"""Token estimates: how large a request is, without a tokenizer.

Method: UTF-8 bytes of what the model reads, divided by BYTES_PER_TOKEN; plus a fixed price for each image and for
each page-sized piece of a document. The error against real tokenizers is measured in docs/protocol.md, "Tokens".
"""

from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from addon.protocol.errors import TooDeep

BYTES_PER_TOKEN = (
    3.6  # English and code in Claude Code's prompts; fewer bytes a token makes us count high, the safe side
)
IMAGE_TOKENS = 1_600  # Anthropic's price of an image at its size limit (vision guide: width * height / 750, capped)
DOCUMENT_BYTES_PER_PAGE = 50_000  # a PDF page as base64, by and large
DOCUMENT_PAGE_TOKENS = 2_000  # Anthropic's PDF guide: 1,500 to 3,000 tokens a page
MESSAGE_TOKENS = 4  # role and separators around each message
TOOL_TOKENS = 12  # the wrapping of each tool definition

Json = Mapping[str, Any]


def estimate(system: object, messages: Iterable[Json], tools: Iterable[Json]) -> int:
    """Return the input tokens of a request; never below 1. Raises: TooDeep."""
    total = _content(system)
    try:
        for message in messages:
            total += MESSAGE_TOKENS + _content(message.get("content"))
        for tool in tools:
            total += TOOL_TOKENS + _bytes(len(orjson.dumps(tool)))
    except orjson.JSONEncodeError:
        raise TooDeep from None
    return max(1, round(total))


def estimate_text(characters: int) -> int:
    """Return the tokens of that many characters of reply, for backends that report no usage."""
    return round(_bytes(characters))


def _bytes(count: int) -> float:
    return count / BYTES_PER_TOKEN


def _content(content: object) -> float:
    match content:
        case str():
            return _bytes(len(content) if content.isascii() else len(content.encode("utf-8", "replace")))
        case list():
            return sum(_block(block) for block in content)
        case _:
            return 0.0


def _block(block: Any) -> float:
    if not isinstance(block, dict):
        return 0.0
    match block.get("type"):
        case "text":
            return _content(block.get("text"))
        case "image":
            return float(IMAGE_TOKENS)
        case "document":
            return _document(block)
        case "tool_result":
            return MESSAGE_TOKENS + _content(block.get("content"))
        case "thinking" | "redacted_thinking":
            return 0.0  # thinking of earlier turns is not billed as input
        case _:
            return _bytes(len(orjson.dumps(block)))


def _document(block: Json) -> float:
    source = block.get("source")
    if not isinstance(source, dict):
        return 0.0
    data = source.get("data")
    if source.get("type") == "text":
        return _content(data)
    pages = max(1, len(data) // DOCUMENT_BYTES_PER_PAGE) if isinstance(data, str) else 1
    return float(pages * DOCUMENT_PAGE_TOKENS)
