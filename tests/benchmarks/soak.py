"""Four hours of sessions in ten minutes, at both doors: churn, aborts and faults, and nothing left behind. Linux.

``python -m tests.benchmarks.soak [--minutes 10] [--seed 1] [--tool mitmweb]``. Visitors come and go, leave at any
stage, and ask backends that fail in every way; what each may answer is ``EXPECTED``. At the end there is no failure
that the fault does not explain, no crash in the log, no growth of memory over the last two thirds, and no task,
connection or file left over.
"""

import argparse
import asyncio
import contextlib
import json
import math
import re
import ssl
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from tests.benchmarks import probe, samples
from tests.benchmarks.proxy import ROOT, SCRIPTS, WAIT_S, Proxy, free_port, running, wait_for
from tests.benchmarks.table import Row, report
from tests.benchmarks.visitor import LEAVINGS, Visitor

VISITORS = 24
THINK_S = 1.0  # on average between two visits: some 20 visits a second, 12,000 in ten minutes
VISITS_OF_A_CONNECTION = 5  # on average
LEAVES = 0.12
DELTAS = 20
# what is asked for: how often, and which outcomes the fault explains
EXPECTED: Mapping[str, tuple[int, str]] = {
    "fine": (36, "ok"),
    "whole": (6, "ok"),
    "slow": (15, "ok"),
    "pass": (8, "ok"),  # to Anthropic, untouched; at the reverse door, whose Anthropic is ours
    "flaky": (6, "ok"),  # fails once
    "limited": (3, "429"),
    "broken": (3, r"5\d\d"),
    "overloaded": (3, r"5\d\d"),
    "html": (2, r"5\d\d"),
    "refused": (3, r"5\d\d"),
    "reset": (4, r"5\d\d"),
    "partial": (3, r"5\d\d"),
    "garbage": (2, r"event|5\d\d"),
    "cut": (4, "event"),
    "silent": (2, "left"),  # the visitor gives up
}
SIZES = {"small": (0, 35), "middle": (20, 50), "large": (92, 15)}  # turns, how often: 43, 100 and 300 kB
CRASH = re.compile(
    r"crashed|Traceback|Detour: incident|Addon error|Unhandled|never (?:awaited|retrieved)|was destroyed"
)
GROWTH_LIMIT_MB = 10.0  # of resident memory over the last two thirds, as its slope says
GROWTH_FROM_S = 600.0  # of a run: it takes minutes until all that is ever in use at once was in use once
SETTLE_S = 20  # for what is under way when the visitors leave
LOOK_S = 1.0


@dataclass(slots=True)
class Diary:
    """What happened."""

    outcomes: Counter[tuple[str, str]] = field(default_factory=Counter)
    unexplained: list[str] = field(default_factory=list)
    memory: list[tuple[float, float]] = field(default_factory=list)  # seconds, MB

    def note(self, kind: str, outcome: str, where: str) -> None:
        """Judge an outcome."""
        known = re.fullmatch(rf"{EXPECTED[kind][1]}|left", outcome) is not None
        self.outcomes[kind, outcome if known else "unexplained"] += 1
        if not known:
            self.unexplained.append(f"{kind}, {where}: {outcome}")


def bodies() -> dict[str, bytes]:
    """A request of each size; ``ask`` names its model and numbers it."""
    made = {name: samples.request(turns=turns) for name, (turns, _) in SIZES.items()}
    return made | {"whole": samples.request(turns=1, stream=False)}


def ask(body: bytes, kind: str, number: int) -> bytes:
    """A request that is answered in such a way."""
    model = {"pass": "claude-opus-5-5", "refused": f"nobody/fine-{DELTAS}"}.get(kind, f"openai/{kind}-{DELTAS}")
    model = model.replace("/whole-", "/fine-")
    marked = body.replace(samples.PROSE[:11].encode(), b"visit %d." % number, 1)
    return marked.replace(b'"model":"claude-opus-5-5"', b'"model":"%s"' % model.encode(), 1)


async def live(visitor: Visitor, door: int, name: int, diary: Diary, until: float, random: Random) -> None:
    """Visit until it is time."""
    kinds = [kind for kind in EXPECTED if kind != "pass" or door == 2]
    made, number = bodies(), name
    while time.monotonic() < until:
        await asyncio.sleep(random.expovariate(1 / THINK_S))
        number += VISITORS
        (kind,) = random.choices(kinds, [EXPECTED[kind][0] for kind in kinds])
        (size,) = random.choices(list(SIZES), [often for _, often in SIZES.values()])
        leaves = kind == "silent" or random.random() < LEAVES
        leaving = random.choice(LEAVINGS[1:2] if kind == "silent" else LEAVINGS) if leaves else None
        try:
            reply = await visitor.visit(ask(made["whole" if kind == "whole" else size], kind, number), leaving)
            outcome = reply.outcome if reply is not None else "left"
        except (OSError, TimeoutError, asyncio.IncompleteReadError, ssl.SSLError) as error:
            outcome = repr(error)
            await visitor.hang_up()
        diary.note(kind, outcome, f"door {door}, visit {number}, {size}, {leaving or 'stays'}")
        if random.random() < 1 / VISITS_OF_A_CONNECTION:
            await visitor.hang_up()
    await visitor.hang_up()


async def watch(proxy: Proxy, diary: Diary, until: float) -> None:
    """Look at the memory."""
    begun = time.monotonic()
    while (now := time.monotonic()) < until:
        diary.memory.append((now - begun, proxy.resident_mb()))
        await asyncio.sleep(LOOK_S)


async def everybody(
    proxy: Proxy, door_one: int, trust: ssl.SSLContext, diary: Diary, seconds: float, seed: int
) -> None:
    """All visitors at once, half of them at each door."""
    until = time.monotonic() + seconds
    async with asyncio.TaskGroup() as group:
        for name in range(VISITORS):
            random, door = Random(seed * 1_000 + name), 1 + name % 2
            visitor = Visitor(door, (door_one, proxy.port)[door - 1], trust, random)
            group.create_task(live(visitor, door, name, diary, until, random))
        group.create_task(watch(proxy, diary, until))


def slope(points: list[tuple[float, float]]) -> float:
    """The rise for a step of one, by least squares."""
    mean_x, mean_y = (sum(each) / len(points) for each in zip(*points, strict=True))
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    return sum((x - mean_x) * (y - mean_y) for x, y in points) / spread if spread else 0.0


def fetched(port: int, path: str) -> Any:
    """What is answered there, on a connection of its own."""
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(f"http://127.0.0.1:{port}{path}") as reply:
        return json.loads(reply.read())


def alive(proxy: Proxy, backend_port: int) -> dict[str, Any]:
    """What is alive in the proxy, and what it holds open."""
    told: dict[str, Any] = fetched(proxy.port, probe.PATH)
    files = Path(f"/proc/{proxy.process.pid}/fd")
    return told | {"files": len(list(files.iterdir())), "backend": fetched(backend_port, "/open")}


def left_over(proxy: Proxy, backend_port: int, before: Mapping[str, Any]) -> dict[str, str]:
    """What there is more than before, once all has had its time to end."""
    deadline = time.monotonic() + SETTLE_S
    while True:
        now = alive(proxy, backend_port)
        more = {name: f"{before[name]} → {now[name]}" for name in now if is_more(before[name], now[name])}
        more.pop("flows", None)
        if not more or time.monotonic() > deadline:
            return more
        time.sleep(LOOK_S)


def is_more(before: Any, now: Any) -> bool:
    """Whether a number, or one of several by name, is larger."""
    if isinstance(now, dict):
        return any(value > before.get(name, 0) for name, value in now.items())
    return bool(now > before) if not isinstance(now, bool) else before and not now


@contextlib.contextmanager
def started(tool: str, folder: Path) -> Iterator[tuple[Proxy, int, int]]:
    """The proxy, the port of its first door, and that of the backend."""
    backend_port, door_one, door_two = free_port(), free_port(), free_port()
    (folder / "detour.yaml").write_text("backends:\n  nobody: {like: vllm, address: 'http://127.0.0.1:1/v1'}\n")
    command = [str(Path(sys.executable).with_name(tool)), "-s", str(Path(probe.__file__)), "-s", str(SCRIPTS["detour"])]
    command += ["--mode", f"regular@127.0.0.1:{door_one}", "--set", f"confdir={folder}"]
    command += ["--mode", f"reverse:http://127.0.0.1:{backend_port}@127.0.0.1:{door_two}"]
    if tool == "mitmweb":
        command += ["--no-web-open-browser", "--web-port", str(free_port()), "--set", "web_password=benchmark"]
    variables = {"OPENAI_API_BASE": f"http://127.0.0.1:{backend_port}/v1", "OPENAI_API_KEY": "sk-benchmark"}
    variables |= {"DETOUR_CONFIG": str(folder / "detour.yaml"), "DETOUR_HOME": str(folder / "home")}
    path = {"PYTHONPATH": str(ROOT)}
    backend = [sys.executable, "-m", "tests.benchmarks.faulty_backend", str(backend_port)]
    with (
        running(backend, backend_port, str(folder), path),
        running(command, door_two, str(folder), variables | path, folder / "log") as proxy,
    ):
        wait_for(door_one, proxy.process)
        yield proxy, door_one, backend_port


def trusting(folder: Path) -> ssl.SSLContext:
    """Whom a client at the first door trusts."""
    deadline = time.monotonic() + WAIT_S
    authority = folder / "mitmproxy-ca-cert.pem"
    while not authority.exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    return ssl.create_default_context(cafile=str(authority))


def soak(tool: str, seconds: float, seed: int) -> list[Row]:
    """Run it, say what was seen; return the table."""
    with tempfile.TemporaryDirectory() as name, started(tool, Path(name)) as (proxy, door_one, backend_port):
        diary, trust = Diary(), trusting(Path(name))
        cold = alive(proxy, backend_port)
        asyncio.run(everybody(proxy, door_one, trust, diary, seconds / 3, seed))
        left_over(proxy, backend_port, cold)
        before = alive(proxy, backend_port)
        diary.memory.clear()
        asyncio.run(everybody(proxy, door_one, trust, diary, seconds * 2 / 3, seed + 1))
        more = left_over(proxy, backend_port, before)
        crashes = [line for line in (Path(name) / "log").read_text(errors="replace").splitlines() if CRASH.search(line)]
    for kind in EXPECTED:
        told = {outcome: count for (of, outcome), count in sorted(diary.outcomes.items()) if of == kind}
        sys.stderr.write(f"{kind:10} {told}\n")
    said = [*diary.unexplained, *crashes, *(f"left over: {what}: {how}" for what, how in more.items())]
    sys.stderr.write("".join(f"{line}\n" for line in said[:40]))
    growth, most = slope(diary.memory) * seconds * 2 / 3, max(megabytes for _, megabytes in diary.memory)
    limit = GROWTH_LIMIT_MB if seconds >= GROWTH_FROM_S else math.inf
    return [
        Row("visits that ended as nothing explains", f"of {diary.outcomes.total():,}", "",
            len(diary.unexplained), 0, ""),
        Row("lines of the log that tell of a crash", "", "", len(crashes), 0, ""),
        Row("kinds of things left over: tasks, connections, files, exchanges", "", "", len(more), 0, ""),
        Row("resident memory, growth over the last two thirds", f"{most:.0f} MB at most", "", growth, limit, "MB"),
    ]  # fmt: skip


def main() -> int:
    """Read the arguments."""
    parser = argparse.ArgumentParser(description="a soak of Detour")
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--tool", choices=("mitmweb", "mitmdump"), default="mitmweb")
    given = parser.parse_args()
    table = soak(given.tool, given.minutes * 60, given.seed)
    return report(table, (f"{given.minutes:g} minutes of {given.tool}", "Detour", "", "figure", "limit"))


if __name__ == "__main__":
    sys.exit(main())
