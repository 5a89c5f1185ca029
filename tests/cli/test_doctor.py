import json
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from addon.cli import client_settings, doctor
from addon.cli.doctor import CHECKS, examine, look, run, show
from addon.cli.finding import Finding, Machine, broken, doubtful, fine
from addon.protocol.errors import ConfigError
from tests.cli.machines import machine


def good(_: Machine) -> Iterator[Finding]:
    yield fine("all is well")
    yield fine("and more")


def doubting(_: Machine) -> Iterator[Finding]:
    yield doubtful("hm", "look at it")


def bad(_: Machine) -> Iterator[Finding]:
    yield broken("no", "mend it")


def failing(_: Machine) -> Iterator[Finding]:
    yield fine("so far")
    raise ValueError("a mistake of ours")


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(client_settings, "MANAGED", dict.fromkeys(("linux", "darwin"), str(tmp_path / "managed.json")))
    monkeypatch.setenv("DETOUR_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(tmp_path))
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("checks", "code"),
    [({"a": good}, 0), ({"a": good, "b": doubting}, 0), ({"a": bad, "b": good}, 1), ({"a": failing}, 1)],
)
def test_the_exit_code_says_whether_anything_fails(
    checks: dict[str, doctor.Check], code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(as_json=False, checks=checks) == code
    assert run(as_json=True, checks=checks) == code
    assert capsys.readouterr().err == ""


def test_a_line_for_each_finding_and_its_remedy_below(capsys: pytest.CaptureFixture[str]) -> None:
    run(as_json=False, checks={"first": good, "second one": bad, "third": doubting})
    assert capsys.readouterr().out == (
        "ok    first       all is well\n"
        "ok                and more\n"
        "FAIL  second one  no\n"
        "                  → mend it\n"
        "warn  third       hm\n"
        "                  → look at it\n"
        "\n"
        "2 fine, 1 to look at, 1 to mend\n"
    )


def test_in_a_terminal_the_marks_have_colours() -> None:
    console = Console(force_terminal=True, color_system="standard", width=80, record=True, file=StringIO())
    show(console, {"a": [fine("b")], "c": [doubtful("d", "e")], "f": [broken("g", "h")]})
    text = console.export_text(styles=True)
    for colour in ("\x1b[32mok", "\x1b[33mwarn", "\x1b[1;31mFAIL"):
        assert colour in text


def test_as_json_it_is_a_list_of_objects(capsys: pytest.CaptureFixture[str]) -> None:
    run(as_json=True, checks={"a": good, "b": bad})
    assert json.loads(capsys.readouterr().out) == [
        {"check": "a", "level": "ok", "what": "all is well", "remedy": ""},
        {"check": "a", "level": "ok", "what": "and more", "remedy": ""},
        {"check": "b", "level": "fail", "what": "no", "remedy": "mend it"},
    ]


def test_a_check_that_fails_itself_does_not_keep_the_others_from_being_run(tmp_path: Path) -> None:
    found = examine(machine(tmp_path), {"a": failing, "b": doubting})
    assert found == {
        "a": [
            fine("so far"),
            broken("this check has failed itself: ValueError: a mistake of ours", "please report it"),
        ],
        "b": [doubtful("hm", "look at it")],
    }


def test_what_the_checks_look_at_is_gathered(tmp_path: Path) -> None:
    (tmp_path / "settings.json").write_text('{"env": {"A": "file"}}')
    (tmp_path / ".env").write_text("BIG_MODEL=ollama/a\n")
    seen = look(tmp_path, {"CLAUDE_CONFIG_DIR": str(tmp_path), "A": "around", "DETOUR_HOME": str(tmp_path / "home")})
    assert (seen.known["A"], seen.environment["A"], seen.home) == ("file", "around", tmp_path / "home")
    assert list(seen.backends) == ["anthropic", "ollama"]
    (tmp_path / ".env").write_text("BIG_MODEL=nobody/a\n")
    assert isinstance(look(tmp_path, {}).settings, ConfigError)


def test_every_check_stands_in_the_table_once() -> None:
    assert len(set(CHECKS.values())) == len(CHECKS) == 18
