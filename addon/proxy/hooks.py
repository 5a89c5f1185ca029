"""The addon: mitmproxy's hooks, each a guard, a call of the core, and its answer put on the flow.

State of a live exchange is keyed by ``flow.id`` and released in ``response`` or ``error``, whichever ends the flow.
``flow.metadata["detour"]`` holds plain values for readers and for replays (see ``record``).
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from datetime import datetime
from http import HTTPStatus
from typing import Any
from weakref import ref

from mitmproxy import ctx, http
from mitmproxy.addonmanager import Loader
from mitmproxy.hooks import UpdateHook

from addon.dialects import EVENT_STREAM
from addon.dialects.documents import Reading, Unread
from addon.prompts.log.statements import FILE
from addon.protocol.errors import (
    SSE_HEADERS,
    BackendError,
    BadRequest,
    Blocked,
    DetourError,
    InternalError,
    Kind,
    Reply,
)
from addon.proxy import fail_closed, forcing, record, transfer
from addon.proxy.attempts import Attempts
from addon.proxy.commands import Commands
from addon.proxy.control import Control
from addon.proxy.desk import Desk
from addon.proxy.doors import ANTHROPIC_HOST, Doors, is_reverse
from addon.proxy.endings import Endings
from addon.proxy.exchange import Exchange
from addon.proxy.inspection import MARK
from addon.proxy.intake import Incoming, Pass, Send, Verdict, decide
from addon.proxy.leaving import Leaving
from addon.proxy.log_file import LogFile
from addon.proxy.reader import Reader
from addon.proxy.recheck import Recheck
from addon.proxy.recorder import Recorder
from addon.proxy.rest.responder import Rest, is_rest, may_be_ours
from addon.proxy.routed_exchange import RoutedExchange
from addon.proxy.shadows import Shadows
from addon.proxy.told import SELF, Told
from addon.proxy.translation import undisturbed
from addon.proxy.upstream import Upstream
from addon.routing.settings import Settings

logger = logging.getLogger(__name__)

SHOWN = 60  # bytes of an answer of ours that stand in the comment
UPDATE_INTERVAL_S = 0.25  # how often a growing reply is shown anew; mitmweb hashes the body on each update


class Detour:
    """Claude Code's requests to any model; see the package."""

    name = "detour"

    def __init__(self) -> None:
        """Before the settings are read nothing is routed."""
        self.control = Control()
        self.doors = Doors(self.control, self._desk())
        self.recorder = Recorder(lambda: self.control.home / FILE, lambda: self.control.purse.secrets)
        self.rest = Rest(self.control, self.doors, self.recorder)
        self.shadows = Shadows(self.control)
        self._recheck = Recheck(self.control)
        self._commands = Commands(self.control, self.rest.tally, self.shadows)
        self._log_file = LogFile(self.control)
        self._upstream = Upstream()
        # these are no addons of their own: mitmproxy would ask each at each of its events, some thirty for a request
        self.next_layer = self.doors.next_layer
        self.http_connect_upstream = self._upstream.http_connect_upstream
        self._records = False  # before mitmproxy runs nothing is
        self._since, self._is_leaving = 0.0, False
        self._reader = Reader()
        self._waiting: set[str] = set()  # the requests whose decision waits for a PDF, while their clients wait too
        self.attempts = Attempts(self.control, self._upstream, self._reader, lambda: self.doors.has_layer)
        self._endings = Endings(self.control, self.doors, self.attempts, self.rest, self.shadows)
        self._inspection = self.doors.inspection = self.attempts.sidecar.inspection
        self.requestheaders = self.attempts.requestheaders
        self.http_connect = self._inspection.recognise
        self.client_disconnected = self._inspection.client_disconnected

    @property
    def settings(self) -> Settings | None:
        """What is in force; None where the settings were wrong from the start."""
        return None if self.doors.is_wrong else self.control.settings

    # -- life ------------------------------------------------------------------------------------------------------

    def load(self, loader: Loader) -> None:
        """Add options and commands."""
        self.doors.load(loader)
        self.control.load(loader)
        self._recheck.load(loader)
        self.attempts.sidecar.load(loader)
        ctx.master.commands.collect_commands(self._commands)

    def configure(self, updated: set[str]) -> None:
        """Check what is set. Raises: OptionsError, which keeps the old value."""
        self.doors.configure(updated)
        self.control.configure(updated)
        self._upstream.configure(updated)
        self.attempts.sidecar.configure(updated)

    def running(self) -> None:
        """Say what is open, and begin to watch."""
        self.doors.running()
        self.control.running()
        self.rest.running()
        self.attempts.sidecar.running()
        self._log_file.running()
        self._records, self._since = True, time.time()

    def done(self) -> None:
        """Leave mitmproxy as it was; what is under way is seen to its end."""
        self.doors.done()
        self.control.done()
        self._log_file.done()
        self._recheck.done()
        self.rest.done()
        self.attempts.sidecar.done()
        self._is_leaving = True
        self.recorder.close()
        if not self.is_idle:
            Leaving(self).stay()

    # -- one exchange ----------------------------------------------------------------------------------------------

    def request(self, flow: http.HTTPFlow) -> Awaitable[None] | None:
        """Decide what becomes of the request; one of our own surface, or with a PDF to be read, may take its time."""
        if flow.response or flow.error or not flow.live:
            return None
        if self._inspection.request(flow):
            self._upstream.request(flow)
            return None
        if may_be_ours(flow.request.path):
            return self._ask_surface(flow)
        try:
            forcing.take(flow, self.rest.token, self.rest.token_file)  # ours: they are for nobody else
        except BadRequest as error:
            transfer.strip_credentials(flow.request)
            self._answer(flow, error)
            return None
        if self._is_ours(flow):
            started = time.monotonic()
            if unread := self._take(flow, started, {}):
                return self._take_once_read(flow, started, unread)
        self._upstream.request(flow)
        return None

    async def _ask_surface(self, flow: http.HTTPFlow) -> None:
        """Let our own surface answer; what it makes a call to a model goes the way of all calls."""
        self._waiting.add(flow.id)
        try:
            is_call = await self.rest.request(flow) and flow.id in self._waiting and flow.live
        finally:
            self._waiting.discard(flow.id)
        if is_call:
            started = time.monotonic()
            if unread := self._take(flow, started, {}):
                await self._take_once_read(flow, started, unread)
            else:
                self._upstream.request(flow)

    async def _take_once_read(self, flow: http.HTTPFlow, started: float, unread: Unread | None) -> None:
        """Read what the decision waits for, and decide again; everything else goes on meanwhile."""
        readings: dict[bytes, Reading] = {}
        self._waiting.add(flow.id)
        try:
            while unread is not None:
                readings[unread.key] = await self._reader.read(unread)
                if flow.id not in self._waiting or flow.response or flow.error or not flow.live:
                    return  # the client has left, or the user killed it
                unread = self._take(flow, started, readings)
        except Exception:
            logger.exception("Detour: incident %s", transfer.exchange_id(flow))
            self._answer(flow, InternalError(transfer.exchange_id(flow)))
        finally:
            self._waiting.discard(flow.id)
        self._upstream.request(flow)

    def _take(self, flow: http.HTTPFlow, started: float, readings: dict[bytes, Reading]) -> Unread | None:
        """Do what is decided; nothing yet where a PDF must be read first, which is returned."""
        flow.metadata.pop("proxyauth", None)  # mitmproxy's own note of who asked, password and all
        try:
            record.restore(flow)
            if (forced := forcing.of(flow)) is not None:
                transfer.strip_credentials(flow.request)  # the client's go with no copy
            avoided = self.control.health.avoided(started)
            incoming = transfer.incoming(flow, datetime.now().astimezone(), avoided, forced)
            with undisturbed(readings):
                verdict = self._decide(incoming)
            match verdict:
                case Reply() as reply:
                    flow.response = transfer.response(reply, flow)
                    record.keep_answer(flow, "it can be told without asking a model")
                    flow.comment = f"answered by Detour: {reply.body[:SHOWN].decode('utf-8', 'replace')}"
                    logger.info("%s %d %s", flow.id[:8], reply.status, flow.comment)
                case Told() as told:
                    self._tell(flow, told)
                case Pass() | Send():
                    self.attempts.begin(flow, verdict, incoming, started, self.settings or Settings())
        except Unread as unread:
            return unread
        except DetourError as error:
            self._answer(flow, error)
        except Exception:
            logger.exception("Detour: incident %s", transfer.exchange_id(flow))
            self._answer(flow, InternalError(transfer.exchange_id(flow)))
        return None

    def responseheaders(self, flow: http.HTTPFlow) -> None:
        """Choose between a streamed reply and a whole one."""
        if flow.response is None or flow.error or self._inspection.responseheaders(flow):
            return
        exchange = self.attempts.exchanges.get(flow.id)
        types = exchange.stream_types if exchange is not None else (EVENT_STREAM,)
        is_stream = flow.response.headers.get("content-type", "").lower().startswith(types)
        if exchange is None:
            is_others = is_stream and not record.is_rewritten(flow)  # not one of the addon's before a reload
            if is_others and not flow.response.stream and self._is_ours(flow):
                flow.response.stream = True  # another of Anthropic's streams: mitmproxy would hold it to its end
            return
        exchange.head = (flow.response.status_code, flow.response.headers.fields)
        self._endings.mask(flow, exchange)
        if not _has_left(flow):
            self.attempts.release(flow)  # another addon answers in the backend's place
        elif flow.response.status_code == HTTPStatus.OK and is_stream:
            try:
                self._open_stream(flow, exchange)
            except Exception:
                logger.exception("Detour: incident %s", exchange.id)
                exchange.failure = InternalError(exchange.id)  # the reply is taken whole, and nothing of it passes

    def _open_stream(self, flow: http.HTTPFlow, exchange: Exchange) -> None:
        assert flow.response is not None  # noqa: S101 - the caller has looked
        encoding = flow.response.headers.get("content-encoding", "")
        if isinstance(exchange, RoutedExchange) and exchange.rewrites_head:
            if not exchange.send.stream:
                return
            transfer.rewrite(flow, HTTPStatus.OK, SSE_HEADERS, streamed=True)
        exchange.open_stream(encoding, waits=exchange.journey is not None)
        if exchange.unpacks:
            flow.response.headers.pop("content-encoding", None)  # none where it is unframed
        if exchange.resizes:
            transfer.free_length(flow)
        flow.response.stream = self._callable(flow, exchange)

    def response(self, flow: http.HTTPFlow) -> None:
        """Finish a streamed exchange, or translate a whole reply."""
        self._inspection.ended(flow)
        self.doors.eviction.note(flow)
        exchange = self.attempts.release(flow)
        if exchange is None or flow.response is None:
            self._recheck.note(flow)
            self.rest.response(flow)
        else:
            self._endings.end(flow, flow.response, exchange)
        self._record(flow, exchange)

    def error(self, flow: http.HTTPFlow) -> None:
        """End an exchange whose connection broke, on either side."""
        self._inspection.ended(flow)
        self.doors.eviction.note(flow)
        exchange = self.attempts.release(flow)
        if exchange is None:
            self._recheck.note(flow)
        else:
            self._endings.break_off(flow, exchange)
        self._record(flow, exchange)

    def _record(self, flow: http.HTTPFlow, exchange: Exchange | None) -> None:
        """Let the prompt log have it, if it is the client's or a copy of that."""
        if exchange is None and (self._is_leaving or self._is_anothers(flow)):
            return
        if self._records and flow.live and self.settings is not None and self._is_ours(flow) and not is_rest(flow):
            self.recorder.note(flow, exchange, self.settings)

    def _is_anothers(self, flow: http.HTTPFlow) -> bool:
        """Whether a flow is of the addon that was here before a reload, which keeps it itself."""
        return flow.request.timestamp_start < self._since and record.of(flow).get("route") not in (None, SELF)

    def left(self) -> None:
        """The last exchange after a reload has ended."""
        self.recorder.close()

    @property
    def is_idle(self) -> bool:
        """Whether no exchange is under way."""
        return not self.attempts.exchanges and not self._waiting

    # -- inside ----------------------------------------------------------------------------------------------------

    def _is_ours(self, flow: http.HTTPFlow) -> bool:
        """Whether the request is the client's own: for Anthropic, or through a reverse door; or a copy of one."""
        if MARK in flow.metadata:
            return False
        if forcing.of(flow) is not None or record.is_rewritten(flow) or is_reverse(flow.client_conn.proxy_mode):
            return True
        return flow.request.host.lower() == ANTHROPIC_HOST

    def _decide(self, incoming: Incoming) -> Verdict:
        if self.settings is not None:
            return decide(incoming, self.settings, self.doors.networks)
        if incoming.path not in fail_closed.ROUTED and incoming.forced is None:
            return Pass()
        raise BackendError(Kind.UNREACHABLE, "Detour's settings are wrong, the proxy's log says how: nothing is sent.")

    def _tell(self, flow: http.HTTPFlow, told: Told) -> None:
        """Answer a call to a model here, because nobody can be asked."""
        flow.response = transfer.response(told.reply, flow)
        record.keep_answer(flow, told.why)
        flow.comment = f"{told.route.asked} ({told.route.kind}) answered by Detour: {told.why}"
        logger.warning("%s %d %s", flow.id[:8], told.reply.status, flow.comment)
        self.rest.note_told(flow, told)

    def _desk(self) -> Desk:
        """What our HTTP layer asks: of whoever knows the flow."""
        return Desk(
            begin=lambda flow: self._knower(flow).start(flow),
            credentials=lambda flow: self._knower(flow).credentials(flow),
            holds=lambda flow: self._knower(flow).holds(flow),
            failed=lambda flow, trouble: self._knower(flow).failed(flow, trouble),
            resume=lambda flow: self._knower(flow).resume(flow),
            early=lambda flow: self._knower(flow).early(flow),
            parting=lambda flow: self._knower(flow).partings.pop(flow, None),
            client_left=self._client_left,
        )

    def _owner(self, flow: http.HTTPFlow) -> "Detour":
        """Who knows the flow: after a reload, the connections that we made ask us for our successor's flows too."""
        successor = ctx.master.addons.get(self.name)
        is_ours = flow.id in self.attempts.exchanges or flow.id in self._waiting or flow in self.attempts.partings
        return self if successor is None or is_ours else successor

    def _knower(self, flow: http.HTTPFlow) -> Attempts:
        return self._owner(flow).attempts

    def _client_left(self, flow: http.HTTPFlow) -> None:
        owner = self._owner(flow)
        owner._waiting.discard(flow.id)
        owner.attempts.client_left(flow)

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
                self.attempts.answered(exchange)
            if not exchange.unseen:
                exchange.unseen = True
                later(UPDATE_INTERVAL_S, self._show, known)
            return written

        return stream

    def _show(self, known: ref[http.HTTPFlow]) -> None:
        """Let readers see the reply so far; one that has ended was shown by its end."""
        flow = known()
        exchange = self.attempts.exchanges.get(flow.id) if flow is not None else None
        if flow is not None and exchange is not None and flow.response is not None:
            exchange.unseen = False
            flow.response.data.content = exchange.seen()
            ctx.master.addons.trigger(UpdateHook([flow]))

    def _answer(self, flow: http.HTTPFlow, error: DetourError) -> None:
        reply = error.reply(transfer.request_id(flow))
        flow.response = transfer.response(reply, flow)
        told = self.control.hiding.text(error.message)  # it may quote what was sent
        flow.comment = f"blocked by {error.why}" if isinstance(error, Blocked) else f"answered by Detour: {told}"
        if (forced := forcing.of(flow)) is not None:
            flow.comment = f"{forced.told} → {forced.target} · {flow.comment}"
        record.keep_answer(flow, error.why if isinstance(error, Blocked) else told)
        level = logging.INFO if isinstance(error, Blocked) else logging.WARNING
        logger.log(level, "%s detour %d %s", flow.id[:8], reply.status, told)
        self.rest.note_refusal(flow, error, reply.status)


def _has_left(flow: http.HTTPFlow) -> bool:
    """Whether the request has gone to its backend; not so when another addon gave the response."""
    return flow.server_conn.timestamp_start is not None


def addons() -> list[Any]:
    """What ``rewrite`` hands to mitmproxy."""
    return [Detour()]
