"""What a shadow is, and when its budget is spent."""

from datetime import date

import pytest

from addon.routing.config import Choice
from addon.routing.shadow import Budget, Shadow, Spent

TODAY, TOMORROW = date(2026, 11, 26), date(2026, 11, 27)


def test_what_is_spent_counts_for_its_day_alone() -> None:
    spent = Spent(TODAY).plus(requests=2, dollars=0.5, unpriced=1).plus(requests=1)
    assert spent == Spent(TODAY, 3, 0.5, 1)
    assert spent.on(TODAY) is spent
    assert spent.on(TOMORROW) == Spent(TOMORROW)


OVER = [
    (Budget(3), Spent(TODAY, 2, 99.0), False),
    (Budget(3), Spent(TODAY, 3), True),
    (Budget(3, 1.0), Spent(TODAY, 2, 0.999), False),
    (Budget(3, 1.0), Spent(TODAY, 1, 1.0), True),
    (Budget(3, 1.0), Spent(TODAY, 1, 0.0, unpriced=1), False),
]


@pytest.mark.parametrize(("budget", "spent", "is_over"), OVER)
def test_either_limit_ends_it_and_what_has_no_price_counts_as_a_request(
    budget: Budget, spent: Spent, is_over: bool
) -> None:
    assert spent.is_over(budget) is is_over


def test_all_is_told_in_words() -> None:
    assert Budget(1_000).told == "1,000 requests a day"
    assert Budget(50, 2).told == "50 requests and $2.00 a day"
    assert Spent(TODAY, 3, 0.01234).told == "3 requests, $0.0123"
    assert Spent(TODAY, 3, 0, 2).told == "3 requests, 2 of them at prices that nobody knows, $0.0000"
    assert Shadow(Choice("vllm", "q"), 0.1, "").told == "0.1 of them also to vllm/q, unseen"
