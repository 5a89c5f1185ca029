import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from addon.cli import children
from addon.cli.children import Child

FOLLOWER = """
import sys
print("first line:", sys.stdin.readline().strip(), flush=True)
print("to the other stream", file=sys.stderr, flush=True)
print("ready now", flush=True)
sys.stdin.read()
"""
STUBBORN = """
import sys, time
print("ready now", flush=True)
time.sleep(600)
"""


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "follower.py").write_text(FOLLOWER)
    (tmp_path / "stubborn.py").write_text(STUBBORN)
    (tmp_path / "failing.py").write_text("raise SystemExit('the reason')")
    return {"PYTHONPATH": str(tmp_path)}


def wait_for_announcement(child: Child) -> None:
    deadline = time.monotonic() + 30
    while not child.announced:
        assert time.monotonic() < deadline, list(child.last_lines)
        assert not child.ended(), list(child.last_lines)
        time.sleep(0.005)


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_child_reads_its_first_line_and_ends_with_its_standard_input(
    environment: dict[str, str], tmp_path: Path
) -> None:
    with Child("follower", environment=environment, folder=tmp_path, first_line="secret", announces="ready") as child:
        wait_for_announcement(child)
        assert is_running(child.pid)
    assert child.ended()
    assert sorted(child.last_lines) == ["first line: secret", "ready now", "to the other stream"]


def test_each_line_is_relayed(environment: dict[str, str], tmp_path: Path) -> None:
    lines: list[str] = []
    Child("follower", environment=environment, folder=tmp_path, relay=lines.append).stop()
    assert "ready now" in lines


def test_a_child_that_does_not_listen_is_killed(
    environment: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Child("stubborn", environment=environment, folder=tmp_path, announces="ready") as child:
        wait_for_announcement(child)
        monkeypatch.setattr(children, "STOP_S", 0.05)
    assert not is_running(child.pid)


def test_the_last_lines_of_a_child_that_ended_are_complete(environment: dict[str, str], tmp_path: Path) -> None:
    with Child("failing", environment=environment, folder=tmp_path, first_line="unread" * 50_000) as child:
        deadline = time.monotonic() + 30
        while not child.ended():
            assert time.monotonic() < deadline
            time.sleep(0.005)
        assert list(child.last_lines) == ["the reason"]


def test_a_child_ends_when_its_parent_is_killed(environment: dict[str, str], tmp_path: Path) -> None:
    parent = f"""
import sys, time
from pathlib import Path
sys.path.insert(0, {str(Path(children.__file__).parents[2])!r})
from addon.cli.children import Child
folder = Path({str(tmp_path)!r})
child = Child("follower", environment={environment!r}, folder=folder, first_line="x", announces="ready")
while not child.announced:
    time.sleep(0.005)
print(child.pid, flush=True)
time.sleep(600)
"""
    with subprocess.Popen([sys.executable, "-c", parent], stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout
        pid = int(program.stdout.readline())
        assert is_running(pid)
        program.kill()
    deadline = time.monotonic() + 30
    while is_running(pid):
        assert time.monotonic() < deadline
        time.sleep(0.005)
