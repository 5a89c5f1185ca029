"""The log, opened when a page first asks for it, and anew when another file has taken its place."""

from pathlib import Path
from threading import Lock

from addon.prompts.log.reading import Log


class Shelf:
    """One log for all pages, which several threads read."""

    def __init__(self, file: Path) -> None:
        """``file`` need not be there yet."""
        self.file = file
        self._log: Log | None = None
        self._identity: tuple[int, int] | None = None
        self._lock = Lock()

    def open(self) -> Log:
        """Return the log. Raises: NoLog."""
        with self._lock:
            identity = _identity(self.file)
            if self._log is None or identity != self._identity:
                self._drop()
                self._log, self._identity = Log(self.file), identity
            return self._log

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._drop()

    def _drop(self) -> None:
        if self._log is not None:
            self._log.close()
            self._log = None


def _identity(file: Path) -> tuple[int, int] | None:
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
