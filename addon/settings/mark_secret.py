"""The key of the marks that stand for redacted secrets: 32 bytes by chance, made when they are first needed.

It lies in DETOUR_HOME, so that the same secret has the same mark in every session, and is the user's alone: with it a
guessed secret could be held against a mark.
"""

import os
import secrets
import tempfile
from contextlib import suppress
from pathlib import Path

from addon.protocol.errors import ConfigError

NAME = "marks.key"
BYTES = 32


def read(home: Path) -> bytes:
    """Return the key. Two that make it at once get the same one. Raises: ConfigError when it cannot be had."""
    path = home / NAME
    try:
        if not path.exists():
            _make(path)
        path.chmod(0o600)
        key = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{path}, the key of redaction marks, cannot be read or made: {error.strerror}") from None
    if len(key) != BYTES:
        raise ConfigError(f"{path} has {len(key)} bytes, not {BYTES}: remove it, and marks begin anew")
    return key


def _make(path: Path) -> None:
    """Put it there whole, unless somebody was faster."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".")  # made with 0600
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(secrets.token_bytes(BYTES))
        with suppress(FileExistsError):
            path.hardlink_to(name)
    finally:
        Path(name).unlink()
