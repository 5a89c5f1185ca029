"""The conversations of a real mitmdump's log over HTTP, as scripts of the known fork ask for them, and safely.

Each test talks to a fake backend through the reverse door, and asks for the conversation at either.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.end_to_end.client import DOORS, Door
from tests.end_to_end.fakes import KEY, FakeBackend, serving
from tests.end_to_end.proxy import Proxy, running, wait_until
from tests.end_to_end.replies import Usage, answer

READY_S = 10
ASK = {"model": "claude-opus-4-8", "max_tokens": 90, "system": "Be brief."}
SECRET = "sk-proj-" + "aB3dE5gH" * 6  # what OpenAI's keys look like


@pytest.fixture
def fake() -> Iterator[FakeBackend]:
    with serving(FakeBackend()) as fake:
        yield fake


@pytest.fixture
def proxy(fake: FakeBackend, tmp_path: Path) -> Iterator[Proxy]:
    environment = {
        "BIG_MODEL": "openai/gpt-5.5",
        "SMALL_MODEL": "openai/gpt-5.5-mini",
        "OPENAI_API_BASE": fake.base_url,
        "OPENAI_API_KEY": KEY,
    }
    with running(tmp_path / "home", environment) as proxy:
        wait_until(_token_file(proxy).exists, READY_S, lambda: proxy.log)
        yield proxy
        proxy.verify()
    token = _token(proxy)
    assert token not in proxy.log
    assert token.encode() not in (proxy.home / "flows").read_bytes()


def _token_file(proxy: Proxy) -> Path:
    return proxy.home / "detour" / "token"


def _token(proxy: Proxy) -> str:
    return _token_file(proxy).read_text(encoding="ascii").strip()


def _rest(proxy: Proxy, door: Door) -> httpx.Client:
    """A script with the token; at the reverse door it uses the bare names."""
    base = {"proxy": f"{proxy.proxy_url}/_detour", "reverse": proxy.reverse_url}[door]
    headers = {"x-detour-token": _token(proxy)}
    return httpx.Client(base_url=base, headers=headers, trust_env=False, timeout=READY_S)


def _talk(proxy: Proxy, *texts: str, session: str | None = "the-session") -> None:
    """A client that keeps its conversation, as they do."""
    headers = {"x-claude-code-session-id": session, "x-claude-code-request-class": "main"} if session else {}
    messages: list[dict[str, object]] = []
    with httpx.Client(base_url=proxy.reverse_url, headers=headers, trust_env=False, timeout=READY_S) as client:
        for text in texts:
            messages.append({"role": "user", "content": text})
            said = client.post("/v1/messages", json={**ASK, "messages": messages})
            assert said.status_code == 200, said.text
            messages.append({"role": "assistant", "content": said.json()["content"]})


@pytest.mark.parametrize("door", DOORS)
def test_a_conversation_is_read_and_goes_on_with_another_model(proxy: Proxy, fake: FakeBackend, door: Door) -> None:
    fake.script(answer("One."), answer("Two."), answer("Three."), answer("Four."))
    _talk(proxy, "Say one.", "Say two.")
    with _rest(proxy, door) as rest:
        told = rest.get("/conversation", params={"limit": 3}).json()
        assert told["session"] == "the-session"
        assert told["total_count"] == 4
        assert [(each["role"], each["model_used"]) for each in told["messages"]] == [
            ("assistant", "openai/gpt-5.5"),
            ("user", "openai/gpt-5.5"),
            ("assistant", "openai/gpt-5.5"),
        ]
        assert told["messages"][-1]["content"] == [{"type": "text", "text": "Two."}]
        assert all(each["timestamp"] and each["exchange"].startswith("req_") for each in told["messages"])

        rest.post("/switch_model", json={"big_model": "openai/gpt-5.5-mini"}).raise_for_status()
        said = rest.post("/conversation/continue", json={"message": "Say three."})
        assert (said.status_code, said.json()["content"][0]["text"]) == (200, "Three.")
        body = {"messages": [{"role": "user", "content": "Say four."}], "stream": True, "system": "Be long."}
        with rest.stream("POST", "/conversation/continue", json=body) as stream:
            events = [line for line in stream.iter_lines() if line.startswith("event: ")]
        assert (events[0], events[-1]) == ("event: message_start", "event: message_stop")
        assert rest.get("/conversation").json()["total_count"] == 8
    third, fourth = fake.received[2:]
    assert third.body["model"] == "gpt-5.5-mini"
    assert [each["role"] for each in third.messages][-4:] == ["assistant", "user", "assistant", "user"]
    assert "Be brief." in third.text
    assert "Be long." in fourth.text
    assert "Three." in fourth.text
    fake.verify()


@pytest.mark.parametrize("door", DOORS)
def test_without_the_token_nothing_is_read_asked_or_deleted(proxy: Proxy, fake: FakeBackend, door: Door) -> None:
    fake.script(answer("One."))
    _talk(proxy, "Say one.")
    with _rest(proxy, door) as rest:
        del rest.headers["x-detour-token"]
        replies = [
            rest.get("/conversation"),
            rest.get("/conversation/export"),
            rest.delete("/conversation"),
            rest.delete("/debug_logs"),
            rest.post("/conversation/continue", json={"message": "And?"}),
            rest.post("/conversation/import", json={"messages": [{"role": "user", "content": "a"}]}),
            rest.post("/conversation/enable", json={"enabled": False}),
            rest.post("/conversation/disable"),
        ]
        assert [reply.status_code for reply in replies] == [401] * 8
        assert "One." not in "".join(reply.text for reply in replies)
        status = rest.get("/conversation/status").json()
        assert (status["recording_enabled"], status["exchanges"], status["messages"]) == (True, 1, 2)
        page = rest.get("/conversation", headers={"x-detour-token": _token(proxy), "origin": "https://evil.example"})
        assert page.status_code == 403
    assert len(fake.received) == 1


def test_a_conversation_is_emptied_and_brought_back(proxy: Proxy, fake: FakeBackend) -> None:
    fake.script(answer("One."), answer("Two."))
    _talk(proxy, f"My key is {SECRET}. Say one.")
    with _rest(proxy, "reverse") as rest:
        kept = rest.get("/conversation/export", params={"session": "the-s"}).json()
        assert SECRET not in json.dumps(kept)
        assert "[redacted:" in kept["messages"][0]["content"]
        gone = rest.delete("/conversation").json()
        assert (gone["exchanges"], gone["conversations"]) == (1, 1)
        assert str(proxy.home / "detour" / "prompts.sqlite") in gone["message"]
        assert rest.get("/conversation").json()["messages"] == []
        assert rest.post("/conversation/continue", json={"message": "And?"}).status_code == 404
        brought = rest.post("/conversation/import", json=kept).json()
        assert (brought["session"], brought["total_count"]) == ("the-session", 2)
        said = rest.post("/conversation/continue", json={"message": "Say two."})
        assert said.json()["content"][0]["text"] == "Two."
    assert "One." in fake.received[1].text
    fake.verify()


def test_recording_is_switched_while_it_runs(proxy: Proxy, fake: FakeBackend, tmp_path: Path) -> None:
    fake.script(*(answer("One.") for _ in range(3)))
    home = proxy.home / "detour"
    with _rest(proxy, "reverse") as rest:
        assert rest.post("/conversation/disable").json()["recording_enabled"] is False
        _talk(proxy, "Not kept.")
        assert rest.get("/conversation/status").json()["exchanges"] == 0
        for path in ("../outside.sqlite", str(tmp_path / "outside.sqlite"), "/etc/passwd", "token"):
            refused = rest.post("/conversation/enable", params={"file_path": path})
            assert (refused.status_code, "file_path" in refused.json()["error"]["message"]) == (400, True)
        told = rest.post("/conversation/enable", json={"file_path": "mine/talk.sqlite"}).json()
        assert told["file_path"] == str(home / "mine" / "talk.sqlite")
        _talk(proxy, "Kept.")
        assert rest.get("/conversation").json()["messages"][0]["content"] == "Kept."
        assert rest.post("/conversation/enable", json={"file_path": "prompts.sqlite"}).json()["exchanges"] == 0
    assert (home / "mine" / "talk.sqlite").stat().st_mode & 0o777 == 0o600
    assert not list(tmp_path.glob("*.sqlite"))


def test_what_was_used_is_summed_up(proxy: Proxy, fake: FakeBackend) -> None:
    fake.script(
        answer("One.", usage=Usage(prompt=1_000, completion=50, cached=400, reasoning=20)),
        answer("Two.", usage=Usage(prompt=2_000, completion=50)),
    )
    _talk(proxy, "Say one.", "Say two.")
    with _rest(proxy, "reverse") as rest:
        while rest.get("/conversation/status").json()["exchanges"] < 2:
            pass
    rows = _usage(proxy, "--by", "model", "--format", "json")["rows"]
    assert [row["name"] for row in rows] == ["openai/gpt-5.5"]
    assert (rows[0]["exchanges"], rows[0]["unpriced"]) == (2, 0)
    assert (rows[0]["input_tokens"], rows[0]["cache_read_tokens"], rows[0]["output_tokens"]) == (2_600, 400, 100)
    assert rows[0]["reasoning_tokens"] == 20
    assert rows[0]["dollars"] > 0
    assert _usage(proxy, "--by", "session", "--format", "json")["rows"][0]["name"] == "the-session"


def _usage(proxy: Proxy, *arguments: str) -> dict[str, Any]:
    environment = {"PATH": os.defpath, "HOME": str(proxy.home), "DETOUR_HOME": str(proxy.home / "detour")}
    command = [str(Path(sys.executable).with_name("detour")), "usage", *arguments]
    run = subprocess.run(command, cwd=proxy.home, env=environment, capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(run.stdout)
    return found
