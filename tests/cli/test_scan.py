"""`detour scan`: what was taken out of the log, and what stands in it."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
import zstandard

from addon.cli import scan
from addon.prompts.entry import Entry
from addon.prompts.log.reading import Log, Wanted
from addon.prompts.log.search import FILE as INDEX
from addon.prompts.log.search import Search
from addon.prompts.log.statements import FILE, PACKS_OF_SEGMENT
from addon.prompts.log.writer import Writer
from addon.prompts.redact import Redactor
from addon.settings import instance_file, mark_secret
from addon.settings.instance_file import Instance
from tests.cli import logs
from tests.prompts.entries import SESSION, entry, stream
from tests.prompts.secrets_corpus import PLANTED, SECRETS
from tests.prompts.test_redact import survives

SECRET = dict(SECRETS)["github"]


def session(*texts: str) -> list[Entry]:
    """One turn for each text, each with those before."""
    made = []
    for number in range(1, len(texts) + 1):
        messages = [{"role": "user", "content": text} for text in texts[:number]]
        body = {"model": "claude-opus-5-5", "messages": messages, "max_tokens": 5}
        answer = stream({"type": "text", "text": f"You said: {texts[number - 1]}"})
        header = ("authorization", f"Bearer {SECRET}")
        made.append(entry(body, number=number, given=answer, session=SESSION, headers=[header]))
    return made


def held(home: Path) -> str:
    """Return all that stands in a log: its rows, and its segments unpacked, whether they are referred to or not."""
    segments: dict[int, bytes] = {}
    with closing(sqlite3.connect(home / FILE)) as database:
        tables = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        rows = [row for name in tables if name != "packs" for row in database.execute(f"SELECT * FROM {name}")]  # noqa: S608 - its own tables
        for number, part in database.execute("SELECT id, data FROM packs ORDER BY id"):
            segment = number // PACKS_OF_SEGMENT
            segments[segment] = segments.get(segment, b"") + part
    unpacked = [zstandard.ZstdDecompressor().decompressobj().decompress(parts) for parts in segments.values()]
    return repr(rows) + b"".join((*unpacked, (home / FILE).read_bytes())).decode("latin-1")


TEXTS = ["\n\n".join(planted.text for planted in PLANTED[at : at + 15]) for at in range(0, len(PLANTED), 15)]


@pytest.fixture(autouse=True)
def _alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_a_log_as_it_is_written_holds_marks_and_no_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    logs.use(monkeypatch, tmp_path)
    writer = Writer(tmp_path / FILE, Redactor(mark_secret.read(tmp_path)))
    for each in session(*TEXTS):
        writer.add(each)
    writer.close()
    report = logs.parsed("scan", "--json")
    assert (report["exchanges"], report["sessions"], report["unread"]) == (len(TEXTS), 1, 0)
    assert report["unredacted"] == []
    assert {each["kind"] for each in report["marks"]} == {planted.kind for planted in PLANTED}
    assert len(report["marks"]) == len(PLANTED)
    told = held(tmp_path)
    assert "You said: " in told
    assert [planted.text for planted in PLANTED if survives(planted.secret, told)] == []


def test_what_was_taken_out_is_told_by_kind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    logs.use(monkeypatch, tmp_path)
    writer = Writer(tmp_path / FILE, Redactor(mark_secret.read(tmp_path)))
    for each in session(f"a {SECRET}", "b"):
        writer.add(each)
    writer.close()
    assert logs.printed("scan").split("\n") == [
        "2 exchanges of 1 session looked at.",
        "",
        "Taken out of it:",
        "kind    different  exchanges  first in  ",
        "github          1          2  00000000/1",
        "",
        "Nothing stands in it that a rule of today would take out.",
        "",
    ]


def test_what_stands_in_it_is_told_with_the_way_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    logs.use(monkeypatch, tmp_path, session("hello", "password=x8Hw2!kk", "bye"))
    result = logs.run("scan")
    assert result.exit_code == 1
    lines = [line.rstrip() for line in result.stdout.split("\n")]
    assert lines == [
        "3 exchanges of 1 session looked at.",
        "",
        "Not taken out, and a rule of today would:",
        "kind      where                                       exchanges  first in",
        "github    the client's request, header authorization          3  00000000/1",
        "password  the client's request, body                          2  00000000/2",
        "password  the reply to the client, body                       1  00000000/2",
        "",
        scan.WAY_OUT,
        "",
    ]
    assert "x8Hw2" not in result.stdout
    assert logs.run("scan", "--json").exit_code == 1


def test_the_log_is_written_anew_without_what_stood_in_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    logs.use(monkeypatch, tmp_path, session(*TEXTS))
    with closing(Log(tmp_path / FILE)) as log:
        before = log.summaries(Wanted(session=SESSION))
        Search(log).update()
    assert (tmp_path / INDEX).exists()
    (tmp_path / (FILE + scan.NEW)).write_text("left by one that was ended")
    assert logs.run("scan").exit_code == 1
    result = logs.run("scan", "--redact")
    assert (result.exit_code, result.stdout.split("\n")[0]) == (0, f"{len(TEXTS)} exchanges were written anew.")
    with closing(Log(tmp_path / FILE)) as log:
        assert log.summaries(Wanted(session=SESSION)) == before
        kept = log.entry(before[-1].number).request
    assert kept is not None
    assert len(json.loads(kept.body)["messages"]) == len(TEXTS)
    told = held(tmp_path)
    assert "You said: " in told
    assert [planted.text for planted in PLANTED if survives(planted.secret, told)] == []
    assert sorted(path.name for path in tmp_path.iterdir()) == [mark_secret.NAME, FILE]
    assert (tmp_path / FILE).stat().st_mode & 0o777 == 0o600


def test_while_a_detour_runs_nothing_is_written_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    logs.use(monkeypatch, tmp_path, session("hello"))
    monkeypatch.setattr(instance_file, "running", lambda home: [Instance(7, "", {}, "", "")])
    assert logs.fault("scan", "--redact") == "A Detour is running (process 7) and writes the log: end it first."


def test_the_users_patterns_and_keys_count_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    logs.use(monkeypatch, tmp_path, session("the number is EMP-12345, the key 9f1c7a52d0e84b6c"))
    (tmp_path / "detour.yaml").write_text("redact: {staff: 'EMP-\\d+'}\n")
    monkeypatch.setenv("OPENAI_API_KEY", "9f1c7a52d0e84b6c")
    kinds = {each["kind"] for each in json.loads(logs.run("scan", "--json").stdout)["unredacted"]}
    assert kinds == {"staff", "configured", "github"}


def test_what_is_not_kept_whole_any_more_is_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    logs.use(monkeypatch, tmp_path, session("hello"))
    with closing(sqlite3.connect(tmp_path / FILE)) as database, database:
        database.execute("DELETE FROM packs")
    assert logs.printed("scan").split("\n")[:2] == [
        "1 exchange of 1 session looked at.",
        "1 of them are not kept whole any more.",
    ]
    assert logs.parsed("scan", "--json")["unread"] == 1


def test_an_empty_log_holds_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    logs.use(monkeypatch, tmp_path)
    assert "Nothing stands in it" in logs.printed("scan")
