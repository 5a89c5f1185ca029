"""Routes, as the real client meets them at both doors: each kind of call is answered by the backend of its rule.

Every backend has a key of its own and refuses all others.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.end_to_end.client import API_KEY, DOORS, ClaudeCode, Door
from tests.end_to_end.fakes import Received, when
from tests.end_to_end.proxy import Proxy, running, wait_until
from tests.end_to_end.replies import answer, call
from tests.end_to_end.trio import Trio

pytestmark = pytest.mark.client

ROUTES = """\
routes:
  - {name: conversation, when: {kind: main}, to: one/main-model}
  - {name: brief agents, when: {kind: subagent}, to: two/agent-model, system: {append: Answer in one word.}}
  - {name: long reads, when: {kind: compaction}, to: three/summary-model}
  - {name: quiet, when: {kind: title}, block: No titles today.}
"""
TITLE = {"subtype": "generate_session_title", "description": "Count to seven", "persist": False}
TOLD = sorted([
    *["claude-opus-5-5 → one/main-model: conversation (detour.yaml, line 6): the kind is main"] * 4,
    *["claude-opus-5-5 → two/agent-model (subagent): brief agents (detour.yaml, line 7): the kind is subagent"] * 2,
    "claude-opus-5-5 → three/summary-model (compaction): long reads (detour.yaml, line 8): the kind is compaction",
])  # fmt: skip
BLOCKED = 451
LIMIT_S = 10  # a flow is saved a moment after the client has its reply


@pytest.fixture(scope="module")
def routed(_trio: Trio, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    home = tmp_path_factory.mktemp("routed")
    (home / "detour.yaml").write_text(_trio.settings + ROUTES, encoding="utf-8")
    with running(home, _trio.environment) as proxy:
        yield proxy
        proxy.verify()
    for key in _trio.environment.values():
        proxy.verify_secrets(key, API_KEY)


@pytest.fixture(params=DOORS)
def user(request: pytest.FixtureRequest, routed: Proxy, tmp_path: Path) -> ClaudeCode:
    door: Door = request.param
    return ClaudeCode(door, routed, tmp_path / "home")


def test_each_kind_of_call_has_its_own_model_or_none(user: ClaudeCode, trio: Trio) -> None:
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
    earlier = len(user.proxy.saved())

    run = user.run("Say hello.", TITLE, "/compact", "Let an agent count.", options=["--allowedTools", "Agent,Bash"])

    [untitled] = [event["response"] for event in run.events if event["type"] == "control_response"]
    assert (run.exit_code, run.results[0], run.text) == (0, "Hello.", "The agent counted to seven.")
    assert untitled["response"] == {"title": None}
    assert len(run.notices("compact_boundary")) == 1
    assert run.notices("api_retry") == []
    assert trio.asked == [["main-model"] * 4, ["agent-model"] * 2, ["summary-model"]]
    assert "Say hello." in trio.three.received[0].text
    assert "The user said hello." in trio.one.received[1].text
    assert "SUB-TASK" in trio.two.received[0].text
    assert "Answer in one word." in trio.two.received[0].text
    assert "Answer in one word." not in trio.one.received[1].text + trio.three.received[0].text

    def told() -> list[str]:
        saved = user.proxy.saved()[earlier:]
        calls = [state for state in saved if "original" in state["metadata"].get("detour", {})]  # that were sent
        return sorted(f"{call['comment'].split(' · ')[0]}: {call['metadata']['detour']['reason']}" for call in calls)

    wait_until(lambda: told() == TOLD, LIMIT_S, lambda: "\n".join(told()))
    [refused] = [state for state in user.proxy.saved()[earlier:] if state["response"]["status_code"] == BLOCKED]
    assert refused["comment"] == "blocked by quiet (detour.yaml, line 9): the kind is title"
    assert b"No titles today." in refused["response"]["content"]
