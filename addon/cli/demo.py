"""`detour demo`: a model that needs no key, mitmweb with the addon, and one message through each door."""

import json
import os
import re
import secrets
import signal
import socket
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from types import FrameType

from rich.console import Console

from addon.cli import embedded_model
from addon.cli.children import Child
from addon.cli.doors import (
    CERTIFICATE,
    REGULAR_PORT,
    REVERSE_PORT,
    WEB_PORT,
    Doors,
    check_port,
    free_port,
    loopback_hosts,
)
from addon.cli.embedded_model import WINDOW_TOKENS
from addon.cli.launch import proxy_arguments
from addon.cli.message import MessageFailed, is_certificate, stream_message, through_proxy, through_reverse
from addon.protocol.errors import ConfigError

HOST = "127.0.0.1"
READY_S = 60.0  # the first start on a cold disk; a usual one takes two seconds
POLL_S = 0.02
WATCH_S = 0.5
QUESTION = "Tell me in one sentence why the sky is blue."

# The routes, addresses and keys of the person who runs it would send the demo elsewhere, or stop it.
_SETTING = re.compile(r"(BIG|MIDDLE|SMALL)_MODEL|PREFERRED_PROVIDER|.+_(API_KEY|API_BASE|BASE_URL)")


class DemoFailed(Exception):
    """A part did not start, or a door did not answer; the text says which and why."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Every port and secret of one demo, chosen before anything starts."""

    doors: Doors
    web_port: int
    web_token: str
    model_port: int
    model_key: str

    @property
    def web_url(self) -> str:
        """The address of mitmweb, with what lets one in."""
        return f"http://{HOST}:{self.web_port}/?token={self.web_token}"

    def web_arguments(self) -> list[str]:
        """What mitmweb is told: the addon, both doors, and its pages for this demo only."""
        options = {
            "web_host": HOST,
            "web_port": self.web_port,
            "web_password": self.web_token,
            "web_open_browser": "false",
        }
        return proxy_arguments(
            self.doors, [part for name, value in options.items() for part in ("--set", f"{name}={value}")]
        )

    def environment(self, inherited: Mapping[str, str]) -> dict[str, str]:
        """What both programs are started with: the inherited environment, with our routes in place of any other."""
        kept = {name: value for name, value in inherited.items() if not _SETTING.fullmatch(name)}
        if home := kept.get("DETOUR_HOME"):
            kept["DETOUR_HOME"] = str(Path(home).absolute())  # they run in another folder
        route = f"llamacpp/{embedded_model.MODEL_NAME}"
        return kept | {
            "BIG_MODEL": route,
            "SMALL_MODEL": route,
            "LLAMACPP_API_BASE": f"http://{HOST}:{self.model_port}/v1",
            "LLAMACPP_API_KEY": self.model_key,
        }


def make_plan(web_port: int | None) -> Plan:
    """Take the usual ports where they are free and others where not; a port that was asked for must be free."""
    if web_port is not None:
        check_port([HOST], web_port, "--web-port")
    hosts = loopback_hosts()
    doors = Doors(hosts, free_port(hosts, REGULAR_PORT), free_port(hosts, REVERSE_PORT))
    web_port = web_port or free_port([HOST], WEB_PORT)
    return Plan(doors, web_port, secrets.token_urlsafe(16), free_port([HOST]), secrets.token_urlsafe(16))


def run(*, once: bool, web_port: int | None) -> int:
    """Show it, then stay until Ctrl-C unless ``once``. Returns the exit code; what was started has ended by then."""
    if missing := embedded_model.missing_part():
        raise ConfigError(missing)
    plan = make_plan(web_port)
    console = Console(soft_wrap=True, highlight=False, markup=False, emoji=False)
    certificate = CERTIFICATE.expanduser()
    try:
        with _ended_by_signals(), ExitStack() as stack:
            children = _start(stack, plan, certificate, console)
            _send_through_both(plan.doors, certificate, console)
            if not once:
                _explain(console, plan, certificate)
                _stay(console, children)
    except DemoFailed as error:
        console.print(f"\nThe demo failed: {error}", style="bold red")
        return 1
    except KeyboardInterrupt:
        console.print("\nThe demo has ended.")
        return 130 if once else 0
    return 0


def _start(stack: ExitStack, plan: Plan, certificate: Path, console: Console) -> dict[str, Child]:
    """Start both programs at once and wait until each is ready."""
    started = time.monotonic()
    # Neither runs in the user's folder: a .env file there is for another occasion.
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="detour-demo-")))
    environment = plan.environment(os.environ)
    console.print("Starting the embedded model (SmolLM2-135M, no key) and mitmweb ...")
    model = stack.enter_context(
        Child(
            "addon.cli.embedded_model",
            "--port",
            str(plan.model_port),
            environment=environment,
            folder=folder,
            announces=embedded_model.READY,
        )
    )
    arguments = json.dumps(["mitmweb", *plan.web_arguments()])
    web = stack.enter_context(
        Child("addon.cli.embedded_proxy", environment=environment, folder=folder, first_line=arguments)
    )
    ports = (plan.doors.regular_port, plan.doors.reverse_port, plan.web_port)
    deadline = started + READY_S
    # On its very first start mitmproxy listens before it has made its certificate.
    _wait("mitmweb", web, deadline, lambda: is_certificate(certificate) and all(map(_answers, ports)))
    _wait("the embedded model", model, deadline, lambda: model.announced)
    console.print(f"Both are ready after {time.monotonic() - started:.1f} s.")
    return {"the embedded model": model, "mitmweb": web}


def _wait(name: str, child: Child, deadline: float, is_ready: Callable[[], bool]) -> None:
    while True:
        if child.ended():  # asked first: where it should listen, another program may be the one that answers
            raise DemoFailed(f"{name} ended before it was ready. Its last lines:\n" + _indented(child))
        if is_ready():
            return
        if time.monotonic() > deadline:
            raise DemoFailed(f"{name} was not ready after {READY_S:.0f} s. Its last lines:\n" + _indented(child))
        time.sleep(POLL_S)


def _answers(port: int) -> bool:
    try:
        with socket.create_connection((HOST, port), timeout=1):
            return True
    except OSError:
        return False


def _indented(child: Child) -> str:
    return "\n".join(f"    {line}" for line in child.last_lines)


def _send_through_both(doors: Doors, certificate: Path, console: Console) -> None:
    """Send one message through each door; a door that fails does not keep the other from being tried."""
    openings: dict[str, Callable[[], HTTPConnection]] = {
        f"Door one (HTTPS_PROXY, port {doors.regular_port})": lambda: through_proxy(
            HOST, doors.regular_port, certificate
        ),
        f"Door two (ANTHROPIC_BASE_URL, port {doors.reverse_port})": lambda: through_reverse(HOST, doors.reverse_port),
    }
    failures = []
    for name, connect in openings.items():
        console.print(f"\n{name}: {QUESTION}", style="bold")
        try:
            reply = stream_message(connect(), QUESTION, lambda text: console.print(text, end=""))
        except MessageFailed as error:
            failures.append(f"{name}: {error}")
            console.print(f"no reply: {error}")
            continue
        console.print(
            f"\n({reply.output_tokens} tokens, the first after {reply.first_token_ms:.0f} ms, "
            f"all after {reply.total_ms:.0f} ms, {reply.stop_reason})",
            style="dim",
        )
    if failures:
        raise DemoFailed("; ".join(failures))


def _explain(console: Console, plan: Plan, certificate: Path) -> None:
    """Tell what one can do now."""
    through_proxy_line, through_reverse_line = plan.doors.client_lines(certificate)
    console.print("\nSee both prompts, as they were sent and as the model got them:", style="bold")
    console.print(f"    {plan.web_url}")
    console.print("\nPoint Claude Code at door one, or at door two:", style="bold")
    console.print(f"    {through_proxy_line}\n    {through_reverse_line}")
    console.print(
        f"\nThe embedded model's window is {WINDOW_TOKENS} tokens. Claude Code's own prompt does not fit, "
        "and it will say\n“Prompt is too long”. For real work end this, and name a real model:"
    )
    console.print("    BIG_MODEL=openai/gpt-5 OPENAI_API_KEY=... scripts/detour web")
    console.print("\nCtrl-C ends the demo. What passes through the doors:", style="bold")


def _stay(console: Console, children: Mapping[str, Child]) -> None:
    """Relay mitmweb's lines until Ctrl-C; fail when one of the programs ends by itself."""
    children["mitmweb"].relay = console.print
    while True:
        for name, child in children.items():
            if child.ended():
                raise DemoFailed(f"{name} has ended. Its last lines:\n" + _indented(child))
        time.sleep(WATCH_S)


@contextmanager
def _ended_by_signals() -> Iterator[None]:
    """Make SIGTERM and SIGHUP unwind the stack as Ctrl-C does, so that what was started is ended in order."""

    def unwind(number: int, _: FrameType | None) -> None:
        raise SystemExit(128 + number)

    numbers = [signal.SIGTERM, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else [])]
    previous = {number: signal.signal(number, unwind) for number in numbers}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
