"""Our signature for thinking says who thought, and never trips over somebody else's."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from addon.protocol import signature
from addon.protocol.signature import Seal


def sealed(token: bytes) -> str:
    return signature.PREFIX + base64.urlsafe_b64encode(token).decode()


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_the_origin_comes_back(origin: str) -> None:
    seal = signature.seal(origin)
    assert seal.isascii()
    assert signature.unseal(seal) == Seal(origin)


@given(
    st.dictionaries(st.sampled_from(["details", "calls"]), st.lists(st.text(st.characters(exclude_categories=["Cs"]))))
)
def test_what_is_carried_comes_back(state: dict[str, list[str]]) -> None:
    assert signature.unseal(signature.seal("gemini/g", state)) == Seal("gemini/g", state)


def test_the_provider_is_the_first_part_of_the_origin() -> None:
    assert Seal("openrouter/qwen/qwen3").provider == "openrouter"


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
def test_what_is_not_ours_or_was_damaged_says_nothing(foreign: object) -> None:
    assert signature.unseal(foreign) is None


def test_keys_of_tomorrow_are_passed_over() -> None:
    assert signature.unseal(sealed(b'{"payload": [1], "origin": "openai/gpt-5.5"}')) == Seal("openai/gpt-5.5")
    assert signature.unseal(sealed(b'{"state": [1], "origin": "openai/gpt-5.5"}')) == Seal("openai/gpt-5.5")
