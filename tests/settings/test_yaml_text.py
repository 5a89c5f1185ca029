"""YAML text to plain data and lines, or to a sentence with the line, and never with a value that could be a key."""

import contextlib
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from addon.protocol.errors import ConfigError
from addon.settings.yaml_text import LONGEST_SHOWN, MOST_CHARACTERS, MOST_LEVELS, MOST_VALUES, Path, read

SECRET = "hunter2-secret"

SCALARS = [
    ("x", "x"), ("'1'", "1"), ('"true"', "true"), ("on", "on"), ("yes", "yes"), ("off", "off"), ("n", "n"),
    ("true", True), ("True", True), ("FALSE", False), ("null", None), ("~", None), ("", None), ("Null", None),
    ("12", 12), ("+1", 1), ("-7", -7), ("012", 12), ("0o14", 12), ("0x1F", 31), ("0b1", "0b1"), ("1_000", "1_000"),
    ("1.5", 1.5), (".5", 0.5), ("1.", 1.0), ("1e3", 1000.0), ("-2.5E-1", -0.25), ("1.5.2", "1.5.2"),
    ("22:00", "22:00"), ("2024-01-01", "2024-01-01"), ("2024-01-01T00:00:00Z", "2024-01-01T00:00:00Z"),
    ("9" * 30, int("9" * 30)), ("5s", "5s"), ("openai/gpt-5.6", "openai/gpt-5.6"), ("${NAME}", "${NAME}"),
    ("!!str 12", "12"), ("! 12", "12"), ("!!int '12'", 12), ("!!float 1.5", 1.5), ("!!bool true", True),
    ("!!null ''", None), ("!!str", ""), ("|\n  a\n  b", "a\nb\n"), (">-\n  a\n  b", "a b"), ("=", "="),
]  # fmt: skip


@pytest.mark.parametrize(("written", "value"), SCALARS)
def test_scalars_mean_what_the_core_schema_of_yaml_1_2_says(written: str, value: Any) -> None:
    read_value = read(f"a: {written}\n", "f").data["a"]
    assert (type(read_value), read_value) == (type(value), value)


COLLECTIONS: list[tuple[str, dict[str, Any]]] = [
    ("", {}), ("# nothing\n", {}), ("---\n", {}), ("--- ~\n...\n", {}), ("{}", {}), ("\ufeffa: 1", {"a": 1}),
    ("a: [1, {b: 2}]", {"a": [1, {"b": 2}]}), ("a:\n- b\n- - c", {"a": ["b", ["c"]]}), ("a: {b}", {"a": {"b": None}}),
    ("%YAML 1.1\n---\na: yes", {"a": "yes"}), ("on: 1\n22:00: 2", {"on": 1, "22:00": 2}), ("'1': a", {"1": "a"}),
    ("a: !!map {b: !!seq [c]}", {"a": {"b": ["c"]}}), ("a:\r\n  b: 1\r\n", {"a": {"b": 1}}), ("'<<': 1", {"<<": 1}),
    ("a: &x [1]\nb: *x", {"a": [1], "b": [1]}), ("a: &x 1\nb: &x 2\nc: *x", {"a": 1, "b": 2, "c": 2}),
    ("a: &x {p: 1, q: 2}\nb: {<<: *x, p: 3}", {"a": {"p": 1, "q": 2}, "b": {"p": 3, "q": 2}}),
    ("a: {p: 3, <<: {p: 1, q: 2}}", {"a": {"p": 3, "q": 2}}), ("a: {<<: []}", {"a": {}}),
    ("a: {<<: [{p: 1}, {p: 2, q: 3}]}", {"a": {"p": 1, "q": 3}}),
    ("a: &x {p: 1}\nb: &y {<<: *x, q: 2}\nc: {<<: *y}", {"a": {"p": 1}, "b": {"p": 1, "q": 2}, "c": {"p": 1, "q": 2}}),
]  # fmt: skip


@pytest.mark.parametrize(("text", "data"), COLLECTIONS)
def test_collections_anchors_and_merge_keys_become_plain_data(text: str, data: dict[str, Any]) -> None:
    assert read(text, "f").data == data


def test_what_an_alias_repeats_is_not_shared() -> None:
    data = read("a: &x {p: [1]}\nb: *x\nc: {<<: *x}", "f").data
    data["a"]["p"].append(2)
    data["b"]["p"].append(3)
    assert data == {"a": {"p": [1, 2]}, "b": {"p": [1, 3]}, "c": {"p": [1]}}


TEXT = """\
# a comment
backends:
  gpu: &gpu
    address: http://gpu:8000

    headers:
      x-team: blue
  other:
    <<: *gpu
    dialect: anthropic
routes:
- to: a
- name: b
  to:
  - c
  -
    d
again: *gpu
"""
LINES: list[tuple[Path, int]] = [
    ((), 2),
    (("backends",), 2),
    (("backends", "gpu"), 3),
    (("backends", "gpu", "headers", "x-team"), 7),
    (("backends", "other"), 8),
    (("backends", "other", "address"), 4),
    (("backends", "other", "headers", "x-team"), 7),
    (("backends", "other", "dialect"), 10),
    (("routes", 0), 12),
    (("routes", 1, "to"), 14),
    (("routes", 1, "to", 1), 17),
    (("again",), 18),
    (("again", "address"), 4),
    (("backends", "gpu", "proxy"), 3),
    (("routes", 7), 11),
    (("routes", 1, "to", 0, "deeper"), 15),
    (("nowhere", "at", "all"), 2),
]


@pytest.mark.parametrize(("path", "line"), LINES)
def test_a_value_stands_on_the_line_of_its_key_and_a_missing_one_on_that_of_what_there_is(
    path: Path, line: int
) -> None:
    assert read(TEXT, "f").line(path) == line


def test_an_empty_document_has_one_line() -> None:
    assert read("", "f").line(("a",)) == 1


MISTAKES = [
    ("a:\n\tb: 1", 2, "a tab in the indentation"),
    ("a: 1\n  \tb: 2", 2, "a tab in the indentation"),
    ("a: 1\nb: 2\na: 3", 3, "the key 'a' stands on line 1 already"),
    (f"{'k' * 99}: 1\n{'k' * 99}: 2", 2, "the key of this line stands on line 1 already"),
    ("a: {<<: {b: 1}, <<: {c: 2}}", 1, "the key '<<' stands on line 1 already"),
    ("1: a", 1, "a key must be a text: put the key '1' in quotes"),
    ("a: 1\ntrue: a", 2, "put the key 'true' in quotes"),
    (f"{'1' * 99}: a", 1, "put the key of this line in quotes"),
    (": a", 1, "a key must be a text: put the key '' in quotes"),
    ("? [a]\n: 1", 1, "a key must be a text: write KEY: value"),
    ("{a: 1}: 2", 1, "a key must be a text"),
    ("a: &x b\n*x : c", 2, "a key must be a text"),
    ("&x a: 1", 1, "a key takes no anchor"),
    (f"a: !{SECRET}", 1, "a tag that is not known here"),
    (f"a: !{SECRET}!x y", 1, "a tag that is not known here"),
    (f"a: !<{SECRET}> [b]", 1, "a tag that is not known here"),
    ("a: !!binary aGk=", 1, "a tag that is not known here"),
    ("a: !!set {b}", 1, "a tag that is not known here"),
    ("!!python/object:os.system {}", 1, "a tag that is not known here"),
    (f"a: !!int {SECRET}", 1, "the value is not what its tag says"),
    ("a: !!bool 1", 1, "the value is not what its tag says"),
    (f"a: *{SECRET}", 1, "an alias that refers to nothing"),
    ("a: &x [*x]", 1, "an alias stands inside of what it refers to"),
    ("a: {<<: 1}", 1, "<< takes a mapping"),
    ("a:\n  <<: [{b: 1}, 2]", 2, "<< takes a mapping"),
    ("- a", 1, "the top level must be a mapping"),
    ("\n\njust words", 3, "the top level must be a mapping"),
    ("a: 1\n---\nb: 2", 2, "a second document begins"),
    ("a: .inf", 1, "no setting takes infinity or NaN"),
    ("a: -.INF", 1, "no setting takes infinity or NaN"),
    ("a: .NaN", 1, "no setting takes infinity or NaN"),
    ("a: 1e999", 1, "the number is too large"),
    ("a: " + "9" * 5000, 1, "the number is too large"),
    (f"a: b: {SECRET}", 1, "a colon where none can stand"),
    (f"a: b\n  c: {SECRET}", 2, "a colon where none can stand"),
    (f"a: 1\nb: '{SECRET}\nc: 2\n", 2, "a quote that is not closed"),
    (f"a: 1\nb: [{SECRET}\nc: 2\n", 2, "a bracket that is not closed"),
    ("a: {b: 1 c: 2}", 1, "a bracket that is not closed, or a comma that is missing"),
    ("a: [\n", 2, "a value that is missing, or a bracket"),
    (f"a:\n  - b\n {SECRET}: 1", 3, "a line that is indented unlike its neighbours"),
    (f"a: 1\n{SECRET}\nb: 2", 2, "a key without a colon"),
    ("a: *", 1, "a name is missing after & or *"),
    ("a: @b", 1, "a value cannot begin with @"),
    ("a: `b`", 1, "a value cannot begin with `"),
    ("a: %b", 1, "a value cannot begin with %"),
    ('a: "\\q"', 1, "found unknown escape character 'q'"),
    ("a: 1\nb: \x01", 2, "the character 0x0001 cannot stand in YAML"),
    ("%YAML 9.9\n---\na: 1", 1, "found incompatible YAML document"),
    ("a: " + "[" * (MOST_LEVELS + 1), 1, f"nested deeper than {MOST_LEVELS} levels"),
    ("a: " + "[" * 100_000, 1, f"nested deeper than {MOST_LEVELS} levels"),
    ("#" * (MOST_CHARACTERS + 1), 1, "the text has more than 1,000,000 characters"),
]


@pytest.mark.parametrize(("text", "line", "words"), MISTAKES, ids=range(len(MISTAKES)))
def test_a_mistake_is_told_with_its_line_and_the_way_out_and_without_a_value(text: str, line: int, words: str) -> None:
    with pytest.raises(ConfigError) as raised:
        read(text, "detour.yaml")
    assert raised.value.message.startswith(f"detour.yaml, line {line}: ")
    assert words in raised.value.message
    assert SECRET not in raised.value.message
    assert raised.value.message.isprintable()


def test_what_nests_as_deep_as_allowed_is_read() -> None:
    assert read("a: " + "[" * MOST_LEVELS + "]" * MOST_LEVELS, "f").line(("a", 0, 0)) == 1


def test_aliases_that_multiply_are_refused_before_they_are_built() -> None:
    rows = ["a0: &a0 [" + ", ".join(["x"] * 10) + "]"]
    rows += [f"a{row}: &a{row} [{', '.join([f'*a{row - 1}'] * 10)}]" for row in range(1, 9)]
    with pytest.raises(ConfigError, match=f"line 5: more than {MOST_VALUES:,} values"):
        read("\n".join(rows), "f")


def test_aliases_that_deepen_are_refused() -> None:
    rows = ["a0: &a0 [x]", *(f"a{row}: &a{row} {{k: *a{row - 1}}}" for row in range(1, 200))]
    with pytest.raises(ConfigError, match="line 64: nested deeper"):
        read("\n".join(rows), "f")


def test_a_key_that_is_long_is_not_shown() -> None:
    long = "k" * (LONGEST_SHOWN + 1)
    with pytest.raises(ConfigError) as raised:
        read(f"{long}: 1\n{long}: 2", "f")
    assert long not in raised.value.message


PIECES = [*"ab: \n\t-[]{}&*!|>'\"%#?,~019.e\\\r\x00\ud800\u2028\x85", "---\n", "<<: ", "*a", "&a ", "!!int ", "%YAML 1"]


@given(st.lists(st.sampled_from(PIECES), max_size=40).map("".join) | st.text())
def test_any_text_is_read_or_told(text: str) -> None:
    with contextlib.suppress(ConfigError):
        check(read(text, "f").data)


def check(value: Any) -> None:
    """Plain data only."""
    assert type(value) in (dict, list, str, int, float, bool, type(None))
    if isinstance(value, float):
        assert math.isfinite(value)
    if isinstance(value, dict):
        assert all(type(key) is str for key in value)
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        check(inner)
