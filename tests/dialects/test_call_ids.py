"""Calls and their results, paired."""

import pytest

from addon.dialects.call_ids import CallIds
from addon.dialects.profiles import Profile


def test_a_result_closes_its_call() -> None:
    ids = CallIds(Profile())
    assert ids.ask("toolu_1") == "toolu_1"
    assert ids.open
    assert ids.answer("toolu_1") == "toolu_1"
    assert not ids.open


def test_a_result_without_an_open_call_has_none() -> None:
    ids = CallIds(Profile())
    assert ids.answer("toolu_1") == ""
    ids.ask("toolu_1")
    ids.answer("toolu_1")
    assert ids.answer("toolu_1") == ""


def test_an_id_that_comes_twice_in_a_turn_is_told_apart_and_answered_in_order() -> None:
    ids = CallIds(Profile())
    first, second = ids.ask("a"), ids.ask("a")
    assert first != second
    assert [ids.answer("a"), ids.answer("a")] == [first, second]


def test_calls_without_results_are_given_up_in_order() -> None:
    ids = CallIds(Profile())
    ids.ask("a")
    ids.ask("b")
    assert list(ids.give_up()) == [("a", "a"), ("b", "b")]
    assert not ids.open
    assert list(ids.known) == ["a", "b"]


@pytest.mark.parametrize("profile", [Profile(call_id_limit=40), Profile(call_id_length=9)])
def test_an_id_that_does_not_fit_is_made_anew_the_same_every_time(profile: Profile) -> None:
    long = "toolu_" + "x" * 60
    made = CallIds(profile).ask(long)
    assert made == CallIds(profile).ask(long)
    assert len(made) == (profile.call_id_length or 40)
    assert profile.call_id_length is None or made.isalnum()
