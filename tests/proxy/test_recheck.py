"""Recorded flows through today's translator: the same code says the same, and what differs is told with its place."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from mitmproxy import http, io
from mitmproxy.test import taddons

from addon.proxy import recheck, record
from addon.proxy.control import Control
from addon.proxy.recheck import Recheck
from addon.routing.backend import CHAT
from addon.routing.backends import BACKENDS
from tests.proxy.conftest import Configure
from tests.proxy.live import (
    CLIENT_HEADERS,
    HELLO,
    NATIVE_HELLO,
    Proxy,
    Script,
    ask,
    backend,
    head,
    proxying,
    raw,
    streaming,
    whole,
)
from tests.stories import every_story

pytestmark = pytest.mark.filterwarnings("ignore:.* deprecated:DeprecationWarning")  # pyparsing's, in mitmproxy's parser


@asynccontextmanager
async def recording(confdir: Path, file: Path) -> AsyncIterator[Proxy]:
    async with proxying(confdir, save_stream_file=str(file)) as proxy:
        yield proxy
        await proxy.settled()


async def post(proxy: Proxy, body: Any) -> None:
    async with proxy.client(2) as client:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        await client.post(
            "/v1/messages", content=content, headers={**CLIENT_HEADERS, "content-type": "application/json"}
        )


def saved(file: Path) -> list[http.HTTPFlow]:
    with file.open("rb") as opened:
        return [flow for flow in io.FlowReader(opened).stream() if isinstance(flow, http.HTTPFlow)]


def checked(flows: Iterable[http.HTTPFlow], caplog: pytest.LogCaptureFixture) -> tuple[Recheck, list[str]]:
    """Look at flows with the settings of the moment; return what is told of each."""
    control = Control()
    check = Recheck(control)
    caplog.clear()
    caplog.set_level(logging.INFO)
    with taddons.context(control, check) as context:
        context.configure(control, detour_recheck=True)
        for flow in flows:
            check.note(flow)
    return check, [each.message for each in caplog.records if each.message.startswith("recheck")]


def told(lines: Iterable[str]) -> list[str]:
    """What is said of each flow, without its name."""
    return [line.partition(": ")[2] for line in lines]


def settings(folder: Path, url: str, **more: object) -> None:
    """One backend for every story: the provider that it names is there, with the profile that it sets."""
    chat = [row for row in BACKENDS.values() if row.dialect == CHAT]
    own = {story.target.name: {"profile": story.fields} for story in every_story() if story.fields}
    document = {
        "backends": {row.name: {"address": url, "credential": {"key": "sk-recorded-with-this-key"}} for row in chat},
        "models": own,
        "retry": {"attempts": 0},
        **more,
    }
    (folder / "detour.yaml").write_text(json.dumps(document), encoding="utf-8")


async def test_the_same_code_says_the_same_of_every_story(
    confdir: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    stories = every_story("openai_chat")
    async with backend(streaming()) as fake:
        settings(tmp_path, f"{fake.url}/v1")
        async with recording(confdir, tmp_path / "flows") as proxy:
            proxy.errors_expected = True
            for story in stories:
                fake.scripts[:] = [streaming([story.backend_reply])]
                await post(proxy, {**json.loads(story.client_request), "model": story.target.name})
    settings(tmp_path, "http://elsewhere.example/api/v1")
    check, lines = checked(saved(tmp_path / "flows"), caplog)
    assert [line for line in lines if "CHANGED" in line] == []
    assert check.changed == 0
    assert check.same > len(stories) * 3 // 4
    assert sum("as far as the request goes" in line for line in lines) < len(stories) // 2


SCENES: dict[str, tuple[Script, dict[str, Any], str]] = {
    "a stream": (streaming(), ask(), "the same"),
    "a whole reply": (whole(), ask(stream=False), "the same"),
    "a whole reply to a stream": (whole(), ask(), "the same"),
    "an error": (whole({"error": {"message": "no"}}, "400 Bad Request"), ask(), "the same"),
    "an error in a stream": (
        streaming([b'data: {"error": {"message": "no"}}\n\n']),
        ask(),
        "the same",
    ),
    "a cut": (
        raw(
            head(content_type="text/event-stream", transfer_encoding="chunked")
            + b"%x\r\n%s\r\n" % (len(HELLO[0]), HELLO[0])
        ),
        ask(),
        "the same, as far as the request goes",
    ),
}


async def test_what_is_not_all_kept_of_a_reply_is_not_compared(
    flow: http.HTTPFlow, caplog: pytest.LogCaptureFixture
) -> None:
    kept, response = flow.metadata[record.KEY], flow.response
    assert response is not None
    assert kept["head"] == [200, ["content-type", "text/event-stream"]]
    request_alone = ["the same, as far as the request goes"]
    for changed in {"dropped": 5}, {"attempts": [["a/b", 503, 1, "no"]] * 2}, {"reply": None}:
        flow.metadata[record.KEY] = {**kept, **changed}
        assert told(checked([flow], caplog)[1]) == request_alone
    flow.metadata[record.KEY] = {name: value for name, value in kept.items() if name != "head"}
    assert told(checked([flow], caplog)[1]) == ["the same"], "an older version kept no head"
    response.status_code = 503
    assert told(checked([flow], caplog)[1]) == request_alone
    flow.metadata[record.KEY], response.content = kept, b"event: error\ndata: {}\n\n"
    assert told(checked([flow], caplog)[1]) == request_alone


@pytest.mark.parametrize("scene", SCENES)
async def test_however_it_was_answered(
    confdir: Path, configure: Configure, tmp_path: Path, caplog: pytest.LogCaptureFixture, scene: str
) -> None:
    script, asked, expected = SCENES[scene]
    async with backend(script) as fake:
        configure(fake.url)
        async with recording(confdir, tmp_path / "flows") as proxy:
            await post(proxy, asked)
    configure(BIG_MODEL="", SMALL_MODEL="", OPENAI_API_KEY="")  # no key is needed
    _, lines = checked(saved(tmp_path / "flows"), caplog)
    assert told(lines) == [expected]


async def test_backends_of_anthropics_format_and_requests_that_change_on_their_way_home(
    confdir: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with backend(streaming(NATIVE_HELLO)) as fake:
        native = {"address": fake.url, "credential": {"key": "k"}}
        document = {
            "backends": {"deepseek-anthropic": native, "anthropic": {"address": fake.url, "credential": {"key": "k"}}},
            "routes": [
                {"when": {"tier": "haiku"}, "to": "anthropic", "max_tokens": 7},
                {"when": {"tier": "sonnet"}, "to": "anthropic/claude-other"},
                {"when": {"tier": "opus"}, "to": "deepseek-anthropic/x"},
            ],
        }
        (tmp_path / "detour.yaml").write_text(json.dumps(document), encoding="utf-8")
        async with proxying(confdir, modes=(f"reverse:{fake.url}",), save_stream_file=str(tmp_path / "flows")) as proxy:
            for model in ("claude-haiku-4-5", "claude-sonnet-5", "claude-opus-4-8", "eu/claude"):
                await post(proxy, ask(model=model))
            await proxy.settled()
    flows = saved(tmp_path / "flows")
    _, lines = checked(flows, caplog)
    assert told(lines) == [
        "the same, as far as the request goes",
        "the same",
        "the same",
        "not compared: nothing of it was translated",
    ]
    (tmp_path / "detour.yaml").write_text("{}", encoding="utf-8")
    _, lines = checked(flows, caplog)
    assert told(lines)[0] == "not compared: it passed to anthropic, and today's settings do something else with it"
    assert told(lines)[1:3] == ["the same", "the same"]


@pytest.fixture
async def flow(confdir: Path, configure: Configure, tmp_path: Path) -> http.HTTPFlow:
    """One that was translated, as it is read from a file."""
    async with backend(streaming()) as fake:
        configure(fake.url)
        async with recording(confdir, tmp_path / "flows") as proxy:
            await post(proxy, ask(metadata={"user_id": "x"}))
    (found,) = saved(tmp_path / "flows")
    return found


async def test_what_differs_is_told_with_its_place_and_no_word_of_it(
    flow: http.HTTPFlow, caplog: pytest.LogCaptureFixture
) -> None:
    assert flow.response is not None
    body = json.loads(flow.request.content or b"")
    body["messages"][0]["content"] = "a secret that nobody may see"
    flow.request.raw_content = json.dumps(body).encode()
    flow.request.headers["x-old"] = "1"
    flow.request.path = "/v1/old"
    flow.response.content = (flow.response.content or b"").replace(b"Hel", b"Hal")
    check, lines = checked([flow], caplog)
    (line,) = told(lines)
    assert line.startswith("CHANGED: request: the address ends in /chat/completions; request: header x-old; request: ")
    assert "request: messages.0.content; reply: event." in line
    assert ".delta.text" in line
    assert "secret" not in caplog.text
    assert (check.same, check.changed, check.skipped) == (0, 1, 0)


async def test_the_settings_of_today_are_those_that_are_compared(
    flow: http.HTTPFlow, configure: Configure, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    configure(BIG_MODEL="vllm/another", SMALL_MODEL="vllm/another")
    assert told(checked([flow], caplog)[1]) == ["the same"], "who answers by today's rules is no matter"
    document = {"models": {"openai/gpt-test": {"profile": {"max_tokens_field": "most"}}}}
    (tmp_path / "detour.yaml").write_text(json.dumps(document))
    (line,) = told(checked([flow], caplog)[1])
    assert "request: most is new" in line
    (tmp_path / "detour.yaml").unlink()
    flow.metadata[record.KEY]["route"] = "mine/gpt-test"
    assert "not compared: today's translator refuses it: The target 'mine/gpt-test'" in checked([flow], caplog)[1][0]
    flow.metadata[record.KEY] |= {"route": "vllm/x", "changes": [["max_tokens", "7"]]}
    assert "not compared: a route changed the request" in checked([flow], caplog)[1][0]


async def test_a_version_is_told_where_it_is_another(flow: http.HTTPFlow, caplog: pytest.LogCaptureFixture) -> None:
    assert checked([flow], caplog)[1] == [f"recheck {flow.id[:8]} openai/gpt-test: the same"]
    flow.metadata[record.KEY]["version"] = "0.0.1"
    assert "openai/gpt-test (0.0.1): the same" in checked([flow], caplog)[1][0]
    del flow.metadata[record.KEY]["version"]
    assert "(of an older version): the same" in checked([flow], caplog)[1][0]


async def test_a_duplicate_is_the_same_exchange(flow: http.HTTPFlow, caplog: pytest.LogCaptureFixture) -> None:
    assert told(checked([flow.copy()], caplog)[1]) == ["the same"]


@pytest.mark.parametrize(
    "kept",
    [
        {"original": {"body": b"{}"}, "route": "a/b"},
        {"original": "x", "route": "a/b"},
        {"original": {"method": "POST", "url": "http://x/v1/messages", "headers": [], "body": None}, "route": "a/b"},
        {"original": {"method": "POST", "url": "http://x/v1/messages", "headers": [], "body": b"{}"}},
    ],
)
async def test_what_another_version_kept_in_another_way_is_told_as_such(
    flow: http.HTTPFlow, caplog: pytest.LogCaptureFixture, kept: dict[str, Any]
) -> None:
    flow.metadata[record.KEY] = kept
    check, (line,) = checked([flow], caplog)
    assert "not compared: " in line
    assert check.skipped == 1


async def test_a_bug_that_one_flow_shows_hides_no_other(
    flow: http.HTTPFlow, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("the words of a prompt")

    monkeypatch.setattr(recheck, "retranslate", broken)
    check, (line,) = checked([flow], caplog)
    assert "CHANGED: today's translator fails: RuntimeError" in line
    assert "prompt" not in line
    assert check.changed == 1


async def test_without_the_option_nothing_is_looked_at(flow: http.HTTPFlow, caplog: pytest.LogCaptureFixture) -> None:
    check = Recheck(Control())
    with taddons.context(check):
        check.note(flow)
        check.done()
    assert "recheck" not in caplog.text


async def test_what_changed_is_the_exit_code(flow: http.HTTPFlow, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    check = Recheck(Control())
    left: list[object] = []

    async def run() -> None:
        check.done()

    with taddons.context(check) as context, pytest.MonkeyPatch.context() as patch:
        context.configure(check, detour_recheck=True)
        patch.setattr(recheck, "leave", left.append)
        for check.changed, times in ((0, 0), (1, 1)):
            task = asyncio.create_task(run())
            await task
            await asyncio.sleep(0)
            assert len(left) == times
    assert "recheck: 1 flows: 0 the same, 1 changed, 0 not compared" in caplog.text
    with pytest.raises(SystemExit) as caught:
        recheck.leave(None)
    assert caught.value.code == 1
