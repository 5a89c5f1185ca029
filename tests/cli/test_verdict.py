"""What a checked target can do, from what came of asking it. All of it together: end_to_end/test_check.py."""

from typing import Any

import pytest

from addon.cli import verdict
from addon.cli.asking import Outcome
from addon.cli.finding import Level
from addon.cli.verdict import Asked, Verdict, judge
from addon.prompts.answer import Answer, Call
from addon.prompts.entry import Entry, Reply, Summary
from addon.routing.facts import UNKNOWN, ModelFacts
from addon.settings.assembly import parse

ENDPOINT = parse({"XAI_API_KEY": "k"}).endpoints["xai"]
CALL = Call("1", "weather", {"city": "Paris"})
COUNTED: dict[str, Any] = {"input_tokens": 200, "output_tokens": 30}


def outcome(*calls: Call, status: int = 200, first_ms: int = 200, **fields: Any) -> Outcome:
    return Outcome(target="xai/g", answer=Answer(calls=calls, **fields), status=status, first_ms=first_ms, total_ms=900)


def entry(kind: str = "text/event-stream", **counts: int | None) -> Entry:
    summary = Summary(id="1", at=0.0, **{**COUNTED, **counts})
    return Entry(summary=summary, reply=Reply(status=200, headers=(("Content-Type", kind),), body=b""))


def judged(
    first: Outcome, forced: Outcome | None = None, logged: Entry | None = None, facts: ModelFacts = UNKNOWN
) -> Verdict:
    return judge(Asked("xai/g", first, ENDPOINT, facts, forced, logged))


def told(found: Verdict) -> str:
    return "; ".join(f"{finding.level} {finding.what}" for finding in found.findings)


def test_what_works_has_no_finding() -> None:
    found = judged(outcome(CALL, thinking="Well."), logged=entry("text/event-stream; charset=utf-8"))
    assert found == Verdict("xai/g", "yes", "yes", "yes", "yes", "yes", "yes", 200, 900)
    assert found.works


def test_thinking_that_is_hidden_is_thinking() -> None:
    message = {"content": [{"type": "redacted_thinking", "data": "x"}]}
    assert judged(outcome(CALL, message=message)).thinking == "yes"
    assert judged(outcome(CALL, message={"content": None})).thinking == "no"


def test_what_was_not_kept_is_unknown() -> None:
    found = judged(outcome(CALL))
    assert (found.stream, found.usage, found.findings) == ("", "", ())


LESS = [
    (outcome(CALL), None, entry("application/json"), UNKNOWN, True, "warn it answers whole (application/json)"),
    (outcome(CALL), None, entry(""), UNKNOWN, True, "warn it answers whole (no content type)"),
    (outcome(CALL), None, entry(input_tokens=None), UNKNOWN, True, "warn it counts no tokens"),
    (outcome(CALL, first_ms=31_000), None, entry(), UNKNOWN, True, "warn its first word took 31 s"),
    (outcome(CALL), None, entry(), ModelFacts(32_768), True, "warn its window has 32,768 tokens"),
    (outcome(), outcome(CALL), entry(), UNKNOWN, True, "warn it calls a tool only when it must"),
    (outcome(text="Rain.\nI think."), outcome(), entry(), UNKNOWN, False, "fail it made no tool call: it said"),
    (outcome(stop_reason="max_tokens"), None, entry(), UNKNOWN, False, "fail it thought until its tokens were spent"),
    (outcome(Call("1", "weather", "{cut")), None, entry(), UNKNOWN, False, "fail its call does not fit the tool"),
    (outcome(Call("1", "other", {})), None, entry(), UNKNOWN, False, "fail it made no tool call"),
    (outcome(Call("1", "weather", {}, whole=False)), None, entry(), UNKNOWN, False, "fail it made no tool call"),
    (outcome(CALL, error="overloaded_error: it died"), None, entry(), UNKNOWN, False, "fail its reply did not end"),
]  # fmt: skip


@pytest.mark.parametrize(("first", "forced", "logged", "facts", "works", "finding"), LESS)
def test_what_is_not_as_it_should_be_is_a_finding_of_its_own(
    first: Outcome, forced: Outcome | None, logged: Entry, facts: ModelFacts, works: bool, finding: str
) -> None:
    found = judged(first, forced, logged, facts)
    assert told(found).startswith(finding)
    assert len(found.findings) == 1
    assert found.findings[0].remedy
    assert found.works is works


FAILURES = [
    (502, "api_error: xai/g cannot be reached at https://x: refused", "no", "", "cannot be reached", "https://api.x.ai"),
    (502, "xai/g cannot be reached: Certificate verify failed", "no", "", "cannot be reached", "SSL_CERT_FILE"),
    (0, "the connection failed: timed out", "", "", "the connection failed", "--timeout"),
    (403, "permission_error: xai/g refused the credential in X", "yes", "no", "refused", "that XAI_API_KEY holds"),
    (403, "permission_error: xai/g: not allowed", "yes", "no", "not allowed", "what the key in XAI_API_KEY may do"),
    (402, "billing_error: xai/g: no money", "yes", "yes", "no money", "credit"),
    (404, "not_found_error: xai/g: no such model", "yes", "", "no such model", "`detour models g`"),
    (429, "rate_limit_error: xai/g: slow down", "yes", "yes", "slow down", "wait"),
    (400, "invalid_request_error: prompt is too long: 300 > 256", "yes", "yes", "prompt is", "window is too small"),
    (400, "invalid_request_error: xai/g: unknown field", "yes", "yes", "unknown field", "`profile`"),
    (529, "overloaded_error: xai/g: later", "yes", "", "later", "try again later"),
    (200, "api_error: xai/g: it died", "yes", "", "it died", "it fails itself"),
    (500, None, "yes", "", "HTTP 500 without a word", "it fails itself"),
]  # fmt: skip


@pytest.mark.parametrize(("status", "error", "reached", "key", "what", "remedy"), FAILURES)
def test_a_failure_is_told_in_the_backends_words_with_the_way_out(
    status: int, error: str | None, reached: str, key: str, what: str, remedy: str
) -> None:
    found = judged(outcome(status=status, error=error))
    (finding,) = found.findings
    assert (found.reached, found.key, found.call) == (reached, key, "")
    assert finding.what.startswith(what)
    assert remedy in finding.remedy
    assert not found.works


def test_one_that_is_not_asked_is_a_fault_only_where_it_was_named() -> None:
    assert verdict.unasked("a/b", "no key", named=True).findings[0].level is Level.FAIL
    assert verdict.unasked("a/b", "no key", named=False).works
