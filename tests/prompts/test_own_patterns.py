"""What the user's own patterns find."""

import json

import pytest

from addon.prompts import own_patterns
from addon.routing.config import Pattern

STAFF = own_patterns.compile_all([Pattern("staff", r"EMP-\d+"), Pattern("line", "(?m)^code: (.*)$")])


def found(data: bytes) -> list[tuple[str, str]]:
    return [(name, data[start:end].decode()) for start, end, name in own_patterns.find(data, STAFF)]


def test_a_pattern_finds_all_in_a_text_or_its_first_group() -> None:
    assert found("é EMP-12, EMP-3\ncode: a b\n".encode()) == [("staff", "EMP-12"), ("staff", "EMP-3"), ("line", "a b")]


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_a_line_of_a_text_in_json_ends_with_the_line(depth: int) -> None:
    text = 'é "x"\ncode: a"b\\\u2028 \U0001f600 EMP-7\nend'
    for _ in range(depth):
        text = json.dumps({"text": text, "n": [1]})
    told = dict(found(text.encode()))
    whole = 'a"b\\\u2028 \U0001f600 EMP-7'
    for _ in range(depth):
        whole = json.dumps(whole)[1:-1]
    assert told["line"] == whole


def test_what_json_is_cut_from_is_json_too() -> None:
    assert found(b'"text":"code: x"},{"a":"b"') == [("line", "x")]
    assert found(b',{"text":"code: x"}') == [("line", "x")]
    assert found(b'data: {"text":"code: x"}\n\n') == [("line", "x")]


def test_the_inside_of_a_string_is_read_as_one() -> None:
    assert found(rb"a\ncode: b c\nd") == [("line", "b c")]
    assert found(rb"{\"text\": \"code: b\\nc\"}") == [("line", "b")]
    assert found(rb'C:\new EMP-1 "" x') == [("staff", "EMP-1")]


def test_escapes_that_mean_nothing_do_no_harm() -> None:
    assert found(rb'{"a":"\n nothing"}') == []
    assert found(rb'{"a":"\ud800 \q EMP-1 \ude00 \b"}') == [("staff", "EMP-1")]
    assert [name for _, _, name in own_patterns.find(b'{"a":"\xff EMP-1"}', STAFF)] == ["staff"]


def test_strings_of_json_deeper_than_three_are_texts() -> None:
    text = "EMP-1"
    for _ in range(6):
        text = json.dumps([text])
    assert found(text.encode()) == [("staff", "EMP-1")]


def test_without_patterns_nothing_is_read() -> None:
    assert own_patterns.find(b"EMP-1", ()) == []
    assert own_patterns.find(b"", STAFF) == []


def test_a_pattern_that_finds_nothing_of_any_length_finds_nothing() -> None:
    empty = own_patterns.compile_all([Pattern("none", "x*"), Pattern("unused", "a|(b)")])
    assert own_patterns.find(b"a c", empty) == []
