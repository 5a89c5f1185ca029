"""The reader's pages at the doors: a WSGI application asked in a thread, made when the first page is asked for.

Until then nothing of it is imported, nor SQLAlchemy; what a page takes is taken beside the event loop.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from addon.prompts.entry import Entry
from addon.protocol.errors import Reply
from addon.proxy.rest.surface import RestRequest

if TYPE_CHECKING:
    from flask import Flask

    from addon.prompts.reader.shelf import Shelf


DROPPED = frozenset(("host", "content-length", "connection", "proxy-connection", "transfer-encoding"))


@dataclass(frozen=True, slots=True)
class Around:
    """What the reader is told of the proxy that it runs in."""

    file: Path  # the prompt log's
    token: Callable[[], str | None]
    token_file: str
    by_address: bool = False  # clients of other machines were let in
    again: Callable[[Entry, str], None] | None = None
    models: Callable[[], Sequence[str]] = tuple  # that may be asked


class Pages:
    """See the module."""

    def __init__(self) -> None:
        """Nothing is imported yet."""
        self._lock = Lock()
        self._made: tuple[Path, Flask, Shelf] | None = None

    def answer(self, request: RestRequest, host: str, around: Around) -> Reply:
        """Ask the application; for a thread. ``host`` is where the browser found it."""
        from werkzeug.test import EnvironBuilder, run_wsgi_app  # noqa: PLC0415 - not before the first page

        incoming = request.incoming
        headers = [(name, value) for name, value in incoming.headers.items() if name not in DROPPED]
        builder = EnvironBuilder(
            incoming.path, f"http://{host}", request.query, incoming.method, data=incoming.body, headers=headers,
            environ_base={"REMOTE_ADDR": incoming.client_host or ""},
        )  # fmt: skip
        try:
            body, status, told = run_wsgi_app(self._application(around), builder.get_environ(), buffered=True)
        finally:
            builder.close()
        return Reply(int(status.partition(" ")[0]), tuple(told), b"".join(body))

    def done(self) -> None:
        """Let go of the log."""
        with self._lock:
            if self._made is not None:
                self._made[2].close()
                self._made = None

    def _application(self, around: Around) -> "Flask":
        from addon.prompts.reader.app import make  # noqa: PLC0415
        from addon.prompts.reader.house import House  # noqa: PLC0415
        from addon.prompts.reader.shelf import Shelf  # noqa: PLC0415

        with self._lock:
            file = around.file
            if self._made is None or self._made[0] != file:
                if self._made is not None:
                    self._made[2].close()
                shelf = Shelf(file)
                house = House(
                    open_log=shelf.open, token=around.token, token_file=around.token_file, clock=time.time,
                    by_address=around.by_address, again=around.again, models=around.models,
                )  # fmt: skip
                self._made = file, make(house), shelf
            return self._made[1]
