"""What a reply says, from its bytes: the text, the thinking, the calls, the usage, or why there is none. Pure.

In: what the client was given: a stream of Anthropic's events, a whole message, or an error; whole, cut in the middle,
or nothing of the kind. Out: an ``Answer``, always: nothing raises. ``messages.collect`` gives the same message for a
lawful stream (the tests hold the two together), and refuses what is cut or new; people want to see just that.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from types import MappingProxyType
from typing import Any

from addon.prompts.entry import Reply
from addon.protocol import framing
from addon.protocol.errors import BadRequest, MalformedReply
from addon.protocol.messages import Json, parse_json

MOST_SHOWN = 500  # characters of a reply that is neither a message nor an error
CUT = "the reply ends before its message does"
NOTHING: Mapping[str, Any] = MappingProxyType({})
CALLS = ("tool_use", "server_tool_use")
# delta -> the field of it that is text, and the field of the block that it extends
PIECES: Mapping[object, tuple[str, str]] = {
    "text_delta": ("text", "text"),
    "thinking_delta": ("thinking", "thinking"),
    "input_json_delta": ("partial_json", "input"),
}


@dataclass(frozen=True, slots=True)
class Call:
    """A tool call. ``arguments`` is the text that came where that is no JSON; ``whole``: its block was closed."""

    id: str
    name: str
    arguments: Any
    whole: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a reply says. ``message`` None: there is none; a stream that was cut gives what had come of it."""

    message: Json | None = None
    text: str = ""
    thinking: str = ""
    calls: tuple[Call, ...] = ()
    usage: Mapping[str, Any] = NOTHING  # as Anthropic counts
    stop_reason: str | None = None
    error: str | None = None  # of the reply as a whole, or why it is not whole


def of(reply: Reply) -> Answer:
    """Read a reply that the client was given."""
    return read(reply.body, reply.status)


def read(body: bytes, status: int = HTTPStatus.OK) -> Answer:
    """Read an uncompressed body."""
    start = body[:64].lstrip(b"\xef\xbb\xbf \t\r\n")
    if not start:
        return Answer(error="the reply has no body" if status == HTTPStatus.OK else f"HTTP {status} without a body")
    if start[:1] in b"{[":
        return _read_whole(body, status)
    events = _events(body)
    if not events:
        return Answer(error=f"HTTP {status}: {body[:MOST_SHOWN].decode('utf-8', 'replace')}")
    return _read_stream(events)


def _read_whole(body: bytes, status: int) -> Answer:
    parsed = _parsed(body)
    if not isinstance(parsed, dict):
        return Answer(error=f"HTTP {status}: {body[:MOST_SHOWN].decode('utf-8', 'replace')}")
    if "error" in parsed or parsed.get("type") == "error":
        return Answer(error=_told(parsed.get("error")))
    return _answer(parsed, open_blocks=0, error=None)


def _events(body: bytes) -> list[Json]:
    """Every event of a stream that is one; the last may be half there."""
    parser = framing.ServerSentEvents()
    try:
        frames = [*parser.feed(body), *parser.close()]
    except MalformedReply:
        return []
    parsed = (_parsed(frame.data) for frame in frames)
    return [event for event in parsed if isinstance(event, dict) and "type" in event]


def _parsed(data: bytes) -> object:
    try:
        return parse_json(data)
    except BadRequest:
        return None


@dataclass(slots=True)
class _Stream:
    """What has come of a message so far. ``pieces``: the texts of the blocks that are open, by number."""

    message: Json = field(default_factory=dict)
    blocks: dict[Any, Json] = field(default_factory=dict)
    pieces: dict[Any, list[str]] = field(default_factory=dict)
    closed: set[Any] = field(default_factory=set)
    ended: bool = False
    error: str | None = None

    def take(self, event: Json) -> None:
        """Take one event of any shape."""
        match event["type"]:
            case "message_start":
                self.message = dict(_object(event.get("message")))
            case "content_block_start":
                number = _number(event)
                self.blocks[number], self.pieces[number] = dict(_object(event.get("content_block"))), []
            case "content_block_delta":
                self._extend(_number(event), _object(event.get("delta")))
            case "content_block_stop":
                self.closed.add(_number(event))
            case "message_delta":
                self.message.update(_object(event.get("delta")))
                self.message["usage"] = {**_object(self.message.get("usage")), **_object(event.get("usage"))}
            case "message_stop":
                self.ended = True
            case "error":
                self.error = self.error or _told(event.get("error"))
            case _:
                pass  # a ping, or an event of tomorrow

    def _extend(self, number: Any, delta: Json) -> None:
        block = self.blocks.get(number)
        if block is None:
            return
        kind = delta.get("type")
        if isinstance(kind, str) and kind in PIECES:
            self.pieces[number].append(_text(delta.get(PIECES[kind][0])))
        elif kind == "signature_delta":
            block["signature"] = delta.get("signature")
        elif kind == "citations_delta":
            citations = block.get("citations")
            block["citations"] = [*(citations if isinstance(citations, list) else ()), delta.get("citation")]

    def finished(self, number: Any) -> Json:
        """The block with its text put together; the arguments of a call parsed where they are whole."""
        block, text = self.blocks[number], "".join(self.pieces[number])
        kind = block.get("type")
        if kind in CALLS:
            return {**block, "input": _arguments(text) if text else block.get("input", {})}
        if kind in ("text", "thinking"):
            return {**block, kind: text or _text(block.get(kind))}
        return block


def _read_stream(events: list[Json]) -> Answer:
    stream = _Stream()
    for event in events:
        stream.take(event)
        if stream.ended or stream.error:
            break
    closed = [stream.finished(number) for number in stream.blocks if number in stream.closed]
    still_open = [stream.finished(number) for number in stream.blocks if number not in stream.closed]
    if not stream.message and not stream.blocks:
        return Answer(error=stream.error or CUT)
    message = {**stream.message, "content": [*closed, *still_open]}
    error = stream.error or (None if stream.ended else CUT)
    return _answer(message, open_blocks=len(still_open), error=error)


def _answer(message: Json, open_blocks: int, error: str | None) -> Answer:
    """Make the answer of a message whose last blocks may not be closed; those are no part of the message itself."""
    content = message.get("content")
    blocks = [_object(block) for block in content] if isinstance(content, list) else []
    whole = len(blocks) - open_blocks
    stop = message.get("stop_reason")
    return Answer(
        message={**message, "content": content[:whole]} if isinstance(content, list) else message,
        text="\n\n".join(_text(block.get("text")) for block in blocks if block.get("type") == "text"),
        thinking="\n\n".join(_text(block.get("thinking")) for block in blocks if block.get("type") == "thinking"),
        calls=tuple(
            Call(_text(block.get("id")), _text(block.get("name")), block.get("input"), number < whole)
            for number, block in enumerate(blocks)
            if block.get("type") in CALLS
        ),
        usage=MappingProxyType(_object(message.get("usage"))),
        stop_reason=stop if isinstance(stop, str) else None,
        error=error,
    )


def _told(error: object) -> str:
    """An error's kind and message, in one line."""
    told = _object(error)
    kind, message = told.get("type"), told.get("message")
    parts = [part for part in (kind, message) if isinstance(part, str) and part]
    return ": ".join(parts) or (error if isinstance(error, str) and error else "an error without a message")


def _arguments(text: str) -> Any:
    parsed = _parsed(text.encode("utf-8", "replace"))
    return text if parsed is None else parsed


def _number(event: Json) -> object:
    number = event.get("index")
    return number if isinstance(number, int) else None


def _object(value: object) -> Json:
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
