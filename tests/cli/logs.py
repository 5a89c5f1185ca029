"""A prompt log in a folder of its own, and the commands that read it, run as a user would."""

import json
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from addon.cli.app import app
from addon.prompts.entry import Entry
from addon.prompts.log.statements import FILE
from addon.prompts.log.writer import Writer
from tests.prompts.entries import entry, recorded_session, routed, stream
from tests.prompts.exports import hostile
from tests.prompts.log.plain import Plain

ROUTED = "11111111-2222-4333-8444-555555555555"
EVIL = "evil\x1b[31m-session"


def use(monkeypatch: pytest.MonkeyPatch, folder: Path, *entries: Iterable[Entry]) -> None:
    """Write exchanges to a log, and have the commands find it; the clock is in no zone of its own."""
    writer = Writer(folder / FILE, Plain())
    for some in entries:
        for each in some:
            writer.add(each)
    writer.close()
    monkeypatch.setenv("DETOUR_HOME", str(folder))
    monkeypatch.setenv("TZ", "UTC")
    for name in ("COLUMNS", "NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)


def run(*arguments: str) -> Result:
    """Run a command; what is no ``ConfigError`` is raised."""
    return CliRunner().invoke(app, arguments, catch_exceptions=True)


def printed(*arguments: str) -> str:
    """Run a command that goes well, and return what it prints."""
    result = run(*arguments)
    assert result.exception is None, result.exception
    return result.stdout


def parsed(*arguments: str) -> Any:
    """Run a command that prints JSON."""
    return json.loads(printed(*arguments))


def fault(*arguments: str) -> str:
    """Run a command that fails, and return why."""
    result = run(*arguments)
    assert result.exception is not None
    return str(result.exception)


def evil() -> list[Entry]:
    """A session that is hostile wherever it can be, its name too."""
    return [replace(each, summary=replace(each.summary, session=EVIL)) for each in hostile.session()]


def everything() -> list[Entry]:
    """A recorded session, one call that was translated, and one that belongs to no session."""
    bare = entry({"model": "m", "messages": [{"role": "user", "content": "Nobody's."}]}, given=stream(), kind="main")
    return [*recorded_session(), routed("openai_chat/plain_text"), bare]
