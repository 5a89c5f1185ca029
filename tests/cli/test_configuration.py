"""`detour config`: a first file, what is in force and why, what is wrong, and no secret anywhere."""

import json
from pathlib import Path

import pytest

from addon.cli import configuration
from addon.protocol.errors import ConfigError
from addon.settings import state_file
from addon.settings.switch import Switch

KEY = "sk-configuration-secret"
DOCUMENT = f"""
big: gpu/x
backends:
  gpu: {{address: http://gpu:8000/v1, credential: {KEY}}}
presets:
  mine: {{big: ollama/x}}
  broken: {{big: groq/x}}
routes:
  - {{name: titles, when: {{kind: title}}, block: "no"}}
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("BIG_MODEL", "MIDDLE_MODEL", "SMALL_MODEL", "DETOUR_CONFIG", "GROQ_API_KEY", "OPENAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DETOUR_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_first_file_is_written_once_and_is_right(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    configuration.init(user=False, force=False)
    written = (folder / "detour.yaml").read_text()
    schema = Path(written.splitlines()[0].partition("$schema=")[2])
    assert json.loads(schema.read_text())["title"] == "detour.yaml"
    configuration.check(None)
    assert "all right, 0 routes" in capsys.readouterr().out
    with pytest.raises(ConfigError, match="is there already; --force writes over it"):
        configuration.init(user=False, force=False)
    configuration.init(user=False, force=True)


def test_everything_in_the_first_file_works_when_it_is_taken_out_of_its_comment(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("OPENAI_API_KEY", "DEEPSEEK_API_KEY", "GEMINI_API_KEY", "ZAI_API_KEY", "GPU_KEY"):
        monkeypatch.setenv(name, "sk-0123456789abcdef")
    configuration.init(user=False, force=False)
    lines = (folder / "detour.yaml").read_text().splitlines()
    shown = [line[2:] if line.startswith(("# big:", "# middle:", "# small:", "# preset:")) else line for line in lines]
    shown = [" " + line[1:] if line.startswith("#  ") else line for line in shown]
    (folder / "detour.yaml").write_text("\n".join(shown))
    configuration.check(None)
    assert capsys.readouterr().out.endswith("all right, 4 routes\n")


def test_the_users_own_file_lies_with_the_users_configuration(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    configuration.init(user=True, force=False)
    configuration.show(None, as_json=False)
    assert str(folder / "config" / "claude-detour" / "detour.yaml") in capsys.readouterr().out


def test_what_is_in_force_is_shown_with_its_origin_and_without_a_key(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "detour.yaml").write_text(DOCUMENT)
    configuration.show(None, as_json=False)
    shown = capsys.readouterr().out
    assert KEY not in shown
    rows = [" ".join(line.split()) for line in shown.splitlines()]
    assert "opus gpu/x big (detour.yaml, line 2)" in rows
    assert "rule 1 titles: the kind is title → blocked: no detour.yaml, line 9" in rows
    configuration.show(None, as_json=True)
    listed = json.loads(capsys.readouterr().out)
    assert {"name": "backends.gpu.address", "value": "http://gpu:8000/v1", "origin": "detour.yaml, line 4"} in listed
    assert KEY not in json.dumps(listed)


def test_what_was_chosen_while_running_is_shown_and_said(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "detour.yaml").write_text(DOCUMENT)
    state_file.write(folder / "home", Switch(preset="mine"), {"preset": ""})
    configuration.show(None, as_json=False)
    rows = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert "preset mine chosen while running" in rows
    configuration.check(None)
    told = capsys.readouterr().out
    assert "note: something else was chosen while running" in told
    assert (
        "warning: the preset broken cannot be used: big (detour.yaml, line 7) is 'groq/x', but there is no key" in told
    )


def test_what_is_wrong_is_told_with_its_line(folder: Path) -> None:
    (folder / "mine.yaml").write_text("bigg: x\nroutes:\n- {when: {kin: main}, to: x}\n")
    with pytest.raises(ConfigError) as caught:
        configuration.check("mine.yaml")
    assert caught.value.message.splitlines() == [
        "mine.yaml, line 3: routes.0.when.kin: there is no such key, is kind meant?",
        "mine.yaml, line 1: bigg: there is no such key, is big meant?",
    ]


def test_settings_without_effect_are_told(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "detour.yaml").write_text("streaming: {ping: 400s}\n")
    configuration.check(None)
    assert "warning: detour.yaml, line 1: streaming.ping is 400 s" in capsys.readouterr().out


def test_the_schema_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    configuration.schema()
    assert json.loads(capsys.readouterr().out)["title"] == "detour.yaml"
