"""Blocks of a Messages conversation, read once for every dialect.

In: one block of a user or system turn, or of a tool's result. Out: its text as a string, or what the dialect makes of a
picture or a PDF. Source: Messages API reference, "messages", content blocks.
"""

from collections.abc import Callable
from dataclasses import dataclass
from reprlib import repr as shortened
from typing import Any, Protocol

from addon.dialects import Target, documents, server_blocks
from addon.dialects.losses import Loss, Lost, Refused, loss, refusal
from addon.protocol.errors import Unsupported
from addon.protocol.messages import Json

PARAGRAPH = "\n\n"
EXTRACTED = "taken out of the PDF; pictures and layout are not included."
# what Anthropic takes, and with it Claude Code sends; every backend that sees pictures takes these
IMAGE_TYPES = frozenset(("image/png", "image/jpeg", "image/gif", "image/webp"))
PDF_TYPES = frozenset(("application/pdf", "application/x-pdf"))
TEXT_TYPES = frozenset(f"application/{name}" for name in ("json", "xml", "yaml", "x-yaml", "toml", "javascript"))
DOCUMENT_FIELDS = frozenset(("type", "source", "title", "cache_control"))

type Place = tuple[int, int, int | None]  # of a turn, of a block in it, of a block in that


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture: its base64 ``data``, or where ``data`` is empty its address ``url``."""

    media_type: str
    data: str = ""
    url: str = ""

    @property
    def as_url(self) -> str:
        """Its address, which may hold all of it."""
        return self.url or f"data:{self.media_type};base64,{self.data}"


@dataclass(frozen=True, slots=True)
class Paper:
    """A PDF: its base64 ``data``; ``name`` ends in ``.pdf``."""

    name: str
    data: str


class Media(Protocol):
    """What a dialect makes of media."""

    def picture(self, picture: Picture) -> Json:
        """Say a picture that the target takes."""

    def paper(self, paper: Paper) -> Json:
        """Say a PDF; asked only where the profile has ``documents``."""


class Blocks:
    """Says blocks one by one, and adds to ``losses`` on the way."""

    def __init__(self, target: Target, wire_name: Callable[[str], str], losses: list[Loss], media: Media) -> None:
        """``wire_name`` turns a tool's name into the one on the wire."""
        self._media = media
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
                words = server_blocks.say(block, block_path(*at), self._losses)
                if words is None:
                    raise self._refuse(Refused.BLOCK, at, other)
                return words

    def _image(self, source: Json, at: Place) -> Json:
        if not self._profile.images or self._target.vision is False:
            raise self._refuse(Refused.IMAGE, at)
        match source.get("type"):
            case "base64":
                media_type = str(source.get("media_type") or "image/png")
                if media_type not in IMAGE_TYPES:
                    raise self._refuse(Refused.IMAGE_TYPE, at, shortened(media_type))
                picture = Picture(media_type, data=self._given(source, "data", Refused.IMAGE_SOURCE, at))
            case "url" if self._profile.image_urls:
                picture = Picture("", url=self._given(source, "url", Refused.IMAGE_SOURCE, at))
            case other:
                raise self._refuse(Refused.IMAGE_SOURCE, at, other)
        return self._media.picture(picture)

    def _given(self, source: Json, field: str, sort: Refused, at: Place) -> str:
        given = source.get(field)
        if not isinstance(given, str) or not given:
            raise self._refuse(sort, at, f"{source['type']} without {field}")
        return given

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
            case "base64":
                return self._file(source, title, at)
            case other:
                raise self._refuse(Refused.DOCUMENT, at, other)

    def _file(self, source: Json, title: str, at: Place) -> str | Json:
        encoded = self._given(source, "data", Refused.DOCUMENT, at)
        media_type = str(source.get("media_type") or "application/pdf").partition(";")[0].strip().lower()
        if media_type in PDF_TYPES:
            name = title if title.endswith(".pdf") else f"{title}.pdf"
            if self._profile.documents:
                return self._media.paper(Paper(name, encoded))
            return self._text_of_pdf(encoded, name, at)
        if media_type.startswith("text/") or media_type in TEXT_TYPES:
            text = documents.decode(encoded)
            if text is None:
                raise self._refuse(Refused.DOCUMENT, at, "base64 that is none")
            return f"[{title}]\n{text}"
        raise self._refuse(Refused.DOCUMENT_TYPE, at, shortened(media_type))

    def _text_of_pdf(self, encoded: str, name: str, at: Place) -> str:
        reading = documents.text_of(encoded)
        if reading.fault:
            raise self._refuse(Refused.DOCUMENT_WITHOUT_TEXT, at, reading.fault)
        self._lose(Lost.DOCUMENT_AS_TEXT, at)  # without its name: losses are logged, and that is of the prompt
        return f"[The text of {name}, {EXTRACTED}]\n\n{reading.text}"

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
