"""mitmproxy's console in a terminal, as a person sees it: the keys on `?`, what they do, the line at the bottom."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.end_to_end.terminal import ENTER, ESCAPE, Terminal, terminal

SCRIPT = Path(__file__).with_name("console_stub.py")
WIDE, NARROW = (100, 30), (60, 20)
LINES = {
    WIDE: "[detour: preset glm | opus → zai/glm-5.3 | last: subagent → ollama/qwen3:4b]",
    NARROW: "[detour: preset glm | opus → z…/glm-5.3 | last: su…qwen3:4b]",
}
RELOAD = "\x12"  # ctrl r


@contextmanager
def console(folder: Path, size: tuple[int, int] = WIDE) -> Iterator[Terminal]:
    """A console with the script's flow in it; no door is open."""
    script = folder / SCRIPT.name
    script.write_bytes(SCRIPT.read_bytes())  # to be touched
    program = Path(sys.executable).with_name("mitmproxy")
    command = [str(program), "--set", f"confdir={folder / 'confdir'}", "--no-server", "-s", str(script)]
    with terminal(command, folder, {}, *size) as shown:
        shown.wait_for("[detour: ", "/v1/messages")
        shown.wait_until(lambda: "Proxy:" in shown.lines[-1])  # what was said at the start is gone
        yield shown


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
        assert shown.lines[-4] == LINES[size]


def test_the_line_follows_the_width_of_the_window(tmp_path: Path) -> None:
    with console(tmp_path) as shown:
        assert shown.lines[-4] == LINES[WIDE]
        shown.resize(*NARROW)
        shown.wait_until(lambda: shown.lines[-4] == LINES[NARROW])
        shown.resize(4, 3)  # too small for anything, and no reason to end
        shown.resize(*WIDE)
        shown.wait_until(lambda: shown.lines[-4] == LINES[WIDE])


def test_a_preset_is_chosen_and_the_line_says_so(tmp_path: Path) -> None:
    with console(tmp_path) as shown:
        shown.press("u")
        shown.wait_for("Use preset", "1) none", "2) kimi")
        shown.press("2")
        shown.wait_for("[detour: preset kimi | opus → ")


def test_a_model_is_chosen_and_then_what_it_answers(tmp_path: Path) -> None:
    with console(tmp_path) as shown:
        shown.press("s")
        shown.wait_for("Let answer", "1) zai/glm-5.3", "2) ollama/qwen3:4b")
        shown.press("2")
        shown.wait_for(": detour.switch ollama/qwen3:4b slot")
        shown.press(*"small", ENTER)
        shown.wait_for("ollama/qwen3:4b answers small")


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        (("T", "1"), "title is blocked"),
        (("Y", "2"), "websearch passes again"),
        (("R",), "cheap subagents: ollama/qwen3:4b"),
        ((RELOAD,), "the settings are read anew"),
    ],
)
def test_a_key_is_answered(tmp_path: Path, keys: tuple[str, ...], said: str) -> None:
    with console(tmp_path) as shown:
        shown.press(*keys)
        shown.wait_for(said)


def test_the_views_of_a_flow_are_a_key_away(tmp_path: Path) -> None:
    with console(tmp_path) as shown:
        shown.press(ENTER)
        shown.wait_for("Flow Details", "[m:auto]")
        for key, mode, text in (
            ("c", "changes", "Passed through: nothing was changed."),
            ("S", "sent", "# POST https://api.anthropic.com/v1/messages"),
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
        shown.wait_for("Events", "Detour: the key u stays yours, bound to 'console.view.eventlog'", "missing: None")


def test_a_script_that_is_reloaded_leaves_one_line_and_the_keys(tmp_path: Path) -> None:
    with console(tmp_path) as shown:
        shown.press("u", "2")
        shown.wait_for("[detour: preset kimi")
        (tmp_path / SCRIPT.name).touch()
        shown.wait_for("[detour: preset glm")
        assert shown.text.count("[detour: ") == 1
        shown.press("u", "2")
        shown.wait_for("[detour: preset kimi")


def test_the_console_ends_as_ever(tmp_path: Path) -> None:
    with console(tmp_path) as shown:
        shown.press("s", "1")
        shown.wait_for(": detour.switch zai/glm-5.3")
        shown.press(ESCAPE)
        shown.wait_until(lambda: ": detour.switch" not in shown.text)
        shown.press("Q")
        assert shown.wait_for_end() == 0
        assert "crashed" not in shown.text
