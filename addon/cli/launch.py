"""Become mitmweb, mitmdump or mitmproxy, with the addon loaded and both doors open."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

import addon
from addon.cli.doors import Doors
from addon.protocol.errors import ConfigError

SCRIPT = Path(addon.__file__).with_name("rewrite.py")


def proxy_arguments(doors: Doors, extra: Sequence[str] = ()) -> list[str]:
    """The arguments that any of the three programs takes; ``extra`` comes last, so that it wins."""
    modes = [part for mode in doors.modes() for part in ("--mode", mode)]
    return ["--scripts", str(SCRIPT), *modes, *extra]


def program(name: str) -> Path:
    """Find mitmproxy's program in the environment that runs us: another one would lack our dependencies."""
    path = Path(sys.executable).with_name(name)
    if not path.is_file():
        raise ConfigError(f"{path} is missing; install mitmproxy into this environment, or start with scripts/detour")
    return path


def launch(name: str, doors: Doors, extra: Sequence[str]) -> NoReturn:
    """Replace this process, so that signals, the terminal and the exit code are the program's own."""
    path = program(name)
    doors.check()
    sys.stdout.flush()
    os.execv(path, [str(path), *proxy_arguments(doors, extra)])  # noqa: S606 - no shell is the point
