"""What the prompt log gets of a flow, whichever way it went."""

import asyncio
import gzip
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from addon.prompts.entry import Entry
from addon.prompts.log.reading import Log
from addon.prompts.log.statements import FILE
from addon.proxy import recording
from tests import amazon
from tests.proxy.conftest import Configure
from tests.proxy.live import (
    CLIENT_HEADERS,
    HELLO,
    KEY,
    NATIVE_HELLO,
    Script,
    ask,
    backend,
    proxying,
    raw,
    said,
    streaming,
    whole,
)

AGENT = {
    "x-claude-code-session-id": "5e55-1011",
    "x-claude-code-agent-id": "a9e2",
    "x-claude-code-parent-agent-id": "a9e1",
    "x-claude-code-agent-type": "Explore",
}
SILENT = "detour-home"


def kept(folder: Path) -> list[Entry]:
    log = Log(folder / SILENT / FILE)
    try:
        return [log.entry(each.number) for each in log.summaries()]
    finally:
        log.close()


def written(text: str) -> None:
    Path("detour.yaml").write_text(text)


async def played(
    confdir: Path,
    configure: Configure,
    script: Script,
    body: dict[str, Any],
    *,
    native: bool = False,
    path: str = "/v1/messages",
    headers: Mapping[str, str] | None = None,
) -> list[Entry]:
    """Send one request through door two, to the backend or (native) on its way to Anthropic; return what is kept."""
    async with backend(script) as fake:
        configure("" if native else fake.url)
        modes = ("regular", f"reverse:{fake.url}")
        async with proxying(confdir, modes=modes) as proxy:
            async with proxy.client() as client:
                await client.post(path, json=body, headers={**CLIENT_HEADERS, **(headers or {})})
            await proxy.settled()
            proxy.errors_expected = True
    return kept(Path.cwd())


async def test_a_translated_exchange_is_kept_with_all_four_sides(confdir: Path, configure: Configure) -> None:
    (entry,) = await played(
        confdir, configure, streaming(x_backend="b"), ask("Hi", stream=True, top_k=3), headers=AGENT
    )
    assert entry.request
    assert entry.sent
    assert entry.reply
    assert entry.given
    assert json.loads(entry.request.body) == ask("Hi", stream=True, top_k=3)
    assert entry.request.url.endswith("/v1/messages")
    assert json.loads(entry.sent.body)["model"] == "gpt-test"
    assert entry.sent.url.endswith("/v1/chat/completions")
    assert dict(entry.sent.headers)["authorization"].startswith("Bearer ")
    assert entry.reply.body == b"".join(HELLO)
    assert (entry.reply.status, dict(entry.reply.headers)["content-type"]) == (200, "text/event-stream")
    assert said(entry.given.body) == "Hello"
    summary = entry.summary
    assert (summary.session, summary.agent, summary.parent_agent, summary.agent_type) == (
        "5e55-1011", "a9e2", "a9e1", "Explore"
    )  # fmt: skip
    assert (summary.asked, summary.route, summary.kind, summary.door) == (
        "claude-opus-4-8", "openai/gpt-test", "subagent", "reverse"
    )  # fmt: skip
    assert (summary.status, summary.stop_reason, summary.error) == (200, "end_turn", None)
    assert (summary.input_tokens, summary.output_tokens, summary.dollars) == (12, 2, None)
    assert summary.first_byte_ms is not None
    assert summary.first_content_ms is not None
    assert summary.first_byte_ms <= summary.total_ms
    assert [(loss.path, loss.routine) for loss in entry.losses] == [("top_k", False)]
    assert summary.losses == 1
    assert KEY not in repr(entry)


async def test_a_reply_in_binary_frames_is_kept_as_it_reads(confdir: Path, configure: Configure) -> None:
    frames = amazon.framed('event messageStart {"role":"assistant"}')
    (entry,) = await played(confdir, configure, whole(frames), ask("Hi"))
    assert entry.reply
    assert entry.reply.body == b'event messageStart {"role":"assistant"}\n'


async def test_what_passes_is_kept_once(confdir: Path, configure: Configure) -> None:
    (entry,) = await played(confdir, configure, streaming(NATIVE_HELLO), ask("Hi", stream=True), native=True)
    assert entry.given
    assert (entry.sent, entry.reply, entry.given.body) == (None, None, b"".join(NATIVE_HELLO))
    assert (entry.summary.route, entry.summary.input_tokens, entry.summary.output_tokens) == ("anthropic", 7, 3)
    assert entry.summary.dollars == pytest.approx(7 * 5e-6 + 3 * 25e-6)


async def test_a_compressed_reply_is_kept_as_it_reads(confdir: Path, configure: Configure) -> None:
    message = {
        "type": "message",
        "content": [],
        "usage": {"input_tokens": 1, "output_tokens": 2},
        "stop_reason": "end_turn",
    }
    script = whole(gzip.compress(json.dumps(message).encode()), content_encoding="gzip")
    (entry,) = await played(confdir, configure, script, ask("Hi"), native=True)
    assert entry.given
    assert json.loads(entry.given.body) == message


async def test_a_failure_is_kept_with_its_attempts(confdir: Path, configure: Configure, retrying: None) -> None:
    answers: list[Script] = [whole({"error": {"message": "busy"}}, "503 Busy"), streaming()]

    async def script(received: object, writer: asyncio.StreamWriter) -> bool | None:
        return await answers.pop(0)(received, writer)  # type: ignore[arg-type]  # handed on

    (entry,) = await played(confdir, configure, script, ask("Hi", stream=True))
    assert entry.summary.attempts == 1
    assert (entry.attempts[0].target, entry.attempts[0].status) == ("openai/gpt-test", "503")
    assert "busy" in entry.attempts[0].why
    assert entry.summary.status == 200


async def test_an_error_is_kept_with_what_the_backend_said(confdir: Path, configure: Configure) -> None:
    script = whole({"error": {"message": f"wrong key {KEY}"}}, "401 No", x_note="n")
    (entry,) = await played(confdir, configure, script, ask("Hi"))
    assert entry.summary.status == 403  # as the client is told it
    assert entry.summary.error
    assert entry.reply
    assert (entry.reply.status, dict(entry.reply.headers)["content-type"]) == (401, "application/json")
    assert KEY not in repr(entry)


async def test_a_connection_that_breaks_is_kept_too(confdir: Path, configure: Configure) -> None:
    (entry,) = await played(confdir, configure, raw(b""), ask("Hi"), native=True)
    assert entry.summary.status == 0 or entry.summary.status >= 500
    assert entry.summary.error
    assert entry.request
    assert json.loads(entry.request.body) == ask("Hi")


async def test_what_detour_answers_itself_is_kept(confdir: Path, configure: Configure) -> None:
    body = ask("Hi")
    (entry,) = await played(confdir, configure, streaming(), body, path="/v1/messages/count_tokens", headers=AGENT)
    assert (entry.summary.kind, entry.summary.session, entry.summary.route) == ("count", "5e55-1011", "detour")
    assert entry.given
    assert "input_tokens" in json.loads(entry.given.body)


async def test_a_refusal_is_kept_with_its_reason(confdir: Path, configure: Configure) -> None:
    (entry,) = await played(confdir, configure, streaming(), {"model": "claude-opus-4-8"})
    assert entry.summary.status == 400
    assert entry.summary.error == entry.reason != ""
    assert entry.summary.asked == "claude-opus-4-8"


async def test_of_metadata_no_prompt_is_kept(confdir: Path, configure: Configure) -> None:
    written("record: metadata\n")
    (entry,) = await played(confdir, configure, streaming(), ask("Hi", stream=True), headers=AGENT)
    assert (entry.request, entry.sent, entry.reply, entry.given) == (None, None, None, None)
    assert (entry.summary.input_tokens, entry.summary.session) == (12, "5e55-1011")


async def test_switched_off_nothing_is_kept(confdir: Path, configure: Configure) -> None:
    written("record: 'off'\n")
    async with backend(streaming()) as fake:
        configure(fake.url)
        async with proxying(confdir) as proxy, proxy.client() as client:
            await client.post("/v1/messages", json=ask(stream=True), headers=CLIENT_HEADERS)
            await proxy.settled()
    assert not (Path.cwd() / SILENT / FILE).exists()


async def test_our_own_pages_are_not_kept(confdir: Path, configure: Configure) -> None:
    async with backend(streaming()) as fake:
        configure(fake.url)
        async with proxying(confdir) as proxy, proxy.client() as client:
            assert (await client.get("/_detour/health")).status_code == 200
            await client.post("/v1/messages", json=ask(stream=True), headers=CLIENT_HEADERS)
            await proxy.settled()
    assert [each.summary.path for each in kept(Path.cwd())] == ["/v1/messages"]


def test_a_body_that_would_fill_the_memory_is_kept_as_it_came(monkeypatch: pytest.MonkeyPatch) -> None:
    packed = {"content-encoding": "gzip"}
    small, large = gzip.compress(b"x" * 1_000), gzip.compress(b"x" * 100_000)
    monkeypatch.setattr(recording, "MOST_UNPACKED", 50_000)
    assert recording._plain(packed, small) == b"x" * 1_000
    assert recording._plain(packed, large) == large
    assert recording._plain({}, large) == large
