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

import orjson

from addon.dialects import Target
from addon.dialects.losses import Loss, Lost, Refused, loss, refusal
from addon.dialects.openai_chat_messages import Conversation
from addon.dialects.profiles import ReasoningStyle
from addon.protocol.errors import BadRequest
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
    "diagnostics": "Anthropic's cache diagnosis",
    "fallbacks": "the models that Anthropic's server falls back to",
    "speed": "Anthropic's fast mode",
    "service_tier": "Anthropic's service tier",
}

# Claude Code tries a model that the user names with max_tokens 1, and OpenAI's reasoning models refuse with a 400 what
# ends before their first word; docs/protocol.md, "Choosing a model"
TRIAL, TRIAL_TOKENS = 1, 1_024

# thinking.budget_tokens up to -> effort; the client's own levels ("think" 4,000, "megathink" 10,000, 31,999) divide so
BUDGETS: tuple[tuple[int, str], ...] = ((4_096, "low"), (16_384, "medium"))
HIGHEST_BUDGET = "high"
EFFORTS = ("low", "medium", "high", "xhigh", "max")  # ascending


def translate(request: Request, target: Target) -> tuple[Json, tuple[Loss, ...], dict[str, str]]:
    """Return the body, the losses and ``{name on the wire: the client's name}``. Raises: Unsupported."""
    losses: list[Loss] = []
    profile = target.profile
    names = ToolNames()
    schema = _wanted_schema(request)
    conversation = Conversation(target, names.wire)
    conversation.add_system_prompt([*request.system, *_in_words(schema, target)])
    for index, message in enumerate(request.messages):
        conversation.add(index, message)
    body: Json = {"model": target.model, "messages": conversation.close(len(request.messages) - 1)}
    if tools := _tools(request, names, losses):
        body["tools"] = tools
        _tool_choice(request, target, names, body, losses)
    elif request.body.get("tool_choice"):
        losses.append(loss(Lost.TOOL_CHOICE_EMPTY, "tool_choice"))
    _limits(request, target, body, losses)
    _sampling(request, target, body, losses)
    _reasoning(request, target, body, losses)
    _format(schema, target, body, losses)
    if request.stream:
        body["stream"] = True
        if profile.stream_usage:
            body["stream_options"] = {"include_usage": True}
    losses += [_left_behind(field, target) for field in request.body if field not in TRANSLATED]
    return body, (*conversation.losses, *losses), names.shortened


def _left_behind(field: str, target: Target) -> Loss:
    if field in ROUTINE:
        return loss(Lost.ANTHROPICS_OWN, field, ROUTINE[field])
    return loss(Lost.SAFEGUARDS, field) if field == "safeguards" else loss(Lost.UNKNOWN_FIELD, field, target.name)


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
        if (tool.get("type") or "custom") != "custom":
            raise refusal(Refused.TYPED_TOOL, f"tools.{index}", tool["type"])
        schema = tool.get("input_schema") or {}
        if not COMBINATORS.isdisjoint(schema):
            told = ", ".join(key for key in schema if key in COMBINATORS)
            losses.append(
                loss(Lost.TOOL_SCHEMA, f"tools.{index}.input_schema", f"{told} at its top became plain properties")
            )
            schema = flattened(schema)
        if "$schema" in schema:
            schema = schema.copy()
            del schema["$schema"]
        if schema.get("type") != "object" or "properties" not in schema:
            schema = {"properties": {}, **schema, "type": "object"}
        function: Json = {"name": names.wire(tool["name"]), "parameters": schema}
        if tool.get("description"):
            function["description"] = tool["description"]
        tools.append({"type": "function", "function": function})
        if not TOOL_FIELDS.issuperset(tool):
            unknown = [field for field in tool if field not in TOOL_FIELDS]
            losses += [loss(Lost.TOOL_FIELD, f"tools.{index}.{field}") for field in unknown]
    return tools


def flattened(schema: Json) -> Json:
    """Return a tool's schema without alternatives at its top, which OpenAI refuses (schemas of MCP servers have them).

    The properties of all alternatives are offered; required is what the schema itself and "allOf" require.
    """
    plain = {key: value for key, value in schema.items() if key not in COMBINATORS}
    properties: Json = {}
    required: list[Any] = []
    for key, holders in (("", [schema]), *((key, schema.get(key)) for key in ("allOf", "anyOf", "oneOf"))):
        for holder in holders if isinstance(holders, list) else ():
            if isinstance(holder, dict) and isinstance(holder.get("properties"), dict):
                properties = {**holder["properties"], **properties}
            if isinstance(holder, dict) and isinstance(holder.get("required"), list) and key in ("", "allOf"):
                required += [name for name in holder["required"] if name not in required]
    return {**plain, "properties": properties, **({"required": required} if required else {})}


COMBINATORS = frozenset(("allOf", "anyOf", "oneOf", "enum", "not"))

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
        case "auto" | "none" as word:
            body["tool_choice"] = word
        case "any" if profile.required_choice:
            body["tool_choice"] = profile.required_choice
        case "tool" if profile.named_choice:
            body["tool_choice"] = {"type": "function", "function": {"name": _chosen(choice, names, body)}}
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
    on_wire = names.wire(name)
    if all(tool["function"]["name"] != on_wire for tool in body["tools"]):
        raise BadRequest(f"tool_choice: Tool '{name}' not found in provided tools")
    return on_wire


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


def _reasoning(request: Request, target: Target, body: Json, losses: list[Loss]) -> None:
    """Map thinking and effort to the target's knob."""
    thinking = request.body.get("thinking") or {}
    path, effort = _wanted_effort(request)
    budget = thinking.get("budget_tokens")
    if effort is None and thinking.get("type") == "enabled" and isinstance(budget, int):
        effort = next((word for most, word in BUDGETS if budget <= most), HIGHEST_BUDGET)
        losses.append(loss(Lost.THINKING_BUDGET, "thinking.budget_tokens", budget, effort))
    off = thinking.get("type") == "disabled"
    if effort is None and not thinking:
        return
    if target.profile.reasoning is ReasoningStyle.NONE:
        if not off:
            losses.append(loss(Lost.THINKING_KNOB, "thinking" if thinking else path, target.name))
        return
    if effort is not None and effort not in EFFORTS:
        losses.append(loss(Lost.EFFORT_UNKNOWN, path, effort))
    word = target.profile.effort_off if off else _effort(effort, target)
    body.update(KNOBS[target.profile.reasoning](off, word))


def _wanted_effort(request: Request) -> tuple[str, object]:
    """Where the effort is set, and to what; the newest turn's own wins over the request's."""
    messages = request.messages
    for index in range(len(messages) - 1, -1, -1):
        if (turn := messages[index].get("output_config")) and turn.get("effort"):
            return f"messages.{index}.output_config.effort", turn["effort"]
    return "output_config.effort", (request.body.get("output_config") or {}).get("effort")


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


def _wanted_schema(request: Request) -> Json | None:
    """The schema that the reply must have, where one is asked for. Raises: Unsupported."""
    wanted = (request.body.get("output_config") or {}).get("format")
    if wanted is None:
        return None
    schema = wanted.get("schema") if isinstance(wanted, dict) and wanted.get("type") == "json_schema" else None
    if not isinstance(schema, dict):
        raise refusal(Refused.OUTPUT_FORMAT, "output_config.format")
    return schema


def _in_words(schema: Json | None, target: Target) -> list[Json]:
    """Tell the model the schema where the backend cannot be told; its plain JSON mode also demands the word JSON."""
    if schema is None or target.profile.json_schema:
        return []
    return [{"type": "text", "text": f"Answer with one JSON object of this schema: {orjson.dumps(schema).decode()}"}]


def _format(schema: Json | None, target: Target, body: Json, losses: list[Loss]) -> None:
    if schema is None:
        return
    if target.profile.json_schema:
        strict = schema.get("type") == "object" and "anyOf" not in schema and is_strict(schema)
        body["response_format"] = {
            "type": "json_schema",
            "json_schema": {"name": "output", "schema": schema, "strict": strict},
        }
    else:
        body["response_format"] = {"type": "json_object"}
        losses.append(loss(Lost.SCHEMA_IN_WORDS, "output_config.format.schema", f"{target.name} promises JSON"))


# OpenAI structured outputs guide, "unsupported keywords"
STRICT_REFUSED = frozenset(("allOf", "not", "oneOf", "dependentRequired", "dependentSchemas", "if", "then", "else"))


def is_strict(schema: Any) -> bool:
    """Whether OpenAI's strict mode takes every part of the schema: objects closed, each property required."""
    if isinstance(schema, list):
        return all(is_strict(item) for item in schema)
    if not isinstance(schema, dict):
        return True
    if not STRICT_REFUSED.isdisjoint(schema):
        return False
    properties = schema.get("properties")
    if schema.get("type") == "object" or properties is not None:
        if schema.get("additionalProperties") is not False:
            return False
        if set(properties or ()) != set(schema.get("required") or ()):
            return False
    return all(is_strict(value) for value in schema.values())
