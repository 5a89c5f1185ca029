"""`detour doctor`: a table of checks; what each finds, with the way out."""

import json
import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from rich.console import Console
from rich.text import Text

from addon.cli import (
    checkup_backends,
    checkup_client,
    checkup_doors,
    checkup_installation,
    checkup_minting,
    client_settings,
    wiring,
)
from addon.cli.finding import Finding, Level, Machine, broken
from addon.protocol.errors import ConfigError
from addon.routing.settings import Settings
from addon.settings import instance_file, settings_file

type Check = Callable[[Machine], Iterable[Finding]]

CHECKS: Mapping[str, Check] = {
    "Python": checkup_installation.python,
    "mitmproxy": checkup_installation.mitmproxy,
    "Detour": checkup_doors.instances,
    "ports": checkup_doors.ports,
    "CA": checkup_doors.authority,
    "proxy variables": checkup_doors.proxies,
    "base URL": checkup_doors.base_url,
    "bypasses": checkup_client.bypasses,
    "client": checkup_client.program,
    "client settings": checkup_client.overrides,
    "compaction": checkup_client.windows,
    "settings": checkup_backends.settings,
    "credentials": checkup_backends.credentials,
    "made credentials": checkup_minting.minted,
    "backends": checkup_backends.reach,
    "clock": checkup_installation.clock,
    "disk": checkup_installation.disk,
    "secrets": checkup_installation.secrets,
}
MARKS = {Level.OK: ("ok  ", "green"), Level.WARN: ("warn", "yellow"), Level.FAIL: ("FAIL", "bold red")}


def run(*, as_json: bool, checks: Mapping[str, Check] = CHECKS) -> int:
    """Check all, and show it. Returns 1 where anything fails."""
    found = examine(look(Path.cwd(), dict(os.environ)), checks)
    console = Console(soft_wrap=True, highlight=False, markup=False, emoji=False)
    if as_json:
        rows = [
            {"check": name, "level": str(finding.level), "what": finding.what, "remedy": finding.remedy}
            for name, findings in found.items()
            for finding in findings
        ]
        console.out(json.dumps(rows, indent=2, ensure_ascii=False), highlight=False)
    else:
        show(console, found)
    return int(any(finding.level is Level.FAIL for findings in found.values() for finding in findings))


def look(folder: Path, environment: Mapping[str, str]) -> Machine:
    """Gather what the checks look at."""
    home = wiring.home_folder(folder, environment)
    files = client_settings.read_all(folder, environment)
    settings: Settings | ConfigError
    try:
        settings = settings_file.read(folder).configuration.settings()
    except ConfigError as error:
        settings = error
    return Machine(
        folder,
        home,
        environment,
        tuple(files),
        {**environment, **client_settings.merged(files)},
        tuple(instance_file.running(home)),
        settings,
    )


def examine(machine: Machine, checks: Mapping[str, Check]) -> dict[str, list[Finding]]:
    """Run every check; one that fails itself does not keep the others from being run."""
    return {name: _findings(check, machine) for name, check in checks.items()}


def _findings(check: Check, machine: Machine) -> list[Finding]:
    found: list[Finding] = []
    try:
        found.extend(check(machine))  # what was found before it fails stays
    except Exception as error:  # noqa: BLE001 - whatever it is, the other checks help to see why
        found.append(broken(f"this check has failed itself: {type(error).__name__}: {error}", "please report it"))
    return found


def show(console: Console, found: Mapping[str, list[Finding]]) -> None:
    """Print a line for each finding, and its remedy below."""
    width = max(map(len, found))
    for name, findings in found.items():
        for number, finding in enumerate(findings):
            mark, style = MARKS[finding.level]
            line = Text.assemble(
                (mark, style), "  ", (("" if number else name).ljust(width), "bold"), "  ", finding.what
            )
            console.print(line)
            if finding.remedy:
                console.print(Text.assemble(" " * (width + 8), ("→ ", style), finding.remedy))
    counts = {level: sum(finding.level is level for each in found.values() for finding in each) for level in Level}
    told = f"{counts[Level.OK]} fine, {counts[Level.WARN]} to look at, {counts[Level.FAIL]} to mend"
    console.print(Text.assemble("\n", (told, MARKS[_worst(counts)][1])))


def _worst(counts: Mapping[Level, int]) -> Level:
    return next((level for level in (Level.FAIL, Level.WARN) if counts[level]), Level.OK)
