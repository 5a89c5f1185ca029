"""A process of its own that writes the prompt log, so that it takes no time from the event loop.

Redacting, compressing and committing an exchange takes a millisecond and more, most of it with Python's lock held: a
thread of mitmproxy's process would hold up the streams of other exchanges. ``Scribe`` is to be used like a ``Writer``,
by one thread; it hands each exchange over a pipe and waits until that is stored. The process ends when the pipe does,
however mitmproxy ended, and no signal of the terminal reaches it.

A message is its length, eight bytes, and a pickle; both ends are this module. Classes of ours are told by their names:
after a reload of the addon the old one's values are of classes that pickle does not find any more.
"""

import io
import os
import pickle
import sqlite3
import struct
import subprocess
import sys
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import IO, Any, override

import addon
from addon.prompts.entry import Entry
from addon.prompts.log.writer import Writer
from addon.prompts.redact import Redactor
from addon.protocol.errors import ConfigError
from addon.routing.config import Pattern

LENGTH = struct.Struct(">Q")
OPEN = "open"
NICENESS = 5  # others first
PATIENCE_S = 5.0  # with a process that shall end
ROOT = Path(addon.__file__).parents[1]
# with the paths of this process behind its own: what `pip install --user` or PYTHONPATH brought is found there too
START = (
    "import sys; sys.path[:] = sys.argv[1:2] + sys.path + sys.argv[2:];"
    "from addon.prompts.log.scribe import main; main()"
)


@dataclass(frozen=True, slots=True)
class Rules:
    """What is never stored: ``own`` patterns and ``values`` beside what Detour knows; ``secret`` keys the marks."""

    secret: bytes
    own: tuple[Pattern, ...] = ()
    values: tuple[str, ...] = field(default=(), repr=False)

    def redactor(self) -> Redactor:
        """Return what takes it out."""
        return Redactor(self.secret, self.own, self.values)


class Scribe:
    """See the module. Every verb raises OSError where it fails, and where the process is gone."""

    def __init__(self, file: Path, rules: Rules) -> None:
        """Begin to write ``file``; ``rules`` say what is never stored."""
        self._process = subprocess.Popen(  # noqa: S603 - ourselves
            [sys.executable, "-I", "-c", START, str(ROOT), *filter(None, sys.path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            self._ask(OPEN, file, rules)
        except BaseException:
            self.close()
            raise

    def add(self, entry: Entry) -> int:
        """See Writer."""
        number: int = self._ask("add", entry)
        return number

    def keep(self, rules: Rules) -> None:
        """See Writer."""
        self._ask("keep", rules)

    def shrink(self, keep_days: int, keep_bytes: int, now: float) -> int:
        """See Writer."""
        gone: int = self._ask("shrink", keep_days, keep_bytes, now)
        return gone

    def kill(self) -> None:
        """End it at once, from any thread; whoever waits for it hears that it is gone."""
        self._process.kill()

    def close(self) -> None:
        """Let it end."""
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                try:
                    pipe.close()
                except OSError:  # it is gone
                    continue
        try:
            self._process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _ask(self, verb: str, *values: object) -> Any:
        assert self._process.stdin is not None  # noqa: S101 - they are pipes
        assert self._process.stdout is not None  # noqa: S101 - they are pipes
        try:
            _send(self._process.stdin, (verb, values))
        except BrokenPipeError:
            raise BrokenPipeError("the process that writes it has ended") from None
        answer = _receive(self._process.stdout)
        if answer is None:
            raise BrokenPipeError("the process that writes it has ended")
        fault, value = answer
        if fault is not None:
            raise OSError(fault)
        return value


class Pickler(pickle.Pickler):
    """Tells classes of ours by their names."""

    @override
    def persistent_id(self, value: object) -> tuple[str, str] | None:
        """Return module and name of a class of ours."""
        if isinstance(value, type) and value.__module__.startswith(f"{addon.__name__}."):
            return value.__module__, value.__qualname__
        return None


class Unpickler(pickle.Unpickler):
    """Finds them."""

    @override
    def persistent_load(self, name: tuple[str, str]) -> object:
        """Return the class."""
        return getattr(import_module(name[0]), name[1])


def _send(pipe: IO[bytes], message: object) -> None:
    data = io.BytesIO()
    Pickler(data, pickle.HIGHEST_PROTOCOL).dump(message)
    pipe.write(LENGTH.pack(data.tell()))
    pipe.write(data.getbuffer())
    pipe.flush()


def _receive(pipe: IO[bytes]) -> Any:
    """Return the next message; None: there is none any more."""
    head = pipe.read(LENGTH.size)
    if len(head) < LENGTH.size:
        return None
    (size,) = LENGTH.unpack(head)
    data = pipe.read(size)
    return Unpickler(io.BytesIO(data)).load() if len(data) == size else None


class Book:
    """The log at the process's end of the pipe; the verbs are those of ``Scribe``, and so is what they take."""

    def __init__(self, file: Path, rules: Rules) -> None:
        """Open it. Raises: OSError, sqlite3.Error, ConfigError."""
        self._writer = Writer(file, rules.redactor())
        self.add, self.shrink, self.close = self._writer.add, self._writer.shrink, self._writer.close

    def keep(self, rules: Rules) -> None:
        """Go by other rules from now on."""
        self._writer.keep(rules.redactor())


def main() -> None:
    """Write what comes, until nothing does."""
    if hasattr(os, "nice"):
        os.nice(NICENESS)
    book: Book | None = None
    try:
        while (message := _receive(sys.stdin.buffer)) is not None:
            verb, values = message
            answer: tuple[str | None, object] = (None, None)
            try:
                if verb == OPEN:
                    book = Book(*values)
                else:
                    answer = (None, getattr(book, verb)(*values))
            except (OSError, sqlite3.Error, ConfigError) as error:
                answer = (str(error), None)
            except Exception as error:  # noqa: BLE001 - the other end tells it
                answer = (f"a fault of Detour's: {error!r}", None)
            _send(sys.stdout.buffer, answer)
    except BrokenPipeError:
        pass
    finally:
        if book is not None:
            book.close()
