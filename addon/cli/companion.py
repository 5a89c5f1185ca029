"""A Detour that is started for one client and ends with it; what it says goes into a log file."""

import json
import os
import secrets
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import typer

from addon.cli.children import Child
from addon.cli.doors import CERTIFICATE, REGULAR_PORT, REVERSE_PORT, WEB_PORT, Doors, free_port, loopback_hosts
from addon.cli.launch import proxy_arguments
from addon.cli.message import is_certificate
from addon.protocol.errors import ConfigError
from addon.settings import instance_file
from addon.settings.instance_file import Instance
from addon.settings.upstream import VARIABLE, Upstream

MODULE = "addon.cli.embedded_proxy"
HOST = "127.0.0.1"
READY_S = 60.0  # the first start on a cold disk makes a CA too; a usual one takes two seconds
POLL_S = 0.02
LOGS_KEPT = 14  # a file a day


@dataclass(frozen=True, slots=True)
class Plan:
    """Every port of one companion, chosen before it starts. ``web_token`` empty: mitmdump, without pages."""

    doors: Doors
    web_port: int = 0
    web_token: str = ""

    @property
    def web_url(self) -> str:
        """The address of its pages, with what lets one in; empty without pages."""
        return f"http://{HOST}:{self.web_port}/?token={self.web_token}" if self.web_token else ""

    def command(self, trusted: Path | None) -> list[str]:
        """The program and its arguments. ``trusted``: the authorities that it believes, in place of its own."""
        options = {"flow_detail": "0"}  # our own lines are enough; a URL in a log might hold a key
        if trusted is not None:
            options["ssl_verify_upstream_trusted_ca"] = str(trusted)
        if self.web_token:
            options |= {
                "web_host": HOST,
                "web_port": str(self.web_port),
                "web_password": self.web_token,
                "web_open_browser": "false",
            }
        extra = [part for name, value in options.items() for part in ("--set", f"{name}={value}")]
        return ["mitmweb" if self.web_token else "mitmdump", *proxy_arguments(self.doors, extra)]


def make_plan(*, web: bool) -> Plan:
    """Take the usual ports where they are free, and others where not."""
    hosts = loopback_hosts()
    doors = Doors(hosts, free_port(hosts, REGULAR_PORT), free_port(hosts, REVERSE_PORT))
    return Plan(doors, free_port([HOST], WEB_PORT), secrets.token_urlsafe(16)) if web else Plan(doors)


def through(plan: Plan, upstream: Upstream | None) -> Plan:
    """Put the proxy in front of door one; the other door learns of it from the environment."""
    return replace(plan, doors=replace(plan.doors, upstream=upstream.url)) if upstream else plan


def environment(inherited: Mapping[str, str], upstream: str) -> dict[str, str]:
    """Return what it is started with: the user's own, keys and all, and the proxy that it goes through."""
    kept = {name: value for name, value in inherited.items() if name != VARIABLE}
    return kept | ({VARIABLE: upstream} if upstream else {})


@contextmanager
def running(plan: Plan, home: Path, surroundings: Mapping[str, str], trusted: Path | None) -> Iterator[Instance]:
    """Start it, wait until its doors are open, and end it with the block. Raises: ConfigError with its last lines."""
    log = log_file(home)
    with log.open("a", encoding="utf-8") as file:

        def write(line: str) -> None:
            file.write(line + "\n")
            file.flush()

        with Child(
            MODULE,
            environment=surroundings,
            folder=Path.cwd(),  # its .env and its detour.yaml are meant
            first_line=json.dumps(plan.command(trusted)),
            relay=write,
        ) as child:
            yield _wait(child, home, log)
            if child.ended():
                typer.echo(f"detour: Detour ended before the client did; its log is {log}", err=True)


def log_file(home: Path) -> Path:
    """Return today's log, the user's alone; of the older ones the newest are kept."""
    folder = home / "logs"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / f"detour-{datetime.now(UTC):%Y-%m-%d}.log"
    path.touch(mode=0o600)
    for old in sorted(folder.glob("detour-????-??-??.log"))[:-LOGS_KEPT]:
        old.unlink(missing_ok=True)
    return path


def _wait(child: Child, home: Path, log: Path) -> Instance:
    deadline = time.monotonic() + READY_S
    while True:
        if child.ended():
            raise ConfigError(_failed("Detour ended before it was ready", child, log))
        for instance in instance_file.running(home):
            if instance.pid == child.pid and is_certificate(Path(instance.confdir) / CERTIFICATE.name):
                return instance
        if time.monotonic() > deadline:
            raise ConfigError(_failed(f"Detour was not ready after {READY_S:.0f} s", child, log))
        time.sleep(POLL_S)


def _failed(what: str, child: Child, log: Path) -> str:
    lines = "".join(f"{os.linesep}    {line}" for line in child.last_lines)
    return f"{what}; the log is {log}. Its last lines:{lines}"
