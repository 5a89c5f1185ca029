"""Keys that stand in a file or are printed by a command, read when the settings are.

What a command prints is good for its ``lifetime``; it is remembered, so that settings that are read anew do not ask
for a fingerprint again.
"""

import subprocess
import time
from collections.abc import Callable
from math import inf
from pathlib import Path

from addon.protocol.errors import ConfigError
from addon.settings import user_path
from addon.settings.document import Credential

COMMAND_LIMIT_S = 30.0  # a password manager may ask its user to unlock it
EARLY = 0.9  # of its lifetime: a key is minted anew before it runs out
RETRY_S = 60.0  # after a command failed: a network may be back, and whoever cancels a question is left in peace
LONGEST_FILE = 65_536  # bytes

type Command = tuple[str, ...] | str

_minted: dict[Command, tuple[str, float]] = {}  # command -> key, and until when it is good


class Vault:
    """Reads the keys of one reading of the settings.

    ``folder`` is where a relative path begins; ``watch`` is told of each file before it is read. ``good_until`` is when
    the first of the keys that commands printed runs out, or when one that printed none may be asked again.
    """

    def __init__(
        self, folder: Path, watch: Callable[[Path], object], clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Nothing is read yet."""
        self.good_until: float | None = None
        self._folder = folder
        self._watch = watch
        self._clock = clock

    def read(self, credential: Credential) -> str | None:
        """Return the key; None where none is asked for. Raises: ConfigError, which never quotes what was read."""
        if credential.file is not None:
            return self._file(user_path.at(credential.file, self._folder))
        if credential.command is None:
            return None
        command = credential.command if isinstance(credential.command, str) else tuple(credential.command)
        key, good_until = _minted.get(command, ("", -inf))
        if self._clock() >= good_until:
            try:
                key = _run(command)
            except ConfigError:
                self._end(self._clock() + RETRY_S)
                raise
            good_until = self._clock() + EARLY * (credential.lifetime or inf)
            _minted[command] = (key, good_until)
        if good_until != inf:
            self._end(good_until)
        return key

    def _end(self, good_until: float) -> None:
        self.good_until = good_until if self.good_until is None else min(self.good_until, good_until)

    def _file(self, path: Path) -> str:
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


def _run(command: Command) -> str:
    shown = command if isinstance(command, str) else " ".join(command)
    try:
        done = subprocess.run(  # noqa: S603 - the user's own command, from the user's own file
            command,
            shell=isinstance(command, str),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="replace",
            timeout=COMMAND_LIMIT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise ConfigError(f"`{shown}` has printed no key within {COMMAND_LIMIT_S:g} s") from None
    except (OSError, ValueError) as error:
        raise ConfigError(f"`{shown}` cannot be run: {error}") from None
    if done.returncode != 0:
        said = (done.stderr.strip().splitlines() or ["nothing"])[-1]
        raise ConfigError(f"`{shown}` ended with {done.returncode} and said: {said:.200}")
    if not (key := done.stdout.strip().partition("\n")[0].strip()):  # password managers print notes below
        raise ConfigError(f"`{shown}` has printed no key")
    return key
