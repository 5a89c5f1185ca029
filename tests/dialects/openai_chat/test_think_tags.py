"""Tags in text: every table runs whole, character by character, and with every cut in two."""

from collections.abc import Iterable

import pytest

from addon.dialects.openai_chat import think_tags
from addon.dialects.openai_chat.think_tags import CLOSING, MOST_BLANKS, ThinkTags
from addon.protocol.deltas import Reasoning, Text


def read(pieces: Iterable[str], *, opened: bool = False, unanswered: bool = False) -> list[tuple[str, str]]:
    """What was thought and said, neighbouring words of one kind joined."""
    tags = ThinkTags(opened=opened)
    words = [word for piece in pieces if piece for word in tags.feed(piece)] + tags.close(unanswered=unanswered)
    joined: list[tuple[str, str]] = []
    for word in words:
        assert word.text
        kind = "text" if isinstance(word, Text) else "thought"
        if joined and joined[-1][0] == kind:
            joined[-1] = (kind, joined[-1][1] + word.text)
        else:
            joined.append((kind, word.text))
    return joined


def check_every_way(text: str, expected: list[tuple[str, str]], **how: bool) -> None:
    assert expected == read([text], **how)
    assert expected == read(text, **how)
    for at in range(len(text) + 1):
        assert expected == read([text[:at], text[at:]], **how)


def thought(*texts: str) -> list[tuple[str, str]]:
    return [("thought", texts[0]), *(("text", text) for text in texts[1:])]


def said(text: str) -> list[tuple[str, str]]:
    return [("text", text)]


TAGGED: dict[str, tuple[str, list[tuple[str, str]]]] = {
    "thinking and text": ("<think>Hm</think>Hi", thought("Hm", "Hi")),
    "blanks around them": ("\n<think>\n Hm\n\nwell \n</think>\n\n Hi \n", thought("Hm\n\nwell", "Hi \n")),
    "a longer tag": ("<thinking>Hm</think> </thinking>Hi", thought("Hm</think>", "Hi")),
    "Gemini's tag": ("<thought>Hm</thought>Hi", thought("Hm", "Hi")),
    "empty thinking": ("<think>\n\n</think>\n\nHi", said("Hi")),
    "a closing tag at the very beginning": ("\n</think>\n\nHi", said("Hi")),
    "no tag": ("Hi <think>no</think>", said("Hi <think>no</think>")),
    "blanks before text stay": ("\n\nHi", said("\n\nHi")),
    "a closing tag later": ("Hm</think>Hi", said("Hm</think>Hi")),
    "what is nearly a tag": ("<thin king>", said("<thin king>")),
    "what may be a tag at the end": (" <thi", said(" <thi")),
    "a second tag": ("<think>A</think>B<think>C</think>D", thought("A", "B<think>C</think>D")),
    "a tag within the thinking": ("<think>A <think> B</think>C", thought("A <think> B", "C")),
    "what is nearly a closing tag": ("<think>a </thin b</think>c", thought("a </thin b", "c")),
    "cut in the thinking": ("<think>Hm, \n", thought("Hm,")),
    "cut in the closing tag": ("<think>Hm</thi", thought("Hm</thi")),
    "nothing": ("", []),
    "blanks alone": (" \n", []),
    "thinking alone": ("<think>Hm</think>\n", thought("Hm")),
}


@pytest.mark.parametrize(("text", "expected"), TAGGED.values(), ids=TAGGED)
def test_tags_at_the_head_hold_thinking(text: str, expected: list[tuple[str, str]]) -> None:
    check_every_way(text, expected)


OPENED: dict[str, tuple[str, list[tuple[str, str]]]] = {
    "the closing tag alone": ("\nHm\n</think>\n\nHi", thought("Hm", "Hi")),
    "any closing tag": ("Hm</thinking>Hi", thought("Hm", "Hi")),
    "both tags": ("<think>Hm</think>Hi", thought("Hm", "Hi")),
    "a closing tag at the very beginning": ("</think>Hi", said("Hi")),
    "no tag": ("Hi <b>you</b>", thought("Hi <b>you</b>")),
}


@pytest.mark.parametrize(("text", "expected"), OPENED.values(), ids=OPENED)
def test_a_reply_may_begin_inside_its_thinking(text: str, expected: list[tuple[str, str]]) -> None:
    check_every_way(text, expected, opened=True)


@pytest.mark.parametrize("opened", [True, False])
def test_thinking_that_is_all_there_is_was_the_answer(opened: bool) -> None:
    text = "<think>\nIt is 4. \n"
    check_every_way(text, [("thought", "It is 4."), ("text", "It is 4.")], opened=opened, unanswered=True)
    check_every_way("<think></think>", [], opened=opened, unanswered=True)
    check_every_way("<think> ", [], opened=opened, unanswered=True)
    check_every_way("<think>A</think>B", thought("A", "B"), opened=opened, unanswered=True)


def test_words_come_as_soon_as_they_can() -> None:
    tags = ThinkTags(opened=False)
    assert tags.feed("<think>") == []
    assert tags.feed("Let") == [Reasoning("Let")]
    assert tags.feed(" me <") == [Reasoning(" me")]
    assert tags.feed("b> ") == [Reasoning(" <b>")]
    assert tags.feed("</think>") == []
    assert tags.feed("\n\nThe <") == [Text("The <")]
    assert tags.feed("think>") == [Text("think>")]


def test_blanks_without_end_are_not_held() -> None:
    many = "\n" * (MOST_BLANKS + 1)
    assert ThinkTags(opened=False).feed(many) == [Text(many)]
    tags = ThinkTags(opened=False)
    assert tags.feed("<think>A" + many) == [Reasoning("A" + many)]


def test_thinking_that_is_no_answer_any_more_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(think_tags, "MOST_ANSWER", 10)
    assert read(["<think>", "0123456789"], unanswered=True) == [("thought", "0123456789"), ("text", "0123456789")]
    assert read(["<think>", "01234", "567890"], unanswered=True) == thought("01234567890")


def test_every_tag_has_its_own_closing_tag() -> None:
    for tag, closing in CLOSING.items():
        check_every_way(f"{tag}A{closing}B", thought("A", "B"))
