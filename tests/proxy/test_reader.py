"""PDFs are read beside the event loop: others go on, each is read once, and whoever leaves meanwhile is let go."""

import asyncio
import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from addon.dialects import documents
from addon.dialects.documents import Reading, Unread
from addon.proxy.hooks import Detour
from addon.proxy.reader import Reader
from tests.pdfs import encoded, pdf
from tests.proxy.conftest import Configure
from tests.proxy.live import LIMIT_S, Proxy, ask, backend, proxying, said, streaming, until

type Json = dict[str, Any]

SECRET = "The launch code is 4711"
READ = documents.read


@pytest.fixture(autouse=True)
def _nothing_kept() -> Iterator[None]:
    documents._kept.clear()
    yield
    documents._kept.clear()


class Desk:
    """Reads as ever, but waits before: what is asked for, and the word to go on."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.go = threading.Event()

    def read(self, given: str) -> Reading:
        self.asked.append(given)
        assert self.go.wait(LIMIT_S)
        return READ(given)


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    desk = Desk()
    monkeypatch.setattr(documents, "read", desk.read)
    yield desk
    desk.go.set()


# -- the reader alone --------------------------------------------------------------------------------------------------


async def test_a_pdf_is_read_once_for_all_who_wait(desk: Desk) -> None:
    reader = Reader()
    first, second, other = encoded(pdf("Hello")), encoded(pdf("Hello")), encoded(pdf("World"))
    waiting = [asyncio.ensure_future(reader.read(Unread(each.encode(), each))) for each in (first, second, other)]
    await until(lambda: len(desk.asked) == 2)
    waiting[0].cancel()
    desk.go.set()
    assert await waiting[1] == Reading("[page 1]\nHello")
    assert await waiting[2] == Reading("[page 1]\nWorld")
    assert desk.asked == [first, other]
    assert reader._running == {}


async def test_pypdf_is_silent(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    Reader()
    assert READ(encoded(b"%PDF-1.4 " + SECRET.encode())).fault
    assert caplog.records == []


# -- in the proxy ------------------------------------------------------------------------------------------------------


def with_pdf(*texts: str) -> Json:
    source = {"type": "base64", "media_type": "application/pdf"}
    blocks = [{"type": "document", "source": {**source, "data": encoded(pdf(text))}} for text in texts]
    return ask(messages=[{"role": "user", "content": [*blocks, {"type": "text", "text": "What does it say?"}]}])


@pytest.fixture
def routed(configure: Configure) -> Configure:
    def set_all(url: str = "", **values: str) -> None:
        configure(url, BIG_MODEL="vllm/reader", VLLM_API_BASE=f"{url}/v1", **values)

    return set_all


async def test_others_go_on_while_a_pdf_is_read(confdir: Path, routed: Configure, desk: Desk) -> None:
    async with backend(streaming()) as fake:
        routed(fake.url)
        async with proxying(confdir) as proxy, proxy.client() as client, proxy.client(1) as other:
            slow = asyncio.ensure_future(client.post("/v1/messages", json=with_pdf(SECRET)))
            await until(lambda: desk.asked)
            quick = await other.post("/v1/messages", json=ask())
            assert said(quick.content) == "Hello"
            assert not slow.done()
            desk.go.set()
            assert said((await slow).content) == "Hello"
            await proxy.settled()
            assert SECRET not in proxy.log.text
            [[path, what, routine]] = proxy.flows[-1].metadata["detour"]["losses"]
            assert path == "messages.0.content.0"
            assert what.startswith("the text of this PDF was sent in its place")
            assert not routine
    assert SECRET not in fake.received[0].body.decode()
    assert SECRET in fake.received[1].body.decode()


async def test_every_pdf_of_a_request_is_read_and_none_again(confdir: Path, routed: Configure, desk: Desk) -> None:
    desk.go.set()
    async with backend(streaming()) as fake:
        routed(fake.url)
        async with proxying(confdir) as proxy, proxy.client() as client:
            for _ in range(2):
                reply = await client.post("/v1/messages", json=with_pdf("One", "Two", "One"))
                assert said(reply.content) == "Hello"
    assert desk.asked == [encoded(pdf("One")), encoded(pdf("Two"))]
    [first, again] = fake.received
    assert first.body == again.body
    assert proxy.is_released


async def test_a_scan_is_refused_once_it_was_read(confdir: Path, routed: Configure) -> None:
    async with backend(streaming()) as fake:
        routed(fake.url)
        async with proxying(confdir) as proxy, proxy.client() as client:
            reply = await client.post("/v1/messages", json=with_pdf(""))
            assert reply.status_code == 424
            assert "vllm/reader takes no documents, and this one holds no text" in reply.text
            await proxy.settled()
    assert fake.received == []


async def test_a_pdf_is_not_read_for_who_takes_it(confdir: Path, configure: Configure, desk: Desk) -> None:
    async with backend(streaming()) as fake:
        configure(fake.url)
        async with proxying(confdir) as proxy, proxy.client() as client:
            assert said((await client.post("/v1/messages", json=with_pdf(SECRET))).content) == "Hello"
    assert desk.asked == []


async def test_a_client_that_leaves_meanwhile_is_let_go(confdir: Path, routed: Configure, desk: Desk) -> None:
    async with backend(streaming()) as fake:
        routed(fake.url)
        async with proxying(confdir) as proxy, proxy.client() as client:
            asking = asyncio.ensure_future(client.post("/v1/messages", json=with_pdf(SECRET)))
            await until(lambda: desk.asked)
            asking.cancel()
            await client.aclose()
            await until(lambda: not proxy.detour._waiting)
            desk.go.set()
            await until(lambda: proxy.flows and not proxy.flows[0].live)
            assert proxy.is_released
            assert proxy.detour.is_idle
            assert proxy.flows[0].error is not None
            assert [line for line in proxy.log.at(logging.WARNING) if "detour" in line.lower()] == []
    assert fake.received == []


async def test_a_flow_that_is_killed_meanwhile_goes_nowhere(confdir: Path, routed: Configure, desk: Desk) -> None:
    killer = Killer()
    async with backend(streaming()) as fake:
        routed(fake.url)
        async with proxying(confdir, killer) as proxy, proxy.client() as client:
            asking = asyncio.ensure_future(client.post("/v1/messages", json=with_pdf(SECRET)))
            await until(lambda: desk.asked)
            killer.kill()
            desk.go.set()
            await asyncio.wait((asking,))
            assert asking.exception() is not None
            await proxy.settled()
            assert "detour" not in killer.flow.metadata, "nothing was decided"
    assert fake.received == []


class Killer:
    """Knows a flow from its headers on, and kills it as a user does."""

    name = "killer"

    def __init__(self) -> None:
        self.flow: Any = None

    def requestheaders(self, flow: Any) -> None:
        self.flow = flow

    def kill(self) -> None:
        self.flow.kill()


@contextmanager
def reloaded(proxy: Proxy) -> Iterator[Detour]:
    """As mitmproxy does it: the old addon goes, a new one comes."""
    addons = proxy.master.addons
    addons.remove(proxy.detour)
    successor = Detour()
    addons.add(successor)
    yield successor
    addons.remove(successor)


async def until_the_old_has_left(proxy: Proxy) -> None:
    await until(lambda: not any(name.startswith("detour_leaving") for name in proxy.master.addons.lookup))
    assert proxy.detour.is_idle


async def test_a_reload_meanwhile_leaves_the_exchange_to_who_began_it(
    confdir: Path, routed: Configure, desk: Desk
) -> None:
    gate = asyncio.Event()
    async with backend(streaming(gate=gate)) as fake:
        routed(fake.url)
        async with proxying(confdir) as proxy, proxy.client() as client:
            asking = asyncio.ensure_future(client.post("/v1/messages", json=with_pdf(SECRET)))
            await until(lambda: desk.asked)
            with reloaded(proxy) as successor:
                desk.go.set()
                await until(lambda: fake.received)
                gate.set()
                assert said((await asking).content) == "Hello"
                await until_the_old_has_left(proxy)
                assert successor.is_idle


async def test_a_client_that_leaves_after_a_reload_is_let_go(confdir: Path, routed: Configure, desk: Desk) -> None:
    async with backend(streaming()) as fake:
        routed(fake.url)
        async with proxying(confdir) as proxy, proxy.client() as client:
            asking = asyncio.ensure_future(client.post("/v1/messages", json=with_pdf(SECRET)))
            await until(lambda: desk.asked)
            with reloaded(proxy):
                asking.cancel()
                await client.aclose()
                await until(lambda: not proxy.detour._waiting)
                desk.go.set()
                await until_the_old_has_left(proxy)
    assert fake.received == []


async def test_a_bug_of_ours_sends_nothing(confdir: Path, routed: Configure, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(given: str) -> Reading:
        raise MemoryError

    monkeypatch.setattr(documents, "read", broken)
    async with backend(streaming()) as fake:
        routed(fake.url)
        async with proxying(confdir) as proxy, proxy.client() as client:
            proxy.errors_expected = True
            reply = await client.post("/v1/messages", json=with_pdf(SECRET))
            assert reply.status_code == 424
            assert "incident" in reply.text
            await proxy.settled()
    assert fake.received == []
