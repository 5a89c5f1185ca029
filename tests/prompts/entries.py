"""Entries of the prompt log made from what the real client sent, for tests of all that reads the log.

``recorded_session`` is a whole session of Claude Code, with the answers that its own history tells; ``recorded_calls``
is one call of each kind; ``routed`` is a story of ``tests/transcripts``, with both sides of its translation. ``entry``
makes one of any body, and ``stream`` a reply of any blocks.
"""

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from addon.prompts.entry import Change, Entry, Headers, Reply, Request, Summary
from addon.protocol import framing
from addon.routing.call import Call, Door
from tests.stories import FOLDER, Story

type Json = dict[str, Any]

CALLS = FOLDER.parent / "routing" / "calls" / "claude_code.json"
STARTED_AT = 1_795_000_000.0  # in November 2026
SESSION = "00000000-0000-4000-8000-000000000000"
CLIENT: Headers = (
    ("content-type", "application/json"),
    ("user-agent", "claude-cli/2.1.329 (external, sdk-cli)"),
    ("anthropic-version", "2023-06-01"),
)
STREAM: Headers = (("content-type", "text/event-stream; charset=utf-8"),)
DELTAS = {"text": ("text_delta", "text"), "thinking": ("thinking_delta", "thinking")}


def stream(*blocks: Json, model: str = "claude-opus-5-5", stop_reason: str | None = None) -> bytes:
    """Write the events of a reply with these blocks, as Anthropic sends them."""
    usage = {
        "input_tokens": 10,
        "cache_read_input_tokens": 900,
        "cache_creation_input_tokens": 90,
        "output_tokens": 1,
    }
    message = {"id": "msg_1", "type": "message", "role": "assistant", "model": model, "content": [], "usage": usage}
    events: list[Json] = [{"type": "message_start", "message": {**message, "stop_reason": None, "stop_sequence": None}}]
    for index, block in enumerate(blocks):
        events += _events(index, block)
    calls = any(block["type"] == "tool_use" for block in blocks)
    end = {"stop_reason": stop_reason or ("tool_use" if calls else "end_turn"), "stop_sequence": None}
    events += [{"type": "message_delta", "delta": end, "usage": {"output_tokens": 20}}, {"type": "message_stop"}]
    return b"".join(framing.encode(event["type"], json.dumps(event).encode()) for event in events)


def _events(index: int, block: Json) -> list[Json]:
    kind = block["type"]
    started, deltas = block, []
    if kind in DELTAS:
        name, field = DELTAS[kind]
        started, deltas = {**block, field: ""}, [{"type": name, field: block[field]}]
    elif kind == "tool_use":
        started, deltas = (
            {**block, "input": {}},
            [{"type": "input_json_delta", "partial_json": json.dumps(block["input"])}],
        )
    if "signature" in block:
        started = {**started, "signature": ""}
        deltas.append({"type": "signature_delta", "signature": block["signature"]})
    return [
        {"type": "content_block_start", "index": index, "content_block": started},
        *({"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas),
        {"type": "content_block_stop", "index": index},
    ]


def entry(
    body: Json | bytes,
    *,
    number: int = 1,
    given: bytes | None = None,
    headers: Sequence[tuple[str, str]] = (),
    path: str = "/v1/messages",
    door: str = "proxy",
    url: str = "",
    **facts: Any,
) -> Entry:
    """Make an exchange that passed to Anthropic; ``facts`` go over those that the request tells of itself."""
    raw = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
    call = Call(json.loads(raw), raw=raw, headers=dict(headers), path=path, door=Door(door))
    told = {
        "number": number,
        "id": f"{number:024x}",
        "at": STARTED_AT + 60 * number,
        "session": call.session,
        "agent": call.agent_id,
        "agent_type": call.agent_type,
        "kind": str(call.kind),
        "path": path,
        "door": door,
        "asked": call.body["model"],
        "route": "anthropic",
        "status": 200 if given is not None else 0,
        "total_ms": 1_500,
    }
    if given is not None:
        told |= {"stop_reason": "end_turn", "first_byte_ms": 300, "first_content_ms": 400}
        told |= {"input_tokens": 10, "cache_read_tokens": 900, "cache_write_tokens": 90, "output_tokens": 20}
        told |= {"dollars": 0.0125}
    address = "https://api.anthropic.com" if door == "proxy" else "http://127.0.0.1:8082"
    return Entry(
        summary=Summary(**{**told, **facts}),
        reason="no route is set",
        request=Request(method="POST", url=url or address + path, headers=(*CLIENT, *headers), body=raw),
        given=None if given is None else Reply(status=200, headers=STREAM, body=given),
    )


def recorded_session(name: str = "first_door") -> list[Entry]:
    """Return a session of the real client; each answer is what the next request tells of it, the last is made up."""
    bodies: list[Json] = json.loads((FOLDER / "sessions" / f"{name}.json").read_text())
    answers = [_answer(body["messages"]) for body in bodies[1:]]
    answers.append([{"type": "text", "text": "All done."}])
    return [
        entry(body, number=number, given=stream(*answer))
        for number, (body, answer) in enumerate(zip(bodies, answers, strict=True), start=1)
    ]


def _answer(messages: list[Json]) -> list[Json]:
    """The newest turn of the assistant's, without the marks of the cache."""
    content = next(message["content"] for message in reversed(messages) if message["role"] == "assistant")
    blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
    return [{name: value for name, value in block.items() if name != "cache_control"} for block in blocks]


def recorded_calls() -> list[Entry]:
    """Return one call of each kind as the real client makes them; some at both doors."""
    calls: list[Json] = json.loads(CALLS.read_text())
    return [
        entry(
            call["body"],
            number=number,
            given=stream({"type": "text", "text": f"The answer to {call['story']}."}),
            headers=tuple(call["headers"].items()),
            path=call["path"],
            door=call["door"],
        )
        for number, call in enumerate(calls, start=1)
    ]


def routed(name: str, number: int = 1) -> Entry:
    """Return a story, ``dialect/story``, as an exchange that was translated on its way there and back."""
    story = Story(FOLDER / name)
    encoded, target = story.encode(), story.target
    made = entry(story.client_request, number=number, given=story.render_client_reply())
    return Entry(
        summary=replace(made.summary, route=target.name, dollars=None),
        reason=f"big answers: {target.name}",
        request=made.request,
        sent=Request(
            method=encoded.wire.method,
            url=encoded.wire.url,
            headers=(*encoded.wire.headers, ("authorization", f"Bearer ${target.provider.upper()}_API_KEY")),
            body=encoded.wire.body,
        ),
        reply=Reply(status=200, headers=(("content-type", "text/event-stream"),), body=story.backend_reply),
        given=made.given,
        losses=tuple(Change(loss.path, loss.what, loss.routine) for loss in encoded.losses),
    )
