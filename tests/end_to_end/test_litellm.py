"""The installed litellm in its process, behind a running mitmdump: a strict backend behind it, the real client before.

Nothing of litellm is faked here. The backend takes what OpenAI would take, but for headers: litellm sends its own.
"""

import base64
import json
import os
import signal
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, override

import anthropic
import httpx
import pytest

from addon.cli.embedded_model import MODEL_NAME
from tests import law
from tests.end_to_end import embedded
from tests.end_to_end.client import API_KEY, DOORS, ClaudeCode, Door
from tests.end_to_end.fakes import KEY, FakeBackend, Received, serving
from tests.end_to_end.proxy import Proxy, running, wait_until
from tests.end_to_end.replies import Answer, Raw, Reply, Usage, answer, call, failure, overflow, sse
from tests.end_to_end.sdk import official_client
from tests.end_to_end.test_claude_code import TOOLS, png, shell
from tests.pdfs import encoded, pdf

MODEL = "litellm/openai/smol"
SECRET = "sk-ant-a-key-of-litellms-own"
START_LIMIT_S = 60  # two to five seconds measured
LIMIT_S = 20
# tells in its log whether litellm is in mitmproxy's own process
WITNESS = """
import logging, sys
def response(flow): logging.info("witness: %s", sorted(set(sys.modules) & {"litellm", "openai", "aiohttp", "tiktoken"}))
"""


class Behind(FakeBackend):
    """What stands behind litellm: as strict as OpenAI of the body, and of the key."""

    @override
    def objections(self, request: Received) -> list[str]:
        found = FakeBackend.objections(self, request)
        return [each for each in found if not each.startswith("header ") or each.startswith("header authorization")]


@pytest.fixture(scope="module")
def _behind() -> Iterator[Behind]:
    with serving(Behind()) as fake:
        yield fake


@pytest.fixture
def behind(_behind: Behind) -> Iterator[Behind]:
    _behind.script()
    yield _behind
    _behind.verify()


def home_of(folder: Path, address: str, **more: Any) -> dict[str, str]:
    """Write the settings; the environment that finds them."""
    folder.mkdir(exist_ok=True)
    (folder / "witness.py").write_text(WITNESS)
    written = {"backends": {"litellm": {"address": address, "credential": "${BEHIND_KEY}"}}, "retry": {"attempts": 0}}
    (folder / "detour.yaml").write_text(json.dumps({**written, **more}))
    return {"BIG_MODEL": MODEL, "BEHIND_KEY": KEY, "DETOUR_CONFIG": str(folder / "detour.yaml")}


@pytest.fixture(scope="module")
def proxy(_behind: Behind, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    home = tmp_path_factory.mktemp("litellm")
    with running(home, home_of(home, _behind.base_url), "-s", str(home / "witness.py")) as proxy:
        yield proxy
        proxy.verify()
        assert "witness: []" in proxy.log
        assert "witness: ['" not in proxy.log, "litellm, or what it brings, is in mitmproxy's process"
    proxy.verify_secrets(KEY, API_KEY)


@pytest.fixture
def client(proxy: Proxy) -> Iterator[anthropic.Anthropic]:
    with official_client("reverse", proxy) as client:
        yield client


def own_backends(address: str, **more: Any) -> dict[str, Any]:
    """The settings' backends, with more."""
    return {"backends": {"litellm": {"address": address, "credential": "${BEHIND_KEY}"}, **more}}


def children(proxy: Proxy) -> list[int]:
    """The processes that mitmdump has started, and that are not ended."""
    listed = Path(f"/proc/{proxy.process.pid}/task/{proxy.process.pid}/children")
    found = [int(pid) for task in listed.parents[1].iterdir() for pid in (task / "children").read_text().split()]
    return [pid for pid in found if "addon.sidecar" in Path(f"/proc/{pid}/cmdline").read_text()]


def is_gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def asked(text: str = "Hi.", **more: Any) -> dict[str, Any]:
    return {"model": "claude-opus-4-8", "max_tokens": 500, "messages": [{"role": "user", "content": text}], **more}


def post(proxy: Proxy, body: dict[str, Any]) -> httpx.Response:
    with httpx.Client(trust_env=False, timeout=START_LIMIT_S) as plain:
        return plain.post(f"{proxy.reverse_url}/v1/messages", json=body, headers={"x-api-key": API_KEY})


# -- what is said, there and back --------------------------------------------------------------------------------------

WEATHER: anthropic.types.ToolParam = {
    "name": "weather",
    "description": "Tell it",
    "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}
OSLO, ROME = call("weather", "call_1", city="Oslo"), call("weather", "call_2", city="Rome")


def kinds(message: anthropic.types.Message) -> list[str]:
    return [block.type for block in message.content]


@pytest.mark.parametrize("streamed", [True, False], ids=["streamed", "whole"])
@pytest.mark.parametrize(
    ("reply", "expected", "stop"),
    [
        (answer("Hello there."), ["text"], "end_turn"),
        (answer("", OSLO), ["tool_use"], "tool_use"),
        (answer("Two.", OSLO, ROME), ["text", "tool_use", "tool_use"], "tool_use"),
        (answer("", OSLO, ROME, interleaved=True), ["tool_use", "tool_use"], "tool_use"),
        (answer("Four.", reasoning="Two and two."), ["thinking", "text"], "end_turn"),
        (Answer("Cut", finish="length"), ["text"], "max_tokens"),
        (Answer("No", finish="content_filter"), ["text"], "refusal"),
    ],
    ids=["text", "tool", "parallel tools", "interleaved tools", "reasoning", "length", "filter"],
)
def test_replies_of_every_kind(
    client: anthropic.Anthropic, behind: Behind, reply: Answer, expected: list[str], stop: str, streamed: bool
) -> None:
    behind.script(reply)
    body = asked(tools=[WEATHER])
    if streamed:
        with client.messages.stream(**body) as stream:
            message = stream.get_final_message()
    else:
        message = client.messages.create(**body)
    assert (kinds(message), message.stop_reason) == (expected, stop)
    inputs = [block.input for block in message.content if block.type == "tool_use"]
    assert inputs == [json.loads(each.arguments) for each in reply.calls]
    assert (message.usage.input_tokens, message.usage.output_tokens) == (Usage().prompt, Usage().completion)
    [sent] = behind.received
    assert (sent.body["model"], sent.body.get("stream", False)) == ("smol", streamed)


def picture() -> dict[str, Any]:
    data = base64.b64encode(png()).decode()
    return {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": data}}


def test_a_conversation_reaches_the_provider_whole(client: anthropic.Anthropic, behind: Behind) -> None:
    behind.script(answer("Rain."))
    calls = [{"type": "tool_use", "id": f"toolu_{n}", "name": "weather", "input": {"city": "Oslo"}} for n in (1, 2)]
    results: list[Any] = [
        {"type": "tool_result", "tool_use_id": "toolu_1", "content": [{"type": "text", "text": "Dry."}, picture()]},
        {"type": "tool_result", "tool_use_id": "toolu_2", "content": "Broken.", "is_error": True},
        {"type": "text", "text": "And now?"},
    ]
    turns: list[Any] = [
        {"role": "user", "content": [picture(), {"type": "text", "text": "Where?"}]},
        {"role": "assistant", "content": [{"type": "text", "text": "I look."}, *calls]},
        {"role": "user", "content": results},
    ]
    with client.messages.stream(
        model="claude-opus-4-8", max_tokens=500, system="Be brief.", messages=turns, tools=[WEATHER],
        tool_choice={"type": "any"}, stop_sequences=["END"], extra_body={"temperature": 0.5},
    ) as stream:  # fmt: skip
        stream.get_final_message()
    [sent] = behind.received
    roles = [message["role"] for message in sent.messages]
    assert roles == ["system", "user", "assistant", "tool", "tool", "user"]
    assert [call["id"] for call in sent.last("assistant")["tool_calls"]] == ["toolu_1", "toolu_2"]
    assert sent.text.count("data:image/png;base64,") == 2
    assert "Broken." in sent.last("tool")["content"]
    assert "And now?" in json.dumps(sent.last("user"))
    own = {name: sent.body[name] for name in ("stop", "temperature", "tool_choice", "max_tokens")}
    assert own == {"stop": ["END"], "temperature": 0.5, "tool_choice": "required", "max_tokens": 500}


@pytest.mark.parametrize(("model", "as_file"), [(MODEL, False), ("litellm/openai/gpt-4.1", True)])
def test_a_document_goes_as_one_only_where_that_is_known_to_be_taken(
    client: anthropic.Anthropic, behind: Behind, model: str, as_file: bool
) -> None:
    """Some of litellm's providers leave a PDF out without a word; its text reaches them all."""
    behind.script(answer("Rain."))
    source = {"type": "base64", "media_type": "application/pdf", "data": encoded(pdf("A report on rain."))}
    content: list[Any] = [{"type": "document", "source": source}, {"type": "text", "text": "What is in it?"}]
    client.messages.create(model=model, max_tokens=500, messages=[{"role": "user", "content": content}])
    sent = behind.received[0].text
    assert ('"type": "file"' in sent, "A report on rain." in sent) == (as_file, not as_file)


BEGUN = Answer("Hello there, and more.").render({"stream": True, "model": "smol"}).pieces[:4]
FAILURES: list[tuple[str, Reply, int, str]] = [
    ("busy", failure(429, "Slow down.", kind="rate_limit_error", code="rate_limit_exceeded"), 429, "Slow down."),
    ("broken", failure(500, "Oops.", kind="server_error"), 500, "Oops."),
    ("unavailable", failure(503, "Later.", kind="server_error"), 503, "Later."),
    ("unknown", failure(404, "The model `smol` does not exist", kind="x", code="model_not_found"), 404, "smol"),
    ("key", failure(401, "Incorrect API key provided", kind="x", code="invalid_api_key"), 403, "Incorrect API key"),
    ("overflow", overflow(), 400, "prompt is too long: 291234 tokens > 272000 maximum"),
    ("empty", Raw(()), 500, "without a finish reason"),
]


@pytest.mark.parametrize(("reply", "status", "told"), [row[1:] for row in FAILURES], ids=[row[0] for row in FAILURES])
def test_a_failure_has_its_status_and_the_providers_words(
    proxy: Proxy, behind: Behind, reply: Reply, status: int, told: str
) -> None:
    behind.script(reply)
    got = post(proxy, asked(stream=True))
    assert (got.status_code, got.json()["type"]) == (status, "error")
    assert told in got.json()["error"]["message"]
    assert len(behind.received) == 1, "whoever asks again is the proxy, and here it does not"


@pytest.mark.parametrize(
    "reply",
    [
        Answer("Hello there, and more.", cut_after_chunks=4),
        Raw(BEGUN),
        Raw((*BEGUN, sse({"error": {"message": "It broke.", "type": "server_error", "code": None}}))),
    ],
    ids=["cut", "no finish reason", "an error in the stream"],
)
def test_a_stream_that_breaks_off_never_ends_well(proxy: Proxy, behind: Behind, reply: Reply) -> None:
    behind.script(reply)
    got = post(proxy, asked(stream=True))
    assert got.status_code == 200
    law.check(got.content)
    assert '"type":"error"' in got.text.replace(" ", "")
    assert "end_turn" not in got.text


def of_anthropic(*events: dict[str, Any]) -> Raw:
    return Raw(
        tuple(b"event: %s\ndata: %s\n\n" % (each["type"].encode(), json.dumps(each).encode()) for each in events)
    )


def block(index: int, begun: dict[str, Any], *deltas: dict[str, Any]) -> list[dict[str, Any]]:
    """The events of one block of Anthropic's."""
    inner = [{"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas]
    begin = {"type": "content_block_start", "index": index, "content_block": begun}
    return [begin, *inner, {"type": "content_block_stop", "index": index}]


THOUGHTS = ({"type": "thinking_delta", "thinking": "I "}, {"type": "thinking_delta", "thinking": "look."})
START: dict[str, Any] = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "m",
    "content": [],
    "stop_reason": None,
}
THINKS_AND_CALLS = of_anthropic(
    {"type": "message_start", "message": {**START, "usage": {"input_tokens": 7, "output_tokens": 1}}},
    *block(
        0,
        {"type": "thinking", "thinking": "", "signature": ""},
        *THOUGHTS,
        {"type": "signature_delta", "signature": "c2ln"},
    ),
    *block(
        1,
        {"type": "tool_use", "id": "toolu_9", "name": "weather", "input": {}},
        {"type": "input_json_delta", "partial_json": '{"city":"Oslo"}'},
    ),
    {"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 3}},
    {"type": "message_stop"},
)


class Anthropics:
    """Anthropic's API, for the models of Anthropic that litellm asks."""

    port = 0

    def __init__(self) -> None:
        self.received: list[Received] = []

    def answer(self, request: Received) -> Raw:
        self.received.append(request)
        return THINKS_AND_CALLS


def test_claudes_signed_thinking_returns_to_it(tmp_path: Path) -> None:
    model = "litellm/anthropic/claude-sonnet-4-5"
    backend = Anthropics()
    with serving(backend), running(tmp_path, home_of(tmp_path, f"http://127.0.0.1:{backend.port}", models={})) as proxy:
        body = asked("Oslo?", model=model, tools=[WEATHER], thinking={"type": "enabled", "budget_tokens": 2000})
        body["max_tokens"] = 9000
        with official_client("reverse", proxy) as client:
            with client.messages.stream(**body) as stream:
                first = stream.get_final_message()
            result = {"type": "tool_result", "tool_use_id": "toolu_9", "content": "Rain."}
            answered: list[Any] = [
                {"role": "assistant", "content": first.content},
                {"role": "user", "content": [result]},
            ]
            with client.messages.stream(**{**body, "messages": [*body["messages"], *answered]}) as stream:
                stream.get_final_message()
    assert kinds(first) == ["thinking", "tool_use"]
    sent = [block for message in backend.received[1].messages for block in message["content"] if "signature" in block]
    assert sent == [{"type": "thinking", "thinking": "I look.", "signature": "c2ln"}]
    assert backend.received[1].headers["x-api-key"] == KEY


# -- the process -------------------------------------------------------------------------------------------------------


def test_a_client_that_waits_for_the_start_is_pinged_and_answered(behind: Behind, tmp_path: Path) -> None:
    behind.script(answer("Hello there."))
    impatient = {"streaming": {"grace": "300ms", "ping": "200ms"}, "timeouts": {"first_byte": "500ms"}}
    with running(tmp_path, home_of(tmp_path, behind.base_url, **impatient)) as proxy:
        got = post(proxy, asked(stream=True))
        assert "litellm starts, in a process of its own" in proxy.log
    assert got.status_code == 200
    before, _, _ = got.text.partition("event: content_block_start")
    assert before.count("event: ping") >= 2, "nothing was said while it started"
    law.check(got.content[got.content.index(b"event: message_start") :])


def test_a_crash_breaks_off_what_is_under_way_and_nothing_else(proxy: Proxy, behind: Behind) -> None:
    behind.script(answer("One."), answer("Two."))
    assert post(proxy, asked()).status_code == 200
    [first] = children(proxy)
    os.kill(first, signal.SIGKILL)
    wait_until(lambda: first not in children(proxy), LIMIT_S, lambda: proxy.log)
    assert "Two." in post(proxy, asked()).text
    [second] = children(proxy)
    assert second != first
    assert "litellm's process ended with -9" in proxy.new_log()


def test_a_killed_mitmdump_leaves_no_process(behind: Behind, tmp_path: Path) -> None:
    behind.script(answer("One."))
    with running(tmp_path, home_of(tmp_path, behind.base_url)) as proxy:
        post(proxy, asked())
        [pid] = children(proxy)
        proxy.process.kill()
        wait_until(lambda: is_gone(pid), LIMIT_S, lambda: "it lives on")


def test_what_litellm_sends_can_be_seen_and_is_not_routed_again(behind: Behind, tmp_path: Path) -> None:
    behind.script(answer("Hello."))
    own = {"other": {"like": "litellm"}}
    environment = home_of(tmp_path, behind.base_url, **own_backends(behind.base_url, **own))
    with running(
        tmp_path, {**environment, "ANTHROPIC_API_KEY": SECRET}, "--set", "detour_litellm_inspect=true"
    ) as proxy:
        assert "Hello." in post(proxy, asked()).text
        # to Anthropic itself, which here is not let out: asked once, over TLS, and not taken for the client's call
        got = post(proxy, asked(model="other/anthropic/claude-sonnet-4-5"))
        assert (got.status_code, "sealed test proxy" in got.text) == (403, True)
        wait_until(lambda: len(proxy.saved()) == 4, LIMIT_S, lambda: proxy.log)
        saved = proxy.saved()
    its = [each for each in saved if each["comment"] == "asked by litellm"]
    assert [(each["request"]["host"], each["response"]["status_code"]) for each in its] == [
        ("127.0.0.1", 200),
        ("api.anthropic.com", 403),
    ]
    assert b"Hello." in its[0]["response"]["content"]
    assert [secret for secret in (KEY, SECRET) if secret in repr(saved) + proxy.log] == []


# -- the real client and a real model ----------------------------------------------------------------------------------


@pytest.fixture(params=DOORS)
def user(request: pytest.FixtureRequest, proxy: Proxy, tmp_path: Path) -> ClaudeCode:
    door: Door = request.param
    return ClaudeCode(door, proxy, tmp_path / "home")


@pytest.mark.client
def test_the_real_client_talks_and_works_through_litellm(user: ClaudeCode, behind: Behind) -> None:
    behind.script(
        answer("Hello from afar."), answer("I run it.", shell("echo detour-$((40+2))")), answer("It printed detour-42.")
    )
    run = user.run("Say hello.", "Run it.", options=TOOLS)
    assert run.results == ["Hello from afar.", "It printed detour-42."]
    assert [block["content"] for block in run.blocks("user", "tool_result")] == ["detour-42"]
    _, second, third = behind.received
    assert third.messages[: len(second.messages)] == second.messages, "the prompt cache of the provider is lost"
    assert third.last("tool")["content"] == "detour-42"


@pytest.mark.model
def test_a_real_model_behind_litellm(tmp_path: Path) -> None:
    with embedded.running(tmp_path) as model:
        home = tmp_path / "home"
        written = {"litellm": {"address": f"{model.url}/v1", "credential": embedded.KEY}}
        environment = {**home_of(home, "", backends=written), "BIG_MODEL": f"litellm/openai/{MODEL_NAME}"}
        with running(home, environment) as proxy, official_client("reverse", proxy) as client:
            body = asked("Say hello in a few words.", max_tokens=12, extra_body={"temperature": 0})
            with client.messages.stream(**body) as stream:
                streamed = stream.get_final_message()
            whole = client.messages.create(**body)
            proxy.verify()
    assert kinds(streamed) == kinds(whole) == ["text"]
    assert [block.to_dict()["text"] for block in streamed.content] == [
        block.to_dict()["text"] for block in whole.content
    ]
    assert 1 <= streamed.usage.output_tokens <= 12


@pytest.mark.client
@pytest.mark.parametrize("door", DOORS)
def test_the_real_client_waits_for_the_start(behind: Behind, tmp_path: Path, door: Door) -> None:
    """Pinged from early on, it neither gives up nor asks again."""
    behind.script(answer("", shell("echo detour-$((40+2))")), answer("It printed detour-42."))
    impatient = {"streaming": {"grace": "300ms", "ping": "200ms"}, "timeouts": {"first_byte": "500ms"}}
    with running(tmp_path / "proxy", home_of(tmp_path / "proxy", behind.base_url, **impatient)) as proxy:
        run = ClaudeCode(door, proxy, tmp_path / "home").run("Run it.", options=TOOLS)
        assert "litellm is there, after" in proxy.log
        proxy.verify()
    assert (run.text, run.notices("api_retry")) == ("It printed detour-42.", [])
    assert len(behind.received) == 2


class Endless(BaseHTTPRequestHandler):
    """A provider that goes on for as long as somebody listens."""

    left = threading.Event()

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.end_headers()
        begun = Answer("word ").render({"stream": True, "model": "smol"}).pieces[1]
        try:
            for _ in range(LIMIT_S * 20):
                self.wfile.write(begun)
                time.sleep(0.05)
        except OSError:
            self.left.set()

    @override
    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


def test_who_goes_away_is_answered_no_more(tmp_path: Path) -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Endless)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    try:
        with running(tmp_path, home_of(tmp_path, f"http://127.0.0.1:{server.server_address[1]}/v1")) as proxy:
            with httpx.stream(
                "POST", f"{proxy.reverse_url}/v1/messages", json=asked(stream=True), headers={"x-api-key": API_KEY},
                timeout=START_LIMIT_S, trust_env=False,
            ) as got:  # fmt: skip
                assert next(got.iter_raw())
                assert not Endless.left.is_set()
            assert Endless.left.wait(LIMIT_S), "the provider is not told that nobody listens"
            proxy.verify()
    finally:
        server.shutdown()
        server.server_close()
