import stat
from pathlib import Path

import pytest

from addon.cli import checkup_client as checkup
from addon.cli.client_settings import SettingsFile
from addon.cli.finding import Finding, Level
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
