"""The tools of a Messages request said as functions of chat-completions, and the choice among them.

Source: OpenAI API reference, "create chat completion", tools and tool_choice.
"""

import hashlib
import re
from operator import itemgetter

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


def tools(
    request: Request,
    target: Target,
    names: ToolNames,
    loaded: dict[str, int],
    search: Search | None,
    losses: list[Loss],
) -> list[Json]:
    """Return the functions; ``search`` is what the backend does itself. Raises: Unsupported.

    ``loaded`` numbers the tools that the client loaded on the way. It sorts them in between the others, by name; here
    they stand last, in the order of loading, and all that was said before stays a prefix.
    """
    style = target.profile.tool_schema
    functions: list[tuple[int, Json]] = []
    for index, tool in enumerate(request.tools):
        if is_typed(tool):
            settle(tool, index, search, losses)
            continue
        if tool["name"] == PLACEHOLDER_TOOL:
            continue
        schema, told = for_tool(tool.get("input_schema") or {}, style)
        if told:
            losses.append(loss(Lost.TOOL_SCHEMA, f"tools.{index}.input_schema", told))
        function: Json = {"name": names[tool["name"]]}
        if schema is not None:
            function["parameters"] = schema
        if tool.get("description"):
            function["description"] = tool["description"]
        rank = 1 + loaded.get(tool["name"], 0) if tool.get("defer_loading") else 0
        functions.append((rank, {"type": "function", "function": function}))
        if not TOOL_FIELDS.issuperset(tool):
            unknown = [field for field in tool if field not in TOOL_FIELDS]
            losses += [loss(Lost.TOOL_FIELD, f"tools.{index}.{field}") for field in unknown]
    return [tool for _, tool in sorted(functions, key=itemgetter(0))]


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


def choose(
    request: Request, target: Target, names: ToolNames, body: Json, losses: list[Loss], *, typed: bool = False
) -> None:
    """Set ``tool_choice`` and the switch for parallel calls. Raises: BadRequest where no such tool is offered.

    ``typed``: what is chosen is none of the functions.
    """
    choice = request.body.get("tool_choice") or {}
    profile = target.profile
    match None if typed else choice.get("type"):
        case None:
            pass
        case "auto" | "none" as word:
            body["tool_choice"] = word
        case "any" if profile.required_choice:
            body["tool_choice"] = profile.required_choice
        case "tool" if profile.named_choice:
            body["tool_choice"] = {"type": "function", "function": {"name": _chosen(choice, names, body)}}
        case "tool" if profile.required_choice:  # the same said otherwise: some tool, and only this one is offered
            name = _chosen(choice, names, body)
            body["tools"] = [tool for tool in body["tools"] if tool["function"]["name"] == name]
            body["tool_choice"] = profile.required_choice
        case other:
            losses.append(loss(Lost.TOOL_CHOICE, "tool_choice", target.name, other))
    if choice.get("disable_parallel_tool_use"):
        if profile.parallel_switch:
            body["parallel_tool_calls"] = False
        else:
            losses.append(loss(Lost.PARALLEL_SWITCH, "tool_choice.disable_parallel_tool_use", target.name))


def _chosen(choice: Json, names: ToolNames, body: Json) -> str:
    name = choice.get("name")
    if not isinstance(name, str):
        raise BadRequest("tool_choice.tool.name: Field required")
    on_wire = names[name]
    if all(tool["function"]["name"] != on_wire for tool in body["tools"]):
        raise BadRequest(f"tool_choice: Tool '{name}' not found in provided tools")
    return on_wire
