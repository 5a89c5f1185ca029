"""Pictures, documents and texts as parts of an input."""

from addon.dialects.blocks import Paper, Picture
from addon.dialects.openai_responses.parts import Parts, together


def test_a_picture_is_its_address() -> None:
    assert Parts().picture(Picture("image/png", data="iVBO")) == {
        "type": "input_image",
        "image_url": "data:image/png;base64,iVBO",
        "detail": "auto",
    }
    assert Parts().picture(Picture("", url="https://a/b.png"))["image_url"] == "https://a/b.png"


def test_a_document_is_its_bytes_and_its_name() -> None:
    assert Parts().paper(Paper("a.pdf", "JVBE")) == {
        "type": "input_file",
        "filename": "a.pdf",
        "file_data": "data:application/pdf;base64,JVBE",
    }


def test_texts_alone_are_one_text_and_beside_media_parts() -> None:
    image = {"type": "input_image"}
    assert together(["a", "b"]) == "a\n\nb"
    assert together(["a", image]) == [{"type": "input_text", "text": "a"}, image]
