"""The user's own routing function: ``path/to/file.py:name``, loaded anew whenever the settings are read."""

import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

from addon.protocol.errors import ConfigError
from addon.routing.settings import Decider

MODULE = "detour_routing_function"  # its name while it is loaded; it hides no other


def load(reference: str, folder: Path) -> tuple[Decider, Path]:
    """Return the function and its file. ``folder`` is where a relative path begins. Raises: ConfigError."""
    written, _, name = reference.rpartition(":")
    path = (folder / Path(written).expanduser()).resolve()
    spec = spec_from_file_location(MODULE, path)
    if spec is None or spec.loader is None or not path.is_file():
        raise ConfigError(f"function is {reference!r}, but {path} is no Python file")
    module = module_from_spec(spec)
    was, sys.dont_write_bytecode = sys.dont_write_bytecode, True  # a file of the user's: nothing is left beside it
    try:
        spec.loader.exec_module(module)
    except Exception as error:  # noqa: BLE001 - it is the user's code
        raise ConfigError(f"function is {reference!r}, but {path} failed: {type(error).__name__}: {error}") from None
    finally:
        sys.dont_write_bytecode = was
    decide = getattr(module, name, None)
    if not callable(decide):
        raise ConfigError(f"function is {reference!r}, but {path} has no function {name!r}")
    return Decider(reference, decide), path
