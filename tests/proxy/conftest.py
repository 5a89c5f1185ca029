"""Settings from an environment of the test's own, and one certificate authority for all of them."""

import importlib
import os
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # what mitmproxy 12.2 and its libraries deprecate among themselves while imported
    importlib.import_module("mitmproxy.tools.web.master")

from addon.prompts.log.scribe import Book
from addon.proxy import journey, recorder
from addon.routing import retry
from addon.settings.environment import names
from tests.proxy.live import KEY


@pytest.fixture(scope="session")
def confdir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where mitmproxy keeps its CA; made once, it takes a second."""
    return tmp_path_factory.mktemp("confdir")


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No setting of the machine's gets in; the working directory is empty."""
    known = set(names())
    for name in list(os.environ):
        if name.upper() in known:
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DETOUR_HOME", str(tmp_path / "detour-home"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setattr(recorder, "open_log", Book)  # no process for each proxy; see test_recorder
    monkeypatch.setattr(journey, "delay_s", lambda *_, **__: None)  # a failure is told at once; see ``retrying``


@pytest.fixture
def retrying(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same target is asked again, as configured."""
    monkeypatch.setattr(journey, "delay_s", retry.delay_s)


type Configure = Callable[..., None]


@pytest.fixture
def configure(monkeypatch: pytest.MonkeyPatch) -> Configure:
    """Set settings: ``configure(url)`` routes every tier to an OpenAI-compatible backend there."""

    def set_all(url: str = "", **values: str) -> None:
        base = {
            "BIG_MODEL": "openai/gpt-test",
            "SMALL_MODEL": "openai/gpt-small",
            "OPENAI_BASE_URL": f"{url}/v1",
            "OPENAI_API_KEY": KEY,
        }
        for name, value in {**(base if url else {}), **values}.items():
            monkeypatch.setenv(name, value)

    return set_all
