"""What each sort of server takes of the Messages API, as a table; ``fitting`` makes a request fit it.

Anthropic's own servers take all. Its clouds take what their betas say (``betas``), and refuse the rest with a 400,
"Extra inputs are not permitted". Others took over the part of the format that their models have a use for: most ignore
what they do not know, and some refuse it.
Sources: as in ``betas``; the request types of vLLM, SGLang and Ollama as of November 2026; the vendors' own pages on
their Anthropic endpoints (docs/backends.md).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from types import MappingProxyType

from addon.dialects import left_behind
from addon.dialects.anthropic import betas
from addon.dialects.anthropic.betas import Betas
from addon.dialects.profiles import Takes
from addon.protocol.messages import Json

type Words = Mapping[str, str]  # a word of the client's -> the one that is taken there; one not named is not taken

# fields of the body that came before all betas, or are free of them by now
PLAIN_BODY = frozenset(
    [
        "model",
        "messages",
        "system",
        "max_tokens",
        "stop_sequences",
        "stream",
        "temperature",
        "top_p",
        "top_k",
        "tools",
        "tool_choice",
        "thinking",
    ]
)
PLAIN_TOOL = frozenset(("name", "description", "input_schema", "type", "cache_control"))
BLOCKS = frozenset(("text", "image", "tool_use", "tool_result", "thinking", "redacted_thinking"))
SEARCH_BLOCKS = frozenset(("server_tool_use", "web_search_tool_result"))
# a field -> the beta without which it is refused
BETA_BODY: Mapping[str, str] = MappingProxyType(
    {
        "context_management": betas.CONTEXT_MANAGEMENT,
        "diagnostics": betas.CACHE_DIAGNOSIS,
        "safeguards": betas.SAFEGUARDS,
        "speed": betas.FAST_MODE,
        "container": betas.CODE_EXECUTION,
        "mcp_servers": betas.MCP_CLIENT,
    }
)
BETA_TOOL: Mapping[str, str] = MappingProxyType({"defer_loading": betas.ADVANCED_TOOLS})
# fields with a meaning for Anthropic only -> why they stay behind
ROUTINE: Mapping[str, str] = MappingProxyType(
    {
        **left_behind.ROUTINE,
        "defer_loading": "Anthropic's search for tools",
        "eager_input_streaming": "how Anthropic's server streams arguments",
        "input_examples": "examples that Anthropic's server shows the model",
        "allowed_callers": "calls from Anthropic's own code execution",
        "scope": "Anthropic's cache beyond one conversation",
        "ttl": "how long Anthropic's cache lives",
        "display": "how Anthropic tells of thinking",
    }
)

EFFORTS = ("low", "medium", "high", "xhigh", "max")
ANY_EFFORT: Words = MappingProxyType({effort: effort for effort in EFFORTS})
NO_EFFORT: Words = MappingProxyType({})
LOW_HIGH_MAX: Words = MappingProxyType({"low": "low", "medium": "high", "high": "high", "xhigh": "max", "max": "max"})
# how thinking may be asked for
ANY_THINKING: Words = MappingProxyType({kind: kind for kind in ("adaptive", "enabled", "disabled")})
BY_BUDGET: Words = MappingProxyType({"adaptive": "enabled", "enabled": "enabled", "disabled": "disabled"})
BY_ITSELF: Words = MappingProxyType({"adaptive": "adaptive", "enabled": "adaptive", "disabled": "disabled"})


@dataclass(frozen=True, slots=True)
class Fields:
    """One row. ``None``: whatever comes is taken."""

    betas: Betas | None = MappingProxyType({})
    body: frozenset[str] | None = PLAIN_BODY
    thinking: Words = ANY_THINKING
    display: bool = False  # thinking.display
    efforts: Words = ANY_EFFORT  # output_config.effort
    form: bool = False  # output_config.format
    tools: frozenset[str] | None = PLAIN_TOOL
    typed: tuple[str, ...] | None = ("web_search_",)  # how the types of typed tools begin
    blocks: frozenset[str] | None = BLOCKS | SEARCH_BLOCKS | {"document", "search_result"}
    system_turns: bool = False  # in the middle of the conversation
    turn_config: bool = False  # an output_config of one turn
    tool_changes: bool = False  # of a conversation under way
    marks: frozenset[str] | None = frozenset(("type", "ttl"))  # fields of cache_control

    @property
    def is_everything(self) -> bool:
        """Whether there is nothing to be left out."""
        return self == EVERYTHING


EVERYTHING = Fields(
    betas=None,
    body=None,
    display=True,
    form=True,
    tools=None,
    typed=None,
    blocks=None,
    system_turns=True,
    turn_config=True,
    tool_changes=True,
    marks=None,
)


def _cloud(known: Betas, *more: str, typed: tuple[str, ...] = (), form: bool = False) -> Fields:
    """A cloud of Claude's: what its betas stand for, and the fields of the body ``more``."""
    return Fields(
        betas=known,
        body=PLAIN_BODY | {"metadata", *more} | {field for field, beta in BETA_BODY.items() if beta in known},
        display=betas.SHOWN_UPDATES in known,
        form=form,
        tools=PLAIN_TOOL
        | {field for field, beta in BETA_TOOL.items() if beta in known}
        | ({"strict"} if form else frozenset()),
        typed=("bash_", "text_editor_", "computer_", "memory_", *typed),
        blocks=None,
        system_turns=True,
        turn_config=betas.PER_TURN_CONTROL in known,
        tool_changes=betas.TOOL_CHANGES in known,
    )


VENDOR = Fields()
BUDGET = replace(VENDOR, thinking=BY_BUDGET)
SERVER = Fields(typed=(), blocks=BLOCKS, marks=frozenset(("type",)))

ROWS: Mapping[Takes, Fields] = MappingProxyType(
    {
        Takes.ALL: EVERYTHING,
        Takes.FOUNDRY: _cloud(
            betas.FOUNDRY,
            "service_tier",
            typed=("web_search_", "web_fetch_", "code_execution_", "tool_search_tool_"),
            form=True,
        ),
        Takes.VERTEX: _cloud(betas.VERTEX, typed=("web_search_", "tool_search_tool_")),
        Takes.BEDROCK: _cloud(betas.BEDROCK, typed=("tool_search_tool_",)),
        Takes.MANTLE: _cloud(betas.MANTLE, typed=("web_search_", "tool_search_tool_"), form=True),
        Takes.GATEWAY: replace(VENDOR, form=True),
        Takes.VENDOR: VENDOR,
        Takes.BUDGET: BUDGET,
        Takes.ADAPTIVE: replace(VENDOR, thinking=BY_ITSELF, efforts=NO_EFFORT),
        Takes.LOW_HIGH_MAX: replace(BUDGET, efforts=LOW_HIGH_MAX),
        Takes.SERVER: SERVER,
        Takes.VLLM: replace(SERVER, form=True),
        Takes.PLAIN: replace(SERVER, thinking=BY_BUDGET, efforts=NO_EFFORT),
    }
)

# what Claude's older models do not take, wherever they are; the newest first. Source: platform.claude.com, "adaptive
# thinking", "effort", "mid-conversation system messages"; docs/protocol.md: what Claude Code sends each of them
GENERATIONS: tuple[tuple[re.Pattern[str], Mapping[str, object]], ...] = (
    (re.compile(r"claude-opus-4[-.][67]|claude-sonnet-4[-.]6"), MappingProxyType({"system_turns": False})),
    (
        re.compile(r"claude-opus-4[-.]5"),
        MappingProxyType({"system_turns": False, "turn_config": False, "thinking": BY_BUDGET}),
    ),
    (
        re.compile(r"claude-(opus|sonnet|haiku)-4(?![-.][6-9])|claude-3[-.]7"),
        MappingProxyType(
            {"system_turns": False, "turn_config": False, "thinking": BY_BUDGET, "efforts": NO_EFFORT},
        ),
    ),
    (
        re.compile(r"claude-(3|2|instant)"),
        MappingProxyType(
            {"system_turns": False, "turn_config": False, "thinking": MappingProxyType({}), "efforts": NO_EFFORT}
        ),
    ),
)


@lru_cache(maxsize=256)  # a configuration holds a handful
def fields_of(takes: Takes, model: str, asked: str) -> Fields:
    """Return what ``model`` takes at such a server, where the client has asked for the model ``asked``.

    The client knows what the model takes that it asked for; of another one it knows nothing.
    """
    row = ROWS[takes]
    if asked in model:
        return row
    for pattern, lacks in GENERATIONS:
        if pattern.search(model):
            return replace(row, **lacks)  # type: ignore[arg-type]  # fields of the row, by name
    return row


def needed(body: Json) -> tuple[str, ...]:
    """Return the betas without which a body is refused, as the client calls them."""
    found = [beta for field, beta in BETA_BODY.items() if body.get(field) is not None]
    thinking = body.get("thinking") or {}
    if thinking.get("display") == "updates":
        found.append(betas.SHOWN_UPDATES)
    if any("defer_loading" in tool for tool in body.get("tools") or ()):
        found.append(betas.ADVANCED_TOOLS)
    if any("output_config" in message for message in body["messages"] if message.get("role") == "system"):
        found.append(betas.PER_TURN_CONTROL)
    return tuple(found)
