"""The neutral words between a backend and the client: what one reply says, piece by piece.

Every dialect decodes to these and ``event_writer.EventWriter`` writes Anthropic events from them; neither knows
the other. A reply is any number of content deltas, then one ``Finish``, with ``Usage`` and ``Unread`` anywhere, then
``End``; or a ``Failure`` at any point, after which nothing counts.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from addon.protocol.errors import DetourError


class StopReason(StrEnum):
    """Why a reply ended, in Anthropic's words (Messages API reference, "handling stop reasons")."""

    END_TURN = "end_turn"
    MAX_TOKENS = "max_tokens"
    STOP_SEQUENCE = "stop_sequence"
    TOOL_USE = "tool_use"
    REFUSAL = "refusal"
    CONTEXT_WINDOW = "model_context_window_exceeded"


@dataclass(frozen=True, slots=True)
class Text:
    """A piece of the answer's text; never empty."""

    text: str


@dataclass(frozen=True, slots=True)
class Reasoning:
    """A piece of the model's thinking in plain words; never empty."""

    text: str


@dataclass(frozen=True, slots=True)
class Carry:
    """What the backend wants back with this turn, in its own form: encrypted reasoning, signatures of calls.

    The client never reads it, and sends it back: it travels in the signature of a thinking block. Of values under one
    key, lists are joined and objects merged, in their order. ``value`` is JSON.
    """

    key: str
    value: list[Any] | dict[str, Any]


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call begins. ``key`` names it within this reply; ``id`` is echoed by the client with the call's result."""

    key: int
    id: str
    name: str


@dataclass(frozen=True, slots=True)
class ToolArguments:
    """A piece of the JSON text of call ``key``'s arguments. Pieces of different calls may interleave."""

    key: int
    json: str


@dataclass(frozen=True, slots=True)
class Source:
    """A page that a search found. ``text`` is what the backend quotes of it; ``age`` is in the backend's own words."""

    url: str
    title: str
    text: str = ""
    age: str | None = None


@dataclass(frozen=True, slots=True)
class WebSearch:
    """A search that is done, on whichever side: what was asked, and what was found or why nothing could be.

    ``error`` is one of Anthropic's codes: unavailable, too_many_requests, max_uses_exceeded, query_too_long,
    invalid_tool_input (Messages API reference, "web search tool").
    """

    query: str
    found: tuple[Source, ...] = ()
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Citation:
    """The text so far, as it stands open, rests on this page. One that comes when no text is open has no place."""

    source: Source


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens so far, cumulative; the last one wins.

    ``input_tokens`` counts neither ``cache_read_tokens`` nor ``cache_write_tokens``, as Anthropic counts.
    ``output_tokens`` includes ``reasoning_tokens``; ``cache_write_tokens`` includes ``cache_write_hour_tokens``, which
    are written to stay for an hour and cost more. Both are 0 where the backend does not tell them. ``dollars`` is what
    the reply cost as the backend says; nearly all say nothing.
    """

    input_tokens: int
    output_tokens: int
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    reasoning_tokens: int = 0
    cache_write_hour_tokens: int = 0
    dollars: float | None = None


@dataclass(frozen=True, slots=True)
class Unread:
    """The backend said something that has no place in a Messages reply; ``path`` is where. It is shown as lost."""

    path: str


@dataclass(frozen=True, slots=True)
class Finish:
    """The backend said why it stopped. Usage, and from some backends more content, may still follow."""

    reason: StopReason
    stop_sequence: str | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """The reply failed; ``error`` is what the client deserves to hear."""

    error: DetourError


@dataclass(frozen=True, slots=True)
class End:
    """Nothing more will come."""


type Delta = (
    Text | Reasoning | Carry | ToolCall | ToolArguments | WebSearch | Citation | Usage | Unread | Finish | Failure | End
)
