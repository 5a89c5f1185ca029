"""The exchanges under way: each attempt put on its flow, and what our HTTP layer asks about it.

State of a live exchange is keyed by ``flow.id``; ``release`` forgets it. A request that is sent again to the same
target is the one that stands on the flow; for another one it is decided and translated anew from what the client sent.
"""

import asyncio
import logging
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from weakref import WeakKeyDictionary

from mitmproxy import http
from mitmproxy.connection import Server

from addon.credentials.made import Unmade
from addon.dialects.documents import Reading, Unread
from addon.protocol.errors import SSE_HEADERS, BackendError, DetourError, InternalError, Kind
from addon.proxy import record, transfer
from addon.proxy.control import Control
from addon.proxy.desk import Allowed, Parting
from addon.proxy.exchange import Exchange
from addon.proxy.intake import Incoming, Pass, Send, decide_again
from addon.proxy.journey import Again, Journey, Trouble
from addon.proxy.reader import Reader
from addon.proxy.routed_exchange import RoutedExchange
from addon.proxy.sidecar import Sidecar
from addon.proxy.translation import undisturbed
from addon.proxy.upstream import Upstream
from addon.routing.backend import Minting
from addon.routing.config import Timeouts
from addon.routing.health import Health, State
from addon.routing.route import Route
from addon.routing.settings import Settings

logger = logging.getLogger(__name__)

UNLIMITED = Timeouts(None, None, None, None)  # what passes to Anthropic is as slow as it is
READING_S = 0.05  # between two looks whether a PDF is read
MAKING_S = 0.05  # or whether a credential is made
NO_LAYER = (
    "{} needs a credential that is made ({}) and never on a flow, for which Detour must know this mitmproxy's inside: "
    "set a key, or use a version of mitmproxy that pyproject.toml names."
)


@dataclass(frozen=True, slots=True)
class Original:
    """What the client sent, credentials and all, as long as it may be sent anew."""

    request: http.Request
    server: Server
    via: object

    @classmethod
    def of(cls, flow: http.HTTPFlow) -> "Original":
        """Copy it; the body is shared."""
        return cls(transfer.copy_request(flow.request), flow.server_conn, flow.server_conn.via)

    def put_back(self, flow: http.HTTPFlow) -> None:
        """Let the flow be as it came, not connected to anything."""
        flow.request = transfer.copy_request(self.request)
        flow.server_conn = Server(address=self.server.address, transport_protocol=self.server.transport_protocol)
        flow.server_conn.via = self.via  # type: ignore[assignment]  # mitmproxy's own value


class Attempts:
    """See the module."""

    def __init__(self, control: Control, upstream: Upstream, reader: Reader, has_layer: Callable[[], bool]) -> None:
        """``has_layer``: whether our HTTP layer works in this mitmproxy."""
        self.exchanges: dict[str, Exchange] = {}
        self.partings: WeakKeyDictionary[http.HTTPFlow, Parting] = WeakKeyDictionary()
        self.origins: dict[str, transfer.Origin] = {}  # where each credential may go
        self._originals: dict[str, Original] = {}
        self._readings: dict[str, asyncio.Task[None]] = {}  # what the next attempt waits for
        self._control, self._upstream, self._reader, self._has_layer = control, upstream, reader, has_layer
        self.sidecar = Sidecar(control)

    def requestheaders(self, flow: http.HTTPFlow) -> None:
        """Forget the way of the connection's last request, and know litellm's own."""
        self._upstream.requestheaders(flow)
        self.sidecar.inspection.recognise(flow)

    # -- attempts ------------------------------------------------------------------------------------------------------

    def begin(
        self, flow: http.HTTPFlow, verdict: Pass | Send, incoming: Incoming, started: float, settings: Settings
    ) -> None:
        """Put the first attempt on the flow. Raises: DetourError."""
        route = verdict.route
        if route is None:
            return
        journey = None
        is_home = isinstance(verdict, Pass) or verdict.destination.is_home
        if self._has_layer() and (route.others or not is_home):
            # what becomes of a copy is no reason to ask others in the client's own exchanges
            health = self._control.health if incoming.forced is None else Health()
            journey = Journey(incoming, settings, route, health, started)
        if journey is not None and route.others:
            self._originals[flow.id] = Original.of(flow)
        try:
            self._put(flow, verdict, route, started, journey)
        except DetourError:
            self._originals.pop(flow.id, None)
            raise

    def _put(
        self, flow: http.HTTPFlow, verdict: Pass | Send, route: Route, started: float, journey: Journey | None
    ) -> None:
        self.origins.pop(flow.id, None)
        if isinstance(verdict, Pass):
            record.keep_route(flow, route)
            self.exchanges[flow.id] = Exchange(transfer.exchange_id(flow), route, started, journey=journey)
        elif verdict.destination.is_home:
            self._change(flow, verdict, started, journey)
        else:
            self._send(flow, verdict, started, journey)

    def _send(self, flow: http.HTTPFlow, send: Send, started: float, journey: Journey | None) -> None:
        """Rewrite the flow towards the backend; nothing of the client's headers goes to another host."""
        if send.destination.endpoint.backend.by_process:
            send = self.sidecar.reach(send, masked=self._has_layer())
        exchange = RoutedExchange(
            transfer.exchange_id(flow), send.route, started, losses=send.encoded.losses, send=send, journey=journey
        )
        wire, credential = send.encoded.wire, send.destination.credential
        at_home = transfer.goes_home(flow.request, wire)
        if not at_home:
            transfer.check_credential(send)
        if not at_home or credential.is_sent:
            transfer.strip_credentials(flow.request)
        if credential.minting is not None and not self._has_layer():
            raise BackendError(Kind.CREDENTIAL, NO_LAYER.format(send.route.name, credential.variable))
        record.keep_original(flow, send)
        rewrite = transfer.send_home if at_home else transfer.send_away
        rewrite(flow.request, send, masked=self._has_layer())
        flow.comment = send.route.title
        if proxy := send.destination.endpoint.proxy:
            flow.server_conn.via = (proxy[0], proxy[1:])
        self.exchanges[flow.id] = exchange
        self.origins[flow.id] = transfer.origin(flow.request)

    def _change(self, flow: http.HTTPFlow, send: Send, started: float, journey: Journey | None) -> None:
        """Let a request pass with another body; all else stays the client's, and the reply is only watched."""
        record.keep_original(flow, send)
        flow.request.content = send.encoded.wire.body
        flow.comment = send.route.title
        self.exchanges[flow.id] = Exchange(
            transfer.exchange_id(flow), send.route, started, losses=send.encoded.losses, journey=journey
        )

    def release(self, flow: http.HTTPFlow) -> Exchange | None:
        """Forget an exchange, and return it; None for what is not ours."""
        self.origins.pop(flow.id, None)
        self._originals.pop(flow.id, None)
        self._readings.pop(flow.id, None)
        exchange = self.exchanges.pop(flow.id, None)
        if exchange is not None and exchange.journey is not None:
            if exchange.given:
                self._note_break(exchange, exchange.journey, None)
            exchange.journey.end(time.monotonic())
        return exchange

    def answered(self, exchange: Exchange) -> None:
        """Its target is up."""
        if (journey := exchange.journey) is not None:
            journey.cooled = journey.answered(time.monotonic())
            _tell_health(journey)

    # -- what the layer asks -------------------------------------------------------------------------------------------

    def start(self, flow: http.HTTPFlow) -> Allowed | None:
        """An attempt begins: how long may it take? None: it is not one of ours."""
        exchange = self.exchanges.get(flow.id)
        journey = exchange.journey if exchange is not None else None
        if exchange is None or journey is None:
            return None
        journey.start(time.monotonic())
        if not isinstance(exchange, RoutedExchange):
            return Allowed(UNLIMITED, None, exchange.started)
        streaming = journey.settings.streaming if exchange.send.stream else None  # only a stream can be pinged
        timeouts = self.sidecar.allowed(journey.route.timeouts, exchange.send.destination.endpoint)
        allowed = Allowed(timeouts, streaming, exchange.started)
        return allowed if exchange.minting is None else self._equip(exchange, exchange.minting, allowed)

    def _equip(self, exchange: RoutedExchange, minting: Minting, allowed: Allowed) -> Allowed:
        """Give an attempt the credential that is made for it; it waits where that is not there."""
        try:
            made = self._control.purse.look(minting)
            if made is not None:
                made.check(exchange.send.encoded.wire.url)
        except Unmade as unmade:
            message = f"{exchange.route.name} has no credential from {minting.told}: {unmade.message}."
            error = BackendError(Kind.CREDENTIAL, self._control.hiding.text(message))
            return replace(allowed, refused=Trouble(error.message, error=error))
        if made is None:
            return replace(allowed, wait=Again(MAKING_S))
        exchange.equip(made)
        return allowed

    def credentials(self, flow: http.HTTPFlow) -> Mapping[str, str]:
        """The true values for the wire; none when somebody pointed the flow at another host meanwhile."""
        if own := self.sidecar.inspection.credentials(flow):
            return own
        exchange, there = self.exchanges.get(flow.id), self.origins.get(flow.id)
        found: dict[str, str] = {}
        if exchange is not None and (credential := exchange.credential) is not None and credential.value:
            found[credential.header] = credential.value
        if isinstance(exchange, RoutedExchange):
            endpoint = exchange.send.destination.endpoint
            found = {} if self.sidecar.is_gone(endpoint) else {**found, **self.sidecar.credentials(endpoint)}
        made = exchange if isinstance(exchange, RoutedExchange) and exchange.made is not None else None
        if not found and made is None:
            return {}
        if there != transfer.origin(flow.request):
            logger.warning("Detour: %s was pointed at another host by hand; it goes without its credential", flow.id)
            return {}
        return found if made is None else {**found, **made.headers_for(transfer.outgoing(flow.request))}

    def holds(self, flow: http.HTTPFlow) -> Exchange | None:
        """The stream whose headers wait for its first content: where we answer if it fails before that."""
        exchange = self.exchanges.get(flow.id)
        return exchange if exchange is not None and exchange.journey is not None and exchange.translator else None

    def failed(self, flow: http.HTTPFlow, trouble: Trouble | None) -> Again | None:
        """An attempt is over. ``trouble`` None: its reply says how; None is returned for a good one too."""
        exchange = self.exchanges.get(flow.id)
        journey = exchange.journey if exchange is not None else None
        if exchange is None or journey is None:
            return None
        if exchange.given:  # the client has heard of it
            exchange.trouble_kind = Kind.TIMEOUT if trouble is not None and trouble.timed_out else Kind.SERVER
            self._note_break(exchange, journey, trouble)
            return None
        error = _weighed(flow, exchange, trouble)
        if error is None:
            self.answered(exchange)
            return None
        if trouble is not None and isinstance(exchange, RoutedExchange):
            self.sidecar.explain(error, exchange.send.destination.endpoint)
        error.message = self._hidden(exchange, error)  # it goes into the log, and some backends quote the key
        if (renewed := self._renewed(exchange, error, journey)) is not None:
            return renewed
        again = journey.plan(error, time.monotonic(), random.random(), trouble)  # noqa: S311 - spreads the retries
        self._tell(flow, exchange, error, again)
        return again

    def _renewed(self, exchange: Exchange, error: DetourError, journey: Journey) -> Again | None:
        """Where a credential that can be made anew is refused, the same target is asked once more, with another."""
        is_refused = isinstance(error, BackendError) and error.kind is Kind.CREDENTIAL
        if not is_refused or not isinstance(exchange, RoutedExchange) or exchange.made is None:
            return None
        again = journey.once_more(error, time.monotonic())
        if again is not None and exchange.minting is not None:
            self._control.purse.refuse(exchange.minting, exchange.made)
            logger.info("%s; its credential is made anew", error.message.rstrip("."))
        return again

    def _note_break(self, exchange: Exchange, journey: Journey, trouble: Trouble | None) -> None:
        """Where a reply that the client has heard the beginning of ends badly, its target hears it.

        The client asks again at once, and then gets another of the list.
        """
        try:
            error = exchange.broken(trouble)
        except Exception:
            logger.exception("Detour: incident %s", exchange.id)
            return
        if error is not None:
            error.message = self._hidden(exchange, error)
            journey.note_failure(error, time.monotonic())
            _tell_health(journey)

    def _hidden(self, exchange: Exchange, error: DetourError) -> str:
        return self._control.hiding.text(exchange.hide(error.message))

    def _tell(self, flow: http.HTTPFlow, exchange: Exchange, error: DetourError, again: Again | None) -> None:
        """Say in the log what comes after a failure; without a next attempt it is the exchange's."""
        journey = exchange.journey
        assert journey is not None  # noqa: S101 - the callers have looked
        _tell_health(journey)
        if again is None:
            word = journey.last_word()
            passes = word is error and exchange.credential is None and exchange.translator is None
            exchange.failure = None if passes and not exchange.is_opened else word  # None: it is Anthropic's own reply
            return
        what = f"trying {journey.route.name}" if journey.is_other else f"trying again in {again.delay_s:.1f} s"
        logger.info("%s %s; %s", flow.id[:8], error.message.rstrip("."), what)

    def resume(self, flow: http.HTTPFlow) -> Again | None:
        """The wait is over: the next attempt stands on the flow; None: there is nobody left to ask."""
        exchange = self.exchanges[flow.id]
        journey = exchange.journey
        assert journey is not None  # noqa: S101 - only what has one is tried again
        while journey.is_other:
            try:
                if (wait := self._put_anew(flow, exchange, journey)) is not None:
                    return wait
            except DetourError as error:
                journey.began_at = time.monotonic()  # and ended: nobody was asked
                again = journey.plan(error, time.monotonic(), 0.0)
                self._tell(flow, exchange, error, again)
                if again is None:
                    return None
        if self.exchanges[flow.id] is exchange:  # the same target
            self.exchanges[flow.id] = exchange.anew()
        return Again()

    def _put_anew(self, flow: http.HTTPFlow, exchange: Exchange, journey: Journey) -> Again | None:
        """Put an attempt with another target on the flow, or wait for a PDF that it needs. Raises: DetourError."""
        incident = transfer.exchange_id(flow)
        if (reading := self._readings.get(flow.id)) is not None and not reading.done():
            return Again(READING_S)
        try:
            self._put_other(flow, exchange, journey)
        except Unread as unread:
            reading = asyncio.get_running_loop().create_task(self._read(unread, journey.readings))
            self._readings[flow.id] = reading
            return Again(READING_S)
        except DetourError:
            raise
        except Exception:
            logger.exception("Detour: incident %s", incident)
            raise InternalError(incident) from None
        journey.is_other = False
        return None

    def _put_other(self, flow: http.HTTPFlow, exchange: Exchange, journey: Journey) -> None:
        with undisturbed(journey.readings):
            verdict = decide_again(journey.incoming, journey.settings, journey.route)
        if not isinstance(verdict, Pass | Send):
            raise BackendError(Kind.REFUSED, f"{journey.route.name} cannot be asked this.")
        self._originals[flow.id].put_back(flow)
        flow.metadata.pop(record.KEY, None)
        self._put(flow, verdict, journey.route, exchange.started, journey)
        self._upstream.request(flow)

    async def _read(self, unread: Unread, readings: dict[bytes, Reading]) -> None:
        readings[unread.key] = await self._reader.read(unread)

    def early(self, flow: http.HTTPFlow) -> http.Response | None:
        """The head that tells a waiting client "200, wait"; None: its exchange is over."""
        exchange = self.exchanges.get(flow.id)
        if exchange is None or exchange.journey is None:
            return None
        exchange.journey.opened = True
        return transfer.early_head(flow, SSE_HEADERS)

    def client_left(self, flow: http.HTTPFlow) -> None:
        """The client has left."""
        self.partings.pop(flow, None)  # nobody hears it
        if (exchange := self.exchanges.get(flow.id)) is not None:
            exchange.client_left = True


def _tell_health(journey: Journey) -> None:
    """Say in the log that a target is another now."""
    row, journey.cooled = journey.cooled, None
    if journey.incoming.forced is not None:
        return
    if row is not None and row.state is State.UP:
        logger.info("Detour: %s is up again", row.name)
    elif row is not None:
        why = row.why.removeprefix(f"{row.name}: ").rstrip(".")
        logger.warning("Detour: %s cools down for %.0f s: %s", row.name, row.left_s or 0.0, why)


def _weighed(flow: http.HTTPFlow, exchange: Exchange, trouble: Trouble | None) -> DetourError | None:
    """Return how an attempt failed; None for one that did not."""
    if trouble is not None:
        return trouble.error or exchange.trouble(trouble, began=flow.response is not None)
    try:
        if exchange.failure is None and exchange.translator is not None and not exchange.closed:
            exchange.close()  # a stream without a body
        if exchange.failure is not None or exchange.translator is not None:
            return exchange.failure
        response = flow.response
        if response is None:
            return None
        headers = {name.lower(): value for name, value in response.headers.items()}
        body = response.get_content(strict=False) or b""
        return exchange.judge(response.status_code, headers, body, time.monotonic())
    except Exception:
        logger.exception("Detour: incident %s", exchange.id)
        return InternalError(exchange.id)
