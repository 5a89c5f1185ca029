"""The user's own routing function: ``path/to/file.py:name``, loaded anew whenever the settings are read."""

import sys
from importlib.util import module_from_spec, spec_from_file_location
from inspect import iscoroutinefunction, signature
from pathlib import Path

from addon.protocol.errors import ConfigError
from addon.routing.settings import Decider
from addon.settings import user_path

MODULE = "detour_routing_function"  # the name of the user's module; it hides no other


def file_of(reference: str, folder: Path) -> Path:
    """Return the file that a reference names. ``folder`` is where a relative path begins. Raises: ConfigError."""
    return user_path.at(reference.rpartition(":")[0], folder)


def load(reference: str, folder: Path) -> Decider:
    """Return the function. Raises: ConfigError."""
    path, name = file_of(reference, folder), reference.rpartition(":")[2]
    if not path.is_file():
        raise ConfigError(f"{path} is no file")
    found = _loaded(path).get(name)
    if not callable(found):
        raise ConfigError(f"{path} has no function {name!r}")
    if iscoroutinefunction(found):
        raise ConfigError(f"{name!r} in {path} is asynchronous, which it cannot be: write def and not async def")
    try:
        signature(found).bind(None)
    except (TypeError, ValueError):
        raise ConfigError(f"{name!r} in {path} must take one argument, the call") from None
    return Decider(reference, found)


def _loaded(path: Path) -> dict[str, object]:
    """Run the file, which may do anything; return what it names."""
    spec = spec_from_file_location(MODULE, path)
    if spec is None or spec.loader is None:
        raise ConfigError(f"{path} is no Python file")
    module = module_from_spec(spec)
    was, sys.dont_write_bytecode = sys.dont_write_bytecode, True  # a file of the user's: nothing is left beside it
    sys.modules[MODULE] = module  # dataclasses look for it there
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - it is the user's code
        raise ConfigError(f"{path} failed: {type(error).__name__}: {error}") from None
    finally:
        sys.dont_write_bytecode = was
    return vars(module)
