import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest
from rich.console import Console

from addon.cli import demo, embedded_model
from addon.cli.children import Child
from addon.cli.demo import Plan, make_plan
from addon.cli.doors import Doors, free_port
from addon.cli.message import MessageFailed, Reply
from addon.protocol.errors import ConfigError

ROOT = Path(demo.__file__).parents[2]


@pytest.fixture
def plan() -> Plan:
    return Plan(Doors(), web_port=8081, web_token="let-me-in", model_port=4000, model_key="any-key")


@pytest.fixture
def console() -> Console:
    return Console(record=True, soft_wrap=True, width=200, highlight=False, markup=False)


def test_the_settings_of_the_person_who_runs_it_do_not_count(plan: Plan) -> None:
    inherited = {
        "PATH": "/bin",
        "BIG_MODEL": "openai/gpt",
        "MIDDLE_MODEL": "openai/gpt",
        "PREFERRED_PROVIDER": "openai",
        "OPENAI_API_KEY": "sk-1",
        "OPENAI_BASE_URL": "https://elsewhere",
    }
    assert plan.environment(inherited) == {
        "PATH": "/bin",
        "BIG_MODEL": "llamacpp/smollm2-135m",
        "SMALL_MODEL": "llamacpp/smollm2-135m",
        "LLAMACPP_API_BASE": "http://127.0.0.1:4000/v1",
        "LLAMACPP_API_KEY": "any-key",
    }


def test_a_relative_home_of_detour_stays_where_it_is(
    plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert plan.environment({"DETOUR_HOME": "kept"})["DETOUR_HOME"] == str(tmp_path / "kept")


def test_mitmweb_is_given_the_token_that_is_printed(plan: Plan) -> None:
    assert plan.web_url == "http://127.0.0.1:8081/?token=let-me-in"
    assert {"web_password=let-me-in", "web_port=8081", "web_open_browser=false"} <= set(plan.web_arguments())


def test_every_port_is_free_and_another(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("REGULAR_PORT", "REVERSE_PORT", "WEB_PORT"):
        monkeypatch.setattr(demo, name, 0)
    made = make_plan(None)
    assert len({made.doors.regular_port, made.doors.reverse_port, made.web_port, made.model_port}) == 4


def test_the_usual_web_port_gives_way_but_one_asked_for_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    def taken(_hosts: list[str], port: int, flag: str) -> None:
        raise ConfigError(f"port {port} is in use; {flag}")

    monkeypatch.setattr(demo, "check_port", taken)
    with pytest.raises(ConfigError, match="port 9 is in use; --web-port"):
        make_plan(9)


def test_without_the_model_nothing_is_started(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded_model, "missing_part", lambda: "the embedded model cannot start: not installed")
    with pytest.raises(ConfigError, match="not installed"):
        demo.run(once=True, web_port=None)


def test_one_failing_door_does_not_keep_the_other_from_being_tried(
    monkeypatch: pytest.MonkeyPatch, console: Console, tmp_path: Path
) -> None:
    doors: list[object] = []

    def stream(connection: object, _question: str, _show: object) -> Reply:
        doors.append(connection)
        if len(doors) == 1:
            raise MessageFailed("HTTP 503: no backend")
        return Reply(5.0, 9.0, "end_turn", 3)

    monkeypatch.setattr(demo, "stream_message", stream)
    monkeypatch.setattr(demo, "through_proxy", lambda *_: None)
    with pytest.raises(demo.DemoFailed) as caught:
        demo._send_through_both(Doors(), tmp_path, console)
    assert str(caught.value) == "Door one (HTTPS_PROXY, port 8080): HTTP 503: no backend"
    assert "(3 tokens, the first after 5 ms, all after 9 ms, end_turn)" in console.export_text()


def test_what_one_can_do_next_is_told(plan: Plan, console: Console) -> None:
    demo._explain(console, plan, Path("/ca.pem"))
    text = console.export_text()
    for line in (
        "http://127.0.0.1:8081/?token=let-me-in",
        "HTTPS_PROXY=http://127.0.0.1:8080 NODE_EXTRA_CA_CERTS=/ca.pem claude",
        "ANTHROPIC_BASE_URL=http://127.0.0.1:8082 claude",
        "BIG_MODEL=openai/",
    ):
        assert f"    {line}" in text
    assert "window is 2048 tokens" in text
    assert "“Prompt is too long”" in text


class FakeChild:
    """A program that ends after it was asked a number of times whether it has."""

    def __init__(self, questions: int) -> None:
        self.questions = questions
        self.last_lines = ["Traceback", "the reason"]
        self.relay: object = None

    def ended(self) -> bool:
        self.questions -= 1
        return self.questions < 0


def test_a_program_that_ends_before_it_is_ready_is_told_with_its_last_lines() -> None:
    with pytest.raises(demo.DemoFailed) as caught:
        demo._wait("mitmweb", cast(Child, FakeChild(2)), time.monotonic() + 60, lambda: False)
    assert str(caught.value) == "mitmweb ended before it was ready. Its last lines:\n    Traceback\n    the reason"


def test_a_program_that_is_never_ready_is_told_with_its_last_lines() -> None:
    with pytest.raises(demo.DemoFailed, match=r"mitmweb was not ready after 60 s.*\n.*\n    the reason"):
        demo._wait("mitmweb", cast(Child, FakeChild(2)), time.monotonic() - 1, lambda: False)


def test_what_answers_in_the_place_of_a_program_that_ended_is_not_taken_for_it() -> None:
    with pytest.raises(demo.DemoFailed, match="ended before it was ready"):
        demo._wait("mitmweb", cast(Child, FakeChild(0)), time.monotonic() + 60, lambda: True)


def test_a_program_that_ends_while_the_demo_stays_is_told(monkeypatch: pytest.MonkeyPatch, console: Console) -> None:
    monkeypatch.setattr(demo, "WATCH_S", 0)
    model, web = FakeChild(3), FakeChild(2)
    with pytest.raises(demo.DemoFailed, match=r"mitmweb has ended\. Its last lines:\n    Traceback\n    the reason"):
        demo._stay(console, {"the embedded model": cast(Child, model), "mitmweb": cast(Child, web)})
    assert web.relay == console.print


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    home = tmp_path / "home"
    home.mkdir()
    return {"PATH": os.environ["PATH"], "HOME": str(home), "LANG": "C.UTF-8", "DETOUR_HOME": str(home / "detour")}


@pytest.mark.model
def test_the_demo_answers_through_both_doors(environment: dict[str, str], tmp_path: Path) -> None:
    result = subprocess.run(
        [sys.executable, "-P", "-m", "addon.cli", "demo", "--once"],
        env=environment | {"PYTHONPATH": str(ROOT)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert result.stderr == ""
    assert result.stdout.count("the first after") == 2


def listed(*selection: str) -> list[list[str]]:
    """Ask ps, which both Linux and macOS have: the process id, the parent's and the state of each."""
    result = subprocess.run(["ps", *selection, "-o", "pid=,ppid=,stat="], capture_output=True, text=True, check=False)
    return [line.split() for line in result.stdout.splitlines()]


def children_of(pid: int) -> list[int]:
    return [int(child) for child, parent, _ in listed("-A") if parent == str(pid)]


def is_running(pid: int) -> bool:
    return any(not state.startswith("Z") for _, _, state in listed("-p", str(pid)))


@pytest.fixture
def staying(environment: dict[str, str], tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A demo that has shown everything and waits."""
    with subprocess.Popen(
        [sys.executable, "-P", "-m", "addon.cli", "demo", "--web-port", str(free_port(["127.0.0.1"]))],
        env=environment | {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"},
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as program:
        assert program.stdout
        said = []
        for line in program.stdout:
            said.append(line)
            if line.startswith("Ctrl-C ends"):
                break
        else:
            pytest.fail("".join(said))
        yield program
        program.kill()


@pytest.mark.model
@pytest.mark.xdist_group("demo")  # two of them would look for the same ports at once
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 0), (signal.SIGTERM, 143), (signal.SIGKILL, -9)])
def test_whatever_ends_the_demo_ends_what_it_started(
    staying: subprocess.Popen[str], number: signal.Signals, code: int
) -> None:
    started = children_of(staying.pid)
    assert len(started) == 2
    staying.send_signal(number)
    assert staying.wait(30) == code
    deadline = time.monotonic() + 10
    while any(is_running(pid) for pid in started):
        assert time.monotonic() < deadline, started
        time.sleep(0.01)
