"""Gemini's thought signatures, and the calls of its own tools: out of a reply, and back onto the same parts.

Gemini signs parts of any kind: a text, an empty text, a call. Each signature must come back on the part that it came
on; Gemini 3 and later answer 400 to a call of the current turn whose step has none. What its own tools did
(``toolCall``, ``toolResponse``) must come back where it stood. All of it travels in the signature of a thinking block
(``deltas.Carry``), under three keys:

    calls      {id of a call: signature}
    marks      [[start, length, fields], ...] of the text block before the thinking block, in characters: the fields
               are those of the part that held this piece of the text, and of none where the length is 0
    thoughts   the same of the thinking block's own words

Only the very model of the very provider gets them back. A client may leave out thinking (it clears old thinking, and
drops all of it where a signature is refused), and nothing else in a turn could hold them: an id of a call has a
thousand characters of signature no place for. Such a step is told as those of other models are: its first call bears
``UNSIGNED``, which Gemini takes. So is every step without a signature, not only those of the current turn: what was
said once stays as it was, and the prompt cache holds.
Source: ai.google.dev, "Thought signatures"; google-gemini/gemini-cli sends the same words for calls it did not make.
"""

from collections.abc import Iterable, Mapping
from typing import Any, TypeGuard

from addon.dialects import Target
from addon.protocol import signature
from addon.protocol.deltas import Carry
from addon.protocol.event_shapes import UNSHOWN
from addon.protocol.messages import Json

CALLS, MARKS, THOUGHTS = "calls", "marks", "thoughts"
SIGNATURE = "thoughtSignature"
UNSIGNED = "skip_thought_signature_validator"
SERVED = ("toolCall", "toolResponse")
MARK_LENGTH = 3


class Marks:
    """The reply's half: places of what must come back. Each verb is told what was read, and returns what to carry.

    What is said goes before the carried, but for a call: that goes behind it.
    """

    __slots__ = ("_text", "_thought")

    def __init__(self) -> None:
        """Start with nothing said."""
        self._text = self._thought = 0  # characters of the text, and of the thought, that is open

    def text(self, text: str, signed: str) -> list[Carry]:
        """Read a piece of text."""
        start, self._text, self._thought = self._text, self._text + len(text), 0
        return [Carry(MARKS, [[start, len(text), {SIGNATURE: signed}]])] if signed else []

    def thought(self, text: str, signed: str) -> list[Carry]:
        """Read a piece of thinking."""
        start, self._thought, self._text = self._thought, self._thought + len(text), 0
        return [Carry(THOUGHTS, [[start, len(text), {SIGNATURE: signed}]])] if signed else []

    def call(self, call_id: str, signed: str) -> list[Carry]:
        """Read a call."""
        self._text = self._thought = 0
        return [Carry(CALLS, {call_id: signed})] if signed else []

    def served(self, part: Json) -> list[Carry]:
        """Read what one of Gemini's own tools did."""
        return [Carry(MARKS, [[self._text, 0, part]])]


class Recalled:
    """The request's half: what one thinking block of an earlier turn brings back."""

    __slots__ = ("_state", "stranger", "thinking")

    def __init__(self, block: Json, target: Target) -> None:
        """``stranger`` is whose it is, where it is not the target's own."""
        seal = signature.unseal(block.get("signature"))
        is_own = seal is not None and seal.origin == target.name
        self.stranger: str | None = None if is_own else seal.origin if seal is not None else "an earlier turn"
        self._state: Mapping[str, Any] = seal.state if seal is not None and is_own else {}
        self.thinking = str(block.get("thinking") or self._state.get(UNSHOWN) or "")

    @property
    def calls(self) -> Mapping[str, str]:
        """The signature of each call, by the client's id."""
        calls = self._state.get(CALLS)
        return {key: value for key, value in calls.items() if isinstance(value, str)} if isinstance(calls, dict) else {}

    @property
    def marks(self) -> list[Any]:
        """The marks of the text before."""
        marks = self._state.get(MARKS)
        return marks if isinstance(marks, list) else []

    @property
    def thoughts(self) -> list[Json]:
        """The thinking itself, where a signature came on it; else it does not go back: Gemini wants none."""
        marks = self._state.get(THOUGHTS)
        if not isinstance(marks, list):
            return []
        return [{**part, "thought": True} if "text" in part else part for part in placed(self.thinking, marks)]


def placed(text: str, marks: Iterable[Any]) -> list[Json]:
    """Return a text as the parts that it was, with the fields of each; no part is empty that has none.

    Marks that do not fit the text (the client changed it) keep their fields, on an empty part behind it.
    """
    parts: list[Json] = []
    at = 0
    for mark in marks:
        start, length, fields = mark if isinstance(mark, list) and len(mark) == MARK_LENGTH else (0, 0, None)
        if not _is_ours(fields) or not isinstance(start, int) or not isinstance(length, int):
            continue
        if not at <= start <= start + length <= len(text):
            start, length = len(text), 0
        if text[at:start]:
            parts.append({"text": text[at:start]})
        at = start + length
        parts.append({"text": text[start:at], **fields} if fields.keys() == {SIGNATURE} else {**fields})
    return [*parts, {"text": text[at:]}] if text[at:] else parts


def _is_ours(fields: Any) -> TypeGuard[Json]:
    """Whether these are fields that a part of Gemini's had: who keeps the transcript may have changed them."""
    if not isinstance(fields, dict) or not isinstance(fields.get(SIGNATURE, ""), str):
        return False
    return fields.keys() == {SIGNATURE} or any(isinstance(fields.get(kind), dict) for kind in SERVED)
