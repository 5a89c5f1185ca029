"""What a person sees and does: Chromium opens mitmweb, reads a captured flow, and chooses a preset.

`DETOUR_TEST_SCREENSHOT` names a file for the picture.
"""

import json
import os
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from addon.protocol import signature
from tests.end_to_end.browser import Page, browsing
from tests.end_to_end.fakes import KEY, FakeBackend
from tests.end_to_end.proxy import DIRECT, WEB_PASSWORD, Proxy, running
from tests.end_to_end.replies import Json, answer, call

pytestmark = pytest.mark.browser

SCREENSHOT = os.environ.get("DETOUR_TEST_SCREENSHOT")
FIELD = "[name=detour_preset]"  # of the options dialog
QUESTION = "Why is the sky blue, and what has Rayleigh to do with it?"
PROMPT: Json = {
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
    (home / "detour.yaml").write_text("presets:\n  frugal: {big: openai/gpt-5.5-mini}\n", encoding="utf-8")
    with running(home, environment, tool="mitmweb") as proxy:
        yield proxy
        proxy.verify()


@pytest.fixture
def page() -> Iterator[Page]:
    with browsing() as page:
        yield page


def address(proxy: Proxy, place: str) -> str:
    return f"http://127.0.0.1:{proxy.web_port}/?token={WEB_PASSWORD}#/{place}"


def send(proxy: Proxy, prompt: Json = PROMPT) -> str:
    """One prompt through the reverse door. Returns the id of its flow."""
    headers = {
        "content-type": "application/json",
        "x-api-key": "sk-ant-test",
        "anthropic-version": "2023-06-01",
        "x-claude-code-session-id": "00000000-0000-4000-8000-00000000beef",
    }
    request = urllib.request.Request(f"{proxy.reverse_url}/v1/messages", json.dumps(prompt).encode(), headers)
    with DIRECT.open(request, timeout=10) as response:
        assert b"event: message_stop" in response.read()
    return str(proxy.web("/flows")[-1]["id"])


def test_shows_the_prompt_of_a_captured_flow(mitmweb: Proxy, backend: FakeBackend, page: Page) -> None:
    backend.script(answer("Rayleigh scattering.", call("Bash", "call_2", command="date")))
    flow = send(mitmweb)
    page.open(address(mitmweb, f"flows/{flow}/request"))
    shown = page.wait_for(QUESTION)
    assert "Prompt" in [line.strip() for line in shown.splitlines()], "another view was chosen"
    assert "you answer from the lighthouse" in shown
    assert KEY not in shown
    if SCREENSHOT:
        page.screenshot(Path(SCREENSHOT))


def test_shows_the_answer_and_what_changed_since_the_turn_before(
    mitmweb: Proxy, backend: FakeBackend, page: Page
) -> None:
    backend.script(
        answer("Rayleigh scattering."), answer("It scatters blue most.", call("Bash", "call_3", command="date"))
    )
    send(mitmweb)
    later = [
        *PROMPT["messages"],
        {"role": "assistant", "content": "Rayleigh."},
        {"role": "user", "content": "And now?"},
    ]
    system = [{"type": "text", "text": "You are Claude Code, and you answer from the cellar."}]
    flow = send(mitmweb, {**PROMPT, "system": system, "messages": later})
    page.open(address(mitmweb, f"flows/{flow}/response"))
    shown = page.wait_for("It scatters blue most.")
    assert "Answer" in [line.strip() for line in shown.splitlines()], "another view was chosen"
    assert "command: date" in shown
    page.click("a.btn", "View:")
    page.click(".dropdown-menu a", "difference")
    shown = page.wait_for("you answer from the [-lighthouse-]{+cellar+}.")
    assert "cache: System prompt, block 1 changed" in shown
    assert "- message 5, user: | # messages.4" in shown
    if SCREENSHOT:
        page.screenshot(Path(SCREENSHOT).with_stem("difference"))


def test_a_preset_chosen_in_the_options_dialog_answers_the_next_flow(
    mitmweb: Proxy, backend: FakeBackend, page: Page
) -> None:
    backend.script(answer("I am the first."), answer("I am another."))
    page.open(address(mitmweb, f"flows/{send(mitmweb)}/comment"))
    page.wait_for("claude-opus-5-5 → openai/gpt-5.5 ·")
    page.click("a", "Options")
    page.click("button", "Edit Options")
    page.wait_for_element(FIELD)
    page.type(FIELD, "fruga")
    page.wait_for_element(f".has-error > {FIELD}")  # no such preset
    page.type(FIELD, "l")
    page.wait_for_element(f"div:not(.has-error):has(> {FIELD}) + div strong")  # accepted: the default stands below it
    page.click(".modal-header button")
    page.open(address(mitmweb, f"flows/{send(mitmweb)}/comment"))
    page.wait_for("claude-opus-5-5 → openai/gpt-5.5-mini ·")
    assert [request.body["model"] for request in backend.received] == ["gpt-5.5", "gpt-5.5-mini"]
    mitmweb.web("/options", {"detour_preset": ""}, "PUT")


LOSSY = {
    **PROMPT,
    "top_k": 5,
    "safeguards": [{"type": "dangerous_tool_use"}],
    "metadata": {"user_id": "{}"},
    "messages": [
        {"role": "user", "content": "Begin."},
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "Hm.", "signature": signature.seal("deepseek/deepseek-v4-pro")},
                {"type": "text", "text": "Begun."},
            ],
        },
        {"role": "user", "content": QUESTION},
    ],
}


def test_what_was_lost_is_read_beside_the_prompt(mitmweb: Proxy, backend: FakeBackend, page: Page) -> None:
    backend.script(answer("Rayleigh scattering."))
    flow = send(mitmweb, LOSSY)
    page.open(address(mitmweb, f"flows/{flow}/request"))
    page.wait_for(QUESTION)
    page.click("a.btn", "View:")
    page.click(".dropdown-menu a, [role=menu] a, li a", "changes")
    shown = page.wait_for("lost or changed in translation")
    assert "top_k: openai/gpt-5.5 knows no such field" in shown
    assert "messages.1.content.0: thinking of deepseek/deepseek-v4-pro left out" in shown
    if SCREENSHOT:
        page.screenshot(Path(SCREENSHOT).with_stem("losses"))


def test_the_flow_that_is_open_stays_when_older_ones_leave(mitmweb: Proxy, backend: FakeBackend, page: Page) -> None:
    backend.script(*[answer(f"Answer {number}.") for number in range(6)])
    opened, beside = send(mitmweb), send(mitmweb)
    page.open(address(mitmweb, f"flows/{opened}/request"))
    page.wait_for(QUESTION)
    mitmweb.web("/options", {"detour_keep_flows": 2}, "PUT")
    try:
        later = [send(mitmweb) for _ in range(4)]
        ours = [opened, beside, *later]  # those that other tests opened stay too
        shown = [flow["id"] for flow in mitmweb.web("/flows") if flow["id"] in ours]
        assert shown == [opened, *later[-2:]]
        page.wait_for_element(".flow-table tr.selected")
        assert QUESTION in page.text()
    finally:
        mitmweb.web("/options", {"detour_keep_flows": 500}, "PUT")
