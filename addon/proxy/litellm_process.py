"""litellm's process: started when it is first needed, again when it dies, and ended with the proxy.

Theory of operation. The listening socket is ours and bound once, so the address is fixed: whoever connects while the
process starts, or starts again, waits in its queue. The process inherits the socket, serves it, and lives as long as
its standard input, which ends with this process however that ends. One thread stands by each process:

    starting    from the first need on          until it says that it is ready
    ready       requests are taken
    ended       unasked: the next one starts, unless it was the third in a row that did not live for a minute;
                then ``fault`` says why, those who wait are refused, and after half a minute it may be tried again

``renew`` lets a process see its requests to their end, while another one with other variables takes the new ones.
What stands here outlives a reload of the addon: the successor takes it over (``sidecar``).
"""

import json
import logging
import re
import secrets
import socket
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import addon

logger = logging.getLogger(__name__)

QUEUE = 512  # connections that may wait
MOST_FAILURES = 3  # in a row
STEADY_S = 60.0  # a process that lived so long was no failure
REST_S = 30.0  # after the last failure
LAST_WORDS_S = 1.0  # a process that it has started itself may hold its output open
SECRETIVE, SHORTEST_SECRET = re.compile("KEY|SECRET|TOKEN|PASSWORD|CREDENTIAL"), 12
KEPT_LINES = 20  # of what it said last: a trace of Python's ends with the reason
READY = b"ready\n"
ROOT = Path(addon.__file__).parents[1]
# with the paths of this process behind its own: what `pip install --user` or PYTHONPATH brought is found there too
START = "import sys; sys.path[:] = sys.argv[1:2] + sys.path + sys.argv[2:]; from addon.sidecar import main; main()"
COMMAND = (sys.executable, "-I", "-c", START)

type Address = tuple[str, int]


@dataclass(slots=True, eq=False)
class _Child:
    """One process. ``wanted``: its end would be a failure."""

    process: subprocess.Popen[bytes]
    since: float
    wanted: bool = True
    last_lines: deque[str] = field(default_factory=lambda: deque(maxlen=KEPT_LINES))


class LitellmProcess:
    """See the module. Its verbs do not wait for the process, and are called by the event loop."""

    def __init__(self, command: tuple[str, ...] = COMMAND) -> None:
        """Nothing is started yet."""
        self.hide: Callable[[str], str] = str  # takes credentials out of what it says
        self.token = secrets.token_urlsafe(32)
        self.password = secrets.token_urlsafe(16)  # by which its own connections are known, see ``inspection``
        self.fault: str | None = None  # why it does not run, and will not for now
        self.is_ready = False
        self._command = command
        self._environment: Mapping[str, str] = {}
        self._listener: socket.socket | None = None
        self._child: _Child | None = None
        self._is_over = False
        self._failures = 0
        self._rested_at = 0.0  # when it may be tried again after a fault
        self._starts = 0  # of threads: a late one of an older start does nothing more
        self._lock = threading.Lock()

    @property
    def pid(self) -> int | None:
        """The process's id; None where none runs."""
        child = self._child
        return child.process.pid if child is not None else None

    @property
    def runs(self) -> bool:
        """Whether it was started, and not given up."""
        return self._listener is not None

    def reach(self, environment: Callable[[], Mapping[str, str]]) -> Address:
        """Return where it listens, and start it where it does not run. Raises: OSError with what keeps it from that."""
        with self._lock:
            if self.fault is not None and time.monotonic() < self._rested_at:
                raise OSError(self.fault)
            if self._listener is None:
                self._environment = environment()
                self.fault, self._failures, self._is_over = None, 0, False
                self._listener = socket.create_server(("127.0.0.1", 0), backlog=QUEUE)
                logger.info("Detour: litellm starts, in a process of its own: about 5 s the first time")
                self._begin()
            host, port = self._listener.getsockname()
        return host, port

    def renew(self, environment: Mapping[str, str]) -> None:
        """Go on with other variables, where they are others."""
        with self._lock:
            if self._listener is None or environment == self._environment:
                return
            logger.info("Detour: litellm starts anew: its environment has changed")
            self._environment = environment
            self._dismiss()
            self._begin()

    def end(self) -> None:
        """End it, and let go of the socket."""
        with self._lock:
            self._is_over, self.is_ready = True, False
            child = self._child
            self._dismiss()
            self._release()
        if child is not None:
            child.process.kill()  # nobody is left whom it could answer

    # -- with the lock -------------------------------------------------------------------------------------------------

    def _begin(self) -> None:
        self.is_ready = False
        self._starts += 1
        threading.Thread(target=self._stand_by, args=(self._starts,), name="detour-litellm", daemon=True).start()

    def _dismiss(self) -> None:
        """Let the process take no more requests, and end with its last."""
        child, self._child = self._child, None
        self._starts += 1
        if child is not None:
            child.wanted = False
            _close_input(child.process)

    def _release(self) -> None:
        if self._listener is not None:
            self._listener.close()
            self._listener = None

    # -- the thread ----------------------------------------------------------------------------------------------------

    def _stand_by(self, start: int) -> None:
        try:
            while (child := self._spawn(start)) is not None:
                self._watch(child)
                if not self._is_missed(child):
                    return
        except Exception as error:
            logger.exception("Detour: litellm's process cannot be started")
            with self._lock:
                self._give_up(f"litellm's process cannot be started: {error}")

    def _spawn(self, start: int) -> _Child | None:
        """Start a process; None where nobody wants this one any more."""
        with self._lock:
            if self._listener is None or start != self._starts:
                return None
            number = self._listener.fileno()
            process = subprocess.Popen(  # noqa: S603 - ourselves
                [*self._command, str(ROOT), *filter(None, sys.path)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                pass_fds=(number,),
                env=dict(self._environment),
                start_new_session=True,
            )
            self._child = child = _Child(process, time.monotonic())
        told = json.dumps({"listener": number, "token": self.token})
        try:
            assert process.stdin is not None  # noqa: S101 - it is a pipe
            process.stdin.write(told.encode() + b"\n")
            process.stdin.flush()
        except OSError:  # it has ended already: `_watch` sees it
            pass
        return child

    def _watch(self, child: _Child) -> None:
        """Stand by until it has ended."""
        listener = threading.Thread(target=self._listen, args=(child,), name="detour-litellm-log", daemon=True)
        listener.start()
        assert child.process.stdout is not None  # noqa: S101 - it is a pipe
        with child.process.stdout as said:
            if said.readline() == READY:
                if child is self._child:
                    self.is_ready = True
                logger.info("Detour: litellm is there, after %.1f s", time.monotonic() - child.since)
            child.process.wait()
        _close_input(child.process)
        listener.join(LAST_WORDS_S)

    def _listen(self, child: _Child) -> None:
        """Put what it says into the log, at the level at which nobody is disturbed."""
        assert child.process.stderr is not None  # noqa: S101 - it is a pipe
        with child.process.stderr as said:
            for raw in said:
                if line := self._hidden(raw.decode("utf-8", "replace").rstrip()):
                    child.last_lines.append(line)
                    logger.debug("litellm: %s", line)

    def _hidden(self, line: str) -> str:
        """Take out also what only litellm knows for a key: values of variables that are called like one."""
        for name, value in self._environment.items():
            if len(value) >= SHORTEST_SECRET and value in line and SECRETIVE.search(name):
                line = line.replace(value, f"${name}")
        return self.hide(line)

    def _is_missed(self, child: _Child) -> bool:
        """Weigh its end. Returns whether another one shall start."""
        with self._lock:
            if not child.wanted or self._is_over:
                return False
            self._child, self.is_ready = None, False
            is_steady = time.monotonic() - child.since >= STEADY_S
            self._failures = 1 if is_steady else self._failures + 1
            last = child.last_lines[-1] if child.last_lines else "it said nothing"
            why = f"litellm's process ended with {child.process.returncode} ({last})"
            if self._failures < MOST_FAILURES:
                logger.warning("Detour: %s; it is started again", why)
                return True
            self._give_up(f"{why}, {MOST_FAILURES} times in a row")
            for line in child.last_lines:
                logger.warning("litellm: %s", line)
            return False

    def _give_up(self, why: str) -> None:
        self.fault, self._rested_at = why, time.monotonic() + REST_S
        self.is_ready = False
        self._release()
        logger.warning("Detour: %s. It is tried again when it is asked for in %.0f s", why, REST_S)


def _close_input(process: subprocess.Popen[bytes]) -> None:
    if process.stdin is not None:
        try:
            process.stdin.close()
        except OSError:  # it is gone
            return
