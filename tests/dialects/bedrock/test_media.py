"""Pictures and documents of Converse."""

import pytest

from addon.dialects.bedrock.media import Media
from addon.dialects.blocks import Paper, Picture
from tests.end_to_end.bedrock_strictness import DOCUMENT_NAME


def test_a_picture_is_its_format_and_its_bytes() -> None:
    assert Media().picture(Picture("image/webp", data="UklG")) == {
        "image": {"format": "webp", "source": {"bytes": "UklG"}}
    }


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("report.pdf", "report"),
        ("the_report  (final) [2].v3.pdf", "the report (final) [2] v3"),
        ("Zürich/2026.pdf", "Z rich 2026"),
        ("日本語.pdf", "document"),
        (f"{'long ' * 99}.pdf", ("long " * 36).strip()),
    ],
)
def test_a_document_has_a_name_that_converse_takes(title: str, name: str) -> None:
    said = Media().paper(Paper(title, "JVBE"))
    assert said == {"document": {"format": "pdf", "name": name, "source": {"bytes": "JVBE"}}}
    assert DOCUMENT_NAME.fullmatch(name)


def test_no_two_documents_have_one_name() -> None:
    media = Media()
    names = [media.paper(Paper(title, "JVBE"))["document"]["name"] for title in ("a_b.pdf", "a b.pdf", "a.b.pdf")]
    assert names == ["a b", "a b (2)", "a b (3)"]
