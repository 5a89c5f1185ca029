"""HTTP/2 by hand: a client that resets its streams, and a backend that does whatever its script says."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import h2.config
import h2.connection
import h2.events

from tests.proxy.live import CLIENT_HEADERS, Json, Proxy, Received

KEPT = {name: value for name, value in CLIENT_HEADERS.items() if name != "proxy-authorization"}


@dataclass(slots=True)
class Reply:
    """What a client has of one reply."""

    heads: list[int] = field(default_factory=list)
    body: bytes = b""
    over: bool = False
    reset: bool = False
    late: bytes = b""  # what came behind the end


@dataclass(slots=True)
class Http2Client:
    """One connection at door one."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    wire: h2.connection.H2Connection
    replies: dict[int, Reply] = field(default_factory=dict)
    gone: bool = False

    def ask(self, body: Json, **headers: str) -> int:
        """Send a request; returns its stream."""
        stream = self.wire.get_next_available_stream_id()
        content = json.dumps(body).encode()
        told = {"content-type": "application/json", **KEPT, **headers, "content-length": str(len(content))}
        pseudo = [(":method", "POST"), (":scheme", "https"), (":path", "/v1/messages")]
        self.wire.send_headers(stream, [*pseudo, (":authority", "api.anthropic.com"), *told.items()])
        self.wire.send_data(stream, content, end_stream=True)
        self.replies[stream] = Reply()
        self._flush()
        return stream

    def reset(self, stream: int) -> None:
        """Leave one exchange; the connection stays."""
        self.wire.reset_stream(stream, 8)
        self._flush()

    def _flush(self) -> None:
        self.writer.write(self.wire.data_to_send())

    async def listen(self) -> None:
        with suppress(ConnectionError):
            while data := await self.reader.read(65535):
                for event in self.wire.receive_data(data):
                    self._take(event)
                self._flush()
        self.gone = True

    def _take(self, event: Any) -> None:
        reply = self.replies.get(getattr(event, "stream_id", None) or 0)
        if reply is None:
            return
        if isinstance(event, h2.events.ResponseReceived):
            reply.heads.append(int(dict(event.headers)[b":status"]))
        elif isinstance(event, h2.events.DataReceived):
            reply.body += event.data
            self.wire.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, h2.events.StreamEnded):
            reply.over = True
        elif isinstance(event, h2.events.StreamReset):
            reply.reset = True


@asynccontextmanager
async def http2_client(proxy: Proxy) -> AsyncIterator[Http2Client]:
    """A client that has connected at door one."""
    host, port = proxy.door_one.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(b"CONNECT api.anthropic.com:443 HTTP/1.1\r\n\r\n")
    await reader.readuntil(b"\r\n\r\n")
    trust = ssl.create_default_context(cafile=proxy.confdir / "mitmproxy-ca-cert.pem")
    trust.set_alpn_protocols(["h2"])
    await writer.start_tls(trust, server_hostname="api.anthropic.com")
    client = Http2Client(reader, writer, h2.connection.H2Connection(h2.config.H2Configuration(client_side=True)))
    client.wire.initiate_connection()
    client._flush()
    listening = asyncio.create_task(client.listen())
    try:
        yield client
    finally:
        listening.cancel()
        writer.close()
        with suppress(ConnectionError, ssl.SSLError):
            await writer.wait_closed()


type Http2Script = Callable[[Received, "Http2Exchange"], Awaitable[None]]


@dataclass(slots=True)
class Http2Exchange:
    """One request at a backend, and what it may do with it."""

    wire: h2.connection.H2Connection
    writer: asyncio.StreamWriter
    stream: int

    def head(self, status: int = 200, **headers: str) -> None:
        told = {"content-type": "text/event-stream", **headers}
        self.wire.send_headers(self.stream, [(":status", str(status)), *told.items()])
        self.flush()

    def say(self, *pieces: bytes, end: bool = False) -> None:
        for piece in pieces:
            self.wire.send_data(self.stream, piece)
        if end:
            self.wire.end_stream(self.stream)
        self.flush()

    def trailers(self) -> None:
        self.wire.send_headers(self.stream, [("grpc-status", "0")], end_stream=True)
        self.flush()

    def reset(self, code: int = 2) -> None:
        self.wire.reset_stream(self.stream, code)
        self.flush()

    def go_away(self) -> None:
        self.wire.close_connection()
        self.flush()

    def flush(self) -> None:
        if self.writer.transport.is_closing():
            raise ConnectionResetError
        self.writer.write(self.wire.data_to_send())


@dataclass(slots=True)
class Http2Backend:
    """Plays a script for each request; the last one for ever."""

    scripts: list[Http2Script]
    most_streams: int | None = None  # that it allows at once, on its first connection
    port: int = 0
    received: list[Received] = field(default_factory=list)
    resets: int = 0
    accepted: int = 0
    tasks: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def url(self) -> str:
        return f"https://localhost:{self.port}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        wire = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))
        if self.most_streams is not None and self.accepted == 1:
            wire.local_settings.max_concurrent_streams = self.most_streams
            wire.local_settings.acknowledge()
        wire.initiate_connection()
        writer.write(wire.data_to_send())
        asked: dict[int, tuple[list[tuple[str, str]], bytearray]] = {}
        try:
            while data := await reader.read(65535):
                for event in wire.receive_data(data):
                    self._take(event, asked, wire, writer)
                writer.write(wire.data_to_send())
        except (ConnectionError, h2.exceptions.ProtocolError):
            pass
        finally:
            writer.close()

    def _take(self, event: Any, asked: Any, wire: h2.connection.H2Connection, writer: asyncio.StreamWriter) -> None:
        if isinstance(event, h2.events.RequestReceived):
            fields = [(bytes(name).decode(), bytes(value).decode()) for name, value in event.headers]
            asked[event.stream_id] = (fields, bytearray())
        elif isinstance(event, h2.events.DataReceived):
            asked[event.stream_id][1].extend(event.data)
            wire.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, h2.events.StreamReset):
            self.resets += 1
        elif isinstance(event, h2.events.StreamEnded):
            fields, body = asked.pop(event.stream_id)
            named = dict(fields)
            received = Received(named[":method"], named[":path"], tuple(fields), bytes(body))
            self.received.append(received)
            script = self.scripts.pop(0) if len(self.scripts) > 1 else self.scripts[0]
            task = asyncio.ensure_future(self._play(script, received, Http2Exchange(wire, writer, event.stream_id)))
            self.tasks.add(task)
            task.add_done_callback(self.tasks.discard)

    async def _play(self, script: Http2Script, received: Received, exchange: Http2Exchange) -> None:
        with suppress(h2.exceptions.ProtocolError, KeyError, ConnectionError):
            await script(received, exchange)


@asynccontextmanager
async def http2_backend(
    tls: ssl.SSLContext, *scripts: Http2Script, most_streams: int | None = None
) -> AsyncIterator[Http2Backend]:
    """A backend that speaks HTTP/2 alone."""
    tls.set_alpn_protocols(["h2"])
    fake = Http2Backend(list(scripts), most_streams)
    connections: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        connections.add(task)
        with suppress(asyncio.CancelledError):
            await fake.serve(reader, writer)

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    fake.port = server.sockets[0].getsockname()[1]
    try:
        yield fake
    finally:
        server.close()
        for task in [*connections, *fake.tasks]:
            task.cancel()
        await asyncio.gather(*connections, *fake.tasks, return_exceptions=True)
