"""Marks in pieces of text."""

import pytest

from addon.dialects.openai_chat.text_marks import Marks

MARKS = Marks("<think>", "<thinking>", "[X]", "```json\n")
PLACES = {
    "": 0,
    "no mark": 7,
    "text <": 5,
    "text <thin": 5,
    "text <think": 5,
    "text <thinkin": 5,
    "text <thinker": 13,
    "< think": 7,
    "<<": 1,
    "a [": 2,
    "a []": 4,
    "a``": 1,
    "a```json": 1,
    "a```jsonl": 9,
    "<thin <th": 6,
}


@pytest.mark.parametrize(("text", "expected"), PLACES.items())
def test_the_beginning_of_a_mark_is_found_at_the_end_of_a_text(text: str, expected: int) -> None:
    assert MARKS.begun(text) == expected


def test_the_first_mark_is_found_and_the_longer_of_two() -> None:
    found = MARKS.find("a [X] <thinking>")
    assert found is not None
    assert found.span() == (2, 5)
    longer = Marks("ab", "abc").find("xabc")
    assert longer is not None
    assert longer[0] == "abc"
    assert MARKS.find("a <b> [Y]") is None


def test_a_mark_at_the_beginning_is_matched() -> None:
    matched = MARKS.match("<thinking>x")
    assert matched is not None
    assert matched[0] == "<thinking>"
    assert MARKS.match(" <think>") is None
