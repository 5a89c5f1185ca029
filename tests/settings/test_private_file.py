"""A file is the user's alone, and there whole or not at all."""

import stat
from pathlib import Path

import pytest

from addon.settings import private_file


def test_it_is_written_for_the_user_alone(tmp_path: Path) -> None:
    path = tmp_path / "home" / "file"
    private_file.write(path, "ä\n")
    assert path.read_bytes() == "ä\n".encode()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_it_takes_the_place_of_another(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old, and longer", "utf-8")
    path.chmod(0o666)
    with path.open(encoding="utf-8") as reader:
        private_file.write(path, "new")
        assert reader.read() == "old, and longer"
    assert (path.read_text("utf-8"), stat.S_IMODE(path.stat().st_mode)) == ("new", 0o600)


def test_one_that_cannot_be_written_leaves_the_old_and_nothing_beside(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old", "utf-8")
    with pytest.raises(UnicodeEncodeError):
        private_file.write(path, "\ud800")
    assert {found.name: found.read_text("utf-8") for found in tmp_path.iterdir()} == {"file": "old"}


def test_a_folder_in_its_place_stays(tmp_path: Path) -> None:
    (tmp_path / "file").mkdir()
    with pytest.raises(OSError, match="directory"):
        private_file.write(tmp_path / "file", "x")
    assert [found.name for found in tmp_path.iterdir()] == ["file"]
