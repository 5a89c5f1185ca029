"""Which mint makes what, and whether it is there. What makes is imported when it is first asked, in its thread."""

import importlib
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from shutil import which
from types import MappingProxyType

from addon.credentials.made import Made, Unmade
from addon.credentials.network import Network
from addon.routing.backend import Mint, Minting
from addon.routing.settings import Settings


@dataclass(frozen=True, slots=True)
class Extra:
    """What a mint needs beside Detour: a module, the package that brings it, and the name of our extra."""

    module: str
    package: str
    name: str


EXTRAS: Mapping[Mint, Extra] = MappingProxyType(
    {
        Mint.GOOGLE: Extra("google.auth", "google-auth[requests]>=2.40,<3", "vertex"),
        Mint.AWS: Extra("botocore", "botocore>=1.40,<2", "aws"),
    }
)
MODULES: Mapping[Mint, str] = MappingProxyType({Mint.GOOGLE: "google", Mint.AWS: "aws", Mint.COMMAND: "commands"})


def make(minting: Minting, network: Network) -> Made:
    """Make a credential. It takes its time. Raises: Unmade."""
    if missing := lack(minting):
        raise Unmade(missing)
    mint = Mint.COMMAND if _is_left_to_command(minting) else minting.mint
    made: Made = importlib.import_module(f"addon.credentials.{MODULES[mint]}").make(minting, network)
    return made


def lack(minting: Minting) -> str | None:
    """Say what is not installed, and the command that does it; None where all is there."""
    extra = EXTRAS.get(minting.mint)
    if extra is None or is_installed(extra) or _is_left_to_command(minting):
        return None
    return f"{extra.package.partition('[')[0].partition('>')[0]} is not installed: run `{install(extra)}`"


def is_installed(extra: Extra) -> bool:
    """Whether its module can be imported; it is not."""
    try:
        return find_spec(extra.module) is not None
    except ModuleNotFoundError:  # of the module's parent
        return False


def install(extra: Extra, prefix: str = sys.prefix, python: str = sys.executable) -> str:
    """Return the command that installs an extra where we are: under pipx, as a tool of uv's, in an environment."""
    if (Path(prefix) / "pipx_metadata.json").exists():
        return f"pipx inject claude-detour '{extra.package}'"
    if (Path(prefix) / "uv-receipt.toml").exists():
        return f"uv tool install 'claude-detour[{extra.name}]'"
    return f"{python} -m pip install '{extra.package}'"


def _is_left_to_command(minting: Minting) -> bool:
    """Whether the mint's library is not there, and a program on this machine prints the same."""
    extra = EXTRAS.get(minting.mint)
    if extra is None or not isinstance(minting.command, str) or not minting.command or is_installed(extra):
        return False
    return which(minting.command.split()[0]) is not None


def wanted(settings: Settings) -> Iterator[tuple[str, Minting]]:
    """Yield what the targets that are chosen need: the provider's name, and how its credential is made."""
    answers = [*settings.tiers.values(), *(rule.answer for rule in settings.rules if rule.answer is not None)]
    if settings.searcher is not None and settings.leaves_anthropic:
        answers.append(settings.searcher)
    names: Iterable[str] = dict.fromkeys(choice.provider for answer in answers for choice in answer.choices)
    for name in names:
        endpoint = settings.endpoints.get(name)
        if endpoint is not None and endpoint.credential.minting is not None:
            yield name, endpoint.credential.minting
