"""Extra fields are merged at every level, null takes one out, and headers give way to those of the same name."""

import copy
from types import MappingProxyType
from typing import Any

import pytest

from addon.dialects.extras import merge, patch, replace_headers

# what is there, the extra fields -> patched, merged; the first are those of RFC 7396, appendix A
CASES: list[tuple[dict[str, Any], dict[str, Any], dict[str, Any], dict[str, Any]]] = [
    ({"a": "b"}, {"a": "c"}, {"a": "c"}, {"a": "c"}),
    ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}, {"a": "b", "b": "c"}),
    ({"a": "b"}, {"a": None}, {}, {"a": None}),
    ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}, {"a": None, "b": "c"}),
    ({"a": ["b"]}, {"a": "c"}, {"a": "c"}, {"a": "c"}),
    ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}, {"a": ["b"]}),
    (
        {"a": {"b": "c"}},
        {"a": {"b": "d", "c": None}},
        {"a": {"b": "d"}},
        {"a": {"b": "d", "c": None}},
    ),
    ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}, {"a": [1]}),
    ({"e": None}, {"a": 1}, {"e": None, "a": 1}, {"e": None, "a": 1}),
    ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}, {"a": {"bb": {"ccc": None}}}),
    ({"a": 1}, {"a": {"b": 2}}, {"a": {"b": 2}}, {"a": {"b": 2}}),
    ({"a": 1}, {}, {"a": 1}, {"a": 1}),
    ({"a": {"b": {"c": 1}}}, {"a": {"b": {"d": 2}}}, *({"a": {"b": {"c": 1, "d": 2}}},) * 2),
]


@pytest.mark.parametrize(("base", "extra", "patched", "merged"), CASES)
def test_what_is_extra_wins_and_the_rest_stays(
    base: dict[str, Any], extra: dict[str, Any], patched: dict[str, Any], merged: dict[str, Any]
) -> None:
    before = copy.deepcopy((base, extra))
    assert patch(base, extra) == patched
    assert merge(base, extra) == merged
    assert (base, extra) == before


def test_null_outlives_another_patch_on_top() -> None:
    assert patch({"a": 1, "b": 2}, merge({"a": None}, {"c": 3})) == {"b": 2, "c": 3}


def test_any_mapping_becomes_plain_json() -> None:
    frozen = MappingProxyType({"a": MappingProxyType({"b": 1})})
    for made in (patch({}, frozen), patch(frozen, {"a": {"b": 1}}), merge(frozen, {"a": {"b": 1}})):
        assert type(made["a"]) is dict


OWN = (("content-type", "application/json"), ("accept", "*/*"))
HEADERS = [
    ((), OWN),
    ((("x-team", "blue"),), (*OWN, ("x-team", "blue"))),
    ((("Accept", "text/plain"),), (("content-type", "application/json"), ("Accept", "text/plain"))),
    ((("a", "1"), ("a", "2")), (*OWN, ("a", "1"), ("a", "2"))),
]


@pytest.mark.parametrize(("extra", "expected"), HEADERS)
def test_a_header_of_the_same_name_gives_way(
    extra: tuple[tuple[str, str], ...], expected: tuple[tuple[str, str], ...]
) -> None:
    assert replace_headers(OWN, extra) == expected
