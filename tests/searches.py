"""Requests that search the web, as the client words them, and what is read of them."""

from typing import Any

from addon.protocol import messages
from addon.protocol.messages import Request

type Json = dict[str, Any]

QUERY = "rain in spain"
ASK = f"Perform a web search for the query: {QUERY}"


def tool(**options: Any) -> Json:
    """The client's own tool."""
    return {"type": "web_search_20250305", "name": "web_search", **options}


def body(text: str = ASK, /, *, stream: bool = False, **options: Any) -> Json:
    """The client's inner call; `options` are those of its tool."""
    turn = {"role": "user", "content": [{"type": "text", "text": text}]}
    return {
        "model": "claude-opus-5-5",
        "messages": [turn],
        "tools": [tool(max_uses=8, **options)],
        "tool_choice": {"type": "auto"},
        "max_tokens": 1000,
        **({"stream": True} if stream else {}),
    }


def request(text: str = ASK, /, **options: Any) -> Request:
    """The same, checked."""
    return messages.check(body(text, **options))
