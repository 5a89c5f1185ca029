"""Strict backends and one mitmdump for all tests of a worker; each test brings its script and is judged by it."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from addon.routing.backend import CHAT
from addon.routing.backends import BACKENDS
from addon.routing.rows.google import GEMINI
from tests.end_to_end.client import API_KEY, DOORS, ClaudeCode, Door
from tests.end_to_end.fakes import KEY, FakeBackend, serving
from tests.end_to_end.proxy import Proxy, running
from tests.end_to_end.trio import Trio, three_serving
from tests.stories import every_story


@pytest.fixture(scope="session")
def _fake() -> Iterator[FakeBackend]:
    with serving(FakeBackend()) as fake:
        yield fake


@pytest.fixture(scope="session")
def _mitmdump(_fake: FakeBackend, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    chat = [row for row in BACKENDS.values() if row.dialect in (CHAT, GEMINI)]
    home = tmp_path_factory.mktemp("mitmdump")
    told = {story.target.name: {"profile": story.fields} for story in every_story() if story.fields}
    at_once = {"attempts": 0}  # a failure is told at once: what is asked again is in test_reliability
    (home / "detour.yaml").write_text(json.dumps({"models": told, "retry": at_once}))
    environment = {
        "DETOUR_CONFIG": str(home / "detour.yaml"),
        **{name: _fake.base_url for row in chat for name in row.base_names},  # no provider is asked by mistake
        **{name: KEY for row in chat for name in row.key_names},
        "BIG_MODEL": "openai/gpt-5.5",
        "SMALL_MODEL": "openai/gpt-5.5-mini",
    }
    with running(home, environment) as proxy:
        yield proxy
    proxy.verify_secrets(KEY, API_KEY)


@pytest.fixture
def backend(_fake: FakeBackend) -> Iterator[FakeBackend]:
    """The scripted backend; faults in what it was sent fail the test."""
    _fake.script()
    yield _fake
    _fake.verify()


@pytest.fixture(scope="session")
def _trio() -> Iterator[Trio]:
    with three_serving() as trio:
        yield trio


@pytest.fixture
def trio(_trio: Trio) -> Iterator[Trio]:
    """Three scripted backends; faults in what they were sent fail the test."""
    for fake in _trio.all:
        fake.script()
    yield _trio
    _trio.verify()


@pytest.fixture
def mitmdump(_mitmdump: Proxy) -> Iterator[Proxy]:
    """The running proxy; a crash in its log fails the test."""
    _mitmdump.new_log()
    yield _mitmdump
    _mitmdump.verify()


@pytest.fixture(params=DOORS)
def claude(request: pytest.FixtureRequest, mitmdump: Proxy, tmp_path: Path) -> ClaudeCode:
    """The real client at each door in turn."""
    door: Door = request.param
    return ClaudeCode(door, mitmdump, tmp_path / "home")
