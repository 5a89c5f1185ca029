"""A terminal for programs that draw: keys go in, the screen is read as a person sees it."""

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pyte

from tests.end_to_end.proxy import end

LIMIT_S = 30  # a key is answered within a tenth of a second; a loaded machine may be slow to start Python
ESCAPE, ENTER = "\x1b", "\r"


@dataclass(slots=True)
class Terminal:
    """A program in a pseudo terminal, and its screen."""

    process: subprocess.Popen[bytes]
    screen: pyte.Screen
    _stream: pyte.ByteStream
    _wire: int

    @property
    def lines(self) -> list[str]:
        """The rows of the screen, without the blanks at their ends."""
        return [row.rstrip() for row in self.screen.display]

    @property
    def text(self) -> str:
        """The whole screen."""
        return "\n".join(self.lines)

    def press(self, *keys: str) -> None:
        """Send keys, as the characters that a terminal sends for them."""
        for key in keys:
            os.write(self._wire, key.encode())

    def enter(self, text: str) -> None:
        """Type a line; the end of it is not sent before the line is shown, so that it is not taken for pasted text."""
        self.press(*text)
        self.wait_for(text)
        self.press(ENTER)

    def wait_for(self, *texts: str) -> None:
        """Wait until all of them stand on the screen."""
        self.wait_until(lambda: all(text in self.text for text in texts))

    def wait_until(self, condition: Callable[[], bool]) -> None:
        """Read what the program draws until it holds; an AssertionError shows the screen."""
        deadline = time.monotonic() + LIMIT_S
        while not condition():
            assert time.monotonic() < deadline, f"this is on the screen:\n{self.text}"
            self._read()

    def wait_for_end(self) -> int:
        """Wait until the program has ended. Returns its exit code."""
        self.wait_until(lambda: self.process.poll() is not None)
        return self.process.wait()

    def resize(self, columns: int, rows: int) -> None:
        """Make the window another size, and wait until the program has drawn for it."""
        _set_size(self._wire, columns, rows)
        self.screen.resize(rows, columns)
        self.screen.reset()
        self.process.send_signal(signal.SIGWINCH)  # the system tells only whom the terminal controls
        self.wait_until(lambda: any(self.lines))

    def _read(self) -> None:
        if select.select([self._wire], [], [], 0.02)[0]:
            try:
                self._stream.feed(os.read(self._wire, 65536))
            except OSError:  # its other end is closed: the program is gone
                time.sleep(0.02)


@contextmanager
def terminal(
    command: Sequence[str], folder: Path, environment: Mapping[str, str], columns: int = 100, rows: int = 30
) -> Iterator[Terminal]:
    """Run the command in `folder` with exactly this environment besides PATH and HOME, and end it with the block."""
    wire, inside = pty.openpty()
    try:
        _set_size(inside, columns, rows)
        process = subprocess.Popen(
            command,
            cwd=folder,
            env={"PATH": os.defpath, "HOME": str(folder), "LANG": "C.UTF-8", "TERM": "xterm-256color", **environment},
            stdin=inside, stdout=inside, stderr=inside,
            start_new_session=True,
        )  # fmt: skip
        os.close(inside)
        screen = pyte.Screen(columns, rows)
        try:
            yield Terminal(process, screen, pyte.ByteStream(screen), wire)
        finally:
            end(process)
    finally:
        os.close(wire)


def _set_size(wire: int, columns: int, rows: int) -> None:
    fcntl.ioctl(wire, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
