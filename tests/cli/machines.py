"""A machine as a check sees it, made by hand."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from addon.cli.finding import Finding, Level, Machine
from addon.settings.instance_file import Door, Instance


def machine(folder: Path, known: Mapping[str, str] | None = None, **more: Any) -> Machine:
    """Nothing runs, nothing is set, all is in one folder."""
    known = known or {}
    return Machine(folder, folder / "home", known, known=known, **more)


def instance(folder: Path, **doors: int) -> Instance:
    """A Detour with doors at these ports."""
    known: dict[Door, str] = {}
    for door, port in doors.items():
        known["proxy" if door == "proxy" else "reverse"] = f"http://127.0.0.1:{port}"
    return Instance(os.getpid(), "", known, str(folder / "confdir"), "0.1.0")


def levels(findings: Iterable[Finding]) -> list[Level]:
    """How bad each is; whatever is bad has a remedy, what is not has none."""
    found = list(findings)
    assert all(bool(finding.remedy) == (finding.level is not Level.OK) for finding in found), found
    return [finding.level for finding in found]
