"""Which Detours run: each keeps ``DETOUR_HOME/instances/PID.json`` while its doors are open.

``{"pid": 7, "started": "2026-11-30T09:00:00+00:00", "doors": {"proxy": "http://127.0.0.1:8080", "reverse":
"http://127.0.0.1:8082"}, "confdir": "/home/me/.mitmproxy", "version": "0.1.0", "compaction":
{"CLAUDE_CODE_AUTO_COMPACT_WINDOW": "131072"}}``; either door may be absent. A file whose writer was killed is removed
by the next reader.
"""

import json
import os
import socket
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from addon.routing.compaction import SHARE, WINDOW
from addon.settings import private_file

type Door = Literal["proxy", "reverse"]

DOORS: tuple[Door, ...] = ("proxy", "reverse")
FOLDER = "instances"
ANSWER_S = 1.0  # a door on this machine that is slower to accept is not open


@dataclass(frozen=True, slots=True)
class Instance:
    """One running Detour. ``started`` is in ISO 8601, UTC; ``confdir`` is mitmproxy's, with the CA in it."""

    pid: int
    started: str
    doors: Mapping[Door, str]
    confdir: str
    version: str
    compaction: Mapping[str, str] = field(default_factory=dict)  # what makes a client compact in time, and no more


def write(home: Path, instance: Instance) -> None:
    """Say that it runs. The folder is the user's alone: who can write there chooses where a client sends its key."""
    folder = home / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    private_file.write(_path(home, instance.pid), json.dumps(asdict(instance)))


def remove(home: Path, pid: int) -> None:
    """Say that it has ended; no matter if nobody said that it ran."""
    with suppress(OSError):
        _path(home, pid).unlink(missing_ok=True)


def running(home: Path) -> list[Instance]:
    """Return those whose doors are open, the newest first; what the dead have left is removed."""
    found = []
    for path in (home / FOLDER).glob("[0-9]*.json"):
        instance = _read(path)
        if instance is None:
            continue
        if not _lives(instance.pid):
            remove(home, instance.pid)
        elif instance.doors and all(map(_accepts, instance.doors.values())):
            found.append(instance)
    return sorted(found, key=lambda instance: (instance.started, instance.pid), reverse=True)


def _path(home: Path, pid: int) -> Path:
    return home / FOLDER / f"{pid}.json"


def _read(path: Path) -> Instance | None:
    """What the file says; None for one that another version wrote, or that has just been removed."""
    try:
        said: Any = json.loads(path.read_text(encoding="utf-8"))
        doors: dict[Door, str] = {door: str(said["doors"][door]) for door in DOORS if door in said["doors"]}
        pid = int(said["pid"])
        if path.stem != str(pid):
            return None
        told = said.get("compaction") or {}
        compaction = {name: str(told[name]) for name in (WINDOW, SHARE) if name in told}
        return Instance(pid, str(said["started"]), doors, str(said["confdir"]), str(said["version"]), compaction)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _lives(pid: int) -> bool:
    if os.name != "posix":  # to send signal 0 ends a program there; its doors tell
        return True
    try:
        os.kill(pid, 0)
    except PermissionError:  # somebody else's
        return True
    except (ProcessLookupError, OverflowError):
        return False
    return True


def _accepts(url: str) -> bool:
    try:
        parts = urlsplit(url)
        with socket.create_connection((parts.hostname or "", parts.port or 0), timeout=ANSWER_S):
            return True
    except (OSError, ValueError):
        return False
