"""`detour export`: every format from the log, to a file that is the user's alone."""

import io
import json
import os
import stat
from dataclasses import replace
from pathlib import Path

import pytest
from mitmproxy.io import FlowReader

from addon.prompts.exports import jsonl
from tests.cli import logs
from tests.dialects.vendor_types import violations
from tests.prompts.entries import SESSION, recorded_session, routed
from tests.prompts.log.plain import MARK, SECRET
from tests.stories import Story


@pytest.fixture
def _log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    logs.use(monkeypatch, tmp_path / "home", logs.everything())


@pytest.mark.usefixtures("_log")
def test_a_session_is_a_document_by_default() -> None:
    text = logs.printed("export", "00000000")
    assert text.startswith("# Read notes.txt.\n\n- **session**: ")
    assert text.count("\n### Turn ") == 14
    page = logs.printed("export", "00000000", "--format", "html")
    assert page.startswith("<!doctype html>")
    assert page.count("<article ") == 14


@pytest.mark.usefixtures("_log")
def test_a_turn_is_a_document_of_what_is_new_in_it() -> None:
    text = logs.printed("export", "00000000/3")
    assert text.startswith("# Count its lines.\n")
    assert text.count("\n### Turn ") == 1
    assert "### Turn 3\n" in text
    first = logs.printed("export", "00000000/1")
    assert "### Turn 1\n" in first


@pytest.mark.usefixtures("_log")
def test_the_requests_of_a_session_come_back() -> None:
    wanted = [each.request.body for each in recorded_session() if each.request is not None]
    plain = logs.run("export", "00000000", "--format", "jsonl").stdout_bytes
    assert jsonl.load(plain) == wanted
    both = logs.run("export", "00000000", "--format", "jsonl", "--replies").stdout_bytes
    assert jsonl.load(both) == wanted
    assert json.loads(both.splitlines()[-1])["reply"]["content"] == [{"type": "text", "text": "All done."}]
    assert len(jsonl.load(logs.run("export", "00000000/3", "--format", "jsonl").stdout_bytes)) == 1


@pytest.mark.usefixtures("_log")
def test_openai_and_har_and_curl() -> None:
    [line] = logs.printed("export", "00000000", "--format", "openai").splitlines()
    assert violations("openai", json.dumps({"model": "gpt-4.1", **json.loads(line)}).encode()) == []
    assert logs.fault("export", "none", "--format", "curl").endswith("name a turn, none/1")
    assert (
        logs.run("export", "none", "--format", "openai").stderr == "detour: Turn 1 is left out: nobody answers in it\n"
    )
    archive = logs.run("export", "15", "--format", "har").stdout_bytes
    assert len(list(FlowReader(io.BytesIO(archive)).stream())) == 2
    assert "ANTHROPIC_API_KEY" in logs.printed("export", "15", "--format", "curl")
    assert "OPENAI_API_KEY" in logs.printed("export", "15", "--format", "curl", "--sent")
    assert (
        logs.fault("export", "00000000", "--format", "curl")
        == "a curl command is made of one exchange: name a turn, 00000000/1"
    )


@pytest.mark.usefixtures("_log")
@pytest.mark.parametrize(
    ("name", "start"),
    [
        ("a.md", "# Read"),
        ("a.HTML", "<!doctype"),
        ("a.jsonl", '{"model"'),
        ("a.har", '{\n  "log"'),
        ("a.txt", "# Read"),
    ],
)
def test_a_file_is_of_the_kind_that_its_name_says_and_the_users_alone(name: str, start: str, tmp_path: Path) -> None:
    path = tmp_path / name
    assert logs.printed("export", "00000000", "-o", str(path)) == ""
    assert path.read_text("utf-8").startswith(start)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.usefixtures("_log")
def test_a_file_that_is_there_stays(tmp_path: Path) -> None:
    path = tmp_path / "a.md"
    path.write_text("mine")
    assert logs.fault("export", "00000000", "-o", str(path)) == f"{path} is there already; --force writes over it"
    assert path.read_text() == "mine"
    logs.printed("export", "00000000", "-o", str(path), "--force")
    assert path.read_text("utf-8").startswith("# Read notes.txt.")


@pytest.mark.usefixtures("_log")
def test_a_file_that_cannot_be_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = "name a file in a folder that is there"
    assert told in logs.fault("export", "00000000", "-o", str(tmp_path))
    assert told in logs.fault("export", "00000000", "-o", str(tmp_path / "away" / "a.md"))
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    assert "is not yours to write to" in logs.fault("export", "00000000", "-o", str(tmp_path / "a.md"))


def test_what_is_left_out_is_told_beside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    session = recorded_session()
    logs.use(monkeypatch, tmp_path, [session[0], *(replace(each, request=None) for each in session[1:])])
    result = logs.run("export", "last", "--format", "jsonl")
    assert len(jsonl.load(result.stdout_bytes)) == 1
    lines = result.stderr.splitlines()
    assert lines[0] == "detour: exchange 2: its request is not kept"
    assert (len(lines), lines[-1]) == (11, "detour: and 3 notes more like these")


def test_replays_are_no_part_of_a_session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    session = recorded_session()
    replayed = replace(
        session[0], summary=replace(session[0].summary, id="x", origin="replay", of=session[0].summary.id)
    )
    logs.use(monkeypatch, tmp_path, [*session, replayed])
    assert len(logs.printed("export", "last", "--format", "jsonl").splitlines()) == 14
    assert len(logs.printed("export", "last/15", "--format", "jsonl").splitlines()) == 1


@pytest.mark.usefixtures("_log")
def test_a_turn_becomes_a_story(tmp_path: Path) -> None:
    folder = tmp_path / "transcripts"
    lines = logs.printed("export", "15", "--transcript", str(folder), "--name", "told").splitlines()
    names = ["client_request.json", "wire_request.json", "backend.sse", "client.sse", "story.md"]
    assert lines == [str(folder / "openai_chat" / "told" / name) for name in names]
    made = Story(folder / "openai_chat" / "told")
    assert {path: path.read_bytes() for path in made.goldens()} == made.goldens()
    told = routed("openai_chat/plain_text").reply
    assert told is not None
    assert made.backend_reply == told.body
    assert "is there already; --force" in logs.fault("export", "15", "--transcript", str(folder), "--name", "told")
    logs.printed("export", "15", "--transcript", str(folder), "--name", "told", "--force")
    assert "exchange_15" in logs.printed("export", "15", "--transcript", str(folder), "--like", "openai")


@pytest.mark.usefixtures("_log")
@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("15", "--format", "transcript"), "a transcript is a folder"),
        (("00000000", "--transcript", "x"), "a transcript is made of one exchange"),
        (("15", "--transcript", "x", "--name", "../up"), "--name is '../up': write letters"),
        (("15", "--transcript", "x", "--name", "ä"), "--name is 'ä': write letters"),
        (("1", "--transcript", "x"), "nothing was translated"),
        (("nope",), "There is no session 'nope'"),
    ],
)
def test_what_is_no_story_is_told(arguments: tuple[str, ...], told: str) -> None:
    assert told in logs.fault("export", *arguments)


@pytest.mark.parametrize("form", ["markdown", "html", "jsonl", "openai", "har"])
def test_marks_of_redaction_stay_and_no_secret_comes_back(
    form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = recorded_session()[:2]
    made = [each for each in session if each.request is not None]
    secret = [
        replace(
            each, request=replace(each.request, body=each.request.body.replace(b"Answer briefly.", SECRET.encode()))
        )
        for each in made
        if each.request is not None
    ]
    logs.use(monkeypatch, tmp_path, secret)
    text = logs.printed("export", SESSION, "--format", form)
    assert MARK in text
    assert SECRET not in text
