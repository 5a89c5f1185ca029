"""Full-text search in the prompt log."""

import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest

from addon.prompts.entry import Entry, Summary
from addon.prompts.log import retention, search, writer
from addon.prompts.log.reading import Log
from addon.prompts.log.search import FILE, Hit, NoSearch, Search
from addon.prompts.log.statements import FILE as LOG
from addon.prompts.log.writer import Writer
from tests.prompts.entries import entry, recorded_session, stream
from tests.prompts.log.plain import Plain


def turn(number: int, asked: object, answered: str = "Fine.", *before: object) -> Entry:
    messages = [*before, {"role": "user", "content": asked}]
    return entry({"model": "m", "messages": messages}, number=number, given=stream({"type": "text", "text": answered}))


OLD = ({"role": "user", "content": "an old walrus"}, {"role": "assistant", "content": "an older walrus"})
RESULT = [{"type": "tool_result", "tool_use_id": "t", "content": [{"type": "text", "text": "ENOENT: no parse_json"}]}]
CALL = stream({"type": "tool_use", "id": "t", "name": "Bash", "input": {"command": "rm -rf build"}})
ENTRIES = [
    turn(1, "Where is the walrus?", "In the Müller zoo."),
    turn(2, RESULT, "The file is missing.", *OLD),
    entry({"model": "m", "messages": [{"role": "user", "content": "clean"}]}, number=3, given=CALL),
    Entry(summary=Summary(id="d", at=4.0)),
    entry(b'{"model":"m","messages":7}', number=5),
    entry(b'{"model":"m","messages":[3,{"role":"user","content":"broken \\u0000 but read"}]}', number=6),
]


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Log]:
    kept = Writer(tmp_path / LOG, Plain())
    for each in ENTRIES:
        kept.add(each)
    kept.close()
    log = Log(tmp_path / LOG)
    yield log
    log.close()


def test_any_query_is_answered(log: Log) -> None:
    for query in ("wal\0rus", "\0", '"', "walrus*", "NEAR(", "a OR", "\ud800x", "x" * 10_000):
        Search(log).find(query)


def test_an_index_that_is_garbage_is_made_anew(log: Log) -> None:
    index = log.file.with_name(FILE)
    index.write_bytes(b"garbage " * 1_000)
    with suppress(NoSearch):
        Search(log).find("walrus")
    assert numbers(log, "walrus") == [1]


def test_where_no_index_can_be_made_it_is_told(log: Log) -> None:
    log.file.with_name(FILE).mkdir()
    with pytest.raises(NoSearch, match="cannot be made: unable to open"):
        Search(log).find("walrus")


def test_an_index_that_another_holds_is_told(log: Log) -> None:
    assert numbers(log, "walrus") == [1]
    with closing(sqlite3.connect(log.file.with_name(FILE), isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(NoSearch, match="cannot be read now: database is locked"):
            Search(log).find("walrus")


def test_an_index_that_is_removed_meanwhile_is_told_and_made_anew(log: Log) -> None:
    finding = Search(log)
    assert [hit.number for hit in finding.find("walrus")] == [1]
    with closing(sqlite3.connect(log.file.with_name(FILE), isolation_level=None)) as other:
        other.execute("DROP TABLE said")  # to whoever has it open it is another file
        with pytest.raises(NoSearch, match="cannot be read now: no such table"):
            finding.find("walrus")
    search.remove(log.file)
    assert [hit.number for hit in finding.find("walrus")] == [1]


def numbers(log: Log, query: str) -> list[int]:
    return [hit.number for hit in Search(log).find(query)]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("walrus", [1]),
        ("WALRUS", [1]),
        ("wal", [1]),
        ("walrus zoo", [1]),
        ("muller", [1]),
        ("walrus missing", []),
        ("missing", [2]),
        ("parse_json", [2]),
        ("json_parse", []),
        ("rm -rf", [3]),
        ("Bash build", [3]),
        ("the", [2, 1]),
        ("read", [6]),
        ("", []),
        ("  -- ", []),
        ('"', []),
        ('say "missing"', []),
        ("NEAR(the zoo)", []),
        ("zoo*", [1]),
    ],
)
def test_what_was_said_anew_is_found(log: Log, query: str, found: list[int]) -> None:
    assert numbers(log, query) == found


def test_the_place_is_shown(log: Log) -> None:
    assert Search(log).find("zoo müller") == [Hit(1, "Where is the walrus? In the ", "Müller", " zoo.")]
    assert Search(log).find("muller")[0].found == ""
    (hit,) = Search(log).find("missing")
    assert (hit.found, hit.after) == ("missing", ".")


def test_there_are_no_more_than_asked_for(log: Log) -> None:
    assert [hit.number for hit in Search(log).find("the", limit=1)] == [2]


def test_what_is_written_meanwhile_is_found(log: Log) -> None:
    kept = Search(log)
    assert [hit.number for hit in kept.find("walrus")] == [1]
    adding = Writer(log.file, Plain())
    for each in recorded_session():
        adding.add(each)
    adding.add(turn(9, "Another walrus"))
    adding.close()
    assert [hit.number for hit in kept.find("walrus")] == [21, 1]


def test_only_the_user_may_read_the_index(log: Log) -> None:
    Search(log).update()
    assert stat.S_IMODE((log.file.with_name(FILE)).stat().st_mode) == 0o600


def test_it_is_made_in_parts(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "AT_ONCE", 2)
    assert numbers(log, "read") == [6]


def test_words_of_exchanges_that_left_are_gone(log: Log) -> None:
    assert numbers(log, "walrus") == [1]
    file = log.file.with_name(FILE)
    assert b"walrus" in file.read_bytes()
    database = writer.connect(log.file)
    retention._drop(database, "DELETE FROM exchanges WHERE number <= ?", 1)
    assert numbers(log, "walrus") == []
    assert numbers(log, "missing") == [2]
    assert b"walrus" not in file.read_bytes()
    retention.empty(database)
    database.close()
    assert numbers(log, "missing") == []


def test_while_another_brings_it_up_to_date_what_is_there_is_found(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "BUSY_S", 0.01)
    assert numbers(log, "walrus") == [1]
    adding = Writer(log.file, Plain())
    adding.add(turn(9, "Another walrus"))
    adding.close()
    other = sqlite3.connect(log.file.with_name(FILE), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    assert numbers(log, "walrus") == [1]
    Search(log).update()
    other.execute("ROLLBACK")
    other.close()
    assert numbers(log, "walrus") == [7, 1]


def test_two_that_bring_it_up_to_date_do_not_undo_each_other(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "AT_ONCE", 1)
    one, other = Search(log), Search(log)
    begin = search._begin
    turns = iter([True])

    def late(database: sqlite3.Connection) -> None:
        if next(turns, False):
            other.update()
        begin(database)

    monkeypatch.setattr(search, "_begin", late)
    one.update()
    assert numbers(log, "the") == [2, 1]


def test_a_sqlite_without_full_text_search_is_told(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "TABLES", ("CREATE VIRTUAL TABLE x USING fts5_missing(y)",))
    with pytest.raises(NoSearch, match="no full-text search"):
        Search(log).find("walrus")


def test_an_index_of_another_version_of_ours_is_filled(log: Log) -> None:
    log.file.with_name(FILE).touch()
    assert numbers(log, "walrus") == [1]
