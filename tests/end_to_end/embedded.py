"""The embedded model as the demo starts it: a child process on loopback that ends with its standard input."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from addon.cli.embedded_model import READY
from tests.end_to_end.proxy import ROOT, end, free_ports, wait_until

KEY = "sk-test-embedded-model-key"
START_LIMIT_S = 30  # 0.5 to 1.5 s measured; more on a machine that is busy


@dataclass(frozen=True, slots=True)
class EmbeddedModel:
    """Where it listens."""

    port: int

    @property
    def url(self) -> str:
        """Its address; `/v1` below it speaks chat completions."""
        return f"http://127.0.0.1:{self.port}"


@contextlib.contextmanager
def running(home: Path) -> Iterator[EmbeddedModel]:
    """Start it and end it with the block."""
    [port] = free_ports(1)
    environment = {"PATH": os.defpath, "HOME": str(home), "LANG": "C.UTF-8", "LLAMACPP_API_KEY": KEY}
    command = [sys.executable, "-m", "addon.cli.embedded_model", "--port", str(port)]
    printed = home / "log"

    def log() -> str:
        return printed.read_text(encoding="utf-8", errors="replace")

    with printed.open("wb") as output:
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=output, stderr=output
        )
    with process:
        try:
            wait_until(lambda: process.poll() is not None or READY in log(), START_LIMIT_S, log)
            assert process.poll() is None, log()
            yield EmbeddedModel(port)
        finally:
            end(process)
