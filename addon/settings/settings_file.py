"""Reads the settings: the environment, and ``.env`` in the working directory. The environment wins.

pydantic-settings' two sources do the reading, without a model of a hundred fields; nothing is ever written into the
process's environment.
"""

import logging
import os
import sys
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path

from dotenv.parser import parse_stream
from pydantic_settings import BaseSettings, DotEnvSettingsSource, EnvSettingsSource

from addon.protocol.errors import ConfigError
from addon.routing.config import Settings
from addon.settings.environment import PLAIN_SETTINGS, names, parse

logger = logging.getLogger(__name__)

ENV_FILE = ".env"
NAME = "claude-detour"
NEARLY = 0.85  # of the letters alike: BIG_MODLE, but not BIG_MODEL_NAME


def read(folder: Path) -> Settings:
    """Return the settings in force for a process that works in ``folder``. Raises: ConfigError."""
    env_file = folder / ENV_FILE
    try:
        _check(env_file)
        in_file = DotEnvSettingsSource(BaseSettings, env_file, "utf-8", case_sensitive=False).env_vars
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{env_file} cannot be read: {error}") from error
    around = EnvSettingsSource(BaseSettings, case_sensitive=False).env_vars  # names in lower case, as in the file
    found = {**in_file, **around}  # an empty variable hides the file's value
    settings = parse({name: value for name in names() if (value := found.get(name.lower()))})
    home = home_folder(settings)
    if home.exists() and not home.is_dir():
        raise ConfigError(f"DETOUR_HOME is {str(home)!r}, which is no folder: name one, or one that can be made")
    return settings


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
