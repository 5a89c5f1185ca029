"""Credentials are taken out of headers, addresses and bodies, and everything else stays."""

import base64
import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from addon.prompts.redact import MARK, MOST_ROUNDS, Redactor, for_settings, is_telling
from addon.routing.config import Pattern
from addon.settings import assembly
from tests.benchmarks import samples
from tests.prompts.secrets_corpus import KEYS, PLANTED, SECRETS, Planted
from tests.prompts.test_named_values import escaped

REDACTOR = Redactor(b"a key of the marks")
ROOT = Path(__file__).parents[1]
MOST_LEFT = 4  # characters of a secret that may stand in what is kept by chance
EACH = pytest.mark.parametrize("planted", PLANTED, ids=lambda planted: planted.text[:40])


def survives(secret: str, kept: str) -> bool:
    """Whether more of a secret is kept than its beginning, which says whose it is."""
    body = re.sub(r"-----[A-Z ]+-----|\s", "", secret)[24 if len(secret) > 40 else MOST_LEFT :]
    pieces = [body[at : at + 8] for at in range(max(1, len(body) - 7))]
    return any(piece in kept for piece in pieces if len(piece) > MOST_LEFT)


def request(text: str) -> dict[str, Any]:
    """A text in every place of a request."""
    call = {"type": "tool_use", "id": "toolu_1", "name": "Bash", "input": {"command": text, "timeout": 5}}
    result = {"type": "tool_result", "tool_use_id": "toolu_1", "content": [{"type": "text", "text": text}]}
    return {
        "model": "claude-opus-5-5",
        "system": [{"type": "text", "text": f"You help.\n{text}\n", "cache_control": {"type": "ephemeral"}}],
        "messages": [
            {"role": "user", "content": text},
            {"role": "assistant", "content": [{"type": "text", "text": f"I see:\n\n{text}"}, call]},
            {"role": "user", "content": [result, {"type": "text", "text": json.dumps({"file": f"1\t{text}"})}]},
        ],
        "tools": [{"name": "Bash", "description": text, "input_schema": {"type": "object"}}],
        "max_tokens": 32_000,
    }


def test_there_are_two_hundred_secrets_and_more() -> None:
    assert len({secret for _, secret in SECRETS}) == len(PLANTED) > 200


@EACH
def test_a_secret_is_in_no_place_of_a_request_any_more(planted: Planted) -> None:
    kept = REDACTOR.body(json.dumps(request(planted.text)).encode())
    mark = REDACTOR.mark(planted.kind, planted.secret.encode()).decode()
    assert json.loads(kept) == json.loads(json.dumps(request(planted.text.replace(planted.secret, mark))))
    assert not survives(planted.secret, kept.decode())
    assert REDACTOR.body(kept) == kept
    assert REDACTOR.find(kept) == []


@EACH
def test_a_secret_in_a_text_gets_its_mark_and_all_else_stays(planted: Planted) -> None:
    text = f"before, é\r\n{planted.text}\n\tafter"
    mark = REDACTOR.mark(planted.kind, planted.secret.encode()).decode()
    assert REDACTOR.text(text) == text.replace(planted.secret, mark)


@EACH
@pytest.mark.parametrize("size", [3, 17])
def test_a_secret_that_a_stream_cuts_into_pieces_is_found(planted: Planted, size: int) -> None:
    text = f"It is:\n{planted.text}\n"
    pieces = [text[at : at + size] for at in range(0, len(text), size)]
    deltas = [
        {"type": "content_block_delta", "index": 1, "delta": {"type": "text_delta", "text": each}} for each in pieces
    ]
    stream = b"".join(b"event: content_block_delta\ndata: %s\n\n" % json.dumps(each).encode() for each in deltas)
    kept = REDACTOR.body(stream)
    told = [json.loads(line[6:])["delta"]["text"] for line in kept.decode().split("\n") if line.startswith("data: ")]
    mark = REDACTOR.mark(planted.kind, planted.secret.encode()).decode()
    assert "".join(told) == text.replace(planted.secret, mark)
    assert kept.count(b"event: ") == len(pieces)
    assert REDACTOR.body(kept) == kept
    assert REDACTOR.find(kept) == []
    assert [found.kind for found in REDACTOR.find(stream)] == [planted.kind]


@pytest.mark.parametrize(("kind", "secret"), [each for each in KEYS if "\n" not in each[1]])
def test_a_key_in_a_header_and_an_address_is_marked_as_what_it_is(kind: str, secret: str) -> None:
    mark = REDACTOR.mark(kind, secret.encode()).decode()
    fields = [
        ("Authorization", f"Bearer {secret}"),
        ("X-Whatever", secret),
        ("user-agent", f"claude-cli/2.1 ({secret})"),
    ]
    assert REDACTOR.headers(fields) == (
        ("Authorization", f"Bearer {mark}"),
        ("X-Whatever", mark),
        ("user-agent", f"claude-cli/2.1 ({mark})"),
    )
    if "/" not in secret:
        assert REDACTOR.url(f"https://x.example/v1?a=1&key={secret}&b=2") == f"https://x.example/v1?a=1&key={mark}&b=2"
        assert REDACTOR.url(f"https://x.example/v1/{secret}?y") == f"https://x.example/v1/{mark}?y"


KEPT = [
    ("content-type", "application/json"),
    ("anthropic-version", "2023-06-01"),
    ("anthropic-ratelimit-unified-reset", "1764200000"),
    ("x-claude-code-session-id", "00000000-0000-4000-8000-000000000001"),
    ("User-Agent", "claude-cli/2.1.329 (external, sdk-cli)"),
    ("x-stainless-retry-count", "0"),
    ("Retry-After", "3"),
    ("x-ratelimit-remaining-tokens", "1000"),
    ("request-id", "req_011CSHoEeqs5C35K2UUqR7Fy"),
    ("date", "Thu, 26 Nov 2026 00:00:00 GMT"),
    ("location", "https://x.example/a?page=2"),
    ("authorization", "Bearer $OPENAI_API_KEY"),
    ("x-api-key", "${ANTHROPIC_API_KEY}"),
    ("x-empty", ""),
]


def test_headers_that_are_known_to_be_harmless_stay() -> None:
    assert REDACTOR.headers(KEPT) == tuple(KEPT)


@pytest.mark.parametrize(
    ("name", "value", "kept"),
    [
        ("authorization", "Bearer short", r"Bearer \[redacted:authorization:\w{8}\]"),
        ("proxy-authorization", "Basic dXNlcjpwYXNz", r"Basic \[redacted:authorization:\w{8}\]"),
        ("Authorization", "no scheme", r"\[redacted:authorization:\w{8}\]"),
        ("X-Api-Key", "short", r"\[redacted:key:\w{8}\]"),
        ("Cookie", "a=b; c=d", r"\[redacted:cookie:\w{8}\]"),
        ("Set-Cookie", "a=b; HttpOnly", r"\[redacted:cookie:\w{8}\]"),
        ("X-Unknown", "whatever", r"\[redacted:header:\w{8}\]"),
        ("X-Stainless-Secret", "whatever", r"\[redacted:header:\w{8}\]"),
        ("anthropic-auth-token", "whatever", r"\[redacted:header:\w{8}\]"),
        (
            "location",
            "https://me:word@x.example/?token=abc",
            r"https://\[redacted:.*\]@x.example/\?token=\[redacted:.*\]",
        ),
    ],
)
def test_of_other_headers_the_value_is_a_mark(name: str, value: str, kept: str) -> None:
    [(same, told)] = redacted = REDACTOR.headers([(name, value)])
    assert same == name
    assert re.fullmatch(kept, told)
    assert REDACTOR.headers(redacted) == redacted


@pytest.mark.parametrize(
    ("address", "kept"),
    [
        ("https://me:word@x.example/v1", "https://[redacted:password:M]@x.example/v1"),
        ("https://word@x.example/v1", "https://[redacted:password:M]@x.example/v1"),
        ("/v1/models?key=abc", "/v1/models?key=[redacted:parameter:M]"),
        ("/v1?a=b&api_key=x%20y&c=d", "/v1?a=b&api_key=[redacted:parameter:M]&c=d"),
        ("/v1?X-Amz-Signature=abc&X-Amz-Date=1", "/v1?X-Amz-Signature=[redacted:parameter:M]&X-Amz-Date=1"),
        (
            "/cb?code=abc&state=def#access_token=x",
            "/cb?code=[M]&state=[M]#access_token=[M]".replace("M", "redacted:parameter:M"),
        ),
        ("https://api.anthropic.com/v1/messages?beta=true", "https://api.anthropic.com/v1/messages?beta=true"),
        ("https://[::1]:8080/v1/a@b:c", "https://[::1]:8080/v1/a@b:c"),
        ("/v1/messages", "/v1/messages"),
        ("", ""),
        ("//[", "//["),
    ],
)
def test_an_address_loses_its_user_and_the_values_of_secret_parameters(address: str, kept: str) -> None:
    told = REDACTOR.url(address)
    assert re.sub(r":[0-9a-f]{8}\]", ":M]", told) == kept
    assert REDACTOR.url(told) == told


def test_the_same_secret_has_the_same_mark_everywhere_and_another_one_with_another_key() -> None:
    secret = dict(SECRETS)["github"]
    marks = {
        REDACTOR.text(f"x {secret}")[2:],
        REDACTOR.headers([("authorization", secret)])[0][1],
        REDACTOR.url(f"/?token={quote(secret, safe='')}")[8:],
        json.loads(REDACTOR.body(json.dumps({"a": secret}).encode()))["a"],
    }
    assert marks == {REDACTOR.mark("github", secret.encode()).decode()}
    assert Redactor(b"another key").mark("github", secret.encode()) != REDACTOR.mark("github", secret.encode())


def test_a_private_key_has_the_same_mark_however_its_lines_end() -> None:
    key = next(secret for kind, secret in KEYS if kind == "private-key")
    texts = [key, key.replace("\n", "\r\n"), key.replace("\n", "\n  "), escaped(key, 1), escaped(key, 2)]
    assert len({REDACTOR.body(text.encode()) for text in texts}) == 1


def test_a_mark_stands_in_json_without_escapes() -> None:
    mark = REDACTOR.mark("aws", b'a"\\')
    assert MARK.fullmatch(mark)
    assert json.dumps(mark.decode()).encode() == b'"%s"' % mark


def recorded() -> list[bytes]:
    """All that the project has of what the real client sends, and all replies of the transcripts."""
    sessions = [path.read_bytes() for path in sorted((ROOT / "transcripts").rglob("*")) if path.is_file()]
    calls = [path.read_bytes() for path in sorted((ROOT / "routing" / "calls").iterdir())]
    bodies = [
        json.dumps(each["body"], ensure_ascii=False).encode()
        for path in sorted((ROOT / "routing" / "calls").iterdir())
        for each in json.loads(path.read_bytes())
    ]
    return [samples.request(), *sessions, *calls, *bodies, *samples.reply(200, 200, 200)]


def test_nothing_of_what_the_real_client_sends_is_taken_for_a_secret() -> None:
    bodies = recorded()
    assert len(bodies) > 500
    assert [body[found.start : found.end] for body in bodies for found in REDACTOR.find(body)] == []
    assert [body for body in bodies if REDACTOR.body(body) != body] == []


SOURCES = sorted((ROOT.parent / "addon").rglob("*.py"))


def test_nothing_of_our_own_sources_is_taken_for_a_secret() -> None:
    assert len(SOURCES) > 100
    found = {
        path.name: [path.read_bytes()[each.start : each.end] for each in REDACTOR.find(path.read_bytes())]
        for path in SOURCES
    }
    assert {name: secrets for name, secrets in found.items() if secrets} == {}


VALUES = ["9f1c7a52d0e84b6c", 'qu"ote\\d-9f1c7a52', "ümlaut-9f1c7a52", "ollama"]
CONFIGURED = Redactor(b"k", values=VALUES)


@pytest.mark.parametrize("value", VALUES[:3])
def test_a_configured_key_is_found_in_every_way_of_writing_it(value: str) -> None:
    mark = CONFIGURED.mark("configured", value.encode()).decode()
    assert CONFIGURED.text(f"x{value}y") == f"x{mark}y"
    for depth in (1, 2):
        text = f"a {value} b"
        for _ in range(depth):
            text = json.dumps({"t": text}, ensure_ascii=False)
        kept = CONFIGURED.body(text.encode()).decode()
        assert MARK.search(kept.encode())
        assert escaped(value, depth) not in kept
        json.loads(kept)
    assert CONFIGURED.url(f"/?q={quote(value, safe='')}&r=1").startswith("/?q=[redacted:configured:")


def test_a_configured_word_is_left_alone_and_nothing_begins_inside_an_escape() -> None:
    assert CONFIGURED.text("run ollama") == "run ollama"
    assert Redactor(b"k", values=["n1234567"]).body(rb'{"a":"\n1234567 \\n1234567"}').startswith(rb'{"a":"\n1234567 ')


@pytest.mark.parametrize(
    ("value", "telling"),
    [("", False), ("EMPTY", False), ("not-needed", False), ("lm-studio", False), ("a" * 20, True), ("ab12cd34", True)],
)
def test_a_key_that_is_a_word_is_not_looked_for(value: str, telling: bool) -> None:
    assert is_telling(value) is telling


OWN = Redactor(b"k", own=[Pattern("staff", r"EMP-\d+"), Pattern("project", "(?m)^project: (.*)$")])


def test_the_users_own_patterns_are_for_texts_as_they_read() -> None:
    body = json.dumps({"system": 'project: "Blue"\nnext', "b": "EMP-12345"}).encode()
    told = json.loads(OWN.body(body))
    assert re.fullmatch(r"project: \[redacted:project:\w{8}\]\nnext", told["system"])
    assert re.fullmatch(r"\[redacted:staff:\w{8}\]", told["b"])
    assert OWN.body(OWN.body(body)) == OWN.body(body)


def test_what_touches_a_mark_is_not_taken() -> None:
    greedy = Redactor(b"k", own=[Pattern("all", ".+")])
    mark = "[redacted:aws:0123abcd]"
    assert greedy.text(f"a {mark} b") == f"a {mark} b"
    assert REDACTOR.text("token:[redacted:token:0123abcd] API_KEY=[redacted:key:0123abcd]").count("[redacted:") == 2
    assert REDACTOR.text(f"{mark * 3}{mark}") == f"{mark * 3}{mark}"


def test_what_never_ends_ends() -> None:
    growing = Redactor(b"k", own=[Pattern("last", r"x(?=$|\[)")])
    assert growing.text("x" * 9).count("[redacted:last:") == MOST_ROUNDS


def test_the_redactor_of_the_settings_knows_keys_and_patterns() -> None:
    settings = assembly.parse({"OPENAI_API_KEY": "9f1c7a52d0e84b6c", "BIG_MODEL": "openai/gpt-5.5"})
    made = for_settings(settings, b"k")
    assert made.text("it is 9f1c7a52d0e84b6c") == "it is " + made.mark("configured", b"9f1c7a52d0e84b6c").decode()


def test_no_key_of_the_marks_is_too_long_or_too_short() -> None:
    for secret in (b"", b"x" * 1_000):
        assert MARK.fullmatch(Redactor(secret).mark("aws", b"x"))


SNIPPETS = st.sampled_from(
    [
        *(planted.text for planted in PLANTED),
        *(secret for _, secret in SECRETS),
        *("\\", '"', "'", "\n", "password=", "token: ", "[redacted:aws:0123abcd]", "-----BEGIN PRIVATE KEY-----", "{}"),
        *("://", "@", "Bearer ", "curl -u ", "API_KEY=", '{"a":"b"}', "é", "\ud800", "\x00"),
    ]
)
TEXTS = st.lists(SNIPPETS | st.text(max_size=12), max_size=8).map("".join)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)


def shape(value: Any) -> Any:
    """Return the structure of JSON without its texts."""
    if isinstance(value, dict):
        return [shape(each) for each in value.values()]
    if isinstance(value, list):
        return [shape(each) for each in value]
    return "" if isinstance(value, str) else value


@given(JSON, st.booleans(), st.booleans())
def test_json_stays_json_and_keeps_its_structure(value: Any, ascii_only: bool, nested: bool) -> None:
    value = {"t": json.dumps(value)} if nested else value
    body = json.dumps(value, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
    kept = REDACTOR.body(body)
    pairs = [json.loads(each.decode("utf-8", "surrogatepass"), object_pairs_hook=_items) for each in (body, kept)]
    assert shape(pairs[0]) == shape(pairs[1])
    assert REDACTOR.body(kept) == kept
    assert REDACTOR.find(kept) == []


def _items(pairs: list[tuple[str, Any]]) -> list[Any]:
    """Names are texts too, and may be the same when they are marks."""
    return [each for pair in pairs for each in pair]


@given(TEXTS)
def test_redacting_again_changes_nothing(text: str) -> None:
    for told, again in ((REDACTOR.text(text), REDACTOR.text), (REDACTOR.url(text), REDACTOR.url)):
        assert again(told) == told


@given(st.binary(max_size=200) | TEXTS.map(lambda text: text.encode("utf-8", "surrogatepass")), st.binary(max_size=20))
@example(b"-----BEGIN PRIVATE KEY-----", b"\\")
def test_any_bytes_are_taken(data: bytes, more: bytes) -> None:
    for redactor in (REDACTOR, OWN, CONFIGURED):
        kept = redactor.body(data + more)
        assert redactor.body(kept) == kept


@given(TEXTS, st.sampled_from(PLANTED), TEXTS)
def test_of_a_secret_on_a_line_of_its_own_nothing_is_left(before: str, planted: Planted, after: str) -> None:
    before = before.replace(planted.secret, "").replace("-----BEGIN", "")
    after = after.replace(planted.secret, "")
    kept = REDACTOR.text(f"{before}\n\n{planted.text}\n\n{after}")
    assert planted.secret not in kept


def test_basic_credentials_are_marked_as_they_are_sent() -> None:
    pair = base64.b64encode(b"user:a password").decode()
    assert pair not in REDACTOR.text(f"Authorization: Basic {pair}")


@pytest.mark.parametrize("escape", [r"\u%04x", r"\\u%04X"])
def test_a_key_whose_letters_are_escaped_is_found_with_the_same_mark(escape: str) -> None:
    key = "sk-ant-api03-" + "aB3dE6gH9jK2mN5pQ8sT" * 4 + "-AAAAAAAA_AA"
    (mark,) = [REDACTOR.body(key.encode())]
    for hidden in (range(1), range(10, 40, 7), range(len(key))):
        told = "".join(escape % ord(letter) if place in hidden else letter for place, letter in enumerate(key))
        body = f'{{"a": "caf\\u00e9 {told} {key} \\u001b"}}'.encode()
        assert REDACTOR.body(body) == b'{"a": "caf\\u00e9 %b %b \\u001b"}' % (mark, mark)
