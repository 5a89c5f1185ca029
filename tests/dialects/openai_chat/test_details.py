"""Details of reasoning: what is shown of each fragment, and the list that goes back."""

from typing import Any

import pytest

from addon.dialects.openai_chat import details as openai_chat_details
from addon.dialects.openai_chat.details import Details
from addon.protocol.errors import MalformedReply

type Json = dict[str, Any]


def text(words: Any, **more: Any) -> Json:
    return {"type": "reasoning.text", "text": words, **more}


def summary(words: str, **more: Any) -> Json:
    return {"type": "reasoning.summary", "summary": words, **more}


def block(words: str, **more: Any) -> Json:
    return {"type": "thinking", "thinking": words, **more}


SEALED = {"type": "reasoning.encrypted", "data": "c2VhbGVk", "id": "rs_1", "format": "openai-responses-v1", "index": 0}
CLAUDE = {"format": "anthropic-claude-v1", "index": 0}
# name: the lists as they come, what is shown of each, what goes back
LISTS: dict[str, tuple[list[Any], list[str], list[Json]]] = {
    "none": ([], [], []),
    "fragments of a text": ([[text("The")], [text(" user")]], ["The", " user"], [text("The user")]),
    "fragments in one list": ([[text("The"), text(" user")]], ["The user"], [text("The user")]),
    "fragments of a summary": (
        [[summary("**Plan", index=0)], [summary("**", index=0)]], ["**Plan", "**"], [summary("**Plan**", index=0)],
    ),
    "a signature ends a text": (
        [[text("A", **CLAUDE)], [text("B", **CLAUDE)], [text(None, signature="c2ln", **CLAUDE)]],
        ["A", "B", ""],
        [text("AB", **CLAUDE, signature="c2ln")],
    ),
    "a signature without the field of words": (
        [[text("A", **CLAUDE)], [{"type": "reasoning.text", "signature": "c2ln", **CLAUDE}]],
        ["A", ""],
        [text("A", **CLAUDE, signature="c2ln")],
    ),
    "words after a signature are another text": (
        [[text("A", signature="c2ln")], [text("B")]], ["A", "B"], [text("A", signature="c2ln"), text("B")],
    ),
    "blocks of Claude's, by way of litellm": (
        [[block("A")], [block("B")], [block("", signature="c2ln")], [{"type": "redacted_thinking", "data": "x"}]],
        ["A", "B", "", ""],
        [block("AB", signature="c2ln"), {"type": "redacted_thinking", "data": "x"}],
    ),
    "a block that nobody signed": ([[block("A")]], ["A"], []),
    "another index": (
        [[text("A", index=0)], [text("B", index=1)]], ["A", "B"], [text("A", index=0), text("B", index=1)],
    ),
    "another id": ([[text("A", id="1")], [text("B", id="2")]], ["A", "B"], [text("A", id="1"), text("B", id="2")]),
    "an id that only some have": (
        [[text("A", id="1")], [text("B", id=None)], [text("C", index=0)]], ["A", "B", "C"],
        [text("ABC", id="1", index=0)],
    ),
    "another type": ([[text("A")], [summary("B")], [text("C")]], ["A", "B", "C"], [text("A"), summary("B"), text("C")]),
    "what is encrypted stays whole and in its place": (
        [[summary("A")], [SEALED], [SEALED], [summary("B")]], ["A", "", "", "B"],
        [summary("A"), SEALED, SEALED, summary("B")],
    ),
    "unsigned text that needs a signature does not go back": (
        [[text("A", **CLAUDE)], [text("B", format="google-gemini-v1")], [SEALED]], ["A", "B", ""], [SEALED],
    ),
    "an empty text with a signature goes back": (
        [[text("", signature="c2ln", **CLAUDE)]], [""], [text("", signature="c2ln", **CLAUDE)],
    ),
    "words without a type": (
        [[{"text": "A"}], [{"text": "B"}], [{"summary": "C"}]], ["A", "B", "C"], [{"text": "AB"}, {"summary": "C"}],
    ),
    "a type that is not known": ([[{"type": "x", "y": 1}]], [""], [{"type": "x", "y": 1}]),
    "words that are none": ([[text({"a": 1})]], [""], [text("")]),
    "what is no part": ([["A", None, 5], {"text": "A"}, "A"], ["", "", ""], []),
}  # fmt: skip


@pytest.mark.parametrize(("lists", "shown", "carried"), LISTS.values(), ids=LISTS)
def test_fragments_are_put_together(lists: list[Any], shown: list[str], carried: list[Json]) -> None:
    details = Details()
    assert shown == [details.feed(told, alone=True) for told in lists]
    assert carried == details.take()
    assert details.take() == []


SNAPSHOTS: dict[str, tuple[list[str], list[str]]] = {
    "each is all so far": (["The", "The user", "The user asks"], ["The", " user", " asks"]),
    "one comes twice": (["The", "The", "The user", "The user"], ["The", "", " user", ""]),
    "an older one comes again": (["The", "The user", "The", "The user asks"], ["The", " user", "", " asks"]),
    "pieces": (["The", " user", " The"], ["The", " user", " The"]),
    "pieces that repeat what came later": (["The", " user", " user"], ["The", " user", " user"]),
    "pieces after what looked like snapshots": (["No", "No way", ", no"], ["No", " way", ", no"]),
    "pieces too short to tell": (["a", "and"], ["a", "and"]),
    "blanks do not tell": (["\n\n", "\n\nA"], ["\n\n", "\n\nA"]),
    "an empty one first": (["", "The", "The user"], ["", "The", " user"]),
}


@pytest.mark.parametrize(("words", "shown"), SNAPSHOTS.values(), ids=SNAPSHOTS)
def test_words_alone_may_be_snapshots(words: list[str], shown: list[str]) -> None:
    details = Details()
    assert shown == [details.feed([text(each)], alone=True) for each in words]
    assert [text("".join(shown))] == details.take()


def test_words_that_are_told_in_plain_too_are_pieces() -> None:
    details = Details()
    assert [details.feed([text(each)], alone=False) for each in ("No", "No way")] == ["No", "No way"]
    assert details.take() == [text("NoNo way")]


def test_it_is_told_whether_anything_is_sealed() -> None:
    details = Details()
    details.feed([text("A", signature=None)], alone=True)
    assert not details.sealed
    details.feed([SEALED], alone=True)
    assert details.sealed
    details.take()
    assert details.sealed


def test_what_is_kept_has_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openai_chat_details, "MAX_CALL_CHARACTERS", 40)
    details = Details()
    assert details.feed([text("0123456789")], alone=True) == "0123456789"
    with pytest.raises(MalformedReply, match="details of more than 40 characters"):
        details.feed([SEALED], alone=True)
