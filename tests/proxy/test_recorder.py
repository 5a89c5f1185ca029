"""The thread that writes the prompt log: bounded, patient, and never in the way."""

import shutil
import signal
import sqlite3
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest
from mitmproxy import http
from mitmproxy.test import tflow

from addon.prompts.entry import Entry
from addon.prompts.log.reading import Log
from addon.prompts.log.scribe import Book, Rules, Scribe
from addon.prompts.log.statements import FILE
from addon.prompts.log.writer import Writer
from addon.proxy import recorder, recording
from addon.proxy.recorder import Recorder
from addon.routing.config import Mode, Pattern, Recording
from addon.routing.settings import Settings
from addon.settings import mark_secret

SETTINGS = Settings()


class Slow(Book):
    """Writes when it is allowed to."""

    may = threading.Event()

    def __init__(self, file: Path, rules: Rules) -> None:
        super().__init__(file, rules)
        add = self.add

        def wait(entry: Entry) -> int:
            assert self.may.wait(10)
            return add(entry)

        self.add = wait


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    Slow.may = threading.Event()
    monkeypatch.setattr(recorder, "open_log", Slow)
    return Slow.may


def flow(body: bytes = b'{"model":"m","messages":[]}') -> http.HTTPFlow:
    made = tflow.tflow(resp=True)
    made.request.path = "/v1/messages"
    made.request.timestamp_start = time.time()
    made.request.content = body
    return made


def recorder_at(file: Path) -> Recorder:
    return Recorder(lambda: file)


def written(file: Path) -> int:
    log = Log(file)
    try:
        return len(log.summaries())
    finally:
        log.close()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "home" / FILE


def test_what_waits_is_written_before_the_end(file: Path, slow: threading.Event) -> None:
    kept = recorder_at(file)
    for _ in range(20):
        kept.note(flow(), None, SETTINGS)
    assert kept.tally.written == 0
    slow.set()
    kept.close()
    assert (kept.tally.written, kept.tally.lost, kept.tally.fault) == (20, 0, None)
    assert written(file) == 20
    kept.close()


def test_after_the_end_it_begins_anew(file: Path) -> None:
    kept = recorder_at(file)
    kept.close()
    for _ in range(2):
        kept.note(flow(), None, SETTINGS)
        kept.close()
    assert written(file) == 2


@pytest.mark.parametrize(("name", "limit"), [("MOST_WAITING", 3), ("MOST_WAITING_BYTES", 3_200)])
def test_a_full_queue_loses_and_counts_and_says_so(
    file: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    slow: threading.Event,
    name: str,
    limit: int,
) -> None:
    monkeypatch.setattr(recorder, name, limit)
    kept = recorder_at(file)
    for _ in range(5):
        kept.note(flow(b"x" * 1_000), None, SETTINGS)
    assert (kept.tally.lost, kept.tally.fault) == (2, "the disk does not keep up")
    assert [each.getMessage().count("does not keep up (1 exchanges lost") for each in caplog.records] == [1]
    slow.set()
    kept.close()
    assert (kept.tally.written, kept._waiting, kept._waiting_bytes) == (3, 0, 0)
    kept.note(flow(), None, SETTINGS)
    kept.close()
    assert (kept.tally.lost, kept.tally.fault) == (2, None)


def test_one_exchange_is_taken_however_large_it_is(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorder, "MOST_WAITING_BYTES", 10)
    kept = recorder_at(file)
    kept.note(flow(b"x" * 1_000), None, SETTINGS)
    kept.close()
    assert (kept.tally.written, kept.tally.lost) == (1, 0)


def test_a_log_that_cannot_be_made_is_told_once_and_tried_again(
    file: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    file.parent.write_text("a file where the folder should be")
    kept = recorder_at(file)
    for _ in range(3):
        kept.note(flow(), None, SETTINGS)
    kept.close()
    assert (kept.tally.written, kept.tally.lost) == (0, 3)
    first, end = (each.getMessage() for each in caplog.records)  # it is said once, and how many it was at the end
    assert str(file) in first
    assert "3 exchanges are not in the prompt log: " in end
    file.parent.unlink()
    monkeypatch.setattr(recorder, "AGAIN_S", 0.0)
    kept.note(flow(), None, SETTINGS)
    kept.close()
    assert (kept.tally.written, kept.tally.fault) == (1, None)


def test_a_fault_of_ours_is_logged_and_loses_one(
    file: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    kept = recorder_at(file)
    with monkeypatch.context() as patched:
        patched.setattr(recording, "entry", lambda taken: 1 / 0)
        kept.note(flow(), None, SETTINGS)
        kept.close()
    assert "ZeroDivisionError" in caplog.text
    kept.note(flow(), None, SETTINGS)
    kept.close()
    assert (kept.tally.written, kept.tally.lost) == (1, 1)


def test_a_flow_that_cannot_be_taken_harms_nobody(
    file: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(recording, "take", lambda *_: 1 / 0)
    kept = recorder_at(file)
    kept.note(flow(), None, SETTINGS)
    kept.close()
    assert "is not in the prompt log" in caplog.text
    assert kept.tally.lost == 1


def test_a_full_disk_loses_and_the_next_is_written(
    file: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    kept = recorder_at(file)
    add, faults = Writer.add, [sqlite3.OperationalError("database or disk is full")]

    def full(writer: Writer, entry: object) -> int:
        if faults:
            raise faults.pop()
        return add(writer, entry)  # type: ignore[arg-type]  # handed on

    monkeypatch.setattr(Writer, "add", full)
    kept.note(flow(), None, SETTINGS)
    kept.note(flow(), None, SETTINGS)
    kept.close()
    assert (kept.tally.written, kept.tally.lost) == (1, 1)
    assert "database or disk is full (1 exchanges lost" in caplog.text


def test_other_rules_hold_from_the_next_exchange_on(file: Path) -> None:
    kept = recorder_at(file)
    body = b'{"model":"m","messages":[{"role":"user","content":"hunter2 and walrus9"}]}'
    for word in ("hunter2", "walrus9"):
        kept.note(flow(body), None, replace(SETTINGS, redact=(Pattern("mine", word),)))
    kept.close()
    log = Log(file)
    found = [log.entry(number).request for number in (1, 2)]
    log.close()
    assert [b"hunter2" in request.body for request in found if request] == [False, True]
    assert [b"walrus9" in request.body for request in found if request] == [True, False]


def test_a_process_of_its_own_writes(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorder, "open_log", Scribe)
    kept = recorder_at(file)
    for _ in range(3):
        kept.note(flow(), None, SETTINGS)
    kept.close()
    assert (kept.tally.written, kept.tally.lost) == (3, 0)
    assert written(file) == 3


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[Scribe]:
    """The processes that were begun."""
    made: list[Scribe] = []

    def opened(file: Path, rules: Rules) -> Scribe:
        made.append(Scribe(file, rules))
        return made[-1]

    monkeypatch.setattr(recorder, "open_log", opened)
    return made


def begun(file: Path) -> Recorder:
    """A recorder that has written one exchange."""
    kept = recorder_at(file)
    kept.note(flow(), None, SETTINGS)
    while not kept.tally.written:
        time.sleep(0.01)
    return kept


def test_a_process_that_dies_loses_nothing_and_the_next_begins_anew(file: Path, made: list[Scribe]) -> None:
    kept = begun(file)
    made[0]._process.kill()
    made[0]._process.wait()
    kept.note(flow(), None, SETTINGS)
    kept.note(flow(), None, SETTINGS)
    kept.close()
    assert (kept.tally.written, kept.tally.lost, len(made)) == (3, 0, 2)
    assert written(file) == 3


def test_an_exchange_that_its_process_dies_of_twice_is_lost(
    file: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    class Dying(Book):
        def __init__(self, file: Path, rules: Rules) -> None:
            super().__init__(file, rules)
            self.add = self.die

        def die(self, entry: Entry) -> int:
            raise BrokenPipeError("the process that writes it has ended")

    monkeypatch.setattr(recorder, "open_log", Dying)
    kept = recorder_at(file)
    kept.note(flow(), None, SETTINGS)
    kept.close()
    assert (kept.tally.written, kept.tally.lost) == (0, 1)
    assert "has ended (1 exchanges lost so far)" in caplog.text


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="no process is stopped there")
def test_a_process_that_answers_no_more_is_ended_with_us(
    file: Path, made: list[Scribe], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(recorder, "PATIENCE_S", 0.1)
    monkeypatch.setattr(recorder, "GIVING_UP_S", 10.0)
    kept = begun(file)
    made[0]._process.send_signal(signal.SIGSTOP)
    for _ in range(3):
        kept.note(flow(), None, SETTINGS)
    kept.close()
    assert made[0]._process.poll() is not None
    assert (kept.tally.written, kept.tally.lost, kept.waiting, len(made)) == (1, 3, 0, 1)
    assert [each.getMessage() for each in caplog.records] == [
        "Detour: 3 exchanges are not in the prompt log: the disk does not keep up"
    ]


def test_a_log_that_was_removed_is_made_anew(file: Path) -> None:
    kept = begun(file)
    shutil.rmtree(file.parent)
    kept.note(flow(), None, SETTINGS)
    kept.close()
    assert (kept.tally.written, kept.tally.lost) == (2, 0)
    assert written(file) == 1


def test_where_old_ones_cannot_leave_nothing_is_lost(
    file: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    class Full(Book):
        def __init__(self, file: Path, rules: Rules) -> None:
            super().__init__(file, rules)
            self.shrink = self.fail

        def fail(self, keep_days: int, keep_bytes: int, now: float) -> int:
            raise OSError("database or disk is full")

    monkeypatch.setattr(recorder, "open_log", Full)
    kept = recorder_at(file)
    kept.note(flow(), None, SETTINGS)
    kept.close()
    assert (kept.tally.written, kept.tally.lost) == (1, 0)
    assert "old exchanges cannot leave the prompt log: database or disk is full" in caplog.text


def test_another_home_is_another_log(tmp_path: Path) -> None:
    files = [tmp_path / "one" / FILE, tmp_path / "two" / FILE]
    kept = Recorder(lambda: files[0])
    kept.note(flow(), None, SETTINGS)
    kept.close()
    files.pop(0)
    kept.note(flow(), None, SETTINGS)
    kept.close()
    assert [written(tmp_path / name / FILE) for name in ("one", "two")] == [1, 1]


def test_old_exchanges_leave(file: Path, caplog: pytest.LogCaptureFixture) -> None:
    kept = recorder_at(file)
    old = flow()
    old.request.timestamp_start = 1.0
    caplog.set_level("INFO")
    kept.note(old, None, SETTINGS)
    kept.close()
    assert "1 old exchanges have left the prompt log" in caplog.text
    assert written(file) == 0


def test_switched_off_nothing_is_taken(file: Path) -> None:
    kept = recorder_at(file)
    kept.note(flow(), None, replace(SETTINGS, recording=Recording(Mode.OFF)))
    kept.close()
    assert not file.exists()


def test_it_is_switched_off_and_on_whatever_is_written(file: Path) -> None:
    recorder = recorder_at(file)
    off = Settings(recording=Recording(Mode.OFF))
    assert (recorder.is_on(SETTINGS), recorder.is_on(off)) == (True, False)
    assert (recorder.mode(off), recorder.mode(Settings(recording=Recording(Mode.METADATA)))) == (
        Mode.FULL,
        Mode.METADATA,
    )
    recorder.switch(on=False)
    recorder.note(flow(), None, SETTINGS)
    assert recorder.waiting == 0
    recorder.switch(on=True)
    recorder.note(flow(), None, off)
    recorder.close()
    assert written(file) == 1


def test_it_writes_to_another_file_from_then_on(file: Path) -> None:
    recorder = recorder_at(file)
    recorder.note(flow(), None, SETTINGS)
    elsewhere = file.with_name("other")
    recorder.switch(on=True, file=elsewhere)
    recorder.note(flow(), None, SETTINGS)
    recorder.switch(on=True)
    assert recorder.file() == elsewhere
    recorder.close()
    assert written(file) + written(elsewhere) == 2
    assert written(elsewhere) >= 1


def test_the_key_of_the_marks_stays_at_home(file: Path) -> None:
    recorder = recorder_at(file)
    recorder.switch(on=True, file=file.parent / "deep" / "other")
    recorder.note(flow(), None, SETTINGS)
    recorder.close()
    assert [each.name for each in (file.parent / "deep").iterdir()] == ["other"]
    assert mark_secret.read(file.parent) == mark_secret.read(file.parent)
    assert len(list(file.parent.iterdir())) == 2
