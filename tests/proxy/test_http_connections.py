"""Who waits for a connection to a backend, and what becomes of one that nobody waits for any more."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import cast

import h2.exceptions
import pytest

from addon.proxy import journey
from tests.proxy.http2_peers import Http2Exchange, http2_backend, http2_client
from tests.proxy.live import HELLO, Backend, Received, ask, backend, proxying, said, silent, streaming, until
from tests.proxy.test_attempts import settings
from tests.proxy.test_hooks import _certificate


async def test_waiting_for_a_free_connection_does_not_outlast_the_total(confdir: Path, tmp_path: Path) -> None:
    async with backend(silent()) as fake:
        settings(tmp_path, fake, timeouts={"total": "2s"})
        async with proxying(confdir) as proxy, http2_client(proxy) as client:
            streams = [client.ask(ask()) for _ in range(8)]
            await until(lambda: all(client.replies[each].over for each in streams), lambda: client.replies)
            assert {tuple(client.replies[each].heads) for each in streams} == {(504,)}
            await proxy.at_rest()


async def test_a_client_that_leaves_while_it_waits_for_a_free_connection(confdir: Path, tmp_path: Path) -> None:
    async with backend(silent()) as fake:
        settings(tmp_path, fake)
        async with proxying(confdir) as proxy, http2_client(proxy) as client:
            streams = [client.ask(ask()) for _ in range(8)]
            await until(lambda: len(fake.received) == 5)
            for each in streams:
                client.reset(each)
            await proxy.at_rest()
            await until(lambda: fake.open == 0)
            fake.scripts = [streaming()]
            last = [client.ask(ask()) for _ in range(8)]
            await until(lambda: all(client.replies[each].over for each in last), lambda: client.replies)
            await proxy.at_rest()


async def test_a_client_that_goes_away_while_it_waits_for_a_free_connection(confdir: Path, tmp_path: Path) -> None:
    async with backend(silent()) as fake:
        settings(tmp_path, fake)
        async with proxying(confdir) as proxy:
            async with http2_client(proxy) as client:
                for _ in range(8):
                    client.ask(ask())
                await until(lambda: len(fake.received) == 5)
            await proxy.at_rest()
            await until(lambda: fake.open == 0)


async def test_clients_that_leave_while_connecting_leave_no_connection(confdir: Path, tmp_path: Path) -> None:
    tls, authority = _certificate(tmp_path)
    async with backend(streaming(), tls=tls) as fake, late(fake) as port:
        settings(tmp_path, fake, b0={"address": f"https://localhost:{port}/v1"})
        async with (
            proxying(confdir, ssl_verify_upstream_trusted_ca=str(authority)) as proxy,
            AsyncExitStack() as stack,
        ):
            client = await stack.enter_async_context(http2_client(proxy))
            for wait_s in (0.01, 0.05, 0.08, 0.1, 0.11, 0.13):
                streams = [client.ask(ask()) for _ in range(3)]
                await asyncio.sleep(wait_s)
                for each in streams:
                    with suppress(h2.exceptions.ProtocolError):  # it is over already
                        client.reset(each)
                await proxy.at_rest()
                await until(lambda: fake.open <= len(fake.received))  # one that has answered may stay for the next
            last = [client.ask(ask()) for _ in range(7)]
            await until(lambda: all(client.replies[each].over for each in last), lambda: client.replies)
            assert {said(client.replies[each].body) for each in last} == {"Hello"}
            await stack.aclose()
            await until(lambda: fake.open == 0)


@asynccontextmanager
async def late(fake: Backend) -> AsyncIterator[int]:
    """The port of a way to a backend on which the first byte takes 80 ms."""
    tasks: set[asyncio.Task[None]] = set()

    async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while piece := await reader.read(65535):
                writer.write(piece)
        except ConnectionError:
            pass
        finally:
            writer.close()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(cast("asyncio.Task[None]", asyncio.current_task()))
        try:
            await asyncio.sleep(0.08)
            there, back = await asyncio.open_connection("127.0.0.1", fake.port)
        except asyncio.CancelledError:
            writer.close()
            raise
        tasks.update(map(asyncio.ensure_future, (copy(reader, back), copy(there, writer))))

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in tasks:  # of a test that has failed, its connections stand open
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def test_a_handshake_that_never_ends_with_neighbours(confdir: Path, tmp_path: Path) -> None:
    async def accepts(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(accepts, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        settings(
            tmp_path,
            Backend([], port),
            b0={"address": f"https://127.0.0.1:{port}/v1"},
            timeouts={"connect": "0.3s"},
        )
        async with proxying(confdir) as proxy, http2_client(proxy) as client:
            streams = []
            for _ in range(4):
                streams.append(client.ask(ask()))
                await asyncio.sleep(0.1)
            await until(lambda: all(client.replies[each].over for each in streams), lambda: client.replies)
            await proxy.at_rest()


@pytest.mark.parametrize("leaves", [False, True])
async def test_who_waits_in_the_queue_of_a_connection_hears_of_its_end(
    confdir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, leaves: bool
) -> None:
    """mitmproxy tells those alone whose request it has sent."""
    monkeypatch.setattr(journey, "delay_s", lambda error, tries, *_, **__: 0.02 if tries < 3 else None)
    gate = asyncio.Event()

    async def goes_away(received: Received, exchange: Http2Exchange) -> None:
        await gate.wait()
        exchange.go_away()

    async def hello(received: Received, exchange: Http2Exchange) -> None:
        exchange.head()
        exchange.say(*HELLO, end=True)

    tls, authority = _certificate(tmp_path)
    async with http2_backend(tls, goes_away, goes_away, hello, most_streams=2) as fake:
        settings(tmp_path, Backend([], fake.port), b0={"address": f"{fake.url}/v1"})
        async with (
            proxying(confdir, ssl_verify_upstream_trusted_ca=str(authority)) as proxy,
            http2_client(proxy) as client,
        ):
            first = client.ask(ask())
            await until(lambda: fake.received)  # so that what is allowed at once is known
            others = [client.ask(ask()) for _ in range(4)]
            await until(lambda: len(fake.received) == 2 and len(proxy.flows) == 5)
            if leaves:
                client.reset(others.pop())
            gate.set()
            await until(lambda: all(client.replies[each].over for each in (first, *others)), lambda: proxy.log.text)
            assert {said(client.replies[each].body) for each in (first, *others)} == {"Hello"}
            await proxy.at_rest()
