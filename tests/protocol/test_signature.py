"""Our signature for thinking says who thought, and never trips over somebody else's."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from addon.protocol import signature


def sealed(token: bytes) -> str:
    return signature.PREFIX + base64.urlsafe_b64encode(token).decode()


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_the_origin_comes_back(origin: str) -> None:
    seal = signature.seal(origin)
    assert seal.isascii()
    assert origin == signature.origin(seal)


@pytest.mark.parametrize(
    "foreign",
    [
        None,
        5,
        "",
        "ErUBCkYIBxgCIkD0",
        signature.PREFIX,
        signature.PREFIX + "%%%",
        signature.PREFIX + "ü",
        signature.PREFIX + "a",
        sealed(b"not json"),
        sealed(b"\xff"),
        sealed(b"[]"),
        sealed(b"{}"),
        sealed(b'{"origin": 5}'),
        sealed(b'{"origin": null}'),
        signature.seal("openai/gpt-5.5")[:-3],
    ],
)
def test_what_is_not_ours_or_was_damaged_has_no_origin(foreign: object) -> None:
    assert signature.origin(foreign) is None


def test_keys_of_tomorrow_are_passed_over() -> None:
    assert signature.origin(sealed(b'{"payload": [1], "origin": "openai/gpt-5.5"}')) == "openai/gpt-5.5"
