"""The tools of a Messages request as every dialect offers them, and their names on the wire."""

import hashlib
import re
from operator import itemgetter
from typing import NamedTuple

from addon.dialects import Target
from addon.dialects.losses import Loss, Lost, loss
from addon.dialects.schemas.tool_schemas import for_tool
from addon.dialects.typed_tools import is_typed, settle
from addon.dialects.web.search import Search
from addon.protocol.errors import BadRequest
from addon.protocol.messages import Json, Request

PLACEHOLDER_TOOL = "DeferredToolPlaceholder"  # stands for tools the client has not loaded; nothing to call
# OpenAI's rule for function names, and Moonshot's and Gemini's: a name begins with no digit (MoonshotAI/kimi-cli#2531)
TOOL_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_-]{0,63}")
TOOL_NAME_LENGTH = 64
NAME_HASH_LENGTH = 8


class ToolNames(dict[str, str]):
    """The names of tools on the wire, by the client's; one that some backend refuses is shortened, always alike.

    It fills itself: a history asks for the same dozen names thousands of times.
    """

    def __init__(self) -> None:
        """Start with no name seen."""
        super().__init__()
        self.shortened: dict[str, str] = {}

    def __missing__(self, name: str) -> str:
        wire = self[name] = name if TOOL_NAME.fullmatch(name) else self._shorten(name)
        return wire

    def _shorten(self, name: str) -> str:
        digest = hashlib.sha256(name.encode("utf-8", "replace")).hexdigest()[:NAME_HASH_LENGTH]
        clean = re.sub(r"^(?=[0-9-])|[^a-zA-Z0-9_-]", "_", name)[: TOOL_NAME_LENGTH - NAME_HASH_LENGTH - 1]
        short = f"{clean}_{digest}"
        self.shortened[short] = name
        return short


class Tool(NamedTuple):
    """One tool on offer. ``name`` is the one on the wire; ``schema`` None: it takes no arguments, and none may be said.

    An empty ``description`` is none.
    """

    name: str
    description: str
    schema: Json | None


def offered(
    request: Request,
    target: Target,
    names: ToolNames,
    loaded: dict[str, int],
    search: Search | None,
    losses: list[Loss],
) -> list[Tool]:
    """Return the tools; ``search`` is what the backend does itself. Raises: Unsupported.

    ``loaded`` numbers the tools that the client loaded on the way. It sorts them in between the others, by name; here
    they stand last, in the order of loading, and all that was said before stays a prefix.
    """
    style = target.profile.tool_schema
    ranked: list[tuple[int, Tool]] = []
    for index, tool in enumerate(request.tools):
        if is_typed(tool):
            settle(tool, index, search, losses)
            continue
        if tool["name"] == PLACEHOLDER_TOOL:
            continue
        schema, told = for_tool(tool.get("input_schema") or {}, style)
        if told:
            losses.append(loss(Lost.TOOL_SCHEMA, f"tools.{index}.input_schema", told))
        rank = 1 + loaded.get(tool["name"], 0) if tool.get("defer_loading") else 0
        ranked.append((rank, Tool(names[tool["name"]], tool.get("description") or "", schema)))
        if not TOOL_FIELDS.issuperset(tool):
            unknown = [field for field in tool if field not in TOOL_FIELDS]
            losses += [loss(Lost.TOOL_FIELD, f"tools.{index}.{field}") for field in unknown]
    return [tool for _, tool in sorted(ranked, key=itemgetter(0))]


# fields of a tool that are translated, or mean something to Anthropic's server only
TOOL_FIELDS = frozenset(
    [
        "name",
        "description",
        "input_schema",
        "type",
        "cache_control",
        "defer_loading",
        "eager_input_streaming",
        "input_examples",
    ]
)


def chosen(request: Request, names: ToolNames, tools: list[Tool]) -> str:
    """Return the name on the wire of the tool that ``tool_choice`` names. Raises: BadRequest for none on offer."""
    name = (request.body.get("tool_choice") or {}).get("name")
    if not isinstance(name, str):
        raise BadRequest("tool_choice.tool.name: Field required")
    on_wire = names[name]
    if all(tool.name != on_wire for tool in tools):
        raise BadRequest(f"tool_choice: Tool '{name}' not found in provided tools")
    return on_wire
