import json
import os
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from addon.settings import instance_file
from addon.settings.instance_file import Instance, remove, running, write


@pytest.fixture
def door() -> Iterator[str]:
    """An open port."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


@pytest.fixture
def instance(door: str) -> Instance:
    return Instance(os.getpid(), "2026-11-30T09:00:00+00:00", {"reverse": door}, "/confdir", "0.1.0")


@pytest.fixture
def ended() -> int:
    """The id of a process that is no more."""
    with subprocess.Popen([sys.executable, "-c", ""]) as program:
        pass
    return program.pid


def files(home: Path) -> list[str]:
    return sorted(path.name for path in (home / "instances").iterdir())


def test_what_is_written_is_found_until_it_is_removed(tmp_path: Path, instance: Instance) -> None:
    home = tmp_path / "made" / "on the way"
    assert running(home) == []
    write(home, instance)
    assert running(home) == [instance]
    remove(home, instance.pid)
    assert running(home) == []
    assert files(home) == []


def test_what_a_client_should_be_told_is_two_variables_and_no_more(tmp_path: Path, instance: Instance) -> None:
    told = {"CLAUDE_CODE_AUTO_COMPACT_WINDOW": "100000", "CLAUDE_AUTOCOMPACT_PCT_OVERRIDE": "54"}
    write(tmp_path, replace(instance, compaction={**told, "LD_PRELOAD": "x"}))
    assert [found.compaction for found in running(tmp_path)] == [told]


def test_an_older_one_says_nothing_of_it(tmp_path: Path, instance: Instance) -> None:
    write(tmp_path, instance)
    path = tmp_path / "instances" / f"{instance.pid}.json"
    said = json.loads(path.read_text())
    del said["compaction"]
    path.write_text(json.dumps(said))
    assert running(tmp_path) == [instance]


def test_a_second_word_replaces_the_first(tmp_path: Path, instance: Instance) -> None:
    write(tmp_path, instance)
    write(tmp_path, replace(instance, version="0.2.0"))
    assert [found.version for found in running(tmp_path)] == ["0.2.0"]
    assert files(tmp_path) == [f"{instance.pid}.json"]


def test_only_the_user_can_read_or_write_it(tmp_path: Path, instance: Instance) -> None:
    (tmp_path / "instances").mkdir(mode=0o755)
    write(tmp_path, instance)
    assert stat.S_IMODE((tmp_path / "instances").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "instances" / f"{instance.pid}.json").stat().st_mode) == 0o600


def test_the_newest_comes_first(tmp_path: Path, instance: Instance, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(instance_file, "_lives", lambda _: True)
    for pid, started in ((3, "2026-11-30T09:00:02"), (1, "2026-11-30T09:00:01"), (2, "2026-11-30T09:00:03")):
        write(tmp_path, replace(instance, pid=pid, started=started))
    assert [found.pid for found in running(tmp_path)] == [2, 3, 1]


def test_what_a_dead_process_left_is_removed(tmp_path: Path, instance: Instance, ended: int) -> None:
    write(tmp_path, replace(instance, pid=ended))
    assert running(tmp_path) == []
    assert files(tmp_path) == []


def test_an_impossible_process_id_is_a_dead_one(tmp_path: Path, instance: Instance) -> None:
    write(tmp_path, replace(instance, pid=2**70))
    assert running(tmp_path) == []
    assert files(tmp_path) == []


def test_somebody_elses_process_lives(monkeypatch: pytest.MonkeyPatch) -> None:
    def forbid(_pid: int, _signal: int) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "kill", forbid)
    assert instance_file._lives(1)


def test_where_signal_zero_would_end_a_program_none_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "name", "nt")
    monkeypatch.setattr(os, "kill", lambda *_: pytest.fail("it was sent"))
    assert instance_file._lives(1)


@pytest.mark.parametrize("doors", [{}, {"proxy": "http://127.0.0.1:1"}, {"reverse": "http://[::1"}, {"reverse": "odd"}])
def test_a_detour_with_a_closed_door_is_none(tmp_path: Path, instance: Instance, doors: dict[str, str]) -> None:
    (tmp_path / "instances").mkdir()
    (tmp_path / "instances" / f"{instance.pid}.json").write_text(json.dumps({**asdict(instance), "doors": doors}))
    assert running(tmp_path) == []
    assert files(tmp_path) == [f"{instance.pid}.json"], "it may be about to open"


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"pid": "x", "doors": {}}', '{"pid": 6, "doors": 7}', "\ud800"])
def test_what_cannot_be_read_is_passed_over(tmp_path: Path, text: str) -> None:
    (tmp_path / "instances").mkdir()
    (tmp_path / "instances" / "7.json").write_bytes(text.encode("utf-8", "surrogatepass"))
    assert running(tmp_path) == []


def test_a_file_that_speaks_of_another_process_is_passed_over(tmp_path: Path, instance: Instance) -> None:
    (tmp_path / "instances").mkdir()
    (tmp_path / "instances" / "7.json").write_text(json.dumps(asdict(instance)))
    assert running(tmp_path) == []


def test_a_door_that_this_version_does_not_know_is_passed_over(tmp_path: Path, instance: Instance, door: str) -> None:
    write(tmp_path, instance)
    path = tmp_path / "instances" / f"{instance.pid}.json"
    path.write_text(json.dumps({**asdict(instance), "doors": {"reverse": door, "trap": door}, "more": 1}))
    assert running(tmp_path) == [instance]


def test_a_write_that_fails_leaves_nothing(tmp_path: Path, instance: Instance) -> None:
    (tmp_path / "instances" / f"{instance.pid}.json").mkdir(parents=True)
    with pytest.raises(OSError, match=r"\.json"):
        write(tmp_path, instance)
    assert files(tmp_path) == [f"{instance.pid}.json"]


def test_to_remove_what_is_not_there_is_no_fault(tmp_path: Path) -> None:
    remove(tmp_path, 7)
    (tmp_path / "instances" / "7.json").mkdir(parents=True)
    remove(tmp_path, 7)
    assert files(tmp_path) == ["7.json"]
