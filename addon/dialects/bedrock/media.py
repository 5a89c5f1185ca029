"""Pictures and documents as blocks of Converse.

Source: Amazon Bedrock API reference, ImageBlock and DocumentBlock.
"""

import re

from addon.dialects.blocks import Paper, Picture
from addon.protocol.messages import Json

# of a document's name: letters, digits, hyphens, parentheses, square brackets, and no two spaces in a row
REFUSED_IN_NAMES = re.compile(r"[^0-9A-Za-z()\[\]-]+")
LONGEST_NAME = 180  # Converse takes 200


class Media:
    """See :class:`addon.dialects.blocks.Media`."""

    def __init__(self) -> None:
        """Start with no document named."""
        self._names: dict[str, int] = {}

    def picture(self, picture: Picture) -> Json:
        """Say a picture; it comes as bytes, for the profile takes no addresses."""
        kind = picture.media_type.removeprefix("image/")
        return {"image": {"format": kind, "source": {"bytes": picture.data}}}

    def paper(self, paper: Paper) -> Json:
        """Say a PDF. No two of a request have the same name."""
        plain = REFUSED_IN_NAMES.sub(" ", paper.name.removesuffix(".pdf"))[:LONGEST_NAME].strip() or "document"
        again = self._names[plain] = self._names.get(plain, 0) + 1
        name = plain if again == 1 else f"{plain} ({again})"
        return {"document": {"format": "pdf", "name": name, "source": {"bytes": paper.data}}}
