"""The larger shapes inside Anthropic's events, as values.

Source: Messages API reference, "streaming", "web search tool".
"""

from typing import Any

from addon.protocol import signature
from addon.protocol.deltas import Source

UNSHOWN = "text"  # the key of a seal's state under which words lie that the client does not see

PING = b'event: ping\ndata: {"type": "ping"}\n\n'  # says nothing, at any place between two events
MESSAGE_STOP = b'event: message_stop\ndata: {"type": "message_stop"}\n\n'

type Json = dict[str, Any]


def message(message_id: str, model: str, input_tokens: int) -> Json:
    """The message with which a stream begins."""
    usage = {
        "input_tokens": input_tokens,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
        "output_tokens": 0,
    }
    return {
        "id": message_id,
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": usage,
    }


def found(source: Source, origin: str) -> Json:
    """One page of a web_search_tool_result; what is quoted of it is sealed, as Anthropic's own is encrypted."""
    return {
        "type": "web_search_result",
        "title": source.title,
        "url": source.url,
        "encrypted_content": signature.seal(origin, {UNSHOWN: source.text} if source.text else {}),
        "page_age": source.age,
    }


def citation(source: Source, origin: str) -> Json:
    """What a text rests on."""
    return {
        "type": "web_search_result_location",
        "url": source.url,
        "title": source.title,
        "encrypted_index": signature.seal(origin),
        "cited_text": source.text,
    }
