"""Gemini's replies to deltas.

In: ``GenerateContentResponse`` objects, one a server-sent event without a name; where a gateway ignores ``alt=sse``, a
JSON array of them. Text comes in pieces, a call whole; usage is cumulative; the end of the reply is its finish reason,
and no event says so. An error may come as an event, alone or in a list of one.
Source: ai.google.dev, "Generate content"; google-genai 3.6, ``types.GenerateContentResponse``.
"""

from collections.abc import Mapping
from typing import Any

import orjson

from addon.dialects import ReplyContext, complaints, faults
from addon.dialects.gemini import endings
from addon.dialects.gemini.counts import read_usage
from addon.dialects.gemini.grounding import Grounding
from addon.dialects.gemini.signatures import Marks
from addon.protocol import lenient
from addon.protocol.deltas import (
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
)
from addon.protocol.errors import MalformedReply
from addon.protocol.framing import Frame, ServerSentEvents

END = End()
WRONG_SHAPE = (AttributeError, TypeError, KeyError, OverflowError, ValueError)  # of a value of another type
SHOWN = 120  # characters of a reason or a page that are quoted
NOTHING: Mapping[str, object] = {}

# what is read, or says nothing to the client; anything else is told as unread
OF_CHUNK = frozenset(
    ("candidates", "promptFeedback", "usageMetadata", "modelVersion", "responseId", "createTime", "modelStatus")
)
OF_CANDIDATE = frozenset(
    (
        "content",
        "finishReason",
        "finishMessage",
        "groundingMetadata",
        "citationMetadata",
        "index",
        "safetyRatings",
        "tokenCount",
        "avgLogprobs",
        "logprobsResult",
        "continuationToken",
    )
)
OF_PLAIN = frozenset(("content", "index", "safetyRatings"))
OF_PART = frozenset(("text", "thought", "thoughtSignature", "functionCall", "toolCall", "toolResponse"))


class GeminiDecoder:
    """Chunks of one reply, in order; see :class:`addon.dialects.Decoder`."""

    __slots__ = ("_blocked", "_calls", "_context", "_ended", "_frames", "_grounding", "_marks", "_reason")

    def __init__(self, context: ReplyContext) -> None:
        """``context`` gives the names to turn back and the id to make call ids from."""
        self._context = context
        self._frames = ServerSentEvents()
        self._grounding = Grounding(context.search)
        self._marks = Marks()
        self._calls: set[str] = set()  # their ids, as the client is told
        self._reason: StopReason | None = None
        self._blocked = ""  # why the prompt was refused
        self._ended = False

    def feed(self, chunk: bytes) -> list[Delta]:
        """Return what ``chunk`` completes; a chunk that breaks the format is a Failure in its place."""
        try:
            data = self._frames.sole(chunk)
            if data is not None:
                return self.decode(data)
            frames = self._frames.feed(chunk)
        except MalformedReply as error:
            return [Failure(error)]
        return self._decode_each(frames)

    def close(self) -> list[Delta]:
        """Return what was left over, and the end."""
        return [*self._decode_each(self._frames.close()), *self.end()]

    def _decode_each(self, frames: list[Frame]) -> list[Delta]:
        deltas: list[Delta] = []
        for frame in frames:
            try:
                deltas += self.decode(frame.data)
            except MalformedReply as error:
                deltas.append(Failure(error))
        return deltas

    def decode(self, data: bytes) -> list[Delta]:
        """Turn one response object, or a list of such, into deltas in reading order. Raises: MalformedReply."""
        try:
            chunk = orjson.loads(data)
        except orjson.JSONDecodeError:
            if data.strip() == b"[DONE]":  # of gateways; Google says nothing
                return []
            chunk = self._mend(data)
        try:
            deltas: list[Delta] = []
            for each in chunk if isinstance(chunk, list) else [chunk]:
                self._read(each, deltas)
        except WRONG_SHAPE as error:
            raise MalformedReply(f"{self._name} sent a chunk of the wrong shape ({error})") from error
        return deltas

    def end(self) -> list[Delta]:
        """Return what is told at the end."""
        if self._ended:
            return []
        self._ended = True
        deltas: list[Delta] = [*self._grounding.close()]
        if self._reason is None and self._blocked:
            deltas += (Unread(f"promptFeedback.blockReason.{self._blocked}"), Finish(StopReason.REFUSAL))
        elif self._reason is StopReason.END_TURN and self._calls:
            deltas.append(Finish(StopReason.TOOL_USE))  # calls behind the finish reason
        return [*deltas, END]

    @property
    def _name(self) -> str:
        return self._context.target.name

    def _mend(self, data: bytes) -> Any:
        """Parse what orjson does not take: NaN among the log probabilities should cost no reply."""
        try:
            return lenient.loads(data, NOTHING.get)
        except ValueError:
            is_chunk = data.lstrip().startswith((b"{", b"["))  # words of the model's, which are for no log
            shown = "a chunk that is cut or broken" if is_chunk else data[:SHOWN].decode("utf-8", "replace")
            raise MalformedReply(f"{self._name} sent what is not JSON: {shown}") from None

    def _plain(self, chunk: Any) -> str | None:
        """Return the text of nine chunks of ten: one piece of it, and nothing else worth reading."""
        if chunk.__class__ is not dict or len(chunk.get("candidates") or ()) != 1 or not OF_CHUNK.issuperset(chunk):
            return None
        (candidate,) = chunk["candidates"]
        if candidate.__class__ is not dict or not OF_PLAIN.issuperset(candidate) or candidate.get("index"):
            return None
        parts = (candidate.get("content") or NOTHING).get("parts")
        if parts.__class__ is not list or len(parts) != 1 or parts[0].__class__ is not dict or len(parts[0]) != 1:
            return None
        text = parts[0].get("text")
        return text if text.__class__ is str and text and "promptFeedback" not in chunk else None

    def _read(self, chunk: Any, deltas: list[Delta]) -> None:
        if text := self._plain(chunk):
            self._marks.text(text, "")
            deltas.append(Text(text))
            return
        candidates = chunk.get("candidates")
        if "error" in chunk or not (candidates or OF_CHUNK.intersection(chunk)):
            told = complaints.read(chunk)
            error = MalformedReply(f"{self._name} sent a chunk without candidates") if told is None else None
            deltas.append(Failure(error or self._error(told)))
            return
        for number, candidate in enumerate(candidates or ()):
            if number or candidate.get("index"):
                deltas.append(Unread("candidates.1"))  # one is asked for
            else:
                self._read_candidate(candidate, deltas)
        if feedback := chunk.get("promptFeedback"):
            reason = str(feedback.get("blockReason") or "")
            self._blocked = self._blocked if reason in endings.UNBLOCKED else reason[:SHOWN]
        if usage := chunk.get("usageMetadata"):
            deltas.append(read_usage(usage))
        if not OF_CHUNK.issuperset(chunk):
            deltas += [Unread(name[:SHOWN]) for name, value in chunk.items() if name not in OF_CHUNK and value]

    def _error(self, told: complaints.Told | None) -> Any:
        assert told is not None  # noqa: S101 - the caller has one
        status = told.status or endings.STATUSES.get(told.type.rpartition(" ")[2], 200)
        return faults.classify(status, {}, told, self._context)

    def _read_candidate(self, candidate: Any, deltas: list[Delta]) -> None:
        content = candidate.get("content") or {}
        for part in content.get("parts") or ():
            self._read_part(part, deltas)
        if grounding := candidate.get("groundingMetadata"):
            self._grounding.read(grounding)
        if cited := candidate.get("citationMetadata"):
            _read_citations(cited, deltas)
        reason = str(candidate.get("finishReason") or "")
        if reason not in endings.UNSAID:
            self._finish(reason[:SHOWN], str(candidate.get("finishMessage") or "")[:SHOWN], deltas)
        if not OF_CANDIDATE.issuperset(candidate):
            unknown = (name for name, value in candidate.items() if name not in OF_CANDIDATE and value)
            deltas += [Unread(f"candidates.{name[:SHOWN]}") for name in unknown]

    def _finish(self, reason: str, message: str, deltas: list[Delta]) -> None:
        stop = endings.FINISH.get(reason)
        if stop is None:
            deltas.append(Failure(endings.fault(reason, message, self._name)))
            return
        if stop is StopReason.REFUSAL:
            deltas.append(Unread(f"finishReason.{reason}"))  # of which the client hears that it is a refusal
        if stop is StopReason.END_TURN and self._calls:
            stop = StopReason.TOOL_USE
        self._reason = stop
        deltas.append(Finish(stop))

    def _read_part(self, part: Any, deltas: list[Delta]) -> None:
        signature = part.get("thoughtSignature")
        signature = signature if isinstance(signature, str) else ""
        text, call = part.get("text"), part.get("functionCall")
        if call is not None:
            self._read_call(call, signature, deltas)
        elif text is not None:
            if not isinstance(text, str):
                raise MalformedReply(f"{self._name} sent a text of the type {type(text).__name__}")
            if part.get("thought"):
                deltas += [Reasoning(text)] if text else []
                deltas += self._marks.thought(text, signature)
            else:
                deltas += [Text(text)] if text else []
                deltas += self._marks.text(text, signature)
        elif "toolCall" in part or "toolResponse" in part:
            deltas += self._marks.served(part)
        elif signature:
            deltas += self._marks.text("", signature)
        if not OF_PART.issuperset(part):
            deltas += [Unread(f"parts.{name[:SHOWN]}") for name, value in part.items() if name not in OF_PART and value]

    def _read_call(self, call: Any, signature: str, deltas: list[Delta]) -> None:
        name = call.get("name")
        if not isinstance(name, str) or not name:
            raise MalformedReply(f"{self._name} sent a tool call without a name")
        key, given = len(self._calls), call.get("id")
        known = not isinstance(given, str) or not given or given in self._calls or given in self._context.call_ids
        call_id = f"toolu_{self._context.exchange_id}_{key}" if known else given
        self._calls.add(call_id)
        deltas += self._marks.call(call_id, signature)
        arguments = call.get("args")
        text = arguments if isinstance(arguments, str) else orjson.dumps(arguments or {}).decode()
        deltas += (ToolCall(key, call_id, self._context.tool_names.get(name, name)), ToolArguments(key, text or "{}"))


def _read_citations(told: Any, deltas: list[Delta]) -> None:
    """Read the works that a text repeats, where they have an address."""
    works = [each for each in told.get("citations") or told.get("citationSources") or () if each.get("uri")]
    deltas += [Citation(Source(str(work["uri"]), str(work.get("title") or work["uri"]))) for work in works]
