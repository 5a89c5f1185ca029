"""litellm's own traffic, sent back through this mitmproxy so that it can be seen: decrypted, and passed as it is.

The process is given our first door as its proxy, with a password by which its connections are known. What comes over
them is never routed, whatever it is for, and not in the prompt log: the exchange that it belongs to is. Credentials are
put on the wire at the last moment, as elsewhere; on the flow stands a mask.
"""

from base64 import b64encode
from collections.abc import Mapping
from pathlib import Path

import certifi
from mitmproxy import connection, ctx, exceptions, http
from mitmproxy.addonmanager import Loader

from addon.dialects import EVENT_STREAM
from addon.proxy.greeting import CA_FILE, Listener

OPTION = "detour_litellm_inspect"
USER = "litellm"
HEADER = "proxy-authorization"
MARK = "detour_litellm"  # in the flow's metadata
MASK = "$LITELLM"
CREDENTIALS = ("authorization", "x-api-key", "api-key", "x-goog-api-key", "cookie", "x-amz-security-token")
STREAMS = (EVENT_STREAM, "application/x-ndjson", "application/vnd.amazon.eventstream")
BUNDLE = "litellm-ca.pem"
TRUST = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "AWS_CA_BUNDLE")
NO_DOOR = f"{OPTION} needs a door for proxies, to which litellm can go back: add --mode regular, or unset it."
GUARDED = f"{OPTION} and proxyauth do not go together: litellm knows no password of yours. Unset one of them."


class Inspection:
    """See the module."""

    def __init__(self) -> None:
        """Nothing is known as litellm's."""
        self.password = ""
        self._connections: set[str] = set()
        self._credentials: dict[str, dict[str, str]] = {}  # of the flows under way
        self._taken: dict[str, bytearray] = {}  # of their streams

    def load(self, loader: Loader) -> None:
        """Add the option."""
        loader.add_option(OPTION, bool, False, "Send litellm's own traffic back through this proxy, to be seen.")

    def configure(self, updated: set[str]) -> None:
        """Raises: OptionsError."""
        if {OPTION, "proxyauth"} & updated and self.is_on and getattr(ctx.options, "proxyauth", None):
            raise exceptions.OptionsError(GUARDED)

    @property
    def is_on(self) -> bool:
        """Whether it is wanted."""
        return bool(getattr(ctx.options, OPTION, False))

    def variables(self, listeners: set[Listener], home: Path, trusted: str | None) -> dict[str, str]:
        """Return the variables that lead the process back to us. Raises: OSError where its way cannot be laid."""
        door = next((each for each in sorted(listeners) if not each.reverse), None)
        if door is None:
            raise OSError(NO_DOOR)
        own = Path(ctx.options.confdir).expanduser() / CA_FILE
        base = Path(trusted or certifi.where())
        home.mkdir(parents=True, exist_ok=True)
        bundle = home / BUNDLE
        bundle.write_bytes(base.read_bytes() + b"\n" + own.read_bytes())
        host = "127.0.0.1" if door.is_open else door.host
        where = f"http://{USER}:{self.password}@{f'[{host}]' if ':' in host else host}:{door.port}"
        return {"HTTP_PROXY": where, "HTTPS_PROXY": where, **dict.fromkeys(TRUST, str(bundle))}

    # -- mitmproxy's hooks ---------------------------------------------------------------------------------------------

    def recognise(self, flow: http.HTTPFlow) -> None:
        """Take the password off a request or a CONNECT that bears it, and know its connection from then on."""
        if not self.password or flow.request.headers.get(HEADER) != self._word():
            return
        del flow.request.headers[HEADER]
        self._connections.add(flow.client_conn.id)

    def _word(self) -> str:
        return f"Basic {b64encode(f'{USER}:{self.password}'.encode()).decode()}"

    def knows(self, client: connection.Client) -> bool:
        """Whether a connection is litellm's."""
        return client.id in self._connections

    def client_disconnected(self, client: connection.Client) -> None:
        """Forget it."""
        self._connections.discard(client.id)

    def request(self, flow: http.HTTPFlow) -> bool:
        """Let what is litellm's pass. Returns whether it is."""
        if not (self.knows(flow.client_conn) or MARK in flow.metadata):
            return False
        flow.metadata[MARK] = True
        flow.comment = "asked by litellm"
        found = {name: flow.request.headers[name] for name in CREDENTIALS if name in flow.request.headers}
        self._credentials[flow.id] = found
        for name in found:
            flow.request.headers[name] = MASK
        return True

    def credentials(self, flow: http.HTTPFlow) -> Mapping[str, str]:
        """The true values for the wire."""
        return self._credentials.get(flow.id, {})

    def responseheaders(self, flow: http.HTTPFlow) -> bool:
        """Let a stream flow, and keep what is seen of it. Returns whether it is litellm's."""
        if MARK not in flow.metadata:
            return False
        if flow.response is not None and flow.response.headers.get("content-type", "").startswith(STREAMS):
            taken = self._taken[flow.id] = bytearray()

            def seen(chunk: bytes) -> bytes:
                taken.extend(chunk)
                return chunk

            flow.response.stream = seen
        return True

    def ended(self, flow: http.HTTPFlow) -> None:
        """Show what has been seen."""
        self._credentials.pop(flow.id, None)
        taken = self._taken.pop(flow.id, None)
        if taken is not None and flow.response is not None:
            flow.response.stream = False
            flow.response.data.content = bytes(taken)
