"""What mitmproxy shows of a flow, and which view it chooses by itself."""

import json
from collections.abc import Iterator

import pytest
from mitmproxy import contentviews, http, tcp
from mitmproxy.addons.view import View
from mitmproxy.contentviews import Metadata
from mitmproxy.test import taddons, tflow

from addon.prompts import render
from addon.proxy import record, views
from tests import amazon
from tests.prompts.test_answer import WHOLE
from tests.proxy.live import ask
from tests.proxy.test_lineage import turn

VIEWS = (
    views.PromptView,
    views.AnswerView,
    views.DifferenceView,
    views.SentView,
    views.BackendReplyView,
    views.ChangesView,
)
ORIGINAL = json.dumps(ask("The client's words")).encode()


@pytest.fixture(autouse=True)
def _registered() -> Iterator[None]:
    with taddons.context():
        views.register(str)
        yield


def _routed() -> http.HTTPFlow:
    flow = tflow.tflow(resp=True)
    flow.request.method = "POST"
    flow.request.url = "https://backend.example/v1/chat/completions"
    flow.request.headers["content-type"] = "application/json"
    flow.request.content = b'{"model":"gpt-test"}'
    flow.metadata[record.KEY] = {
        "original": {"method": "POST", "url": "https://api.anthropic.com/v1/messages", "headers": [], "body": ORIGINAL},
        "route": "openai/gpt-test",
        "reason": "BIG_MODEL answers opus",
        "changes": [["tools", "dropped: Bash"]],
        "losses": [["top_k", "dropped", False]],
        "reply": b"data: {}\n\n",
        "dropped": 0,
    }
    return flow


def _passing(path: str = "/v1/messages?beta=true", body: bytes = ORIGINAL) -> http.HTTPFlow:
    flow = tflow.tflow(resp=True)
    flow.request.url = f"https://api.anthropic.com{path}"
    flow.request.headers["content-type"] = "application/json"
    flow.request.content = body
    return flow


def _shown(message: http.Message, flow: object, view: str = "auto") -> contentviews.ContentviewResult:
    return contentviews.prettify_message(message, flow, view)  # type: ignore[arg-type]  # tests give other flows too


def test_the_request_of_a_routed_flow_shows_the_clients_prompt() -> None:
    flow = _routed()
    shown = _shown(flow.request, flow)
    assert (shown.view_name, "The client's words" in shown.text) == ("Prompt", True)


def test_the_request_of_a_passing_message_shows_its_prompt() -> None:
    flow = _passing()
    assert _shown(flow.request, flow).view_name == "Prompt"


@pytest.mark.parametrize(
    "flow",
    [_passing("/v1/messages/count_tokens"), _passing("/v1/other"), _passing(body=b"not JSON"), _passing(body=b"")],
)
def test_other_requests_keep_mitmproxys_own_view(flow: http.HTTPFlow) -> None:
    assert _shown(flow.request, flow).view_name not in {view.name for view in VIEWS}


def test_a_stream_of_events_shows_the_answer() -> None:
    flow = _routed()
    assert flow.response
    flow.response.content = WHOLE
    shown = _shown(flow.response, flow)
    assert (shown.view_name, "text: | # 11 characters\n  Here it is." in shown.text) == ("Answer", True)


def test_other_responses_keep_mitmproxys_own_view() -> None:
    for flow in (_routed(), _passing()):
        assert flow.response
        assert _shown(flow.response, flow).view_name not in {view.name for view in VIEWS}


SHOWN = [
    ("prompt", "The client's words"),
    ("sent", '# POST https://backend.example/v1/chat/completions\n{\n  "model": "gpt-test"\n}'),
    ("backend reply", "data: {}"),
    ("changes", "route: openai/gpt-test"),
]


@pytest.mark.parametrize(("view", "text"), SHOWN)
@pytest.mark.parametrize("side", ["request", "response"])
def test_every_view_shows_its_copy_on_both_sides(view: str, text: str, side: str) -> None:
    flow = _routed()
    shown = _shown(getattr(flow, side), flow, view)
    assert str(shown.view_name).lower() == view
    assert text in shown.text


def test_changes_of_the_route_are_shown_where_they_are_kept() -> None:
    flow = _routed()
    assert "changed by the route:\n  tools: dropped: Bash\n" in _shown(flow.request, flow, "changes").text
    del flow.metadata[record.KEY]["changes"]  # a flow that an older Detour saved
    assert "changed by the route: nothing\n" in _shown(flow.request, flow, "changes").text


def test_the_prompt_is_there_on_a_passing_response_too() -> None:
    flow = _passing()
    assert flow.response
    assert "The client's words" in _shown(flow.response, flow, "prompt").text


def test_a_prompt_with_half_an_emoji_is_shown() -> None:
    flow = _passing(body=ORIGINAL.replace(b"The client's", rb"\ud83d"))
    assert "\N{REPLACEMENT CHARACTER} words" in _shown(flow.request, flow).text


def test_control_characters_reach_no_terminal() -> None:
    flow = _passing(body=ORIGINAL.replace(b"The client's", rb"\u001b]0;owned\u0007\u001b[31m"))
    assert "\x1b" not in _shown(flow.request, flow).text


def test_what_is_not_kept_is_said() -> None:
    flow = _passing()
    assert "Passed through: nothing was changed." in _shown(flow.request, flow, "changes").text
    assert "no reply is kept" in _shown(flow.request, flow, "backend reply").text
    kept = _routed()
    kept.metadata[record.KEY]["dropped"] = 5
    assert "[5 more bytes were not kept]" in _shown(kept.request, kept, "backend reply").text


def test_flows_that_are_not_http_are_left_to_others() -> None:
    flow = tflow.ttcpflow()
    message = tcp.TCPMessage(True, b'{"model":1}')
    for view in VIEWS:
        assert view().render_priority(b"{}", Metadata(flow=flow, tcp_message=message)) < 0
    for view in (views.SentView, views.AnswerView, views.DifferenceView):
        with pytest.raises(ValueError, match="not an HTTP flow"):
            view().prettify(b"", Metadata(flow=flow))
    assert views.PromptView().prettify(b"{}", Metadata(flow=flow)).startswith("# null")


def test_changes_say_who_answered_where_nothing_was_sent() -> None:
    flow = tflow.tflow()
    record.keep_answer(flow, "titles (detour.yaml, line 3): the kind is title")
    shown = _shown(flow.request, flow, "changes").text
    assert "Answered by Detour itself: nothing was sent." in shown
    assert "why: titles (detour.yaml, line 3): the kind is title" in shown


def test_an_answer_is_told_apart_from_one_that_is_under_way() -> None:
    flow = _routed()
    assert flow.response
    flow.response.content = WHOLE[:700]
    assert "error: the reply ends before" in _shown(flow.request, flow, "answer").text
    flow.live, flow.response.timestamp_end = True, None
    assert "# the reply is still on its way" in _shown(flow.request, flow, "answer").text
    flow.response = None
    assert _shown(flow.request, flow, "answer").text == "no reply yet"
    flow.live = False
    assert _shown(flow.request, flow, "answer").text == "there was no reply"


def test_a_turn_is_compared_with_the_one_before_it() -> None:
    before, now = turn(1), turn(13, system="Another.", messages=[{"role": "user", "content": "b"}])
    for flow in (before, now):
        assert flow.response
        flow.response.content = WHOLE
    with taddons.context(View()) as context:
        context.master.addons.get("view").add([before, now])
        shown = _shown(now.request, now, "difference").text
        first = _shown(before.request, before, "difference").text
    assert ", 12 s before · 1 added, 1 changed\n" in shown
    assert "cache: System prompt, block 1 is new" in shown
    assert "- message 1, user: | # messages.0\n  [-a-]{+b+}\n" in shown
    assert first.startswith("There is nothing to compare with: it is the first turn of its conversation")


def test_a_reply_in_binary_frames_is_shown_as_lines() -> None:
    flow = _routed()
    frames = 'event messageStart {"role":"assistant"}\nexception throttlingException {"message":"slow"}\n'
    flow.metadata[record.KEY]["reply"] = amazon.framed(frames)
    assert views.BackendReplyView().prettify(b"", Metadata(flow=flow, http_message=flow.response)) == frames


def test_megabytes_are_shortened() -> None:
    flow = _routed()
    flow.metadata[record.KEY]["original"]["body"] = json.dumps(ask("a line\n" * 300_000)).encode()
    shown = _shown(flow.request, flow).text
    assert len(shown) < render.MOST_SHOWN + 200
    assert "characters are left out here" in shown
    assert shown.endswith("stream: true\n")
