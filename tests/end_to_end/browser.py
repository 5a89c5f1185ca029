"""Chromium without a window, driven through its debugging pipe: no driver, no port, no further dependency.

`DETOUR_TEST_CHROMIUM` names the binary. Commands are JSON objects that end in a NUL byte, written to the browser's file
descriptor 3; its answers and events come from 4.
Source: Chrome DevTools Protocol, "--remote-debugging-pipe"; domains Target, Runtime, Page, Emulation, Input.
"""

import base64
import contextlib
import fcntl
import json
import os
import select
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

BINARY = os.environ.get("DETOUR_TEST_CHROMIUM", "")
TIME_LIMIT_S = 30  # a cold start on a slow machine takes some seconds
KEY_CODES = {"Enter": 13, "Escape": 27, "Tab": 9, "ArrowDown": 40, "ArrowUp": 38, "ArrowLeft": 37, "ArrowRight": 39}
QUIET = [
    "--headless",
    "--no-sandbox",  # containers run as root, where the sandbox refuses to start
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-breakpad",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--no-proxy-server",
]


class Page:
    """One open page."""

    def __init__(self, commands: int, answers: int, log: Path) -> None:
        self._commands = commands
        self._answers = answers
        self._log = log
        self._buffer = b""
        self._number = 0
        self._session: str | None = None

    def open(self, url: str, width: int = 1280, height: int = 800) -> None:
        """Load a page of this size, in a tab of its own."""
        target = self._call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self._call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self._call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        self._call("Page.navigate", url=url)

    def evaluate(self, expression: str) -> Any:
        """The value of a JavaScript expression."""
        answer = self._call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            raise RuntimeError(f"{expression}: {answer['exceptionDetails']}")
        return answer["result"].get("value")

    def text(self) -> str:
        """What a reader sees."""
        return str(self.evaluate("document.body ? document.body.innerText : ''"))

    def wait_for(self, text: str) -> str:
        """The visible text once it contains this; raises TimeoutError."""
        self._wait_until(lambda: text in self.text(), f"{text!r} does not show")
        return self.text()

    def wait_for_element(self, selector: str) -> None:
        """Wait until a CSS selector finds something; raises TimeoutError."""
        found = f"document.querySelector({json.dumps(selector)}) !== null"
        self._wait_until(lambda: self.evaluate(found), f"nothing is {selector!r}")

    def _wait_until(self, condition: Callable[[], bool], complaint: str) -> None:
        deadline = time.monotonic() + TIME_LIMIT_S
        while not condition():
            if time.monotonic() > deadline:
                raise TimeoutError(f"{complaint}; what shows: {self.text()}")
            time.sleep(0.05)

    def click(self, selector: str, text: str = "") -> None:
        """Click what a CSS selector finds; with ``text``, the first of them that says it."""
        elements = f"[...document.querySelectorAll({json.dumps(selector)})]"
        wanted = f"{elements}.find(element => element.innerText.includes({json.dumps(text)}))"
        self._wait_until(lambda: self.evaluate(f"{wanted} !== undefined"), f"no {selector!r} says {text!r}")
        self.evaluate(f"{wanted}.click()")

    def type(self, selector: str, text: str) -> None:
        """Type into the field that a CSS selector finds, behind what is in it."""
        self.evaluate(f"document.querySelector({json.dumps(selector)}).focus()")
        for character in text:
            self._call("Input.insertText", text=character)

    def press(self, key: str) -> None:
        """Press a key as a hand does: a character, or a key by its name, such as Enter or ArrowDown."""
        text = {"Enter": "\r"}.get(key, key if len(key) == 1 else "")
        self._call(
            "Input.dispatchKeyEvent", type="keyDown", key=key, text=text, windowsVirtualKeyCode=KEY_CODES.get(key, 0)
        )
        self._call("Input.dispatchKeyEvent", type="keyUp", key=key)

    def choose(self, scheme: str) -> None:
        """Prefer light or dark."""
        self._call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    def wait_until(self, condition: str) -> None:
        """Wait until a JavaScript expression holds; raises TimeoutError."""
        self._wait_until(lambda: bool(self.evaluate(condition)), f"{condition} does not hold")

    def screenshot(self, path: Path) -> None:
        """A picture of the page as PNG."""
        path.write_bytes(base64.b64decode(self._call("Page.captureScreenshot", format="png")["data"]))

    def _call(self, method: str, **parameters: object) -> Any:
        self._number += 1
        command = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            command["sessionId"] = self._session
        with contextlib.suppress(BrokenPipeError):  # then its answers end too, which is told below
            os.write(self._commands, json.dumps(command).encode() + b"\0")
        deadline = time.monotonic() + TIME_LIMIT_S
        while True:
            answer = self._read(deadline)
            if answer.get("id") == self._number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                return answer["result"]

    def _read(self, deadline: float) -> Any:
        while b"\0" not in self._buffer:
            ready, _, _ = select.select([self._answers], [], [], max(0.0, deadline - time.monotonic()))
            if not ready:
                raise TimeoutError("the browser does not answer")
            received = os.read(self._answers, 1 << 16)
            if not received:
                raise ConnectionError(f"the browser has ended: {self._log.read_text(errors='replace')}")
            self._buffer += received
        message, self._buffer = self._buffer.split(b"\0", 1)
        return json.loads(message)


def high_pipe() -> tuple[int, int]:
    """A pipe whose ends are not among the low numbers that the browser's ends are moved to."""
    low = os.pipe()
    reader, writer = (fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 10) for end in low)
    for end in low:
        os.close(end)
    return reader, writer


@contextlib.contextmanager
def browsing() -> Iterator[Page]:
    """Start the browser with a home and a profile of its own; it and its children end with the block."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home:  # a short path: it holds the browser's socket
        yield from _browsing(Path(home))


def _browsing(home: Path) -> Iterator[Page]:
    command_reader, command_writer = high_pipe()
    answer_reader, answer_writer = high_pipe()
    descriptors = [
        (os.POSIX_SPAWN_DUP2, command_reader, 3),
        (os.POSIX_SPAWN_DUP2, answer_writer, 4),
        (os.POSIX_SPAWN_OPEN, 1, str(home / "log"), os.O_WRONLY | os.O_CREAT, 0o600),
        (os.POSIX_SPAWN_DUP2, 1, 2),
    ]
    arguments = [BINARY, *QUIET, "--remote-debugging-pipe", f"--user-data-dir={home / 'profile'}"]
    environment = {"PATH": os.defpath, "HOME": str(home), "TMPDIR": str(home), "LANG": "C.UTF-8"}
    process = os.posix_spawn(BINARY, arguments, environment, file_actions=descriptors, setpgroup=0)
    os.close(command_reader)
    os.close(answer_writer)
    try:
        yield Page(command_writer, answer_reader, home / "log")
    finally:
        os.killpg(process, signal.SIGKILL)
        os.waitpid(process, 0)
        os.close(command_writer)
        os.close(answer_reader)
