"""What a logged request bears when it is sent again."""

from addon.prompts import again, redact
from addon.prompts.entry import Request


def request(*headers: tuple[str, str], body: bytes = b"{}") -> Request:
    return Request(method="POST", url="http://x/v1/messages", headers=headers, body=body)


def test_what_is_the_connections_a_credential_a_mark_or_ours_stays_behind() -> None:
    asked = request(
        ("Content-Type", "application/json"),
        ("Host", "x"),
        ("Authorization", "Bearer [redacted:authorization:0123abcd]"),
        ("X-Api-Key", "k"),
        ("x-team", "[redacted:key:0123abcd]"),
        ("X-Detour-Target", "a/b"),
        ("anthropic-beta", "one"),
    )
    assert list(again.headers(asked)) == [("Content-Type", "application/json"), ("anthropic-beta", "one")]


def test_a_body_is_called_json_where_nothing_else_says_so() -> None:
    assert list(again.headers(request())) == [("content-type", "application/json")]


def test_marks_are_counted() -> None:
    assert redact.MARK.match(again.MARK.encode() + b"key:0123abcd]")
    assert again.marks(request(body=b'{"a": "[redacted:key:0123abcd] [redacted:aws:0123abcd]"}')) == 2
    assert again.marks(request()) == 0
