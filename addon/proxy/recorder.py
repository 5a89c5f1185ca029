"""Writes the prompt log beside the event loop: a queue, and a thread that empties it.

Theory of operation. A flow that has ended is taken by reference and put into the queue, which holds a bounded number
of bytes: above it, and where the log cannot be written, the exchange is counted as lost, and that is said, once at
first and then with every hundredth. An exchange never waits for its record, and never hears of a fault of it.

The log is opened with the first exchange, and again after a failure, not more often than every few seconds. Whatever
is in the queue when mitmproxy ends is written first, for at most ``PATIENCE_S``. What is in force is read from the
settings of each exchange, so a change of them needs nothing.
"""

import logging
import queue
import sqlite3
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from mitmproxy import http

from addon.prompts.entry import Entry
from addon.prompts.log.scribe import Rules, Scribe
from addon.protocol.errors import ConfigError
from addon.proxy import recording
from addon.proxy.exchange import Exchange
from addon.proxy.recording import Taken
from addon.routing.config import Mode
from addon.routing.settings import Settings
from addon.settings import mark_secret

logger = logging.getLogger(__name__)

MOST_WAITING_BYTES = 64 << 20  # two hundred requests of 300 kB: more than a disk is ever behind
MOST_WAITING = 5_000
PATIENCE_S = 5.0
AGAIN_S = 5.0  # before a log that could not be written is opened again
TOLD_EVERY = 100
SHRINK_EVERY_S = 600.0


class Writes(Protocol):
    """A ``Scribe``, or a ``Writer`` in this process."""

    def add(self, entry: Entry) -> int:
        """Store an exchange."""

    def keep(self, rules: Rules) -> None:
        """Go by other rules."""

    def shrink(self, keep_days: int, keep_bytes: int, now: float) -> int:
        """Let old exchanges go."""

    def close(self) -> None:
        """Let go of the file."""


open_log: Callable[[Path, Rules], Writes] = Scribe  # tests write in their own process


@dataclass(slots=True)
class Tally:
    """What became of the exchanges since the start. ``fault``: why the last one was lost; None: it was written."""

    written: int = 0
    lost: int = 0
    fault: str | None = None


class Recorder:
    """See the module. ``note`` is called by the event loop, all else by whoever."""

    def __init__(self, file: Callable[[], Path]) -> None:
        """``file``: where the log lies, in DETOUR_HOME."""
        self.tally = Tally()
        self._home_file = file
        self._is_on: bool | None = None  # None: as it is written
        self._elsewhere: Path | None = None
        self._queue: queue.SimpleQueue[Taken | None] = queue.SimpleQueue()
        self._waiting = self._waiting_bytes = 0
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()  # of the two numbers

    def is_on(self, settings: Settings) -> bool:
        """Whether exchanges are kept from now on."""
        return settings.recording.mode is not Mode.OFF if self._is_on is None else self._is_on

    def mode(self, settings: Settings) -> Mode:
        """How much of each is kept, where any is: all where ``record: off`` is written and it was switched on."""
        configured = settings.recording.mode
        return Mode.FULL if configured is Mode.OFF else configured

    def switch(self, *, on: bool, file: Path | None = None) -> None:
        """Keep exchanges or do not, until the end, whatever is written; ``file`` None: as before."""
        self._is_on = on
        self._elsewhere = file or self._elsewhere

    def file(self) -> Path:
        """Where the log lies now."""
        return self._elsewhere or self._home_file()

    @property
    def waiting(self) -> int:
        """How many exchanges are not written yet."""
        return self._waiting

    def note(self, flow: http.HTTPFlow, exchange: Exchange | None, settings: Settings) -> None:
        """Keep a flow that has ended. Never raises, never waits."""
        if not self.is_on(settings):
            return
        try:
            taken = recording.take(flow, exchange, settings, time.time())
            with self._lock:
                is_full = self._waiting >= MOST_WAITING or self._waiting_bytes + taken.size > MOST_WAITING_BYTES
                if not is_full:
                    self._waiting += 1
                    self._waiting_bytes += taken.size
            if is_full:
                self._lose("the disk does not keep up")
                return
            self._queue.put(taken)
            if self._thread is None:
                self._start()
        except Exception:
            logger.exception("Detour: %s is not in the prompt log", flow.id)

    def close(self) -> None:
        """Write what waits, and end."""
        thread, self._thread = self._thread, None
        if thread is None:
            return
        self._queue.put(None)
        thread.join(PATIENCE_S)
        if thread.is_alive():
            logger.warning("Detour: %d exchanges are not in the prompt log: the disk does not keep up", self._waiting)

    # -- the thread ----------------------------------------------------------------------------------------------------

    def _start(self) -> None:
        self._thread = threading.Thread(target=self._run, name="detour-prompt-log", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        desk = _Desk(self.file, lambda: self._home_file().parent)
        try:
            while (taken := self._queue.get()) is not None:
                try:
                    desk.write(taken)
                    self.tally.written += 1
                    self.tally.fault = None
                except (OSError, sqlite3.Error, ConfigError) as error:
                    self._lose(str(error))
                except Exception:
                    logger.exception("Detour: an exchange is not in the prompt log")
                    self._lose("a fault of Detour's, see the log")
                finally:
                    with self._lock:
                        self._waiting -= 1
                        self._waiting_bytes -= taken.size
                    del taken
        finally:
            desk.close()

    def _lose(self, why: str) -> None:
        self.tally.lost += 1
        is_new = why != self.tally.fault
        self.tally.fault = why
        if is_new or self.tally.lost % TOLD_EVERY == 0:
            logger.warning(
                "Detour: the prompt log %s cannot be written: %s (%d exchanges lost so far)",
                self.file(), why, self.tally.lost,
            )  # fmt: skip


def rules_of(settings: Settings, home: Path) -> Rules:
    """Return what is never stored. Raises: ConfigError where the marks' key cannot be kept."""
    keys = tuple(key for endpoint in settings.endpoints.values() if (key := endpoint.credential.key))
    return Rules(mark_secret.read(home), settings.redact, keys)


class _Desk:
    """The log as the thread has it open."""

    def __init__(self, file: Callable[[], Path], home: Callable[[], Path]) -> None:
        self._find, self._home = file, home
        self._writer: Writes | None = None
        self._file: Path | None = None
        self._settings: Settings | None = None
        self._failed_at, self._fault = -AGAIN_S, ""
        self._shrunk_at = -SHRINK_EVERY_S

    def write(self, taken: Taken) -> None:
        """Write an exchange. Raises: OSError, sqlite3.Error, ConfigError."""
        writer = self._opened(taken.settings)
        try:
            writer.add(recording.entry(taken))
        except (BrokenPipeError, EOFError):
            self.close()  # the process is gone; the next exchange begins another
            raise
        now = time.monotonic()
        if now - self._shrunk_at >= SHRINK_EVERY_S:
            self._shrunk_at = now
            kept = taken.settings.recording
            if gone := writer.shrink(kept.keep_days, kept.keep_bytes, time.time()):
                logger.info("Detour: %d old exchanges have left the prompt log, see `retention`", gone)

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def _opened(self, settings: Settings) -> Writes:
        file = self._find()
        if self._writer is not None and file != self._file:
            self.close()
        if self._writer is None:
            if time.monotonic() - self._failed_at < AGAIN_S:
                raise OSError(self._fault)
            try:
                self._writer = open_log(file, rules_of(settings, self._home()))
            except (OSError, sqlite3.Error, ConfigError) as error:
                self._failed_at, self._fault = time.monotonic(), str(error)
                raise
            self._file, self._settings = file, settings
        if settings is not self._settings:
            self._writer.keep(rules_of(settings, self._home()))
            self._settings = settings
        return self._writer
