"""The addon in mitmproxy: its doors, its options, what it passes and what it answers itself."""

import asyncio
import gc
import ipaddress
import itertools
import json
import logging
import ssl
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from mitmproxy import exceptions, http
from mitmproxy.addons.proxyserver import Proxyserver
from mitmproxy.test import taddons, tflow

from addon.proxy import hooks, record
from addon.proxy.hooks import Detour
from addon.proxy.intake import decide
from addon.proxy.rest.journal import LogType
from tests import searches
from tests.proxy.conftest import Configure
from tests.proxy.live import (
    CLIENT_HEADERS,
    KEY,
    LIMIT_S,
    NATIVE_HELLO,
    ask,
    backend,
    corporate_proxy,
    gzipped,
    head,
    proxying,
    raw,
    replied,
    said,
    streaming,
    until,
    whole,
)

BOTH_DOORS = [(1, False), (1, True), (2, False)]

# -- what passes -------------------------------------------------------------------------------------------------------


async def _exchange(url: str, request: bytes, expected: int | None = None) -> bytes:
    """Send exact bytes; return what comes: so many bytes and any that follow at once, or all until the end."""
    host, port = url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(request)
    await writer.drain()
    if expected is None:
        answer = await asyncio.wait_for(reader.read(), LIMIT_S)
    else:
        answer = await asyncio.wait_for(reader.readexactly(expected), LIMIT_S)
        with suppress(TimeoutError):
            answer += await asyncio.wait_for(reader.read(1), 0.02)
    writer.close()
    await writer.wait_closed()
    return answer


def _request(body: bytes, path: str = "/v1/messages?beta=true", method: str = "POST", extra: str = "") -> bytes:
    lines = f"{method} {path} HTTP/1.1\r\nHost: example\r\nX-Odd-CASE: one,  two\r\nx-api-key: sk-ant\r\n{extra}"
    return f"{lines}Content-Length: {len(body)}\r\n\r\n".encode() + body


PASSING = [
    _request(b'{"model": "claude-opus-4-8",\n "messages": [] , "x":1.0}'),
    _request(b"this is no JSON"),
    _request(b"[1,2]"),
    _request(b'{"messages": 1}'),
    _request(b'{"model":"' + "übel".encode("latin-1") + b'"}'),
    _request(gzipped(b'{"model":"claude-opus-4-8"}'), extra="Content-Encoding: gzip\r\n"),
    _request(b"", method="DELETE"),
    _request(b'{"model":"claude-opus-4-8"}', path="/v1/messages/count_tokens"),
    _request(b"", path="/v1/models", method="GET"),
    _request(b"", path="/api/hello", method="HEAD"),
    _request(b"\x00\xff", path="/api/event_logging/batch"),
    _request(b"a" * 100_000, path="/v1/files"),
]
REPLIES = [
    head("200 OK", Content_Type="application/json", X_Odd="a,  b", content_length="12") + b'{"a" :1.50}\n',
    head("529 Overloaded", request_id="req_1", content_length="4") + b"oops",
    head("204 No Content"),
]


@pytest.mark.parametrize(("request_bytes", "reply"), [*zip(PASSING, itertools.cycle(REPLIES), strict=False)])
async def test_with_nothing_configured_bytes_pass_as_they_are(
    confdir: Path, configure: Configure, request_bytes: bytes, reply: bytes
) -> None:
    if b"HEAD" in request_bytes:
        reply = reply.partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
    async with backend(raw(reply, close=False)) as fake:
        configure()
        async with proxying(confdir, modes=(f"reverse:{fake.url}",)) as proxy:
            assert await _exchange(proxy.door_two, request_bytes, len(reply)) == reply
        arrived = fake.received[0]
    first, _, rest = request_bytes.partition(b"\r\n")
    lines, _, body = rest.partition(b"\r\n\r\n")
    assert f"{arrived.method} {arrived.path} HTTP/1.1".encode() == first
    assert arrived.body == body
    expected = [line.partition(":") for line in lines.decode().split("\r\n")[1:]]
    assert [pair for pair in arrived.headers if pair[0] != "host"] == [
        (name.lower(), value.strip()) for name, _, value in expected
    ]


@pytest.mark.parametrize("settings", [{}, {"SMALL_MODEL": "openai/gpt-small", "OPENAI_API_KEY": KEY}])
async def test_a_tier_without_a_model_streams_through_untouched(
    confdir: Path, configure: Configure, settings: dict[str, str]
) -> None:
    gate = asyncio.Event()
    async with backend(streaming(NATIVE_HELLO, gate=gate)) as fake:
        configure(**settings)
        async with proxying(confdir, modes=(f"reverse:{fake.url}",)) as proxy, proxy.client() as client:
            async with client.stream("POST", "/v1/messages", json=ask(model="claude-opus-4-8[1m]")) as reply:
                pieces = reply.aiter_bytes()
                got = await anext(pieces)  # before the end is there
                gate.set()
                async for piece in pieces:
                    got += piece
            assert got == b"".join(NATIVE_HELLO)
            await proxy.settled()
            flow = proxy.flows[0]
            assert replied(flow) == got
            assert flow.comment.startswith("claude-opus-4-8 → anthropic · 7 in, 3 out")
            assert record.of(flow)["route"] == "anthropic"
            assert not flow.modified()
            assert json.loads(fake.received[0].body) == ask(model="claude-opus-4-8[1m]")


@pytest.mark.parametrize(
    ("reply", "told"),
    [
        (
            {"type": "message", "stop_reason": "end_turn", "usage": {"input_tokens": 7, "output_tokens": 3}},
            "7 in, 3 out · end_turn",
        ),
        ({"type": "error", "error": {"type": "rate_limit_error", "message": "Slow down"}}, "error: Slow down"),
        (["no reply that we know"], ""),
    ],
)
async def test_a_whole_reply_that_passes_is_told(confdir: Path, configure: Configure, reply: Any, told: str) -> None:
    async with backend(whole(reply)) as fake:
        configure()
        async with proxying(confdir, modes=(f"reverse:{fake.url}",)) as proxy, proxy.client() as client:
            passed = await client.post("/v1/messages", json=ask(stream=False))
            assert passed.json() == reply
            await proxy.settled()
            assert proxy.flows[0].comment == " · ".join(filter(None, ("claude-opus-4-8 → anthropic", told)))


async def test_an_answer_to_head_leaves_the_connection_whole(confdir: Path, configure: Configure) -> None:
    async with backend(streaming()) as fake:
        configure(fake.url)
        async with proxying(confdir) as proxy, proxy.client() as client:
            assert (await client.head("/v1/messages")).status_code == 405
            assert said((await client.post("/v1/messages", json=ask())).content) == "Hello"
            assert len({flow.client_conn.id for flow in proxy.flows}) == 1


async def test_what_is_answered_here_says_so(confdir: Path, configure: Configure) -> None:
    async with backend(streaming()) as fake:
        configure(fake.url)
        async with proxying(confdir) as proxy, proxy.client() as client:
            counted = await client.post("/v1/messages/count_tokens", json=ask())
            assert proxy.flows[0].comment == f"answered by Detour: {counted.text}"
            assert proxy.flows[0].comment in proxy.log.text
        assert fake.received == []


async def test_a_search_that_nobody_makes_is_answered_here_and_says_so(confdir: Path, configure: Configure) -> None:
    async with backend(streaming()) as fake:
        configure(fake.url)
        async with proxying(confdir) as proxy, proxy.client() as client:
            reply = await client.post("/v1/messages", json=searches.body(stream=True))
            assert said(reply.content).startswith("No search was made: openai/gpt-test has no web search of its own")
            [flow] = proxy.flows
            why = "BIG_MODEL answers opus; openai/gpt-test does not search, and no search endpoint is set up"
            assert flow.comment == f"claude-opus-5-5 (websearch) answered by Detour: {why}"
            assert flow.comment in "".join(proxy.log.at(logging.WARNING))
            assert record.of(flow) == {"route": "Detour itself", "reason": why}
            [entry] = proxy.detour.rest.journal.newest(LogType.ALL, 9)
            assert (entry.kind, entry.answered_by, entry.reason) == ("websearch", "Detour itself", why)
        assert fake.received == []


async def test_another_of_anthropics_streams_is_not_held_back(confdir: Path, configure: Configure) -> None:
    gate = asyncio.Event()
    async with backend(streaming([b"data: 1\n\n", b"data: 2\n\n"], gate=gate)) as fake:
        configure()
        async with (
            proxying(confdir, modes=(f"reverse:{fake.url}",)) as proxy,
            proxy.client() as client,
            client.stream("GET", "/v1/sessions/1/events") as reply,
        ):
            pieces = reply.aiter_bytes()
            assert await anext(pieces) == b"data: 1\n\n"
            gate.set()
            assert await anext(pieces) == b"data: 2\n\n"


async def test_a_passing_stream_that_breaks_breaks(confdir: Path, configure: Configure) -> None:
    async with backend(
        raw(head(content_type="text/event-stream", transfer_encoding="chunked") + b"3\r\nabc\r\n")
    ) as fake:
        configure()
        async with proxying(confdir, modes=(f"reverse:{fake.url}",)) as proxy, proxy.client() as client:
            with pytest.raises(httpx.RemoteProtocolError):
                await client.post("/v1/messages", json=ask())
            await proxy.settled()
            assert replied(proxy.flows[0]) == b"abc"


# -- what is routed ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("door", "http2"), BOTH_DOORS)
@pytest.mark.parametrize("stream", [True, False])
async def test_both_doors_translate(confdir: Path, configure: Configure, door: int, http2: bool, stream: bool) -> None:
    async with backend(streaming(), whole()) as fake:
        fake.scripts = [streaming() if stream else whole()]
        configure(fake.url)
        async with proxying(confdir) as proxy, proxy.client(door, http2=http2) as client:
            for _ in range(3):
                reply = await client.post("/v1/messages?beta=true", json=ask(stream=stream), headers=CLIENT_HEADERS)
                assert reply.http_version == ("HTTP/2" if http2 else "HTTP/1.1")
                text = said(reply.content) if stream else reply.json()["content"][0]["text"]
                assert text == "Hello"
            await proxy.settled()
            flow = proxy.flows[0]
            assert flow.comment.startswith("claude-opus-4-8 → openai/gpt-test · 12 in, 2 out · first token ")
            lines = [line for line in proxy.log.text.split("\n") if line.startswith(flow.id[:8])]
            assert len(lines) == 1
            assert " 200 " in lines[0]
        assert {received.path for received in fake.received} == {"/v1/chat/completions"}


@pytest.mark.parametrize("model", ["claude-opus-4-8[1m]", "openai/gpt-test", "claude-via-openai/gpt-test", "claude-x"])
async def test_every_way_to_name_a_model(confdir: Path, configure: Configure, model: str) -> None:
    async with backend(streaming()) as fake:
        configure(fake.url)
        async with proxying(confdir) as proxy, proxy.client() as client:
            reply = await client.post("/v1/messages", json=ask(model=model))
            assert said(reply.content) == "Hello"
    assert fake.received[0].json["model"] == "gpt-test"


async def test_a_named_provider_is_routed_with_nothing_else_configured(confdir: Path, configure: Configure) -> None:
    async with backend(streaming()) as fake:
        configure(VLLM_API_BASE=f"{fake.url}/v1")
        async with proxying(confdir) as proxy, proxy.client() as client:
            assert said((await client.post("/v1/messages", json=ask(model="vllm/x"))).content) == "Hello"


async def test_an_HTTP_1_0_client_gets_a_stream_without_chunks(confdir: Path, configure: Configure) -> None:  # noqa: N802
    body = json.dumps(ask()).encode()
    head = "POST /v1/messages HTTP/1.0\r\nHost: x\r\nContent-Type: application/json\r\n"
    request = f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body
    async with backend(streaming()) as fake:
        configure(fake.url)
        async with proxying(confdir) as proxy:
            answer = await _exchange(proxy.door_two, request)
    top, _, content = answer.partition(b"\r\n\r\n")
    assert b"chunked" not in top
    assert said(content) == "Hello"


async def test_a_backend_over_tls_and_http2_client(confdir: Path, configure: Configure, tmp_path: Path) -> None:
    tls, authority = _certificate(tmp_path)
    async with backend(streaming(), tls=tls) as fake:
        configure(f"https://localhost:{fake.port}")
        for http2 in (False, True):
            async with (
                proxying(confdir, ssl_verify_upstream_trusted_ca=str(authority)) as proxy,
                proxy.client(1, http2=http2) as client,
            ):
                assert said((await client.post("/v1/messages", json=ask())).content) == "Hello"


async def test_a_backend_whose_certificate_is_not_trusted_is_told(
    confdir: Path, configure: Configure, tmp_path: Path
) -> None:
    tls, _ = _certificate(tmp_path)
    async with backend(streaming(), tls=tls) as fake:
        configure(f"https://localhost:{fake.port}")
        async with proxying(confdir) as proxy, proxy.client() as client:
            for _ in range(2):
                reply = await client.post("/v1/messages", json=ask())
                assert reply.status_code == 503
                assert "certificate" in reply.json()["error"]["message"].lower()
        assert fake.received == []


@pytest.mark.parametrize(("door", "http2"), BOTH_DOORS[:2])
async def test_an_upstream_proxy_is_used(confdir: Path, configure: Configure, door: int, http2: bool) -> None:
    """``--mode upstream:``: door one, and every backend is reached through the company's proxy."""
    async with corporate_proxy() as (url, heads), backend(streaming()) as fake:
        configure(fake.url)
        async with proxying(confdir, modes=(f"upstream:{url}",)) as proxy, proxy.client(door, http2=http2) as client:
            for _ in range(2):
                assert said((await client.post("/v1/messages", json=ask())).content) == "Hello"
        assert heads[0].startswith(f"CONNECT 127.0.0.1:{fake.port} ")
        assert KEY not in "".join(heads)
        assert fake.received[0].header("authorization") == f"Bearer {KEY}"


# -- what is answered here ---------------------------------------------------------------------------------------------

MESSAGE = {"role": "user", "content": "Hi"}
REFUSED = [
    ("POST", "/v1/messages", b"not JSON", {}, 400, "JSON"),
    ("POST", "/v1/messages", b"[]", {}, 400, "object"),
    ("POST", "/v1/messages", b'{"messages":[]}', {}, 400, "model"),
    ("POST", "/v1/messages", b'{"model":"claude-opus-4-8"}', {}, 400, "messages: Field required"),
    (
        "POST",
        "/v1/messages",
        json.dumps(ask() | {"messages": [{"role": "user", "content": [{"text": "x"}]}]}).encode(),
        {},
        400,
        "messages.0.content.0.type",
    ),
    ("POST", "/v1/messages/count_tokens", b'{"model":"claude-opus-4-8"}', {}, 400, "messages"),
    ("GET", "/v1/messages", b"", {}, 405, "GET"),
    ("PUT", "/v1/messages/count_tokens", b"{}", {}, 405, "PUT"),
    ("POST", "/v1/messages", b"a=b", {"content-type": "application/x-www-form-urlencoded"}, 415, "form"),
    ("POST", "/v1/messages", json.dumps(ask(model="nobody/x")).encode(), {}, 404, "nobody"),
    ("POST", "/v1/messages", json.dumps(ask(model="groq/x")).encode(), {}, 403, "GROQ_API_KEY"),
    ("POST", "/v1/messages", json.dumps(ask(model="azure/x")).encode(), {}, 403, "AZURE_RESOURCE_NAME"),
]


@pytest.mark.parametrize(("method", "path", "body", "headers", "status", "words"), REFUSED)
async def test_a_bad_request_is_answered_and_the_connection_lives_on(
    confdir: Path,
    configure: Configure,
    method: str,
    path: str,
    body: bytes,
    headers: dict[str, str],
    status: int,
    words: str,
) -> None:
    async with backend(streaming()) as fake:
        configure(fake.url)
        async with proxying(confdir) as proxy, proxy.client() as client:
            told = {"content-type": "application/json", **headers}
            reply = await client.request(method, path, content=body, headers=told)
            assert reply.status_code == status, reply.text
            error = reply.json()
            assert (error["type"], error["request_id"]) == ("error", reply.headers["request-id"])
            assert words in error["error"]["message"]
            assert said((await client.post("/v1/messages", json=ask())).content) == "Hello"
            assert len({flow.client_conn.id for flow in proxy.flows}) == 1
            assert len(fake.received) == 1
            await proxy.settled()


def _configured(detour: Detour, updated: set[str]) -> None:
    """As mitmproxy does it with an addon and those inside it."""
    detour.doors.configure(updated)
    detour.control.configure(updated)


def _done(detour: Detour) -> None:
    detour.done()
    detour.doors.done()
    detour.control.done()


CLIENTS = [
    ("10.1.2.3", [], 403),
    ("10.1.2.3", ["10.0.0.0/8"], 200),
    ("10.1.2.3", ["10.1.2.3"], 200),
    ("::ffff:10.1.2.3", ["10.0.0.0/8"], 200),
    ("::ffff:127.0.0.1", [], 200),
    ("::1", [], 200),
    ("127.8.8.8", [], 200),
    ("fe80::1%eth0", [], 403),
    ("fe80::1%eth0", ["fe80::/10"], 200),
    ("2001:db8::1", ["10.0.0.0/8"], 403),
    ("", [], 403),
]


@pytest.mark.parametrize(("peer", "networks", "status"), CLIENTS)
@pytest.mark.parametrize("path", ["/v1/messages", "/v1/messages/count_tokens", "/v1/models"])
def test_only_this_machine_and_listed_networks_are_served(
    configure: Configure, peer: str, networks: list[str], status: int, path: str
) -> None:
    configure("http://127.0.0.1:9")
    detour = Detour()
    with taddons.context(Proxyserver(), detour) as context:
        _configured(detour, set())
        context.configure(detour, detour_clients=networks)
        flow = _flow(path, method="GET" if path == "/v1/models" else "POST")
        flow.client_conn.peername = (peer, 1234)
        detour.request(flow)
        assert (flow.response.status_code if flow.response else 200) == status
        if status == 403:
            assert flow.response
            assert "detour_clients" in json.loads(flow.response.content or b"")["error"]["message"]
        _done(detour)


def _flow(path: str = "/v1/messages", method: str = "POST", body: object = None) -> http.HTTPFlow:
    flow = tflow.tflow()
    flow.request.url = f"https://api.anthropic.com{path}"
    flow.request.method = method
    flow.request.headers = http.Headers(content_type="application/json")
    flow.request.content = json.dumps(body or ask()).encode()
    flow.client_conn.peername = ("127.0.0.1", 1234)
    flow.live = True
    return flow


async def test_the_small_endpoints(confdir: Path, configure: Configure) -> None:
    async with backend(streaming()) as fake:
        configure(fake.url)
        async with proxying(confdir) as proxy, proxy.client() as client:
            assert (await client.head("/api/hello")).status_code == 200
            listed = (await client.get("/v1/models?limit=1000")).json()
            assert [entry["id"] for entry in listed["data"]] == [
                "claude-via-openai/gpt-test",
                "claude-via-openai/gpt-small",
            ]
            counted = await client.post("/v1/messages/count_tokens?beta=true", json=ask("word " * 100))
            assert 90 < counted.json()["input_tokens"] < 300
        assert fake.received == []


# -- door one: what is not ours ----------------------------------------------------------------------------------------


def _certificate(folder: Path) -> tuple[ssl.SSLContext, Path]:
    """A server's context with a certificate of its own for localhost, and that certificate."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "a stranger")])
    alternatives = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = folder / "server.pem"
    file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(file)
    return context, file


async def test_another_host_is_tunnelled_and_shows_its_own_certificate(
    confdir: Path, configure: Configure, tmp_path: Path
) -> None:
    tls, authority = _certificate(tmp_path)
    configure()
    async with backend(whole({"mine": 1}), tls=tls) as stranger, proxying(confdir) as proxy:
        trust = ssl.create_default_context(cafile=authority)
        async with httpx.AsyncClient(proxy=proxy.door_one, verify=trust, trust_env=False) as client:
            reply = await client.get(f"https://localhost:{stranger.port}/")
            assert reply.json() == {"mine": 1}
        assert [flow for flow in proxy.flows if flow.request.method != "CONNECT"] == []


async def test_a_listed_host_is_decrypted_and_passes(confdir: Path, configure: Configure, tmp_path: Path) -> None:
    tls, authority = _certificate(tmp_path)
    configure("http://127.0.0.1:9")
    options = {"detour_hosts": ["LocalHost"], "ssl_verify_upstream_trusted_ca": str(authority)}
    async with backend(whole({"mine": 1}), tls=tls) as stranger, proxying(confdir, **options) as proxy:
        trust = ssl.create_default_context(cafile=confdir / "mitmproxy-ca-cert.pem")
        async with httpx.AsyncClient(proxy=proxy.door_one, verify=trust, trust_env=False) as client:
            reply = await client.post(f"https://localhost:{stranger.port}/v1/messages", json=ask())
            assert reply.json() == {"mine": 1}
        assert json.loads(stranger.received[0].body) == ask()


async def test_a_plain_tunnel_passes_bytes(confdir: Path, configure: Configure) -> None:
    configure()

    async def shout(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write((await reader.readline()).upper())
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(shout, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, proxying(confdir) as proxy:
        host, door = proxy.door_one.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(door))
        writer.write(f"CONNECT 127.0.0.1:{port} HTTP/1.1\r\n\r\n".encode())
        assert b" 200 " in await reader.readuntil(b"\r\n\r\n")
        writer.write(b"POST /v1/messages is not even HTTP\n")
        assert await reader.readline() == b"POST /V1/MESSAGES IS NOT EVEN HTTP\n"
        writer.close()
        await writer.wait_closed()


async def test_a_plain_request_to_another_host_passes_untouched(confdir: Path, configure: Configure) -> None:
    configure("http://127.0.0.1:9")
    async with backend(whole({"mine": 1})) as stranger, proxying(confdir) as proxy:
        async with httpx.AsyncClient(proxy=proxy.door_one, trust_env=False) as client:
            reply = await client.post(f"{stranger.url}/v1/messages", json=ask(), headers={"x-api-key": "theirs"})
            assert reply.json() == {"mine": 1}
        assert stranger.received[0].header("x-api-key") == "theirs"


async def test_door_one_with_a_password(confdir: Path, configure: Configure) -> None:
    async with backend(streaming()) as fake:
        configure(fake.url)
        async with proxying(confdir, proxyauth="user:secret") as proxy:
            trust = ssl.create_default_context(cafile=confdir / "mitmproxy-ca-cert.pem")
            door = proxy.door_one.replace("http://", "http://user:{}@")
            async with httpx.AsyncClient(proxy=door.format("secret"), verify=trust, trust_env=False) as client:
                reply = await client.post("https://api.anthropic.com/v1/messages", json=ask())
                assert said(reply.content) == "Hello"
            await proxy.settled()
            assert "secret" not in str(proxy.flows[0].get_state())
            async with httpx.AsyncClient(proxy=door.format("wrong"), verify=trust, trust_env=False) as client:
                with pytest.raises(httpx.ProxyError, match="407"):
                    await client.post("https://api.anthropic.com/v1/messages", json=ask())
        assert len(fake.received) == 1


# -- options and settings ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"stream_large_bodies": "1m"}, "stream_large_bodies is '1m'"),
        ({"proxy_debug": True}, "proxy_debug writes all"),
        ({"connection_strategy": "eager"}, "connection_strategy must stay lazy"),
        ({"detour_clients": ["everyone"]}, "'everyone' is no network"),
    ],
)
def test_an_option_that_would_break_us_is_refused_and_rolled_back(options: dict[str, object], words: str) -> None:
    detour = Detour()
    with taddons.context(Proxyserver(), detour) as context:
        _configured(detour, set())
        with pytest.raises(exceptions.OptionsError, match=words):
            context.options.update(**options)
        assert context.options.stream_large_bodies is None
        assert context.options.connection_strategy == "lazy"
        assert list(context.options.detour_clients) == []
        _done(detour)


def test_an_option_set_before_we_are_loaded_is_refused_too(caplog: pytest.LogCaptureFixture) -> None:
    with taddons.context(Proxyserver()) as context:
        context.options.stream_large_bodies = "1m"
        detour = Detour()
        context.master.addons.add(detour)
        _configured(detour, set(context.options.keys()))
        assert "stream_large_bodies is '1m'" in caplog.text
        assert _answered(detour) == 503
        _done(detour)


def _answered(detour: Detour, path: str = "/v1/messages") -> int | None:
    flow = _flow(path)
    detour.request(flow)
    return flow.response.status_code if flow.response else None


@pytest.mark.parametrize(("given", "kept"), [(600, 7_200), (9_000, 9_000)])
def test_the_timeout_is_raised_but_a_longer_one_is_kept(given: int, kept: int) -> None:
    with taddons.context(Proxyserver()) as context:
        context.options.tcp_timeout = given
        detour = Detour()
        context.master.addons.add(detour)
        assert context.options.tcp_timeout == kept
        _done(detour)


def test_a_mistake_in_the_settings_is_an_error_and_nothing_is_routed(
    configure: Configure, caplog: pytest.LogCaptureFixture
) -> None:
    configure(BIG_MODEL="opnai/gpt-5.5")
    detour = Detour()
    with taddons.context(Proxyserver(), detour) as context:
        _configured(detour, set(context.options.keys()))
        assert [record.levelname for record in caplog.records] == ["ERROR"]  # which ends mitmproxy's start
        assert "BIG_MODEL is 'opnai/gpt-5.5'" in caplog.text
        assert "Did you mean openai" in caplog.text
        assert _answered(detour) == 503
        assert _answered(detour, "/api/hello") is None
        _done(detour)


def test_settings_that_became_wrong_keep_the_old_ones(configure: Configure) -> None:
    configure("http://127.0.0.1:9")
    detour = Detour()
    with taddons.context(Proxyserver(), detour) as context:
        detour.control.configure(set())
        before = detour.settings
        configure(BIG_MODEL="nobody/x")
        with pytest.raises(exceptions.OptionsError, match="nobody"):
            context.options.update(detour_config="")
        assert detour.settings is before
        _done(detour)


@pytest.mark.parametrize("change", ["response", "error", "dead"])
def test_a_flow_that_is_answered_broken_or_not_live_is_left_alone(configure: Configure, change: str) -> None:
    configure("http://127.0.0.1:9")
    detour = Detour()
    with taddons.context(Proxyserver(), detour):
        _configured(detour, set())
        flow = _flow()
        if change == "response":
            flow.response = http.Response.make(418)
        elif change == "error":
            flow.error = tflow.terr()
        else:
            flow.live = False
        before = flow.get_state()
        detour.request(flow)
        assert flow.get_state() == before
        _done(detour)


def test_hooks_pass_over_flows_that_are_not_ours(configure: Configure) -> None:
    configure()
    detour = Detour()
    with taddons.context(Proxyserver(), detour):
        _configured(detour, set())
        flow = tflow.tflow(resp=True)
        before = flow.get_state()
        for hook in (detour.responseheaders, detour.response, detour.error):
            hook(flow)
        flow.response = None
        detour.responseheaders(flow)
        flow.response = http.Response.from_state(before["response"])
        assert flow.get_state() == before
        _done(detour)


def test_a_hostile_flow_file_cannot_make_a_request_leave_unrewritten(
    configure: Configure, caplog: pytest.LogCaptureFixture
) -> None:
    configure("http://127.0.0.1:9")
    detour = Detour()
    with taddons.context(Proxyserver(), detour):
        _configured(detour, set())
        flow = _flow()
        flow.metadata["detour"] = {"original": {"method": 7}}
        detour.request(flow)
        assert flow.response
        assert flow.response.status_code == 424
        _done(detour)
    assert "incident" in caplog.text


async def test_the_log_says_what_is_in_force(confdir: Path, configure: Configure) -> None:
    configure("http://127.0.0.1:9")
    async with proxying(confdir) as proxy:
        await until(lambda: "Detour: opus → openai/gpt-test at http://127.0.0.1:9/v1" in proxy.log.text)
        assert "Door one, HTTPS_PROXY" in proxy.log.text
        assert KEY not in proxy.log.text


async def test_the_collector_rests_while_a_request_is_translated(
    confdir: Path, configure: Configure, monkeypatch: pytest.MonkeyPatch
) -> None:
    resting: list[bool] = []

    def watched(*given: Any) -> Any:
        resting.append(not gc.isenabled())
        return decide(*given)

    monkeypatch.setattr(hooks, "decide", watched)
    async with backend(streaming()) as fake:
        configure(fake.url)
        async with proxying(confdir) as proxy, proxy.client() as client:
            await client.post("/v1/messages", json=ask())
    assert resting == [True]
    assert gc.isenabled()


async def test_the_console_says_where_its_log_is(confdir: Path, configure: Configure) -> None:
    class Console:
        name = "consoleaddon"

    configure()
    async with proxying(confdir, Console()) as proxy:
        await until(lambda: "press E" in proxy.log.text)
    async with proxying(confdir) as proxy:
        assert "press E" not in proxy.log.text
