"""`detour usage`: what it prints, for people and for programs."""

import csv
import io
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner

from addon.cli import usage as command
from addon.cli.app import app
from addon.prompts import usage
from addon.prompts.entry import Entry, Summary
from addon.prompts.log.statements import FILE
from addon.prompts.log.writer import Writer
from addon.prompts.usage import By
from addon.protocol.errors import ConfigError
from tests.prompts.log.plain import Plain

SESSION = "0123456789abcdef0123456789abcdef"
NOW = datetime.now(UTC).timestamp()
KNOWN = Summary(
    id="a",
    at=NOW,
    session=SESSION,
    kind="main",
    asked="claude-opus-x",
    route="anthropic",
    status=200,
    stop_reason="end_turn",
    first_content_ms=1_200,
    total_ms=9_000,
    input_tokens=1_000,
    cache_read_tokens=98_000,
    cache_write_tokens=1_000,
    output_tokens=500,
    reasoning_tokens=200,
    dollars=12.3,
)
UNKNOWN = replace(KNOWN, id="b", route="openai/gpt-x", dollars=None)
CHEAP = replace(KNOWN, id="c", route="ollama/small", dollars=0.0042, status=500, error="broken")


def printed(summaries: list[Summary], by: By = By.MODEL, *, chart: bool = False, width: int = 80) -> str:
    console = Console(width=width, file=io.StringIO())
    command.show(usage.report(summaries, by, UTC), console, chart=chart)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def row(text: str, name: str) -> list[str]:
    """The cells of the row that begins with ``name``."""
    (line,) = [line for line in text.splitlines() if line.startswith(name)]
    return [cell.strip() for cell in line.split("  ") if cell.strip()]


def test_a_table_tells_what_people_ask_for() -> None:
    text = printed([KNOWN, UNKNOWN, CHEAP])
    assert row(text, "model") == ["model", "calls", "failed", "prompt", "hits", "output", "cost", "first"]
    assert row(text, "anthropic") == ["anthropic/claude-opus-x", "1", "100k", "98%", "500", "$12.30", "1.2/1.2"]
    assert row(text, "ollama") == ["ollama/small", "1", "1", "100k", "98%", "500", "$0.0042", "1.2/1.2"]
    assert row(text, "openai") == ["openai/gpt-x", "1", "100k", "98%", "500", "unknown", "1.2/1.2"]
    assert row(text, "all") == ["all", "3", "1", "300k", "98%", "1.5k", "$12.30 +?", "1.2/1.2"]
    assert "1 call has no known price" in text
    assert max(map(len, text.splitlines())) <= 80


def test_a_wide_terminal_shows_every_column() -> None:
    wide = row(printed([KNOWN], width=140), "anthropic")
    assert wide == ["anthropic/claude-opus-x", "1", "100k", "1.0k", "98.0k", "1.0k", "98%", "500", "200", "$12.30",
                    "1.2/1.2", "9.0/9.0"]  # fmt: skip


def test_a_single_row_needs_no_sum_and_no_column_of_failures() -> None:
    text = printed([KNOWN])
    assert "all" not in text.split()
    assert "failed" not in text


def test_sessions_are_short_where_there_is_no_room() -> None:
    assert SESSION not in printed([KNOWN], By.SESSION)
    assert SESSION[:8] in printed([KNOWN], By.SESSION)
    assert SESSION in printed([KNOWN], By.SESSION, width=140)
    assert "no session" in printed([replace(KNOWN, session=None)], By.SESSION)


def test_a_long_name_gives_way_and_no_number_does() -> None:
    text = printed([replace(CHEAP, route="openrouter/" + "m" * 90)])
    assert row(text, "openrouter")[0].endswith("…")
    assert "$0.0042" in text


def test_a_chart_has_a_bar_for_what_is_known() -> None:
    lines = printed([KNOWN, UNKNOWN, replace(KNOWN, route="a/half", dollars=6.15)], chart=True).splitlines()
    lines = lines[lines.index(next(line for line in lines if line.strip() == "cost")) :]
    bars = {line.split()[0]: line.count("█") for line in lines if "/" in line}
    assert bars["openai/gpt-x"] == 0
    assert bars["anthropic/claude-opus-x"] == pytest.approx(2 * bars["a/half"], abs=1)
    assert bars["a/half"] > 10


def test_without_any_price_the_bars_are_tokens() -> None:
    text = printed([UNKNOWN, replace(UNKNOWN, route="b/none", input_tokens=0, cache_read_tokens=0)], chart=True)
    assert "tokens" in text
    assert "100k" in text
    assert "█" in text


def test_what_detour_made_itself_stands_below() -> None:
    text = printed([KNOWN, replace(CHEAP, origin="replay"), *[replace(UNKNOWN, origin="shadow")] * 2])
    assert "Replays, not in the table: 1 call, $0.0042." in text
    assert "Shadows, not in the table: 2 calls, unknown." in text


def test_an_empty_log_is_said() -> None:
    assert printed([], chart=True) == "No call to a model is in the log for this time.\n"


def test_names_cannot_move_the_cursor_or_style_the_table() -> None:
    text = printed([replace(KNOWN, route="evil/\x1b[2Jx\n[red]y")])
    assert "evil/␛[2Jx [red]y" in text


@pytest.mark.parametrize(
    ("tokens", "text"),
    [(0, "0"), (950, "950"), (1_000, "1.0k"), (12_345, "12.3k"), (151_000, "151k"), (1_234_567, "1.2M")],
)
def test_tokens_are_written_short(tokens: int, text: str) -> None:
    assert command.count(tokens) == text


# -- for programs


def test_csv_has_raw_numbers_and_leaves_the_unknown_empty() -> None:
    report = usage.report([KNOWN, UNKNOWN, replace(CHEAP, route="=cmd|x")], By.MODEL, UTC)
    rows = {each["model"]: each for each in csv.DictReader(io.StringIO(command.as_csv(report)))}
    assert rows["anthropic/claude-opus-x"]["dollars"] == "12.3"
    assert rows["anthropic/claude-opus-x"]["cache_read_tokens"] == "98000"
    assert (rows["openai/gpt-x"]["dollars"], rows["openai/gpt-x"]["unpriced"]) == ("", "1")
    assert "'=cmd|x" in rows  # no formula


def test_json_has_everything() -> None:
    told = command.as_json(usage.report([KNOWN, replace(CHEAP, origin="replay")], By.DAY, UTC))
    assert json.loads(json.dumps(told)) == told
    assert told["by"] == "day"
    assert list(told) == ["by", "rows", "total", "replays", "shadows"]


# -- the command


@pytest.fixture
def _log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DETOUR_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    writer = Writer(tmp_path / "home" / FILE, Plain())
    old = NOW - timedelta(days=9).total_seconds()
    for summary in (KNOWN, UNKNOWN, replace(CHEAP, at=old)):
        writer.add(Entry(summary=summary))
    writer.close()


def run(*arguments: str) -> str:
    result = CliRunner().invoke(app, ["usage", *arguments])
    assert result.exit_code == 0, result.output
    return result.output


@pytest.mark.usefixtures("_log")
def test_the_log_is_summed_up() -> None:
    assert row(run(), "all")[0] == "all"
    assert len(json.loads(run("--by", "day", "--format", "json"))["rows"]) == 2
    assert len(json.loads(run("--by", "day", "--format", "json", "--since", "7d"))["rows"]) == 1
    assert run("--format", "csv", "--by", "kind").splitlines()[1].startswith("main,3,1,")
    assert "█" in run("--chart")


@pytest.mark.usefixtures("_log")
def test_a_time_that_is_none_is_refused() -> None:
    result = CliRunner().invoke(app, ["usage", "--since", "yesterday"])
    assert isinstance(result.exception, ConfigError)


def test_without_a_log_it_says_how_one_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DETOUR_HOME", str(tmp_path))
    result = CliRunner().invoke(app, ["usage"])
    assert isinstance(result.exception, ConfigError)
    assert "no prompt log" in result.exception.message
