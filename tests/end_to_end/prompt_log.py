"""What a running proxy has written to its prompt log so far."""

from contextlib import suppress
from pathlib import Path

from sqlalchemy.exc import OperationalError

from addon.prompts.entry import Summary
from addon.prompts.log.reading import Log, NoLog, Wanted
from addon.prompts.log.statements import FILE


def summaries(home: Path, wanted: Wanted) -> list[Summary]:
    """The exchanges; none while the log is being made."""
    with suppress(NoLog, OperationalError):
        log = Log(home / FILE)
        try:
            return log.summaries(wanted)
        finally:
            log.close()
    return []
