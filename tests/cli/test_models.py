"""`detour models`: a table for people that holds at every width, everything for pipes, JSON for programs."""

import json
import time
from datetime import date
from pathlib import Path

import pytest
from typer.testing import CliRunner

from addon.cli import models
from addon.cli.app import app
from addon.cli.offers import Offer
from addon.routing.config import Choice
from addon.routing.facts import ModelFacts, Price
from addon.settings.environment import names

TODAY = date(2026, 11, 27)


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in (*names(), "COLUMNS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DETOUR_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


def call(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["models", *arguments], catch_exceptions=True)
    return result.exit_code, result.stdout, result.stderr


def test_without_a_word_those_that_can_be_asked_are_listed_and_the_way_to_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XAI_API_KEY", "k")
    Path("detour.yaml").write_text("big: xai/grok-4.7\n")
    code, told, said = call()
    assert (code, said) == (0, "")
    first, second = told.splitlines()[:2]
    assert first.split() == ["model", "window", "output", "in", "out", "cached", "can"]
    assert second.split() == ["*", "xai/grok-4.7", "500k", "500k", "2", "6", "0.5", "TRV.S", "opus,", "sonnet"]
    assert "\n+  anthropic/claude-opus-5-5 " in told
    assert "openai/" not in told
    assert "models: those of providers whose key or address is set here. `detour models WORD` searches all" in told
    assert len(call("--all")[1].splitlines()) > 2_000


def test_words_and_flags_narrow_it_down() -> None:
    told = call("grok", "--provider", "xai", "--vision", "--tools", "--min-window", "400k", "--max-price", "2")[1]
    rows = told.splitlines()[1:-2]
    assert rows
    assert all(" xai/grok" in row for row in rows)
    assert call("no", "such", "model")[1].startswith("None of the ")


def test_programs_get_every_fact_and_null_where_nothing_is_known() -> None:
    (found,) = json.loads(call("gemini/gemini-2.5-pro", "--min-window", "1m", "--json")[1])
    assert found["target"] == "gemini/gemini-2.5-pro"
    assert (found["window"], found["output"], found["price"]["long"]["input"]) == (1_048_576, 65_536, 2.5)
    assert (found["tools"], found["mode"], found["ends"], found["usable"]) == (True, "chat", None, False)


def test_a_mistake_in_the_settings_does_not_hide_the_models() -> None:
    Path("detour.yaml").write_text("big: gemini2.5-pro\n")
    code, told, said = call("gemini-2.5-pro")
    assert code == 0
    assert "gemini/gemini-2.5-pro" in told
    assert "these are the models without your settings: big (detour.yaml, line 1) is 'gemini2.5-pro', but" in said
    Path("detour.yaml").write_text("bug: x\n")
    assert "gemini/gemini-2.5-pro" in call("gemini-2.5-pro")[1]


@pytest.mark.parametrize("arguments", [["--provider", "nobody"], ["--min-window", "large"]])
def test_a_flag_that_means_nothing_is_refused(arguments: list[str]) -> None:
    assert call(*arguments)[0] == 1


@pytest.mark.parametrize("columns", [80, 120])
def test_the_table_fits_its_terminal_and_names_are_whole(columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    from rich.console import Console

    from addon.cli import printing

    made = Console(
        width=columns, force_terminal=True, color_system=None, markup=False, highlight=False, _environ={"TERM": "xterm"}
    )
    monkeypatch.setattr(printing, "console", lambda: made)
    with made.capture() as capture:
        ended = ModelFacts(tools=False, ends=TODAY)
        busy = Offer(Choice("xai", "grok-8"), ended, ("opus", "sonnet (fallback)", "rule of a long name", "alias fast"))
        models.show([offer("fireworks", f"accounts/fireworks/models/{'x' * 40}"), offer("xai", "grok-9"), busy], TODAY)
    told = capture.get()
    assert f"fireworks/accounts/fireworks/models/{'x' * 40}" in told
    assert ("output" in told) == (columns >= printing.WIDE)
    assert all(len(line) <= columns for line in told.splitlines())


def offer(provider: str, model: str, facts: ModelFacts = ModelFacts()) -> Offer:  # noqa: B008 - it is frozen
    return Offer(Choice(provider, model), facts)


REMARKS = [
    (ModelFacts(ends=date(2026, 7, 24)), "ended 2026-07-24"),
    (ModelFacts(ends=date(2026, 12, 11)), "ends 2026-12-11"),
    (ModelFacts(tools=False), "no tools: not for Claude Code"),
    (ModelFacts(), ""),
]


@pytest.mark.parametrize(("facts", "remark"), REMARKS)
def test_what_one_should_know_stands_beside_it(facts: ModelFacts, remark: str) -> None:
    assert models.cells(offer("a", "b", facts), TODAY)[-1] == remark


def test_numbers_are_short_and_what_is_unknown_is_nothing() -> None:
    facts = ModelFacts(1_048_576, 8_192, Price(0.0, 12.5), tools=True, vision=False)
    assert models.cells(offer("a", "b", facts), TODAY)[2:8] == ("1.05M", "8k", "0", "12.5", "", "T.-..")
    assert [models.tokens(count) for count in (None, 950, 131_072, 2_000_000)] == ["", "950", "131k", "2M"]


def test_all_of_it_takes_less_than_a_second_of_work() -> None:
    before = time.process_time()
    call("--all")
    assert time.process_time() - before < 1.0  # 0.2 s on a machine of 2026
