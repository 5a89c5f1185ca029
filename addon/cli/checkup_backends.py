"""Can the backends in use be asked: their settings, their keys by name, and whether they can be reached at all.

To reach is to connect, and to shake hands where it is TLS. No request is sent, and no key leaves.
"""

import socket
import ssl
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

from addon.cli import wiring
from addon.cli.doors import REGULAR_PORT, REVERSE_PORT
from addon.cli.finding import Finding, Machine, broken, doubtful, fine
from addon.protocol.errors import ConfigError
from addon.routing.config import Endpoint
from addon.settings import litellm_library, upstream
from addon.settings.upstream import EXEMPTION_VARIABLES

CONNECT_S = 3.0


def settings(machine: Machine) -> Iterator[Finding]:
    """Whether they can be read, and what is odd about them."""
    found = machine.settings
    if isinstance(found, ConfigError):
        yield broken(found.message, "correct it: Detour does not start with it")
        return
    for warning in found.warnings:
        yield doubtful(warning, "see docs/configuration.md")
    for tier, answer in found.tiers.items():
        yield fine(f"{tier}: {answer.name} ({answer.setting})")
    if not found.leaves_anthropic:
        yield fine("no model is set: everything passes to Anthropic")


def credentials(machine: Machine) -> Iterator[Finding]:
    """Whether each backend in use has the key that it needs, by name."""
    for name, endpoint in machine.backends.items():
        variable = endpoint.credential.variable
        if endpoint.lack is not None:
            yield broken(f"{name}: {endpoint.lack}", f"set it, or choose another model than one of {name}")
        elif endpoint.credential.key:
            yield fine(f"{name}: its key is in {variable}")
        elif (minting := endpoint.credential.minting) is not None:
            yield fine(f"{name}: its credential is made: {minting.told}")
        elif name == "anthropic":
            yield fine("anthropic: the client's own key or login is used")
        elif endpoint.backend.by_process:
            yield fine(f"{name}: litellm looks for the keys of its providers itself, under its own names")
        else:
            yield fine(f"{name}: no key is set in {variable}, and none is needed")


def reach(machine: Machine) -> Iterator[Finding]:
    """Whether each backend in use can be connected to, all at once."""
    known = {name: found for name, found in machine.backends.items() if found.base_url}
    if not known:
        yield fine("no backend is in use")
        return
    try:
        way_out = wiring.find_upstream(
            machine.known, None, {REGULAR_PORT, REVERSE_PORT} | wiring.ports(machine.instances)
        )[0]
    except ConfigError:
        way_out = ""  # told by the check of the variables
    proxy = upstream.parse("the proxy in front", way_out) if way_out else None
    with ThreadPoolExecutor(len(known)) as pool:
        yield from pool.map(lambda name: _reach(machine, name, known[name], proxy), known)


def _reach(machine: Machine, name: str, endpoint: Endpoint, way_out: upstream.Upstream | None) -> Finding:
    if endpoint.backend.by_process:
        return _library(name)
    parts = urlsplit(endpoint.base_url or "")
    host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    where = f"{name} at {host}:{port}"
    if upstream.is_loopback(host) and machine.door_at(port):
        return broken(f"{where} is a door of Detour itself: it would go in circles", "correct its address")
    if endpoint.proxy is not None:
        _, proxy_host, proxy_port = endpoint.proxy
        return _connect(f"{where}, through its proxy {proxy_host}:{proxy_port}", proxy_host, proxy_port)
    exempt = next((machine.known[each] for each in EXEMPTION_VARIABLES if machine.known.get(each)), "")
    if way_out and not upstream.is_loopback(host) and not upstream.exempts(exempt, host, port):
        return _connect(f"{where}, through {way_out.url}", way_out.host, way_out.port)
    if parts.scheme != "https":
        return _connect(where, host, port)
    return _shake(where, host, port, wiring.further_authorities(machine.known))


def _library(name: str) -> Finding:
    """Whether litellm's process can be started; what it asks then is its own affair."""
    version = litellm_library.installed()
    if (unfit := litellm_library.unfit(version)) is not None:
        return broken(f"{name}: {unfit[0]}", unfit[1])
    return fine(f"{name}: litellm {version} answers, in a process that starts when it is first asked")


def _connect(where: str, host: str, port: int) -> Finding:
    """Connect only; of a proxy, the far side is not asked."""
    try:
        with socket.create_connection((host, port), timeout=CONNECT_S):
            return fine(f"{where}: {host}:{port} accepts connections")
    except OSError as error:
        return _unreachable(where, error)


def _shake(where: str, host: str, port: int, further: list[Path]) -> Finding:
    import certifi

    try:
        context = ssl.create_default_context(cafile=certifi.where())  # what mitmproxy trusts
        for authority in further:
            context.load_verify_locations(authority)
        with (
            socket.create_connection((host, port), timeout=CONNECT_S) as plain,
            context.wrap_socket(plain, server_hostname=host),
        ):
            return fine(f"{where}: it accepts connections, and its certificate is good")
    except ssl.SSLCertVerificationError as error:
        return broken(
            f"{where}: its certificate is not trusted: {error.verify_message}",
            "where a proxy decrypts, name its authority in SSL_CERT_FILE or NODE_EXTRA_CA_CERTS; else set the clock",
        )
    except OSError as error:
        return _unreachable(where, error)


def _unreachable(where: str, error: OSError) -> Finding:
    match error:
        case socket.gaierror():
            remedy = "see that the name is right and can be looked up; or name the proxy that leads out in HTTPS_PROXY"
        case ConnectionRefusedError():
            remedy = "start it, or correct its address"
        case _:
            remedy = "see that this machine reaches it; or name the proxy that leads out in HTTPS_PROXY"
    reason = "no answer in time" if isinstance(error, TimeoutError) else (error.strerror or str(error))
    return broken(f"{where} cannot be reached: {reason}", remedy)
