"""Thinking that a model writes into its text, between tags at the head of it.

In: the text of one reply, in pieces. Out: the same as ``Reasoning`` and ``Text``, as it comes; only blanks, and what
may be the beginning of a tag, are held. Blanks around the thinking belong to the tags.

Theory of operation: START (nothing but blanks came), THINKING, AFTER (the tag was closed, nothing but blanks came),
TEXT (to the end, whatever comes). Tags count in START only; later ones are the model's words about tags.

Some chat templates write the opening tag themselves, so that a reply begins in the middle of the thinking and holds the
closing tag alone. Nothing tells such a reply from an answer before that tag comes, and what has been streamed as text
cannot be taken back. So it is for the profile to say (``think_opened``): then everything up to a closing tag is
thinking. Without it a closing tag counts at the very beginning alone, where the thinking was empty; anywhere else it is
text, as are the words before it. A reply that comes to its end inside its thinking, and says nothing else, has said its
answer there (such a template with thinking switched off; a model that forgets to close): it is said again as text, for
the client takes its last block for the answer.
Sources: the templates and reasoning parsers of DeepSeek R1, Qwen3 and MiniMax M2 and M3; Gemini's ``<thought>``.
"""

from collections.abc import Callable, Mapping
from enum import Enum, auto

from addon.dialects.openai_chat.text_marks import Marks
from addon.protocol.deltas import Reasoning, Text

CLOSING: Mapping[str, str] = {"<think>": "</think>", "<thinking>": "</thinking>", "<thought>": "</thought>"}
ANY_TAG = Marks(*CLOSING, *CLOSING.values())
CLOSES: Mapping[str, Marks] = {tag: Marks(closing) for tag, closing in CLOSING.items()}
ANY_CLOSES = Marks(*CLOSING.values())
MOST_BLANKS = 1_000  # that are held; a model that goes on with more is not laying out its text
MOST_ANSWER = 1_000_000  # characters of thinking that are kept, lest they were the answer; no answer is longer

type Words = list[Text | Reasoning]


class State(Enum):
    """Where the text stands."""

    START = auto()
    THINKING = auto()
    AFTER = auto()
    TEXT = auto()


class ThinkTags:
    """A push parser: ``feed`` text as it arrives, ``close`` at the end."""

    __slots__ = ("_closes", "_held", "_opened", "_size", "_state", "_thought")

    def __init__(self, *, opened: bool) -> None:
        """``opened``: the reply begins in the thinking, whether it says so or not."""
        self._opened = opened
        self._state = State.START
        self._closes = ANY_CLOSES
        self._held = ""
        self._thought: list[str] = []  # what was passed on as thinking, until its tag is closed
        self._size = 0  # of that, in characters

    def feed(self, text: str) -> Words:
        """Return what ``text`` adds."""
        if self._state is State.TEXT:
            return [Text(text)]
        self._held += text
        words: Words = []
        before = None
        while before is not self._state:  # a handler that has moved on leaves the rest to the next
            before = self._state
            words += FEEDS[before](self)
        return words

    def close(self, *, unanswered: bool) -> Words:
        """Return what was held. ``unanswered``: the reply came to its own end, and nothing but this text was said."""
        held, self._held = self._held, ""
        if self._state is State.THINKING:
            words: Words = [Reasoning(held.rstrip())] if held.strip() else []
            answer = "".join([*self._thought, held.rstrip()])
            return [*words, Text(answer)] if unanswered and answer and self._size <= MOST_ANSWER else words
        return [Text(held)] if held.strip() else []

    def _start(self) -> Words:
        text = self._held.lstrip()
        found = ANY_TAG.match(text)
        if found:
            self._state = State.THINKING if found[0] in CLOSING else State.AFTER
            self._closes = CLOSES.get(found[0], ANY_CLOSES)
            self._held = text[found.end() :]
        elif ANY_TAG.begun(text) > 0 or len(self._held) > MOST_BLANKS:
            self._state = State.THINKING if self._opened else State.TEXT
        return []

    def _thinking(self) -> Words:
        if not self._thought:
            self._held = self._held.lstrip()
        found = self._closes.find(self._held)
        if found:
            thought, self._held = self._held[: found.start()].rstrip(), self._held[found.end() :]
            self._state = State.AFTER
            self._thought = []
            return [Reasoning(thought)] if thought else []
        end = self._closes.begun(self._held)
        thought = self._held[:end].rstrip()
        if end - len(thought) > MOST_BLANKS:
            thought = self._held[:end]
        self._held = self._held[len(thought) :]
        if not thought:
            return []
        self._size += len(thought)
        self._thought.append(thought)
        if self._size > MOST_ANSWER:
            self._thought = [""]
        return [Reasoning(thought)]

    def _after(self) -> Words:
        self._held = self._held.lstrip()
        if self._held:
            self._state = State.TEXT
        return []

    def _text(self) -> Words:
        text, self._held = self._held, ""
        return [Text(text)] if text else []


FEEDS: Mapping[State, Callable[[ThinkTags], Words]] = {
    State.START: ThinkTags._start,
    State.THINKING: ThinkTags._thinking,
    State.AFTER: ThinkTags._after,
    State.TEXT: ThinkTags._text,
}
