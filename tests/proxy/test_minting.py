"""Credentials that are made: on the wire and nowhere else, waited for, made anew, and told of where they cannot be."""

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from addon.proxy.attempts import MAKING_S
from tests.credentials.clouds import Answer, Asked, TokenServer, service_account, token_server, tokens
from tests.proxy.conftest import Configure
from tests.proxy.live import (
    CLIENT_HEADERS,
    LIMIT_S,
    Proxy,
    Script,
    Witness,
    ask,
    backend,
    everything,
    proxying,
    said,
    streaming,
    until,
    whole,
)

TOKEN = "ya29.first-token-that-nobody-may-see"
SECOND = "ya29.second-token-that-nobody-may-see"
MASK = "Bearer $(gcloud auth application-default print-access-token)"
DOCUMENT = """\
big: cloud/gemini
backends:
  cloud:
    address: {url}/v1
    credential: {{mint: google}}
{more}"""


class Google:
    """A user with a service account's file, and Google's token server."""

    def __init__(self, server: TokenServer, write: Callable[[str, str], None]) -> None:
        self.server, self._write = server, write

    def routes_to(self, url: str, more: str = "") -> None:
        self._write(url, more)


@pytest.fixture(name="google")
def _google(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Google]:
    with token_server(tokens(TOKEN, SECOND)) as server:
        file = service_account(tmp_path / "sa.json", f"{server.url}/token")
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(file))
        yield Google(
            server,
            lambda url, more: (tmp_path / "detour.yaml").write_text(DOCUMENT.format(url=url, more=more)) and None,
        )


async def _post(proxy: Proxy, *, stream: bool = True) -> tuple[int, bytes]:
    async with proxy.client() as client:
        reply = await client.post("/v1/messages", json=ask(stream=stream), headers=CLIENT_HEADERS)
    await proxy.settled()
    return reply.status_code, reply.content


def refused(status: str = "401 Unauthorized", message: str = "token expired") -> Script:
    return whole({"error": {"message": message, "status": "UNAUTHENTICATED"}}, status)


async def test_a_token_is_made_before_it_is_needed_and_once(confdir: Path, google: Google) -> None:
    async with backend(streaming()) as fake:
        google.routes_to(fake.url)
        async with proxying(confdir) as proxy:
            await until(lambda: proxy.detour.control.purse.secrets)
            for _ in range(2):
                assert said((await _post(proxy))[1]) == "Hello"
            await proxy.at_rest()
        assert [sent.header("authorization") for sent in fake.received] == [f"Bearer {TOKEN}"] * 2
    assert len(google.server.asked) == 1


async def test_a_token_is_on_no_flow_and_in_no_log(confdir: Path, google: Google, tmp_path: Path) -> None:
    quoted = b'data: {"error":{"message":"bad token %s"}}\n\n' % TOKEN.encode()
    witness = Witness()
    async with backend(streaming([quoted])) as fake:
        google.routes_to(fake.url)
        async with proxying(confdir, witness, save_stream_file=str(tmp_path / "flows")) as proxy:
            assert TOKEN.encode() not in (await _post(proxy))[1]
            assert [moment for moment, all_of_it in witness.seen if TOKEN in all_of_it] == []
            assert TOKEN not in proxy.log.text
            assert proxy.flows[0].request.headers["authorization"] == MASK
            assert TOKEN not in everything(proxy.flows[0])
        assert fake.received[0].header("authorization") == f"Bearer {TOKEN}"
    assert TOKEN.encode() not in (tmp_path / "flows").read_bytes()
    kept = [path for path in (tmp_path / "detour-home").rglob("*") if path.is_file()]
    assert kept
    assert [path for path in kept if TOKEN.encode() in path.read_bytes()] == []


async def test_a_request_that_comes_too_early_waits_and_its_client_is_told(confdir: Path, google: Google) -> None:
    gate, made = threading.Event(), tokens(TOKEN)
    google.server.answer = lambda asked: made(asked) if gate.wait(LIMIT_S) else (500, "nobody opened")
    async with backend(streaming()) as fake:
        google.routes_to(fake.url, "streaming: {grace: 0.1s, ping: 0.1s}\n")
        async with proxying(confdir) as proxy:
            asking = asyncio.gather(*(_post(proxy) for _ in range(3)))
            await asyncio.sleep(0.4)
            assert proxy.flows[0].request.headers["authorization"] == MASK
            assert fake.received == []
            gate.set()
            for status, reply in await asking:
                assert (status, said(reply)) == (200, "Hello")
                assert reply.index(b"event: ping") < reply.index(b"event: message_start")
            await proxy.at_rest()
        assert len(fake.received) == 3
    assert len(google.server.asked) == 1


async def test_a_whole_reply_is_waited_for_too(confdir: Path, google: Google) -> None:
    google.server.answer = tokens(TOKEN, delay_s=3 * MAKING_S)
    async with backend(whole()) as fake:
        google.routes_to(fake.url)
        async with proxying(confdir) as proxy:
            status, reply = await _post(proxy, stream=False)
    assert (status, json.loads(reply)["content"][0]["text"]) == (200, "Hello")


async def test_a_client_that_leaves_while_it_waits_leaves_nothing(confdir: Path, google: Google) -> None:
    google.server.answer = tokens(TOKEN, delay_s=0.3)
    async with backend(streaming()) as fake:
        google.routes_to(fake.url)
        async with proxying(confdir) as proxy:
            asking = asyncio.create_task(_post(proxy))
            await until(lambda: proxy.flows)
            asking.cancel()
            await proxy.at_rest()
        assert fake.received == []


@pytest.mark.parametrize("stream", [True, False])
async def test_where_no_token_is_made_the_client_hears_why_and_asks_no_more(
    confdir: Path, google: Google, stream: bool
) -> None:
    assertion = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJkZXRvdXIifQ.c2lnbmF0dXJlLXRoYXQtbm9ib2R5LW1heS1zZWU"

    def answer(asked: Asked) -> Answer:
        return 400, {"error": "invalid_grant", "error_description": f"Account deleted, sent {assertion}"}

    google.server.answer = answer
    async with backend(streaming()) as fake:
        google.routes_to(fake.url)
        async with proxying(confdir) as proxy:
            status, reply = await _post(proxy, stream=stream)
            await proxy.at_rest()
            assert assertion not in proxy.log.text
            assert assertion not in everything(proxy.flows[0])
        assert fake.received == []
    told = json.loads(reply)["error"]
    assert (status, told["type"]) == (403, "permission_error")
    assert told["message"].startswith(
        "cloud/gemini has no credential from (gcloud auth application-default print-access-token): "
        "Google made no token: invalid_grant: Account deleted, sent "
    )
    assert "run `gcloud auth application-default login`" in told["message"]
    assert assertion.encode() not in reply


async def test_where_no_token_is_made_the_next_target_answers(confdir: Path, google: Google, tmp_path: Path) -> None:
    google.server.answer = lambda asked: (400, {"error": "invalid_grant"})
    async with backend(streaming()) as fake:
        google.routes_to(fake.url)
        text = (tmp_path / "detour.yaml").read_text().replace("big: cloud/gemini", "big: [cloud/gemini, box/other]")
        (tmp_path / "detour.yaml").write_text(f"{text}  box: {{address: '{fake.url}/v1'}}\n")
        async with proxying(confdir) as proxy:
            assert said((await _post(proxy))[1]) == "Hello"
        assert fake.received[0].json["model"] == "other"
        assert fake.received[0].header("authorization") is None


@pytest.mark.parametrize("status", ["401 Unauthorized", "403 Forbidden"])
async def test_a_token_that_is_refused_is_made_anew_once(confdir: Path, google: Google, status: str) -> None:
    async with backend(refused(status, "invalid authentication credentials"), streaming()) as fake:
        google.routes_to(fake.url)
        async with proxying(confdir) as proxy:
            assert said((await _post(proxy))[1]) == "Hello"
            assert "tried cloud/gemini 403" in proxy.flows[0].comment
        assert [sent.header("authorization") for sent in fake.received] == [f"Bearer {TOKEN}", f"Bearer {SECOND}"]
        assert fake.received[0].body == fake.received[1].body


async def test_a_backend_that_refuses_every_token_is_asked_twice(confdir: Path, google: Google) -> None:
    async with backend(refused()) as fake:
        google.routes_to(fake.url)
        async with proxying(confdir) as proxy:
            status, reply = await _post(proxy)
        assert (status, len(fake.received)) == (403, 2)
    assert b"refused the credential in (gcloud auth application-default print-access-token)" in reply


async def test_requests_that_are_refused_at_once_share_one_new_token(confdir: Path, google: Google) -> None:
    async with backend(*[refused()] * 3, streaming()) as fake:
        google.routes_to(fake.url)
        async with proxying(confdir) as proxy:
            await until(lambda: proxy.detour.control.purse.secrets)
            replies = await asyncio.gather(*(_post(proxy) for _ in range(3)))
    assert [said(reply) for _, reply in replies] == ["Hello"] * 3
    assert len(google.server.asked) == 2


async def test_a_token_goes_to_no_other_host(confdir: Path, configure: Configure, google: Google) -> None:
    """An address of the user's own, and no word that the token is for it."""
    async with backend(streaming()) as fake:
        configure(BIG_MODEL="vertex/gemini", VERTEX_PROJECT_ID="p", VERTEX_API_BASE=fake.url)
        async with proxying(confdir) as proxy:
            proxy.errors_expected = True
        assert google.server.asked == []
        assert "there is no key for vertex" in proxy.log.text
