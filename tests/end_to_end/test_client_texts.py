"""The real Claude Code with a model that writes its thinking and its calls into its text."""

import pytest

from tests.end_to_end.client import ClaudeCode
from tests.end_to_end.fakes import FakeBackend
from tests.end_to_end.replies import answer

pytestmark = pytest.mark.client

MODEL = "vllm/qwen3-both"  # a story's, so the proxy's configuration says what it writes
CALL = '{"name": "Bash", "arguments": {"command": "echo from $((40 + 2))", "description": "Say it"}}'
OPTIONS = ["--model", MODEL, "--allowedTools", "Bash"]


def test_thinking_and_calls_in_text(claude: ClaudeCode, backend: FakeBackend) -> None:
    thought = f"I could write <tool_call>{CALL}."
    backend.script(
        answer(f"<think>\n{thought}\n</think>\n\nI ask the shell.\n<tool_call>\n{CALL}\n</tool_call>"),
        answer("<think>\nSo.\n</think>\n\nIt is 42, as <think> tells."),
    )
    run = claude.run("What is it?", options=OPTIONS)
    assert (run.exit_code, run.text) == (0, "It is 42, as <think> tells.")
    assert [block["thinking"] for block in run.blocks("assistant", "thinking")] == [thought, "So."]
    [called] = run.blocks("assistant", "tool_use")
    assert called["input"] == {"command": "echo from $((40 + 2))", "description": "Say it"}
    [_, second] = backend.received
    assert second.last("tool") == {"role": "tool", "tool_call_id": called["id"], "content": "from 42"}


def test_a_call_that_was_cut_does_not_run(claude: ClaudeCode, backend: FakeBackend) -> None:
    backend.script(answer(f"I ask.\n<tool_call>\n{CALL[:60]}"))
    run = claude.run("What is it?", options=OPTIONS)
    assert run.text == f"I ask.\n<tool_call>\n{CALL[:60]}"
    assert run.blocks("assistant", "tool_use") == []
