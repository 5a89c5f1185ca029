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
UNBILLED = ("thinking", "redacted_thinking")  # of earlier turns: they are no input
MESSAGE_TOKENS = 4  # role and separators around each message
TOOL_TOKENS = 12  # the wrapping of each tool definition

Json = Mapping[str, Any]


def estimate(  # noqa: C901 - one flat loop for all contents: a long history has thousands of blocks
    system: object, messages: Iterable[Json], tools: Iterable[Json]
) -> int:
    """Return the input tokens of a request; never below 1. Raises: TooDeep."""
    contents = [message.get("content") for message in messages]
    fixed = len(contents) * MESSAGE_TOKENS
    contents.append(system)
    size = 0
    others: list[Json] = []  # blocks that are counted as they are written
    for content in contents:  # grows by those inside results
        if isinstance(content, str):
            size += len(content) if content.isascii() else len(content.encode("utf-8", "replace"))
        elif isinstance(content, list):
            for block in content:
                if not isinstance(block, dict):
                    continue
                kind = block.get("type")
                if kind == "text":
                    contents.append(block.get("text"))
                elif kind == "tool_result":
                    fixed += MESSAGE_TOKENS
                    contents.append(block.get("content"))
                elif kind == "image":
                    fixed += IMAGE_TOKENS
                elif kind == "document":
                    pages, text = _document(block.get("source"))
                    fixed += pages * DOCUMENT_PAGE_TOKENS
                    contents.append(text)
                elif kind not in UNBILLED:
                    others.append(block)
    offered = list(tools)
    fixed += len(offered) * TOOL_TOKENS
    return max(1, round(fixed + _bytes(size + _written(others) + _written(offered))))


def estimate_text(characters: int) -> int:
    """Return the tokens of that many characters of reply, for backends that report no usage."""
    return round(_bytes(characters))


def most(size: int, messages: int, tools: int, images: int, documents: int) -> float:
    """Return what ``estimate`` cannot pass, from mere counts; ``size`` is that of the request in bytes, as written.

    What is counted by its bytes has no more of them than the request. (A number such as 1e15 has, once it is written
    out as it is counted; no tool's input has enough of them to matter.)
    """
    fixed = messages * MESSAGE_TOKENS + tools * TOOL_TOKENS + images * IMAGE_TOKENS + documents * DOCUMENT_PAGE_TOKENS
    return fixed + _bytes(size) + 1  # rounded up


def _bytes(count: int) -> float:
    return count / BYTES_PER_TOKEN


def _document(source: object) -> tuple[int, object]:
    """Return how many pages a document has, or the text that it is."""
    if not isinstance(source, dict):
        return 0, None
    data = source.get("data")
    if source.get("type") == "text":
        return 0, data
    return (max(1, len(data) // DOCUMENT_BYTES_PER_PAGE) if isinstance(data, str) else 1), None


def _written(parts: list[Json]) -> int:
    """How many bytes the parts are as JSON: written at once, without what stands around and between them."""
    if not parts:
        return 0
    try:
        return len(orjson.dumps(parts)) - len(parts) - 1
    except orjson.JSONEncodeError:
        raise TooDeep from None
