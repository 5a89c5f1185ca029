"""A Messages request said as a chat-completions request.

In: a checked request and the target. Out: the body as a dict, what was lost or changed, and the tool names that had to
be shortened. Everything is built anew and every field that is read is named here, so nothing of Anthropic's vocabulary
can leak; a field that nobody names is a loss. The same history always gives the same leading messages, so that the
backend's prompt cache holds. Source: OpenAI API reference, "create chat completion".
"""

from collections.abc import Collection

from addon.dialects import Target, limits, typed_tools
from addon.dialects.left_behind import left_behind, session_name
from addon.dialects.losses import Loss, Lost, loss
from addon.dialects.openai_chat.messages import Conversation
from addon.dialects.openai_chat.reasoning import think
from addon.dialects.openai_chat.tools import choose, function
from addon.dialects.schemas import structured_output
from addon.dialects.tools import ToolNames, offered
from addon.dialects.web import web_search
from addon.protocol.messages import Json, Request


def translate(request: Request, target: Target) -> tuple[Json, tuple[Loss, ...], dict[str, str], Collection[str]]:
    """Return body, losses, ``{name on the wire: the client's}`` and the ids of all calls. Raises: Unsupported."""
    losses: list[Loss] = []
    profile, names = target.profile, ToolNames()
    form = structured_output.asked(request, target)
    search = web_search.given(request, target)
    conversation = Conversation(target, names.__getitem__)
    conversation.add_system_prompt(
        [*request.system, *(form.in_words if form else ()), *web_search.in_words(search, target)]
    )
    for index, message in enumerate(request.messages):
        conversation.add(index, message)
    body: Json = {"model": target.model, "messages": conversation.close(len(request.messages) - 1)}
    demanded = typed_tools.demanded(request, search)
    if tools := offered(request, target, names, conversation.loaded, search, losses):
        body["tools"] = [function(tool) for tool in tools]
        choose(request, target, names, tools, body, losses, typed=demanded)
    elif request.body.get("tool_choice") and search is None:
        losses.append(loss(Lost.TOOL_CHOICE_EMPTY, "tool_choice"))
    if search is not None:
        web_search.ask(search, target, body, losses)
        if demanded and not web_search.is_forced(target):
            losses.append(loss(Lost.TOOL_CHOICE, "tool_choice", target.name, "web_search"))
    body[profile.max_tokens_field] = limits.reply_tokens(request, target, losses)
    stops = limits.stops(request, target, losses)
    body |= {**({"stop": stops} if stops else {}), **limits.sampling(request, target, losses)}
    think(request, target, body, losses)
    if form is not None:
        form.demand(body, losses)
    body |= {name: value for name, value in profile.always.items() if name not in body}
    if profile.cache_key and (session := session_name(request)):
        body[profile.cache_key] = session
    if request.stream:
        body |= {"stream": True, **({"stream_options": {"include_usage": True}} if profile.stream_usage else {})}
    losses += left_behind(request, target)
    return body, (*conversation.losses, *losses), names.shortened, conversation.call_ids
