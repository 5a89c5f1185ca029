"""Can the credentials that expire be made: each that is in use is made once, and told by its kind and its end."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import certifi

from addon.cli import wiring
from addon.cli.doors import REGULAR_PORT, REVERSE_PORT
from addon.cli.finding import Finding, Machine, broken, fine
from addon.credentials import makers
from addon.credentials.made import Unmade
from addon.credentials.network import Network
from addon.protocol.errors import ConfigError
from addon.routing.backend import Minting
from addon.settings import upstream

REMEDY = "see docs/credentials.md: what is read, and what else may be set"


def minted(machine: Machine) -> Iterator[Finding]:
    """Make each, all at once. What is made is used for nothing."""
    wanted = {name: made for name, found in machine.backends.items() if (made := found.credential.minting) is not None}
    if not wanted:
        yield fine("no backend in use needs one that is made")
        return
    with TemporaryDirectory() as folder, ThreadPoolExecutor(len(wanted)) as pool:
        network = _network(machine, Path(folder))
        yield from pool.map(lambda name: _make(name, wanted[name], network), wanted)


def _make(name: str, minting: Minting, network: Network) -> Finding:
    if lack := makers.lack(minting):
        return broken(f"{name}: its credential cannot be made: {lack}", "run that command")
    try:
        made = makers.make(minting, network)
    except Unmade as unmade:
        return broken(f"{name}: {minting.told}: {unmade.message}", REMEDY)
    except Exception as error:  # noqa: BLE001 - its words may quote what it had in hand
        return broken(f"{name}: {minting.told}: {type(error).__name__}", REMEDY)
    return fine(f"{name}: made of {made.kind}, {_end(made.expires_at)}")


def _end(expires_at: float | None) -> str:
    if expires_at is None:
        return "does not expire"
    minutes = (expires_at - time.time()) / 60
    return f"expires in {minutes:.0f} minutes" if minutes < 600 else f"expires in {minutes / 60:.0f} hours"


def _network(machine: Machine, folder: Path) -> Network:
    """The way that a proxy started now would go."""
    network = Network.of(
        {name: value for name, value in machine.known.items() if name in upstream.EXEMPTION_VARIABLES}, None
    )
    try:
        ours = {REGULAR_PORT, REVERSE_PORT} | wiring.ports(machine.instances)
        way_out = wiring.find_upstream(machine.known, None, ours)[0]
    except ConfigError:
        way_out = ""  # told by the check of the variables
    if way_out:
        network = replace(network, proxy=upstream.parse(upstream.VARIABLE, way_out))
    if further := wiring.further_authorities(machine.known):
        trusted = wiring.bundle(folder / "trusted.pem", [Path(certifi.where()), *further])
        network = replace(network, authorities=str(trusted))
    return network
