import json
import threading
from collections.abc import Callable, Iterator
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import override

import pytest
from mitmproxy.certs import CertStore

from addon.cli.message import MessageFailed, is_certificate, stream_message, through_proxy, through_reverse

Serve = Callable[[int, bytes], HTTPConnection]

TEXT = b"""event: message_start
data: {"type": "message_start"}

data: {"type": "content_block_delta", "delta": {"type": "text_delta", "text": "Hel"}}

data: {"type": "content_block_delta", "delta": {"type": "text_delta", "text": "lo"}}

"""
END = b"""data: {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 2}}

event: message_stop
data: {"type": "message_stop"}

"""
ERROR = b"""event: error
data: {"type": "error", "error": {"type": "api_error", "message": "the backend went away"}}

"""


@pytest.fixture
def serve() -> Iterator[Serve]:
    """A server on loopback that gives one answer, and the connection to it."""
    servers: list[HTTPServer] = []

    def start(status: int, body: bytes) -> HTTPConnection:
        class Answer(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                request = json.loads(self.rfile.read(int(self.headers["content-length"])))
                assert request["stream"] is True
                self.send_response(status)
                self.end_headers()
                self.wfile.write(body)

            @override
            def log_message(self, *_: object) -> None:
                """Keep quiet."""

        server = HTTPServer(("127.0.0.1", 0), Answer)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}).start()
        servers.append(server)
        return through_reverse("127.0.0.1", server.server_port)

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def test_the_text_is_shown_as_it_arrives_and_the_reply_is_measured(serve: Serve) -> None:
    shown: list[str] = []
    reply = stream_message(serve(200, TEXT + END), "?", shown.append)
    assert shown == ["Hel", "lo"]
    assert (reply.stop_reason, reply.output_tokens) == ("end_turn", 2)
    assert 0 < reply.first_token_ms <= reply.total_ms


@pytest.mark.parametrize(
    ("status", "body", "reason"),
    [
        (200, TEXT, "the reply ended early"),
        (200, END, "the reply held no text"),
        (200, b"", "the reply held no text"),
        (200, b"data: 7\n\n", "the reply held no text"),
        (200, TEXT + ERROR, "the backend went away"),
        (403, b'{"type": "error", "error": {"message": "no such key"}}', "HTTP 403: no such key"),
        (502, b"<html>bad gateway", "HTTP 502: <html>bad gateway"),
        (500, b'["odd"]', 'HTTP 500: ["odd"]'),
    ],
)
def test_anything_but_a_whole_reply_fails_with_the_reason(serve: Serve, status: int, body: bytes, reason: str) -> None:
    with pytest.raises(MessageFailed) as caught:
        stream_message(serve(status, body), "?", lambda _: None)
    assert str(caught.value) == reason


def test_a_closed_door_fails_with_the_reason(serve: Serve) -> None:
    with pytest.raises(MessageFailed, match=r"the connection failed: .*refused"):
        stream_message(through_reverse("127.0.0.1", 1), "?", lambda _: None)


def test_a_certificate_is_one_when_it_is_whole(tmp_path: Path) -> None:
    CertStore.from_store(tmp_path, "mitmproxy", 2048)  # as mitmproxy makes its own
    whole = tmp_path / "mitmproxy-ca-cert.pem"
    half = tmp_path / "half.pem"
    half.write_bytes(whole.read_bytes()[:500])
    assert [is_certificate(path) for path in (whole, half, tmp_path / "absent.pem")] == [True, False, False]


def test_a_missing_certificate_is_named(tmp_path: Path) -> None:
    with pytest.raises(MessageFailed, match=r"absent\.pem cannot be read: No such file"):
        through_proxy("127.0.0.1", 1, tmp_path / "absent.pem")
