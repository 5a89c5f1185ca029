import json
import os
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from addon.cli import claude, client_settings, companion
from addon.cli.claude import Launch, Wish, attend, become, find_client
from addon.cli.companion import Plan
from addon.cli.doors import Doors
from addon.protocol.errors import ConfigError
from addon.settings import instance_file
from addon.settings.instance_file import Instance

Companions = list[tuple[Plan, dict[str, str], Path | None]]
Started = list[tuple[list[str], dict[str, str]]]
STRANGE = "127.0.0.1"


def script(path: Path, text: str) -> Path:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(stat.S_IRWXU)
    return path


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user with a client, a home and nothing else."""
    for name in list(os.environ):
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setenv("DETOUR_HOME", str(tmp_path / "detour"))
    monkeypatch.setattr(client_settings, "MANAGED", {sys.platform: str(tmp_path / "managed.json")})
    monkeypatch.chdir(tmp_path)
    script(tmp_path / "claude", "echo '{\"loggedIn\": false}'")
    return tmp_path


@pytest.fixture
def door() -> Iterator[str]:
    with socket.create_server((STRANGE, 0)) as server:
        yield f"http://{STRANGE}:{server.getsockname()[1]}"


@pytest.fixture
def found(machine: Path, door: str) -> Instance:
    """A Detour that runs, with both doors at one address."""
    instance = Instance(os.getpid(), "", {"proxy": door, "reverse": door}, str(machine / "confdir"), "")
    instance_file.write(machine / "detour", instance)
    return instance


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> Started:
    """The clients that would have been started."""
    seen: Started = []

    def note(code: int) -> Callable[[Sequence[str], Mapping[str, str]], int]:
        def start(command: Sequence[str], environment: Mapping[str, str]) -> int:
            seen.append((list(command), dict(environment)))
            return code

        return start

    monkeypatch.setattr(claude, "become", note(3))
    monkeypatch.setattr(claude, "attend", note(4))
    return seen


@pytest.fixture
def companions(monkeypatch: pytest.MonkeyPatch, door: str) -> Companions:
    """The Detours that would have been started."""
    seen: Companions = []

    @contextmanager
    def fake(plan: Plan, _home: Path, environment: Mapping[str, str], trusted: Path | None) -> Iterator[Instance]:
        seen.append((plan, dict(environment), trusted))
        yield Instance(1, "", {"proxy": door, "reverse": door}, "/confdir", "")

    monkeypatch.setattr(companion, "running", fake)
    monkeypatch.setattr(
        companion, "make_plan", lambda web: Plan(Doors((STRANGE,)), 8081 if web else 0, "token" if web else "")
    )
    return seen


def test_a_detour_that_runs_is_used(machine: Path, found: Instance, started: Started) -> None:
    assert Launch(Wish(), ["-p", "hi"]).run() == 3
    [(command, environment)] = started
    assert command == [str(machine / "claude"), "-p", "hi"]
    assert environment["ANTHROPIC_BASE_URL"] == found.doors["reverse"]
    assert environment["HOME"] == str(machine)


def test_flags_for_one_that_is_started_are_told_to_come_too_late(
    found: Instance, started: Started, capsys: pytest.CaptureFixture[str]
) -> None:
    assert Launch(Wish(web=True), []).run() == 3
    assert Launch(Wish("proxy", upstream="none"), []).run() == 3
    assert capsys.readouterr().err.count(f"a Detour runs already (process {found.pid})") == 2
    assert started[1][1]["HTTPS_PROXY"] == found.doors["proxy"]


def test_where_none_runs_one_is_started_with_the_users_environment(
    machine: Path, started: Started, companions: Companions, door: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "k")
    assert Launch(Wish("proxy"), ["x"]).run() == 4
    [(plan, environment, trusted)] = companions
    assert (plan.doors.upstream, environment["OPENAI_API_KEY"], trusted) == ("", "k", None)
    [(command, environment)] = started
    assert command[1:] == ["x"]
    assert environment["NODE_EXTRA_CA_CERTS"] == "/confdir/mitmproxy-ca-cert.pem"
    assert environment["HTTPS_PROXY"] == door


def test_one_is_started_beside_one_that_runs_where_that_is_wished(
    found: Instance, started: Started, companions: Companions, capsys: pytest.CaptureFixture[str]
) -> None:
    assert Launch(Wish(start=True, web=True), []).run() == 4
    assert len(companions) == 1
    assert "detour: the prompts are at http://127.0.0.1:8081/?token=token\n" in capsys.readouterr().err


def test_none_is_started_where_that_is_wished(machine: Path, started: Started, companions: Companions) -> None:
    with pytest.raises(ConfigError, match="no Detour runs with that door open"):
        Launch(Wish(start=False), []).run()
    assert (started, companions) == ([], [])


def test_the_proxy_of_the_user_stands_in_front_of_one_that_is_started(
    machine: Path,
    started: Started,
    companions: Companions,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (machine / "corporate.pem").write_text("THEIRS")
    monkeypatch.setenv("HTTPS_PROXY", "http://me:secret@proxy:3128")
    monkeypatch.setenv("NODE_EXTRA_CA_CERTS", str(machine / "corporate.pem"))
    Launch(Wish(), []).run()
    [(plan, environment, trusted)] = companions
    assert plan.doors.upstream == "http://proxy:3128"
    assert environment["DETOUR_UPSTREAM"] == "http://me:secret@proxy:3128"
    assert trusted == machine / "detour" / "upstream-ca.pem"
    told = capsys.readouterr().err
    assert "Detour goes out through http://proxy:3128 (HTTPS_PROXY)" in told
    assert "secret" not in told
    [(_, environment)] = started
    assert environment["HTTPS_PROXY"] == "http://me:secret@proxy:3128", "for what else the client asks"
    assert environment["NO_PROXY"] == "127.0.0.1,localhost,::1"


@pytest.mark.parametrize("port", [8080, 0])
def test_a_detour_does_not_go_through_itself(
    found: Instance, started: Started, companions: Companions, monkeypatch: pytest.MonkeyPatch, port: int
) -> None:
    monkeypatch.setenv("https_proxy", f"http://{STRANGE}:{port}" if port else found.doors["proxy"])
    Launch(Wish(start=True), []).run()
    assert companions[0][0].doors.upstream == ""
    assert "DETOUR_UPSTREAM" not in companions[0][1]


def test_a_proxy_in_a_settings_file_counts_as_one_in_the_environment(
    machine: Path, started: Started, companions: Companions
) -> None:
    (machine / ".claude").mkdir()
    (machine / ".claude" / "settings.json").write_text(json.dumps({"env": {"HTTPS_PROXY": "http://proxy:3128"}}))
    Launch(Wish("proxy"), ["-p"]).run()
    assert companions[0][0].doors.upstream == "http://proxy:3128"
    [(command, environment)] = started
    assert command[1] == "--settings"
    assert json.loads(command[2]) == {"env": {"HTTPS_PROXY": environment["HTTPS_PROXY"]}}
    assert command[3:] == ["-p"]


ROUTED = "BIG_MODEL=ollama/a\nSMALL_MODEL=ollama/b\n"


@pytest.mark.parametrize(
    ("wish", "lines", "key", "expected"),
    [
        (Wish(), ROUTED, "", True),
        (Wish(), "", "", False),
        (Wish(), ROUTED, "k", False),
        (Wish("proxy"), ROUTED, "", False),
    ],
)
def test_a_user_without_an_account_needs_none_where_none_is_asked_for(
    machine: Path,
    found: Instance,
    started: Started,
    wish: Wish,
    lines: str,
    key: str,
    expected: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (machine / ".env").write_text(lines)
    monkeypatch.setenv("ANTHROPIC_API_KEY", key)
    Launch(wish, []).run()
    assert ("ANTHROPIC_AUTH_TOKEN" in started[0][1]) is expected


def test_the_client_is_found_on_path_or_where_it_is_named(machine: Path) -> None:
    (machine / "bin").mkdir()
    other = script(machine / "bin" / "other", "")
    environment = dict(os.environ)
    assert find_client(environment) == machine / "claude"
    assert find_client({**environment, "DETOUR_CLAUDE": str(other)}) == other
    assert find_client({**environment, "DETOUR_CLAUDE": "~/bin/other"}) == other
    assert find_client({"PATH": str(machine / "bin"), "DETOUR_CLAUDE": "other"}) == other


def test_a_client_that_is_missing_is_told_with_the_way_out(machine: Path) -> None:
    with pytest.raises(ConfigError, match=r"install it with `npm install -g @anthropic-ai/claude-code`"):
        find_client({"PATH": str(machine / "nothing")})
    with pytest.raises(ConfigError, match=r"DETOUR_CLAUDE is 'nothing', which is no program"):
        find_client({"PATH": str(machine), "DETOUR_CLAUDE": "nothing"})


def test_the_process_becomes_the_client(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[object] = []
    monkeypatch.setattr(os, "execve", lambda *arguments: seen.append(arguments))
    become(["/bin/client", "-p"], {"A": "b"})
    assert seen == [("/bin/client", ["/bin/client", "-p"], {"A": "b"})]


def test_where_a_process_cannot_become_another_it_attends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "name", "nt")
    assert become(["/bin/sh", "-c", "exit 7"], {}) == 7


def test_a_client_that_does_not_start_is_told(machine: Path) -> None:
    (machine / "text").write_text("no program")
    (machine / "text").chmod(stat.S_IRWXU)
    for start in (become, attend):
        with pytest.raises(ConfigError, match=r"text does not start: Exec format error"):
            start([str(machine / "text")], {})


@pytest.mark.parametrize(("text", "code"), [("exit 0", 0), ("exit 7", 7), ("kill -KILL $$", 137)])
def test_the_exit_code_is_the_clients(text: str, code: int) -> None:
    assert attend(["/bin/sh", "-c", text], {"PATH": os.defpath}) == code


WAITING = "i=0; while [ $i -lt 500 ]; do i=$((i+1)); sleep 0.02; done"
CLIENT = f"""
trap 'echo interrupted; exit 5' INT
trap 'echo ended; exit 6' TERM
echo ready
{WAITING}
"""


@pytest.mark.parametrize(
    ("number", "whole_group", "code", "said"),
    [(signal.SIGINT, True, 5, "interrupted"), (signal.SIGTERM, False, 6, "ended"), (signal.SIGHUP, False, 129, "")],
)
def test_a_signal_is_the_clients_affair(
    machine: Path, number: signal.Signals, whole_group: bool, code: int, said: str
) -> None:
    """Ctrl-C is sent to the whole group by the terminal; whoever ends us by our id means the client too."""
    program = f"from addon.cli.claude import attend; raise SystemExit(attend(['/bin/sh', '-c', {CLIENT!r}], {{}}))"
    with subprocess.Popen(
        [sys.executable, "-c", program],
        env={"PATH": os.defpath, "PYTHONPATH": str(Path(claude.__file__).parents[2])},
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as launcher:
        assert launcher.stdout
        assert launcher.stdout.readline() == "ready\n"
        (os.killpg if whole_group else os.kill)(launcher.pid, number)
        assert launcher.stdout.read().strip() == said
        assert launcher.wait(30) == code


def test_what_is_sent_to_us_is_passed_on_but_for_ctrl_c_which_the_client_has_already() -> None:
    waiting = "trap 'exit 6' TERM; sleep 0.2; kill -INT $PPID; kill -TERM $PPID; " + WAITING
    assert attend(["/bin/sh", "-c", waiting], {"PATH": os.defpath}) == 6


def test_a_client_may_take_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claude, "WATCH_S", 0.01)
    assert attend(["/bin/sh", "-c", "sleep 0.1; exit 4"], {"PATH": os.defpath}) == 4


def test_what_is_sent_before_the_client_stands_waits_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    start = subprocess.Popen

    def late(command: list[str], env: dict[str, str]) -> "subprocess.Popen[bytes]":
        client = start(command, env=env)
        os.kill(os.getpid(), signal.SIGTERM)
        return client

    monkeypatch.setattr(subprocess, "Popen", late)
    assert attend(["/bin/sleep", "10"], {}) == 128 + signal.SIGTERM


def test_the_signals_are_ours_again_afterwards() -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    attend(["/bin/sh", "-c", ":"], {})
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before
