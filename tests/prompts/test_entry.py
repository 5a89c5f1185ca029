"""The values of the prompt log."""

import pytest

from addon.prompts.entry import Summary

BARE = Summary(id="a", at=1.0)


@pytest.mark.parametrize(
    ("summary", "total"),
    [
        (BARE, None),
        (Summary(id="a", at=1.0, input_tokens=0), 0),
        (Summary(id="a", at=1.0, input_tokens=3, cache_read_tokens=20, cache_write_tokens=100), 123),
        (Summary(id="a", at=1.0, input_tokens=3, cache_read_tokens=20), 23),
    ],
)
def test_all_that_went_in_is_told_and_the_unknown_is_no_zero(summary: Summary, total: int | None) -> None:
    assert summary.prompt_tokens == total
