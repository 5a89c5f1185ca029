"""The doors by themselves: the console's line, and what forbids routing. What they do to traffic is in test_hooks."""

import gc
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mitmproxy.addons.proxyserver import Proxyserver
from mitmproxy.test import taddons

from addon.proxy import console
from addon.proxy.control import Control
from addon.proxy.doors import OLDER_THRESHOLDS, Doors
from addon.proxy.greeting import Listener
from addon.proxy.hooks import Detour
from addon.routing.settings import Settings
from addon.settings.assembly import configure as configuration
from addon.settings.document import Document
from tests.proxy.conftest import Configure
from tests.proxy.live import proxying


class Extras:
    """What the console would show."""

    def __init__(self, status: Callable[[], str]) -> None:
        self.status, self.shown, self.gone = status, list[str](), False

    def install(self) -> None:
        self.refresh()

    def refresh(self) -> None:
        self.shown.append(self.status())

    def uninstall(self) -> None:
        self.gone = True


@pytest.fixture
def doors(monkeypatch: pytest.MonkeyPatch, configure: Configure) -> Doors:
    monkeypatch.setattr(console, "ConsoleExtras", Extras)
    configure("http://127.0.0.1:9")
    return Detour().doors


def test_the_consoles_line_says_what_is_in_force_and_the_newest_exchange(doors: Doors) -> None:
    control: Control = doors._control
    with taddons.context(Proxyserver()):
        doors.show_last("nobody looks")
        doors._dress_console()
        extras: Any = doors._extras
        assert extras.shown == ["everything → anthropic"]
        doors.show_last("claude-opus-5-5 → openai/x (subagent) · 5 in, 3 out")
        assert extras.shown[-1] == "everything → anthropic | last: claude-opus-5-5 → openai/x (subagent)"
        control.changed[-1]()
        assert len(extras.shown) == 3


def test_what_a_console_lacks_is_told(
    doors: Doors, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(Extras, "install", lambda self: "its footer")
    with taddons.context(Proxyserver()):
        doors._dress_console()
    assert "unknown mitmproxy internals (its footer): keys or status line are missing" in caplog.text


def test_an_option_that_forbids_routing_forbids_it_until_it_is_mended() -> None:
    detour = Detour()
    with taddons.context(Proxyserver()) as context:
        context.options.stream_large_bodies = "1m"
        context.master.addons.add(detour)
        detour.control.configure(set())
        detour.doors.configure(set())
        assert detour.settings is None
        context.options.stream_large_bodies = None
        detour.doors.configure(set())
        assert detour.settings is not None
        detour.doors.done()


def test_the_command_line_is_told_of_the_models_that_answer_now(
    doors: Doors, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def settings(window: int) -> Settings:
        written = {"big": "ollama/a", "models": {"ollama/a": {"window": window}}}
        values = {"DETOUR_HOME": str(tmp_path)}
        return configuration(Document.model_validate(written), values, lambda path: "detour.yaml").settings()

    def said() -> Any:
        [path] = (tmp_path / "instances").iterdir()
        return json.loads(path.read_text())

    monkeypatch.setattr("addon.proxy.doors.listeners", lambda: {Listener(True, "127.0.0.1", 9)})
    control: Control = doors._control
    control.settings = settings(131_072)
    with taddons.context(Proxyserver()):
        doors.running()
        first = said()
        control.settings = settings(200_000)
        for tell in control.changed:
            tell()
    assert first["compaction"] == {"CLAUDE_CODE_AUTO_COMPACT_WINDOW": "131072"}
    assert said() == {**first, "compaction": {"CLAUDE_CODE_AUTO_COMPACT_WINDOW": "200000"}}
    control.settings = None
    doors._appear()
    assert said()["compaction"] == {"CLAUDE_CODE_AUTO_COMPACT_WINDOW": "200000"}


async def test_the_collector_comes_oftener_while_we_are_loaded(confdir: Path, configure: Configure) -> None:
    before = gc.get_threshold()
    configure()
    async with proxying(confdir):
        assert gc.get_threshold() == (before[0], *OLDER_THRESHOLDS)
    assert gc.get_threshold() == before
