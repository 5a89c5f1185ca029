"""Keys of files and commands: what is read, how long it is good, and that no message quotes it."""

import sys
from pathlib import Path
from typing import Any

import pytest

from addon.protocol.errors import ConfigError
from addon.settings import secret
from addon.settings.document import Credential
from addon.settings.secret import EARLY, RETRY_S, Vault

SECRET = "sk-never-shown-0123456789"


class Clock:
    """A clock that stands until it is set."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(name="clock")
def _clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    monkeypatch.setattr(secret, "_minted", {})
    return Clock()


@pytest.fixture(name="vault")
def _vault(tmp_path: Path, clock: Clock) -> Vault:
    return Vault(tmp_path, lambda path: None, clock)


def mistake(vault: Vault, **written: Any) -> str:
    with pytest.raises(ConfigError) as caught:
        vault.read(Credential(**written))
    assert SECRET not in caught.value.message
    return caught.value.message


@pytest.mark.parametrize("content", [SECRET, f"{SECRET}\n", f"\n  {SECRET}\r\n", f"\ufeff{SECRET}"])
def test_a_file_holds_a_key_and_nothing_else(tmp_path: Path, clock: Clock, content: str) -> None:
    (tmp_path / "key").write_text(content, "utf-8")
    watched: list[Path] = []
    vault = Vault(tmp_path, watched.append, clock)
    assert vault.read(Credential(file="key")) == SECRET
    assert vault.read(Credential(file=str(tmp_path / "key"))) == SECRET
    assert watched == [tmp_path / "key"] * 2
    assert vault.good_until is None


def test_a_file_that_holds_none_is_a_mistake_and_watched_all_the_same(tmp_path: Path, clock: Clock) -> None:
    watched: list[Path] = []
    vault = Vault(tmp_path, watched.append, clock)
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


COMMANDS = [
    f"echo {SECRET}",
    ["echo", SECRET],
    f"echo; echo ' {SECRET} '; echo 'user: me'",  # password managers print notes below
    [sys.executable, "-c", f"print('{SECRET}')"],
]


@pytest.mark.parametrize("command", COMMANDS, ids=str)
def test_a_command_prints_a_key(vault: Vault, command: str | list[str]) -> None:
    assert vault.read(Credential(command=command)) == SECRET


def test_a_command_cannot_ask_on_the_proxys_terminal(vault: Vault) -> None:
    assert vault.read(Credential(command="read line; echo got:$line")) == "got:"


MISTAKES: list[tuple[str | list[str], str]] = [
    (f"echo {SECRET[:0]}", "`echo ` has printed no key"),
    ("exit 3", "`exit 3` ended with 3 and said: nothing"),
    ("echo one >&2; echo two >&2; exit 1", "ended with 1 and said: two"),
    (["no-such-program"], "`no-such-program` cannot be run: "),
    (["echo", "\0"], "cannot be run: "),
]


@pytest.mark.parametrize(("command", "told"), MISTAKES, ids=repr)
def test_a_command_that_prints_none_is_a_mistake(vault: Vault, command: str | list[str], told: str) -> None:
    assert told in mistake(vault, command=command)


def test_what_a_failing_command_prints_is_not_told(vault: Vault, tmp_path: Path) -> None:
    (tmp_path / "key").write_text(SECRET, "utf-8")
    mistake(vault, command=f"cat {tmp_path}/key; exit 1")


def test_a_command_is_not_waited_for_without_end(vault: Vault, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(secret, "COMMAND_LIMIT_S", 0.05)
    assert mistake(vault, command=["sleep", "5"]) == "`sleep 5` has printed no key within 0.05 s"


def test_what_is_printed_is_good_for_its_lifetime(tmp_path: Path, clock: Clock) -> None:
    credential = Credential(command=f"echo x >> {tmp_path}/asked; wc -l < {tmp_path}/asked", lifetime=100)

    def read() -> tuple[str | None, float | None]:
        vault = Vault(tmp_path, lambda path: None, clock)
        return vault.read(credential), vault.good_until

    until = clock.now + EARLY * 100
    assert read() == read() == ("1", until)
    clock.now = until - 0.1
    assert read() == ("1", until)
    clock.now = until
    assert read() == ("2", until + EARLY * 100)


def test_the_first_key_to_run_out_decides(vault: Vault, clock: Clock) -> None:
    for lifetime in (100, 10, 1000):
        vault.read(Credential(command=f"echo {lifetime}", lifetime=lifetime))
    assert vault.good_until == clock.now + EARLY * 10


def test_a_key_may_be_good_for_ever(vault: Vault) -> None:
    vault.read(Credential.model_validate({"command": "echo for-ever", "lifetime": "none"}))
    assert vault.good_until is None


def test_a_command_that_failed_is_asked_again_soon(vault: Vault, clock: Clock) -> None:
    mistake(vault, command="exit 1")
    assert vault.good_until == clock.now + RETRY_S


def test_what_is_neither_is_no_ones_to_read(vault: Vault) -> None:
    assert vault.read(Credential(env="A")) is None
