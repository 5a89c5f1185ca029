"""The page is one file that runs nothing, fetches nothing, and shows every text as text."""

import base64
import hashlib
import re
from html.parser import HTMLParser
from typing import override

import pytest

from addon.prompts import printable
from addon.prompts.entry import Entry
from addon.prompts.exports import page
from addon.prompts.exports.document import document
from tests.prompts.entries import entry, recorded_calls, recorded_session
from tests.prompts.exports import hostile

ELEMENTS = frozenset(
    ("html", "head", "meta", "title", "style", "body", "header", "h1", "h2", "h3", "h4", "dl", "dt")
) | {*("dd", "nav", "ul", "li", "a", "main", "section", "article", "p", "div", "b", "pre", "details", "summary", "img")}
VOID = {"meta", "img"}
ATTRIBUTES = {"lang", "charset", "http-equiv", "content", "name", "href", "id", "class", "src", "alt"}
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


class Reader(HTMLParser):
    """Reads a page as a browser would, and remembers what is in it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.texts: list[str] = []
        self.feed(text)
        self.close()

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    @override
    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    @override
    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def read(entries: list[Entry]) -> Reader:
    reader = Reader(page.render(document(entries)).decode())
    assert reader.open == []
    return reader


@pytest.mark.parametrize("entries", [[], recorded_session(), recorded_calls(), hostile.session()])
def test_there_is_nothing_on_it_but_what_is_ours(entries: list[Entry]) -> None:
    reader = read(entries)
    assert {tag for tag, _ in reader.elements} <= ELEMENTS
    assert {name for _, attributes in reader.elements for name in attributes} <= ATTRIBUTES
    addresses = [
        attributes[name] or "" for _, attributes in reader.elements for name in ("href", "src") if name in attributes
    ]
    assert all(
        re.fullmatch(r"#[\w-]+|data:image/(png|jpeg|gif|webp);base64,[A-Za-z0-9+/=]+", each) for each in addresses
    )


def test_every_hostile_text_is_there_as_text() -> None:
    reader = read(hostile.session())
    for text in hostile.TEXTS:
        assert printable.text(text) in reader.texts
    shown = "".join(reader.texts)
    assert not {"\x1b", "\u202e", "\x00"} & set(shown)


def test_the_policy_allows_the_one_style_and_nothing_else() -> None:
    text = page.render(document(recorded_session())).decode()
    [policy] = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', text)
    [style] = re.findall(r"<style>(.*?)</style>", text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert policy.replace("&#39;", "'") == (
        f"default-src 'none'; img-src data:; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    )
    assert text.index("Content-Security-Policy") < text.index("<title>")
    assert "url(" not in style


def test_turns_can_be_linked_to() -> None:
    reader = read(recorded_session())
    ids = [attributes["id"] for _, attributes in reader.elements if "id" in attributes]
    assert {f"turn-{number}" for number in range(1, 15)} <= set(ids)
    assert len(ids) == len(set(ids))
    links = {str(attributes["href"]).removeprefix("#") for tag, attributes in reader.elements if tag == "a"}
    assert links <= set(ids)


def test_a_picture_is_shown_from_its_own_bytes() -> None:
    source = {"type": "base64", "media_type": "image/png", "data": PIXEL}
    made = entry({"model": "m", "messages": [{"role": "user", "content": [{"type": "image", "source": source}]}]})
    [picture] = [attributes for tag, attributes in read([made]).elements if tag == "img"]
    assert picture["src"] == f"data:image/png;base64,{PIXEL}"


def test_a_session_reads_in_order() -> None:
    shown = "".join(read(recorded_session()).texts)
    order = ["Read notes.txt.", "Turn 1", "I read the file.", "Turn 2", "Result: Read", "Turn 14", "All done."]
    places = [shown.index(each) for each in order]
    assert places == sorted(places)


def test_who_speaks_is_told_by_a_class_that_is_ours() -> None:
    assert page._kind("Assistant") == "assistant"
    assert page._kind('x" onload="') == "other"
