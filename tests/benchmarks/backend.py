"""A backend for the benchmarks: one process, raw asyncio, so that it costs little beside what is measured.

``python -m tests.benchmarks.backend PORT``. The path's last number says how many deltas to stream: the model's name
``burst-500`` in the body does the same, because Detour does not pass paths on.
"""

import asyncio
import re
import sys

from tests.benchmarks import samples

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
COUNT = re.compile(rb'"model":"[a-z]+-(\d+)"')


def framed(deltas: int) -> bytes:
    """A whole reply with one HTTP chunk for each event."""
    return (
        HEAD + b"".join(b"%x\r\n%s\r\n" % (len(event), event) for event in samples.reply(0, deltas, 0)) + b"0\r\n\r\n"
    )


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer every request of a connection."""
    try:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
            body = await reader.readexactly(int(length[1])) if length else b""
            found = COUNT.search(body)
            count = int(found[1]) if found else 1
            if count not in REPLIES:
                REPLIES[count] = framed(count)
            writer.write(REPLIES[count])
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


REPLIES: dict[int, bytes] = {}


async def main() -> None:
    """Serve until ended."""
    server = await asyncio.start_server(serve, "127.0.0.1", int(sys.argv[1]))
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
