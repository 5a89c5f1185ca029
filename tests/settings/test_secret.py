"""Keys of files: what is read, and that no message quotes it."""

from pathlib import Path
from typing import Any

import pytest

from addon.protocol.errors import ConfigError
from addon.settings.document import Credential
from addon.settings.secret import Vault

SECRET = "sk-never-shown-0123456789"


@pytest.fixture(name="vault")
def _vault(tmp_path: Path) -> Vault:
    return Vault(tmp_path, lambda path: None)


def mistake(vault: Vault, **written: Any) -> str:
    with pytest.raises(ConfigError) as caught:
        vault.read(Credential(**written))
    assert SECRET not in caught.value.message
    return caught.value.message


@pytest.mark.parametrize("content", [SECRET, f"{SECRET}\n", f"\n  {SECRET}\r\n", f"\ufeff{SECRET}"])
def test_a_file_holds_a_key_and_nothing_else(tmp_path: Path, content: str) -> None:
    (tmp_path / "key").write_text(content, "utf-8")
    watched: list[Path] = []
    vault = Vault(tmp_path, watched.append)
    assert vault.read(Credential(file="key")) == SECRET
    assert vault.read(Credential(file=str(tmp_path / "key"))) == SECRET
    assert watched == [tmp_path / "key"] * 2


def test_a_file_that_holds_none_is_a_mistake_and_watched_all_the_same(tmp_path: Path) -> None:
    watched: list[Path] = []
    vault = Vault(tmp_path, watched.append)
    (tmp_path / "empty").write_text("\n", "utf-8")
    (tmp_path / "folder").mkdir()
    (tmp_path / "large").write_bytes(b"x" * 70_000)
    (tmp_path / "binary").write_bytes(SECRET.encode() + b"\xff")
    told = {name: mistake(vault, file=name) for name in ("missing", "empty", "folder", "large", "binary")}
    assert told == {
        "missing": f"{tmp_path}/missing is no file; it should hold the key",
        "empty": f"{tmp_path}/empty is empty; it should hold the key",
        "folder": f"{tmp_path}/folder is no file; it should hold the key",
        "large": f"{tmp_path}/large is too large to hold a key and nothing else",
        "binary": f"{tmp_path}/binary cannot be read: UnicodeDecodeError",
    }
    assert watched == [tmp_path / name for name in told]
    assert "there is no such home" in mistake(vault, file="~nobody-of-that-name/key")


def test_what_stands_in_no_file_is_not_read_here(vault: Vault) -> None:
    assert vault.read(Credential(env="A")) is None
