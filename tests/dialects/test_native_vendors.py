"""Every recorded request of the real client, before the strictest reading of each vendor's format.

What `tests/end_to_end/test_vendor_servers.py` shows of a few requests through a running proxy is here of all of them.
"""

import json
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import anthropic
import orjson
import pytest
from pydantic import TypeAdapter

from addon import dialects
from addon.dialects import Encoded
from addon.protocol import messages
from addon.routing.backends import BACKENDS
from tests.end_to_end.fakes import KEY, Received
from tests.end_to_end.messages_server import sign
from tests.end_to_end.vendor_servers import VENDORS, Vendor, violations
from tests.stories import FOLDER, target

type Json = dict[str, Any]

CALLS = Path(__file__).parent.parent / "routing" / "calls" / "claude_code.json"
SESSIONS = sorted((FOLDER / "sessions").glob("*.json"))


def whole(body: Json) -> Json:
    """A recorded call with what was cut from it; a search is answered by whoever searches, and is none of these."""
    tools = [{"input_schema": {"type": "object"}, **tool} for tool in body.get("tools") or [] if "type" not in tool]
    rest = {"max_tokens": 32_000, **{name: value for name, value in body.items() if name != "tools"}}
    return {**rest, "tools": tools} if tools else rest


BODIES = {
    **{f"{path.stem} {number}": body for path in SESSIONS for number, body in enumerate(json.loads(path.read_text()))},
    **{f"call {number}": whole(entry["body"]) for number, entry in enumerate(json.loads(CALLS.read_text()))},
}
BETAS = (
    "claude-code-20250219", "interleaved-thinking-2025-05-14", "context-management-2025-06-27",
    "per-turn-control-2026-07-01", "mid-conversation-tool-changes-2026-07-01", "thinking-token-count-2026-05-13",
    "advanced-tool-use-2025-11-20", "effort-2025-11-24", "thinking-display-updates-2026-08-18",
    "prompt-caching-scope-2026-01-05", "mid-conversation-system-clear-at-2026-08-21",
    "thinking-binding-controls-2026-08-01", "cache-diagnosis-2026-04-07", "dangerous-tool-use-2026-09-03",
    "afk-mode-2026-01-31", "structured-outputs-2025-12-15", "fallback-credit-2026-06-01",
)  # fmt: skip


def signed(body: Json, *, by_anthropic: bool) -> Json:
    """The body with its recorded thinking signed as a server of tests checks it, or with none."""
    turns = []
    for turn in body["messages"]:
        content = turn["content"]
        if isinstance(content, list):
            thoughts = [
                {**block, "signature": sign(block["thinking"])} if block["type"] == "thinking" else block
                for block in content
                if by_anthropic or block["type"] != "thinking"
            ]
            turns.append({**turn, "content": thoughts})
        else:
            turns.append(turn)
    return {**body, "messages": turns}


def said(vendor: Vendor, body: Json) -> Encoded:
    there = replace(target(vendor.like, vendor.model), vision=True, base_url="https://vendor.invalid/v1/projects/p")
    written = json.dumps(signed(body, by_anthropic=vendor.is_claude), separators=(",", ":")).encode()
    request = replace(messages.parse(written), betas=BETAS)
    return dialects.load(BACKENDS[vendor.like].dialect).encode(request, written, there)


@pytest.mark.parametrize("name", VENDORS)
def test_a_vendor_takes_every_recorded_request(name: str) -> None:
    vendor = VENDORS[name]
    credential = {"authorization": f"Bearer {KEY}"} if vendor.bearer else {"x-api-key": KEY}
    for each, body in BODIES.items():
        wire = said(vendor, body).wire
        received = Received(urlsplit(wire.url).path, {**dict(wire.headers), **credential}, orjson.loads(wire.body))
        assert list(violations(received, vendor)) == [], each


@cache
def sdks() -> TypeAdapter[Any]:
    return TypeAdapter(anthropic.types.message_create_params.MessageCreateParamsBase)


@pytest.mark.parametrize("name", [name for name, vendor in VENDORS.items() if not vendor.is_claude])
def test_what_is_sent_to_others_is_what_anthropics_sdk_types_without_betas(name: str) -> None:
    for body in BODIES.values():
        sent = orjson.loads(said(VENDORS[name], body).wire.body)
        sdks().validate_python(sent)
        assert set(sent) <= {*anthropic.types.message_create_params.MessageCreateParamsBase.__annotations__, "stream"}
