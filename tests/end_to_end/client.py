"""The real Claude Code, run once with an environment of its own: nothing is inherited, nothing is left behind.

`DETOUR_TEST_CLAUDE` names the native binary; tests marked `client` are skipped without it.
Sources of the switches: shared protocol facts, sections 1, 9 and 12; all tried with 2.1.329.
"""

import contextlib
import json
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from tests.end_to_end.proxy import Proxy
from tests.end_to_end.terminal import Terminal, terminal

type Json = dict[str, Any]
type Door = Literal["proxy", "reverse"]
# of a session: a user turn, a control request (an object with a subtype), or something done between two turns
type Turn = str | Json | Callable[[], object]

DOORS: tuple[Door, ...] = ("proxy", "reverse")
BINARY = os.environ.get("DETOUR_TEST_CLAUDE", "")
API_KEY = "sk-ant-test-client-key"
PROMPT_SIGN = "\u276f"  # where a person types
TIME_LIMIT_S = 40  # a run takes half a second to two; many times that on a machine that is busy


@dataclass(frozen=True, slots=True)
class Run:
    """What the user saw. `events` are the stream-json lines, or the one object of `--output-format json`."""

    exit_code: int
    events: list[Json]
    stderr: str

    @property
    def result(self) -> Json:
        """The closing result event."""
        return next(event for event in reversed(self.events) if event.get("type") == "result")

    @property
    def results(self) -> list[str]:
        """The answer of each turn."""
        return [str(event.get("result")) for event in self.events if event.get("type") == "result"]

    @property
    def text(self) -> str:
        """The final answer."""
        return self.results[-1]

    def blocks(self, role: str, kind: str) -> list[Json]:
        """Content blocks of one type in the visible transcript, of the user's or the assistant's messages."""
        messages = [event["message"]["content"] for event in self.events if event.get("type") == role]
        return [
            block for content in messages if isinstance(content, list) for block in content if block["type"] == kind
        ]

    def notices(self, subtype: str) -> list[Json]:
        """System events such as `api_retry` or `compact_boundary`."""
        return [event for event in self.events if event.get("type") == "system" and event.get("subtype") == subtype]


@dataclass(frozen=True, slots=True)
class ClaudeCode:
    """One user at one door: a home, a working directory, a way to the proxy."""

    door: Door
    proxy: Proxy
    home: Path

    @property
    def workspace(self) -> Path:
        """The working directory of the session."""
        return self.home / "workspace"

    def environment(self) -> dict[str, str]:
        """Everything the client gets to know about its surroundings."""
        doors: dict[Door, dict[str, str]] = {
            "proxy": {"HTTPS_PROXY": self.proxy.proxy_url, "NODE_EXTRA_CA_CERTS": str(self.proxy.ca_certificate)},
            "reverse": {"ANTHROPIC_BASE_URL": self.proxy.reverse_url},
        }
        return {
            "PATH": os.defpath,
            "HOME": str(self.home),
            "TMPDIR": str(self.home),
            "LANG": "C.UTF-8",
            "SHELL": "/bin/sh",
            "ANTHROPIC_API_KEY": API_KEY,
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
            "CLAUDE_CODE_SKIP_FAST_MODE_ORG_CHECK": "1",
            "CLAUDE_CODE_MAX_RETRIES": "2",  # ten by default, which is three minutes for a test that fails
            **doors[self.door],
        }

    def run(self, *turns: Turn, options: Sequence[str] = (), environment: Mapping[str, str] | None = None) -> Run:
        """One session in stream-json; each turn begins when the one before has its result.

        Raises TimeoutError after ending the client and all its children.
        """
        streaming = ["--input-format", "stream-json", "--output-format", "stream-json", "--verbose"]
        events: list[Json] = []
        with self._started([*streaming, *options], environment or {}) as session:
            for turn in turns:
                if callable(turn):
                    turn()
                    continue
                control = isinstance(turn, dict)
                session.say(json.dumps(control_request(turn) if isinstance(turn, dict) else user_turn(turn)) + "\n")
                events += session.until("control_response" if control else "result")
            return session.finish(events)

    def ask(self, prompt: str, *options: str) -> Run:
        """One question on standard input, one JSON object on standard output."""
        with self._started(["--output-format", "json", *options], {}) as session:
            session.say(prompt)
            return session.finish([])

    @contextlib.contextmanager
    def shown(self, environment: Mapping[str, str] | None = None) -> Iterator[Terminal]:
        """The client as a person starts it, in a terminal, past the questions of a first start.

        What it fetches besides, whatever the door, goes through the proxy: nothing leaves this machine.
        """
        self.workspace.mkdir(parents=True, exist_ok=True)
        answered = {
            "hasCompletedOnboarding": True,
            "customApiKeyResponses": {"approved": [API_KEY[-20:]]},
            "projects": {str(self.workspace): {"hasTrustDialogAccepted": True}},
        }
        (self.home / ".claude.json").write_text(json.dumps(answered), encoding="utf-8")
        surroundings = {
            "HTTPS_PROXY": self.proxy.proxy_url,
            "NO_PROXY": "127.0.0.1",
            "NODE_EXTRA_CA_CERTS": str(self.proxy.ca_certificate),
            "CLAUDE_CODE_DISABLE_OFFICIAL_MARKETPLACE_AUTOINSTALL": "1",
        }
        with terminal(
            [BINARY], self.workspace, {**self.environment(), **surroundings, **(environment or {})}, rows=40
        ) as screen:
            screen.wait_for(PROMPT_SIGN)
            yield screen

    @contextlib.contextmanager
    def _started(self, options: Sequence[str], environment: Mapping[str, str]) -> Iterator["Session"]:
        self.workspace.mkdir(parents=True, exist_ok=True)
        with (self.home / "stderr").open("wb") as stderr:
            process = subprocess.Popen(
                [BINARY, "-p", *options],
                cwd=self.workspace,
                env={**self.environment(), **environment},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
                text=True,
                start_new_session=True,
            )
        session = Session(process, self.home / "stderr")
        try:
            yield session
        finally:
            session.close()


class Session:
    """A client that is running. After `TIME_LIMIT_S` it is ended and whatever waits for it raises TimeoutError."""

    def __init__(self, process: subprocess.Popen[str], stderr: Path) -> None:
        self._process = process
        self._stderr = stderr
        self._out_of_time = threading.Event()
        self._timer = threading.Timer(TIME_LIMIT_S, self._give_up)
        self._timer.start()

    def say(self, text: str) -> None:
        """Type something; a client that has already ended tells why in its output."""
        assert self._process.stdin
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(text)
            self._process.stdin.flush()

    def until(self, kind: str) -> list[Json]:
        """The events up to and including the first of this type, or to the end of the output."""
        assert self._process.stdout
        events: list[Json] = []
        for line in self._process.stdout:
            if line.startswith("{"):
                events.append(json.loads(line))
                if events[-1].get("type") == kind:
                    break
        return events

    def finish(self, events: list[Json]) -> Run:
        """Close the input and read the rest."""
        assert self._process.stdin
        assert self._process.stdout
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        rest = [json.loads(line) for line in self._process.stdout if line.startswith("{")]
        exit_code = self._process.wait()
        stderr = self._stderr.read_text(encoding="utf-8", errors="replace")
        if self._out_of_time.is_set():
            shown = [event for event in events + rest if event.get("subtype") != "init"]
            raise TimeoutError(f"no end after {TIME_LIMIT_S} s; events so far: {shown}; stderr: {stderr}")
        return Run(exit_code, events + rest, stderr)

    def close(self) -> None:
        """End the client and whatever it started; it leads a process group of its own."""
        self._timer.cancel()
        self._timer.join()
        self._end()
        with contextlib.suppress(BrokenPipeError):
            self._process.__exit__(None, None, None)

    def _give_up(self) -> None:
        self._out_of_time.set()
        self._end()

    def _end(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)


def control_request(request: Json) -> Json:
    """What a program that embeds the client asks of it, such as `{"subtype": "set_model", "model": ...}`."""
    return {"type": "control_request", "request_id": "request", "request": request}


def user_turn(text: str) -> Json:
    """One user message in the stream-json input format."""
    return {"type": "user", "message": {"role": "user", "content": text}, "parent_tool_use_id": None, "session_id": ""}
