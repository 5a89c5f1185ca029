"""Media as parts of a chat-completions message."""

from addon.dialects.blocks import Paper, Picture
from addon.dialects.openai_chat.parts import Parts, together
from addon.dialects.profiles import DocumentPart, Profile

PLAIN = Parts(Profile())
PICTURE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBO"}}
PAPER = Paper("a.pdf", "JVBE")


def test_a_picture_is_said_by_its_address_which_may_hold_it() -> None:
    assert PLAIN.picture(Picture("image/png", data="iVBO")) == PICTURE
    assert PLAIN.picture(Picture("", url="https://x/y")) == {"type": "image_url", "image_url": {"url": "https://x/y"}}


def test_a_pdf_is_a_file_and_at_mistral_a_part_of_its_own() -> None:
    url = "data:application/pdf;base64,JVBE"
    assert PLAIN.paper(PAPER) == {"type": "file", "file": {"filename": "a.pdf", "file_data": url}}
    mistral = Parts(Profile(document_part=DocumentPart.DOCUMENT_URL))
    assert mistral.paper(PAPER) == {"type": "document_url", "document_url": url, "document_name": "a.pdf"}


def test_texts_alone_are_one_string() -> None:
    assert together(["a", "b"]) == "a\n\nb"


def test_texts_beside_a_picture_are_parts() -> None:
    assert together(["a", PICTURE]) == [{"type": "text", "text": "a"}, PICTURE]
