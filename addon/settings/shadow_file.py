"""What shadows have spent today, kept under DETOUR_HOME so that a restart is no second budget.

Proxies that share the folder count together; of two that write in the same instant, one may be forgotten.
"""

import json
from datetime import date
from pathlib import Path

from addon.routing.shadow import Spent
from addon.settings import private_file

FILE = "shadows.json"
LARGEST = 4_096  # bytes; there are a hundred


def read(home: Path, day: date) -> Spent:
    """Return what was spent on that day; nothing where there is no file, or none of ours."""
    path = home / FILE
    try:
        if not path.is_file() or path.stat().st_size > LARGEST:
            return Spent(day)
        kept = json.loads(path.read_text(encoding="utf-8"))
        spent = Spent(
            date.fromisoformat(kept["day"]), int(kept["requests"]), float(kept["dollars"]), int(kept["unpriced"])
        )
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return Spent(day)
    return spent.on(day)


def add(home: Path, day: date, *, requests: int = 0, dollars: float = 0.0, unpriced: int = 0) -> Spent:
    """Add to what was spent that day, and return all of it. Raises: OSError."""
    spent = read(home, day).plus(requests, dollars, unpriced)
    kept = {
        "day": spent.day.isoformat(),
        "requests": spent.requests,
        "dollars": spent.dollars,
        "unpriced": spent.unpriced,
    }
    private_file.write(home / FILE, json.dumps(kept) + "\n")
    return spent
