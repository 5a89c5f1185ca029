"""Are the doors there, and is the way to them free: ports, the CA, the variables that name proxies."""

import os
import socket
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from addon.cli.doors import LOOPBACK, REGULAR_PORT, REVERSE_PORT, WEB_PORT, check_port, loopback_hosts
from addon.cli.finding import Finding, Machine, broken, doubtful, fine
from addon.cli.surroundings import ANTHROPIC_HOST, BASE_URL, EXTRA_CA
from addon.protocol.errors import ConfigError
from addon.settings import upstream
from addon.settings.upstream import EXEMPTION_VARIABLES, PROXY_VARIABLES, VARIABLE

PORTS = {
    REGULAR_PORT: ("door one", "--port"),
    REVERSE_PORT: ("door two", "--reverse-port"),
    WEB_PORT: ("mitmweb", "--web-port"),
}
CERT_STORE = "CLAUDE_CODE_CERT_STORE"


def instances(machine: Machine) -> Iterator[Finding]:
    """Which Detours run."""
    for instance in machine.instances:
        doors = ", ".join(f"{door} {url}" for door, url in instance.doors.items())
        yield fine(f"Detour {instance.version} runs (process {instance.pid}): {doors}")
    if not machine.instances:
        yield fine("no Detour runs; `detour claude` starts one")


def ports(machine: Machine) -> Iterator[Finding]:
    """Whether the usual ones are free, on both loopback addresses."""
    hosts = loopback_hosts()
    if absent := sorted(set(LOOPBACK) - set(hosts)):
        yield fine(f"this machine has no {absent[0]}; {hosts[0]} does")
    for port, (use, flag) in PORTS.items():
        ours = machine.door_at(port)
        taken = [] if ours else [host for host in hosts if not _is_free(host, port)]
        if ours:
            yield fine(f"port {port} is {ours[1]} of the Detour that runs (process {ours[0].pid})")
        elif not taken:
            yield fine(f"port {port} ({use}) is free on {' and '.join(hosts)}")
        elif port == WEB_PORT and machine.instances:
            yield fine(f"port {port} ({use}) is in use, by the Detour that runs or by another program")
        else:
            yield doubtful(
                f"port {port} ({use}) is in use by another program on {' and '.join(taken)}",
                f"`detour claude` takes another; for `detour web` end that program or say {flag} "
                f"(`lsof -nP -iTCP:{port} -sTCP:LISTEN` names it)",
            )


def _is_free(host: str, port: int) -> bool:
    try:
        check_port([host], port, "")
    except ConfigError:
        return False
    return True


# -- the authority -----------------------------------------------------------------------------------------------------


def authority(machine: Machine) -> Iterator[Finding]:
    """The CA that a client of door one must trust, and whether one that is started by hand would."""
    path = machine.certificate
    if not path.exists():
        yield doubtful(f"there is no CA at {path} yet", "nothing: mitmproxy makes it at its first start")
        return
    from mitmproxy.certs import Cert

    try:
        certificate = Cert.from_pem(path.read_bytes())
    except (OSError, ValueError) as error:
        yield broken(f"the CA {path} cannot be read: {error}", f"move {path.parent} away; it is made anew")
        return
    begins, ends, now = certificate.notbefore, certificate.notafter, datetime.now(UTC)
    if now < begins:
        yield broken(f"the CA {path} is valid from {begins:%Y-%m-%d} on, and the clock is behind", "set the clock")
    elif now > ends:
        yield broken(f"the CA {path} ended on {ends:%Y-%m-%d}", f"move {path.parent} away; it is made anew")
    else:
        yield fine(f"the CA {path} is valid until {ends:%Y-%m-%d}")
    yield _trust(machine, path)


def _trust(machine: Machine, path: Path) -> Finding:
    known, own = machine.known, path.read_text(encoding="utf-8", errors="replace").strip()
    by_system = known.get(CERT_STORE, "system") != "bundled"  # a list like bundled,system is the default
    if known.get("NODE_TLS_REJECT_UNAUTHORIZED") == "0":
        return doubtful("NODE_TLS_REJECT_UNAUTHORIZED is 0: a client trusts anybody", "unset it")
    named = known.get(EXTRA_CA)
    if named and not Path(named).is_file():
        return doubtful(f"{EXTRA_CA} names {named}, which is no file", "unset it, or name the right file")
    if named and own in _text(Path(named)):
        return fine(f"a client trusts it: {EXTRA_CA}")
    if by_system and (file := known.get("SSL_CERT_FILE")) and own in _text(Path(file)):
        return fine("a client trusts it: SSL_CERT_FILE")
    if by_system and ssl.PEM_cert_to_DER_cert(own) in ssl.create_default_context().get_ca_certs(binary_form=True):
        return fine("a client trusts it: it is among the system's authorities, as Python finds them")
    remedy = f'export {EXTRA_CA}={path}, or `eval "$(detour env --door proxy)"`'
    if any(_leads_to_door_one(machine, name) for name in PROXY_VARIABLES):
        return broken("the environment leads clients to door one, and they do not trust the CA", remedy)
    return fine("a client started by hand does not trust it; `detour claude --door proxy` sees to that")


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _leads_to_door_one(machine: Machine, name: str) -> bool:
    try:
        parts = urlsplit(machine.known.get(name, ""))
        found = machine.door_at(parts.port) if upstream.is_loopback(parts.hostname or "") else None
    except ValueError:
        return False
    return found is not None and found[1] == "proxy"


# -- variables ---------------------------------------------------------------------------------------------------------


def proxies(machine: Machine) -> Iterator[Finding]:
    """Where the proxy variables lead: never in circles, never nowhere."""
    known = machine.known
    names = [name for name in (VARIABLE, *PROXY_VARIABLES) if known.get(name)]
    for name in names:
        yield _proxy(machine, name, known[name])
    if not names:
        yield fine("no proxy is named in the environment")
    for upper in ("HTTPS_PROXY", "NO_PROXY"):
        lower = upper.lower()
        if os.name == "posix" and known.get(lower) and known.get(upper) and known[lower] != known[upper]:
            yield doubtful(f"{lower} and {upper} differ, and {lower} wins", "set both to the same")
    exempt = next((name for name in EXEMPTION_VARIABLES if known.get(name)), "")
    if exempt and upstream.exempts(known[exempt], ANTHROPIC_HOST, 443):
        yield doubtful(
            f"{exempt} exempts {ANTHROPIC_HOST}: a client started by hand passes door one by",
            f"take it out of {exempt}, or use `detour claude`, which does",
        )


def _proxy(machine: Machine, name: str, value: str) -> Finding:
    try:
        found = upstream.parse(name, value)
    except ConfigError as error:
        return broken(error.message, f"correct {name}, or unset it")
    door = machine.door_at(found.port) if upstream.is_loopback(found.host) else None
    if door is None:
        if upstream.is_loopback(found.host) and not accepts(found.host, found.port):
            return broken(f"{name} is {found.url}, and nothing listens there", f"unset {name}")
        return fine(f"{name} is {found.url}; a Detour that `detour claude` starts goes through it")
    if name == VARIABLE:
        return broken(f"{name} is {found.url}, a door of Detour: it would go in circles", f"unset {name}")
    if door[1] == "reverse":
        return broken(f"{name} is {found.url}, which is door two and no proxy", f"name door one, or unset {name}")
    return fine(f"{name} is {found.url}, door one")


def base_url(machine: Machine) -> Iterator[Finding]:
    """Where a client that is started by hand goes."""
    value = machine.known.get(BASE_URL)
    if not value:
        yield fine(f"{BASE_URL} is not set; `detour claude` sets it for its client")
        return
    try:
        parts = urlsplit(value)
        host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        host, port = "", 0
    shown = f"{BASE_URL} is {host}:{port}"
    if not upstream.is_loopback(host):
        yield doubtful(f"{shown}, which is no door of Detour", f"use `detour claude`, or unset {BASE_URL}")
        return
    door = machine.door_at(port)
    if door is not None and door[1] == "proxy":
        yield broken(f"{shown}, which is door one and no base URL", f"name door two: port {REVERSE_PORT}")
    elif door is None and not accepts(host, port):
        yield broken(f"{shown}, and nothing listens there", f"start Detour, or unset {BASE_URL}")
    else:
        yield fine(f"{shown}, door two" if door else f"{shown}, where something else than a known Detour listens")
    exemptions = next((machine.known[name] for name in EXEMPTION_VARIABLES if machine.known.get(name)), "")
    proxied = next((name for name in PROXY_VARIABLES if machine.known.get(name)), None)
    if proxied and not upstream.exempts(exemptions, host, port):
        yield broken(
            f"{proxied} is asked for {host} too, as NO_PROXY does not exempt it", f"add {host} to NO_PROXY and no_proxy"
        )


def accepts(host: str, port: int) -> bool:
    """Whether something listens there."""
    try:
        with socket.create_connection((host, port), timeout=1):
            return True
    except OSError:
        return False
