"""Blocks of a Messages conversation said as parts of a chat-completions message.

In: one block of a user or system turn, or of a tool's result. Out: its text as a string, or a part of a content list
(a picture, a document). Source: OpenAI API reference, "create chat completion", content parts.
"""

from collections.abc import Callable
from typing import Any

from addon.dialects import Target
from addon.dialects.losses import Loss, Lost, Refused, loss, refusal
from addon.protocol.errors import Unsupported
from addon.protocol.messages import Json

PARAGRAPH = "\n\n"
DOCUMENT_FIELDS = frozenset(("type", "source", "title", "cache_control"))


class Parts:
    """Says blocks one by one, and adds to ``losses`` on the way."""

    def __init__(self, target: Target, wire_name: Callable[[str], str], losses: list[Loss]) -> None:
        """``wire_name`` turns a tool's name into the one on the wire."""
        self.loaded: dict[str, int] = {}  # the client's names of the tools it loaded on the way -> 1, 2, ...
        self._target = target
        self._profile = target.profile
        self._wire_name = wire_name
        self._losses = losses

    def say(self, block: Json, index: int, position: int) -> str | Json:
        """Say a block of a user or system turn, or of a result: text as a string, media as a part."""
        kind = block["type"]
        if kind == "text":
            text: str = block["text"]
            return text
        match kind:
            case "tool_reference":
                self.loaded.setdefault(block["tool_name"], len(self.loaded) + 1)
                return f"[the tool {self._wire_name(block['tool_name'])} is loaded and can be called]"
            case "image":
                return self._image(block, index, position)
            case "document":
                return self._document(block, index, position)
            case "search_result":
                head = f"{block.get('title') or ''} ({block.get('source') or ''})"
                return PARAGRAPH.join((head, *self._inner_texts(block.get("content"), index, position)))
            case "tool_addition" | "tool_removal" as change:
                self._lose(Lost.TOOL_CHANGE, index, position, change)
                return ""
            case other:
                raise self._unsupported(other, index, position)

    def _image(self, block: Json, index: int, position: int) -> Json:
        if not self._profile.images:
            raise refusal(Refused.IMAGE, block_path(index, position), self._target.name)
        source = block["source"]
        match source.get("type"):
            case "base64":
                url = f"data:{source.get('media_type') or 'image/png'};base64,{source.get('data') or ''}"
            case "url":
                url = str(source.get("url") or "")
            case other:
                raise refusal(Refused.IMAGE_SOURCE, block_path(index, position), self._target.name, other)
        return {"type": "image_url", "image_url": {"url": url}}

    def _document(self, block: Json, index: int, position: int) -> str | Json:
        source = block["source"]
        title = str(block.get("title") or "document")
        for field in block:
            if field not in DOCUMENT_FIELDS:
                self._lose(Lost.DOCUMENT_FIELD, index, position, field)
        match source.get("type"):
            case "text":
                return f"[{title}]\n{source.get('data') or ''}"
            case "content":
                return PARAGRAPH.join((f"[{title}]", *self._inner_texts(source.get("content"), index, position)))
            case "base64" if self._profile.documents:
                url = f"data:{source.get('media_type') or 'application/pdf'};base64,{source.get('data') or ''}"
                name = title if title.endswith(".pdf") else f"{title}.pdf"
                return {"type": "file", "file": {"filename": name, "file_data": url}}
            case other:
                raise refusal(Refused.DOCUMENT, block_path(index, position), self._target.name, other)

    def _inner_texts(self, content: Any, index: int, position: int) -> list[str]:
        if isinstance(content, str):
            return [content]
        texts: list[str] = []
        for inner in content if isinstance(content, list) else ():
            kind = inner.get("type") if isinstance(inner, dict) else None
            if kind != "text":
                raise self._unsupported(f"{kind} inside another block", index, position)
            texts.append(str(inner.get("text") or ""))
        return texts

    def _lose(self, sort: Lost, index: int, position: int, *details: object) -> None:
        self._losses.append(loss(sort, block_path(index, position), *details))

    def _unsupported(self, what: str, index: int, position: int) -> Unsupported:
        return refusal(Refused.BLOCK, block_path(index, position), self._target.name, what)


def block_path(index: int, position: int) -> str:
    """Return the JSON path of a block."""
    return f"messages.{index}.content.{position}"


def together(parts: list[str | Json]) -> str | list[Json]:
    """Text alone as one string, which every server takes; with media, a list of parts."""
    texts = [part for part in parts if isinstance(part, str)]
    if len(texts) == len(parts):
        return PARAGRAPH.join(texts)
    return [{"type": "text", "text": part} if isinstance(part, str) else part for part in parts]
