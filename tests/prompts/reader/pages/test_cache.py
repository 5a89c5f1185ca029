"""The cache of a session."""

from dataclasses import replace

import pytest

from addon.prompts.log.reading import NotKept
from addon.prompts.reader.pages import cache
from tests.prompts import entries
from tests.prompts.reader import library
from tests.prompts.reader.library import SESSION, Reader
from tests.prompts.reader.pages.test_comparison import changed, edited_session

PAGE = f"read/session/{SESSION}/cache"


def test_a_turn_that_lost_its_cache_is_found_with_the_reason(empty: Reader) -> None:
    library.write(empty.file, edited_session())
    page = empty.text(PAGE)
    assert page.count('class="break"') == 1
    assert '<a href="/_detour/read/turn/7/difference">Turn 7</a>' in page
    assert "990 tokens not read back" in page
    assert "System prompt, block 3 changed" in page
    assert "<ins>reader toward their goals" in page
    assert "<dd>1 of 13</dd>" in page
    session = empty.text(f"read/session/{SESSION}")
    assert f'href="/_detour/{PAGE}"' in session
    assert session.count("990 tokens that were cached were not read back") == 1


def test_a_cache_that_holds_is_said_to(empty: Reader) -> None:
    figures = {"cache_read_tokens": 990, "cache_write_tokens": None}
    library.write(empty.file, [changed(entry, lambda _: None, **figures) for entry in entries.recorded_session()])
    assert "Every turn read back what the turn before it had cached." in empty.text(PAGE)


def test_replies_that_say_nothing_are_counted(empty: Reader) -> None:
    figures = {"cache_read_tokens": None, "cache_write_tokens": None}
    library.write(empty.file, [changed(entry, lambda _: None, **figures) for entry in entries.recorded_session()])
    page = empty.text(PAGE)
    assert "No reply says what it read from a cache." in page
    assert "turns that do not say</dt><dd>13<" in page


def test_without_prompts_the_loss_is_told_without_a_reason(empty: Reader) -> None:
    library.write(empty.file, [replace(entry, request=None) for entry in edited_session()])
    assert "so why cannot be said" in empty.text(PAGE)


def test_a_turn_that_was_let_go_is_told_likewise(empty: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    library.write(empty.file, edited_session())

    def gone(number: int) -> None:
        raise NotKept("gone")

    monkeypatch.setattr(empty.shelf.open(), "entry", gone)
    assert "so why cannot be said" in empty.text(PAGE)


def test_many_are_on_several_pages(empty: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "PER_PAGE", 2)
    session = [
        changed(entry, lambda _: None, cache_read_tokens=100 - number, cache_write_tokens=0)
        for number, entry in enumerate(entries.recorded_session())
    ]
    library.write(empty.file, session)
    page = empty.text(f"{PAGE}?page=2")
    assert page.count('class="break"') == 2
    assert f'rel="prev" href="/_detour/{PAGE}?page=1"' in page
    assert f'rel="next" href="/_detour/{PAGE}?page=3"' in page


def test_a_session_that_is_not_there_is_said(empty: Reader) -> None:
    library.write(empty.file, edited_session()[:1])
    assert empty.ask("read/session/gone/cache").status_code == 404
