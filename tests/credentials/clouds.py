"""Google's token server, a machine's own, and AWS's, on loopback; and the files that users have of them."""

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, override
from urllib.parse import parse_qs

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

type Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Asked:
    """One request for a token."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: str

    @property
    def form(self) -> dict[str, str]:
        return {name: values[0] for name, values in parse_qs(self.body).items()}


type Answer = tuple[int, Json | str]


@dataclass(slots=True)
class TokenServer:
    """Answers each request by ``answer``; a token that was not given out is not taken."""

    answer: Callable[[Asked], Answer]
    port: int = 0
    asked: list[Asked] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


def tokens(*values: str, expires_in: int = 3600, delay_s: float = 0.0) -> Callable[[Asked], Answer]:
    """Give these out in turn, the last one for ever."""
    left = list(values)

    def answer(asked: Asked) -> Answer:
        time.sleep(delay_s)
        value = left.pop(0) if len(left) > 1 else left[0]
        return 200, {"access_token": value, "expires_in": expires_in, "token_type": "Bearer"}

    return answer


@contextmanager
def token_server(answer: Callable[[Asked], Answer]) -> Iterator[TokenServer]:
    """A server in threads of its own."""
    served = TokenServer(answer)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0)).decode()
            headers = {name.lower(): value for name, value in self.headers.items()}
            asked = Asked(self.command, self.path, headers, body)
            served.asked.append(asked)
            status, told = served.answer(asked)
            written = told.encode() if isinstance(told, str) else json.dumps(told).encode()
            self.send_response(status)
            self.send_header("content-type", "text/plain" if isinstance(told, str) else "application/json")
            self.send_header("metadata-flavor", "Google")
            self.send_header("content-length", str(len(written)))
            self.end_headers()
            self.wfile.write(written)

        do_GET = do_POST = do_PUT = _serve  # noqa: N815 - the names that http.server asks for

        @override
        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    served.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield served
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@cache
def private_key() -> rsa.RSAPrivateKey:
    """Made once: it takes a moment."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def private_pem() -> str:
    return (
        private_key()
        .private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        .decode()
    )


def service_account(path: Path, token_uri: str, **more: str) -> Path:
    """What ``gcloud iam service-accounts keys create`` writes."""
    told = {
        "type": "service_account",
        "project_id": "p",
        "private_key_id": "key-1",
        "private_key": private_pem(),
        "client_email": "detour@p.iam.gserviceaccount.com",
        "client_id": "1",
        "token_uri": token_uri,
        **more,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(told))
    return path


REFRESH_TOKEN = "1//0refresh-token-of-a-user-that-nobody-may-see"
CLIENT_SECRET = "GOCSPX-client-secret-of-gcloud"


def authorized_user(path: Path, token_uri: str, **more: str) -> Path:
    """What ``gcloud auth application-default login`` writes."""
    told = {
        "type": "authorized_user",
        "client_id": "gcloud.apps.googleusercontent.com",
        "client_secret": CLIENT_SECRET,
        "refresh_token": REFRESH_TOKEN,
        "token_uri": token_uri,
        **more,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(told))
    return path
