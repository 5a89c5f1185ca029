import os
from pathlib import Path

import pytest

from addon.proxy import presence
from addon.routing.settings import Settings


def files(home: Path) -> list[str]:
    return [path.name for path in home.rglob("*.json")]


def test_a_detour_is_found_while_its_doors_are_open(tmp_path: Path) -> None:
    settings = Settings(home=str(tmp_path / "home"))
    presence.appear(settings, {"proxy": "http://127.0.0.1:1"}, Path("confdir"))
    assert files(tmp_path) == [f"{os.getpid()}.json"]
    [said] = (path.read_text() for path in tmp_path.rglob("*.json"))
    assert f'"confdir": "{Path("confdir").absolute()}"' in said
    assert '"doors": {"proxy": "http://127.0.0.1:1"}' in said
    presence.vanish(settings)
    assert files(tmp_path) == []


def test_without_a_door_there_is_nothing_to_find(tmp_path: Path) -> None:
    presence.appear(Settings(home=str(tmp_path / "home")), {}, Path("confdir"))
    assert files(tmp_path) == []


def test_a_home_that_cannot_be_written_is_told_and_no_more(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "home").write_text("a file")
    presence.appear(Settings(home=str(tmp_path / "home")), {"proxy": "http://127.0.0.1:1"}, Path("confdir"))
    assert "`detour claude` will not find this one" in caplog.text


def test_without_settings_nothing_was_said() -> None:
    presence.vanish(None)
