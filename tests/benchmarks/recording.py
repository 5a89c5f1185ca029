"""What recording costs: two Detours side by side, one that keeps all and one that keeps nothing. Linux.

Both play the session of ``growth``, turn by turn, each turn with its whole history; every reply has the deltas that a
turn of a coding session has. CPU is what the kernel charged to all threads, until nothing is left to be written.
"""

import contextlib
import sys
import tempfile
import time
from math import inf
from pathlib import Path
from statistics import median

import orjson

from tests.benchmarks import growth
from tests.benchmarks.proxy import ROOT, Client, Proxy, cpu_s, free_port, mitmdump, resident_mb, running
from tests.benchmarks.table import Row, report

ROUNDS = 4
TURNS = 60
DELTAS = 150  # some hundred words and a tool call
HEADERS = b"x-claude-code-session-id: bench-%d\r\nuser-agent: claude-cli/2.1.329 (external, cli)\r\n"
CPU_LIMIT, FIRST_MS_LIMIT, MEMORY_MB_LIMIT = 1.05, 0.25, 4.0  # a quarter of a millisecond is no waiting
IDLE_S = 0.05
TOOL_S = 0.02  # what the client's tool takes before the next turn: no tool is quicker
MODES = ("off", "full")


def settle(proxy: Proxy) -> float:
    """Wait until it has nothing to do; return its CPU seconds."""
    before = -1.0
    while (now := proxy.cpu_s()) - before > 0.0005:
        before = now
        time.sleep(IDLE_S)
    return now


def writer_of(proxy: Proxy) -> int:
    """The process that writes its log: its only child."""
    children = Path(f"/proc/{proxy.process.pid}/task").glob("*/children")
    (child,) = (int(each) for path in children for each in path.read_text().split())
    return child


def measure(proxies: dict[str, Proxy], bodies: list[bytes]) -> dict[str, tuple[float, float]]:
    """Return for each the CPU seconds for an exchange, and the seconds to the first delta."""
    clients = {name: Client(proxy.port) for name, proxy in proxies.items()}
    spent: dict[str, list[float]] = {name: [] for name in proxies}
    firsts: dict[str, list[float]] = {name: [] for name in proxies}
    for number in range(ROUNDS + 1):  # the first warms up
        before = {name: settle(proxy) for name, proxy in proxies.items()}
        for body in bodies:
            for name, client in clients.items():  # in turn, so that a busy machine is so to both
                first, _ = client.ask(body, HEADERS % number)
                time.sleep(TOOL_S)
                if number:
                    firsts[name].append(first)
        for name, proxy in proxies.items() if number else ():
            spent[name].append((settle(proxy) - before[name]) / len(bodies))
    return {name: (median(spent[name]), median(firsts[name])) for name in proxies}


def main() -> int:
    """Print the table; return 1 where a limit is passed."""
    bodies = [orjson.dumps({**body, "model": f"openai/spoken-{DELTAS}"}) for body, _ in growth.turns(TURNS)]
    port = free_port()
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        backend = [sys.executable, "-m", "tests.benchmarks.backend", str(port)]
        stack.enter_context(running(backend, port, folder, {"PYTHONPATH": str(ROOT)}))
        proxies = {}
        for mode in MODES:
            home = Path(folder) / mode
            home.mkdir()
            (home / "detour.yaml").write_text(f"record: '{mode}'\n")
            settings = {"DETOUR_HOME": str(home), "DETOUR_CONFIG": str(home / "detour.yaml")}
            proxies[mode] = stack.enter_context(mitmdump("detour", port, str(home), **settings))
        figures = measure(proxies, bodies)
        memory = {name: proxy.resident_mb() for name, proxy in proxies.items()}
        writer = writer_of(proxies["full"])
        writer_cpu, writer_memory = cpu_s(writer) / (len(bodies) * (ROUNDS + 1)), resident_mb(writer)
    (cpu, first), (cpu_off, first_off) = figures["full"], figures["off"]
    size = sum(map(len, bodies)) // len(bodies) // 1000
    return report(
        [
            Row(f"CPU for an exchange: {size} kB, {DELTAS} deltas", f"{cpu * 1e3:.2f} ms", f"{cpu_off * 1e3:.2f} ms",
                cpu / cpu_off, CPU_LIMIT),
            Row("first delta, later", f"{first * 1e3:.2f} ms", f"{first_off * 1e3:.2f} ms",
                (first - first_off) * 1e3, FIRST_MS_LIMIT, "ms"),
            Row("resident memory, more", f"{memory['full']:.1f} MB", f"{memory['off']:.1f} MB",
                memory["full"] - memory["off"], MEMORY_MB_LIMIT, "MB"),
            Row("CPU of the process that writes, for an exchange", f"{writer_cpu * 1e3:.2f} ms", "-",
                writer_cpu / cpu_off, inf, "of an exchange"),
            Row("resident memory of the process that writes", f"{writer_memory:.0f} MB", "-", writer_memory, inf, "MB"),
        ],
        ("what", "record: full", "record: off", "figure", "limit"),
    )  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
