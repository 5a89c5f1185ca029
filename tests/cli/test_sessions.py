"""`detour sessions`: what is in the log, in a table and for programs."""

from dataclasses import replace
from pathlib import Path

import pytest

from addon.cli import sessions
from addon.prompts.log.reading import Log, NotKept
from addon.prompts.log.statements import FILE
from tests.cli import logs
from tests.prompts.entries import SESSION, entry


def rows(text: str) -> list[list[str]]:
    return [[cell.strip() for cell in line.split("  ") if cell.strip()] for line in text.splitlines()]


def test_the_newest_stand_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    logs.use(monkeypatch, tmp_path, logs.everything())
    assert rows(logs.printed("sessions")) == [
        ["session", "last", "title", "calls", "failed", "agents", "tokens in", "out", "answered by", "price"],
        ["none", "2026-11-18 11:07", "Nobody's.", "1", "1,000", "20", "anthropic", "$0.013"],
        ["11111111", "2026-11-18 11:07", "Say hello.", "1", "1,000", "20", "openai/gpt-5.5", "unknown"],
        ["00000000", "2026-11-18 11:20", "Read notes.txt.", "14", "14,000", "280", "anthropic", "$0.175"],
    ]


def test_a_limit_says_what_it_hides(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    logs.use(monkeypatch, tmp_path, logs.everything())
    lines = logs.printed("sessions", "--limit", "1").splitlines()
    assert (len(lines), lines[-1]) == (3, "2 older ones are not shown; --limit shows more.")


def test_programs_get_every_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    logs.use(monkeypatch, tmp_path, logs.everything())
    found = logs.parsed("sessions", "--json")
    assert [(each["session"], each["title"], each["exchanges"]) for each in found] == [
        (None, "Nobody's.", 1),
        (logs.ROUTED, "Say hello.", 1),
        (SESSION, "Read notes.txt.", 14),
    ]
    assert found[1]["unpriced"] == 1


def test_an_empty_log_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    logs.use(monkeypatch, tmp_path)
    assert logs.printed("sessions") == "There is no exchange in the log yet.\n"
    assert logs.parsed("sessions", "--json") == []


def test_names_and_titles_do_not_act(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    logs.use(monkeypatch, tmp_path, logs.evil())
    monkeypatch.setenv("NO_COLOR", "1")
    text = logs.printed("sessions")
    assert "\x1b" not in text
    assert "evil␛[31" in text


def test_without_prompts_there_is_no_title(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bare = replace(entry({"model": "m", "messages": []}, session=SESSION, kind="main"), request=None)
    logs.use(monkeypatch, tmp_path, [bare])
    log = Log(tmp_path / FILE)
    assert sessions.title(log, SESSION) == ""
    monkeypatch.setattr(log, "entry", lambda number: (_ for _ in ()).throw(NotKept("gone")))
    assert sessions.title(log, SESSION) == ""
    log.close()
