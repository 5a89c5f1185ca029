"""Keys that stand in a file, read when the settings are."""

from collections.abc import Callable
from pathlib import Path

from addon.protocol.errors import ConfigError
from addon.settings import user_path
from addon.settings.document import Credential

LONGEST_FILE = 65_536  # bytes


class Vault:
    """Reads the keys of one reading of the settings.

    ``folder`` is where a relative path begins; ``watch`` is told of each file before it is read.
    """

    def __init__(self, folder: Path, watch: Callable[[Path], object]) -> None:
        """Nothing is read yet."""
        self._folder = folder
        self._watch = watch

    def read(self, credential: Credential) -> str | None:
        """Return the key; None where it is in no file. Raises: ConfigError, which never quotes what was read."""
        if credential.file is None:
            return None
        path = user_path.at(credential.file, self._folder)
        self._watch(path)
        try:
            if not path.is_file():
                raise ConfigError(f"{path} is no file; it should hold the key")
            if path.stat().st_size > LONGEST_FILE:
                raise ConfigError(f"{path} is too large to hold a key and nothing else")
            key = path.read_text(encoding="utf-8-sig").strip()
        except (OSError, ValueError) as error:
            raise ConfigError(f"{path} cannot be read: {type(error).__name__}") from None
        if not key:
            raise ConfigError(f"{path} is empty; it should hold the key")
        return key
