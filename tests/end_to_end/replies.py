"""What a scripted backend answers: a reply is a status, headers and a body in pieces; the pieces go out one by one.

`Answer` says what the model says and is rendered as the request wants it (streamed or whole); `Raw` is for exact bytes,
errors and deviations. Chunk shapes are OpenAI's: a role-only first chunk, `usage: null` until the trailing usage chunk
with `choices: []`, then `[DONE]`.
Source: OpenAI API reference, "chat completion chunk object".
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

type Json = dict[str, Any]

CREATED = 1_790_000_000  # any fixed moment: replies are reproducible


@dataclass(frozen=True, slots=True)
class Call:
    """One tool call; `arguments` as the model's own JSON text."""

    name: str
    arguments: str
    id: str

    @property
    def wire(self) -> Json:
        """The call as an assistant message carries it."""
        return {"id": self.id, "type": "function", "function": {"name": self.name, "arguments": self.arguments}}


def call(name: str, call_id: str = "call_1", /, **arguments: object) -> Call:
    """A call with its arguments given as keywords."""
    return Call(name, json.dumps(arguments), call_id)


@dataclass(frozen=True, slots=True)
class Usage:
    """Token counts; `prompt` includes `cached`, `completion` includes `reasoning`."""

    prompt: int = 1200
    completion: int = 34
    cached: int = 0
    reasoning: int = 0

    @property
    def wire(self) -> Json:
        """The usage object of a chunk or of a whole reply."""
        return {
            "prompt_tokens": self.prompt,
            "completion_tokens": self.completion,
            "total_tokens": self.prompt + self.completion,
            "prompt_tokens_details": {"cached_tokens": self.cached},
            "completion_tokens_details": {"reasoning_tokens": self.reasoning},
        }


@dataclass(frozen=True, slots=True)
class Page:
    """A page that a search found."""

    url: str
    title: str
    text: str = ""

    @property
    def annotation(self) -> Json:
        """It as OpenRouter says that a text cites it."""
        cited = {"url": self.url, "title": self.title, "content": self.text, "start_index": 0, "end_index": 0}
        return {"type": "url_citation", "url_citation": cited}


@dataclass(frozen=True, slots=True)
class Raw:
    """Exact bytes; `cut` closes the connection instead of ending the body.

    For `silent_s` nothing is said before the piece number `silent_before`; before the first, not even a head.
    """

    pieces: tuple[bytes, ...]
    status: int = 200
    headers: tuple[tuple[str, str], ...] = (("content-type", "text/event-stream; charset=utf-8"),)
    cut: bool = False
    silent_before: int = 0
    silent_s: float = 0.0

    def render(self, request: Json) -> "Raw":
        """Itself: exact bytes do not depend on the request."""
        return self


@dataclass(frozen=True, slots=True)
class Answer:
    """What the model says, in reading order: reasoning, text, the pages that it cites, tool calls, finish."""

    text: str = ""
    reasoning: str = ""
    calls: tuple[Call, ...] = ()
    usage: Usage = field(default_factory=Usage)
    finish: str = ""
    interleaved: bool = False
    cut_after_chunks: int | None = None
    cites: tuple[Page, ...] = ()

    @property
    def finish_reason(self) -> str:
        """The one given, else what OpenAI would say."""
        return self.finish or ("tool_calls" if self.calls else "stop")

    def render(self, request: Json) -> Raw:
        """The bytes for this request: server-sent events when it asks for a stream, else one JSON object."""
        model = str(request.get("model"))
        if request.get("stream") is not True:
            return Raw((json.dumps(self.whole(model)).encode(),), headers=(("content-type", "application/json"),))
        trailing_usage = bool((request.get("stream_options") or {}).get("include_usage"))
        events = [sse(chunk) for chunk in self.chunks(model, trailing_usage)]
        if self.cut_after_chunks is not None:
            return Raw(tuple(events[: self.cut_after_chunks]), cut=True)
        return Raw((*events, b"data: [DONE]\n\n"))

    def whole(self, model: str) -> Json:
        """The chat completion object."""
        message: Json = {"role": "assistant", "content": self.text or None, "refusal": None}
        if self.reasoning:
            message["reasoning_content"] = self.reasoning
        if self.cites:
            message["annotations"] = [page.annotation for page in self.cites]
        if self.calls:
            message["tool_calls"] = [each.wire for each in self.calls]
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": self.finish_reason}
        head = {"id": "chatcmpl-1", "object": "chat.completion", "created": CREATED, "model": model}
        return {**head, "choices": [choice], "usage": self.usage.wire}

    def chunks(self, model: str, trailing_usage: bool) -> list[Json]:
        """The chat completion chunks, without `[DONE]`."""
        deltas: list[Json] = [{"role": "assistant", "content": None if self.calls else "", "refusal": None}]
        deltas += [{"reasoning_content": piece} for piece in pieces(self.reasoning)]
        deltas += [{"content": piece} for piece in pieces(self.text)]
        if self.cites:
            deltas.append({"content": "", "annotations": [page.annotation for page in self.cites]})
        deltas += [{"tool_calls": [fragment]} for fragment in fragments(self.calls, self.interleaved)]
        head = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": CREATED, "model": model}
        bare: Json = {**head, "usage": None} if trailing_usage else head
        result = [{**bare, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in deltas]
        result.append({**bare, "choices": [{"index": 0, "delta": {}, "finish_reason": self.finish_reason}]})
        if trailing_usage:
            result.append({**head, "choices": [], "usage": self.usage.wire})
        return result


class Reply(Protocol):
    """What a script holds."""

    def render(self, request: Json) -> Raw:
        """The bytes for this request."""


@dataclass(frozen=True, slots=True)
class Silent:
    """A reply with a silence before one of its pieces."""

    reply: Reply
    seconds: float
    before: int = 0

    def render(self, request: Json) -> Raw:
        """The reply's own bytes."""
        return replace(self.reply.render(request), silent_before=self.before, silent_s=self.seconds)


def answer(
    text: str = "", *calls: Call, reasoning: str = "", usage: Usage | None = None, interleaved: bool = False
) -> Answer:
    """The usual reply: text, then tool calls."""
    return Answer(text, reasoning, calls, usage or Usage(), interleaved=interleaved)


def failure(
    status: int, message: str, *, kind: str, code: str | None = None, headers: Iterable[tuple[str, str]] = ()
) -> Raw:
    """An HTTP error in OpenAI's envelope."""
    body = {"error": {"message": message, "type": kind, "param": None, "code": code}}
    return Raw((json.dumps(body).encode(),), status, (("content-type", "application/json"), *headers))


def overflow(tokens: int = 291_234, window: int = 272_000) -> Raw:
    """OpenAI's answer to a prompt that does not fit."""
    message = (
        f"This model's maximum context length is {window} tokens. However, your messages resulted in {tokens} tokens. "
        "Please reduce the length of the messages."
    )
    return failure(400, message, kind="invalid_request_error", code="context_length_exceeded")


def sse(chunk: Json) -> bytes:
    """One server-sent event as OpenAI writes it: no `event:` line."""
    return b"data: " + json.dumps(chunk, separators=(",", ":")).encode() + b"\n\n"


def pieces(text: str, size: int = 7) -> list[str]:
    """Text in token-sized bits."""
    return [text[start : start + size] for start in range(0, len(text), size)]


def fragments(calls: Sequence[Call], interleaved: bool) -> list[Json]:
    """Tool call deltas: the opening one names the call with empty arguments, later ones carry only index and arguments.

    `interleaved` deals the calls' fragments out in turns, as some backends do for parallel calls.
    """
    rows: list[list[Json]] = []
    for index, each in enumerate(calls):
        opening = {"index": index, "id": each.id, "type": "function", "function": {"name": each.name, "arguments": ""}}
        rest = [{"index": index, "function": {"arguments": piece}} for piece in pieces(each.arguments)]
        rows.append([opening, *rest])
    if not interleaved:
        return [fragment for row in rows for fragment in row]
    longest = max((len(row) for row in rows), default=0)
    return [row[turn] for turn in range(longest) for row in rows if turn < len(row)]
