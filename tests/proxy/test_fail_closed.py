"""The two guards: in place of the addon, and beside it. Loading and reloading for real is in tests/test_rewrite."""

import json
from collections.abc import Iterator

import pytest
from mitmproxy import http
from mitmproxy.addons.proxyserver import Proxyserver
from mitmproxy.addons.script import ScriptLoader
from mitmproxy.proxy import mode_specs
from mitmproxy.test import taddons, tflow

from addon.proxy import fail_closed
from addon.proxy.fail_closed import FailClosed, Guard


@pytest.fixture
def context() -> Iterator[taddons.context]:
    with taddons.context(Proxyserver()) as made:
        yield made


def _flow(url: str, mode: str = "regular") -> http.HTTPFlow:
    flow = tflow.tflow()
    flow.request.url = url
    flow.client_conn.proxy_mode = mode_specs.ProxyMode.parse(mode)
    flow.live = True
    return flow


REQUESTS = [
    ("https://api.anthropic.com/v1/messages?beta=true", "regular", True),
    ("https://API.anthropic.com/v1/messages/count_tokens", "regular", True),
    ("https://elsewhere.example/v1/messages", "reverse:https://elsewhere.example", True),
    ("https://elsewhere.example/v1/messages", "regular", False),
    ("https://api.anthropic.com/v1/models", "regular", False),
    ("https://api.anthropic.com/_detour/health", "reverse:https://api.anthropic.com", True),
    ("https://api.anthropic.com/switch_model?x=1", "reverse:https://api.anthropic.com", True),
    ("https://elsewhere.example/_detour/health", "regular", False),
    ("https://api.anthropic.com/", "reverse:https://api.anthropic.com", False),
]


@pytest.mark.parametrize(("url", "mode", "answered"), REQUESTS)
def test_what_would_be_routed_is_answered_503(url: str, mode: str, answered: bool) -> None:
    flow = _flow(url, mode)
    FailClosed("no module named orjson").request(flow)
    assert (flow.response is not None) == answered
    if flow.response:
        error = json.loads(flow.response.content or b"")
        assert flow.response.status_code == 503
        assert error["error"]["message"] == "Detour is not loaded: no module named orjson"
        assert error["request_id"] == flow.response.headers["request-id"]


@pytest.mark.parametrize("change", ["response", "error", "dead", "not needed"])
def test_what_is_over_or_needs_no_guard_is_left_alone(change: str) -> None:
    flow = _flow("https://api.anthropic.com/v1/messages")
    if change == "response":
        flow.response = http.Response.make(418)
    elif change == "error":
        flow.error = tflow.terr()
    elif change == "dead":
        flow.live = False
    before = flow.response
    Guard("why", lambda: change != "not needed").request(flow)
    assert flow.response is before


def test_in_place_of_the_addon_nothing_is_streamed_or_dialled_early(context: taddons.context) -> None:
    context.options.update(stream_large_bodies="1m", connection_strategy="eager")
    context.master.addons.add(FailClosed("why"))
    assert (context.options.stream_large_bodies, context.options.connection_strategy) == (None, "lazy")


SCRIPTS = [
    (["/a/addon/rewrite.py"], False, True),
    (["/a/addon/rewrite.py"], True, False),
    (["/a/other.py"], False, False),
    ([], False, False),
]


@pytest.mark.parametrize(("scripts", "loaded", "guards"), SCRIPTS)
def test_the_guard_answers_while_the_script_is_configured_and_not_loaded(
    context: taddons.context, monkeypatch: pytest.MonkeyPatch, scripts: list[str], loaded: bool, guards: bool
) -> None:
    monkeypatch.setattr(ScriptLoader, "configure", lambda self, updated: None)  # nothing is really loaded
    context.master.addons.add(ScriptLoader())
    fail_closed.stand_guard()
    fail_closed.stand_guard()  # once is enough
    context.options.scripts = scripts
    if loaded:
        context.master.addons.lookup["detour"] = object()
    flow = _flow("https://api.anthropic.com/v1/messages")
    context.master.addons.get(fail_closed.GUARD).request(flow)
    assert (flow.response is not None) == guards


def test_an_answer_to_head_has_no_body() -> None:
    flow = _flow("https://api.anthropic.com/v1/messages")
    flow.request.method = "HEAD"
    FailClosed("gone").request(flow)
    assert flow.response
    assert (flow.response.status_code, flow.response.content) == (503, b"")
