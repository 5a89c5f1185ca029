"""One request through the dialect gemini, and one reply, in few words."""

from dataclasses import replace
from typing import Any

import orjson

from addon.dialects import ReplyContext, Target
from addon.dialects.gemini.reply import GeminiDecoder
from addon.dialects.gemini.request import Said, translate
from addon.protocol import messages, signature
from addon.protocol.deltas import Delta
from tests.stories import target

type Json = dict[str, Any]

NEW = target("gemini", "gemini-3.1-pro-preview")
OLD = target("gemini", "gemini-2.5-flash")
GEMMA = target("gemini", "gemma-3-27b-it")
VERTEX = target("vertex", "gemini-3.1-pro-preview")
ASKED = {"role": "user", "content": "Do it."}


def said(target: Target = NEW, **fields: Any) -> Said:
    """What is said for the fields of a request."""
    return translate(messages.check({"model": "m", "messages": [ASKED], **fields}), target)


def contents(*turns: Any, target: Target = NEW) -> list[tuple[str, list[Json]]]:
    """What turns become, the user's and the model's by turns, as (role, parts)."""
    roles = ("user", "assistant")
    told = [turn if "role" in turn else {"role": roles[n % 2], "content": turn} for n, turn in enumerate(turns)]
    return [(each["role"], each["parts"]) for each in said(target, messages=told).body["contents"]]


def lost(told: Said) -> list[tuple[str, str]]:
    """The losses that are none of routine, as (path, sort)."""
    return [(each.path, str(each.sort)) for each in told.losses if not each.routine]


def thought(words: str = "", origin: str = NEW.name, **state: Any) -> Json:
    """A thinking block of an earlier turn."""
    return {"type": "thinking", "thinking": words, "signature": signature.seal(origin, state)}


def used(call_id: str = "c1", name: str = "Bash", **arguments: Any) -> Json:
    """A call of an earlier turn."""
    return {"type": "tool_use", "id": call_id, "name": name, "input": arguments}


def result(call_id: str = "c1", content: Any = "done", **fields: Any) -> Json:
    """The result of one."""
    return {"type": "tool_result", "tool_use_id": call_id, "content": content, **fields}


def context(target: Target = NEW, **fields: Any) -> ReplyContext:
    """What a reply is read against."""
    return replace(ReplyContext(target, "x"), **fields)


def read(*chunks: Any, against: ReplyContext | None = None) -> list[Delta]:
    """The deltas of a reply."""
    decoder = GeminiDecoder(against or context())
    fed = [decoder.feed(b"data: " + orjson.dumps(chunk) + b"\r\n\r\n") for chunk in chunks]
    return [*(delta for deltas in fed for delta in deltas), *decoder.close()]


def parts(*told: Json, finish: str | None = None, **fields: Any) -> Json:
    """A chunk with these parts."""
    return {"candidates": [{"content": {"role": "model", "parts": [*told]}, "finishReason": finish, **fields}]}
