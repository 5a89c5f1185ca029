"""A Messages request said as a ``GenerateContentRequest``.

In: a checked request and the target. Out: the body and what is known of it. Everything is built anew and every field
that is read is named here, so nothing of Anthropic's vocabulary can leak; a field that nobody names is a loss. The same
history always gives the same leading contents. Nothing is said of safety: what Google blocks is Google's and, with
``body`` in the configuration, the user's.
Source: ai.google.dev, "Generate content"; google-genai 3.6, ``types.GenerateContentConfig``.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from addon.dialects import Target, limits, typed_tools
from addon.dialects.blocks import PARAGRAPH
from addon.dialects.gemini.contents import Conversation
from addon.dialects.gemini.thinking import think
from addon.dialects.left_behind import left_behind
from addon.dialects.losses import Loss, Lost, loss
from addon.dialects.schemas import structured_output
from addon.dialects.tools import Tool, ToolNames, chosen, offered
from addon.dialects.web import web_search
from addon.dialects.web.search import Search
from addon.protocol.messages import Json, Request

CHOICES: Mapping[str, str] = {"auto": "AUTO", "any": "ANY", "tool": "ANY", "none": "NONE"}
BESIDE_SEARCH = "VALIDATED"  # the only mode in which Gemini's own tools and functions may stand together


@dataclass(frozen=True, slots=True)
class Said:
    """A request as Gemini is told it."""

    body: Json
    losses: tuple[Loss, ...]
    tool_names: Mapping[str, str]
    offered: Mapping[str, Mapping[str, Any]]
    search: Search | None
    form: bytes | None
    call_ids: Collection[str]


def translate(request: Request, target: Target) -> Said:
    """Translate it. Raises: Unsupported, BadRequest."""
    losses: list[Loss] = []
    names = ToolNames()
    form = structured_output.asked(request, target)
    search = web_search.given(request, target)
    beside = search is not None and not search.alone
    conversation = Conversation(target, names.__getitem__, serves=beside and not target.profile.vertex)
    system = [*request.system, *(form.in_words if form else ()), *web_search.in_words(search, target)]
    prompt = PARAGRAPH.join(block["text"] for block in system if block.get("text"))
    in_turn = target.profile.system_role == "user"  # Gemma knows no other place for it
    if prompt and in_turn:
        conversation.add(0, {"role": "user", "content": prompt})
    for index, message in enumerate(request.messages):
        conversation.add(index, message)
    body: Json = {"contents": conversation.close(len(request.messages) - 1)}
    if prompt and not in_turn:
        body["systemInstruction"] = {"parts": [{"text": prompt}]}
    tools = offered(request, target, names, conversation.loaded, search, losses)
    if tools:
        body["tools"] = [{"functionDeclarations": [_declaration(tool) for tool in tools]}]
    _choose(request, target, names, tools, search, body, losses)
    body["generationConfig"] = {
        "maxOutputTokens": limits.reply_tokens(request, target, losses),
        **_sampling(request, target, losses),
        **think(request, target, losses),
        **_form(form, losses),
    }
    body |= {name: value for name, value in target.profile.always.items() if name not in body}
    losses += left_behind(request, target)
    return Said(
        body,
        (*conversation.losses, *losses),
        names.shortened,
        {tool.name: tool.schema or {} for tool in tools},
        search,
        structured_output.checked(request, target),
        conversation.call_ids,
    )


def _declaration(tool: Tool) -> Json:
    """Say one tool; its schema as JSON Schema, and not in the OpenAPI words of ``parameters`` (see ``schemas``)."""
    said: Json = {"name": tool.name}
    if tool.description:
        said["description"] = tool.description
    return said if tool.schema is None else {**said, "parametersJsonSchema": tool.schema}


def _choose(
    request: Request,
    target: Target,
    names: ToolNames,
    tools: list[Tool],
    search: Search | None,
    body: Json,
    losses: list[Loss],
) -> None:
    """Set ``toolConfig``, and the search among the tools. Raises: BadRequest where no such tool is offered."""
    choice = request.body.get("tool_choice") or {}
    kind = choice.get("type")
    mode = CHOICES.get(str(kind))
    if search is not None:
        web_search.ask(search, target, body, losses)
    if typed_tools.demanded(request, search):
        losses.append(loss(Lost.TOOL_CHOICE, "tool_choice", target.name, "web_search"))
        mode = None
    elif kind is not None and not tools:
        losses += [loss(Lost.TOOL_CHOICE_EMPTY, "tool_choice")] if search is None else []
    elif kind is not None and (mode is None or (search is not None and mode != "AUTO")):
        losses.append(loss(Lost.TOOL_CHOICE, "tool_choice", target.name, kind))
    told: Json = {}
    if tools and search is not None:
        told["functionCallingConfig"] = {"mode": BESIDE_SEARCH}
        told |= {} if target.profile.vertex else {"includeServerSideToolInvocations": True}
    elif tools and mode is not None:
        named = {"allowedFunctionNames": [chosen(request, names, tools)]} if kind == "tool" else {}
        told["functionCallingConfig"] = {"mode": mode, **named}
    if told:
        body["toolConfig"] = told
    if choice.get("disable_parallel_tool_use"):
        losses.append(loss(Lost.PARALLEL_SWITCH, "tool_choice.disable_parallel_tool_use", target.name))


def _sampling(request: Request, target: Target, losses: list[Loss]) -> Json:
    said: Json = limits.sampling(request, target, losses)
    if "top_p" in said:
        said = {**{name: value for name, value in said.items() if name != "top_p"}, "topP": said["top_p"]}
    stops = limits.stops(request, target, losses)
    return {**said, **({"stopSequences": stops} if stops else {})}


def _form(form: structured_output.Form | None, losses: list[Loss]) -> Json:
    if form is None:
        return {}
    demanded: Json = {}
    form.demand(demanded, losses)
    schema = demanded.get("response_format", {}).get("json_schema", {}).get("schema")
    return {"responseMimeType": "application/json", "responseJsonSchema": schema} if schema is not None else {}
