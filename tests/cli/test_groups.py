"""The commands `detour config ...` and `detour route ...`: their flags reach what they run."""

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from addon.cli import groups
from addon.protocol.errors import ConfigError

ASKED = json.dumps({"model": "ollama/x", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]})


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> typer.Typer:
    monkeypatch.setenv("DETOUR_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.delenv("DETOUR_CONFIG", raising=False)
    monkeypatch.chdir(tmp_path)
    made = typer.Typer()
    made.add_typer(groups.config)
    made.add_typer(groups.route)
    return made


def run(app: typer.Typer, *words: str, given: str = "") -> str:
    result = CliRunner().invoke(app, words, input=given, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_a_file_is_written_shown_and_checked(app: typer.Typer, tmp_path: Path) -> None:
    run(app, "config", "init")
    assert "detour.yaml: all right" in run(app, "config", "check")
    run(app, "config", "init", "--force")
    run(app, "config", "init", "--user")
    assert str(tmp_path / "detour.yaml") in run(app, "config", "show", "--file", str(tmp_path / "detour.yaml"))
    assert json.loads(run(app, "config", "show", "--json"))
    assert json.loads(run(app, "config", "schema"))


def test_a_request_is_explained(app: typer.Typer) -> None:
    words = ["route", "explain", "-H", "x-a: b", "--door", "proxy", "--path", "/v1/messages/count_tokens", "--json"]
    told = json.loads(run(app, *words, given=ASKED))
    assert (told["call"]["kind"], told["outcome"]["answers"]) == ("count", "ollama/x")
    assert "ollama/x" in run(app, "route", "explain", "--preset", "local_ollama", given=ASKED)


def test_a_door_that_is_none_is_told(app: typer.Typer) -> None:
    with pytest.raises(ConfigError, match="there are proxy and reverse"):
        run(app, "route", "explain", "--door", "front", given=ASKED)
