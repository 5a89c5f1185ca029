"""A request that names who answers it: with our token it does, without it is refused, and nobody sees the headers."""

import json
from pathlib import Path

import pytest
from mitmproxy.test import tflow

from addon.protocol.errors import BadRequest
from addon.proxy import forcing, record
from addon.routing.forced import SHADOW, Forced
from tests.proxy.conftest import Configure
from tests.proxy.live import CLIENT_HEADERS, Proxy, Witness, ask, backend, everything, proxying, said, streaming, whole

TOKEN = "t" * 32
NAMED = {"x-detour-target": "vllm/named", "x-detour-replay-of": "req_abc123"}


# -- the headers alone -------------------------------------------------------------------------------------------------


def test_a_flow_without_our_headers_is_left_alone() -> None:
    flow = tflow.tflow()
    fields = flow.request.headers.fields
    forcing.take(flow, lambda: pytest.fail("nobody asks for the token"), "file")
    assert flow.request.headers.fields is fields
    assert forcing.of(flow) is None
    assert forcing.provenance(flow) == {}


@pytest.mark.parametrize("headers", [{"x-detour-token": "x"}, {"X-Detour-Replay-Of": "y"}])
def test_our_headers_are_for_nobody_else(headers: dict[str, str]) -> None:
    flow = tflow.tflow()
    flow.request.headers.update(headers)
    forcing.take(flow, lambda: TOKEN, "file")
    assert not [name for name in flow.request.headers if name.lower().startswith("x-detour")]
    assert forcing.of(flow) is None


@pytest.mark.parametrize(("copied", "of"), [("req_1-a_B", "1-a_B"), (" abc ", "abc"), (None, None)])
def test_who_has_the_token_names_who_answers(copied: str | None, of: str | None) -> None:
    flow = tflow.tflow()
    flow.request.headers.update({"x-detour-token": f" {TOKEN}", "x-detour-target": " vllm/q "})
    if copied is not None:
        flow.request.headers["x-detour-replay-of"] = copied
    forcing.take(flow, lambda: TOKEN, "file")
    assert forcing.of(flow) == Forced("vllm/q", of=of)
    assert forcing.provenance(flow) == {"origin": "replay", "of": of}


REFUSED = [
    (None, TOKEN, "a", 401, "the token is missing, so nobody was asked: send that of the-file as x-detour-token"),
    ("wrong", TOKEN, "a", 401, "the token is wrong"),
    ("wr\udcffng", TOKEN, "a", 401, "the token is wrong"),
    (TOKEN, None, "a", 401, "the token cannot be kept"),
    (TOKEN, TOKEN, "no id", 400, "'no id' is no id of an exchange"),
    (TOKEN, TOKEN, "x" * 99, 400, "is no id of an exchange"),
]


@pytest.mark.parametrize(("given", "known", "copied", "status", "words"), REFUSED)
def test_nobody_else_names_anybody(given: str | None, known: str | None, copied: str, status: int, words: str) -> None:
    flow = tflow.tflow()
    flow.request.headers.update({"x-detour-target": "vllm/q", "x-detour-replay-of": copied})
    if given is not None:
        flow.request.headers["x-detour-token"] = given
    with pytest.raises(BadRequest) as caught:
        forcing.take(flow, lambda: known, "the-file")
    assert caught.value.status == status
    assert words in caught.value.message
    assert forcing.of(flow) is None
    assert not [name for name in flow.request.headers if name.lower().startswith("x-detour")]


def test_what_is_kept_are_plain_values() -> None:
    flow = tflow.tflow()
    forcing.force(flow, Forced("vllm/q", SHADOW, "1"))
    assert flow.metadata[forcing.KEY] == {"target": "vllm/q", "origin": "shadow", "of": "1"}
    assert forcing.of(flow) == Forced("vllm/q", SHADOW, "1")


# -- through the doors -------------------------------------------------------------------------------------------------


async def _ask(proxy: Proxy, door: int, path: str = "/v1/messages", token: str | None = None, **more: str) -> bytes:
    given = (token or proxy.detour.rest.token()) or ""
    headers = {**CLIENT_HEADERS, **NAMED, **more, "x-detour-token": given}
    async with proxy.client(door) as client:
        reply = await client.post(path, json=ask(), headers=headers)
    await proxy.settled()
    return reply.content


@pytest.mark.parametrize("door", [1, 2])
async def test_a_request_of_ours_goes_to_whom_it_names(confdir: Path, configure: Configure, door: int) -> None:
    async with backend(streaming()) as ruled, backend(streaming()) as named:
        configure(ruled.url, VLLM_API_BASE=f"{named.url}/v1")
        witness = Witness()
        async with proxying(confdir, witness) as proxy:
            assert said(await _ask(proxy, door)) == "Hello"
            flow = proxy.flows[0]
            told = [what for what in witness.seen if "x-detour" in what[1].lower()]
            assert not told
            assert flow.comment.startswith("claude-opus-4-8 → vllm/named · replay of req_abc123")
            kept = record.of(flow)
            assert (kept["route"], kept["origin"], kept["of"]) == ("vllm/named", "replay", "abc123")
    assert ruled.received == []
    assert named.received[0].json["model"] == "named"
    assert not [name for name in named.received[0].names if name.startswith("x-detour")]
    assert "client-secret" not in repr(named.received)


@pytest.mark.parametrize("door", [1, 2])
async def test_without_the_token_nobody_is_asked(confdir: Path, configure: Configure, door: int) -> None:
    async with backend(streaming()) as ruled:
        configure(ruled.url, VLLM_API_BASE=f"{ruled.url}/v1")
        async with proxying(confdir) as proxy:
            error = json.loads(await _ask(proxy, door, token="wrong"))["error"]
            assert error["type"] == "authentication_error"
            assert str(proxy.detour.control.home / "token") in error["message"]
            assert not [name for name in proxy.flows[0].request.headers if name.lower().startswith("x-detour")]
    assert ruled.received == []


async def test_only_a_call_to_a_model_can_be_forced(confdir: Path, configure: Configure) -> None:
    configure("http://127.0.0.1:9", VLLM_API_BASE="http://127.0.0.1:9/v1")
    async with proxying(confdir) as proxy:
        for path in ("/v1/models", "/v1/messages/batches", "/api/hello"):
            assert b"it is no call to a model" in await _ask(proxy, 2, path)
        assert json.loads(await _ask(proxy, 2, "/v1/messages/count_tokens"))["input_tokens"] > 0


async def test_nobody_answers_in_its_place(confdir: Path, configure: Configure) -> None:
    refusal = whole({"error": {"message": "no"}}, "503 Service Unavailable")
    async with backend(streaming()) as ruled, backend(refusal) as named:
        configure(ruled.url, VLLM_API_BASE=f"{named.url}/v1")
        async with proxying(confdir) as proxy:
            assert b"vllm/named" in await _ask(proxy, 2)
            assert record.of(proxy.flows[0])["origin"] == "replay"
            error = await _ask(proxy, 2, **{"x-detour-target": "nobody/x"})
            assert b"there is no provider 'nobody'" in error
            flow = proxy.flows[1]
            assert flow.comment.startswith("replay of req_abc123 → nobody/x · answered by Detour: ")
            assert record.of(flow)["of"] == "abc123"
    assert ruled.received == []


async def test_where_the_settings_are_wrong_no_copy_passes(confdir: Path, configure: Configure) -> None:
    configure(BIG_MODEL="nobody/x")
    async with proxying(confdir) as proxy:
        proxy.errors_expected = True
        assert b"settings are wrong" in await _ask(proxy, 2, "/v1/models")


async def test_the_clients_credential_goes_with_no_copy_not_even_home(confdir: Path, configure: Configure) -> None:
    configure()
    async with proxying(confdir) as proxy:
        error = await _ask(proxy, 2, **{"x-detour-target": "anthropic/claude-sonnet-5"})
        assert b"goes with no copy: set ANTHROPIC_API_KEY" in error
        assert "client-secret" not in everything(proxy.flows[0])
