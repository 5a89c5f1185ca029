"""The bridge to litellm, with a litellm of the test's own: what it is asked, what becomes of its answers and faults."""

import asyncio
import json
import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from aiohttp import web

from addon import sidecar
from tests.end_to_end.proxy import ROOT

TOKEN = "token-of-this-run"
ASKED: dict[str, Any] = {"model": "bedrock/us.meta.llama4", "messages": [{"role": "user", "content": "Hi"}]}
LIMIT_S = 10


@dataclass
class Model:
    """What litellm's models of replies and chunks have."""

    told: dict[str, Any]

    @property
    def choices(self) -> list[Any]:
        return [SimpleNamespace(finish_reason=self.told["finish"])] if "finish" in self.told else []

    def model_dump_json(self, *, exclude_none: bool, exclude: Any = None) -> str:
        assert exclude_none
        return json.dumps(self.told if exclude is None else {"without": "fields"})


@dataclass
class Chunks:
    """A stream of litellm's. An error among the pieces is raised in its place, and a future is waited for."""

    pieces: list[Any]
    closed: asyncio.Event = field(default_factory=asyncio.Event)

    def __aiter__(self) -> "Chunks":
        return self

    async def __anext__(self) -> Model:
        if not self.pieces:
            raise StopAsyncIteration
        piece = self.pieces.pop(0)
        if isinstance(piece, Exception):
            raise piece
        if isinstance(piece, asyncio.Event):
            await piece.wait()
            return await self.__anext__()
        return Model(piece)

    async def aclose(self) -> None:
        self.closed.set()


class Refusal(Exception):
    """As litellm's exceptions are."""

    def __init__(self, message: str, status_code: int, **more: Any) -> None:
        super().__init__(message)
        self.message, self.status_code = message, status_code
        vars(self).update(more)


class ContextWindowExceededError(Refusal):
    """Of litellm's name."""


@dataclass
class Litellm:
    """The module: what it was asked, and what it does."""

    answer: Any
    asked: list[dict[str, Any]] = field(default_factory=list)

    address: str | None = None

    def get_llm_provider(self, model: str) -> tuple[str, str, str | None, str | None]:
        return model, "", None, self.address

    async def acompletion(self, **arguments: Any) -> Any:
        self.asked.append(arguments)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@asynccontextmanager
async def serving(litellm: Litellm) -> AsyncIterator[httpx.AsyncClient]:
    runner = web.AppRunner(sidecar.Bridge(litellm, TOKEN).application(), handler_cancellation=True)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    async with httpx.AsyncClient(base_url=url, headers={"authorization": f"Bearer {TOKEN}"}, trust_env=False) as client:
        yield client
    await runner.cleanup()


async def told(litellm: Litellm, body: Any = ASKED, **headers: str) -> httpx.Response:
    async with serving(litellm) as client:
        return await client.post(sidecar.PATH, json=body, headers=headers)


@pytest.mark.parametrize("bearer", ["", "Bearer", "Bearer other", TOKEN, f"Bearer {TOKEN} "[:-2], "Bearer tök€n"])
async def test_nobody_but_the_proxy_is_answered(bearer: str) -> None:
    litellm = Litellm(Model({}))
    async with serving(litellm) as client:
        headers = {b"authorization": bearer.encode()}
        answers = [
            await client.post(sidecar.PATH, json=ASKED, headers=headers),
            await client.get("/health", headers=headers),
        ]
    assert [answer.status_code for answer in answers] == [401, 401]
    assert litellm.asked == []


async def test_it_says_that_it_is_there() -> None:
    async with serving(Litellm(None)) as client:
        assert (await client.get("/health")).json() == {"status": "ok"}


async def test_a_whole_reply_is_what_litellm_says_and_the_body_is_what_it_is_asked() -> None:
    litellm = Litellm(Model({"object": "chat.completion"}))
    answer = await told(litellm, {**ASKED, "tools": [], "temperature": 0.5})
    assert (answer.status_code, answer.json()) == (200, {"object": "chat.completion"})
    assert litellm.asked == [{**ASKED, "tools": [], "temperature": 0.5, **sidecar.ALWAYS}]


@pytest.mark.parametrize("provider", sorted(sidecar.AT_OPENAIS))
async def test_a_key_of_a_provider_without_an_address_is_not_sent_to_openai(provider: str) -> None:
    asked, litellm = {**ASKED, "model": f"{provider}/x"}, Litellm(Model({}))
    refused = await told(litellm, asked)
    assert refused.status_code == 400
    assert f"litellm has no address for {provider}" in refused.json()["error"]["message"]
    assert litellm.asked == []
    assert (await told(litellm, asked, **{sidecar.API_BASE: "http://box/v1"})).status_code == 200
    assert (await told(Litellm(Model({}), address="http://box/v1"), asked)).status_code == 200


async def test_a_key_of_the_environment_is_told_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WATSONX_APIKEY", "a-long-secret-value")
    monkeypatch.setenv("WATSONX_TOKEN", "short")
    monkeypatch.setenv("WATSONX_URL", "a-long-address")
    error = Refusal("a-long-secret-value is no key, short, at a-long-address", 401)
    answer = await told(Litellm(error))
    assert answer.json()["error"]["message"] == "$WATSONX_APIKEY is no key, short, at a-long-address"


async def test_an_old_name_that_would_ask_openai_is_the_new_one() -> None:
    litellm = Litellm(Model({}))
    await told(litellm, {**ASKED, "model": "ai21/jamba"})
    assert litellm.asked[0]["model"] == "ai21_chat/jamba"


async def test_what_litellm_says_twice_is_said_once() -> None:
    assert (await told(Litellm(Model({sidecar.TWICE: {}})))).json() == {"without": "fields"}


async def test_what_is_configured_for_the_provider_reaches_it_and_what_is_ours_does_not() -> None:
    litellm = Litellm(Model({}))
    own = {sidecar.API_KEY: "sk-watsonx", sidecar.API_BASE: "https://eu.example/v1", "x-project": "p1"}
    await told(litellm, **own)
    given = {"api_key": "sk-watsonx", "api_base": "https://eu.example/v1", "extra_headers": {"x-project": "p1"}}
    assert litellm.asked == [{**ASKED, **sidecar.ALWAYS, **given}]


async def test_a_stream_is_events_in_order_and_an_end() -> None:
    chunks = Chunks([{"n": 1}, {"n": 2}])
    answer = await told(Litellm(chunks), {**ASKED, "stream": True})
    assert answer.headers["content-type"] == "text/event-stream"
    assert answer.text == 'data: {"n": 1}\n\ndata: {"n": 2}\n\ndata: [DONE]\n\n'
    assert chunks.closed.is_set()


async def test_a_stream_of_nothing_has_an_end() -> None:
    assert (await told(Litellm(Chunks([])), {**ASKED, "stream": True})).text == "data: [DONE]\n\n"


BUSY = Refusal("Slow down.", 429, litellm_response_headers={"retry-after": "7"})
BUSY_TOLD = {"message": "Slow down.", "type": "Refusal", "param": None, "code": "429"}


@pytest.mark.parametrize(
    ("error", "status", "expected", "wait"),
    [
        (BUSY, 429, BUSY_TOLD, "7"),
        (Refusal("Slow down.", 429, response=SimpleNamespace(headers={"retry-after": "9"})), 429, BUSY_TOLD, "9"),
        (
            ContextWindowExceededError("Too long.", 400),
            400,
            {"message": "Too long.", "type": "ContextWindowExceededError", "param": None, "code": sidecar.TOO_LONG},
            None,
        ),
        (KeyError("oops"), 500, {"message": "'oops'", "type": "KeyError", "param": None, "code": None}, None),
        (ValueError(), 500, {"message": "ValueError", "type": "ValueError", "param": None, "code": None}, None),
        (Refusal("odd", 200), 500, {"message": "odd", "type": "Refusal", "param": None, "code": "200"}, None),
    ],
)
@pytest.mark.parametrize("place", ["whole", "call", "first chunk"])
async def test_what_fails_before_the_first_word_has_its_status(
    error: Exception, status: int, expected: dict[str, Any], wait: str | None, place: str
) -> None:
    litellm = Litellm(Chunks([error]) if place == "first chunk" else error)
    answer = await told(litellm, {**ASKED, "stream": place != "whole"})
    assert (answer.status_code, answer.json()["error"]) == (status, expected)
    assert answer.headers.get("retry-after") == wait


async def test_what_fails_behind_the_first_word_is_an_event_without_an_end() -> None:
    answer = await told(Litellm(Chunks([{"n": 1}, BUSY])), {**ASKED, "stream": True})
    first, second = answer.text.removesuffix("\n\n").split("\n\n")
    assert first == 'data: {"n": 1}'
    assert json.loads(second.removeprefix("data: ")) == {"error": BUSY_TOLD}


@dataclass
class Wrapper(Chunks):
    """As litellm's own wrapper of a stream, which says "stop" where the provider said nothing."""

    received_finish_reason: str | None = None
    intermittent_finish_reason: str | None = None


FINISHED = {"finish": "stop"}
UNFINISHED = "The provider ended its reply without a finish reason."


async def test_a_finish_that_litellm_invents_is_an_error() -> None:
    answer = await told(Litellm(Wrapper([{"n": 1}, FINISHED])), {**ASKED, "stream": True})
    assert UNFINISHED in answer.text
    assert "[DONE]" not in answer.text
    empty = await told(Litellm(Wrapper([FINISHED])), {**ASKED, "stream": True})
    assert (empty.status_code, empty.json()["error"]["message"]) == (502, UNFINISHED)


async def test_of_a_mock_all_is_invented() -> None:
    answer = await told(Litellm(Wrapper([FINISHED])), {**ASKED, "stream": True, "mock_response": "Hi."})
    assert answer.text.endswith("[DONE]\n\n")


@pytest.mark.parametrize("reasons", [("stop", None), (None, "length")])
async def test_a_finish_that_the_provider_told_is_one(reasons: tuple[str | None, str | None]) -> None:
    answer = await told(Litellm(Wrapper([FINISHED], asyncio.Event(), *reasons)), {**ASKED, "stream": True})
    assert answer.text.endswith("[DONE]\n\n")


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("litellm.RateLimitError: RateLimitError: OpenAIException - Slow down.", "Slow down."),
        ("litellm.BadRequestError: WatsonxException - a: b", "a: b"),
        ("litellm.MidStreamFallbackError: litellm.APIConnectionError: APIConnectionError: XException - cut", "cut"),
        ("litellm.BadRequestError: LLM Provider NOT provided.", "LLM Provider NOT provided."),
        ("Error: it is so", "Error: it is so"),
        ('litellm.BadRequestError: XException - {"error": {"message": "No."}}', "No."),
        ('litellm.BadRequestError: XException - b\'{"error": "No."}\'', "No."),
        ('litellm.BadRequestError: XException - {"error": {"code": 1}}', '{"error": {"code": 1}}'),
        ('litellm.BadRequestError: XException - {"error": 1}', '{"error": 1}'),
        ("litellm.APIConnectionError: No account.\nTraceback (most recent call last):\n  File", "No account."),
        ("litellm.RateLimitError: ", "litellm.RateLimitError: "),
    ],
)
async def test_an_error_is_told_in_the_words_of_the_provider(message: str, expected: str) -> None:
    answer = await told(Litellm(Refusal(message, 400)))
    assert answer.json()["error"]["message"] == expected


@pytest.mark.parametrize("body", [b"{", b"[]", b'"x"'])
async def test_a_body_that_is_none_is_refused(body: bytes) -> None:
    async with serving(Litellm(None)) as client:
        answer = await client.post(sidecar.PATH, content=body)
    assert answer.status_code == 400
    assert answer.json()["error"]["message"].startswith("The body is no request")


async def test_who_goes_away_cancels_the_call() -> None:
    chunks = Chunks([{"n": 1}, asyncio.Event()])
    async with serving(Litellm(chunks)) as client:
        async with client.stream("POST", sidecar.PATH, json={**ASKED, "stream": True}) as answer:
            await anext(answer.aiter_raw())
        async with asyncio.timeout(LIMIT_S):
            await chunks.closed.wait()


# -- the process -------------------------------------------------------------------------------------------------------

# stands in for litellm: found before the installed one
FAKE = """
import asyncio, logging, os, sys
print("libraries print what they like")
class Reply:
    def model_dump_json(self, exclude_none): return '{"mode": "%s"}' % os.environ["LITELLM_MODE"]
async def acompletion(**asked):
    await asyncio.sleep(float(asked.get("wait", 0)))
    return Reply()
"""


@pytest.fixture
def start(tmp_path: Any) -> Any:
    """Start the process with the litellm above: the process, and where it listens."""
    (tmp_path / "litellm.py").write_text(FAKE)
    started: list[subprocess.Popen[bytes]] = []

    def begin() -> tuple[subprocess.Popen[bytes], str]:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            process = subprocess.Popen(
                [sys.executable, "-c", "from addon.sidecar import main; main()"],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, pass_fds=(listener.fileno(),),
                env={"PATH": os.defpath, "PYTHONPATH": f"{tmp_path}:{ROOT}"},
            )  # fmt: skip
            started.append(process)
            assert process.stdin is not None
            process.stdin.write(json.dumps({"listener": listener.fileno(), "token": TOKEN}).encode() + b"\n")
            process.stdin.flush()
            return process, f"http://127.0.0.1:{listener.getsockname()[1]}{sidecar.PATH}"

    yield begin
    for process in started:
        with process:
            process.kill()


type Start = Callable[[], tuple[subprocess.Popen[bytes], str]]


async def post(url: str, **more: Any) -> httpx.Response:
    async with httpx.AsyncClient(trust_env=False) as client:
        headers = {"authorization": f"Bearer {TOKEN}"}
        return await client.post(url, json={**ASKED, **more}, headers=headers, timeout=LIMIT_S)


async def test_the_process_answers_who_came_while_it_started_and_says_one_word(start: Start) -> None:
    process, url = start()
    assert (await post(url)).json() == {"mode": "PRODUCTION"}
    assert process.stdin is not None
    process.stdin.close()
    assert process.wait(LIMIT_S) == 0
    assert process.stdout is not None
    assert process.stdout.read() == b"ready\n"


async def test_the_process_ends_with_its_input_and_sees_to_the_end_what_is_under_way(start: Start) -> None:
    process, url = start()
    await post(url)
    under_way = asyncio.create_task(post(url, wait=0.5))
    await asyncio.sleep(0.2)
    assert process.stdin is not None
    process.stdin.close()
    assert (await under_way).status_code == 200
    assert process.wait(LIMIT_S) == 0


async def test_a_process_whose_input_ends_while_it_starts_ends_at_once(start: Start, tmp_path: Any) -> None:
    (tmp_path / "litellm.py").write_text("import time; time.sleep(60)")
    process, _ = start()
    assert process.stdin is not None
    process.stdin.close()
    assert process.wait(LIMIT_S) == 0


def test_a_process_that_is_told_nothing_ends() -> None:
    command = [sys.executable, "-c", "from addon.sidecar import main; main()"]
    ended = subprocess.run(
        command, cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, timeout=LIMIT_S, check=True
    )
    assert ended.stdout == b""
