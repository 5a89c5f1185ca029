"""Whose secret may be where: the client's at no other host, the backend's on the wire and nowhere else."""

import asyncio
import json
import logging
from pathlib import Path

import pytest
from mitmproxy import http, io
from mitmproxy.addons import savehar
from mitmproxy.addons.view import View

from addon.proxy import hooks, record, takeover
from tests import law, searches
from tests.proxy.conftest import Configure
from tests.proxy.live import (
    CLIENT_HEADERS,
    HELLO,
    KEY,
    NATIVE_HELLO,
    Proxy,
    Script,
    Witness,
    ask,
    backend,
    everything,
    head,
    proxying,
    raw,
    replied,
    said,
    silent,
    streaming,
    until,
    whole,
)

CLIENT_SECRETS = ("client-secret", "sk-ant-client")
MASK = "Bearer $OPENAI_API_KEY"
ALLOWED = {"host", "content-type", "accept", "accept-encoding", "user-agent", "authorization", "content-length"}
FOREIGN = ("anthropic-", "x-claude-", "x-stainless-", "cookie", "proxy-", "x-api-key", "x-app")


async def _post(proxy: Proxy, door: int = 2, *, http2: bool = False, stream: bool = True) -> bytes:
    async with proxy.client(door, http2=http2) as client:
        reply = await client.post("/v1/messages", json=ask(stream=stream), headers=CLIENT_HEADERS)
    await proxy.settled()
    return reply.content


def _bears_no_key(witness: Witness, proxy: Proxy) -> None:
    assert witness.seen
    assert [moment for moment, all_of_it in witness.seen if KEY in all_of_it] == []
    assert KEY not in proxy.log.text


def _secrets(text: str) -> list[str]:
    return [secret for secret in CLIENT_SECRETS if secret in text]


@pytest.mark.parametrize(("door", "http2"), [(1, False), (1, True), (2, False)])
@pytest.mark.parametrize("stream", [True, False])
async def test_only_the_allowed_headers_and_the_backends_key_reach_a_foreign_backend(
    confdir: Path, configure: Configure, door: int, http2: bool, stream: bool
) -> None:
    async with backend(streaming() if stream else whole()) as fake:
        configure(fake.url)
        async with proxying(confdir) as proxy:
            await _post(proxy, door, http2=http2, stream=stream)
        sent = fake.received[0]
    assert sent.names == ALLOWED
    assert sent.header("authorization") == f"Bearer {KEY}"
    assert sent.header("host") == f"127.0.0.1:{fake.port}"
    assert not [name for name in sent.names if name.startswith(FOREIGN)]
    assert _secrets(repr(sent)) == []


async def test_a_native_backend_gets_no_header_of_the_clients_either(confdir: Path, configure: Configure) -> None:
    async with backend(streaming(NATIVE_HELLO)) as fake:
        configure(BIG_MODEL="deepseek-anthropic/x", DEEPSEEK_ANTHROPIC_API_BASE=fake.url, DEEPSEEK_API_KEY=KEY)
        witness = Witness()
        async with proxying(confdir, witness) as proxy:
            assert said(await _post(proxy)) == "Hi"
            _bears_no_key(witness, proxy)
        sent = fake.received[0]
    assert sent.names == ALLOWED - {"authorization"} | {"x-api-key", "anthropic-version"}
    assert sent.header("x-api-key") == KEY
    assert _secrets(repr(sent)) == []


async def test_a_backend_without_a_key_gets_none(confdir: Path, configure: Configure) -> None:
    async with backend(streaming()) as fake:
        configure(BIG_MODEL="vllm/x", VLLM_API_BASE=f"{fake.url}/v1")
        async with proxying(confdir) as proxy:
            await _post(proxy)
    assert fake.received[0].names == ALLOWED - {"authorization"}


QUOTED = f'data: {{"error":{{"message":"bad key {KEY}"}}}}\n\n'.encode()
SCENES: dict[str, tuple[Script, bool]] = {
    "streamed": (streaming(), True),
    "whole": (whole(), False),
    "refused": (whole({"error": {"message": f"Incorrect API key provided: {KEY}"}}, "401 Unauthorized"), True),
    "quoted at once": (streaming([QUOTED]), True),
    "quoted in mid-stream": (streaming([HELLO[0], QUOTED]), True),
    "cut": (raw(head(content_type="text/event-stream", transfer_encoding="chunked") + b"5\r\ndata:"), True),
    "dead": (raw(b""), True),
    "redirected": (whole(b"", "302 Found", location="https://elsewhere.example/"), True),
}


@pytest.mark.parametrize("scene", SCENES)
async def test_the_backends_key_is_never_on_the_flow(confdir: Path, configure: Configure, scene: str) -> None:
    script, stream = SCENES[scene]
    witness = Witness()
    async with backend(script) as fake:
        configure(fake.url)
        async with proxying(confdir, witness, modes=("reverse:https://api.anthropic.com",)) as proxy:
            assert KEY.encode() not in await _post(proxy, stream=stream)
            _bears_no_key(witness, proxy)
            har = json.dumps(savehar.SaveHar().make_har(proxy.flows))
            assert KEY not in har
            assert _secrets(har) == []
            assert [_secrets(all_of_it) for _, all_of_it in witness.seen if _secrets(all_of_it)] == []
        assert fake.received[0].header("authorization") == f"Bearer {KEY}"
    assert proxy.flows[0].request.headers["authorization"] == MASK


async def test_the_key_is_not_on_the_flow_while_it_waits(confdir: Path, configure: Configure) -> None:
    async with backend(silent()) as fake:
        configure(fake.url)
        async with proxying(confdir) as proxy:
            asking = asyncio.create_task(_post(proxy))
            await until(lambda: fake.received)
            assert KEY not in everything(proxy.flows[0])
            assert proxy.flows[0].request.headers["authorization"] == MASK
            asking.cancel()
            await proxy.settled()


async def test_a_saved_flow_holds_no_secret(confdir: Path, configure: Configure, tmp_path: Path) -> None:
    saved = tmp_path / "flows"
    async with backend(streaming()) as fake:
        configure(fake.url)
        async with proxying(confdir, save_stream_file=str(saved)) as proxy:
            await _post(proxy)
    written = saved.read_bytes()
    assert b"gpt-test" in written
    assert KEY.encode() not in written
    assert _secrets(written.decode("latin-1")) == []


class Redirector:
    """What a user does by hand after our hook: point the flow elsewhere."""

    def __init__(self, url: str) -> None:
        self.url = url

    def request(self, flow: http.HTTPFlow) -> None:
        flow.request.url = self.url


async def test_a_flow_pointed_elsewhere_goes_without_the_key(confdir: Path, configure: Configure) -> None:
    async with backend(streaming()) as fake, backend(streaming()) as stranger:
        configure(fake.url)
        async with proxying(confdir, Redirector(f"{stranger.url}/v1/chat/completions")) as proxy:
            await _post(proxy)
        assert fake.received == []
        assert stranger.received[0].header("authorization") == MASK
        assert "pointed at another host" in proxy.log.text


@pytest.mark.parametrize("host", ["LocalHost", "localhost"])
async def test_a_host_in_capitals_is_the_same_host(confdir: Path, configure: Configure, host: str) -> None:
    async with backend(streaming()) as fake:
        configure(f"http://{host}:{fake.port}")
        async with proxying(confdir) as proxy:
            assert said(await _post(proxy)) == "Hello"
    assert fake.received[0].header("authorization") == f"Bearer {KEY}"


async def test_a_client_trailer_stays_behind(confdir: Path, configure: Configure) -> None:
    class Trailing:
        def requestheaders(self, flow: http.HTTPFlow) -> None:
            flow.request.trailers = http.Headers([(b"x-api-key", b"sk-ant-client-secret")])

    async with backend(streaming()) as fake:
        configure(fake.url)
        async with proxying(confdir, Trailing()) as proxy:
            assert said(await _post(proxy)) == "Hello"
    assert proxy.flows[0].request.trailers is None


# -- the client's own host ---------------------------------------------------------------------------------------------


async def test_another_model_of_the_same_host_keeps_the_clients_headers(confdir: Path, configure: Configure) -> None:
    """``anthropic/...`` at Anthropic itself: the body names another model, nothing else of the request is ours."""
    async with backend(streaming(NATIVE_HELLO)) as fake:
        configure(BIG_MODEL="anthropic/claude-x", ANTHROPIC_API_BASE=fake.url)
        async with proxying(confdir, modes=(f"reverse:{fake.url}",)) as proxy:
            assert said(await _post(proxy)) == "Hi"
        sent = fake.received[0]
    expected = {**CLIENT_HEADERS, "accept-encoding": "identity"}
    assert {name: sent.header(name) for name in expected} == expected
    assert sent.json == ask(model="claude-x")


async def test_what_passes_with_changes_stays_the_clients_but_for_its_body(
    confdir: Path, configure: Configure, tmp_path: Path
) -> None:
    (tmp_path / "detour.yaml").write_text("routes: [{to: anthropic, max_tokens: 7}]")
    refused = raw(head("401 Unauthorized", x_mine="1", content_length="16") + b'{"type":"error"}')
    async with backend(streaming(NATIVE_HELLO), refused) as fake:
        configure(ANTHROPIC_API_KEY=KEY, ANTHROPIC_API_BASE="http://127.0.0.1:1")  # for anthropic/MODEL only
        async with proxying(confdir, modes=(f"reverse:{fake.url}",)) as proxy:
            assert said(await _post(proxy)) == "Hi"
            async with proxy.client() as client:
                reply = await client.post("/v1/messages", json=ask(), headers=CLIENT_HEADERS)
        sent = fake.received[0]
    assert {name: sent.header(name) for name in CLIENT_HEADERS} == CLIENT_HEADERS
    assert sent.json == ask(max_tokens=7)
    assert KEY not in repr(fake.received)
    kept = record.of(proxy.flows[0])
    assert (kept["route"], kept["changes"]) == ("anthropic", [["max_tokens", "set to 7 (was 100)"]])
    assert "reply" not in kept
    assert proxy.flows[0].comment.startswith("claude-opus-4-8 → anthropic · 7 in, 3 out")
    assert (reply.status_code, reply.content, reply.headers["x-mine"]) == (401, b'{"type":"error"}', "1")


async def test_anthropic_itself_is_not_asked_without_a_credential(confdir: Path, configure: Configure) -> None:
    configure(BIG_MODEL="anthropic/claude-x")
    async with backend(streaming()) as fake, proxying(confdir, modes=(f"reverse:{fake.url}",)) as proxy:
        assert b"set ANTHROPIC_API_KEY" in await _post(proxy)
        assert fake.received == []
    assert _secrets(everything(proxy.flows[0])) == list(CLIENT_SECRETS)  # nothing was done to it


async def test_a_translated_request_has_its_own_path_at_the_same_host(confdir: Path, configure: Configure) -> None:
    async with backend(streaming()) as fake:
        configure(fake.url)
        async with proxying(confdir, modes=(f"reverse:{fake.url}",)) as proxy:
            assert said(await _post(proxy)) == "Hello"
        sent = fake.received[0]
    assert (sent.path, sent.names) == ("/v1/chat/completions", ALLOWED)


async def test_our_key_replaces_the_clients_at_the_same_host(confdir: Path, configure: Configure) -> None:
    witness = Witness()
    async with backend(streaming(NATIVE_HELLO)) as fake:
        configure(BIG_MODEL="anthropic/claude-x", ANTHROPIC_API_BASE=fake.url, ANTHROPIC_API_KEY=KEY)
        async with proxying(confdir, witness, modes=(f"reverse:{fake.url}",)) as proxy:
            await _post(proxy)
            _bears_no_key(witness, proxy)
        sent = fake.received[0]
    assert sent.header("x-api-key") == KEY
    assert _secrets(repr(sent)) == []


async def test_the_clients_key_does_not_go_to_anthropics_dialect_elsewhere(confdir: Path, configure: Configure) -> None:
    async with backend(streaming(NATIVE_HELLO)) as fake, backend(whole()) as other:
        configure(BIG_MODEL="anthropic/claude-x", ANTHROPIC_API_BASE=fake.url)
        async with proxying(confdir, modes=(f"reverse:{other.url}",)) as proxy:
            await _post(proxy)
    assert _secrets(repr(fake.received[0])) == []


# -- searches ----------------------------------------------------------------------------------------------------------

FOUND = {"web": {"results": [{"title": "Rain", "url": "https://r.example", "description": "It rains."}]}}


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("door", [1, 2])
async def test_a_search_endpoint_gets_the_query_and_its_own_key_and_nothing_else(
    confdir: Path, configure: Configure, door: int, stream: bool
) -> None:
    witness = Witness()
    async with backend(streaming()) as model, backend(whole(FOUND)) as fake:
        configure(model.url, BRAVE_API_KEY=KEY, BRAVE_API_BASE=fake.url, OPENAI_API_KEY="sk-of-the-model")
        async with proxying(confdir, witness) as proxy:
            async with proxy.client(door) as client:
                asked = searches.body(stream=stream, allowed_domains=["r.example"])
                reply = await client.post("/v1/messages", json=asked, headers=CLIENT_HEADERS)
            await proxy.settled()
            await _replay(proxy, proxy.flows[0])
            for sent in fake.received:
                assert (sent.method, sent.body) == ("GET", b"")
                assert sent.path == "/web/search?count=20&text_decorations=false&q=rain+in+spain+site%3Ar.example"
                assert sent.names == ALLOWED - {"authorization", "content-type", "content-length"} | {KEYED}
                assert sent.header(KEYED) == KEY
            assert (reply.status_code, b"https://r.example" in reply.content) == (200, True)
            assert proxy.flows[0].request.headers[KEYED] == "$BRAVE_API_KEY"
            assert proxy.flows[0].comment.startswith("claude-opus-5-5 → brave/web (websearch)")
            assert _secrets(everything(proxy.flows[0])) == []
            _bears_no_key(witness, proxy)
        assert (len(fake.received), model.received) == (2, [])


KEYED = "x-subscription-token"


async def test_a_search_endpoint_that_is_down_is_told_at_once(confdir: Path, configure: Configure) -> None:
    async with backend(streaming()) as model:
        configure(model.url, SEARXNG_API_BASE="http://127.0.0.1:1")
        async with proxying(confdir) as proxy:
            proxy.errors_expected = True
            async with proxy.client() as client:
                reply = await client.post("/v1/messages", json=searches.body(stream=True))
            await proxy.settled()
            assert reply.status_code == 200
            law.check(reply.content)
            assert b'"error_code":"unavailable"' in reply.content
            assert "searxng/web cannot be reached at http://127.0.0.1:1" in said(reply.content)
            assert "error: searxng/web cannot be reached" in proxy.flows[0].comment


# -- replays -----------------------------------------------------------------------------------------------------------


async def _replay(proxy: Proxy, *flows: http.HTTPFlow) -> None:
    proxy.master.commands.call("replay.client", list(flows))
    await until(lambda: proxy.master.commands.call("replay.client.count") == 0, lambda: proxy.log.text)
    await proxy.settled()


@pytest.mark.parametrize(("door", "http2"), [(1, False), (1, True), (2, False)])
async def test_a_replay_starts_from_the_clients_request_with_a_fresh_key(
    confdir: Path, configure: Configure, monkeypatch: pytest.MonkeyPatch, door: int, http2: bool
) -> None:
    witness = Witness()
    async with backend(streaming()) as fake, backend(streaming()) as other:
        configure(fake.url)
        async with proxying(confdir, witness) as proxy:
            await _post(proxy, door, http2=http2)
            flow = proxy.flows[0]
            for attempt in (1, 2):
                await _replay(proxy, flow)
                assert len(fake.received) == 1 + attempt
            assert fake.received[2].body == fake.received[0].body
            assert fake.received[2].names == fake.received[0].names
            assert fake.received[2].header("authorization") == f"Bearer {KEY}"
            assert said(replied(flow)) == "Hello"

            configure(f"{other.url}", OPENAI_API_KEY="sk-another")  # the settings of the day decide
            proxy.detour.control.configure({"detour_config"})
            await _replay(proxy, flow)
            assert other.received[0].header("authorization") == "Bearer sk-another"
            assert "sk-another" not in everything(flow)
            _bears_no_key(witness, proxy)


async def test_a_replay_of_a_loaded_file_after_a_restart(confdir: Path, configure: Configure, tmp_path: Path) -> None:
    saved = tmp_path / "flows"
    async with backend(streaming()) as fake:
        configure(fake.url)
        async with proxying(confdir, save_stream_file=str(saved)) as proxy:
            await _post(proxy)
        with saved.open("rb") as file:
            flow = next(iter(io.FlowReader(file).stream()))
        assert isinstance(flow, http.HTTPFlow)
        witness = Witness()
        async with proxying(confdir, witness) as proxy:
            await _replay(proxy, flow)
            _bears_no_key(witness, proxy)
    assert fake.received[1].body == fake.received[0].body
    assert fake.received[1].header("authorization") == f"Bearer {KEY}"
    assert said(replied(flow)) == "Hello"


async def test_revert_shows_the_clients_request_and_replays(confdir: Path, configure: Configure) -> None:
    async with backend(streaming()) as fake:
        configure(fake.url)
        async with proxying(confdir, View()) as proxy:  # only a view can revert
            await _post(proxy)
            flow = proxy.flows[0]
            assert flow.modified()
            flow.revert()
            assert flow.request.pretty_url == "https://api.anthropic.com/v1/messages"
            assert json.loads(flow.request.content or b"") == ask()
            await _replay(proxy, flow)
    assert fake.received[1].body == fake.received[0].body
    assert said(replied(flow)) == "Hello"


async def test_a_duplicate_replays(confdir: Path, configure: Configure) -> None:
    async with backend(streaming()) as fake:
        configure(fake.url)
        async with proxying(confdir) as proxy:
            await _post(proxy)
            twin = proxy.flows[0].copy()
            await _replay(proxy, twin)
            assert said(replied(twin)) == "Hello"
            assert record.of(twin)["original"] == record.of(proxy.flows[0])["original"]
    assert fake.received[1].body == fake.received[0].body


async def test_a_replay_to_a_dead_backend_says_so(confdir: Path, configure: Configure) -> None:
    async with backend(streaming()) as fake:
        configure(fake.url)
        async with proxying(confdir) as proxy:
            await _post(proxy)
            flow = proxy.flows[0]
            configure("http://127.0.0.1:9")
            proxy.detour.control.configure({"detour_config"})
            await _replay(proxy, flow)
            assert b"cannot be reached" in replied(flow)


# -- without the layer -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scene", SCENES)
async def test_on_the_plain_path_the_key_is_masked_when_the_reply_begins_or_fails(
    confdir: Path, configure: Configure, monkeypatch: pytest.MonkeyPatch, scene: str
) -> None:
    monkeypatch.setattr(takeover, "works_here", lambda: "HttpLayer is another")
    script, stream = SCENES[scene]
    witness = Witness()
    async with backend(script) as fake:
        configure(fake.url)
        async with proxying(confdir, witness) as proxy:
            try:
                await _post(proxy, stream=stream)
            except Exception:  # noqa: BLE001 - mitmproxy's own ending of a broken exchange
                await proxy.settled()
        assert fake.received[0].header("authorization") == f"Bearer {KEY}"
    late = [all_of_it for moment, all_of_it in witness.seen if moment in ("responseheaders", "response", "error")]
    assert late
    assert not [all_of_it for all_of_it in late if KEY in all_of_it]
    assert "HttpLayer is another" in proxy.log.text
    assert "off in this mitmproxy: pings, timeouts, retries and fallback" in proxy.log.text
    assert proxy.flows[0].request.headers["authorization"] == MASK


def test_nothing_that_is_printed_holds_the_key(configure: Configure, caplog: pytest.LogCaptureFixture) -> None:
    configure("http://127.0.0.1:9")
    detour = hooks.Detour()
    from addon.settings import settings_file

    settings = settings_file.read(Path.cwd())
    caplog.set_level(logging.DEBUG)
    assert KEY not in repr(settings)
    assert KEY not in repr(detour)
