"""Writes the prompt log beside the event loop: a queue, and a thread that empties it.

Theory of operation. A flow that has ended is taken by reference and put into the queue, which holds a bounded number
of bytes, or one exchange however large: above it, and where the log cannot be written, the exchange is counted as lost,
and that is said, once at first and then with every hundredth. An exchange never waits for its record, and never hears
of a fault of it.

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

from addon.prompts import redact
from addon.prompts.entry import Entry
from addon.prompts.log.scribe import Rules, Scribe
from addon.protocol.errors import ConfigError
from addon.proxy import recording
from addon.proxy.exchange import Exchange
from addon.proxy.recording import Taken
from addon.routing.config import Mode, Recording
from addon.routing.settings import Settings
from addon.settings import mark_secret

logger = logging.getLogger(__name__)

MOST_WAITING_BYTES = 32 << 20  # fifty exchanges of a long session: some two hundred a second can be written
MOST_WAITING = 5_000
PATIENCE_S = 5.0
GIVING_UP_S = 1.0
AGAIN_S = 5.0  # before a log that could not be written is opened again
TOLD_EVERY = 100
SHRINK_EVERY_S = 600.0
OUR_FAULT = "a fault of Detour's, see the log"


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

    def __init__(self, file: Callable[[], Path], made: Callable[[], tuple[str, ...]] = tuple) -> None:
        """``file``: where the log lies, in DETOUR_HOME; ``made``: what mints have made, and nobody may read."""
        self.tally = Tally()
        self._made = made
        self._home_file = file
        self._is_on: bool | None = None  # None: as it is written
        self._elsewhere: Path | None = None
        self._queue: queue.SimpleQueue[Taken | None] = queue.SimpleQueue()
        self._waiting = self._waiting_bytes = 0
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()  # of the two numbers
        self._desk = _Desk(self.file, lambda: self._home_file().parent, self._made)
        self._told, self._why = 0, ""  # how many lost exchanges were said, and why the last was one

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
                is_much = self._waiting > 0 and self._waiting_bytes + taken.size > MOST_WAITING_BYTES
                is_full = is_much or self._waiting >= MOST_WAITING
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
            self._lose(OUR_FAULT)

    def close(self) -> None:
        """Write what waits, and end."""
        thread, self._thread = self._thread, None
        if thread is None:
            return
        self._queue.put(None)
        thread.join(PATIENCE_S)
        if thread.is_alive():
            logger.warning("Detour: %d exchanges are not in the prompt log: the disk does not keep up", self._waiting)
            self._told = self.tally.lost + self._waiting
            self._desk.give_up()
            thread.join(GIVING_UP_S)
        elif self.tally.lost > self._told:
            self._told = self.tally.lost
            logger.warning("Detour: %d exchanges are not in the prompt log: %s", self._told, self._why)

    # -- the thread ----------------------------------------------------------------------------------------------------

    def _start(self) -> None:
        self._desk = _Desk(self.file, lambda: self._home_file().parent, self._made)
        self._thread = threading.Thread(target=self._run, name="detour-prompt-log", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        desk = self._desk
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
                    self._lose(OUR_FAULT)
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
        self.tally.fault = self._why = why
        if self.tally.lost > self._told and (is_new or self.tally.lost % TOLD_EVERY == 0):
            self._told = self.tally.lost
            logger.warning(
                "Detour: the prompt log %s cannot be written: %s (%d exchanges lost so far)",
                self.file(), why, self.tally.lost,
            )  # fmt: skip


def rules_of(settings: Settings, home: Path, made: tuple[str, ...] = ()) -> Rules:
    """Return what is never stored. Raises: ConfigError where the marks' key cannot be kept."""
    return Rules(mark_secret.read(home), settings.redact, (*redact.configured_keys(settings), *made))


class _Desk:
    """The log as the thread has it open."""

    def __init__(self, file: Callable[[], Path], home: Callable[[], Path], made: Callable[[], tuple[str, ...]]) -> None:
        self._find, self._home, self._made = file, home, made
        self._writer: Writes | None = None
        self._file: Path | None = None
        self._place: tuple[int, int] | None = None
        self._is_over = False
        self._known: tuple[Settings | None, tuple[str, ...]] = (None, ())
        self._failed_at, self._fault = -AGAIN_S, ""
        self._shrunk_at = -SHRINK_EVERY_S

    def write(self, taken: Taken) -> None:
        """Write an exchange. Raises: OSError, sqlite3.Error, ConfigError."""
        entry = recording.entry(taken)
        try:
            self._opened(taken.settings).add(entry)
        except (BrokenPipeError, EOFError):  # the process is gone: another one gets it, once
            self.close()
            self._failed_at = -AGAIN_S
            try:
                self._opened(taken.settings).add(entry)
            except (BrokenPipeError, EOFError):
                self.close()
                raise
        now = time.monotonic()
        if now - self._shrunk_at >= SHRINK_EVERY_S:
            self._shrunk_at = now
            self._shrink(taken.settings.recording)

    def give_up(self) -> None:
        """End the process that writes, from another thread; nothing more is written."""
        self._is_over = True
        if isinstance(writer := self._writer, Scribe):
            writer.kill()

    def _shrink(self, kept: Recording) -> None:
        """Let old exchanges go. A fault of it is no loss: what was written is written."""
        assert self._writer is not None  # noqa: S101 - something was just written
        try:
            gone = self._writer.shrink(kept.keep_days, kept.keep_bytes, time.time())
        except (OSError, sqlite3.Error) as error:
            logger.warning("Detour: old exchanges cannot leave the prompt log: %s", error)
            return
        if gone:
            logger.info("Detour: %d old exchanges have left the prompt log, see `retention`", gone)

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def _opened(self, settings: Settings) -> Writes:
        file, made = self._find(), self._made()
        if self._is_over:
            raise OSError("the disk does not keep up")
        if self._writer is not None and (file != self._file or self._place != _place(file)):
            self.close()  # also where it was removed: SQLite would write on into nowhere
        if self._writer is None:
            if time.monotonic() - self._failed_at < AGAIN_S:
                raise OSError(self._fault)
            try:
                self._writer = open_log(file, rules_of(settings, self._home(), made))
            except (OSError, sqlite3.Error, ConfigError) as error:
                self._failed_at, self._fault = time.monotonic(), str(error)
                raise
            self._file, self._place, self._known = file, _place(file), (settings, made)
        if settings is not self._known[0] or made is not self._known[1]:
            self._writer.keep(rules_of(settings, self._home(), made))
            self._known = settings, made
        return self._writer


def _place(file: Path) -> tuple[int, int] | None:
    """What tells a file from another one of its name; None: there is none."""
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
