"""The environment and ``.env``: which wins, how a file may be written, and that nothing is left behind."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from addon.protocol.errors import ConfigError
from addon.routing.config import Tier
from addon.routing.settings import Settings
from addon.settings import settings_file
from addon.settings.environment import names


@pytest.fixture(autouse=True)
def _bare(monkeypatch: pytest.MonkeyPatch) -> None:
    known = set(names())
    for name in [name for name in os.environ if name.upper() in known]:
        monkeypatch.delenv(name)


FILES = [
    (b"SMALL_MODEL=vllm/x\n", "vllm/x"),
    (b"\xef\xbb\xbfSMALL_MODEL=vllm/x\n", "vllm/x"),
    (b"# mine\r\n\r\nSMALL_MODEL=vllm/x\r\nOTHER=1\r\n", "vllm/x"),
    (b"export SMALL_MODEL=vllm/x", "vllm/x"),
    (b"SMALL_MODEL='vllm/x'\n", "vllm/x"),
    (b'SMALL_MODEL = "vllm/x" # the small one\n', "vllm/x"),
    (b"small_model=vllm/x\n", "vllm/x"),
    ("SMALL_MODEL=vllm/größer\n".encode(), "vllm/größer"),
    (b"SMALL_MODEL=\n", None),
    (b"SMALL_MODEL\n", None),
    (b"", None),
]


@pytest.mark.parametrize(("content", "model"), FILES)
def test_a_file_may_be_written_in_every_usual_way(tmp_path: Path, content: bytes, model: str | None) -> None:
    (tmp_path / ".env").write_bytes(content)
    before = dict(os.environ)
    settings = settings_file.read(tmp_path).configuration.settings()
    assert {tier: choice.name for tier, choice in settings.tiers.items()} == ({Tier.HAIKU: model} if model else {})
    assert dict(os.environ) == before


def test_the_environment_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".env").write_text("SMALL_MODEL=vllm/file\nMIDDLE_MODEL=vllm/file\nBIG_MODEL=vllm/file\n", "utf-8")
    monkeypatch.setenv("SMALL_MODEL", "vllm/environment")
    monkeypatch.setenv("BIG_MODEL", "")  # empty: not set, whatever the file says
    tiers = settings_file.read(tmp_path).configuration.settings().tiers
    assert {str(tier): choice.name for tier, choice in tiers.items()} == {
        "sonnet": "vllm/file",
        "haiku": "vllm/environment",
    }


def test_another_folders_file_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".env").write_text("SMALL_MODEL=vllm/x\n", "utf-8")
    (tmp_path / "inside").mkdir()
    monkeypatch.chdir(tmp_path)
    assert settings_file.read(tmp_path / "inside").configuration.settings().tiers == {}


def test_a_file_that_cannot_be_read_is_a_mistake(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"SMALL_MODEL=\xff\xfe\n")
    with pytest.raises(ConfigError, match="cannot be read"):
        settings_file.read(tmp_path)


def test_a_mistake_in_the_file_is_told(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("SMALL_MODEL=nobody/x\n", "utf-8")
    with pytest.raises(ConfigError, match="SMALL_MODEL is 'nobody/x'"):
        settings_file.read(tmp_path).configuration.settings()


@pytest.mark.parametrize(
    ("platform", "environment", "folder"),
    [
        ("linux", {}, ".local/share/claude-detour"),
        ("linux", {"XDG_DATA_HOME": "/data"}, "/data/claude-detour"),
        ("darwin", {}, "Library/Application Support/claude-detour"),
        ("win32", {}, "AppData/Local/claude-detour"),
        ("win32", {"LOCALAPPDATA": "/local"}, "/local/claude-detour"),
    ],
)
def test_what_detour_writes_lies_where_the_platform_keeps_data(
    platform: str, environment: dict[str, str], folder: str
) -> None:
    assert settings_file.home_folder(Settings(), platform, environment) == Path.home() / folder


def test_the_home_may_be_chosen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DETOUR_HOME", "~/x")
    assert settings_file.home_folder(settings_file.read(tmp_path).configuration.base) == Path.home() / "x"
    (tmp_path / "file").touch()
    monkeypatch.setenv("DETOUR_HOME", str(tmp_path / "file"))
    with pytest.raises(ConfigError, match=r"DETOUR_HOME is '.*file', which is no folder"):
        settings_file.read(tmp_path)


def test_a_line_that_says_nothing_is_a_mistake(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("# ours\nSMALL_MODEL=vllm/x\nBIG_MODEL openai/gpt-5\n", "utf-8")
    with pytest.raises(ConfigError, match="line 3: write NAME=value"):
        settings_file.read(tmp_path)


@pytest.mark.parametrize("make", [os.mkdir, os.mkfifo])
def test_what_is_no_file_is_a_mistake(tmp_path: Path, make: Callable[[Path], None]) -> None:
    make(tmp_path / ".env")
    with pytest.raises(ConfigError, match="cannot be read"):
        settings_file.read(tmp_path)


def test_a_name_that_is_nearly_ours_is_asked_about(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / ".env").write_text("BIG_MODLE=vllm/x\nBIG_MODEL_NAME=x\nSMALL_MODEL=vllm/x\nOTHER=1\n", "utf-8")
    settings_file.read(tmp_path)
    assert [record.getMessage() for record in caplog.records] == [
        f"Detour: BIG_MODLE in {tmp_path / '.env'} is no setting; is BIG_MODEL meant?"
    ]
