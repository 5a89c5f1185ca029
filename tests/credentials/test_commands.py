"""Tokens that commands print: what is read, and that no message quotes it."""

import json
import sys
import time

import pytest

from addon.credentials import commands
from addon.credentials.commands import make
from addon.credentials.made import Unmade
from addon.credentials.network import Network
from addon.routing.backend import Mint, Minting

SECRET = "sk-never-shown-0123456789"
NETWORK = Network()


def minting(command: str | tuple[str, ...], lifetime_s: float | None = 100.0) -> Minting:
    return Minting(Mint.COMMAND, command=command, lifetime_s=lifetime_s)


def mistake(command: str | tuple[str, ...]) -> str:
    with pytest.raises(Unmade) as caught:
        make(minting(command), NETWORK)
    assert SECRET not in caught.value.message
    return caught.value.message


COMMANDS: list[str | tuple[str, ...]] = [
    f"echo {SECRET}",
    ("echo", SECRET),
    f"echo; echo ' {SECRET} '; echo 'user: me'",  # password managers print notes below
    (sys.executable, "-c", f"print('{SECRET}')"),
    ("echo", json.dumps({"access_token": SECRET})),
]


@pytest.mark.parametrize("command", COMMANDS, ids=str)
def test_a_command_prints_a_token(command: str | tuple[str, ...]) -> None:
    made = make(minting(command), NETWORK)
    assert (made.value, made.kind) == (SECRET, "a command")
    assert made.expires_at is not None
    assert made.expires_at == pytest.approx(time.time() + 100, abs=30)


def test_what_it_prints_may_be_good_for_ever() -> None:
    assert make(minting(f"echo {SECRET}", None), NETWORK).expires_at is None


def test_a_command_cannot_ask_on_the_proxys_terminal() -> None:
    assert make(minting("read line; echo got:$line"), NETWORK).value == "got:"


MISTAKES: list[tuple[str | tuple[str, ...], str]] = [
    ("true", "`true` has printed no key, but nothing"),
    ("echo {}", "has printed no key, but JSON without a token"),
    ("exit 3", "`exit 3` ended with 3 and said: nothing"),
    ("echo one >&2; echo two >&2; exit 1", "ended with 1 and said: two"),
    (("no-such-program",), "`no-such-program` cannot be run: "),
    (("echo", "\0"), "cannot be run: "),
    (("echo", "two words"), "`echo 'two words'` has printed what no HTTP header takes (not shown here)"),
    (("echo", "schlüssel"), "has printed what no HTTP header takes (not shown here)"),
]


@pytest.mark.parametrize(("command", "told"), MISTAKES, ids=repr)
def test_a_command_that_prints_none_is_told(command: str | tuple[str, ...], told: str) -> None:
    assert told in mistake(command)


def test_what_a_failing_command_prints_is_not_told(tmp_path: object) -> None:
    key = f"{tmp_path}/key"
    mistake(f"printf '{SECRET[:5]}%s' '{SECRET[5:]}' > {key}; cat {key}; exit 1".replace(SECRET, ""))


def test_a_command_is_not_waited_for_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands, "COMMAND_LIMIT_S", 0.05)
    assert mistake(("sleep", "5")) == "`sleep 5` has printed no key within 0.05 s"
