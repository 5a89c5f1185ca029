"""Documents of a session, found a second at a time and only once."""

from dataclasses import replace

import pytest

from addon.prompts.log.reading import NotKept
from addon.prompts.reader import histories
from addon.prompts.reader.histories import Histories
from tests.prompts import entries
from tests.prompts.reader import library
from tests.prompts.reader.library import SESSION, Reader


def test_a_session_is_gone_through_bit_by_bit(reader: Reader) -> None:
    log, kept = reader.shelf.open(), Histories(at_a_time_s=-1.0)
    found = kept.of(log, SESSION)
    assert (found.read, found.turns, found.is_whole) == (1, 14, False)
    for _ in range(13):
        found = kept.of(log, SESSION)
    assert found.is_whole
    assert found.history.document("tools/Bash").versions[0].turns == 14
    assert kept.of(log, SESSION) is found


def test_turns_that_came_since_are_added(reader: Reader) -> None:
    log, kept = reader.shelf.open(), Histories()
    assert kept.of(log, SESSION).turns == 14
    shadow = entries.entry({"model": "m", "tools": [{"name": "Of a shadow"}]})
    copied = replace(shadow, summary=replace(shadow.summary, origin="shadow", id="s", at=9e9))
    fresh = entries.entry({"model": "m", "tools": [{"name": "Fresh"}]})
    library.write(reader.file, [copied, replace(fresh, summary=replace(fresh.summary, id="f", at=9e9 + 1))])
    names = [document.title for document in kept.of(log, SESSION).history.documents()]
    assert ("Fresh" in names, "Of a shadow" in names) == (True, False)


def test_the_sessions_that_were_asked_for_last_are_kept(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(histories, "MOST_SESSIONS", 1)
    library.write(reader.file, [entries.entry({"model": "m"})], session="other")
    log, kept = reader.shelf.open(), Histories()
    first = kept.of(log, SESSION)
    kept.of(log, "other")
    assert kept.of(log, SESSION) is not first
    with pytest.raises(NotKept, match="keeps nothing of a session 'gone'"):
        kept.of(log, "gone")


def test_where_old_turns_were_let_go_it_begins_anew(reader: Reader) -> None:
    log, kept = reader.shelf.open(), Histories()
    found = kept.of(log, SESSION)
    found.read = 99
    assert kept.of(log, SESSION) is not found


def test_a_turn_that_is_not_kept_is_passed_over(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    log = reader.shelf.open()

    def gone(number: int) -> None:
        raise NotKept("gone")

    monkeypatch.setattr(log, "entry", gone)
    found = Histories().of(log, SESSION)
    assert (found.is_whole, found.history.documents()) == (True, [])
