"""The function calls of one response, each put together from the events that tell of it.

A call is named when its item is added, its arguments come in pieces, and the whole of them is told again when they are
done and when the item is; some servers send only the last, or only one piece. OpenAI's models sometimes call a wrapper
around parallel calls that nobody offered them: it is opened at the end.
Source: OpenAI API reference, "streaming events", function_call_arguments.
"""

from collections.abc import Mapping
from typing import Any

import orjson

from addon.dialects import ReplyContext
from addon.dialects.openai_chat.calls import WRAPPERS, unwrapped
from addon.protocol.deltas import Delta, ToolArguments, ToolCall
from addon.protocol.errors import MalformedReply
from addon.protocol.event_writer import MAX_CALL_CHARACTERS


class Call:
    """One call on its way in."""

    __slots__ = ("_held", "_pieces", "_size", "id", "key", "name")

    def __init__(self, key: int) -> None:
        """``key`` numbers it within its reply."""
        self.key = key
        self.id = ""  # as the client is told
        self.name = ""  # as the backend gave it; until then nothing is told
        self._pieces: list[str] = []  # of the arguments, as far as they came
        self._held = False  # nothing is told before the end: a wrapper
        self._size = 0

    @property
    def arguments(self) -> str:
        """The arguments so far."""
        return "".join(self._pieces)

    @property
    def wraps(self) -> bool:
        """Whether it is a wrapper around others."""
        return self._held

    def begin(self, name: str, call_id: str, context: ReplyContext, deltas: list[Delta]) -> None:
        """Take its name and id, and tell what came before them."""
        self.name, self.id = name, call_id
        self._held = name in WRAPPERS and name not in context.offered
        if not self._held:
            deltas.append(ToolCall(self.key, call_id, context.tool_names.get(name, name)))
            self._tell(self.arguments, deltas)

    def add(self, piece: str, deltas: list[Delta]) -> None:
        """Take a piece of its arguments. Raises: MalformedReply when too much is held."""
        self._pieces.append(piece)
        self._size += len(piece)
        if self._size > MAX_CALL_CHARACTERS:
            raise MalformedReply(f"A tool call has arguments of more than {MAX_CALL_CHARACTERS} characters.")
        if self.name:
            self._tell(piece, deltas)

    def complete(self, arguments: Any, deltas: list[Delta]) -> None:
        """Take all of its arguments, and tell what of them was not told; what contradicts the pieces is passed over."""
        whole = arguments if isinstance(arguments, str) else orjson.dumps(arguments).decode()
        so_far = self.arguments
        if len(whole) > len(so_far) and whole.startswith(so_far):
            self.add(whole.removeprefix(so_far), deltas)

    def _tell(self, text: str, deltas: list[Delta]) -> None:
        if text and not self._held:
            deltas.append(ToolArguments(self.key, text))


class Calls:
    """All calls of one reply, in the order of their first event."""

    __slots__ = ("_calls", "_context", "_ids")

    def __init__(self, context: ReplyContext) -> None:
        """``context`` gives the names to turn back, the names that were offered, and the id to make call ids from."""
        self._context = context
        self._calls: list[Call] = []
        self._ids: set[str] = set()

    def __bool__(self) -> bool:
        """Whether there was any."""
        return bool(self._calls)

    @property
    def nameless(self) -> bool:
        """Whether one of them has no name."""
        return any(not call.name for call in self._calls)

    def new(self) -> Call:
        """Return a call that begins."""
        self._calls.append(Call(len(self._calls)))
        return self._calls[-1]

    def read(self, call: Call, item: Mapping[str, Any], deltas: list[Delta], *, done: bool) -> None:
        """Read the item of a call. The arguments of one that is only added may be a stand-in (``{}``)."""
        name = item.get("name")
        if not call.name and isinstance(name, str) and name:
            call.begin(name, self._id(call, item.get("call_id") or item.get("id")), self._context, deltas)
        if done and item.get("arguments"):
            call.complete(item["arguments"], deltas)

    def _id(self, call: Call, told: Any) -> str:
        """The client takes no id twice in a session: one that is missing or was given away is replaced."""
        known = not isinstance(told, str) or not told or told in self._ids or told in self._context.call_ids
        call_id = f"toolu_{self._context.exchange_id}_{call.key}" if known else str(told)
        self._ids.add(call_id)
        return call_id

    def close(self) -> list[Delta]:
        """Return what the wrappers hold."""
        deltas: list[Delta] = []
        key = len(self._calls)
        for call in self._calls:
            if call.wraps:
                inner = unwrapped(call.arguments) or [(call.name, call.arguments)]
                for number, (name, arguments) in enumerate(inner):
                    call_id = f"{call.id}_{number}" if len(inner) > 1 else call.id
                    deltas.append(ToolCall(key, call_id, self._context.tool_names.get(name, name)))
                    if arguments:
                        deltas.append(ToolArguments(key, arguments))
                    key += 1
        return deltas
