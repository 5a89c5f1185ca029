"""A scripted backend on loopback that can do anything on the wire, byte by byte, over TCP and TLS, HTTP/1.1 and HTTP/2.

It serves several providers at one port, told apart by the first part of the path; whoever asks for the model `well` is
answered well, `beside` well and slowly, and everybody else gets what the row that is being played says. It is strict:
what is no request of ours to chat-completions or Messages is an objection, which fails the row.
"""

import asyncio
import re
import socket
import struct
from contextlib import suppress
from dataclasses import dataclass, field
from typing import override

from tests.faultlab.script import (
    CLOSE,
    CUT,
    ENDING,
    HANG,
    HELLO,
    LAST,
    RESET,
    ROLE,
    Drip,
    Pause,
    Repeat,
    Script,
    Step,
    chunk,
    delta,
    head,
    whole,
)

KEY = "sk-test-faultlab-backend-key"
CLIENT_KEY = "sk-test-faultlab-client-key"
WELL, BESIDE, CLOSING, CHATTY = "well", "beside", "closing", "chatty"
ALWAYS: dict[str, Script] = {
    WELL: (HELLO,),
    BESIDE: (head(), chunk(ROLE + delta("Hel")), Pause(0.4), chunk(delta("lo")), chunk(ENDING), LAST),
    CLOSING: (HELLO, CLOSE),
    CHATTY: (HELLO, Pause(0.05), whole(b"", "408 Request Timeout", "connection: close"), CLOSE),
}
PATHS = re.compile(r"(?:/(?P<provider>[a-z0-9_]+))?/v1/(?:chat/completions|messages)")
HOME = "anthropic"  # the provider without a path of its own: whom the client meant
MODEL = re.compile(rb'"model": ?"([a-z0-9_]+)"')
LENGTH = re.compile(rb"content-length: (\d+)\r\n", re.IGNORECASE)


@dataclass(slots=True)
class Played:
    """What happened at the backend while a row was played."""

    scripts: tuple[Script, ...]
    asked: list[str] = field(default_factory=list)  # providers, in the order of their requests
    objections: list[str] = field(default_factory=list)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)  # the first request
    done: asyncio.Event = field(default_factory=asyncio.Event)  # the first script
    open: set[object] = field(default_factory=set)  # connections that are playing it

    def ask(self, provider: str, headers: str) -> Script:
        """Take one request and say what is played upon it."""
        wanted, other = (CLIENT_KEY, KEY) if provider == HOME else (KEY, CLIENT_KEY)
        if wanted not in headers:
            self.objections.append(f"a request to {provider} without the key")
        if other in headers:
            self.objections.append(f"a request to {provider} with somebody else's key")
        self.asked.append(provider)
        self.arrived.set()
        return self.scripts[min(len(self.asked), len(self.scripts)) - 1]


class Backend:
    """What all connections share: the rows that are being played, by the model that they ask for."""

    def __init__(self) -> None:
        self._rows: dict[str, Played] = {}
        self.strays: list[str] = []  # objections to requests that belong to no row

    def play(self, model: str, scripts: tuple[Script, ...]) -> Played:
        """From now on, answer whoever asks for this model so."""
        self._rows[model] = Played(scripts)
        return self._rows[model]

    def take(self, path: str, headers: str, body: bytes) -> tuple[Script, Played]:
        """Say what is played upon a request, and for which row."""
        found, nobody = PATHS.fullmatch(path), Played(())
        model = MODEL.search(body)
        name = model[1].decode() if model else ""
        if found and name in ALWAYS:
            return ALWAYS[name], nobody
        if found and name in self._rows:
            return self._rows[name].ask(found["provider"] or HOME, headers), self._rows[name]
        self.strays.append(f"a request for {path!r} and the model {name!r}")
        return (CLOSE,), nobody


class Connection(asyncio.Protocol):
    """One connection that speaks HTTP/1.1."""

    def __init__(self, backend: Backend) -> None:
        self.backend = backend
        self.played = Played(())
        self.gone = asyncio.Event()
        self._received = bytearray()
        self._task: asyncio.Task[None] | None = None
        self._writable = asyncio.Event()
        self._writable.set()

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.opened()

    def opened(self) -> None:
        """Say what is said first."""

    @override
    def data_received(self, data: bytes) -> None:
        self._received += data
        if self._task is None or self._task.done():
            self.next_request()

    def next_request(self) -> None:
        """Begin with what has arrived, if a request is whole."""
        head_end = self._received.find(b"\r\n\r\n") + 4
        if head_end < 4:
            return
        top = bytes(self._received[:head_end])
        found = LENGTH.search(top)
        end = head_end + (int(found[1]) if found else 0)
        if len(self._received) < end:
            return
        body = bytes(self._received[head_end:end])
        del self._received[:end]
        self.begin(top.split(b" ", 2)[1].decode(), top.decode("latin-1"), body)

    def begin(self, path: str, headers: str, body: bytes) -> None:
        """Play what is to be played upon this request."""
        script, self.played = self.backend.take(path, headers, body)
        self._task = asyncio.get_running_loop().create_task(self._play(script, self.played))

    async def _play(self, script: Script, played: Played) -> None:
        played.open.add(self)
        for step in script:
            if not await self.step(step):
                break
        else:
            played.open.discard(self)
            self._task = None
            self.next_request()  # it may have come meanwhile
        played.done.set()

    async def step(self, step: Step) -> bool:
        """Do one thing; False: it was the last."""
        match step:
            case bytes():
                await self.write(step)
            case Pause(seconds):
                await self.wait(seconds)
            case Drip(what):
                for each in what:
                    await self.write(bytes((each,)))
                    await asyncio.sleep(0)
            case Repeat(what, times):
                for _ in range(times):
                    await self.write(what)
            case _ if step is HANG:
                self.played.done.set()
                await self.gone.wait()
            case _:
                self.leave(step)
                return False
        return not self.gone.is_set()

    def stop(self) -> None:
        """Play no further: nobody listens."""
        self.played.open.discard(self)
        if self._task is not None:
            self._task.cancel()

    def leave(self, step: Step) -> None:
        """End the connection in one of the ways there are."""
        if step is RESET:
            connection: socket.socket = self.transport.get_extra_info("socket")
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.transport.abort()
        elif step is CUT:
            self.transport.abort()
        elif step is CLOSE:
            self.transport.close()
        else:
            raise ValueError(f"HTTP/1.1 has no {step!r}")

    async def write(self, piece: bytes) -> None:
        """Send, as fast as the other side takes it."""
        if not self.gone.is_set():
            self.transport.write(piece)
            await self._writable.wait()

    async def wait(self, seconds: float) -> None:
        """Wait, unless the other side hangs up."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self.gone.wait(), seconds)

    @override
    def pause_writing(self) -> None:
        self._writable.clear()

    @override
    def resume_writing(self) -> None:
        self._writable.set()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self.gone.set()
        self._writable.set()
        self.played.open.discard(self)
