"""The real Claude Code answered by another model, through both doors.

Each test asserts three things: what the user sees, how many requests the backend saw, and what they said. The backend
itself refuses whatever OpenAI would refuse (see strictness.py).
"""

import base64
import struct
import zlib

import pytest

from tests.end_to_end.client import ClaudeCode
from tests.end_to_end.fakes import FakeBackend, Received, when
from tests.end_to_end.replies import Answer, Call, Raw, Reply, Usage, answer, call, failure, overflow, sse

pytestmark = pytest.mark.client

TOOLS = ["--allowedTools", "Bash,Read,Write,ToolSearch", "--permission-mode", "acceptEdits"]


def shell(command: str, call_id: str = "call_1") -> Call:
    return call("Bash", call_id, command=command, description="Run it")


def png() -> bytes:
    """One red pixel."""

    def section(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)
    pixels = zlib.compress(b"\x00\xff\x00\x00")
    return b"\x89PNG\r\n\x1a\n" + section(b"IHDR", header) + section(b"IDAT", pixels) + section(b"IEND", b"")


def pdf() -> bytes:
    """One empty page, with a true cross-reference table."""
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 99 99]>>",
    ]
    body, offsets = b"%PDF-1.4\n", []
    for number, content in enumerate(objects, 1):
        offsets.append(len(body))
        body += b"%d 0 obj%sendobj\n" % (number, content)
    table = b"xref\n0 4\n0000000000 65535 f \n" + b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    return body + table + b"trailer<</Size 4/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % len(body)


def test_plain_text(claude: ClaudeCode, backend: FakeBackend) -> None:
    backend.script(answer("Hello from elsewhere.", usage=Usage(prompt=5000, completion=9, cached=4000)))
    run = claude.run("Say hello.")
    [request] = backend.received
    assert (run.exit_code, run.text) == (0, "Hello from elsewhere.")
    assert request.body["model"] == "gpt-5.5"
    assert request.body["stream"] is True
    assert "Say hello." in request.text
    usage = run.result["usage"]
    assert usage["input_tokens"] == 1000
    assert usage["cache_read_input_tokens"] == 4000
    assert usage["output_tokens"] == 9


def test_json_output(claude: ClaudeCode, backend: FakeBackend) -> None:
    backend.script(answer("Four."))
    run = claude.ask("Two and two?")
    [event] = run.events
    assert (run.exit_code, event["type"], event["is_error"], event["result"]) == (0, "result", False, "Four.")
    assert event["usage"]["output_tokens"] == Usage().completion
    assert len(backend.received) == 1


def test_small_model(claude: ClaudeCode, backend: FakeBackend) -> None:
    backend.script(answer("Quick."))
    assert claude.run("Hi.", options=["--model", "haiku"]).text == "Quick."
    assert [request.body["model"] for request in backend.received] == ["gpt-5.5-mini"]


def test_tool_loop(claude: ClaudeCode, backend: FakeBackend) -> None:
    backend.script(answer("I run it.", shell("echo detour-$((40+2))")), answer("It printed detour-42."))
    run = claude.run("Run it.", options=TOOLS)
    first, second = backend.received
    assert run.text == "It printed detour-42."
    assert [block["content"] for block in run.blocks("user", "tool_result")] == ["detour-42"]
    assert second.last("tool")["content"] == "detour-42"
    assert second.last("assistant")["content"] == "I run it."
    assert second.messages[: len(first.messages)] == first.messages, "the prompt cache of the backend is lost"
    assert second.body["tools"] == first.body["tools"]


def test_calls_of_a_backend_that_numbers_them_anew_in_each_turn(claude: ClaudeCode, backend: FakeBackend) -> None:
    """Without ids of ours the client forgets the second call, and tells the model that it was interrupted."""
    backend.script(
        answer("", shell("echo the-first", "0")), answer("", shell("echo the-second", "0")), answer("Both ran.")
    )
    run = claude.run("Run both.", options=TOOLS)
    assert run.text == "Both ran."
    told = [message["content"] for message in backend.received[2].messages if message["role"] == "tool"]
    assert told == ["the-first", "the-second"]
    assert "interrupted" not in backend.received[2].text


def test_failing_tool(claude: ClaudeCode, backend: FakeBackend) -> None:
    backend.script(answer("", shell("echo broken >&2; exit 3")), answer("It failed."))
    assert claude.run("Run it.", options=TOOLS).text == "It failed."
    told = str(backend.received[1].last("tool")["content"])
    assert "broken" in told
    assert "error" in told.lower()


@pytest.mark.parametrize("interleaved", [False, True], ids=["in_order", "interleaved"])
def test_parallel_tools(claude: ClaudeCode, backend: FakeBackend, interleaved: bool) -> None:
    calls = (shell("echo the-first-of-two", "call_a"), shell("echo the-second-of-two", "call_b"))
    backend.script(answer("", *calls, interleaved=interleaved), answer("Both ran."))
    run = claude.run("Run both.", options=TOOLS)
    assert run.text == "Both ran."
    assert len(backend.received) == 2
    messages = backend.received[1].messages
    asked = [
        (each["id"], each["function"]["arguments"]) for each in backend.received[1].last("assistant")["tool_calls"]
    ]
    told = {message["tool_call_id"]: message["content"] for message in messages if message["role"] == "tool"}
    assert ["first" in arguments for _, arguments in asked] == [True, False]
    assert [told[call_id] for call_id, _ in asked] == ["the-first-of-two", "the-second-of-two"]


def test_write_then_read(claude: ClaudeCode, backend: FakeBackend) -> None:
    path = claude.workspace / "notes.txt"
    text = 'Zeile "eins" \\ \u00fc\u4f60\U0001f600\nline two\n'
    backend.script(
        answer("", call("Write", "call_w", file_path=str(path), content=text)),
        answer("", call("Read", "call_r", file_path=str(path))),
        answer("Written and read."),
    )
    run = claude.run("Write, then read.", options=TOOLS)
    assert run.text == "Written and read."
    assert path.read_text(encoding="utf-8") == text
    assert len(backend.received) == 3
    assert '1\tZeile "eins" \\ \u00fc\u4f60\U0001f600\n2\tline two' in backend.received[2].last("tool")["content"]


@pytest.mark.parametrize(("name", "content"), [("pixel.png", png()), ("page.pdf", pdf())], ids=["png", "pdf"])
def test_reads_an_image_and_a_pdf(claude: ClaudeCode, backend: FakeBackend, name: str, content: bytes) -> None:
    claude.workspace.mkdir(parents=True)
    path = claude.workspace / name
    path.write_bytes(content)
    backend.script(answer("", call("Read", file_path=str(path))), answer("I saw it."))
    run = claude.run("Look at it.", options=TOOLS)
    assert run.text == "I saw it."
    assert len(backend.received) == 2
    messages = backend.received[1].messages
    tool = max(index for index, message in enumerate(messages) if message["role"] == "tool")
    parts = [part for message in messages[tool + 1 :] if message["role"] == "user" for part in message["content"]]
    match [part for part in parts if part["type"] != "text"]:
        case [{"type": "image_url", "image_url": {"url": str(uri)}}]:
            assert name == "pixel.png"
            assert uri.startswith("data:image/png;base64,")
        case [{"type": "file", "file": {"file_data": str(uri)}}]:
            assert uri == "data:application/pdf;base64," + base64.b64encode(pdf()).decode()
        case other:
            pytest.fail(f"no {name} after the tool message: {other}")


def test_thinking(claude: ClaudeCode, backend: FakeBackend) -> None:
    backend.script(
        answer("", shell("echo thought"), reasoning="I should run it first."),
        answer("Done.", reasoning="That went well."),
    )
    run = claude.run("Think, then run it.", options=TOOLS)
    thoughts = [block["thinking"] for block in run.blocks("assistant", "thinking")]
    assert run.text == "Done."
    assert thoughts == ["I should run it first.", "That went well."]
    assert len(backend.received) == 2
    assert "I should run it first." not in backend.received[1].text, "OpenAI did not ask for its reasoning back"


def test_thinking_goes_back_to_a_model_that_wants_it(claude: ClaudeCode, backend: FakeBackend) -> None:
    script = (answer("", shell("echo thought"), reasoning="I should run it first."), answer("Done."))
    backend.script(*script, vendor="deepseek")
    run = claude.run("Think.", options=[*TOOLS, "--model", "deepseek/deepseek-v4-pro"])
    assert run.text == "Done."
    assert [request.body["model"] for request in backend.received] == ["deepseek-v4-pro"] * 2
    assert backend.received[1].last("assistant")["reasoning_content"] == "I should run it first."


def test_tool_search(claude: ClaudeCode, backend: FakeBackend) -> None:
    backend.script(
        answer("", call("ToolSearch", query="select:WebFetch", max_results=5)), answer("I have WebFetch now.")
    )
    run = claude.run("Find a tool.", options=TOOLS)
    first, second = backend.received
    assert run.text == "I have WebFetch now."
    assert "WebFetch" not in first.tool_names
    assert "DeferredToolPlaceholder" not in first.tool_names + second.tool_names
    assert [name for name in second.tool_names if name not in first.tool_names] == ["WebFetch"]
    assert "WebFetch" in str(second.last("tool")["content"])


def test_structured_output(claude: ClaudeCode, backend: FakeBackend) -> None:
    schema = '{"type":"object","properties":{"title":{"type":"string"}},"required":["title"]}'
    backend.script(answer("", call("StructuredOutput", title="Rain")))
    run = claude.run("A title.", options=["--json-schema", schema])
    assert run.result["structured_output"] == {"title": "Rain"}
    assert len(backend.received) == 1


def test_reply_cut_at_the_length_limit_is_resumed(claude: ClaudeCode, backend: FakeBackend) -> None:
    backend.script(Answer("The first half,", finish="length"), answer(" and the second."))
    run = claude.run("Tell me.")
    texts = [block["text"] for block in run.blocks("assistant", "text")]
    assert texts == ["The first half,", " and the second."]
    assert backend.received[1].last("assistant")["content"] == "The first half,"


def test_subagent(claude: ClaudeCode, backend: FakeBackend) -> None:
    def by_subagent(request: Received) -> bool:
        return "MAIN-TASK" not in request.text

    def after_subagent(request: Received) -> bool:
        return "task-notification" in request.text

    task = call("Agent", description="Count", prompt="SUB-TASK: count to seven.", subagent_type="general-purpose")
    backend.script(
        when(by_subagent, answer("", shell("echo seven", "call_s")), answer("Counted to seven.")),
        when(after_subagent, answer("The agent counted to seven.")),
        answer("", task),
        answer("I wait for the agent."),
    )
    run = claude.run("MAIN-TASK: let an agent count.", options=["--allowedTools", "Agent,Bash"])
    assert run.text == "The agent counted to seven."
    own = [request for request in backend.received if by_subagent(request)]
    assert [request.last("user")["role"] for request in own] == ["user", "user"]
    assert "SUB-TASK" in own[0].text
    assert own[1].last("tool")["content"] == "seven"
    assert len(backend.received) == 5


WORDLESS = failure(400, "Something new.", kind="invalid_request_error", code="context_length_exceeded")


@pytest.mark.parametrize("refusal", [overflow(), WORDLESS], ids=["with_numbers", "without_numbers"])
def test_overflow_in_a_session_compacts(claude: ClaudeCode, backend: FakeBackend, refusal: Reply) -> None:
    def for_summary(request: Received) -> bool:
        return "Respond with TEXT ONLY" in str(request.last("user")["content"])

    backend.script(
        when(for_summary, answer("<summary>The user said one.</summary>")),
        answer("Answer one."),
        refusal,
        answer("Answer two."),
    )
    run = claude.run("Turn one.", "Turn two.")
    assert [event["result"] for event in run.events if event["type"] == "result"] == ["Answer one.", "Answer two."]
    assert len(run.notices("compact_boundary")) == 1
    assert len(backend.received) == 4
    assert "The user said one." in backend.received[3].text
    assert "Turn two." in backend.received[3].text


VLLM = (
    "This model's maximum context length is 131072 tokens. However, you requested 128000 output tokens and your prompt "
    "contains at least 3073 input tokens, for a total of at least 131073 tokens."
)
CAPS = {
    "of_the_model": ("max_tokens is too large: 128000. This model supports at most 16384 completion tokens", 16_384),
    "of_a_window_that_is_not_counted": (VLLM, 63_000),
}


@pytest.mark.parametrize(("words", "asked"), CAPS.values(), ids=CAPS)
def test_a_reply_that_is_too_large_is_asked_for_again_at_once(
    claude: ClaudeCode, backend: FakeBackend, words: str, asked: int
) -> None:
    backend.script(failure(400, words, kind="invalid_request_error", code="max_tokens"), answer("It fits."))
    run = claude.run("Go on.")
    assert run.text == "It fits."
    assert [request.body["max_completion_tokens"] for request in backend.received] == [128_000, asked]
    assert run.notices("api_retry") == []


def test_overflow_in_the_first_turn_is_said_once(claude: ClaudeCode, backend: FakeBackend) -> None:
    backend.script(overflow())
    run = claude.run("Far too much.")
    assert run.exit_code == 1
    assert run.text.startswith("Prompt is too long")
    assert len(backend.received) == 1


@pytest.mark.parametrize("begun", [False, True], ids=["at_once", "after_an_empty_chunk"])
def test_overflow_inside_a_stream_is_said_once(claude: ClaudeCode, backend: FakeBackend, begun: bool) -> None:
    message = "Your input exceeds the context window of this model. Please adjust your input and try again."
    error = {"error": {"message": message, "type": "invalid_request_error", "code": "context_length_exceeded"}}
    first = sse(Answer("never").chunks("gpt-5.5", trailing_usage=True)[0])
    backend.script(Raw((first, sse(error)) if begun else (sse(error),)))
    run = claude.run("Far too much.")
    assert run.text.startswith("Prompt is too long")
    assert len(backend.received) == 1


def test_rate_limit_is_waited_for(claude: ClaudeCode, backend: FakeBackend) -> None:
    limit = failure(
        429, "Rate limit reached.", kind="requests", code="rate_limit_exceeded", headers=[("retry-after", "1")]
    )
    backend.script(limit, answer("At last."))
    run = claude.run("Hurry.")
    [notice] = run.notices("api_retry")
    assert run.text == "At last."
    assert (notice["error_status"], notice["attempt"]) == (429, 1)
    assert 1000 <= notice["retry_delay_ms"] < 2500
    assert len(backend.received) == 2


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (failure(401, "Incorrect API key provided.", kind="invalid_request_error", code="invalid_api_key"), "403"),
        (failure(400, "Frobnication is unsupported.", kind="invalid_request_error"), "424"),
        (failure(404, "The model does not exist.", kind="invalid_request_error", code="model_not_found"), "model"),
    ],
    ids=["bad_credential", "unknown_refusal", "unknown_model"],
)
def test_hopeless_errors_are_said_at_once(claude: ClaudeCode, backend: FakeBackend, reply: Reply, said: str) -> None:
    again = [reply] if said == "model" else []  # the client asks once more, without a stream, before it believes a 404
    backend.script(reply, *again)
    run = claude.run("Go on.")
    assert run.exit_code == 1
    assert said in run.text
    assert len(backend.received) == 1 + len(again)


def test_stream_cut_before_its_first_text_is_asked_for_again(claude: ClaudeCode, backend: FakeBackend) -> None:
    backend.script(Answer("This will never be finished.", cut_after_chunks=1), answer("This is the whole."))
    told = claude.proxy.log.count("<< 503")  # at the first door the client asks again without a notice
    run = claude.run("Tell me.")
    assert (run.exit_code, run.text) == (0, "This is the whole.")
    assert claude.proxy.log.count("<< 503") == told + 1, "the cut was not told in words"
    assert [request.body.get("stream") for request in backend.received] == [True, True]


def test_stream_cut_in_its_text_is_asked_for_whole(claude: ClaudeCode, backend: FakeBackend) -> None:
    backend.script(Answer("This will never be finished.", cut_after_chunks=3), answer("This is the whole."))
    run = claude.run("Tell me.")
    assert (run.exit_code, run.text) == (0, "This is the whole.")
    assert "never be" not in "".join(block["text"] for block in run.blocks("assistant", "text"))
    assert [request.body.get("stream") for request in backend.received] == [True, None], "no error event was told"


def test_reasoning_that_the_backend_does_not_take_back_costs_one_request(
    claude: ClaudeCode, backend: FakeBackend
) -> None:
    words = "The encrypted content gAAA could not be verified."
    stale = failure(400, words, kind="invalid_request_error", code="invalid_encrypted_content")
    backend.script(answer("Answer one.", reasoning="Hm."), stale, answer("Answer two."))
    run = claude.run("Turn one.", "Turn two.")
    assert run.results == ["Answer one.", "Answer two."]
    assert len(backend.received) == 3
    assert run.notices("api_retry") == []
