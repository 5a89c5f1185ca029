"""What the real client says is in the prompt log, as it said it: both doors, agents, a compaction, a title.

And a person reads it: in the terminal, and in Chromium at the door of the proxy that runs.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from addon.prompts import answer as answers
from addon.prompts import threads
from addon.prompts.entry import Entry
from addon.prompts.log.reading import Log, Wanted
from addon.prompts.log.statements import FILE
from tests.end_to_end import prompt_log
from tests.end_to_end.browser import browsing
from tests.end_to_end.client import API_KEY, DOORS, ClaudeCode, Door
from tests.end_to_end.fakes import Received, when
from tests.end_to_end.proxy import ROOT, Proxy, running, wait_until
from tests.end_to_end.replies import answer, call
from tests.end_to_end.test_reader import let_in
from tests.end_to_end.trio import Trio

pytestmark = pytest.mark.client

ROUTES = """\
routes:
  - {when: {kind: subagent}, to: two/agent-model}
  - {when: {kind: compaction}, to: three/summary-model}
big: one/main-model
"""
KINDS = ["compaction", *["main"] * 4, *["subagent"] * 2]
LIMIT_S = 10


@pytest.fixture(scope="module")
def logging(_trio: Trio, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    home = tmp_path_factory.mktemp("logging")
    (home / "detour.yaml").write_text(_trio.settings + ROUTES, encoding="utf-8")
    with running(home, _trio.environment) as proxy:
        yield proxy
        proxy.verify()
    for key in _trio.environment.values():
        proxy.verify_secrets(key, API_KEY)


@pytest.fixture(params=DOORS)
def user(request: pytest.FixtureRequest, logging: Proxy, tmp_path: Path) -> ClaudeCode:
    door: Door = request.param
    return ClaudeCode(door, logging, tmp_path / "home")


def kept(proxy: Proxy, session: str) -> list[Entry]:
    """The session's calls to models, once all of them are written."""
    home = proxy.home / "detour"

    def calls() -> list[int]:
        found = prompt_log.summaries(home, Wanted(session=session))
        return [each.number for each in found if each.kind in {*KINDS}]

    wait_until(lambda: len(calls()) >= len(KINDS), LIMIT_S, lambda: proxy.log)
    log = Log(home / FILE)
    try:
        return [log.entry(number) for number in calls()]
    finally:
        log.close()


def detour(proxy: Proxy, *arguments: str) -> str:
    """What a command of ours prints."""
    environment = {"PATH": os.defpath, "HOME": str(proxy.home), "DETOUR_HOME": str(proxy.home / "detour")}
    command = [sys.executable, "-P", "-m", "addon.cli", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT, env=environment).stdout


@pytest.mark.browser
def test_a_session_is_kept_as_it_was_said_and_read_in_the_terminal_and_in_the_browser(
    user: ClaudeCode, trio: Trio
) -> None:
    def after_agent(request: Received) -> bool:
        return "task-notification" in request.text

    task = call("Agent", description="Count", prompt="SUB-TASK: count to seven.", subagent_type="general-purpose")
    trio.one.script(
        answer("Hello."),
        answer("", task),
        answer("I wait for the agent."),
        when(after_agent, answer("The agent counted to seven.")),
    )
    trio.two.script(answer("", call("Bash", "call_s", command="echo seven")), answer("Counted to seven."))
    trio.three.script(answer("<summary>The user said hello.</summary>"))

    run = user.run("Say hello.", "/compact", "Let an agent count.", options=["--allowedTools", "Agent,Bash"])
    session = run.result["session_id"]
    entries = kept(user.proxy, session)

    assert sorted(entry.summary.kind or "" for entry in entries) == KINDS
    assert {entry.summary.door for entry in entries} == {"proxy" if user.door == "proxy" else "reverse"}
    sent = [json.loads(entry.sent.body) for entry in entries if entry.sent]
    received = [request.body for fake in trio.all for request in fake.received]
    assert sorted(map(json.dumps, sent)) == sorted(map(json.dumps, received))  # what the backends got, word for word
    told = {answers.of(entry.given).text for entry in entries if entry.given}
    assert {"Hello.", "The agent counted to seven.", "Counted to seven."} <= told
    assert all(entry.summary.output_tokens and entry.summary.first_content_ms is not None for entry in entries)

    tree = threads.agents([entry.summary for entry in entries])
    assert len(tree.children) == 1
    assert {each.kind for each in tree.children[0].summaries} == {"subagent"}

    assert "Say hello." in detour(user.proxy, "sessions")
    shown = detour(user.proxy, "show", session)
    assert "Say hello." in shown
    assert "The agent counted to seven." in shown
    assert "two/agent-model" in detour(user.proxy, "usage", "--by", "model", "--format", "csv")

    with browsing() as page:
        let_in(page, user.proxy.reverse_url, user.proxy.home / "detour")
        page.open(f"{user.proxy.reverse_url}/_detour/read/session/{session}")
        page.wait_for("The agent counted to seven.")
        assert "Say hello." in page.text()
    assert all("_detour" not in entry.summary.path for entry in entries)
