"""Every vendor's host, on loopback: a proxy that ends the TLS of whatever host it is asked for and answers in its name.

What leaves Detour through ``DETOUR_UPSTREAM`` comes here with the true address of its vendor, so a configuration can
be tried unchanged. What arrived is kept: host, path, credential, model.
"""

import json
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, override

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509 import DNSName
from mitmproxy.certs import CertStore

BITS = 2048
AUTHORITY = "mitmproxy-ca-cert.pem"
TOKENS, TOKEN = "https://oauth2.googleapis.com", "ya29.a-token-of-googles"  # who makes tokens, and what it makes


@dataclass(frozen=True, slots=True)
class Arrived:
    """One request, and where it thought it went."""

    origin: str  # https://api.openai.com
    path: str
    headers: dict[str, str]
    body: dict[str, Any]

    @property
    def credential(self) -> str | None:
        """The key, wherever it stands."""
        bearer = self.headers.get("authorization", "").removeprefix("Bearer ")
        names = ("x-api-key", "api-key", "x-goog-api-key")
        return bearer or next((self.headers[name] for name in names if name in self.headers), None)

    @property
    def model(self) -> str:
        """Who is asked; Google's format says so in the path."""
        return str(self.body.get("model") or self.path.rpartition("/")[2].partition(":")[0])


@dataclass(slots=True)
class World:
    """What arrived, and how to come here."""

    folder: Path
    port: int = 0
    arrived: list[Arrived] = field(default_factory=list)

    @property
    def url(self) -> str:
        """The proxy."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def authority(self) -> Path:
        """Who vouches for every host."""
        return self.folder / AUTHORITY

    def context(self, host: str) -> ssl.SSLContext:
        """Be that host."""
        entry = CertStore.from_store(self.folder, "mitmproxy", BITS).get_cert(host, [DNSName(host)])
        file = self.folder / f"{host}.pem"
        key = entry.privatekey.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        file.write_bytes(key + entry.cert.to_pem())
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        return context


def reply(arrived: Arrived) -> dict[str, Any]:
    """Answer whole, in the format of the path; the text names the host."""
    if arrived.origin == TOKENS:
        return {"access_token": TOKEN, "expires_in": 3600, "token_type": "Bearer"}
    if arrived.path.endswith("/v1/messages"):
        usage = {"input_tokens": 1, "output_tokens": 1}
        content = [{"type": "text", "text": arrived.origin}]
        return {
            "id": "msg_1", "type": "message", "role": "assistant", "model": arrived.body["model"], "content": content,
            "stop_reason": "end_turn", "stop_sequence": None, "usage": usage,
        }  # fmt: skip
    if arrived.path.endswith(":generateContent"):
        said = {"role": "model", "parts": [{"text": arrived.origin}]}
        usage = {"promptTokenCount": 1, "candidatesTokenCount": 1, "totalTokenCount": 2}
        return {"candidates": [{"content": said, "finishReason": "STOP", "index": 0}], "usageMetadata": usage}
    if arrived.path.endswith("/responses"):
        part = {"type": "output_text", "text": arrived.origin, "annotations": []}
        output = [{"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": [part]}]
        counts = {"input_tokens": 1, "output_tokens": 1, "total_tokens": 2}
        return {"id": "resp_1", "object": "response", "status": "completed", "output": output, "usage": counts}
    message = {"role": "assistant", "content": arrived.origin}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
    return {"id": "x", "object": "chat.completion", "model": arrived.body["model"], "choices": [choice], "usage": usage}


class _Handler(BaseHTTPRequestHandler):
    """A proxy's CONNECT, then the host's own HTTP; requests with a whole address, as plain proxies get them, too."""

    protocol_version = "HTTP/1.1"
    server: "_Server"
    origin = ""

    def do_CONNECT(self) -> None:
        """Become the host."""
        host, _, port = self.path.rpartition(":")
        self.send_response(200)
        self.end_headers()
        self.origin = f"https://{host}" if port == "443" else f"https://{host}:{port}"
        with suppress(OSError), self.server.world.context(host).wrap_socket(self.connection, server_side=True) as tls:
            self.connection = tls
            self.rfile, self.wfile = tls.makefile("rb"), tls.makefile("wb", buffering=0)  # type: ignore[assignment]  # as socketserver makes them
            self.close_connection = False
            while not self.close_connection:
                self.handle_one_request()

    def do_POST(self) -> None:
        """Note it and answer."""
        raw = self.rfile.read(int(self.headers.get("content-length", "0")))
        origin, path = self.origin, self.path
        if path.startswith("http://"):
            host, _, rest = path.removeprefix("http://").partition("/")
            origin, path = f"http://{host}", f"/{rest}"
        headers = {name.lower(): value for name, value in self.headers.items()}
        told = json.loads(raw) if raw.lstrip().startswith(b"{") else {}  # tokens are asked for with a form
        arrived = Arrived(origin or self.server.origin, path.partition("?")[0], headers, told)
        if arrived.origin != TOKENS:
            self.server.world.arrived.append(arrived)
        body = json.dumps(reply(arrived)).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    @override
    def log_message(self, format: str, *args: object) -> None:
        """Quiet: what arrived is kept."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, world: World, port: int) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.world = world
        self.origin = f"http://localhost:{port}"

    @override
    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up is no news."""


@contextmanager
def turning(folder: Path, *local_ports: int) -> Iterator[World]:
    """Answer for every host, and for local servers on these ports, until the block ends."""
    world = World(folder)
    folder.mkdir(parents=True, exist_ok=True)
    CertStore.from_store(folder, "mitmproxy", BITS)
    servers = [_Server(world, port) for port in (0, *local_ports)]
    world.port = servers[0].server_address[1]
    threads = [threading.Thread(target=each.serve_forever, kwargs={"poll_interval": 0.05}) for each in servers]
    for thread in threads:
        thread.start()
    try:
        yield world
    finally:
        for server, thread in zip(servers, threads, strict=True):
            server.shutdown()
            server.server_close()
            thread.join(timeout=5)


def is_free(port: int) -> bool:
    """Whether a local server can be played on that port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
