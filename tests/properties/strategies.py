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
BLANKS = st.sampled_from(["\n", "  "])
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
    st.builds(Text, WORDS | BLANKS),
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
    st.builds(Text, WORDS | BLANKS),
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


# calls as models write them into their text, one of them cut
IN_TEXT = [
    '<tool_call>{"name": "Bash", "arguments": {"command": "ls"}}</tool_call>',
    "<function=Read><parameter=file_path>a</parameter></function>",
    '```json\n{"name": "Read", "arguments": {}}\n```',
    '[TOOL_CALLS]Bash[ARGS]{"command": "ls',
]
ARGUMENTS = st.dictionaries(
    st.sampled_from("ab") | WORDS,
    st.recursive(st.integers() | WORDS, lambda inner: st.dictionaries(st.sampled_from("ab"), inner, max_size=2)),
    max_size=3,
)


@dataclass(frozen=True, slots=True)
class Spoken:
    """What a model says in one reply, whatever the wire makes of it."""

    reasoning: str
    text: str
    calls: tuple[tuple[str, str, str], ...]  # id, name, arguments
    finish: str
    usage: Json
    in_text: bool = False  # thinking stands between tags, at the head of the text

    @property
    def content(self) -> str:
        """The text on the wire."""
        return f"<think>{self.reasoning}</think>{self.text}" if self.in_text else self.text

    def whole(self) -> bytes:
        """As one chat.completion object."""
        message: Json = {"role": "assistant", "content": self.content or None}
        if not self.in_text:
            message["reasoning_content"] = self.reasoning
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
        for position, arguments in enumerate(draw(st.lists(ARGUMENTS, max_size=3)))
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
    in_text = draw(st.booleans())
    words = WORDS | st.just("")
    text = "".join(draw(st.lists(words | st.sampled_from(IN_TEXT), max_size=3))) if in_text else draw(words)
    return Spoken(draw(words), text, calls, finish, usage, in_text)


@st.composite
def streamed(draw: st.DrawFn, said: Spoken) -> bytes:
    """`said` as a stream, the way that one backend or another would send it: texts in pieces; arguments in pieces, in
    snapshots or quoted; calls told apart by index or by id; parallel calls in turns; several fragments in one chunk.
    """
    deltas: list[Json] = [{"role": "assistant", "content": draw(st.sampled_from(["", None]))}]
    if not said.in_text:
        deltas += [{"reasoning_content": piece} for piece in draw(pieces(said.reasoning))]
    deltas += [{"content": piece} for piece in draw(pieces(said.content))]
    chunks: list[Json] = [{"choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in deltas]
    fragments = draw(in_turns([draw(fragments_of(index, call)) for index, call in enumerate(said.calls)]))
    while fragments:
        count = draw(st.integers(1, 3))
        delta = {"tool_calls": fragments[:count]}
        chunks.append({"choices": [{"index": 0, "delta": delta, "finish_reason": None}]})
        fragments = fragments[count:]
    chunks.append({"choices": [{"index": 0, "delta": {}, "finish_reason": said.finish}]})
    chunks.append({"choices": [], "usage": said.usage})
    return b"".join(b"data: " + json.dumps(chunk).encode() + b"\n\n" for chunk in chunks) + b"data: [DONE]\n\n"


@st.composite
def fragments_of(draw: st.DrawFn, index: int, call: tuple[str, str, str]) -> list[Json]:
    """The fragments of one call, the first with its name."""
    call_id, name, arguments = call
    form = draw(st.sampled_from(["pieces", "snapshots", "quoted"]))
    cuts = draw(pieces(json.dumps(arguments) if form == "quoted" else arguments))
    if form == "snapshots":
        cuts = ["".join(cuts[: count + 1]) for count in range(len(cuts))]
    mark: Json = draw(st.sampled_from([{"index": index}, {"index": index, "id": call_id}, {"id": call_id}]))
    first = {**mark, "id": call_id, "type": "function", "function": {"name": name, "arguments": ""}}
    return [first, *({**mark, "function": {"arguments": cut}} for cut in cuts)]


@st.composite
def in_turns(draw: st.DrawFn, rows: list[list[Json]]) -> list[Json]:
    """Calls begin in their order; after that any fragment may be next that keeps its call's own order."""
    taken = [row.pop(0) for row in rows] if draw(st.booleans()) else []
    while any(rows):
        first = next(index for index, row in enumerate(rows) if row)
        ready = [index for index, row in enumerate(rows) if row and "type" not in row[0]] or [first]
        taken.append(rows[draw(st.sampled_from(ready))].pop(0))
    return taken


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
