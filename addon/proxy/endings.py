"""How an exchange ends: its reply put on the flow, what happened said there and in one line of the log."""

import logging
import time

from mitmproxy import ctx, http
from mitmproxy.flow import Error

from addon.protocol.errors import BackendError, InternalError, Kind, Reply
from addon.proxy import record, transfer
from addon.proxy.attempts import Attempts
from addon.proxy.control import Control
from addon.proxy.desk import Parting
from addon.proxy.doors import Doors
from addon.proxy.exchange import Exchange
from addon.proxy.journey import Trouble
from addon.proxy.rest.responder import Rest
from addon.proxy.routed_exchange import RoutedExchange
from addon.proxy.shadows import Shadows
from addon.stream import StreamTranslator

logger = logging.getLogger(__name__)

STALE = " · the settings are wrong and not read anew: see the log"


class Endings:
    """See the module. What is handed over is no longer under way."""

    def __init__(self, control: Control, doors: Doors, attempts: Attempts, rest: Rest, shadows: Shadows) -> None:
        """Nothing has ended yet."""
        self._control, self._doors, self._attempts = control, doors, attempts
        self._rest, self._shadows = rest, shadows

    def end(self, flow: http.HTTPFlow, response: http.Response, exchange: Exchange) -> None:
        """Its reply is over: a streamed one is finished, a whole one translated."""
        self.mask(flow, exchange)
        if isinstance(exchange, RoutedExchange):
            response.trailers = None  # they came behind our own head
        if exchange.failure is not None:
            self._put(flow, exchange.settle(exchange.failure))
        elif exchange.translator is None:
            if isinstance(exchange, RoutedExchange):
                self._reply_whole(flow, exchange)
            else:
                exchange.note_whole(response.get_content(strict=False) or b"")
        elif exchange.closed:
            response.data.content = exchange.seen()
        else:
            exchange.close()  # a stream without a body: mitmproxy asks no callable
            if exchange.error is not None and isinstance(exchange, RoutedExchange):
                self._put(flow, exchange.settle(BackendError(Kind.MALFORMED, exchange.error)))
        self._finish(flow, exchange)

    def break_off(self, flow: http.HTTPFlow, exchange: Exchange) -> None:
        """Its connection broke, on either side."""
        self.mask(flow, exchange)
        message = flow.error.msg if flow.error else "unknown"
        if exchange.failure is None and isinstance(exchange, RoutedExchange) and not exchange.given:
            exchange.failure = exchange.trouble(Trouble(message), began=flow.response is not None)  # mitmproxy ends it
        if exchange.client_left or message == Error.KILLED_MESSAGE or not self._doors.has_layer:
            exchange.abandon("the client left" if exchange.client_left else message)
        elif exchange.failure is not None:
            reply = exchange.settle(exchange.failure)
            flow.response = transfer.response(reply, flow)
            self._attempts.partings[flow] = Parting(response=flow.response)
        else:
            tail = exchange.cut(message)
            if tail or exchange.ended:
                self._attempts.partings[flow] = Parting(tail=tail)
        if exchange.given and flow.response is not None:
            flow.response.data.content = exchange.seen()
        self._finish(flow, exchange)

    def mask(self, flow: http.HTTPFlow, exchange: Exchange) -> None:
        """On the plain path the true key was on the flow until here."""
        credential = exchange.credential
        if credential is not None and credential.value and not self._doors.has_layer:
            flow.request.headers[credential.header] = credential.mask
        if isinstance(exchange, RoutedExchange):
            self._attempts.sidecar.mask(flow.request, exchange.send.destination.endpoint)

    def _reply_whole(self, flow: http.HTTPFlow, exchange: RoutedExchange) -> None:
        assert flow.response is not None  # noqa: S101 - the caller has looked
        try:
            body = flow.response.get_content(strict=False) or b""
            headers = {name.lower(): value for name, value in flow.response.headers.items()}
            reply = exchange.reply_whole(flow.response.status_code, headers, body, time.monotonic())
        except Exception:
            logger.exception("Detour: incident %s", exchange.id)
            reply = InternalError(exchange.id).reply(exchange.request_id)
        self._put(flow, reply)

    def _put(self, flow: http.HTTPFlow, reply: Reply) -> None:
        """Let the client have ``reply`` in place of what the backend said."""
        assert flow.response is not None  # noqa: S101 - the callers have looked
        transfer.rewrite(flow, reply.status, reply.headers, streamed=False)
        flow.response.content = reply.body

    def _finish(self, flow: http.HTTPFlow, exchange: Exchange) -> None:
        """Say what happened. A fault of ours there must not keep it from mitmproxy's other addons."""
        try:
            self._note(flow, exchange)
        except Exception:
            logger.exception("Detour: incident %s", exchange.id)

    def _note(self, flow: http.HTTPFlow, exchange: Exchange) -> None:
        """Say it on the flow, and in one line of the log."""
        if flow.response is not None:
            flow.response.stream = False  # it holds the flow, which holds it: a ring that only the collector would undo
        translator = exchange.translator
        if isinstance(translator, StreamTranslator) and translator.bug is not None:
            logger.error("Detour: incident msg_%s", exchange.id, exc_info=translator.bug)
        if exchange.error is not None:
            exchange.error = self._control.hiding.text(exchange.error)
        record.keep_reply(flow, exchange)
        flow.comment = exchange.summary() + (STALE if self._control.fault else "")
        if ctx.master.addons.get("view") is not None:  # only there can a flow be reverted, and it costs a quarter ms
            record.offer_revert(flow)
        status = flow.response.status_code if flow.response else 0
        elapsed_ms = round((time.monotonic() - exchange.started) * 1000)
        level = logging.WARNING if exchange.error and not exchange.client_left else logging.INFO
        logger.log(level, "%s %d %d ms %s%s", flow.id[:8], status, elapsed_ms, flow.comment, exchange.told_losses())
        self._doors.show_last(flow.comment)
        self._rest.note(flow, exchange, status, elapsed_ms)
        self._shadows.note(flow, exchange)
