import json
import os
import stat
import subprocess
from pathlib import Path

import pytest

from addon.cli import companion
from addon.cli.companion import Plan, environment, log_file, make_plan, running, through
from addon.cli.doors import Doors
from addon.cli.launch import proxy_arguments
from addon.protocol.errors import ConfigError
from addon.settings.upstream import Upstream

# says where its door is, as the addon does, and stays until its standard input ends
STAND_IN = """
import json, os, socket, sys
from datetime import datetime
from pathlib import Path
sys.path.insert(0, {root!r})
from addon.settings import instance_file
from addon.settings.instance_file import Instance
home = Path(os.environ["DETOUR_HOME"])
print("told:", sys.stdin.readline().strip(), flush=True)
with socket.create_server(("127.0.0.1", 0)) as server:
    door = {{"reverse": "http://127.0.0.1:%d" % server.getsockname()[1]}}
    instance_file.write(home, Instance(os.getpid(), datetime.now().isoformat(), door, str(home / "confdir"), ""))
    sys.stdin.read()
"""
ROOT = str(Path(companion.__file__).parents[2])
PLAN = Plan(Doors(("127.0.0.1",)))


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def stand_in(home: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The environment of a companion whose program is ours; its CA is taken for whole."""
    monkeypatch.setattr(companion, "is_certificate", lambda path: path.name == "mitmproxy-ca-cert.pem")
    monkeypatch.setattr(companion, "MODULE", "stand_in")
    (home / "stand_in.py").write_text(STAND_IN.format(root=ROOT))
    return {"PYTHONPATH": str(home), "DETOUR_HOME": str(home), "PATH": os.defpath}


def is_running(pid: int) -> bool:
    return subprocess.run(["ps", "-p", str(pid)], capture_output=True, check=False).returncode == 0


def test_it_is_there_while_the_block_runs_and_what_it_says_is_logged(home: Path, stand_in: dict[str, str]) -> None:
    with running(PLAN, home, stand_in, None) as instance:
        assert is_running(instance.pid)
        assert list(instance.doors) == ["reverse"]
    assert not is_running(instance.pid)
    [log] = (home / "logs").iterdir()
    assert log.read_text() == f"told: {json.dumps(PLAN.command(None))}\n"


def test_one_that_ends_before_it_is_ready_is_told_with_its_last_lines(home: Path, stand_in: dict[str, str]) -> None:
    (home / "stand_in.py").write_text("raise SystemExit('BIG_MODEL is odd')")
    with pytest.raises(ConfigError) as caught, running(PLAN, home, stand_in, None):
        pass
    [log] = (home / "logs").iterdir()
    assert caught.value.message == (
        f"Detour ended before it was ready; the log is {log}. Its last lines:{os.linesep}    BIG_MODEL is odd"
    )


def test_one_that_is_never_ready_is_told_and_ended(
    home: Path, stand_in: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(companion, "is_certificate", lambda _: False)
    monkeypatch.setattr(companion, "READY_S", 0.3)
    with pytest.raises(ConfigError, match=r"Detour was not ready after 0 s"), running(PLAN, home, stand_in, None):
        pass


def test_one_that_ends_too_early_is_told(
    home: Path, stand_in: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    with running(PLAN, home, stand_in, None) as instance:
        os.kill(instance.pid, 9)
        os.waitid(os.P_PID, instance.pid, os.WEXITED | os.WNOWAIT)
    assert capsys.readouterr().err.startswith("detour: Detour ended before the client did; its log is ")


def test_mitmdump_is_told_the_doors_and_to_log_no_url() -> None:
    arguments = proxy_arguments(PLAN.doors, ["--set", "flow_detail=0"])
    assert PLAN.command(None) == ["mitmdump", *arguments]
    assert PLAN.web_url == ""


def test_with_pages_it_is_mitmweb_and_the_address_lets_one_in() -> None:
    plan = Plan(Doors(), 8081, "let-me-in")
    command = plan.command(Path("/bundle.pem"))
    assert command[0] == "mitmweb"
    assert {"web_password=let-me-in", "web_port=8081", "web_open_browser=false"} <= set(command)
    assert "ssl_verify_upstream_trusted_ca=/bundle.pem" in command
    assert plan.web_url == "http://127.0.0.1:8081/?token=let-me-in"


def test_every_port_is_free_and_another(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("REGULAR_PORT", "REVERSE_PORT", "WEB_PORT"):
        monkeypatch.setattr(companion, name, 0)
    plan = make_plan(web=True)
    assert len({plan.doors.regular_port, plan.doors.reverse_port, plan.web_port}) == 3
    assert len(plan.web_token) > 16
    assert make_plan(web=False).web_token == ""


def test_the_proxy_in_front_is_told_without_its_password() -> None:
    plan = through(PLAN, Upstream("http", "proxy", 3128, "me:secret"))
    assert plan.command(None)[4] == "upstream:http://proxy:3128@127.0.0.1:8080"
    assert "secret" not in str(plan.command(None))


def test_its_environment_is_the_users_with_the_way_out() -> None:
    inherited = {"OPENAI_API_KEY": "k", "DETOUR_UPSTREAM": "http://old:1"}
    assert environment(inherited, "http://new:1") == {"OPENAI_API_KEY": "k", "DETOUR_UPSTREAM": "http://new:1"}
    assert environment(inherited, "") == {"OPENAI_API_KEY": "k"}


def test_the_logs_are_the_users_alone_and_only_the_newest_stay(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    old = [tmp_path / "logs" / f"detour-2020-01-{day:02}.log" for day in range(1, 21)]
    for path in (*old, tmp_path / "logs" / "other.log"):
        path.touch()
    log = log_file(tmp_path)
    assert stat.S_IMODE(log.stat().st_mode) == 0o600
    assert sorted((tmp_path / "logs").glob("detour-*")) == [*old[-13:], log]
    assert (tmp_path / "logs" / "other.log").exists()
