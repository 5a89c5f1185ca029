"""Credentials that are made: on the wire and nowhere else, waited for, made anew, and told of where they cannot be."""

import asyncio
import json
import random
import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import botocore.auth
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import ReadOnlyCredentials
from mitmproxy import contentviews, http
from mitmproxy.contentviews import Metadata
from mitmproxy.exceptions import OptionsError

from addon.credentials import makers
from addon.proxy import takeover
from addon.proxy.attempts import MAKING_S
from addon.routing.backend import Minting
from tests.credentials.clouds import Answer, Asked, TokenServer, service_account, token_server, tokens
from tests.proxy.conftest import Configure
from tests.proxy.live import (
    CLIENT_HEADERS,
    LIMIT_S,
    Backend,
    Json,
    Proxy,
    Received,
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
from tests.proxy.test_hiding import everywhere

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

    def __init__(self, server: TokenServer, document: Path) -> None:
        self.server, self._document = server, document

    def routes_to(self, url: str, more: str = "") -> None:
        self._document.write_text(DOCUMENT.format(url=url, more=more))


@pytest.fixture(name="google")
def _google(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Google]:
    with token_server(tokens(TOKEN, SECOND)) as server:
        file = service_account(tmp_path / "sa.json", f"{server.url}/token")
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(file))
        yield Google(server, tmp_path / "detour.yaml")


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
    assert TOKEN not in everywhere(tmp_path / "detour-home")


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


async def test_between_two_requests_a_token_may_give_way_to_the_next(confdir: Path, google: Google) -> None:
    async with backend(streaming()) as fake:
        google.routes_to(fake.url)
        async with proxying(confdir) as proxy:
            purse, now = proxy.detour.control.purse, time.time()
            for later in (0, 3600 - 299, 3600 - 298):
                purse._now = lambda later=later: now + later  # type: ignore[misc]  # the time that it is
                assert said((await _post(proxy))[1]) == "Hello"
                await until(lambda: not any(slot.is_busy for slot in purse._slots.values()))
        sent = [each.header("authorization") for each in fake.received]
    assert sent == [f"Bearer {TOKEN}", f"Bearer {TOKEN}", f"Bearer {SECOND}"]  # made while the second was under way
    assert len(google.server.asked) == 2


async def test_a_whole_reply_is_waited_for_too(confdir: Path, google: Google) -> None:
    google.server.answer = tokens(TOKEN, delay_s=3 * MAKING_S)
    async with backend(whole()) as fake:
        google.routes_to(fake.url)
        async with proxying(confdir) as proxy:
            status, reply = await _post(proxy, stream=False)
    assert (status, json.loads(reply)["content"][0]["text"]) == (200, "Hello")


async def test_a_client_that_leaves_while_it_waits_leaves_nothing(confdir: Path, google: Google) -> None:
    gate, made = threading.Event(), tokens(TOKEN)
    google.server.answer = lambda asked: made(asked) if gate.wait(LIMIT_S) else (500, "nobody opened")
    async with backend(streaming()) as fake:
        google.routes_to(fake.url)
        async with proxying(confdir) as proxy:
            asking = asyncio.create_task(_post(proxy))
            await until(lambda: proxy.flows)
            asking.cancel()
            await proxy.at_rest()
            gate.set()
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


# -- Amazon's signatures -----------------------------------------------------------------------------------------------

KEY_ID, AWS_SECRET, SESSION = "AKIDEXAMPLE", "aws-secret-that-nobody-may-see", "aws-session-that-nobody-may-see"
SIGNATURE = "AWS4-HMAC-SHA256 $(aws configure export-credentials)"
SIGNED = """\
big: cloud/claude
backends:
  cloud:
    address: {url}/v1
    credential: {{mint: aws, service: bedrock, region: us-east-1}}
"""


@pytest.fixture(name="aws")
def _aws(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """A user with keys of a session."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY_ID)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", AWS_SECRET)
    monkeypatch.setenv("AWS_SESSION_TOKEN", SESSION)

    def write(url: str) -> None:
        (tmp_path / "detour.yaml").write_text(SIGNED.format(url=url))

    return write


def signed_by_amazon(sent: Received, fake: Backend, secret: str = AWS_SECRET) -> str:
    """The signature that Amazon's own client makes for what arrived."""
    when = datetime.strptime(sent.header("x-amz-date") or "", "%Y%m%dT%H%M%SZ")
    headers = {name: sent.header(name) or "" for name in ("host", "content-type")}
    theirs = AWSRequest(sent.method, f"{fake.url}{sent.path}", headers, sent.body)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(botocore.auth, "get_current_datetime", lambda: when)
        SigV4Auth(ReadOnlyCredentials(KEY_ID, secret, SESSION), "bedrock", "us-east-1").add_auth(theirs)
    return str(theirs.headers["Authorization"])


@pytest.mark.parametrize("http2", [False, True])
@pytest.mark.parametrize("text", ["Hello", "größer ☂ \U0001f302", "x" * 200_000, 'a "quoted" \\ \n line'])
async def test_what_arrives_is_signed_as_amazons_client_signs_it(
    confdir: Path, aws: Callable[[str], None], text: str, http2: bool
) -> None:
    async with backend(streaming()) as fake:
        aws(fake.url)
        async with proxying(confdir) as proxy:
            async with proxy.client(1, http2=http2) as client:
                reply = await client.post("/v1/messages", json=ask(text), headers=CLIENT_HEADERS)
            await proxy.settled()
            assert said(reply.content) == "Hello"
        (sent,) = fake.received
    assert sent.header("authorization") == signed_by_amazon(sent, fake)
    assert sent.header("x-amz-security-token") == SESSION


async def test_whatever_is_asked_is_signed_as_amazons_client_signs_it(
    confdir: Path, aws: Callable[[str], None]
) -> None:
    draw = random.Random(7)
    async with backend(streaming()) as fake:
        aws(fake.url)
        async with proxying(confdir) as proxy, proxy.client() as client:
            for _ in range(40):
                text = "".join(draw.choices("aä☂\U0001f302 \t\n\"\\'{}<&%+=/~", k=draw.randrange(1, 400)))
                more: Json = {"system": text[::-1] or "x", "temperature": draw.random()} if draw.random() < 0.5 else {}
                await client.post("/v1/messages", json=ask(text, **more), headers=CLIENT_HEADERS)
            await proxy.settled()
        assert len(fake.received) == 40
        for sent in fake.received:
            assert sent.header("authorization") == signed_by_amazon(sent, fake)


class Changer:
    """An addon of the user's, behind ours."""

    def request(self, flow: http.HTTPFlow) -> None:
        flow.request.content = (flow.request.content or b"").replace(b"Hello", b"Goodbye")
        flow.request.path = "/v1/chat/completions?more=1"


async def test_what_another_addon_changed_is_signed_as_it_goes_out(confdir: Path, aws: Callable[[str], None]) -> None:
    async with backend(streaming()) as fake:
        aws(fake.url)
        async with proxying(confdir, Changer()) as proxy:
            assert said((await _post(proxy))[1]) == "Hello"
        (sent,) = fake.received
    assert b"Goodbye" in sent.body
    assert sent.path.endswith("?more=1")
    assert sent.header("authorization") == signed_by_amazon(sent, fake)


async def test_nothing_of_amazons_is_on_a_flow_or_in_a_log(
    confdir: Path, aws: Callable[[str], None], tmp_path: Path
) -> None:
    signatures: list[str] = []

    async def quoting(received: Received, writer: asyncio.StreamWriter) -> None:
        signatures.append((received.header("authorization") or "").rpartition("Signature=")[2])
        told = f"expected {signatures[-1]} with {SESSION} and {AWS_SECRET}"
        await whole({"error": {"message": told}}, "400 Bad Request")(received, writer)

    witness = Witness()
    async with backend(quoting) as fake:
        aws(fake.url)
        async with proxying(confdir, witness, save_stream_file=str(tmp_path / "flows")) as proxy:
            reply = (await _post(proxy))[1].decode()
            assert proxy.flows[0].request.headers["authorization"] == SIGNATURE
            assert "x-amz-security-token" not in proxy.flows[0].request.headers
            shown = [reply, proxy.log.text, everything(proxy.flows[0]), *(text for _, text in witness.seen)]
    kept = [(tmp_path / "flows").read_bytes().decode("latin-1"), everywhere(tmp_path / "detour-home")]
    assert len(signatures) == 1
    for secret in (*signatures, SESSION, AWS_SECRET):
        assert [text for text in (*shown, *kept) if secret in text] == []
    assert "expected $(aws" in reply


async def test_what_was_made_is_kept_out_of_the_prompt_log_and_the_views_wherever_it_stands(
    confdir: Path, aws: Callable[[str], None], tmp_path: Path
) -> None:
    """A client that has found it too, in a file of its user's, and tells the model."""
    async with backend(streaming()) as fake:
        aws(fake.url)
        async with proxying(confdir) as proxy:
            await _post(proxy)  # the log is open, and knows nothing of what is made
            proxy.detour.control.purse.secrets = (*proxy.detour.control.purse.secrets, LATER)
            async with proxy.client() as client:
                await client.post("/v1/messages", json=ask(f"Here: {SESSION} {AWS_SECRET} {LATER}"))
            await proxy.settled()
            flow = proxy.flows[1]
            for name in ("prompt", "sent"):
                view = contentviews.registry[name].prettify(flow.request.content or b"", Metadata(flow=flow))
                assert "Here: " in view
                assert [secret for secret in (SESSION, AWS_SECRET, LATER) if secret in view] == []
    kept = everywhere(tmp_path / "detour-home")
    assert "Here: " in kept
    assert [secret for secret in (SESSION, AWS_SECRET, LATER) if secret in kept] == []


LATER = "what-was-made-while-the-log-was-open"


async def test_a_flow_pointed_elsewhere_goes_unsigned(confdir: Path, aws: Callable[[str], None]) -> None:
    class Redirector:
        def request(self, flow: http.HTTPFlow) -> None:
            flow.request.url = f"{stranger.url}/v1/chat/completions"

    async with backend(streaming()) as fake, backend(streaming()) as stranger:
        aws(fake.url)
        async with proxying(confdir, Redirector()) as proxy:
            await _post(proxy)
        assert fake.received == []
        (sent,) = stranger.received
    assert sent.header("authorization") == SIGNATURE
    assert not {"x-amz-date", "x-amz-security-token"} & sent.names


async def test_an_address_without_a_region_is_told(confdir: Path, aws: Callable[[str], None], tmp_path: Path) -> None:
    async with backend(streaming()) as fake:
        aws(fake.url)
        text = (tmp_path / "detour.yaml").read_text()
        (tmp_path / "detour.yaml").write_text(text.replace(", region: us-east-1", ""))
        async with proxying(confdir) as proxy:
            status, reply = await _post(proxy)
        assert fake.received == []
    assert status == 403
    assert b"says no region to sign for: write region into detour.yaml" in reply


async def test_a_signature_that_is_refused_is_made_anew_with_keys_read_again(
    confdir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, aws: Callable[[str], None]
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name)
    keys = "[default]\naws_access_key_id = {}\naws_secret_access_key = {}\naws_session_token = {}\n"
    (tmp_path / "keys").write_text(keys.format(KEY_ID, AWS_SECRET, SESSION))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "keys"))

    async def refusing(received: Received, writer: asyncio.StreamWriter) -> None:
        (tmp_path / "keys").write_text(keys.format(KEY_ID, "the-next-secret", SESSION))  # rotated meanwhile
        told = {"message": "The security token included in the request is expired"}
        await whole(told, "403 Forbidden", x_amzn_errortype="ExpiredTokenException")(received, writer)

    async with backend(refusing, streaming()) as fake:
        aws(fake.url)
        async with proxying(confdir) as proxy:
            assert said((await _post(proxy))[1]) == "Hello"
        first, second = fake.received
    assert first.header("authorization") == signed_by_amazon(first, fake)
    assert second.header("authorization") == signed_by_amazon(second, fake, "the-next-secret")


# -- around it ---------------------------------------------------------------------------------------------------------


async def test_a_replay_gets_a_token_of_its_own_time(confdir: Path, google: Google) -> None:
    async with backend(streaming()) as fake:
        google.routes_to(fake.url)
        async with proxying(confdir) as proxy:
            await _post(proxy)
            made = proxy.detour.control.purse.look(_minting(proxy))
            assert made is not None
            proxy.detour.control.purse.refuse(_minting(proxy), made)  # as if it had expired
            proxy.master.commands.call("replay.client", [proxy.flows[0]])
            await until(lambda: len(fake.received) == 2, lambda: proxy.log.text)
            await proxy.settled()
            assert proxy.flows[0].request.headers["authorization"] == MASK
        assert [sent.header("authorization") for sent in fake.received] == [f"Bearer {TOKEN}", f"Bearer {SECOND}"]


def _minting(proxy: Proxy) -> Minting:
    settings = proxy.detour.control.settings
    minting = settings.endpoints["cloud"].credential.minting if settings is not None else None
    assert minting is not None
    return minting


async def test_what_is_chosen_while_running_is_made_before_it_is_asked(confdir: Path, google: Google) -> None:
    async with backend(streaming()) as fake:
        google.routes_to(fake.url)
        async with proxying(confdir, detour_big_model="anthropic") as proxy:
            await asyncio.sleep(0.1)
            assert google.server.asked == []
            proxy.master.options.update(detour_big_model="cloud/other")
            await until(lambda: proxy.detour.control.purse.secrets, lambda: proxy.log.text)
    assert len(google.server.asked) == 1


async def test_what_is_not_installed_is_told_at_the_start_with_the_command(
    confdir: Path, google: Google, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(makers, "is_installed", lambda extra: False)
    monkeypatch.setattr(makers, "which", lambda program: None)  # no gcloud either
    google.routes_to("http://127.0.0.1:1")
    async with proxying(confdir) as proxy:
        proxy.errors_expected = True
        assert (
            "cloud is chosen, and its credential cannot be made: google-auth is not installed: run `" in proxy.log.text
        )


async def test_what_is_not_installed_does_no_harm_where_nobody_chooses_it(
    confdir: Path, google: Google, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(makers, "is_installed", lambda extra: False)
    monkeypatch.setattr(makers, "which", lambda program: None)  # no gcloud either
    google.routes_to("http://127.0.0.1:1")
    async with proxying(confdir, detour_big_model="anthropic") as proxy:
        proxy.master.options.update(detour_big_model="anthropic")
        with pytest.raises(OptionsError, match="google-auth is not installed"):
            proxy.master.options.update(detour_big_model="cloud/gemini")


async def test_inside_another_mitmproxy_nothing_is_put_on_a_flow(
    confdir: Path, google: Google, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(takeover, "works_here", lambda: "HttpLayer is another")
    async with backend(streaming()) as fake:
        google.routes_to(fake.url)
        async with proxying(confdir) as proxy:
            status, reply = await _post(proxy)
        assert fake.received == []
    assert status == 403
    assert b"Detour must know this mitmproxy's inside" in reply


# -- what a command prints ---------------------------------------------------------------------------------------------


async def test_a_command_is_run_anew_where_its_token_is_refused(confdir: Path, tmp_path: Path) -> None:
    (tmp_path / "detour.yaml").write_text("")
    command = f"echo x >> {tmp_path}/asked; echo token-number-$(wc -l < {tmp_path}/asked)-of-the-command"
    async with backend(streaming(), refused(), streaming()) as fake:
        (tmp_path / "detour.yaml").write_text(
            "big: azure/m\nbackends:\n  azure:\n"
            f"    address: {fake.url}/v1\n    credential: {{command: '{command}', bearer: true}}\n"
        )
        async with proxying(confdir) as proxy:
            for _ in range(2):
                assert said((await _post(proxy))[1]) == "Hello"
            assert "token-number-1" not in everything(proxy.flows[0])
        sent = [each.header("authorization") for each in fake.received]
    assert sent == [f"Bearer token-number-{number}-of-the-command" for number in (1, 1, 2)]


@pytest.mark.parametrize(
    "model", ["us.anthropic.claude-sonnet-4-6-v1:0", "amazon.nova-2-lite-v1:0", "openai.gpt-oss-120b"]
)
async def test_bedrocks_own_requests_are_signed_as_its_client_signs_them(
    confdir: Path, aws: Callable[[str], None], tmp_path: Path, model: str
) -> None:
    async with backend(whole({"message": "no such model"}, "404 Not Found")) as fake:
        aws(fake.url)
        text = (tmp_path / "detour.yaml").read_text().replace(f"{fake.url}/v1", fake.url)
        text = text.replace("cloud/claude", f"cloud/{model}").replace("  cloud:\n", "  cloud:\n    like: bedrock\n")
        (tmp_path / "detour.yaml").write_text(text)
        async with proxying(confdir) as proxy:
            status, _ = await _post(proxy)
        (sent,) = fake.received
    assert status == 404
    assert sent.path.startswith("/model/")
    assert sent.header("authorization") == signed_by_amazon(sent, fake)
