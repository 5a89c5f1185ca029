"""What the real client does in a working session, answered by another model: skills, forms, agents, a long history."""

import json
from itertools import pairwise

import pytest

from tests.end_to_end.client import ClaudeCode
from tests.end_to_end.fakes import FakeBackend, Predicate, Received, when
from tests.end_to_end.replies import Call, answer, call

pytestmark = pytest.mark.client

TOOLS = ["--allowedTools", "Bash,Read,Edit,Skill,ToolSearch,Agent", "--permission-mode", "acceptEdits"]
SKILL = """\
---
name: greet
description: How this project greets. Use it when asked to greet.
---

Greet with the words "Good day from the project".
"""
FORM = {
    "type": "object",
    "properties": {"title": {"type": "string"}, "count": {"type": "integer"}},
    "required": ["title", "count"],
}


def shell(command: str, call_id: str = "call_1") -> Call:
    return call("Bash", call_id, command=command, description="Run it")


def behind_the_results(request: Received) -> str:
    """What the user's side says behind the newest tool messages."""
    last = max(index for index, message in enumerate(request.messages) if message["role"] == "tool")
    return json.dumps(request.messages[last + 1 :])


def give_skill(claude: ClaudeCode) -> None:
    folder = claude.workspace / ".claude/skills/greet"
    folder.mkdir(parents=True)
    (folder / "SKILL.md").write_text(SKILL, encoding="utf-8")


def test_a_skill_that_the_model_uses(claude: ClaudeCode, backend: FakeBackend) -> None:
    give_skill(claude)
    backend.script(answer("", call("Skill", skill="greet")), answer("Good day from the project."))
    run = claude.run("Greet me.", options=TOOLS)
    first, second = backend.received
    assert run.text == "Good day from the project."
    assert "How this project greets." in first.text, "the model was not told of the skill"
    assert second.last("tool")["content"] == "Launching skill: greet"
    assert "Greet with the words" in behind_the_results(second)


def test_a_skill_that_the_user_calls(claude: ClaudeCode, backend: FakeBackend) -> None:
    give_skill(claude)
    backend.script(answer("Good day from the project."))
    run = claude.run("/greet", options=TOOLS)
    [request] = backend.received
    assert run.text == "Good day from the project."
    assert "Greet with the words" in request.text


def test_a_form_that_was_filled_in_wrongly_is_asked_for_again(claude: ClaudeCode, backend: FakeBackend) -> None:
    backend.script(
        answer("", shell("echo three", "call_b")),
        answer("", call("StructuredOutput", "call_w", title="Rain", count="many")),
        answer("", call("StructuredOutput", "call_r", title="Rain", count=3)),
    )
    run = claude.run("A title.", options=[*TOOLS, "--json-schema", json.dumps(FORM)])
    first, second, third = backend.received
    offered = next(tool["function"] for tool in first.body["tools"] if tool["function"]["name"] == "StructuredOutput")
    assert run.result["structured_output"] == {"title": "Rain", "count": 3}
    assert offered["parameters"]["properties"] == FORM["properties"]
    assert second.last("tool")["content"] == "three"
    assert third.last("tool")["content"].startswith("[tool error]\nOutput does not match required schema: /count")


def test_a_form_that_was_answered_in_words_is_asked_for_again(claude: ClaudeCode, backend: FakeBackend) -> None:
    backend.script(answer("It is called Rain."), answer("", call("StructuredOutput", title="Rain", count=1)))
    run = claude.run("A title.", options=["--json-schema", json.dumps(FORM)])
    assert run.result["structured_output"] == {"title": "Rain", "count": 1}
    assert "MUST call the StructuredOutput tool" in str(backend.received[1].last("user")["content"])


def by_agent(name: str) -> Predicate:
    return lambda request: f"SUB-TASK {name}" in request.text and "MAIN-TASK" not in request.text


def told_of(*agents: str) -> Predicate:
    """A main turn after the ends of these agents, and of no other."""

    def matches(request: Received) -> bool:
        ended = [name for name in ("first", "second") if f"The {name} agent is done." in request.text]
        return "MAIN-TASK" in request.text and ended == list(agents)

    return matches


def once_there_are(own: str, *others: str) -> Call:
    """Make a file, and list what is there when the others are there, or after ten seconds."""
    return shell(f"touch {own}; for i in $(seq 100); do [ -e {' -a -e '.join(others)} ] && break; sleep 0.1; done; ls")


def test_agents_work_at_the_same_time(claude: ClaudeCode, backend: FakeBackend) -> None:
    def agent(name: str) -> Call:
        return call("Agent", name, description=name, prompt=f"SUB-TASK {name}.", subagent_type="general-purpose")

    backend.script(
        when(by_agent("first"), answer("", once_there_are("one", "two")), answer("The first agent is done.")),
        when(
            by_agent("second"), answer("", once_there_are("two", "one", "three")), answer("The second agent is done.")
        ),
        when(told_of("first"), answer("", shell("touch three")), answer("One of two.")),
        when(told_of("first", "second"), answer("Both are done.")),
        answer("", agent("first"), agent("second")),
        answer("I wait for the agents."),
    )
    run = claude.run("MAIN-TASK: let two agents work.", options=TOOLS)
    found = {name: [request for request in backend.received if by_agent(name)(request)] for name in ("first", "second")}
    assert run.text == "Both are done."
    assert found["first"][1].last("tool")["content"].split() == ["one", "two"], "one worked after the other"
    assert found["second"][1].last("tool")["content"].split() == ["one", "three", "two"]


def test_what_was_said_to_the_backend_stays_a_beginning(claude: ClaudeCode, backend: FakeBackend) -> None:
    claude.workspace.mkdir(parents=True)
    notes = claude.workspace / "notes.txt"
    notes.write_text("one\n", encoding="utf-8")
    give_skill(claude)
    backend.script(
        answer("I read it.", call("Read", "call_1", file_path=str(notes))),
        answer("One line."),
        answer("", call("ToolSearch", "call_2", query="select:WebFetch"), call("Skill", "call_3", skill="greet")),
        answer("Loaded."),
        answer("", call("ToolSearch", "call_4", query="select:CronList"), shell("false", "call_5")),
        answer("Failed."),
        answer("Indeed."),
    )
    run = claude.run(
        "Read it.", "Find tools.", "More.", lambda: notes.write_text("two\n", encoding="utf-8"), "And now?",
        options=TOOLS,
    )  # fmt: skip
    assert run.results == ["One line.", "Loaded.", "Failed.", "Indeed."]
    for earlier, later in pairwise(backend.received):
        assert later.messages[: len(earlier.messages)] == earlier.messages
        assert later.body["tools"][: len(earlier.body["tools"])] == earlier.body["tools"]
    assert backend.received[-1].tool_names[-2:] == ["WebFetch", "CronList"]
