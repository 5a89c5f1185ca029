"""One streamed message through a door, as a client would send it; the demo's own eyes, so it trusts nothing of ours."""

import http.client
import json
import ssl
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TIMEOUT_S = 120.0  # for each read; a small model on a busy machine reads its prompt in a few seconds
ANTHROPIC_HOST = "api.anthropic.com"


class MessageFailed(Exception):
    """The door did not give a whole reply; the text says why."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What is worth telling of a reply that has been shown."""

    first_token_ms: float
    total_ms: float
    stop_reason: str
    output_tokens: int


def is_certificate(path: Path) -> bool:
    """Whether ``path`` is there and whole; mitmproxy may still be writing it."""
    try:
        ssl.create_default_context(cafile=path)
    except OSError:  # ssl.SSLError too
        return False
    return True


def through_proxy(host: str, port: int, certificate: Path) -> http.client.HTTPConnection:
    """Door one: CONNECT to Anthropic's own host, and trust what mitmproxy presents for it."""
    try:
        trust = ssl.create_default_context(cafile=certificate)
    except OSError as error:
        raise MessageFailed(
            f"mitmproxy's certificate {certificate} cannot be read: {error.strerror or error}"
        ) from error
    connection = http.client.HTTPSConnection(host, port, timeout=TIMEOUT_S, context=trust)
    connection.set_tunnel(ANTHROPIC_HOST, 443)
    return connection


def through_reverse(host: str, port: int) -> http.client.HTTPConnection:
    """Door two: the address that ANTHROPIC_BASE_URL names."""
    return http.client.HTTPConnection(host, port, timeout=TIMEOUT_S)


def stream_message(connection: http.client.HTTPConnection, question: str, show: Callable[[str], None]) -> Reply:
    """Ask and show the text as it arrives. Raises MessageFailed unless a whole reply came, with text in it."""
    body = {
        "model": "claude-opus-5-5",
        "max_tokens": 60,
        "stream": True,
        "temperature": 0,  # so small a model is at its best when it takes no chances
        "messages": [{"role": "user", "content": question}],
    }
    headers = {"content-type": "application/json", "anthropic-version": "2023-06-01", "x-api-key": "no-key-is-needed"}
    started = time.monotonic()
    try:
        connection.request("POST", "/v1/messages", json.dumps(body), headers)
        with connection.getresponse() as response:
            if response.status != 200:
                raise MessageFailed(f"HTTP {response.status}: {_reason(response.read())}")
            return _follow(_events(response), started, show)
    except (OSError, http.client.HTTPException) as error:
        raise MessageFailed(f"the connection failed: {str(error) or type(error).__name__}") from error
    finally:
        connection.close()


def _follow(events: Iterator[dict[str, Any]], started: float, show: Callable[[str], None]) -> Reply:
    first_token_ms, stop_reason, output_tokens = 0.0, "", 0
    for event in events:
        match event:
            case {"type": "content_block_delta", "delta": {"type": "text_delta", "text": str(text)}}:
                first_token_ms = first_token_ms or (time.monotonic() - started) * 1000
                show(text)
            case {"type": "message_delta", "delta": {"stop_reason": str(reason)}}:
                stop_reason = reason
                output_tokens = event.get("usage", {}).get("output_tokens", 0)
            case {"type": "error", "error": {"message": str(message)}}:
                raise MessageFailed(message)
            case {"type": "message_stop"} if first_token_ms:
                return Reply(first_token_ms, (time.monotonic() - started) * 1000, stop_reason, output_tokens)
    raise MessageFailed("the reply ended early" if first_token_ms else "the reply held no text")


def _events(response: http.client.HTTPResponse) -> Iterator[dict[str, Any]]:
    """The JSON of each `data:` line; Anthropic's streams, and ours, never spread one event over several."""
    for line in response:
        if line.startswith(b"data:"):
            event = json.loads(line.removeprefix(b"data:"))
            if isinstance(event, dict):
                yield event


def _reason(body: bytes) -> str:
    """The message in an error's envelope, or the start of whatever came instead."""
    try:
        return str(json.loads(body)["error"]["message"])
    except (ValueError, KeyError, TypeError):
        return body[:300].decode("utf-8", "replace")
