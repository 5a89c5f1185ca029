"""Chat-completions replies to deltas, whatever the backend makes of the format.

Deviations this reads (docs/protocol.md, "Chat completions replies"): calls under the finish reason "stop"; content as a
list of parts; reasoning under three names; usage on any chunk, in the choice, or under ``x_groq``; errors inside a 200.
What is odd about calls is for ``calls``.
"""

import re
from collections.abc import Mapping
from typing import Any

import orjson

from addon.dialects import ReplyContext, complaints, faults
from addon.dialects.openai_chat.calls import Calls
from addon.dialects.openai_chat.details import Details
from addon.dialects.openai_chat.echo import DETAILS
from addon.dialects.openai_chat.sources import BESIDE, Sources
from addon.dialects.openai_chat.usage import read_usage
from addon.dialects.profiles import Echo
from addon.protocol import lenient
from addon.protocol.deltas import (
    Carry,
    Delta,
    End,
    Failure,
    Finish,
    Reasoning,
    StopReason,
    Text,
    Unread,
    Usage,
)
from addon.protocol.errors import BackendError, Kind, MalformedReply
from addon.protocol.framing import Frame, ServerSentEvents

END = End()
NOTHING: Mapping[str, object] = {}
SHOWN = 120  # bytes of a bad chunk that are quoted
WRONG_SHAPE = (AttributeError, TypeError, KeyError, OverflowError)  # a value of another type than promised raises these

# finish_reason -> why it stopped; the calls and refusals seen may overrule END_TURN
FINISH: Mapping[str, StopReason] = {
    "stop": StopReason.END_TURN,
    "end": StopReason.END_TURN,
    "eos": StopReason.END_TURN,
    "end_turn": StopReason.END_TURN,
    "length": StopReason.MAX_TOKENS,
    "max_tokens": StopReason.MAX_TOKENS,
    "model_length": StopReason.MAX_TOKENS,
    "tool_calls": StopReason.TOOL_USE,
    "tool_use": StopReason.TOOL_USE,
    "function_call": StopReason.TOOL_USE,
    "content_filter": StopReason.REFUSAL,
    "sensitive": StopReason.REFUSAL,
    "model_context_window_exceeded": StopReason.CONTEXT_WINDOW,
}
FINISH_FAULTS: Mapping[str, Kind] = {
    "error": Kind.SERVER,
    "network_error": Kind.SERVER,
    "insufficient_system_resource": Kind.OVERLOADED,
}

FIRST_HALF = re.compile(rb'(?<!\\)(\\u[dD][89abAB][0-9a-fA-F]{2})"')
SECOND_HALF = re.compile(rb'"(\\u[dD][c-fC-F][0-9a-fA-F]{2})')

# what a delta or message may hold that is read or says nothing; anything else in one is told as unread
WORDS = frozenset(
    [
        "role",
        "name",
        "content",
        "refusal",
        "tool_calls",
        "reasoning_content",
        "reasoning",
        "reasoning_details",
        "thinking_blocks",
        "index",
        "token_ids",
    ]
)


class ChatDecoder:
    """Chunks of one reply, in order; see :class:`addon.dialects.Decoder`."""

    __slots__ = (
        "_begun", "_blank_finish", "_calls", "_carries", "_context", "_details", "_ended", "_frames", "_half",
        "_reason", "_refused", "_settled", "_sources",
    )  # fmt: skip

    def __init__(self, context: ReplyContext) -> None:
        """``context`` gives the names to turn back and the id to make call ids from."""
        self._context = context
        self._frames = ServerSentEvents()
        self._calls = Calls(context)
        self._details = Details()
        self._sources = Sources(context.search)
        self._carries = context.target.profile.reasoning_echo in (Echo.REASONING_DETAILS, Echo.THINKING_BLOCKS)
        self._begun = False  # something was said
        self._settled = False  # nothing is left of the details to stand before what comes
        self._refused = False
        self._reason: StopReason | None = None  # as last told
        self._blank_finish = False  # the last chunk gave "" for a reason
        self._half = b""  # the escape of a high surrogate, whose low one is to come
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

    def _decode_each(self, frames: list[Frame]) -> list[Delta]:
        deltas: list[Delta] = []
        for frame in frames:
            try:
                deltas += self.decode(frame.data)
            except MalformedReply as error:
                deltas.append(Failure(error))
        return deltas

    def close(self) -> list[Delta]:
        """Return what was left over, and the end."""
        deltas = self._decode_each(self._frames.close())
        return deltas if self._ended else [*deltas, *self._end(told=False)]

    def decode(self, data: bytes) -> list[Delta]:
        """Turn one chunk, or the literal ``[DONE]``, into deltas in reading order. Raises: MalformedReply."""
        if self._ended:
            return []  # after [DONE] nothing counts; the tap has kept the bytes
        try:
            chunk = orjson.loads(data)
        except orjson.JSONDecodeError:
            if data.strip() == b"[DONE]":
                return self._end(told=True)
            chunk = self._mend(data)
        try:
            return self._read(chunk)
        except WRONG_SHAPE as error:
            raise self._misshapen(error) from error

    def _end(self, *, told: bool) -> list[Delta]:
        """Return what was held. ``told``: the backend itself said that nothing follows."""
        self._ended = True
        half = [Text("\ufffd")] if self._half else []
        try:
            deltas = self._settle(*half, *self._sources.close(), *self._calls.close())
        except WRONG_SHAPE as error:
            return [Failure(self._misshapen(error))]
        if self._details.sealed and not self._carries:
            deltas.append(Unread("reasoning_details"))
        if self._reason and self._calls.nameless:
            deltas.append(Failure(self._nameless()))
        elif self._calls and (
            self._reason is StopReason.END_TURN or (told and self._blank_finish and not self._reason)
        ):
            deltas.append(Finish(StopReason.TOOL_USE))  # calls behind the finish reason, or "" for one (xAI)
        return [*deltas, END]

    def _misshapen(self, error: Exception) -> MalformedReply:
        return MalformedReply(f"{self._context.target.name} sent a chunk of the wrong shape ({error})")

    def _nameless(self) -> MalformedReply:
        return MalformedReply(f"{self._context.target.name} sent a tool call without a name")

    def _mend(self, data: bytes) -> Any:
        """Parse what orjson does not take: half an emoji, or NaN among the log probabilities, should cost no reply.

        The first half of a surrogate pair, at the end of a text, waits for the chunk that begins with the second.
        """
        half, self._half = self._half, b""
        if half:
            data = SECOND_HALF.sub(lambda found: b'"' + half + found[1], data, count=1)
        if found := FIRST_HALF.search(data):
            self._half = found[1]
            data = data[: found.start(1)] + data[found.end(1) :]
        try:
            return lenient.loads(data, NOTHING.get)
        except ValueError:
            # a chunk that broke off holds words of the model's, which are for no log; a page of an error is shown
            is_chunk = data.lstrip().startswith((b"{", b"["))
            shown = "a chunk that is cut or broken" if is_chunk else data[:SHOWN].decode("utf-8", "replace")
            raise MalformedReply(f"{self._context.target.name} sent what is not JSON: {shown}") from None

    def _read(self, chunk: Any) -> list[Delta]:
        choices = chunk.get("choices")
        searches = self._context.search is not None
        if choices and not chunk.get("usage") and "error" not in chunk and "x_groq" not in chunk and not searches:
            # nine chunks of ten: one word of text or thinking, and nothing else worth reading
            choice = choices[0]
            said = choice.get("delta")
            if (
                said
                and len(said) == 1
                and not choice.get("finish_reason")
                and "error" not in choice
                and "usage" not in choice
            ):
                text = said.get("content")
                if text.__class__ is str and text:
                    return [Text(text)] if self._settled else self._settle(Text(text))
                text = said.get("reasoning_content")
                if text.__class__ is str and text:
                    self._begun = True
                    return [Reasoning(text)]
        if (chunk.get("error") or not isinstance(choices, list)) and (told := complaints.read(chunk)):
            return [Failure(faults.from_stream(told, self._context))]
        deltas: list[Delta] = []
        if choices:
            self._read_choice(choices[0], deltas)
        if not BESIDE.isdisjoint(chunk):
            self._sources.read(chunk, BESIDE, deltas)
        usage = chunk.get("usage") or (chunk.get("x_groq") or {}).get("usage")
        if usage:
            deltas.append(self._count(usage))
        return deltas

    def _count(self, usage: Any) -> Usage:
        profile = self._context.target.profile
        return read_usage(usage, reasoning_uncounted=profile.reasoning_uncounted, tells_cost=profile.tells_cost)

    def _settle(self, *then: Delta) -> list[Delta]:
        """Return ``then``, and before it what the backend wants back of what it thought so far."""
        self._begun = self._settled = True
        carried = self._details.take()
        return [Carry(DETAILS, carried), *then] if carried and self._carries else [*then]

    def _read_choice(self, choice: Any, deltas: list[Delta]) -> None:
        said = choice.get("delta") or choice.get("message")
        # MiniMax ends its stream with the whole message once more
        if said and (not self._begun or choice.get("delta")):
            self._read_words(said, deltas)
            self._begun = self._begun or bool(deltas)
        if choice.get("error") and (told := complaints.read(choice)):
            deltas.append(Failure(faults.from_stream(told, self._context)))
            return
        finish = choice.get("finish_reason")
        if finish:
            deltas.append(self._finish(finish, choice.get("stop_reason") or choice.get("matched_stop")))
        self._blank_finish = finish == ""
        if choice.get("usage"):
            deltas.append(self._count(choice["usage"]))

    def _read_words(self, said: Any, deltas: list[Delta]) -> None:
        reasoning = said.get("reasoning_content") or said.get("reasoning")
        if details := said.get("reasoning_details") or said.get("thinking_blocks"):
            words = self._details.feed(details, alone=not reasoning)
            reasoning = reasoning or words
            self._settled = False
        if reasoning:
            deltas.append(Reasoning(_string(reasoning)))
        content, refusal, calls = said.get("content"), said.get("refusal"), said.get("tool_calls")
        if not self._settled and (content or refusal or calls):
            deltas += self._settle()
        if content:
            if content.__class__ is str:
                deltas.append(Text(content))
            else:
                self._read_parts(content, deltas)
        if refusal:
            self._refused = True
            deltas.append(Text(_string(refusal)))
        if calls:
            self._calls.read(calls, deltas)
        if not WORDS.issuperset(said):
            self._sources.read(said, said.keys() - WORDS, deltas)

    def _read_parts(self, content: Any, deltas: list[Delta]) -> None:
        """Read content that is a list of parts (Mistral, some templates of vLLM)."""
        if not isinstance(content, list):
            raise MalformedReply(
                f"content is neither text nor a list of parts, but of the type {type(content).__name__}"
            )
        for part in content:
            match part.get("type") if isinstance(part, dict) else None:
                case "text" | "output_text":
                    if part.get("text"):
                        deltas.append(Text(_string(part["text"])))
                case "thinking":
                    if thought := _thought(part.get("thinking")):
                        deltas.append(Reasoning(thought))
                case "refusal":
                    self._read_words({"refusal": part.get("refusal")}, deltas)
                case "reference":
                    deltas.append(Unread("content.reference"))  # numbers of sources that we did not give it; no words
                case unknown:
                    raise MalformedReply(f'content has a part of the unknown type "{_name(unknown)}"')

    def _finish(self, finish: Any, stopped_by: Any = None) -> Delta:
        target = self._context.target.name
        if self._calls.nameless:
            return Failure(self._nameless())
        if finish in FINISH_FAULTS:
            return Failure(BackendError(FINISH_FAULTS[finish], f'{target} ended its reply with "{finish}"'))
        reason = FINISH.get(finish)
        if reason is None:
            return Failure(MalformedReply(f'{target} ended its reply with the unknown finish reason "{_name(finish)}"'))
        if finish == "stop" and stopped_by in self._context.stop_sequences:  # vLLM, SGLang
            self._reason = StopReason.STOP_SEQUENCE
            return Finish(self._reason, stopped_by)
        if reason is StopReason.END_TURN and self._calls:
            reason = StopReason.TOOL_USE
        elif reason is StopReason.END_TURN and self._refused:
            reason = StopReason.REFUSAL
        elif reason is StopReason.TOOL_USE and not self._calls:
            return Failure(MalformedReply(f'{target} ended its reply with "{finish}" but made no tool call'))
        self._reason = reason
        return Finish(reason)


def _name(value: Any) -> str:
    """What should be a name, as far as it may be one."""
    return str(value)[:SHOWN]


def _string(value: Any) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def _thought(thinking: Any) -> str:
    """Mistral's thinking: text, or a list of text parts."""
    return thinking if isinstance(thinking, str) else "".join(_string(part.get("text", "")) for part in thinking or ())
