"""Reads what the user configured: the environment, ``.env`` in the working directory, and ``detour.yaml``.

The environment wins over ``.env``. python-dotenv reads the file; nothing is ever written into the process's
environment. (pydantic-settings would do both, and cost 5 MB of memory for it.)
"""

import logging
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from difflib import get_close_matches
from pathlib import Path

from dotenv import dotenv_values
from dotenv.parser import parse_stream
from mitmproxy import flowfilter

from addon.protocol.errors import ConfigError
from addon.routing.settings import Decider, Settings
from addon.settings import assembly, routing_function, secret, user_path
from addon.settings.assembly import Configuration
from addon.settings.document import Document
from addon.settings.environment import PLAIN_SETTINGS
from addon.settings.providers import Place

logger = logging.getLogger(__name__)

ENV_FILE = ".env"
FILE = "detour.yaml"
FILE_SETTING = "DETOUR_CONFIG"
LARGEST = 4_000_000  # bytes; a text of a million characters is refused anyway, and nobody writes one
NAME = "claude-detour"
NEARLY = 0.85  # of the letters alike: BIG_MODLE, but not BIG_MODEL_NAME

type Stamp = tuple[int, int, int] | None  # of a file: when written, how large, which; None: there is none


@dataclass(frozen=True, slots=True)
class Reading:
    """A configuration, and the files it was made of."""

    configuration: Configuration
    file: Path | None  # the document; None: there is none
    stamps: Mapping[Path, Stamp] = field(default_factory=dict)

    @property
    def is_empty(self) -> bool:
        """Whether there is a document that says nothing."""
        return self.file is not None and not self.configuration.document.model_fields_set

    @property
    def is_current(self) -> bool:
        """Whether reading again would give the same."""
        return all(stamp(path) == known for path, known in self.stamps.items())


class Unread(ConfigError):
    """What is written is wrong. ``stamps`` are those of Reading: where one changes, it may be right again."""

    def __init__(self, message: str, stamps: Mapping[Path, Stamp]) -> None:
        """Take the sentence for the user, and what was looked at."""
        super().__init__(message)
        self.stamps = stamps


def stamp(path: Path) -> Stamp:
    """Return what changes when a file does."""
    try:
        found = path.stat()
    except (OSError, ValueError):  # none there, or none that could be: a name with a null in it
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def read(folder: Path, chosen: str | None = None) -> Reading:
    """Read what is written, for a process that works in ``folder``; ``chosen`` names the file. Raises: Unread."""
    reader = _Reader(folder)
    try:
        configuration, path = reader.read(chosen)
    except ConfigError as error:
        raise Unread(error.message, reader.stamps) from None
    return Reading(configuration, path, reader.stamps)


@dataclass(slots=True)
class _Reader:
    """One reading. Every file's stamp is taken before it is read: what is saved meanwhile is read next time."""

    folder: Path
    stamps: dict[Path, Stamp] = field(default_factory=dict)

    def watch(self, path: Path) -> Path:
        self.stamps.setdefault(path, stamp(path))
        return path

    def read(self, chosen: str | None) -> tuple[Configuration, Path | None]:
        in_file, around = _environment(self.watch(self.folder / ENV_FILE))
        values = {**in_file, **around}  # an empty variable hides the file's value
        path = self._found(chosen or values.get(FILE_SETTING))
        written, place, unused = _document(path)
        beside = path.parent if path is not None else self.folder
        decider = self._decider(written, place, beside)
        vault = secret.Vault(beside, self.watch)
        origins = dict.fromkeys(around, "the environment") | {name: ENV_FILE for name in in_file if name not in around}
        configuration = assembly.configure(
            written, values, place, vault.read, decider, lambda name: origins.get(name, ""), unused, date.today()
        )
        _check_filters(configuration.filters)
        _check_home(configuration.base)
        return configuration, path

    def _found(self, named: str | None) -> Path | None:
        """Return the document: the one that is named, else the working directory's, else the user's own."""
        if named:
            path = self.watch(user_path.at(named, self.folder))
            if not _exists(path):
                raise ConfigError(f"{path} does not exist; write it with `detour config init`, or name another")
            return path
        places = [self.watch(self.folder / FILE), self.watch(config_folder() / FILE)]
        return next(filter(_exists, places), None)

    def _decider(self, written: Document, place: Place, beside: Path) -> Decider | None:
        if written.function is None:
            return None
        try:
            self.watch(routing_function.file_of(written.function, beside))
            return routing_function.load(written.function, beside)
        except ConfigError as error:
            raise ConfigError(f"{place(('function',))}: function: {error.message}") from None


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path} cannot be read: {error}") from None


def config_folder(platform: str = sys.platform, environment: Mapping[str, str] = os.environ) -> Path:
    """Return the platform's folder for a user's configuration of Detour."""
    if platform == "win32":
        return Path(environment.get("APPDATA") or Path.home() / "AppData" / "Roaming") / NAME
    if platform == "darwin" and not environment.get("XDG_CONFIG_HOME"):
        return Path.home() / "Library" / "Application Support" / NAME
    return Path(environment.get("XDG_CONFIG_HOME") or Path.home() / ".config") / NAME


def _environment(env_file: Path) -> tuple[dict[str, str], dict[str, str]]:
    """Return what ``.env`` says and what the environment says, by upper-case name."""
    try:
        _check(env_file)
        in_file = dotenv_values(env_file, encoding="utf-8-sig") if env_file.exists() else {}
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{env_file} cannot be read: {error}") from error
    return _upper(in_file), _upper(os.environ)


def variables(folder: Path) -> dict[str, str]:
    """Return the environment over what ``.env`` says, under the names as they are written, for a process of ours.

    Raises: ConfigError.
    """
    file = folder / ENV_FILE
    try:
        in_file = dotenv_values(file, encoding="utf-8-sig") if file.is_file() else {}
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file} cannot be read: {error}") from error
    return {**{name: value for name, value in in_file.items() if value is not None}, **os.environ}


def _upper(found: Mapping[str, str | None]) -> dict[str, str]:
    return {name.upper(): value for name, value in found.items() if value is not None}


def _document(path: Path | None) -> tuple[Document, Place, tuple[str, ...]]:
    if path is None:
        return Document.model_construct(), lambda found: FILE, ()
    from addon.settings import document_text  # noqa: PLC0415 - 15 ms, and most runs have no file

    if not path.is_file():  # a folder; a pipe would be waited for without end
        raise ConfigError(f"{path} cannot be read: it is no file")
    try:
        if path.stat().st_size > LARGEST:
            raise ConfigError(f"{path} has more than {LARGEST:,} bytes: it cannot be a configuration")
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read: {error}") from error
    return document_text.parse(text, path.name)


def _check_filters(filters: Mapping[str, str]) -> None:
    for expression, where in filters.items():
        try:
            flowfilter.parse(expression)
        except ValueError as error:
            raise ConfigError(f"{where}: {expression!r} is no flow filter: {error}") from None


def _check_home(settings: Settings) -> None:
    home = home_folder(settings)
    if home.exists() and not home.is_dir():
        raise ConfigError(f"DETOUR_HOME is {str(home)!r}, which is no folder: name one, or one that can be made")


def _check(env_file: Path) -> None:
    """Refuse what the reader of ``.env`` files would pass over in silence; ask about names that are nearly ours."""
    if not env_file.exists():
        return
    if not env_file.is_file():  # a folder; a pipe would be waited for without end
        raise ConfigError(f"{env_file} cannot be read: it is no file")
    with env_file.open(encoding="utf-8") as lines:
        bindings = list(parse_stream(lines))
    for binding in bindings:
        if binding.error:
            raise ConfigError(f"{env_file}, line {binding.original.line}: write NAME=value, or # before a comment")
        name = (binding.key or "").upper()
        near = get_close_matches(name, PLAIN_SETTINGS, n=1, cutoff=NEARLY)
        if near and name not in PLAIN_SETTINGS:
            logger.warning("Detour: %s in %s is no setting; is %s meant?", name, env_file, near[0])


def home_folder(settings: Settings, platform: str = sys.platform, environment: Mapping[str, str] = os.environ) -> Path:
    """Return where Detour keeps what it writes: DETOUR_HOME, else the platform's folder for a user's data."""
    if settings.home:
        return user_path.at(settings.home, Path.cwd())
    user = Path.home()
    if platform == "darwin":
        return user / "Library" / "Application Support" / NAME
    if platform == "win32":
        return Path(environment.get("LOCALAPPDATA") or user / "AppData" / "Local") / NAME
    return Path(environment.get("XDG_DATA_HOME") or user / ".local" / "share") / NAME
