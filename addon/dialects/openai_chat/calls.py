"""The calls of one chat-completions reply, put together from fragments however a backend marks them.

Deviations this reads (docs/protocol.md, "Chat completions replies"): index, id or name of a call missing, repeated or
late; several calls in one chunk; arguments in the forms of ``tool_arguments``, as an object, or none; OpenAI's internal
wrapper around parallel calls; what Gemini wants back with a call.
"""

from typing import Any

import orjson

from addon.dialects import ReplyContext
from addon.dialects.openai_chat.echo import CALLS
from addon.dialects.openai_chat.tool_arguments import Arguments
from addon.dialects.profiles import Echo
from addon.protocol.deltas import Carry, Delta, ToolArguments, ToolCall, Unread
from addon.protocol.errors import MalformedReply
from addon.protocol.event_writer import MAX_CALL_CHARACTERS

# Tools of OpenAI's own that its models sometimes call although nobody offered them. Source: AI SDK, @ai-sdk/openai
# 3.0.141, which expands them too
WRAPPERS = frozenset(("parallel", "multi_tool_use.parallel"))
WRAPPED = "functions."  # stands before the name of each call inside
BEGINNINGS = ("{", "[", '"{', '""', "null")  # arguments that begin otherwise are a piece from the middle of a call's


class Calls:
    """Fragments of one reply's calls, in their order; ``close`` at its end.

    Each call gets a key in the order of its first appearance. A fragment is for the call of its index, or the latest
    where it has none, unless it bears another call's id. With a name, and arguments that may be a call's first, it
    begins another call where id or name differ, or the call so far is whole. An id that was given away already, in this
    reply or in an earlier turn, is replaced by one of ours: the client would forget the call and its result. A call
    whose name is late is held until the name comes.
    """

    __slots__ = ("_by_id", "_by_index", "_calls", "_context", "_latest", "_signed")

    def __init__(self, context: ReplyContext) -> None:
        """``context`` gives the names to turn back, the names that were offered, and the id to make call ids from."""
        self._context = context
        self._signed = context.target.profile.reasoning_echo is Echo.CALL_SIGNATURES
        self._calls: list[_Call] = []
        self._by_id: dict[str, _Call] = {}
        self._by_index: dict[int | str, _Call] = {}
        self._latest: _Call | None = None

    def __bool__(self) -> bool:
        """Whether there was any."""
        return bool(self._calls)

    @property
    def nameless(self) -> bool:
        """Whether one of them has no name yet."""
        return any(not call.name for call in self._calls)

    def read(self, fragments: Any, deltas: list[Delta]) -> None:
        """Add to ``deltas`` what the fragments of one chunk say. Raises: MalformedReply where too much is held."""
        beside = False
        for fragment in fragments:
            function = fragment.get("function") or {}
            name, call_id, arguments = function.get("name"), fragment.get("id"), function.get("arguments")
            if not name and not call_id and arguments.__class__ is str and "extra_content" not in fragment:
                known = self._by_index.get(fragment.get("index"))
                if known is not None and known.plain:  # the usual fragment: a piece of a call that has begun
                    if arguments:
                        deltas.append(ToolArguments(known.key, arguments))
                    continue
            name = name if isinstance(name, str) else ""
            call = self._call_of(fragment, name, arguments, beside=beside)
            if extra := fragment.get("extra_content"):
                deltas.append(Carry(CALLS, {call.id: extra}) if self._signed else Unread("tool_calls.extra_content"))
            self._add(call, name, arguments, deltas)
            beside = True

    def close(self) -> list[Delta]:
        """Return what was held to the end."""
        deltas: list[Delta] = []
        for call in self._calls:
            self._say(call, call.arguments.close(), deltas)
        key = len(self._calls)
        for call in self._calls:
            if call.wrapper:
                inner = unwrapped("".join(call.held)) or [(call.name, "".join(call.held))]
                for number, (name, arguments) in enumerate(inner):
                    call_id = f"{call.id}_{number}" if len(inner) > 1 else call.id
                    deltas.append(ToolCall(key, call_id, self._context.tool_names.get(name, name)))
                    if arguments:
                        deltas.append(ToolArguments(key, arguments))
                    key += 1
        return deltas

    def _add(self, call: "_Call", name: str, arguments: Any, deltas: list[Delta]) -> None:
        if not call.name and name:
            call.name = name
            call.wrapper = name in WRAPPERS and name not in self._context.offered
            if not call.wrapper:
                deltas.append(ToolCall(call.key, call.id, self._context.tool_names.get(name, name)))
                held, call.held = call.held, []
                self._say(call, "".join(held), deltas)
        if arguments:
            self._say(call, call.arguments.feed(_text(arguments)), deltas)
            if call.held_characters > MAX_CALL_CHARACTERS:
                raise MalformedReply(f"A tool call has arguments of more than {MAX_CALL_CHARACTERS} characters.")
        call.plain = not name and call.told and call.arguments.plain

    def _say(self, call: "_Call", text: str, deltas: list[Delta]) -> None:
        if text and call.told:
            deltas.append(ToolArguments(call.key, text))
        elif text:
            call.held.append(text)
            call.held_characters += len(text)

    def _call_of(self, fragment: Any, name: str, arguments: Any, *, beside: bool) -> "_Call":
        """Return the call that a fragment is for. ``beside``: another fragment of the same chunk went before."""
        index, call_id = fragment.get("index"), fragment.get("id")
        call_id = call_id if isinstance(call_id, str) else ""
        known = self._latest if index is None else self._by_index.get(index)
        if known is None and not name and not call_id and self._latest not in self._by_index.values():
            known = self._latest  # which began without an index
        if known is not None and call_id and call_id != known.said_id:
            known = self._by_id.get(call_id, known)
        if known is None or _begins_another(known, call_id, name, arguments, beside=beside):
            known = self._begin(call_id)
        elif not known.said_id:
            known.said_id = call_id  # too late to be given away, but later fragments may bear it
            self._by_id.setdefault(call_id, known)
        self._latest = known
        if index is not None:
            self._by_index[index] = known
        return known

    def _begin(self, call_id: str) -> "_Call":
        key = len(self._calls)
        known = not call_id or call_id in self._by_id or call_id in self._context.call_ids
        call = _Call(key, call_id, f"toolu_{self._context.exchange_id}_{key}" if known else call_id)
        self._by_id[call_id] = call
        self._calls.append(call)
        return call


class _Call:
    """One tool call on its way in."""

    __slots__ = ("arguments", "held", "held_characters", "id", "key", "name", "plain", "said_id", "wrapper")

    def __init__(self, key: int, said_id: str, call_id: str) -> None:
        self.key = key
        self.said_id = said_id  # as the backend gave it; empty when it gave none
        self.id = call_id  # as the client is told
        self.name = ""  # as the backend gave it
        self.arguments = Arguments()
        self.held: list[str] = []  # arguments that came before the name, or are a wrapper's
        self.held_characters = 0
        self.wrapper = False
        self.plain = False  # arguments go on as they come, and what goes on bears no name

    @property
    def told(self) -> bool:
        """Whether the client knows of the call."""
        return bool(self.name) and not self.wrapper


def _begins_another(call: _Call, call_id: str, name: str, arguments: Any, *, beside: bool) -> bool:
    """Say whether a fragment that seems to be for ``call`` is the first of another."""
    text = _text(arguments).lstrip() if arguments else ""
    if not name or not call.name or (text and not text.startswith(BEGINNINGS)):
        return False
    if name != call.name or (call_id and call.said_id and call_id != call.said_id):
        return True
    if beside and not call_id:
        return True
    return text.startswith("{") and (call.plain or call.arguments.complete) and not call.arguments.repeats(text)


def _text(arguments: Any) -> str:
    return arguments if isinstance(arguments, str) else orjson.dumps(arguments).decode()


def unwrapped(text: str) -> list[tuple[str, str]]:
    """Return name and arguments of each call in a wrapper's arguments; none where it does not hold just such."""
    try:
        uses = orjson.loads(text).get("tool_uses")
        calls = [(use["recipient_name"].removeprefix(WRAPPED), use.get("parameters") or {}) for use in uses]
    except (orjson.JSONDecodeError, AttributeError, TypeError, KeyError):
        return []
    return [(name, _text(parameters)) for name, parameters in calls] if all(name for name, _ in calls) else []
