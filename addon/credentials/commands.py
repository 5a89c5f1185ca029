"""Tokens that a command prints: gcloud, az, a password manager, whatever the user names."""

import subprocess
import time

from addon.credentials import lifetime
from addon.credentials.made import Token, Unmade
from addon.credentials.network import Network
from addon.routing.backend import Minting

COMMAND_LIMIT_S = 30.0  # a password manager may ask its user to unlock it
MOST_TOLD = 200  # characters of what a command says of its failure


def make(minting: Minting, network: Network) -> Token:
    """Run the command and read what it prints. Raises: Unmade, which never quotes that."""
    shown = minting.told[1:-1]
    printed = _run(minting.command, shown)
    try:
        value, expires_at = lifetime.read(printed, time.time(), minting.lifetime_s)
    except lifetime.Unreadable as error:
        raise Unmade(f"`{shown}` has printed no key, but {error}") from None
    if not value.isascii() or not value.isprintable() or " " in value:
        raise Unmade(f"`{shown}` has printed what no HTTP header takes (not shown here)")
    return Token(value, "a command", expires_at)


def _run(command: str | tuple[str, ...], shown: str) -> str:
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
        raise Unmade(f"`{shown}` has printed no key within {COMMAND_LIMIT_S:g} s") from None
    except (OSError, ValueError) as error:
        raise Unmade(f"`{shown}` cannot be run: {error}") from None
    if done.returncode != 0:
        said = (done.stderr.strip().splitlines() or ["nothing"])[-1]
        raise Unmade(f"`{shown}` ended with {done.returncode} and said: {said[:MOST_TOLD]}")
    return done.stdout
