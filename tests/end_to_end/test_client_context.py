"""The context of the real client: when it compacts, what it shows, how it names a session; with another model."""

import json

import pytest

from tests.end_to_end.client import ClaudeCode
from tests.end_to_end.fakes import FakeBackend, Received, when
from tests.end_to_end.proxy import Proxy
from tests.end_to_end.replies import Usage, answer

pytestmark = pytest.mark.client

SUMMARY = answer("<analysis>None.</analysis>\n<summary>The user said one.</summary>")
FRESH = Usage(prompt=15_000)  # the first reply's usage counts as the load of every session, and raises the window
WINDOW = {"CLAUDE_CODE_AUTO_COMPACT_WINDOW": "100000"}  # the client compacts 33,000 before its end


def for_summary(request: Received) -> bool:
    return "Respond with TEXT ONLY" in str(request.last("user")["content"])


def test_a_compaction_that_the_user_asks_for(claude: ClaudeCode, backend: FakeBackend) -> None:
    backend.script(when(for_summary, SUMMARY), answer("Answer one."), answer("Answer two."))
    run = claude.run("Turn one.", "/compact", "Turn two.")
    first, summary, last = backend.received
    [notice] = run.notices("compact_boundary")
    assert (run.results[0], run.text) == ("Answer one.", "Answer two.")
    assert notice["compact_metadata"]["trigger"] == "manual"
    assert "Answer one." in summary.text
    assert "The user said one." in last.text
    assert "Answer one." not in last.text
    assert last.messages[0] == first.messages[0], "the system prompt is not what it was"


@pytest.mark.parametrize(
    ("settings", "usage", "compacts"),
    [
        (WINDOW, Usage(prompt=60_000, cached=50_000, completion=6_000), False),
        (WINDOW, Usage(prompt=60_000, cached=50_000, completion=8_000), True),
        ({**WINDOW, "CLAUDE_AUTOCOMPACT_PCT_OVERRIDE": "25"}, Usage(prompt=18_000, completion=1_000), False),
        ({**WINDOW, "CLAUDE_AUTOCOMPACT_PCT_OVERRIDE": "25"}, Usage(prompt=19_000, completion=2_000), True),
    ],
    ids=["not_yet", "in_time", "a_small_window_not_yet", "a_small_window_in_time"],
)
def test_a_compaction_by_the_usage_that_the_backend_reports(
    claude: ClaudeCode, backend: FakeBackend, settings: dict[str, str], usage: Usage, compacts: bool
) -> None:
    summaries = [when(for_summary, SUMMARY)] if compacts else []
    backend.script(
        *summaries, answer("Answer one.", usage=FRESH), answer("Answer two.", usage=usage), answer("Answer three.")
    )
    run = claude.run("Turn one.", "Turn two.", "Turn three.", environment=settings)
    assert run.results == ["Answer one.", "Answer two.", "Answer three."]
    assert [notice["compact_metadata"]["trigger"] for notice in run.notices("compact_boundary")] == ["auto"] * compacts
    assert ("The user said one." in backend.received[-1].text) is compacts


def test_what_fills_the_context_is_counted_here(claude: ClaudeCode, backend: FakeBackend) -> None:
    backend.script(answer("Answer one.", usage=Usage(prompt=24_000, cached=20_000, completion=1_000)))
    run = claude.run("Turn one.", "/context")
    assert len(backend.received) == 1, "the backend was asked to count"
    assert "**Tokens:** 24k / 1m" in run.text
    assert "| System prompt |" in run.text
    counted = [state for state in claude.proxy.saved() if "count_tokens" in state["request"]["path"].decode()]
    assert counted
    assert {state["response"]["status_code"] for state in counted} == {200}
    assert {state["server_conn"]["timestamp_start"] for state in counted} == {None}, "counted elsewhere"
    assert all(json.loads(state["response"]["content"])["input_tokens"] > 0 for state in counted)


def test_the_name_of_a_session(claude: ClaudeCode, backend: FakeBackend, mitmdump: Proxy) -> None:
    def for_title(request: Received) -> bool:
        return "response_format" in request.body

    backend.script(when(for_title, answer('{"title": "Rain in Spain"}')), answer("It rains."))
    with claude.shown({"CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": ""}) as client:
        client.enter("Does it rain in Spain?")
        client.wait_for("It rains.")
        client.wait_until(lambda: "Rain in Spain" in client.screen.title)
    [title] = [request for request in backend.received if for_title(request)]
    wanted = title.body["response_format"]["json_schema"]
    assert list(wanted["schema"]["properties"]) == ["title"]
    assert "Does it rain in Spain?" in title.text
