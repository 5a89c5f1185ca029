"""A Messages request said as a chat-completions request.

In: a checked request and the target. Out: the body as a dict, what was lost or changed, and the tool names that had to
be shortened. Everything is built anew and every field that is read is named here, so nothing of Anthropic's vocabulary
can leak; a field that nobody names is a loss. The same history always gives the same leading messages, so that the
backend's prompt cache holds. Source: OpenAI API reference, "create chat completion".
"""

import hashlib
import re
from collections.abc import Collection, Mapping

from addon.dialects import Target, typed_tools
from addon.dialects.losses import Loss, Lost, loss
from addon.dialects.openai_chat.messages import Conversation
from addon.dialects.openai_chat.reasoning import think
from addon.dialects.openai_chat.tools import ToolNames, choose, tools
from addon.dialects.profiles import ReasoningStyle
from addon.dialects.schemas import structured_output
from addon.dialects.web import web_search
from addon.protocol.messages import Json, Request

# fields of the request that are translated below
TRANSLATED = frozenset(
    [
        "model",
        "messages",
        "system",
        "tools",
        "tool_choice",
        "max_tokens",
        "stream",
        "stop_sequences",
        "temperature",
        "top_p",
        "thinking",
        "output_config",
    ]
)
# fields with a meaning for Anthropic only -> why they stay behind
ROUTINE: Mapping[str, str] = {
    "metadata": "Anthropic's pseudonymous user id",
    "context_management": "edits of the context that Anthropic's server makes",
    "diagnostics": "Anthropic's cache diagnosis",
    "fallbacks": "the models that Anthropic's server falls back to",
    "speed": "Anthropic's fast mode",
    "service_tier": "Anthropic's service tier",
}

SESSION = re.compile(r'"session_id"\s*:\s*"([0-9a-fA-F-]{8,64})"')
SESSION_LENGTH = 32  # OpenAI takes 64 characters

# Claude Code tries a model that the user names with max_tokens 1, and OpenAI's reasoning models refuse with a 400 what
# ends before their first word; docs/protocol.md, "Choosing a model"
TRIAL, TRIAL_TOKENS = 1, 1_024


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
    if functions := tools(request, target, names, conversation.loaded, search, losses):
        body["tools"] = functions
        choose(request, target, names, body, losses, typed=demanded)
    elif request.body.get("tool_choice") and search is None:
        losses.append(loss(Lost.TOOL_CHOICE_EMPTY, "tool_choice"))
    if search is not None:
        web_search.ask(search, target, body, losses)
        if demanded and not web_search.is_forced(target):
            losses.append(loss(Lost.TOOL_CHOICE, "tool_choice", target.name, "web_search"))
    _limits(request, target, body, losses)
    _sampling(request, target, body, losses)
    think(request, target, body, losses)
    if form is not None:
        form.demand(body, losses)
    body |= {name: value for name, value in profile.always.items() if name not in body}
    if profile.cache_key and (session := _session(request)):
        body[profile.cache_key] = session
    if request.stream:
        body["stream"] = True
        if profile.stream_usage:
            body["stream_options"] = {"include_usage": True}
    losses += [_left_behind(field, target) for field in request.body if field not in TRANSLATED]
    return body, (*conversation.losses, *losses), names.shortened, conversation.call_ids


def _session(request: Request) -> str | None:
    """Name the session without saying which: the client tells its id in ``metadata.user_id``, a JSON text."""
    metadata = request.body.get("metadata")
    told = metadata.get("user_id") if isinstance(metadata, dict) else None
    found = SESSION.search(told) if isinstance(told, str) else None
    return hashlib.sha256(found[1].encode()).hexdigest()[:SESSION_LENGTH] if found else None


def _left_behind(field: str, target: Target) -> Loss:
    if field in ROUTINE:
        return loss(Lost.ANTHROPICS_OWN, field, ROUTINE[field])
    return loss(Lost.SAFEGUARDS, field) if field == "safeguards" else loss(Lost.UNKNOWN_FIELD, field, target.name)


def _limits(request: Request, target: Target, body: Json, losses: list[Loss]) -> None:
    profile = target.profile
    wanted = request.body.get("max_tokens")
    most = target.max_output_tokens or profile.default_max_tokens
    if not isinstance(wanted, int) or isinstance(wanted, bool) or wanted < 1:
        wanted = most
    if wanted == TRIAL and profile.reasoning is not ReasoningStyle.NONE:
        losses.append(loss(Lost.TRIAL_LIMIT, "max_tokens", TRIAL, TRIAL_TOKENS))
        wanted = TRIAL_TOKENS
    body[profile.max_tokens_field] = min(wanted, most)
    if wanted > most:
        known = "the model's limit" if target.max_output_tokens else "the default where a model's limit is unknown"
        losses.append(loss(Lost.OUTPUT_LIMIT, "max_tokens", wanted, most, known))
    stops = request.body.get("stop_sequences") or []
    if stops[: profile.stop_limit]:
        body["stop"] = stops[: profile.stop_limit]
    if len(stops) > profile.stop_limit:
        losses.append(loss(Lost.STOP_SEQUENCES, "stop_sequences", target.name, profile.stop_limit, len(stops)))


def _sampling(request: Request, target: Target, body: Json, losses: list[Loss]) -> None:
    for field in ("temperature", "top_p"):
        if request.body.get(field) is not None:
            if target.profile.sampling:
                body[field] = request.body[field]
            else:
                losses.append(loss(Lost.SAMPLING, field, target.name, field))
