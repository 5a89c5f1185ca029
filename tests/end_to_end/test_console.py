"""mitmproxy's console in a terminal, as a person sees it: the keys on `?`, what they do, the line at the bottom."""

import json
import sys
import urllib.request
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.end_to_end.proxy import DIRECT, ROOT, free_ports
from tests.end_to_end.replies import answer
from tests.end_to_end.terminal import ENTER, ESCAPE, Terminal, terminal
from tests.end_to_end.trio import Trio

SETTINGS = """\
preset: glm
routes:
  - {name: cheap subagents, when: {kind: subagent}, to: ollama/qwen3:4b}
"""
KEYS = {"ZAI_API_KEY": "test-zai-key", "MOONSHOT_API_KEY": "test-moonshot-key"}
# it is loaded by way of another file, which can be touched
LOADER = f"""\
import runpy
addons = runpy.run_path({str(ROOT / "addon" / "rewrite.py")!r})["addons"]
"""
PROMPT = {
    "model": "claude-opus-5-5",
    "max_tokens": 10,
    "stream": True,
    "messages": [{"role": "user", "content": "The client's words"}],
}
WIDE, NARROW = (100, 30), (60, 20)
LINES = {
    WIDE: "[detour: preset glm | opus+sonnet → zai/glm-5.3 | haiku → zai/glm-5.3-flash]",
    NARROW: "[detour: preset glm | opus+son…/glm-5.3 | haiku → ….3-flash]",
}
KIMI = "[detour: preset kimi | opus+sonnet → moonshot/kimi-k3"
RELOAD = "\x12"  # ctrl r
STARTED = "the doors and the routes are in the event log"


def keep_prompt(path: Path) -> None:
    """A request of Claude Code's that passed, as mitmproxy saves it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # mitmproxy's filters use pyparsing's old names
        from mitmproxy.io import FlowWriter
        from mitmproxy.test import tflow
    flow = tflow.tflow(resp=True)
    flow.request.url = "https://api.anthropic.com/v1/messages"
    flow.request.headers.clear()
    flow.request.headers["content-type"] = "application/json"
    flow.request.content = json.dumps(PROMPT).encode()
    with path.open("wb") as file:
        FlowWriter(file).add(flow)


@contextmanager
def console(
    folder: Path, size: tuple[int, int] = WIDE, settings: str = SETTINGS, door: int | None = None
) -> Iterator[Terminal]:
    """A console that shows one flow."""
    (folder / "detour.yaml").write_text(settings, encoding="utf-8")
    (folder / "rewrite.py").write_text(LOADER, encoding="utf-8")
    keep_prompt(folder / "flows")
    program = Path(sys.executable).with_name("mitmproxy")
    doors = ["--mode", f"reverse:https://api.anthropic.com@127.0.0.1:{door}"] if door else ["--no-server"]
    command = [
        str(program), "--set", f"confdir={folder / 'confdir'}", *doors,
        "--rfile", str(folder / "flows"), "-s", str(folder / "rewrite.py"),
    ]  # fmt: skip
    environment = {"DETOUR_HOME": str(folder / "detour"), **KEYS}
    with terminal(command, folder, environment, *size) as shown:
        shown.wait_for("[detour: ", "/v1/messages")
        yield shown


def choose(shown: Terminal, key: str, name: str) -> None:
    """Open a list with a key, and press the key that stands before the name."""
    shown.press(key)
    entry = f") {name} "
    shown.wait_for(entry)
    [line] = [line for line in shown.lines if entry in line]
    shown.press(line[line.index(entry) - 1])


@pytest.mark.parametrize("size", [WIDE, NARROW])
def test_the_keys_are_on_the_first_page_of_the_help(tmp_path: Path, size: tuple[int, int]) -> None:
    with console(tmp_path, size) as shown:
        shown.press("?")
        shown.wait_for(
            "Common Keybindings",
            "R       Detour: show the routes in force",
            "T       Detour: turn a kind of call away (block)",
            "Y       Detour: let a kind of call through again (unblock)",
            "s       Detour: let another model answer",
            "u       Detour: use a preset",
        )
        assert LINES[size] in shown.lines


def test_the_line_follows_the_width_of_the_window(tmp_path: Path) -> None:
    with console(tmp_path) as shown:
        assert LINES[WIDE] in shown.lines
        shown.resize(*NARROW)
        shown.wait_for(LINES[NARROW])
        shown.resize(4, 3)  # too small for anything, and no reason to end
        shown.resize(*WIDE)
        shown.wait_for(LINES[WIDE])


def test_a_preset_is_chosen_and_the_line_says_so(tmp_path: Path) -> None:
    with console(tmp_path) as shown:
        choose(shown, "u", "kimi")
        shown.wait_for(KIMI)


def test_a_model_is_chosen_and_then_what_it_answers(tmp_path: Path) -> None:
    with console(tmp_path) as shown:
        choose(shown, "s", "ollama/qwen3:4b")
        shown.wait_for(": detour.switch ollama/qwen3:4b slot")
        shown.press(*"small", ENTER)
        shown.wait_for("haiku → ollama/qwen3:4b]")


def test_a_kind_of_call_is_turned_away_and_let_through_again(tmp_path: Path) -> None:
    with console(tmp_path) as shown:
        choose(shown, "T", "title")
        shown.wait_for("| blocked: title]")
        choose(shown, "Y", "title")
        shown.wait_for(LINES[WIDE])


@pytest.mark.parametrize(
    ("key", "said"), [("R", "rule 1: cheap subagents: the kind is subagent"), (RELOAD, "Detour: read anew")]
)
def test_a_key_is_answered(tmp_path: Path, key: str, said: str) -> None:
    with console(tmp_path) as shown:
        shown.press(key)
        shown.wait_for(said)


def test_the_line_says_who_answered_last(tmp_path: Path, trio: Trio) -> None:
    trio.one.script(answer("Hello."))
    [door] = free_ports(1)
    settings = trio.settings.replace("${ONE_KEY}", trio.one.key) + "big: one/m\n"
    with console(tmp_path, settings=settings, door=door) as shown:
        url = f"http://127.0.0.1:{door}/v1/messages"
        request = urllib.request.Request(url, json.dumps(PROMPT).encode(), {"content-type": "application/json"})
        with DIRECT.open(request, timeout=10) as response:
            assert b"event: message_stop" in response.read()
        shown.wait_for("[detour: opus+sonnet → one/m | last: claude-opus-5-5 → one/m]")


def test_the_views_of_a_flow_are_a_key_away(tmp_path: Path) -> None:
    with console(tmp_path) as shown:
        shown.press(ENTER)
        shown.wait_for("Flow Details", "[m:auto]")
        for key, mode, text in (
            ("c", "changes", "Passed through: nothing was changed."),
            ("S", "sent", "# GET https://api.anthropic.com/v1/messages"),
            ("y", "backend reply", "no reply is kept"),
            ("t", "prompt", "The client's words"),
        ):
            shown.press(key)
            shown.wait_for(f"[m:{mode}]", text)


def test_the_users_own_key_wins_and_the_log_says_which(tmp_path: Path) -> None:
    (tmp_path / "confdir").mkdir()
    (tmp_path / "confdir" / "keys.yaml").write_text("- {key: u, cmd: console.view.eventlog}")
    with console(tmp_path) as shown:
        shown.press("u")
        shown.wait_for("Events", "Detour: the key u stays yours, bound to 'console.view.eventlog'")


def test_a_script_that_is_reloaded_leaves_one_line_and_the_keys(tmp_path: Path) -> None:
    with console(tmp_path) as shown:
        choose(shown, "u", "kimi")
        shown.wait_for(KIMI, "Detour: in force:")
        (tmp_path / "rewrite.py").touch()
        shown.wait_for(STARTED)
        assert shown.text.count("[detour: ") == 1
        shown.wait_for(KIMI)
        choose(shown, "u", "glm")
        shown.wait_for(LINES[WIDE])


def test_the_console_ends_as_ever(tmp_path: Path) -> None:
    with console(tmp_path) as shown:
        choose(shown, "s", "zai/glm-5.3")
        shown.wait_for(": detour.switch zai/glm-5.3")
        shown.press(ESCAPE)
        shown.wait_until(lambda: ": detour.switch" not in shown.text)
        shown.press("Q")
        assert shown.wait_for_end() == 0
        assert "crashed" not in shown.text
