"""Numbers that a backend counted."""

from typing import Any

MOST = 2**53 - 1  # JavaScript counts no further, and JSON of ours no number beyond 64 bits


def count(value: Any) -> int:
    """Return a count of tokens as a backend tells it; 0 for what is none."""
    return max(0, min(int(value), MOST)) if isinstance(value, int | float) else 0
