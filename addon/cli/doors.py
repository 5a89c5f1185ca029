"""The two doors: where they listen, how mitmproxy is told, how Claude Code is pointed at them.

Door one is a regular proxy (``HTTPS_PROXY``), door two a reverse proxy (``ANTHROPIC_BASE_URL``). Each listens on both
loopback addresses, because a client may resolve localhost to either.
"""

import errno
import shlex
import socket
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from addon.protocol.errors import ConfigError

REGULAR_PORT = 8080
REVERSE_PORT = 8082
WEB_PORT = 8081
LOOPBACK = ("127.0.0.1", "::1")
ANTHROPIC = "https://api.anthropic.com"

# mitmproxy writes its certificate authority here at its first start (its option `confdir`)
CERTIFICATE = Path("~/.mitmproxy/mitmproxy-ca-cert.pem")


@dataclass(frozen=True, slots=True)
class Doors:
    """Where both doors listen, and where the reverse one leads when nothing is rewritten."""

    hosts: tuple[str, ...] = LOOPBACK
    regular_port: int = REGULAR_PORT
    reverse_port: int = REVERSE_PORT
    target: str = ANTHROPIC
    upstream: str = ""  # the proxy in front of door one, without its credential

    def modes(self) -> list[str]:
        """Render mitmproxy's mode specifications, one for each door and host.

        An IPv6 address bears no brackets here: mitmproxy splits at the last colon and looks up the rest as it stands.
        """
        regular = f"upstream:{self.upstream}" if self.upstream else "regular"
        doors = ((regular, self.regular_port), (f"reverse:{self.target}", self.reverse_port))
        return [f"{mode}@{host}:{port}" for mode, port in doors for host in self.hosts]

    def regular_url(self) -> str:
        """What HTTPS_PROXY is set to."""
        return f"http://{_reachable(self.hosts[0])}:{self.regular_port}"

    def reverse_url(self) -> str:
        """What ANTHROPIC_BASE_URL is set to."""
        return f"http://{_reachable(self.hosts[0])}:{self.reverse_port}"

    def client_lines(self, certificate: Path) -> tuple[str, str]:
        """The shell lines that start Claude Code through door one and door two."""
        trusted = shlex.quote(str(certificate))
        return (
            f"HTTPS_PROXY={self.regular_url()} NODE_EXTRA_CA_CERTS={trusted} claude",
            f"ANTHROPIC_BASE_URL={self.reverse_url()} claude",
        )

    def check(self) -> None:
        """Raise ConfigError for what mitmproxy would only stumble over later: a wrong target, a port that is taken."""
        check_target(self.target)
        if self.regular_port == self.reverse_port:
            raise ConfigError(
                f"--port and --reverse-port are both {self.regular_port}; each door needs a port of its own"
            )
        check_port(self.hosts, self.regular_port, "--port")
        check_port(self.hosts, self.reverse_port, "--reverse-port")


def check_target(target: str) -> None:
    """Refuse a reverse target that is more than scheme, host and port: mitmproxy takes no path or credential."""
    try:
        parts = urlsplit(target)
        fits = parts.scheme in {"http", "https"} and parts.hostname and parts.username is None
        fits = fits and (parts.port is None or parts.port > 0) and parts.path + parts.query + parts.fragment == ""
    except ValueError:  # an impossible port or bracket
        fits = False
    if not fits:
        raise ConfigError(f"--target {target!r} is not an address of the form https://host or http://host:port")


def check_port(hosts: Iterable[str], port: int, flag: str) -> None:
    """Raise ConfigError, naming the flag, when ``port`` cannot be listened on at one of ``hosts``."""
    for host in hosts:
        error = _listen_error(host, port)
        if error is None:
            continue
        if error.errno == errno.EADDRINUSE:
            raise ConfigError(f"port {port} on {host} is in use; end what listens there, or choose another with {flag}")
        if error.errno == errno.EACCES:
            raise ConfigError(
                f"port {port} on {host} may not be opened by this user; choose one above 1023 with {flag}"
            )
        raise ConfigError(
            f"cannot listen on {host}: {error.strerror or error}; choose an address of this machine with --host"
        )


def free_port(hosts: Sequence[str], preferred: int = 0) -> int:
    """Return ``preferred`` if every host can listen on it, else a port that all of them can."""
    for candidate in (preferred, *([0] * 20)):
        port = candidate or _any_port(hosts[0])
        if all(_listen_error(host, port) is None for host in hosts):
            return port
    raise ConfigError(f"found no port that is free on all of {', '.join(hosts)}")


def loopback_hosts() -> tuple[str, ...]:
    """The loopback addresses that this machine has: IPv6 is switched off in many containers."""
    return tuple(host for host in LOOPBACK if _listen_error(host, 0) is None) or LOOPBACK[:1]


def _listen_error(host: str, port: int) -> OSError | None:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(
                socket.SOL_SOCKET, socket.SO_REUSEADDR, 1
            )  # as asyncio's servers do: old connections may linger
            probe.bind(address)
            probe.listen(1)  # with SO_REUSEADDR it is listening, not binding, that collides on some systems
    except OSError as error:
        return error
    return None


def _any_port(host: str) -> int:
    family = socket.getaddrinfo(host, 0, type=socket.SOCK_STREAM)[0][0]
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def _reachable(host: str) -> str:
    """A listening address as a client on this machine writes it in a URL."""
    if host in {"", "0.0.0.0", "::"}:  # noqa: S104 - recognised, not listened on
        return "127.0.0.1"
    return f"[{host}]" if ":" in host else host
