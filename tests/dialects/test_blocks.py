"""Blocks, one by one: what stands in a turn, what a backend is told (chat-completions for one), what is refused."""

from dataclasses import replace
from typing import Any

import pytest

from addon.dialects import Target
from addon.dialects.blocks import Blocks, block_path
from addon.dialects.losses import Loss
from addon.dialects.openai_chat.parts import Parts
from addon.dialects.profiles import Profile
from addon.protocol.errors import Unsupported
from tests import pdfs

type Json = dict[str, Any]

TARGET = Target("openai", "gpt-5.5", "https://api.openai.com/v1", Profile(documents=True))
BLIND = replace(TARGET, profile=Profile(images=False))
MARK = {"cache_control": {"type": "ephemeral"}}
IMAGE: Json = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBO"}}
PDF: Json = {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBE"}, **MARK}


def said(block: Json, target: Target = TARGET) -> tuple[str | Json, list[tuple[str, str]]]:
    losses: list[Loss] = []
    part = Blocks(target, lambda name: name.replace(".", "_"), losses, Parts(target.profile)).say(block, 2, 1)
    return part, [(each.path, each.what) for each in losses]


def text(words: str) -> Json:
    return {"type": "text", "text": words, **MARK}


def image(media_type: object) -> Json:
    return {"type": "image", "source": {"type": "base64", "media_type": media_type, "data": "iVBO"}}


def image_part(url: str) -> Json:
    return {"type": "image_url", "image_url": {"url": url}}


def pdf(media_type: str | None) -> Json:
    return {"type": "document", "source": {"type": "base64", "media_type": media_type, "data": "JVBE"}}


def pdf_part(name: str = "document.pdf") -> Json:
    return {"type": "file", "file": {"filename": name, "file_data": "data:application/pdf;base64,JVBE"}}


def data(made: bytes, media_type: object = "application/pdf") -> Json:
    return {"type": "base64", "media_type": media_type, "data": pdfs.encoded(made)}


def document(source: Json, **more: Any) -> Json:
    return {"type": "document", "source": source, **more}


BLOCKS: dict[str, tuple[Json, str | Json]] = {
    "a text": (text("Hi."), "Hi."),
    "an empty text": (text(""), ""),
    "a loaded tool": (
        {"type": "tool_reference", "tool_name": "mcp.x"},
        "[the tool mcp_x is loaded and can be called]",
    ),
    "an image": (IMAGE, image_part("data:image/png;base64,iVBO")),
    "an image of another type": (image("image/jpeg"), image_part("data:image/jpeg;base64,iVBO")),
    "an image of no type": (image(None), image_part("data:image/png;base64,iVBO")),
    "an image at an address": (
        {"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}},
        image_part("https://example.com/a.png"),
    ),
    "a GIF": (image("image/gif"), image_part("data:image/gif;base64,iVBO")),
    "a WebP": (image("image/webp"), image_part("data:image/webp;base64,iVBO")),
    "a PDF": (PDF, pdf_part()),
    "a PDF of another name": (pdf("Application/X-PDF; version=1.4"), pdf_part()),
    "a PDF of no type": (pdf(None), pdf_part()),
    "a PDF with a title": ({**PDF, "title": "paper"}, pdf_part("paper.pdf")),
    "a PDF with a file's name": ({**PDF, "title": "b.pdf"}, pdf_part("b.pdf")),
    "a text as bytes": (document(data("Grüße".encode(), "text/markdown"), title="a.md"), "[a.md]\nGrüße"),
    "JSON as bytes": (document(data(b'{"a": 1}', "application/json")), '[document]\n{"a": 1}'),
    "a document of text": (document({"type": "text", "data": "words"}), "[document]\nwords"),
    "a document of contents": (
        document({"type": "content", "content": [text("a"), text("b")]}, title="Notes"),
        "[Notes]\n\na\n\nb",
    ),
    "a document of one content": (document({"type": "content", "content": "a"}), "[document]\n\na"),
    "a document of no content": (document({"type": "content"}), "[document]"),
    "a found page": (
        {"type": "search_result", "title": "T", "source": "https://t", "content": [text("a")]},
        "T (https://t)\n\na",
    ),
}


@pytest.mark.parametrize(("block", "expected"), BLOCKS.values(), ids=BLOCKS)
def test_a_block_is_said_whole(block: Json, expected: str | Json) -> None:
    assert said(block) == (expected, [])


def test_tools_are_numbered_as_they_are_loaded() -> None:
    parts = Blocks(TARGET, str, [], Parts(TARGET.profile))
    for name in ("b", "a", "b"):
        parts.say({"type": "tool_reference", "tool_name": name}, 0, 0)
    assert parts.loaded == {"b": 1, "a": 2}


LOST: dict[str, tuple[Json, str | Json, list[str]]] = {
    "a tool that came": (
        {"type": "tool_addition"},
        "",
        ["tool_addition: the tools themselves are sent as they are now"],
    ),
    "a tool that went": (
        {"type": "tool_removal"},
        "",
        ["tool_removal: the tools themselves are sent as they are now"],
    ),
    "a document's other fields": (
        {**PDF, "context": "from the web", "citations": {"enabled": True}},
        pdf_part(),
        [
            "a document's field without a counterpart: context",
            "a document's field without a counterpart: citations",
        ],
    ),
}


@pytest.mark.parametrize(("block", "expected", "losses"), LOST.values(), ids=LOST)
def test_what_stays_behind_is_reported(block: Json, expected: str | Json, losses: list[str]) -> None:
    assert said(block) == (expected, [("messages.2.content.1", what) for what in losses])


ADDRESSED: Json = {"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}}
REFUSED: dict[str, tuple[Json, Target, str]] = {
    "an image, by a provider without eyes": (IMAGE, BLIND, "sees no pictures. Name a model"),
    "an image, by a model without eyes": (IMAGE, replace(TARGET, vision=False), "sees no pictures. Name a model"),
    "an image at an address": (
        ADDRESSED,
        replace(TARGET, profile=Profile(image_urls=False)),
        "cannot be given a picture by url.",
    ),
    "an image of a type that not all take": (
        image("image/tiff"),
        TARGET,
        "cannot be given a picture of the type 'image/tiff'. Make it a PNG",
    ),
    "an image of no known type": (image("x" * 99), TARGET, "cannot be given a picture of the type 'xxxxxxxxxxxx...xxx"),
    "an image without bytes": (
        {"type": "image", "source": {"type": "base64", "media_type": "image/png"}},
        TARGET,
        "cannot be given a picture by base64 without data.",
    ),
    "an image whose address is none": (
        {"type": "image", "source": {"type": "url", "url": 5}},
        TARGET,
        "cannot be given a picture by url without url.",
    ),
    "a PDF without bytes": (
        document({"type": "base64", "data": ""}),
        TARGET,
        "cannot be given a document by base64 without data.",
    ),
    "an uploaded image": ({"type": "image", "source": {"type": "file"}}, TARGET, "cannot be given a picture by file."),
    "a PDF that is none": (PDF, BLIND, "takes no documents, and this one cannot be read as a PDF. Choose"),
    "a scan": (
        document(data(pdfs.pdf(None))),
        BLIND,
        "takes no documents, and this one holds no text: it is a scan, or has pictures only. Choose",
    ),
    "a document of another type": (
        document(data(b"PK", "application/msword")),
        TARGET,
        "cannot be given a document of the type 'application/msword'. Make it",
    ),
    "a text that is no base64": (
        document({"type": "base64", "media_type": "text/plain", "data": "a"}),
        TARGET,
        "cannot be given a document by base64 that is none.",
    ),
    "a PDF at an address": (document({"type": "url"}), TARGET, "cannot be given a document by url."),
    "an image inside a document": (
        document({"type": "content", "content": [IMAGE]}),
        TARGET,
        "cannot be given: image inside another block.",
    ),
    "no block inside a document": (
        document({"type": "content", "content": [5]}),
        TARGET,
        "cannot be given: None inside another block.",
    ),
    "a block of tomorrow": ({"type": "hologram"}, TARGET, "cannot be given: hologram."),
}


@pytest.mark.parametrize(("block", "target", "what"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_said_is_refused_with_its_path(block: Json, target: Target, what: str) -> None:
    with pytest.raises(Unsupported) as caught:
        said(block, target)
    assert caught.value.path == "messages.2.content.1"
    assert caught.value.message.startswith(f"Detour: messages.2.content.1: openai/gpt-5.5 {what}")


def test_a_model_that_takes_no_documents_is_told_the_text_of_a_pdf() -> None:
    part, losses = said(document(data(pdfs.pdf("Hello", "World")), title="report"), BLIND)
    assert part == (
        "[The text of report.pdf, taken out of the PDF; pictures and layout are not included.]\n\n"
        "[page 1]\nHello\n\n[page 2]\nWorld"
    )
    assert losses == [
        ("messages.2.content.1", "the text of this PDF was sent in its place; pictures in it are not seen")
    ]


def test_a_model_that_sees_is_shown_pictures() -> None:
    assert said(IMAGE, replace(TARGET, vision=True)) == (image_part("data:image/png;base64,iVBO"), [])


def test_what_stays_behind_of_a_result_is_told_with_its_place_there() -> None:
    losses: list[Loss] = []
    Blocks(TARGET, str, losses, Parts(TARGET.profile)).say({**PDF, "context": "x"}, 2, 1, 4)
    assert [each.path for each in losses] == ["messages.2.content.1.content.4"]


def test_the_path_of_a_block_is_that_of_the_clients_request() -> None:
    assert block_path(3, 0) == "messages.3.content.0"
    assert block_path(3, 0, 0) == "messages.3.content.0.content.0"
