"""Detour inside mitmdump against mitmdump with an identity stream function, interleaved in one run. Linux.

CPU is what the kernel charged to the process (user + system, all threads), so the ratios hold on a noisy machine.
Both proxies serve the same client, the same requests and the same backend; every round asks one and then the other.
"""

import contextlib
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import orjson

from tests.benchmarks import samples
from tests.benchmarks.table import Row, report

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = {"identity": ROOT / "tests/benchmarks/identity.py", "detour": ROOT / "addon/rewrite.py"}
ROUNDS = 12
REQUESTS_PER_ROUND = 30  # of the large request
BURSTS_PER_ROUND = 12
DELTAS = 500
STARTS = 5
WAIT_S = 30

REQUEST_LIMIT, DELTA_LIMIT, FIRST_MS_LIMIT, MEMORY_MB_LIMIT, START_S_LIMIT = 1.5, 1.35, 2.0, 15.0, 0.4


@dataclass(frozen=True, slots=True)
class Proxy:
    """A running mitmdump."""

    process: subprocess.Popen[bytes]
    port: int

    def cpu_s(self) -> float:
        """CPU seconds so far."""
        return cpu_s(self.process.pid)

    def resident_mb(self) -> float:
        """Resident memory."""
        return resident_mb(self.process.pid)


def cpu_s(pid: int) -> float:
    """CPU seconds of a process so far, to the nanosecond, of all threads."""
    tasks = Path(f"/proc/{pid}/task")
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks.iterdir()) / 1e9


def resident_mb(pid: int) -> float:
    """Resident memory of a process."""
    status = Path(f"/proc/{pid}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS")) / 1024


def free_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    """Return once ``port`` answers."""
    deadline = time.monotonic() + WAIT_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise SystemExit(f"{process.args!r} ended with the status {process.returncode}")
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.1):
            return
        time.sleep(0.002)
    raise SystemExit(f"nothing answers on port {port} after {WAIT_S} s")


@contextlib.contextmanager
def running(
    command: list[str], port: int, folder: str, variables: Mapping[str, str], log: Path = Path(os.devnull)
) -> Iterator[Proxy]:
    """Run a server until the block ends."""
    environment = {"PATH": os.environ["PATH"], "HOME": folder, **variables}
    with log.open("wb") as said:
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=said)
        try:
            wait_for(port, process)
            yield Proxy(process, port)
        finally:
            process.terminate()
            process.wait()


def mitmdump(
    name: str, backend_port: int, folder: str, tool: str = "mitmdump", **more: str
) -> contextlib.AbstractContextManager[Proxy]:
    """Run one of the two: each with a reverse door, and the backend behind it. ``tool`` may be mitmweb.

    ``more`` are settings.
    """
    port = free_port()
    command = [str(Path(sys.executable).with_name(tool)), "-s", str(SCRIPTS[name])]
    command += ["--mode", f"reverse:http://127.0.0.1:{backend_port}@127.0.0.1:{port}", "--set", f"confdir={folder}"]
    if tool == "mitmweb":
        command += ["--no-web-open-browser", "--web-port", str(free_port()), "--set", "web_password=benchmark"]
    settings = {"OPENAI_API_BASE": f"http://127.0.0.1:{backend_port}/v1", "OPENAI_API_KEY": "sk-benchmark"}
    settings["BIG_MODEL"] = settings["SMALL_MODEL"] = "openai/gpt-5.5"
    return running(command, port, folder, settings | more)


class Client:
    """One kept connection, so that no connection is made inside a measurement."""

    def __init__(self, port: int) -> None:
        """Connect."""
        self._socket = socket.create_connection(("127.0.0.1", port), WAIT_S)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def close(self) -> None:
        """Hang up."""
        self._socket.close()

    def ask(self, body: bytes, headers: bytes = b"") -> tuple[float, int]:
        """Send a request, read its reply; return the seconds to the first delta, and the reply's size."""
        head = b"POST /v1/messages HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        head += headers + b"Content-Length: %d\r\n\r\n"
        start = time.perf_counter()
        self._socket.sendall(head % len(body) + body)
        received = bytearray()
        first = 0.0
        while not received.endswith(b"\r\n0\r\n\r\n"):
            piece = self._socket.recv(1 << 18)
            if not piece:
                raise SystemExit(f"the connection was closed after {bytes(received[-300:])!r}")
            received += piece
            if not first and (b"token 0" in received):
                first = time.perf_counter() - start
        if b" 200 " not in received[:15] or not first:
            raise SystemExit(f"an unexpected reply: {bytes(received[:600])!r}")
        return first, len(received)


def named(body: bytes, model: str) -> bytes:
    """The request with another model."""
    return orjson.dumps({**orjson.loads(body), "model": model})


def starts(backend_port: int, folder: str) -> dict[str, float]:
    """Median seconds from the command to the open door."""
    seconds: dict[str, list[float]] = {name: [] for name in SCRIPTS}
    for _ in range(STARTS):
        for name, taken in seconds.items():
            begun = time.monotonic()
            with mitmdump(name, backend_port, folder):
                taken.append(time.monotonic() - begun)
    return {name: median(taken) for name, taken in seconds.items()}


def measure(proxies: dict[str, Proxy], direct_port: int) -> dict[str, dict[str, float]]:
    """Return ``{proxy: {figure: value}}``: CPU seconds for a request and for a delta, seconds to the first, memory."""
    large, small = samples.request(), samples.request(turns=1)
    models = {"identity": "openai", "detour": "openai/openai", "direct": "openai"}
    clients = {name: Client(proxy.port) for name, proxy in proxies.items()} | {"direct": Client(direct_port)}
    asked = {name: (named(large, f"{models[name]}-5"), named(small, f"{models[name]}-{DELTAS}")) for name in clients}
    request_s: dict[str, list[float]] = {name: [] for name in proxies}
    delta_s: dict[str, list[float]] = {name: [] for name in proxies}
    first_s: dict[str, list[float]] = {name: [] for name in clients}
    for round_number in range(ROUNDS + 1):  # the first round warms up
        for name, client in clients.items():
            before = proxies[name].cpu_s() if name in proxies else 0.0
            firsts = [client.ask(asked[name][0])[0] for _ in range(REQUESTS_PER_ROUND)]
            between = proxies[name].cpu_s() if name in proxies else 0.0
            for _ in range(BURSTS_PER_ROUND if name in proxies else 0):
                client.ask(asked[name][1])
            if round_number:
                first_s[name] += firsts
                if name in proxies:
                    request_s[name].append((between - before) / REQUESTS_PER_ROUND)
                    delta_s[name].append((proxies[name].cpu_s() - between) / BURSTS_PER_ROUND / DELTAS)
    figures = {
        name: {"request": median(request_s[name]), "delta": median(delta_s[name]), "memory": proxy.resident_mb()}
        for name, proxy in proxies.items()
    }
    return figures | {name: figures.get(name, {}) | {"first": median(first_s[name])} for name in clients}


def main() -> int:
    """Print the table; return 1 where a limit is passed."""
    backend_port = free_port()
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        backend = [sys.executable, "-m", "tests.benchmarks.backend", str(backend_port)]
        stack.enter_context(running(backend, backend_port, folder, {"PYTHONPATH": str(ROOT)}))
        start = starts(backend_port, folder)
        (Path(folder) / "detour.yaml").write_text("record: 'off'\n")  # what that takes is measured by ``recording``
        proxies = {name: stack.enter_context(mitmdump(name, backend_port, folder)) for name in SCRIPTS}
        figures = measure(proxies, backend_port)
    theirs, ours, direct = figures["identity"], figures["detour"], figures["direct"]
    late_ms = (ours["first"] - theirs["first"]) * 1e3
    return report(
        [
            Row("CPU for a request of 156 kB, 20 tools", f"{ours['request'] * 1e3:.2f} ms",
                f"{theirs['request'] * 1e3:.2f} ms", ours["request"] / theirs["request"], REQUEST_LIMIT),
            Row(f"CPU for a delta in a burst of {DELTAS}", f"{ours['delta'] * 1e6:.1f} µs",
                f"{theirs['delta'] * 1e6:.1f} µs", ours["delta"] / theirs["delta"], DELTA_LIMIT),
            Row(f"first delta of the large request, later (direct: {direct['first'] * 1e3:.2f} ms)",
                f"{ours['first'] * 1e3:.2f} ms", f"{theirs['first'] * 1e3:.2f} ms", late_ms, FIRST_MS_LIMIT, "ms"),
            Row("resident memory, more", f"{ours['memory']:.0f} MB", f"{theirs['memory']:.0f} MB",
                ours["memory"] - theirs["memory"], MEMORY_MB_LIMIT, "MB"),
            Row("start, later", f"{start['detour']:.2f} s", f"{start['identity']:.2f} s",
                start["detour"] - start["identity"], START_S_LIMIT, "s"),
        ],
        ("what", "Detour", "mitmdump, identity", "figure", "limit"),
    )  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
