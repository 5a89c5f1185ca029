"""What a dialect costs at the start: nothing, until a route first needs it. Linux.

The addon starts in mitmdump with one backend that speaks chat-completions, once as it is and once without the files of
all other dialects, in turn. Then each dialect is loaded by itself, which says what its first request pays.
"""

import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from math import inf
from pathlib import Path
from statistics import median

from addon import dialects
from tests.benchmarks.proxy import ROOT, Proxy, free_port, running
from tests.benchmarks.table import Row, report

ROUNDS = 12
USED = frozenset(("openai_chat", "anthropic"))  # the second is what passes to Anthropic
NEEDED = "addon.dialects.openai_chat.dialect"  # the one that the configuration needs
CPU_LIMIT, MEMORY_LIMIT_MB, MODULES_LIMIT = 1.05, 0.5, 0.0
FOREIGN = ("botocore", "boto3", "google.auth", "litellm", "aiohttp")  # what only credentials and the sidecar need
LOAD = """
import sys, time
from addon import dialects
from addon.routing import route
def resident_mb():
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmRSS")) / 1024
dialects.load("anthropic"), dialects.load("openai_chat")
before, start = resident_mb(), time.perf_counter()
dialects.load(sys.argv[1])
print((time.perf_counter() - start) * 1000, resident_mb() - before)
"""


def unused() -> list[str]:
    """The dialects that a configuration with one chat-completions backend does not need."""
    return [name for name in dialects.MODULES if name not in USED]


def files_of(name: str) -> Path:
    """What holds a dialect alone: its package, or its module in a package that others share."""
    module = Path("addon/dialects", *dialects.MODULES[name].split("."))
    return module.parent if module.name == "dialect" else module.with_suffix(".py")


def without(folder: Path) -> Path:
    """Copy the addon without the unused dialects."""
    shutil.copytree(ROOT / "addon", folder / "addon", ignore=shutil.ignore_patterns("__pycache__"))
    for name in unused():
        left_out = folder / files_of(name)
        if left_out.is_dir():
            shutil.rmtree(left_out)
        else:
            left_out.unlink(missing_ok=True)
    return folder


@contextmanager
def mitmdump(tree: Path, folder: str, modules: Path) -> Iterator[Proxy]:
    """Run mitmdump with the addon of a tree."""
    port = free_port()
    command = [str(Path(sys.executable).with_name("mitmdump")), "-s", str(tree / "addon/rewrite.py")]
    command += ["-s", str(ROOT / "tests/benchmarks/modules.py"), "--set", f"confdir={folder}"]
    command += ["--mode", f"reverse:http://127.0.0.1:9@127.0.0.1:{port}"]
    settings = {"OPENAI_API_BASE": "http://127.0.0.1:9/v1", "OPENAI_API_KEY": "sk-benchmark"}
    settings |= {"BIG_MODEL": "openai/gpt-5.5", "DETOUR_BENCH_MODULES": str(modules)}
    modules.unlink(missing_ok=True)
    with running(command, port, folder, settings) as proxy:
        while not modules.exists() and proxy.process.poll() is None:  # the door opens before the scripts are told
            time.sleep(0.01)
        yield proxy


def starts(trees: dict[str, Path], folder: str) -> tuple[dict[str, float], dict[str, float], set[str]]:
    """Return median CPU seconds and megabytes of each tree, and the modules that the whole one has loaded."""
    cpu: dict[str, list[float]] = {name: [] for name in trees}
    memory: dict[str, list[float]] = {name: [] for name in trees}
    modules = {name: Path(folder) / f"{name}.txt" for name in trees}
    for number in range(ROUNDS + 1):
        for name, tree in trees.items():
            with mitmdump(tree, folder, modules[name]) as proxy:
                if number:  # the first one compiles
                    cpu[name].append(proxy.cpu_s())
                    memory[name].append(proxy.resident_mb())
    loaded = {name: set(file.read_text().split()) for name, file in modules.items()}
    if any(NEEDED not in each for each in loaded.values()):
        raise SystemExit(f"a proxy has started without {NEEDED}")
    medians = ({name: median(each) for name, each in values.items()} for values in (cpu, memory))
    return next(medians), next(medians), loaded["whole"]


def surplus(loaded: set[str]) -> list[str]:
    """Return the modules that nobody asked for."""
    ours = {f"addon.dialects.{dialects.MODULES[name]}" for name in unused()}
    return sorted(ours & loaded | {name for name in FOREIGN if name in loaded})


def first_use(name: str) -> tuple[float, float]:
    """Return milliseconds and megabytes of loading a dialect into a process that has the usual ones."""
    command = [sys.executable, "-c", LOAD, name]
    done = [subprocess.run(command, cwd=ROOT, capture_output=True, check=True, text=True).stdout for _ in range(3)]
    ms, mb = zip(*(map(float, each.split()) for each in done), strict=True)
    return median(ms), median(mb)


def main() -> int:
    """Print the tables; return 1 where a limit is passed."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        trees = {"whole": ROOT, "without": without(Path(folder) / "tree")}
        cpu, memory, loaded = starts(trees, folder)
    more = surplus(loaded)
    rows = [
        Row(
            f"start in mitmdump, with {len(unused())} dialects that nobody uses",
            f"{cpu['whole']:.2f} s of CPU", f"{cpu['without']:.2f} s", cpu["whole"] / cpu["without"], CPU_LIMIT,
        ),
        Row(
            "resident memory then, more", f"{memory['whole']:.1f} MB", f"{memory['without']:.1f} MB",
            memory["whole"] - memory["without"], MEMORY_LIMIT_MB, "MB",
        ),
        Row("modules of theirs that are loaded", ", ".join(more) or "none", "none", len(more), MODULES_LIMIT, ""),
    ]  # fmt: skip
    for name in unused():
        ms, mb = first_use(name)
        rows.append(Row(f"`{name}`, when it is first needed", f"{ms:.0f} ms", "-", mb, inf, "MB"))
    return report(rows, ("what", "with them", "without", "more", "limit"))


if __name__ == "__main__":
    sys.exit(main())
