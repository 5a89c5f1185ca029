"""Deltas to Anthropic's events, lawfully whatever comes.

Theory of operation
-------------------
``EventWriter`` alone writes Anthropic's events. Its output law:

    message_start, then blocks numbered 0, 1, 2 ... with one open at a time, each closed before the next,
    then one message_delta, then message_stop; or at any point one ``error``, and nothing after it.

One exception, and why: a tool call whose arguments were cut (at the length limit, the window's end, by a filter) is
left open when message_delta comes. The client runs every tool call that was closed, so a cut one must not be; it drops
a block without its end, reads the stop reason and lets the model resume (docs/protocol.md, "Stop reasons").

States: START (nothing written), BETWEEN (no block open), TEXT, THINKING, TOOL (that block is open), MUSING (text is
open, and thinking that came behind it is held), OVER. What each may receive is the table ``TRANSITIONS``; a delta
without an entry is a bug of the dialect and says so.

* A reply never ends in text and then thinking: the client takes its last block for the answer (docs/protocol.md,
  "Output events"). So thinking behind text waits for the next text or call; where none comes, it is told as unread.
* What the backend wants back (``Carry``) travels in the signature of the thinking block that is open, or of the next
  one. Where no thinking follows, one without text stands before the next text or call, or behind the last call.
  Anthropic itself streams such blocks where thinking is not shown. Behind the last text it is told as unread.
* A text block is never blank: Anthropic refuses a history with one. Some backends say a line break before each call.
* A search that is done is two blocks, whole: what was asked, what was found. A citation belongs to the open text block.
* While a tool block is open, anything that does not belong to it waits until the call's JSON is complete: in groups,
  one for each call, text and thinking, released in the order of their first appearance.
* A finish reason, and usage, are remembered: more content, and more usage, may follow. The end of the reply writes
  them. An end without a finish reason is an error; we never invent one.
* Late arrivals after the end or an error are dropped here; the recorder has kept the backend's bytes.
"""

from collections.abc import Callable, Mapping
from enum import Enum, auto
from typing import Any

import orjson

from addon.protocol import event_shapes, framing, signature, tokens
from addon.protocol.deltas import (
    Carry,
    Citation,
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
    WebSearch,
)
from addon.protocol.errors import DetourError, MalformedReply
from addon.protocol.event_shapes import UNSHOWN

dumps = orjson.dumps

# of one call's arguments, and of all that waits behind it; as large as the largest request
MAX_CALL_CHARACTERS = 32 * 1024 * 1024
UNCARRIED = "reasoning state"  # where something to be carried came behind the last text
UNSAID = "reasoning"  # the same of thinking
BEHIND_CUT = "content"  # where something was dropped, because it came behind a call that was cut
CUT_SHORT = frozenset((StopReason.MAX_TOKENS, StopReason.CONTEXT_WINDOW, StopReason.REFUSAL))


class State(Enum):
    """Where the client's message stands."""

    START = auto()
    BETWEEN = auto()
    TEXT = auto()
    THINKING = auto()
    TOOL = auto()
    MUSING = auto()
    OVER = auto()


class EventWriter:
    """Writes Anthropic's events from deltas, lawfully whatever comes; see the module."""

    __slots__ = (
        "_arguments", "_blanks", "_call_limit", "_carried", "_characters", "_counted", "_finish", "_head", "_held",
        "_index", "_input_estimate", "_last", "_mask", "_model", "_musings", "_origin", "_row", "_searches", "_state",
        "_tool_key", "_unshown", "_waiting", "_wordless", "error", "message_id", "unread", "usage",
    )  # fmt: skip

    def __init__(
        self,
        message_id: str,
        model: str,
        origin: str,
        input_estimate: int = 0,
        mask: Callable[[str], str] = str,
        *,
        shows_thinking: bool = True,
        wordless: Callable[[StopReason, Usage | None], DetourError | None] = lambda _reason, _usage: None,
        counted: Callable[[int], int] = int,
    ) -> None:
        """``model`` is the name the client asked for, ``origin`` who really answers (``provider/model``).

        ``input_estimate``, in tokens, stands in message_start and wherever the backend reports no usage. ``mask`` takes
        out of an error's text what the client must not read: backends quote the key they refuse.
        ``shows_thinking`` False: the client wants a signature alone (``display: omitted``), which then holds the words.
        ``wordless`` is asked what is wrong with a reply that ends without one; None: nothing. ``counted`` makes a count
        of tokens what the client is told.
        """
        self.message_id = message_id
        self._model, self._origin = model, origin
        self._input_estimate, self._counted = input_estimate, counted
        self._mask, self._wordless = mask, wordless
        self._index = self._tool_key = -1  # of the block last opened; of the call that it is
        self._last = State.START  # what that block is
        self._head = b""  # of a delta event of the open block, up to its text
        self._blanks, self._musings = "", list[str]()  # before a text may open; thinking behind the open text
        self._arguments: list[str] = []  # of the open call
        self._held: dict[object, list[Delta]] = {}
        self._carried: dict[str, Any] = {}  # for the signature of the open thinking block
        self._unshown: list[str] | None = None if shows_thinking else []  # the same, in words
        self._searches = 0
        self._finish: Finish | None = None
        self._characters = self._call_limit = 0  # of the reply; and of these, while a call is open
        self._waiting = 0  # characters that were ever held or carried
        self.usage: Usage | None = None
        self.unread: dict[str, None] = {}  # paths, in their order
        self.error: DetourError | None = None
        self._enter(State.START)

    @property
    def stop_reason(self) -> StopReason | None:
        """Why the backend stopped, once it has said so."""
        return self._finish.reason if self._finish else None

    @property
    def over(self) -> bool:
        """Whether the client's message is ended, well or badly."""
        return self._state is State.OVER

    @property
    def begun(self) -> bool:
        """Whether a block was opened, or the message ended: blanks alone are no content."""
        return self._index >= 0 or (self._state is State.OVER and self.error is None)

    def write(self, delta: Delta) -> bytes:
        """Return the events that ``delta`` amounts to; empty means "not yet". Raises: KeyError, a bug of the caller."""
        return self._row[type(delta)](self, delta)

    def final_usage(self) -> Usage:
        """What the backend counted, or our estimate where it did not."""
        return self.usage or Usage(self._input_estimate, tokens.estimate_text(self._characters))

    def _enter(self, state: State) -> None:
        self._state = state
        self._row = TRANSITIONS[state]

    # -- content ---------------------------------------------------------------------------------------------------

    def _begin(self, delta: Delta) -> bytes:
        message = event_shapes.message(self.message_id, self._model, self._counted(self._input_estimate))
        self._enter(State.BETWEEN)
        return _event("message_start", {"type": "message_start", "message": message}) + self.write(delta)

    def _more(self, delta: Text | Reasoning) -> bytes:
        text = delta.text
        self._characters += len(text)
        return self._head + dumps(text) + b"}}\n\n"

    def _open_text(self, delta: Text) -> bytes:
        """Open a block with the first words; blanks alone are held, and dropped where no words follow."""
        if delta.text.isspace():
            self._blanks += delta.text
            return b""
        first = Text(self._blanks + delta.text)
        opened = self._carry_out() + self._open(State.TEXT, {"type": "text", "text": ""}, b'"text_delta","text":')
        return opened + self._more(first)

    def _open_thinking(self, delta: Reasoning) -> bytes:
        block = {"type": "thinking", "thinking": "", "signature": ""}
        return self._open(State.THINKING, block, b'"thinking_delta","thinking":') + self.write(delta)

    def _think(self, delta: Reasoning) -> bytes:
        if self._unshown is None:
            return self._more(delta)
        self._characters += len(delta.text)
        self._unshown.append(delta.text)
        return b""

    def _muse(self, delta: Reasoning) -> bytes:
        """Hold thinking that may be the last of the reply."""
        self._enter(State.MUSING)
        self._musings.append(delta.text)
        self._waiting += len(delta.text)
        return self._too_much() if self._waiting > MAX_CALL_CHARACTERS else b""

    def _muse_on(self, delta: Text) -> bytes:
        """Go on only with words: behind blanks alone the thinking would still be the last."""
        if delta.text.isspace():
            self._blanks += delta.text
            return b""
        return self._muse_then(Text(self._blanks + delta.text))

    def _muse_then(self, delta: Delta) -> bytes:
        """Write what was held, for the reply goes on."""
        thought = Reasoning("".join(self._musings))
        self._musings.clear()
        return self._close() + self.write(thought) + self.write(delta)

    def _end_musing(self, delta: End) -> bytes:
        self._characters += sum(map(len, self._musings))
        self.unread[UNSAID] = None
        return self._then(delta)

    def _carry(self, delta: Carry) -> bytes:
        """Keep it for the next signature."""
        self._waiting += len(dumps(delta.value))
        known = self._carried.get(delta.key)
        if isinstance(known, list) and isinstance(delta.value, list):
            self._carried[delta.key] = known + delta.value
        elif isinstance(known, dict) and isinstance(delta.value, dict):
            self._carried[delta.key] = known | delta.value
        else:
            self._carried[delta.key] = delta.value
        return self._too_much() if self._waiting > MAX_CALL_CHARACTERS else b""

    def _open_tool(self, delta: ToolCall) -> bytes:
        carried = self._carry_out()
        self._tool_key = delta.key
        self._call_limit = self._characters + MAX_CALL_CHARACTERS
        self._arguments = []
        block = {"type": "tool_use", "id": delta.id, "name": delta.name, "input": {}}
        return carried + self._open(State.TOOL, block, b'"input_json_delta","partial_json":')

    def _open(self, state: State, block: Mapping[str, Any], kind: bytes) -> bytes:
        self._index += 1
        self._last, self._blanks = state, ""
        self._enter(state)
        self._head = (
            b'event: content_block_delta\ndata: {"type":"content_block_delta","index":%d,"delta":{"type":%s'
            % (self._index, kind)
        )
        start = {"type": "content_block_start", "index": self._index, "content_block": block}
        return _event("content_block_start", start)

    def _close(self) -> bytes:
        self._enter(State.BETWEEN)
        return _event("content_block_stop", {"type": "content_block_stop", "index": self._index})

    def _then(self, delta: Delta) -> bytes:
        """Close the open text block, then take ``delta`` with none open."""
        return self._close() + self.write(delta)

    def _carry_out(self) -> bytes:
        """Write a thinking block for what is carried, if anything is."""
        if not self._carried:
            return b""
        block = {"type": "thinking", "thinking": "", "signature": ""}
        return self._open(State.THINKING, block, b"") + self._sign()

    def _sign_then(self, delta: Delta) -> bytes:
        return self._sign() + self.write(delta)

    def _sign(self) -> bytes:
        state, self._carried = self._carried, {}
        if self._unshown:
            state[UNSHOWN] = "".join(self._unshown)
            self._unshown.clear()
        sealed = {"type": "signature_delta", "signature": signature.seal(self._origin, state)}
        event = {"type": "content_block_delta", "index": self._index, "delta": sealed}
        return _event("content_block_delta", event) + self._close()

    # -- searches --------------------------------------------------------------------------------------------------

    def _search(self, delta: WebSearch) -> bytes:
        """Write both blocks of a search. Source: Messages API reference, "web search tool"."""
        self._searches += 1
        use_id = f"srvtoolu_{self.message_id.removeprefix('msg_')}_{self._searches}"
        use = {"type": "server_tool_use", "id": use_id, "name": "web_search", "input": {}}
        opened = self._open(State.BETWEEN, use, b'"input_json_delta","partial_json":')
        asked = self._head + dumps(dumps({"query": delta.query}).decode()) + b"}}\n\n"
        found: Any = [event_shapes.found(source, self._origin) for source in delta.found]
        if delta.error:
            found = {"type": "web_search_tool_result_error", "error_code": delta.error}
        result = {"type": "web_search_tool_result", "tool_use_id": use_id, "content": found}
        return opened + asked + self._close() + self._open(State.BETWEEN, result, b"") + self._close()

    def _cite(self, delta: Citation) -> bytes:
        citation = event_shapes.citation(delta.source, self._origin)
        cited = {"type": "citations_delta", "citation": citation}
        return _event("content_block_delta", {"type": "content_block_delta", "index": self._index, "delta": cited})

    def _uncited(self, _: Citation) -> bytes:
        self.unread["citation"] = None
        return b""

    # -- tool calls ------------------------------------------------------------------------------------------------

    def _arguments_of(self, delta: ToolArguments) -> bytes:
        if delta.key != self._tool_key:
            return self._wait(delta)
        piece = delta.json
        self._arguments.append(piece)
        self._characters += len(piece)
        if self._characters > self._call_limit:
            return self._too_much()
        written = self._head + dumps(piece) + b"}}\n\n"
        if self._held and piece.endswith("}") and self._is_complete():
            return written + self._close() + self._release()
        return written

    def _wait(self, delta: Delta) -> bytes:
        """Take ``delta`` at once when the open call is complete, else hold it in its group."""
        if not self._held and self._is_complete():
            return self._close() + self.write(delta)
        group = delta.key if isinstance(delta, ToolCall | ToolArguments) else type(delta)
        self._held.setdefault(group, []).append(delta)
        self._waiting += len(delta.json if isinstance(delta, ToolArguments) else getattr(delta, "text", ""))
        return self._too_much() if self._waiting > MAX_CALL_CHARACTERS else b""

    def _too_much(self) -> bytes:
        what = f"made a tool call, or said at once what must wait, of more than {MAX_CALL_CHARACTERS} characters"
        return self._fail(Failure(MalformedReply(f"{self._origin} {what}.")))

    def _is_complete(self) -> bool:
        try:
            return isinstance(orjson.loads("".join(self._arguments)), dict)
        except orjson.JSONDecodeError:
            return False

    def _release(self) -> bytes:
        """Write what was held, group by group, until a call is open that is not complete yet."""
        written: list[bytes] = []
        while self._held and (self._state is not State.TOOL or self._is_complete()):
            if self._state is State.TOOL:
                written.append(self._close())
            group = self._held.pop(next(iter(self._held)))
            later, self._held = self._held, {}  # the group's own deltas never wait for the groups after it
            written.extend(self.write(delta) for delta in group)
            self._held = later
        return b"".join(written)

    def _stray(self, delta: ToolArguments) -> bytes:
        return self._fail(Failure(MalformedReply(f"Arguments came for call {delta.key}, which is not open.")))

    # -- the end ---------------------------------------------------------------------------------------------------

    def _note_usage(self, delta: Usage) -> bytes:
        self.usage = delta
        return b""

    def _note_unread(self, delta: Unread) -> bytes:
        self.unread[delta.path] = None
        return b""

    def _note_finish(self, delta: Finish) -> bytes:
        self._finish = delta
        return b""

    def _nothing_came(self, delta: End) -> bytes:
        if self._finish is None:
            return self._no_finish(delta)
        error = self._wordless(self._finish.reason, self.usage)
        return self._begin(delta) if error is None else self._fail(Failure(error))

    def _end(self, delta: End) -> bytes:
        if self._finish is None:
            return self._no_finish(delta)
        if self._carried and self._last is State.TOOL and self._state is State.BETWEEN:  # no cut call stands open
            return self._carry_out() + self._end(delta)
        if self._carried:
            self.unread[UNCARRIED] = None
        usage = self.final_usage()
        counts: dict[str, Any] = {
            "input_tokens": self._counted(usage.input_tokens),
            "cache_creation_input_tokens": self._counted(usage.cache_write_tokens),
            "cache_read_input_tokens": self._counted(usage.cache_read_tokens),
            "output_tokens": self._counted(usage.output_tokens),
        }
        if self._searches:
            counts["server_tool_use"] = {"web_search_requests": self._searches}
        event = {
            "type": "message_delta",
            "delta": {"stop_reason": self._finish.reason, "stop_sequence": self._finish.stop_sequence},
            "usage": counts,
        }
        self._enter(State.OVER)
        return _event("message_delta", event) + _event("message_stop", {"type": "message_stop"})

    def _end_tool(self, delta: End) -> bytes:
        """End with calls that may be incomplete: one without arguments has none, one cut short stays open."""
        if self._finish is None:
            return self._no_finish(delta)
        cut = self._finish.reason in CUT_SHORT
        written: list[bytes] = []
        while self._state is State.TOOL:
            if not self._is_complete() and (cut or self._arguments):
                if cut:
                    if self._held:
                        self.unread[BEHIND_CUT] = None
                    return b"".join(written) + self._end(delta)
                message = f"Tool call {self._tool_key} came with arguments that are not a JSON object."
                return b"".join(written) + self._fail(Failure(MalformedReply(message)))
            written += (self._close(), self._release())
        return b"".join(written) + self.write(delta)

    def _no_finish(self, _: End) -> bytes:
        return self._fail(Failure(MalformedReply(f"{self._origin} ended its reply without a finish reason.")))

    def _fail(self, delta: Failure) -> bytes:
        self.error = delta.error.kept()
        self.error.message = self._mask(self.error.message)
        self._held.clear()
        self._enter(State.OVER)
        return framing.encode("error", delta.error.event())

    def _drop(self, _: Delta) -> bytes:
        return b""


def _event(name: str, data: Mapping[str, Any]) -> bytes:
    return framing.encode(name, dumps(data))


_NOTED: Mapping[type, Callable[..., bytes]] = {
    Usage: EventWriter._note_usage,
    Unread: EventWriter._note_unread,
    Finish: EventWriter._note_finish,
    Failure: EventWriter._fail,
}

TRANSITIONS: Mapping[State, Mapping[type, Callable[..., bytes]]] = {
    State.START: {
        **dict.fromkeys((Text, Reasoning, Carry, ToolCall, WebSearch), EventWriter._begin),
        ToolArguments: EventWriter._stray,
        Citation: EventWriter._uncited,
        End: EventWriter._nothing_came,
        **_NOTED,
    },
    State.BETWEEN: {
        Text: EventWriter._open_text,
        Reasoning: EventWriter._open_thinking,
        Carry: EventWriter._carry,
        ToolCall: EventWriter._open_tool,
        ToolArguments: EventWriter._stray,
        WebSearch: EventWriter._search,
        Citation: EventWriter._uncited,
        End: EventWriter._end,
        **_NOTED,
    },
    State.TEXT: {
        Text: EventWriter._more,
        Carry: EventWriter._carry,
        Reasoning: EventWriter._muse,
        **dict.fromkeys((ToolCall, WebSearch, End), EventWriter._then),
        ToolArguments: EventWriter._stray,
        Citation: EventWriter._cite,
        **_NOTED,
    },
    State.MUSING: {
        Reasoning: EventWriter._muse,
        Carry: EventWriter._carry,
        Text: EventWriter._muse_on,
        **dict.fromkeys((ToolCall, WebSearch), EventWriter._muse_then),
        ToolArguments: EventWriter._stray,
        Citation: EventWriter._cite,
        End: EventWriter._end_musing,
        **_NOTED,
    },
    State.THINKING: {
        Reasoning: EventWriter._think,
        Carry: EventWriter._carry,
        **dict.fromkeys((Text, ToolCall, WebSearch, End), EventWriter._sign_then),
        ToolArguments: EventWriter._stray,
        Citation: EventWriter._uncited,
        **_NOTED,
    },
    State.TOOL: {
        Carry: EventWriter._carry,
        **dict.fromkeys((Text, Reasoning, ToolCall, WebSearch), EventWriter._wait),
        ToolArguments: EventWriter._arguments_of,
        Citation: EventWriter._uncited,
        End: EventWriter._end_tool,
        **_NOTED,
    },
}
TRANSITIONS = {**TRANSITIONS, State.OVER: dict.fromkeys(TRANSITIONS[State.BETWEEN], EventWriter._drop)}
