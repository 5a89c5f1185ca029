"""A mitmproxy script: it writes the modules that a started proxy has loaded into the file of DETOUR_BENCH_MODULES."""

import os
import sys
from pathlib import Path


def running() -> None:
    """Write the names, one a line."""
    file = Path(os.environ["DETOUR_BENCH_MODULES"])
    unfinished = file.with_suffix(".part")
    unfinished.write_text("\n".join(sorted(sys.modules)))
    unfinished.rename(file)
