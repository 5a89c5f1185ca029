import stat
from pathlib import Path

import pytest

from addon.cli import checkup_client as checkup
from addon.cli.client_settings import SettingsFile
from addon.cli.finding import Finding, Level
from addon.protocol.errors import ConfigError
from addon.routing.settings import Settings
from addon.settings.assembly import configure
from addon.settings.document import Document
from tests.cli.machines import levels, machine

OK, WARN, FAIL = Level.OK, Level.WARN, Level.FAIL


def client(folder: Path, script: str) -> dict[str, str]:
    path = folder / "claude"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(stat.S_IRWXU)
    return {"PATH": f"{folder}:/usr/bin:/bin"}


def test_the_client_says_its_version(tmp_path: Path) -> None:
    here = machine(tmp_path, client(tmp_path, '[ "$1" = --version ] && echo "2.1.329 (Claude Code)"'))
    assert list(checkup.program(here)) == [Finding(OK, f"{tmp_path}/claude, 2.1.329 (Claude Code)")]


@pytest.mark.parametrize("script", ["exit 1", "printf '\\377'", "exec sleep 60"])
def test_a_client_that_says_nothing_is_broken(tmp_path: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if "sleep" in script:
        monkeypatch.setattr(checkup, "ASKING_S", 0.05)
    assert levels(checkup.program(machine(tmp_path, client(tmp_path, script)))) == [FAIL]


def test_without_a_client_the_way_to_one_is_told(tmp_path: Path) -> None:
    [finding] = checkup.program(machine(tmp_path, {"PATH": str(tmp_path)}))
    assert finding.level is WARN
    assert finding.remedy == "install it with `npm install -g @anthropic-ai/claude-code`, or name it in DETOUR_CLAUDE"


def test_what_a_settings_file_decides_is_told_by_name_alone(tmp_path: Path) -> None:
    path, secret = Path("/settings.json"), "sk-ant-secret"
    env = {"ANTHROPIC_API_KEY": secret, "CLAUDE_CODE_USE_BEDROCK": "1", "EDITOR": "vi"}
    files = (SettingsFile(path, env=env, has_key_helper=True), SettingsFile(path, problem="it is no JSON object"))
    findings = list(checkup.overrides(machine(tmp_path, files=files)))
    assert [finding.level for finding in findings] == [WARN, FAIL, OK, FAIL]
    assert findings[0].what == "ANTHROPIC_API_KEY in /settings.json wins over the environment"
    assert "detour claude" in findings[0].remedy
    assert secret not in str(findings)


def test_a_managed_settings_file_is_not_the_users_to_change(tmp_path: Path) -> None:
    files = (SettingsFile(Path("/managed.json"), managed=True, env={"HTTPS_PROXY": "http://a"}),)
    [finding] = checkup.overrides(machine(tmp_path, files=files))
    assert finding.remedy == "ask who manages this machine"


def test_settings_files_that_decide_nothing_are_fine(tmp_path: Path) -> None:
    files = (SettingsFile(Path("/settings.json"), env={"EDITOR": "vi"}),)
    assert levels(checkup.overrides(machine(tmp_path, files=files))) == [OK]


def test_what_leads_past_both_doors_is_told(tmp_path: Path) -> None:
    assert levels(checkup.bypasses(machine(tmp_path, {"CLAUDE_CODE_USE_VERTEX": ""}))) == [OK]
    assert levels(checkup.bypasses(machine(tmp_path, {"CLAUDE_CODE_USE_VERTEX": "1"}))) == [WARN]


def windowed(**models: int) -> Settings:
    """Settings where ollama/a answers Opus and ollama/b Sonnet."""
    facts = {f"ollama/{name}": {"window": window} for name, window in models.items()}
    written = Document.model_validate({"big": "ollama/a", "middle": "ollama/b", "models": facts})
    return configure(written, {}, lambda path: "detour.yaml").settings()


WINDOW, SHARE = "CLAUDE_CODE_AUTO_COMPACT_WINDOW", "CLAUDE_AUTOCOMPACT_PCT_OVERRIDE"
WINDOWS: list[tuple[dict[str, int], dict[str, str], list[Level], str]] = [
    ({"a": 2_000_000, "b": 1_000_000}, {}, [OK], "Claude Code compacts before any window that is known is full"),
    (
        {"a": 131_072, "b": 1_000_000},
        {},
        [WARN],
        "ollama/a takes 131,072 tokens, and a client started without Detour compacts at 967,000",
    ),
    (
        {"a": 131_072, "b": 1_000_000},
        {WINDOW: "131072"},
        [OK],
        "ollama/a takes 131,072 tokens, and Claude Code compacts at 98,072",
    ),
    (
        {"a": 131_072, "b": 65_536},
        {WINDOW: "100000", SHARE: "50"},
        [OK],
        "ollama/b takes 65,536 tokens, and Claude Code compacts at 40,000",
    ),
    (
        {"a": 8_192, "b": 65_536},
        {},
        [WARN],
        "ollama/a takes 8,192 tokens, and Claude Code's own prompt 13,000 and more",
    ),
    ({"b": 1_000_000}, {}, [WARN, OK], "nobody knows the window of ollama/a"),
]


@pytest.mark.parametrize(("models", "known", "found", "what"), WINDOWS)
def test_whether_a_client_compacts_in_time_is_told(
    tmp_path: Path, models: dict[str, int], known: dict[str, str], found: list[Level], what: str
) -> None:
    findings = list(checkup.windows(machine(tmp_path, known, settings=windowed(**models))))
    assert levels(findings) == found
    assert findings[0].what == what


def test_settings_that_are_wrong_say_nothing_of_windows(tmp_path: Path) -> None:
    assert list(checkup.windows(machine(tmp_path, settings=ConfigError("no")))) == []
