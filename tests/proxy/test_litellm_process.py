"""A process that is started when it is needed, again when it dies, and not for ever; here it is a small one."""

import json
import logging
import os
import signal
import socket
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from addon.proxy import litellm_process
from addon.proxy.litellm_process import LitellmProcess
from tests.end_to_end.proxy import DIRECT, wait_until

LIMIT_S = 10
# what stands in for ours: answers with its id, the token's length and a variable; WAIT seconds before it is ready
FAKE = """
import json, os, socket, sys, threading, time
from http.server import BaseHTTPRequestHandler, HTTPServer
told = json.loads(sys.stdin.readline())
if os.environ.get("DIES"):
    sys.exit("litellm is broken: sk-secret " + os.environ.get("X_API_KEY", ""))
time.sleep(float(os.environ.get("WAIT", 0)))
class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        body = json.dumps([os.getpid(), len(told["token"]), os.environ.get("WORD")]).encode()
        self.send_response(200); self.send_header("content-length", str(len(body))); self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_): pass
server = HTTPServer(("127.0.0.1", 0), Handler, bind_and_activate=False)
server.socket.close()
server.socket = socket.socket(fileno=told["listener"])
threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
print("ready", flush=True)
sys.stdin.read()
"""


class Helper:
    """The process under test, and the variables it is given."""

    def __init__(self) -> None:
        self.process = LitellmProcess((sys.executable, "-c", FAKE))
        self.variables: dict[str, str] = {"PATH": os.defpath}

    def reach(self) -> tuple[str, int]:
        return self.process.reach(lambda: dict(self.variables))

    def ask(self) -> list[object]:
        host, port = self.reach()
        with DIRECT.open(urllib.request.Request(f"http://{host}:{port}/"), timeout=LIMIT_S) as answer:
            found: list[object] = json.loads(answer.read())
            return found


@pytest.fixture
def helper() -> Iterator[Helper]:
    made = Helper()
    yield made
    made.process.end()
    until(lambda: not [each for each in threading.enumerate() if each.name.startswith("detour-litellm")])


def until(condition: object) -> None:
    assert callable(condition)
    wait_until(condition, LIMIT_S, lambda: "it did not happen")


def is_gone(pid: object) -> bool:
    assert isinstance(pid, int)
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def test_nothing_runs_before_it_is_needed(helper: Helper) -> None:
    assert (helper.process.runs, helper.process.pid, helper.process.fault) == (False, None, None)


def test_who_comes_while_it_starts_is_answered_and_the_address_stays(helper: Helper) -> None:
    helper.variables["WAIT"] = "0.3"
    began = time.monotonic()
    address = helper.reach()
    assert time.monotonic() - began < 0.2, "nobody waits for the start but who asks"
    assert not helper.process.is_ready
    pid, length, _ = helper.ask()
    assert (pid, length) == (helper.process.pid, len(helper.process.token))
    assert helper.reach() == address
    until(lambda: helper.process.is_ready)


def test_each_run_has_a_token_of_its_own() -> None:
    assert len({LitellmProcess().token for _ in range(3)}) == 3


def test_the_token_stands_in_no_list_of_processes(helper: Helper) -> None:
    pid = helper.ask()[0]
    for name in ("cmdline", "environ"):
        assert helper.process.token.encode() not in Path(f"/proc/{pid}/{name}").read_bytes()


def test_a_killed_process_is_followed_by_another_at_the_same_address(
    helper: Helper, caplog: pytest.LogCaptureFixture
) -> None:
    address, first = helper.reach(), helper.ask()[0]
    assert isinstance(first, int)
    os.kill(first, signal.SIGKILL)
    until(lambda: helper.process.pid not in (None, first))
    assert helper.ask()[0] != first
    assert helper.reach() == address
    assert "litellm's process ended with -9 (it said nothing); it is started again" in caplog.text


def test_one_that_dies_again_and_again_is_given_up_with_its_last_words(
    helper: Helper, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    helper.process.hide = lambda text: text.replace("sk-secret", "[hidden]")
    helper.variables |= {"DIES": "yes", "X_API_KEY": "a-key-of-no-shape"}
    address = helper.reach()
    with socket.create_connection(address, timeout=LIMIT_S) as waiting:
        until(lambda: helper.process.fault)
        with pytest.raises(ConnectionResetError):
            waiting.recv(1)
    why = "litellm's process ended with 1 (litellm is broken: [hidden] $X_API_KEY), 3 times in a row"
    with pytest.raises(OSError, match="3 times in a row") as caught:
        helper.reach()
    assert (str(caught.value), helper.process.fault) == (why, why)
    assert "sk-secret" not in caplog.text
    assert "a-key-of-no-shape" not in caplog.text
    monkeypatch.setattr(litellm_process, "REST_S", 0)
    del helper.variables["DIES"]
    helper.process._rested_at = 0.0
    assert helper.ask()[0] == helper.process.pid, "once it has rested it is tried again"
    assert helper.process.fault is None


def test_a_process_that_lived_for_long_counts_as_no_failure(helper: Helper, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(litellm_process, "STEADY_S", 0)
    seen: set[object] = set()
    for _ in range(litellm_process.MOST_FAILURES + 1):
        pid = helper.ask()[0]
        assert isinstance(pid, int)
        seen.add(pid)
        os.kill(pid, signal.SIGKILL)
        until(lambda: helper.process.pid not in (None, *seen))
    assert len(seen) == litellm_process.MOST_FAILURES + 1


def test_what_cannot_be_started_is_told(caplog: pytest.LogCaptureFixture) -> None:
    process = LitellmProcess(("/nowhere/python",))
    process.reach(dict)
    until(lambda: process.fault)
    assert process.fault is not None
    assert process.fault.startswith("litellm's process cannot be started: ")
    assert not process.runs


def test_other_variables_reach_a_process_of_their_own_at_the_same_address(helper: Helper) -> None:
    helper.variables["WORD"] = "old"
    address, (first, _, word) = helper.reach(), helper.ask()
    assert word == "old"
    helper.process.renew(dict(helper.variables))
    assert helper.ask()[0] == first, "the same variables change nothing"
    helper.variables["WORD"] = "new"
    helper.process.renew(dict(helper.variables))
    until(lambda: is_gone(first))
    pid, _, word = helper.ask()
    assert (word, helper.reach()) == ("new", address)
    assert pid != first


def test_renewing_what_does_not_run_starts_nothing(helper: Helper) -> None:
    helper.process.renew({"A": "b"})
    assert not helper.process.runs


def test_it_ends_with_what_it_was_started_for(helper: Helper) -> None:
    pid = helper.ask()[0]
    address = helper.reach()
    helper.process.end()
    until(lambda: is_gone(pid))
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(address, timeout=LIMIT_S)
    assert helper.process.fault is None, "nobody missed it"


def test_an_end_while_it_starts_leaves_nothing(helper: Helper) -> None:
    before = threading.active_count()
    helper.reach()
    helper.process.end()
    until(lambda: threading.active_count() <= before)
    assert helper.process.pid is None


def test_what_it_says_is_in_the_log_where_nobody_is_disturbed(helper: Helper, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    helper.variables["DIES"] = "yes"
    helper.reach()
    until(lambda: helper.process.fault)
    said: Mapping[str, int] = {record.getMessage(): record.levelno for record in caplog.records}
    assert logging.INFO in {level for text, level in said.items() if "litellm starts" in text}
    assert any(
        record.levelno == logging.DEBUG and "litellm is broken" in record.getMessage() for record in caplog.records
    )
