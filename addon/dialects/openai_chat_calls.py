"""The calls of one chat-completions reply, put together from fragments however a backend marks them.

Deviations this reads (docs/protocol.md, "Chat completions replies"): index, id or name of a call missing, repeated or
late; several calls in one chunk; arguments as an object.
"""

from typing import Any

import orjson

from addon.dialects import ReplyContext
from addon.protocol.deltas import Delta, ToolArguments, ToolCall


class Calls:
    """Fragments of one reply's calls, in their order.

    Each call gets a key in the order of its first appearance. A fragment belongs to the call of its id; else to that of
    its index, or the latest where it has none; a new id together with a name starts another. An id that comes under two
    indexes stays with the first. A call whose name is late is held until the name comes.
    """

    __slots__ = ("_by_id", "_by_index", "_calls", "_context", "_latest")

    def __init__(self, context: ReplyContext) -> None:
        """``context`` gives the names to turn back and the id to make call ids from."""
        self._context = context
        self._calls: list[_Call] = []
        self._by_id: dict[str, _Call] = {}
        self._by_index: dict[int, _Call] = {}
        self._latest: _Call | None = None

    def __bool__(self) -> bool:
        """Whether there was any."""
        return bool(self._calls)

    @property
    def nameless(self) -> bool:
        """Whether one of them has no name yet."""
        return any(not call.name for call in self._calls)

    def read(self, fragment: Any, deltas: list[Delta]) -> None:
        """Add what a fragment says to ``deltas``."""
        function = fragment.get("function") or {}
        name, call_id, arguments = function.get("name"), fragment.get("id"), function.get("arguments")
        if not name and not call_id and arguments.__class__ is str:
            known = self._by_index.get(fragment.get("index"))
            if known is not None and known.name:  # the usual fragment: a piece of a call that has begun
                if arguments:
                    deltas.append(ToolArguments(known.key, arguments))
                return
        call = self._call_of(fragment.get("index"), call_id, name)
        if not call.name and name:
            call.name = self._context.tool_names.get(name, name)
            deltas.append(ToolCall(call.key, call.id, call.name))
            if call.held:
                deltas.append(ToolArguments(call.key, call.held))
                call.held = ""
        if arguments:
            piece = arguments if isinstance(arguments, str) else orjson.dumps(arguments).decode()
            if call.name:
                deltas.append(ToolArguments(call.key, piece))
            else:
                call.held += piece

    def _call_of(self, index: Any, call_id: Any, name: Any) -> "_Call":
        known = self._by_index.get(index) if isinstance(index, int) else self._latest
        bearer = self._by_id.get(call_id) if isinstance(call_id, str) else None
        if bearer is not None and (known is not None or index is None):
            return bearer
        another = name and call_id and known and known.wire_id
        unmarked = index is None and name and known and known.name and not call_id
        if known is not None and not another and not unmarked:
            return known
        key = len(self._calls)
        wire_id = call_id if isinstance(call_id, str) and bearer is None else ""
        call = _Call(key, wire_id, wire_id or f"toolu_{self._context.exchange_id}_{key}")
        if wire_id:
            self._by_id[wire_id] = call
        self._calls.append(call)
        self._latest = call
        if isinstance(index, int):
            self._by_index[index] = call
        return call


class _Call:
    """One tool call on its way in."""

    __slots__ = ("held", "id", "key", "name", "wire_id")

    def __init__(self, key: int, wire_id: str, call_id: str) -> None:
        self.key = key
        self.wire_id = wire_id  # as the backend gave it; empty when it gave none
        self.id = call_id
        self.name = ""
        self.held = ""  # arguments that came before the name
