"""What rules may ask of a request. The requests in calls/ are the real client's, shortened, with its ids replaced."""

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st

from addon.protocol import messages, tokens
from addon.protocol.errors import BadRequest
from addon.routing.call import AGENT_TYPE, COMPACTION, EFFORTS, REQUEST_CLASS, SESSION, Call, Door, Kind
from addon.routing.config import Tier
from tests.properties.blocks import JSON
from tests.properties.conversations import requests

type Json = dict[str, Any]

FACTS = [
    "tier", "kind", "agent_type", "agent_id", "session", "thinking", "effort", "input_tokens", "has_image",
    "has_document", "tool_names",
]  # fmt: skip
HINTS = (REQUEST_CLASS, AGENT_TYPE, COMPACTION)
RECORDED: list[Json] = json.loads((Path(__file__).parent / "calls" / "claude_code.json").read_text())
recorded = pytest.mark.parametrize("entry", RECORDED, ids=lambda entry: f"{entry['story']}, {entry['door']}")


def call(body: Json | None = None, /, *, headers: dict[str, str] | None = None, **fields: Any) -> Call:
    return Call({"model": "claude-opus-5-5", **(body or {}), **fields}, headers=headers or {})


def said(*content: Any) -> list[Json]:
    """A conversation of one turn."""
    return [{"role": "user", "content": list(content)}]


def test_a_call_keeps_what_it_is_told() -> None:
    body = {"model": "m"}
    made = Call(body, headers={"a": "b"}, path="/p", door=Door.REVERSE, lot="l")
    assert (made.body, made.headers, made.path, made.door, made.now, made.lot) == (
        body, {"a": "b"}, "/p", "reverse", None, "l"
    )  # fmt: skip


def test_no_filter_matches_without_a_flow() -> None:
    assert not call().matches_filter("~all")
    assert Call({"model": "m"}, matches_filter="~all".__eq__).matches_filter("~all")


NAMES = [
    ("claude-opus-5-5", "claude-opus-5-5", "claude-opus-5-5", False, Tier.OPUS),
    ("claude-sonnet-5[1m]", "claude-sonnet-5", "claude-sonnet-5", True, Tier.SONNET),
    ("Claude-HAIKU-5[1M]", "Claude-HAIKU-5", "Claude-HAIKU-5", True, Tier.HAIKU),
    ("claude-via-openai/gpt-5.5", "claude-via-openai/gpt-5.5", "openai/gpt-5.5", False, None),
    ("claude-via-openai/gpt-5.5[1m]", "claude-via-openai/gpt-5.5", "openai/gpt-5.5", True, None),
    ("claude-via-sonnet", "claude-via-sonnet", "sonnet", False, Tier.SONNET),
    ("openrouter/anthropic/claude-opus-4.8", "openrouter/anthropic/claude-opus-4.8",
     "openrouter/anthropic/claude-opus-4.8", False, None),
    ("gpt-5.5", "gpt-5.5", "gpt-5.5", False, None),
    ("[1m]", "", "", True, None),
    ("", "", "", False, None),
]  # fmt: skip


@pytest.mark.parametrize(("sent", "model", "named", "long_window", "tier"), NAMES)
def test_a_name_says_model_window_and_tier(
    sent: str, model: str, named: str, long_window: bool, tier: Tier | None
) -> None:
    made = call(model=sent)
    assert (made.model, made.named, made.long_window, made.tier) == (model, named, long_window, tier)


@recorded
def test_the_clients_own_calls_are_known_by_kind(entry: Json) -> None:
    assert Call(entry["body"], headers=entry["headers"], path=entry["path"]).kind == entry["kind"]


@recorded
def test_the_marks_find_what_the_hints_say(entry: Json) -> None:
    headers = {name: value for name, value in entry["headers"].items() if name not in HINTS}
    expected = entry["kind"] if entry["body"].get("tools") or entry["kind"] != "main" else "other"
    assert Call(entry["body"], headers=headers, path=entry["path"]).kind == expected


@recorded
def test_header_and_metadata_name_the_same_session(entry: Json) -> None:
    with_header = Call(entry["body"], headers=entry["headers"])
    assert with_header.session is not None
    if "metadata" in entry["body"]:
        assert Call(entry["body"]).session == with_header.session


def test_every_kind_is_recorded_and_every_door() -> None:
    assert {entry["kind"] for entry in RECORDED} == set(Kind)
    assert {entry["door"] for entry in RECORDED} == set(Door)


BASH = {"tools": [{"name": "Bash"}]}
SEARCH = {"type": "web_search_20250305", "name": "web_search"}
AGENT = {"x-claude-code-agent-id": "a1"}
TITLE_FORM = {"format": {"type": "json_schema", "schema": {"properties": {"title": {"type": "string"}}}}}
TWO_FORM = {"format": {"type": "json_schema", "schema": {"properties": {"title": {}, "body": {}}}}}
SUMMARY = "CRITICAL: Respond with TEXT ONLY. Do NOT call any tools."
SUBAGENT = "x-anthropic-billing-header: cc_version=2; cc_is_subagent=true;"
NOTE = "You are a reviewer.\n\n---\n\nNOTE: You are running inside a workflow script. Return"

KINDS: list[tuple[str, Json, dict[str, str], Kind]] = [
    ("nothing", {}, {}, Kind.OTHER),
    ("tools", BASH, {}, Kind.MAIN),
    ("no tools", {"tools": []}, {}, Kind.OTHER),
    # hints
    ("hint main", {}, {REQUEST_CLASS: "main"}, Kind.MAIN),
    ("hint subagent", BASH, {REQUEST_CLASS: "subagent"}, Kind.SUBAGENT),
    ("hint workflow", BASH, {REQUEST_CLASS: "workflow", **AGENT}, Kind.WORKFLOW),
    ("hint compaction", BASH, {REQUEST_CLASS: "compaction"}, Kind.COMPACTION),
    ("hint of a compaction's cause", BASH, {COMPACTION: "auto"}, Kind.COMPACTION),
    ("after a compaction", BASH, {"x-claude-code-context-compacted": "auto"}, Kind.MAIN),
    ("hint auxiliary", BASH, {REQUEST_CLASS: "auxiliary"}, Kind.OTHER),
    ("hint auxiliary of an agent", BASH, {REQUEST_CLASS: "auxiliary", **AGENT}, Kind.OTHER),
    ("hint side reply", BASH, {REQUEST_CLASS: "side_reply"}, Kind.OTHER),
    ("hint auxiliary, a title", {"output_config": TITLE_FORM}, {REQUEST_CLASS: "auxiliary"}, Kind.TITLE),
    ("hint auxiliary, a search", {"tools": [SEARCH]}, {REQUEST_CLASS: "auxiliary", **AGENT}, Kind.WEBSEARCH),
    ("hint of tomorrow", BASH, {REQUEST_CLASS: "dream"}, Kind.MAIN),
    ("hint of tomorrow, an agent", BASH, {REQUEST_CLASS: "dream", **AGENT}, Kind.SUBAGENT),
    # compaction
    ("summary", {**BASH, "messages": said({"type": "text", "text": SUMMARY})}, {}, Kind.COMPACTION),
    ("summary as a text", {**BASH, "messages": [{"role": "user", "content": SUMMARY}]}, {}, Kind.COMPACTION),
    ("summary after results",
     {**BASH, "messages": said({"type": "tool_result", "content": "x"}, {"type": "text", "text": SUMMARY})}, {},
     Kind.COMPACTION),
    ("summary before a system turn",
     {**BASH, "messages": [*said({"type": "text", "text": SUMMARY}), {"role": "system", "content": []}]}, {},
     Kind.COMPACTION),
    ("summary of an agent", {**BASH, "messages": [{"role": "user", "content": SUMMARY}]}, AGENT, Kind.COMPACTION),
    ("summary asked for before",
     {**BASH, "messages": [{"role": "user", "content": SUMMARY}, {"role": "assistant", "content": "S"},
                           {"role": "user", "content": "Go on."}]}, {}, Kind.MAIN),
    ("summary spoken of", {**BASH, "messages": [{"role": "user", "content": f"What is {SUMMARY}?"}]}, {}, Kind.MAIN),
    ("summariser", {**BASH, "system": "You are a helpful AI assistant tasked with summarizing conversations."}, {},
     Kind.COMPACTION),
    # title
    ("title", {"output_config": TITLE_FORM}, {}, Kind.TITLE),
    ("title in words", {"system": "You are naming a coding session so"}, {}, Kind.TITLE),
    ("title with tools", {**BASH, "output_config": TITLE_FORM}, {}, Kind.MAIN),
    ("more than a title", {"output_config": TWO_FORM}, {}, Kind.OTHER),
    # search and page
    ("search", {"tools": [SEARCH]}, {}, Kind.WEBSEARCH),
    ("search of tomorrow", {"tools": [{"type": "web_search_20270101", "name": "w"}]}, AGENT, Kind.WEBSEARCH),
    ("search among others", {"tools": [SEARCH, {"name": "Bash"}]}, {}, Kind.MAIN),
    ("one tool", {"tools": [{"name": "web_search"}]}, {}, Kind.MAIN),
    ("page", {"messages": said({"type": "text", "text": "\nWeb page content:\n---\nT"})}, {}, Kind.WEBFETCH),
    ("part of a page",
     {"messages": said({"type": "text", "text": "One part of a longer page.\n\nWeb page content:\n---\nT"})}, {},
     Kind.WEBFETCH),
    ("page of strangers",
     {"messages": said({"type": "text", "text": "The text inside the <untrusted-content-0a1b> tag below is a file."})},
     {}, Kind.WEBFETCH),
    ("page with tools",
     {**BASH, "messages": said({"type": "text", "text": "\nWeb page content:\n---\nT"})}, {}, Kind.MAIN),
    ("page far below",
     {"messages": said({"type": "text", "text": " " * 600 + "\nWeb page content:\n---\nT"})}, {}, Kind.OTHER),
    # classifier
    ("severity", {"stop_sequences": ["</severity>"]}, {}, Kind.CLASSIFIER),
    ("second look", {"system": [{"type": "text", "text": "You are a security monitor for"}]}, {}, Kind.CLASSIFIER),
    ("another stop", {"stop_sequences": ["STOP"]}, {}, Kind.OTHER),
    # agents
    ("agent by its id", BASH, AGENT, Kind.SUBAGENT),
    ("agent by the attribution", {**BASH, "system": [{"type": "text", "text": SUBAGENT}]}, {}, Kind.SUBAGENT),
    ("an agent spoken of", {**BASH, "system": "cc_is_subagent=true"}, {}, Kind.MAIN),
    ("agent of a hook", {**BASH, "system": "You are evaluating a PreToolUse hook in Claude Code. Your task is"}, {},
     Kind.SUBAGENT),
    ("prompt of a hook", {"system": "You are evaluating a PreToolUse hook in Claude Code. Your task is"}, {},
     Kind.OTHER),
    ("workflow", {**BASH, "system": "You are a subagent spawned by a workflow orchestration script. Use"}, AGENT,
     Kind.WORKFLOW),
    ("workflow with an agent", {**BASH, "system": [{"type": "text", "text": NOTE}]}, AGENT, Kind.WORKFLOW),
    ("a workflow spoken of", {**BASH, "system": [{"type": "text", "text": NOTE}]}, {}, Kind.MAIN),
    # asides
    ("side question",
     {**BASH, "messages": said({"type": "text", "text": "<system-reminder>This is a side question from the user. X"})},
     {}, Kind.OTHER),
    ("suggestion", {**BASH, "messages": [{"role": "user", "content": "[SUGGESTION MODE: Suggest"}]}, {}, Kind.OTHER),
    ("an agent's doing",
     {**BASH, "messages": [{"role": "user", "content": "Describe your most recent action in 3-5 words using"}]}, AGENT,
     Kind.OTHER),
]  # fmt: skip


@pytest.mark.parametrize(("body", "headers", "kind"), [row[1:] for row in KINDS], ids=[row[0] for row in KINDS])
def test_a_call_is_of_the_first_kind_whose_mark_it_bears(body: Json, headers: dict[str, str], kind: Kind) -> None:
    assert call(body, headers=headers).kind is kind


@pytest.mark.parametrize("hint", ["main", "auxiliary", "subagent", "nonsense"])
def test_a_count_is_a_count_whatever_its_header_says(hint: str) -> None:
    counted = Call({"model": "m", **BASH}, headers={REQUEST_CLASS: hint}, path="/v1/messages/count_tokens")
    assert counted.kind is Kind.COUNT


def test_agents_are_named_by_their_headers() -> None:
    named = call(headers={"x-claude-code-agent-type": "Explore", "x-claude-code-agent-id": "a1"})
    assert (named.agent_type, named.agent_id) == ("Explore", "a1")
    for headers in ({}, {"x-claude-code-agent-type": "", "x-claude-code-agent-id": ""}):
        assert (call(headers=headers).agent_type, call(headers=headers).agent_id) == (None, None)


SESSIONS: list[tuple[dict[str, str], Any, str | None]] = [
    ({}, None, None),
    ({SESSION: "s1"}, None, "s1"),
    ({SESSION: "s1"}, {"user_id": '{"session_id":"s2"}'}, "s1"),
    ({SESSION: ""}, {"user_id": '{"session_id":"s2"}'}, "s2"),
    ({}, {"user_id": '{"device_id":"0","session_id":"s2"}'}, "s2"),
    ({}, {"user_id": '{"device_id":"0"}'}, None),
    ({}, {"user_id": '{"session_id":7}'}, None),
    ({}, {"user_id": '{"session_id":""}'}, None),
    ({}, {"user_id": "user_1"}, None),
    ({}, {"user_id": "[]"}, None),
    ({}, {"user_id": {"session_id": "s2"}}, None),
    ({}, "s2", None),
]


@pytest.mark.parametrize(("headers", "metadata", "session"), SESSIONS)
def test_a_session_is_named_by_header_or_metadata(headers: dict[str, str], metadata: Any, session: str | None) -> None:
    assert call(headers=headers, metadata=metadata).session == session


@pytest.mark.parametrize(
    ("thinking", "on"),
    [
        (None, False),
        ({"type": "adaptive", "display": "updates"}, True),
        ({"type": "enabled", "budget_tokens": 31_999}, True),
        ({"type": "disabled"}, False),
        ({"type": ["enabled"]}, False),
        ({}, False),
        ("enabled", False),
    ],
)
def test_thinking_is_on_when_it_is_asked_for(thinking: Any, on: bool) -> None:
    assert call(thinking=thinking).thinking is on


def turn(effort: Any) -> Json:
    return {"role": "system", "content": [], "output_config": {"effort": effort}}


EFFORTS_TOLD: list[tuple[list[Any], Any, str | None]] = [
    ([], None, None),
    ([], {"effort": "low"}, "low"),
    ([], {"effort": "xhigh", "format": {}}, "xhigh"),
    ([turn("max")], {"effort": "low"}, "max"),
    ([turn("max"), {"role": "user", "content": "x"}, turn("medium"), {"role": "user"}], {"effort": "low"}, "medium"),
    ([turn("max"), {"role": "user", "content": "x", "output_config": {}}], None, "max"),
    ([turn("max"), turn("a new word")], {"effort": "low"}, None),
    ([turn("max"), turn(["low"])], {"effort": "low"}, None),
    ([turn("")], {"effort": "high"}, "high"),
    ([], {"effort": "a new word"}, None),
    ([], {"effort": {"low": 1}}, None),
    ([], "high", None),
    (["high", None], {"effort": "high"}, "high"),
]


@pytest.mark.parametrize(("turns", "output_config", "effort"), EFFORTS_TOLD)
def test_the_newest_turns_effort_counts(turns: list[Any], output_config: Any, effort: str | None) -> None:
    assert call(messages=turns, output_config=output_config).effort == effort


IMAGE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AA=="}}
PDF = {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "AA=="}}
SCAN = {"type": "document", "source": {"type": "content", "content": [IMAGE]}}
MEDIA: list[tuple[str, Any, tuple[bool, bool]]] = [
    ("none", said({"type": "text", "text": "x"}), (False, False)),
    ("a text", [{"role": "user", "content": "an image"}], (False, False)),
    ("an image", said(IMAGE), (True, False)),
    ("a document", said(PDF), (False, True)),
    (
        "in a result",
        said({"type": "tool_result", "content": [{"type": "text", "text": "x"}, IMAGE, PDF]}),
        (True, True),
    ),
    ("in a document", said(SCAN), (True, True)),
    ("in an old turn", [*said(IMAGE), {"role": "assistant", "content": "Yes."}, *said()], (True, False)),
    ("named by a call's input", said({"type": "tool_use", "name": "x", "input": {"type": "image"}}), (False, False)),
    ("no list", {"type": "image"}, (False, False)),
    ("no turn", ["image", None, {"role": "user"}, *said("image", None, {"type": ["image"]})], (False, False)),
]


@pytest.mark.parametrize(("turns", "media"), [row[1:] for row in MEDIA], ids=[row[0] for row in MEDIA])
def test_media_are_found_wherever_they_are(turns: Any, media: tuple[bool, bool]) -> None:
    assert (call(messages=turns).has_image, call(messages=turns).has_document) == media


def test_tools_are_named_as_they_are_offered() -> None:
    offered = [{"name": "Bash"}, SEARCH, {"name": 7}, {"type": "x"}, "Read", {"name": "Bash"}]
    assert call(tools=offered).tool_names == {"Bash", "web_search"}
    assert call(tools={"name": "Bash"}).tool_names == set()


@settings(max_examples=40)  # each takes some milliseconds to draw
@given(requests())
def test_a_lawful_request_is_as_long_as_count_tokens_says(body: Json) -> None:
    try:
        request = messages.check(body)
        expected = tokens.estimate(request.system, request.messages, request.tools)
    except BadRequest:  # a picture without a source, say, or half an emoji in a call's input
        reject()
    assert Call(body).input_tokens == expected


@pytest.mark.parametrize("raw", [None, b'{"model": "m", "messages": [{"role": "user"}]}'])
def test_a_copy_is_the_same_call_and_none_of_its_parts(raw: bytes | None) -> None:
    made = Call(
        {"model": "m", "messages": [{"role": "user"}]},
        raw=raw, headers={"a": "b"}, path="/p", door=Door.PROXY, now=datetime(2026, 11, 21), lot="l",
        matches_filter="~all".__eq__,
    )  # fmt: skip
    copy = made.copy()
    for name in ("body", "raw", "headers", "path", "door", "now", "lot", "model", "named", "long_window", *FACTS):
        assert getattr(copy, name) == getattr(made, name)
    assert copy.matches_filter("~all")
    copy.body["messages"][0].clear()
    assert isinstance(copy.headers, dict)
    copy.headers.clear()
    assert (made.body["messages"], made.headers) == ([{"role": "user"}], {"a": "b"})


def test_what_cannot_be_estimated_is_counted_by_its_texts() -> None:
    surrogate = {"name": "x", "description": "\ud83d" + "y" * 3600}
    assert call(tools=[surrogate]).input_tokens == pytest.approx(1000, abs=10)
    assert call(system=[{"type": "new", "data": "\ud83d" + "y" * 3600}]).input_tokens == pytest.approx(1000, abs=10)
    assert call(system="s" * 36, messages="x", tools=7).input_tokens == 10
    assert call().input_tokens == 1


def test_no_depth_is_too_deep() -> None:
    deep: Any = [IMAGE, {"type": "text", "text": "x" * 3600}]
    for _ in range(5_000):
        deep = [{"type": "tool_result", "content": deep}]
    made = call(messages=[{"role": "user", "content": deep}])
    assert made.has_image
    assert made.input_tokens > 1_000
    odd = call(**dict.fromkeys(("system", "tools", "metadata", "thinking", "output_config", "stop_sequences"), deep))
    assert (odd.kind, odd.session, odd.thinking, odd.effort) == (Kind.MAIN, None, False, None)
    assert call(tools=[{"type": deep, "name": deep}]).tool_names == set()
    assert call(tools=[{"type": deep, "name": deep}]).kind is Kind.MAIN


def test_a_fact_is_found_once() -> None:
    body = {"model": "claude-opus-5-5", **BASH, "messages": said(IMAGE), "thinking": {"type": "adaptive"}}
    made = Call(body, headers={SESSION: "s"})
    before = {name: getattr(made, name) for name in FACTS}
    body.clear()
    assert {name: getattr(made, name) for name in FACTS} == before
    assert before["kind"] is Kind.MAIN


def test_a_draw_stays_with_the_session() -> None:
    drawn = call(headers={SESSION: "s"}).draw("rule")
    assert drawn == call(headers={SESSION: "s"}, messages=[], model="x").draw("rule") == 0.7391950839562487
    assert drawn != call(headers={SESSION: "t"}).draw("rule")
    assert drawn != call(headers={SESSION: "s"}).draw("another rule")


def test_without_a_session_the_lot_decides() -> None:
    assert Call({"model": "m"}, lot="1").draw("r") == Call({"model": "m"}, lot="1").draw("r")
    assert Call({"model": "m"}, lot="1").draw("r") != Call({"model": "m"}, lot="2").draw("r")
    assert Call({"model": "m"}, lot="1", headers={SESSION: "s"}).draw("r") == call(headers={SESSION: "s"}).draw("r")


@pytest.mark.parametrize("share", [0.05, 0.3, 0.9])
def test_draws_fall_evenly(share: float) -> None:
    drawn = [call(headers={SESSION: f"session {number}"}).draw("rule") for number in range(4_000)]
    assert all(0 <= each < 1 for each in drawn)
    assert sum(each < share for each in drawn) / len(drawn) == pytest.approx(share, abs=0.03)


# any JSON at all, and JSON that is nearly right
WORDS = st.sampled_from(
    ["", "user", "text", "image", "document", "tool_result", "enabled", "low", "</severity>", SUMMARY, NOTE, SUBAGENT,
     "\ud83d", '{"session_id":"s"}', "web_search_1", "title"]
) | st.text(max_size=3)  # fmt: skip
KEYS = st.sampled_from(
    ["role", "content", "type", "text", "source", "data", "name", "effort", "output_config", "format", "schema",
     "properties", "title", "user_id", "x"]
)  # fmt: skip
NEARLY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)
FIELDS = ["messages", "system", "tools", "metadata", "thinking", "output_config", "stop_sequences"]
BODIES = st.builds(
    lambda model, fields: {**fields, "model": model},
    st.text() | st.sampled_from(["claude-opus-5-5[1m]", "claude-via-a/b", "\ud83d"]),
    st.dictionaries(st.sampled_from(FIELDS), NEARLY | JSON) | st.dictionaries(st.text(), NEARLY),
)
HEADERS = st.dictionaries(st.sampled_from([*HINTS, SESSION, "x-claude-code-agent-id"]), WORDS)


@given(BODIES, HEADERS)
def test_every_fact_is_told_of_any_json(body: Json, headers: dict[str, str]) -> None:
    made = Call(body, headers=headers)
    assert isinstance(made.kind, Kind)
    assert made.tier in (None, *Tier)
    assert made.effort in (None, *EFFORTS)
    assert made.input_tokens >= 1
    assert 0 <= made.draw("\ud83d") < 1
    for fact in (made.long_window, made.thinking, made.has_image, made.has_document):
        assert isinstance(fact, bool)
    for text in (
        made.model,
        made.named,
        made.session or "",
        made.agent_type or "",
        made.agent_id or "",
        *made.tool_names,
    ):
        assert isinstance(text, str)


def test_a_copy_for_somebody_else_bears_no_credential() -> None:
    headers = {"x-api-key": "k", "authorization": "Bearer k", "cookie": "k", "proxy-authorization": "k", "x-team": "a"}
    assert Call({"model": "m"}, headers=headers).copy().headers == {"x-team": "a"}
