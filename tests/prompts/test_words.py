"""The difference between two texts: what people would mark, and never long in coming."""

import random
from collections.abc import Iterable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from addon.prompts.alignment import MOST_STEPS, Steps
from addon.prompts.words import MOST_CHARACTERS, Run, words


def marked(runs: Iterable[Run]) -> str:
    marks = {"same": "{}", "removed": "[-{}-]", "added": "{{+{}+}}"}
    return "".join(marks[run.state].format(run.text) for run in runs)


DIFFERENCES = [
    ("", "", ""),
    ("a b", "a b", "a b"),
    ("", "a", "{+a+}"),
    ("a", "", "[-a-]"),
    ("the red fox runs", "the blue fox runs", "the [-red-]{+blue+} fox runs"),
    ("the red fox", "the redder fox", "the [-red-]{+redder+} fox"),
    ("one two", "one two three", "one two{+ three+}"),
    ("two three", "one two three", "{+one +}two three"),
    ("a, b; c", "x, y; z", "[-a, b; c-]{+x, y; z+}"),
    ("first\nsecond\nthird\n", "first\n2nd\nthird\n", "first\n[-second-]{+2nd+}\nthird\n"),
    ("a b c d e", "a x c y e", "a [-b -]{+x +}c [-d-]{+y+} e"),
    ("x" * 300 + "a", "x" * 300 + "b", "x" * 300 + "[-a-]{+b+}"),
    ("a" + "x" * 300, "b" + "x" * 300, "[-a-]{+b+}" + "x" * 300),
]


@pytest.mark.parametrize(("old", "new", "shown"), DIFFERENCES, ids=range(len(DIFFERENCES)))
def test_words_that_differ_are_marked(old: str, new: str, shown: str) -> None:
    assert marked(words(old, new)) == shown


def sides(runs: Iterable[Run]) -> tuple[str, str]:
    told = list(runs)
    return (
        "".join(run.text for run in told if run.state != "added"),
        "".join(run.text for run in told if run.state != "removed"),
    )


TEXT = st.text(alphabet=" ab.\nX", max_size=30) | st.lists(st.sampled_from(["a ", "b\n", "word "])).map("".join)


@given(TEXT, TEXT, st.integers(0, 200))
def test_the_runs_make_both_texts_again(old: str, new: str, steps: int) -> None:
    runs = words(old, new, Steps(steps))
    assert sides(runs) == (old, new)
    assert all(run.text for run in runs)
    assert all(run.state != following.state for run, following in pairwise(runs))


def test_one_changed_word_in_a_long_text_of_lines_is_found() -> None:
    lines = [f"line {number} says that all is well\n" for number in range(30_000)]
    old, new = list(lines), list(lines)
    new[9_000], new[20_000] = "line 9000 differs\n", "line 20000 says that all is lost\n"
    runs = words("".join(old), "".join(new))
    assert len("".join(old)) > 4 * MOST_CHARACTERS
    assert [run for run in runs if run.state != "same"] == [
        Run("removed", "says that all is well"),
        Run("added", "differs"),
        Run("removed", "well"),
        Run("added", "lost"),
    ]


def test_hostile_texts_spend_their_steps_and_no_more() -> None:
    draw = random.Random(1)
    hostile = [
        ("a b " * 200_000, "b a " * 200_000),
        (
            "".join(draw.choice("ab") + " " for _ in range(30_000)),
            "".join(draw.choice("ab") + " " for _ in range(9_000)),
        ),
        ("".join(draw.choice("ab") + "\n" for _ in range(500_000)), "b\n" * 400_000),
        ("x" * 1_000_000, "y" * 1_000_000),
    ]
    for old, new in hostile:
        steps = Steps()
        assert sides(words(old, new, steps)) == (old, new)
        assert 0 <= steps.left <= MOST_STEPS
