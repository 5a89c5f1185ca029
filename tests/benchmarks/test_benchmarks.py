"""The benches run, and see what they are there to see; how much it costs they say only at their full length. Linux."""

import asyncio
import contextlib
import math
import sys
from pathlib import Path

import pytest

from tests.benchmarks import growth, load, memory, soak, start
from tests.benchmarks.proxy import ROOT, SCRIPTS, free_port, mitmdump, running
from tests.benchmarks.table import Row, report
from tests.benchmarks.visitor import Reply

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="CPU and memory are read from /proc")

ENVELOPE = b'{"type":"error","error":{"type":"api_error","message":"no"}}'
STOP = b"event: message_stop\ndata: {}\n\n"
REPLIES = {
    Reply(200, b"", b"event: message_start\ndata: {}\n\n" + STOP, True): "ok",
    Reply(200, b"", b'{"type":"message","stop_reason":"end_turn"}', True): "ok",
    Reply(200, b"", b"event: ping\ndata: {}\n\nevent: error\ndata: {}\n\n", True): "event",
    Reply(429, b"", ENVELOPE, True): "429",
    Reply(200, b"", STOP, False): "not whole",
    Reply(200, b"", b"event: ping\ndata: {}\n\n", True): "a strange end",
    Reply(200, b"", b'{"type":"message"}', True): "no message",
    Reply(502, b"", b"<html>", True): "no error of Anthropic's",
}


@pytest.mark.parametrize(("reply", "outcome"), REPLIES.items(), ids=lambda each: str(each)[:40])
def test_what_a_reply_is_worth(reply: Reply, outcome: str) -> None:
    assert reply.outcome.startswith(outcome)


def test_a_fault_explains_its_own_outcomes_only() -> None:
    diary = soak.Diary()
    for kind, outcome in (("limited", "429"), ("limited", "left"), ("limited", "500"), ("fine", "429"), ("fine", "ok")):
        diary.note(kind, outcome, "door 1")
    assert diary.unexplained == ["limited, door 1: 500", "fine, door 1: 429"]


def test_the_slope_is_that_of_the_line() -> None:
    assert slope_of([3.0, 5.0, 7.0]) == 2.0
    assert slope_of([1.0]) == 0.0


def slope_of(values: list[float]) -> float:
    return soak.slope([(float(at), value) for at, value in enumerate(values)])


@pytest.mark.parametrize(
    ("before", "now", "expected"),
    [(1, 2, True), (2, 1, False), ({"a": 1}, {"a": 1}, False), ({"a": 1}, {"b": 1}, True), (True, False, True)],
)
def test_what_is_more_than_before_is_left_over(before: object, now: object, expected: bool) -> None:
    assert soak.is_more(before, now) is expected


def test_a_limit_that_is_passed_shows_in_the_status(capsys: pytest.CaptureFixture[str]) -> None:
    assert report([Row("a", "1", "2", 0.5, 1.0), Row("b", "1", "2", 9.0, math.inf)], ("what",)) == 0
    assert report([Row("a", "1", "2", 1.5, 1.0)], ("what",)) == 1
    assert "passed the limit" in capsys.readouterr().out


def test_a_short_soak_leaves_nothing_behind(capsys: pytest.CaptureFixture[str]) -> None:
    *counted, _ = soak.soak("mitmdump", 2.0, seed=3)
    told = capsys.readouterr().err
    assert [row.value for row in counted] == [0, 0, 0], told
    assert "fine " in told


def test_a_short_load_loses_no_stream(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load, "STREAMS", (2, 3))
    monkeypatch.setattr(load, "ROUNDS", {2: 1, 3: 1})
    monkeypatch.setattr(load, "PACED_DELTAS", 5)
    monkeypatch.setattr(load, "PACED_ROUNDS", 1)
    port = free_port()
    with contextlib.ExitStack() as stack:
        backend = [sys.executable, "-m", "tests.benchmarks.backend", str(port)]
        stack.enter_context(running(backend, port, str(tmp_path), {"PYTHONPATH": str(ROOT)}))
        proxies = {name: stack.enter_context(mitmdump(name, port, str(tmp_path))) for name in SCRIPTS}
        *_, failed = load.rows(asyncio.run(load.measure(proxies)))
        before, most = memory.growth_mb(proxies["detour"], "openai/openai-5", requests=memory.SETTLED)
    assert failed.value == 0
    assert 0 < before <= most


def test_a_session_costs_what_its_final_transcript_costs(capsys: pytest.CaptureFixture[str]) -> None:
    assert growth.main() == 0, capsys.readouterr().out


def test_a_start_loads_no_dialect_that_nobody_uses(tmp_path: Path) -> None:
    modules = tmp_path / "modules.txt"
    with start.mitmdump(ROOT, str(tmp_path), modules):
        loaded = set(modules.read_text().split())
    assert start.NEEDED in loaded
    assert start.surplus(loaded) == []


def test_a_dialect_is_left_out_with_its_files_and_nothing_more() -> None:
    assert start.files_of("brave") == Path("addon/dialects/web/brave.py")
    assert start.files_of("openai_chat") == Path("addon/dialects/openai_chat")


def test_a_first_use_takes_time() -> None:
    milliseconds, _ = start.first_use("brave")
    assert milliseconds > 0
