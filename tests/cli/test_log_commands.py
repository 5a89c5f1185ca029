"""The flags of the commands that read the log, and that nothing is imported before one of them runs."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from addon.cli import log_commands
from tests.cli import logs
from tests.prompts.entries import recorded_session, routed

ROOT = Path(log_commands.__file__).parents[2]


@pytest.mark.parametrize("command", ["sessions", "show", "diff", "export", "scan"])
def test_each_has_help(command: str) -> None:
    assert logs.run(command, "--help").exit_code == 0


@pytest.mark.parametrize(
    "arguments",
    [("sessions", "--limit", "0"), ("show",), ("diff",), ("export", "x", "--format", "pdf"), ("show", "x", "--odd")],
)
def test_an_impossible_flag_is_a_usage_error(arguments: tuple[str, ...]) -> None:
    assert logs.run(*arguments).exit_code == 2


@pytest.mark.parametrize("command", ["sessions", "show last", "diff last", "export last", "scan"])
def test_without_a_log_each_says_how_to_make_one(command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DETOUR_HOME", str(tmp_path))
    assert logs.fault(*command.split()).startswith(f"There is no prompt log at {tmp_path}")


def test_nothing_that_reads_the_log_is_imported_before() -> None:
    script = "import sys, addon.cli.app; print([n for n in sys.modules if n.split('.')[0] in ('sqlalchemy', 'jinja2')])"
    result = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert result.stdout == "[]\n"


PAGE = (ROOT / "docs" / "reading.md").read_text(encoding="utf-8")
EXAMPLES = [
    example
    for example in re.findall(r"^(```+)console\n\$ detour (.*?)\n(.*?)\n\1$", PAGE, re.MULTILINE | re.DOTALL)
    if example[1].split()[0] != "read"  # it serves until it is ended; see test_read
]


@pytest.mark.parametrize(("command", "shown"), [example[1:] for example in EXAMPLES])
def test_the_page_shows_what_the_commands_print(
    command: str, shown: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    logs.use(monkeypatch, tmp_path, [*recorded_session(), routed("openai_chat/plain_text")])
    monkeypatch.setenv("COLUMNS", "100")
    told = "\n".join(line.rstrip() for line in logs.printed(*command.split()).strip("\n").split("\n"))
    pattern = "(?s:.*)".join(map(re.escape, shown.split("…")))
    assert re.fullmatch(pattern, told), told


def test_every_command_is_shown() -> None:
    assert [example[1].split()[0] for example in EXAMPLES] == ["sessions", "show", "show", "diff", "export"]
