"""A client for the soak: asks by either door, reads what comes, or leaves in the middle. One connection at a time."""

import asyncio
import re
import ssl
from contextlib import suppress
from dataclasses import dataclass
from random import Random

import orjson

HOST = "api.anthropic.com"
WAIT_S = 40  # for a whole reply: longer than any retry waits
LIMIT = 1 << 24
LEAVINGS = ("in the request", "after the request", "after the headers", "in the reply")


@dataclass(frozen=True, slots=True)
class Reply:
    """What came; ``is_whole`` where it ended as HTTP says."""

    status: int
    headers: bytes
    body: bytes
    is_whole: bool

    @property
    def outcome(self) -> str:
        """``ok``; a status that came with an error of Anthropic's; ``event`` for one in a stream; or a complaint."""
        if not self.is_whole:
            return f"not whole: {self.status}, {self.body[-200:]!r}"
        if self.status != 200:
            with suppress(ValueError, TypeError, KeyError):
                if orjson.loads(self.body)["error"]["message"]:
                    return str(self.status)
            return f"no error of Anthropic's: {self.status}, {self.body[:200]!r}"
        if self.body.startswith(b'{"'):
            return "ok" if orjson.loads(self.body).get("stop_reason") else f"no message: {self.body[:200]!r}"
        last = self.body.rstrip().rpartition(b"\n\n")[2]
        if last.startswith(b"event: error\n"):
            return "event"
        return "ok" if last.startswith(b"event: message_stop\n") else f"a strange end: {self.body[-200:]!r}"


class Visitor:
    """Keeps its connection while all goes well."""

    def __init__(self, door: int, port: int, trust: ssl.SSLContext, random: Random) -> None:
        """``door`` is 1 or 2, ``port`` its port on loopback."""
        self._door, self._port = door, port
        self._trust = trust
        self._random = random
        self._connection: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def visit(self, body: bytes, leaving: str | None = None) -> Reply | None:
        """Ask; None where we left on purpose. Raises: TimeoutError, OSError, asyncio.IncompleteReadError."""
        async with asyncio.timeout(WAIT_S):
            reader, writer = self._connection or await self._open()
            self._connection = None
            head = b"POST /v1/messages HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\n" % HOST.encode()
            sent = head + b"Content-Length: %d\r\n\r\n" % len(body) + body
            if leaving == LEAVINGS[0]:
                sent = sent[: self._random.randrange(len(sent))]
            writer.write(sent)
            await writer.drain()
            if leaving is not None:
                await self._leave(reader, writer, leaving)
                return None
            reply = await read_reply(reader)
        if reply.is_whole and b"connection: close" not in reply.headers.lower():
            self._connection = reader, writer
        else:
            writer.close()
        return reply

    async def hang_up(self) -> None:
        """Leave between two requests."""
        if self._connection is not None:
            _, writer = self._connection
            self._connection = None
            writer.close()
            with suppress(OSError, ssl.SSLError):
                await writer.wait_closed()

    async def _open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port, limit=LIMIT)
        if self._door == 1:
            writer.write(b"CONNECT %s:443 HTTP/1.1\r\nHost: %s:443\r\n\r\n" % (HOST.encode(), HOST.encode()))
            await reader.readuntil(b"\r\n\r\n")
            await writer.start_tls(self._trust, server_hostname=HOST)
        return reader, writer

    async def _leave(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, leaving: str) -> None:
        """Go at that stage, as a process that ends, or as one that is killed."""
        with suppress(asyncio.IncompleteReadError, OSError, TimeoutError):
            async with asyncio.timeout(self._random.uniform(0.05, 1.5)):
                if leaving in LEAVINGS[2:]:
                    await reader.readuntil(b"\r\n\r\n")
                if leaving == LEAVINGS[3]:
                    await reader.readexactly(self._random.randrange(1, 4_000))
                if leaving == LEAVINGS[1]:
                    await asyncio.sleep(self._random.uniform(0, 0.5))
        if self._random.random() < 0.5:
            writer.transport.abort()
        else:
            writer.close()


async def read_reply(reader: asyncio.StreamReader) -> Reply:
    """Read one reply as HTTP/1.1 frames it."""
    headers = await reader.readuntil(b"\r\n\r\n")
    status, body = int(headers.split(b" ", 2)[1]), bytearray()
    try:
        if re.search(rb"\r\ntransfer-encoding: chunked", headers, re.IGNORECASE):
            while size := int(await reader.readuntil(b"\r\n"), 16):
                body += (await reader.readexactly(size + 2))[:-2]
            await reader.readexactly(2)
        elif length := re.search(rb"\r\ncontent-length: (\d+)", headers, re.IGNORECASE):
            body += await reader.readexactly(int(length[1]))
        else:
            return Reply(status, headers, await reader.read(), is_whole=False)
    except (asyncio.IncompleteReadError, OSError, ValueError):
        return Reply(status, headers, bytes(body), is_whole=False)
    return Reply(status, headers, bytes(body), is_whole=True)
