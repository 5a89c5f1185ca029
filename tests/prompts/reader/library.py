"""A log that is written anew, and a browser of its reader that was let in: a client without a network."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from flask.testing import FlaskClient

from addon.prompts.entry import Entry
from addon.prompts.log.writer import Writer
from addon.prompts.reader import gate
from addon.prompts.reader.app import make
from addon.prompts.reader.house import House
from addon.prompts.reader.shelf import Shelf
from tests.prompts.log.plain import Plain

TOKEN = "a-token-that-only-tests-know-0123456789"
NOW = 1_795_100_000.0
BASE = "http://127.0.0.1:8083"
SESSION = "11111111-2222-4333-8444-555555555555"


def write(file: Path, entries: Iterable[Entry], session: str | None = SESSION) -> None:
    """Add entries to the log, as those of one session; None: as they are."""
    writer = Writer(file, Plain())
    for entry in entries:
        writer.add(entry if session is None else replace(entry, summary=replace(entry.summary, session=session)))
    writer.close()


@dataclass
class Reader:
    """The reader of one log, and what a browser that was let in sees of it."""

    file: Path
    given: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.shelf = Shelf(self.file)
        house = House(
            **{
                "open_log": self.shelf.open,
                "token": lambda: TOKEN,
                "token_file": "/home/me/detour/token",
                "clock": lambda: NOW,
                **self.given,
            }
        )
        self.app = make(house)
        self.browser = self.stranger()
        self.browser.set_cookie(
            gate.COOKIE, gate.seal(TOKEN, gate.TICKET, NOW + 60), domain="127.0.0.1", path="/_detour/"
        )

    def stranger(self) -> FlaskClient:
        """A browser that was never here."""
        return self.app.test_client()

    def ask(self, path: str, **more: Any) -> Any:
        """What comes for a path under ``/_detour/``."""
        return self.browser.get(f"/_detour/{path}", base_url=BASE, buffered=True, **more)

    def text(self, path: str) -> str:
        """The page; anything but a page fails."""
        reply = self.ask(path)
        assert reply.status_code == 200, reply.text
        return str(reply.text)
