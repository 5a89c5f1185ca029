"""What Detour's own rules find in a body."""

import base64
import json

import pytest

from addon.prompts import known_secrets
from tests.prompts.secrets_corpus import BASE64, KEYS, drawn

ANTHROPIC = next(secret for kind, secret in KEYS if kind == "anthropic")
NPM = next(secret for kind, secret in KEYS if kind == "npm")
PRIVATE_KEYS = [secret for kind, secret in KEYS if kind == "private-key"]


def found(text: bytes) -> list[tuple[str, bytes]]:
    """Return the kinds and what was found, each by the first rule that finds it."""
    told: dict[tuple[int, int], str] = {}
    for start, end, kind in known_secrets.find(text):
        told.setdefault((start, end), kind)
    return sorted((kind, text[start:end]) for (start, end), kind in told.items())


AROUND = [
    "{}",
    "is {}.",
    "({})",
    "'{}'",
    "a={}",
    "x/{} y",
    "{}\n",
    "\t{}\n",
    "\u00e9{}",
    "https://{}@github.com/a",
    "<{}>",
]


@pytest.mark.parametrize("text", AROUND)
@pytest.mark.parametrize(("kind", "key"), [each for each in KEYS if not each[1].startswith(("/", "hooks."))])
def test_a_key_is_found_whole_whatever_stands_around_it(kind: str, key: str, text: str) -> None:
    whole = text.format(key)
    assert (kind, key.encode()) in found(whole.encode())
    assert (kind, json.dumps(key)[1:-1].encode()) in found(json.dumps({"a": whole}).encode())


def test_the_letter_of_an_escape_is_no_part_of_a_key() -> None:
    assert found(b'{"a":"\\n%s"}' % NPM.encode()) == [("npm", NPM.encode())]
    assert found(b'{"a":"\\u0026%s"}' % NPM.encode()) == [("npm", NPM.encode())]
    assert found(b'{"a":"\\%s"}' % NPM.encode()) == []  # a line break and "pm_..."


ORDINARY = [
    "sk-spinner-three-bounce-animation-delay",
    "sk-learn-2024-11-25-release-candidate",
    "task-force_a1b2c3d4e5f6g7h8i9j0k1l2",
    "disk-a1b2c3d4e5f6g7h8i9j0k1l2",
    "sk-ant-" + "x" * 40,
    "sk-ant-api03-...",
    "AKIA" + "A" * 16,
    "eyJ.is.the.beginning.of.a.token",
    "550e8400-e29b-41d4-a716-446655440000",
    "da39a3ee5e6b4b0d3255bfef95601890afd80709",
    "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "toolu_01A09q90qw90lq917835lq9",
    "msg_01XFDUDYJgAACzvnptvVoYEL",
    "claude-opus-4-5-20251101",
    "req_011CSHoEeqs5C35K2UUqR7Fy",
    "hf_hub_download_with_progress_and_retries",
    "npm_config_registry_url_and_token_helper",
    "re_compile_all_the_expressions_of_2024",
    "pa-0-1-2-3-4-5-6-7-8-9-10-11-12-13-14-15-16-17",
    "key-value-store-implementation-of-2024",
    "/home/user/Projects/detour/addon/prompts/known_secrets.py",
    "a1b2c3d4e5f6.0123456789ab.eu-west-1.compute.internal.example.com.0",
    "-----BEGIN PRIVATE KEY-----",
    "-----BEGIN RSA PRIVATE KEY-----\n...\n-----END RSA PRIVATE KEY-----",
    'grep -r "PRIVATE KEY" . and look for -----BEGIN RSA PRIVATE KEY----- in front',
    "-----BEGIN PUBLIC KEY-----\nMIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA\n-----END PUBLIC KEY-----",
    "-----BEGIN CERTIFICATE-----\nMIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA\n-----END CERTIFICATE-----",
]


@pytest.mark.parametrize("text", ORDINARY)
def test_what_is_like_a_key_and_is_none_stays(text: str) -> None:
    assert found(text.encode()) == []
    assert found(json.dumps({"text": f"\n{text}\n"}).encode()) == []


@pytest.mark.parametrize("key", PRIVATE_KEYS)
def test_a_private_key_is_found_with_any_line_ends_indented_and_cut_off(key: str) -> None:
    for text in (key.replace("\n", "\r\n"), key.replace("\n", "\n    "), key.replace("\n", "\\n")):
        assert found(text.encode()) == [("private-key", text.encode())]
    cut = key[:200].encode()
    assert found(cut) == [("private-key", cut)]
    lines = cut[: cut.rindex(b"\n")]
    assert found(lines + b"\nand prose") == [("private-key", lines)]


def test_pictures_are_not_looked_at_and_what_stands_around_them_is() -> None:
    picture = base64.b64encode(drawn(BASE64, 6_000).encode()).decode() + ANTHROPIC
    body = json.dumps([NPM, {"type": "base64", "data": picture}, f"data:image/png;base64,{picture}", NPM])
    first, last = body.index(NPM), body.rindex(NPM)
    assert sorted(known_secrets.find(body.encode())) == [
        (first, first + len(NPM), "npm"),
        (last, last + len(NPM), "npm"),
    ]


def test_a_long_text_where_a_picture_might_be_is_looked_at() -> None:
    text = "0123456789abcdef" * 500
    body = json.dumps({"data": f"{text} {NPM}"}).encode()
    assert found(body) == [("npm", NPM.encode())]


def test_a_picture_inside_a_picture_is_one() -> None:
    picture = "data:image/png;base64," + "Ab01" * 2_000
    assert found(json.dumps({"data": picture}).encode()) == []
