"""The environment and ``.env``: which wins, how a file may be written, and that nothing is left behind."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from addon.protocol.errors import ConfigError
from addon.routing.config import Logging, Tier
from addon.routing.settings import Settings
from addon.settings import document, settings_file
from addon.settings.environment import names
from addon.settings.settings_file import Reading, Unread
from tests.settings.env_outcomes import EXAMPLES, OUTCOMES, Answered


@pytest.fixture(autouse=True)
def _bare(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """No setting of the machine's, no file of its user, no key from another test."""
    known = set(names())
    for name in [name for name in os.environ if name.upper() in known]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path_factory.mktemp("home")))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)


def program(folder: Path, name: str, text: str) -> None:
    (folder / name).write_text(f"#!/bin/sh\n{text}\n", "utf-8")
    (folder / name).chmod(0o755)


@pytest.mark.parametrize("name", OUTCOMES)
def test_a_documented_example_of_another_proxy_runs_unchanged(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    program(tmp_path, "gcloud", "echo ya29.token")
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    (tmp_path / ".env").write_bytes((EXAMPLES / f"{name}.env").read_bytes())
    settings = settings_file.read(tmp_path).configuration.settings()
    found: list[Answered | None] = []
    for tier in Tier:
        answer = settings.tiers.get(tier)
        endpoint = settings.endpoints[answer.choices[0].provider] if answer is not None else None
        if answer is None or endpoint is None:
            found.append(None)
            continue
        assert endpoint.lack is None
        assert endpoint.credential.key or endpoint.credential.minting
        found.append(Answered(answer.name, endpoint.base_url or "", endpoint.credential.variable))
    assert tuple(found) == OUTCOMES[name]
    assert caplog.records == []
    assert settings.warnings == ()


def test_every_example_has_its_outcome() -> None:
    assert {path.stem for path in EXAMPLES.iterdir()} == set(OUTCOMES)


def test_the_forks_names_of_logging_are_read(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes((EXAMPLES / "freecc_readme_global.env").read_bytes())
    logging = settings_file.read(tmp_path).configuration.settings().logging
    assert logging == Logging("info", "debug", request_bodies=True, response_bodies=False)


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


# -- the document ------------------------------------------------------------------------------------------------------


def mistake(folder: Path, chosen: str | None = None) -> str:
    with pytest.raises(Unread) as caught:
        settings_file.read(folder, chosen)
    return caught.value.message


def haiku(reading: Reading) -> str | None:
    answer = reading.configuration.settings().tiers.get(Tier.HAIKU)
    return answer.name if answer else None


@pytest.fixture(name="places")
def _places(tmp_path: Path) -> dict[str, Path]:
    """Where a document may be, the best first."""
    return {
        "option": tmp_path / "option.yaml",
        "environment": tmp_path / "environment.yaml",
        "working directory": tmp_path / "detour.yaml",
        "user's own": settings_file.config_folder(environment=os.environ) / "detour.yaml",
    }


def test_the_document_is_found_by_option_by_name_here_or_in_the_users_folder(
    tmp_path: Path, places: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, path in reversed(places.items()):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"small: vllm/{name.replace(' ', '-')}\n", "utf-8")
        if name == "environment":
            monkeypatch.setenv("DETOUR_CONFIG", str(path))
        reading = settings_file.read(tmp_path, str(path) if name == "option" else None)
        assert (reading.file, haiku(reading)) == (path, f"vllm/{name.replace(' ', '-')}")


@pytest.mark.parametrize("by", ["option", "environment", ".env"])
def test_a_named_document_may_be_relative_and_must_be_there(
    tmp_path: Path, by: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = "deep/my.yaml" if by == "option" else None
    if by == "environment":
        monkeypatch.setenv("DETOUR_CONFIG", "deep/my.yaml")
    if by == ".env":
        (tmp_path / ".env").write_text("DETOUR_CONFIG=deep/my.yaml\n", "utf-8")
    assert f"{tmp_path}/deep/my.yaml does not exist; write it with `detour config init`" in mistake(tmp_path, chosen)
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep/my.yaml").write_text("small: vllm/x\n", "utf-8")
    assert haiku(settings_file.read(tmp_path, chosen)) == "vllm/x"


@pytest.mark.parametrize(
    ("platform", "environment", "folder"),
    [
        ("linux", {}, ".config/claude-detour"),
        ("linux", {"XDG_CONFIG_HOME": "/etc/mine"}, "/etc/mine/claude-detour"),
        ("darwin", {}, "Library/Application Support/claude-detour"),
        ("darwin", {"XDG_CONFIG_HOME": "/etc/mine"}, "/etc/mine/claude-detour"),
        ("win32", {}, "AppData/Roaming/claude-detour"),
        ("win32", {"APPDATA": "/roaming"}, "/roaming/claude-detour"),
    ],
)
def test_the_users_own_document_lies_where_the_platform_keeps_configurations(
    platform: str, environment: dict[str, str], folder: str
) -> None:
    assert settings_file.config_folder(platform, environment) == Path.home() / folder


def test_an_empty_document_says_nothing(tmp_path: Path) -> None:
    (tmp_path / "detour.yaml").touch()
    configuration = settings_file.read(tmp_path).configuration
    assert configuration.document == document.Document()


@pytest.mark.parametrize("make", [os.mkdir, os.mkfifo])
def test_a_document_that_is_no_file_is_a_mistake(tmp_path: Path, make: Callable[[Path], None]) -> None:
    make(tmp_path / "detour.yaml")
    assert mistake(tmp_path) == f"{tmp_path}/detour.yaml cannot be read: it is no file"


def test_a_document_that_cannot_be_read_is_a_mistake(tmp_path: Path) -> None:
    (tmp_path / "detour.yaml").write_bytes(b"big: \xff\n")
    assert "detour.yaml cannot be read: 'utf-8' codec" in mistake(tmp_path)
    (tmp_path / "detour.yaml").write_bytes(b"#" * (settings_file.LARGEST + 1))
    assert "has more than 4,000,000 bytes" in mistake(tmp_path)
    assert "cannot be read" in mistake(tmp_path, "a" * 5_000)


def test_a_home_that_is_nobodys_is_a_mistake(tmp_path: Path) -> None:
    assert "there is no such home" in mistake(tmp_path, "~nobody-of-that-name/x.yaml")


def test_a_mistake_in_the_document_is_told_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "detour.yaml").write_bytes(b"\xef\xbb\xbf# mine\nbigg: x\n")
    assert mistake(tmp_path) == "detour.yaml, line 2: bigg: there is no such key, is big meant?"


FILTERS = [
    ("routes:\n- to: x\n  when: {filter: '~zzz'}\n", "line 3: '~zzz' is no flow filter"),
    ("presets:\n  p:\n    routes:\n    - to: x\n      when:\n        filter: '('\n", "line 6: '(' is no flow filter"),
]


@pytest.mark.parametrize(("text", "told"), FILTERS)
def test_a_filter_that_is_none_is_a_mistake_wherever_it_stands(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "detour.yaml").write_text(text, "utf-8")
    assert told in mistake(tmp_path)


def test_the_function_lies_beside_the_document(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep/my.yaml").write_text("function: routes.py:choose\n", "utf-8")
    told = f"my.yaml, line 1: function: {tmp_path}/deep/routes.py is no file"
    assert mistake(tmp_path, "deep/my.yaml") == told
    (tmp_path / "deep/routes.py").write_text("def choose(call): return 'vllm/x'\n", "utf-8")
    decider = settings_file.read(tmp_path, "deep/my.yaml").configuration.settings().decider
    assert decider is not None
    assert decider.name == "routes.py:choose"


def test_a_key_file_lies_beside_the_document(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep/my.yaml").write_text("backends: {b: {address: http://b, credential: {file: key}}}\n", "utf-8")
    assert "my.yaml, line 1: b: " in mistake(tmp_path, "deep/my.yaml")
    (tmp_path / "deep/key").write_text("sk-in-a-file\n", "utf-8")
    endpoint = settings_file.read(tmp_path, "deep/my.yaml").configuration.base.endpoints["b"]
    assert endpoint.credential.key == "sk-in-a-file"


ORIGINS = [("SMALL_MODEL", "the environment"), ("BIG_MODEL", ".env"), ("MIDDLE_MODEL", "the environment"), ("X", "")]


def test_each_setting_says_where_it_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".env").write_text("SMALL_MODEL=vllm/x\nBIG_MODEL=vllm/x\n", "utf-8")
    monkeypatch.setenv("SMALL_MODEL", "vllm/y")
    monkeypatch.setenv("MIDDLE_MODEL", "vllm/y")
    configuration = settings_file.read(tmp_path).configuration
    assert [(name, configuration.origin(name)) for name, _ in ORIGINS] == ORIGINS


# -- whether it is current ---------------------------------------------------------------------------------------------

WRITTEN = """
function: routes.py:choose
backends: {b: {address: http://b, credential: {file: key}}}
small: b/x
"""


@pytest.fixture(name="reading")
def _reading(tmp_path: Path) -> Reading:
    own = settings_file.config_folder(environment=os.environ) / "detour.yaml"
    own.parent.mkdir(parents=True)
    own.write_text(WRITTEN, "utf-8")
    (own.parent / "routes.py").write_text("def choose(call): return None\n", "utf-8")
    (own.parent / "key").write_text("sk-1\n", "utf-8")
    (tmp_path / ".env").write_text("A=1\n", "utf-8")
    return settings_file.read(tmp_path)


def changed(path: Path) -> None:
    path.write_text(path.read_text("utf-8") + "\n", "utf-8")


def replaced(path: Path) -> None:
    beside = path.with_suffix(".new")
    beside.write_bytes(path.read_bytes())
    found = path.stat()
    os.utime(beside, ns=(found.st_atime_ns, found.st_mtime_ns))
    beside.replace(path)


@pytest.mark.parametrize("name", ["detour.yaml", "routes.py", "key", ".env"])
@pytest.mark.parametrize("change", [changed, replaced, Path.unlink])
def test_a_file_that_changes_is_noticed(
    reading: Reading, tmp_path: Path, name: str, change: Callable[[Path], None]
) -> None:
    assert reading.file is not None
    assert reading.is_current
    change((tmp_path if name == ".env" else reading.file.parent) / name)
    assert not reading.is_current


def test_a_document_at_a_better_place_is_noticed(reading: Reading, tmp_path: Path) -> None:
    (tmp_path / "detour.yaml").touch()
    assert not reading.is_current
    assert settings_file.read(tmp_path).file == tmp_path / "detour.yaml"


def test_the_first_document_is_noticed(tmp_path: Path) -> None:
    reading = settings_file.read(tmp_path)
    assert reading.file is None
    assert reading.is_current
    (tmp_path / "detour.yaml").touch()
    assert not reading.is_current


def test_a_file_beside_that_nobody_names_is_not_watched(reading: Reading, tmp_path: Path) -> None:
    (tmp_path / "other.yaml").touch()
    assert reading.is_current


def test_a_wrong_reading_tells_which_files_may_mend_it(tmp_path: Path) -> None:
    (tmp_path / "detour.yaml").write_text(
        f"backends: {{b: {{address: http://b, credential: {{file: {tmp_path}/key}}}}}}\n", "utf-8"
    )
    with pytest.raises(Unread) as caught:
        settings_file.read(tmp_path)
    assert caught.value.stamps[tmp_path / "key"] is None
    assert {tmp_path / ".env", tmp_path / "detour.yaml"} <= set(caught.value.stamps)


def test_a_file_that_cannot_be_has_no_stamp() -> None:
    assert settings_file.stamp(Path("a\0b")) is None


def test_a_start_without_a_file_loads_no_reader_of_files() -> None:
    told = "import sys, addon.settings.settings_file; print('ruamel' in str(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", told], check=True, capture_output=True, text=True)
    assert done.stdout == "False\n"
