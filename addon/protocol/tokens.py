"""Token estimates: how large a request is, without a tokenizer.

Method: UTF-8 bytes of what the model reads, divided by BYTES_PER_TOKEN; plus a fixed price for each image and for
each page-sized piece of a document. The error against real tokenizers is measured in docs/protocol.md, "Tokens".
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class Survey:
    """What stands in contents, in one walk over all their blocks: a long history has thousands."""

    size: int  # bytes of the texts
    results: int
    images: int
    documents: list[Json]
    others: list[Json]  # blocks that are counted as they are written


def survey(contents: Iterable[object]) -> Survey:  # noqa: C901 - one flat loop, run for every block of a history
    """Look through contents, those of results too."""
    size = results = images = 0
    documents: list[Json] = []
    others: list[Json] = []
    pending = list(contents)
    for content in pending:  # grows by the contents of results
        if type(content) is str:
            size += _length(content)
        elif type(content) is list:
            for block in content:
                if type(block) is not dict:
                    continue
                kind = block.get("type")
                if kind == "text":
                    inner = block.get("text")
                elif kind == "tool_result":
                    results += 1
                    inner = block.get("content")
                else:
                    if kind == "image":
                        images += 1
                    elif kind == "document":
                        documents.append(block)
                    elif kind not in UNBILLED:
                        others.append(block)
                    continue
                if type(inner) is str:
                    size += _length(inner)
                elif type(inner) is list:
                    pending.append(inner)
    return Survey(size, results, images, documents, others)


def estimate(system: object, messages: Iterable[Json], tools: Iterable[Json]) -> int:
    """Return the input tokens of a request; never below 1. Raises: TooDeep."""
    contents = [message.get("content") for message in messages]
    return estimate_surveyed(system, survey(contents), len(contents), tools)


def estimate_surveyed(system: object, said: Survey, messages: int, tools: Iterable[Json]) -> int:
    """Return the same, of so many messages whose contents were looked through."""
    prompt, offered = survey((system,)), list(tools)
    pages, texts = _documents([*said.documents, *prompt.documents])
    size = said.size + prompt.size + texts + _written([*said.others, *prompt.others]) + _written(offered)
    fixed = (messages + said.results + prompt.results) * MESSAGE_TOKENS + len(offered) * TOOL_TOKENS
    fixed += (said.images + prompt.images) * IMAGE_TOKENS + pages * DOCUMENT_PAGE_TOKENS
    return max(1, round(fixed + _bytes(size)))


def estimate_text(characters: int) -> int:
    """Return the tokens of that many characters of reply, for backends that report no usage."""
    return round(_bytes(characters))


def _bytes(count: int) -> float:
    return count / BYTES_PER_TOKEN


def _length(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8", "replace"))


def _documents(documents: Iterable[Json]) -> tuple[int, int]:
    """Return how many pages documents have, and the bytes of those that are texts."""
    pages = size = 0
    for document in documents:
        source = document.get("source")
        if not isinstance(source, dict):
            continue
        content = source.get("data")
        if source.get("type") == "text":
            size += _length(content) if isinstance(content, str) else 0
        else:
            pages += max(1, len(content) // DOCUMENT_BYTES_PER_PAGE) if isinstance(content, str) else 1
    return pages, size


def _written(parts: list[Json]) -> int:
    """How many bytes the parts are as JSON: written at once, without what stands around and between them."""
    if not parts:
        return 0
    try:
        return len(orjson.dumps(parts)) - len(parts) - 1
    except orjson.JSONEncodeError:
        raise TooDeep from None
