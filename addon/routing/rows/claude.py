"""Claude itself: at Anthropic, and on the clouds that have it under an address of Anthropic's format."""

from dataclasses import replace

from addon.dialects.profiles import Takes
from addon.routing.backend import NATIVE, SEARCHES, X_API_KEY, Backend

CLAUDE = replace(SEARCHES, claude=True, takes=Takes.ALL, documents=True)

ROWS = (
    # not ANTHROPIC_BASE_URL: that is the client's, and points at our own door
    Backend(
        "anthropic",
        "https://api.anthropic.com",
        NATIVE,
        X_API_KEY,
        needs_key=False,
        bases=("ANTHROPIC_API_BASE",),
        profile=CLAUDE,
    ),
    Backend(
        "azure-claude",
        None,
        NATIVE,
        X_API_KEY,
        keys=("ANTHROPIC_FOUNDRY_API_KEY",),
        bases=("ANTHROPIC_FOUNDRY_BASE_URL",),
        profile=replace(CLAUDE, takes=Takes.FOUNDRY),
    ),
)
