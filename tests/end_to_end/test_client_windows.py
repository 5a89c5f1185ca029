"""Windows that are smaller than Claude Code believes: with what `detour env` says it compacts before they are full."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.end_to_end.client import DOORS, ClaudeCode, Door
from tests.end_to_end.fakes import KEY, FakeBackend, Received, when
from tests.end_to_end.proxy import ROOT, START_LIMIT_S, Proxy, running, wait_until
from tests.end_to_end.replies import Usage, answer

pytestmark = pytest.mark.client

SUMMARY = answer("<analysis>None.</analysis>\n<summary>The user said one.</summary>")
FIRST = Usage(prompt=13_000, cached=9_000)  # Claude Code's own prompt


@dataclass(frozen=True, slots=True)
class Case:
    """A model, and the tokens that its backend counts a little before and after the client compacts."""

    facts: str
    variables: dict[str, str]
    not_yet: int
    in_time: int


WINDOW, SHARE = "CLAUDE_CODE_AUTO_COMPACT_WINDOW", "CLAUDE_AUTOCOMPACT_PCT_OVERRIDE"
CASES = {
    "131072": Case("{window: 131072}", {WINDOW: "131072"}, 97_000, 98_500),
    "65536": Case("{window: 65536}", {WINDOW: "100000", SHARE: "54"}, 42_500, 43_500),
    "32768": Case("{window: 32768}", {WINDOW: "100000", SHARE: "27"}, 21_200, 22_000),
    "reported": Case("{window: 32768, report_window: 100000}", {WINDOW: "100000"}, 21_700, 22_200),
}


def counting(tokens: int) -> Usage:
    """Usage of so many tokens, of prompt and reply together."""
    return Usage(prompt=tokens - 100, completion=100, cached=tokens // 2)


def for_summary(request: Received) -> bool:
    return "Respond with TEXT ONLY" in str(request.last("user")["content"])


@pytest.fixture(scope="module", params=CASES)
def served(
    request: pytest.FixtureRequest, _fake: FakeBackend, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Case, Proxy]]:
    case = CASES[request.param]
    home = tmp_path_factory.mktemp("windows")
    models = f"models: {{openai/gpt-5.5: {case.facts}}}\n"
    (home / "detour.yaml").write_text(f"big: openai/gpt-5.5\nsmall: openai/gpt-5.5\n{models}", encoding="utf-8")
    with running(home, {"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": _fake.base_url}) as proxy:
        said = home / "detour" / "instances"
        wait_until(lambda: any(said.glob("*.json")), START_LIMIT_S, lambda: proxy.log)
        yield case, proxy
        proxy.verify()


def told(door: Door, proxy: Proxy, folder: Path) -> dict[str, str | None]:
    """What `detour env` says, asked in another folder than Detour was started in."""
    environment = {
        "PATH": os.defpath,
        "HOME": str(folder),
        "PYTHONPATH": str(ROOT),
        "DETOUR_HOME": str(proxy.home / "detour"),
    }
    command = [sys.executable, "-P", "-m", "addon.cli", "env", "--door", door, "--shell", "json"]
    done = subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True, check=True)
    said: dict[str, str | None] = json.loads(done.stdout)
    return said


@pytest.mark.parametrize("door", DOORS)
def test_the_client_compacts_before_the_window_is_full(
    door: Door, served: tuple[Case, Proxy], backend: FakeBackend, tmp_path: Path
) -> None:
    case, proxy = served
    said = told(door, proxy, tmp_path)
    assert {name: said[name] for name in (WINDOW, SHARE) if name in said} == case.variables
    backend.script(
        when(for_summary, SUMMARY),
        answer("One.", usage=FIRST),
        answer("Two.", usage=counting(case.not_yet)),
        answer("Three.", usage=counting(case.in_time)),
        answer("Four."),
    )
    claude = ClaudeCode(door, proxy, tmp_path / "home")
    environment = {name: value for name, value in said.items() if value is not None}
    run = claude.run("Turn 1.", "Turn 2.", "Turn 3.", "Turn 4.", environment=environment)
    assert run.results == ["One.", "Two.", "Three.", "Four."]
    [notice] = run.notices("compact_boundary")
    assert notice["compact_metadata"]["trigger"] == "auto"
    assert [for_summary(request) for request in backend.received] == [False, False, False, True, False]
    assert "The user said one." in backend.received[-1].text
