"""Pictures and documents as parts of a chat-completions message.

Source: OpenAI API reference, "create chat completion", content parts.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from addon.dialects.blocks import PARAGRAPH, Paper, Picture
from addon.dialects.profiles import DocumentPart, Profile
from addon.protocol.messages import Json


class Parts:
    """See :class:`addon.dialects.blocks.Media`."""

    def __init__(self, profile: Profile) -> None:
        """``profile`` says how a PDF is said."""
        self._pdf = PDF_PARTS[profile.document_part]

    def picture(self, picture: Picture) -> Json:
        """Say a picture by its address."""
        return {"type": "image_url", "image_url": {"url": picture.as_url}}

    def paper(self, paper: Paper) -> Json:
        """Say a PDF as the target takes it."""
        return self._pdf(f"data:application/pdf;base64,{paper.data}", paper.name)


def _as_file(url: str, name: str) -> Json:
    """OpenAI API reference, "create chat completion", file content part."""
    return {"type": "file", "file": {"filename": name, "file_data": url}}


def _as_document_url(url: str, name: str) -> Json:
    """Mistral API specification, DocumentURLChunk."""
    return {"type": "document_url", "document_url": url, "document_name": name}


PDF_PARTS: Mapping[DocumentPart, Callable[[str, str], Json]] = MappingProxyType(
    {DocumentPart.FILE: _as_file, DocumentPart.DOCUMENT_URL: _as_document_url}
)


def together(parts: list[str | Json]) -> str | list[Json]:
    """Text alone as one string, which every server takes; with media, a list of parts."""
    texts = [part for part in parts if isinstance(part, str)]
    if len(texts) == len(parts):
        return PARAGRAPH.join(texts)
    return [{"type": "text", "text": part} if isinstance(part, str) else part for part in parts]
