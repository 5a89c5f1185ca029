"""`detour check`: who is asked, for what, and what is said before. With its own proxy: end_to_end/test_check.py."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from addon.cli import check
from addon.cli.app import app
from addon.protocol.errors import ConfigError
from addon.routing.config import Choice
from addon.routing.settings import Settings
from addon.settings import assembly, document_text
from addon.settings.environment import names
from tests.cli.door import Said, opened
from tests.prompts.entries import stream

CALLS = stream({"type": "tool_use", "id": "1", "name": "weather", "input": {"city": "Paris"}})
WORDS = stream({"type": "text", "text": "Rain"})


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in names():
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DETOUR_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setattr(check, "WRITTEN_S", 0.0)


def through(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    @contextmanager
    def door(home: Path) -> Iterator[str]:
        yield url

    monkeypatch.setattr(check, "_door", door)


def call(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["check", *arguments], catch_exceptions=False)
    return result.exit_code, result.stdout, result.stderr


def settings(text: str, **values: str) -> Settings:
    document, place, _ = document_text.parse(text, "detour.yaml")
    return assembly.configure(document, values, place).settings()


def test_every_target_is_asked_once_and_what_cannot_be_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("detour.yaml").write_text(
        "big: [vllm/one, groq/none]\nsmall: anthropic\nroutes: [{when: {kind: title}, to: [vllm/one, vllm/two]}]\n"
        "models: {vllm/one: {price: {input: 10, output: 20}}}\n"
    )
    with opened({"vllm/one": Said((CALLS,)), "vllm/two": Said((WORDS,))}) as door:
        through(monkeypatch, door.url)
        code, told, said = call()
    assert code == 1
    assert said.strip() == (
        "detour: asking 2 models for a tool call each, at most $0.045, 1 of them at a price that nobody knows"
    )
    assert "groq/none: it is not asked: there is no key for groq: set GROQ_API_KEY." in told
    assert "vllm/two: it made no tool call: it said 'Rain'" in told
    asked = [(headers["x-detour-target"], json.loads(body)) for _, headers, body in door.asked]
    assert sorted(target for target, _ in asked) == ["vllm/one", "vllm/two", "vllm/two"]
    forced = [body for _, body in asked if "tool_choice" in body]
    assert [body["tool_choice"] for body in forced] == [{"type": "tool", "name": "weather"}]
    assert "x-detour-replay-of" not in door.asked[0][1]


def test_what_is_named_is_asked_and_must_be_there(monkeypatch: pytest.MonkeyPatch) -> None:
    with opened({"vllm/one": Said((CALLS,))}) as door:
        through(monkeypatch, door.url)
        assert call("vllm/one", "--json")[0] == 0
        code, told, _ = call("groq/none", "--json")
    assert (code, json.loads(told)[0]["works"]) == (1, False)
    with pytest.raises(ConfigError, match="there is no provider 'nobody'"):
        call("nobody/x")


def test_where_everything_passes_there_is_nobody_to_ask() -> None:
    with pytest.raises(ConfigError, match="no model is configured, so all passes to Anthropic; name one"):
        call()


def test_anthropic_without_a_key_of_its_own_is_not_asked_and_no_fault() -> None:
    code, told, _ = call("anthropic/claude-opus-5-5")
    assert code == 0
    assert "it is not asked: the client's own credential goes with no copy: set ANTHROPIC_API_KEY." in told


ASKED: list[tuple[str, str, bool, dict[str, Any]]] = [
    ("vllm", "m", False, {"thinking": {"type": "enabled", "budget_tokens": 1_024}, "output_config": {"effort": "low"}}),
    ("vllm", "m", True, {"tool_choice": {"type": "tool", "name": "weather"}}),
    ("vllm", "plain", False, {}),
    ("anthropic", "claude-opus-5-5", False, {}),
]


@pytest.mark.parametrize(("provider", "model", "must", "expected"), ASKED)
def test_a_question_is_what_claude_code_would_ask(
    provider: str, model: str, must: bool, expected: dict[str, Any]
) -> None:
    found = settings("models: {vllm/plain: {reasoning: false}}\n")
    body = json.loads(check.question(found, Choice(provider, model), 5.0, must=must).request.body)
    assert {name: body.get(name) for name in ("thinking", "output_config", "tool_choice")} == {
        **dict.fromkeys(("thinking", "output_config", "tool_choice")),
        **expected,
    }
    assert (body["stream"], body["max_tokens"]) == (True, 2_048)
