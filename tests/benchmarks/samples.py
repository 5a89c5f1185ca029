"""The inputs that are measured: a large request of Claude Code's shape, a long reply of OpenAI's. Invented."""

from typing import Any

import orjson

PROSE = (
    "The handler reads the frame, checks its length against the limit, and hands it to the parser; when the parser "
    "needs more it says so with an empty list. A limit that is passed is an error with the size in its message. "
)
CODE = "    def feed(self, chunk: bytes) -> list[Frame]:\n        return [frame for frame in split(chunk) if frame]\n"
CHUNK: dict[str, Any] = {
    "id": "chatcmpl-C3x9TqzRk1mVhJ8yLw2nB5dEa7FgU",
    "object": "chat.completion.chunk",
    "created": 1_763_683_200,
    "model": "gpt-5.5-2026-04-14",
    "service_tier": "default",
    "system_fingerprint": "fp_5f0a1b2c3d",
}


def tool(index: int) -> dict[str, Any]:
    """One of 20 tools with a description and a schema of ordinary size."""
    properties = {
        f"argument_{number}": {"type": "string", "description": PROSE[: 60 + 10 * number]} for number in range(4)
    }
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object", "properties": properties}
    return {
        "name": f"Tool{index}",
        "description": PROSE * 5,
        "input_schema": {**schema, "required": ["argument_0"], "additionalProperties": False},
    }


def turn(index: int) -> list[dict[str, Any]]:
    """A call and its result."""
    call_id = f"toolu_{index:024d}"
    arguments = {"file_path": f"/home/user/project/module_{index}.py", "limit": 200}
    text = {"type": "text", "text": PROSE}
    call = {"type": "tool_use", "id": call_id, "name": f"Tool{index % 20}", "input": arguments}
    lines = "".join(f"{number}\t{CODE}" for number in range(20))
    result = {"type": "tool_result", "tool_use_id": call_id, "content": lines}
    return [{"role": "assistant", "content": [text, call]}, {"role": "user", "content": [result]}]


def request(turns: int = 41, stream: bool = True) -> bytes:
    """A main turn late in a session: 20 tools, 83 messages, about 155 kB at 41 turns."""
    messages: list[dict[str, Any]] = [{"role": "user", "content": PROSE * 3}]
    for index in range(turns):
        messages += turn(index)
    body = {
        "model": "claude-opus-5-5",
        "messages": messages,
        "system": [
            {"type": "text", "text": "x-anthropic-billing-header: cc_version=2.1.329.136; cc_entrypoint=sdk-cli;"},
            {"type": "text", "text": PROSE * 30, "cache_control": {"type": "ephemeral"}},
        ],
        "tools": [tool(index) for index in range(20)],
        "metadata": {"user_id": "{}"},
        "max_tokens": 32_000,
        "thinking": {"type": "adaptive", "display": "updates"},
        "output_config": {"effort": "medium"},
        "context_management": {"edits": [{"type": "clear_thinking_20251015", "keep": "all"}]},
        "stream": stream,
    }
    return orjson.dumps(body)


def chunk(delta: dict[str, Any], finish: str | None = None) -> bytes:
    """One event of a reply."""
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
    return b"data: %s\n\n" % orjson.dumps({**CHUNK, "choices": [choice], "usage": None})


def call_piece(arguments: str, **first: Any) -> dict[str, Any]:
    """The delta with one piece of a tool call."""
    function = {**first.pop("function", {}), "arguments": arguments}
    return {"tool_calls": [{"index": 0, **first, "function": function}]}


def reply(reasoning: int, text: int, arguments: int) -> list[bytes]:
    """A reply's events, with that many pieces of each kind, as a backend writes them."""
    events = [chunk({"role": "assistant", "content": "", "refusal": None})]
    events += [chunk({"reasoning_content": f" thought {number}"}) for number in range(reasoning)]
    events += [chunk({"content": f" token {number}"}) for number in range(text)]
    if arguments:
        events.append(chunk(call_piece("", id="call_abc", type="function", function={"name": "Tool1"})))
        events.append(chunk(call_piece('{"argument_0": "')))
        events += [chunk(call_piece(f" piece {number}")) for number in range(arguments)]
        events.append(chunk(call_piece('"}')))
    events.append(chunk({}, "tool_calls" if arguments else "stop"))
    usage = {"prompt_tokens": 41_000, "completion_tokens": 2_000, "prompt_tokens_details": {"cached_tokens": 40_000}}
    events.append(b"data: %s\n\n" % orjson.dumps({**CHUNK, "choices": [], "usage": usage}))
    events.append(b"data: [DONE]\n\n")
    return events
