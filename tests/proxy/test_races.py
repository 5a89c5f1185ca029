"""What happens in an exchange at the same time as something else: hooks that take their time, hands, neighbours."""

import asyncio
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
from mitmproxy import http
from mitmproxy.hooks import ConfigureHook

from addon.prompts.log.reading import Log
from addon.prompts.log.statements import FILE
from addon.protocol.errors import DetourError
from addon.protocol.event_shapes import PING
from addon.proxy import journey
from addon.proxy.hooks import Detour
from addon.routing import retry
from tests import law
from tests.proxy.http2_peers import Http2Exchange, http2_backend, http2_client
from tests.proxy.live import (
    HELLO,
    KEY,
    NATIVE_HELLO,
    Backend,
    Proxy,
    Received,
    Script,
    ask,
    backend,
    gzipped,
    head,
    proxying,
    raw,
    replied,
    said,
    streaming,
    until,
    whole,
)
from tests.proxy.test_attempts import BUSY_STREAM, CHUNKED, DOORS, busy, settings, then
from tests.proxy.test_hooks import _certificate

ENDS = [DOORS[0], DOORS[2]]
IMPATIENT = {"streaming": {"grace": "0.1s", "ping": "0.05s"}}
UNAUTHORIZED = whole({"error": {"message": "no"}}, "401 Unauthorized")


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    def delay_s(error: DetourError, tries: int, *_: object, at_once: bool = False) -> float | None:
        wait = None if retry.after(error) is not retry.After.SAME or tries > 2 else 0.02
        return 0.0 if wait is not None and at_once else wait

    monkeypatch.setattr(journey, "delay_s", delay_s)


class Slow:
    """Another addon, which takes its time in some hooks."""

    def __init__(self, hook: str, seconds: float) -> None:
        self.name = f"slow_{id(self)}"
        setattr(self, hook, self._wait)
        self.seconds = seconds

    async def _wait(self, flow: http.HTTPFlow) -> None:
        await asyncio.sleep(self.seconds)


# -- two targets at one address


@pytest.mark.parametrize(("door", "http2"), DOORS)
async def test_another_model_at_the_same_address(confdir: Path, tmp_path: Path, door: int, http2: bool) -> None:
    """The end of the refusal comes by itself, so that we hear of it while its reader is still at it."""

    async def refuses(received: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(head("401 Unauthorized", content_length="2"))
        await writer.drain()
        await asyncio.sleep(0.05)
        writer.write(b"{}")

    async with backend(refuses, streaming()) as fake:
        settings(tmp_path, fake, big=["b0/one", "b0/two"])
        async with proxying(confdir) as proxy, proxy.client(door, http2=http2) as client:
            reply = await client.post("/v1/messages", json=ask())
            assert said(reply.content) == "Hello"
            assert [each.json["model"] for each in fake.received] == ["one", "two"]
            await proxy.at_rest()


# -- slow hooks


@pytest.mark.parametrize(("door", "http2"), DOORS)
async def test_a_slow_error_hook(confdir: Path, tmp_path: Path, door: int, http2: bool) -> None:
    async with backend(raw(b"")) as fake:
        settings(tmp_path, fake, retry={"attempts": 0}, **IMPATIENT)
        async with proxying(confdir, Slow("error", 0.2)) as proxy, proxy.client(door, http2=http2) as client:
            reply = await client.post("/v1/messages", json=ask())
            is_late = reply.status_code == 200  # a busy machine: the grace was over, and the failure ends the stream
            assert b"event: error" in reply.content if is_late else reply.status_code == 503, reply.content
            await proxy.at_rest()
            fake.scripts = [streaming()]
            assert said((await client.post("/v1/messages", json=ask())).content.replace(PING, b"")) == "Hello"


CHUNKS = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in HELLO)
BEHIND_SLOW_HOOKS: dict[str, Script] = {
    "good": streaming(),
    "busy": busy(),
    "busy in the stream": BUSY_STREAM,
    "cut in its words": raw(head(**CHUNKED) + CHUNKS[:80]),
    "cut behind its head": raw(head(**CHUNKED)),
    "with trailers": raw(head(**CHUNKED) + CHUNKS + b"0\r\nserver-timing: x\r\n\r\n"),
    "stuck behind its first word": then(HELLO[0]),
    "stuck behind its head": then(),
}


@pytest.mark.parametrize(("door", "http2"), ENDS)
@pytest.mark.parametrize("hook", ["response", "responseheaders", "error"])
@pytest.mark.parametrize("name", BEHIND_SLOW_HOOKS)
async def test_what_comes_while_a_hook_takes_its_time_is_taken_in_turn(
    confdir: Path, tmp_path: Path, door: int, http2: bool, hook: str, name: str
) -> None:
    limits = {"timeouts": {"first_byte": "0.08s", "idle": "0.08s"}}
    async with backend(BEHIND_SLOW_HOOKS[name], streaming()) as fake:
        settings(tmp_path, fake, **IMPATIENT, **limits)
        async with proxying(confdir, Slow(hook, seconds=0.12)) as proxy, proxy.client(door, http2=http2) as client:
            reply = await client.post("/v1/messages", json=ask())
            assert reply.status_code == 200
            law.check(reply.content.replace(PING, b""))
            await proxy.at_rest()
            reply = await client.post("/v1/messages", json=ask())
            assert said(reply.content.replace(PING, b"")) == "Hello"


# -- hands


async def test_a_flow_killed_while_it_is_waited_for(confdir: Path, tmp_path: Path) -> None:
    gate = asyncio.Event()

    async def slow(received: Received, writer: asyncio.StreamWriter) -> bool:
        await gate.wait()
        return False

    async with backend(slow, streaming()) as fake:
        settings(tmp_path, fake)
        async with proxying(confdir) as proxy, proxy.client() as client:
            task = asyncio.create_task(client.post("/v1/messages", json=ask()))
            await until(lambda: fake.received)
            proxy.flows[0].kill()
            gate.set()
            with pytest.raises(httpx.HTTPError):
                await task
            await proxy.at_rest()
            assert len(fake.received) == 1


async def test_a_killed_flow_is_not_opened_later(confdir: Path, tmp_path: Path) -> None:
    async with backend(streaming()) as fake:
        settings(tmp_path, fake, **IMPATIENT)

        class Killer:
            def responseheaders(self, flow: http.HTTPFlow) -> None:
                if len(proxy.flows) == 1:
                    flow.kill()

        async with proxying(confdir, Killer()) as proxy, http2_client(proxy) as client:
            first = client.ask(ask())
            await until(lambda: client.replies[first].reset)
            await asyncio.sleep(0.4)
            await proxy.at_rest()
            second = client.ask(ask())
            await until(lambda: client.replies[second].over)
            assert said(client.replies[second].body) == "Hello"


async def test_a_flow_pointed_elsewhere_between_attempts_goes_without_the_key(
    confdir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journey, "delay_s", lambda *_, **__: 0.3)
    async with backend(busy()) as fake, backend(streaming()) as thief:
        settings(tmp_path, fake)
        async with proxying(confdir) as proxy, proxy.client() as client:
            task = asyncio.create_task(client.post("/v1/messages", json=ask()))
            await until(lambda: "trying again in" in proxy.log.text)
            proxy.flows[0].request.port = thief.port
            await task
            assert thief.received
            assert KEY not in repr(thief.received)
            await proxy.at_rest()


async def test_a_flow_pointed_elsewhere_at_a_breakpoint_goes_without_the_key(confdir: Path, tmp_path: Path) -> None:
    async with backend(busy()) as fake, backend(busy()) as thief:
        settings(tmp_path, fake)

        class Pointer:
            def request(self, flow: http.HTTPFlow) -> None:
                flow.request.port = thief.port

        async with proxying(confdir, Pointer()) as proxy, proxy.client() as client:
            await client.post("/v1/messages", json=ask())
            assert len(thief.received) == 3
            assert KEY not in repr(thief.received)
            await proxy.at_rest()


# -- curl


async def test_a_client_that_waits_for_100_continue(confdir: Path, tmp_path: Path) -> None:
    async with backend(BUSY_STREAM, streaming()) as fake:
        settings(tmp_path, fake)
        async with proxying(confdir) as proxy, proxy.client() as client:
            reply = await client.post("/v1/messages", json=ask(), headers={"expect": "100-continue"})
            assert said(reply.content) == "Hello"
            assert len(fake.received) == 2
            await proxy.at_rest()


# -- anthropic in the list


async def test_anthropics_own_error_in_a_stream_is_heard(confdir: Path, tmp_path: Path) -> None:
    told = b'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}\n\n'
    async with backend(busy()) as first, backend(streaming([told])) as home:
        settings(tmp_path, first, big=["b0/m", "anthropic"])
        async with proxying(confdir, modes=(f"reverse:{home.url}",)) as proxy, proxy.client() as client:
            reply = await client.post("/v1/messages", json=ask(), headers={"x-api-key": "the client's own"})
            assert b"Overloaded" in reply.content
            assert reply.status_code == 503
            await proxy.at_rest()


@pytest.mark.parametrize("when", ["before", "behind the head"])
async def test_a_compressed_stream_of_anthropics_after_an_early_head(confdir: Path, tmp_path: Path, when: str) -> None:
    gate = asyncio.Event()

    async def slow(received: Received, writer: asyncio.StreamWriter) -> bool | None:
        await gate.wait()
        return await UNAUTHORIZED(received, writer)

    packed = gzipped(b"".join(NATIVE_HELLO))
    async with backend(slow) as first, backend(streaming([packed], content_encoding="gzip")) as home:
        settings(tmp_path, first, big=["b0/m", "anthropic"], **IMPATIENT)
        async with proxying(confdir, modes=(f"reverse:{home.url}",)) as proxy, proxy.client() as client:
            async with client.stream("POST", "/v1/messages", json=ask(), headers={"x-api-key": "own"}) as reply:
                taken = b""
                async for piece in reply.aiter_raw():
                    taken += piece
                    gate.set()
            assert said(taken.replace(PING, b"")) == "Hi"
            await proxy.at_rest()


async def test_a_compressed_stream_of_claude_elsewhere_after_an_early_head(confdir: Path, tmp_path: Path) -> None:
    packed = gzipped(b"".join(NATIVE_HELLO))

    async def slow(received: Received, writer: asyncio.StreamWriter) -> bool | None:
        writer.write(head(**CHUNKED, content_encoding="gzip"))
        await writer.drain()
        await asyncio.sleep(0.4)
        writer.write(b"%x\r\n%s\r\n0\r\n\r\n" % (len(packed), packed))
        return None

    async with backend(slow) as first:
        settings(tmp_path, first, b0={"like": "anthropic", "address": first.url}, **IMPATIENT)
        async with proxying(confdir) as proxy, proxy.client() as client:
            async with client.stream("POST", "/v1/messages", json=ask()) as reply:
                taken = b""
                async for piece in reply.aiter_raw():
                    taken += piece
            assert said(taken.replace(PING, b"")) == "Hi", proxy.log.text
            await proxy.at_rest()


# -- HTTP/2 backends


async def _hello(received: Received, exchange: Http2Exchange) -> None:
    exchange.head()
    exchange.say(*HELLO, end=True)


async def _trailers(received: Received, exchange: Http2Exchange) -> None:
    exchange.head()
    exchange.say(*HELLO)
    exchange.trailers()


async def _reset(received: Received, exchange: Http2Exchange) -> None:
    exchange.reset()


async def _away(received: Received, exchange: Http2Exchange) -> None:
    exchange.go_away()


async def _reset_late(received: Received, exchange: Http2Exchange) -> None:
    exchange.head()
    exchange.reset()


@pytest.mark.parametrize(("door", "http2"), DOORS[:1])
@pytest.mark.parametrize("script", [_hello, _trailers, _reset, _away, _reset_late])
async def test_a_backend_of_http2(confdir: Path, tmp_path: Path, script: Any, door: int, http2: bool) -> None:
    tls, authority = _certificate(tmp_path)
    async with http2_backend(tls, script, _hello) as fake:
        settings(tmp_path, Backend([], fake.port), b0={"address": f"{fake.url}/v1"})
        async with (
            proxying(confdir, ssl_verify_upstream_trusted_ca=str(authority)) as proxy,
            proxy.client(door, http2=http2) as client,
        ):
            for _ in range(2):
                reply = await client.post("/v1/messages", json=ask())
                assert said(reply.content) == "Hello"
                await proxy.at_rest()


# -- health


async def test_what_the_third_does_is_not_the_seconds(confdir: Path, tmp_path: Path) -> None:
    picture = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "aGk="}}
    request = ask() | {"messages": [{"role": "user", "content": [picture, {"type": "text", "text": "What is it?"}]}]}
    async with backend(UNAUTHORIZED) as first, backend(streaming()) as blind, backend(UNAUTHORIZED) as third:
        settings(
            tmp_path,
            first,
            blind,
            third,
            models={"b1/m": {"vision": False}, "b0/m": {"vision": True}, "b2/m": {"vision": True}},
        )
        async with proxying(confdir) as proxy, proxy.client() as client:
            await client.post("/v1/messages", json=request)
            assert blind.received == []

            rows = {row.name: row.state.value for row in proxy.detour.control.health.rows(time.monotonic())}
            assert rows == {"b0/m": "cooling", "b2/m": "cooling"}
            await proxy.at_rest()


# -- settings of mitmproxy's


async def test_store_streamed_bodies(confdir: Path, tmp_path: Path) -> None:
    async with backend(BUSY_STREAM, streaming()) as fake:
        settings(tmp_path, fake)
        async with proxying(confdir, store_streamed_bodies=True) as proxy, proxy.client() as client:
            reply = await client.post("/v1/messages", json=ask())
            assert said(reply.content) == "Hello"
            await proxy.at_rest()
            assert replied(proxy.flows[0]) == reply.content


async def test_body_size_limit(confdir: Path, tmp_path: Path) -> None:
    async with backend(whole(b"x" * 3000)) as fake:
        settings(tmp_path, fake, **IMPATIENT)
        async with proxying(confdir, body_size_limit="2k") as proxy, http2_client(proxy) as client:
            first = client.ask(ask())
            await until(lambda: client.replies[first].over, lambda: client.replies)
            assert client.replies[first].heads == [503]
            await proxy.at_rest()
            await until(lambda: fake.open == 0)


async def test_invalid_headers_of_the_backends(confdir: Path, tmp_path: Path) -> None:
    bad = raw(head(**CHUNKED, content_length="7") + b"0\r\n\r\n")
    async with backend(bad) as fake:
        settings(tmp_path, fake, **IMPATIENT)
        async with proxying(confdir) as proxy, http2_client(proxy) as client:
            first = client.ask(ask())
            await until(lambda: client.replies[first].over, lambda: client.replies)
            assert client.replies[first].heads == [503]
            await asyncio.sleep(0.4)
            await proxy.at_rest()


async def test_pings_after_a_late_grace(confdir: Path, tmp_path: Path) -> None:
    gate = asyncio.Event()
    async with backend(streaming(gate=gate)) as fake:
        settings(tmp_path, fake, streaming={"grace": "60s", "ping": "0.1s"}, timeouts={"connect": "none"})
        async with proxying(confdir) as proxy, proxy.client() as client:
            async with client.stream("POST", "/v1/messages", json=ask()) as reply:
                taken = b""
                async for piece in reply.aiter_bytes():
                    taken += piece
                    if taken.count(PING) >= 2:
                        gate.set()
            assert said(taken.replace(PING, b"")) == "Hello"


async def test_pings_where_an_event_came_in_two_reads(confdir: Path, tmp_path: Path) -> None:
    async def script(received: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(head(**CHUNKED))
        text = b"".join(NATIVE_HELLO[:3])
        for piece in (text[:-1], text[-1:]):
            writer.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            await writer.drain()
            await asyncio.sleep(0.05)
        await asyncio.sleep(0.4)
        rest = b"".join(NATIVE_HELLO[3:])
        writer.write(b"%x\r\n%s\r\n0\r\n\r\n" % (len(rest), rest))

    async with backend(script) as fake:
        settings(tmp_path, fake, b0={"like": "vllm-anthropic", "address": fake.url}, **IMPATIENT)
        async with proxying(confdir) as proxy, proxy.client() as client:
            reply = await client.post("/v1/messages", json=ask())
            assert reply.content.replace(PING, b"") == b"".join(NATIVE_HELLO)
            assert reply.content.count(PING) >= 2


# -- a reload


def reload(proxy: Proxy) -> Detour:
    """Put another addon in the place of the one that runs, as mitmproxy does with a script; returns the old one."""
    addons, old = proxy.master.addons, proxy.detour
    addons.remove(old)
    proxy.detour = Detour()
    addons.chain.insert(0, addons.register(proxy.detour))
    addons.invoke_addon_sync(proxy.detour, ConfigureHook(set(proxy.master.options.keys())))
    return old


@pytest.mark.parametrize("stream", [True, False])
async def test_a_reload_between_two_attempts_loses_neither(
    confdir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stream: bool
) -> None:
    monkeypatch.setattr(journey, "delay_s", lambda error, tries, *_, **__: 0.2 if tries == 1 else None)
    async with backend(busy(), UNAUTHORIZED) as first, backend(streaming() if stream else whole()) as second:
        settings(tmp_path, first, second, **IMPATIENT)
        async with proxying(confdir) as proxy, proxy.client() as client:
            asking = asyncio.create_task(client.post("/v1/messages", json=ask(stream=stream)))
            await until(lambda: "trying again in" in proxy.log.text)
            old = reload(proxy)
            reply = await asking
            assert b"Hel" in reply.content
            assert (len(first.received), len(second.received)) == (2, 1)
            await until(lambda: old.is_idle and not old.attempts._originals)
            await proxy.at_rest()
            assert not [name for name in proxy.master.addons.lookup if "leaving" in name]


async def test_after_a_reload_a_stream_that_nobody_asked_for_is_still_translated(confdir: Path, tmp_path: Path) -> None:
    gate = asyncio.Event()

    async def slow(received: Received, writer: asyncio.StreamWriter) -> None:
        await gate.wait()
        await streaming()(received, writer)

    async with backend(slow) as fake:
        settings(tmp_path, fake)
        async with proxying(confdir) as proxy, proxy.client() as client:
            asking = asyncio.create_task(client.post("/v1/messages", json=ask(stream=False)))
            await until(lambda: fake.received)
            reload(proxy)
            gate.set()
            assert (await asking).json()["content"][0]["text"] == "Hello"
            await proxy.at_rest()


async def test_what_is_under_way_at_a_reload_is_in_the_prompt_log_once(confdir: Path, tmp_path: Path) -> None:
    gates = {"before": asyncio.Event(), "after": asyncio.Event()}

    async def slow(received: Received, writer: asyncio.StreamWriter) -> None:
        await gates[received.json["messages"][-1]["content"]].wait()
        await streaming()(received, writer)

    async with backend(slow) as fake:
        settings(tmp_path, fake)
        async with proxying(confdir) as proxy, proxy.client() as client:
            before = asyncio.create_task(client.post("/v1/messages", json=ask("before")))
            await until(lambda: len(fake.received) == 1)
            reload(proxy)
            proxy.detour._records, proxy.detour._since = True, time.time()
            after = asyncio.create_task(client.post("/v1/messages", json=ask("after")))
            await until(lambda: len(fake.received) == 2)
            gates["after"].set()
            await after  # while the old one is there
            gates["before"].set()
            await before
            await proxy.at_rest()
            await proxy.settled()
    log = Log(tmp_path / "detour-home" / FILE)
    kept = [log.entry(each.number) for each in log.summaries()]
    log.close()
    assert sorted("after" in str(each.request) for each in kept) == [False, True]
    assert [each.summary.route for each in kept] == ["b0/m"] * 2
