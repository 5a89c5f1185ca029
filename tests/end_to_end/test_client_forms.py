"""The real Claude Code answered in wire formats other than chat-completions, through both doors.

One test serves every format: the script and what a request says are in neutral words (`forms`). Each asserts what the
user sees, how many requests the backend saw, and what they said; the backend refuses what its vendor would refuse.
"""

import base64
import json
from dataclasses import dataclass
from itertools import pairwise

import pytest

from tests.end_to_end.client import ClaudeCode, Run, Turn
from tests.end_to_end.fakes import FakeBackend, Received, when
from tests.end_to_end.forms import gemini
from tests.end_to_end.forms.responses import sealed
from tests.end_to_end.replies import Answer, Call, Page, Raw, Reply, Usage, answer, call, failure, overflow
from tests.end_to_end.test_claude_code import pdf, png

pytestmark = pytest.mark.client

TOOLS = ["--allowedTools", "Bash,Read,Write,ToolSearch", "--permission-mode", "acceptEdits"]
TOO_LONG = "Your input exceeds the context window of this model. Please adjust your input and try again."


@dataclass(frozen=True, slots=True)
class Spoken:
    """A format, by a model that speaks it at the scripted backend."""

    model: str
    late_overflow: Raw  # the refusal of a prompt that is too long, inside a stream
    stale: Raw  # the refusal of reasoning that comes back


def events(*told: dict[str, object]) -> Raw:
    return Raw(tuple(f"event: {each['type']}\ndata: {json.dumps(each)}\n\n".encode() for each in told))


GEMINI_TOO_LONG = "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576)."


def google(code: int, message: str) -> dict[str, object]:
    """An error as Google writes it."""
    return {"error": {"code": code, "message": message, "status": "INVALID_ARGUMENT"}}


FORMS = {
    "responses": Spoken(
        "openai-responses/gpt-5.5",
        events(
            {"type": "response.created", "response": {"status": "in_progress"}},
            {"type": "error", "code": "context_length_exceeded", "message": TOO_LONG, "param": None},
        ),
        failure(
            400,
            "The encrypted content gAAA could not be verified.",
            kind="invalid_request_error",
            code="invalid_encrypted_content",
        ),
    ),
    **{
        name: Spoken(
            model,
            Raw((b"data: " + json.dumps([google(400, GEMINI_TOO_LONG)]).encode() + b"\r\n\r\n",)),
            Raw((json.dumps(google(400, "Corrupted thought signature.")).encode(),), 400, gemini.JSON),
        )
        for name, model in (
            ("gemini", "gemini/gemini-3.1-pro-preview"),
            ("gemini_older", "gemini/gemini-2.5-flash"),
            ("vertex", "vertex/gemini-3.8-flash"),
        )
    },
}


@dataclass(frozen=True, slots=True)
class User:
    """The client, whose model speaks one format."""

    claude: ClaudeCode
    spoken: Spoken

    def run(self, *turns: Turn) -> Run:
        """One session."""
        return self.claude.run(*turns, options=[*TOOLS, "--model", self.spoken.model])


@pytest.fixture(params=FORMS)
def user(request: pytest.FixtureRequest, claude: ClaudeCode) -> User:
    return User(claude, FORMS[request.param])


def shell(command: str, call_id: str = "call_1") -> Call:
    return call("Bash", call_id, command=command, description="Run it")


def test_text(user: User, backend: FakeBackend) -> None:
    backend.script(answer("Hello from elsewhere.", usage=Usage(prompt=5000, completion=9, cached=4000)))
    run = user.run("Say hello.")
    [request] = backend.received
    usage = run.result["usage"]
    assert (run.exit_code, run.text) == (0, "Hello from elsewhere.")
    assert "Say hello." in request.text
    assert (usage["input_tokens"], usage["cache_read_input_tokens"], usage["output_tokens"]) == (1000, 4000, 9)


def test_tool_loop(user: User, backend: FakeBackend) -> None:
    backend.script(answer("I run it.", shell("echo detour-$((40+2))")), answer("It printed detour-42."))
    run = user.run("Run it.")
    first, second = backend.received
    assert run.text == "It printed detour-42."
    assert second.said("tool")[-1].text == "detour-42"
    assert "I run it." in [turn.text for turn in second.said("assistant")]
    assert second.turns[: len(first.turns)] == first.turns, "the prompt cache of the backend is lost"
    assert second.tool_names == first.tool_names
    assert "Bash" in first.tool_names
    assert "DeferredToolPlaceholder" not in first.tool_names


@pytest.mark.parametrize("interleaved", [False, True], ids=["in_order", "interleaved"])
def test_parallel_tools(user: User, backend: FakeBackend, interleaved: bool) -> None:
    calls = (shell("echo the-first-of-two", "call_a"), shell("echo the-second-of-two", "call_b"))
    backend.script(answer("", *calls, interleaved=interleaved), answer("Both ran."))
    run = user.run("Run both.")
    assert run.text == "Both ran."
    assert len(backend.received) == 2
    asked = [each for turn in backend.received[1].said("assistant") for each in turn.calls]
    told = {turn.call_id: turn.text for turn in backend.received[1].said("tool")}
    assert ["first" in each.arguments for each in asked] == [True, False]
    assert [told[each.id] for each in asked] == ["the-first-of-two", "the-second-of-two"]


def test_failing_tool(user: User, backend: FakeBackend) -> None:
    backend.script(answer("", shell("echo broken >&2; exit 3")), answer("It failed."))
    assert user.run("Run it.").text == "It failed."
    told = backend.received[1].said("tool")[-1].text
    assert "broken" in told
    assert "error" in told.lower()


@pytest.mark.parametrize(("name", "content"), [("pixel.png", png()), ("page.pdf", pdf())], ids=["png", "pdf"])
def test_reads_an_image_and_a_pdf(user: User, backend: FakeBackend, name: str, content: bytes) -> None:
    user.claude.workspace.mkdir(parents=True)
    path = user.claude.workspace / name
    path.write_bytes(content)
    backend.script(answer("", call("Read", file_path=str(path))), answer("I saw it."))
    run = user.run("Look at it.")
    assert run.text == "I saw it."
    assert len(backend.received) == 2
    turns = backend.received[1].turns
    result = max(index for index, turn in enumerate(turns) if turn.role == "tool")
    [uri] = [media for turn in turns[result:] for media in turn.media]
    if name == "pixel.png":
        assert uri.startswith("data:image/png;base64,")
    else:
        assert uri == "data:application/pdf;base64," + base64.b64encode(content).decode()


@pytest.mark.parametrize("user", ["responses"], indirect=True)
def test_thinking_is_shown_and_goes_back_to_its_model(user: User, backend: FakeBackend) -> None:
    first, second = "**Planning**\n\nI should run it first.", "**Done**\n\nThat went well."
    backend.script(
        answer("I run it.", shell("echo thought"), reasoning=first),
        answer("Done.", reasoning=second),
        answer("Indeed."),
    )
    run = user.run("Think, then run it.", "And now?")
    assert [shown for block in run.blocks("assistant", "thinking") if (shown := block["thinking"])] == [first, second]
    assert run.results == ["Done.", "Indeed."]
    _, after_the_call, later = backend.received
    assert [turn.sealed for turn in after_the_call.turns if turn.sealed] == [(sealed(first),)]
    assert [turn.sealed for turn in later.turns if turn.sealed] == [(sealed(first),), (sealed(second),)]
    said = later.said("assistant")
    before = {turn.sealed: following for turn, following in pairwise(said) if turn.sealed}
    assert before[(sealed(first),)].text == "I run it."
    assert before[(sealed(second),)].text == "Done."


@pytest.mark.parametrize("user", ["gemini", "vertex"], indirect=True)
def test_signatures_go_back_on_the_calls_that_they_came_on(user: User, backend: FakeBackend) -> None:
    """What is signed behind the last text has no place; Google wants it, and does not demand it."""
    first, second, last = "**Planning**\n\nI should run both.", "**More**\n\nAnd this.", "**Done**\n\nThat went well."
    backend.script(
        answer("I run them.", shell("echo one", "call_a"), shell("echo two", "call_b"), reasoning=first),
        answer("", shell("echo three", "call_c"), reasoning=second),
        answer("Done.", reasoning=last),
        answer("Indeed."),
    )
    run = user.run("Think, then run them.", "And now?")
    thoughts = [shown for block in run.blocks("assistant", "thinking") if (shown := block["thinking"])]
    assert (run.results, thoughts) == (["Done.", "Indeed."], [first, second, last])
    for request, seals in zip(backend.received[1:], ([first], [first, second], [first, second]), strict=True):
        signed = [(turn.calls[0].id, turn.sealed) for turn in request.turns if turn.sealed]
        assert signed == [
            (call_id, (gemini.sealed(seal),)) for call_id, seal in zip(("call_a", "call_c"), seals, strict=False)
        ]


def test_another_model_is_not_shown_what_it_cannot_read(user: User, backend: FakeBackend) -> None:
    def is_trial(request: Received) -> bool:
        return "Turn one." not in request.text

    backend.script(when(is_trial, answer("Hi.")), answer("Answer one.", reasoning="Hm."), answer("Answer two."))
    run = user.run("Turn one.", {"subtype": "set_model", "model": f"{user.spoken.model}-mini"}, "Turn two.")
    assert run.results == ["Answer one.", "Answer two."]
    assert len(backend.received) == 3
    assert not any(turn.sealed for turn in backend.received[2].turns)


def test_stale_reasoning_costs_one_request(user: User, backend: FakeBackend) -> None:
    backend.script(answer("Answer one.", reasoning="Hm."), user.spoken.stale, answer("Answer two."))
    run = user.run("Turn one.", "Turn two.")
    assert run.results == ["Answer one.", "Answer two."]
    assert len(backend.received) == 3
    assert run.notices("api_retry") == []
    assert not any(turn.sealed for turn in backend.received[2].turns)


def test_tool_search(user: User, backend: FakeBackend) -> None:
    backend.script(
        answer("", call("ToolSearch", query="select:WebFetch", max_results=5)), answer("I have WebFetch now.")
    )
    run = user.run("Find a tool.")
    first, second = backend.received
    assert run.text == "I have WebFetch now."
    assert [name for name in second.tool_names if name not in first.tool_names] == ["WebFetch"]


@pytest.mark.parametrize("late", [False, True], ids=["at_once", "in_the_stream"])
def test_overflow_in_a_session_compacts(user: User, backend: FakeBackend, late: bool) -> None:
    def for_summary(request: Received) -> bool:
        return "Respond with TEXT ONLY" in request.said("user")[-1].text

    refusal: Reply = user.spoken.late_overflow if late else overflow()
    backend.script(
        when(for_summary, answer("<summary>The user said one.</summary>")),
        answer("Answer one."),
        refusal,
        answer("Answer two."),
    )
    run = user.run("Turn one.", "Turn two.")
    assert run.results == ["Answer one.", "Answer two."]
    assert len(run.notices("compact_boundary")) == 1
    assert len(backend.received) == 4
    assert "The user said one." in backend.received[3].text


def test_overflow_inside_a_stream_is_said_once_as_a_400(user: User, backend: FakeBackend) -> None:
    told = user.claude.proxy.log.count("<< 400")
    backend.script(user.spoken.late_overflow)
    run = user.run("Far too much.")
    assert run.text.startswith("Prompt is too long")
    assert len(backend.received) == 1
    assert user.claude.proxy.log.count("<< 400") == told + 1


def test_rate_limit_is_waited_for(user: User, backend: FakeBackend) -> None:
    limit = failure(
        429, "Rate limit reached.", kind="requests", code="rate_limit_exceeded", headers=[("retry-after", "1")]
    )
    backend.script(limit, answer("At last."))
    run = user.run("Hurry.")
    [notice] = run.notices("api_retry")
    assert run.text == "At last."
    assert (notice["error_status"], notice["attempt"]) == (429, 1)
    assert len(backend.received) == 2


def test_reply_cut_at_the_length_limit_is_resumed(user: User, backend: FakeBackend) -> None:
    backend.script(Answer("The first half,", finish="length"), answer(" and the second."))
    run = user.run("Tell me.")
    assert [block["text"] for block in run.blocks("assistant", "text")] == ["The first half,", " and the second."]
    assert backend.received[1].said("assistant")[-1].text == "The first half,"


def test_stream_cut_in_its_text_is_asked_for_whole(user: User, backend: FakeBackend) -> None:
    backend.script(Answer("This will never be finished.", cut_after_chunks=3), answer("This is the whole."))
    run = user.run("Tell me.")
    assert (run.exit_code, run.text) == (0, "This is the whole.")
    assert "never be" not in "".join(block["text"] for block in run.blocks("assistant", "text"))
    assert len(backend.received) == 2


@pytest.mark.parametrize("user", ["responses"], indirect=True)
def test_a_search_is_made_by_the_backend(user: User, backend: FakeBackend) -> None:
    def of_search(request: Received) -> bool:
        return "Perform a web search for the query" in request.text

    page = Page("https://www.aemet.example/rain", "Rain in Spain")
    asks = answer("", call("WebSearch", query="rain in spain"))
    backend.script(
        when(of_search, Answer("Mostly in the north.", cites=(page,))),
        when(lambda request: not of_search(request), asks, answer("It rains.")),
    )
    run = user.claude.run("Does it rain?", options=["--allowedTools", "WebSearch", "--model", user.spoken.model])
    assert run.text == "It rains."
    told = backend.received[-1].said("tool")[-1].text
    assert "Mostly in the north." in told
    assert '"title":"Rain in Spain","url":"https://www.aemet.example/rain"' in told


def test_structured_output(user: User, backend: FakeBackend) -> None:
    schema = '{"type":"object","properties":{"title":{"type":"string"}},"required":["title"]}'
    backend.script(answer("", call("StructuredOutput", title="Rain")))
    run = user.claude.run("A title.", options=["--json-schema", schema, "--model", user.spoken.model])
    assert run.result["structured_output"] == {"title": "Rain"}
    assert len(backend.received) == 1
