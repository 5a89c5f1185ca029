"""A path as users write one: ``~`` is their home, and a relative one begins where it is written."""

from pathlib import Path

from addon.protocol.errors import ConfigError


def at(text: str, folder: Path) -> Path:
    """Return the path that ``text`` means in a file of ``folder``. Raises: ConfigError where there is no such home."""
    try:
        return folder / Path(text).expanduser()
    except RuntimeError:  # ~somebody
        raise ConfigError(f"{text!r} begins with ~, and there is no such home") from None
