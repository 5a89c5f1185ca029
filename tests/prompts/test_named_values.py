"""Secrets that only their name gives away, and what is none though it looks like it."""

import json

import pytest

from addon.prompts import named_values
from tests.prompts.secrets_corpus import NAMED, Planted

PLACES = (0, 1, 2, 3)  # how deep the text stands in JSON


def nested(text: str, depth: int) -> str:
    """Return the text in JSON in JSON, with lines around it."""
    for _ in range(depth):
        text = json.dumps({"type": "text", "text": text, "n": 1})
    return text


def escaped(text: str, depth: int) -> str:
    for _ in range(depth):
        text = json.dumps(text)[1:-1]
    return text


@pytest.mark.parametrize("depth", PLACES)
@pytest.mark.parametrize("planted", NAMED, ids=lambda planted: planted.text[:40])
def test_a_named_secret_is_found_whole_however_deep_it_stands_in_json(planted: Planted, depth: int) -> None:
    text = nested(f"before\n{planted.text}\nafter", depth).encode()
    found: dict[str, str] = {}
    for start, end, kind in named_values.find(text):
        found.setdefault(text[start:end].decode(), kind)
    assert found == {escaped(planted.secret, depth): planted.kind}


ORDINARY = [
    "token = next(tokens)",
    'token = tokens["first_2024_token"]',
    '{"max_tokens": 32000, "input_tokens": 1234567890}',
    '{"max_tokens":32000,"budget_tokens":"31999"}',
    '{"password": {"type": "string", "minLength": 8}}',
    "password: string",
    "password?: string | undefined;",
    "def login(user: str, password: str = None) -> Token1:",
    'PASSWORD_FIELD = "password2"',
    'label = {"password": "Password"}',
    "api_key=os.environ['OPENAI_API_KEY']",
    'api_key = os.getenv("OPENAI_API_KEY_2", "")',
    "apiKey: process.env.OPENAI_API_KEY2,",
    "API_KEY=$OPENAI_API_KEY",
    "API_KEY=${OPENAI_API_KEY:-none}",
    "API_KEY=<your-api-key-12345>",
    "API_KEY=your_api_key_12345",
    'api_key: "{{ secrets.api_key_1 }}"',
    "api_key=sk-...",
    "Authorization: Bearer $TOKEN",
    "Authorization: Bearer <token>",
    "Authorization: Bearer ${{ secrets.GITHUB_TOKEN }}",
    "authorization: required",
    "bearer authentication-is-described-below",
    'const token = await getToken("v2");',
    "secret = secrets.token_hex(32)",
    "secret: !Ref DatabaseSecret01",
    "self.token = token_1234567890",
    "token: CancellationToken2",
    'the token "hello" is the 12345678th',
    '{"token_type": "bearer", "expires_in": 3600}',
    '{"tokenizer": "cl100k_base", "token": "utf8mb4"}',
    '{"next_token": "a1b2c3d4e5f6g7h8i9j0"}',
    '{"prompt_cache_key": "a1b2c3d4e5f6g7h8i9j0"}',
    '{"primary_key": "a1b2c3d4e5f6g7h8i9j0", "key": "a1b2c3d4e5f6g7h8i9j0"}',
    '{"signature": "EqQBCkYIBRgCKkDb0123456789abcdefABCDEF+/=="}',
    "PWD=/home/user/project2",
    "OLDPWD=/home/user/project2",
    "cd $PWD && make",
    "bypass=0123456789ab",
    "compass: 0123456789ab",
    '{"pass": "claude-opus-5-5", "refuse": "gpt-5.5-2026"}',
    "pass: 12 of 14 tests passed in 3.2s",
    "the secret of 10,000 users",
    "SECRET_NAME=database-secret-01",
    "secret_arn: arn:aws:secretsmanager:eu-west-1:123456789012:secret:x",
    "secretKeyRef: name: database-01",
    "passwords: 12345678",
    "password_file: /run/secrets/db_password_1",
    "password: /run/secrets/db_password_1",
    "password=password",
    'password: "********"',
    'password: "changeme123"',
    "postgres://user:password@localhost/db",
    "postgres://user:${PASSWORD}@localhost/db",
    "http://localhost:8080/a@b",
    "upstream:http://proxy:3128@127.0.0.1:8080",
    "ssh://git@github.com:22/a/b",
    "git@github.com:a/b1234567.git",
    "curl -u user:password https://example.com",
    "curl -u $USER:$PASSWORD https://example.com",
    "tar -u a:b1234567",
    "curl -s -X POST -d @file https://example.com",
    "Cookie: a=b",
    "Cookie: consent=accepted-all-of-them; theme=dark",
    "the keyboard key = 0123456789ab",
    "--token-limit 0123456789ab",
    'keys = ["auth", "0123456789abcdefgh"]',
    "if token == 'a1b2c3d4e5f6g7h8': pass",
    "https://example.com/?page_token=abc&sig=short",
]


@pytest.mark.parametrize("depth", PLACES)
@pytest.mark.parametrize("text", ORDINARY)
def test_code_and_prose_stay(text: str, depth: int) -> None:
    whole = nested(text, depth).encode()
    assert [(kind, whole[start:end].decode()) for start, end, kind in named_values.find(whole)] == []


def test_a_number_of_json_is_never_taken() -> None:
    assert list(named_values.find(b'{"password": 12345678, "token":1234567890123456}')) == []


def test_a_value_that_nothing_ends_is_no_value() -> None:
    assert list(named_values.find(b'"password": "abc123 and so on')) == []
    assert list(named_values.find(b'"api_key": "' + b"a1" * 1_000)) == []
    assert list(named_values.find(b"api_key=" + b"a1" * 1_000)) == []


def test_a_quoted_value_ends_where_the_text_around_it_does() -> None:
    assert list(named_values.find(b'{"a":"password=\'abc123","b":"c\'"}')) == []


def test_an_escaped_quote_is_a_part_of_the_value() -> None:
    text = rb'{"password": "ab\"cd1234"}'
    [(start, end, _)] = named_values.find(text)
    assert text[start:end] == rb"ab\"cd1234"


@pytest.mark.parametrize("text", ["x>password>abc12345<", 'f("password", abc12345)', "a password abc12345"])
def test_what_only_looks_like_a_tag_a_pair_or_a_flag_stays(text: str) -> None:
    assert list(named_values.find(text.encode())) == []
