"""A reverse door of the test's own: says what it is told to say, and keeps what it was asked."""

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import override


@dataclass(frozen=True, slots=True)
class Said:
    """A reply in pieces. ``status`` 0: the connection is closed without one."""

    pieces: tuple[bytes, ...] = ()
    status: int = 200
    id: str = "req_0001"
    content_type: str = "text/event-stream"


@dataclass(slots=True)
class Door:
    """``replies`` by the target that is named."""

    replies: Mapping[str, Said]
    url: str = ""
    asked: list[tuple[str, Mapping[str, str], bytes]] = field(default_factory=list)  # path, headers in small letters


@contextmanager
def opened(replies: Mapping[str, Said]) -> Iterator[Door]:
    """Serve until the block ends."""
    door = Door(replies)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            door.asked.append((self.path, headers, self.rfile.read(int(headers["content-length"]))))
            said = door.replies[headers["x-detour-target"]]
            if not said.status:
                return
            self.send_response(said.status)
            self.send_header("content-type", said.content_type)
            self.send_header("request-id", said.id)
            self.end_headers()
            for piece in said.pieces:
                self.wfile.write(piece)
                self.wfile.flush()
                time.sleep(0)

        @override
        def log_message(self, *_: object) -> None:
            """Nobody reads it."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    door.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield door
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
