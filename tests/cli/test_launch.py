import os
import sys
from pathlib import Path

import pytest

from addon.cli.doors import Doors, free_port
from addon.cli.launch import SCRIPT, launch, program, proxy_arguments
from addon.protocol.errors import ConfigError


def test_the_script_that_mitmproxy_loads_is_there() -> None:
    assert SCRIPT.is_file()


def test_the_users_own_arguments_come_last() -> None:
    arguments = proxy_arguments(Doors(("127.0.0.1",)), ["--set", "flow_detail=3"])
    assert arguments == [
        "--scripts",
        str(SCRIPT),
        "--mode",
        "regular@127.0.0.1:8080",
        "--mode",
        "reverse:https://api.anthropic.com@127.0.0.1:8082",
        "--set",
        "flow_detail=3",
    ]


def test_the_program_is_the_one_beside_our_python() -> None:
    assert program("mitmdump").parent == Path(sys.executable).parent


def test_a_missing_program_is_told_with_the_way_out() -> None:
    with pytest.raises(ConfigError, match=r"mitmnothing is missing; .* scripts/detour"):
        program("mitmnothing")


def test_the_process_becomes_the_program(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[list[str]] = []
    monkeypatch.setattr(os, "execv", lambda path, arguments: started.append([str(path), *arguments]))
    doors = Doors(("127.0.0.1",), free_port(["127.0.0.1"]), free_port(["127.0.0.1"]))
    launch("mitmdump", doors, ["-q"])
    path = str(program("mitmdump"))
    assert started == [[path, path, *proxy_arguments(doors, ["-q"])]]
    assert os.access(path, os.X_OK)
