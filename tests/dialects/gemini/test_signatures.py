"""What Gemini wants back goes back onto the part that it came on, and to nobody else."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from addon.dialects.gemini.signatures import Marks, Recalled, placed
from addon.protocol.deltas import Carry
from tests.dialects.gemini.saying import NEW, OLD, thought

type Json = dict[str, Any]

SIGNED = {"thoughtSignature": "A"}
TOOL = {"toolCall": {"id": "1"}, "thoughtSignature": "B"}


def test_a_text_is_marked_by_its_place_in_its_block() -> None:
    marks = Marks()
    assert marks.text("I'll ", "") == []
    assert marks.text("look.", "A") == [Carry("marks", [[5, 5, SIGNED]])]
    assert marks.served(TOOL) == [Carry("marks", [[10, 0, TOOL]])]
    assert marks.call("c", "C") == [Carry("calls", {"c": "C"})]
    assert marks.call("d", "") == []
    assert marks.text("", "A") == [Carry("marks", [[0, 0, SIGNED]])]


def test_thinking_between_texts_begins_another_block() -> None:
    marks = Marks()
    marks.text("abc", "")
    assert marks.thought("hm", "T") == [Carry("thoughts", [[0, 2, {"thoughtSignature": "T"}]])]
    assert marks.text("d", "A") == [Carry("marks", [[0, 1, SIGNED]])]
    assert marks.thought("m", "") == []


PLACED: list[tuple[str, list[Any], list[Json]]] = [
    ("", [], []),
    ("abc", [], [{"text": "abc"}]),
    ("abc", [[1, 1, SIGNED]], [{"text": "a"}, {"text": "b", **SIGNED}, {"text": "c"}]),
    ("abc", [[3, 0, SIGNED]], [{"text": "abc"}, {"text": "", **SIGNED}]),
    ("abc", [[0, 0, TOOL], [0, 3, SIGNED]], [TOOL, {"text": "abc", **SIGNED}]),
    # the client changed the text
    ("ab", [[1, 5, SIGNED]], [{"text": "ab"}, {"text": "", **SIGNED}]),
    ("ab", [[-1, 1, SIGNED]], [{"text": "ab"}, {"text": "", **SIGNED}]),
    ("abc", [[2, 1, SIGNED], [0, 1, SIGNED]], [{"text": "ab"}, {"text": "c", **SIGNED}, {"text": "", **SIGNED}]),
    # a signature that somebody else made up
    (
        "ab",
        ["x", [1], [0, 1, "x"], ["0", 1, SIGNED], [0, "1", SIGNED], [0, 1, {}], [0, 1, {"thoughtSignature": 1}]],
        [{"text": "ab"}],
    ),
]


@pytest.mark.parametrize(("text", "marks", "parts"), PLACED)
def test_marks_are_put_back_where_they_were(text: str, marks: list[Any], parts: list[Json]) -> None:
    assert placed(text, marks) == parts


@given(st.text(), st.lists(st.tuples(st.integers(), st.integers(), st.just(SIGNED)).map(list)))
def test_no_text_and_no_signature_is_ever_lost(text: str, marks: list[Any]) -> None:
    parts = placed(text, marks)
    assert "".join(part["text"] for part in parts) == text
    assert sum("thoughtSignature" in part for part in parts) == len(marks)
    assert all(part["text"] or "thoughtSignature" in part for part in parts)


def test_the_very_model_gets_its_own_back_and_nobody_else() -> None:
    block = thought("Hm.", calls={"c": "C", "d": 1}, marks=[[0, 0, SIGNED]], thoughts=[[0, 3, SIGNED]])
    own = Recalled(block, NEW)
    assert (own.stranger, dict(own.calls), own.marks) == (None, {"c": "C"}, [[0, 0, SIGNED]])
    assert own.thoughts == [{"text": "Hm.", "thought": True, **SIGNED}]
    other = Recalled(block, OLD)
    assert (other.stranger, dict(other.calls), other.marks, other.thoughts) == (NEW.name, {}, [], [])


def test_thinking_that_another_signed_is_an_earlier_turns() -> None:
    assert Recalled({"type": "thinking", "thinking": "", "signature": "ErUB"}, NEW).stranger == "an earlier turn"


def test_thinking_without_a_signature_of_geminis_does_not_go_back() -> None:
    assert Recalled(thought("Hm."), NEW).thoughts == []


def test_thinking_that_the_client_was_not_shown_goes_back_signed() -> None:
    assert Recalled(thought("", text="Hm.", thoughts=[[0, 3, SIGNED]]), NEW).thoughts == [
        {"text": "Hm.", "thought": True, **SIGNED}
    ]


@pytest.mark.parametrize("state", [{"calls": [], "marks": {}, "thoughts": {}}, {}])
def test_a_state_of_another_shape_is_none(state: Json) -> None:
    recalled = Recalled(thought("Hm.", **state), NEW)
    assert (recalled.stranger, dict(recalled.calls), recalled.marks, recalled.thoughts) == (None, {}, [], [])
