"""The log file and the console's level: where they are, what gets in, who may read it, and what happens on failure."""

import errno
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import TextIOWrapper
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import cast

import pytest
from mitmproxy.addons.termlog import TermLog
from mitmproxy.test import taddons

from addon.proxy import log_file
from addon.proxy.log_file import BODIES, OURS, LogFile
from addon.routing.config import Logging
from addon.routing.settings import Settings
from tests.proxy.conftest import Configure
from tests.proxy.live import KEY, Records, ask, backend, proxying, streaming

OURS_TOO = logging.getLogger("addon.proxy.anything")


@dataclass
class Held:
    home: Path
    settings: Settings | None = None
    changed: list[Callable[[], None]] = field(default_factory=list)

    def put(self, file_level: str | None = None, console_level: str | None = None) -> None:
        self.settings = Settings(logging=Logging(console_level, file_level))
        for tell in self.changed:
            tell()

    @property
    def text(self) -> str:
        return (self.home / "logs" / "detour.log").read_text(encoding="utf-8")


@pytest.fixture
def held(tmp_path: Path) -> Held:
    return Held(tmp_path / "home")


@pytest.fixture
def _loud(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """As in mitmproxy's process, where the root logger hears everything."""
    level = logging.getLogger().level
    logging.getLogger().setLevel(logging.DEBUG)
    yield
    logging.getLogger().setLevel(level)


def _files() -> list[RotatingFileHandler]:
    """Those that take what is said; pytest has handlers of its own on a logger that tells nobody else."""
    return [
        handler for logger in (OURS, BODIES) for handler in logger.handlers if isinstance(handler, RotatingFileHandler)
    ]


@contextmanager
def _running(held: Held, **options: str) -> Iterator[taddons.context]:
    with taddons.context(TermLog()) as context:
        if options:
            context.options.update(**options)
        addon = LogFile(held)
        addon.apply()
        addon.running()
        yield context
        addon.done()
        assert not _files()
        assert not held.changed


# -- the file ----------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("_loud")
@pytest.mark.parametrize(
    ("level", "kept"),
    [
        ("debug", "debug info warning error"),
        ("info", "info warning error"),
        ("warn", "warning error"),
        ("error", "error"),
    ],
)
def test_the_file_has_what_is_said_at_its_level_and_above(held: Held, level: str, kept: str) -> None:
    with _running(held):
        held.put(file_level=level)
        for name in ("debug", "info", "warning", "error"):
            OURS_TOO.log(logging.getLevelNamesMapping()[name.upper()], "said at %s", name)
        logging.getLogger("mitmproxy").error("not ours")
    assert [line.rpartition(" ")[2] for line in held.text.splitlines()] == kept.split()
    assert "addon.proxy.anything: said at" in held.text


def test_the_file_and_its_folder_are_the_users_alone(held: Held) -> None:
    with _running(held):
        held.put(file_level="info")
        OURS_TOO.error("something")
        assert (held.home / "logs" / "detour.log").stat().st_mode & 0o777 == 0o600
        assert (held.home / "logs").stat().st_mode & 0o777 == 0o700


def test_without_a_level_there_is_no_file(held: Held) -> None:
    with _running(held):
        held.put()
        OURS_TOO.error("something")
    assert not held.home.exists()


@pytest.mark.usefixtures("_loud")
def test_a_change_of_the_level_holds_at_once_and_the_file_goes_on(held: Held) -> None:
    with _running(held):
        held.put(file_level="error")
        OURS_TOO.info("too quiet")
        held.put(file_level="info")
        OURS_TOO.info("first")
        before = _files()
        held.put(file_level="info", console_level="error")
        assert _files() == before, "nothing changed for the file"
        held.put()
        OURS_TOO.info("nobody hears")
        held.put(file_level="info")
        OURS_TOO.info("second")
    assert [line.rpartition(" ")[2] for line in held.text.splitlines()] == ["first", "second"]


def test_the_file_follows_the_home_folder(held: Held, tmp_path: Path) -> None:
    with _running(held):
        held.put(file_level="info")
        held.home = tmp_path / "other"
        held.put(file_level="info")
        OURS_TOO.error("there")
    assert "there" in held.text


def test_the_file_is_bounded(held: Held, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_file, "LARGEST", 1_000)
    with _running(held):
        held.put(file_level="info")
        for number in range(100):
            OURS_TOO.error("entry %d %s", number, "x" * 50)
    files = sorted((held.home / "logs").iterdir())
    assert [file.name for file in files] == ["detour.log", "detour.log.1", "detour.log.2"]
    assert all(file.stat().st_size <= 1_000 and file.stat().st_mode & 0o777 == 0o600 for file in files)


def test_bodies_go_to_a_file_that_tells_everything_and_nowhere_else(
    held: Held,
) -> None:
    root = Records()
    logging.getLogger().addHandler(root)
    with _running(held):
        BODIES.debug("before there is a file")
        held.put(file_level="info")
        BODIES.debug("a prompt")
        assert "a prompt" not in held.text
        held.put(file_level="debug")
        BODIES.debug("a prömpt")
        assert held.text.endswith("detour.bodies: a prömpt\n")
    logging.getLogger().removeHandler(root)
    assert root.text == ""


def test_a_file_that_cannot_be_made_is_told_and_missed_by_nobody(held: Held, caplog: pytest.LogCaptureFixture) -> None:
    held.home.write_text("a file where the folder should be")
    with _running(held):
        held.put(file_level="info")
        OURS_TOO.info("all goes on")
    assert "cannot be written" in caplog.text


def test_a_disk_that_is_full_is_told_once(
    held: Held, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    with _running(held):
        held.put(file_level="info")
        handler = _files()[0]

        class Full:
            def write(self, text: str) -> None:
                raise OSError(errno.ENOSPC, "No space left on device")

            def flush(self) -> None:
                raise OSError(errno.ENOSPC, "No space left on device")

            close = tell = seek = flush

        handler.close()
        handler.stream = cast(TextIOWrapper, Full())
        OURS_TOO.error("one")
        OURS_TOO.error("two")
        assert not _files()
    assert caplog.text.count("cannot be written any more") == 1
    assert capsys.readouterr().err == ""


def test_what_fails_after_the_end_is_not_told(held: Held, caplog: pytest.LogCaptureFixture) -> None:
    with _running(held):
        held.put(file_level="info")
        handler = _files()[0]
        held.put()
        try:
            Path("/no/such/file").read_bytes()
        except OSError:
            handler.handleError(logging.makeLogRecord({}))
    assert "cannot be written" not in caplog.text


def test_a_mistake_in_a_message_is_told_as_ever(
    held: Held, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(OURS, "propagate", False)  # pytest's own handler would raise it
    with _running(held):
        held.put(file_level="info")
        OURS_TOO.error("%d", "no number")
    assert "Logging error" in capsys.readouterr().err


def test_a_second_end_is_harmless(held: Held) -> None:
    with taddons.context():
        addon = LogFile(held)
        addon.done()
        addon.done()


# -- the console -------------------------------------------------------------------------------------------------------


def test_the_consoles_level_is_set_and_given_back(held: Held) -> None:
    with _running(held) as context:
        assert context.options.termlog_verbosity == "info"
        held.put(console_level="warn")
        assert context.options.termlog_verbosity == "warn"
        held.put(console_level="debug")
        assert context.options.termlog_verbosity == "debug"
        held.put()
        assert context.options.termlog_verbosity == "info"
        held.put()
        assert context.options.termlog_verbosity == "info"


def test_it_is_set_once_every_option_is_there(held: Held) -> None:
    held.settings = Settings(logging=Logging(console_level="error"))
    with taddons.context() as context:
        addon = LogFile(held)
        addon.apply()
        context.master.addons.add(TermLog())
        addon.apply()
        assert context.options.termlog_verbosity == "info"
        addon.running()
        assert context.options.termlog_verbosity == "error"


def test_the_users_own_level_stays(held: Held) -> None:
    with _running(held, termlog_verbosity="error") as context:
        held.put(console_level="debug")
        assert context.options.termlog_verbosity == "error"


def test_a_level_that_the_user_sets_later_stays(held: Held) -> None:
    with _running(held) as context:
        held.put(console_level="warn")
        context.options.update(termlog_verbosity="debug")
        held.put(console_level="error")
        assert context.options.termlog_verbosity == "debug"


def test_a_tool_without_a_console_is_left_alone(held: Held) -> None:
    with taddons.context() as context:
        addon = LogFile(held)
        addon.running()
        held.put(console_level="warn")
        assert "termlog_verbosity" not in context.options
        addon.done()


# -- all of it ---------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("_loud")
async def test_a_running_proxy_keeps_what_it_says_and_bodies_where_they_are_asked_for(
    confdir: Path, configure: Configure, tmp_path: Path
) -> None:
    async with backend(streaming()) as there:
        configure(there.url, FILE_LOG_LEVEL="debug", LOG_REQUEST_BODY="true", LOG_RESPONSE_BODY="true")
        async with proxying(confdir) as proxy, proxy.client() as client:
            await client.post("/v1/messages", json=ask("What is the answer?"))
            await proxy.settled()
        text = (tmp_path / "detour-home" / "logs" / "detour.log").read_text(encoding="utf-8")
    assert "200" in text
    assert "What is the answer?" in text
    assert "message_start" in text
    assert KEY not in text
    assert "What is the answer?" not in proxy.log.text
    assert not _files()
