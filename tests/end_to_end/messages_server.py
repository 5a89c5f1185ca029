"""A scripted server of Anthropic's own format, as strict about signatures as Anthropic.

A signature is made of the thinking that it signs. Whatever comes back with another one is refused in Anthropic's words,
and so is what Anthropic's server cannot take: empty texts and turns, calls without results, unknown blocks.
Sources: Messages API reference, "errors" and "extended thinking"; the wording of the refusals as Claude Code knows it.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import override

from tests.end_to_end.fakes import FakeBackend, Received
from tests.end_to_end.replies import Call, Json, Raw

PATHS = ("/v1/messages", "/v1/messages?beta=true")
BLOCKS = {
    "user": {"text", "image", "document", "tool_result"},
    "assistant": {"text", "tool_use", "thinking", "redacted_thinking"},
    "system": {"text"},
}
USAGE = {"input_tokens": 1200, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0, "output_tokens": 34}


def sign(thinking: str) -> str:
    """The only signature that this thinking may have."""
    return "Anthropic" + hashlib.sha256(thinking.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Message:
    """What Claude says, in reading order: thinking, text, tool calls."""

    text: str = ""
    thinking: str = ""
    calls: tuple[Call, ...] = ()

    def render(self, request: Json) -> Raw:
        """The stream of events; the id is another for each turn of a session, as the client needs it."""
        assert request.get("stream"), "only streams are served"
        head: Json = {"id": f"msg_{len(request['messages'])}", "type": "message", "role": "assistant", "content": []}
        message = {
            **head,
            "model": request.get("model", "claude"),
            "stop_reason": None,
            "stop_sequence": None,
            "usage": USAGE,
        }
        events: list[Json] = [{"type": "message_start", "message": message}]
        for index, (start, deltas) in enumerate(self._blocks()):
            events.append({"type": "content_block_start", "index": index, "content_block": start})
            events += [{"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas]
            events.append({"type": "content_block_stop", "index": index})
        reason = {"stop_reason": "tool_use" if self.calls else "end_turn", "stop_sequence": None}
        events += [{"type": "message_delta", "delta": reason, "usage": USAGE}, {"type": "message_stop"}]
        return Raw(tuple(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode() for event in events))

    def _blocks(self) -> Iterator[tuple[Json, list[Json]]]:
        if self.thinking:
            signature = {"type": "signature_delta", "signature": sign(self.thinking)}
            thought = {"type": "thinking_delta", "thinking": self.thinking}
            yield {"type": "thinking", "thinking": "", "signature": ""}, [thought, signature]
        if self.text:
            yield {"type": "text", "text": ""}, [{"type": "text_delta", "text": self.text}]
        for each in self.calls:
            start = {"type": "tool_use", "id": each.id, "name": each.name, "input": {}}
            yield start, [{"type": "input_json_delta", "partial_json": each.arguments}]


@dataclass(slots=True)
class MessagesServer(FakeBackend):
    """The script, what was received, and what was wrong with it."""

    @property
    @override
    def base_url(self) -> str:
        """What a user would put into ANTHROPIC_API_BASE."""
        return f"http://127.0.0.1:{self.port}"

    @override
    def objections(self, request: Received) -> list[str]:
        """What Anthropic's server would refuse."""
        found = list(_violations(request.body.get("messages") or []))
        if request.path not in PATHS:
            found.append(f"path {request.path}: only {PATHS[0]} is served")
        if request.headers.get("x-api-key") != self.key:
            found.append("invalid x-api-key")
        return found

    @override
    def refusal(self, message: str, code: str) -> Raw:
        """A 400 in Anthropic's envelope."""
        body = {"type": "error", "error": {"type": "invalid_request_error", "message": message}}
        return Raw((json.dumps(body).encode(),), 400, (("content-type", "application/json"),))


def _violations(messages: list[Json]) -> Iterator[str]:
    unanswered: set[str] = set()
    for index, message in enumerate(messages):
        content = message["content"]
        blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
        if not blocks and message["role"] != "system":
            yield f"messages.{index}: all messages must have non-empty content"
        results = {block.get("tool_use_id") for block in blocks if block["type"] == "tool_result"}
        if message["role"] != "system" and results != unanswered:
            yield f"messages.{index}: `tool_use` ids {unanswered} and `tool_result` ids {results} are not the same"
        unanswered = {block["id"] for block in blocks if block["type"] == "tool_use"}
        for position, block in enumerate(blocks):
            path = f"messages.{index}.content.{position}"
            if block["type"] not in BLOCKS[message["role"]]:
                yield f"{path}: {block['type']} is not allowed in the role {message['role']}"
            if block["type"] == "text" and not block["text"].strip():
                yield f"{path}: text content blocks must contain non-whitespace text"
            if block["type"] == "thinking" and block["signature"] != sign(block["thinking"]):
                yield f"{path}: Invalid `signature` in `thinking` block"
            if block["type"] == "redacted_thinking":
                yield f"{path}: Invalid `data` in `redacted_thinking` block"
