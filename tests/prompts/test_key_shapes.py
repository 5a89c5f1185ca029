"""The table of what keys look like."""

import re

import pytest

from addon.prompts.key_shapes import ANYWHERE, PARTS, SHAPES, SHORTEST, SHORTEST_WITH_PARTS, Shape, is_like_chance
from tests.prompts.secrets_corpus import KEYS

ROWS = [*SHAPES, *ANYWHERE]


def test_twenty_vendors_and_many_more_are_known() -> None:
    assert len({row.kind for row in ROWS} | set(PARTS)) > 60


def test_a_kind_may_stand_in_a_mark() -> None:
    assert all(re.fullmatch(r"[a-z0-9-]{1,40}", kind) for kind in ({row.kind for row in ROWS} | set(PARTS)))


def test_the_corpus_has_a_key_of_every_vendor() -> None:
    assert ({row.kind for row in ROWS} | set(PARTS)) - {"teams"} == {kind for kind, _ in KEYS} - {"private-key"}


@pytest.mark.parametrize("row", SHAPES, ids=lambda row: row.hint.decode())
def test_no_key_of_a_shape_is_shorter_than_the_words_that_are_looked_at(row: Shape) -> None:
    shortest = re.sub(rb"[^A-Za-z0-9]", b"", row.hint)
    assert row.pattern.match(row.hint + b"a" * (SHORTEST - len(row.hint) - 1)) is None, shortest


def test_keys_of_parts_are_as_long_as_is_said() -> None:
    keys = [key for kind, key in KEYS if kind in PARTS and not key.startswith("/")]
    assert min(map(len, keys)) >= SHORTEST_WITH_PARTS


@pytest.mark.parametrize(
    ("word", "ordinary", "strict"),
    [
        (b"aB3dE6gH9jK2mN5pQ8", True, True),
        (b"0123456789abcdef0123456789abcdef", True, True),
        (b"AbCDeFgHIjKlMNoPQrsT", True, False),  # no digit: chance, but not after any beginning
        (b"xxxxxxxxxxxxxxxxxxxxxxxx", False, False),
        (b"spinner-three-bounce-animation", False, False),
        (b"getElementByIdAndName", False, False),
        (b"learn-2024-11-25-release", False, False),
    ],
)
def test_a_key_is_like_chance_and_words_are_not(word: bytes, ordinary: bool, strict: bool) -> None:
    assert is_like_chance(word, strict=False) is ordinary
    assert is_like_chance(word, strict=True) is strict
