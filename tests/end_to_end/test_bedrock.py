"""The real Claude Code answered by Amazon Bedrock: by Converse, and by Claude's own InvokeModel, through both doors.

The backend refuses whatever botocore would not send; botocore itself reads what the backend sends.
"""

import base64
import json
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import anthropic
import botocore.eventstream
import pytest
from botocore.parsers import EventStreamJSONParser

from tests.end_to_end.bedrock import ACCESS_KEY, REGION, SECRET_KEY, THROTTLED, FakeBedrock, Framed, exception, said
from tests.end_to_end.bedrock_strictness import FRAMED, service
from tests.end_to_end.client import API_KEY, DOORS, ClaudeCode, Door
from tests.end_to_end.fakes import KEY, Received, serving, when
from tests.end_to_end.proxy import Proxy, running
from tests.end_to_end.replies import Answer, Raw, Reply, answer, call
from tests.end_to_end.test_claude_code import png, shell
from tests.stories import every_story

CLAUDE, NOVA = "bedrock/us.anthropic.claude-opus-4-6-v1", "bedrock/us.amazon.nova-2-lite-v1:0"
SIGNED = "signed/us.amazon.nova-2-lite-v1:0"
TOOLS = ["--allowedTools", "Bash,Read", "--permission-mode", "acceptEdits"]
PLACES = {"/invoke": "invoke", "/converse": "converse"}


@pytest.fixture(scope="module")
def _bedrock() -> Iterator[FakeBedrock]:
    with serving(FakeBedrock()) as fake:
        yield fake


@pytest.fixture(scope="module")
def _proxy(_bedrock: FakeBedrock, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    home = tmp_path_factory.mktemp("bedrock")
    signs = {"mint": "aws", "service": "bedrock", "region": REGION}
    written = {
        "retry": {"attempts": 0},
        "backends": {"signed": {"like": "bedrock", "address": _bedrock.base_url, "credential": signs}},
    }
    (home / "detour.yaml").write_text(json.dumps(written))
    environment = {
        "DETOUR_CONFIG": str(home / "detour.yaml"),
        "AWS_ENDPOINT_URL_BEDROCK_RUNTIME": _bedrock.base_url,
        "AWS_BEARER_TOKEN_BEDROCK": KEY,
        "AWS_ACCESS_KEY_ID": ACCESS_KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
        "BIG_MODEL": CLAUDE,
        "MIDDLE_MODEL": NOVA,
        "SMALL_MODEL": SIGNED,
    }
    with running(home, environment) as proxy:
        yield proxy
    proxy.verify_secrets(KEY, API_KEY)
    proxy.verify_secrets(SECRET_KEY, API_KEY)


@pytest.fixture
def backend(_bedrock: FakeBedrock) -> Iterator[FakeBedrock]:
    """The scripted backend; faults in what it was sent fail the test."""
    _bedrock.script()
    yield _bedrock
    _bedrock.verify()


@pytest.fixture
def proxy(_proxy: Proxy) -> Iterator[Proxy]:
    """The running proxy; a crash in its log fails the test."""
    _proxy.new_log()
    yield _proxy
    _proxy.verify()


@pytest.fixture(params=DOORS)
def claude(request: pytest.FixtureRequest, proxy: Proxy, tmp_path: Path) -> ClaudeCode:
    """The real client at each door in turn."""
    door: Door = request.param
    return ClaudeCode(door, proxy, tmp_path / "home")


@pytest.fixture(params=[CLAUDE, NOVA, SIGNED], ids=["invoke", "converse", "signed"])
def model(request: pytest.FixtureRequest) -> list[str]:
    """Options of the client that choose a model."""
    return ["--model", str(request.param)]


def results(request: Received) -> list[Any]:
    """The results in the newest turn, in whichever format."""
    content = request.messages[-1]["content"]
    if "/converse" in request.path:
        return [part["toolResult"]["content"] for part in content if "toolResult" in part]
    return [part["content"] for part in content if part["type"] == "tool_result"]


@pytest.mark.client
def test_plain_text(claude: ClaudeCode, backend: FakeBedrock, model: list[str]) -> None:
    backend.script(answer("Hello from Bedrock."))
    run = claude.run("Say hello.", options=model)
    [request] = backend.received
    assert (run.exit_code, run.text) == (0, "Hello from Bedrock.")
    assert request.path.endswith(("/invoke-with-response-stream", "/converse-stream"))
    assert run.result["usage"]["input_tokens"] == 1200
    assert run.result["usage"]["output_tokens"] == 34


@pytest.mark.client
def test_a_loop_of_tools_with_two_at_once(claude: ClaudeCode, backend: FakeBedrock, model: list[str]) -> None:
    backend.script(
        answer("I run both.", shell("echo one", "tooluse_1"), shell("echo two", "tooluse_2")),
        answer("", shell("exit 3", "tooluse_3")),
        answer("All done."),
    )
    run = claude.run("Run them.", options=[*model, *TOOLS])
    assert run.text == "All done."
    assert len(backend.received) == 3
    assert sorted("one" in json.dumps(each) for each in results(backend.received[1])) == [False, True]
    failed = json.dumps(backend.received[2].messages[-1])
    assert '"status": "error"' in failed or '"is_error": true' in failed


@pytest.mark.client
def test_a_picture(claude: ClaudeCode, backend: FakeBedrock, model: list[str]) -> None:
    claude.workspace.mkdir(parents=True)
    (claude.workspace / "red.png").write_bytes(png())
    backend.script(
        answer("", call("Read", "tooluse_1", file_path=str(claude.workspace / "red.png"))), answer("It is red.")
    )
    run = claude.run("What is it?", options=[*model, *TOOLS])
    assert run.text == "It is red."
    assert base64.b64encode(png()).decode() in json.dumps(results(backend.received[1]))


@pytest.mark.client
def test_thinking_comes_and_goes_back(claude: ClaudeCode, backend: FakeBedrock, model: list[str]) -> None:
    backend.script(answer("", shell("echo thought", "tooluse_1"), reasoning="I should run it."), answer("Done."))
    run = claude.run("Think.", options=[*model, *TOOLS])
    assert run.text == "Done."
    assert [block["thinking"] for block in run.blocks("assistant", "thinking")] == ["I should run it."]
    back = backend.received[1].last("assistant")["content"][0]
    own = {"type": "thinking", "thinking": "I should run it.", "signature": "EqMBsigned"}
    assert back in (own, {"reasoningContent": {"reasoningText": {"text": "I should run it.", "signature": "c2ln"}}})


LONG: dict[str, Reply] = {
    "at_once": exception(400, "ValidationException", "prompt is too long: 208310 tokens > 200000 maximum"),
    "without_numbers": exception(400, "ValidationException", "Input is too long for requested model."),
    "in_the_stream": Framed('exception validationException {"message":"Input is too long for requested model."}'),
}


@pytest.mark.client
@pytest.mark.parametrize("refusal", LONG.values(), ids=LONG)
def test_overflow_in_a_session_compacts(
    claude: ClaudeCode, backend: FakeBedrock, model: list[str], refusal: Reply
) -> None:
    def for_summary(request: Received) -> bool:
        return "Respond with TEXT ONLY" in json.dumps(request.messages[-1])

    backend.script(
        when(for_summary, answer("<summary>The user said one.</summary>")),
        answer("Answer one."),
        refusal,
        answer("Answer two."),
    )
    run = claude.run("Turn one.", "Turn two.", options=model)
    assert run.results == ["Answer one.", "Answer two."]
    assert len(run.notices("compact_boundary")) == 1
    assert "The user said one." in said(backend.received[3])


SLOW: dict[str, Reply] = {
    "at_once": THROTTLED,
    "in_the_stream": Framed('exception throttlingException {"message":"Too many requests, please wait."}'),
}


@pytest.mark.client
@pytest.mark.parametrize("limit", SLOW.values(), ids=SLOW)
def test_throttling_is_waited_for(claude: ClaudeCode, backend: FakeBedrock, model: list[str], limit: Reply) -> None:
    backend.script(limit, answer("At last."))
    run = claude.run("Hurry.", options=model)
    assert run.text == "At last."
    assert [notice["error_status"] for notice in run.notices("api_retry")] in ([429], [])
    assert len(backend.received) == 2


CUT: dict[str, Reply] = {
    "broken_off": Answer("This will never be finished.", cut_after_chunks=4),
    "within_a_frame": Raw((b"\0\0\0\x10",), headers=(("content-type", FRAMED),), cut=True),
}


@pytest.mark.client
@pytest.mark.parametrize("cut", CUT.values(), ids=CUT)
def test_a_stream_that_breaks_off_is_asked_for_again(
    claude: ClaudeCode, backend: FakeBedrock, model: list[str], cut: Reply
) -> None:
    backend.script(cut, answer("This is the whole."))
    run = claude.run("Tell me.", options=model)
    assert (run.exit_code, run.text) == (0, "This is the whole.")
    assert len(backend.received) == 2


# -- without the client ------------------------------------------------------------------------------------------------


def asking(proxy: Proxy) -> anthropic.Anthropic:
    return anthropic.Anthropic(base_url=proxy.reverse_url, api_key=API_KEY, max_retries=0)


@pytest.mark.parametrize("name", [CLAUDE, NOVA, SIGNED])
@pytest.mark.parametrize("streamed", [True, False])
def test_the_sdk_reads_the_same_streamed_and_whole(
    proxy: Proxy, backend: FakeBedrock, name: str, streamed: bool
) -> None:
    told = answer("I look.", shell("ls", "tooluse_1"), reasoning="Hm.")
    backend.script(told)
    tool: Any = {"name": "Bash", "input_schema": {"type": "object", "properties": {}}}
    fields: Any = {"model": name, "max_tokens": 99, "messages": [{"role": "user", "content": "Look."}], "tools": [tool]}
    if streamed:
        with asking(proxy).messages.stream(**fields) as stream:
            message = stream.get_final_message()
    else:
        message = asking(proxy).messages.create(**fields)
    thought, text, use = message.content
    assert (thought.type, text.type, use.type) == ("thinking", "text", "tool_use")
    assert (message.stop_reason, message.usage.input_tokens, message.usage.output_tokens) == ("tool_use", 1200, 34)
    assert "amazon-bedrock" not in message.to_json()


@pytest.mark.parametrize(
    ("reply", "status"),
    [
        (
            exception(403, "AccessDeniedException", "Authentication failed: Please make sure your API Key is valid."),
            403,
        ),
        (exception(404, "ResourceNotFoundException", "No such model."), 404),
        (exception(424, "ModelErrorException", "It failed."), 500),
        (exception(400, "ValidationException", "This model doesn't support tool use."), 424),
        (Framed('exception throttlingException {"message":"slow"}'), 429),
        (Framed('exception serviceUnavailableException {"message":"busy"}'), 503),
        (Framed('exception modelStreamErrorException {"message":"broken"}'), 500),
        (Framed('exception modelTimeoutException {"message":"late"}'), 504),
    ],
)
@pytest.mark.parametrize("name", [CLAUDE, NOVA])
def test_an_exception_before_the_first_word_has_its_status(
    proxy: Proxy, backend: FakeBedrock, name: str, reply: Reply, status: int
) -> None:
    backend.script(reply)
    with (
        pytest.raises(anthropic.APIStatusError) as raised,
        asking(proxy).messages.stream(model=name, max_tokens=9, messages=[{"role": "user", "content": "a"}]) as stream,
    ):
        stream.get_final_message()
    assert raised.value.status_code == status


# -- the backend itself ------------------------------------------------------------------------------------------------


def by_botocore(name: str, raw: bytes) -> list[dict[str, Any]]:
    """The events of a stream as botocore's client gives them."""
    shape = service().operation_model(name).output_shape.members["stream" if "Converse" in name else "body"]
    body = BytesIO(raw)
    body.stream = lambda: iter([raw])  # type: ignore[attr-defined]  # what urllib3 has
    stream = botocore.eventstream.EventStream(body, shape, EventStreamJSONParser(), name)
    return list(stream)


def test_botocore_reads_what_the_backend_sends_by_converse() -> None:
    told = answer("Hello.", shell("ls"), reasoning="Hm.")
    raw = b"".join(FakeBedrock().rendered(told, Received("/model/m/converse-stream", {}, {})).pieces)
    events = by_botocore("ConverseStream", raw)
    assert [next(iter(event)) for event in events][:: len(events) - 1] == ["messageStart", "metadata"]
    assert (
        "".join(event["contentBlockDelta"]["delta"].get("text", "") for event in events if "contentBlockDelta" in event)
        == "Hello."
    )
    assert events[-1]["metadata"]["usage"]["inputTokens"] == 1200


def test_botocore_reads_what_the_backend_sends_by_invoke_model() -> None:
    raw = b"".join(
        FakeBedrock().rendered(answer("Hello."), Received("/model/m/invoke-with-response-stream", {}, {})).pieces
    )
    events = [json.loads(event["chunk"]["bytes"]) for event in by_botocore("InvokeModelWithResponseStream", raw)]
    assert (events[0]["type"], events[-1]["type"]) == ("message_start", "message_stop")


def test_botocore_raises_the_exceptions_of_the_stories() -> None:
    stories = [story for story in every_story("bedrock_converse") if "at_once" in story.name]
    for story in stories:
        with pytest.raises(botocore.eventstream.EventStreamError):
            by_botocore("ConverseStream", story.backend_reply)
    assert len(stories) == 5
