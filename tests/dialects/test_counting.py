"""Counts as backends tell them."""

import pytest

from addon.dialects.counting import MOST, count


@pytest.mark.parametrize(("told", "counted"), [(5, 5), (5.7, 5), (-1, 0), (None, 0), ("5", 0), ([], 0), (1e30, MOST)])
def test_a_count_is_a_whole_number_of_tokens(told: object, counted: int) -> None:
    assert count(told) == counted
