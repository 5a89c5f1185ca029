"""Old exchanges leave the log."""

import sqlite3
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from addon.prompts.entry import Entry
from addon.prompts.log import retention, statements, writer
from addon.prompts.log.reading import Log
from addon.prompts.log.writer import Writer
from tests.prompts.entries import entry, recorded_session
from tests.prompts.log.plain import Plain

NOW = 1_800_000_000.0
DAYS, BYTES = 30, 1 << 40


def aged(each: Entry, days: float, **facts: Any) -> Entry:
    return replace(each, summary=replace(each.summary, at=NOW - days * retention.DAY_S, **facts))


def noise(number: int) -> Entry:
    return aged(entry(b'{"model":"m","x":"%s"}' % bytes(str([hash((number, n)) for n in range(3_000)]), "ascii")), 0)


@pytest.fixture
def kept(tmp_path: Path) -> Writer:
    return Writer(tmp_path / statements.FILE, Plain())


def bodies(file: Path) -> list[bytes]:
    log = Log(file)
    found = [log.entry(each.number).request for each in log.summaries()]
    log.close()
    return [request.body for request in found if request is not None]


def rows(database: sqlite3.Connection) -> dict[str, int]:
    tables = ("exchanges", "refs", "segments", "packs", "pieces")
    return {name: database.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in tables}  # noqa: S608


def test_what_is_too_old_goes_and_what_younger_ones_share_stays(kept: Writer, tmp_path: Path) -> None:
    session = recorded_session()
    for days, each in zip((40, 31, 29, 1), session, strict=False):
        kept.add(aged(each, days))
    assert kept.shrink(DAYS, BYTES, NOW) == 2
    assert kept.shrink(DAYS, BYTES, NOW) == 0
    kept.close()
    assert bodies(tmp_path / statements.FILE) == [each.request.body for each in session[2:4] if each.request]


def test_a_conversation_goes_on_after_its_beginning_went(
    kept: Writer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "SEGMENT_BYTES", 1)
    session = recorded_session()
    kept.add(aged(session[0], 40))
    kept.shrink(DAYS, BYTES, NOW)
    for each in session[1:]:
        kept.add(aged(each, 1))
        kept.shrink(DAYS, BYTES, NOW)
    kept.close()
    assert bodies(tmp_path / statements.FILE) == [each.request.body for each in session[1:] if each.request]


def test_what_is_too_much_goes_the_oldest_first_and_the_file_shrinks(kept: Writer, tmp_path: Path) -> None:
    for number in range(1, 41):
        kept.add(noise(number))
    database = writer.connect(tmp_path / statements.FILE)
    before = retention.size(database)
    gone = kept.shrink(DAYS, before // 2, NOW)
    assert 10 < gone < 35
    assert retention.size(database) <= before // 2
    assert retention.count(database) == 40 - gone
    kept.close()
    database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()
    assert (tmp_path / statements.FILE).stat().st_size <= before // 2 + 8_192
    assert len(bodies(tmp_path / statements.FILE)) == 40 - gone


def test_the_newest_stays_however_large_it_is(kept: Writer, tmp_path: Path) -> None:
    kept.add(noise(1))
    kept.add(noise(2))
    assert kept.shrink(DAYS, 1, NOW) == 1
    kept.close()
    assert len(bodies(tmp_path / statements.FILE)) == 1


def test_emptied_nothing_is_left_and_the_next_exchange_is_written(kept: Writer, tmp_path: Path) -> None:
    session = recorded_session()
    for each in session:
        kept.add(aged(each, 1))
    other = writer.connect(tmp_path / statements.FILE)
    assert retention.empty(other) == len(session)
    assert set(rows(other).values()) == {0}
    assert other.execute("SELECT count(*) FROM words").fetchone() == (0,), "names of sessions are somebody's too"
    assert retention.empty(other) == 0
    other.close()
    assert kept.add(aged(session[0], 1)) == len(session) + 1
    kept.close()
    assert bodies(tmp_path / statements.FILE) == [session[0].request.body] if session[0].request else False
    log = Log(tmp_path / statements.FILE)
    assert log.summaries()[0].session == session[0].summary.session
    log.close()


def test_a_fault_while_letting_go_lets_nothing_go(
    kept: Writer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for each in recorded_session():
        kept.add(aged(each, 40))
    monkeypatch.setattr(statements, "DROP_UNNEEDED", ("DELETE FROM nowhere",))
    before = rows(kept._database)
    with pytest.raises(sqlite3.OperationalError):
        kept.shrink(DAYS, BYTES, NOW)
    assert rows(kept._database) == before
    kept.close()
