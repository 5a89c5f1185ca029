"""Writing the prompt log."""

import json
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import override

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from addon.prompts.entry import Attempt, Entry, Reply, Request, Summary
from addon.prompts.log import retention, statements, writer
from addon.prompts.log.reading import Log, NotKept, Wanted
from addon.prompts.log.writer import Writer
from addon.protocol.errors import ConfigError
from tests.prompts.entries import entry, recorded_calls, recorded_session, routed, stream
from tests.prompts.log.plain import MARK, SECRET, Plain

STORIES = ("openai_chat/parallel_tools", "openai_chat/text")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "home" / "prompts.sqlite"


def written(file: Path, *entries: Entry) -> list[int]:
    kept = Writer(file, Plain())
    try:
        return [kept.add(each) for each in entries]
    finally:
        kept.close()


def read(file: Path) -> list[Entry]:
    log = Log(file)
    try:
        return [log.entry(summary.number) for summary in log.summaries()]
    finally:
        log.close()


def alike(entry: Entry) -> Entry:
    return replace(entry, attempts=list(entry.attempts), changes=list(entry.changes), losses=list(entry.losses))


def test_a_session_comes_back_byte_for_byte(file: Path) -> None:
    session = recorded_session()
    assert written(file, *session) == [each.summary.number for each in session]
    assert read(file) == [alike(each) for each in session]


def test_calls_of_every_kind_and_both_sides_of_a_translation_come_back(file: Path) -> None:
    entries = [*recorded_calls(), routed("openai_chat/parallel_tools", 99)]
    numbers = written(file, *entries)
    told = [
        alike(replace(each, summary=replace(each.summary, number=n))) for each, n in zip(entries, numbers, strict=True)
    ]
    assert read(file) == told


def test_only_the_user_may_read_it(file: Path) -> None:
    kept = Writer(file, Plain())
    kept.add(entry({"model": "m", "messages": []}))
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (file.parent, *file.parent.iterdir())}
    kept.close()
    assert modes == {
        "home": 0o700, "prompts.sqlite": 0o600, "prompts.sqlite-wal": 0o600, "prompts.sqlite-shm": 0o600
    }  # fmt: skip


def test_what_was_said_before_is_stored_once(file: Path) -> None:
    long = {"role": "user", "content": "x" * 50 + "".join(chr(97 + n * 7 % 26) for n in range(20_000))}
    turns = [{"model": "m", "messages": [long, *({"role": "user", "content": f"turn {n}"} for n in range(count))]}
             for count in range(1, 40)]  # fmt: skip
    written(file, *(entry(body, number=n) for n, body in enumerate(turns, 1)))
    database = sqlite3.connect(file)
    spans = orjson.loads(_document(database, 39))["request"]["body"]
    assert len(spans) / 3 <= 3 * 39
    (pieces,) = database.execute("SELECT count(*) FROM pieces").fetchone()
    database.close()
    assert pieces == 1
    requests = [entry(body).request for body in turns]
    assert [each.request.body for each in read(file) if each.request] == [each.body for each in requests if each]


def _document(database: sqlite3.Connection, number: int) -> bytes:
    log = Log(Path(database.execute("PRAGMA database_list").fetchone()[2]))
    segment, start, size = database.execute(
        "SELECT segment, start, size FROM exchanges WHERE number = ?", (number,)
    ).fetchone()
    with log._engine.connect() as connection:
        text = log._read(connection, (segment, start, size))
    log.close()
    return text


def test_another_writer_finds_what_the_first_one_stored(file: Path) -> None:
    first, *_ = recorded_session()
    written(file, first)
    size = file.stat().st_size
    written(file, replace(first, summary=replace(first.summary, session="another")))
    assert file.stat().st_size - size < size / 3  # and each writer has a segment of its own
    assert [each.request for each in read(file)] == [first.request] * 2


def test_two_writers_share_a_log(file: Path) -> None:
    session = recorded_session()
    one, other = Writer(file, Plain()), Writer(file, Plain())
    for each in session:
        one.add(each)
        other.add(replace(each, summary=replace(each.summary, session="other", id=each.summary.id[::-1])))
    one.close()
    other.close()
    found = read(file)
    assert [each.request for each in found] == [each.request for each in session for _ in range(2)]
    assert [each.summary.session for each in found[1::2]] == ["other"] * len(session)


def test_secrets_are_on_no_disk_wherever_they_stand(file: Path) -> None:
    body = {
        "model": SECRET,
        "system": SECRET,
        "messages": [{"role": "user", "content": [{"type": "text", "text": SECRET}]}],
    }
    told = entry(
        body, headers=[("x-note", SECRET)], url=f"http://h/?a={SECRET}", given=stream({"type": "text", "text": SECRET})
    )
    made = replace(
        told, reply=told.given, sent=told.request, summary=replace(told.summary, error=SECRET, session=SECRET)
    )
    written(file, made, replace(made, summary=replace(made.summary, id="b")))
    found = read(file)
    assert SECRET not in repr(found)
    assert repr(found).count(MARK) >= 2 * 9
    assert all(SECRET.encode() not in path.read_bytes() for path in file.parent.iterdir())


def test_a_long_log_has_several_segments(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "SEGMENT_BYTES", 20_000)
    session = recorded_session()
    written(file, *session)
    database = sqlite3.connect(file)
    assert database.execute("SELECT count(*) FROM segments").fetchone()[0] > 1
    database.close()
    assert read(file) == [alike(each) for each in session]


def test_what_was_remembered_of_long_conversations_is_bounded(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "REMEMBERED_BYTES", 1_000)
    kept = Writer(file, Plain())
    for number, session in enumerate("abcdefgh", 1):
        kept.add(entry({"model": "m", "messages": [], "x": "y" * 300}, number=number, session=session))
    assert 0 < kept._remembered == sum(len(last.body) for last in kept._last.values()) <= 1_000
    kept.close()


def test_a_segment_that_another_process_removed_is_not_referred_to(file: Path) -> None:
    session = recorded_session()
    kept = Writer(file, Plain())
    kept.add(session[0])
    other = writer.connect(file)
    other.execute("DELETE FROM exchanges")
    for statement in statements.DROP_UNNEEDED:
        other.execute(statement)
    other.close()
    number = kept.add(session[1])
    kept.close()
    assert number == 2, "numbers are never given twice"
    assert [each.request for each in read(file)] == [session[1].request]


def test_an_exchange_that_cannot_be_stored_leaves_nothing_and_the_next_is_stored(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = recorded_session()
    kept = Writer(file, Plain())
    kept.add(session[0])
    with monkeypatch.context() as patched:
        patched.setattr(statements, "ADD_REF", "INSERT INTO nowhere VALUES (?, ?)")
        with pytest.raises(sqlite3.OperationalError):
            kept.add(session[1])
    kept.add(session[2])
    kept.close()
    assert [each.request for each in read(file)] == [session[0].request, session[2].request]


def test_a_full_disk_leaves_nothing_and_the_next_is_stored(file: Path) -> None:
    session = recorded_session()
    kept = Writer(file, Plain())
    kept.add(session[0])
    kept._database.execute("PRAGMA max_page_count = 1")  # it is raised to what there is
    noise = orjson.dumps({"model": "m", "x": [hash((n, "x")) for n in range(20_000)]})
    with pytest.raises(sqlite3.OperationalError, match="full"):
        kept.add(entry(noise))
    kept._database.execute("PRAGMA max_page_count = 1000000")
    kept.add(session[1])
    kept.close()
    assert [each.request for each in read(file)] == [session[0].request, session[1].request]


def test_a_log_of_a_newer_version_is_left_alone(file: Path) -> None:
    written(file)
    database = sqlite3.connect(file)
    database.execute("PRAGMA user_version = 99")
    database.close()
    with pytest.raises(ConfigError, match="newer Detour"):
        Writer(file, Plain())


def test_only_metadata_are_kept_where_only_those_are_given(file: Path) -> None:
    summary = Summary(id="a", at=1.0, status=200)
    written(file, Entry(summary=summary, reason="r"))
    assert read(file) == [Entry(summary=replace(summary, number=1), reason="r", attempts=[], changes=[], losses=[])]


PARTS = (
    b'{"role":"user","content":"' + b"a" * 600 + b'"}',
    b'{"name":"x"',
    SECRET.encode(),
    b'"data":"' + b"QUJD" * 400 + b'"',
    b"\xff\x00",
    b"b" * 700,
)
bodies = st.lists(st.sampled_from(PARTS), max_size=6)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(st.lists(bodies, min_size=1, max_size=6))
def test_any_bodies_one_behind_another_come_back_redacted(
    tmp_path_factory: pytest.TempPathFactory, told: list[list[bytes]]
) -> None:
    file = tmp_path_factory.mktemp("log") / "log.sqlite"
    sent = [b"".join(parts) for parts in told]
    requests = [Request(method="POST", url="u", headers=(), body=body) for body in sent]
    given = [Reply(status=200, headers=(), body=body) for body in sent]
    summary = Summary(id="a", at=1.0)
    written(
        file, *(Entry(summary=summary, request=one, given=other) for one, other in zip(requests, given, strict=True))
    )
    found = read(file)
    assert [each.request.body if each.request else None for each in found] == [Plain().body(body) for body in sent]
    assert [each.given.body if each.given else None for each in found] == [Plain().body(body) for body in sent]


def test_a_part_that_is_gone_is_told(file: Path) -> None:
    written(file, *recorded_session())
    database = sqlite3.connect(file)
    database.execute("DELETE FROM packs")
    database.commit()
    database.close()
    log = Log(file)
    with pytest.raises(NotKept, match="not in the log any more"):
        log.entry(1)
    assert log.summaries(Wanted(failed=True)) == []
    log.close()


def test_a_segment_that_is_full_is_put_into_one_part(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "SEGMENT_BYTES", 30_000)
    session = recorded_session()
    kept = Writer(file, Plain())
    for each in session:
        kept.add(each)
    asked = "SELECT id / ?, count(*) FROM packs GROUP BY 1"
    parts = dict(kept._database.execute(asked, (statements.PACKS_OF_SEGMENT,)))
    parts.pop(max(parts))  # the one that is written
    assert set(parts.values()) == {1}
    kept.close()
    assert read(file) == [alike(each) for each in session]


def test_at_the_end_nothing_is_tidied_up_that_went_meanwhile(file: Path) -> None:
    kept = Writer(file, Plain())
    kept.add(recorded_session()[0])
    other = writer.connect(file)
    retention.empty(other)
    kept.close()
    assert other.execute("SELECT count(*) FROM packs").fetchone() == (0,)
    other.close()


def test_killed_200_times_at_random_it_misses_nothing_that_it_said_to_have(file: Path) -> None:
    command = [sys.executable, "-m", "tests.prompts.log.crashing", str(file), "1", "200"]
    done = subprocess.run(command, check=True, capture_output=True, cwd=Path(__file__).parents[3])
    found = json.loads(done.stdout)
    assert found["said"] > 1_000
    assert found["kept"] - found["said"] <= 200, "one at most for each that was killed"
    assert {name: found[name] for name in ("missing", "half", "integrity", "keys")} == {
        "missing": [], "half": [], "integrity": "ok", "keys": []
    }  # fmt: skip


def test_a_secret_that_the_piece_before_gives_away_is_on_no_disk_and_nothing_else_changes(file: Path) -> None:
    class Telling(Plain):
        @override
        def body(self, data: bytes) -> bytes:
            return data.replace(b'"messages":[{"role":"user"', b'"messages":[{"role":"' + MARK.encode() + b'"')

    told = {"model": "m", "messages": [{"role": "user", "content": "a"}, {"role": "user", "content": "b" * 2_000}]}
    longer = {**told, "messages": [*told["messages"], {"role": "user", "content": "c"}]}
    kept = Writer(file, Telling())
    for each in (told, longer):
        kept.add(entry(orjson.dumps(each)))
    kept.close()
    assert [each.request.body for each in read(file) if each.request] == [
        Telling().body(orjson.dumps(each)) for each in (told, longer)
    ]


def test_any_number_that_a_backend_claims_is_kept_or_its_nearest(file: Path) -> None:
    told = replace(entry({"model": "m"}), summary=Summary(id="a", at=1.0, output_tokens=10**30, input_tokens=-(10**30)))
    written(file, told)
    summary = read(file)[0].summary
    assert (summary.output_tokens, summary.input_tokens) == (2**63 - 1, 1 - 2**63)


def test_no_secret_is_in_why_and_who_was_asked(file: Path) -> None:
    attempt = Attempt(f"a/{SECRET}", "400", 1, "")
    written(file, replace(entry({"model": "m"}), reason=f"model is {SECRET}", attempts=[attempt]))
    kept = read(file)[0]
    assert (kept.reason, kept.attempts[0].target) == (f"model is {MARK}", f"a/{MARK}")


@pytest.mark.parametrize("version", [0, statements.VERSION, 77])
def test_the_database_of_another_program_is_left_alone(file: Path, version: int) -> None:
    file.parent.mkdir()
    with closing(sqlite3.connect(file)) as database:
        database.execute("CREATE TABLE theirs (name)")
        database.execute(f"PRAGMA user_version = {version}")
        database.commit()
    before = file.read_bytes()
    with pytest.raises(ConfigError, match="another program's database: move it away"):
        Writer(file, Plain())
    assert file.read_bytes() == before


def test_a_secret_that_one_body_ends_within_is_on_no_disk_where_the_next_goes_on(file: Path) -> None:
    body = orjson.dumps({"model": "m", "messages": [{"role": "user", "content": f"It is {SECRET}, no?"}]})
    told = entry(body)
    assert told.request
    cut = replace(told, request=replace(told.request, body=body[: body.index(b"hunter2") + 3]))
    written(file, cut, told, told)
    assert [each.request.body for each in read(file) if each.request][1:] == [Plain().body(body)] * 2


def test_names_that_went_while_a_segment_was_full_are_stored_anew(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "SEGMENT_BYTES", 1)
    kept = Writer(file, Plain())
    told = entry({"model": "m", "messages": []}, session="s1")
    kept.add(told)
    other = writer.connect(file)
    retention.empty(other)
    other.close()
    kept.add(replace(told, request=None))  # refers to nothing that went
    kept.close()
    (found,) = read(file)
    assert (found.summary.session, found.summary.asked) == ("s1", "m")
