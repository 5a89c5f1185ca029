"""Chromium opens exported sessions from a file: one of the real client, and one in which every text is hostile.

`DETOUR_TEST_SCREENSHOT` names a file; the picture stands beside it.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from addon.prompts import printable
from addon.prompts.entry import Entry
from addon.prompts.exports import page as exported
from addon.prompts.exports.document import document
from tests.end_to_end.browser import Page, browsing
from tests.prompts.entries import recorded_session
from tests.prompts.exports import hostile

pytestmark = pytest.mark.browser

SCREENSHOT = os.environ.get("DETOUR_TEST_SCREENSHOT")
OURS = "document.querySelectorAll('script, iframe, object, embed, link, form, base, svg').length"
FETCHED = "performance.getEntriesByType('resource').filter(each => !each.name.startsWith('data:')).length"
RUN_ONE = """(() => {
  const script = document.createElement("script");
  script.textContent = "window.ran = 1";
  document.body.append(script);
  return window.ran === undefined;
})()"""


@pytest.fixture
def browser() -> Iterator[Page]:
    with browsing() as page:
        yield page


def opened(browser: Page, entries: list[Entry], tmp_path: Path) -> Page:
    file = tmp_path / "session.html"
    file.write_bytes(exported.render(document(entries)))
    browser.open(file.as_uri(), width=1000, height=1100)
    browser.wait_for("Turn 1")
    return browser


def test_a_session_is_readable_without_a_script(browser: Page, tmp_path: Path) -> None:
    page = opened(browser, recorded_session(), tmp_path)
    text = page.text()
    assert "Counted; the other failed." in text
    assert "Codebase and user instructions" not in text, "what the client added is folded"
    assert page.evaluate("getComputedStyle(document.body).maxWidth") == "960px", "the style is in force"
    page.click("summary", "system reminder")
    assert "Codebase and user instructions" in page.text()
    if SCREENSHOT:
        page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = false })")
        page.screenshot(Path(SCREENSHOT).parent / "exported-page.png")


def test_no_hostile_text_runs_or_is_fetched(browser: Page, tmp_path: Path) -> None:
    page = opened(browser, hostile.session(), tmp_path)
    assert page.evaluate(OURS) == 0
    assert page.evaluate(FETCHED) == 0
    shown = page.evaluate("document.documentElement.textContent")
    assert [text for text in hostile.TEXTS if printable.text(text) not in shown] == []
    assert page.evaluate(RUN_ONE), "the policy lets no script run"
    assert page.evaluate("document.querySelectorAll('article').length") == len(hostile.session())
