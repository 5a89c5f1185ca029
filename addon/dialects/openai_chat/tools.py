"""Tools as functions of chat-completions, and the choice among them.

Source: OpenAI API reference, "create chat completion", tools and tool_choice.
"""

from addon.dialects import Target
from addon.dialects.losses import Loss, Lost, loss
from addon.dialects.tools import Tool, ToolNames, chosen
from addon.protocol.messages import Json, Request


def function(tool: Tool) -> Json:
    """Say one tool."""
    said: Json = {"name": tool.name}
    if tool.schema is not None:
        said["parameters"] = tool.schema
    if tool.description:
        said["description"] = tool.description
    return {"type": "function", "function": said}


def choose(
    request: Request,
    target: Target,
    names: ToolNames,
    offered: list[Tool],
    body: Json,
    losses: list[Loss],
    *,
    typed: bool = False,
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
            body["tool_choice"] = {"type": "function", "function": {"name": chosen(request, names, offered)}}
        case "tool" if profile.required_choice:  # the same said otherwise: some tool, and only this one is offered
            name = chosen(request, names, offered)
            body["tools"] = [tool for tool in body["tools"] if tool["function"]["name"] == name]
            body["tool_choice"] = profile.required_choice
        case other:
            losses.append(loss(Lost.TOOL_CHOICE, "tool_choice", target.name, other))
    if choice.get("disable_parallel_tool_use"):
        if profile.parallel_switch:
            body["parallel_tool_calls"] = False
        else:
            losses.append(loss(Lost.PARALLEL_SWITCH, "tool_choice.disable_parallel_tool_use", target.name))
