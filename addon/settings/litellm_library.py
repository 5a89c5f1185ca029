"""The litellm that is installed beside us: whether it may run. It is never imported here.

Sources: BerriAI/litellm#24512 and MAL-2026-2144, of the two releases that stole credentials.
"""

import importlib.metadata

STEALERS = frozenset(("1.82.7", "1.82.8"))
MISSING = "litellm is not installed beside this mitmproxy"
INSTALL = "run scripts/detour, which sets everything up, or `pip install litellm` there"
STEALS = "litellm {} is one of two releases that stole credentials (March 2026), and is not started"
REPLACE = "uninstall it, change every key that this machine had, and install another: pip install 'litellm!={}'"


def installed() -> str | None:
    """Return its version; None where there is none."""
    try:
        return importlib.metadata.version("litellm")
    except importlib.metadata.PackageNotFoundError:
        return None


def unfit(version: str | None) -> tuple[str, str] | None:
    """Say why it is not started, and what to do; None for one that may be."""
    if version is None:
        return MISSING, INSTALL
    return (STEALS.format(version), REPLACE.format(version)) if version in STEALERS else None
