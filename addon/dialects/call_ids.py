"""The calls of a conversation and their results, paired: which are open, and what their ids are on the wire."""

import hashlib
import sys
from collections.abc import Collection, Iterator

from addon.dialects.profiles import Profile

NO_LIMIT = sys.maxsize
ERROR_MARK = "[tool error]\n"  # where a result has no field for it: the model must see it
NO_RESULT = "[no result: the call was interrupted]"
NO_OUTPUT = "[no output]"


class CallIds:
    """Pairs the calls of one turn with the results of the next.

    A backend refuses a call without its result, a result without its call, and an id that comes twice in a turn. An id
    on the wire is the client's where it fits (``call_id_limit``, ``call_id_length``), else made of it, the same every
    time.
    """

    def __init__(self, profile: Profile) -> None:
        """Start with none."""
        self._profile = profile
        self._wire_ids: dict[str, str] = {}
        limit = NO_LIMIT if profile.call_id_limit is None else profile.call_id_limit
        self._plain_limit = limit if profile.call_id_length is None else 0  # within it an id stays as it is
        self.open: dict[str, str] = {}  # id on the wire of each call without its result -> the client's id, in order

    @property
    def known(self) -> Collection[str]:
        """The client's ids of all calls so far."""
        return self._wire_ids.keys()

    def ask(self, call_id: str) -> str:
        """A call is made: return its id on the wire."""
        if 0 < len(call_id) <= self._plain_limit:  # nearly every one
            wire_id = self._wire_ids[call_id] = call_id
        else:
            wire_id = self.on_wire(call_id)
        if wire_id in self.open:
            wire_id = self._told_apart(call_id)
        self.open[wire_id] = call_id
        return wire_id

    def _told_apart(self, call_id: str) -> str:
        again = 2
        while (wire_id := self.on_wire(f"{call_id}_{again}")) in self.open:
            again += 1
        return wire_id

    def answer(self, call_id: str) -> str:
        """A result comes: return the id of its call on the wire, which is open no more; empty where none is open."""
        if self.open.get(call_id) == call_id:  # nearly every one
            del self.open[call_id]
            return call_id
        wire_id = self.on_wire(call_id)
        if self.open.get(wire_id) != call_id:  # the id came twice in its turn, or there was no such call
            wire_id = next((known for known, asked in self.open.items() if asked == call_id), "")
        if wire_id:
            del self.open[wire_id]
        return wire_id

    def give_up(self) -> Iterator[tuple[str, str]]:
        """Go through the calls that never got a result, (id on the wire, the client's); then none is open."""
        yield from self.open.items()
        self.open.clear()

    def on_wire(self, call_id: str) -> str:
        """Say an id in the form that the target takes, the same way every time."""
        wire_id = self._wire_ids.get(call_id)
        if wire_id is None:
            fits = 0 < len(call_id) <= self._plain_limit
            wire_id = self._wire_ids[call_id] = call_id if fits else self._shape(call_id)
        return wire_id

    def _shape(self, call_id: str) -> str:
        length, limit = self._profile.call_id_length, self._profile.call_id_limit
        if length is None:
            fits = call_id and (limit is None or len(call_id) <= limit)
            return call_id if fits else ("call_" + _digest(call_id))[:limit]
        fits = len(call_id) == length and call_id.isascii() and call_id.isalnum()
        return call_id if fits else _digest(call_id)[:length]


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
