"""Where JSON ends: each text is measured whole and character by character."""

import json

import pytest

from addon.dialects.openai_chat.json_end import JsonEnd

HARD = json.dumps({"a": [1.5e-7, True, None, {"b": '} ] " \\ {'}], "c\\": "\\\\", "ü": "\n"}, indent=1)


def measured(text: str) -> tuple[int, bool, bool]:
    """How much of it, over, broken."""
    end = JsonEnd()
    return end.feed(text), end.over, end.broken


def one_by_one(text: str) -> tuple[int, bool, bool]:
    end = JsonEnd()
    count = 0
    for character in text:
        count += end.feed(character)
        if end.over or end.broken:
            break
    return count, end.over, end.broken


OVER, OPEN, BROKEN = (True, False), (False, False), (False, True)
TEXTS = {
    "{}": (2, *OVER),
    "[]": (2, *OVER),
    "{} {}": (2, *OVER),
    HARD: (len(HARD), *OVER),
    HARD + "\n</tool_call>": (len(HARD), *OVER),
    HARD[:-1]: (len(HARD) - 1, *OPEN),
    '{"a': (3, *OPEN),
    '{"a\\': (4, *OPEN),
    '{"a\\"}': (6, *OPEN),
    "": (0, *OPEN),
    "x": (0, *BROKEN),
    '"a"': (0, *BROKEN),
    "}": (0, *BROKEN),
    " {}": (0, *BROKEN),
    '{"a": ls}': (9, *OVER),  # letters of true, false and null
    '{"a": dir}': (6, *BROKEN),
    '{"a": "ls"</tool_call>': (10, *BROKEN),
    "{]": (2, *OVER),
}


@pytest.mark.parametrize(("text", "expected"), TEXTS.items())
def test_the_end_is_found(text: str, expected: tuple[int, bool, bool]) -> None:
    assert measured(text) == one_by_one(text) == expected


def test_it_goes_on_anywhere_in_a_text() -> None:
    end = JsonEnd()
    assert end.feed("x{[", 1) == 3
    assert end.feed("y]}z", 1) == 3
    assert end.over
    assert end.feed("more") == 0
