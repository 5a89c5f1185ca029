"""A backend for the soak: what it does is in the model's name, such as ``cut-20``; twenty deltas where it streams.

``python -m tests.benchmarks.faulty_backend PORT``. ``GET /open`` says how many connections are open, its own apart.
Under ``/v1/messages`` it is Anthropic, for requests that pass.
"""

import asyncio
import re
import socket
import struct
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import orjson

from tests.benchmarks import samples
from tests.benchmarks.backend import HEAD, in_chunk

MODEL = re.compile(rb'"model":"([a-z]+)-(\d+)"')
ATTEMPT = re.compile(rb"visit (\d+)\.")
PACE_S = 0.03
LOOK_S = 0.05  # between two looks at whether the peer has left
END = b"0\r\n\r\n"
ERROR = b'{"error":{"message":"%s","type":"%s","code":null}}'

type Play = Callable[[asyncio.StreamWriter, int], Awaitable[bool]]

OPEN: set[asyncio.StreamWriter] = set()
SEEN: set[bytes] = set()  # visits that were here before


def anthropic(deltas: int) -> bytes:
    """A whole reply of Anthropic's."""
    message = {"id": "msg_1", "type": "message", "role": "assistant", "model": "claude-opus-5-5", "content": []}
    usage = {"input_tokens": 3, "output_tokens": 1}
    events: list[dict[str, Any]] = [
        {"type": "message_start", "message": {**message, "stop_reason": None, "stop_sequence": None, "usage": usage}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
    ]
    for number in range(deltas):
        delta = {"type": "text_delta", "text": f" token {number}"}
        events.append({"type": "content_block_delta", "index": 0, "delta": delta})
    events += [
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": None}, "usage": usage},
        {"type": "message_stop"},
    ]
    lines = (b"event: %s\ndata: %s\n\n" % (event["type"].encode(), orjson.dumps(event)) for event in events)
    return HEAD + b"".join(map(in_chunk, lines)) + END


def status(line: bytes, body: bytes, *headers: bytes) -> Play:
    """An answer in one piece; the connection lives on."""

    async def play(writer: asyncio.StreamWriter, deltas: int) -> bool:
        lines = [b"HTTP/1.1 " + line, b"Content-Length: %d" % len(body), *headers]
        writer.write(b"\r\n".join(lines) + b"\r\n\r\n" + body)
        return True

    return play


async def fine(writer: asyncio.StreamWriter, deltas: int) -> bool:
    """All at once."""
    writer.write(HEAD + b"".join(map(in_chunk, samples.reply(2, deltas, 3))) + END)
    return True


async def slow(writer: asyncio.StreamWriter, deltas: int) -> bool:
    """At a model's pace."""
    writer.write(HEAD)
    for event in samples.reply(2, deltas, 3):
        writer.write(in_chunk(event))
        await writer.drain()
        await asyncio.sleep(PACE_S)
    writer.write(END)
    return True


async def cut(writer: asyncio.StreamWriter, deltas: int) -> bool:
    """The middle of an event, and then nothing."""
    events = samples.reply(2, deltas, 3)
    writer.write(HEAD + b"".join(map(in_chunk, events[: len(events) // 2])) + in_chunk(events[-4])[:40])
    await writer.drain()
    await asyncio.sleep(PACE_S)
    return False


async def reset(writer: asyncio.StreamWriter, deltas: int) -> bool:
    """Not a word."""
    hard(writer)
    return False


async def partial(writer: asyncio.StreamWriter, deltas: int) -> bool:
    """Half of the headers."""
    writer.write(HEAD[:30])
    await writer.drain()
    await asyncio.sleep(PACE_S)
    hard(writer)
    return False


async def garbage(writer: asyncio.StreamWriter, deltas: int) -> bool:
    """A stream of something else."""
    writer.write(HEAD + in_chunk(b"data: {]\n\n") + in_chunk(b"\xff\xfe\x00 what?\n\n") + END)
    return True


async def silent(writer: asyncio.StreamWriter, deltas: int) -> bool:
    """Nothing, until the peer has left."""
    await asyncio.Event().wait()
    return False


def hard(writer: asyncio.StreamWriter) -> None:
    """Let the end be a reset."""
    taken = writer.get_extra_info("socket")
    taken.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


PLAYS: dict[bytes, Play] = {
    b"fine": fine,
    b"slow": slow,
    b"cut": cut,
    b"reset": reset,
    b"partial": partial,
    b"garbage": garbage,
    b"silent": silent,
    b"limited": status(b"429 Too Many Requests", ERROR % (b"Rate limit reached", b"rate_limit"), b"Retry-After: 1"),
    b"broken": status(b"500 Internal Server Error", ERROR % (b"The server had an error", b"server_error")),
    b"overloaded": status(b"503 Service Unavailable", ERROR % (b"Overloaded", b"overloaded_error")),
    b"html": status(b"502 Bad Gateway", b"<html><h1>502 Bad Gateway</h1></html>", b"Content-Type: text/html"),
}


async def answer(head: bytes, body: bytes, writer: asyncio.StreamWriter) -> bool:
    """Play what is asked for; return whether the connection lives on."""
    if head.startswith(b"GET /open "):
        return await status(b"200 OK", b"%d" % (len(OPEN) - 1))(writer, 0)
    if head.startswith(b"POST /v1/messages"):
        writer.write(anthropic(20))
        return True
    found = MODEL.search(body)
    if found is None:
        return await status(b"200 OK", b"{}")(writer, 0)
    visit, play, deltas = ATTEMPT.search(body), found[1], int(found[2])
    if play == b"flaky":  # fails once
        is_new = visit is not None and visit[1] not in SEEN
        SEEN.add(visit[1] if visit else b"")
        play = b"broken" if is_new else b"fine"
    return await PLAYS[play](writer, deltas)


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer the requests of a connection, until either side has enough."""
    OPEN.add(writer)
    try:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
            body = await reader.readexactly(int(length[1])) if length else b""
            played = asyncio.ensure_future(answer(head, body, writer))
            while not played.done() and not reader.at_eof():
                await asyncio.wait((played,), timeout=LOOK_S)
            if not played.done():
                played.cancel()
                break
            if not played.result():
                break
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        OPEN.discard(writer)
        writer.close()


async def main() -> None:
    """Serve until ended."""
    server = await asyncio.start_server(serve, "127.0.0.1", int(sys.argv[1]))
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
