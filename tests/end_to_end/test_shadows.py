"""A shadow with a real mitmweb: the client hears the first model, and the list of flows shows the second."""

import json
import urllib.request
from collections.abc import Iterator

import pytest

from addon.prompts.entry import Summary
from addon.prompts.log.reading import Wanted
from tests.end_to_end.prompt_log import summaries
from tests.end_to_end.proxy import DIRECT, Proxy, running, wait_until
from tests.end_to_end.replies import Json, answer
from tests.end_to_end.trio import Trio

LIMIT_S = 10
CLIENT_KEY = "sk-ant-the-clients-own"
ASKED: Json = {
    "model": "claude-opus-5-5",
    "max_tokens": 64,
    "messages": [{"role": "user", "content": "Which of you is it?"}],
}
SETTINGS = """
shadow: {requests_per_day: 2}
retry: {attempts: 0}
routes:
- {to: one/first, shadow: {to: two/second, share: 1}}
"""


@pytest.fixture(scope="module")
def mitmweb(_trio: Trio, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    home = tmp_path_factory.mktemp("shadows")
    (home / "detour.yaml").write_text(_trio.settings + SETTINGS, encoding="utf-8")
    with running(home, _trio.environment, tool="mitmweb") as proxy:
        yield proxy
        proxy.verify()
    for secret in (*_trio.environment.values(), CLIENT_KEY):
        assert secret not in proxy.log
        assert secret.encode() not in (home / "flows").read_bytes()


def ask(proxy: Proxy) -> str:
    told = {"content-type": "application/json", "x-api-key": CLIENT_KEY, "anthropic-version": "2023-06-01"}
    request = urllib.request.Request(f"{proxy.reverse_url}/v1/messages", json.dumps(ASKED).encode(), told)
    with DIRECT.open(request, timeout=LIMIT_S) as response:
        return str(json.loads(response.read())["content"][0]["text"])


def told(proxy: Proxy) -> list[str]:
    """What `detour.shadows` says."""
    rows: list[str] = proxy.web("/commands/detour.shadows", {"arguments": []})["value"]
    return rows


def logged(proxy: Proxy) -> list[Summary]:
    """The shadows in the prompt log."""
    return summaries(proxy.home / "detour", Wanted(origin="shadow"))


def test_the_second_model_is_asked_unseen_until_the_budget_is_spent(mitmweb: Proxy, trio: Trio) -> None:
    trio.one.script(*[answer("It is the first.")] * 3)
    trio.two.script(*[answer("It is the second.")] * 2)
    for count in (1, 2):
        assert ask(mitmweb) == "It is the first."
        wait_until(lambda: len(trio.two.received) == count, LIMIT_S, lambda: mitmweb.log)  # noqa: B023 - at once
        wait_until(lambda: told(mitmweb)[2].endswith(" 0 under way"), LIMIT_S, lambda: mitmweb.log)
    assert ask(mitmweb) == "It is the first."
    wait_until(lambda: "the budget of shadows (2 requests a day) is spent" in mitmweb.log, LIMIT_S, lambda: mitmweb.log)
    flows = mitmweb.web("/flows")
    first = f"req_{flows[0]['id'].replace('-', '')[:24]}"
    assert flows[0]["comment"].startswith("claude-opus-5-5 → one/first · ")
    assert flows[1]["comment"].startswith(f"claude-opus-5-5 → two/second · shadow of {first} · ")
    assert [flow["comment"].partition(" · ")[0].partition(" → ")[2] for flow in flows] == [
        "one/first",
        "two/second",
        "one/first",
        "two/second",
        "one/first",
    ]
    assert told(mitmweb)[0] == "budget: 2 requests a day"
    assert "2 requests" in told(mitmweb)[1]
    assert trio.asked == [["first"] * 3, ["second"] * 2, []]
    assert trio.two.received[0].messages == trio.one.received[0].messages
    wait_until(lambda: len(logged(mitmweb)) == len(trio.two.received), LIMIT_S, lambda: mitmweb.log)
    assert {each.route for each in logged(mitmweb)} == {"two/second"}
    assert f"req_{logged(mitmweb)[0].of}" == first
