import os
import socket
from pathlib import Path

import pytest

from addon.cli.exports import exports
from addon.cli.surroundings import Shell
from addon.settings import instance_file
from addon.settings.instance_file import Instance


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    for name in list(os.environ):
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("DETOUR_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "home"


def test_the_lines_lead_to_the_detour_that_runs(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        instance_file.write(home, Instance(os.getpid(), "", {"reverse": url}, "", ""))
        assert f"export ANTHROPIC_BASE_URL={url}\n" in exports("reverse", None)
    assert capsys.readouterr().err == ""


def test_without_one_they_lead_to_the_usual_and_that_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert '"ANTHROPIC_BASE_URL": "http://127.0.0.1:8082"' in exports("reverse", Shell.SETTINGS)
    assert capsys.readouterr().err.startswith("detour: no Detour runs with that door open; these lines are for one")


def test_what_is_taken_out_is_told_beside_the_lines(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SHELL", "/usr/bin/fish")
    monkeypatch.setenv("CLAUDE_CODE_USE_VERTEX", "1")
    assert "set -e CLAUDE_CODE_USE_VERTEX\n" in exports("proxy", None)
    assert "CLAUDE_CODE_USE_VERTEX is taken out" in capsys.readouterr().err
