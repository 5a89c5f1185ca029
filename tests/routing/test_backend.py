"""What a row of the provider table says of a model, an address and a setting."""

import re
from dataclasses import replace
from types import MappingProxyType

import pytest

from addon.dialects.profiles import Profile
from addon.routing.backend import BEARER, Backend, Mint, Minting, Speech, by_model, speeches

ROW = Backend(
    "acme",
    "https://api.acme.example/v1",
    auth=("x-acme", ""),
    tokens=("ACME_TOKEN",),
    place=MappingProxyType({"ACME_AREA": None, "ACME_ROOM": "1"}),
    place_names=MappingProxyType({"ACME_AREA": ("ACME_REGION",)}),
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


def test_a_place_is_said_by_any_of_its_names() -> None:
    assert ROW.places == {"ACME_AREA": ("ACME_AREA", "ACME_REGION"), "ACME_ROOM": ("ACME_ROOM",)}


MADE = [
    (Minting(Mint.GOOGLE, "s"), "{mint: google}", "(gcloud auth application-default print-access-token)"),
    (Minting(Mint.AWS, "bedrock"), "{mint: aws, service: bedrock}", "(aws configure export-credentials)"),
    (
        Minting(Mint.AWS, "s", settings=(("AWS_PROFILE", "a"),)),
        "{mint: aws, service: s}",
        "(aws configure export-credentials --profile a)",
    ),
    (
        Minting(Mint.AWS, "s", profile="b", settings=(("AWS_PROFILE", "a"),)),
        "{mint: aws, service: s}",
        "(aws configure export-credentials --profile b)",
    ),
]


@pytest.mark.parametrize(("minting", "written", "told"), MADE)
def test_what_is_made_is_told_as_people_write_it_and_as_a_shell_would_be_asked(
    minting: Minting, written: str, told: str
) -> None:
    assert (minting.written, minting.told) == (written, told)


def test_a_command_is_told_as_it_is_run() -> None:
    assert Minting(Mint.COMMAND, command="pass show x").told == "(pass show x)"
    assert Minting(Mint.COMMAND, command=("pass", "show", "my x")).told == "(pass show 'my x')"
    assert not Minting(Mint.COMMAND, command="x").may_go_to("https://x.googleapis.com")  # only where it is written


def test_the_secrets_among_the_settings_of_a_mint_are_known() -> None:
    settings = {"AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_SESSION_TOKEN": "session"}
    minting = Minting(Mint.AWS, "s", settings=tuple(settings.items()))
    assert minting.secrets == ("secret", "session")
    assert "secret" not in repr(minting)


THERE = Speech(re.compile(""), re.compile("/chat$"), "openai_chat", BEARER, Profile(stop_limit=1))
SPOKEN = replace(ROW, by_model=by_model(("^think", {"stop_limit": 2})), speeches=(THERE,))


def test_a_speech_may_have_a_header_and_a_profile_of_its_own() -> None:
    there = "https://gateway.example/chat"
    assert SPOKEN.auth_of("ACME_API_KEY", there) == BEARER
    assert SPOKEN.auth_of("ACME_API_KEY") == ROW.auth
    assert [SPOKEN.profile_of("think-1", at).stop_limit for at in (there, None)] == [1, 2]
