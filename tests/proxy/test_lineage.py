"""Which flow another one continues, found in mitmproxy's list."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from mitmproxy import flow as mitmproxy_flow
from mitmproxy import http
from mitmproxy.addons.view import View
from mitmproxy.test import taddons, tflow

from addon.prompts.entry import Summary
from addon.proxy import lineage, record
from addon.routing.call import AGENT_ID, SESSION
from tests.prompts.test_answer import WHOLE

TOOLS = [{"name": "Bash"}]
SUMMARIZE = [{"role": "user", "content": "CRITICAL: Respond with TEXT ONLY."}]


@pytest.fixture
def view() -> Iterator[View]:
    with taddons.context(View()) as context:
        view: View = context.master.addons.get("view")
        yield view


def turn(
    at: float, *, session: str | None = "s", agent: str = "", routed: bool = False, **fields: Any
) -> http.HTTPFlow:
    flow = tflow.tflow(resp=fields.pop("answered", True))
    flow.request.method, flow.request.url = "POST", fields.pop("url", "https://api.anthropic.com/v1/messages?beta=true")
    flow.request.timestamp_start = at
    names = {SESSION: session, AGENT_ID: agent}
    flow.request.headers.update({name: value for name, value in names.items() if value})
    body = {"model": "claude-opus-5-5", "tools": TOOLS, "messages": [{"role": "user", "content": "a"}], **fields}
    flow.request.content = json.dumps(body).encode()
    if routed:
        flow.metadata[record.KEY] = {
            "original": {
                "method": "POST",
                "url": flow.request.url,
                "headers": [[name, value] for name, value in flow.request.headers.fields],
                "body": flow.request.content,
            },
            "route": "openai/x",
        }
        flow.request.url, flow.request.content = "https://backend.example/v1/chat/completions", b"{}"
        flow.request.headers.clear()
    return flow


def listed(view: View, *flows: mitmproxy_flow.Flow) -> None:
    view.add(list(flows))


def test_the_turn_before_is_the_newest_of_its_conversation(view: View) -> None:
    before, now = turn(1, routed=True), turn(9)
    listed(
        view,
        tflow.ttcpflow(),
        turn(0),
        before,
        turn(2, session="t"),
        turn(3, agent="a1"),
        turn(4, tools=[], messages=[]),
        turn(5, messages=SUMMARIZE),
        turn(6, url="https://api.anthropic.com/v1/messages/count_tokens"),
        now,
        turn(10),
    )
    assert lineage.previous(now) is before


def test_agents_have_conversations_of_their_own(view: View) -> None:
    before, now = turn(1, agent="a1"), turn(3, agent="a1", routed=True)
    listed(view, before, turn(2), now)
    assert lineage.previous(now) is before


def test_a_turn_that_failed_is_asked_again_and_not_continued(view: View) -> None:
    before, failed, broken = turn(1), turn(2), turn(3, answered=False)
    assert failed.response
    failed.response.status_code = 529
    broken.error = mitmproxy_flow.Error("Client disconnected.")
    listed(view, before, failed, broken)
    assert lineage.previous(turn(4)) is before
    view.remove([before])
    assert lineage.previous(turn(4)) is broken


def test_copies_are_no_turns(view: View) -> None:
    copied, before = turn(2, routed=True), turn(1)
    copied.metadata[record.KEY]["origin"] = "replay"
    listed(view, before, copied)
    assert lineage.previous(turn(3)) is before
    assert lineage.previous(copied) == lineage.BESIDE


def test_a_hidden_flow_is_found(view: View) -> None:
    before = turn(1)
    listed(view, before)
    view.set_filter_cmd("~u nothing")
    assert lineage.previous(turn(2)) is before


def test_a_session_that_only_the_body_names_is_one(view: View) -> None:
    named: Any = {"metadata": {"user_id": json.dumps({"session_id": "s"})}, "session": None}
    before = turn(1, **named)
    listed(view, before, turn(2, session=None, metadata={"user_id": json.dumps({"session_id": "t"})}))
    assert lineage.previous(turn(3, **named)) is before


def test_why_there_is_none_is_said(view: View) -> None:
    assert lineage.previous(turn(1)) == lineage.NONE_BEFORE
    assert lineage.previous(turn(1, tools=[])) == lineage.BESIDE
    assert lineage.previous(turn(1, session=None)) == lineage.BESIDE
    assert lineage.previous(turn(1, model=None)) == lineage.BESIDE
    broken = turn(1)
    broken.request.content = b"not JSON"
    assert lineage.previous(broken) == lineage.BESIDE
    assert lineage.previous(tflow.tflow()) == lineage.BESIDE


def test_without_a_list_nothing_is_found() -> None:
    with taddons.context():
        assert lineage.previous(turn(1)) == lineage.NO_LIST


def test_a_summary_says_what_the_reply_says_of_tokens() -> None:
    flow = turn(1, routed=True)
    assert flow.response
    flow.response.content, flow.response.timestamp_end = WHOLE, 3.5
    assert lineage.summary(flow) == Summary(id=flow.id, at=1, route="openai/x", total_ms=2500, output_tokens=7)
    assert lineage.summary(turn(1, answered=False)).total_ms == 0
