"""Is Detour itself whole: Python, mitmproxy and its inner parts, the clock, the disk, who can read the keys."""

import os
import shutil
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

import addon
from addon.cli.finding import Finding, Machine, broken, doubtful, fine
from addon.settings import settings_file

OLDEST_PYTHON, FIRST_TOO_NEW_PYTHON = (3, 12), (3, 15)
OLDEST_MITMPROXY, FIRST_TOO_NEW_MITMPROXY = (12, 2, 3), (13,)  # as in pyproject.toml
INSTALL = "run scripts/detour, which installs what belongs together"
LAYER_QUESTION = "from addon.proxy import takeover; print(takeover.works_here() or '')"
ASKING_S = 60.0
LITTLE_BYTES, TOO_LITTLE_BYTES = 2**30, 100 * 2**20  # a day of prompts is some hundred megabytes
FUTURE_S = 86_400.0  # a file may come from a machine in another time zone that kept its clock in local time


def python(machine: Machine) -> Iterator[Finding]:
    """The version that runs us."""
    version = ".".join(map(str, sys.version_info[:3]))
    if OLDEST_PYTHON <= sys.version_info[:2] < FIRST_TOO_NEW_PYTHON:
        yield fine(f"Python {version}")
    else:
        yield broken(f"Python {version} is not among 3.12, 3.13 and 3.14", INSTALL)


def mitmproxy(machine: Machine) -> Iterator[Finding]:
    """Its version, and whether the parts of it that the addon builds on are there: the addon itself is asked."""
    try:
        version = metadata.version("mitmproxy")
    except metadata.PackageNotFoundError:
        yield broken("mitmproxy is not installed", INSTALL)
        return
    numbers = tuple(int(part) for part in version.split(".") if part.isdigit())
    if OLDEST_MITMPROXY <= numbers < FIRST_TOO_NEW_MITMPROXY:
        yield fine(f"mitmproxy {version}")
    else:
        yield broken(f"mitmproxy {version} is none that Detour was tried with: 12.2.3 to below 13", INSTALL)
    root = str(Path(addon.__file__).parents[1])
    asked = subprocess.run(
        [sys.executable, "-P", "-W", "ignore", "-c", LAYER_QUESTION],
        env={**os.environ, "PYTHONPATH": root},
        capture_output=True,
        text=True,
        timeout=ASKING_S,
        check=False,
    )
    if asked.returncode:
        lines = asked.stderr.strip().splitlines() or [f"exit code {asked.returncode}"]
        yield broken(f"the addon cannot be loaded: {lines[-1]}", INSTALL)
    elif missing := asked.stdout.strip():
        off = "no pings, no retries, and keys show on a flow for a moment"
        yield doubtful(f"this mitmproxy lacks {missing}: {off}", INSTALL)
    else:
        yield fine("its HTTP layer can be built on")


def clock(machine: Machine) -> Iterator[Finding]:
    """No server is asked; a clock that is behind makes files that were written in the future."""
    now = time.time()
    candidates = [Path(__file__), machine.certificate, *(machine.home / "logs").glob("*.log")]
    times = [path.stat().st_mtime for path in candidates if path.is_file()]
    newest = max(times)
    shown = datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%d %H:%M UTC")
    if newest > now + FUTURE_S:
        yield broken(
            f"the clock says {shown}, but there are files of {datetime.fromtimestamp(newest, UTC):%Y-%m-%d}",
            "set the clock: certificates are judged by it",
        )
    else:
        yield fine(f"the clock says {shown}, and no file of Detour is from the future; no server was asked")


def disk(machine: Machine) -> Iterator[Finding]:
    """Where Detour writes."""
    home = machine.home
    there = next(folder for folder in (home, *home.parents) if folder.exists())
    try:
        with tempfile.TemporaryFile(dir=there):
            pass
    except OSError as error:
        yield broken(f"{home} cannot be written: {error.strerror}", "name another folder in DETOUR_HOME, or free it")
        return
    free = shutil.disk_usage(there).free
    told = f"{home} can be written, {free / 2**30:.1f} GiB are free"
    if free < TOO_LITTLE_BYTES:
        yield broken(told, "make room, or name a folder elsewhere in DETOUR_HOME")
    elif free < LITTLE_BYTES:
        yield doubtful(told, "make room, or name a folder elsewhere in DETOUR_HOME")
    else:
        yield fine(told)


def secrets(machine: Machine) -> Iterator[Finding]:
    """Who else can read files with keys in them."""
    if os.name != "posix":
        return
    authority = machine.certificate.with_name("mitmproxy-ca.pem")  # its key signs for any host
    named = machine.environment.get(settings_file.FILE_SETTING)
    documents = [Path(named).expanduser()] if named else [settings_file.config_folder() / settings_file.FILE]
    written = [machine.folder / settings_file.ENV_FILE, machine.folder / settings_file.FILE, *documents]
    is_bad = False
    for path in dict.fromkeys((*written, authority)):
        if path.is_file() and stat.S_IMODE(path.stat().st_mode) & 0o044:
            is_bad = True
            yield doubtful(f"{path} may hold keys, and other users of this machine can read it", f"chmod 600 {path}")
    if not is_bad:
        yield fine("no file with keys in it can be read by others")
