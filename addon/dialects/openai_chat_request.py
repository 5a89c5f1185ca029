"""A Messages request said as a chat-completions request.

In: a checked request and the target. Out: the body as a dict, what was lost or changed, and the tool names that had to
be shortened. Everything is built anew and every field that is read is named here, so nothing of Anthropic's vocabulary
can leak; a field that nobody names is a loss. The same history always gives the same leading messages, so that the
backend's prompt cache holds. Source: OpenAI API reference, "create chat completion".
"""

import hashlib
import re
from collections.abc import Callable, Mapping
from typing import Any

from addon.dialects import Loss, Target
from addon.dialects.openai_chat_messages import Conversation
from addon.dialects.profiles import ReasoningStyle
from addon.protocol.errors import Unsupported
from addon.protocol.messages import Json, Request

PLACEHOLDER_TOOL = "DeferredToolPlaceholder"  # stands for tools the client has not loaded; nothing to call
TOOL_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")  # OpenAI's rule for function names
TOOL_NAME_LENGTH = 64
NAME_HASH_LENGTH = 8

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
    "safeguards": "checks that Anthropic's server makes",
    "diagnostics": "Anthropic's cache diagnosis",
    "speed": "Anthropic's fast mode",
    "service_tier": "Anthropic's service tier",
}

# thinking.budget_tokens up to -> effort; the client's own levels ("think" 4,000, "megathink" 10,000, 31,999) divide so
BUDGETS: tuple[tuple[int, str], ...] = ((4_096, "low"), (16_384, "medium"), (1 << 62, "high"))
EFFORTS = ("low", "medium", "high", "xhigh", "max")  # ascending


def translate(request: Request, target: Target) -> tuple[Json, tuple[Loss, ...], dict[str, str]]:
    """Return the body, the losses and ``{name on the wire: the client's name}``. Raises: Unsupported."""
    losses: list[Loss] = []
    profile = target.profile
    names = ToolNames()
    conversation = Conversation(target, names.wire)
    conversation.add_system_prompt(request.system)
    for index, message in enumerate(request.messages):
        conversation.add(index, message)
    body: Json = {"model": target.model, "messages": conversation.messages}
    if tools := _tools(request, names, losses):
        body["tools"] = tools
        _tool_choice(request, target, names, body, losses)
    _limits(request, target, body, losses)
    _sampling(request, target, body, losses)
    _reasoning(request, target, body, losses)
    _format(request, target, body, losses)
    if request.stream:
        body["stream"] = True
        if profile.stream_usage:
            body["stream_options"] = {"include_usage": True}
    for field in request.body:
        if field not in TRANSLATED:
            why = ROUTINE.get(field)
            losses.append(Loss(field, why or f"{target.name} knows no such field", routine=why is not None))
    return body, (*conversation.losses, *losses), names.shortened


class ToolNames:
    """Tool names as OpenAI allows them; a name that it does not allow is shortened the same way every time."""

    def __init__(self) -> None:
        """Start with no name seen."""
        self.shortened: dict[str, str] = {}
        self._seen: dict[str, str] = {}

    def wire(self, name: str) -> str:
        """Return the name for the wire."""
        wire = self._seen.get(name)
        if wire is None:
            wire = self._seen[name] = name if TOOL_NAME.fullmatch(name) else self._shorten(name)
        return wire

    def _shorten(self, name: str) -> str:
        digest = hashlib.sha256(name.encode("utf-8", "replace")).hexdigest()[:NAME_HASH_LENGTH]
        clean = re.sub(r"[^a-zA-Z0-9_-]", "_", name)[: TOOL_NAME_LENGTH - NAME_HASH_LENGTH - 1]
        short = f"{clean}_{digest}"
        self.shortened[short] = name
        return short


def _tools(request: Request, names: ToolNames, losses: list[Loss]) -> list[Json]:
    tools: list[Json] = []
    for index, tool in enumerate(request.tools):
        if tool["name"] == PLACEHOLDER_TOOL:
            continue
        if tool.get("type", "custom") != "custom":
            raise Unsupported(
                f"tools.{index}",
                f'the tool "{tool["type"]}" runs on Anthropic\'s servers',
                "Leave this call on Anthropic, or answer without the tool.",
            )
        schema = {key: value for key, value in (tool.get("input_schema") or {}).items() if key != "$schema"}
        if schema.get("type") != "object":
            schema = {"type": "object", "properties": {}, **schema}
        function: Json = {"name": names.wire(tool["name"]), "parameters": schema}
        if tool.get("description"):
            function["description"] = tool["description"]
        tools.append({"type": "function", "function": function})
        losses += [
            Loss(f"tools.{index}.{field}", "a tool's field without a counterpart")
            for field in tool
            if field not in TOOL_FIELDS
        ]
    return tools


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


def _tool_choice(request: Request, target: Target, names: ToolNames, body: Json, losses: list[Loss]) -> None:
    choice = request.body.get("tool_choice") or {}
    profile = target.profile
    match choice.get("type"):
        case None:
            pass
        case "auto":
            body["tool_choice"] = "auto"
        case "none":
            body["tool_choice"] = "none"
        case "any" if profile.required_choice:
            body["tool_choice"] = profile.required_choice
        case "tool" if profile.named_choice and isinstance(choice.get("name"), str):
            body["tool_choice"] = {"type": "function", "function": {"name": names.wire(choice["name"])}}
        case other:
            losses.append(Loss("tool_choice", f'{target.name} has no tool choice "{other}"; the model chooses'))
    if choice.get("disable_parallel_tool_use"):
        if profile.parallel_switch:
            body["parallel_tool_calls"] = False
        else:
            losses.append(Loss("tool_choice.disable_parallel_tool_use", f"{target.name} has no such switch"))


def _limits(request: Request, target: Target, body: Json, losses: list[Loss]) -> None:
    profile = target.profile
    wanted = request.body.get("max_tokens")
    most = target.max_output_tokens or profile.default_max_tokens
    if not isinstance(wanted, int) or isinstance(wanted, bool) or wanted < 1:
        wanted = most
    body[profile.max_tokens_field] = min(wanted, most)
    if wanted > most:
        known = "the model's limit" if target.max_output_tokens else "the default where a model's limit is unknown"
        losses.append(Loss("max_tokens", f"{wanted} became {most}, {known}", routine=True))
    stops = request.body.get("stop_sequences") or []
    if stops[: profile.stop_limit]:
        body["stop"] = stops[: profile.stop_limit]
    if len(stops) > profile.stop_limit:
        losses.append(Loss("stop_sequences", f"{target.name} takes {profile.stop_limit} of the {len(stops)}"))


def _sampling(request: Request, target: Target, body: Json, losses: list[Loss]) -> None:
    for field in ("temperature", "top_p"):
        if request.body.get(field) is not None:
            if target.profile.sampling:
                body[field] = request.body[field]
            else:
                losses.append(Loss(field, f"{target.name} takes no {field}"))


def _reasoning(request: Request, target: Target, body: Json, losses: list[Loss]) -> None:
    """Map thinking and effort to the target's knob. The newest turn's own effort wins over the request's."""
    thinking = request.body.get("thinking") or {}
    effort = (request.body.get("output_config") or {}).get("effort")
    for message in reversed(request.messages):
        if (turn := message.get("output_config")) and turn.get("effort"):
            effort = turn["effort"]
            break
    budget = thinking.get("budget_tokens")
    if effort is None and thinking.get("type") == "enabled" and isinstance(budget, int):
        effort = next(word for most, word in BUDGETS if budget <= most)
        losses.append(Loss("thinking.budget_tokens", f'{budget} became the effort "{effort}"', routine=True))
    off = thinking.get("type") == "disabled"
    if effort is None and not thinking:
        return
    if target.profile.reasoning is ReasoningStyle.NONE:
        if not off:
            losses.append(Loss("thinking", f"{target.name} has no knob for it", routine=True))
        return
    word = target.profile.effort_off if off else _effort(effort, target)
    body.update(KNOBS[target.profile.reasoning](off, word))


def _effort(effort: object, target: Target) -> str | None:
    """The highest word that the target knows up to ``effort``; its lowest when it knows none."""
    if effort not in EFFORTS:
        return None
    known = target.profile.efforts
    reachable = [word for word in known if EFFORTS.index(word) <= EFFORTS.index(effort)]
    return reachable[-1] if reachable else known[0]


# style -> (off, word of effort or None) -> fields of the body
KNOBS: Mapping[ReasoningStyle, Callable[[bool, str | None], Json]] = {
    ReasoningStyle.EFFORT: lambda _, word: {"reasoning_effort": word} if word else {},
    ReasoningStyle.OPENROUTER: lambda off, word: {
        "reasoning": {"enabled": False} if off else {"effort": word or "medium"}
    },
    ReasoningStyle.TOGGLE: lambda off, _: {"thinking": {"type": "disabled" if off else "enabled"}},
    ReasoningStyle.TOGGLE_AND_EFFORT: lambda off, word: (
        {"thinking": {"type": "disabled"}}
        if off
        else {"thinking": {"type": "enabled"}, **({"reasoning_effort": word} if word else {})}
    ),
    ReasoningStyle.ENABLE_THINKING: lambda off, _: {"enable_thinking": not off},
    ReasoningStyle.TEMPLATE: lambda off, _: {"chat_template_kwargs": {"enable_thinking": not off}},
}


def _format(request: Request, target: Target, body: Json, losses: list[Loss]) -> None:
    wanted = (request.body.get("output_config") or {}).get("format")
    if wanted is None:
        return
    schema = wanted.get("schema") if isinstance(wanted, dict) and wanted.get("type") == "json_schema" else None
    if not isinstance(schema, dict):
        raise Unsupported("output_config.format", "this form of structured output is unknown", "Use a JSON schema.")
    if target.profile.json_schema:
        body["response_format"] = {
            "type": "json_schema",
            "json_schema": {"name": "output", "schema": schema, "strict": is_strict(schema)},
        }
    else:
        body["response_format"] = {"type": "json_object"}
        losses.append(Loss("output_config.format.schema", f"{target.name} promises JSON, but not this schema"))


def is_strict(schema: Any) -> bool:
    """Whether OpenAI's strict mode takes the schema: every object closed, every property required."""
    if isinstance(schema, list):
        return all(is_strict(item) for item in schema)
    if not isinstance(schema, dict):
        return True
    properties = schema.get("properties")
    if schema.get("type") == "object" or properties is not None:
        if schema.get("additionalProperties") is not False:
            return False
        if set(properties or ()) != set(schema.get("required") or ()):
            return False
    return all(is_strict(value) for value in schema.values())
