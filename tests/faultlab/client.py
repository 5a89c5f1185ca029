"""What asks: a client of the lab's own at either door, and what it got."""

import asyncio
import json
import ssl
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Self, override

import httpx

from tests.end_to_end.proxy import Proxy
from tests.faultlab.backend import CLIENT_KEY
from tests.faultlab.script import Speaks

ANTHROPIC_URL = "https://api.anthropic.com"
HEADERS = {"x-api-key": CLIENT_KEY}
LIMIT_S = 10  # nothing takes half of it; what does hangs


@dataclass(slots=True)
class Got:
    """What came of a request."""

    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    body: bytearray = field(default_factory=bytearray)
    broken: str = ""  # how it broke off, if it did
    begun: asyncio.Event = field(default_factory=asyncio.Event)


class _OnlyHttp2(ssl.SSLContext):
    """A client that offers HTTP/2 alone; httpx offers HTTP/1.1 first, and mitmproxy takes the first."""

    def __new__(cls) -> Self:
        return super().__new__(cls, ssl.PROTOCOL_TLS_CLIENT)

    @override
    def set_alpn_protocols(self, alpn_protocols: Iterable[str]) -> None:
        super().set_alpn_protocols(["h2"])


def connect(proxy: Proxy, speaks: Speaks) -> httpx.AsyncClient:
    """A client at the reverse door, or inside a tunnel at the proxy door, with a connection that is kept."""
    if speaks == "http/1.1":
        return httpx.AsyncClient(base_url=proxy.reverse_url, headers=HEADERS, trust_env=False, timeout=LIMIT_S)
    authority = _OnlyHttp2() if speaks == "http/2" else ssl.create_default_context()
    authority.load_verify_locations(proxy.ca_certificate)
    return httpx.AsyncClient(
        base_url=ANTHROPIC_URL,
        headers=HEADERS,
        proxy=proxy.proxy_url,
        verify=authority,
        http2=speaks == "http/2",
        trust_env=False,
        timeout=LIMIT_S,
    )


def question(model: str, *, stream: bool) -> dict[str, object]:
    """What is asked."""
    said = [{"role": "user", "content": "Hello"}]
    return {"model": model, "max_tokens": 100, "stream": stream, "messages": said}


async def ask(client: httpx.AsyncClient, model: str, *, stream: bool, got: Got) -> Got:
    """Ask, and keep what comes as it comes."""
    try:
        async with (
            asyncio.timeout(LIMIT_S),
            client.stream("POST", "/v1/messages", json=question(model, stream=stream)) as reply,
        ):
            got.status = reply.status_code
            got.headers = dict(reply.headers)
            async for piece in reply.aiter_raw():
                got.body += piece
                got.begun.set()
    except TimeoutError:
        got.broken = f"no end after {LIMIT_S} s"
    except httpx.HTTPError as error:
        got.broken = repr(error)
    return got


async def begin_to_ask(proxy: Proxy, model: str) -> None:
    """Send half a request and leave."""
    body = json.dumps(question(model, stream=True)).encode()
    _, writer = await asyncio.open_connection("127.0.0.1", proxy.reverse_port)
    writer.write(b"POST /v1/messages HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n")
    writer.write(b"content-length: %d\r\n\r\n%s" % (len(body), body[: len(body) // 2]))
    await writer.drain()
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()
