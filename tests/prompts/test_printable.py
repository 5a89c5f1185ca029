"""Nothing in a text of others' moves a cursor, hides a word or ends a line."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from addon.prompts import printable

TEXTS = [
    ("plain", "plain"),
    ("a\tb\nc", "a\tb\nc"),
    ("a\r\nb\rc", "a\nb\nc"),
    ("\x1b[2J\x1b]0;title\x07", "␛[2J␛]0;title␇"),
    ("\x9b31mred", "�31mred"),
    ("a\x7f\x00", "a␡␀"),
    ("/* \u202e } \u2066 */", "/* � } � */"),
    ("one\u2028two", "one�two"),
    ("half \ud83d", "half �"),
    ("schön 日本 🤖", "schön 日本 🤖"),
]


@pytest.mark.parametrize(("told", "shown"), TEXTS, ids=[ascii(told) for told, _ in TEXTS])
def test_what_would_act_is_seen_instead(told: str, shown: str) -> None:
    assert printable.text(told) == shown


LINES = [
    ("a\n\n  b\tc ", None, "a b c"),
    ("abcdef", 6, "abcdef"),
    ("abcdefg", 6, "abcde…"),
    ("abc  defg", 6, "abc d…"),
    ("abcd efg", 6, "abcd…"),
    ("", 6, ""),
]


@pytest.mark.parametrize(("told", "most", "shown"), LINES)
def test_a_line_is_one_line_of_at_most_so_many_characters(told: str, most: int | None, shown: str) -> None:
    assert printable.line(told, most) == shown


@given(st.text())
def test_no_control_character_is_left_of_any_text(told: str) -> None:
    shown = printable.text(told)
    assert {each for each in shown if unicodedata.category(each) in ("Cc", "Cs", "Zl", "Zp")} <= set("\n\t")
    assert len(printable.line(told).splitlines()) <= 1
    assert printable.text(shown) == shown
    shown.encode()


def test_a_text_can_be_written() -> None:
    assert printable.encodable("a\udcff é") == "a? é"
