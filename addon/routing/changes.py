"""What a route changes in a request before it is translated: how much thought, the limits, the prompt, the tools.

Pure. Nothing is changed in place, because the client's own request is kept for the reader: only what differs is copied.
The history keeps its order and every turn its place, and what happens to a turn depends on that turn alone, so that the
same history still gives the same leading bytes. Every change is told, and so is a wish that came to nothing.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import translate
from functools import lru_cache
from typing import Any

from addon.dialects.anthropic.history import THINKING_EDIT
from addon.protocol.messages import ATTRIBUTION, Json, Request

OFF = "off"
SHOWN_CHARACTERS = 60  # of a text, where it is told
# effort -> thinking.budget_tokens, for the form of older models: the client's own steps ("think", "megathink", most)
BUDGETS: Mapping[str, int] = {"low": 4_000, "medium": 10_000, "high": 31_999, "xhigh": 31_999, "max": 31_999}
EFFORTS = (OFF, *BUDGETS)  # what a route may ask for
LEAST_BUDGET = 1_024  # Anthropic refuses less (API reference, "create a message", thinking)
PLACEHOLDER_TOOL = "DeferredToolPlaceholder"  # stands for tools not loaded; also in dialects.openai_chat.tools
SEARCH_TOOL = "ToolSearch"  # the client's tool that loads them


@dataclass(frozen=True, slots=True)
class Change:
    """What a route changed, for people. ``path`` is a JSON path of the client's request, ``body.`` of the backend's."""

    path: str
    what: str


@dataclass(frozen=True, slots=True)
class Replacement:
    """``text`` may name groups, as ``re.sub`` has it.

    Raises: ValueError where it names one that is not there. Nothing guards against a pattern that takes exponential
    time (nested repetition): ``re`` cannot be interrupted, and every exchange waits for it.
    """

    pattern: re.Pattern[str]
    text: str

    def __post_init__(self) -> None:
        """Check the text."""
        try:
            self.pattern.sub(self.text, "")
        except (re.error, IndexError) as error:
            raise ValueError(f"the text {self.text!r} for the pattern {self.pattern.pattern!r}: {error}") from None


@dataclass(frozen=True, slots=True)
class Changes:
    """What a route asks for; false when it asks for nothing. See ``apply`` for what each means."""

    effort: str | None = None  # one of EFFORTS
    max_tokens: int | None = None
    temperature: float | None = None
    body: Mapping[str, Any] = field(default_factory=dict)  # for the backend's request: ``dialects.extras``
    append_system: str | None = None
    replacements: tuple[Replacement, ...] = ()
    drop_tools: tuple[str, ...] = ()  # globs, case-sensitive
    inline_tools: bool = False

    def __bool__(self) -> bool:
        """Whether anything is asked for."""
        return self != NOTHING

    @property
    def told(self) -> str:
        """What is asked for, in a few words."""
        asked = {
            "effort": self.effort,
            "max_tokens": self.max_tokens,
            "temperature": self.temperature,
            "body": ", ".join(self.body),
            "system appended": _in_short(self.append_system) if self.append_system else None,
            "replaced": ", ".join(_in_short(each.pattern.pattern) for each in self.replacements),
            "without": ", ".join(self.drop_tools),
        }
        words = [f"{name} {value}" for name, value in asked.items() if value is not None and value != ""]
        return ", ".join([*words, *(["tools inlined"] if self.inline_tools else [])])


def _in_short(text: str) -> str:
    return repr(text if len(text) <= SHOWN_CHARACTERS else text[: SHOWN_CHARACTERS - 3] + "...")


NOTHING = Changes()


def apply(changes: Changes, request: Request) -> tuple[Request, tuple[Change, ...]]:
    """Return the request as the route wants it, and what is different.

    It is the very same request when nothing of it changed. ``changes.body`` is only told: it belongs to the backend's
    request, which is not there yet.
    """
    if not changes:
        return request, ()
    draft = _Draft(dict(request.body))
    if changes.effort == OFF:
        _stop_thinking(draft)
    elif changes.effort is not None:
        _set_effort(draft, changes.effort)
    for name, value in (("max_tokens", changes.max_tokens), ("temperature", changes.temperature)):
        # max_tokens is set and not a cap: a model that reasons would spend the few tokens that the client grants to a
        # title or a verdict on its thoughts. The dialect clamps it to what the model can write.
        if value is not None:
            draft.set(name, value)
    _fit_budget(draft)
    _edit_system(draft, changes)
    if changes.drop_tools:
        _drop_tools(draft, changes.drop_tools)
    if changes.inline_tools:
        _inline_tools(draft)
    told = [Change(path, what) for path, what in _extra(changes.body, "body")]
    if draft.is_changed:
        request = Request(draft.body, request.model, request.stream, draft.body["messages"], request.betas)
    return request, (*draft.told, *told)


class _Draft:
    """A shallow copy of a body under change, and what is told of it."""

    def __init__(self, body: Json) -> None:
        self.body = body
        self.told: list[Change] = []
        self.is_changed = False

    def put(self, name: str, value: object) -> None:
        """Set a field; None takes it out."""
        self.is_changed = True
        if value is None:
            self.body.pop(name, None)
        else:
            self.body[name] = value

    def set(self, name: str, value: object) -> None:
        """Set a plain field, and tell it where that makes a difference."""
        before = self.body.get(name)
        if before != value:
            self.put(name, value)
            self.tell(name, f"set to {value!r}{_was(before)}")

    def tell(self, path: str, what: str) -> None:
        self.told.append(Change(path, what))


def _was(before: object) -> str:
    return "" if before is None else f" (was {before!r})"


# -- how much thought --------------------------------------------------------------------------------------------------


def _stop_thinking(draft: _Draft) -> None:
    """Say that the model shall not think; an effort beside it contradicts that, and some backends refuse it."""
    thinking = draft.body.get("thinking") or {}
    if thinking.get("type") != "disabled":
        draft.put("thinking", {"type": "disabled"})
        draft.tell("thinking", f"disabled{_was(thinking.get('type'))}")
    config = draft.body.get("output_config") or {}
    if "effort" in config:
        draft.put("output_config", {name: value for name, value in config.items() if name != "effort"} or None)
        draft.tell("output_config.effort", f"left out{_was(config['effort'])}")
    _turn_efforts(draft, None)
    context = draft.body.get("context_management")
    edits = context.get("edits") if isinstance(context, dict) else None
    if isinstance(context, dict) and isinstance(edits, list):
        kept = [edit for edit in edits if not (isinstance(edit, dict) and edit.get("type") == THINKING_EDIT)]
        if len(kept) != len(edits):
            draft.put("context_management", {**context, "edits": kept} if kept else None)
            draft.tell("context_management.edits", f"left out: {THINKING_EDIT}, which needs thinking")


def _set_effort(draft: _Draft, effort: str) -> None:
    """Set the effort of a call that thinks, or that names one.

    Any other call, such as the one for a session's title, wants a quick answer, and to most backends an effort is the
    wish to think. So a route for many kinds of calls does not make these slow; one that means them can say "off".
    """
    thinking = draft.body.get("thinking") or {}
    config = draft.body.get("output_config") or {}
    turns = [message.get("output_config") or {} for message in draft.body["messages"]]
    disabled = thinking.get("type") == "disabled"
    if disabled or not (thinking or any(named.get("effort") for named in (config, *turns))):
        why = "disables thinking" if disabled else "does not ask for thinking, and an effort would start it"
        draft.tell("output_config.effort", f"not set to {effort!r}: this call {why}")
        return
    if config.get("effort") != effort:
        draft.put("output_config", {**config, "effort": effort})
        draft.tell("output_config.effort", f"set to {effort!r}{_was(config.get('effort'))}")
    _turn_efforts(draft, effort)
    budget = thinking.get("budget_tokens")
    if budget is not None and budget != BUDGETS[effort]:  # backends of that form follow the number, not the word
        draft.put("thinking", {**thinking, "budget_tokens": BUDGETS[effort]})
        draft.tell("thinking.budget_tokens", f"set to {BUDGETS[effort]}{_was(budget)}")


def _turn_efforts(draft: _Draft, effort: str | None) -> None:
    """Set the effort of every turn that has its own, or take it out: the newest wins over the request's.

    A turn that says nothing else keeps it: empty, it would be refused, and without it the later ones would move up.
    """
    before: dict[str, int] = {}
    turns = []
    for message in draft.body["messages"]:
        config = message.get("output_config") or {}
        old = config.get("effort")
        if old is None or old == effort or (effort is None and len(config) == 1 and not message["content"]):
            turns.append(message)
            continue
        rest = {name: value for name, value in config.items() if name != "effort"}
        new = {**config, "effort": effort} if effort else rest
        turn = {name: value for name, value in message.items() if name != "output_config"}
        turns.append({**turn, "output_config": new} if new else turn)
        before[str(old)] = before.get(str(old), 0) + 1
    if before:
        draft.put("messages", turns)
        told = f"set to {effort!r}" if effort else "left out"
        count = sum(before.values())
        named = ", ".join(repr(word) for word in before)
        draft.tell("messages.*.output_config.effort", f"{told} in {_count(count, 'turn')} (was {named})")


def _fit_budget(draft: _Draft) -> None:
    """Keep the budget for thinking below the limit of the reply, as Anthropic demands."""
    thinking, limit = draft.body.get("thinking") or {}, draft.body.get("max_tokens")
    budget = thinking.get("budget_tokens")
    if not draft.is_changed or not isinstance(budget, int) or not isinstance(limit, int) or budget < limit:
        return
    if limit > LEAST_BUDGET:
        draft.put("thinking", {**thinking, "budget_tokens": limit - 1})
        draft.tell("thinking.budget_tokens", f"lowered to {limit - 1}: it must be less than max_tokens")
    else:
        draft.tell("thinking", f"{limit} tokens leave no room for it")
        _stop_thinking(draft)


# -- the system prompt -------------------------------------------------------------------------------------------------


def _edit_system(draft: _Draft, changes: Changes) -> None:
    """Replace in the system prompt, then append to it. Turns of the role system are history, and stay as they are."""
    if not changes.replacements and not changes.append_system:
        return
    system = draft.body.get("system") or []
    blocks: list[Json] = [{"type": "text", "text": system}] if isinstance(system, str) else list(system)
    before = list(blocks)
    for replacement in changes.replacements:
        hits = 0
        for index, block in enumerate(blocks):
            text = block.get("text")
            if isinstance(text, str) and not text.startswith(ATTRIBUTION):  # no part of the prompt
                replaced, count = replacement.pattern.subn(replacement.text, text)
                if count:
                    blocks[index] = {**block, "text": replaced}
                    hits += count
        told = f"replaced {_count(hits, 'time')}" if hits else "matched nothing"
        draft.tell("system", f"the pattern {replacement.pattern.pattern!r} {told}")
    if changes.append_system:
        blocks.append({"type": "text", "text": changes.append_system})
        draft.tell("system", f"appended {_count(len(changes.append_system), 'character')}")
    if blocks != before:
        full = [block for block in blocks if str(block.get("text", "")).strip()]  # Anthropic refuses empty ones
        draft.put("system", full or None)


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


# -- the tools ---------------------------------------------------------------------------------------------------------


def _drop_tools(draft: _Draft, globs: tuple[str, ...]) -> None:
    """Take tools away. Their calls in the history stay: that is what was done, and the client's turns rest on it."""
    names = [_name(tool) for tool in draft.body.get("tools") or ()]
    is_dropped = _matcher(globs)
    if gone := [name for name in names if is_dropped(name)]:
        _remove_tools(draft, frozenset(gone))
        draft.tell("tools", f"dropped: {', '.join(gone)}")
    for glob in globs if names else ():
        if not any(map(_matcher((glob,)), gone)):
            draft.tell("tools", f"{glob!r} matches no tool of this call")
    # Anthropic refuses a reference to a tool that is not there; the name alone decides, so that the history is stable
    _word_references(draft, lambda name: f"[the tool {name} cannot be called]" if is_dropped(name) else None)


def _name(tool: Json) -> str:
    """A tool's name; a toolset of Anthropic's has its type alone, and a careless client's tool neither."""
    name: str = tool.get("name") or tool.get("type") or ""
    return name


@lru_cache(maxsize=256)  # a configuration holds a handful
def _matcher(globs: tuple[str, ...]) -> Callable[[str], object]:
    return re.compile("|".join(map(translate, globs))).match


def _remove_tools(draft: _Draft, gone: frozenset[str]) -> None:
    """Remove tools by name, and the wish to have one of them called."""
    tools = [tool for tool in draft.body["tools"] if _name(tool) not in gone]
    draft.put("tools", tools or None)
    choice = draft.body.get("tool_choice") or {}
    if choice and not tools:
        draft.put("tool_choice", None)
        draft.tell("tool_choice", "left out: no tool is left")
    elif choice.get("type") == "tool" and choice.get("name") in gone:
        draft.put("tool_choice", {name: value for name, value in choice.items() if name != "name"} | {"type": "auto"})
        draft.tell("tool_choice", f"set to 'auto' (was {choice['name']!r}, which was dropped)")


def _inline_tools(draft: _Draft) -> None:
    """Send the loaded tools like any other, and what was found by searching as text.

    The client sends a tool's definition once it is loaded, and until then a placeholder for all of them. So while
    there is one, the search is the only way to them, and stays; without one there is nothing left to search.
    """
    names = {_name(tool) for tool in draft.body.get("tools") or ()}
    if PLACEHOLDER_TOOL in names:
        _remove_tools(draft, frozenset((PLACEHOLDER_TOOL,)))
        draft.tell(
            "tools",
            "the client has not sent the tools it defers, so these cannot be inlined, "
            f"and {SEARCH_TOOL} stays to load them; start it with ENABLE_TOOL_SEARCH=false, and it sends all",
        )
    elif SEARCH_TOOL in names:
        _remove_tools(draft, frozenset((SEARCH_TOOL,)))
        draft.tell("tools", f"dropped: {SEARCH_TOOL}, every tool is here")
    tools = draft.body.get("tools") or []
    if deferred := [_name(tool) for tool in tools if "defer_loading" in tool]:
        draft.put("tools", [{name: tool[name] for name in tool if name != "defer_loading"} for tool in tools])
        draft.tell("tools", f"inlined: {', '.join(deferred)}")
    _word_references(draft, lambda name: f"[the tool {name} is loaded and can be called]")


def _word_references(draft: _Draft, word: Callable[[str], str | None]) -> None:
    """Say the references to tools in results as text; ``word`` returns None for one that stays."""
    before = draft.body["messages"]
    messages = [_worded_turn(message, word) for message in before]
    if count := sum(new is not old for new, old in zip(messages, before, strict=True)):
        draft.put("messages", messages)
        draft.tell("messages", f"references to tools became text in {_count(count, 'turn')}")


def _worded_turn(message: Json, word: Callable[[str], str | None]) -> Json:
    content = message["content"]
    if not isinstance(content, list):
        return message
    blocks = [_worded_result(block, word) if block["type"] == "tool_result" else block for block in content]
    return message if blocks == content else {**message, "content": blocks}


def _worded_result(result: Json, word: Callable[[str], str | None]) -> Json:
    if not isinstance(result.get("content"), list):
        return result
    inner = []
    for block in result["content"]:
        if block["type"] == "tool_reference" and (text := word(block["tool_name"])):
            rest = {name: value for name, value in block.items() if name != "tool_name"}
            inner.append({**rest, "type": "text", "text": text})
        else:
            inner.append(block)
    return {**result, "content": inner}


# -- the backend's own request -----------------------------------------------------------------------------------------


def _extra(extra: Mapping[str, Any], path: str) -> Iterator[tuple[str, str]]:
    for name, value in extra.items():
        if isinstance(value, Mapping) and value:
            yield from _extra(value, f"{path}.{name}")
        else:
            yield f"{path}.{name}", "left out by the route" if value is None else "set by the route"
