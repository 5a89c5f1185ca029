"""The same turn on another model, and once more through today's translator, with real proxies.

That is mitmweb's command, a request with our token, ``detour replay``, and ``mitmdump -nr`` with ``detour_recheck``.
"""

import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from mitmproxy.io import FlowReader, FlowWriter

from addon.prompts.log.reading import Log, Wanted
from addon.prompts.log.statements import FILE
from addon.prompts.log.writer import Writer
from addon.proxy import record
from tests.end_to_end.prompt_log import summaries
from tests.end_to_end.proxy import CRASHES, DIRECT, ROOT, Proxy, running, wait_until
from tests.end_to_end.replies import Json, answer, call
from tests.end_to_end.trio import Trio
from tests.prompts.entries import entry, stream
from tests.prompts.log.plain import Plain

LIMIT_S = 10
CLIENT_KEY = "sk-ant-the-clients-own"
ASKED: Json = {
    "model": "claude-opus-5-5",
    "max_tokens": 64,
    "stream": True,
    "messages": [{"role": "user", "content": "Which of you is it?"}],
}


@pytest.fixture(scope="module")
def mitmweb(_trio: Trio, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    home = tmp_path_factory.mktemp("replays")
    (home / "detour.yaml").write_text(f"{_trio.settings}big: one/first\nretry: {{attempts: 0}}\n", encoding="utf-8")
    with running(home, _trio.environment, tool="mitmweb") as proxy:
        wait_until((home / "detour" / "token").exists, LIMIT_S, lambda: proxy.log)
        yield proxy
        proxy.verify()
    for secret in (*_trio.environment.values(), CLIENT_KEY):
        assert secret not in proxy.log
        assert secret.encode() not in (home / "flows").read_bytes()


def send(proxy: Proxy, **headers: str) -> bytes:
    told = {"content-type": "application/json", "x-api-key": CLIENT_KEY, "anthropic-version": "2023-06-01", **headers}
    request = urllib.request.Request(f"{proxy.reverse_url}/v1/messages", json.dumps(ASKED).encode(), told)
    try:
        with DIRECT.open(request, timeout=LIMIT_S) as response:
            return bytes(response.read())
    except urllib.error.HTTPError as error:
        return error.read()


def ended(proxy: Proxy, count: int) -> list[Json]:
    """The flows of the list, once so many have ended."""
    flows: list[Json] = []

    def look() -> bool:
        flows[:] = proxy.web("/flows")
        return len(flows) >= count and all("first token" in flow["comment"] for flow in flows[:count])

    wait_until(look, LIMIT_S, lambda: f"{flows}\n{proxy.log}")
    return flows


def test_mitmwebs_command_sends_a_flow_to_other_models(mitmweb: Proxy, trio: Trio) -> None:
    trio.one.script(answer("It is the first."))
    trio.two.script(answer("It is the second."))
    trio.three.script(answer("It is the third."))
    before = len(mitmweb.web("/flows"))
    assert b"event: message_stop" in send(mitmweb)
    flow = mitmweb.web("/flows")[before]
    answered = mitmweb.web("/commands/detour.replay", {"arguments": [f"@{flow['id']}", "two/x", "three/y"]})
    assert "error" not in answered
    two, three = ended(mitmweb, before + 3)[before + 1 :]
    copied = f"replay of req_{flow['id'].replace('-', '')[:24]}"
    assert two["comment"].startswith(f"claude-opus-5-5 → two/x · {copied} · ")
    assert three["comment"].startswith(f"claude-opus-5-5 → three/y · {copied} · ")
    assert trio.asked == [["first"], ["x"], ["y"]]
    assert trio.two.received[0].messages == trio.one.received[0].messages


def test_a_request_with_the_token_names_who_answers(mitmweb: Proxy, trio: Trio) -> None:
    trio.two.script(answer("It is the second."))
    token = (mitmweb.home / "detour" / "token").read_text().strip()
    named = {"x-detour-target": "two/x", "x-detour-replay-of": "req_0123"}
    assert b"event: message_stop" in send(mitmweb, **named, **{"x-detour-token": token})
    assert json.loads(send(mitmweb, **named))["error"]["type"] == "authentication_error"
    assert trio.asked == [[], ["x"], []]
    assert token not in mitmweb.log


# -- the command line --------------------------------------------------------------------------------------------------


def logged(home: Path) -> None:
    """Keep an exchange in the log, as it would be after a session."""
    kept = Writer(home / "prompts.sqlite", Plain())
    kept.add(entry(ASKED, given=stream({"type": "text", "text": "I was the first."}), session="a-session"))
    kept.close()


def replayed(home: Path, folder: Path, environment: Mapping[str, str], *arguments: str) -> Json:
    """Run ``detour replay``; return what it prints as JSON, once it has ended well."""
    surroundings = {"PATH": os.defpath, "HOME": str(folder), "DETOUR_HOME": str(home), **environment}
    command = [sys.executable, "-P", "-m", "addon.cli", "replay", *arguments, "--json"]
    told = subprocess.run(
        command, cwd=folder, env=surroundings, capture_output=True, text=True, timeout=60, check=False
    )
    assert told.returncode == 0, told.stdout + told.stderr
    answers: Json = json.loads(told.stdout)
    return answers


def test_the_command_line_asks_through_a_detour_that_runs(mitmweb: Proxy, trio: Trio, tmp_path: Path) -> None:
    trio.two.script(answer("It is the second."))
    trio.three.script(answer("It is the third.", call("Bash", command="ls")))
    logged(mitmweb.home / "detour")
    told = replayed(mitmweb.home / "detour", tmp_path, {}, "a-session/1", "two/x", "three/y")
    then, two, three = told["answers"]
    assert then["text"] == "I was the first."
    assert (two["text"], two["calls"], two["stop_reason"]) == ("It is the second.", [], "end_turn")
    assert (three["text"], three["calls"]) == ("It is the third.", [{"name": "Bash", "arguments": {"command": "ls"}}])
    assert two["first_content_ms"] <= two["total_ms"]
    assert trio.two.received[0].messages[-1] == {"role": "user", "content": "Which of you is it?"}
    assert trio.two.received[0].body["stream"]


def test_what_was_recorded_is_replayed_and_recorded_as_a_copy(mitmweb: Proxy, trio: Trio, tmp_path: Path) -> None:
    trio.one.script(answer("It is the first."))
    trio.two.script(answer("It is the second."))
    home = mitmweb.home / "detour"
    assert b"event: message_stop" in send(mitmweb, **{"x-claude-code-session-id": "of-its-own"})
    own = Wanted(session="of-its-own")
    wait_until(lambda: bool(summaries(home, own)), LIMIT_S, lambda: mitmweb.log)
    told = replayed(home, tmp_path, {}, "of-its-own/1", "two/x")
    log = Log(home / FILE)
    first, copy = log.summaries(own)
    assert (first.origin, copy.origin, copy.of) == (None, "replay", first.id)
    assert (copy.route, copy.status, copy.prompt_tokens) == ("two/x", 200, 1_200)
    assert told["answers"][1] | {"id": copy.id, "prompt_tokens": 1_200, "target": "two/x"} == told["answers"][1]
    entry = log.entry(copy.number)
    assert entry.request is not None
    assert json.loads(entry.request.body) == ASKED
    assert not [name for name, _ in entry.request.headers if name.startswith("x-detour")]
    log.close()


def test_the_command_line_starts_one_where_none_runs(trio: Trio, tmp_path: Path) -> None:
    trio.two.script(answer("It is the second."))
    home = tmp_path / "home"
    logged(home)
    (tmp_path / "detour.yaml").write_text(trio.settings, encoding="utf-8")
    told = replayed(home, tmp_path, trio.environment, "last", "two/x")
    assert told["answers"][1]["text"] == "It is the second."
    assert not list((home / "instances").glob("*.json")), "it has ended with the command"


# -- recorded flows ----------------------------------------------------------------------------------------------------


def rechecked(file: Path, folder: Path) -> tuple[int, str]:
    """Read a file of flows as a user would, without any key. Returns the exit code and what is printed."""
    options = {"detour_recheck": "true", "flow_detail": "0", "confdir": str(folder / "confdir")}
    command = [str(Path(sys.executable).with_name("mitmdump")), "-nr", str(file)]
    command += ["-s", str(ROOT / "addon" / "rewrite.py")]
    command += [part for name, value in options.items() for part in ("--set", f"{name}={value}")]
    surroundings = {"PATH": os.defpath, "HOME": str(folder), "DETOUR_HOME": str(folder / "home")}
    told = subprocess.run(
        command, cwd=folder, env=surroundings, capture_output=True, text=True, timeout=60, check=False
    )
    assert not [sign for sign in CRASHES if sign in told.stdout + told.stderr], told.stdout + told.stderr
    return told.returncode, told.stdout


def test_recorded_flows_are_rechecked_and_the_exit_code_tells(mitmweb: Proxy, trio: Trio, tmp_path: Path) -> None:
    trio.one.script(answer("It is the first."))
    assert b"event: message_stop" in send(mitmweb)
    ended(mitmweb, 1)
    with (mitmweb.home / "flows").open("rb") as file:
        flows = [flow for flow in FlowReader(file).stream() if record.of(flow).get("route") == "one/first"]
    with (tmp_path / "session.flow").open("wb") as file:
        FlowWriter(file).add(flows[-1])
    for address in "http://127.0.0.1:9", "http://elsewhere.example/api":
        (tmp_path / "detour.yaml").write_text(f"backends: {{one: {{address: '{address}'}}}}\n", encoding="utf-8")
        code, told = rechecked(tmp_path / "session.flow", tmp_path)
        assert "one/first: the same" in told
        assert "recheck: 1 flows: 1 the same, 0 changed, 0 not compared" in told
        assert code == 0
    profile = "{address: 'http://127.0.0.1:9', profile: {max_tokens_field: most}}"
    (tmp_path / "detour.yaml").write_text(f"backends: {{one: {profile}}}\n", encoding="utf-8")
    code, told = rechecked(tmp_path / "session.flow", tmp_path)
    assert "one/first: CHANGED: request: " in told
    assert "request: most is new" in told
    assert code == 1
