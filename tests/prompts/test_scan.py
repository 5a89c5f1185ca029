"""What an exchange of the log holds of secrets."""

import json
from dataclasses import replace
from typing import override

import pytest

from addon.prompts.entry import Attempt, Change, Entry, Reply, Request
from addon.prompts.redact import Finding, Redactor
from addon.prompts.scan import NOTES, Holding, Open, Scanner
from tests.prompts.entries import entry, recorded_session, stream
from tests.prompts.secrets_corpus import PLANTED, SECRETS

REDACTOR = Redactor(b"k")
KEYS = dict(SECRETS)
GITHUB, NPM, AWS = KEYS["github"], KEYS["npm"], KEYS["aws"]


def asking(*texts: str) -> Entry:
    return entry({"model": "m", "messages": [{"role": "user", "content": text} for text in texts]}, given=stream())


def kept(made: Entry) -> Entry:
    """Return an exchange as the log has it."""

    def request(part: Request | None) -> Request | None:
        headers = REDACTOR.headers(part.headers) if part else ()
        return part and replace(part, url=REDACTOR.url(part.url), headers=headers, body=REDACTOR.body(part.body))

    def reply(part: Reply | None) -> Reply | None:
        return part and replace(part, headers=REDACTOR.headers(part.headers), body=REDACTOR.body(part.body))

    return replace(made, request=request(made.request), given=reply(made.given))


def test_what_the_client_really_sends_holds_nothing() -> None:
    scanner = Scanner(REDACTOR)
    assert {scanner.look(kept(made)) for made in recorded_session()} == {Holding()}


def test_every_secret_that_was_planted_is_a_mark_and_nothing_stands_open() -> None:
    holding = Scanner(REDACTOR).look(kept(asking(*(planted.text for planted in PLANTED))))
    assert holding.open == ()
    assert {kind for kind, _ in holding.marks} == {planted.kind for planted in PLANTED}
    assert len(holding.marks) == len(PLANTED)


def test_every_secret_that_was_not_taken_out_is_found() -> None:
    scanner = Scanner(REDACTOR)
    found = [scanner.look(asking(planted.text)).open for planted in PLANTED]
    assert found == [(Open(planted.kind, "the client's request, body"),) for planted in PLANTED]


def test_each_place_is_told() -> None:
    made = asking("hello")
    assert made.request is not None
    request = replace(made.request, url=f"https://x.example/?key={GITHUB}", headers=(("X-Other", NPM), ("date", "x")))
    reply = Reply(status=401, headers=(("set-cookie", "a=b"),), body=json.dumps({"error": AWS}).encode())
    told = replace(
        made,
        request=request,
        sent=replace(request, headers=(), url="/", body=b"{}"),
        reply=reply,
        given=reply,
        reason=f"because {NPM}",
        attempts=[Attempt("a/b", "401", 3, f"it said {AWS}")],
        changes=[Change("$.x", f"{GITHUB} was changed")],
        losses=[Change(f"$.{GITHUB}", "lost")],
        summary=replace(made.summary, error=f"no {NPM}"),
    )
    assert Scanner(REDACTOR).look(told).open == (
        Open("aws", "the backend's reply, body"),
        Open("cookie", "the backend's reply, header set-cookie"),
        Open("github", "the client's request, address"),
        Open("npm", "the client's request, header x-other"),
        Open("aws", "the reply to the client, body"),
        Open("cookie", "the reply to the client, header set-cookie"),
        Open("aws", NOTES),
        Open("github", NOTES),
        Open("npm", NOTES),
    )


def test_marks_are_found_in_heads_too() -> None:
    made = asking("hello")
    assert made.request is not None
    address = f"/?a=[redacted:aws:0123abcd]&key={GITHUB}"
    request = replace(made.request, url=address, headers=(("authorization", "Bearer [redacted:npm:0123abcd]"),))
    holding = Scanner(REDACTOR).look(replace(made, request=request))
    assert holding.marks == {("aws", "0123abcd"), ("npm", "0123abcd")}
    assert holding.open == (Open("github", "the client's request, address"),)


def test_a_message_is_looked_at_once() -> None:
    looked: list[bytes] = []

    class Counting(Redactor):
        @override
        def find(self, data: bytes) -> list[Finding]:
            looked.append(data)
            return super().find(data)

    scanner = Scanner(Counting(b"k"))
    for count in (1, 2, 3):
        scanner.look(asking(*["first", "second", "third"][:count]))
    assert sum(b"second" in text for text in looked) == 2  # with and without another behind it


def test_only_so_many_messages_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("addon.prompts.scan.MOST_KNOWN", 2)
    scanner = Scanner(REDACTOR)
    for text in ("a", "b", "c", "d"):
        scanner.look(asking(text))
    assert len(scanner._known) <= 2
