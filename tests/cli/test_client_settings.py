import json
import stat
from pathlib import Path

import pytest

from addon.cli import client_settings
from addon.cli.client_settings import SettingsFile, has_account, merged, read_all


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(client_settings, "MANAGED", {"linux": str(tmp_path / "managed.json")})
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    (tmp_path / ".claude").mkdir()
    (tmp_path / "project" / ".claude").mkdir(parents=True)
    return tmp_path


def write(path: Path, said: object) -> Path:
    path.write_text(said if isinstance(said, str) else json.dumps(said))
    return path


def client(folder: Path, script: str) -> Path:
    path = folder / "claude"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(stat.S_IRWXU)
    return path


def test_the_files_are_read_in_the_order_in_which_they_win(home: Path) -> None:
    paths = [
        write(home / ".claude" / "settings.json", {"env": {"A": "user", "B": "user", "N": 1}}),
        write(home / "project" / ".claude" / "settings.json", {"env": {"A": "project", "B": "project"}}),
        write(home / "project" / ".claude" / "settings.local.json", {"env": {"A": "local"}, "apiKeyHelper": "x"}),
        write(home / "managed.json", {"env": {"C": "managed"}}),
    ]
    files = read_all(home / "project", {}, "linux")
    assert [(file.path, file.managed, file.has_key_helper) for file in files] == [
        (paths[0], False, False),
        (paths[1], False, False),
        (paths[2], False, True),
        (paths[3], True, False),
    ]
    assert merged(files) == {"A": "local", "B": "project", "C": "managed", "N": "1"}


def test_what_is_not_there_is_not_read(home: Path) -> None:
    assert read_all(home / "project", {}, "linux") == []


def test_another_folder_of_the_client_is_asked_where_one_is_named(home: Path) -> None:
    (home / "elsewhere").mkdir()
    path = write(home / "elsewhere" / "settings.json", {})
    assert read_all(home, {"CLAUDE_CONFIG_DIR": str(path.parent)}, "linux") == [SettingsFile(path)]


@pytest.mark.parametrize(
    ("said", "problem"),
    [("{", "Expecting property name"), ("[]", "it is no JSON object"), ('{"env": 7}', ""), ('{"env": {}}', "")],
)
def test_a_file_that_is_no_settings_is_told(home: Path, said: str, problem: str) -> None:
    write(home / ".claude" / "settings.json", said)
    [file] = read_all(home, {}, "linux")
    assert file.problem.startswith(problem)
    assert bool(file.problem) == bool(problem)
    assert file.env == {}


def test_a_key_in_the_environment_or_a_file_is_an_account(home: Path) -> None:
    nobody = home / "no client"
    assert has_account(nobody, {"ANTHROPIC_API_KEY": "k"}, [])
    assert has_account(nobody, {}, [SettingsFile(home, env={"ANTHROPIC_AUTH_TOKEN": "k"})])
    assert has_account(nobody, {}, [SettingsFile(home, has_key_helper=True)])


@pytest.mark.parametrize(
    ("name", "said"),
    [
        (".claude/.credentials.json", {}),
        (".claude.json", {"oauthAccount": {"accountUuid": "u"}}),
        (".claude.json", {"primaryApiKey": "k"}),
    ],
)
def test_a_login_in_the_clients_files_is_an_account(home: Path, name: str, said: object) -> None:
    write(home / name, said)
    assert has_account(client(home, "exit 1"), {}, [])


def test_a_login_stands_in_the_folder_that_is_named(home: Path) -> None:
    write(home / "project" / ".claude.json", {"oauthAccount": {"accountUuid": "u"}})
    assert has_account(home / "no client", {"CLAUDE_CONFIG_DIR": str(home / "project")}, [])


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("echo '{\"loggedIn\": false}'; exit 1", False),
        ("echo '{\"loggedIn\": true}'", True),
        ("echo 'what is that?'", True),
        ("echo '[]'", True),
        ('[ "$*" = "auth status" ] && echo \'{"loggedIn": false}\'', False),
        ("exec sleep 60", True),
    ],
)
@pytest.mark.parametrize("kept", [None, "{", "[]", "{}"])
def test_the_client_itself_is_asked_last(
    home: Path, script: str, expected: bool, kept: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    if kept is not None:
        write(home / ".claude.json", kept)
    if script.startswith("exec sleep"):
        monkeypatch.setattr(client_settings, "ASKING_S", 0.05)
    assert has_account(client(home, script), {"PATH": "/usr/bin:/bin"}, []) is expected


def test_a_client_that_cannot_be_asked_may_have_one(home: Path) -> None:
    assert has_account(home / "no client", {}, [])
