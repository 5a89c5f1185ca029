"""What the properties are tried on: deltas, cuts of bytes, damage, replies and conversations."""

import json
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from addon.protocol.deltas import (
    Carry,
    Citation,
    Delta,
    End,
    Failure,
    Finish,
    Reasoning,
    Source,
    StopReason,
    Text,
    ToolArguments,
    ToolCall,
    Unread,
    Usage,
    WebSearch,
)
from addon.protocol.errors import BackendError, InternalError, Kind, MalformedReply

type Json = dict[str, Any]

KEYS = st.integers(0, 3)
COUNTS = st.integers(0, 10**9)
WORDS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)
FRAGMENTS = st.sampled_from(
    ["", "{", "}", "{}", '{"a"', ": 1", '"}"', "[", "]", '{"b": [{}]}', "x", "\\", "{} ", "null"]
)
ERRORS = st.sampled_from([BackendError(Kind.RATE_LIMIT, "slow down"), MalformedReply("odd"), InternalError("1")])

CARRIED = st.builds(
    Carry,
    st.sampled_from(["details", "calls"]),
    st.lists(COUNTS, max_size=2) | st.dictionaries(WORDS, COUNTS, max_size=2),
)
PAGES = st.builds(Source, st.just("https://a.example/"), WORDS, WORDS, st.none() | WORDS)
SEARCHES = st.builds(WebSearch, WORDS, st.lists(PAGES, max_size=2).map(tuple), st.sampled_from([None, "unavailable"]))

DELTAS: st.SearchStrategy[Delta] = st.one_of(
    CARRIED,
    SEARCHES,
    st.builds(Citation, PAGES),
    st.builds(Text, WORDS),
    st.builds(Reasoning, WORDS),
    st.builds(ToolCall, KEYS, st.sampled_from(["call_1", "toolu_2"]), st.sampled_from(["Bash", "Read"])),
    st.builds(ToolArguments, KEYS, FRAGMENTS | WORDS),
    st.builds(Usage, COUNTS, COUNTS, COUNTS, COUNTS),
    st.just(Unread("audio")),
    st.builds(Finish, st.sampled_from(StopReason), st.none() | WORDS),
    st.builds(End),
    st.builds(Failure, ERRORS),
)
# mostly content, so that long lawful replies come up too
CONTENT: st.SearchStrategy[Delta] = st.one_of(
    CARRIED,
    SEARCHES,
    st.builds(Citation, PAGES),
    st.builds(Text, WORDS),
    st.builds(Reasoning, WORDS),
    st.builds(ToolCall, KEYS, st.sampled_from(["call_1", "toolu_2"]), st.sampled_from(["Bash", "Read"])),
    st.builds(ToolArguments, KEYS, FRAGMENTS),
    st.builds(ToolArguments, KEYS, FRAGMENTS),
)


@st.composite
def cuts(draw: st.DrawFn, whole: bytes) -> list[bytes]:
    """`whole` in pieces, some of them empty."""
    places = sorted(draw(st.lists(st.integers(0, len(whole)), max_size=30)))
    return [whole[start:end] for start, end in zip([0, *places], [*places, len(whole)], strict=True)]


@st.composite
def damaged(draw: st.DrawFn, whole: bytes) -> bytes:
    """`whole` with a few places cut out, repeated, swapped for other bytes, or filled in."""
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(whole)))
        end = min(len(whole), start + draw(st.integers(0, 400)))
        piece = whole[start:end]
        instead = draw(
            st.sampled_from(
                [b"", piece + piece, b"null", b"0", b"[]", b"{}", b'""', b"\n", b"\r", b"\n\n", b"\xff", b"\0"]
            )
            | st.binary(max_size=5)
        )
        whole = whole[:start] + instead + whole[end:]
    return whole


@dataclass(frozen=True, slots=True)
class Spoken:
    """What a model says in one reply, whatever the wire makes of it."""

    reasoning: str
    text: str
    calls: tuple[tuple[str, str, str], ...]  # id, name, arguments
    finish: str
    usage: Json

    def whole(self) -> bytes:
        """As one chat.completion object."""
        message: Json = {"role": "assistant", "content": self.text or None, "reasoning_content": self.reasoning}
        if self.calls:
            message["tool_calls"] = [
                {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}
                for call_id, name, arguments in self.calls
            ]
        choice = {"index": 0, "message": message, "finish_reason": self.finish}
        return json.dumps({"object": "chat.completion", "choices": [choice], "usage": self.usage}).encode()


@st.composite
def spoken(draw: st.DrawFn) -> Spoken:
    """A reply that a model may give."""
    calls = tuple(
        (f"call_{position}", draw(st.sampled_from(["Bash", "Read"])), json.dumps(arguments))
        for position, arguments in enumerate(
            draw(st.lists(st.dictionaries(WORDS, st.integers() | WORDS, max_size=3), max_size=3))
        )
    )
    finish = draw(st.sampled_from(["tool_calls", "stop", "length"] if calls else ["stop", "length", "content_filter"]))
    if calls and finish == "length":
        call_id, name, arguments = calls[-1]
        calls = (*calls[:-1], (call_id, name, arguments[: draw(st.integers(0, len(arguments)))]))
    prompt, cached = draw(COUNTS), draw(COUNTS)
    usage = {
        "prompt_tokens": prompt,
        "completion_tokens": draw(COUNTS),
        "prompt_tokens_details": {"cached_tokens": cached},
    }
    return Spoken(draw(WORDS | st.just("")), draw(WORDS | st.just("")), calls, finish, usage)


@st.composite
def streamed(draw: st.DrawFn, said: Spoken) -> bytes:
    """`said` as a stream: texts in pieces, the fragments of parallel calls in any order that keeps each call's own."""
    deltas: list[Json] = [{"role": "assistant", "content": draw(st.sampled_from(["", None]))}]
    deltas += [{"reasoning_content": piece} for piece in draw(pieces(said.reasoning))]
    deltas += [{"content": piece} for piece in draw(pieces(said.text))]
    rows = [
        [
            {"index": index, "id": call_id, "type": "function", "function": {"name": name, "arguments": ""}},
            *({"index": index, "function": {"arguments": piece}} for piece in draw(pieces(arguments))),
        ]
        for index, (call_id, name, arguments) in enumerate(said.calls)
    ]
    # calls begin in their order; after that any fragment may be next
    deltas += [{"tool_calls": [row.pop(0)]} for row in rows] if draw(st.booleans()) else []
    while any(rows):
        first = next(index for index, row in enumerate(rows) if row)
        ready = [index for index, row in enumerate(rows) if row and "id" not in row[0]] or [first]
        deltas.append({"tool_calls": [rows[draw(st.sampled_from(ready))].pop(0)]})
    chunks: list[Json] = [{"choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in deltas]
    chunks.append({"choices": [{"index": 0, "delta": {}, "finish_reason": said.finish}]})
    chunks.append({"choices": [], "usage": said.usage})
    return b"".join(b"data: " + json.dumps(chunk).encode() + b"\n\n" for chunk in chunks) + b"data: [DONE]\n\n"


@st.composite
def pieces(draw: st.DrawFn, text: str) -> list[str]:
    """`text` in pieces of any length but none."""
    places = sorted(draw(st.sets(st.integers(1, len(text) - 1), max_size=5))) if len(text) > 1 else []
    return [text[start:end] for start, end in zip([0, *places], [*places, len(text)], strict=True) if text[start:end]]


@st.composite
def said_in_any_order(draw: st.DrawFn) -> tuple[list[str], list[str], list[tuple[int, list[str]]]]:
    """Pieces of text, of thinking, and of each call's arguments."""
    inputs = draw(st.lists(st.dictionaries(WORDS, WORDS, max_size=2), max_size=3))
    calls = [(key, draw(pieces(json.dumps(given) if given else ""))) for key, given in enumerate(inputs)]
    return draw(st.lists(WORDS, max_size=3)), draw(st.lists(WORDS, max_size=3)), calls
