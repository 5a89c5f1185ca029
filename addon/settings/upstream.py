"""The proxy between this machine and the world, as HTTPS_PROXY and NO_PROXY name one. Pure."""

import re
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from urllib.parse import unquote, urlsplit

from addon.protocol.errors import ConfigError

VARIABLE = "DETOUR_UPSTREAM"  # what Detour itself goes through; HTTPS_PROXY may well name a door of ours
# how Claude Code looks for a proxy, in order (code.claude.com/docs/en/network-config)
PROXY_VARIABLES = ("https_proxy", "HTTPS_PROXY", "http_proxy", "HTTP_PROXY")
EXEMPTION_VARIABLES = ("no_proxy", "NO_PROXY")
DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Upstream:
    """An HTTP proxy. ``credential`` is ``user:password``, or empty."""

    scheme: str
    host: str
    port: int
    credential: str = field(default="", repr=False)

    @property
    def url(self) -> str:
        """The address without the credential."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"


def parse(setting: str, value: str) -> Upstream:
    """Read ``http://user:password@host:port``, the scheme may lack. Raises: ConfigError, without the password."""
    try:
        upstream = _parse(value if "://" in value else f"http://{value}")
    except ValueError:  # a port that is no number, a bracket that is not closed
        upstream = None
    if upstream is None:
        shown = value.rpartition("@")[2]
        raise ConfigError(f"{setting} is {shown!r}: write an HTTP proxy like http://proxy:3128")
    return upstream


def _parse(url: str) -> Upstream | None:
    parts = urlsplit(url)
    scheme = parts.scheme.lower()
    if scheme not in DEFAULT_PORTS or not parts.hostname:
        return None
    credential = "" if parts.username is None else f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return Upstream(scheme, parts.hostname, parts.port or DEFAULT_PORTS[scheme], credential)


def is_loopback(host: str) -> bool:
    """Whether it is this machine."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def entries(exemptions: str) -> list[str]:
    """Split what NO_PROXY says."""
    return [entry for entry in re.split(r"[,\s]+", exemptions) if entry]


def exempts(exemptions: str, host: str, port: int) -> bool:
    """Whether ``NO_PROXY`` has a host reached directly.

    An entry is ``*``, a domain with all that is below it, or an address, each perhaps with a port, or a network.
    """
    return any(_matches(entry.lower(), host.lower().rstrip("."), port) for entry in entries(exemptions))


def _matches(entry: str, host: str, port: int) -> bool:
    if entry == "*":
        return True
    if entry.strip("[]") == host:
        return True
    try:
        return ip_address(host) in ip_network(entry, strict=False)
    except ValueError:  # either of the two is a name
        pass
    name, colon, number = entry.rpartition(":")
    if colon and number.isdigit():
        if int(number) != port:
            return False
        entry = name
    domain = entry.strip("[]").removeprefix("*").removeprefix(".")
    return bool(domain) and (host == domain or host.endswith(f".{domain}"))
