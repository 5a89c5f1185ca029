"""How an exchange may end: whatever either side does, the client hears a lawful end, and all is released."""

import asyncio
import gc
import json
import logging
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from weakref import ref

import brotli  # type: ignore[import-untyped]  # a compiled extension without types
import httpx
import pytest
import zstandard
from mitmproxy import http

from addon.dialects.openai_chat import reply as openai_chat_reply
from addon.protocol import framing, signature
from addon.protocol.signature import Seal
from addon.proxy import http_layer
from tests.proxy.conftest import Configure
from tests.proxy.live import (
    HELLO,
    NATIVE_HELLO,
    WHOLE_HELLO,
    Backend,
    Proxy,
    Script,
    ask,
    backend,
    chunk,
    events,
    gzipped,
    head,
    proxying,
    raw,
    read_events,
    replied,
    said,
    silent,
    streaming,
    until,
    whole,
)

SSE = {"content_type": "text/event-stream"}
CHUNKED = {**SSE, "transfer_encoding": "chunked"}
STREAM = b"".join(HELLO)
DOORS = [(1, True), (2, False)]  # HTTP/2 inside a tunnel, HTTP/1 in the open; the mixtures are in test_hooks


def _chunk(piece: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(piece), piece)


@dataclass(frozen=True)
class Scene:
    """What the backend does and what the client gets: a status, and text or words of an error."""

    script: Script
    status: int
    text: str = ""
    words: str = ""
    stream: bool = True


HELLO_TEXT = "Hello"
SCENES: dict[str, Scene] = {
    "chunked": Scene(streaming(), 200, HELLO_TEXT),
    "with a length": Scene(raw(head(**SSE, content_length=str(len(STREAM))) + STREAM, close=False), 200, HELLO_TEXT),
    "until the end of the connection": Scene(raw(head(**SSE, connection="close"), STREAM), 200, HELLO_TEXT),
    "HTTP/1.0": Scene(raw(head(version="1.0", **SSE), STREAM), 200, HELLO_TEXT),
    "with trailers": Scene(
        raw(head(**CHUNKED), _chunk(STREAM) + b"0\r\nserver-timing: x\r\n\r\n"), 200, HELLO_TEXT
    ),
    "byte by byte": Scene(streaming([bytes([each]) for each in STREAM]), 200, HELLO_TEXT),
    "gzip despite identity": Scene(
        streaming([gzipped(STREAM)[:50], gzipped(STREAM)[50:]], content_encoding="gzip"), 200, HELLO_TEXT
    ),
    "deflate": Scene(streaming([zlib.compress(STREAM)], content_encoding="deflate"), 200, HELLO_TEXT),
    "brotli": Scene(streaming([brotli.compress(STREAM)], content_encoding="br"), 200, HELLO_TEXT),
    "zstd": Scene(streaming([zstandard.compress(STREAM)], content_encoding="zstd"), 200, HELLO_TEXT),
    "identity, said": Scene(streaming(content_encoding="identity"), 200, HELLO_TEXT),
    "an unknown compression": Scene(streaming([STREAM], content_encoding="lzma"), 502, words="lzma"),
    "a broken compression": Scene(streaming([b"\x1f\x8bnothing"], content_encoding="gzip"), 502, words="compression"),
    "JSON though a stream was asked": Scene(whole(), 200, HELLO_TEXT),
    "compressed JSON": Scene(
        whole(gzipped(json.dumps(WHOLE_HELLO).encode()), content_encoding="gzip"), 200, HELLO_TEXT, stream=False
    ),
    "whole": Scene(whole(), 200, HELLO_TEXT, stream=False),
    "a stream though none was asked": Scene(streaming(), 200, HELLO_TEXT, stream=False),
    "a stream that calls itself text": Scene(streaming(content_type="text/plain"), 200, HELLO_TEXT),
    "an empty stream": Scene(raw(head(**SSE, content_length="0"), close=False), 502, words="gpt-test"),
    "an empty chunked stream": Scene(streaming([]), 502, words="gpt-test"),
    "an empty body": Scene(whole(b""), 502, words="JSON", stream=False),
    "HTML": Scene(whole(b"<html>hello</html>", content_type="text/html"), 502, words="html"),
    "no content": Scene(raw(head("204 No Content"), close=False), 502, words="204"),
    "a redirect": Scene(whole(b"", "302 Found", location="https://elsewhere.example/"), 502, words="302"),
    "a permanent redirect": Scene(whole(b"", "308 Permanent Redirect", location="/v2"), 502, words="308"),
    "a limit": Scene(
        whole({"error": {"message": "slow down"}}, "429 Too Many Requests", retry_after="7"), 429, words="slow down"
    ),
    "an error with HTML": Scene(whole(b"<html>Bad gateway</html>", "502 Bad Gateway"), 500, words="gpt-test"),
    "an error as the first event": Scene(
        streaming(events({"error": {"message": "no such thing", "code": "404"}})), 404, words="no such thing"
    ),
    "overflow as the first event": Scene(
        streaming(
            events({"error": {"message": "maximum context length is 10 tokens", "code": "context_length_exceeded"}})
        ),
        400, words="prompt is too long",
    ),
    "nothing at all": Scene(raw(), 503, words="cannot be reached"),
    "not HTTP": Scene(raw(b"SSH-2.0-OpenSSH\r\n\r\n"), 503, words="cannot be reached"),
    "the head only": Scene(raw(head(**CHUNKED)), 503, words="broke off"),
    "a cut body": Scene(raw(head(content_length="9", content_type="application/json") + b"{"), 503, words="broke off"),
    "cut after a role": Scene(
        raw(head(**CHUNKED), _chunk(events({"choices": [{"delta": {"role": "assistant"}}]}, done=False)[0])),
        503, words="broke off",
    ),
}  # fmt: skip


async def _good_after(client: httpx.AsyncClient, fake: Backend) -> None:
    """The connection lives on: the next request on it is answered."""
    fake.scripts = [streaming()]
    reply = await client.post("/v1/messages", json=ask("again"))
    assert reply.status_code == 200
    assert said(reply.content) == "Hello"


def _connections(proxy: Proxy) -> int:
    return len({flow.client_conn.id for flow in proxy.flows if flow.request.method != "CONNECT"})


@pytest.mark.parametrize(("door", "http2"), DOORS)
@pytest.mark.parametrize("name", SCENES)
async def test_every_reply_has_a_lawful_end(
    confdir: Path, configure: Configure, name: str, door: int, http2: bool
) -> None:
    scene = SCENES[name]
    async with backend(scene.script) as fake:
        configure(fake.url)
        async with proxying(confdir) as proxy, proxy.client(door, http2=http2) as client:
            reply = await client.post("/v1/messages", json=ask(stream=scene.stream))
            assert reply.status_code == scene.status, reply.text
            assert reply.headers["request-id"].startswith("req_")
            if scene.status != 200:
                error = reply.json()
                assert (error["type"], error["request_id"]) == ("error", reply.headers["request-id"])
                assert scene.words.lower() in error["error"]["message"].lower()
            elif scene.stream:
                assert said(reply.content) == scene.text
                assert read_events(reply.content)[-1][0] == "message_stop"
                assert reply.headers["content-type"].startswith("text/event-stream")
            else:
                assert reply.json()["content"] == [{"type": "text", "text": scene.text}]
            assert "content-encoding" not in reply.headers
            assert "location" not in reply.headers
            await proxy.settled()
            assert replied(proxy.flows[0]) == reply.content
            await _good_after(client, fake)
            await proxy.settled()
            assert _connections(proxy) == 1


BROKEN: dict[str, Script] = {
    "in its compression": raw(head(**CHUNKED, content_encoding="gzip"), _chunk(gzipped(STREAM)[:-40])),
    "in the body": raw(head(**CHUNKED), _chunk(HELLO[0])),
    "in a chunk": raw(head(**CHUNKED), _chunk(HELLO[0]), b"ff\r\ndata: "),
    "before the length": raw(head(**SSE, content_length="10000"), HELLO[0]),
}


@pytest.mark.parametrize(("door", "http2"), DOORS)
@pytest.mark.parametrize("name", BROKEN)
async def test_a_stream_that_breaks_ends_with_an_error_event(
    confdir: Path, configure: Configure, name: str, door: int, http2: bool
) -> None:
    async with backend(BROKEN[name]) as fake:
        configure(fake.url)
        async with proxying(confdir) as proxy, proxy.client(door, http2=http2) as client:
            reply = await client.post("/v1/messages", json=ask())
            told = read_events(reply.content)
            assert (reply.status_code, told[0][0], told[-1][0]) == (200, "message_start", "error")
            assert "broke off" in told[-1][1]["error"]["message"]
            await proxy.settled()
            assert replied(proxy.flows[0]) == reply.content
            assert "broke off" in proxy.flows[0].comment
            await _good_after(client, fake)
            assert _connections(proxy) == 1


async def test_a_stream_that_breaks_after_its_end_is_whole(confdir: Path, configure: Configure) -> None:
    async with backend(raw(head(**CHUNKED), _chunk(STREAM))) as fake:
        configure(fake.url)
        async with proxying(confdir) as proxy, proxy.client() as client:
            reply = await client.post("/v1/messages", json=ask())
            assert read_events(reply.content)[-1][0] == "message_stop"
            await proxy.settled()
            assert "error" not in proxy.flows[0].comment


@pytest.mark.parametrize(("door", "http2"), DOORS)
async def test_a_native_stream_that_breaks_ends_with_an_error(
    confdir: Path, configure: Configure, door: int, http2: bool
) -> None:
    async with backend(raw(head(**CHUNKED), *map(_chunk, NATIVE_HELLO[:2]), _chunk(NATIVE_HELLO[2][:60]))) as fake:
        configure(BIG_MODEL="vllm-anthropic/x", VLLM_ANTHROPIC_API_BASE=fake.url)
        async with proxying(confdir) as proxy, proxy.client(door, http2=http2) as client:
            reply = await client.post("/v1/messages", json=ask())
            await proxy.settled()
            came = b"".join(NATIVE_HELLO[:2]) + NATIVE_HELLO[2][:60]
            whole_lines = came[: came.rindex(b"\n") + 1]
            assert reply.content.startswith(whole_lines + b"\nevent: error\ndata: "), "of a line in two nothing passes"
            assert replied(proxy.flows[0]) == reply.content


WORDLESS: dict[str, Script] = {
    "the head only": raw(head(**CHUNKED)),
    "a part of the first line": raw(head(**CHUNKED), _chunk(NATIVE_HELLO[0][:9])),
    "a part of the first line, with a length": raw(head(**SSE, content_length="900"), NATIVE_HELLO[0][:9]),
}


@pytest.mark.parametrize(("door", "http2"), DOORS)
@pytest.mark.parametrize("name", WORDLESS)
async def test_a_native_stream_that_breaks_before_its_first_line_is_answered(
    confdir: Path, configure: Configure, name: str, door: int, http2: bool
) -> None:
    """The backend's headers would have gone already: two heads for one reply crash HTTP/2 and garble HTTP/1."""
    async with backend(WORDLESS[name]) as fake:
        configure(BIG_MODEL="vllm-anthropic/x", VLLM_ANTHROPIC_API_BASE=fake.url)
        async with proxying(confdir) as proxy, proxy.client(door, http2=http2) as client:
            reply = await client.post("/v1/messages", json=ask())
            assert reply.status_code == 503
            assert "broke off" in reply.json()["error"]["message"]
            fake.scripts = [streaming(NATIVE_HELLO)]
            assert (await client.post("/v1/messages", json=ask())).content == b"".join(NATIVE_HELLO)
            await proxy.settled()
            assert _connections(proxy) == 1


@pytest.mark.parametrize(("door", "http2"), DOORS)
async def test_a_native_stream_may_grow_beyond_the_length_it_said(
    confdir: Path, configure: Configure, door: int, http2: bool
) -> None:
    signed = {"type": "content_block_delta", "index": 0, "delta": {"type": "signature_delta", "signature": "abc"}}
    told = framing.encode("content_block_delta", json.dumps(signed).encode())
    body = b"".join((NATIVE_HELLO[0], told, *NATIVE_HELLO[4:]))
    announced = head(content_type="text/event-stream", content_length=str(len(body)))
    async with backend(raw(announced, body, close=False)) as fake:
        configure(BIG_MODEL="vllm-anthropic/x", VLLM_ANTHROPIC_API_BASE=fake.url)
        async with proxying(confdir) as proxy, proxy.client(door, http2=http2) as client:
            reply = await client.post("/v1/messages", json=ask())
            assert len(reply.content) > len(body)
            own = json.loads(reply.content.split(b"data: ")[2].splitlines()[0])["delta"]["signature"]
            assert signature.unseal(own) == Seal("vllm-anthropic/x", {"native": "abc"})
            again = await client.post("/v1/messages", json=ask())
            assert again.content == reply.content, "the connection is good for another"


async def test_a_native_stream_of_http_1_0_with_a_length_comes_in_chunks_of_1_1(
    confdir: Path, configure: Configure
) -> None:
    """Chunks under HTTP/1.0 are faulty framing. Source: RFC 9112, 6.1."""
    body = b"".join(NATIVE_HELLO)
    async with backend(raw(head(version="1.0", **SSE, content_length=str(len(body))), body)) as fake:
        configure(BIG_MODEL="vllm-anthropic/x", VLLM_ANTHROPIC_API_BASE=fake.url)
        async with proxying(confdir) as proxy, proxy.client(2, http2=False) as client:
            reply = await client.post("/v1/messages", json=ask())
            assert (reply.http_version, reply.headers["transfer-encoding"]) == ("HTTP/1.1", "chunked")
            assert reply.content == body


@pytest.mark.parametrize("encoding", ["", "gzip"])
async def test_a_native_stream_passes_as_it_is(confdir: Path, configure: Configure, encoding: str) -> None:
    pieces = [gzipped(b"".join(NATIVE_HELLO))] if encoding else NATIVE_HELLO
    async with backend(streaming(pieces, content_encoding=encoding or "identity")) as fake:
        configure(BIG_MODEL="vllm-anthropic/x", VLLM_ANTHROPIC_API_BASE=fake.url)
        async with proxying(confdir) as proxy, proxy.client() as client:
            reply = await client.post("/v1/messages", json=ask())
            assert reply.content == b"".join(NATIVE_HELLO)
            await proxy.settled()
            assert "7 in, 3 out" in proxy.flows[0].comment


@pytest.mark.parametrize(("door", "http2"), DOORS)
async def test_a_backend_that_is_down_is_told_and_tried_again(
    confdir: Path, configure: Configure, door: int, http2: bool
) -> None:
    """mitmproxy keeps a failed connection with the client's; ours lives on, so it must be forgotten."""
    async with backend(streaming()) as fake:
        port = fake.port
    configure(f"http://127.0.0.1:{port}")
    async with proxying(confdir) as proxy, proxy.client(door, http2=http2) as client:
        for _ in range(2):
            reply = await client.post("/v1/messages", json=ask())
            assert reply.status_code == 503
            assert "cannot be reached" in reply.json()["error"]["message"]
            assert reply.headers["request-id"] == reply.json()["request_id"]
        async with backend(streaming(), port=port) as fake:
            await _good_after(client, fake)
        await proxy.settled()
        assert _connections(proxy) == 1


async def test_an_unknown_host_is_told(confdir: Path, configure: Configure) -> None:
    configure("http://no-such-host.invalid")
    async with proxying(confdir) as proxy, proxy.client() as client:
        reply = await client.post("/v1/messages", json=ask())
        assert reply.status_code == 503


# -- our own faults ----------------------------------------------------------------------------------------------------


async def test_a_bug_in_the_translator_is_an_error_event_with_an_id(
    confdir: Path, configure: Configure, monkeypatch: pytest.MonkeyPatch
) -> None:
    decode = openai_chat_reply.ChatDecoder.decode

    def broken(self: openai_chat_reply.ChatDecoder, frame: bytes) -> object:
        if b"lo" in frame:
            raise ZeroDivisionError("an invented bug")
        return decode(self, frame)

    monkeypatch.setattr(openai_chat_reply.ChatDecoder, "decode", broken)
    async with backend(streaming(events(chunk("Hi"), chunk("lo"), chunk("more")))) as fake:
        configure(fake.url)
        async with proxying(confdir) as proxy, proxy.client() as client:
            proxy.errors_expected = True
            reply = await client.post("/v1/messages", json=ask())
            told = read_events(reply.content)
            assert [name for name, _ in told].count("error") == 1
            message = told[-1][1]["error"]["message"]
            await proxy.settled()
            logged = "\n".join(proxy.log.at(logging.ERROR))
            incident = message.partition("incident ")[2].partition(")")[0]
            assert incident
            assert f"incident {incident}" in logged
            assert "ZeroDivisionError: an invented bug" in logged
            assert "crashed" not in logged
            monkeypatch.undo()
            configure(fake.url)
            assert (await client.post("/v1/messages", json=ask("Hi"))).status_code == 200
            assert _connections(proxy) == 1


@pytest.mark.parametrize("where", ["request", "response"])
async def test_a_bug_anywhere_else_is_answered_with_an_id(
    confdir: Path, configure: Configure, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("an invented bug")

    target = "addon.proxy.hooks.decide" if where == "request" else "addon.proxy.routed_exchange.RoutedExchange.judge"
    monkeypatch.setattr(target, broken)
    async with backend(whole()) as fake:
        configure(fake.url)
        async with proxying(confdir) as proxy, proxy.client() as client:
            proxy.errors_expected = True
            reply = await client.post("/v1/messages", json=ask(stream=False))
            assert reply.status_code == 424
            incident = reply.json()["error"]["message"].partition("incident ")[2].partition(")")[0]
            assert f"incident {incident}" in "\n".join(proxy.log.at(logging.ERROR))
            assert len(fake.received) == (where == "response")
            await proxy.settled()


# -- the client leaves -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("door", "http2"), DOORS)
@pytest.mark.parametrize("moment", ["before the reply", "with its head held", "in the stream"])
async def test_a_client_that_leaves_frees_the_backend(
    confdir: Path, configure: Configure, moment: str, door: int, http2: bool
) -> None:
    gate = asyncio.Event()
    role = events({"choices": [{"delta": {"role": "assistant"}}]}, done=False)
    scripts: dict[str, Script] = {
        "before the reply": silent(),
        "with its head held": streaming([*role, HELLO[0]], gate=gate),
        "in the stream": streaming([HELLO[0], HELLO[1]], gate=gate),
    }
    async with backend(scripts[moment]) as fake:
        configure(fake.url)
        async with proxying(confdir) as proxy, proxy.client(door, http2=http2) as client:

            async def leave() -> None:
                async with client.stream("POST", "/v1/messages", json=ask()) as reply:
                    await anext(reply.aiter_bytes())

            asking = asyncio.create_task(leave())
            if moment == "in the stream":
                await asking
            else:
                ready: Callable[[], object] = (
                    (lambda: fake.received) if moment == "before the reply" else (lambda: proxy.flows[0].response)
                )
                await until(lambda: fake.received and ready())
                asking.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await asking
            await client.aclose()  # httpx resets no stream of HTTP/2
            await until(lambda: fake.open == 0, lambda: proxy.log.text)
            await proxy.settled()
            flow = proxy.flows[0]
            assert "the client left" in flow.comment
            if moment == "in the stream":
                assert said(replied(flow)) == "Hel"
            assert not _held(proxy)


def _held(proxy: Proxy) -> list[object]:
    """Headers still held by a layer of ours, anywhere."""
    return [each for each in gc.get_objects() if type(each) is http_layer.DetourHttpLayer and each.held]


async def test_a_killed_flow_is_dropped_and_released(confdir: Path, configure: Configure) -> None:
    class Killer:
        moment = "request"

        def request(self, flow: http.HTTPFlow) -> None:
            if self.moment == "request":
                flow.kill()

        def responseheaders(self, flow: http.HTTPFlow) -> None:
            if self.moment == "responseheaders":
                flow.kill()

    killer = Killer()
    async with backend(streaming()) as fake:
        configure(fake.url)
        async with proxying(confdir, killer) as proxy, proxy.client() as client:
            for moment in ("request", "responseheaders"):
                killer.moment = moment
                with pytest.raises(httpx.RemoteProtocolError):
                    await client.post("/v1/messages", json=ask())
                await proxy.settled()
                assert "killed" in proxy.flows[-1].comment
            assert len(fake.received) == 1


async def test_a_flow_killed_in_its_stream_is_released(confdir: Path, configure: Configure) -> None:
    gate = asyncio.Event()
    async with backend(streaming(gate=gate)) as fake:
        configure(fake.url)
        async with proxying(confdir) as proxy, proxy.client() as client:
            async with client.stream("POST", "/v1/messages", json=ask()) as reply:
                pieces = reply.aiter_bytes()
                await anext(pieces)
                proxy.flows[0].kill()
                gate.set()
                with pytest.raises(httpx.RemoteProtocolError):
                    async for _ in pieces:
                        pass
            await proxy.settled()
        assert fake.received


class Breakpoint:
    def request(self, flow: http.HTTPFlow) -> None:
        flow.intercept()


async def test_an_intercepted_request_may_be_edited_and_goes_with_the_key(confdir: Path, configure: Configure) -> None:
    async with backend(streaming()) as fake:
        configure(fake.url)
        async with proxying(confdir, Breakpoint()) as proxy, proxy.client() as client:
            asking = asyncio.create_task(client.post("/v1/messages", json=ask()))
            await until(lambda: proxy.flows and proxy.flows[0].intercepted)
            flow = proxy.flows[0]
            body = json.loads(flow.request.content or b"")
            flow.request.content = json.dumps({**body, "model": "edited"}).encode()
            flow.resume()
            assert said((await asking).content) == "Hello"
    assert fake.received[0].json["model"] == "edited"
    assert "secret" in (fake.received[0].header("authorization") or "")


async def test_another_addons_answer_is_passed_on_as_it_is(confdir: Path, configure: Configure) -> None:
    class Answering:
        def request(self, flow: http.HTTPFlow) -> None:
            flow.response = http.Response.make(200, b'{"mine": true}', {"content-type": "application/json"})

    async with backend(streaming()) as fake:
        configure(fake.url)
        async with proxying(confdir, Answering()) as proxy, proxy.client() as client:
            reply = await client.post("/v1/messages", json=ask())
            assert (reply.status_code, reply.json()) == (200, {"mine": True})
            await proxy.settled()
            assert not proxy.detour.attempts.origins
        assert fake.received == []


# -- many at once ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("door", "http2"), DOORS)
async def test_many_at_once_do_not_mix(confdir: Path, configure: Configure, door: int, http2: bool) -> None:
    async def echo(received: object, writer: asyncio.StreamWriter) -> None:
        text = received.json["messages"][0]["content"]  # type: ignore[attr-defined]
        await streaming(events(*(chunk(letter) for letter in text), chunk(finish="stop")))(received, writer)  # type: ignore[arg-type]

    async with backend(echo) as fake:
        configure(fake.url)
        async with proxying(confdir) as proxy, proxy.client(door, http2=http2) as client:
            texts = [f"text number {number} " * 5 for number in range(12)]
            replies = await asyncio.gather(*(client.post("/v1/messages", json=ask(text)) for text in texts))
            assert [said(reply.content) for reply in replies] == texts
            await proxy.settled()
            assert not proxy.detour.attempts.origins


async def test_a_reply_is_seen_while_it_grows(confdir: Path, configure: Configure) -> None:
    class Updates:
        def __init__(self) -> None:
            self.sizes: list[int] = []

        def update(self, flows: list[http.HTTPFlow]) -> None:
            self.sizes += [len(flow.response.raw_content or b"") for flow in flows if flow.response]

    updates = Updates()
    gate = asyncio.Event()
    pieces = events(*(chunk("x") for _ in range(200)), chunk(finish="stop"))
    async with backend(streaming(pieces, gate=gate)) as fake:
        configure(fake.url)
        async with proxying(confdir, updates) as proxy, proxy.client() as client:
            started = asyncio.get_running_loop().time()
            asking = asyncio.create_task(client.post("/v1/messages", json=ask()))
            await until(lambda: any(updates.sizes))
            gate.set()
            reply = await asking
            elapsed = asyncio.get_running_loop().time() - started
            await proxy.settled()
            assert replied(proxy.flows[0]) == reply.content
    growing = [size for size in updates.sizes if 0 < size < len(reply.content)]
    assert 1 <= len(growing) <= 2 + elapsed * 4


REFUSAL = whole({"error": {"message": "no such field", "type": "invalid_request_error"}}, "400 Bad Request")
ROUTED, PASSING = "/v1/messages", "/elsewhere"


@pytest.mark.parametrize(
    ("script", "path", "stream"),
    [
        (streaming(), ROUTED, True),
        (whole(), ROUTED, False),
        (REFUSAL, ROUTED, True),
        (streaming([b"data: {]\n\n"]), ROUTED, True),
        (raw(head(**CHUNKED) + _chunk(HELLO[0]) + _chunk(HELLO[1])), ROUTED, True),
        (streaming(NATIVE_HELLO), PASSING, True),
        (whole(), PASSING, True),
        (raw(b""), PASSING, True),
    ],
    ids=["stream", "whole", "refused", "garbage", "cut", "stream passes", "whole passes", "broken passes"],
)
async def test_an_ended_flow_waits_for_no_collector(
    confdir: Path, configure: Configure, script: Script, path: str, stream: bool
) -> None:
    async with backend(script) as fake:
        configure(fake.url)
        async with proxying(confdir, modes=(f"reverse:{fake.url}",)) as proxy:
            gc.disable()
            try:
                async with proxy.client() as client:
                    for _ in range(3):
                        await client.post(path, json=ask(stream=stream))
                await proxy.settled()
                ended = [ref(flow) for flow in proxy.flows]
                proxy.flows.clear()
                assert len(ended) == 3
                await until(lambda: not any(flow() for flow in ended))
            finally:
                gc.enable()
