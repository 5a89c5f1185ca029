"""``reasoning_details`` of a chat-completions reply, and litellm's ``thinking_blocks``: what is shown, what goes back.

In: the lists of one reply's deltas. Out: the words to show, and one list with fragments put together, for the next
request. Sources: OpenRouter, "preserving reasoning blocks"; MiniMax, "OpenAI-compatible API" (``reasoning_split``);
litellm, "reasoning_content" (``thinking_blocks``).
"""

from collections.abc import Mapping
from typing import Any

from addon.protocol.errors import MalformedReply
from addon.protocol.event_writer import MAX_CALL_CHARACTERS
from addon.protocol.messages import Json

# type -> the field whose text arrives in fragments; a part of any other type is whole
WORDS: Mapping[str, str] = {"reasoning.text": "text", "reasoning.summary": "summary", "thinking": "thinking"}
# Text in these formats is refused without its signature (OpenRouterTeam/ai-sdk-provider#445, #468)
SIGNED = frozenset(("anthropic-claude-v1", "google-gemini-v1"))
SEALED = ("data", "signature")  # fields that only the backend can read
SNAPSHOT_CHARACTERS = 2  # at the least, besides blanks: fewer may well come twice in a row by chance


class Details:
    """Parts of a reply's reasoning, in their order. A push parser: ``feed`` lists, ``take`` what is to be carried."""

    __slots__ = ("_parts", "_size", "sealed")

    def __init__(self) -> None:
        """Start with none."""
        self._parts: list[_Part] = []
        self._size = 0  # of all that came, in characters
        self.sealed = False  # whether something came that only the backend can read

    def feed(self, told: Any, *, alone: bool) -> str:
        """Take the list of one delta; anything else is passed over. Returns the words that it adds.

        Raises: MalformedReply when too much must be kept.
        ``alone``: the delta does not tell the same words in plain, so they may be snapshots (MiniMax documents that,
        and sends pieces, MiniMax-AI/MiniMax-M2#95). A thought whose second piece begins with all of the first is one.
        """
        parts = [part for part in told if isinstance(part, dict)] if isinstance(told, list) else []
        self._size += sum(len(value) for part in parts for value in part.values() if isinstance(value, str))
        if self._size > MAX_CALL_CHARACTERS:
            raise MalformedReply(f"The backend sent reasoning details of more than {MAX_CALL_CHARACTERS} characters.")
        return "".join([self._add(part, alone) for part in parts])

    def _add(self, told: Json, alone: bool) -> str:
        self.sealed = self.sealed or any(told.get(field) for field in SEALED)
        last = self._parts[-1] if self._parts else None
        if last is None or not last.goes_on(told):
            self._parts.append(last := _Part(told))
            return last.words
        return last.add(told, alone)

    def take(self) -> list[Json]:
        """Return the parts so far as the backend wants them back, and forget them."""
        parts, self._parts = self._parts, []
        return [part.whole() for part in parts if not part.unsigned]


class _Part:
    """One part, put together from fragments."""

    __slots__ = ("_field", "_pieces", "_snapshots", "_told")

    def __init__(self, told: Json) -> None:
        self._told = told.copy()
        self._field = _field(told)
        self._pieces = [words] if (words := self._words_of(told)) else []
        self._snapshots = False

    def _words_of(self, told: Json) -> str:
        words = told.get(self._field)
        return words if isinstance(words, str) else ""

    @property
    def words(self) -> str:
        return "".join(self._pieces)

    @property
    def unsigned(self) -> bool:
        wants = self._field == "thinking" or (self._field == "text" and self._told.get("format") in SIGNED)
        return wants and not self._told.get("signature")

    def goes_on(self, told: Json) -> bool:
        """Say whether ``told`` is one more fragment of this part."""
        if not self._field or told.get("type") != self._told.get("type") or _field(told) != self._field:
            return False
        if self._told.get("signature") and told.get(self._field):
            return False  # a signature ends its text
        return all(_same(self._told.get(key), told.get(key)) for key in ("id", "index"))

    def add(self, told: Json, alone: bool) -> str:
        words = self._words_of(told)
        if alone and words and (self._snapshots or len(self._pieces) == 1):
            so_far = self.words
            known = len(so_far.strip()) >= SNAPSHOT_CHARACTERS and words.startswith(so_far)
            self._snapshots = known or (self._snapshots and so_far.startswith(words))
            words = words.removeprefix(so_far) if known else "" if self._snapshots else words
        if words:
            self._pieces.append(words)
        self._told |= {key: value for key, value in told.items() if key != self._field and value is not None}
        return words

    def whole(self) -> Json:
        return {**self._told, self._field: self.words} if self._field else self._told


def _field(told: Json) -> str:
    return WORDS.get(told.get("type", "")) or next((field for field in WORDS.values() if field in told), "")


def _same(one: Any, other: Any) -> bool:
    return one is None or other is None or one == other
