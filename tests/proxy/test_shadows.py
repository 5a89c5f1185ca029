"""A shadow: the second model is asked once the first has answered, within its budget, and the client sees nothing."""

import asyncio
import json
import logging
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from mitmproxy.addons.view import View

from addon.proxy import copies, record, shadows, transfer
from addon.routing.shadow import Spent
from addon.settings import shadow_file
from tests.proxy.live import (
    CLIENT_HEADERS,
    NATIVE_HELLO,
    Backend,
    Proxy,
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

DOCUMENT = """
backends:
  one: {{address: '{one}/v1'}}
  two: {{address: '{two}/v1'}}
models:
  two/priced: {{price: {{input: 1000, output: 100000}}}}
  two/plain: {{price: {{}}}}
shadow: {{requests_per_day: {requests}, dollars_per_day: {dollars}}}
retry: {{attempts: 0}}
routes:
- when: {{kind: title}}
  to: one/title
- to: {to}
  shadow: {{to: two/{model}, share: {share}}}
"""

type Write = Callable[..., None]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(one: Backend, two: Backend, **values: object) -> None:
        told = {"requests": 10, "dollars": 5, "share": 1, "model": "priced", "to": "one/first", **values}
        text = DOCUMENT.format(one=one.url, two=two.url, **told)
        (tmp_path / "detour.yaml").write_text(text, encoding="utf-8")

    return write


async def _ask(proxy: Proxy, times: int = 1, *, stream: bool = True) -> bytes:
    async with proxy.client(2) as client:
        for _ in range(times - 1):
            await client.post("/v1/messages", json=ask(stream=stream), headers=CLIENT_HEADERS)
        reply = await client.post("/v1/messages", json=ask(stream=stream), headers=CLIENT_HEADERS)
    return reply.content


async def _over(proxy: Proxy) -> None:
    """Wait until no shadow is under way."""
    await until(lambda: not proxy.detour.shadows.under_way, lambda: proxy.log.text)
    await proxy.at_rest()


def _spent(proxy: Proxy) -> Spent:
    return shadow_file.read(proxy.detour.control.home, shadows._today())


@pytest.mark.parametrize("stream", [True, False])
async def test_the_second_model_is_asked_the_same_and_the_client_hears_the_first(
    confdir: Path, write: Write, stream: bool
) -> None:
    script = streaming() if stream else whole()
    async with backend(script) as one, backend(script) as two:
        write(one, two)
        async with proxying(confdir, View()) as proxy:
            reply = await _ask(proxy, stream=stream)
            await _over(proxy)
            first, shadow = proxy.flows
            assert reply == replied(first)
            assert (said(replied(shadow)) if stream else json.loads(replied(shadow))["content"][0]["text"]) == "Hello"
            kept = record.of(shadow)
            assert (kept["route"], kept["origin"], kept["of"]) == (
                "two/priced",
                "shadow",
                transfer.exchange_id(first),
            )
            assert f"· shadow of req_{transfer.exchange_id(first)}" in shadow.comment
            assert "origin" not in record.of(first)
            assert "client-secret" not in everything(shadow)
            assert len(proxy.master.addons.get("view")) == 2
            assert (_spent(proxy).requests, _spent(proxy).unpriced) == (1, 0)
            assert _spent(proxy).dollars == pytest.approx(0.212)
            assert proxy.detour.shadows.rows()[2].startswith("in this run: 1 sent, 0 dropped")
        assert [each.json["model"] for each in one.received] == ["first"]
        assert [each.json["model"] for each in two.received] == ["priced"]
        assert two.received[0].json["messages"] == one.received[0].json["messages"]
        assert "client-secret" not in repr(two.received)


async def test_it_is_asked_after_the_first_has_answered_and_a_bad_one_changes_nothing(
    confdir: Path, write: Write
) -> None:
    gate = asyncio.Event()
    refusal = whole({"error": {"message": "busy"}}, "503 Service Unavailable")
    async with backend(streaming(gate=gate)) as one, backend(refusal) as two:
        write(one, two)
        async with proxying(confdir) as proxy:
            asked = asyncio.create_task(_ask(proxy))
            await until(lambda: one.received)
            await asyncio.sleep(2 * shadows.AFTER_S)
            assert two.received == []
            gate.set()
            assert said(await asked) == "Hello"
            await _over(proxy)
            assert len(two.received) == 1
            assert "busy" in proxy.flows[1].comment
            assert proxy.detour.control.health.avoided(proxy.detour.control.now()) == {}
            assert "cools down" not in proxy.log.text
            assert _spent(proxy).requests == 1


async def test_the_draw_falls_on_a_share_of_the_requests(confdir: Path, write: Write) -> None:
    async with backend(streaming()) as one, backend(streaming()) as two:
        write(one, two, share=0.5, requests=100)
        async with proxying(confdir) as proxy:
            for _ in range(24):
                await _ask(proxy)
                await _over(proxy)
    assert len(one.received) == 24
    assert 2 < len(two.received) < 22


async def test_a_budget_of_requests_that_is_spent_pauses_until_midnight(confdir: Path, write: Write) -> None:
    async with backend(streaming()) as one, backend(streaming()) as two:
        write(one, two, requests=2)
        async with proxying(confdir) as proxy:
            day = [date(2026, 11, 26)]
            proxy.detour.shadows._today = lambda: day[0]
            for _ in range(4):
                await _ask(proxy)
                await _over(proxy)
            assert len(two.received) == 2
            told = [line for line in proxy.log.at(logging.WARNING) if "budget" in line]
            assert told == [
                "Detour: the budget of shadows (2 requests and $5.00 a day) is spent (2 requests, $0.4240): none until "
                "midnight"
            ]
            day[0] = date(2026, 11, 27)
            await _ask(proxy)
            await _over(proxy)
            assert len(two.received) == 3
        assert "today: 1 requests" in proxy.detour.shadows.rows()[1]


async def test_money_that_is_spent_pauses_too_and_a_restart_is_no_second_budget(confdir: Path, write: Write) -> None:
    async with backend(streaming()) as one, backend(streaming()) as two:
        write(one, two, dollars=0.2)
        for _ in range(2):
            async with proxying(confdir) as proxy:
                for _ in range(2):
                    await _ask(proxy)
                    await _over(proxy)
                assert "is spent (" in proxy.log.text
    assert len(two.received) == 1


async def test_what_has_no_price_counts_as_a_request(confdir: Path, write: Write) -> None:
    async with backend(streaming()) as one, backend(streaming()) as two:
        write(one, two, model="plain", dollars=0.01)
        async with proxying(confdir) as proxy:
            for _ in range(3):
                await _ask(proxy)
                await _over(proxy)
            assert _spent(proxy) == Spent(_spent(proxy).day, 3, 0.0, 3)
    assert len(two.received) == 3


async def test_at_most_two_are_under_way_and_the_rest_is_dropped(confdir: Path, write: Write) -> None:
    gate = asyncio.Event()
    async with backend(streaming()) as one, backend(streaming(gate=gate)) as two:
        write(one, two)
        async with proxying(confdir) as proxy:
            assert said(await _ask(proxy, 4)) == "Hello"
            await until(lambda: len(two.received) == 2)
            assert proxy.detour.shadows.counts.dropped == 2
            assert "1 shadows were dropped by now" in proxy.log.text
            gate.set()
            await _over(proxy)
            assert "2 dropped because 2 were under way" in proxy.detour.shadows.rows()[2]
    assert len(two.received) == 2


async def test_what_was_answered_badly_and_copies_and_replays_have_no_shadow(confdir: Path, write: Write) -> None:
    refusal = whole({"error": {"message": "busy"}}, "503 Service Unavailable")
    async with backend(refusal, streaming()) as one, backend(streaming()) as two:
        write(one, two)
        async with proxying(confdir, View()) as proxy:
            await _ask(proxy)
            await proxy.settled()
            flow = proxy.flows[0]
            for command in ("replay.client", [flow]), ("detour.replay", flow, "one/again"):
                proxy.master.commands.call(*command)
                await until(lambda: proxy.master.commands.call("replay.client.count") == 0)
                await proxy.settled()
            assert proxy.detour.shadows.under_way == 0
    assert two.received == []
    assert [each.json["model"] for each in one.received] == ["first", "first", "again"]


async def test_what_passes_to_anthropic_has_one_without_the_clients_credential(confdir: Path, write: Write) -> None:
    async with backend(streaming(NATIVE_HELLO)) as anthropic, backend(streaming()) as two:
        write(anthropic, two, to="anthropic")
        async with proxying(confdir, modes=(f"reverse:{anthropic.url}",)) as proxy:
            assert said(await _ask(proxy)) == "Hi"
            await _over(proxy)
            assert said(replied(proxy.flows[1])) == "Hello"
    assert "client-secret" in repr(anthropic.received)
    assert "client-secret" not in repr(two.received)


async def test_whatever_goes_wrong_in_the_background_stays_there(
    confdir: Path, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("no copy today")

    async with backend(streaming()) as one, backend(streaming()) as two:
        write(one, two)
        async with proxying(confdir) as proxy:
            monkeypatch.setattr(copies, "copy", broken)
            assert said(await _ask(proxy)) == "Hello"
            await _over(proxy)
            assert "came to nothing: RuntimeError: no copy today" in proxy.log.text
            proxy.detour.shadows._today = broken  # type: ignore[assignment]  # it is to fail
            proxy.errors_expected = True
            assert said(await _ask(proxy)) == "Hello"
            await _over(proxy)
            assert "has no shadow" in proxy.log.text
    assert two.received == []


async def test_what_cannot_be_kept_counts_in_this_run(
    confdir: Path, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> Spent:
        raise OSError("the disk is full")

    monkeypatch.setattr(shadow_file, "add", full)
    async with backend(streaming()) as one, backend(streaming()) as two:
        write(one, two, requests=1)
        async with proxying(confdir) as proxy:
            for _ in range(2):
                await _ask(proxy)
                await _over(proxy)
            assert proxy.log.text.count("the disk is full") == 1
    assert len(two.received) == 1


async def test_another_proxys_shadows_count_too(confdir: Path, write: Write) -> None:
    async with backend(streaming()) as one, backend(streaming()) as two:
        write(one, two, requests=2)
        async with proxying(confdir) as proxy:
            shadow_file.add(proxy.detour.control.home, shadows._today(), requests=2)
            await _ask(proxy)
            await _over(proxy)
            assert "is spent (3 requests" in proxy.log.text
    assert two.received == []


async def test_without_a_budget_nothing_is_told_of_shadows(confdir: Path) -> None:
    async with proxying(confdir) as proxy:
        assert proxy.detour.shadows.rows() == ["there are no shadows: they have no budget"]


async def test_a_budget_that_is_taken_away_ends_them(confdir: Path, write: Write, tmp_path: Path) -> None:
    gate = asyncio.Event()
    async with backend(streaming(gate=gate)) as one, backend(streaming()) as two:
        write(one, two)
        async with proxying(confdir) as proxy:
            asked = asyncio.create_task(_ask(proxy))
            await until(lambda: one.received)
            (tmp_path / "detour.yaml").write_text(f"backends: {{one: {{address: '{one.url}/v1'}}}}\nbig: one/x\n")
            await until(lambda: proxy.detour.control.settings and not proxy.detour.control.settings.rules)
            gate.set()
            await asked
            await _over(proxy)
    assert two.received == []
