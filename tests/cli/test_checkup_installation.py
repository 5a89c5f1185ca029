import errno
import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections import namedtuple
from importlib import metadata
from pathlib import Path
from typing import NoReturn

import pytest

from addon.cli import checkup_installation as checkup
from addon.cli.finding import Finding, Level, Machine
from tests.cli.machines import instance, levels, machine

OK, WARN, FAIL = Level.OK, Level.WARN, Level.FAIL


@pytest.fixture
def here(tmp_path: Path) -> Machine:
    (tmp_path / "confdir").mkdir()
    return machine(tmp_path, instances=(instance(tmp_path, proxy=1),))


def test_the_versions_are_those_of_the_package() -> None:
    project = tomllib.loads((Path(checkup.__file__).parents[2] / "pyproject.toml").read_text())["project"]
    assert project["requires-python"] == ">=3.12,<3.15"
    assert (checkup.OLDEST_PYTHON, checkup.FIRST_TOO_NEW_PYTHON) == ((3, 12), (3, 15))
    [wanted] = [line for line in project["dependencies"] if line.startswith("mitmproxy")]
    assert re.findall(r"[\d.]+", wanted) == [
        ".".join(map(str, numbers)) for numbers in (checkup.OLDEST_MITMPROXY, checkup.FIRST_TOO_NEW_MITMPROXY)
    ]


@pytest.mark.parametrize(
    ("version", "level"), [((3, 11, 9), FAIL), ((3, 12, 0), OK), ((3, 14, 9), OK), ((3, 15, 0), FAIL)]
)
def test_the_python_must_be_one_of_three(
    here: Machine, monkeypatch: pytest.MonkeyPatch, version: tuple[int, int, int], level: Level
) -> None:
    monkeypatch.setattr(sys, "version_info", version)
    assert levels(checkup.python(here)) == [level]


def asked(code: int, said: str, complained: str = "") -> "subprocess.CompletedProcess[str]":
    return subprocess.CompletedProcess([], code, said, complained)


@pytest.mark.parametrize(
    ("version", "answer", "expected"),
    [
        ("12.2.3", asked(0, "\n"), [OK, OK]),
        ("12.3.0.dev1", asked(0, "\n"), [OK, OK]),
        ("12.2.2", asked(0, "\n"), [FAIL, OK]),
        ("13.0.0", asked(0, "\n"), [FAIL, OK]),
        ("12.3.1", asked(0, "HttpStream.state_done\n"), [OK, WARN]),
        ("12.3.1", asked(1, "", "Traceback\nImportError: no such module\n"), [OK, FAIL]),
        ("12.3.1", asked(3, ""), [OK, FAIL]),
    ],
)
def test_the_mitmproxy_must_be_one_that_the_addon_was_built_for(
    here: Machine,
    monkeypatch: pytest.MonkeyPatch,
    version: str,
    answer: "subprocess.CompletedProcess[str]",
    expected: list[Level],
) -> None:
    monkeypatch.setattr(metadata, "version", lambda _: version)
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: answer)
    assert levels(checkup.mitmproxy(here)) == expected


def test_the_addon_itself_is_asked(here: Machine) -> None:
    *_, layer = checkup.mitmproxy(here)
    assert layer == Finding(OK, "its HTTP layer can be built on")


def test_without_mitmproxy_nothing_more_is_asked(here: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(_: str) -> NoReturn:
        raise metadata.PackageNotFoundError

    monkeypatch.setattr(metadata, "version", missing)
    assert levels(checkup.mitmproxy(here)) == [FAIL]


def test_a_clock_that_is_behind_is_told_by_files_of_the_future(here: Machine) -> None:
    assert levels(checkup.clock(here)) == [OK]
    (here.home / "logs").mkdir(parents=True)
    log = here.home / "logs" / "detour-2040-01-01.log"
    log.touch()
    os.utime(log, (2_208_988_800, 2_208_988_800))
    [finding] = checkup.clock(here)
    assert finding.level is FAIL
    assert "there are files of 2040-01-01" in finding.what


Usage = namedtuple("Usage", ["free"])


@pytest.mark.parametrize(("free", "level"), [(5 * 2**30, OK), (2**29, WARN), (2**20, FAIL)])
def test_there_must_be_room(here: Machine, monkeypatch: pytest.MonkeyPatch, free: int, level: Level) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(free))
    assert levels(checkup.disk(here)) == [level]
    assert not here.home.exists()


def test_a_folder_that_cannot_be_written_is_told(here: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**_: object) -> NoReturn:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(tempfile, "TemporaryFile", refuse)
    [finding] = checkup.disk(here)
    assert finding.level is FAIL
    assert finding.what == f"{here.home} cannot be written: Read-only file system"


def test_files_with_keys_in_them_are_the_users_alone(
    here: Machine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    (tmp_path / ".env").touch(0o600)
    assert levels(checkup.secrets(here)) == [OK]
    (tmp_path / ".env").chmod(0o640)
    (tmp_path / "confdir" / "mitmproxy-ca.pem").touch(0o600)
    (tmp_path / "confdir" / "mitmproxy-ca.pem").chmod(0o604)
    findings = list(checkup.secrets(here))
    assert [finding.level for finding in findings] == [WARN, WARN]
    assert findings[0].remedy == f"chmod 600 {tmp_path / '.env'}"


def test_the_settings_file_that_is_named_is_looked_at(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").touch(0o600)
    (tmp_path / "mine.yaml").chmod(0o644)
    named = machine(tmp_path, {"DETOUR_CONFIG": str(tmp_path / "mine.yaml")}, instances=(instance(tmp_path, proxy=1),))
    assert levels(checkup.secrets(named)) == [WARN]


def test_where_there_are_no_modes_none_are_judged(here: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "name", "nt")
    assert list(checkup.secrets(here)) == []
