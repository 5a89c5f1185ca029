"""What is odd in settings that are right: each oddity is a sentence, and what is as it should be is none."""

from collections.abc import Mapping
from datetime import date
from typing import Any

import pytest

from addon.settings.assembly import Configuration, configure
from addon.settings.document import Document

TODAY = date(2026, 11, 27)


def place(path: tuple[str | int, ...]) -> str:
    return f"at {'.'.join(map(str, path))}"


def configuration(written: Mapping[str, Any], today: date | None = None) -> Configuration:
    keys = {"DEEPSEEK_API_KEY": "k", "OPENAI_API_KEY": "k", "GEMINI_API_KEY": "k"}
    return configure(Document.model_validate(written), keys, place, today=today)


ALL, NAMED = {"name": "all", "to": "vllm/a"}, {"name": "named", "when": {"model": "vllm/*"}, "to": "vllm/b"}
NO = {"name": "no", "block": "no"}
LATE = {"name": "late", "when": {"kind": "title"}, "to": "vllm/c"}
UNREACHABLE = [
    ([LATE, ALL], []),
    ([ALL, LATE], ["late (at routes.1) is never asked: all (at routes.0) before it has no condition"]),
    ([ALL, LATE, ALL], ["late (at routes.1)", "all (at routes.2)"]),
    ([ALL, NAMED], []),  # for calls that name the model themselves
    ([ALL, NO], []),
    ([NO, NAMED], ["named (at routes.1) is never asked: no (at routes.0) before it has no condition"]),
]


@pytest.mark.parametrize(("routes", "told"), UNREACHABLE)
def test_a_rule_that_is_never_asked_is_warned_of(routes: list[dict[str, Any]], told: list[str]) -> None:
    warnings = configuration({"routes": routes}).settings().warnings
    assert len(warnings) == len(told)
    assert all(warning.startswith(start) for warning, start in zip(warnings, told, strict=True))


def test_a_preset_may_close_the_files_rules() -> None:
    written = {"preset": "p", "presets": {"p": {"routes": [ALL]}}, "routes": [LATE]}
    (told,) = configuration(written).settings().warnings
    assert told == "late (at routes.0) is never asked: all (at presets.p.routes.0) before it has no condition"


UNSCALED = "report_window of {} has no effect: nobody knows its window; say `window` beside it"


@pytest.mark.parametrize(
    ("model", "facts", "told"),
    [
        ("ollama/own", {"report_window": 100_000}, [UNSCALED.format("ollama/own")]),
        ("ollama/own", {"report_window": 100_000, "window": 8_192}, []),
        ("ollama/own", {"window": 8_192}, []),
        ("openai/gpt-4.1", {"report_window": 100_000}, []),  # litellm knows its window
    ],
)
def test_a_window_to_report_needs_one_to_measure_by(model: str, facts: dict[str, int], told: list[str]) -> None:
    assert list(configuration({"models": {model: facts}}).settings().warnings) == told


BLIND = "gemini/gemini-2.5-pro-preview-tts"  # speaks, and calls no tools; it ended in November 2026
TOOLLESS = "calls no tools as far as is known, and Claude Code works by them: choose another, or say `tools: true`"
MINE = {"vllm/mine": {"tools": False}}
WITHOUT_TOOLS: list[tuple[dict[str, Any], list[str]]] = [
    ({"big": BLIND}, [f"{BLIND} {TOOLLESS}"]),
    ({"big": BLIND, "models": {BLIND: {"tools": True}}}, []),
    ({"big": ["openai/gpt-5.5", "vllm/mine"], "models": MINE}, [f"vllm/mine {TOOLLESS}"]),
    ({"routes": [{"when": {"model": "claude-*"}, "to": "vllm/mine"}], "models": MINE}, [f"vllm/mine {TOOLLESS}"]),
    ({"routes": [{"when": {"kind": "title"}, "to": "vllm/mine"}], "models": MINE}, []),
    ({"models": {**MINE, "fast": "vllm/mine"}}, []),
    ({"big": "vllm/unheard-of"}, []),
    ({"routes": [{"when": {"model": "x/*"}, "to": "openai/*"}], "small": "anthropic"}, []),
]


@pytest.mark.parametrize(("written", "told"), WITHOUT_TOOLS)
def test_a_model_without_tools_that_holds_a_conversation_is_warned_of(written: dict[str, Any], told: list[str]) -> None:
    found = configuration(written).settings().warnings
    assert [warning[: len(start)] for warning, start in zip(found, told, strict=True)] == told


ENDED = "deepseek/deepseek-chat was shut down on 2026-07-24 as far as is known: choose another (`detour models`)"
MODELS: list[tuple[dict[str, Any], date | None, list[str]]] = [
    ({"big": "deepseek/deepseek-chat"}, TODAY, [ENDED]),
    ({"big": "deepseek/deepseek-chat"}, date(2026, 7, 23), []),
    ({"big": "deepseek/deepseek-chat"}, None, []),
    ({"models": {"fast": "deepseek/deepseek-chat"}}, TODAY, [ENDED]),
    ({"big": "deepseek/deepseek-chat", "models": {"deepseek/deepseek-chat": {"ended": False}}}, TODAY, []),
    ({"big": "vllm/m", "models": {"vllm/m": {"ended": True}}}, TODAY, ["vllm/m was shut down"]),
    ({"big": "deepseek/deepseek-v4-pro"}, TODAY, []),
    # a gateway may call a model of its own so
    ({"big": "mine/deepseek-chat", "backends": {"mine": {"like": "deepseek", "address": "http://box/v1"}}}, TODAY, []),
]


@pytest.mark.parametrize(("written", "today", "told"), MODELS)
def test_a_model_that_has_ended_is_warned_of(written: dict[str, Any], today: date | None, told: list[str]) -> None:
    found = configuration(written, today).settings().warnings
    assert [warning[: len(start)] for warning, start in zip(found, told, strict=True)] == told
