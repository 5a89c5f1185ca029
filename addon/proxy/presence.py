"""Lets the command line find this Detour: the file that says where its doors and its CA are, while they are open."""

import logging
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from addon import __version__
from addon.routing import compaction
from addon.routing.settings import Settings
from addon.settings import instance_file, settings_file
from addon.settings.instance_file import Door, Instance

logger = logging.getLogger(__name__)


def moment() -> str:
    """Return the time as an instance says when it started."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def appear(settings: Settings, doors: Mapping[Door, str], confdir: Path, started: str) -> None:
    """Say that these doors are open, and what a client should know. Without a place for it, Detour works all the same.

    Said anew when other models answer.
    """
    if not doors:
        return
    home = settings_file.home_folder(settings)
    advice = compaction.needed(settings)
    variables = advice.variables if advice is not None else {}
    try:
        instance_file.write(
            home, Instance(os.getpid(), started, doors, str(confdir.absolute()), __version__, dict(variables))
        )
    except OSError as error:
        logger.warning("Detour: `detour claude` will not find this one: %s cannot be written: %s", home, error)


def vanish(settings: Settings | None) -> None:
    """Say that they are closed."""
    if settings is not None:
        instance_file.remove(settings_file.home_folder(settings), os.getpid())
