"""Reads what the user configured: the environment, ``.env`` in the working directory, and ``detour.yaml``.

The environment wins over ``.env``. pydantic-settings' two sources do the reading of both, without a model of a hundred
fields; nothing is ever written into the process's environment.
"""

import logging
import os
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path

from dotenv.parser import parse_stream
from mitmproxy import flowfilter
from pydantic_settings import BaseSettings, DotEnvSettingsSource, EnvSettingsSource

from addon.protocol.errors import ConfigError
from addon.routing.settings import Decider, Settings
from addon.settings import assembly, document_text, routing_function, secret
from addon.settings.assembly import Configuration
from addon.settings.document import Document
from addon.settings.environment import PLAIN_SETTINGS
from addon.settings.providers import Place

logger = logging.getLogger(__name__)

ENV_FILE = ".env"
FILE = "detour.yaml"
FILE_SETTING = "DETOUR_CONFIG"
NAME = "claude-detour"
NEARLY = 0.85  # of the letters alike: BIG_MODLE, but not BIG_MODEL_NAME

type Stamp = tuple[int, int, int] | None  # of a file: when written, how large, which; None: there is none


@dataclass(frozen=True, slots=True)
class Reading:
    """A configuration, and the files it was made of."""

    configuration: Configuration
    file: Path | None  # the document; None: there is none
    stamps: Mapping[Path, Stamp] = field(default_factory=dict)
    good_until: float | None = None  # seconds of the clock of `time.monotonic`: when a minted key runs out

    def is_current(self, now: float) -> bool:
        """Whether reading again would give the same."""
        good = self.good_until is None or now < self.good_until
        return good and all(stamp(path) == known for path, known in self.stamps.items())


def stamp(path: Path) -> Stamp:
    """Return what changes when a file does."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def read(folder: Path, chosen: str | None = None) -> Reading:
    """Read what is written, for a process that works in ``folder``; ``chosen`` names the file. Raises: ConfigError."""
    env_file = folder / ENV_FILE
    in_file, around = _environment(env_file)
    values = {**in_file, **around}  # an empty variable hides the file's value
    candidates = [Path(chosen).expanduser()] if chosen else list(_candidates(folder, values))
    path = next((candidate for candidate in candidates if candidate.exists()), None)
    if path is None and (chosen or values.get(FILE_SETTING)):
        raise ConfigError(f"{candidates[0]} does not exist; write it with `detour config init`, or name another")
    stamps = {watched: stamp(watched) for watched in (env_file, *candidates)}
    written, place, unused = _document(path)
    decider, beside = _decider(written, path)
    vault = secret.Vault()
    origins = dict.fromkeys(around, "the environment") | {name: ENV_FILE for name in in_file if name not in around}
    configuration = assembly.configure(
        written, values, place, vault.read, decider, lambda name: origins.get(name, ""), unused
    )
    _check_filters(configuration.filters)
    _check_home(configuration.base)
    stamps |= {watched: stamp(watched) for watched in (*beside, *vault.files)}
    return Reading(configuration, path, stamps, vault.good_until)


def _candidates(folder: Path, values: Mapping[str, str]) -> Iterable[Path]:
    """Where the document may be, the first that is there: DETOUR_CONFIG, the working directory, the user's own."""
    if named := values.get(FILE_SETTING):
        yield Path(named).expanduser()
        return
    yield folder / FILE
    yield config_folder() / FILE


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
        in_file = DotEnvSettingsSource(BaseSettings, env_file, "utf-8", case_sensitive=False).env_vars
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{env_file} cannot be read: {error}") from error
    around = EnvSettingsSource(BaseSettings, case_sensitive=False).env_vars  # names in lower case, as in the file
    return _upper(in_file), _upper(around)


def _upper(found: Mapping[str, str | None]) -> dict[str, str]:
    return {name.upper(): value for name, value in found.items() if value is not None}


def _document(path: Path | None) -> tuple[Document, Place, tuple[str, ...]]:
    if path is None:
        return Document(), lambda found: FILE, ()
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read: {error}") from error
    return document_text.parse(text, path.name)


def _decider(written: Document, path: Path | None) -> tuple[Decider | None, tuple[Path, ...]]:
    if written.function is None or path is None:
        return None, ()
    decider, file = routing_function.load(written.function, path.parent)
    return decider, (file,)


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
        return Path(settings.home).expanduser().absolute()
    user = Path.home()
    if platform == "darwin":
        return user / "Library" / "Application Support" / NAME
    if platform == "win32":
        return Path(environment.get("LOCALAPPDATA") or user / "AppData" / "Local") / NAME
    return Path(environment.get("XDG_DATA_HOME") or user / ".local" / "share") / NAME
