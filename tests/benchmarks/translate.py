"""The pure part against orjson: what translating and routing cost beside reading and writing the same JSON.

Each figure is the smallest of many interleaved rounds, and every limit but that of routing is a ratio of two such
figures of this run.
"""

import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from itertools import cycle, islice
from time import perf_counter
from typing import Any

import orjson
from mitmproxy.test import tflow, tutils

from addon.dialects import ReplyContext, Target, load
from addon.protocol.event_writer import EventWriter
from addon.protocol.messages import parse
from addon.proxy import transfer
from addon.proxy.intake import Incoming
from addon.routing.backends import BACKENDS
from addon.routing.route import choose
from addon.routing.settings import Settings
from addon.settings.assembly import configure
from addon.settings.document import Document
from addon.stream import StreamTranslator
from tests.benchmarks import samples
from tests.benchmarks.table import Row, report

REQUEST_LIMIT = 2.5
STREAM_LIMIT = 4.0
ROUTING_LIMIT_MS = 0.1
RULES = 50
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


# none of them holds for the request; the second limit of tokens is too near for any bound
CONDITIONS: tuple[dict[str, Any], ...] = (
    {"model": ["gpt-*", "gemini-*"]},
    {"tier": "haiku"},
    {"kind": ["subagent", "title"]},
    {"agent": "Explore*"},
    {"door": "reverse"},
    {"session": "0a1b*"},
    {"thinking": False},
    {"effort_at_least": "high"},
    {"tokens_at_least": 60_000},
    {"tokens_at_least": 44_100},
    {"image": True},
    {"document": True},
    {"tool": ["mcp__*", "web_search"]},
    {"header": {"x-team": "blue*"}},
    {"filter": "~u elsewhere"},
    {"time": "mon-fri 22:00-06:00"},
    {"probability": 0},
    {"tier": "opus", "kind": "main", "thinking": True, "effort_at_least": "medium", "image": True},
)


def ruled() -> Settings:
    """Fifty rules, of which the last matches."""
    routes = [{"when": when, "to": "vllm/never"} for when in islice(cycle(CONDITIONS), RULES - 1)]
    written = Document.model_validate({"big": "vllm/big", "routes": [*routes, {"to": "vllm/last"}]})
    return configure(written, {}, lambda path: "detour.yaml").settings()


def asked(body: bytes) -> Incoming:
    """The request as it comes in."""
    flow = tflow.tflow(req=tutils.treq(path=b"/v1/messages", content=body))
    return transfer.incoming(flow, datetime(2026, 11, 21, 12))


def route(incoming: Incoming, parsed: dict[str, Any], settings: Settings, expected: str) -> None:
    """All that is between a parsed request and the choice."""
    if (chosen := choose(incoming.call(parsed), settings)).name != expected:
        raise SystemExit(f"an unexpected route: {chosen}")


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
    incoming, parsed, fifty = asked(body), orjson.loads(body), ruled()
    none = replace(fifty, rules=())
    routed, unruled = fastest(
        lambda: route(incoming, parsed, fifty, "vllm/last"), lambda: route(incoming, parsed, none, "vllm/big")
    )
    rules_s = routed - unruled
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
            Row(
                f"routing that request by {RULES} rules, more than by none",
                f"{rules_s * 1e3:.3f} ms, {rules_s / request_base:.2f} times",
                f"{request_base * 1e3:.2f} ms",
                rules_s * 1e3,
                ROUTING_LIMIT_MS,
                "ms",
            ),
        ],
        ("what", "Detour", "orjson loads + dumps", "ratio", "limit"),
    )


if __name__ == "__main__":
    sys.exit(main())
