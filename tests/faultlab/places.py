"""Where the scripted backends are: ports on loopback that serve, refuse, keep waiting, or lie about who they are."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import override

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509 import DNSName
from mitmproxy.certs import CertStore

from tests.faultlab.backend import HOME, Backend, Connection
from tests.faultlab.http2 import Http2Connection

AUTHORITY = "faultlab-ca-cert.pem"
REFUSED_BY_PROXY = {
    "bad_gateway": b"HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n",
    "unpaid": b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n",
}


class _Mute(asyncio.Protocol):
    """Accepts and never says a word."""


class _Blunt(asyncio.Protocol):
    """Speaks plain HTTP, whatever it is told."""

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    @override
    def data_received(self, data: bytes) -> None:
        self._transport.write(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        self._transport.close()


class _Tunnel(asyncio.Protocol):
    """A proxy that is asked with CONNECT.

    `refusal` is what it answers instead of tunnelling, `port` where it leads to, whatever it is asked for.
    """

    def __init__(self, refusal: bytes = b"", port: int = 0) -> None:
        self._refusal = refusal
        self._port = port
        self._received = bytearray()
        self._far: asyncio.Transport | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._near = transport

    @override
    def data_received(self, data: bytes) -> None:
        if self._far is not None:
            self._far.write(data)
            return
        self._received += data
        if b"\r\n\r\n" not in self._received:
            return
        method, address, _ = self._received.split(b" ", 2)
        if self._refusal or method != b"CONNECT":
            self._near.write(self._refusal or REFUSED_BY_PROXY["bad_gateway"])
            return
        task = asyncio.get_running_loop().create_task(self._connect(address.decode()))
        self._tasks.add(task)

    async def _connect(self, address: str) -> None:
        host, _, port = address.rpartition(":")
        there = ("127.0.0.1", self._port) if self._port else (host, int(port))
        await asyncio.get_running_loop().create_connection(partial(_Far, self, self._near), *there)

    def joined(self, far: asyncio.Transport) -> None:
        """The way is open."""
        self._far = far
        self._near.write(b"HTTP/1.1 200 Connection established\r\n\r\n")

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        if self._far is not None:
            self._far.abort()


class _Far(asyncio.Protocol):
    """The other end of a tunnel."""

    def __init__(self, tunnel: _Tunnel, near: asyncio.Transport) -> None:
        self._tunnel = tunnel
        self._near = near

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._tunnel.joined(transport)

    @override
    def data_received(self, data: bytes) -> None:
        self._near.write(data)

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._near.close()


def certified(folder: Path, name: str, *hosts: str) -> Path:
    """A key and a certificate of the lab's own authority, for these hosts, in one file."""
    entry = CertStore.from_store(folder, "faultlab", 2048).get_cert(name, [DNSName(host) for host in hosts])
    key = entry.privatekey.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file = folder / f"{name}.pem"
    file.write_bytes(key + entry.cert.to_pem())
    return file


def context(file: Path, *protocols: str) -> ssl.SSLContext:
    """TLS with that certificate."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(file)
    made.set_alpn_protocols(list(protocols) or ["http/1.1"])
    return made


def refusing() -> socket.socket:
    """A port that is held and refuses: bound, and nobody listens."""
    held = socket.socket()
    held.bind(("127.0.0.1", 0))
    return held


def full() -> list[socket.socket]:
    """A port whose queue is full: a connection is neither made nor refused. The first socket is the port's."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(0)
    held = [listener]
    for _ in range(4):
        filler = socket.socket()
        filler.setblocking(False)
        filler.connect_ex(listener.getsockname())
        held.append(filler)
    return held


@dataclass(frozen=True, slots=True)
class Place:
    """Where a provider is: its address without a path, and the proxy on the way."""

    url: str
    proxy: str = ""


class _Ports:
    """Servers that end with their stack."""

    def __init__(self, stack: AsyncExitStack) -> None:
        self._stack = stack

    async def serve(self, factory: Callable[[], asyncio.Protocol], tls: ssl.SSLContext | None = None) -> int:
        """Open a port."""
        server = await asyncio.get_running_loop().create_server(factory, "127.0.0.1", 0, ssl=tls)
        self._stack.callback(server.close)
        found: int = server.sockets[0].getsockname()[1]
        return found

    def hold(self, *held: socket.socket) -> int:
        """Keep a port as it is."""
        for each in held:
            self._stack.callback(each.close)
        found: int = held[0].getsockname()[1]
        return found


def _http(port: int) -> str:
    return f"http://127.0.0.1:{port}"


async def _tls(ports: _Ports, backend: Backend, folder: Path) -> dict[str, Place]:
    other = folder / "other"
    other.mkdir()
    good = certified(folder, "localhost", "localhost")
    contexts = {
        "tls": context(good),
        "stranger": context(certified(other, "localhost", "localhost")),
        "misnamed": context(certified(folder, "elsewhere.test", "elsewhere.test")),
    }
    opened = {name: await ports.serve(partial(Connection, backend), each) for name, each in contexts.items()}
    opened["h2"] = await ports.serve(partial(Http2Connection, backend), context(good, "h2"))
    home = await ports.serve(partial(Connection, backend), context(certified(folder, "home", "api.anthropic.com")))
    way_home = Place("https://api.anthropic.com", _http(await ports.serve(partial(_Tunnel, port=home))))
    return {HOME: way_home, **{name: Place(f"https://localhost:{port}") for name, port in opened.items()}}


@asynccontextmanager
async def serving(backend: Backend, folder: Path) -> AsyncIterator[dict[str, Place]]:
    """Open all ports; yields where each provider is."""
    async with AsyncExitStack() as stack:
        ports = _Ports(stack)
        plain, mute = await ports.serve(partial(Connection, backend)), await ports.serve(_Mute)
        refused, queued = ports.hold(refusing()), ports.hold(*full())
        here, tunnel, blunt = _http(plain), await ports.serve(_Tunnel), await ports.serve(_Blunt)
        refusals = {name: await ports.serve(partial(_Tunnel, words)) for name, words in REFUSED_BY_PROXY.items()}
        yield {
            **dict.fromkeys(("lab", "second", "hasty", "slow", "limited", "native"), Place(here)),
            **await _tls(ports, backend, folder),
            "refused": Place(_http(refused)),
            "queued": Place(_http(queued)),
            "unknown": Place("http://nowhere.invalid"),
            "mute_tls": Place(f"https://localhost:{mute}"),
            "no_tls": Place(f"https://localhost:{blunt}"),
            "behind": Place(here, _http(tunnel)),
            "proxy_refused": Place(here, _http(refused)),
            "proxy_mute": Place(here, _http(mute)),
            **{f"proxy_{name}": Place(here, _http(port)) for name, port in refusals.items()},
        }
