from hypothesis import given
from hypothesis import strategies as st
from markupsafe import escape

from addon.prompts.reader import texts
from addon.prompts.reader.texts import Budget, Cut, cut, preview, weight


def test_a_short_text_is_whole() -> None:
    assert cut("text", 4) == Cut("text")


def test_a_long_one_keeps_its_ends_and_counts_the_rest() -> None:
    made = cut("abcdefghijkl", 8)
    assert made == Cut("abcdef", 4, "kl")
    assert made.length == 12


def test_it_is_cut_between_lines_where_one_is_near() -> None:
    made = cut("a" * 140 + "\n" + "b" * 200 + "\n" + "c" * 48, 200)
    assert (made.head, made.tail) == ("a" * 140 + "\n", "c" * 48)


@given(st.text(max_size=300), st.integers(8, 200))
def test_nothing_is_lost_or_twice(text: str, most: int) -> None:
    made = cut(text, most)
    assert made.length == len(text)
    assert text.startswith(made.head)
    assert text.endswith(made.tail)
    assert len(made.head) + len(made.tail) <= max(most, 8)


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_a_text_weighs_what_it_takes_once_it_is_escaped(text: str) -> None:
    assert weight(text) == len(str(escape(text)).encode())


def test_a_budget_that_is_spent_leaves_a_few_words_of_each_text() -> None:
    budget = Budget(1_000)
    assert budget.cut("x" * 900, 2_000).left_out == 0
    assert budget.cut('"' * 5_000, 5_000).left_out == 4_800
    assert budget.is_spent
    assert len(budget.cut("y" * 500, 500).head) == 150


def test_a_page_of_hostile_texts_stays_small() -> None:
    budget, total = Budget(), 0
    for _ in range(100):
        made = budget.cut("'" * 1_000_000)
        total += weight(made.head + made.tail)
    assert total < 900_000


def test_a_preview_is_one_line() -> None:
    assert preview("  one\n\ttwo  ") == "one two"
    assert preview("word " * 100, 20) == "word word word word…"
    assert preview(" " * 1_000 + "late", 20) == "…"
    assert weight(preview("'" * 1_000)) <= texts.PREVIEW * 2
