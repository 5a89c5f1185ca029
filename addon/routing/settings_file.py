"""Reads the settings: the environment, and ``.env`` in the working directory. The environment wins.

pydantic-settings does the reading; nothing is ever written into the process's environment.
"""

from pathlib import Path
from typing import Any

from pydantic import create_model
from pydantic_settings import BaseSettings, SettingsConfigDict

from addon.protocol.errors import ConfigError
from addon.routing.config import Settings, names, parse

ENV_FILE = ".env"


class _Environment(BaseSettings):
    model_config = SettingsConfigDict(env_file_encoding="utf-8", extra="ignore", case_sensitive=False)


def read(folder: Path) -> Settings:
    """Return the settings in force for a process that works in ``folder``. Raises: ConfigError."""
    fields: dict[str, Any] = {name.lower(): (str | None, None) for name in names()}
    environment: Any = create_model("Environment", __base__=_Environment, **fields)
    env_file = folder / ENV_FILE
    try:
        found = environment(_env_file=env_file)
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{env_file} cannot be read: {error}") from error
    return parse({name.upper(): value for name, value in found.model_dump().items() if value})
