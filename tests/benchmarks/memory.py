"""What 2,000 requests of 300 kB, one after another, leave in memory: a part of ``load``. Linux."""

from contextlib import closing

from tests.benchmarks import samples
from tests.benchmarks.proxy import Client, Proxy, mitmdump, named
from tests.benchmarks.table import Row

REQUESTS = 2_000
SETTLED = 100  # requests after which all is loaded, and a short list has its flows
LOOK_EVERY = 50
TURNS = 92  # 300 kB
LIMITS_MB = {"mitmweb": 30.0, "mitmdump": 5.0}


def growth_mb(proxy: Proxy, model: str, requests: int = REQUESTS) -> tuple[float, float]:
    """Return resident memory after the first 100, and the most that was seen later."""
    body, seen = named(samples.request(turns=TURNS), model), []
    with closing(Client(proxy.port)) as client:
        for number in range(1, requests + 1):
            client.ask(body)
            if number % LOOK_EVERY == 0 and number >= SETTLED:
                seen.append(proxy.resident_mb())
    return seen[0], max(seen)


def rows(backend_port: int, folder: str) -> list[Row]:
    """Measure Detour in both, and mitmdump alone; mitmweb alone keeps all 0.6 GB, which needs no measuring."""
    with mitmdump("identity", backend_port, folder) as proxy:
        before, most = growth_mb(proxy, "openai-5")
        alone = {"mitmdump": f"{before:.0f} to {most:.0f} MB", "mitmweb": "-"}
    made = []
    for tool, limit in LIMITS_MB.items():
        with mitmdump("detour", backend_port, folder, tool) as proxy:
            before, most = growth_mb(proxy, "openai/openai-5")
        what = f"resident memory, {tool}, {REQUESTS:,} requests of 300 kB: more than after {SETTLED}"
        made.append(Row(what, f"{before:.0f} to {most:.0f} MB", alone[tool], most - before, limit, "MB"))
    return made
