"""The user's own function is loaded from its file, and whatever is wrong with that is told."""

import sys
from pathlib import Path

import pytest

from addon.protocol.errors import ConfigError
from addon.routing.call import Call
from addon.settings import routing_function

CALL = Call({"model": "claude-opus-5"})


def write(folder: Path, text: str, name: str = "mine.py") -> None:
    (folder / name).write_text(text, "utf-8")


def mistake(reference: str, folder: Path) -> str:
    with pytest.raises(ConfigError) as caught:
        routing_function.load(reference, folder)
    return caught.value.message


def test_a_function_is_loaded_and_called(tmp_path: Path) -> None:
    write(tmp_path, "def choose(call):\n    return 'vllm/' + call.tier\n")
    decider = routing_function.load("mine.py:choose", tmp_path)
    assert (decider.name, decider.decide(CALL)) == ("mine.py:choose", "vllm/opus")
    assert routing_function.file_of("mine.py:choose", tmp_path) == tmp_path / "mine.py"


def test_it_is_loaded_anew_and_the_old_one_goes_on(tmp_path: Path) -> None:
    write(tmp_path, "answer = 'old'\ndef choose(call): return answer\n")
    old = routing_function.load("mine.py:choose", tmp_path)
    write(tmp_path, "answer = 'new!'\ndef choose(call): return answer\n")
    new = routing_function.load("mine.py:choose", tmp_path)
    assert (old.decide(CALL), new.decide(CALL)) == ("old", "new!")


def test_nothing_is_left_beside_it(tmp_path: Path) -> None:
    write(tmp_path, "def choose(call): return None\n")
    before = sys.dont_write_bytecode
    routing_function.load("mine.py:choose", tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.py"]
    assert sys.dont_write_bytecode == before


DATACLASS = """
from __future__ import annotations
from dataclasses import dataclass
@dataclass
class Seen:
    calls: int = 0
seen = Seen()
def choose(call):
    seen.calls += 1
    return str(seen.calls)
"""


def test_the_file_may_be_an_ordinary_module(tmp_path: Path) -> None:
    write(tmp_path, DATACLASS)
    decide = routing_function.load("mine.py:choose", tmp_path).decide
    assert [decide(CALL), decide(CALL)] == ["1", "2"]


CALLABLES = [
    "choose = lambda call: 'x'",
    "class A:\n    def __call__(self, call): return 'x'\nchoose = A()",
    "def choose(call, more=5): return 'x'",
    "def choose(*calls): return 'x'",
]


@pytest.mark.parametrize("text", CALLABLES)
def test_whatever_takes_a_call_will_do(tmp_path: Path, text: str) -> None:
    write(tmp_path, text)
    assert routing_function.load("mine.py:choose", tmp_path).decide(CALL) == "x"


MISTAKES = [
    ("def other(call): ...", "mine.py has no function 'choose'"),
    ("choose = 5", "mine.py has no function 'choose'"),
    ("def choose(): ...", "must take one argument, the call"),
    ("def choose(a, b): ...", "must take one argument, the call"),
    ("async def choose(call): ...", "is asynchronous, which it cannot be: write def and not async def"),
    ("def choose(call) ...", "mine.py failed: SyntaxError: "),
    ("import nothing_of_that_name", "mine.py failed: ModuleNotFoundError: "),
    ("1 / 0", "mine.py failed: ZeroDivisionError: division by zero"),
    ("raise SystemExit(3)", "mine.py failed: SystemExit: 3"),
]


@pytest.mark.parametrize(("text", "told"), MISTAKES)
def test_what_is_wrong_with_it_is_told(tmp_path: Path, text: str, told: str) -> None:
    write(tmp_path, text)
    assert told in mistake("mine.py:choose", tmp_path)


def test_a_file_that_is_missing_or_none_is_told(tmp_path: Path) -> None:
    assert mistake("mine.py:choose", tmp_path) == f"{tmp_path}/mine.py is no file"
    (tmp_path / "mine.py").mkdir()
    assert mistake("mine.py:choose", tmp_path) == f"{tmp_path}/mine.py is no file"
    write(tmp_path, "", "mine.txt")
    assert mistake("mine.txt:choose", tmp_path) == f"{tmp_path}/mine.txt is no Python file"
