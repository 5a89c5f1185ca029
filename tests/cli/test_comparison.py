"""Answers side by side: a column each, and nothing in it that could move the terminal."""

import io
import json

from rich.console import Console

from addon.cli import comparison
from addon.cli.asking import Outcome
from addon.prompts.answer import Answer, Call

THEN = Outcome(
    target="anthropic",
    answer=Answer(text="It is blue.", stop_reason="end_turn"),
    status=200,
    id="1",
    first_ms=1_204,
    total_ms=2_500,
    prompt_tokens=12_345,
    output_tokens=6,
    dollars=0.1234,
    is_logged=True,
)
CALLING = Outcome(
    target="vllm/qwen\x1b[31m",
    answer=Answer(
        text="[bold]I look\x1b[2J.",
        thinking="Hm.",
        calls=(Call("c", "Bash", {"command": "ls\n"}), Call("d", "Read", '{"file', whole=False)),
        stop_reason="tool_use",
    ),
    status=200,
    total_ms=900,
    output_tokens=3,
)
FAILED = Outcome(target="groq/x", answer=Answer(error="there is no key\nfor groq"), status=403)
SILENT = Outcome(target="xai/x", answer=Answer(error="the connection failed"))


def printed(*outcomes: Outcome, width: int = 200) -> str:
    console = Console(width=width, file=io.StringIO())
    comparison.show(outcomes, console)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def row(text: str, title: str) -> list[str]:
    (line,) = [line for line in text.splitlines() if line.startswith(f"│ {title} ")]
    return [cell.strip() for cell in line.strip("│").split("│")][1:]


def test_each_answer_is_a_column() -> None:
    told = printed(THEN, CALLING, FAILED)
    assert row(told, "end") == ["end_turn", "tool_use", "failed: there is no key for groq"]
    assert row(told, "text") == ["It is blue.", "[bold]I look␛[2J.", ""]
    assert row(told, "tokens") == ["12,345 in, 6 out", "unknown in, 3 out", ""]
    assert row(told, "price") == ["$0.123", "unknown", ""]
    assert row(told, "time") == ["first word 1.20 s, all 2.50 s", "all 0.90 s", ""]
    assert row(told, "calls") == ["", 'Bash {"command": "ls\\n"}', ""]
    assert 'Read {"file' in told
    assert "then: anthropic" in told
    assert "vllm/qwen␛[31m" in told
    assert "\x1b" not in told


def test_what_none_of_them_has_is_no_row() -> None:
    told = printed(SILENT)
    assert row(told, "end") == ["failed: the connection failed"]
    assert "calls" not in told
    assert "time" not in told


def test_programs_get_all_of_it() -> None:
    then, calling = json.loads(json.dumps(comparison.as_json([THEN, CALLING])))
    assert then == {
        "target": "anthropic",
        "logged": True,
        "id": "1",
        "status": 200,
        "stop_reason": "end_turn",
        "error": None,
        "text": "It is blue.",
        "thinking": "",
        "calls": [],
        "prompt_tokens": 12_345,
        "output_tokens": 6,
        "dollars": 0.1234,
        "first_content_ms": 1_204,
        "total_ms": 2_500,
    }
    assert calling["calls"] == [
        {"name": "Bash", "arguments": {"command": "ls\n"}},
        {"name": "Read", "arguments": '{"file'},
    ]
