"""`detour read`: the log in the browser, at a running Detour's door, or served here where none runs."""

import os
import socket
import sys
import webbrowser
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread
from time import time
from typing import TYPE_CHECKING, override
from urllib.parse import quote, urlencode

from addon.cli import wiring
from addon.cli.claude import say
from addon.prompts.log.statements import FILE
from addon.protocol.errors import ConfigError
from addon.settings import instance_file, state_file
from addon.settings.instance_file import Instance

if TYPE_CHECKING:
    from werkzeug.serving import BaseWSGIServer

    from addon.prompts.entry import Entry
    from addon.prompts.log.reading import Log
    from addon.prompts.reader.house import Again
    from addon.prompts.reader.shelf import Shelf

PORT = 8083  # beside the doors and mitmweb; another where that is taken
HOST = "127.0.0.1"
PAGES = "/_detour/"
REFUSED_S = 1.5  # what is refused is refused at once
DISPLAYS = ("DISPLAY", "WAYLAND_DISPLAY")


def run(place: str | None, port: int | None, *, may_open: bool) -> int:
    """Print the address, open it, and serve it until Ctrl-C where nobody else does. Raises: ConfigError."""
    from addon.prompts.reader.shelf import Shelf

    home = wiring.home_folder(Path.cwd(), os.environ)
    shelf = Shelf(home / FILE)
    try:
        page = page_of(place, shelf.open) if place else PAGES
        token = token_of(home)
        door = door_of(instance_file.running(home)) if port is None else None
        if door is None:
            _serve(serving(home, shelf, token, port), page, token, may_open=may_open)
        else:
            show(address(door, page, token, time()), may_open=may_open)
    finally:
        shelf.close()
    return 0


def _serve(server: "BaseWSGIServer", page: str, token: str, *, may_open: bool) -> None:
    show(address(f"http://{HOST}:{server.server_port}", page, token, time()), may_open=may_open)
    say("served until you press Ctrl-C")
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        return
    finally:
        server.server_close()


def page_of(place: str, open_log: "Callable[[], Log]") -> str:
    """Return the path of what a person names: a session, SESSION/TURN, an exchange. Raises: ConfigError."""
    from addon.prompts.log.reading import NotKept

    log = open_log()
    if "/" not in place:
        try:
            session = log.session(place)
            return f"{PAGES}read/session/{quote(session, safe='')}" if session else f"{PAGES}read/loose"
        except NotKept as error:
            try:
                log.resolve(place)
            except NotKept:
                raise error from None
    return f"{PAGES}read/turn/{log.resolve(place).number}"


def address(base: str, page: str, token: str, now: float) -> str:
    """Return where a browser that has not been here before is let in, once and soon, and led to a page."""
    from addon.prompts.reader import gate

    asked = {"code": gate.seal(token, gate.CODE, now + gate.CODE_S), **({"to": page} if page != PAGES else {})}
    return f"{base}{PAGES}read/login?{urlencode(asked)}"


def door_of(instances: Sequence[Instance]) -> str | None:
    """Return the newest Detour's door; at door one a foreign Host is refused before anybody is asked."""
    return next((each.doors.get("proxy") or each.doors.get("reverse") for each in instances if each.doors), None)


def token_of(home: Path) -> str:
    """Return the token, made where there is none. Raises: ConfigError."""
    try:
        return state_file.token(home)
    except (OSError, ValueError) as error:
        raise ConfigError(f"{home / state_file.TOKEN} can be neither read nor written: {error}") from None


def serving(home: Path, shelf: "Shelf", token: str, port: int | None) -> "BaseWSGIServer":
    """Listen on this machine. Raises: ConfigError where a port that was named is taken."""
    from werkzeug.serving import WSGIRequestHandler, make_server

    from addon.prompts.reader.app import make
    from addon.prompts.reader.house import House

    class Quiet(WSGIRequestHandler):
        """Says nothing of a request: its address may let somebody in."""

        @override
        def log(self, type: str, message: str, *args: object) -> None:
            """Say nothing."""

    house = House(
        open_log=shelf.open,
        token=lambda: token,
        token_file=str(home / state_file.TOKEN),
        clock=time,
        again=again(home, token),
    )
    found = free_port(port)
    return make_server(HOST, found, make(house), threaded=True, request_handler=Quiet)


def again(home: Path, token: str) -> "Again":
    """Return how another model is asked: through the door of a Detour that runs."""
    from addon.cli import asking, replay

    def ask(entry: "Entry", model: str) -> None:
        instance = wiring.find_instance(home, "reverse")
        if instance is None:
            raise ConfigError("no Detour runs that could ask: start one, for example with `detour web`")
        question, outcomes = replay.asked(entry), SimpleQueue[asking.Outcome]()
        door = instance.doors["reverse"]
        asked = Thread(target=lambda: outcomes.put(asking.ask(question, model, door, token)), daemon=True)
        asked.start()
        with suppress(Empty):  # it works on it, and the log will have the answer
            outcome = outcomes.get(timeout=REFUSED_S)
            if outcome.failed:
                raise ConfigError(outcome.answer.error or f"{model} answered with HTTP {outcome.status}")

    return ask


def free_port(port: int | None) -> int:
    """Return the port that was named, else the usual one or a free one. Raises: ConfigError."""
    for wanted in [port] if port is not None else [PORT, 0]:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, wanted))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise ConfigError(f"--port {port} is taken on {HOST}: name another, or none for a free one")


def show(url: str, *, may_open: bool) -> None:
    """Print an address, and open it where there is a screen."""
    sys.stdout.write(f"{url}\n")
    sys.stdout.flush()
    if may_open and has_screen(os.environ, sys.platform):
        webbrowser.open(url)
    else:
        say("open it within ten minutes; it lets one browser in, once")


def has_screen(environment: Mapping[str, str], platform: str) -> bool:
    """Whether a browser would open a window, and not take the terminal."""
    return platform in ("darwin", "win32") or any(environment.get(name) for name in DISPLAYS)
