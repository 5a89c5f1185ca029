"""Anthropic's betas: which a request needs, and how each is called where Claude answers under another address.

A beta-only field is refused without its beta ("Extra inputs are not permitted"), and a beta that a cloud does not know
is refused as well. So the client's own betas go along, translated, and what a field needs is added.
Source: the header names that Claude Code 2.1.329 sends; litellm 1.109.1, ``anthropic_beta_headers_config.json``.
"""

from collections.abc import Iterable, Mapping
from types import MappingProxyType

HEADER = "anthropic-beta"

ADVANCED_TOOLS = "advanced-tool-use-2025-11-20"
CACHE_DIAGNOSIS = "cache-diagnosis-2026-04-07"
CODE_EXECUTION = "code-execution-2025-08-25"
CONTEXT_MANAGEMENT = "context-management-2025-06-27"
FAST_MODE = "fast-mode-2026-02-01"
MCP_CLIENT = "mcp-client-2025-11-20"
PER_TURN_CONTROL = "per-turn-control-2026-07-01"
SAFEGUARDS = "dangerous-tool-use-2026-09-03"
SHOWN_UPDATES = "thinking-display-updates-2026-08-18"
TOOL_CHANGES = "mid-conversation-tool-changes-2026-07-01"

TOOL_SEARCH = "tool-search-tool-2025-10-19"  # what the clouds call the part of advanced tool use that they have

type Betas = Mapping[str, str]  # a beta as the client calls it -> as it is called there


def _same(*names: str) -> dict[str, str]:
    return {name: name for name in names}


_EVERY_CLOUD = _same(
    "computer-use-2025-01-24",
    "computer-use-2025-11-24",
    "context-1m-2025-08-07",
    CONTEXT_MANAGEMENT,
    SAFEGUARDS,
    SHOWN_UPDATES,
)
FOUNDRY: Betas = MappingProxyType(
    {
        **_EVERY_CLOUD,
        **_same(
            ADVANCED_TOOLS,
            CODE_EXECUTION,
            "effort-2025-11-24",
            "files-api-2025-04-14",
            "interleaved-thinking-2025-05-14",
            "mcp-client-2025-04-04",
            MCP_CLIENT,
            PER_TURN_CONTROL,
            "skills-2025-10-02",
            "structured-outputs-2025-11-13",
            "web-fetch-2025-09-10",
            "web-search-2025-03-05",
        ),
    }
)
VERTEX: Betas = MappingProxyType(
    {
        **_EVERY_CLOUD,
        **_same(
            "compact-2026-01-12",
            "interleaved-thinking-2025-05-14",
            PER_TURN_CONTROL,
            "thinking-binding-controls-2026-08-01",
            TOOL_SEARCH,
            "web-search-2025-03-05",
        ),
        ADVANCED_TOOLS: TOOL_SEARCH,
    }
)
BEDROCK: Betas = MappingProxyType(
    {
        **_EVERY_CLOUD,
        **_same(
            "compact-2026-01-12",
            "effort-2025-11-24",
            "fine-grained-tool-streaming-2025-05-14",
            "mid-conversation-output-config-2026-07-01",
            TOOL_CHANGES,
            "thinking-binding-controls-2026-08-01",
            TOOL_SEARCH,
        ),
        ADVANCED_TOOLS: TOOL_SEARCH,
    }
)
MANTLE: Betas = MappingProxyType(
    {
        **_EVERY_CLOUD,
        **_same(
            "claude-code-20250219",
            "compact-2026-01-12",
            "effort-2025-11-24",
            "fine-grained-tool-streaming-2025-05-14",
            "interleaved-thinking-2025-05-14",
            "output-128k-2025-02-19",
            PER_TURN_CONTROL,
            "structured-outputs-2025-11-13",
            "thinking-binding-controls-2026-08-01",
            "token-efficient-tools-2025-02-19",
            "tool-examples-2025-10-29",
            TOOL_SEARCH,
            "web-search-2025-03-05",
        ),
        ADVANCED_TOOLS: TOOL_SEARCH,
    }
)


def said(asked: Iterable[str], known: Betas | None) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the betas as they are called there, and those that are not known there. ``None``: all are known."""
    names = dict.fromkeys(asked)
    if known is None:
        return tuple(names), ()
    return (
        tuple(dict.fromkeys(known[name] for name in names if name in known)),
        tuple(name for name in names if name not in known),
    )


def read(header: str | None) -> tuple[str, ...]:
    """Return the names that a header lists."""
    return tuple(name for part in (header or "").split(",") if (name := part.strip()))
