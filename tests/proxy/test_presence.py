import json
import os
from pathlib import Path

import pytest

from addon.proxy import presence
from addon.routing.settings import Settings
from addon.settings.assembly import configure
from addon.settings.document import Document

STARTED = "2026-11-30T09:00:00+00:00"


def files(home: Path) -> list[str]:
    return [path.name for path in home.rglob("*.json")]


def test_a_detour_is_found_while_its_doors_are_open(tmp_path: Path) -> None:
    settings = Settings(home=str(tmp_path / "home"))
    presence.appear(settings, {"proxy": "http://127.0.0.1:1"}, Path("confdir"), STARTED)
    assert files(tmp_path) == [f"{os.getpid()}.json"]
    [said] = (path.read_text() for path in tmp_path.rglob("*.json"))
    assert f'"confdir": "{Path("confdir").absolute()}"' in said
    assert '"doors": {"proxy": "http://127.0.0.1:1"}' in said
    presence.vanish(settings)
    assert files(tmp_path) == []


def test_without_a_door_there_is_nothing_to_find(tmp_path: Path) -> None:
    presence.appear(Settings(home=str(tmp_path / "home")), {}, Path("confdir"), STARTED)
    assert files(tmp_path) == []


def test_a_home_that_cannot_be_written_is_told_and_no_more(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "home").write_text("a file")
    presence.appear(Settings(home=str(tmp_path / "home")), {"proxy": "http://127.0.0.1:1"}, Path("confdir"), STARTED)
    assert "`detour claude` will not find this one" in caplog.text


def test_without_settings_nothing_was_said() -> None:
    presence.vanish(None)


def test_what_makes_a_client_compact_in_time_is_said_too(tmp_path: Path) -> None:
    def settings(window: int) -> Settings:
        written = {"big": "ollama/a", "models": {"ollama/a": {"window": window}}}
        return configure(
            Document.model_validate(written), {"DETOUR_HOME": str(tmp_path)}, lambda path: "detour.yaml"
        ).settings()

    for window, expected in ((131_072, {"CLAUDE_CODE_AUTO_COMPACT_WINDOW": "131072"}), (1_000_000, {})):
        presence.appear(settings(window), {"proxy": "http://127.0.0.1:1"}, Path("confdir"), STARTED)
        [path] = tmp_path.rglob("*.json")
        said = json.loads(path.read_text())
        assert (said["compaction"], said["started"]) == (expected, STARTED)
