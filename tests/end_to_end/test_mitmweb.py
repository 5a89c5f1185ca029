"""What a person sees: Chromium opens mitmweb on a captured flow and shows its prompt.

`DETOUR_TEST_SCREENSHOT` names a file for the picture.
"""

import json
import os
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.end_to_end.browser import Page, browsing
from tests.end_to_end.fakes import KEY, FakeBackend
from tests.end_to_end.proxy import DIRECT, WEB_PASSWORD, Proxy, running
from tests.end_to_end.replies import answer, call

pytestmark = pytest.mark.browser

SCREENSHOT = os.environ.get("DETOUR_TEST_SCREENSHOT")
QUESTION = "Why is the sky blue, and what has Rayleigh to do with it?"
PROMPT = {
    "model": "claude-opus-5-5",
    "max_tokens": 1024,
    "stream": True,
    "system": [{"type": "text", "text": "You are Claude Code, and you answer from the lighthouse."}],
    "tools": [{"name": "Bash", "description": "Run a command", "input_schema": {"type": "object", "properties": {}}}],
    "messages": [
        {"role": "user", "content": "List the files."},
        {
            "role": "assistant",
            "content": [{"type": "tool_use", "id": "call_1", "name": "Bash", "input": {"command": "ls"}}],
        },
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "call_1", "content": "README.md"},
                {"type": "text", "text": QUESTION},
            ],
        },
    ],
}


@pytest.fixture(scope="module")
def mitmweb(_fake: FakeBackend, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    environment = {"BIG_MODEL": "openai/gpt-5.5", "OPENAI_API_BASE": _fake.base_url, "OPENAI_API_KEY": KEY}
    home = tmp_path_factory.mktemp("mitmweb")
    with running(home, environment, tool="mitmweb") as proxy:
        yield proxy
        proxy.verify()


@pytest.fixture
def page() -> Iterator[Page]:
    with browsing() as page:
        yield page


def send(proxy: Proxy) -> str:
    """One prompt through the reverse door; the id of its flow."""
    headers = {"content-type": "application/json", "x-api-key": "sk-ant-test", "anthropic-version": "2023-06-01"}
    request = urllib.request.Request(f"{proxy.reverse_url}/v1/messages", json.dumps(PROMPT).encode(), headers)
    with DIRECT.open(request, timeout=10) as response:
        assert b"event: message_stop" in response.read()
    [flow] = proxy.web("/flows")
    return str(flow["id"])


def test_shows_the_prompt_of_a_captured_flow(mitmweb: Proxy, backend: FakeBackend, page: Page) -> None:
    backend.script(answer("Rayleigh scattering.", call("Bash", "call_2", command="date")))
    flow = send(mitmweb)
    page.open(f"http://127.0.0.1:{mitmweb.web_port}/?token={WEB_PASSWORD}#/flows/{flow}/request")
    shown = page.wait_for(QUESTION)
    assert "Prompt" in [line.strip() for line in shown.splitlines()], "another view was chosen"
    assert "you answer from the lighthouse" in shown
    assert KEY not in shown
    if SCREENSHOT:
        page.screenshot(Path(SCREENSHOT))
