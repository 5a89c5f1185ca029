"""A backend for the benchmarks: one process, raw asyncio, so that it costs little beside what is measured.

``python -m tests.benchmarks.backend PORT``. The model's name says how many deltas to stream: ``burst-500`` all at once,
``spoken-500`` too, in words of prose; ``paced-100`` one every 20 ms, each with the moment at which it is sent
(nanoseconds of the machine's monotonic clock).
"""

import asyncio
import re
import sys
import time

from tests.benchmarks import samples

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
MODEL = re.compile(rb'"model":"([a-z]+)-(\d+)"')
PACE_S = 0.02  # fifty tokens a second


def framed(deltas: int) -> bytes:
    """A whole reply with one HTTP chunk for each event."""
    return HEAD + b"".join(map(in_chunk, samples.reply(0, deltas, 0))) + b"0\r\n\r\n"


def spoken(deltas: int) -> bytes:
    """The same, of ordinary words behind the first; a benchmark of what reads them would stumble over its own."""
    words = samples.PROSE.split()
    pieces = [samples.chunk({"content": f" {words[number % len(words)]}"}) for number in range(1, deltas)]
    first, token, *_, last, usage, done = samples.reply(0, 1, 0)
    return HEAD + b"".join(map(in_chunk, (first, token, *pieces, last, usage, done))) + b"0\r\n\r\n"


def in_chunk(event: bytes) -> bytes:
    """One event as one HTTP chunk."""
    return b"%x\r\n%s\r\n" % (len(event), event)


async def pace(writer: asyncio.StreamWriter, deltas: int) -> None:
    """Write a reply piece by piece; a delta that is late does not put off the others."""
    first, *_, last, usage, done = samples.reply(0, 1, 0)
    writer.write(HEAD + in_chunk(first))
    loop = asyncio.get_running_loop()
    begun = loop.time()
    for number in range(deltas):
        await asyncio.sleep(begun + (number + 1) * PACE_S - loop.time())
        writer.write(in_chunk(samples.chunk({"content": f" at{time.monotonic_ns()}"})))
    writer.write(b"".join(map(in_chunk, (last, usage, done))) + b"0\r\n\r\n")
    await writer.drain()


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer every request of a connection."""
    try:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
            body = await reader.readexactly(int(length[1])) if length else b""
            found = MODEL.search(body)
            count = int(found[2]) if found else 1
            if found and found[1] == b"paced":
                await pace(writer, count)
                continue
            is_spoken = bool(found and found[1] == b"spoken")
            if (is_spoken, count) not in REPLIES:
                REPLIES[is_spoken, count] = spoken(count) if is_spoken else framed(count)
            writer.write(REPLIES[is_spoken, count])
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


REPLIES: dict[tuple[bool, int], bytes] = {}


async def main() -> None:
    """Serve until ended."""
    server = await asyncio.start_server(serve, "127.0.0.1", int(sys.argv[1]))
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
