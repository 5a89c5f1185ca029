"""A Messages request said as a request of Converse.

In: a checked request and the target. Out: the body as a dict, what was lost or changed, and the tool names that had to
be shortened. Everything is built anew and every field that is read is named here; a field that nobody names is a loss.
Source: Amazon Bedrock API reference, Converse; botocore 1.44, ``bedrock-runtime``.
"""

from dataclasses import dataclass

import orjson

from addon.dialects import Target, limits, typed_tools
from addon.dialects.bedrock.turns import Turns
from addon.dialects.left_behind import left_behind
from addon.dialects.losses import Loss, Lost, loss
from addon.dialects.openai_chat.reasoning import think
from addon.dialects.profiles import ReasoningStyle
from addon.dialects.schemas import structured_output
from addon.dialects.schemas.structured_output import Form
from addon.dialects.tools import Tool, ToolNames, chosen, offered
from addon.protocol.messages import Json, Request

NOT_NOW = "A tool of an earlier turn. It cannot be called now."
NO_ARGUMENTS: Json = {"type": "object", "properties": {}}


@dataclass(frozen=True, slots=True)
class Said:
    """A request as Converse takes it."""

    body: Json
    losses: tuple[Loss, ...]
    names: ToolNames
    turns: Turns
    tools: tuple[Tool, ...]


def translate(request: Request, target: Target) -> Said:
    """Say the request. Raises: Unsupported, BadRequest, TooDeep."""
    losses: list[Loss] = []
    names = ToolNames()
    form = structured_output.asked(request, target)
    turns = Turns(target, names.__getitem__)
    system = turns.system([*request.system, *(form.in_words if form else ())])
    for index, message in enumerate(request.messages):
        turns.add(index, message)
    body: Json = {"messages": turns.close(len(request.messages) - 1), **({"system": system} if system else {})}
    typed_tools.demanded(request, None)
    tools = offered(request, target, names, turns.loaded, None, losses)
    if config := _tools(request, target, names, tools, turns, losses):
        body["toolConfig"] = config
    inference: Json = {"maxTokens": limits.reply_tokens(request, target, losses)}
    sampling = limits.sampling(request, target, losses)
    inference |= {name: sampling[field] for field, name in SAMPLING if field in sampling}
    stops = [stop for stop in limits.stops(request, target, losses) if stop]
    body["inferenceConfig"] = inference | ({"stopSequences": stops} if stops else {})
    fields: Json = dict(target.profile.always)
    think(request, target, fields, losses)
    if fields:
        body["additionalModelRequestFields"] = fields
    if _at_its_highest(fields, target):
        body["inferenceConfig"] = {"stopSequences": stops} if stops else {}
    if form is not None:
        _demand(form, body, losses)
    losses += left_behind(request, target)
    return Said(body, (*turns.losses, *losses), names, turns, tuple(tools))


SAMPLING = (("temperature", "temperature"), ("top_p", "topP"))


def _at_its_highest(fields: Json, target: Target) -> bool:
    """Whether Nova thinks as much as it can: it then takes neither a limit nor a temperature."""
    config = fields.get("reasoningConfig") if target.profile.reasoning is ReasoningStyle.NOVA else None
    return isinstance(config, dict) and config.get("maxReasoningEffort") == "high"


def _demand(form: Form, body: Json, losses: list[Loss]) -> None:
    """Ask for the form of the reply, or tell that it was said in words."""
    if form.response_format is not None and form.response_format["type"] == "json_schema":
        told = form.response_format["json_schema"]
        schema = {"schema": orjson.dumps(told["schema"]).decode(), "name": told["name"]}
        body["outputConfig"] = {"textFormat": {"type": "json_schema", "structure": {"jsonSchema": schema}}}
    if form.why:
        losses.append(loss(Lost.SCHEMA_IN_WORDS, structured_output.PATH, form.why))


def _tools(
    request: Request, target: Target, names: ToolNames, tools: list[Tool], turns: Turns, losses: list[Loss]
) -> Json:
    """Return ``toolConfig``; it is demanded as long as the conversation has calls. Raises: BadRequest."""
    choice = request.body.get("tool_choice") or {}
    if not tools and choice:
        losses.append(loss(Lost.TOOL_CHOICE_EMPTY, "tool_choice"))
    if choice.get("disable_parallel_tool_use"):
        losses.append(loss(Lost.PARALLEL_SWITCH, "tool_choice.disable_parallel_tool_use", target.name))
    if choice.get("type") == "none":
        tools = tools if turns.called else []
        if tools:
            losses.append(loss(Lost.TOOL_CHOICE, "tool_choice", target.name, "none"))
    if not tools:
        specs = [_spec(Tool(name, NOT_NOW, None)) for name in turns.called]
        return {"tools": specs} if specs else {}
    said, only = _choice(choice, target, names, request, tools, losses)
    specs = [_spec(tool) for tool in tools if only in ("", tool.name)]
    return {"tools": specs, **({"toolChoice": said} if said else {})}


def _choice(
    choice: Json, target: Target, names: ToolNames, request: Request, tools: list[Tool], losses: list[Loss]
) -> tuple[Json, str]:
    """Return ``toolChoice``, empty for none, and the name of the only tool that is offered, where it is but one."""
    profile = target.profile
    match choice.get("type"):
        case None | "none":
            return {}, ""
        case "auto":
            return {"auto": {}}, ""
        case "any" if profile.required_choice:
            return {"any": {}}, ""
        case "tool" if profile.named_choice:
            return {"tool": {"name": chosen(request, names, tools)}}, ""
        case "tool" if profile.required_choice:
            return {"any": {}}, chosen(request, names, tools)
        case other:
            losses.append(loss(Lost.TOOL_CHOICE, "tool_choice", target.name, other))
            return {}, ""


def _spec(tool: Tool) -> Json:
    described = {"description": tool.description} if tool.description.strip() else {}
    return {"toolSpec": {"name": tool.name, **described, "inputSchema": {"json": tool.schema or NO_ARGUMENTS}}}
