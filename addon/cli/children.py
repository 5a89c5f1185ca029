"""A program that ends with us, however we end."""

import os
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

LAST_LINES = 15  # enough for the end of a traceback; shown when the program fails
STOP_S = 5.0  # mitmweb needs well under a second to close its listeners


class Child:
    """A module of ours, run as a program by the same Python, with its output at hand.

    Its standard input is a pipe that only this process holds: whatever ends us, a kill too, closes the pipe, and the
    module ends when it reads the end of it. It is a session of its own, so that Ctrl-C reaches only us.
    """

    def __init__(
        self,
        module: str,
        *arguments: str,
        environment: Mapping[str, str],
        folder: Path,
        first_line: str = "",
        announces: str = "",
        relay: Callable[[str], object] | None = None,
    ) -> None:
        """Start ``module``.

        ``first_line`` is what it reads first: what a list of processes must not show. ``announced`` becomes true with a
        line of output that starts with ``announces``. ``relay`` is given each line, from another thread.
        """
        self.announced = False
        self._announces = announces
        self.last_lines: deque[str] = deque(maxlen=LAST_LINES)
        self.relay = relay
        self._program = subprocess.Popen(
            [sys.executable, "-P", "-m", module, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,  # not mixed with it: a line of output must start where it should
            env={**environment, "PYTHONUNBUFFERED": "1"},
            cwd=folder,
            encoding="utf-8",
            errors="replace",
            start_new_session=os.name == "posix",
        )
        self._readers = [
            threading.Thread(target=self._read, args=(stream,), name=f"output of {module}", daemon=True)
            for stream in (self._program.stdout, self._program.stderr)
        ]
        for reader in self._readers:
            reader.start()
        if first_line and self._program.stdin:
            with suppress(BrokenPipeError):  # it ended at once: whoever waits for it sees that, and its last lines
                self._program.stdin.write(first_line + "\n")
                self._program.stdin.flush()

    @property
    def pid(self) -> int:
        """The process id."""
        return self._program.pid

    def ended(self) -> bool:
        """Whether it has ended by itself; its last lines are complete then."""
        if self._program.poll() is None:
            return False
        for reader in self._readers:
            reader.join(STOP_S)
        return True

    def stop(self) -> None:
        """End the program, gently at first. Returns when it is gone."""
        if self._program.stdin:
            with suppress(BrokenPipeError):
                self._program.stdin.close()
        try:
            self._program.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self._program.kill()
            self._program.wait()
        for reader in self._readers:
            reader.join(STOP_S)
        for stream in (self._program.stdout, self._program.stderr):
            if stream:
                stream.close()

    def __enter__(self) -> Self:
        """Nothing to do: it runs since it was made."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop it."""
        self.stop()

    def _read(self, stream: Iterable[str]) -> None:
        for line in stream:
            self.last_lines.append(line.rstrip("\n"))
            self.announced = self.announced or bool(self._announces and line.startswith(self._announces))
            if self.relay:
                self.relay(line.rstrip("\n"))
