"""The process that writes the prompt log."""

import io
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import override

import pytest

from addon.prompts.entry import Entry
from addon.prompts.log import scribe
from addon.prompts.log.reading import Log
from addon.prompts.log.scribe import Book, Rules, Scribe
from addon.prompts.log.statements import FILE
from addon.routing.config import Pattern
from tests.prompts.entries import entry, recorded_session

RULES = Rules(b"0123456789abcdef")
KEY = "a-configured-key-0123456789"


def kept(file: Path) -> list[Entry]:
    log = Log(file)
    try:
        return [log.entry(each.number) for each in log.summaries()]
    finally:
        log.close()


@pytest.fixture
def writing(tmp_path: Path) -> Iterator[Scribe]:
    made = Scribe(tmp_path / FILE, RULES)
    yield made
    made.close()


def test_what_it_is_given_is_stored(writing: Scribe, tmp_path: Path) -> None:
    session = recorded_session()
    assert [writing.add(each) for each in session] == list(range(1, len(session) + 1))
    assert [each.request for each in kept(tmp_path / FILE)] == [each.request for each in session]


def test_it_goes_by_the_rules_that_it_is_told(writing: Scribe, tmp_path: Path) -> None:
    told = entry({"model": "m", "messages": [{"role": "user", "content": f"walrus7 {KEY}"}]})
    writing.add(told)
    writing.keep(Rules(RULES.secret, (Pattern("mine", r"walrus\d"),), (KEY,)))
    writing.add(told)
    before, after = (each.request.body for each in kept(tmp_path / FILE) if each.request)
    assert (b"walrus7" in before, KEY.encode() in before) == (True, True)
    assert (b"walrus7" in after, KEY.encode() in after) == (False, False)


def test_a_key_is_no_argument_of_its_command_and_in_no_text_of_ours(writing: Scribe) -> None:
    writing.keep(Rules(RULES.secret, (), (KEY,)))
    assert KEY not in Path(f"/proc/{writing._process.pid}/cmdline").read_text() if sys.platform == "linux" else True
    assert KEY not in repr(Rules(RULES.secret, (), (KEY,)))


def test_it_lets_old_exchanges_go(writing: Scribe, tmp_path: Path) -> None:
    writing.add(recorded_session()[0])
    assert writing.shrink(1, 1 << 40, time.time() + 1e9) == 1
    assert kept(tmp_path / FILE) == []


def test_a_log_that_cannot_be_opened_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="exists"):
        Scribe(tmp_path / "file" / FILE, RULES)


def test_a_fault_is_told_and_the_next_is_stored(writing: Scribe, tmp_path: Path) -> None:
    with pytest.raises(OSError, match="a fault of Detour's: AttributeError"):
        writing.add("no entry")  # type: ignore[arg-type]  # what nobody does
    assert writing.add(recorded_session()[0]) == 1


def test_a_process_that_is_gone_is_told(writing: Scribe) -> None:
    writing._process.kill()
    writing._process.wait()
    for _ in range(2):
        with pytest.raises(BrokenPipeError, match="has ended"):
            writing.add(recorded_session()[0])


@pytest.mark.skipif(not hasattr(os, "killpg"), reason="there are no process groups")
def test_it_outlives_the_terminals_signals_and_ends_with_the_pipe(tmp_path: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path; from addon.prompts.log.scribe import Rules, Scribe\n"
        "made = Scribe(Path(sys.argv[1]), Rules(b'0123456789abcdef'))\n"
        "print(made._process.pid, flush=True); time.sleep(60)"
    )
    root = Path(__file__).parents[3]
    parent = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path / FILE)], stdout=subprocess.PIPE, start_new_session=True, cwd=root
    )
    assert parent.stdout
    child = int(parent.stdout.readline())
    os.killpg(parent.pid, signal.SIGINT)
    parent.wait()
    parent.stdout.close()
    for _ in range(500):
        try:
            os.kill(child, 0)
        except ProcessLookupError:
            break
        time.sleep(0.01)
    else:
        pytest.fail("it is still there")
    database = sqlite3.connect(tmp_path / FILE)
    assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    database.close()


def test_a_message_that_is_cut_is_none() -> None:
    pipe = io.BytesIO()
    scribe._send(pipe, ("add", (1,)))
    whole = pipe.getvalue()
    assert scribe._receive(io.BytesIO(whole)) == ("add", (1,))
    for size in (0, 5, len(whole) - 1):
        assert scribe._receive(io.BytesIO(whole[:size])) is None


def test_the_process_does_what_it_is_told_until_nothing_comes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    """The loop of the process, in this one."""
    asked, answered = io.BytesIO(), io.BytesIO()
    session = recorded_session()
    for message in (("open", (tmp_path / FILE, RULES)), ("add", (session[0],)), ("add", (1,)), ("shrink", (1, 1, "x"))):
        scribe._send(asked, message)
    asked.seek(0)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(asked))
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(answered))
    monkeypatch.setattr(os, "nice", lambda more: more, raising=False)
    scribe.main()
    answered.seek(0)
    told = [scribe._receive(answered) for _ in range(4)]
    assert told[:2] == [(None, None), (None, 1)]
    assert [fault.split(":")[0] for fault, _ in told[2:]] == ["a fault of Detour's"] * 2


def test_a_reader_that_is_gone_ends_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Gone(io.BytesIO):
        @override
        def flush(self) -> None:
            raise BrokenPipeError

    asked = io.BytesIO()
    scribe._send(asked, ("open", (tmp_path / FILE, RULES)))
    asked.seek(0)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(asked))

    class Out:
        buffer = Gone()

    monkeypatch.setattr(sys, "stdout", Out())
    monkeypatch.setattr(os, "nice", lambda more: more, raising=False)
    scribe.main()
    monkeypatch.undo()
    assert (tmp_path / FILE).exists()


def test_in_this_process_the_same_verbs_do_the_same(tmp_path: Path) -> None:
    book = Book(tmp_path / FILE, RULES)
    assert book.add(recorded_session()[0]) == 1
    book.keep(RULES)
    assert book.shrink(1, 1 << 40, time.time() + 1e9) == 1
    book.close()


def test_after_a_reload_the_values_of_the_old_code_are_still_told(
    writing: Scribe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Anew:
        """What bears the name now."""

    told = recorded_session()[0]
    monkeypatch.setattr(f"{Entry.__module__}.Entry", Anew)
    monkeypatch.setattr(scribe, "Rules", Anew)
    writing.keep(RULES)
    assert writing.add(told) == 1
    monkeypatch.undo()
    assert kept(tmp_path / FILE)[0].request == told.request


def test_it_finds_modules_where_we_find_them(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.syspath_prepend(tmp_path / "of-the-user")
    made = Scribe(tmp_path / FILE, RULES)
    made.close()
    assert str(tmp_path / "of-the-user") in made._process.args  # type: ignore[operator]  # a list
