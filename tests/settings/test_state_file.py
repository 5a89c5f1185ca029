"""What is chosen survives a restart, and a file that is not ours stops none."""

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from addon.routing.call import Kind
from addon.routing.config import Slot
from addon.settings import state_file
from addon.settings.switch import Switch

SWITCH = Switch("glm", {Slot.BIG: "vllm/größer"}, (Kind.TITLE,))


def test_what_is_written_is_read(tmp_path: Path) -> None:
    home = tmp_path / "deep" / "home"
    assert state_file.read(home) == (Switch(), {})
    state_file.write(home, SWITCH, {"preset": "kimi"})
    assert state_file.read(home) == (SWITCH, {"preset": "kimi"})
    assert stat.S_IMODE((home / state_file.FILE).stat().st_mode) == 0o600
    assert [path.name for path in home.iterdir()] == [state_file.FILE]


BROKEN = [b"{", b"\xff", b"[" * 60_000, b'{"preset": "' + b"x" * state_file.LARGEST + b'"}']


@pytest.mark.parametrize("content", BROKEN, ids=range(len(BROKEN)))
def test_a_file_that_cannot_be_read_is_told_and_counts_as_none(
    tmp_path: Path, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / state_file.FILE).write_bytes(content)
    assert state_file.read(tmp_path) == (Switch(), {})
    (record,) = caplog.records
    assert "the models are those that are configured" in record.getMessage()


@pytest.mark.parametrize("make", [os.mkdir, os.mkfifo])
def test_what_is_no_file_is_told_and_not_waited_for(
    tmp_path: Path, make: Callable[[Path], None], caplog: pytest.LogCaptureFixture
) -> None:
    make(tmp_path / state_file.FILE)
    assert state_file.read(tmp_path) == (Switch(), {})
    assert "it is none of Detour's" in caplog.text


def test_what_cannot_be_kept_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").touch()
    state_file.write(tmp_path / "file", SWITCH, {})
    assert "the choice ends with this run" in caplog.text
    assert state_file.read(tmp_path / "file") == (Switch(), {})


def test_the_token_is_made_once_and_is_the_users_alone(tmp_path: Path) -> None:
    made = state_file.token(tmp_path / "home")
    assert state_file.token(tmp_path / "home") == made
    assert state_file.token(tmp_path / "other") != made
    assert stat.S_IMODE((tmp_path / "home" / state_file.TOKEN).stat().st_mode) == 0o600


@pytest.mark.parametrize("content", [b"", b" \n", b"\xff\xfe", b"short", b"has a space " * 4])
def test_a_token_that_is_none_is_made_anew(tmp_path: Path, content: bytes) -> None:
    (tmp_path / state_file.TOKEN).write_bytes(content)
    made = state_file.token(tmp_path)
    assert state_file.TOKEN_SHAPE.fullmatch(made)
    assert state_file.token(tmp_path) == made


def test_a_token_that_cannot_be_kept_is_an_error(tmp_path: Path) -> None:
    (tmp_path / state_file.TOKEN).mkdir()
    with pytest.raises(OSError, match="directory"):
        state_file.token(tmp_path)
