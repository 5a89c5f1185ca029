"""The proxy with the addon, scripted backends and clients, all in one event loop on loopback.

A backend's script is an async function of what it received and a writer; it writes raw HTTP, so that every way in which
a backend misbehaves can be told. Whatever mitmproxy or the addon logs at ERROR fails the test, unless it asks for it.
"""

import asyncio
import gc
import gzip
import json
import logging
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self, override

import httpx
from mitmproxy import http, io
from mitmproxy.hooks import ConfigureHook
from mitmproxy.options import Options
from mitmproxy.proxy import mode_specs
from mitmproxy.tools.dump import DumpMaster
from mitmproxy.tools.web.app import flow_to_json

from addon.proxy.hooks import Detour
from addon.proxy.http_layer import DetourHttpLayer

type Json = dict[str, Any]

LIMIT_S = 10  # nothing here takes a tenth of it; a loaded machine may be slow
KEY = "sk-backend-secret-key"
ANTHROPIC_URL = "https://api.anthropic.com"
CLIENT_HEADERS = {
    "x-api-key": "sk-ant-client-secret",
    "authorization": "Bearer client-secret-token",
    "cookie": "session=client-secret-cookie",
    "proxy-authorization": "Basic client-secret-proxy",
    "anthropic-version": "2023-06-01",
    "anthropic-beta": "context-management-2025-06-27",
    "x-claude-code-session-id": "client-session",
    "x-stainless-lang": "js",
    "user-agent": "claude-cli/2.1.329",
}

# -- what clients ask and backends answer ------------------------------------------------------------------------------


def ask(text: str = "Hello", model: str = "claude-opus-4-8", **more: object) -> Json:
    """A small request, streamed unless told otherwise."""
    return {
        "model": model,
        "max_tokens": 100,
        "stream": True,
        "messages": [{"role": "user", "content": text}],
        **more,
    }


def chunk(text: str | None = None, finish: str | None = None, **more: object) -> Json:
    """One chat-completions chunk."""
    choice = {"index": 0, "delta": {} if text is None else {"content": text}, "finish_reason": finish}
    return {"object": "chat.completion.chunk", "choices": [choice], **more}


def events(*chunks: Json, done: bool = True) -> list[bytes]:
    """The chunks as server-sent events, one piece each."""
    return [b"data: %s\n\n" % json.dumps(each).encode() for each in chunks] + ([b"data: [DONE]\n\n"] if done else [])


HELLO = events(
    chunk("Hel"),
    chunk("lo"),
    chunk(finish="stop"),
    {"choices": [], "usage": {"prompt_tokens": 12, "completion_tokens": 2}},
)
WHOLE_HELLO: Json = {
    "object": "chat.completion",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hello"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 12, "completion_tokens": 2},
}
NATIVE_HELLO = [
    b"event: %s\ndata: %s\n\n" % (json.loads(data)["type"].encode(), data)
    for data in (
        b'{"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","model":"m","content":[],'
        b'"stop_reason":null,"usage":{"input_tokens":7,"output_tokens":1}}}',
        b'{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}',
        b'{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hi"}}',
        b'{"type":"content_block_stop","index":0}',
        b'{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":3}}',
        b'{"type":"message_stop"}',
    )
]


def said(stream: bytes) -> str:
    """The text of a stream of Anthropic's events."""
    return "".join(data["delta"].get("text", "") for name, data in read_events(stream) if name == "content_block_delta")


def read_events(stream: bytes) -> list[tuple[str, Json]]:
    """The events of a stream: name and data."""
    assert stream.endswith(b"\n\n"), stream[-200:]
    parsed = []
    for block in stream.decode().removesuffix("\n\n").split("\n\n"):
        event, data = block.split("\n", 1)
        parsed.append((event.removeprefix("event: "), json.loads(data.removeprefix("data: "))))
    return parsed


def replied(flow: http.HTTPFlow) -> bytes:
    """The client's bytes as the flow shows them."""
    assert flow.response is not None
    return flow.response.content or b""


# -- backends ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Received:
    """A request as it arrived; header names in lower case."""

    method: str
    path: str
    headers: tuple[tuple[str, str], ...]
    body: bytes

    @property
    def names(self) -> set[str]:
        return {name for name, _ in self.headers}

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key == name), None)

    @property
    def json(self) -> Any:
        return json.loads(self.body)


type Script = Callable[[Received, asyncio.StreamWriter], Awaitable[bool | None]]


@dataclass(slots=True)
class Backend:
    """A scripted server; the last script is played for ever. A script that returns False closes the connection."""

    scripts: list[Script]
    port: int = 0
    received: list[Received] = field(default_factory=list)
    open: int = 0
    accepted: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open += 1
        self.accepted += 1
        try:
            while await self._one(reader, writer) is not False:
                pass
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self.open -= 1
            writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool | None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        first, *lines = head.removesuffix("\r\n\r\n").split("\r\n")
        method, path, _ = first.split(" ", 2)
        headers = tuple((line.partition(":")[0].lower(), line.partition(":")[2].strip()) for line in lines)
        length = next((int(value) for name, value in headers if name == "content-length"), 0)
        received = Received(method, path, headers, await reader.readexactly(length))
        self.received.append(received)
        script = self.scripts.pop(0) if len(self.scripts) > 1 else self.scripts[0]
        played = asyncio.ensure_future(script(received, writer))
        gone = asyncio.ensure_future(_until_gone(reader, writer))
        await asyncio.wait((played, gone), return_when=asyncio.FIRST_COMPLETED)
        gone.cancel()
        if not played.done():
            played.cancel()
        with suppress(asyncio.CancelledError):
            result = await played
            await writer.drain()
            return result
        return False


async def _until_gone(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Return when the peer hangs up; nothing is taken off the stream."""
    while not reader.at_eof() and reader.exception() is None:  # noqa: ASYNC110 - a reader has no event to wait for
        await asyncio.sleep(0.005)


@asynccontextmanager
async def backend(
    *scripts: Script, tls: ssl.SSLContext | None = None, port: int = 0, host: str = "127.0.0.1"
) -> AsyncIterator[Backend]:
    """A backend, on a port of its own unless one is given."""
    fake = Backend(list(scripts), port)
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        tasks.add(task)
        with suppress(asyncio.CancelledError):
            await fake.serve(reader, writer)
        tasks.discard(task)

    server = await asyncio.start_server(serve, host, fake.port, ssl=tls)
    fake.port = server.sockets[0].getsockname()[1]
    try:
        yield fake
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@asynccontextmanager
async def corporate_proxy() -> AsyncIterator[tuple[str, list[str]]]:
    """A proxy that makes tunnels; yields its address, and the heads of what it was asked for."""
    heads: list[str] = []

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while piece := await reader.read(65536):
            writer.write(piece)
        writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append((await reader.readuntil(b"\r\n\r\n")).decode())
        host, port = heads[-1].split(" ")[1].split(":")
        there, here = await asyncio.open_connection(host, int(port))
        writer.write(b"HTTP/1.1 200 Yes\r\n\r\n")
        await asyncio.gather(pump(reader, here), pump(there, writer))

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", heads


def head(status: str = "200 OK", version: str = "1.1", **headers: str) -> bytes:
    """A response head; underscores in names are dashes."""
    lines = [f"HTTP/{version} {status}", *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode()


def streaming(pieces: Iterable[bytes] = HELLO, *, gate: asyncio.Event | None = None, **headers: str) -> Script:
    """A streamed 200, one chunk a piece; with a gate, it waits there before the last piece."""

    async def script(received: Received, writer: asyncio.StreamWriter) -> None:
        kept = list(pieces)
        writer.write(head(**{"content_type": "text/event-stream", "transfer_encoding": "chunked", **headers}))
        for index, piece in enumerate(kept):
            if gate is not None and index == len(kept) - 1:
                await gate.wait()
            writer.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            await writer.drain()
            await asyncio.sleep(0)
        writer.write(b"0\r\n\r\n")

    return script


def whole(body: Json | bytes = WHOLE_HELLO, status: str = "200 OK", **headers: str) -> Script:
    """A reply in one piece."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()

    async def script(received: Received, writer: asyncio.StreamWriter) -> None:
        told = {"content_type": "application/json", "content_length": str(len(content)), **headers}
        writer.write(head(status, **told) + content)

    return script


def raw(*pieces: bytes, close: bool = True) -> Script:
    """Exact bytes, then the end of the connection."""

    async def script(received: Received, writer: asyncio.StreamWriter) -> bool:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0.01)
        return not close

    return script


def silent() -> Script:
    """Nothing at all, until the peer hangs up."""

    async def script(received: Received, writer: asyncio.StreamWriter) -> None:
        await asyncio.Event().wait()

    return script


def gzipped(body: bytes) -> bytes:
    return gzip.compress(body)


# -- the proxy ---------------------------------------------------------------------------------------------------------


class Records(logging.Handler):
    """Everything logged while it stands."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []

    @override
    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)

    def at(self, level: int) -> list[str]:
        return [self.formatted(record) for record in self.records if record.levelno >= level]

    def formatted(self, record: logging.LogRecord) -> str:
        return logging.Formatter().format(record)

    @property
    def text(self) -> str:
        return "\n".join(map(self.formatted, self.records))


@dataclass(slots=True)
class Proxy:
    """A running proxy with the addon in it."""

    master: DumpMaster
    detour: Detour
    log: Records
    flows: list[http.HTTPFlow]
    confdir: Path
    errors_expected: bool = False

    def port(self, mode: type | tuple[type, ...]) -> int:
        for server in self.master.addons.get("proxyserver").servers:
            if isinstance(server.mode, mode):
                return int(server.listen_addrs[0][1])
        raise LookupError(mode)

    @property
    def door_one(self) -> str:
        return f"http://127.0.0.1:{self.port((mode_specs.RegularMode, mode_specs.UpstreamMode))}"

    @property
    def door_two(self) -> str:
        return f"http://127.0.0.1:{self.port(mode_specs.ReverseMode)}"

    @property
    def is_released(self) -> bool:
        """Whether no state of any exchange is left."""
        return not self.detour.attempts.exchanges and not self.detour._waiting and not self.detour.attempts.partings

    async def settled(self) -> None:
        """Wait until every exchange has ended."""
        await until(
            lambda: self.is_released and not any(flow.live for flow in self.flows),
            lambda: self.log.text,
        )

    async def at_rest(self) -> None:
        """Wait until every exchange has ended; nothing of them is left, in the addon or in the layers."""
        await self.settled()
        attempts = self.detour.attempts
        assert [attempts.origins, attempts._originals, attempts._readings] == [{}, {}, {}]
        for each in gc.get_objects():
            if isinstance(each, DetourHttpLayer):
                attempts_left = [stream for stream in each.streams if stream < 0]
                assert [each.held, each.watched, attempts_left] == [{}, {}, []]
        assert "crashed" not in self.log.text

    def client(self, door: int = 2, *, http2: bool = False) -> httpx.AsyncClient:
        """A client at one of the doors; at door one it speaks TLS and trusts mitmproxy's authority only."""
        if door == 1:
            authority = _OnlyHttp2() if http2 else ssl.create_default_context()
            authority.load_verify_locations(self.confdir / "mitmproxy-ca-cert.pem")
            return httpx.AsyncClient(
                base_url=ANTHROPIC_URL,
                proxy=self.door_one,
                verify=authority,
                http2=http2,
                trust_env=False,
                timeout=LIMIT_S,
            )
        return httpx.AsyncClient(base_url=self.door_two, trust_env=False, timeout=LIMIT_S)


class _OnlyHttp2(ssl.SSLContext):
    """A client that offers HTTP/2 alone; httpx offers HTTP/1.1 first, and mitmproxy takes the first."""

    def __new__(cls) -> Self:
        return super().__new__(cls, ssl.PROTOCOL_TLS_CLIENT)

    @override
    def set_alpn_protocols(self, alpn_protocols: Iterable[str]) -> None:
        super().set_alpn_protocols(["h2"])


class Witness:
    """A late addon: keeps every flow, and everything a reader could see of it, at every moment there is."""

    def __init__(self) -> None:
        self.name = f"witness_{id(self)}"
        self.flows: list[http.HTTPFlow] = []
        self.seen: list[tuple[str, str]] = []
        self.updates = 0

    def request(self, flow: http.HTTPFlow) -> None:
        self.flows.append(flow)
        self._look("request", flow)

    def responseheaders(self, flow: http.HTTPFlow) -> None:
        self._look("responseheaders", flow)

    def response(self, flow: http.HTTPFlow) -> None:
        self._look("response", flow)

    def error(self, flow: http.HTTPFlow) -> None:
        self._look("error", flow)

    def update(self, flows: list[http.HTTPFlow]) -> None:
        self.updates += 1
        for flow in flows:
            if flow in self.flows:  # before that mitmproxy shows what the client sent, to whomever it is for
                self._look("update", flow)

    def _look(self, moment: str, flow: http.HTTPFlow) -> None:
        self.seen.append((moment, everything(flow)))


def everything(flow: http.HTTPFlow) -> str:
    """All that readers and writers can get out of a flow."""
    saved = _Sink()
    io.FlowWriter(saved).add(flow)
    bodies = [message.get_content(strict=False) for message in (flow.request, flow.response) if message]
    return f"{flow.get_state()!r}{json.dumps(flow_to_json(flow))}{bytes(saved.taken)!r}{flow.comment}{bodies!r}"


class _Sink:
    def __init__(self) -> None:
        self.taken = bytearray()

    def write(self, piece: bytes) -> None:
        self.taken += piece


@asynccontextmanager
async def proxying(
    confdir: Path, *others: object, modes: Iterable[str] = ("regular", "reverse:" + ANTHROPIC_URL), **options: object
) -> AsyncIterator[Proxy]:
    """mitmdump with the addon, in this loop. The settings come from the environment, as ever."""
    log = Records()
    logging.getLogger().addHandler(log)
    level = logging.getLogger().level
    logging.getLogger().setLevel(logging.INFO)
    master = DumpMaster(
        Options(mode=[f"{mode}@127.0.0.1:0" for mode in modes], confdir=str(confdir)),
        with_termlog=False,
        with_dumper=False,
    )
    master.addons.remove(master.addons.get("errorcheck"))  # it ends the process
    witness = Witness()
    detour = Detour()
    script_loader = master.addons.chain.index(master.addons.get("scriptloader"))
    master.addons.chain.insert(script_loader, master.addons.register(detour))  # where scripts are
    for other in (*others, witness):
        master.addons.add(other)
    master.options.update(**options)
    master.addons.invoke_addon_sync(detour, ConfigureHook(set(master.options.keys())))  # as a script is
    running = asyncio.create_task(master.run())
    proxy = Proxy(master, detour, log, witness.flows, confdir)
    server = master.addons.get("proxyserver")
    try:
        await until(lambda: bool(server.servers) and all(each.listen_addrs for each in server.servers))
        await until((confdir / "mitmproxy-ca-cert.pem").exists)
        await until(lambda: detour.control.settings is None or detour.control.is_looking)  # our own `running` has run
        yield proxy
    finally:
        await server.servers.update([])
        master.shutdown()
        await running
        detour.done()
        logging.getLogger().removeHandler(log)
        logging.getLogger().setLevel(level)
    if not proxy.errors_expected:
        assert log.at(logging.ERROR) == []


async def until(condition: Callable[[], object], complaint: Callable[[], object] = lambda: "") -> None:
    """Wait until it holds."""
    try:
        async with asyncio.timeout(LIMIT_S):
            while not condition():  # noqa: ASYNC110 - a condition has no event to wait for
                await asyncio.sleep(0.005)
    except TimeoutError:
        raise AssertionError(f"never happened: {complaint()}") from None


@contextmanager
def no_more_than(seconds: float) -> Iterator[None]:
    """The block must be quicker."""
    start = asyncio.get_running_loop().time()
    yield
    assert asyncio.get_running_loop().time() - start < seconds
