"""What the reader is given by whoever serves it: the log, the token, the clock, what only a running proxy can do."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from flask import current_app

from addon.prompts.entry import Entry
from addon.prompts.log.reading import Log

KEY = "detour"  # under which the application keeps it


class Again(Protocol):
    """Sends an exchange's request through the pipeline once more."""

    def __call__(self, entry: Entry, model: str, /) -> None:
        """Begin. Raises: ConfigError, with what a person should read, and then nothing is sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """See the module. ``open_log`` raises ConfigError where there is none yet; ``again`` None: no proxy runs here."""

    open_log: Callable[[], Log]
    token: Callable[[], str | None]  # None: it cannot be kept
    token_file: str
    clock: Callable[[], float]  # seconds since 1970
    by_address: bool = False  # others than this machine were let in, so any address may be its own
    again: Again | None = None
    models: Callable[[], Sequence[str]] = tuple  # what may be asked again


def house() -> House:
    """Return that of the application that answers."""
    found: House = current_app.extensions[KEY]
    return found
