"""Which regular expressions of the user's own may run over every exchange."""

import pytest

from addon.settings import expressions

GOOD = [
    r"EMP-\d{5}",
    r"(?m)^project: (.*)$",
    r"(?:a|b)+c",
    r"(a+)x",
    r"(?:a++|b)+",
    r"(?:x{2,5}y)+",
    r"[(+*)]+x",
    r"\(a+\)+",
    r"[]+(]+x",
    r"[^]+(]+x",
    r"[\]+(]+x",
    r"a{2}b{3,}",
    r"(?i)acme[-_]key[-_]\w+",
    r"(ab)?c+",
    r"secret {x}",
]


@pytest.mark.parametrize("expression", GOOD)
def test_an_ordinary_expression_is_taken(expression: str) -> None:
    assert expressions.check(expression) == expression


@pytest.mark.parametrize(
    ("expression", "told"),
    [
        ("(a", "it is no regular expression: missing ), unterminated subpattern, at character 1"),
        ("a**", "it is no regular expression: multiple repeat, at character 3"),
        ("[z-a]", "it is no regular expression: bad character range z-a, at character 2"),
        ("a{99999999999999999999}", "it is no regular expression: the repetition number is too large"),
        ("(a+)+b", "it repeats a repetition"),
        (r"(?:\w*\s?)*x", "it repeats a repetition"),
        ("((a+)b?)+x", "it repeats a repetition"),
        ("(a{2,})*x", "it repeats a repetition"),
        ("(a*?){60}x", "it repeats a repetition"),
        ("x*", "it finds the empty text everywhere"),
        ("", "it finds the empty text everywhere"),
        (r"\b", "it finds the empty text everywhere"),
        ("(?=a)", "it finds the empty text everywhere"),
        (".+", "it finds every text"),
        (r"[\s\S]+", "it finds every text"),
    ],
)
def test_another_is_refused_with_the_reason(expression: str, told: str) -> None:
    with pytest.raises(ValueError, match="^" + told.replace("(", r"\(").replace(")", r"\)")):
        expressions.check(expression)


def test_a_bracket_too_many_does_no_harm() -> None:
    assert not expressions.repeats_a_repetition("a)b+[")
