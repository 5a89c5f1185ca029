"""The output law, checked by code that shares nothing with what it judges.

    message_start, then blocks numbered 0, 1, 2 ... with one open at a time, then one message_delta, then message_stop;
    or at any point one `error`, and nothing after it.

The one exception: under a stop reason that cuts a reply short, a tool call whose JSON was cut is left open.
And the client takes the last block for the answer, so no text may be followed by thinking alone.
Source: Messages API reference, "streaming"; what Claude Code does with each event, docs/protocol.md.
"""

import json
from collections.abc import Iterable
from typing import Any

type Json = dict[str, Any]

USAGE_KEYS = {"input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens", "output_tokens"}
STOP_REASONS = {"end_turn", "max_tokens", "stop_sequence", "tool_use", "refusal", "model_context_window_exceeded"}
CUT_SHORT = {"max_tokens", "model_context_window_exceeded", "refusal"}
BLOCKS: dict[str, Json] = {
    "text": {"type": "text", "text": ""},
    "thinking": {"type": "thinking", "thinking": "", "signature": ""},
}
CALLS = {"tool_use": None, "server_tool_use": "web_search"}  # kind -> the only name that it may have
DELTAS = {
    "text": "text_delta",
    "thinking": "thinking_delta",
    "tool_use": "input_json_delta",
    "server_tool_use": "input_json_delta",
}


def events(stream: bytes) -> list[Json]:
    """Read a stream of ours; its form is one `event:` line, one `data:` line, one empty line."""
    if not stream:
        return []
    assert stream.endswith(b"\n\n"), f"ends in the middle of an event: {stream[-60:]!r}"
    read: list[Json] = []
    for block in stream[:-2].split(b"\n\n"):
        first, second = block.split(b"\n")
        assert first.startswith(b"event: "), block
        assert second.startswith(b"data: "), block
        event = json.loads(second[6:].decode())
        assert event["type"] == first[7:].decode(), block
        read.append(event)
    return read


def check(stream: bytes, *, ended: bool = True) -> list[Json]:
    """Assert that `stream` obeys the law and return its events; `ended` says whether it must be over."""
    judge = _Judge()
    found = events(stream)
    for position, event in enumerate(found):
        try:
            judge.take(event)
        except (AssertionError, KeyError, ValueError) as error:
            raise AssertionError(f"event {position}, {event}: {error}") from error
    assert judge.over or not ended, "the stream does not end"
    return found


class _Judge:
    def __init__(self) -> None:
        self.begun = False
        self.said_why = False
        self.over = False
        self.count = 0
        self.block: Json | None = None
        self.kind = ""
        self.said = ""
        self.signed = False
        self.answer_hidden = False  # thinking stands behind the text, and nothing behind it
        self.answered = False  # text was said, and no tool called since
        self.searched = ""  # the id of the search last asked for

    def take(self, event: Json) -> None:
        assert not self.over, "something after the end"
        kind = event["type"]
        if kind == "error":
            assert set(event) == {"type", "error"}
            assert set(event["error"]) == {"type", "message"}
            assert event["error"]["message"]
            self.over = True
            return
        assert self.begun == (kind != "message_start"), "message_start is not exactly the first"
        assert not self.said_why or kind == "message_stop", "only message_stop follows message_delta"
        getattr(self, f"_{kind}")(event)

    def _message_start(self, event: Json) -> None:
        message = event["message"]
        assert set(message) == {"id", "type", "role", "model", "content", "stop_reason", "stop_sequence", "usage"}
        assert (message["type"], message["role"], message["content"]) == ("message", "assistant", [])
        assert message["stop_reason"] is None
        assert set(message["usage"]) == USAGE_KEYS
        self.begun = True

    def _content_block_start(self, event: Json) -> None:
        assert self.block is None, "two blocks open"
        assert event["index"] == self.count, "blocks are not numbered in order"
        self.block = event["content_block"]
        self.kind, self.said, self.signed = self.block["type"], "", False
        self.answer_hidden = self.kind == "thinking" and self.answered
        self.answered = self.kind == "text" or (self.kind == "thinking" and self.answered)
        if self.kind in CALLS:
            assert set(self.block) == {"type", "id", "name", "input"}
            assert self.block["id"]
            assert self.block["name"]
            assert self.block["name"] == (CALLS[self.kind] or self.block["name"])
            assert self.block["input"] == {}
        elif self.kind == "web_search_tool_result":
            assert set(self.block) == {"type", "tool_use_id", "content"}
            assert self.block["tool_use_id"] == self.searched, "what was found does not follow what was asked"
            assert isinstance(self.block["content"], list) or self.block["content"]["error_code"]
        else:
            assert self.block == BLOCKS[self.kind]

    def _content_block_delta(self, event: Json) -> None:
        assert self.block is not None, "a delta with no block open"
        assert event["index"] == self.count
        assert not self.signed, "a delta after the signature"
        delta = event["delta"]
        if delta["type"] == "citations_delta":
            assert self.kind == "text"
            assert delta["citation"]["url"]
            return
        if delta["type"] == "signature_delta":
            assert self.kind == "thinking"
            assert delta["signature"]
            self.signed = True
            return
        assert delta["type"] == DELTAS[self.kind]
        (words,) = (delta[key] for key in delta if key != "type")
        assert isinstance(words, str)
        self.said += words

    def _content_block_stop(self, event: Json) -> None:
        assert self.block is not None, "a stop with no block open"
        assert event["index"] == self.count
        if self.kind == "thinking":
            assert self.signed, "thinking without a signature"
        elif self.kind == "text":
            assert self.said.strip(), "a blank text block"
        elif self.kind == "server_tool_use":
            assert set(json.loads(self.said)) == {"query"}
            self.searched = self.block["id"]
        elif self.kind == "tool_use":
            assert not self.said or isinstance(json.loads(self.said), dict), "a tool call that cannot run was closed"
        self.block = None
        self.count += 1

    def _message_delta(self, event: Json) -> None:
        reason = event["delta"]["stop_reason"]
        assert reason in STOP_REASONS
        counts = dict(event["usage"])
        searches = counts.pop("server_tool_use", {"web_search_requests": 1})
        assert set(counts) == USAGE_KEYS
        assert all(type(count) is int and count >= 0 for count in (*counts.values(), *searches.values()))
        assert not self.answer_hidden, "thinking stands behind the answer"
        if self.block is not None:
            assert self.kind == "tool_use", "a block is open at the end"
            assert reason in CUT_SHORT, "a call is open although nothing cut it"
            assert not _is_object(self.said), "a complete call was left open"
        self.said_why = True

    def _message_stop(self, event: Json) -> None:
        assert self.said_why, "message_stop without message_delta"
        assert event == {"type": "message_stop"}
        self.over = True


def _is_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except ValueError:
        return False


def told(events: Iterable[Json]) -> list[str]:
    """Events in short, for reading in a table."""
    return [SHORT[event["type"]](event) for event in events]


def _delta(event: Json) -> str:
    if event["delta"]["type"] == "citations_delta":
        return f"{event['index']} cites {event['delta']['citation']['url']}"
    (content,) = (value for key, value in event["delta"].items() if key != "type")
    return f"{event['index']} {content}" if event["delta"]["type"] != "signature_delta" else f"{event['index']} signed"


SHORT: dict[str, Any] = {
    "message_start": lambda _: "start",
    "content_block_start": lambda event: (
        f"{event['index']} [{event['content_block'].get('id') or event['content_block']['type']}"
    ),
    "content_block_delta": _delta,
    "content_block_stop": lambda event: f"{event['index']} ]",
    "message_delta": lambda event: f"because {event['delta']['stop_reason']}",
    "message_stop": lambda _: "stop",
    "error": lambda event: f"error {event['error']['message']}",
}
