"""Reading the prompt log."""

import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from addon.prompts.entry import Entry
from addon.prompts.log.reading import Log, NoLog, NotKept, SessionRow, Wanted
from addon.prompts.log.statements import FILE
from addon.prompts.log.writer import Writer
from addon.protocol.errors import ConfigError
from tests.prompts.entries import entry, stream
from tests.prompts.log.plain import Plain

BODY = {"model": "claude-opus-5-5", "messages": [{"role": "user", "content": "hi"}]}
GIVEN = stream({"type": "text", "text": "hello"})


def made(number: int, session: str | None, **facts: Any) -> Entry:
    return entry(BODY, number=number, given=GIVEN, session=session, **facts)


ENTRIES = [
    made(1, "aaaa-1111"),
    made(2, "aaaa-2222", route="glm/glm-5", dollars=None),
    made(3, "aaaa-1111", agent="a1", kind="subagent", route="glm/glm-5", dollars=0.5),
    made(4, None, kind=None, path="/api/hello", input_tokens=None, output_tokens=None, dollars=None),
    made(5, "aaaa-1111", status=529, error="busy"),
    made(6, "bbbb-3333", origin="replay", of="00000000000000000000000a"),
]


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Log]:
    writer = Writer(tmp_path / FILE, Plain())
    for each in ENTRIES:
        writer.add(each)
    writer.close()
    log = Log(tmp_path / FILE)
    yield log
    log.close()


def test_without_a_log_it_is_said_how_one_is_made(tmp_path: Path) -> None:
    with pytest.raises(NoLog, match="made with the first exchange"):
        Log(tmp_path / FILE)


def test_sessions_are_told_with_their_sums_the_newest_first(log: Log) -> None:
    rows = log.sessions()
    assert [row.session for row in rows] == ["bbbb-3333", "aaaa-1111", None, "aaaa-2222"]
    at = ENTRIES[0].summary.at
    assert replace(rows[1], dollars=round(rows[1].dollars, 6)) == SessionRow(
        session="aaaa-1111", first_at=at, last_at=at + 240, exchanges=3, failed=1, agents=1, prompt_tokens=3_000,
        output_tokens=60, dollars=0.525, unpriced=0, routes=("anthropic", "glm/glm-5"),
    )  # fmt: skip
    assert (rows[3].dollars, rows[3].unpriced) == (0.0, 1)
    assert (rows[2].prompt_tokens, rows[2].unpriced) == (0, 0)
    assert [row.session for row in log.sessions(limit=1, offset=1)] == ["aaaa-1111"]
    assert log.count_sessions() == 4


@pytest.mark.parametrize(
    ("wanted", "numbers"),
    [
        (Wanted(), [1, 2, 3, 4, 5, 6]),
        (Wanted(session="aaaa-1111"), [1, 3, 5]),
        (Wanted(session=""), [4]),
        (Wanted(session="aaaa-1111", agent=""), [1, 5]),
        (Wanted(agent="a1"), [3]),
        (Wanted(kind="subagent"), [3]),
        (Wanted(route="glm/glm-5"), [2, 3]),
        (Wanted(route="never/heard"), []),
        (Wanted(failed=True), [5]),
        (Wanted(origin="replay"), [6]),
        (Wanted(origin=""), [1, 2, 3, 4, 5]),
        (Wanted(of="00000000000000000000000a"), [6]),
        (Wanted(since=ENTRIES[2].summary.at, until=ENTRIES[4].summary.at), [3, 4]),
    ],
)
def test_exchanges_are_picked(log: Log, wanted: Wanted, numbers: list[int]) -> None:
    assert [each.number for each in log.summaries(wanted)] == numbers


def test_exchanges_are_paged(log: Log) -> None:
    assert [each.number for each in log.summaries(after=2, limit=2)] == [3, 4]
    assert [each.number for each in log.summaries(newest=True, limit=2)] == [6, 5]
    assert log.newest() == 6


def test_a_summary_comes_back_whole(log: Log) -> None:
    assert log.summaries() == [each.summary for each in ENTRIES]


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("3", 3),
        ("last", 6),
        (ENTRIES[1].summary.id, 2),
        (f"req_{ENTRIES[1].summary.id}", 2),
        ("aaaa-1111/1", 1),
        ("aaaa-1/3", 5),
        ("aaaa-1111/-1", 5),
        ("aaaa-1111/last", 5),
        ("last/1", 6),
        ("bbbb/last", 6),
    ],
)
def test_an_exchange_is_found_by_what_people_write(log: Log, text: str, number: int) -> None:
    assert log.resolve(text).number == number


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("77", "there is no exchange '77'"),
        ("", "several exchanges|there is no exchange"),
        ("0000", "several exchanges begin with '0000'"),
        ("zzz", "there is no exchange 'zzz'"),
        ("aaaa/1", "Several sessions begin with 'aaaa'. The newest are aaaa-111, aaaa-222"),
        ("nope/1", "There is no session 'nope'"),
        ("aaa/1", "There is no session 'aaa'"),
        ("aaaa-1111/4", "no turn '4' in session aaaa-111: write a number from 1 to 3"),
        ("aaaa-1111/0", "no turn '0'"),
        ("aaaa-1111/x", "no turn 'x'"),
        ("aaaa-1111/" + "9" * 5_000, "no turn"),
        ("9" * 400, "there is no exchange"),
    ],
)
def test_what_is_not_found_is_told_with_a_way_out(log: Log, text: str, told: str) -> None:
    with pytest.raises(NotKept, match=f"(?i){told}"):
        log.resolve(text)
    with pytest.raises(NotKept, match="the newest is 6"):
        log.entry(77)


def test_what_is_written_meanwhile_is_seen(log: Log) -> None:
    assert len(log.summaries()) == 6
    log.entry(6)
    writer = Writer(log.file, Plain())
    writer.add(replace(made(7, "cccc-4444", route="new/route"), reason="written meanwhile"))
    writer.close()
    assert log.entry(7).reason == "written meanwhile"
    assert log.entry(7).summary.route == "new/route"


def test_nothing_can_be_written_through_it(log: Log) -> None:
    from sqlalchemy import text
    from sqlalchemy.exc import OperationalError

    with log._engine.connect() as connection, pytest.raises(OperationalError, match="readonly"):
        connection.execute(text("DELETE FROM exchanges"))


def test_a_log_that_is_just_being_made_is_none_yet(tmp_path: Path) -> None:
    (tmp_path / FILE).touch()
    with pytest.raises(NoLog, match="made with the first exchange"):
        Log(tmp_path / FILE)


def test_a_file_that_is_no_log_is_told(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text("a diary" * 200)
    with pytest.raises(ConfigError, match="cannot be read as a prompt log: file is not a database"):
        Log(tmp_path / FILE)


def test_a_log_of_a_newer_version_is_told(tmp_path: Path) -> None:
    database = sqlite3.connect(tmp_path / FILE)
    database.execute("PRAGMA user_version = 99")
    database.close()
    with pytest.raises(ConfigError, match="newer Detour"):
        Log(tmp_path / FILE)
