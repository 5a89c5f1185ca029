import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from addon import __version__
from addon.cli import app as command_line
from addon.cli import launch as launching
from addon.cli.doors import Doors
from addon.protocol.errors import ConfigError

Launches = list[tuple[str, Doors, list[str]]]


@pytest.fixture
def launches(monkeypatch: pytest.MonkeyPatch) -> Launches:
    """What would have been started."""
    started: Launches = []
    monkeypatch.setattr(launching, "launch", lambda name, doors, extra: started.append((name, doors, extra)))
    monkeypatch.setattr(command_line, "loopback_hosts", lambda: ("127.0.0.1", "::1"))
    monkeypatch.setattr(command_line, "check_port", lambda *_: None)
    return started


def run(*arguments: str) -> int:
    return CliRunner().invoke(command_line.app, arguments, catch_exceptions=False).exit_code


@pytest.mark.parametrize(
    ("command", "program", "extra"),
    [
        ("web", "mitmweb", ["--web-port", "8081"]),
        ("dump", "mitmdump", []),
        ("console", "mitmproxy", []),
        ("tui", "mitmproxy", []),
    ],
)
def test_each_command_starts_its_program_with_both_doors(
    launches: Launches, command: str, program: str, extra: list[str]
) -> None:
    assert run(command) == 0
    assert launches == [(program, Doors(), extra)]


def test_every_flag_reaches_the_doors_and_the_rest_reaches_mitmproxy(launches: Launches) -> None:
    flags = ["--port", "1", "--reverse-port", "2", "--host", "10.0.0.1", "--host", "::1", "--target", "http://b:3"]
    assert run("web", *flags, "--web-port", "4", "--", "--set", "flow_detail=3", "~u messages") == 0
    doors = Doors(("10.0.0.1", "::1"), 1, 2, "http://b:3")
    assert launches == [("mitmweb", doors, ["--web-port", "4", "--set", "flow_detail=3", "~u messages"])]


def test_a_machine_without_ipv6_is_told_once(launches: Launches, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command_line, "loopback_hosts", lambda: ("127.0.0.1",))
    result = CliRunner().invoke(command_line.app, ["dump"])
    assert result.stderr == "detour: this machine has no ::1; the doors are open on 127.0.0.1 only\n"
    assert launches == [("mitmdump", Doors(("127.0.0.1",)), [])]


def test_the_demo_ends_with_its_own_code(monkeypatch: pytest.MonkeyPatch) -> None:
    from addon.cli import demo

    calls: list[tuple[bool, int | None]] = []

    def fake(*, once: bool, web_port: int | None) -> int:
        calls.append((once, web_port))
        return 3

    monkeypatch.setattr(demo, "run", fake)
    assert run("demo", "--once", "--web-port", "9") == 3
    assert calls == [(True, 9)]


def test_the_client_is_launched_with_our_flags_and_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    from addon.cli import claude
    from addon.cli.claude import Wish

    calls: list[tuple[Wish, list[str]]] = []

    class Fake:
        def __init__(self, wish: Wish, arguments: list[str]) -> None:
            calls.append((wish, arguments))

        def run(self) -> int:
            return 5

    monkeypatch.setattr(claude, "Launch", Fake)
    assert run("claude", "--door", "proxy", "--no-start", "--web", "--upstream", "none", "--model", "x", "--web") == 5
    assert run("claude", "-p", "hi") == 5
    assert calls == [(Wish("proxy", False, True, "none"), ["--model", "x", "--web"]), (Wish(), ["-p", "hi"])]


def test_exports_are_printed_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    from addon.cli import exports
    from addon.cli.surroundings import Shell

    monkeypatch.setattr(exports, "exports", lambda door, shell: f"{door} {shell}\n")
    result = CliRunner().invoke(command_line.app, ["env", "--door", "proxy", "--shell", "fish"])
    assert (result.exit_code, result.stdout) == (0, f"proxy {Shell.FISH}\n")
    assert run("env", "--shell", "cmd") == 2
    assert run("claude", "--door", "window") == 2


@pytest.mark.parametrize("flags", [[], ["--json"]])
def test_the_doctor_ends_with_its_own_code(monkeypatch: pytest.MonkeyPatch, flags: list[str]) -> None:
    from addon.cli import doctor

    monkeypatch.setattr(doctor, "run", lambda as_json: 6 + as_json)
    assert run("doctor", *flags) == 6 + len(flags)


@pytest.mark.parametrize("arguments", [["--port", "0"], ["--port", "65536"], ["--reverse-port", "many"], ["--unknown"]])
def test_an_impossible_flag_is_a_usage_error(launches: Launches, arguments: list[str]) -> None:
    assert run("dump", *arguments) == 2
    assert launches == []


def test_the_version_is_printed() -> None:
    assert CliRunner().invoke(command_line.app, ["--version"]).stdout == f"detour {__version__}\n"


def test_a_wrong_setting_ends_with_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(prog_name: str) -> None:
        assert prog_name == "detour"
        raise ConfigError("--port is \x1b[31modd")

    monkeypatch.setattr(command_line, "app", fail)
    with pytest.raises(SystemExit) as caught:
        command_line.main()
    assert caught.value.code == 2
    assert capsys.readouterr().err == "detour: --port is ␛[31modd\n"


def test_help_imports_neither_mitmproxy_nor_the_demo() -> None:
    script = "import sys, addon.cli.app; print([name for name in sys.modules if 'mitmproxy' in name or 'demo' in name])"
    root = Path(command_line.__file__).parents[2]
    result = subprocess.run([sys.executable, "-c", script], cwd=root, capture_output=True, text=True, check=True)
    assert result.stdout == "[]\n"
