"""A person reads: Chromium at the pages of `detour read`, without a mouse, and while a session runs.

`DETOUR_TEST_PICTURES` names a folder for the README's pictures.
"""

import itertools
import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from addon.prompts.entry import Entry
from addon.prompts.log.statements import FILE
from addon.prompts.log.writer import Writer
from addon.prompts.reader import gate
from addon.settings import state_file
from tests.end_to_end.browser import Page, browsing
from tests.end_to_end.client import API_KEY, ClaudeCode
from tests.end_to_end.proxy import DIRECT, ROOT, Proxy, end, free_ports, running, wait_until
from tests.end_to_end.replies import Json, answer, call
from tests.end_to_end.trio import Trio
from tests.prompts import entries
from tests.prompts.log.plain import Plain
from tests.prompts.reader import day, library

pytestmark = pytest.mark.browser

PICTURES = os.environ.get("DETOUR_TEST_PICTURES")
LIMIT_S = 30
MANY = 10_000
SECONDS = itertools.count(60)  # that a code holds: two of one end are one code, which opens once
MOST_PAGE = 1_000_000  # bytes
HOSTILE = """<script>document.title = "taken"; fetch("/taken")</script><img src=x onerror="document.title='taken'">
<svg onload="document.title='taken'"><a href="javascript:document.title='taken'">a</a></pre></details><h1>taken</h1>"""
MARKUP = "main img, main script, main [onload], main [onerror]"  # that no page has of its own


@contextmanager
def reading(home: Path) -> Iterator[str]:
    """Serve the pages of a log as a user does. Gives the address that lets a browser in, without its end."""
    (port,) = free_ports(1)
    environment = {
        "PATH": os.defpath,
        "HOME": str(home),
        "DETOUR_HOME": str(home),
        "PYTHONUNBUFFERED": "1",
        "TZ": "UTC",
    }
    command = [sys.executable, "-P", "-m", "addon.cli", "read", "--no-open", "--port", str(port)]
    with (home / "printed").open("wb") as printed:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=printed, stderr=printed)
        try:
            wait_until(
                lambda: process.poll() is not None or "login?code=" in (home / "printed").read_text(),
                LIMIT_S,
                (home / "printed").read_text,
            )
            yield f"http://127.0.0.1:{port}"
        finally:
            end(process)


def let_in(page: Page, url: str, home: Path, width: int = 1280, height: int = 800) -> None:
    """Open the first page with a browser that was never here."""
    code = gate.seal(state_file.token(home), gate.CODE, time.time() + next(SECONDS))
    page.open(f"{url}/_detour/read/login?code={code}", width, height)
    ready(page, "Sessions")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("reader")
    library.write(home / FILE, day.whole(), session=None)
    return home


@pytest.fixture(scope="module")
def url(home: Path) -> Iterator[str]:
    with reading(home) as url:
        yield url


@pytest.fixture
def page(url: str, home: Path) -> Iterator[Page]:
    with browsing() as page:
        let_in(page, url, home)
        yield page


def ready(page: Page, text: str) -> None:
    """Wait for a page that shows this and hears keys: its script runs when all of it is there."""
    page.wait_for(text)
    page.wait_until("document.readyState === 'complete'")


def number_of(turn: int) -> int:
    """Where a turn of the long session is in the log."""
    session = [entry.summary.session == day.SESSION for entry in day.whole()]
    return [number for number, is_its in enumerate(session, 1) if is_its][turn]


# -- who may read ------------------------------------------------------------------------------------------------------


def test_a_browser_that_was_not_let_in_sees_how_to_get_in(url: str, home: Path) -> None:
    with browsing() as page:
        page.open(f"{url}/_detour/read/session/{day.SESSION}")
        page.wait_for("This browser may not read yet")
        assert "berth" not in page.text()
        page.type("#token", state_file.token(home))
        page.click("button", "Open")
        page.wait_for("Two ships in one berth")
        assert page.evaluate("location.pathname") == f"/_detour/read/session/{day.SESSION}"
        assert page.evaluate("document.cookie") == "", "no script sees the cookie"


# -- reading -----------------------------------------------------------------------------------------------------------


def test_sessions_are_read_without_a_mouse(page: Page, url: str) -> None:
    page.press("j")
    page.wait_until("document.activeElement.innerText === 'Two ships in one berth'")
    page.press("j")
    page.press("k")
    page.press("Enter")
    ready(page, "16 turns")
    page.press("j")
    page.press("j")
    page.wait_for("Two ships were given the same berth on Friday.")
    page.press("o")
    page.wait_until("!document.activeElement.closest('details').open")
    page.press("o")
    page.wait_until("document.activeElement.closest('details').open")
    page.press("ArrowDown")
    page.wait_until("document.activeElement.closest('li').id === 'turn-3' || scrollY > 0")
    page.press("?")
    page.wait_for("This list; Esc closes it")
    page.press("Escape")
    page.press("u")
    ready(page, "Profile the tide table import")
    page.press("/")
    page.wait_until("document.activeElement.id === 'search'")


def test_everything_can_be_reached_by_tab_and_the_content_first(page: Page) -> None:
    page.press("Tab")
    page.wait_until("document.activeElement.className === 'skip'")
    assert page.evaluate("document.activeElement.getBoundingClientRect().top >= 0"), "it is seen when it has the focus"
    page.press("Enter")
    page.wait_until("location.hash === '#main'")
    page.press("Tab")
    page.wait_until("document.activeElement.closest('main') !== null")


def test_a_word_is_searched_and_leads_to_its_turn(page: Page) -> None:
    page.press("/")
    page.type("#search", "StopIteration")
    page.press("Enter")
    ready(page, "“StopIteration”")
    shown = page.text()
    assert "Two ships in one berth" in shown
    page.press("j")
    page.press("Enter")
    page.wait_for("Good. And when no berth is free?")


def test_old_messages_are_folded_and_loaded_when_they_are_opened(page: Page, url: str) -> None:
    page.open(f"{url}/_detour/read/turn/{number_of(day.ASKED)}")
    ready(page, "Said before")
    shown = page.text()
    assert "plan.assign(ship" not in shown
    assert page.evaluate("document.querySelectorAll('details.row[open]').length") == 0
    page.evaluate("document.querySelectorAll('details.row > summary')[2].focus()")
    page.press("o")
    page.wait_for("plan.assign(ship, berth, ship.arrives")
    page.press("o")
    page.wait_until("document.querySelectorAll('details.row[open]').length === 0")
    page.press("ArrowRight")
    page.wait_until(f"location.pathname.endsWith('/turn/{number_of(day.ASKED) + 1}')")
    ready(page, "Said before")
    page.press("2")
    page.wait_until("location.pathname.endsWith('/difference')")


def test_the_byte_that_broke_the_cache_is_found(page: Page, url: str) -> None:
    page.open(f"{url}/_detour/read/session/{day.SESSION}/cache")
    shown = page.wait_for("turns that lost some")
    assert "1 of 11" in shown
    assert "2026-11-26" in shown
    assert "2026-11-27" in shown
    page.open(f"{url}/_detour/read/turn/{number_of(day.BROKEN + 1)}/difference")
    assert "system.0" in page.wait_for("cached tokens were not read back")


def test_what_was_hostile_stays_text(page: Page, url: str, home: Path) -> None:
    body = {
        "model": HOSTILE,
        "system": HOSTILE,
        "tools": [{"name": HOSTILE, "description": HOSTILE, "input_schema": {HOSTILE: HOSTILE}}],
        "messages": [
            {"role": "user", "content": HOSTILE},
            {
                "role": "assistant",
                "content": [{"type": "tool_use", "id": HOSTILE, "name": HOSTILE, "input": {"a": HOSTILE}}],
            },
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": HOSTILE, "content": HOSTILE}]},
        ],
    }
    given = entries.stream({"type": "text", "text": HOSTILE}, {"type": "thinking", "thinking": HOSTILE})
    facts: Json = {"session": HOSTILE, "kind": "main", "at": day.NOW - 200_000, "route": HOSTILE, "agent": HOSTILE}
    library.write(home / FILE, [entries.entry(body, given=given, **facts)] * 2, session=None)
    newest = len(day.whole()) + 2
    turn = f"read/turn/{newest}"
    for path in ("", turn, f"{turn}/sent", f"{turn}/reply", f"{turn}/difference", "read/search?q=taken",
                 "read/usage?since="):  # fmt: skip
        page.open(f"{url}/_detour/{path}")
        page.wait_for("taken")
        for fold in range(page.evaluate("document.querySelectorAll('main details').length")):
            page.evaluate(f"document.querySelectorAll('main details')[{fold}].open = true")
        page.wait_until("document.querySelectorAll('details[open] .load').length === 0")
        assert page.evaluate("document.title") != "taken", path
        assert page.evaluate("document.querySelectorAll('main h1').length") == 1, path
        assert (
            page.evaluate("document.querySelectorAll('main img, main script, main [onload], main [onerror]').length")
            == 0
        )
        assert page.evaluate("[...document.links].filter(link => link.protocol === 'javascript:').length") == 0


# -- while a session runs ----------------------------------------------------------------------------------------------


def test_new_turns_appear_and_the_screen_stays_where_it_was(page: Page, url: str, home: Path) -> None:
    session = "11110000-2222-4333-8444-555566667777"
    made = [replace(each, summary=replace(each.summary, session=session)) for each in day.work()]
    library.write(home / FILE, made[:6], session=None)
    page.open(f"{url}/_detour/read/session/{session}")
    page.wait_for("Waiting for the next turn")
    page.wait_until("document.querySelectorAll('.turn details[open]').length > 3")
    page.evaluate("scrollTo(0, 400)")
    before = page.evaluate("document.getElementById('turn-2').getBoundingClientRect().top")
    library.write(home / FILE, [made[6]], session=None)
    page.wait_for_element("#turn-7")
    assert page.evaluate("document.getElementById('turn-2').getBoundingClientRect().top") == before
    page.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
    page.wait_for_element("#turn-7 details[open]:not([data-src])")
    page.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
    library.write(home / FILE, [made[8]], session=None)
    page.wait_for_element("#turn-8 details[open]")
    page.wait_until("innerHeight + scrollY >= document.documentElement.scrollHeight - 200")
    page.open(f"{url}/_detour/")
    page.wait_for("Two ships were given the same berth")
    library.write(home / FILE, [made[9]], session=None)
    page.wait_until("document.querySelector('table.sessions tbody tr td:nth-child(3)').innerText === '9'")


def test_another_model_answers_beside_the_first_in_a_running_proxy(trio: Trio, tmp_path: Path) -> None:
    settings = f"{trio.settings}big: one/first\nretry: {{attempts: 0}}\n"
    (tmp_path / "detour.yaml").write_text(settings, encoding="utf-8")
    asked = {"model": "claude-opus-5-5", "max_tokens": 64, "stream": True,
             "messages": [{"role": "user", "content": "Why is the sky blue?"}]}  # fmt: skip
    first, second, _ = trio.all
    first.script(answer("By Rayleigh scattering."))
    second.script(answer("Because it is not green."))
    with running(tmp_path, trio.environment) as proxy, browsing() as page:
        home = tmp_path / "detour"
        send(proxy, asked)
        wait_until((home / FILE).exists, LIMIT_S, lambda: proxy.log)
        code = gate.seal(state_file.token(home), gate.CODE, time.time() + next(SECONDS))
        page.open(f"{proxy.proxy_url}/_detour/read/login?code={code}")
        page.click("table.sessions a")
        page.click(".place")
        page.wait_for("By Rayleigh scattering.")
        page.type("#model", "two/second")
        page.click(".again button")
        page.wait_for("Because it is not green.")
        assert "By Rayleigh scattering." in page.text()
        assert page.evaluate("document.querySelectorAll('.column').length") == 2
        proxy.verify()


@pytest.mark.client
def test_what_the_real_client_says_is_read_while_it_says_it(trio: Trio, tmp_path: Path) -> None:
    (tmp_path / "detour.yaml").write_text(f"{trio.settings}big: one/first\n", encoding="utf-8")
    trio.one.script(
        answer("I look.", call("Bash", "call_1", command="echo the-lighthouse", description="Say it")),
        answer("It says: the lighthouse."),
        answer("Nothing else."),
    )
    with running(tmp_path, trio.environment) as proxy, browsing() as page:
        home, claude = tmp_path / "detour", ClaudeCode("reverse", proxy, tmp_path / "client")
        watched: list[str] = []

        def watch() -> None:
            """Between the two turns of the client."""
            wait_until((home / FILE).exists, LIMIT_S, lambda: proxy.log)
            code = gate.seal(state_file.token(home), gate.CODE, time.time() + next(SECONDS))
            page.open(f"{proxy.proxy_url}/_detour/read/login?code={code}")
            page.click("table.sessions a", "Say what it says")
            watched.append(page.wait_for("It says: the lighthouse."))

        claude.run("Say what it says.", watch, "And what else?", options=["--allowedTools", "Bash"])
        shown = page.wait_for("Nothing else.")
        assert "And what else?" in shown, "the turn came by itself"
        assert "echo the-lighthouse" in watched[0]
        assert "result" in watched[0]
        page.open(f"{proxy.proxy_url}/_detour/read/search?q=lighthouse")
        page.wait_for("“lighthouse”")
        assert page.evaluate("document.querySelectorAll('.hits mark').length") >= 1
        assert API_KEY not in shown + page.text()
        proxy.verify()


def send(proxy: Proxy, body: object) -> None:
    headers = {"content-type": "application/json", "x-api-key": "sk-ant-test", "anthropic-version": "2023-06-01"}
    request = urllib.request.Request(f"{proxy.reverse_url}/v1/messages", json.dumps(body).encode(), headers)
    with DIRECT.open(request, timeout=LIMIT_S) as response:
        assert b"message_stop" in response.read()


# -- a large log -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("large")
    work = day.work()
    writer = Writer(home / FILE, Plain())
    for number in range(MANY):
        writer.add(_of_many(number, work))
    writer.close()
    return home


def _of_many(number: int, work: list[Entry]) -> Entry:
    """One session of 4,000 turns, 500 short ones."""
    session = "long" if number % 5 < 2 else f"{number // 12 % 500:08x}-short"
    entry = work[number % len(work)]
    summary = replace(entry.summary, id=f"{number:024x}", session=session, at=day.NOW - 90_000 + number * 9)
    return replace(entry, summary=summary)


def test_ten_thousand_exchanges_are_read_as_fast_as_ten(large: Path) -> None:
    with reading(large) as url, browsing() as page:
        let_in(page, url, large)
        page.open(f"{url}/_detour/")
        page.wait_for("Sessions")
        took = page.evaluate("performance.getEntriesByType('navigation')[0].responseEnd")
        sizes = {}
        for path in ("", "read/session/long", "read/session/long?page=40", "read/turn/9996", "read/usage?since=",
                     "read/search?q=berth", "read/session/long/cache", "read/session/long/documents"):  # fmt: skip
            page.open(f"{url}/_detour/{path}")
            page.wait_for_element("main h1")
            page.wait_until("document.readyState === 'complete'")
            timing = page.evaluate("JSON.stringify(performance.getEntriesByType('navigation')[0])")
            sizes[path] = (json.loads(timing)["decodedBodySize"], round(json.loads(timing)["responseEnd"]))
        print(f"\nfirst page {took:.0f} ms; bytes and ms of each: {sizes}")  # noqa: T201 - what was measured
    assert [path for path, (size, _) in sizes.items() if not 0 < size < MOST_PAGE] == []


# -- pictures ----------------------------------------------------------------------------------------------------------

SHOWN = (
    ("reader-session", f"read/session/{day.SESSION}", "light", 760),
    ("reader-turn", f"read/turn/{number_of(day.ASKED)}", "dark", 800),
    ("reader-cache", f"read/turn/{number_of(day.BROKEN + 1)}/difference", "light", 620),
)


@pytest.mark.parametrize(("name", "path", "scheme", "height"), SHOWN)
def test_a_page_has_its_picture(
    url: str, home: Path, tmp_path: Path, name: str, path: str, scheme: str, height: int
) -> None:
    with browsing() as page:
        let_in(page, url, home, 1180, height)
        page.open(f"{url}/_detour/{path}", 1180, height)
        page.choose(scheme)
        page.wait_for("Sessions")
        page.wait_until("document.readyState === 'complete'")
        if "session" in name:
            page.wait_for_element("#turn-2 details[open]")
        picture = Path(PICTURES or tmp_path) / f"{name}.png"
        page.screenshot(picture)
    assert 20_000 < picture.stat().st_size < 200_000
