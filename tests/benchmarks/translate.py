"""The pure part against orjson: what translating costs beside reading and writing the same JSON.

Each figure is the smallest of many interleaved rounds, and every limit is a ratio of two such figures of this run.
"""

import sys
from collections.abc import Callable
from time import perf_counter

import orjson

from addon.dialects import ReplyContext, Target, load
from addon.protocol.messages import parse
from addon.routing.backends import BACKENDS
from addon.stream import EventWriter, StreamTranslator
from tests.benchmarks import samples
from tests.benchmarks.table import Row, report

REQUEST_LIMIT = 2.5
STREAM_LIMIT = 4.0
ROUNDS = 40

TARGET = Target("openai", "gpt-5.5", "http://127.0.0.1/v1", BACKENDS["openai"].profile_of("gpt-5.5"), None, 128_000)
DIALECT = load("openai_chat")


def translate_request(body: bytes) -> bytes:
    """All that happens to a request between the client's bytes and the backend's."""
    return DIALECT.encode(parse(body), body, TARGET).wire.body


def translate_stream(chunks: list[bytes]) -> int:
    """All that happens to a reply between the backend's bytes and the client's."""
    decoder = DIALECT.decoder(ReplyContext(TARGET, "x"))
    translator = StreamTranslator(decoder, EventWriter("msg_x", "claude-opus-5-5", TARGET.name))
    written = sum(len(translator.feed(chunk)) for chunk in chunks) + len(translator.close())
    if translator.error:
        raise SystemExit(f"the stream failed: {translator.error}")
    return written


def round_trips(bodies: list[bytes]) -> None:
    """The yardstick."""
    for body in bodies:
        orjson.dumps(orjson.loads(body))


def fastest(*work: Callable[[], object]) -> list[float]:
    """Return the smallest time of each in seconds, all run in turn, so that they share the machine's moods."""
    best = [float("inf")] * len(work)
    for _ in range(ROUNDS):
        for index, function in enumerate(work):
            start = perf_counter()
            function()
            best[index] = min(best[index], perf_counter() - start)
    return best


def main() -> int:
    """Print the table; return 1 where a limit is passed."""
    body = samples.request()
    chunks = samples.reply(300, 1_000, 694)
    bodies = [chunk[6:-2] for chunk in chunks if b"[DONE]" not in chunk]
    requested, request_base = fastest(lambda: translate_request(body), lambda: round_trips([body]))
    streamed, stream_base = fastest(lambda: translate_stream(chunks), lambda: round_trips(bodies))
    per_chunk, base_per_chunk = streamed / len(chunks) * 1e6, stream_base / len(bodies) * 1e6
    return report(
        [
            Row(
                f"request of {len(body) // 1000} kB, 20 tools, 83 messages",
                f"{requested * 1e3:.2f} ms",
                f"{request_base * 1e3:.2f} ms",
                requested / request_base,
                REQUEST_LIMIT,
            ),
            Row(
                f"stream of {len(chunks):,} chunks, each",
                f"{per_chunk:.2f} µs",
                f"{base_per_chunk:.2f} µs",
                per_chunk / base_per_chunk,
                STREAM_LIMIT,
            ),
        ],
        ("what", "Detour", "orjson loads + dumps", "ratio", "limit"),
    )


if __name__ == "__main__":
    sys.exit(main())
