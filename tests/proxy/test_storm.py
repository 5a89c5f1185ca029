"""Exchanges at random: backends, clients and hooks that do anything at any moment, and what holds all the same.

Every choice is drawn from the seed and from the names of who makes it, not from the order in which things happen, so
that a seed that fails once fails again, as far as a clock allows.
"""

import asyncio
import gc
import json
import time
import warnings
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import h2.exceptions
import httpx
import pytest
from mitmproxy import http

from addon.protocol.errors import DetourError
from addon.protocol.event_shapes import PING
from addon.proxy import journey
from addon.routing import retry
from addon.routing.health import State
from tests import law
from tests.proxy.http2_peers import Http2Backend, Http2Client, Http2Exchange, Http2Script, http2_backend, http2_client
from tests.proxy.live import (
    CLIENT_HEADERS,
    KEY,
    Backend,
    Json,
    Proxy,
    Received,
    Script,
    ask,
    backend,
    chunk,
    events,
    head,
    proxying,
    read_events,
    until,
)
from tests.proxy.test_hooks import _certificate

CLIENT_SECRET = "client-secret"
SEEDS = range(20)
HTTP2_SEEDS = range(6)
ROUNDS = 2
AT_ONCE = 4
LONGEST_S = 0.06  # that anybody waits


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    def delay_s(error: DetourError, tries: int, *_: object, at_once: bool = False) -> float | None:
        wait = None if retry.after(error) is not retry.After.SAME or tries > 1 else 0.02
        return 0.0 if wait is not None and at_once else wait

    monkeypatch.setattr(journey, "delay_s", delay_s)


# -- backends ----------------------------------------------------------------------------------------------------------


def answer(target: str, who: str) -> str:
    """What a target says to a request; nobody else says the same."""
    return f"{target} to {who}, and so on."


def openai_stream(text: str) -> bytes:
    words = [chunk(word + " ") for word in text.split(" ")]
    return b"".join(events(*words, chunk(finish="stop")))


def native_stream(text: str) -> bytes:
    told: list[Json] = [
        {
            "type": "message_start",
            "message": {
                "id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": [],
                "stop_reason": None, "usage": {"input_tokens": 7, "output_tokens": 1},
            },
        },
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        *(
            {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": word + " "}}
            for word in text.split(" ")
        ),
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 3}},
        {"type": "message_stop"},
    ]  # fmt: skip
    return b"".join(b"event: %s\ndata: %s\n\n" % (each["type"].encode(), json.dumps(each).encode()) for each in told)


def whole_reply(text: str, *, native: bool) -> bytes:
    if native:
        content = [{"type": "text", "text": text}]
        usage = {"input_tokens": 7, "output_tokens": 3}
        return json.dumps(
            {"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": content,
             "stop_reason": "end_turn", "stop_sequence": None, "usage": usage}
        ).encode()  # fmt: skip
    message = {"role": "assistant", "content": text}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    return json.dumps({"object": "chat.completion", "choices": [choice]}).encode()


RESETS = {"fails": 2, "refuses": 7, "cancels": 8}  # names of ours, codes of HTTP/2's
ERRORS = ["400 Bad Request", "401 Unauthorized", "404 Not Found", "429 Too Many Requests", "500 Oops", "529 Overloaded"]
OVERLOADED = b'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}\n\n'
REFUSED = b'data: {"error":{"message":"Slow down.","type":"rate_limit_exceeded","code":429}}\n\n'


@dataclass
class Storm:
    """One seed's."""

    seed: int
    asked: dict[tuple[str, str], int] = field(default_factory=dict)

    def draw(self, *names: object) -> Random:
        return Random(f"{self.seed} {names}")

    def script(self, target: str, *, native: bool) -> Script:
        async def play(received: Received, writer: asyncio.StreamWriter) -> bool:
            who = received.json["messages"][0]["content"]
            times = self.asked[target, who] = self.asked.get((target, who), 0) + 1
            draw = self.draw(target, who, times)
            performance = Performance(draw, writer, native, target != "home")
            return await performance.play(answer(target, who), received.json.get("stream"))

        return play


@dataclass
class Performance:
    """What a backend does with one request."""

    random: Random
    writer: asyncio.StreamWriter
    native: bool
    may_fail: bool  # what passes to Anthropic is as slow, and as broken, as it is

    async def play(self, text: str, stream: bool) -> bool:
        await self.perhaps_wait()
        if self.random.random() < 0.15:
            self.writer.write(head("103 Early Hints", link="</x>"))
        odds = {"good": 6, "error": 2, "refusal": 1, "cut head": self.may_fail, "nothing": self.may_fail}
        what = self.random.choices(list(odds), list(odds.values()))[0]
        if what == "nothing":
            return await self.end()
        if what == "cut head":
            await self.send(head(content_type="text/event-stream")[: self.random.randrange(1, 30)])
            return await self.end()
        if what == "error":
            body = b'{"type":"error","error":{"type":"api_error","message":"no"}}'
            await self.send(head(self.random.choice(ERRORS), content_length=str(len(body))) + body)
            return True
        body = (OVERLOADED if self.native else REFUSED) if what == "refusal" else b""
        if what == "good" and stream:
            body = native_stream(text) if self.native else openai_stream(text)
        if not stream:
            body = whole_reply(text, native=self.native)
        return await self.reply(body, "text/event-stream" if stream else "application/json")

    async def reply(self, body: bytes, content_type: str) -> bool:
        framing = self.random.choice(["chunked", "chunked", "length", "until the end"])
        headers = {"content_type": content_type}
        if framing == "chunked":
            headers["transfer_encoding"] = "chunked"
        elif framing == "length":
            headers["content_length"] = str(len(body))
        else:
            headers["connection"] = "close"
        await self.send(head(**headers))
        cuts = sorted(self.random.randrange(len(body) + 1) for _ in range(self.random.randrange(6)))
        last = self.random.choice([None, None, None, *range(len(cuts) + 1)]) if self.may_fail else None
        for number, (start, stop) in enumerate(zip([0, *cuts], [*cuts, len(body)], strict=True)):
            if number == last:
                return await self.end()
            if piece := body[start:stop]:
                await self.send(b"%x\r\n%s\r\n" % (len(piece), piece) if framing == "chunked" else piece)
        if framing == "chunked":
            await self.send(self.random.choice([b"0\r\n\r\n", b"0\r\n\r\n", b"0\r\ntrailer: x\r\n\r\n"]))
        return framing != "until the end" and self.random.random() < 0.8

    async def send(self, piece: bytes) -> None:
        self.writer.write(piece)
        await self.perhaps_wait()

    async def perhaps_wait(self) -> None:
        with suppress(ConnectionError):
            await self.writer.drain()
        if self.random.random() < 0.3:
            await asyncio.sleep(self.random.random() * LONGEST_S)

    async def end(self) -> bool:
        how = self.random.choice(["close", "reset", "hang"])
        if how == "hang":
            await asyncio.sleep(1)  # longer than anybody waits for it
        if how == "reset":
            self.writer.transport.abort()
        return False


def http2_script(storm: Storm, target: str) -> Http2Script:
    """The same over HTTP/2."""

    async def play(received: Received, exchange: Http2Exchange) -> None:
        who = received.json["messages"][0]["content"]
        times = storm.asked[target, who] = storm.asked.get((target, who), 0) + 1
        draw = storm.draw(target, who, times)
        text, stream = answer(target, who), received.json.get("stream")
        what = draw.choices(["good", "error", "refusal", "nothing"], [6, 2, 1, 1])[0]
        body = openai_stream(text) if stream else whole_reply(text, native=False)
        if what in ("error", "refusal"):
            body = REFUSED if what == "refusal" else b'{"error":{"message":"no"}}'
        pieces = _cut(body, draw) if what != "nothing" else []
        last = draw.choice([None, None, None, *range(len(pieces))]) if pieces else 0
        await _perhaps_wait(draw)
        if what != "nothing":
            kind = "text/event-stream" if stream and what != "error" else "application/json"
            exchange.head(int(draw.choice(ERRORS)[:3]) if what == "error" else 200, **{"content-type": kind})
            await _perhaps_wait(draw)
        for piece in pieces[:last]:
            exchange.say(piece)
            await _perhaps_wait(draw)
        if last is not None:
            await _end(exchange, draw)
        elif draw.random() < 0.3:
            exchange.trailers()
        else:
            exchange.say(end=True)

    return play


def _cut(body: bytes, draw: Random) -> list[bytes]:
    cuts = sorted(draw.randrange(len(body) + 1) for _ in range(draw.randrange(6)))
    return [body[start:stop] for start, stop in zip([0, *cuts], [*cuts, len(body)], strict=True) if start < stop]


async def _perhaps_wait(draw: Random) -> None:
    if draw.random() < 0.3:
        await asyncio.sleep(draw.random() * LONGEST_S)


async def _end(exchange: Http2Exchange, draw: Random) -> None:
    how = draw.choice([*RESETS, "goes away", "hangs up", "hangs"])
    if how in RESETS:
        exchange.reset(RESETS[how])
    elif how == "goes away":
        exchange.go_away()
    elif how == "hangs up":
        exchange.writer.transport.abort()
    else:
        await asyncio.sleep(1)  # longer than anybody waits for it


# -- clients -----------------------------------------------------------------------------------------------------------


@dataclass
class Heard:
    """What a client has of one reply; ``left``: it did not wait for the end."""

    who: str
    stream: bool
    status: int | None = None
    body: bytes = b""
    left: bool = False


async def ask_over_http1(client: httpx.AsyncClient, heard: Heard, draw: Random) -> None:
    async def take() -> None:
        async with client.stream("POST", "/v1/messages", json=ask(heard.who, stream=heard.stream)) as reply:
            heard.status = reply.status_code
            async for piece in reply.aiter_bytes():
                heard.body += piece

    patience_s = draw.random() * 0.2 if draw.random() < 0.25 else 30
    try:
        async with asyncio.timeout(patience_s):
            await take()
    except TimeoutError:
        heard.left = True


async def ask_over_http2(client: Http2Client, heard: Heard, draw: Random) -> None:
    patience_s = draw.random() * 0.2 if draw.random() < 0.25 else 8
    stream = client.ask(ask(heard.who, stream=heard.stream))
    reply = client.replies[stream]
    try:
        async with asyncio.timeout(patience_s):
            while not reply.over and not reply.reset and not client.gone:  # noqa: ASYNC110 - three to wait for
                await asyncio.sleep(0.005)
    except TimeoutError:
        assert patience_s < 1, f"nothing more comes: {reply}"
        heard.left = True
        with suppress(h2.exceptions.ProtocolError):
            client.reset(stream)
    assert len(reply.heads) <= 1, "two heads"
    assert heard.left or reply.over, f"no end: {reply}"
    heard.status, heard.body = (reply.heads[0] if reply.heads else None), reply.body


# -- what holds --------------------------------------------------------------------------------------------------------


def check_heard(heard: Heard, targets: dict[str, bool], *, native: bool) -> None:
    """``targets``: whether each is native; ``native``: whether any is."""
    if heard.left:
        return
    if heard.status != 200:
        error = json.loads(heard.body)
        assert error["type"] == "error", heard
        assert error["error"]["message"], heard
        return
    possible = [answer(target, heard.who) for target in targets]
    if not heard.stream:
        text = json.loads(heard.body)["content"][0]["text"]
        assert text in possible, heard
        return
    plain = heard.body.replace(PING, b"")
    if not native:
        law.check(plain)
    told = read_events(_whole_events(plain))
    text = "".join(event["delta"].get("text", "") for name, event in told if name == "content_block_delta")
    assert any((each + " ").startswith(text) for each in possible), heard
    assert told[-1][0] in ("message_stop", "error"), heard
    if told[-1][0] == "message_stop":
        assert text.removesuffix(" ") in possible, heard
    assert [name for name, _ in told].count("message_start") <= 1, heard


def _whole_events(stream: bytes) -> bytes:
    """Leave out what readers do: an event whose data never came."""
    assert stream.endswith(b"\n\n"), stream[-200:]
    return b"".join(event + b"\n\n" for event in stream[:-2].split(b"\n\n") if b"\ndata: " in event)


def check_received(name: str, received: Received) -> None:
    own = f"{KEY}-{name}" if name != "home" else ""
    told = repr(received)
    if own:
        assert CLIENT_SECRET not in told
        assert own in told
        told = told.replace(own, "")
    else:
        assert CLIENT_SECRET in told
    assert KEY not in told


async def check_rest(proxy: Proxy, backends: Mapping[str, Backend | Http2Backend]) -> None:
    await proxy.at_rest()
    rows = proxy.detour.control.health.rows(time.monotonic())
    assert not [row for row in rows if row.state is State.PROBING], rows
    for name, fake in backends.items():
        for received in fake.received:
            check_received(name, received)
    assert KEY not in proxy.log.text
    for flow in proxy.flows:
        assert KEY not in repr(flow.get_state())
        assert flow.comment
        assert not flow.live


class Dawdling:
    """Another addon, whose hooks take their time, some of them."""

    def __init__(self, storm: Storm) -> None:
        self.storm = storm
        self.is_slow = storm.draw("dawdling").random() < 0.5

    async def _wait(self, hook: str, flow: http.HTTPFlow) -> None:
        body = flow.request.raw_content or b""
        draw = self.storm.draw(hook, body)
        if self.is_slow and draw.random() < 0.4:
            await asyncio.sleep(draw.random() * 2 * LONGEST_S)

    async def request(self, flow: http.HTTPFlow) -> None:
        await self._wait("request", flow)

    async def responseheaders(self, flow: http.HTTPFlow) -> None:
        await self._wait("responseheaders", flow)

    async def response(self, flow: http.HTTPFlow) -> None:
        await self._wait("response", flow)

    async def error(self, flow: http.HTTPFlow) -> None:
        await self._wait("error", flow)


@asynccontextmanager
async def world(storm: Storm, tmp_path: Path) -> AsyncIterator[tuple[dict[str, Backend], dict[str, bool]]]:
    """The backends of a seed, configured; and which of them are native."""
    draw = storm.draw("world")
    count = draw.randrange(1, 4)
    natives = {f"b{number}": draw.random() < 0.3 for number in range(count)}
    has_home = draw.random() < 0.4
    async with AsyncExitStack() as stack:
        fakes = {
            name: await stack.enter_async_context(backend(storm.script(name, native=native)))
            for name, native in natives.items()
        }
        listed = [f"{name}/m" for name in natives]
        if has_home:
            natives["home"] = True
            fakes["home"] = await stack.enter_async_context(backend(storm.script("home", native=True)))
            listed.insert(draw.randrange(len(listed) + 1), "anthropic")
        document = {
            "big": listed,
            "backends": {
                name: {
                    "like": "vllm-anthropic" if native else "vllm",
                    "address": fakes[name].url if native else f"{fakes[name].url}/v1",
                    "credential": {"key": f"{KEY}-{name}"},
                }
                for name, native in natives.items()
                if name != "home"
            },
            "streaming": {"grace": f"{draw.choice([20, 60, 5000])}ms", "ping": f"{draw.choice([20, 50])}ms"},
            "timeouts": {
                "first_byte": draw.choice(["80ms", "none"]),
                "idle": "150ms",
                "total": draw.choice(["none", "700ms"]),
            },
        }
        if document["timeouts"]["first_byte"] == "none":  # type: ignore[index]
            document["timeouts"]["total"] = "700ms"  # type: ignore[index]
        (tmp_path / "detour.yaml").write_text(json.dumps(document))
        yield fakes, natives


@pytest.mark.parametrize("seed", SEEDS)
async def test_whatever_happens_every_client_hears_a_lawful_end_and_all_is_released(
    confdir: Path, tmp_path: Path, seed: int
) -> None:
    storm = Storm(seed)
    async with world(storm, tmp_path) as (fakes, natives):
        home = fakes.get("home")
        modes = ("regular", f"reverse:{home.url}" if home else "reverse:https://api.anthropic.com")
        has_http2 = home is None and storm.draw("client").random() < 0.6
        async with proxying(confdir, Dawdling(storm), modes=modes) as proxy, AsyncExitStack() as stack:
            heard: list[Heard] = []
            if has_http2:
                client: Any = await stack.enter_async_context(http2_client(proxy))
            else:
                client = await stack.enter_async_context(proxy.client())
                client.headers.update({name: value for name, value in CLIENT_HEADERS.items() if name[0] != "p"})
            for number in range(ROUNDS):
                these = [Heard(f"r{number}c{each}", storm.draw(number, each).random() < 0.8) for each in range(AT_ONCE)]
                heard += these
                how = ask_over_http2 if has_http2 else ask_over_http1
                async with asyncio.timeout(10):
                    await asyncio.gather(*(how(client, each, storm.draw(each.who)) for each in these))
            for each in heard:
                check_heard(each, natives, native=any(natives.values()))
            await check_rest(proxy, fakes)
        await until(lambda: not any(fake.open for fake in fakes.values()))
    if has_http2:
        _collect()


@pytest.mark.parametrize("seed", HTTP2_SEEDS)
async def test_so_it_is_with_backends_of_http2(confdir: Path, tmp_path: Path, seed: int) -> None:
    storm = Storm(seed)
    tls, authority = _certificate(tmp_path)
    async with AsyncExitStack() as stack:
        names = ("b0", "b1")
        fakes = {name: await stack.enter_async_context(http2_backend(tls, http2_script(storm, name))) for name in names}
        document = {
            "big": [f"{name}/m" for name in fakes],
            "backends": {
                name: {"like": "vllm", "address": f"{fake.url}/v1", "credential": {"key": f"{KEY}-{name}"}}
                for name, fake in fakes.items()
            },
            "streaming": {"grace": storm.draw("grace").choice(["20ms", "60ms", "5s"]), "ping": "30ms"},
            "timeouts": {"first_byte": "100ms", "idle": "150ms", "total": "900ms"},
        }
        (tmp_path / "detour.yaml").write_text(json.dumps(document))
        trusted = {"ssl_verify_upstream_trusted_ca": str(authority)}
        async with proxying(confdir, Dawdling(storm), **trusted) as proxy, http2_client(proxy) as client:
            heard = [Heard(f"c{each}", storm.draw(each).random() < 0.8) for each in range(8)]
            await asyncio.gather(*(ask_over_http2(client, each, storm.draw(each.who)) for each in heard))
            for each in heard:
                check_heard(each, dict.fromkeys(fakes, False), native=False)
            await check_rest(proxy, fakes)
    _collect()


def _collect() -> None:
    """Of several streams at once mitmproxy loses a socket to a backend that hangs up while it is hung up on."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()
