"""What is logged where: CONSOLE_LOG_LEVEL is mitmproxy's own ``termlog_verbosity``, FILE_LOG_LEVEL a file of ours.

The file is DETOUR_HOME/logs/detour.log, for the user's eyes only, three of at most 5 MB. It holds what Detour's own
loggers say; with the level debug also the bodies that LOG_REQUEST_BODY and LOG_RESPONSE_BODY ask for, which go nowhere
else.
"""

import logging
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from io import TextIOWrapper
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Protocol, cast, override

from mitmproxy import ctx

from addon.routing.config import LOGGING
from addon.routing.settings import Settings

logger = logging.getLogger(__name__)

OURS = logging.getLogger("addon")
BODIES = logging.getLogger("detour.bodies")  # apart from OURS: no handler of mitmproxy's shall see a prompt
BODIES.propagate = False
BODIES.setLevel(logging.DEBUG)
FOLDER, FILE = "logs", "detour.log"
LARGEST = 5 * 1024 * 1024  # bytes of one file
OLD_ONES = 2
FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"
CONSOLE_OPTION = "termlog_verbosity"


class ControlPort(Protocol):
    """What is in force; see ``Control``."""

    settings: Settings | None
    changed: list[Callable[[], None]]

    @property
    def home(self) -> Path:
        """Where Detour keeps what it writes."""


class LogFile:
    """Follows the settings in force."""

    def __init__(self, control: ControlPort) -> None:
        """``control`` tells when they change."""
        self._control = control
        self._handler: _File | None = None
        self._shown = ""  # the console's level as we set it; empty: it is the user's
        self._is_running = False
        control.changed.append(self.apply)

    def running(self) -> None:
        """Now that every option is there, set the console's too."""
        self._is_running = True
        self.apply()

    def done(self) -> None:
        """Close the file."""
        if self.apply in self._control.changed:
            self._control.changed.remove(self.apply)
        self._close()

    def apply(self) -> None:
        """Do as the settings say."""
        settings = self._control.settings
        wanted = settings.logging if settings is not None else LOGGING
        path = self._control.home / FOLDER / FILE
        level = logging.getLevelNamesMapping()[wanted.file_level.upper()] if wanted.file_level else None
        if level is None:
            self._close()
        elif self._handler is None or not self._handler.is_as(path, level):
            self._close()
            self._open(path, level)
        if self._is_running:
            self._set_console(wanted.console_level)

    def _open(self, path: Path, level: int) -> None:
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._handler = _File(path, level)
        except OSError as error:
            logger.warning("Detour: %s cannot be written: %s", path, error)
            return
        OURS.addHandler(self._handler)
        BODIES.addHandler(self._handler)

    def _close(self) -> None:
        if self._handler is not None:
            self._handler.leave()
            self._handler = None

    def _set_console(self, level: str | None) -> None:
        """Set the option, unless it is one that the user has set."""
        if CONSOLE_OPTION not in ctx.options:
            return
        now = getattr(ctx.options, CONSOLE_OPTION)
        is_free = now == self._shown if self._shown else not ctx.options.has_changed(CONSOLE_OPTION)
        if is_free and (level or self._shown):
            self._shown = level or ""
            ctx.options.update(**{CONSOLE_OPTION: level or ctx.options.default(CONSOLE_OPTION)})


class _File(RotatingFileHandler):
    """A file of mode 0600. One that cannot be written any more is told so once, and left."""

    def __init__(self, path: Path, level: int) -> None:
        self._is_left = False
        super().__init__(path, maxBytes=LARGEST, backupCount=OLD_ONES, encoding="utf-8", errors="replace")
        self.setLevel(level)
        self.setFormatter(logging.Formatter(FORMAT))

    def is_as(self, path: Path, level: int) -> bool:
        """Whether it is this file at this level."""
        return Path(self.baseFilename) == path and self.level == level

    def leave(self) -> None:
        """Take nothing more."""
        self._is_left = True
        OURS.removeHandler(self)
        BODIES.removeHandler(self)
        with suppress(OSError):  # what is still to be written cannot be
            self.close()

    @override
    def _open(self) -> TextIOWrapper:
        handle = os.open(self.baseFilename, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        return cast(TextIOWrapper, os.fdopen(handle, self.mode, encoding=self.encoding, errors=self.errors))

    @override
    def handleError(self, record: logging.LogRecord) -> None:
        error = sys.exception()
        if isinstance(error, OSError) and not self._is_left:
            self.leave()
            logger.warning("Detour: %s cannot be written any more: %s", self.baseFilename, error)
        elif not isinstance(error, OSError):
            super().handleError(record)
