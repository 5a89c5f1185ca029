"""Sequences beside each other, found out to the last step and no further."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from addon.prompts.alignment import MOST_STEPS, Steps, Stretch, align, price


def told(old: str, new: str, steps: int = MOST_STEPS) -> list[tuple[str, str, str]]:
    return [(each.state, old[each.old], new[each.new]) for each in align(old, new, Steps(steps))]


def test_stretches_come_in_order() -> None:
    assert told("abcXdef", "abYcdefg") == [
        ("same", "ab", "ab"), ("added", "", "Y"), ("same", "c", "c"), ("removed", "X", ""), ("same", "def", "def"),
        ("added", "", "g"),
    ]  # fmt: skip
    assert told("abc", "axc") == [("same", "a", "a"), ("replaced", "b", "x"), ("same", "c", "c")]
    assert told("", "") == []
    assert told("a", "a") == [("same", "a", "a")]
    assert list(align("", "ab", Steps())) == [Stretch("added", slice(0, 0), slice(0, 2))]


def test_without_steps_only_the_ends_are_found() -> None:
    assert told("abXcd", "abYcZcd", 0) == [("same", "ab", "ab"), ("replaced", "X", "YcZ"), ("same", "cd", "cd")]


def test_the_longest_match_is_found_before_the_steps_end() -> None:
    assert told("1abcd2e3", "4abcd5e6", 10_000) == [
        ("replaced", "1", "4"), ("same", "abcd", "abcd"), ("replaced", "2", "5"), ("same", "e", "e"),
        ("replaced", "3", "6"),
    ]  # fmt: skip
    assert told("1abcd2e3", "4abcd5e6", 15) == [
        ("replaced", "1", "4"), ("same", "abcd", "abcd"), ("replaced", "2e3", "5e6"),
    ]  # fmt: skip


def test_a_price_is_what_the_first_search_takes() -> None:
    assert price("aab", "abb") == 1 + 1 + 2 + 3


SEQUENCES = st.text(alphabet="abc", max_size=12)


@given(SEQUENCES, SEQUENCES, st.integers(0, 100))
def test_stretches_cover_both_and_never_overspend(old: str, new: str, left: int) -> None:
    steps = Steps(left)
    stretches = list(align(old, new, steps))
    assert 0 <= steps.left <= left
    assert "".join(old[each.old] for each in stretches) == old
    assert "".join(new[each.new] for each in stretches) == new
    assert all(old[each.old] == new[each.new] for each in stretches if each.state == "same")
    assert all(a.state != "same" or b.state != "same" for a, b in pairwise(stretches))
