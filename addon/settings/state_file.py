"""What was chosen while running, kept for the next start: a small file under DETOUR_HOME, written in one piece.

Beside it stands the token that REST calls must bear when they change something.
"""

import json
import logging
import re
import secrets
from pathlib import Path

from addon.settings import private_file
from addon.settings.switch import Switch, dump, load

logger = logging.getLogger(__name__)

FILE, TOKEN = "state.json", "token"
TOKEN_BYTES = 24
TOKEN_SHAPE = re.compile(r"[A-Za-z0-9_-]{32,}")  # as it is made; any other, an empty one too, is made anew
LARGEST = 65_536  # bytes; a state has a few hundred


def read(home: Path) -> tuple[Switch, dict[str, str]]:
    """Return what was chosen, and over what; nothing where there is no file, or none that can be read."""
    path = home / FILE
    try:
        if not path.exists():
            return Switch(), {}
        if path.is_file() and path.stat().st_size <= LARGEST:
            return load(json.loads(path.read_text(encoding="utf-8")))
        error: Exception = ValueError("it is none of Detour's")
    except (OSError, ValueError, RecursionError) as caught:
        error = caught
    logger.warning("Detour: %s cannot be read (%s): the models are those that are configured", path, error)
    return Switch(), {}


def write(home: Path, switch: Switch, over: dict[str, str]) -> None:
    """Keep what is chosen; what cannot be kept holds for this run only, and is said so."""
    try:
        private_file.write(home / FILE, json.dumps(dump(switch, over), indent=1) + "\n")
    except OSError as error:
        logger.warning("Detour: %s cannot be written (%s): the choice ends with this run", home / FILE, error)


def token(home: Path) -> str:
    """Return the token for REST calls that change something; made at the first time. Raises: OSError."""
    path = home / TOKEN
    if path.is_file() and TOKEN_SHAPE.fullmatch(kept := path.read_text(encoding="utf-8", errors="replace").strip()):
        return kept
    made = secrets.token_urlsafe(TOKEN_BYTES)
    private_file.write(path, made + "\n")
    return made
