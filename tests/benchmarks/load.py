"""Many streams at once, in bursts and at a model's pace, and what 2,000 requests leave in memory. Linux.

As in ``proxy``: Detour inside mitmdump against mitmdump with an identity stream function, in one run, in turns, with
the same client, requests and backend. A reply that is not complete is a failure.
"""

import asyncio
import contextlib
import re
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from statistics import median, quantiles

from tests.benchmarks import memory, samples
from tests.benchmarks.backend import PACE_S
from tests.benchmarks.proxy import DELTAS, ROOT, SCRIPTS, Proxy, free_port, mitmdump, named, running
from tests.benchmarks.table import Row, report

STREAMS = (1, 16, 64, 256)
DELTAS_PER_ROUND = 6_000  # at least: more than one burst each where the streams are few
ROUNDS = {1: 12, 16: 12, 64: 8, 256: 3}
DELTA_LIMITS = {1: 1.25, 16: 1.25, 64: 1.25}  # times identity; what 256 cost is shown, and only a failure counts
PACED_STREAMS, PACED_DELTAS, PACED_ROUNDS = 16, 100, 4
LAG_LIMIT_MS = 0.25  # more than identity: twice what translating a single delta takes; to wait for a next one takes 20
MODELS = {"identity": "{}-{}", "detour": "openai/{}-{}"}  # identity forwards what Detour names for its backend
WAIT_S = 60
MOST_REPLY_BYTES = 1 << 24

HEAD = b"POST /v1/messages HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
END = b"\r\n0\r\n\r\n"
LAST_WORDS = {"identity": b"data: [DONE]\n\n\r\n", "detour": b'data: {"type":"message_stop"}\n\n\r\n'}
SENT_AT = re.compile(rb" at(\d+)\"")


@dataclass(slots=True)
class Figures:
    """What one proxy cost and did."""

    delta_s: dict[int, list[float]] = field(default_factory=dict)  # CPU, by the number of streams
    lag_ms: list[float] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)


async def ask(connection: tuple[asyncio.StreamReader, asyncio.StreamWriter], body: bytes) -> bytes:
    """Send a request on a kept connection, and read its whole reply."""
    reader, writer = connection
    writer.write(HEAD % len(body) + body)
    return await asyncio.wait_for(reader.readuntil(END), WAIT_S)


def fault(name: str, reply: bytes, deltas: int, word: bytes) -> str | None:
    """What is wrong with a reply."""
    if not reply.startswith(b"HTTP/1.1 200 "):
        return f"{name}: {reply[:300]!r}"
    if reply.count(word) != deltas:
        return f"{name}: {reply.count(word)} of {deltas} deltas"
    return None if reply.endswith(LAST_WORDS[name] + END[2:]) else f"{name}: ends with {reply[-200:]!r}"


async def burst(name: str, proxy: Proxy, streams: int, figures: Figures) -> None:
    """Measure bursts on so many streams at once."""
    body = named(samples.request(turns=1), MODELS[name].format("burst", DELTAS))
    times = max(1, DELTAS_PER_ROUND // DELTAS // streams)
    connections = await connect(name, proxy, streams)
    before = proxy.cpu_s()
    try:
        for _ in range(times):
            for reply in await asyncio.gather(*(ask(each, body) for each in connections), return_exceptions=True):
                wrong = repr(reply) if isinstance(reply, BaseException) else fault(name, reply, DELTAS, b'" token ')
                figures.failures += [wrong] if wrong else []
        figures.delta_s.setdefault(streams, []).append((proxy.cpu_s() - before) / times / streams / DELTAS)
    finally:
        await hang_up(connections)


async def connect(name: str, proxy: Proxy, count: int) -> list[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """Open connections, which have served a request each: making one is not measured."""
    opened = [await asyncio.open_connection("127.0.0.1", proxy.port, limit=MOST_REPLY_BYTES) for _ in range(count)]
    small = named(samples.request(turns=0), MODELS[name].format("burst", 1))
    await asyncio.gather(*(ask(each, small) for each in opened))
    return opened


async def hang_up(connections: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]]) -> None:
    """Close them."""
    for _, writer in connections:
        writer.close()
    await asyncio.gather(*(writer.wait_closed() for _, writer in connections), return_exceptions=True)


async def pace(name: str, proxy: Proxy, figures: Figures) -> None:
    """Measure how long after the backend sent it a delta is here, on streams that begin evenly spread over a pace."""
    body = named(samples.request(turns=1), MODELS[name].format("paced", PACED_DELTAS))
    connections = await connect(name, proxy, PACED_STREAMS)

    async def follow(number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(number * PACE_S / PACED_STREAMS)
        writer.write(HEAD % len(body) + body)
        reply = bytearray()
        while not reply.endswith(END):
            piece = await asyncio.wait_for(reader.read(1 << 16), WAIT_S)
            now = time.monotonic_ns()
            if not piece:
                break
            reply += piece
            figures.lag_ms += [(now - int(sent)) / 1e6 for sent in SENT_AT.findall(piece)]
        if wrong := fault(name, bytes(reply), PACED_DELTAS, b'" at'):
            figures.failures.append(wrong)

    try:
        await asyncio.gather(*(follow(number, *each) for number, each in enumerate(connections)))
    finally:
        await hang_up(connections)


async def measure(proxies: Mapping[str, Proxy]) -> dict[str, Figures]:
    """Every proxy in turn, round for round; the first burst of each warms up."""
    figures = {name: Figures() for name in proxies}
    for name, proxy in proxies.items():
        await burst(name, proxy, 16, Figures())
    for streams in STREAMS:
        for _ in range(ROUNDS[streams]):
            for name, proxy in proxies.items():
                await burst(name, proxy, streams, figures[name])
    for _ in range(PACED_ROUNDS):
        for name, proxy in proxies.items():
            await pace(name, proxy, figures[name])
    return figures


def rows(figures: Mapping[str, Figures]) -> list[Row]:
    """The table of streams."""
    theirs, ours = figures["identity"], figures["detour"]
    made = []
    for streams in STREAMS:
        mine, other = median(ours.delta_s[streams]), median(theirs.delta_s[streams])
        limit = DELTA_LIMITS.get(streams, float("inf"))
        what = f"CPU for a delta, {streams} streams of {DELTAS} at once"
        made.append(Row(what, f"{mine * 1e6:.1f} µs", f"{other * 1e6:.1f} µs", mine / other, limit))
    for what, of in (("median", median), ("99th of 100", lambda lags: quantiles(lags, n=100)[98])):
        mine, other = of(ours.lag_ms), of(theirs.lag_ms)
        limit = LAG_LIMIT_MS if of is median else float("inf")
        row = Row(f"lag of a delta, {PACED_STREAMS} streams of 50 a second, {what}, later",
                  f"{mine:.2f} ms", f"{other:.2f} ms", mine - other, limit, "ms")  # fmt: skip
        made.append(row)
    failed = [*theirs.failures, *ours.failures]
    sys.stderr.write("".join(f"failed: {each}\n" for each in failed[:20]))
    made.append(
        Row("streams that failed", str(len(ours.failures)), str(len(theirs.failures)), len(ours.failures), 0, "")
    )
    return made


def main() -> int:
    """Print the table; return 1 where a limit is passed."""
    backend_port = free_port()
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        backend = [sys.executable, "-m", "tests.benchmarks.backend", str(backend_port)]
        stack.enter_context(running(backend, backend_port, folder, {"PYTHONPATH": str(ROOT)}))
        with contextlib.ExitStack() as both:
            proxies = {name: both.enter_context(mitmdump(name, backend_port, folder)) for name in SCRIPTS}
            table = rows(asyncio.run(measure(proxies)))
        table += memory.rows(backend_port, folder)
    return report(table, ("what", "Detour", "mitmdump, identity", "figure", "limit"))


if __name__ == "__main__":
    sys.exit(main())
