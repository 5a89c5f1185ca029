"""The way out through another proxy: which requests take it from which door, and who sees its password."""

import asyncio
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from mitmproxy import exceptions
from mitmproxy.connection import ConnectionState
from mitmproxy.http import HTTPFlow
from mitmproxy.proxy.mode_specs import ProxyMode
from mitmproxy.test import tflow
from mitmproxy.test.tutils import tresp

from addon.proxy.upstream import Upstream
from tests.proxy.conftest import Configure
from tests.proxy.live import ANTHROPIC_URL, CLIENT_HEADERS, Backend, ask, backend, proxying, said, streaming

PASSWORD = "corporate-secret"


@dataclass(slots=True)
class Corporate:
    """A proxy that tunnels whatever it is asked for to one port of this machine."""

    target: int
    port: int = 0
    heads: list[str] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.heads.append((await reader.readuntil(b"\r\n\r\n")).decode())
        there_reader, there_writer = await asyncio.open_connection("127.0.0.1", self.target)
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        await asyncio.gather(_copy(reader, there_writer), _copy(there_reader, writer), return_exceptions=True)

    @property
    def targets(self) -> list[str]:
        return [head.split(" ")[1] for head in self.heads]


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while piece := await reader.read(65536):
        writer.write(piece)
        await writer.drain()
    writer.close()


@asynccontextmanager
async def corporate(target: Backend) -> AsyncIterator[Corporate]:
    fake = Corporate(target.port)
    server = await asyncio.start_server(fake.serve, "127.0.0.1", 0)
    fake.port = server.sockets[0].getsockname()[1]
    try:
        yield fake
    finally:
        server.close()


def outward(url: str, **more: str) -> Upstream:
    """The addon, configured as mitmproxy configures one."""
    addon = Upstream({"DETOUR_UPSTREAM": url, **more})
    addon.configure(set())
    return addon


def modes(proxy: Corporate) -> list[str]:
    """As the launcher opens the doors of a Detour with a proxy in front."""
    return [f"upstream:http://127.0.0.1:{proxy.port}", f"reverse:{ANTHROPIC_URL}"]


@pytest.mark.parametrize("door", [1, 2])
async def test_a_backend_elsewhere_is_reached_through_the_proxy_from_either_door(
    confdir: Path, configure: Configure, door: int
) -> None:
    async with backend(streaming()) as there, corporate(there) as proxy:
        configure("http://backend.test:8000")
        way = outward(f"http://127.0.0.1:{proxy.port}")
        async with proxying(confdir, way, modes=modes(proxy)) as detour, detour.client(door) as client:
            for _ in range(2):
                reply = await client.post("/v1/messages", json=ask(), headers=CLIENT_HEADERS)
                assert said(reply.content) == "Hello"
            await detour.settled()
        assert len(there.received) == 2
        # door one's mode asks for a plain http:// address without a tunnel; this fake takes it for one all the same
        assert set(proxy.targets) <= {"backend.test:8000", "http://backend.test:8000/v1/chat/completions"}


async def test_the_password_is_seen_by_the_proxy_alone(confdir: Path, configure: Configure) -> None:
    async with backend(streaming()) as there, corporate(there) as proxy:
        configure("http://backend.test:8000")
        way = outward(f"http://me:{PASSWORD}@127.0.0.1:{proxy.port}")
        async with proxying(confdir, way, modes=modes(proxy)) as detour, detour.client() as client:
            reply = await client.post("/v1/messages", json=ask(), headers=CLIENT_HEADERS)
            assert said(reply.content) == "Hello"
            await detour.settled()
            assert PASSWORD not in detour.log.text
            encoded = b64encode(f"me:{PASSWORD}".encode()).decode()
        assert [f"proxy-authorization: Basic {encoded}" in head for head in proxy.heads] == [True]
        assert encoded not in str(there.received)


@pytest.mark.parametrize("door", [1, 2])
async def test_this_machine_is_reached_without_the_proxy(confdir: Path, configure: Configure, door: int) -> None:
    async with backend(streaming()) as there, corporate(there) as proxy:
        configure(there.url)
        way = outward(f"http://127.0.0.1:{proxy.port}")
        async with proxying(confdir, way, modes=modes(proxy)) as detour, detour.client(door) as client:
            reply = await client.post("/v1/messages", json=ask(), headers=CLIENT_HEADERS)
            assert said(reply.content) == "Hello"
            await detour.settled()
        assert proxy.heads == []


def flow_to_come() -> HTTPFlow:
    """A request to the host ``address``; its connection is not made yet."""
    flow = tflow.tflow()
    flow.server_conn.state = ConnectionState.CLOSED
    return flow


VIA = ("http", ("proxy", 3128))
ENVIRONMENTS: list[tuple[dict[str, str], object]] = [
    ({}, None),
    ({"DETOUR_UPSTREAM": ""}, None),
    ({"DETOUR_UPSTREAM": "http://proxy:3128"}, VIA),
    ({"DETOUR_UPSTREAM": "https://proxy:3128"}, ("https", ("proxy", 3128))),
    ({"DETOUR_UPSTREAM": "http://proxy:3128", "NO_PROXY": "else.where,address"}, None),
    ({"DETOUR_UPSTREAM": "http://proxy:3128", "no_proxy": "else.where", "NO_PROXY": "address"}, VIA),
]


@pytest.mark.parametrize(("environment", "via"), ENVIRONMENTS)
def test_the_environment_decides_the_way(environment: dict[str, str], via: object) -> None:
    flow, way = flow_to_come(), Upstream(environment)  # to the host `address`
    way.configure(set())
    way.requestheaders(flow)
    way.request(flow)
    assert flow.server_conn.via == via


def test_a_backend_with_a_proxy_of_its_own_keeps_it_and_the_next_request_does_not() -> None:
    way = outward("http://proxy:3128")
    flow = flow_to_come()
    flow.server_conn.via = ("http", ("another", 1))
    way.request(flow)
    assert flow.server_conn.via == ("http", ("another", 1))
    way.requestheaders(flow)
    way.request(flow)
    assert flow.server_conn.via == VIA


@pytest.mark.parametrize(("mode", "via"), [("regular", None), ("upstream:http://proxy:3128", VIA)])
def test_without_a_proxy_in_front_the_mode_decides_and_not_the_request_before(mode: str, via: object) -> None:
    flow = flow_to_come()
    flow.client_conn.proxy_mode = ProxyMode.parse(mode)
    flow.server_conn.via = ("http", ("another", 1))
    Upstream({}).requestheaders(flow)
    assert flow.server_conn.via == via


async def test_the_proxy_of_one_backend_is_not_that_of_the_next(confdir: Path, configure: Configure) -> None:
    async with backend(streaming()) as there, corporate(there) as proxy:
        configure(there.url)
        own = f"{{like: vllm, address: 'http://far.test/v1', proxy: 'http://127.0.0.1:{proxy.port}'}}"
        await asyncio.to_thread(Path("detour.yaml").write_text, f"backends: {{far: {own}}}")
        async with proxying(confdir, Upstream({})) as detour, detour.client() as client:
            for model in ("far/a", "claude-opus-4-8"):
                reply = await client.post("/v1/messages", json=ask(model=model), headers=CLIENT_HEADERS)
                assert said(reply.content) == "Hello"
            await detour.settled()
        assert proxy.targets == ["far.test:80"]
        assert len(there.received) == 2


def test_what_is_answered_here_takes_no_way() -> None:
    way = outward("http://proxy:3128")
    flow = flow_to_come()
    flow.response = tresp()
    way.request(flow)
    assert flow.server_conn.via is None


def test_another_proxy_does_not_get_the_password() -> None:
    way = outward(f"http://me:{PASSWORD}@proxy:3128")
    flow = flow_to_come()
    flow.server_conn.address = ("another", 1)
    way.http_connect_upstream(flow)
    assert "proxy-authorization" not in flow.request.headers


def test_a_mistake_stops_the_start() -> None:
    with pytest.raises(exceptions.OptionsError, match="DETOUR_UPSTREAM is 'socks5://proxy:1'"):
        Upstream({"DETOUR_UPSTREAM": "socks5://proxy:1"}).configure(set())
