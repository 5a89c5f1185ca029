"""A reply by Converse to deltas: the events of a stream, or a whole reply read as if it were streamed.

Order of events: messageStart, then for each block contentBlockStart (of calls alone; text and reasoning begin with
their first delta), contentBlockDelta, contentBlockStop; then messageStop with the reason, and metadata with the usage
behind it. An exception may stand anywhere. Source: Amazon Bedrock API reference, ConverseStream and Converse; botocore
1.44, ``bedrock-runtime``.
"""

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

import orjson

from addon.dialects import ReplyContext
from addon.dialects.bedrock import exceptions
from addon.dialects.bedrock.thoughts import LENGTH, REASONING, REDACTED, SIGNATURE
from addon.dialects.counting import count
from addon.protocol.amazon_frames import AmazonFrame, AmazonFrames
from addon.protocol.deltas import (
    Carry,
    Delta,
    End,
    Failure,
    Finish,
    Reasoning,
    StopReason,
    Text,
    ToolArguments,
    ToolCall,
    Unread,
    Usage,
)
from addon.protocol.errors import BackendError, Kind, MalformedReply

WRONG_SHAPE = (AttributeError, TypeError, KeyError, ValueError)  # a value of another type than promised raises these

STOP_REASONS: Mapping[str, StopReason] = MappingProxyType(
    {
        "end_turn": StopReason.END_TURN,
        "tool_use": StopReason.TOOL_USE,
        "max_tokens": StopReason.MAX_TOKENS,
        "stop_sequence": StopReason.STOP_SEQUENCE,
        "guardrail_intervened": StopReason.REFUSAL,
        "content_filtered": StopReason.REFUSAL,
        "model_context_window_exceeded": StopReason.CONTEXT_WINDOW,
    }
)
STOP_FAULTS = frozenset(("malformed_model_output", "malformed_tool_use"))  # another try may mend them


class ConverseDecoder:
    """Frames of one reply, in order; see :class:`addon.dialects.Decoder`."""

    __slots__ = ("_called", "_context", "_frames", "_sealed", "_taken", "_thought")

    def __init__(self, context: ReplyContext) -> None:
        """``context`` gives the names to turn back, and the ids that are taken."""
        self._context = context
        self._frames = AmazonFrames()
        self._called: dict[int, str] = {}  # index of the block of a call -> its id
        self._taken = set(context.call_ids)
        self._thought = 0  # characters of the reasoning of the open block
        self._sealed: dict[str, str] = {}  # of that block: its signature, or all of it encrypted

    def feed(self, chunk: bytes) -> list[Delta]:
        """Return what ``chunk`` completes; what breaks the format is a Failure in its place."""
        try:
            frames = self._frames.feed(chunk)
        except MalformedReply as error:
            return [Failure(error)]
        return [delta for frame in frames for delta in self._read_frame(frame)]

    def close(self) -> list[Delta]:
        """Return the end."""
        try:
            self._frames.close()
        except MalformedReply as error:
            return [Failure(error)]
        return [End()]

    def decode(self, data: bytes) -> list[Delta]:
        """Return what a whole reply says. Raises: MalformedReply."""
        try:
            return [delta for name, told in _events(orjson.loads(data)) for delta in self._read(name, told)]
        except WRONG_SHAPE as error:
            raise self._misshapen("a reply", error) from None

    def _read_frame(self, frame: AmazonFrame) -> list[Delta]:
        if frame.sort in exceptions.FAULTS:
            return [Failure(exceptions.from_frame(frame, self._context))]
        try:
            return [*self._read(frame.name, orjson.loads(frame.payload))]
        except WRONG_SHAPE as error:
            return [Failure(self._misshapen(f"a {frame.name or 'nameless'} event", error))]

    def _misshapen(self, what: str, error: Exception) -> MalformedReply:
        if isinstance(error, orjson.JSONDecodeError):  # its words quote the model's
            return MalformedReply(f"{self._context.target.name} sent {what} that is not JSON")
        return MalformedReply(f"{self._context.target.name} sent {what} of the wrong shape ({type(error).__name__})")

    def _read(self, name: str, told: Any) -> Iterator[Delta]:
        reader = EVENTS.get(name)
        return reader(self, told) if reader is not None else iter((Unread(name),))

    # -- events ----------------------------------------------------------------------------------------------------

    def _nothing(self, _: Any) -> Iterator[Delta]:
        yield from ()

    def _start(self, told: Any) -> Iterator[Delta]:
        start = told["start"]
        call = start.get("toolUse")
        if call is None or call.get("type"):  # a call that Amazon's server makes itself
            yield from (Unread(f"contentBlockStart.{kind}") for kind in start)
            return
        call_id, again = str(call["toolUseId"]), 1
        while not call_id or call_id in self._taken:  # the client takes no id twice
            again += 1
            call_id = f"{call['toolUseId'] or self._context.exchange_id}_{again}"
        self._taken.add(call_id)
        self._called[told["contentBlockIndex"]] = call_id
        name = str(call["name"])
        yield ToolCall(told["contentBlockIndex"], call_id, self._context.tool_names.get(name, name))

    def _delta(self, told: Any) -> Iterator[Delta]:
        for kind, piece in told["delta"].items():
            match kind:
                case "text":
                    yield from (Text(text) for text in (_text(piece),) if text)
                case "toolUse":
                    if told["contentBlockIndex"] in self._called and piece["input"]:
                        yield ToolArguments(told["contentBlockIndex"], _text(piece["input"]))
                case "reasoningContent":
                    yield from self._reason(piece)
                case _:
                    yield Unread(f"contentBlockDelta.{kind}")

    def _reason(self, piece: Mapping[str, str]) -> Iterator[Delta]:
        if text := _text(piece.get("text", "")):
            self._thought += len(text)
            yield Reasoning(text)
        for kind in (SIGNATURE, REDACTED):
            if sealed := _text(piece.get(kind, "")):
                self._sealed[kind] = self._sealed.get(kind, "") + sealed

    def _stop(self, _: Any) -> Iterator[Delta]:
        sealed, thought = self._sealed, self._thought
        self._sealed, self._thought = {}, 0
        if sealed:
            yield Carry(REASONING, [{**sealed, LENGTH: thought}])

    def _finish(self, told: Any) -> Iterator[Delta]:
        yield from self._stop(told)  # where a block has no end of its own
        word = told["stopReason"]
        reason, who = STOP_REASONS.get(word), self._context.target.name
        if word in STOP_FAULTS:
            yield Failure(BackendError(Kind.SERVER, f'{who} ended its reply with "{word}"'))
        elif reason is None:
            yield Failure(MalformedReply(f'{who} ended its reply with the unknown reason "{str(word)[:100]}"'))
        elif reason is StopReason.TOOL_USE and not self._called:
            yield Failure(MalformedReply(f'{who} ended its reply with "{word}" but made no tool call'))
        elif reason is StopReason.END_TURN and self._called:
            yield Finish(StopReason.TOOL_USE)
        else:
            stops = self._context.stop_sequences if reason is StopReason.STOP_SEQUENCE else ()
            yield Finish(reason, stops[0] if len(stops) == 1 else None)  # which of several is not told

    def _metadata(self, told: Any) -> Iterator[Delta]:
        usage = told["usage"]
        hours = [part for part in usage.get("cacheDetails") or () if part.get("ttl") == "1h"]
        yield Usage(
            count(usage.get("inputTokens")),
            count(usage.get("outputTokens")),
            count(usage.get("cacheReadInputTokens")),
            count(usage.get("cacheWriteInputTokens")),
            cache_write_hour_tokens=sum(count(part.get("inputTokens")) for part in hours),
        )


EVENTS: Mapping[str, Callable[[ConverseDecoder, Any], Iterator[Delta]]] = MappingProxyType(
    {
        "initial-response": ConverseDecoder._nothing,
        "messageStart": ConverseDecoder._nothing,
        "contentBlockStart": ConverseDecoder._start,
        "contentBlockDelta": ConverseDecoder._delta,
        "contentBlockStop": ConverseDecoder._stop,
        "messageStop": ConverseDecoder._finish,
        "metadata": ConverseDecoder._metadata,
    }
)


def _text(value: Any) -> str:
    """Raises: TypeError for what is none."""
    if not isinstance(value, str):
        raise TypeError(value)
    return value


def _events(whole: Any) -> Iterator[tuple[str, Any]]:
    """The events that a whole reply amounts to. Raises: what is in WRONG_SHAPE."""
    for index, block in enumerate(whole["output"]["message"]["content"]):
        for kind, said in block.items():
            at = {"contentBlockIndex": index}
            if kind == "toolUse":
                yield "contentBlockStart", {"start": {kind: said}, **at}
                yield "contentBlockDelta", {"delta": {kind: {"input": orjson.dumps(said["input"]).decode()}}, **at}
            elif kind == "citationsContent":
                for part in said.get("content") or ():
                    yield "contentBlockDelta", {"delta": {"text": part["text"]}, **at}
            elif kind == "reasoningContent":
                yield "contentBlockDelta", {"delta": {kind: {**said, **said.get("reasoningText", {})}}, **at}
            else:
                yield "contentBlockDelta", {"delta": {kind: said}, **at}
        yield "contentBlockStop", {"contentBlockIndex": index}
    yield "messageStop", whole
    yield "metadata", whole
