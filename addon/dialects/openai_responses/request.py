"""A Messages request said as a request for a response.

In: a checked request and the target. Out: the body as a dict, what was lost or changed, and the tool names that had to
be shortened. Everything is built anew and every field that is read is named here, so nothing of Anthropic's vocabulary
can leak; a field that nobody names is a loss. Nothing is stored at the backend. Stop sequences, which it does not know,
are ours to watch for (``stop_sequences``). Source: OpenAI API reference, "create a model response".
"""

from collections.abc import Collection
from typing import Any

from addon.dialects import Target, limits, typed_tools
from addon.dialects.blocks import PARAGRAPH
from addon.dialects.effort import wished
from addon.dialects.left_behind import left_behind, session_name
from addon.dialects.losses import Loss, Lost, loss
from addon.dialects.openai_responses.items import Conversation
from addon.dialects.profiles import ReasoningStyle
from addon.dialects.schemas import structured_output
from addon.dialects.tools import Tool, ToolNames, chosen, offered
from addon.dialects.web import web_search
from addon.dialects.web.search import Search
from addon.protocol.messages import Json, Request

LIMIT = "max_output_tokens"
SMALLEST_REPLY_TOKENS = 16  # OpenAI: "Expected a value >= 16"
NO_ARGUMENTS: Json = {"type": "object", "properties": {}}


def translate(request: Request, target: Target) -> tuple[Json, tuple[Loss, ...], dict[str, str], Collection[str]]:
    """Return body, losses, ``{name on the wire: the client's}`` and the ids of all calls. Raises: Unsupported."""
    losses: list[Loss] = []
    profile, names = target.profile, ToolNames()
    form = structured_output.asked(request, target)
    search = web_search.given(request, target)
    conversation = Conversation(target, names.__getitem__)
    for index, message in enumerate(request.messages):
        conversation.add(index, message)
    body: Json = {"model": target.model}
    prompt = [*request.system, *(form.in_words if form else ()), *web_search.in_words(search, target)]
    if instructions := PARAGRAPH.join(block["text"] for block in prompt if block.get("text")):
        body["instructions"] = instructions
    body["input"] = conversation.close(len(request.messages) - 1)
    if tools := offered(request, target, names, conversation.loaded, search, losses):
        body["tools"] = [function(tool) for tool in tools]
    _choose(request, target, names, tools, search, body, losses)
    if search is not None:
        web_search.ask(search, target, body, losses)
    body[LIMIT] = _reply_tokens(request, target, losses)
    body |= limits.sampling(request, target, losses)
    if reasoning := _reasoning(request, target, losses):
        body["reasoning"] = reasoning
    if form is not None:
        body |= _form(form, losses)
    body |= {name: value for name, value in profile.always.items() if name not in body}
    if profile.cache_key and (session := session_name(request)):
        body[profile.cache_key] = session
    body["store"] = False
    if include := _included(target, search):
        body["include"] = include
    if request.stream:
        body["stream"] = True
    losses += left_behind(request, target)
    return body, (*conversation.losses, *losses), names.shortened, conversation.call_ids


def function(tool: Tool) -> Json:
    """Say one tool. It is told not to be strict: the schemas of the client's tools are not what strict mode takes."""
    parameters = tool.schema if tool.schema is not None else NO_ARGUMENTS
    said: Json = {"type": "function", "name": tool.name, "parameters": parameters, "strict": False}
    if tool.description:
        said["description"] = tool.description
    return said


def _choose(
    request: Request,
    target: Target,
    names: ToolNames,
    tools: list[Tool],
    search: Search | None,
    body: Json,
    losses: list[Loss],
) -> None:
    """Set ``tool_choice`` and the switch for parallel calls. Raises: BadRequest where no such tool is offered."""
    choice = request.body.get("tool_choice") or {}
    demanded = typed_tools.demanded(request, search)
    if not tools and search is None:
        if choice:
            losses.append(loss(Lost.TOOL_CHOICE_EMPTY, "tool_choice"))
        return
    match choice.get("type"):
        case "tool" if demanded:
            body["tool_choice"] = {"type": "allowed_tools", "mode": "required", "tools": [{"type": "web_search"}]}
        case "tool":
            body["tool_choice"] = {"type": "function", "name": chosen(request, names, tools)}
        case "auto" | "none" as word:
            body["tool_choice"] = word
        case "any":
            body["tool_choice"] = "required"
        case None:
            pass
        case other:
            losses.append(loss(Lost.TOOL_CHOICE, "tool_choice", target.name, other))
    if choice.get("disable_parallel_tool_use"):
        if target.profile.parallel_switch:
            body["parallel_tool_calls"] = False
        else:
            losses.append(loss(Lost.PARALLEL_SWITCH, "tool_choice.disable_parallel_tool_use", target.name))


def _reply_tokens(request: Request, target: Target, losses: list[Loss]) -> int:
    wanted = limits.reply_tokens(request, target, losses)
    if wanted < SMALLEST_REPLY_TOKENS:
        losses.append(loss(Lost.OUTPUT_LIMIT, "max_tokens", wanted, SMALLEST_REPLY_TOKENS, "the least that is taken"))
    return max(wanted, SMALLEST_REPLY_TOKENS)


def _reasoning(request: Request, target: Target, losses: list[Loss]) -> Json:
    """How much to think, and that the thoughts are to be told; nothing where the target has no such field."""
    wish, profile = wished(request, target, losses), target.profile
    if profile.reasoning is ReasoningStyle.NONE:
        return {}
    if wish is not None and wish.off:
        if profile.effort_off is not None:
            return {"effort": profile.effort_off}
        losses.append(loss(Lost.THINKING_KNOB, "thinking.type", target.name))
    effort = {"effort": wish.word} if wish is not None and wish.word else {}
    return {**effort, "summary": "auto"}


def _form(form: structured_output.Form, losses: list[Loss]) -> dict[str, Any]:
    """The demand of a reply of a form, which is the one of chat-completions with its schema a level higher."""
    asked: Json = {}
    form.demand(asked, losses)
    told = asked.get("response_format")
    return {"text": {"format": {"type": told["type"], **told.get("json_schema", {})}}} if told else {}


def _included(target: Target, search: Search | None) -> list[str]:
    """What the reply is to tell besides: reasoning as it goes back, and the pages of searches."""
    sealed = ["reasoning.encrypted_content"] if target.profile.reasoning is not ReasoningStyle.NONE else []
    return [*sealed, *(["web_search_call.action.sources"] if search is not None else [])]
