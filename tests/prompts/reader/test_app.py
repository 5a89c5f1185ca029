"""What holds for every page: who is let in, the headers, the markup that stays text, the size."""

import logging
import re
from pathlib import Path
from typing import Any

import pytest

from addon.prompts.reader import gate
from addon.prompts.reader.app import POLICY, _writable, make
from addon.prompts.reader.house import House
from addon.prompts.reader.pages import turn
from tests.prompts import entries
from tests.prompts.reader import library
from tests.prompts.reader.library import BASE, NOW, SESSION, TOKEN, Reader

EVIL = """<script>document.title="taken"</script><img src=x onerror=alert(1)>"'{{7*7}}{% raw %}&lt;</pre></details>"""
PAGES = (
    "", f"read/session/{SESSION}", "read/turn/1", "read/turn/1/inner", "read/turn/1/sent", "read/turn/1/reply",
    "read/turn/1/route", "read/turn/1/message/0", "read/turn/1/document/tools.0", "read/turn/1/document/system.0",
    "read/turn/1/part/messages.0.content", "read/turn/1/part/answer.content.0.text", "read/turn/1/body/request",
    "read/turn/1/body/given", "read/live/sessions", "read/turn/1/difference", "read/compare?old=1&new=1",
    f"read/session/{SESSION}/cache", f"read/session/{SESSION}/documents",
    f"read/session/{SESSION}/document?name=system/main%20conversation/1",
    "read/search?q=script", "read/usage?since=",
)  # fmt: skip


def hostile(number: int = 1) -> Any:
    """An exchange that holds markup wherever it can hold a text."""
    body = {
        "model": f"claude-{EVIL}",
        "max_tokens": 9,
        f"field {EVIL}": EVIL,
        "system": [{"type": "text", "text": EVIL}],
        "tools": [{"name": EVIL, "description": EVIL, "input_schema": {EVIL: EVIL}}],
        "messages": [
            {"role": "user", "content": EVIL},
            {"role": EVIL, "content": [{"type": EVIL, EVIL: EVIL}]},
            {
                "role": "assistant",
                "content": [
                    {"type": "thinking", "thinking": EVIL, "signature": EVIL},
                    {"type": "tool_use", "id": EVIL, "name": EVIL, "input": {EVIL: EVIL}},
                ],
            },
            {
                "role": "user",
                "content": [
                    {"type": "tool_result", "tool_use_id": EVIL, "is_error": True, "content": EVIL},
                    {"type": "image", "source": {"type": "base64", "media_type": EVIL, "data": EVIL}},
                    {"type": "text", "text": f"<system-reminder>{EVIL}</system-reminder>{EVIL}"},
                ],
            },
        ],
    }
    answer = entries.stream({"type": "text", "text": EVIL}, {"type": "tool_use", "id": EVIL, "name": EVIL, "input": {}})
    return entries.entry(
        body, number=number, given=answer, headers=[("x-evil", EVIL)], kind="main", error=EVIL, route=EVIL, agent=EVIL
    )


# -- who is let in -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", PAGES)
def test_a_stranger_sees_how_to_get_in_and_no_word_of_the_log(reader: Reader, path: str) -> None:
    reply = reader.stranger().get(f"/_detour/{path}", base_url=BASE)
    assert reply.status_code == 401
    assert "detour read" in reply.text
    assert "/home/me/detour/token" in reply.text
    assert TOKEN not in reply.text
    assert "notes.txt" not in reply.text


def test_a_stranger_is_told_nothing_of_what_there_is(reader: Reader) -> None:
    stranger = reader.stranger()
    there, not_there = (stranger.get(f"/_detour/read/turn/{number}", base_url=BASE) for number in (1, 9_999))
    assert there.status_code == not_there.status_code == 401


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8083", "127.0.0.1.evil.example", "10.0.0.5:8083"])
def test_another_name_for_this_machine_gets_nothing(reader: Reader, host: str) -> None:
    reader.browser.set_cookie(gate.COOKIE, gate.seal(TOKEN, gate.TICKET, NOW + 60), domain=host.partition(":")[0])
    reply = reader.browser.get("/_detour/", base_url=f"http://{host}")
    assert reply.status_code == 421
    assert "sessions" not in reply.text.lower() or "All sessions" in reply.text


def test_a_ticket_of_another_token_or_of_another_time_opens_nothing(reader: Reader) -> None:
    for sealed in (
        gate.seal("x" * 40, gate.TICKET, NOW + 60),
        gate.seal(TOKEN, gate.TICKET, NOW - 60),
        gate.seal(TOKEN, gate.CODE, NOW + 60),
    ):
        stranger = reader.stranger()
        stranger.set_cookie(gate.COOKIE, sealed, domain="127.0.0.1", path="/_detour/")
        assert stranger.get("/_detour/", base_url=BASE).status_code == 401


def test_nobody_is_let_in_where_the_token_cannot_be_kept(reader: Reader) -> None:
    closed = Reader(reader.file, {"token": lambda: None})
    assert closed.ask("").status_code == 401
    assert closed.ask(f"read/login?code={gate.seal(TOKEN, gate.CODE, NOW + 9)}").status_code == 401


@pytest.mark.parametrize("origin", ["https://evil.example", "http://127.0.0.1:3000", "null"])
def test_a_form_of_another_page_changes_nothing(reader: Reader, origin: str) -> None:
    reply = reader.browser.post("/_detour/read/logout", base_url=BASE, headers={"Origin": origin})
    assert reply.status_code == 403
    assert reader.ask("").status_code == 200


# -- every page --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [*PAGES, "read/static/reader.css", "read/static/reader.js", "none", "read/turn/99"])
def test_every_reply_keeps_the_page_to_itself(reader: Reader, path: str) -> None:
    headers = reader.ask(path).headers
    assert headers["Content-Security-Policy"] == POLICY
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Cache-Control"] == ("no-cache" if "static" in path else "no-store")
    assert "Set-Cookie" not in headers


def test_the_policy_lets_nothing_run_but_our_script_and_load_nothing_from_elsewhere() -> None:
    assert "default-src 'none'" in POLICY
    assert "unsafe" not in POLICY
    assert "http" not in POLICY
    assert "frame-ancestors 'none'" in POLICY


@pytest.mark.parametrize("path", PAGES)
def test_markup_in_a_prompt_stays_text(empty: Reader, path: str) -> None:
    library.write(empty.file, [hostile(), hostile(2)])
    page = empty.text(path)
    assert "<script>document" not in page
    assert "onerror=alert(1)>" not in page
    assert "<img src=x" not in page
    assert "</pre></details>&" not in page
    assert " style=" not in page
    assert not re.search(r"<[a-z][^<>]*\son[a-z]+=", page), "an attribute that runs a script"


def test_markup_in_an_address_stays_text(reader: Reader) -> None:
    for path in (f"read/session/{EVIL}", f"read/at/{EVIL}", f"read/turn/1/part/{EVIL}", f"?to={EVIL}", EVIL):
        page = reader.ask(path.replace("%", "%25").replace("?to", "?to").replace("#", "%23")).text
        assert "<script>document" not in page
        assert "<img src=x" not in page


def test_half_a_character_is_shown_as_a_mark(empty: Reader) -> None:
    raw = b'{"model": "m", "messages": [{"role": "user", "content": "half \\ud800 of it"}]}'
    library.write(empty.file, [entries.entry(raw, given=entries.stream({"type": "text", "text": "a"}))])
    assert "half � of it" in empty.text("read/turn/1")


@pytest.mark.parametrize("path", PAGES)
def test_no_page_is_larger_than_a_megabyte(empty: Reader, path: str) -> None:
    text = "\"<&>'\n" * 15_000
    said = [{"role": "user", "content": [{"type": "text", "text": text}]} for _ in range(20)]
    folded = [{"role": "assistant", "content": '"' * 200} for _ in range(2_000)]
    body = {
        "model": "m",
        "system": [{"type": "text", "text": text}] * 3,
        "tools": [{"name": "'" * 300, "description": text, "input_schema": {"text": text}}] * 40,
        "messages": [*said, *folded, *said],
        "metadata": {"user_id": text},
    }
    blocks = [{"type": "text", "text": text}] * 5
    library.write(empty.file, [entries.entry(body, given=entries.stream(*blocks), kind="main")])
    assert len(empty.ask(path).data) < 1_000_000


def test_no_list_is_larger_than_a_megabyte(empty: Reader) -> None:
    body = {"model": "m", "messages": [{"role": "user", "content": "'" * 3_000}]}
    given = entries.stream({"type": "text", "text": "a"})
    made = [entries.entry(body, number=n, given=given, error="'" * 5_000, route="'" * 300) for n in range(1, 150)]
    for number, one in enumerate(made):
        library.write(empty.file, [one], session=f"{number % 60:08x}-{'x' * 100}")
    library.write(empty.file, made, session=SESSION)
    for path in ("", f"read/session/{SESSION}", f"read/session/{SESSION}?page=2", "read/loose"):
        assert len(empty.ask(path).data) < 1_000_000


# -- faults ------------------------------------------------------------------------------------------------------------


def test_what_is_not_there_is_said(reader: Reader) -> None:
    for path in ("none", "read/none", "read/turn/1/message/999", "read/turn/1/part/none", "read/turn/1/body/none"):
        assert reader.ask(path).status_code == 404, path
    gone = reader.ask("read/turn/999")
    assert gone.status_code == 404
    assert "There is no exchange 999 in the log" in gone.text


def test_a_bug_is_told_with_an_id_and_logged(reader: Reader, caplog: pytest.LogCaptureFixture) -> None:
    def broken() -> Any:
        raise RuntimeError("a bug")

    app = make(House(open_log=broken, token=lambda: TOKEN, token_file="", clock=lambda: NOW))
    client = app.test_client()
    client.set_cookie(gate.COOKIE, gate.seal(TOKEN, gate.TICKET, NOW + 60), domain="127.0.0.1", path="/_detour/")
    with caplog.at_level(logging.ERROR):
        reply = client.get("/_detour/", base_url=BASE)
    assert reply.status_code == 500
    assert "a bug" not in reply.text
    incident = re.search(r"incident ([0-9a-f]{12})", reply.text)
    assert incident is not None
    assert incident[1] in caplog.text


def test_every_template_is_escaped_and_none_says_safe() -> None:
    for template in (Path(turn.__file__).parents[1] / "templates").iterdir():
        text = template.read_text(encoding="utf-8")
        assert "|safe" not in text.replace(" ", "")
        assert "autoescape" not in text
        assert " style=" not in text
        assert not re.search(r"\son[a-z]+=", text)


def test_text_that_utf_8_cannot_hold_is_marked() -> None:
    assert _writable("half \ud800, whole \N{ANCHOR}") == "half ?, whole \N{ANCHOR}"
    assert _writable(3) == 3
