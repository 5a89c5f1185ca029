"""`detour claude`: the client, wired to a Detour that runs, or to one that is started for it."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Self

import typer

from addon.cli import client_settings, companion, wiring
from addon.cli.client_settings import SettingsFile
from addon.protocol.errors import ConfigError
from addon.settings import instance_file, upstream
from addon.settings.instance_file import Door, Instance

CLIENT_VARIABLE = "DETOUR_CLAUDE"
WATCH_S = 1.0
INSTALL = "npm install -g @anthropic-ai/claude-code"


@dataclass(frozen=True, slots=True)
class Wish:
    """What the user asked for. ``start`` None: only where none runs."""

    door: Door = "reverse"
    start: bool | None = None
    web: bool = False
    upstream: str | None = None


class Launch:
    """One start of the client, with what is known before."""

    def __init__(self, wish: Wish, arguments: Sequence[str]) -> None:
        """Read the machine. Raises: ConfigError."""
        self.wish = wish
        self.arguments = list(arguments)
        self.inherited = dict(os.environ)
        self.client = find_client(self.inherited)
        self.home = wiring.home_folder(Path.cwd(), self.inherited)
        self.files: list[SettingsFile] = client_settings.read_all(Path.cwd(), self.inherited)
        self.known = {**self.inherited, **client_settings.merged(self.files)}

    def run(self) -> int:
        """Start the client. Returns its exit code; does not return where a Detour ran already, on POSIX."""
        wish = self.wish
        found = None if wish.start else wiring.find_instance(self.home, wish.door)
        if found is None:
            if wish.start is False:
                raise ConfigError("no Detour runs with that door open; start one with `detour web`, or say --start")
            return self._beside_a_companion()
        if wish.upstream is not None or wish.web:
            say(f"a Detour runs already (process {found.pid}); --upstream and --web are for one that is started")
        return become(*self._command(found))

    def _beside_a_companion(self) -> int:
        plan = companion.make_plan(web=self.wish.web)
        ours = {plan.doors.regular_port, plan.doors.reverse_port} | wiring.ports(instance_file.running(self.home))
        way_out, note = wiring.find_upstream(self.known, self.wish.upstream, ours)
        if note:
            say(note)
        if way_out:
            plan = companion.through(plan, upstream.parse("the proxy in front", way_out))
        trusted = wiring.trusted_authorities(self.home, self.known)
        with companion.running(plan, self.home, companion.environment(self.inherited, way_out), trusted) as started:
            if plan.web_url:
                say(f"the prompts are at {plan.web_url}")
            return attend(*self._command(started))

    def _command(self, instance: Instance) -> tuple[list[str], dict[str, str]]:
        told = wiring.wire(self.wish.door, instance, self.home, self.known, token=self._lacks_key())
        overruling, notes = wiring.overriding(told, self.files, self.arguments)
        for note in (*told.notes, *notes):
            say(note)
        return [str(self.client), *overruling, *self.arguments], told.environment(self.inherited)

    def _lacks_key(self) -> bool:
        """Whether the client would not start for want of an account that nobody asks for."""
        if self.wish.door != "reverse" or client_settings.has_account(self.client, self.inherited, self.files):
            return False
        return wiring.answers_all(Path.cwd())


def find_client(environment: Mapping[str, str]) -> Path:
    """Return the client's program: DETOUR_CLAUDE, else `claude` on PATH. Raises: ConfigError."""
    name = environment.get(CLIENT_VARIABLE) or "claude"
    found = shutil.which(Path(name).expanduser(), path=environment.get("PATH"))
    if found is not None:
        return Path(found)
    if environment.get(CLIENT_VARIABLE):
        raise ConfigError(f"{CLIENT_VARIABLE} is {name!r}, which is no program; name Claude Code's, or unset it")
    raise ConfigError(f"there is no `claude` on PATH; install it with `{INSTALL}`, or name it in {CLIENT_VARIABLE}")


def become(command: Sequence[str], environment: Mapping[str, str]) -> int:
    """Replace this process, so that signals, the terminal and the exit code are the client's own."""
    if os.name != "posix":  # there the shell would not wait for it
        return attend(command, environment)
    sys.stdout.flush()
    try:
        os.execve(command[0], list(command), dict(environment))  # noqa: S606 - no shell is the point
    except OSError as error:
        raise ConfigError(f"{command[0]} does not start: {error.strerror}") from None


def attend(command: Sequence[str], environment: Mapping[str, str]) -> int:
    """Run the client in this terminal. Returns its exit code, a shell's way for one that a signal ended."""
    with _Signals() as signals:
        try:
            client = subprocess.Popen(command, env=environment)
        except OSError as error:
            raise ConfigError(f"{command[0]} does not start: {error.strerror}") from None
        signals.belong_to(client)
        code = _wait(client)
    return code if code >= 0 else 128 - code


def _wait(client: "subprocess.Popen[bytes]") -> int:
    """Wait with a limit, again and again: one without would not be broken off by a signal that another thread got."""
    while True:
        try:
            return client.wait(WATCH_S)
        except subprocess.TimeoutExpired:
            continue


class _Signals:
    """Lets us outlive the client: Ctrl-C reaches it from the terminal without us, what is sent to us is passed on."""

    def __init__(self) -> None:
        self._client: subprocess.Popen[bytes] | None = None
        self._early: list[int] = []
        # handlers, because the client would inherit that a signal is ignored
        handlers = {"SIGINT": self._leave, "SIGQUIT": self._leave, "SIGTERM": self._pass_on, "SIGHUP": self._pass_on}
        self._handlers = {getattr(signal, name): each for name, each in handlers.items() if hasattr(signal, name)}

    def belong_to(self, client: "subprocess.Popen[bytes]") -> None:
        """Send it what came, and what comes."""
        self._client = client
        while self._early:
            client.send_signal(self._early.pop(0))

    def __enter__(self) -> Self:
        self._previous = {number: signal.signal(number, handler) for number, handler in self._handlers.items()}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def _leave(self, _number: int, _frame: FrameType | None) -> None:
        """Nothing is ours to do."""

    def _pass_on(self, number: int, _frame: FrameType | None) -> None:
        if self._client is None:
            self._early.append(number)
        else:
            self._client.send_signal(number)


def say(note: str) -> None:
    """Tell the user, beside what the client writes."""
    typer.echo(f"detour: {note}", err=True)
