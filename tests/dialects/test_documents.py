"""PDFs that are read, PDFs that are not, and what is kept of them."""

import subprocess
import sys
from pathlib import Path

import pypdf
import pytest

from addon.dialects import documents
from addon.dialects.documents import Reading, Unread, at_hand, decode, read, text_of
from tests.pdfs import encoded, locked, pdf


@pytest.fixture(autouse=True)
def _nothing_kept() -> None:
    documents._kept.clear()


READ: dict[str, tuple[bytes, str]] = {
    "one page": (pdf("Hello"), "[page 1]\nHello"),
    "lines": (pdf("Hello\n(the world)"), "[page 1]\nHello\n(the world)"),
    "letters beyond ASCII": (pdf("Grüße — €"), "[page 1]\nGrüße — €"),
    "pages with text and without": (
        pdf("One", None, "", "Four"),
        "[page 1]\nOne\n\n[page 2]\n[no text on this page]\n\n[page 3]\n[no text on this page]\n\n[page 4]\nFour",
    ),
    "locked against changes only": (locked("", "Hello"), "[page 1]\nHello"),
    "rubbish around it": (b"\n\n" + pdf("Hello") + b"\n\n", "[page 1]\nHello"),
}


@pytest.mark.parametrize(("made", "text"), READ.values(), ids=READ)
def test_the_text_of_a_pdf_is_told_page_by_page(made: bytes, text: str) -> None:
    assert read(encoded(made)) == Reading(text)


UNREADABLE: dict[str, tuple[str, str]] = {
    "a scan": (encoded(pdf(None, None)), "holds no text: it is a scan"),
    "no page": (encoded(pdf()), "holds no text"),
    "locked": (encoded(locked("secret", "Hello")), "is locked with a password"),
    "cut": (encoded(pdf("Hello")[:200]), "cannot be read as a PDF"),
    "no PDF": (encoded(b"Hello"), "cannot be read as a PDF"),
    "nothing": ("", "cannot be read as a PDF"),
    "no base64": ("a", "are no base64"),
    "no ASCII": ("ü", "are no base64"),
}


@pytest.mark.parametrize(("given", "fault"), UNREADABLE.values(), ids=UNREADABLE)
def test_why_there_is_no_text_is_told(given: str, fault: str) -> None:
    reading = read(given)
    assert reading.text == ""
    assert fault in reading.fault


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["One", None, "Three"], Reading("[page 1]\nOne\n\n[page 2]\n[this page cannot be read]\n\n[page 3]\nThree")),
        ([None, ""], Reading(fault="this one cannot be read as a PDF")),
    ],
)
def test_a_page_that_breaks_is_named_unless_none_is_left(
    texts: list[str | None], expected: Reading, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = iter(texts)

    def extract(page: pypdf.PageObject) -> str:
        if (text := next(given)) is None:
            raise KeyError("/Font")
        return text

    monkeypatch.setattr(pypdf.PageObject, "extract_text", extract)
    assert read(encoded(pdf(*texts))) == expected


def test_too_many_pages_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "MOST_PAGES", 2)
    assert read(encoded(pdf("a", "b"))).text
    assert read(encoded(pdf("a", "b", "c"))).fault == "this one has 3 pages, more than 2"


def test_too_much_text_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "MOST_CHARACTERS", 6)
    assert read(encoded(pdf("abc", "def"))).text
    assert read(encoded(pdf("abc", "defg"))).fault == "the text of this one has more than 6 characters"


@pytest.mark.parametrize(
    ("raw", "text"),
    [(b"", ""), ("Grüße".encode(), "Grüße"), (b"\xef\xbb\xbfa", "a"), (b"\xff", "\ufffd"), (b"a\0", "a\ufffd")],
)
def test_a_text_is_read_as_utf_8(raw: bytes, text: str) -> None:
    assert decode(encoded(raw)) == text


def test_what_is_no_base64_is_no_text() -> None:
    assert decode("a") is None


# -- what is kept ------------------------------------------------------------------------------------------------------


@pytest.fixture
def readings(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is read, in order; its text is that of the PDF again."""
    asked: list[str] = []

    def note(given: str) -> Reading:
        asked.append(given)
        return Reading(given)

    monkeypatch.setattr(documents, "read", note)
    return asked


def test_a_pdf_is_read_once(readings: list[str]) -> None:
    assert [text_of(each).text for each in ("a", "b", "a")] == ["a", "b", "a"]
    assert readings == ["a", "b"]


def test_what_was_asked_for_longest_ago_is_forgotten_first(
    readings: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(documents, "MOST_KEPT", 3)
    for each in ("a", "b", "c", "a", "d", "a", "b"):
        text_of(each)
    assert readings == ["a", "b", "c", "d", "b"]


def test_the_newest_is_kept_however_long_it_is(readings: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "MOST_KEPT", 3)
    text_of("long")
    text_of("long")
    assert readings == ["long"]


def test_who_cannot_wait_is_told_what_to_read_first(readings: list[str]) -> None:
    known: dict[bytes, Reading] = {}
    with at_hand(known), pytest.raises(Unread) as first:
        text_of("a")
    assert (first.value.encoded, readings) == ("a", [])
    known[first.value.key] = Reading("read elsewhere")
    with at_hand(known):
        assert text_of("a").text == "read elsewhere"
    with at_hand({}):
        assert text_of("a").text == "read elsewhere", "it is kept for the next turn"
    assert text_of("b").text == "b", "outside one waits"
    assert readings == ["b"]


def test_what_is_at_hand_is_found_although_others_push_it_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "MOST_KEPT", 1)
    known: dict[bytes, Reading] = {}
    for _ in range(2):
        with at_hand(known), pytest.raises(Unread) as found:
            [text_of(each) for each in ("a", "b")]
        known[found.value.key] = Reading(found.value.encoded)
    with at_hand(known):
        assert [text_of(each).text for each in ("a", "b")] == ["a", "b"]


def test_pypdf_is_imported_with_the_first_pdf() -> None:
    program = (
        "import sys; from addon.dialects import documents, openai_chat; assert 'pypdf' not in sys.modules;"
        "documents.read(''); assert 'pypdf' in sys.modules"
    )
    root = Path(__file__).parent.parent.parent
    subprocess.run([sys.executable, "-c", program], check=True, cwd=root)
