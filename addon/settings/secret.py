"""Keys that stand in a file or are printed by a command, read when the settings are.

What a command prints is good for its ``lifetime``; it is remembered, so that settings that are read anew do not ask
for a fingerprint again.
"""

import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from addon.protocol.errors import ConfigError
from addon.settings.document import Credential

COMMAND_LIMIT_S = 30.0  # a password manager may ask its user to unlock it
EARLY = 0.9  # of its lifetime: a key is minted anew before it runs out
LONGEST_FILE = 65_536  # bytes

_minted: dict[tuple[str, ...] | str, tuple[str, float]] = {}  # command -> key, and until when it is good


class Vault:
    """Reads the keys of one reading of the settings, and notes what to watch."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Nothing is read yet."""
        self.files: list[Path] = []
        self.good_until: float | None = None
        self._clock = clock

    def read(self, credential: Credential) -> str | None:
        """Return the key; None for an empty file. Raises: ConfigError, which never quotes what was read."""
        if credential.file is not None:
            return self._file(Path(credential.file).expanduser())
        if credential.command is None:
            return None
        command = credential.command if isinstance(credential.command, str) else tuple(credential.command)
        key, good_until = _minted.get(command, ("", 0.0))
        if self._clock() >= good_until:
            key = _run(command)
            good_until = self._clock() + EARLY * (credential.lifetime or float("inf"))
            _minted[command] = (key, good_until)
        if good_until != float("inf"):
            self.good_until = min(self.good_until or good_until, good_until)
        return key

    def _file(self, path: Path) -> str | None:
        self.files.append(path)
        try:
            if not path.is_file():
                raise ConfigError(f"{path} is no file; it should hold the key")
            if path.stat().st_size > LONGEST_FILE:
                raise ConfigError(f"{path} is too large to hold a key and nothing else")
            return path.read_text(encoding="utf-8").strip() or None
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"{path} cannot be read: {type(error).__name__}") from None


def _run(command: str | tuple[str, ...]) -> str:
    shown = command if isinstance(command, str) else " ".join(command)
    try:
        done = subprocess.run(  # noqa: S603 - the user's own command, from the user's own file
            command,
            shell=isinstance(command, str),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=COMMAND_LIMIT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise ConfigError(f"`{shown}` has printed no key within {COMMAND_LIMIT_S:g} s") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"`{shown}` cannot be run: {error}") from None
    if done.returncode != 0:
        said = (done.stderr.strip().splitlines() or ["nothing"])[-1]
        raise ConfigError(f"`{shown}` ended with {done.returncode} and said: {said:.200}")
    if not (key := done.stdout.strip()):
        raise ConfigError(f"`{shown}` has printed no key")
    return key
