"""Chromium looks for what broke a cache: a session of the real client, in which one word of the system prompt changed.

`DETOUR_TEST_SCREENSHOT` names a file; the pictures stand beside it.
"""

import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import override

import pytest
from werkzeug.serving import WSGIRequestHandler, make_server

from addon.prompts.reader import gate
from tests.end_to_end.browser import Page, browsing
from tests.prompts.reader import library
from tests.prompts.reader.library import NOW, SESSION, TOKEN, Reader
from tests.prompts.reader.pages.test_comparison import EVIL, edited_session

pytestmark = pytest.mark.browser

SCREENSHOT = os.environ.get("DETOUR_TEST_SCREENSHOT")


class Silent(WSGIRequestHandler):
    """Says nothing of each request."""

    @override
    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Keep quiet."""


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    """Of no log yet."""
    made = Reader(tmp_path / "prompts.sqlite")
    yield made
    made.shelf.close()


@pytest.fixture
def page(reader: Reader) -> Iterator[Page]:
    """A browser that was let in."""
    server = make_server("127.0.0.1", 0, reader.app, threaded=True, request_handler=Silent)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        with browsing() as page:
            code = gate.seal(TOKEN, gate.CODE, NOW + 60)
            page.open(f"http://127.0.0.1:{server.port}/_detour/read/login?code={code}")
            yield page
    finally:
        server.shutdown()
        thread.join()


def go(page: Page, path: str) -> None:
    page.evaluate(f"location.assign('/_detour/{path}')")


def press(page: Page, key: str) -> None:
    page.evaluate(f"document.body.dispatchEvent(new KeyboardEvent('keydown', {{key: '{key}', bubbles: true}}))")


def picture(page: Page, name: str) -> None:
    if SCREENSHOT:
        page.screenshot(Path(SCREENSHOT).with_stem(name))


def test_the_word_that_broke_the_cache_is_found(reader: Reader, page: Page) -> None:
    library.write(reader.file, edited_session())
    go(page, f"read/session/{SESSION}")
    page.click("a", "Prompt cache")
    shown = page.wait_for("990 tokens not read back")
    assert "System prompt, block 3 changed, and about" in shown
    picture(page, "reader-cache")
    page.click("a", "Turn 7")
    page.wait_for("Compared with the turn that it continues")
    assert page.evaluate(
        "[...document.querySelectorAll('.change.changed del')].some(each => each.innerText === 'user')"
    )
    picture(page, "reader-difference")


def test_the_keys_lead_from_turn_to_turn_and_through_the_changes(reader: Reader, page: Page) -> None:
    library.write(reader.file, edited_session())
    go(page, "read/turn/7")
    page.wait_for("New in this turn")
    press(page, "2")
    page.wait_for("Compared with the turn that it continues")
    press(page, "j")
    assert page.evaluate("document.querySelector('.here h3').innerText").startswith("message 13, assistant")
    press(page, "l")
    page.wait_for("Turn 8 of 14")
    page.wait_for("The first byte that differs")
    assert page.evaluate("location.pathname") == "/_detour/read/turn/8/difference"


def test_a_text_of_the_system_prompt_has_its_history(reader: Reader, page: Page) -> None:
    library.write(reader.file, edited_session())
    go(page, f"read/session/{SESSION}")
    page.click("a", "System prompt and tools")
    page.wait_for("Changed in between")
    picture(page, "reader-documents")
    page.click("td.title a", "system prompt, block 3")
    shown = page.wait_for("Version 2")
    assert "turns 7 to 14" in shown
    assert page.evaluate("document.querySelector('ins').innerText") == "reader"


def test_markup_in_a_changed_word_stays_text(reader: Reader, page: Page) -> None:
    library.write(reader.file, edited_session(EVIL))
    for path in ("read/turn/7/difference", f"read/session/{SESSION}/cache", "read/compare?old=2&new=9"):
        go(page, path)
        page.wait_for("<script>alert(1)</script>")
