"""The addon: mitmproxy's hooks, each a guard, a call of the core, and its answer put on the flow.

State of a live exchange is keyed by ``flow.id`` and released in ``response`` or ``error``, whichever ends the flow.
``flow.metadata["detour"]`` holds plain values for readers and for replays (see ``record``).
"""

import asyncio
import gc
import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from http import HTTPStatus
from ipaddress import ip_network
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary, ref

from mitmproxy import ctx, exceptions, http
from mitmproxy.addonmanager import Loader
from mitmproxy.flow import Error
from mitmproxy.hooks import UpdateHook
from mitmproxy.log import ALERT
from mitmproxy.proxy import layer, layers, mode_specs

from addon.protocol.errors import BackendError, ConfigError, DetourError, InternalError, Kind, Reply
from addon.proxy import fail_closed, greeting, http_layer, presence, record, transfer, views
from addon.proxy.commands import Commands
from addon.proxy.control import Control
from addon.proxy.exchange import SSE_HEADERS, Exchange, RoutedExchange
from addon.proxy.http_layer import Desk, Parting
from addon.proxy.intake import Incoming, Network, Pass, Send, Verdict, decide
from addon.proxy.leaving import Leaving
from addon.proxy.upstream import Upstream
from addon.routing.settings import Settings
from addon.stream import StreamTranslator

logger = logging.getLogger(__name__)

ANTHROPIC_HOST = "api.anthropic.com"
TCP_TIMEOUT_S = (
    7_200  # a model may think in silence for longer than mitmproxy's 600 s; Claude Code gives up long before
)
SHOWN = 60  # bytes of an answer of ours that stand in the comment
UPDATE_INTERVAL_S = 0.25  # how often a growing reply is shown anew; mitmweb hashes the body on each update
EVENT_STREAM = "text/event-stream"


class Detour:
    """Claude Code's requests to any model; see the package."""

    name = "detour"

    def __init__(self) -> None:
        """Before the settings are read nothing is routed."""
        self.control = Control()
        self.addons = [self.control, Commands(self.control)]  # mitmproxy asks them after us
        self._decrypted: frozenset[str] = frozenset((ANTHROPIC_HOST,))
        self._networks: tuple[Network, ...] = ()
        self._exchanges: dict[str, Exchange] = {}
        self._partings: WeakKeyDictionary[http.HTTPFlow, Parting] = WeakKeyDictionary()
        self._origins: dict[str, transfer.Origin] = {}  # where each routed exchange was sent
        self._desk = Desk(self._client_left, self._holds, self._credentials, self._take_parting)
        self._has_layer = False
        self._is_configured = False

    @property
    def settings(self) -> Settings | None:
        """What is in force; None where the settings were wrong from the start."""
        return self.control.settings

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
        """Check what concerns connections. Raises: OptionsError, which keeps the old value, once there is one.

        A mistake at the start is logged, upon which mitmproxy ends; it would print a raised one as a crash.
        """
        try:
            self._configure(updated)
            self._is_configured = True
        except ConfigError as error:
            if self._is_configured:
                raise exceptions.OptionsError(error.message) from None
            logger.error("Detour: %s", error.message)  # noqa: TRY400 - the user's mistake needs no trace of ours

    def _configure(self, updated: set[str]) -> None:
        if ctx.options.stream_large_bodies:
            raise ConfigError(
                f"stream_large_bodies is {ctx.options.stream_large_bodies!r}: Detour cannot rewrite a request that is "
                "streamed, and it would leave as it is. Unset it; replies are streamed anyway."
            )
        if ctx.options.proxy_debug:
            raise ConfigError("proxy_debug writes all that is sent to the log, keys included. Unset it.")
        if "connection_strategy" in updated and ctx.options.connection_strategy != "lazy":
            raise ConfigError(
                "connection_strategy must stay lazy: eager contacts Anthropic before Detour has chosen a backend."
            )
        if "detour_clients" in updated:
            self._networks = tuple(_network(text) for text in ctx.options.detour_clients)
        if "detour_hosts" in updated:
            self._decrypted = frozenset((ANTHROPIC_HOST, *(host.lower() for host in ctx.options.detour_hosts)))

    def running(self) -> None:
        """Say what is open and what is in force."""
        if self.settings is None:
            return
        proxyserver = ctx.master.addons.get("proxyserver")
        listeners = {  # a set: a reverse door to https listens on UDP too
            greeting.Listener(_is_reverse(server.mode), address[0], address[1])
            for server in proxyserver.servers
            if isinstance(server.mode, (*_EXPLICIT, mode_specs.ReverseMode))
            for address in server.listen_addrs
        }
        gc.collect()
        gc.freeze()  # what the start made stays; a full collection would walk all of it, for 150 ms, in mid-stream
        gc.collect()  # of nothing: lets later full collections come by the few objects that are left to walk
        confdir = Path(ctx.options.confdir).expanduser()
        for line in greeting.lines(self.settings, sorted(listeners), confdir):
            logger.info("%s", line)
        presence.appear(self.settings, greeting.door_urls(sorted(listeners)), confdir)
        if ctx.master.addons.get("consoleaddon") is not None:  # its log is out of sight
            logger.log(ALERT, "Detour: the doors and the routes are in the event log, press E")

    def done(self) -> None:
        """Leave mitmproxy as it was; what is under way is seen to its end."""
        http_layer.give_back_replays()
        presence.vanish(self.settings)
        if not self.is_idle:
            Leaving(self).stay()

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
        started = time.monotonic()
        flow.metadata.pop("proxyauth", None)  # mitmproxy's own note of who asked, password and all
        try:
            record.restore(flow)
            with _collector_paused():
                verdict = self._decide(transfer.incoming(flow, datetime.now().astimezone()))
            match verdict:
                case Pass(route):
                    if route is not None:
                        self._exchanges[flow.id] = Exchange(transfer.exchange_id(flow), route, started)
                case Reply() as reply:
                    flow.response = transfer.response(reply, flow)
                    flow.comment = f"answered by Detour: {reply.body[:SHOWN].decode('utf-8', 'replace')}"
                    logger.info("%s %d %s", flow.id[:8], reply.status, flow.comment)
                case Send() as send:
                    self._send(flow, send, started)
        except DetourError as error:
            self._answer(flow, error)
        except Exception:
            incident = transfer.exchange_id(flow)
            logger.exception("Detour: incident %s", incident)
            self._answer(flow, InternalError(incident))

    def responseheaders(self, flow: http.HTTPFlow) -> None:
        """Choose between a streamed reply and a whole one."""
        if flow.response is None or flow.error:
            return
        exchange = self._exchanges.get(flow.id)
        is_stream = flow.response.headers.get("content-type", "").lower().startswith(EVENT_STREAM)
        if exchange is None:
            if is_stream and not flow.response.stream and self._is_ours(flow):
                flow.response.stream = True  # another of Anthropic's streams: mitmproxy would hold it to its end
            return
        self._mask(flow, exchange)
        if not _has_left(flow):
            del self._exchanges[flow.id]  # another addon answers in the backend's place
            self._origins.pop(flow.id, None)
            return
        if flow.response.status_code != HTTPStatus.OK or not is_stream:
            return
        encoding = flow.response.headers.get("content-encoding", "")
        if isinstance(exchange, RoutedExchange) and exchange.translates:
            if not exchange.send.stream:
                return
            transfer.rewrite(flow, HTTPStatus.OK, SSE_HEADERS, streamed=True)
        exchange.open_stream(encoding)
        flow.response.stream = self._callable(flow, exchange)

    def response(self, flow: http.HTTPFlow) -> None:
        """Finish a streamed exchange, or translate a whole reply."""
        exchange = self._exchanges.pop(flow.id, None)
        if exchange is None or flow.response is None:
            return
        self._mask(flow, exchange)
        if exchange.translator is None:
            if isinstance(exchange, RoutedExchange):
                self._reply_whole(flow, exchange)
            else:
                exchange.note_whole(flow.response.get_content(strict=False) or b"")
        elif exchange.closed:
            flow.response.data.content = exchange.seen()
        else:
            self._reply_empty(flow, exchange)
        self._finish(flow, exchange)

    def error(self, flow: http.HTTPFlow) -> None:
        """End an exchange whose connection broke, on either side."""
        exchange = self._exchanges.pop(flow.id, None)
        if exchange is None:
            return
        self._mask(flow, exchange)
        message = flow.error.msg if flow.error else "unknown"
        if exchange.client_left or message == Error.KILLED_MESSAGE or not self._has_layer:
            exchange.abandon("the client left" if exchange.client_left else message)
        elif isinstance(exchange, RoutedExchange):
            self._part(flow, exchange, message)
        else:
            exchange.cut(message)
        if exchange.given and flow.response is not None:
            flow.response.data.content = exchange.seen()
        self._finish(flow, exchange)

    @property
    def is_idle(self) -> bool:
        """Whether no exchange is under way."""
        return not self._exchanges

    # -- inside ----------------------------------------------------------------------------------------------------

    def _is_ours(self, flow: http.HTTPFlow) -> bool:
        """Whether the request is the client's own: for Anthropic, or through a reverse door."""
        if record.is_rewritten(flow) or _is_reverse(flow.client_conn.proxy_mode):
            return True
        return flow.request.host.lower() == ANTHROPIC_HOST

    def _decide(self, incoming: Incoming) -> Verdict:
        if self.settings is not None:
            return decide(incoming, self.settings, self._networks)
        if incoming.path not in fail_closed.ROUTED:
            return Pass()
        raise BackendError(Kind.UNREACHABLE, "Detour's settings are wrong, the proxy's log says how: nothing is sent.")

    def _send(self, flow: http.HTTPFlow, send: Send, started: float) -> None:
        """Rewrite the flow towards the backend; nothing of the client's headers goes to another host."""
        exchange = RoutedExchange(
            transfer.exchange_id(flow), send.route, started, losses=send.encoded.losses, send=send
        )
        wire, credential = send.encoded.wire, send.destination.credential
        at_home = transfer.goes_home(flow.request, wire)
        if not at_home or credential.value:
            transfer.strip_credentials(flow.request)
        record.keep_original(flow, send)
        rewrite = transfer.send_home if at_home else transfer.send_away
        rewrite(flow.request, send, masked=self._has_layer)
        flow.comment = f"{send.route.asked} → {send.route.name}"
        self._exchanges[flow.id] = exchange
        self._origins[flow.id] = transfer.origin(flow.request)

    def _part(self, flow: http.HTTPFlow, exchange: RoutedExchange, message: str) -> None:
        """Give a client whose backend is gone an end in words; a stream that we did not write is not ours to end."""
        if not exchange.given:
            flow.response = transfer.response(exchange.unreachable(message, began=flow.response is not None), flow)
            self._partings[flow] = Parting(response=flow.response)
            return
        tail = exchange.cut(message)
        if exchange.translates:
            self._partings[flow] = Parting(tail=tail)

    def _owner(self, flow: http.HTTPFlow) -> "Detour":
        """Who knows the flow: after a reload, the connections that we made ask us for our successor's flows too."""
        successor = ctx.master.addons.get(self.name)
        return self if successor is None or flow.id in self._exchanges or flow in self._partings else successor

    def _client_left(self, flow: http.HTTPFlow) -> None:
        exchange = self._owner(flow)._exchanges.get(flow.id)
        if exchange is not None:
            exchange.client_left = True

    def _holds(self, flow: http.HTTPFlow) -> bool:
        """Whether the reply's headers wait for its first bytes: where we write the stream."""
        exchange = self._owner(flow)._exchanges.get(flow.id)
        return exchange is not None and exchange.writes

    def _credentials(self, flow: http.HTTPFlow) -> Mapping[str, str]:
        """The true values for the wire; none when somebody pointed the flow at another host meanwhile."""
        owner = self._owner(flow)
        exchange, there = owner._exchanges.get(flow.id), owner._origins.pop(flow.id, None)
        credential = exchange.credential if exchange is not None else None
        if credential is None or not credential.value:
            return {}
        if there != transfer.origin(flow.request):
            logger.warning("Detour: %s was pointed at another host by hand; it goes without its credential", flow.id)
            return {}
        return {credential.header: credential.value}

    def _mask(self, flow: http.HTTPFlow, exchange: Exchange) -> None:
        """On the plain path the true key was on the flow until here."""
        credential = exchange.credential
        if credential is not None and credential.value and not self._has_layer:
            flow.request.headers[credential.header] = credential.mask

    def _take_parting(self, flow: http.HTTPFlow) -> Parting | None:
        return self._owner(flow)._partings.pop(flow, None)

    def _callable(self, flow: http.HTTPFlow, exchange: Exchange) -> Callable[[bytes], bytes | list[bytes]]:
        """Return mitmproxy's stream callable: never raises, never blocks, ``[]`` for "nothing yet", ``b""`` ends."""
        clock, begun, known = time.monotonic, False, ref(flow)
        feed, close, later = exchange.feed, exchange.close, asyncio.get_running_loop().call_later

        def stream(chunk: bytes) -> bytes | list[bytes]:
            nonlocal begun
            written = feed(chunk, clock()) if chunk else close()
            if not written:
                return []
            if not begun:
                begun = True
                written = self._begin(flow, exchange, written)
            if not exchange.unseen:
                exchange.unseen = True
                later(UPDATE_INTERVAL_S, self._show, known)
            return written

        return stream

    def _begin(self, flow: http.HTTPFlow, exchange: Exchange, written: bytes) -> bytes:
        """Let the held headers go, as those of an error where the stream failed before it said anything."""
        reply = exchange.refuse() if self._has_layer and isinstance(exchange, RoutedExchange) else None
        if reply is None:
            return written
        transfer.rewrite(flow, reply.status, reply.headers, streamed=True)
        return reply.body

    def _show(self, known: ref[http.HTTPFlow]) -> None:
        """Let readers see the reply so far; one that has ended was shown by its end."""
        flow = known()
        exchange = self._exchanges.get(flow.id) if flow is not None else None
        if flow is not None and exchange is not None and flow.response is not None:
            exchange.unseen = False
            flow.response.data.content = exchange.seen()
            ctx.master.addons.trigger(UpdateHook([flow]))

    def _reply_whole(self, flow: http.HTTPFlow, exchange: RoutedExchange) -> None:
        assert flow.response is not None  # noqa: S101 - the caller has looked
        try:
            body = flow.response.get_content(strict=False) or b""
            headers = {name.lower(): value for name, value in flow.response.headers.items()}
            reply = exchange.reply_whole(flow.response.status_code, headers, body, time.monotonic())
        except Exception:
            logger.exception("Detour: incident %s", exchange.id)
            reply = InternalError(exchange.id).reply(exchange.request_id)
        transfer.rewrite(flow, reply.status, reply.headers, streamed=False)
        flow.response.content = reply.body

    def _reply_empty(self, flow: http.HTTPFlow, exchange: Exchange) -> None:
        """A stream without a body: mitmproxy asks no callable, and sends what it finds on the flow."""
        exchange.close()
        reply = exchange.refuse() if isinstance(exchange, RoutedExchange) else None
        if reply is not None and flow.response is not None:
            transfer.rewrite(flow, reply.status, reply.headers, streamed=False)
            flow.response.content = reply.body

    def _answer(self, flow: http.HTTPFlow, error: DetourError) -> None:
        reply = error.reply(transfer.request_id(flow))
        flow.response = transfer.response(reply, flow)
        flow.comment = f"answered by Detour: {error.message}"
        logger.info("%s detour %d %s", flow.id[:8], reply.status, error.message)

    def _finish(self, flow: http.HTTPFlow, exchange: Exchange) -> None:
        """Say what happened: on the flow, and in one line of the log."""
        if flow.response is not None:
            flow.response.stream = False  # it holds the flow, which holds it: a ring that only the collector would undo
        translator = exchange.translator
        if isinstance(translator, StreamTranslator) and translator.bug is not None:
            logger.error("Detour: incident msg_%s", exchange.id, exc_info=translator.bug)
        self._origins.pop(flow.id, None)
        record.keep_reply(flow, exchange)
        flow.comment = exchange.summary()
        if ctx.master.addons.get("view") is not None:  # only there can a flow be reverted, and it costs a quarter ms
            record.offer_revert(flow)
        status = flow.response.status_code if flow.response else 0
        elapsed_ms = round((time.monotonic() - exchange.started) * 1000)
        logger.info("%s %d %d ms %s", flow.id[:8], status, elapsed_ms, flow.comment)


_EXPLICIT = (mode_specs.RegularMode, mode_specs.UpstreamMode)


@contextmanager
def _collector_paused() -> Iterator[None]:
    """Translate without the garbage collector: a request is a large tree that is gone before it would be walked."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _is_reverse(mode: object) -> bool:
    return isinstance(mode, mode_specs.ReverseMode)


def _has_left(flow: http.HTTPFlow) -> bool:
    """Whether the request has gone to its backend; not so when another addon gave the response."""
    return flow.server_conn.timestamp_start is not None


def _network(text: str) -> Network:
    try:
        return ip_network(text, strict=False)
    except ValueError as error:
        raise ConfigError(f"detour_clients: {text!r} is no network, write one like 10.0.0.0/8") from error


def addons() -> list[Any]:
    """What ``rewrite`` hands to mitmproxy."""
    return [Detour(), Upstream()]
