"""Anthropic's typed tools: what becomes of each where another model answers.

A typed tool has no schema in the request. Some run on Anthropic's servers; of the others Claude knows the arguments by
heart, and the client runs the calls. Source: Messages API reference, "tools"; the types of the ``anthropic`` package.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple

from addon.dialects.losses import Loss, Lost, Refused, loss, refusal
from addon.dialects.web.search import TOOL as SEARCH_TOOL
from addon.dialects.web.search import Search
from addon.protocol.messages import Json, Request

CUSTOM = "custom"  # the type of a tool that is described in full, and what one without a type is


class Fate(StrEnum):
    """What becomes of a tool."""

    SEARCH = "search"  # see ``web_search``
    DROPPED = "dropped"  # a loss: the model is not told of it
    REFUSED = "refused"


class TypedTool(NamedTuple):
    """One row; ``because`` is for the page of losses."""

    fate: Fate
    because: str


# how a type begins, the date of its version follows -> what becomes of it
TYPED_TOOLS: Mapping[str, TypedTool] = {
    SEARCH_TOOL: TypedTool(
        Fate.SEARCH, "The backend's own search answers it, or a search endpoint, else it is a loss."
    ),
    "web_fetch_": TypedTool(Fate.DROPPED, "It runs on Anthropic's servers; Claude Code fetches pages by itself."),
    "code_execution_": TypedTool(Fate.DROPPED, "It runs on Anthropic's servers; the model answers without."),
    "tool_search_tool_": TypedTool(Fate.DROPPED, "It runs on Anthropic's servers; the model is given every tool."),
    "advisor_": TypedTool(Fate.DROPPED, "A second opinion of another model on Anthropic's servers."),
    "mcp_toolset": TypedTool(
        Fate.REFUSED, "Anthropic's servers call these tools, and they alone know what they are: nothing is left to say."
    ),
    "bash_": TypedTool(Fate.REFUSED, "The client runs it, and the model would have to know its arguments by heart."),
    "text_editor_": TypedTool(Fate.REFUSED, "As bash."),
    "computer_": TypedTool(Fate.REFUSED, "As bash."),
    "browser_": TypedTool(Fate.REFUSED, "As bash."),
    "memory_": TypedTool(Fate.REFUSED, "As bash."),
}
UNKNOWN = TypedTool(Fate.REFUSED, "A tool newer than this version.")


def is_typed(tool: Json) -> bool:
    """Whether a tool is one of Anthropic's."""
    kind = tool.get("type")
    return bool(kind) and kind != CUSTOM


def row_of(kind: str) -> TypedTool:
    """Return the row of a type."""
    return next((row for start, row in TYPED_TOOLS.items() if kind.startswith(start)), UNKNOWN)


def settle(tool: Json, index: int, search: Search | None, losses: list[Loss]) -> None:
    """Drop a typed tool, but for the one that is ``search``. Raises: Unsupported."""
    kind = str(tool["type"])
    if row_of(kind).fate is Fate.REFUSED:
        raise refusal(Refused.TYPED_TOOL, f"tools.{index}", kind)
    if search is None or search.index != index:
        losses.append(loss(Lost.SERVER_TOOL, f"tools.{index}", kind))


def demanded(request: Request, search: Search | None) -> bool:
    """Whether ``tool_choice`` demands a call of ``search``. Raises: Unsupported where it demands another typed tool."""
    choice = request.body.get("tool_choice") or {}
    if choice.get("type") != "tool":
        return False
    for index, tool in enumerate(request.tools):
        if is_typed(tool) and tool.get("name") == choice.get("name"):
            if search is None or search.index != index:
                raise refusal(Refused.TYPED_TOOL, "tool_choice", tool["type"])
            return True
    return False
