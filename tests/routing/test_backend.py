"""What a row of the provider table says of a model, an address and a setting."""

import pytest

from addon.routing.backend import BEARER, Backend, speeches

ROW = Backend(
    "acme",
    "https://api.acme.example/v1",
    auth=("x-acme", ""),
    tokens=("ACME_TOKEN",),
    speeches=speeches((r"^think", r"^https://api\.acme\.", "openai_responses"), (r"", r"/claude$", "anthropic")),
)
SPEECHES = [
    ("think-1", None, "openai_responses"),
    ("plain-1", None, "openai_chat"),
    ("think-1", "http://localhost:8000/v1", "openai_chat"),
    ("plain-1", "https://gateway.example/claude", "anthropic"),
]


@pytest.mark.parametrize(("model", "address", "dialect"), SPEECHES)
def test_the_dialect_is_that_of_the_model_at_the_address(model: str, address: str | None, dialect: str) -> None:
    assert ROW.dialect_of(model, address) == dialect


def test_a_key_has_the_rows_header_and_a_token_is_a_bearers() -> None:
    assert ROW.key_names == ("ACME_API_KEY", "ACME_TOKEN")
    assert ROW.auth_of("ACME_API_KEY") == ("x-acme", "")
    assert ROW.auth_of("ACME_TOKEN") == BEARER
