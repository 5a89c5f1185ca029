"""Writes a file that is the user's alone, in one piece: a reader finds the old text or the new one, never a half."""

import os
import tempfile
from pathlib import Path


def write(path: Path, text: str) -> None:
    """Write ``text`` with mode 0600, in a folder that is made with 0700 where it is missing. Raises: OSError."""
    write_bytes(path, text.encode())


def write_bytes(path: Path, content: bytes) -> None:
    """Write ``content`` the same way. Raises: OSError."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".")  # made with 0600
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
