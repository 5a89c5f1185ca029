"""The real Claude Code and backends that are silent, busy or down, or that die: what its user sees, who is asked.

What has to wait is played once for all tests that look at it, side by side, each with a backend of its own. A target's
failures are remembered; so every other test names models that no test has named before.
"""

import json
import re
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import pytest

from tests.end_to_end.client import DOORS, ClaudeCode, Door, Run
from tests.end_to_end.fakes import FakeBackend, Received, Step, serving, when
from tests.end_to_end.proxy import Proxy, free_ports, running
from tests.end_to_end.replies import Answer, Call, Json, Raw, Reply, Silent, answer, call, failure, overflow, sse
from tests.end_to_end.trio import Trio

pytestmark = pytest.mark.client

WATCHDOG = {"CLAUDE_BYTE_STREAM_IDLE_TIMEOUT_MS": "10000"}  # the client takes no less
SILENCE_S = 14.0  # beyond the watchdog, also where the machine is busy
GRACE_S = 2.0
TOOLS = ["--allowedTools", "Bash"]
KEPT_ALIVE = {"streaming": {"grace": f"{GRACE_S}s", "ping": "4s"}, "retry": {"longest_wait": "200ms"}}
LEFT_ALONE = {"streaming": {"grace": f"{GRACE_S}s", "ping": "60s"}}  # "200, wait" and no more

BUSY = failure(429, "Slow down.", kind="requests", code="rate_limit_exceeded")
DOWN = failure(503, "No capacity.", kind="server_error")
WHOLE = answer("This is all of it.")


def for_summary(request: Received) -> bool:
    return "Respond with TEXT ONLY" in str(request.last("user")["content"])


# -- what has to wait --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Scene:
    """A session with one backend."""

    steps: tuple[Reply | Step, ...]
    is_kept_alive: bool = True
    turns: tuple[str, ...] = ("Tell me.",)


LATE = Silent(DOWN, GRACE_S + 1)
LATE_OVERFLOW = Silent(overflow(), GRACE_S + 1)
SUMMARY = when(for_summary, answer("<summary>The user said one.</summary>"))
SCENES = {
    "silent before its first byte": Scene((Silent(WHOLE, SILENCE_S),)),
    "silent in its text": Scene((Silent(WHOLE, SILENCE_S, before=2),)),
    "silent before its first byte, without pings": Scene((Silent(WHOLE, SILENCE_S), WHOLE), is_kept_alive=False),
    "silent in its text, without pings": Scene((Silent(WHOLE, SILENCE_S, before=2), WHOLE), is_kept_alive=False),
    "down after the grace": Scene((LATE, DOWN, DOWN, WHOLE)),
    "down after the grace, three times": Scene((*(LATE, DOWN, DOWN) * 3, WHOLE)),
    "too long after the grace": Scene(
        (SUMMARY, answer("Answer one."), LATE_OVERFLOW, overflow(), WHOLE), turns=("Turn one.", "Turn two.")
    ),
}


@dataclass(frozen=True, slots=True)
class Played:
    """What came of a scene."""

    run: Run
    backend: FakeBackend

    @property
    def streams(self) -> list[bool]:
        """Whether each request asked for a stream."""
        return [request.body.get("stream") is True for request in self.backend.received]


type Outcomes = Mapping[tuple[str, Door], Played]


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outcomes]:
    home = tmp_path_factory.mktemp("scenes")
    cast = list(product(SCENES, DOORS))
    with ExitStack() as stack:
        backends = [stack.enter_context(serving(FakeBackend())) for _ in cast]
        rows = {
            f"b{number}": {"address": each.base_url, "credential": each.key} for number, each in enumerate(backends)
        }
        proxies = {}
        for is_kept_alive, settings in ((True, KEPT_ALIVE), (False, LEFT_ALONE)):
            folder = home / str(is_kept_alive)
            folder.mkdir()
            (folder / "detour.yaml").write_text(json.dumps({"backends": rows, **settings}), encoding="utf-8")
            proxies[is_kept_alive] = stack.enter_context(running(folder, {}))

        def play(number: int) -> Played:
            name, door = cast[number]
            scene = SCENES[name]
            backends[number].script(*scene.steps)
            client = ClaudeCode(door, proxies[scene.is_kept_alive], home / f"home{number}")
            run = client.run(*scene.turns, options=["--model", f"b{number}/m"], environment=WATCHDOG)
            return Played(run, backends[number])

        with ThreadPoolExecutor(len(cast)) as pool:
            yield dict(zip(cast, pool.map(play, range(len(cast))), strict=True))
        for proxy in proxies.values():
            proxy.verify()


@pytest.fixture(params=DOORS)
def door(request: pytest.FixtureRequest) -> Door:
    door: Door = request.param
    return door


@pytest.mark.parametrize("where", ["before its first byte", "in its text"])
def test_a_backend_that_is_silent_is_waited_for(outcomes: Outcomes, door: Door, where: str) -> None:
    played = outcomes[f"silent {where}", door]
    assert (played.run.exit_code, played.run.text) == (0, WHOLE.text)
    assert played.run.notices("api_retry") == []
    assert played.streams == [True]
    played.backend.verify()


@pytest.mark.parametrize(("where", "asked"), [("before its first byte", True), ("in its text", False)])
def test_without_pings_the_client_gives_up_and_asks_again(
    outcomes: Outcomes, door: Door, where: str, asked: bool
) -> None:
    """The counterproof: it is the pings that keep the client waiting."""
    played = outcomes[f"silent {where}, without pings", door]
    assert (played.run.exit_code, played.run.text) == (0, WHOLE.text)
    assert played.streams == [True, asked]
    played.backend.verify()


def test_a_failure_after_the_grace_is_asked_for_again_as_a_stream(outcomes: Outcomes, door: Door) -> None:
    """It was asked three times inside the client's first request, and the client was told that it is overloaded."""
    played = outcomes["down after the grace", door]
    assert (played.run.exit_code, played.run.text) == (0, WHOLE.text)
    assert played.streams == [True, True, True, True]
    assert played.run.notices("api_retry") == []
    played.backend.verify()


def test_after_three_such_streams_the_client_asks_for_a_whole_reply(outcomes: Outcomes, door: Door) -> None:
    played = outcomes["down after the grace, three times", door]
    assert (played.run.exit_code, played.run.text) == (0, WHOLE.text)
    assert played.streams == [True] * 9 + [False]
    assert played.run.notices("api_retry") == []
    played.backend.verify()


def test_an_overflow_after_the_grace_costs_one_request_and_compacts(outcomes: Outcomes, door: Door) -> None:
    """The client asks for a whole reply, and that has its true status."""
    played = outcomes["too long after the grace", door]
    assert played.run.results == ["Answer one.", WHOLE.text]
    assert len(played.run.notices("compact_boundary")) == 1
    assert played.streams == [True, True, False, True, True]
    played.backend.verify()


# -- what is at once ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def _proxy(_trio: Trio, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    home = tmp_path_factory.mktemp("at_once")
    lists = {f"list-{door}": [f"one/first-{door}", f"two/second-{door}"] for door in DOORS}
    lists |= {f"breaking-{door}": [f"one/breaking-{door}", f"two/whole-{door}"] for door in DOORS}
    nobody = {f"nobody-{door}": [f"gone/first-{door}", f"two/third-{door}"] for door in DOORS}
    more = {"models": lists | nobody, **KEPT_ALIVE}
    gone = f"  gone: {{address: 'http://127.0.0.1:{free_ports(1)[0]}'}}\n"
    settings = _trio.settings + gone + "".join(f"{name}: {json.dumps(value)}\n" for name, value in more.items())
    (home / "detour.yaml").write_text(settings, encoding="utf-8")
    with running(home, _trio.environment) as proxy:
        yield proxy
        proxy.verify()


@dataclass(frozen=True, slots=True)
class User:
    """A client whose requests are counted."""

    client: ClaudeCode

    @property
    def door(self) -> Door:
        """Its way to the proxy."""
        return self.client.door

    def run(self, model: str) -> tuple[Run, list[int]]:
        """Ask this model. Returns the session, and the status that each request of the client ended with."""
        begin = len(self.client.proxy.log)
        run = self.client.run("Tell me.", options=["--model", model, *TOOLS])
        return run, [
            int(status) for status in re.findall(r"\] [0-9a-f]{8} (\d{3}) \d+ ms ", self.client.proxy.log[begin:])
        ]


@pytest.fixture
def user(door: Door, _proxy: Proxy, tmp_path: Path) -> User:
    return User(ClaudeCode(door, _proxy, tmp_path / "home"))


def test_the_next_of_a_list_answers_when_the_first_is_busy(user: User, trio: Trio) -> None:
    trio.one.script(BUSY, BUSY, BUSY)
    trio.two.script(WHOLE)
    run, requests = user.run(f"list-{user.door}")
    assert (run.exit_code, run.text) == (0, WHOLE.text)
    assert (requests, run.notices("api_retry")) == ([200], [])


@pytest.mark.parametrize("failing", [BUSY, DOWN], ids=["busy", "down"])
def test_a_failure_that_passes_is_not_seen(user: User, trio: Trio, failing: Reply) -> None:
    trio.one.script(failing, WHOLE)
    run, requests = user.run("one/passes")
    assert (run.exit_code, run.text) == (0, WHOLE.text)
    assert (requests, run.notices("api_retry")) == ([200], [])


@pytest.mark.parametrize(("door", "asks"), [("proxy", 4), ("reverse", 3)], indirect=["door"])
def test_where_nobody_can_answer_the_user_reads_who_was_asked(user: User, trio: Trio, asks: int) -> None:
    """The client has two retries here; behind HTTPS_PROXY it makes one more, at once and without a notice."""
    trio.two.script(*[DOWN] * 3 * asks)
    run, requests = user.run(f"nobody-{user.door}")
    tried = f"tried gone/first-{user.door} 503 503 503, two/third-{user.door} 503 503 503"
    assert run.exit_code == 1
    assert run.text.startswith(f"API Error: 503 two/third-{user.door}: No capacity. ({tried}). This is a server-side")
    assert (requests, len(run.notices("api_retry"))) == ([503] * asks, 2)


# -- a reply that breaks off -------------------------------------------------------------------------------------------


def shell(command: str, call_id: str) -> Call:
    return call("Bash", call_id, command=command, description="Run it")


@dataclass(frozen=True, slots=True)
class Broken:
    """The beginning of a stream, and then its end, or a word on why there will be none."""

    reply: Answer
    chunks: int
    last_word: Json | None = None

    def render(self, request: Json) -> Raw:
        """The bytes."""
        pieces = self.reply.render(request).pieces[: self.chunks]
        return Raw((*pieces, sse(self.last_word)) if self.last_word else pieces, cut=True)


TOO_MUCH = {"error": {"message": "Slow down.", "type": "rate_limit_exceeded", "code": 429}}


def test_cut_in_its_text_it_is_asked_for_whole(user: User, trio: Trio) -> None:
    trio.one.script(Broken(answer("This will never be finished."), 3), WHOLE)  # in its second piece of text
    run, requests = user.run("one/cut-in-text")
    assert (requests, run.notices("api_retry")) == ([200, 200], [])
    assert (run.exit_code, run.text) == (0, WHOLE.text)
    assert [request.body.get("stream") for request in trio.one.received] == [True, None]


def test_the_next_of_a_list_is_asked_for_the_whole_when_the_first_breaks_off(user: User, trio: Trio) -> None:
    trio.one.script(Broken(answer("This will never be finished."), 3))
    trio.two.script(WHOLE)
    run, requests = user.run(f"breaking-{user.door}")
    assert (requests, run.notices("api_retry")) == ([200, 200], [])
    assert (run.exit_code, run.text) == (0, WHOLE.text)


@pytest.mark.parametrize("last_word", [None, TOO_MUCH], ids=["cut", "busy"])
def test_broken_behind_a_text_it_is_resumed(user: User, trio: Trio, last_word: Json | None) -> None:
    """On a rate limit the client would end its turn, if we told it that it is one."""
    said = answer("I run it.", shell("echo one", "call_1"))
    trio.one.script(Broken(said, 5, last_word), WHOLE)  # in the arguments of the call
    run, requests = user.run("one/broken-behind-text")
    assert (requests, run.notices("api_retry")) == ([200, 200], [])
    assert [block["text"] for block in run.blocks("assistant", "text")] == ["I run it.", WHOLE.text]
    assert run.blocks("assistant", "tool_use") == []
    assert trio.one.received[1].last("assistant")["content"] == "I run it."
    assert "cut off mid-stream" in str(trio.one.received[1].last("user")["content"])


def test_cut_behind_a_call_the_call_is_run(user: User, trio: Trio) -> None:
    calls = (shell("echo one", "call_1"), shell("echo two", "call_2"))
    trio.one.script(Broken(Answer(calls=calls), 15), WHOLE)  # in the arguments of the second
    run, requests = user.run("one/cut-behind-call")
    assert (requests, run.notices("api_retry")) == ([200, 200], [])
    assert [block["content"] for block in run.blocks("user", "tool_result")] == ["one"]
    assert trio.one.received[1].last("tool")["content"] == "one"
    assert run.text == WHOLE.text
