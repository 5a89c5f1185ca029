"""The REST surface inside mitmproxy: answers its requests, keeps them out of the flow list, and feeds the journal.

Facts of mitmproxy 12.2 that this rests on: a request in origin form at the port of a regular proxy reaches the hooks
with the client's own Host as its address, and is refused only afterwards ("Request destination unknown"). Removing a
flow from the view kills it while it is live, so that is done once it has ended.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from http import HTTPStatus

from mitmproxy import ctx, http
from mitmproxy.proxy import mode_specs

from addon.prompts.entry import Entry
from addon.protocol.errors import DetourError, InternalError, Reply, Unsupported
from addon.proxy import greeting, record, replays, transfer
from addon.proxy.control import Control
from addon.proxy.doors import EXPLICIT, Doors, listeners
from addon.proxy.exchange import Exchange
from addon.proxy.intake import offered
from addon.proxy.log_file import BODIES
from addon.proxy.recorder import Recorder
from addon.proxy.rest import journal, surface
from addon.proxy.rest.answers import Ask, ConversationPort, Surroundings
from addon.proxy.rest.journal import Body, End, Journal
from addon.proxy.rest.openapi import OPERATIONS, PREFIX
from addon.proxy.rest.pages import Around, Pages
from addon.proxy.rest.surface import RestRequest
from addon.proxy.rest.tally import Tally
from addon.proxy.told import Told
from addon.routing import catalog
from addon.routing.forced import TOKEN_HEADER
from addon.routing.settings import Settings
from addon.settings import state_file
from addon.settings.upstream import is_loopback

logger = logging.getLogger(__name__)

MARK = "detour_rest"  # in the metadata of our own flows
HIDE_S = 0.05  # a flow ends within a millisecond of its response
SHOWN_TOKEN = {"authorization": "Bearer $TOKEN", TOKEN_HEADER: "$TOKEN", "cookie": "$COOKIE"}
STARTED_S = 10.0  # the loop has it begun in a millisecond
LOGIN = PREFIX + "read/login"


def is_rest(flow: http.HTTPFlow) -> bool:
    """Whether a flow is of our own surface."""
    return MARK in flow.metadata


class Rest:
    """See the module. ``note`` and ``note_refusal`` are told what became of each exchange."""

    def __init__(
        self, control: Control, doors: Doors, recorder: Recorder, now: Callable[[], float] = time.monotonic
    ) -> None:
        """``control`` holds what is in force, ``doors`` who may come in, ``recorder`` writes the prompt log."""
        self.journal = Journal()
        self.tally = Tally()
        self._control = control
        self._doors = doors
        self._recorder = recorder
        self._conversations: ConversationPort | None = None
        self._now = now
        self._started = now()
        self._pages = Pages()
        self._is_told = False  # that the token cannot be kept

    def running(self) -> None:
        """Make the token, so that it is there before somebody asks for it."""
        if self._control.settings is not None:
            self.token()

    async def request(self, flow: http.HTTPFlow) -> bool:
        """Answer what is ours; or make a call to a model of it, which is said, and answered like any other."""
        if flow.response or flow.error or not flow.live or not may_be_ours(flow.request.path):
            return False
        incoming = transfer.incoming(flow, datetime.now().astimezone())
        request = RestRequest(incoming, flow.request.path.partition("?")[2], is_for_us=_is_for_us(flow))
        if surface.operation_of(request) is None:
            return False
        host, credential = _host(flow), flow.request.headers.get("authorization")
        _mask(flow, incoming.path)
        try:
            reply = await self._page(request, host) if surface.is_page(request) else await self._answer(request)
        except Exception:
            incident = transfer.exchange_id(flow)
            logger.exception("Detour: incident %s", incident)
            reply = InternalError(incident).reply()
        assert reply is not None  # noqa: S101 - the operation is ours
        if isinstance(reply, Ask):
            for name in SHOWN_TOKEN:
                flow.request.headers.pop(name, None)
            if credential is not None and not surface.is_token(credential, self.token()):
                flow.request.headers["authorization"] = credential  # the client's own, for whoever answers
            transfer.ask(flow, reply.body, reply.headers, reply.query)
            return True
        flow.response = transfer.response(reply, flow)
        flow.comment = f"Detour's own: {flow.request.method} {incoming.path}"
        flow.metadata[MARK] = True
        if reply.status >= HTTPStatus.BAD_REQUEST:
            logger.info("%s %d %s", flow.id[:8], reply.status, flow.comment)
        return False

    async def _answer(self, request: RestRequest) -> Reply | Ask | None:
        around = self._surroundings()
        if surface.is_slow(request):
            return await asyncio.to_thread(surface.answer, request, around)
        return surface.answer(request, around)

    async def _page(self, request: RestRequest, host: str) -> Reply:
        """Let the reader answer, beside the event loop."""
        refused = surface.refusal(request, self._surroundings())
        if refused is not None:
            return refused
        again = partial(self._again, asyncio.get_running_loop())
        token_file = str(self._control.home / state_file.TOKEN)
        by_address = bool(self._doors.networks)
        around = Around(self._recorder.file(), self.token, token_file, by_address, again, self._models)
        return await asyncio.to_thread(self._pages.answer, request, host, around)

    def _again(self, loop: asyncio.AbstractEventLoop, entry: Entry, model: str) -> None:
        """Send a logged exchange to a model; for a thread beside the loop. Raises: ConfigError."""

        async def start() -> None:
            replays.start_logged(entry, [model], self._control.settings)

        asyncio.run_coroutine_threadsafe(start(), loop).result(STARTED_S)

    def _models(self) -> Sequence[str]:
        """Return the models that may be asked."""
        return offered(self._control.settings) if self._control.settings is not None else ()

    def done(self) -> None:
        """Let go of the log."""
        self._pages.done()

    def response(self, flow: http.HTTPFlow) -> None:
        """Take our own flows off the list, once they have ended."""
        if MARK in flow.metadata and ctx.master.addons.get("view") is not None:
            asyncio.get_running_loop().call_later(HIDE_S, _hide, flow)

    def note(self, flow: http.HTTPFlow, exchange: Exchange, status: int, elapsed_ms: int) -> None:
        """Keep what became of an exchange. Never raises."""
        try:
            credential = exchange.credential
            hide = self._control.hiding.after(credential.hide if credential is not None else str)
            end = self._end(flow, status, elapsed_ms, hide)
            self._keep(journal.of_exchange(exchange, end))
            self.tally.note(exchange.route.name, exchange.losses)
        except Exception:
            logger.exception("Detour: %s is not in the journal", flow.id)

    def note_refusal(self, flow: http.HTTPFlow, error: DetourError, status: int) -> None:
        """Keep an error of our own. Never raises."""
        try:
            self._keep(
                journal.of_refusal(
                    transfer.request_id(flow), error, self._end(flow, status, 0, self._control.hiding.text)
                )
            )
            if isinstance(error, Unsupported):
                self.tally.note_refusal(error)
        except Exception:
            logger.exception("Detour: %s is not in the journal", flow.id)

    def note_told(self, flow: http.HTTPFlow, told: Told) -> None:
        """Keep a call to a model that was answered here. Never raises."""
        try:
            end = self._end(flow, told.reply.status, 0, self._control.hiding.text)
            self._keep(journal.of_told(transfer.request_id(flow), told, end))
        except Exception:
            logger.exception("Detour: %s is not in the journal", flow.id)

    def _keep(self, entry: journal.Entry) -> None:
        self.journal.note(entry)
        for what, body in (("request", entry.request_body), ("reply", entry.response_body)):
            if body is not None:
                BODIES.debug("%s %s (%d characters left out): %s", entry.id, what, body.left_out, body.text)

    def _end(self, flow: http.HTTPFlow, status: int, elapsed_ms: int, hide: Callable[[str], str]) -> End:
        """Put together how it ended, with the bodies that the user wants kept."""
        asked = answered = None
        logging_of = (self._control.settings or Settings()).logging
        if logging_of.request_bodies:
            original = record.of(flow).get("original", {}).get("body")
            asked = _cut(original if original is not None else flow.request.get_content(strict=False), hide)
        if logging_of.response_bodies and flow.response is not None:
            answered = _cut(flow.response.get_content(strict=False), hide)
        return End(datetime.now(UTC).isoformat(timespec="milliseconds"), status, elapsed_ms, asked, answered)

    def _conversing(self) -> ConversationPort:
        """Called beside the event loop: the import takes a tenth of a second."""
        from addon.proxy.rest.conversations import Conversations  # noqa: PLC0415 - it brings SQLAlchemy

        if self._conversations is None:
            control = self._control
            self._conversations = Conversations(self._recorder, lambda: control.settings, lambda: control.home)
        return self._conversations

    def _surroundings(self) -> Surroundings:
        return Surroundings(
            control=self._control,
            journal=self.journal,
            tally=self.tally,
            token=self.token(),
            token_file=self.token_file,
            facts=catalog.lookup,
            conversations=self._conversing,
            networks=self._doors.networks,
            uptime_s=round(self._now() - self._started),
            has_layer=self._doors.has_layer,
            log_fault=self._recorder.tally.fault,
            doors={str(door): url for door, url in greeting.door_urls(sorted(listeners())).items()},
        )

    @property
    def token_file(self) -> str:
        """Where the token is kept."""
        return str(self._control.home / state_file.TOKEN)

    def token(self) -> str | None:
        """Return the token; None where it cannot be kept."""
        try:
            return state_file.token(self._control.home)
        except (OSError, ValueError) as error:
            if not self._is_told:
                self._is_told = True
                logger.warning("Detour: REST calls can change nothing, their token cannot be kept: %s", error)
            return None


def may_be_ours(path: str) -> bool:
    """A quick look, before anything is read off a stranger's flow."""
    return path.startswith(PREFIX.rstrip("/")) or path[1:].partition("?")[0] in OPERATIONS


def _is_for_us(flow: http.HTTPFlow) -> bool:
    """Whether a request is addressed to the door itself: at the reverse door each is, at the other the Host tells."""
    mode, door = flow.client_conn.proxy_mode, flow.client_conn.sockname
    if isinstance(mode, mode_specs.ReverseMode):
        return True
    if not isinstance(mode, EXPLICIT) or door is None or flow.request.port != door[1]:
        return False
    host = flow.request.host.lower()
    return host == door[0] or (is_loopback(host) and is_loopback(door[0]))


def _host(flow: http.HTTPFlow) -> str:
    """Where the browser found us; at the reverse door mitmproxy has put Anthropic's name into the Host."""
    door = flow.client_conn.sockname
    if isinstance(flow.client_conn.proxy_mode, mode_specs.ReverseMode):
        return f"127.0.0.1:{door[1] if door else 80}"
    host = flow.request.host
    return f"[{host}]:{flow.request.port}" if ":" in host else f"{host}:{flow.request.port}"


def _mask(flow: http.HTTPFlow, path: str) -> None:
    """Take our token, and what is made of it, off what is kept of a flow."""
    for name, shown in SHOWN_TOKEN.items():
        if name in flow.request.headers:
            flow.request.headers[name] = shown
    if path == LOGIN:
        flow.request.path, flow.request.content = path, b""


def _hide(flow: http.HTTPFlow) -> None:
    if flow.live:
        asyncio.get_running_loop().call_later(HIDE_S, _hide, flow)
    elif (view := ctx.master.addons.get("view")) is not None:
        view.remove([flow])


def _cut(body: bytes | None, hide: Callable[[str], str]) -> Body:
    return journal.cut(hide((body or b"").decode("utf-8", "replace")).encode("utf-8", "replace"))
