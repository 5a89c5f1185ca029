"""Attempts inside one client request, through a real proxy: who is asked again, what the client hears, what is kept."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from addon.protocol.errors import DetourError
from addon.protocol.event_shapes import PING
from addon.proxy import journey, record, transfer
from addon.proxy.exchange import Exchange
from addon.routing import retry
from tests import law, pdfs
from tests.proxy.live import (
    HELLO,
    KEY,
    NATIVE_HELLO,
    Backend,
    Received,
    Script,
    ask,
    backend,
    corporate_proxy,
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

DOORS = [(1, True), (1, False), (2, False)]  # HTTP/2 and HTTP/1 inside a tunnel, HTTP/1 in the open
CHUNKED = {"content_type": "text/event-stream", "transfer_encoding": "chunked"}
BUSY = {"error": {"message": "Slow down.", "type": "rate_limit_error"}}
BUSY_STREAM = streaming([b'data: {"error":{"message":"Slow down.","type":"rate_limit_exceeded","code":429}}\n\n'])
TOO_LONG = {
    "error": {"message": "This model's maximum context length is 1000 tokens.", "code": "context_length_exceeded"}
}


def busy(**headers: str) -> Script:
    return whole(BUSY, "429 Too Many Requests", **headers)


def then(*pieces: bytes) -> Script:
    """The pieces as chunks, and then nothing until the peer hangs up."""

    async def script(received: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(head(**CHUNKED) + b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces))
        await writer.drain()
        await asyncio.Event().wait()

    return script


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same target is asked twice more, a moment later."""

    def delay_s(error: DetourError, tries: int, *_: object, at_once: bool = False) -> float | None:
        wait = None if retry.after(error) is not retry.After.SAME or tries > 2 else 0.02
        return 0.0 if wait is not None and at_once else wait

    monkeypatch.setattr(journey, "delay_s", delay_s)


def settings(tmp_path: Path, *targets: Backend, **more: Any) -> None:
    """Write a detour.yaml in which every call goes to the backends, in their order."""
    names = [f"b{number}" for number in range(len(targets))]
    backends = {
        name: {
            "like": "vllm",
            "address": f"{target.url}/v1",
            "credential": {"key": f"{KEY}-{name}"},
            **more.pop(name, {}),
        }
        for name, target in zip(names, targets, strict=True)
    }
    document = {"big": [f"{name}/m" for name in names], "backends": backends, **more}
    (tmp_path / "detour.yaml").write_text(json.dumps(document))


def error_of(reply: httpx.Response) -> tuple[str, str]:
    error = reply.json()["error"]
    return error["type"], error["message"]


def kinds(stream: bytes) -> list[str]:
    return [name for name, _ in read_events(stream)]


# -- the same target again ---------------------------------------------------------------------------------------------

FAILS_ONCE: dict[str, Script] = {
    "busy": busy(),
    "busy, and says for how long": busy(retry_after="1"),
    "down": whole(b"<html>Bad gateway</html>", "502 Bad Gateway", content_type="text/html"),
    "overloaded": whole({"error": {"message": "overloaded"}}, "529 Overloaded"),
    "a conflict": whole({"error": {"message": "conflict"}}, "409 Conflict"),
    "its time ran out": whole({"error": {"message": "timeout"}}, "408 Request Timeout"),
    "cut before its head": raw(b""),
    "cut within its head": raw(b"HTTP/1.1 200 OK\r\ncontent-ty"),
    "cut behind its head": raw(head(**CHUNKED)),
    "cut behind a role": raw(head(**CHUNKED) + b"2f\r\n" + b'data: {"choices":[{"delta":{"role":"assistant"'),
    "busy in the stream": BUSY_STREAM,
    "nothing in the stream": streaming([b"data: [DONE]\n\n"]),
    "garbage": raw(b"\x00\xff garbage\r\n\r\n"),
    "no message": whole(b"[1]"),
}


@pytest.mark.parametrize(("door", "http2"), DOORS)
@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("name", FAILS_ONCE)
async def test_a_failure_before_the_first_word_is_not_heard(
    confdir: Path, tmp_path: Path, name: str, stream: bool, door: int, http2: bool
) -> None:
    good = streaming() if stream else whole()
    async with backend(FAILS_ONCE[name], good) as fake:
        settings(tmp_path, fake)
        async with proxying(confdir) as proxy, proxy.client(door, http2=http2) as client:
            reply = await client.post("/v1/messages", json=ask(stream=stream))
            assert reply.status_code == 200
            text = said(reply.content) if stream else reply.json()["content"][0]["text"]
            assert text == "Hello"
            await proxy.settled()
            assert len(fake.received) == 2
            assert fake.received[0].body == fake.received[1].body
            assert {received.header("authorization") for received in fake.received} == {f"Bearer {KEY}-b0"}
            assert "crashed" not in proxy.log.text
            [attempt] = record.of(proxy.flows[0])["attempts"]
            assert attempt[0] == "b0/m"
            assert "tried b0/m" in proxy.flows[0].comment
            again = await client.post("/v1/messages", json=ask())
            assert again.status_code == 200, "the client's connection is good for another"


async def test_it_is_asked_twice_more_and_no_oftener(confdir: Path, tmp_path: Path) -> None:
    async with backend(busy()) as fake:
        settings(tmp_path, fake)
        async with proxying(confdir) as proxy, proxy.client() as client:
            reply = await client.post("/v1/messages", json=ask())
            assert reply.status_code == 429
            kind, message = error_of(reply)
            assert (kind, message) == ("rate_limit_error", "b0/m: Slow down. (tried b0/m 429 429 429)")
            assert len(fake.received) == 3
            await proxy.settled()
            assert proxy.flows[0].comment.endswith("error: b0/m: Slow down. (tried b0/m 429 429 429)")


NOT_AGAIN = [
    ("401 Unauthorized", {"error": {"message": "no"}}, 403),
    ("402 Payment Required", {"error": {"message": "no"}}, 402),
    ("404 Not Found", {"error": {"message": "no such model"}}, 404),
    ("400 Bad Request", {"error": {"message": "unheard of"}}, 424),
    ("400 Bad Request", TOO_LONG, 400),
    ("413 Content Too Large", {"error": {"message": "too large"}}, 413),
]


@pytest.mark.parametrize(("status", "body", "told"), NOT_AGAIN)
async def test_what_another_try_cannot_mend_is_told_at_once(
    confdir: Path, tmp_path: Path, status: str, body: Any, told: int
) -> None:
    async with backend(whole(body, status)) as fake:
        settings(tmp_path, fake)
        async with proxying(confdir) as proxy, proxy.client() as client:
            reply = await client.post("/v1/messages", json=ask())
            assert reply.status_code == told
            assert "tried" not in error_of(reply)[1]
            assert len(fake.received) == 1


async def test_a_kept_connection_that_closes_under_the_request_is_no_failure(confdir: Path, tmp_path: Path) -> None:
    """The backend hangs up in the moment in which the next request is sent to it."""
    calls = 0

    async def closes(received: Received, writer: asyncio.StreamWriter) -> bool | None:
        nonlocal calls
        calls += 1
        if calls == 2:
            return False
        return await streaming()(received, writer)

    async with backend(closes) as fake:
        settings(tmp_path, fake)
        async with proxying(confdir) as proxy, proxy.client() as client:
            for _ in range(2):
                assert said((await client.post("/v1/messages", json=ask())).content) == "Hello"
            assert fake.accepted == 2
            await proxy.settled()
            assert [attempt[:2] for attempt in record.of(proxy.flows[1])["attempts"]] == [["b0/m", 503]]


# -- the next target ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("door", "http2"), DOORS)
@pytest.mark.parametrize("stream", [True, False])
async def test_the_next_of_the_list_answers_in_its_own_words(
    confdir: Path, tmp_path: Path, door: int, http2: bool, stream: bool
) -> None:
    async with backend(busy()) as first, backend(streaming(NATIVE_HELLO)) as second:
        settings(tmp_path, first, second, b1={"like": "vllm-anthropic", "address": second.url})
        async with proxying(confdir) as proxy, proxy.client(door, http2=http2) as client:
            reply = await client.post("/v1/messages", json=ask())
            assert said(reply.content) == "Hi"
            await proxy.settled()
            assert (len(first.received), len(second.received)) == (3, 1)
            sent = second.received[0]
            assert (sent.path, sent.json["model"]) == ("/v1/messages", "m")
            assert f"{KEY}-b1" in repr(sent.headers)
            assert f"{KEY}-b0" not in repr(sent)
            flow = proxy.flows[0]
            assert (flow.request.port, flow.server_conn.address) == (second.port, ("127.0.0.1", second.port))
            kept = record.of(flow)
            assert (kept["route"], json.loads(kept["original"]["body"])) == ("b1/m", ask())
            assert [attempt[:2] for attempt in kept["attempts"]] == [["b0/m", 429]] * 3
            assert flow.comment.startswith("claude-opus-4-8 → b1/m · tried b0/m 429 429 429 · ")
            assert "Detour: b0/m cools down for 5 s: Slow down" in proxy.log.text
            assert " b0/m: Slow down; trying again in 0.0 s" in proxy.log.text
            assert " b0/m: Slow down; trying b1/m" in proxy.log.text
            assert (await client.post("/v1/messages", json=ask())).status_code == 200
            assert len(first.received) == 3, "it cools down, and is passed over"


async def test_a_dead_first_target_is_no_hindrance(confdir: Path, tmp_path: Path) -> None:
    async with backend(streaming()) as second:
        gone = Backend([], 9)
        settings(tmp_path, gone, second)
        async with proxying(confdir) as proxy, proxy.client() as client:
            assert said((await client.post("/v1/messages", json=ask())).content) == "Hello"
            await proxy.settled()
            assert [attempt[:2] for attempt in record.of(proxy.flows[0])["attempts"]] == [["b0/m", 503]] * 3


async def test_of_dead_ones_the_client_hears_what_its_own_retry_may_mend(confdir: Path, tmp_path: Path) -> None:
    async with backend(busy()) as first, backend(whole({"error": {"message": "no"}}, "401 Unauthorized")) as second:
        settings(tmp_path, first, second)
        async with proxying(confdir) as proxy, proxy.client() as client:
            reply = await client.post("/v1/messages", json=ask())
            assert reply.status_code == 429
            assert error_of(reply)[1] == "b0/m: Slow down. (tried b0/m 429 429 429, b1/m 403)"
            assert KEY not in proxy.log.text


async def test_what_does_not_fit_goes_to_a_larger_window_only(confdir: Path, tmp_path: Path) -> None:
    refusal = whole(TOO_LONG, "400 Bad Request")
    async with backend(refusal) as small, backend(streaming()) as smaller, backend(streaming()) as large:
        windows = {"b0/m": {"window": 1000}, "b1/m": {"window": 900}, "b2/m": {"window": 5000}}
        settings(tmp_path, small, smaller, large, models=windows)
        async with proxying(confdir) as proxy, proxy.client() as client:
            assert said((await client.post("/v1/messages", json=ask())).content) == "Hello"
            assert (len(small.received), len(smaller.received), len(large.received)) == (1, 0, 1)
            await proxy.settled()
            assert "cools down" not in proxy.log.text, "it is the request that is too long"


async def test_nothing_is_asked_again_once_the_client_has_heard_a_word(confdir: Path, tmp_path: Path) -> None:
    cut = raw(head(**CHUNKED) + b"%x\r\n%s\r\n" % (len(HELLO[0]), HELLO[0]))
    async with backend(cut) as first, backend(streaming()) as second:
        settings(tmp_path, first, second)
        async with proxying(confdir) as proxy, proxy.client() as client:
            reply = await client.post("/v1/messages", json=ask())
            assert kinds(reply.content)[-1] == "error"
            assert (len(first.received), len(second.received)) == (1, 0)


def chunked(*pieces: bytes, ends: bool) -> Script:
    sent = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces)
    return raw(head(**CHUNKED) + sent + (b"0\r\n\r\n" if ends else b""), close=not ends)


SLOW_DOWN = b'data: {"error":{"message":"Slow down.","type":"rate_limit_exceeded","code":429}}\n\n'
NATIVE_BUSY = b'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"Busy."}}\n\n'
BREAKS: dict[str, tuple[bool, Script, str]] = {
    "cut": (False, chunked(HELLO[0], ends=False), "broke off"),
    "it says so": (False, chunked(HELLO[0], SLOW_DOWN, ends=True), "Slow down"),
    "it says so and stays": (False, then(HELLO[0], SLOW_DOWN), "Slow down"),
    "without its reason": (False, chunked(HELLO[0], b"data: [DONE]\n\n", ends=True), "finish reason"),
    "cut, native": (True, chunked(*NATIVE_HELLO[:3], ends=False), "broke off"),
    "it says so, native": (True, chunked(*NATIVE_HELLO[:3], NATIVE_BUSY, ends=True), "Busy"),
}


@pytest.mark.parametrize("name", BREAKS)
async def test_a_target_that_breaks_in_the_middle_is_passed_over_by_the_next_request(
    confdir: Path, tmp_path: Path, name: str
) -> None:
    native, script, why = BREAKS[name]
    async with backend(script) as first, backend(streaming()) as second:
        own = {"like": "vllm-anthropic", "address": first.url} if native else {}
        settings(tmp_path, first, second, b0=own)
        async with proxying(confdir) as proxy, proxy.client() as client:
            assert kinds((await client.post("/v1/messages", json=ask())).content)[-1] == "error"
            await proxy.settled()
            assert "b0/m cools down for 5 s" in proxy.log.text
            assert why in proxy.log.text.partition("cools down")[2]
            assert said((await client.post("/v1/messages", json=ask())).content) == "Hello"
            assert (len(first.received), len(second.received)) == (1, 1)


async def test_a_target_that_cools_down_is_the_last_resort(confdir: Path, tmp_path: Path) -> None:
    refusal = whole({"error": {"message": "no"}}, "401 Unauthorized")
    async with backend(refusal, streaming()) as first, backend(streaming(), refusal) as second:
        settings(tmp_path, first, second)
        async with proxying(confdir) as proxy, proxy.client() as client:
            for asked in ((1, 1), (2, 2)):
                assert said((await client.post("/v1/messages", json=ask())).content) == "Hello"
                assert (len(first.received), len(second.received)) == asked
            await proxy.settled()
            assert proxy.flows[1].comment.startswith("claude-opus-4-8 → b0/m · tried b1/m 403 · ")


async def test_a_bug_in_the_look_at_how_a_reply_ended_costs_no_reply(
    confdir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr(Exchange, "broken", broken)
    async with backend(streaming()) as fake:
        settings(tmp_path, fake)
        async with proxying(confdir) as proxy, proxy.client() as client:
            proxy.errors_expected = True
            assert said((await client.post("/v1/messages", json=ask())).content) == "Hello"
            await proxy.settled()
            assert f"Detour: incident {transfer.exchange_id(proxy.flows[0])}" in proxy.log.text
            assert "first token" in proxy.flows[0].comment


@pytest.mark.parametrize("script", [streaming(), then(*HELLO), busy(), whole(TOO_LONG, "400 Bad Request")])
async def test_a_target_that_answers_or_is_asked_again_cools_down_only_when_it_is_left(
    confdir: Path, tmp_path: Path, script: Script
) -> None:
    async with backend(script, streaming()) as fake:
        settings(tmp_path, fake)
        async with proxying(confdir) as proxy, proxy.client() as client:
            await client.post("/v1/messages", json=ask())
            await proxy.settled()
            assert "cools down" not in proxy.log.text
            assert " is up " not in proxy.log.text


async def test_a_refusal_of_one_that_cooled_shows_that_it_is_up(confdir: Path, tmp_path: Path) -> None:
    async with backend(busy(), busy(), busy(), whole(TOO_LONG, "400 Bad Request")) as fake:
        settings(tmp_path, fake)
        async with proxying(confdir) as proxy, proxy.client() as client:
            for _ in range(2):
                await client.post("/v1/messages", json=ask())
            await proxy.settled()
            assert "b0/m cools down for 5 s" in proxy.log.text
            assert "b0/m is up again" in proxy.log.text


async def test_a_picture_that_the_first_cannot_see_goes_to_the_next(confdir: Path, tmp_path: Path) -> None:
    picture = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "aGk="}}
    request = ask() | {"messages": [{"role": "user", "content": [picture, {"type": "text", "text": "What is it?"}]}]}
    async with backend(streaming()) as blind, backend(streaming()) as sighted:
        settings(tmp_path, blind, sighted, models={"b0/m": {"vision": False}, "b1/m": {"vision": True}})
        async with proxying(confdir) as proxy, proxy.client() as client:
            assert said((await client.post("/v1/messages", json=request)).content) == "Hello"
            assert (len(blind.received), len(sighted.received)) == (0, 1)


@pytest.mark.parametrize("http2", [True, False])
async def test_every_target_is_reached_through_the_proxy_on_the_way_out(
    confdir: Path, tmp_path: Path, http2: bool
) -> None:
    async with corporate_proxy() as (url, heads), backend(busy()) as first, backend(streaming()) as second:
        settings(tmp_path, first, second)
        async with proxying(confdir, modes=(f"upstream:{url}",)) as proxy, proxy.client(1, http2=http2) as client:
            assert said((await client.post("/v1/messages", json=ask())).content) == "Hello"
            await proxy.settled()
    tunnels = [head.split(" ")[1] for head in heads]
    assert tunnels[0] == f"127.0.0.1:{first.port}"
    assert tunnels[-1] == f"127.0.0.1:{second.port}"
    assert KEY not in "".join(heads)


@pytest.mark.parametrize(("door", "http2"), DOORS)
async def test_a_pdf_that_only_the_next_target_must_have_read_is_read_then(
    confdir: Path, tmp_path: Path, door: int, http2: bool
) -> None:
    words = f"the words of door {door}, {http2}"  # what was read once is kept
    source = {"type": "base64", "media_type": "application/pdf", "data": pdfs.encoded(pdfs.pdf(words))}
    request = ask() | {"messages": [{"role": "user", "content": [{"type": "document", "source": source}]}]}
    async with backend(busy()) as native, backend(streaming()) as reader:
        settings(tmp_path, native, reader, b0={"like": "openrouter-anthropic", "address": native.url})
        async with proxying(confdir) as proxy, proxy.client(door, http2=http2) as client:
            reply = await client.post("/v1/messages", json=request)
            assert said(reply.content) == "Hello"
            assert words not in native.received[0].body.decode()
            assert words in reader.received[0].body.decode()
            await proxy.settled()


async def test_a_bug_while_the_next_target_is_put_on_the_flow_is_answered_with_an_id(
    confdir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Raised into mitmproxy it would be a crash, and the client would wait for ever."""

    def broken(*_: object) -> None:
        raise ZeroDivisionError("an invented bug")

    monkeypatch.setattr("addon.proxy.attempts.Original.put_back", broken)
    async with backend(busy()) as first, backend(streaming()) as second:
        settings(tmp_path, first, second)
        async with proxying(confdir) as proxy, proxy.client() as client:
            proxy.errors_expected = True
            reply = await client.post("/v1/messages", json=ask())
            assert "ZeroDivisionError: an invented bug" in proxy.log.text
            assert "crashed" not in proxy.log.text
            assert (reply.status_code, second.received) == (429, []), "what its own retry may mend"
            await proxy.settled()


# -- Anthropic itself in the list --------------------------------------------------------------------------------------


async def test_another_answers_when_anthropic_is_busy_and_never_sees_the_clients_key(
    confdir: Path, tmp_path: Path
) -> None:
    overloaded = whole(
        {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}, "529 Overloaded"
    )
    async with backend(overloaded) as home, backend(streaming()) as other:
        settings(tmp_path, other, big=["anthropic", "b0/m"])
        async with proxying(confdir, modes=(f"reverse:{home.url}",)) as proxy, proxy.client() as client:
            reply = await client.post("/v1/messages", json=ask(), headers={"x-api-key": "the client's own"})
            assert said(reply.content) == "Hello"
            assert {received.header("x-api-key") for received in home.received} == {"the client's own"}
            assert "the client's own" not in repr(other.received)
            await proxy.settled()
            assert proxy.flows[0].comment.startswith("claude-opus-4-8 → b0/m · tried anthropic 503 503 503")


async def test_anthropic_itself_may_be_the_last_resort(confdir: Path, tmp_path: Path) -> None:
    async with backend(busy()) as first, backend(streaming(NATIVE_HELLO)) as home:
        settings(tmp_path, first, big=["b0/m", "anthropic"])
        async with proxying(confdir, modes=(f"reverse:{home.url}",)) as proxy, proxy.client() as client:
            reply = await client.post("/v1/messages", json=ask(), headers={"x-api-key": "the client's own"})
            assert reply.content == b"".join(NATIVE_HELLO), "it passes as it came"
            [sent] = home.received
            assert (sent.json, sent.header("x-api-key")) == (ask(), "the client's own")
            assert "the client's own" not in repr(first.received)
            await proxy.settled()
            assert record.of(proxy.flows[0])["route"] == "anthropic"


# -- the client waits --------------------------------------------------------------------------------------------------

WAITING = {"streaming": {"grace": "0.15s", "ping": "0.1s"}}


def pings(stream: bytes) -> int:
    return stream.count(PING)


@pytest.mark.parametrize(("door", "http2"), DOORS)
@pytest.mark.parametrize("native", [False, True])
async def test_a_silent_backend_is_waited_for_with_pings(
    confdir: Path, tmp_path: Path, door: int, http2: bool, native: bool
) -> None:
    gate = asyncio.Event()

    async def slow(received: Received, writer: asyncio.StreamWriter) -> None:
        await gate.wait()
        await streaming(NATIVE_HELLO if native else HELLO)(received, writer)

    async with backend(slow) as fake:
        own = {"like": "vllm-anthropic", "address": fake.url} if native else {}
        settings(tmp_path, fake, b0=own, **WAITING)
        async with proxying(confdir) as proxy, proxy.client(door, http2=http2) as client:
            async with client.stream("POST", "/v1/messages", json=ask()) as reply:
                assert reply.status_code == 200
                assert reply.headers["content-type"].startswith("text/event-stream")
                taken = b""
                async for piece in reply.aiter_bytes():
                    taken += piece
                    if pings(taken) >= 3:
                        gate.set()
            assert taken.startswith(PING * 3)
            assert said(taken.replace(PING, b"")) == ("Hi" if native else "Hello")
            if not native:
                law.check(taken.replace(PING, b""))
            await proxy.settled()
            assert replied(proxy.flows[0]) == taken.replace(PING, b"")
            assert (await client.post("/v1/messages", json=ask())).status_code == 200


async def test_pings_go_on_in_the_middle_of_a_reply(confdir: Path, tmp_path: Path) -> None:
    gate = asyncio.Event()
    async with backend(streaming(gate=gate)) as fake:
        settings(tmp_path, fake, **WAITING)
        async with proxying(confdir) as proxy, proxy.client() as client:
            async with client.stream("POST", "/v1/messages", json=ask()) as reply:
                taken = b""
                async for piece in reply.aiter_bytes():
                    taken += piece
                    if pings(taken) >= 2:
                        gate.set()
            assert taken.startswith(b"event: message_start")
            assert said(taken.replace(PING, b"")) == "Hello"


async def test_a_backend_that_breaks_in_the_read_of_its_first_words_ends_with_an_event(
    confdir: Path, tmp_path: Path
) -> None:
    """mitmproxy hears of both before anything is written."""
    async with backend(raw(head(**CHUNKED) + b"%x\r\n%s\r\nno length\r\n" % (len(HELLO[0]), HELLO[0]))) as fake:
        settings(tmp_path, fake)
        async with proxying(confdir) as proxy, proxy.client() as client:
            reply = await client.post("/v1/messages", json=ask())
            assert kinds(reply.content)[-1] == "error"
            assert len(fake.received) == 1
            fake.scripts = [streaming()]
            assert said((await client.post("/v1/messages", json=ask())).content) == "Hello"


async def test_a_ping_shorter_than_the_grace_is_due_from_the_first_word_on(confdir: Path, tmp_path: Path) -> None:
    gate = asyncio.Event()
    async with backend(streaming(gate=gate)) as fake:
        settings(tmp_path, fake, streaming={"grace": "60s", "ping": "0.1s"})
        async with proxying(confdir) as proxy, proxy.client() as client:
            async with client.stream("POST", "/v1/messages", json=ask()) as reply:
                taken = b""
                async for piece in reply.aiter_bytes():
                    taken += piece
                    if pings(taken):
                        gate.set()
            assert said(taken.replace(PING, b"")) == "Hello"


async def test_no_ping_comes_between_two_halves_of_an_event(confdir: Path, tmp_path: Path) -> None:
    """A native stream passes line by line: what has come of an event may be half of it."""
    half = NATIVE_HELLO[2].index(b"\n") + 1
    gate = asyncio.Event()

    async def halting(received: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(head(**CHUNKED))
        for piece in (
            b"".join(NATIVE_HELLO[:2]) + NATIVE_HELLO[2][:half],
            NATIVE_HELLO[2][half:] + b"".join(NATIVE_HELLO[3:]),
        ):
            writer.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            await writer.drain()
            await asyncio.sleep(0.3)  # three pings' time
        writer.write(b"0\r\n\r\n")
        gate.set()

    async with backend(halting) as fake:
        settings(tmp_path, fake, b0={"like": "vllm-anthropic", "address": fake.url}, **WAITING)
        async with proxying(confdir) as proxy, proxy.client() as client:
            reply = await client.post("/v1/messages", json=ask())
            assert reply.content.replace(PING, b"") == b"".join(NATIVE_HELLO)
            assert pings(reply.content.partition(NATIVE_HELLO[2])[0]) == 0
            assert NATIVE_HELLO[2] in reply.content


@pytest.mark.parametrize(("door", "http2"), DOORS)
@pytest.mark.parametrize(
    "ending",
    [
        busy(),
        whole(b"<html>", "502 Bad Gateway", content_type="text/html"),
        raw(b""),
        BUSY_STREAM,
        whole(TOO_LONG, "400 Bad Request"),
    ],
    ids=["busy", "a page", "cut", "busy in the stream", "too long"],
)
async def test_a_failure_after_the_grace_is_an_event(
    confdir: Path, tmp_path: Path, ending: Script, door: int, http2: bool
) -> None:
    gate = asyncio.Event()

    async def slow(received: Received, writer: asyncio.StreamWriter) -> bool | None:
        await gate.wait()
        return await ending(received, writer)

    async with backend(slow) as fake:
        settings(tmp_path, fake, **WAITING)
        async with proxying(confdir) as proxy, proxy.client(door, http2=http2) as client:
            async with client.stream("POST", "/v1/messages", json=ask()) as reply:
                taken = b""
                async for piece in reply.aiter_bytes():
                    taken += piece
                    gate.set()
            assert reply.status_code == 200
            assert taken.startswith(PING)
            assert kinds(taken.replace(PING, b"")) == ["error"]
            await proxy.settled()
            assert "crashed" not in proxy.log.text
            assert proxy.flows[0].response is not None
            assert replied(proxy.flows[0]) == taken.replace(PING, b"")
            fake.scripts = [streaming()]
            assert said((await client.post("/v1/messages", json=ask())).content.replace(PING, b"")) == "Hello"


async def test_after_the_grace_another_target_may_still_answer(confdir: Path, tmp_path: Path) -> None:
    gate = asyncio.Event()

    async def slow(received: Received, writer: asyncio.StreamWriter) -> bool | None:
        await gate.wait()
        return await whole({"error": {"message": "no"}}, "401 Unauthorized")(received, writer)

    async with backend(slow) as first, backend(streaming()) as second:
        settings(tmp_path, first, second, **WAITING)
        async with proxying(confdir) as proxy, proxy.client() as client:
            async with client.stream("POST", "/v1/messages", json=ask()) as reply:
                taken = b""
                async for piece in reply.aiter_bytes():
                    taken += piece
                    gate.set()
            assert said(taken.replace(PING, b"")) == "Hello"


async def test_a_whole_reply_is_waited_for_without_a_word(confdir: Path, tmp_path: Path) -> None:
    async def slow(received: Received, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.4)  # longer than the grace and a ping
        await whole()(received, writer)

    async with backend(slow) as fake:
        settings(tmp_path, fake, **WAITING)
        async with proxying(confdir) as proxy, proxy.client() as client:
            reply = await client.post("/v1/messages", json=ask(stream=False))
            assert reply.json()["content"][0]["text"] == "Hello"


# -- timeouts ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("door", "http2"), DOORS)
@pytest.mark.parametrize("stream", [True, False])
async def test_a_backend_that_says_nothing_is_given_up(
    confdir: Path, tmp_path: Path, stream: bool, door: int, http2: bool
) -> None:
    async with backend(silent()) as fake:
        settings(tmp_path, fake, timeouts={"first_byte": "0.1s"})
        async with proxying(confdir) as proxy, proxy.client(door, http2=http2) as client:
            reply = await client.post("/v1/messages", json=ask(stream=stream))
            assert reply.status_code == 504
            kind, message = error_of(reply)
            assert kind == "timeout_error"
            assert message == "b0/m: not a byte of a reply within 0.1 s. (tried b0/m 504 504 504)"
            await until(lambda: not fake.open)
            assert len(fake.received) == 3


async def test_one_whose_time_is_out_is_not_asked_again_where_there_is_another(confdir: Path, tmp_path: Path) -> None:
    async with backend(silent()) as first, backend(streaming()) as second:
        settings(tmp_path, first, second, timeouts={"first_byte": "0.1s"})
        async with proxying(confdir) as proxy, proxy.client() as client:
            assert said((await client.post("/v1/messages", json=ask())).content) == "Hello"
            assert (len(first.received), len(second.received)) == (1, 1)
            await until(lambda: not first.open)


@pytest.mark.parametrize(("door", "http2"), DOORS)
async def test_a_reply_that_stops_is_ended_with_an_event(confdir: Path, tmp_path: Path, door: int, http2: bool) -> None:
    async with backend(then(HELLO[0], HELLO[1])) as fake:
        settings(tmp_path, fake, timeouts={"idle": "0.2s"})
        async with proxying(confdir) as proxy, proxy.client(door, http2=http2) as client:
            reply = await client.post("/v1/messages", json=ask())
            events = read_events(reply.content)
            kind, told = events[-1]
            assert (reply.status_code, kind, told["error"]["type"]) == (200, "error", "overloaded_error")
            assert "nothing more of the reply within 0.2 s" in events[-1][1]["error"]["message"]
            await until(lambda: not fake.open)
            fake.scripts = [streaming()]
            assert (await client.post("/v1/messages", json=ask())).status_code == 200


async def test_a_whole_reply_that_stops_is_given_up(confdir: Path, tmp_path: Path) -> None:
    stuck = raw(head(content_type="application/json", content_length="999") + b'{"choices"', close=False)

    async def hangs(received: Received, writer: asyncio.StreamWriter) -> None:
        await stuck(received, writer)
        await asyncio.Event().wait()

    async with backend(hangs) as fake:
        settings(tmp_path, fake, timeouts={"idle": "0.1s"}, retry={"attempts": 0})
        async with proxying(confdir) as proxy, proxy.client() as client:
            reply = await client.post("/v1/messages", json=ask(stream=False))
            assert (reply.status_code, error_of(reply)[0]) == (504, "timeout_error")
            await until(lambda: not fake.open)


async def test_the_time_for_all_of_it_ends_all_attempts(confdir: Path, tmp_path: Path) -> None:
    async with backend(silent()) as first, backend(streaming()) as second:
        settings(tmp_path, first, second, timeouts={"total": "0.2s"})
        async with proxying(confdir) as proxy, proxy.client() as client:
            reply = await client.post("/v1/messages", json=ask())
            assert error_of(reply) == ("timeout_error", "b0/m: no end of the reply within 0.2 s.")
            assert second.received == []


@pytest.fixture
def full_backlog() -> Iterator[int]:
    """The port of a listener that accepts nobody: a connection to it is never made."""
    import socket

    with socket.socket() as listener, socket.socket() as first, socket.socket() as second:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for each in (first, second):
            each.setblocking(False)
            each.connect_ex(listener.getsockname())
        yield int(listener.getsockname()[1])


async def test_a_connection_that_is_never_made_is_given_up(confdir: Path, tmp_path: Path, full_backlog: int) -> None:
    async with backend(streaming()) as second:
        settings(tmp_path, Backend([], full_backlog), second, timeouts={"connect": "0.2s"})
        async with proxying(confdir) as proxy, proxy.client() as client:
            assert said((await client.post("/v1/messages", json=ask())).content) == "Hello"
            await proxy.settled()
            [attempt] = record.of(proxy.flows[0])["attempts"]
            assert (attempt[1], attempt[3]) == (504, "b0/m: no connection within 0.2 s.")


async def test_a_handshake_that_never_ends_is_given_up(confdir: Path, tmp_path: Path) -> None:
    async def accepts(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(accepts, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, backend(streaming()) as second:
        settings(
            tmp_path,
            Backend([], port),
            second,
            b0={"address": f"https://127.0.0.1:{port}/v1"},
            timeouts={"connect": "0.3s"},
        )
        async with proxying(confdir) as proxy, proxy.client() as client:
            assert said((await client.post("/v1/messages", json=ask())).content) == "Hello"


# -- all is said, and the backend goes on ------------------------------------------------------------------------------


@pytest.mark.parametrize(("door", "http2"), DOORS)
@pytest.mark.parametrize("native", [False, True])
async def test_a_reply_in_which_all_is_said_is_over_though_its_body_has_no_end(
    confdir: Path, tmp_path: Path, door: int, http2: bool, native: bool
) -> None:
    async with backend(then(*(NATIVE_HELLO if native else HELLO))) as fake:
        settings(tmp_path, fake, b0={"like": "vllm-anthropic", "address": fake.url} if native else {})
        async with proxying(confdir) as proxy, proxy.client(door, http2=http2) as client:
            reply = await client.post("/v1/messages", json=ask())
            assert kinds(reply.content)[-1] == "message_stop"
            await proxy.settled()
            await until(lambda: not fake.open)
            assert "error" not in proxy.flows[0].comment
            fake.scripts = [streaming(NATIVE_HELLO if native else HELLO)]
            assert said((await client.post("/v1/messages", json=ask())).content) == ("Hi" if native else "Hello")


@pytest.mark.parametrize("fault", [b'data: {"error":{"message":"Broken."}}\n\n', b"data: {\n\n"])
async def test_a_reply_that_fails_in_the_middle_is_over_though_the_backend_goes_on(
    confdir: Path, tmp_path: Path, fault: bytes
) -> None:
    async with backend(then(HELLO[0], HELLO[1], fault)) as fake:
        settings(tmp_path, fake)
        async with proxying(confdir) as proxy, proxy.client() as client:
            reply = await client.post("/v1/messages", json=ask())
            assert kinds(reply.content)[-1] == "error"
            await until(lambda: not fake.open)


# -- the client leaves -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("door", "http2"), DOORS)
async def test_a_client_that_leaves_between_two_attempts_ends_them(
    confdir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, door: int, http2: bool
) -> None:
    monkeypatch.setattr(journey, "delay_s", lambda *_, **__: 60.0)
    async with backend(busy()) as fake:
        settings(tmp_path, fake)
        async with proxying(confdir) as proxy, proxy.client(door, http2=http2) as client:
            task = asyncio.create_task(client.post("/v1/messages", json=ask()))
            await until(lambda: "trying again in 60.0 s" in proxy.log.text)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await client.aclose()
            await proxy.settled()
            assert len(fake.received) == 1
            assert "the client left" in proxy.flows[0].comment
            assert "crashed" not in proxy.log.text


async def test_a_flow_that_is_killed_between_two_attempts_is_over(
    confdir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journey, "delay_s", lambda *_, **__: 0.2)
    async with backend(busy()) as fake:
        settings(tmp_path, fake)
        async with proxying(confdir) as proxy, proxy.client() as client:
            task = asyncio.create_task(client.post("/v1/messages", json=ask()))
            await until(lambda: "trying again in" in proxy.log.text)
            proxy.flows[0].kill()
            with pytest.raises(httpx.HTTPError):
                await task
            await proxy.settled()
            assert len(fake.received) == 1


# -- what a backend may do at the edge of HTTP -------------------------------------------------------------------------


@pytest.mark.parametrize("interim", ["103 Early Hints", "100 Continue", "102 Processing"])
@pytest.mark.parametrize("parts", [1, 2, 3])
async def test_interim_replies_are_not_the_reply(confdir: Path, tmp_path: Path, interim: str, parts: int) -> None:
    early = head(interim, link="</style.css>; rel=preload") * 2

    async def script(received: Received, writer: asyncio.StreamWriter) -> None:
        size = -(-len(early) // parts)
        for start in range(0, len(early), size):
            writer.write(early[start : start + size])
            await writer.drain()
            await asyncio.sleep(0.01)
        await streaming()(received, writer)

    async with backend(script) as fake:
        settings(tmp_path, fake)
        async with proxying(confdir) as proxy, proxy.client() as client:
            for _ in range(2):
                assert said((await client.post("/v1/messages", json=ask())).content) == "Hello"
            assert fake.accepted == 1
