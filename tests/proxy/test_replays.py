"""``detour.replay``: the client's request once more, to other models, as flows beside the first."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from mitmproxy import exceptions, http
from mitmproxy.addons.view import View
from mitmproxy.test import tflow

from addon.protocol.errors import ConfigError
from addon.proxy import record, replays, transfer
from addon.routing.settings import Settings
from addon.settings.assembly import parse
from tests.prompts.entries import entry
from tests.proxy.conftest import Configure
from tests.proxy.live import (
    CLIENT_HEADERS,
    KEY,
    NATIVE_HELLO,
    Proxy,
    Witness,
    ask,
    backend,
    everything,
    proxying,
    replied,
    said,
    streaming,
    until,
    whole,
)


async def _post(proxy: Proxy, door: int = 2, *, http2: bool = False, stream: bool = True) -> http.HTTPFlow:
    async with proxy.client(door, http2=http2) as client:
        await client.post("/v1/messages", json=ask(stream=stream), headers=CLIENT_HEADERS)
    await proxy.settled()
    return proxy.flows[0]


async def _again(proxy: Proxy, flow: http.HTTPFlow, *models: str) -> list[http.HTTPFlow]:
    before = len(proxy.flows)
    proxy.master.commands.call("detour.replay", flow, *models)
    await until(lambda: len(proxy.flows) == before + len(models), lambda: proxy.log.text)
    await until(lambda: proxy.master.commands.call("replay.client.count") == 0, lambda: proxy.log.text)
    await proxy.settled()
    return proxy.flows[before:]


@pytest.mark.parametrize(("door", "http2"), [(1, False), (1, True), (2, False)])
@pytest.mark.parametrize("stream", [True, False])
async def test_the_same_turn_goes_to_each_model(
    confdir: Path, configure: Configure, door: int, http2: bool, stream: bool
) -> None:
    script = streaming() if stream else whole()
    witness = Witness()
    async with backend(script) as first, backend(script) as other:
        configure(first.url, VLLM_API_BASE=f"{other.url}/v1", VLLM_API_KEY="sk-of-the-other-one")
        async with proxying(confdir, witness, View()) as proxy:
            flow = await _post(proxy, door, http2=http2, stream=stream)
            answered = replied(flow)
            made = await _again(proxy, flow, "vllm/one", "vllm/two")
            assert replied(flow) == answered, "the flow itself is as it was"
            assert [record.of(each)["route"] for each in made] == ["vllm/one", "vllm/two"]
            assert {record.of(each)["of"] for each in made} == {transfer.exchange_id(flow)}
            assert {record.of(each)["origin"] for each in made} == {"replay"}
            for each in made:
                assert (said(replied(each)) if stream else json.loads(replied(each))["content"][0]["text"]) == "Hello"
                assert f"· replay of req_{transfer.exchange_id(flow)}" in each.comment
                assert each.is_replay == "request"
                assert record.of(each)["original"] == record.of(flow)["original"]
            assert KEY not in "".join(what for _, what in witness.seen)
            assert "sk-of-the-other-one" not in "".join(what for _, what in witness.seen)
            assert [each.id for each in proxy.master.addons.get("view")] == [flow.id, *(each.id for each in made)]
        assert [received.json["model"] for received in other.received] == ["one", "two"]
        assert {received.header("authorization") for received in other.received} == {"Bearer sk-of-the-other-one"}
        assert "client-secret" not in repr(other.received)
        assert len(first.received) == 1


async def test_a_turn_that_passed_goes_elsewhere_without_the_clients_credential(
    confdir: Path, configure: Configure
) -> None:
    async with backend(streaming(NATIVE_HELLO)) as anthropic, backend(streaming()) as other:
        configure(VLLM_API_BASE=f"{other.url}/v1")
        async with proxying(confdir, View(), modes=(f"reverse:{anthropic.url}",)) as proxy:
            flow = await _post(proxy)
            assert said(replied(flow)) == "Hi"
            (made,) = await _again(proxy, flow, "vllm/one")
            assert said(replied(made)) == "Hello"
            assert "client-secret" not in everything(made)
    assert "client-secret" in repr(anthropic.received)
    assert "client-secret" not in repr(other.received)


async def test_a_replay_can_be_replayed_and_tells_of_the_first(confdir: Path, configure: Configure) -> None:
    async with backend(streaming()) as fake:
        configure(fake.url, VLLM_API_BASE=f"{fake.url}/v1")
        async with proxying(confdir, View()) as proxy:
            flow = await _post(proxy)
            (made,) = await _again(proxy, flow, "vllm/one")
            (again,) = await _again(proxy, made, "vllm/two")
            assert record.of(again)["of"] == transfer.exchange_id(flow)
            proxy.master.commands.call("replay.client", [made])  # as mitmproxy's own key does it
            await until(lambda: len(fake.received) == 4)
            await proxy.settled()
            assert record.of(made)["route"] == "vllm/one"
    assert [each.json["model"] for each in fake.received] == ["gpt-test", "one", "two", "one"]


async def test_a_mistake_is_told_before_anything_is_sent(confdir: Path, configure: Configure) -> None:
    async with backend(streaming()) as fake:
        configure(fake.url, VLLM_API_BASE=f"{fake.url}/v1")
        async with proxying(confdir, View()) as proxy:
            flow = await _post(proxy)
            for models, words in ((("vllm/one", "groq/x"), "set GROQ_API_KEY"), ((), "name a model")):
                with pytest.raises(exceptions.CommandError, match=words):
                    proxy.master.commands.call("detour.replay", flow, *models)
            assert len(proxy.master.addons.get("view")) == 1
    assert len(fake.received) == 1


async def test_without_a_list_of_flows_it_works_too(confdir: Path, configure: Configure) -> None:
    async with backend(streaming()) as fake:
        configure(fake.url)
        async with proxying(confdir) as proxy:
            (made,) = await _again(proxy, await _post(proxy), "openai/other")
            assert said(replied(made)) == "Hello"


async def test_an_exchange_of_the_log_goes_elsewhere_too(confdir: Path, configure: Configure) -> None:
    logged = entry(ask(), given=b"", door="reverse", headers=(("anthropic-beta", "one"),))
    async with backend(streaming()) as fake:
        configure(fake.url, VLLM_API_BASE=f"{fake.url}/v1")
        async with proxying(confdir, View()) as proxy:
            (made,) = replays.start_logged(logged, ["vllm/one"], proxy.detour.settings)
            await until(lambda: "reply" in record.of(made))
            assert said(replied(made)) == "Hello"
            assert record.of(made)["of"] == logged.summary.id
            assert record.of(made)["route"] == "vllm/one"
            again = replace(logged, summary=replace(logged.summary, of="the-first"))
            (other,) = replays.start_logged(again, ["vllm/two"], proxy.detour.settings)
            await until(lambda: "reply" in record.of(other))
            assert record.of(other)["of"] == "the-first"
    with pytest.raises(ConfigError, match="only the metadata"):
        replays.start_logged(replace(logged, request=None), ["vllm/one"], parse({}))


@pytest.mark.parametrize(
    ("flow", "settings", "words"),
    [
        (tflow.ttcpflow(), parse({}), "no HTTP exchange"),
        (tflow.tflow(), None, "the settings are wrong"),
        (tflow.tflow(), parse({}), "no call to a model"),
    ],
)
def test_what_cannot_be_sent_again_says_why(flow: http.HTTPFlow, settings: Settings | None, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        replays.start(flow, ["vllm/q"], settings)
