"""Between a flow and the core's values: what came in, what goes out, what is answered."""

from collections.abc import Iterable, Mapping
from copy import copy
from datetime import datetime
from functools import lru_cache
from http import HTTPStatus
from urllib.parse import urlsplit

from mitmproxy import flowfilter, http
from mitmproxy.net.http import status_codes, url
from mitmproxy.proxy import mode_specs

from addon import __version__
from addon.credentials.made import Outgoing
from addon.dialects import WireRequest
from addon.protocol.errors import BackendError, Kind, Reply
from addon.proxy.intake import Incoming, Send
from addon.routing.backends import BACKENDS
from addon.routing.call import Door
from addon.routing.config import ANTHROPIC, Credential
from addon.routing.forced import Forced
from addon.routing.health import NOBODY, State

USER_AGENT = ("user-agent", f"claude-detour/{__version__}")
MESSAGES = "/v1/messages"
CREDENTIAL_HEADERS = ("x-api-key", "authorization", "cookie", "proxy-authorization")

type Origin = tuple[str, str, int]


def exchange_id(flow: http.HTTPFlow) -> str:
    """The flow's id as it may stand in ids that backends limit to letters, digits and 40 characters."""
    return flow.id.replace("-", "")[:24]


def request_id(flow: http.HTTPFlow) -> str:
    """The id under which the client may quote this exchange."""
    return f"req_{exchange_id(flow)}"


def incoming(
    flow: http.HTTPFlow, now: datetime, avoided: Mapping[str, State] = NOBODY, forced: Forced | None = None
) -> Incoming:
    """Read the client's request off its flow."""
    peer = flow.client_conn.peername
    is_reverse = isinstance(flow.client_conn.proxy_mode, mode_specs.ReverseMode)
    return Incoming(
        flow.request.method.upper(),
        flow.request.path.partition("?")[0],
        _lower(flow.request.headers.fields),
        flow.request.get_content(strict=False) or b"",
        peer[0] if peer else None,
        Door.REVERSE if is_reverse else Door.PROXY,
        now,
        flow.id,
        lambda expression: bool(_filter(expression)(flow)),
        avoided,
        forced,
    )


def _lower(fields: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Name the headers in small letters, those of one name joined; mitmproxy's own view searches for each anew."""
    found: dict[str, str] = {}
    for raw_name, raw_value in fields:
        name = raw_name.decode("utf-8", "surrogateescape").lower()
        value = raw_value.decode("utf-8", "surrogateescape")
        found[name] = f"{found[name]}, {value}" if name in found else value
    return found


_filter = lru_cache(maxsize=256)(flowfilter.parse)  # a configuration holds a handful


def outgoing(request: http.Request) -> Outgoing:
    """Return a request as it goes out, but for its credential."""
    return Outgoing(request.method, request.url, _lower(request.headers.fields), request.raw_content or b"")


def copy_request(request: http.Request) -> http.Request:
    """Copy a request; the body is shared."""
    made = copy(request)  # its own copy() copies by way of a whole state
    made.data = copy(request.data)
    made.data.headers = request.headers.copy()
    return made


def origin(request: http.Request) -> Origin:
    """Where a request goes."""
    return request.scheme, request.host, request.port


def goes_home(request: http.Request, wire: WireRequest) -> bool:
    """Whether the wire request is for the very address that the client called."""
    parts = urlsplit(wire.url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    there = (parts.scheme, parts.hostname, port, parts.path)
    return there == (request.scheme, request.host.lower(), request.port, request.path.partition("?")[0])


def check_credential(send: Send) -> None:
    """Check a request that leaves the host it was meant for, and its credential behind. Raises: BackendError."""
    target, credential = send.destination.target, send.destination.credential
    if target.provider == ANTHROPIC and credential.value is None and target.base_url == BACKENDS[ANTHROPIC].base_url:
        raise BackendError(
            Kind.PERMISSION,
            f"Detour: {target.name} needs a key, and the client's own is not for {target.base_url}: "
            f"set {credential.variable}.",
        )


def strip_credentials(request: http.Request) -> None:
    """Take the client's credentials off, wherever they may be."""
    for name in CREDENTIAL_HEADERS:
        request.headers.pop(name, None)
    request.trailers = None


def send_away(request: http.Request, send: Send, *, masked: bool) -> None:
    """Make a client's request the one for another host: no header of the client's stays."""
    wire, parts = send.encoded.wire, request.data  # mitmproxy's own setters parse and search for each of these
    parts.scheme, host, parts.port, parts.path = _place(wire.url)
    parts.host, parts.method = host.decode("idna"), wire.method.encode()
    address = url.hostport(parts.scheme, host, parts.port)
    parts.authority = address if parts.authority else b""
    own = () if any(name == USER_AGENT[0] for name, _ in wire.headers) else (USER_AGENT,)
    length = (("content-length", str(len(wire.body))),) if wire.body else ()
    fields = [(name.encode(), value.encode()) for name, value in (*wire.headers, *own, *length)]
    request.headers = http.Headers([(b"host", address), *fields])
    request.raw_content = wire.body
    _authorize(request, send.destination.credential, masked=masked)


_place = lru_cache(maxsize=64)(url.parse)  # a configuration has a handful of addresses


def send_home(request: http.Request, send: Send, *, masked: bool) -> None:
    """Make a client's request say something else to the same host: the body, and what is configured for the host."""
    request.headers["accept-encoding"] = "identity"
    for name, value in send.destination.target.headers:
        request.headers[name] = value
    request.content = send.encoded.wire.body
    _authorize(request, send.destination.credential, masked=masked)


def _authorize(request: http.Request, credential: Credential, *, masked: bool) -> None:
    if masked and credential.is_sent:
        request.headers[credential.header] = credential.mask
    elif credential.value:
        request.headers[credential.header] = credential.value


def ask(flow: http.HTTPFlow, body: bytes, headers: Iterable[tuple[str, str]], query: str) -> None:
    """Make a request of our own surface a call to a model, as the client would make it at the same door.

    ``headers`` are given where the client sends none of these names.
    """
    request = flow.request
    request.path = MESSAGES + (f"?{query}" if query else "")
    if not isinstance(flow.client_conn.proxy_mode, mode_specs.ReverseMode):
        home = urlsplit(BACKENDS[ANTHROPIC].base_url or "")
        request.scheme, request.host, request.port = home.scheme, home.hostname or "", 443
    for name, value in headers:
        request.headers.setdefault(name, value)
    request.headers.pop("content-encoding", None)
    request.content = body


def response(reply: Reply, flow: http.HTTPFlow) -> http.Response:
    """Make the client's response to ``flow``."""
    body = b"" if flow.request.method == "HEAD" else reply.body  # mitmproxy would send it, and spoil the connection
    made = http.Response.make(reply.status, body, dict(reply.headers))
    made.headers["request-id"] = request_id(flow)
    return made


def rewrite(flow: http.HTTPFlow, status: int, headers: Iterable[tuple[str, str]], *, streamed: bool) -> None:
    """Give the backend's response our own head; nothing of the backend's is of use to the client."""
    if flow.response is not None:
        _set_head(flow.response, flow, status, headers, streamed=streamed)


def early_head(flow: http.HTTPFlow, headers: Iterable[tuple[str, str]]) -> http.Response:
    """Make the head of a stream for a client that waits, before the backend has answered."""
    made = http.Response.make(HTTPStatus.OK)
    _set_head(made, flow, HTTPStatus.OK, headers, streamed=True)
    return made


def _set_head(
    made: http.Response, flow: http.HTTPFlow, status: int, headers: Iterable[tuple[str, str]], *, streamed: bool
) -> None:
    version = client_version(flow)
    made.status_code = status
    made.reason = "" if version == "HTTP/2.0" else status_codes.RESPONSES.get(status, "")
    made.http_version = version
    fields = [*headers, ("request-id", request_id(flow))]
    if streamed and version == "HTTP/1.1":
        fields.append(("transfer-encoding", "chunked"))
    elif streamed and version == "HTTP/1.0":
        fields.append(("connection", "close"))  # it knows no chunks: the end of the connection is the end
    made.headers = http.Headers([(name.encode(), value.encode()) for name, value in fields])
    made.trailers = None


def free_length(flow: http.HTTPFlow) -> None:
    """Let a streamed reply be as long as it gets: what the backend said of its length does not hold for ours."""
    if flow.response is not None and flow.response.headers.pop("content-length", None) is not None:
        version = flow.response.http_version = client_version(flow)  # chunks under HTTP/1.0 are refused
        if version == "HTTP/1.1":
            flow.response.headers["transfer-encoding"] = "chunked"
        elif version == "HTTP/1.0":
            flow.response.headers["connection"] = "close"


def client_version(flow: http.HTTPFlow) -> str:
    """What the client speaks. A replay is told apart by its connection, which is not there any more."""
    if flow.client_conn.alpn in (b"h2", b"h3"):
        return "HTTP/2.0"
    return "HTTP/1.0" if flow.request.http_version == "HTTP/1.0" else "HTTP/1.1"
