"""Blocks of a Messages conversation said as parts of a chat-completions message.

In: one block of a user or system turn, or of a tool's result. Out: its text as a string, or a part of a content list
(a picture, a document). Source: OpenAI API reference, "create chat completion", content parts.
"""

from collections.abc import Callable
from reprlib import repr as shortened
from typing import Any

from addon.dialects import Target
from addon.dialects.losses import Loss, Lost, Refused, loss, refusal
from addon.protocol.errors import Unsupported
from addon.protocol.messages import Json

PARAGRAPH = "\n\n"
# what Anthropic takes, and with it Claude Code sends; every backend that sees pictures takes these
IMAGE_TYPES = frozenset(("image/png", "image/jpeg", "image/gif", "image/webp"))
DOCUMENT_FIELDS = frozenset(("type", "source", "title", "cache_control"))

type Place = tuple[int, int, int | None]  # of a turn, of a block in it, of a block in that


class Parts:
    """Says blocks one by one, and adds to ``losses`` on the way."""

    def __init__(self, target: Target, wire_name: Callable[[str], str], losses: list[Loss]) -> None:
        """``wire_name`` turns a tool's name into the one on the wire."""
        self.loaded: dict[str, int] = {}  # the client's names of the tools it loaded on the way -> 1, 2, ...
        self._target = target
        self._profile = target.profile
        self._wire_name = wire_name
        self._losses = losses

    def say(self, block: Json, index: int, position: int, inner: int | None = None) -> str | Json:
        """Say a block of a user or system turn, or of a result: text as a string, media as a part.

        The numbers are its place: in the conversation, in the turn and, where it is part of a result, in that. Raises:
        Unsupported with the JSON path.
        """
        kind = block["type"]
        if kind == "text":
            text: str = block["text"]
            return text
        at = index, position, inner
        match kind:
            case "tool_reference":
                self.loaded.setdefault(block["tool_name"], len(self.loaded) + 1)
                return f"[the tool {self._wire_name(block['tool_name'])} is loaded and can be called]"
            case "image":
                return self._image(block["source"], at)
            case "document":
                return self._document(block, at)
            case "search_result":
                head = f"{block.get('title') or ''} ({block.get('source') or ''})"
                return PARAGRAPH.join((head, *self._inner_texts(block.get("content"), at)))
            case "tool_addition" | "tool_removal" as change:
                self._lose(Lost.TOOL_CHANGE, at, change)
                return ""
            case other:
                raise self._refuse(Refused.BLOCK, at, other)

    def _image(self, source: Json, at: Place) -> Json:
        if not self._profile.images or self._target.vision is False:
            raise self._refuse(Refused.IMAGE, at)
        match source.get("type"):
            case "base64":
                media_type = str(source.get("media_type") or "image/png")
                if media_type not in IMAGE_TYPES:
                    raise self._refuse(Refused.IMAGE_TYPE, at, shortened(media_type))
                url = f"data:{media_type};base64,{source.get('data') or ''}"
            case "url" if self._profile.image_urls:
                url = str(source.get("url") or "")
            case other:
                raise self._refuse(Refused.IMAGE_SOURCE, at, other)
        return {"type": "image_url", "image_url": {"url": url}}

    def _document(self, block: Json, at: Place) -> str | Json:
        source = block["source"]
        title = str(block.get("title") or "document")
        for field in block:
            if field not in DOCUMENT_FIELDS:
                self._lose(Lost.DOCUMENT_FIELD, at, field)
        match source.get("type"):
            case "text":
                return f"[{title}]\n{source.get('data') or ''}"
            case "content":
                return PARAGRAPH.join((f"[{title}]", *self._inner_texts(source.get("content"), at)))
            case "base64" if self._profile.documents:
                url = f"data:{source.get('media_type') or 'application/pdf'};base64,{source.get('data') or ''}"
                name = title if title.endswith(".pdf") else f"{title}.pdf"
                return {"type": "file", "file": {"filename": name, "file_data": url}}
            case other:
                raise self._refuse(Refused.DOCUMENT, at, other)

    def _inner_texts(self, content: Any, at: Place) -> list[str]:
        if isinstance(content, str):
            return [content]
        texts: list[str] = []
        for inner in content if isinstance(content, list) else ():
            kind = inner.get("type") if isinstance(inner, dict) else None
            if kind != "text":
                raise self._refuse(Refused.BLOCK, at, f"{kind} inside another block")
            texts.append(str(inner.get("text") or ""))
        return texts

    def _lose(self, sort: Lost, at: Place, *details: object) -> None:
        self._losses.append(loss(sort, block_path(*at), *details))

    def _refuse(self, sort: Refused, at: Place, *details: object) -> Unsupported:
        return refusal(sort, block_path(*at), self._target.name, *details)


def block_path(index: int, position: int, inner: int | None = None) -> str:
    """Return the JSON path of a block, or of a block inside it."""
    path = f"messages.{index}.content.{position}"
    return path if inner is None else f"{path}.content.{inner}"


def together(parts: list[str | Json]) -> str | list[Json]:
    """Text alone as one string, which every server takes; with media, a list of parts."""
    texts = [part for part in parts if isinstance(part, str)]
    if len(texts) == len(parts):
        return PARAGRAPH.join(texts)
    return [{"type": "text", "text": part} if isinstance(part, str) else part for part in parts]
