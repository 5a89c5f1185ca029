"""Chat-completions chunks for tests, and the ways in which a reply's bytes may arrive at a decoder."""

from dataclasses import replace
from typing import Any, Protocol

import orjson
import pytest

from addon.dialects import ReplyContext
from addon.dialects.openai_chat.dialect import DIALECT
from addon.protocol.deltas import Delta, End
from tests.stories import target

type Json = dict[str, Any]

CONTEXT = ReplyContext(target("openai", "gpt-5.5"), "x1", "OPENAI_API_KEY", {"short_1": "mcp.long name"}, 500)
DONE = b"data: [DONE]\n\n"
END = End()


def reading(context: ReplyContext = CONTEXT, **profile: Any) -> ReplyContext:
    """The same reply, of a backend whose profile has these fields."""
    target = context.target
    return replace(context, target=replace(target, profile=replace(target.profile, **profile)))


def chunk(delta: Any = None, finish: Any = None, **more: Any) -> Json:
    return {"choices": [{"index": 0, "delta": delta or {}, "finish_reason": finish}], **more}


def call(index: Any = None, call_id: Any = None, name: Any = None, arguments: Any = None) -> Json:
    """A fragment with the fields that are given."""
    function = {key: value for key, value in (("name", name), ("arguments", arguments)) if value is not None}
    held = {"index": index, "id": call_id, "function": function}
    return {key: value for key, value in held.items() if value is not None}


def calls(*fragments: Json) -> Json:
    return chunk({"tool_calls": list(fragments)})


def sse(*chunks: Any) -> bytes:
    return b"".join(b"data: %s\n\n" % (each if isinstance(each, bytes) else orjson.dumps(each)) for each in chunks)


def whole(stream: bytes, context: ReplyContext = CONTEXT) -> list[Delta]:
    decoder = DIALECT.decoder(context)
    return [*decoder.feed(stream), *decoder.close()]


def byte_by_byte(stream: bytes, context: ReplyContext = CONTEXT) -> list[Delta]:
    decoder = DIALECT.decoder(context)
    deltas = [delta for at in range(len(stream)) for delta in decoder.feed(stream[at : at + 1])]
    return [*deltas, *decoder.close()]


def event_by_event(stream: bytes, context: ReplyContext = CONTEXT) -> list[Delta]:
    decoder = DIALECT.decoder(context)
    deltas = [delta for event in stream.split(b"\n\n")[:-1] for delta in decoder.feed(event + b"\n\n")]
    return [*deltas, *decoder.close()]


def with_more_behind(stream: bytes, context: ReplyContext = CONTEXT) -> list[Delta]:
    return whole(stream + DONE + sse(chunk({"content": "of another reply"}, "length")), context)


class Decode(Protocol):
    """One of the ways."""

    def __call__(self, stream: bytes, context: ReplyContext = ..., /) -> list[Delta]: ...


THREE_WAYS = pytest.mark.parametrize("decode", [whole, byte_by_byte, event_by_event, with_more_behind])
