"""`detour check` against backends that work, that fail in each of the ways it tells apart, and the embedded model."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, override

from tests.end_to_end import embedded
from tests.end_to_end.proxy import free_ports
from tests.end_to_end.replies import Answer, Raw, Reply, answer, call, failure, overflow

type Json = dict[str, Any]

KEY = "sk-test-detour-check-key"
GOOD = answer("", call("weather", city="Paris"), reasoning="Paris, then.")
WORDS = answer("It rains.")


class Bare:
    """An answer without its counts."""

    def render(self, request: Json) -> Raw:
        """The same bytes, but for the last chunk."""
        raw = GOOD.render(request)
        return replace(raw, pieces=tuple(piece for piece in raw.pieces if b'"choices":[]' not in piece))


class Whole:
    """Answers whole, whatever is asked for."""

    def render(self, request: Json) -> Raw:
        """One JSON object."""
        return GOOD.render({**request, "stream": False})


class WhenForced:
    """Calls a tool only when it must."""

    def render(self, request: Json) -> Raw:
        """Words, or the call."""
        forced = request.get("tool_choice") not in (None, "auto")
        return (GOOD if forced else WORDS).render(request)


ASKED, GO_ON = threading.Event(), threading.Event()


class Endless:
    """Says nothing until the test has ended."""

    def render(self, request: Json) -> Raw:
        """Wait."""
        ASKED.set()
        GO_ON.wait(30)
        return GOOD.render(request)


BACKENDS: Mapping[str, Reply] = {
    "good": GOOD,
    "whole": Whole(),
    "uncounted": Bare(),
    "forced": WhenForced(),
    "wordy": WORDS,
    "odd": answer("", call("weather", town="Paris")),
    "silent": Answer(""),
    "cut": replace(GOOD, cut_after_chunks=2),
    "badkey": failure(401, "Incorrect API key provided", kind="invalid_request_error", code="invalid_api_key"),
    "missing": failure(404, "The model x does not exist", kind="invalid_request_error", code="model_not_found"),
    "poor": failure(429, "You exceeded your current quota", kind="insufficient_quota", code="insufficient_quota"),
    "broken": failure(500, "The server had an error", kind="server_error"),
    "small": overflow(300, 256),
    "endless": Endless(),
}


class Handler(BaseHTTPRequestHandler):
    """Answers as the backend that the path names."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        """Send its reply."""
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        raw = BACKENDS[self.path.split("/")[1]].render(body)
        self.send_response(raw.status)
        for name, value in raw.headers:
            self.send_header(name, value)
        self.send_header("connection", "close")
        self.end_headers()
        for piece in raw.pieces:
            self.wfile.write(piece)
        self.close_connection = True

    @override
    def log_message(self, *_: object) -> None:
        """Nobody reads it."""


@contextmanager
def serving() -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()


def environment(home: Path) -> dict[str, str]:
    return {
        "PATH": os.defpath,
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "TMPDIR": str(home),
        "MY_KEY": KEY,
        "LLAMACPP_API_KEY": embedded.KEY,
    }


def started(home: Path, *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-P", "-m", "addon.cli", "check", *arguments]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, cwd=home, env=environment(home), stdout=pipe, stderr=pipe, text=True)


def checked(home: Path, *arguments: str) -> tuple[int, str, str]:
    with started(home, *arguments) as program:
        told, said = program.communicate(timeout=60)
        return program.returncode, told, said


def left_behind(home: Path) -> set[str]:
    """All that is there but the settings and mitmproxy's own folder."""
    return {path.name for path in home.iterdir()} - {"detour.yaml", ".mitmproxy", "log"}


# what is told of each: reached, key, stream, call, usage, thinking; then words of the finding, if there is one
TOLD: Mapping[str, tuple[tuple[str | None, ...], str]] = {
    "good/m": (("yes", "none", "yes", "yes", "yes", "yes"), ""),
    "whole/m": (("yes", "none", "no", "yes", "yes", "yes"), "warn it answers whole (application/json)"),
    "uncounted/m": (("yes", "none", "yes", "yes", "no", "yes"), "warn it counts no tokens"),
    "forced/m": (("yes", "none", "yes", "forced", "yes", "no"), "warn it calls a tool only when it must"),
    "wordy/m": (("yes", "none", "yes", "no", "yes", "no"), "fail it made no tool call: it said 'It rains.'"),
    "odd/m": (("yes", "none", "yes", "wrong", "yes", "no"), "fail its call does not fit the tool: [{'town'"),
    "silent/m": (("yes", "none", "yes", "no", "yes", "no"), "fail it made no tool call"),
    "cut/m": (("yes", None, None, None, None, None), "fail ended its reply without a finish reason"),
    "badkey/m": (("yes", "no", None, None, None, None), "fail refused the credential in MY_KEY: Incorrect API key"),
    "missing/m": (("yes", None, None, None, None, None), "fail The model x does not exist"),
    "poor/m": (("yes", "yes", None, None, None, None), "fail You exceeded your current quota"),
    "broken/m": (("yes", None, None, None, None, None), "fail The server had an error"),
    "small/m": (("yes", "yes", None, None, None, None), "fail prompt is too long: 300 tokens > 256 maximum"),
    "down/m": (("no", None, None, None, None, None), "fail cannot be reached at http://127.0.0.1:"),
    "tls/m": (("no", None, None, None, None, None), "fail cannot be reached at https://127.0.0.1:"),
    "groq/g": ((None, None, None, None, None, None), "warn it is not asked: there is no key for groq"),
}


def test_each_target_is_told_what_works_of_it_and_nothing_stays_behind(tmp_path: Path) -> None:
    [closed] = free_ports(1)
    with serving() as port:
        addresses = {name: f"http://127.0.0.1:{port}/{name}/v1" for name in BACKENDS}
        addresses |= {"down": f"http://127.0.0.1:{closed}/v1", "tls": f"https://127.0.0.1:{port}/good/v1"}
        made = {name: {"address": address} for name, address in addresses.items()}
        made["badkey"]["credential"] = "${MY_KEY}"
        written = {"backends": made, "retry": {"attempts": 0}, "big": list(TOLD)}
        (tmp_path / "detour.yaml").write_text(json.dumps(written))
        code, told, said = checked(tmp_path, "--json")
        assert (code, said) == (1, "")
        found = {each["target"]: each for each in json.loads(told)}
        words = ("reached", "key", "stream", "call", "usage", "thinking")
        for target, (expected, finding) in TOLD.items():
            assert tuple(found[target][word] for word in words) == expected, found[target]
            findings = [f"{each['level']} {each['what']}" for each in found[target]["findings"]]
            assert [each[: len(finding)] for each in findings] == ([finding] if finding else []), found[target]
        assert KEY not in told
        code, told, said = checked(tmp_path, "good/m")
    assert code == 0, told
    assert "asking 1 model for a tool call, at a price that nobody knows" in said
    assert "it works" in told
    assert left_behind(tmp_path) == set()


def test_the_embedded_model_is_reached_and_told_to_call_nothing(tmp_path: Path) -> None:
    with embedded.running(tmp_path) as model:
        few = {"llamacpp/smollm2-135m": {"output": 64}}  # it would write until it may not
        address = {"address": f"{model.url}/v1", "credential": "${LLAMACPP_API_KEY}"}
        written = {"backends": {"llamacpp": address}, "models": few}
        (tmp_path / "detour.yaml").write_text(json.dumps(written))
        code, told, _ = checked(tmp_path, "llamacpp/smollm2-135m", "--json")
    (found,) = json.loads(told)
    assert code == 1
    assert (found["reached"], found["key"], found["stream"], found["call"], found["usage"]) == (
        *("yes", "yes", "yes", "no", "yes"),
    )
    assert found["findings"][0]["what"].startswith("it made no tool call: it said ")


def test_control_c_ends_it_at_once_and_nothing_stays_behind(tmp_path: Path) -> None:
    with serving() as port:
        written = {"backends": {"endless": {"address": f"http://127.0.0.1:{port}/endless/v1"}}}
        (tmp_path / "detour.yaml").write_text(json.dumps(written))
        with started(tmp_path, "endless/m") as program:
            assert ASKED.wait(60)
            began = time.monotonic()
            program.send_signal(signal.SIGINT)
            program.wait(10)
            assert time.monotonic() - began < 8
            assert program.returncode == 130
            assert program.stderr is not None
            assert "Traceback" not in program.stderr.read()
        GO_ON.set()
    assert left_behind(tmp_path) == set()
