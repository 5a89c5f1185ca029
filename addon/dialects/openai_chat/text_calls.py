"""Calls that a model writes as text, read as calls.

In: the text of one reply, in pieces. Out: the same as ``Text``, and for each call that names an offered tool a
``ToolCall`` with its arguments. Everything else stays text, to the byte, also what begins as a call and is none, or was
cut. Only what may still become a call is held. Blanks around a call, where no other text is, belong to it: they would
be a block of their own.

Theory of operation: START (nothing but blanks came), TEXT, CALL (a mark came, a form of ``text_call_forms`` reads on),
AFTER (a call ended, nothing but blanks came). What a form that gives up has read is text; TEXT goes on behind it.
"""

import re
from collections.abc import Callable, Mapping
from enum import Enum, auto
from typing import Any, cast

import orjson

from addon.dialects import ReplyContext
from addon.dialects.openai_chat.text_call_forms import FORMS, Called, Candidate, NoCall, Reading, bare
from addon.dialects.openai_chat.text_marks import Marks
from addon.protocol.deltas import Delta, Text, ToolArguments, ToolCall
from addon.protocol.event_writer import MAX_CALL_CHARACTERS
from addon.protocol.messages import Json

type Form = Callable[[Candidate], Reading[list[Called]]]

MARKS = Marks(*FORMS)
BRACKETS = ("{", "[")
NO_BLANK = re.compile(r"\S")
MOST_BLANKS = 1_000  # that are held; a model that goes on with more is not laying out its text


class State(Enum):
    """Where the text stands."""

    START = auto()
    TEXT = auto()
    CALL = auto()
    AFTER = auto()


class TextCalls:
    """A push parser: ``feed`` text as it arrives, ``interrupt`` where something else is said, ``close`` at the end."""

    __slots__ = ("_at", "_candidate", "_context", "_form", "_held", "_mark", "_size", "_state", "made")

    def __init__(self, context: ReplyContext) -> None:
        """``context`` gives what was offered, and the id to make call ids from."""
        self._context = context
        self._state = State.START
        self._held = ""
        self._at = 0  # how much of that was given away
        self._mark = ""  # of the candidate, and what stands before it
        self._candidate = Candidate("")
        self._form: Reading[list[Called]] = bare(self._candidate)
        self._size = 0  # of the candidate, in characters
        self.made = 0  # calls

    def feed(self, text: str) -> list[Delta]:
        """Return what ``text`` adds."""
        if self._state is State.CALL:
            self._candidate.add(text)
            self._size += len(text)
        else:
            self._held, self._at = self._held[self._at :] + text, 0
        return self._read()

    def interrupt(self) -> list[Delta]:
        """Return what was held: what has not become a call by now is none. Text may go on behind it."""
        deltas: list[Delta] = []
        while self._state is State.CALL:  # another may stand behind the first
            self._candidate.end()
            deltas += self._read()
        held = self._held[self._at :]
        if held.strip():
            self._state = State.TEXT
            deltas.append(Text(held))
            self._held, self._at = "", 0
        return deltas

    def close(self) -> list[Delta]:
        """Return what was held."""
        return self.interrupt()

    def _read(self) -> list[Delta]:
        deltas: list[Delta] = []
        before = None
        while before is not self._state:  # a handler that has moved on leaves the rest to the next
            before = self._state
            deltas += FEEDS[before](self)
        return deltas

    def _start(self) -> list[Delta]:
        held = self._held
        at = len(held) - len(held.lstrip())
        found = MARKS.match(held, at)
        if found:
            self._begin(held[: found.end()], found.end(), FORMS[found[0]])
        elif MARKS.begun(held, at) == at and at <= MOST_BLANKS:
            pass
        elif held.startswith(BRACKETS, at):
            self._begin(held[:at], at, bare)
        else:
            self._state = State.TEXT
        return []

    def _text(self) -> list[Delta]:
        found, at = MARKS.find(self._held, self._at), self._at
        if found:
            self._begin(found[0], found.end(), FORMS[found[0]])
            text = self._held[at : found.start()]
        else:
            self._at = MARKS.begun(self._held, at)
            text = self._held[at : self._at]
        return [Text(text)] if text else []

    def _begin(self, mark: str, at: int, form: Form) -> None:
        self._state = State.CALL
        self._mark = mark
        self._size = len(self._held) - at
        self._candidate = Candidate(self._held, at)
        self._form = form(self._candidate)

    def _call(self) -> list[Delta]:
        calls = self._advance()
        if calls is None:
            return []
        deltas = self._made(calls)
        self._held, self._at = self._candidate.rest
        self._state = State.AFTER if deltas else State.TEXT
        text = self._mark + self._candidate.read
        return deltas or ([Text(text)] if text else [])

    def _advance(self) -> list[Called] | None:
        """Let the form read on. Returns its calls, none where it gives up; None: it needs more."""
        if self._size > MAX_CALL_CHARACTERS:
            return []
        try:
            next(self._form)
        except StopIteration as ended:
            return cast(list[Called], ended.value)
        except NoCall:
            return []
        return None

    def _after(self) -> list[Delta]:
        found = NO_BLANK.search(self._held, self._at)
        self._at = found.start() if found else len(self._held)
        if found:
            self._state = State.TEXT
        return []

    def _made(self, calls: list[Called]) -> list[Delta]:
        """Return the calls, or nothing where one of them is for a tool that nobody offered, or nested beyond reason."""
        offered, names = self._context.offered, self._context.tool_names
        try:
            written = [(call.name, _arguments(call, offered[call.name])) for call in calls]
        except (KeyError, orjson.JSONEncodeError):
            return []
        deltas: list[Delta] = []
        for name, arguments in written:
            self.made += 1
            # keys of the calls on the wire count up from 0, these down from -1
            deltas += (
                ToolCall(-self.made, f"toolu_{self._context.exchange_id}_t{self.made}", names.get(name, name)),
                ToolArguments(-self.made, arguments),
            )
        return deltas


FEEDS: Mapping[State, Callable[[TextCalls], list[Delta]]] = {
    State.START: TextCalls._start,
    State.TEXT: TextCalls._text,
    State.CALL: TextCalls._call,
    State.AFTER: TextCalls._after,
}


def _arguments(call: Called, schema: Mapping[str, Any]) -> str:
    return orjson.dumps(typed(call.arguments, schema) if call.tagged else call.arguments).decode()


# what orjson makes of a JSON type
TYPES: Mapping[str, type | tuple[type, ...]] = {
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "object": dict,
    "array": list,
    "null": type(None),
}


def typed(values: Json, schema: Mapping[str, Any]) -> Json:
    """Turn values that were written as bare text into what ``schema`` asks for; text stays where it may be text."""
    properties = schema.get("properties")
    wanted = properties if isinstance(properties, dict) else {}
    return {key: _value(text, _types(wanted.get(key))) for key, text in values.items()}


def _types(schema: Any) -> set[str]:
    if not isinstance(schema, dict):
        return set()
    told = schema.get("type")
    types = {str(name) for name in told} if isinstance(told, list) else {str(told)}
    return types.union(*(_types(branch) for key in ("anyOf", "oneOf") for branch in schema.get(key) or ()))


def _value(text: str, types: set[str]) -> Any:
    """Source: the parser that Qwen publishes with Qwen3-Coder, which goes by the tool's schema too."""
    literal = text.strip().lower() if "boolean" in types else text
    try:
        value = orjson.loads(literal)
    except orjson.JSONDecodeError:
        return text
    kinds = [TYPES[name] for name in types if name in TYPES]
    fits = any(isinstance(value, kind) for kind in kinds) and (type(value) is not bool or "boolean" in types)
    return value if fits else text
