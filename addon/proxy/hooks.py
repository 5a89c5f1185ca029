"""The addon: mitmproxy's hooks, each a guard, a call of the core, and its answer put on the flow.

State of a live exchange is keyed by ``flow.id`` and released in ``response`` or ``error``, whichever ends the flow.
``flow.metadata["detour"]`` holds plain values for readers and for replays (see ``record``).
"""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from ipaddress import ip_network
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary

from mitmproxy import ctx, exceptions, http
from mitmproxy.addonmanager import Loader
from mitmproxy.hooks import UpdateHook
from mitmproxy.net.http import status_codes
from mitmproxy.proxy import layer, layers, mode_specs

from addon import __version__
from addon.protocol.errors import ConfigError, DetourError, InternalError, Reply
from addon.proxy import fail_closed, greeting, http_layer, record, views
from addon.proxy.exchange import SSE_HEADERS, Exchange, RoutedExchange
from addon.proxy.http_layer import Desk, Parting
from addon.proxy.intake import Incoming, Network, Pass, Send, decide
from addon.routing import settings_file
from addon.routing.config import Settings
from addon.stream import StreamTranslator

logger = logging.getLogger(__name__)

ANTHROPIC_HOST = "api.anthropic.com"
TCP_TIMEOUT_S = (
    7_200  # a model may think in silence for longer than mitmproxy's 600 s; Claude Code gives up long before
)
UPDATE_INTERVAL_S = 0.25  # how often a growing reply is shown anew; mitmweb hashes the body on each update
USER_AGENT = ("user-agent", f"claude-detour/{__version__}")
CLIENT_CREDENTIALS = ("x-api-key", "authorization", "cookie", "proxy-authorization")


class Detour:
    """Claude Code's requests to any model; see the package."""

    name = "detour"

    def __init__(self) -> None:
        """Nothing is read before ``configure``."""
        self.settings = Settings()
        self._decrypted: frozenset[str] = frozenset((ANTHROPIC_HOST,))
        self._networks: tuple[Network, ...] = ()
        self._exchanges: dict[str, Exchange] = {}
        self._partings: WeakKeyDictionary[http.HTTPFlow, Parting] = WeakKeyDictionary()
        self._desk = Desk(self._holds, self._credentials, self._take_parting)
        self._has_layer = False

    # -- life ------------------------------------------------------------------------------------------------------

    def load(self, loader: Loader) -> None:
        """Add our options and views, and set what streaming through mitmproxy needs."""
        loader.add_option(
            "detour_hosts", Sequence[str], [], "Hosts to decrypt besides api.anthropic.com; all others are tunnelled."
        )
        loader.add_option(
            "detour_clients", Sequence[str], [], "Networks besides loopback whose requests Detour routes (10.0.0.0/8)."
        )
        views.register()
        fail_closed.stand_guard()
        missing = http_layer.works_here()
        self._has_layer = missing is None
        if missing is None:
            http_layer.take_over_replays(self._desk)
        else:
            logger.warning(
                "Detour: unknown mitmproxy internals (%s): keys show on a flow until its reply begins", missing
            )
        ctx.options.update(connection_strategy="lazy", tcp_timeout=max(ctx.options.tcp_timeout, TCP_TIMEOUT_S))

    def configure(self, updated: set[str]) -> None:
        """Read and check every setting; a mistake stops the start, or keeps the old value."""
        if ctx.options.stream_large_bodies:
            raise exceptions.OptionsError(
                f"stream_large_bodies is {ctx.options.stream_large_bodies!r}: Detour cannot rewrite a request that is "
                "streamed, and it would leave as it is. Unset it; replies are streamed anyway."
            )
        if "connection_strategy" in updated and ctx.options.connection_strategy != "lazy":
            raise exceptions.OptionsError(
                "connection_strategy must stay lazy: eager contacts Anthropic before Detour has chosen a backend."
            )
        if "detour_clients" in updated:
            self._networks = tuple(_network(text) for text in ctx.options.detour_clients)
        if "detour_hosts" in updated:
            self._decrypted = frozenset((ANTHROPIC_HOST, *(host.lower() for host in ctx.options.detour_hosts)))
        if not updated or "detour_hosts" in updated:
            try:
                self.settings = settings_file.read(Path.cwd())
            except ConfigError as error:
                raise exceptions.OptionsError(error.message) from error

    def running(self) -> None:
        """Say what is open and what is in force."""
        proxyserver = ctx.master.addons.get("proxyserver")
        listeners = {  # a set: a reverse door to https listens on UDP too
            greeting.Listener(_is_reverse(server.mode), address[0], address[1])
            for server in proxyserver.servers
            for address in server.listen_addrs
        }
        for line in greeting.lines(self.settings, sorted(listeners), Path(ctx.options.confdir).expanduser()):
            logger.info("%s", line)

    def done(self) -> None:
        """Leave mitmproxy as it was."""
        http_layer.give_back_replays()

    # -- connections -----------------------------------------------------------------------------------------------

    def next_layer(self, nextlayer: layer.NextLayer) -> None:
        """Tunnel what is not ours to read; make the HTTP layers ours."""
        context = nextlayer.context
        tunnelled = len(context.layers) > 1 and isinstance(context.client.proxy_mode, _EXPLICIT)
        host = context.server.address[0].lower() if context.server.address else ""
        inside_connect = tunnelled and any(isinstance(outer, layers.HttpLayer) for outer in context.layers)
        if inside_connect and host not in self._decrypted:
            nextlayer.layer = layers.TCPLayer(context, ignore=not ctx.options.show_ignored_hosts)
            return
        if self._has_layer and nextlayer.layer is None:
            ctx.master.addons.get("nextlayer").next_layer(nextlayer)  # script addons are asked first
            http_layer.take_over(nextlayer, self._desk)

    # -- one exchange ----------------------------------------------------------------------------------------------

    def request(self, flow: http.HTTPFlow) -> None:
        """Decide what becomes of the request."""
        if flow.response or flow.error or not flow.live or not self._is_ours(flow):
            return
        record.restore(flow)
        started = time.monotonic()
        try:
            verdict = decide(_incoming(flow), self.settings, self._networks)
            match verdict:
                case Pass(route):
                    if route is None:
                        return
                    self._exchanges[flow.id] = Exchange(_id(flow), route, started)
                case Reply(status, headers, body):
                    flow.response = http.Response.make(status, body, dict(headers))
                case Send():
                    self._send(flow, verdict, started)
        except DetourError as error:
            self._answer(flow, error)
        except Exception:
            logger.exception("Detour: incident %s", flow.id)
            self._answer(flow, InternalError(flow.id))

    def responseheaders(self, flow: http.HTTPFlow) -> None:
        """Choose between a streamed reply and a whole one."""
        exchange = self._exchanges.get(flow.id)
        if exchange is None or flow.response is None or flow.error:
            return
        self._mask(flow)
        content_type = flow.response.headers.get("content-type", "").lower()
        if flow.response.status_code != 200 or not content_type.startswith("text/event-stream"):
            return
        if isinstance(exchange, RoutedExchange) and exchange.translates:
            if not exchange.send.request.stream:
                return
            _set_headers(flow.response, flow, 200, (*SSE_HEADERS, ("request-id", exchange.request_id)))
            if not _client_is_http2(flow):
                flow.response.headers["transfer-encoding"] = "chunked"
        exchange.open_stream()
        flow.response.stream = self._callable(flow, exchange)

    def response(self, flow: http.HTTPFlow) -> None:
        """Finish a streamed exchange, or translate a whole reply."""
        exchange = self._exchanges.pop(flow.id, None)
        if exchange is None or flow.response is None:
            return
        if exchange.translator is not None:
            flow.response.data.content = bytes(exchange.given)
        elif isinstance(exchange, RoutedExchange):
            self._reply_whole(flow.response, flow, exchange)
        self._finish(flow, exchange)

    def error(self, flow: http.HTTPFlow) -> None:
        """End an exchange whose connection broke, on either side."""
        exchange = self._exchanges.pop(flow.id, None)
        if exchange is None:
            return
        self._mask(flow)
        message = flow.error.msg if flow.error else "unknown"
        if exchange.translator is not None and (exchange.given or not self._has_layer):
            tail = exchange.cut(message)
            if flow.response is not None:
                flow.response.data.content = bytes(exchange.given)
            self._partings[flow] = Parting(tail=tail)
        elif isinstance(exchange, RoutedExchange):
            reply = exchange.unreachable(message)
            response = http.Response.make(reply.status, reply.body, dict(reply.headers))
            self._partings[flow] = Parting(response=response)
            flow.response = response
        self._finish(flow, exchange)

    # -- inside ----------------------------------------------------------------------------------------------------

    def _is_ours(self, flow: http.HTTPFlow) -> bool:
        """Whether the request is the client's own: for Anthropic, or through a reverse door."""
        if record.is_rewritten(flow) or _is_reverse(flow.client_conn.proxy_mode):
            return True
        return flow.request.host.lower() == ANTHROPIC_HOST

    def _send(self, flow: http.HTTPFlow, send: Send, started: float) -> None:
        """Rewrite the flow towards the backend; nothing of the client's headers stays."""
        exchange = RoutedExchange(_id(flow), send.route, started, losses=send.encoded.losses, send=send)
        wire, credential = send.encoded.wire, send.destination.credential
        own_host = _origin(wire.url) == (flow.request.scheme, flow.request.host, flow.request.port)
        kept = {
            name: flow.request.headers[name] for name in ("x-api-key", "authorization") if name in flow.request.headers
        }
        for name in CLIENT_CREDENTIALS:
            flow.request.headers.pop(name, None)
        record.keep_original(flow, send)
        flow.backup()
        flow.request.method = "POST"
        flow.request.url = wire.url
        flow.request.headers = http.Headers(
            [(n.encode(), v.encode()) for n, v in (("host", flow.request.host_header or ""), *wire.headers, USER_AGENT)]
        )
        if credential.value:
            flow.request.headers[credential.header] = credential.mask if self._has_layer else credential.value
        elif own_host:
            flow.request.headers.update(kept)  # the client's own credential, to the host it was for
        flow.request.content = wire.body
        flow.comment = f"{send.route.asked} → {send.route.name}"
        self._exchanges[flow.id] = exchange

    def _holds(self, flow: http.HTTPFlow) -> bool:
        """Whether the reply's headers wait for its first bytes: where we write the stream."""
        exchange = self._exchanges.get(flow.id)
        return isinstance(exchange, RoutedExchange) and isinstance(exchange.translator, StreamTranslator)

    def _credentials(self, flow: http.HTTPFlow) -> Mapping[str, str]:
        """The true values for the wire; none when somebody pointed the flow at another host meanwhile."""
        exchange = self._exchanges.get(flow.id)
        if not isinstance(exchange, RoutedExchange):
            return {}
        credential = exchange.send.destination.credential
        if not credential.value:
            return {}
        there = (flow.request.scheme, flow.request.host, flow.request.port)
        if there != _origin(exchange.send.encoded.wire.url):
            logger.warning("Detour: %s was pointed at another host by hand; it goes without its credential", flow.id)
            return {}
        return {credential.header: credential.value}

    def _mask(self, flow: http.HTTPFlow) -> None:
        """On the plain path the true key was on the flow until here."""
        exchange = self._exchanges.get(flow.id)
        if not isinstance(exchange, RoutedExchange) or self._has_layer:
            return
        credential = exchange.send.destination.credential
        if credential.value:
            flow.request.headers[credential.header] = credential.mask

    def _take_parting(self, flow: http.HTTPFlow) -> Parting | None:
        return self._partings.pop(flow, None)

    def _callable(self, flow: http.HTTPFlow, exchange: Exchange) -> Callable[[bytes], bytes | list[bytes]]:
        """Return mitmproxy's stream callable: never raises, never blocks, ``[]`` for "nothing yet", ``b""`` ends."""
        clock, shown_at, begun = time.monotonic, 0.0, False
        feed, close = exchange.feed, exchange.close

        def stream(chunk: bytes) -> bytes | list[bytes]:
            nonlocal shown_at, begun
            now = clock()
            written = feed(chunk, now) if chunk else close()
            if not written:
                return []
            if not begun:
                begun = True
                written = self._begin(flow, exchange, written)
            if now - shown_at > UPDATE_INTERVAL_S:
                shown_at = now
                self._show(flow, exchange)
            return written

        return stream

    def _begin(self, flow: http.HTTPFlow, exchange: Exchange, written: bytes) -> bytes:
        """Let the held headers go, as those of an error where the stream failed before it said anything."""
        reply = exchange.refuse() if self._has_layer and isinstance(exchange, RoutedExchange) else None
        if reply is None or flow.response is None:
            return written
        _set_headers(flow.response, flow, reply.status, (*reply.headers, ("request-id", exchange.request_id)))
        if not _client_is_http2(flow):
            flow.response.headers["transfer-encoding"] = "chunked"
        return reply.body

    def _show(self, flow: http.HTTPFlow, exchange: Exchange) -> None:
        """Let readers see the reply so far."""
        if flow.response is not None:
            flow.response.data.content = bytes(exchange.given)
            ctx.master.addons.trigger(UpdateHook([flow]))

    def _reply_whole(self, response: http.Response, flow: http.HTTPFlow, exchange: RoutedExchange) -> None:
        try:
            body = response.get_content(strict=False) or b""
            headers = {name.lower(): value for name, value in response.headers.items()}
            reply = exchange.reply_whole(response.status_code, headers, body, time.monotonic())
        except Exception:
            logger.exception("Detour: incident %s", flow.id)
            reply = InternalError(flow.id).reply(exchange.request_id)
        _set_headers(response, flow, reply.status, (*reply.headers, ("request-id", exchange.request_id)))
        response.content = reply.body

    def _answer(self, flow: http.HTTPFlow, error: DetourError) -> None:
        reply = error.reply(f"req_{flow.id}")
        flow.response = http.Response.make(reply.status, reply.body, dict(reply.headers))
        flow.comment = f"answered by Detour: {error.message}"
        logger.info("%s detour %d %s", flow.id[:8], reply.status, error.message)

    def _finish(self, flow: http.HTTPFlow, exchange: Exchange) -> None:
        """Say what happened: on the flow, and in one line of the log."""
        translator = exchange.translator
        if isinstance(translator, StreamTranslator) and translator.bug is not None:
            logger.error("Detour: incident msg_%s", flow.id, exc_info=translator.bug)
        record.keep_reply(flow, exchange)
        flow.comment = exchange.summary()
        status = flow.response.status_code if flow.response else 0
        elapsed_ms = round((time.monotonic() - exchange.started) * 1000)
        logger.info("%s %d %d ms %s", flow.id[:8], status, elapsed_ms, flow.comment)


_EXPLICIT = (mode_specs.RegularMode, mode_specs.UpstreamMode)


def _is_reverse(mode: object) -> bool:
    return isinstance(mode, mode_specs.ReverseMode)


def _client_is_http2(flow: http.HTTPFlow) -> bool:
    return flow.client_conn.alpn in (b"h2", b"h3")


def _id(flow: http.HTTPFlow) -> str:
    """The flow's id as it may stand in ids that backends limit to letters, digits and 40 characters."""
    return flow.id.replace("-", "")[:24]


def _incoming(flow: http.HTTPFlow) -> Incoming:
    peer = flow.client_conn.peername
    return Incoming(
        flow.request.method.upper(),
        flow.request.path.partition("?")[0],
        {name.lower(): value for name, value in flow.request.headers.items()},
        flow.request.get_content(strict=False) or b"",
        peer[0] if peer else None,
    )


def _set_headers(response: http.Response, flow: http.HTTPFlow, status: int, headers: Sequence[tuple[str, str]]) -> None:
    """Give the reply our own headers; nothing of the backend's is of use to the client."""
    http2 = _client_is_http2(flow)
    response.status_code = status
    response.reason = "" if http2 else status_codes.RESPONSES.get(status, "")
    response.http_version = "HTTP/2.0" if http2 else "HTTP/1.1"
    response.headers = http.Headers([(name.encode(), value.encode()) for name, value in headers])
    response.trailers = None


def _origin(url: str) -> tuple[str, str, int]:
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return parts.scheme, parts.hostname or "", port


def _network(text: str) -> Network:
    try:
        return ip_network(text, strict=False)
    except ValueError as error:
        raise exceptions.OptionsError(f"detour_clients: {text!r} is no network, write one like 10.0.0.0/8") from error


def addons() -> list[Any]:
    """What ``rewrite`` hands to mitmproxy."""
    return [Detour()]
