"""The key of redaction marks."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from addon.protocol.errors import ConfigError
from addon.settings import mark_secret


def test_it_is_made_once_and_is_the_users_alone(tmp_path: Path) -> None:
    home = tmp_path / "home"
    key = mark_secret.read(home)
    assert len(key) == mark_secret.BYTES
    assert mark_secret.read(home) == key
    assert (home / mark_secret.NAME).stat().st_mode & 0o777 == 0o600
    assert home.stat().st_mode & 0o777 == 0o700
    assert [path.name for path in home.iterdir()] == [mark_secret.NAME]


def test_those_who_make_it_at_once_get_the_same(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(mark_secret.read, [tmp_path / "home"] * 16))) == 1


def test_whoever_is_slower_takes_what_is_there(tmp_path: Path) -> None:
    path = tmp_path / mark_secret.NAME
    path.write_bytes(b"x" * mark_secret.BYTES)
    path.chmod(0o644)
    mark_secret._make(path)
    assert mark_secret.read(tmp_path) == b"x" * mark_secret.BYTES
    assert path.stat().st_mode & 0o777 == 0o600
    assert [each.name for each in tmp_path.iterdir()] == [mark_secret.NAME]


def test_a_broken_one_is_said_with_the_way_out(tmp_path: Path) -> None:
    (tmp_path / mark_secret.NAME).write_bytes(b"short")
    with pytest.raises(ConfigError, match=r"marks\.key has 5 bytes, not 32: remove it"):
        mark_secret.read(tmp_path)


def test_a_home_that_is_no_folder_is_said(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("")
    with pytest.raises(ConfigError, match=r"marks\.key, the key of redaction marks, cannot be read or made: "):
        mark_secret.read(tmp_path / "home")
