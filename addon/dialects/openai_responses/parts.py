"""Pictures and documents as parts of an input message, or of what a function gave.

Source: OpenAI API reference, "create a model response", input_image, input_file.
"""

from addon.dialects.blocks import PARAGRAPH, Paper, Picture
from addon.protocol.messages import Json


class Parts:
    """See :class:`addon.dialects.blocks.Media`."""

    def picture(self, picture: Picture) -> Json:
        """Say a picture by its address."""
        return {"type": "input_image", "image_url": picture.as_url, "detail": "auto"}

    def paper(self, paper: Paper) -> Json:
        """Say a PDF by its bytes."""
        data = f"data:application/pdf;base64,{paper.data}"
        return {"type": "input_file", "filename": paper.name, "file_data": data}


def together(parts: list[str | Json]) -> str | list[Json]:
    """Text alone as one string, which every server takes; with media, a list of parts."""
    texts = [part for part in parts if isinstance(part, str)]
    if len(texts) == len(parts):
        return PARAGRAPH.join(texts)
    return [{"type": "input_text", "text": part} if isinstance(part, str) else part for part in parts]
