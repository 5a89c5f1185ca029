"""The doors: which connections are ours to read, who may come in, and what is said once they are open."""

import gc
import logging
from collections.abc import Sequence
from ipaddress import ip_network
from pathlib import Path
from typing import TYPE_CHECKING

from mitmproxy import ctx, exceptions
from mitmproxy.addonmanager import Loader
from mitmproxy.log import ALERT
from mitmproxy.proxy import layer, layers, mode_specs

from addon.protocol.errors import ConfigError
from addon.proxy import fail_closed, greeting, presence, takeover, typecheck, views
from addon.proxy.control import Control
from addon.proxy.desk import Desk
from addon.proxy.eviction import Eviction
from addon.proxy.intake import Network

if TYPE_CHECKING:
    from addon.proxy.console import ConsoleExtras
    from addon.proxy.inspection import Inspection

logger = logging.getLogger(__name__)

ANTHROPIC_HOST = "api.anthropic.com"
TCP_TIMEOUT_S = (
    7_200  # a model may think in silence for longer than mitmproxy's 600 s; Claude Code gives up long before
)
# Full collections, after 300 requests rather than 3,000: they take 7 to 17 ms now, and a client's connection that is
# closed stays in a ring of mitmproxy's, with its TLS state, until one comes.
OLDER_THRESHOLDS = (5, 2)
EXPLICIT = (mode_specs.RegularMode, mode_specs.UpstreamMode)


class Doors:
    """Options that concern connections, the layers of those that are ours, and the greeting."""

    def __init__(self, control: Control, desk: Desk) -> None:
        """``desk`` is whom our HTTP layer asks."""
        self.networks: tuple[Network, ...] = ()  # who is served besides loopback
        self.eviction = Eviction()
        self.inspection: Inspection | None = None  # knows litellm's connections
        self.has_layer = False  # whether our HTTP layer works in this mitmproxy
        self._control = control
        self._desk = desk
        self._decrypted: frozenset[str] = frozenset((ANTHROPIC_HOST,))
        self.is_wrong = False  # whether an option forbids routing from the start
        self._is_configured = False
        self._extras: ConsoleExtras | None = None
        self._last = ""  # the newest exchange, for the console's line
        self._started = presence.moment()
        self._thresholds = gc.get_threshold()

    def load(self, loader: Loader) -> None:
        """Add our options and views, and set what streaming through mitmproxy needs."""
        loader.add_option(
            "detour_hosts", Sequence[str], [], "Hosts to decrypt besides api.anthropic.com; all others are tunnelled."
        )
        loader.add_option(
            "detour_clients", Sequence[str], [], "Networks besides loopback whose requests Detour routes (10.0.0.0/8)."
        )
        self.eviction.load(loader)
        views.register(self._control.hiding.text)
        fail_closed.stand_guard()
        typecheck.take_over()
        missing = takeover.works_here()
        self.has_layer = missing is None
        if missing is None:
            takeover.take_over_replays(self._desk)
        else:
            off = ", ".join(takeover.NEEDS_LAYER)
            logger.warning("Detour: unknown mitmproxy internals (%s); off in this mitmproxy: %s", missing, off)
        ctx.options.update(connection_strategy="lazy", tcp_timeout=max(ctx.options.tcp_timeout, TCP_TIMEOUT_S))

    def configure(self, updated: set[str]) -> None:
        """Check what concerns connections. Raises: OptionsError, which keeps the old value, once there is one.

        A mistake at the start is logged, upon which mitmproxy ends; it would print a raised one as a crash.
        """
        try:
            self._configure(updated)
            self._is_configured, self.is_wrong = True, False
        except ConfigError as error:
            if self._is_configured:
                raise exceptions.OptionsError(error.message) from None
            self.is_wrong = True
            logger.error("Detour: %s", error.message)  # noqa: TRY400 - the user's mistake needs no trace of ours

    def _configure(self, updated: set[str]) -> None:
        self.eviction.configure(updated)
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
            self.networks = tuple(_network(text) for text in ctx.options.detour_clients)
        if "detour_hosts" in updated:
            self._decrypted = frozenset((ANTHROPIC_HOST, *(host.lower() for host in ctx.options.detour_hosts)))

    def running(self) -> None:
        """Say what is open and what is in force."""
        self.eviction.running()
        settings = self._control.settings
        if settings is None:
            return
        opened = sorted(listeners())
        gc.collect()
        gc.freeze()  # what the start made stays; a full collection would walk all of it, for 150 ms, in mid-stream
        gc.collect()  # of nothing: lets later full collections come by the few objects that are left to walk
        gc.set_threshold(gc.get_threshold()[0], *OLDER_THRESHOLDS)
        confdir = Path(ctx.options.confdir).expanduser()
        for line in greeting.lines(settings, opened, confdir):
            logger.info("%s", line)
        self._appear()
        self._control.changed.append(self._appear)
        if ctx.master.addons.get("consoleaddon") is not None:
            logger.log(ALERT, "Detour: the doors and the routes are in the event log, press E")  # which is out of sight
            self._dress_console()

    def _appear(self) -> None:
        """Say to the command line what is open and in force."""
        if self._control.settings is not None:
            confdir = Path(ctx.options.confdir).expanduser()
            presence.appear(self._control.settings, greeting.door_urls(sorted(listeners())), confdir, self._started)

    def done(self) -> None:
        """Leave mitmproxy as it was."""
        takeover.give_back_replays()
        typecheck.give_back()
        gc.set_threshold(*self._thresholds)
        self.eviction.done()
        presence.vanish(self._control.settings)
        if self._extras is not None:
            self._extras.uninstall()

    def next_layer(self, nextlayer: layer.NextLayer) -> None:
        """Tunnel what is not ours to read; make the HTTP layers ours."""
        context = nextlayer.context
        tunnelled = len(context.layers) > 1 and isinstance(context.client.proxy_mode, EXPLICIT)
        host = context.server.address[0].lower() if context.server.address else ""
        inside_connect = tunnelled and any(isinstance(outer, layers.HttpLayer) for outer in context.layers)
        is_known = host in self._decrypted or (self.inspection is not None and self.inspection.knows(context.client))
        if inside_connect and not is_known:
            nextlayer.layer = layers.TCPLayer(context, ignore=not ctx.options.show_ignored_hosts)
            return
        if self.has_layer and nextlayer.layer is None:
            ctx.master.addons.get("nextlayer").next_layer(nextlayer)  # script addons are asked first
            takeover.take_over(nextlayer, self._desk)

    def show_last(self, summary: str) -> None:
        """Let the console's line say the newest exchange."""
        if self._extras is not None:
            self._last = summary.partition(" · ")[0]
            self._extras.refresh()

    def _dress_console(self) -> None:
        from addon.proxy.console import ConsoleExtras  # noqa: PLC0415 - imports urwid, which only the console has

        self._extras = ConsoleExtras(self._status)
        if missing := self._extras.install():
            logger.warning("Detour: unknown mitmproxy internals (%s): keys or status line are missing", missing)
        self._control.changed.append(self._extras.refresh)

    def _status(self) -> str:
        summary = self._control.summary()
        first, separator, rest = summary.partition(" | ")
        return " | ".join(filter(None, (first, self._last and f"last: {self._last}", rest if separator else "")))


def is_reverse(mode: object) -> bool:
    """Whether a connection came in by the reverse door."""
    return isinstance(mode, mode_specs.ReverseMode)


def listeners() -> set[greeting.Listener]:
    """What is open; a set, because a reverse door to https listens on UDP too."""
    return {
        greeting.Listener(is_reverse(server.mode), address[0], address[1])
        for server in ctx.master.addons.get("proxyserver").servers
        if isinstance(server.mode, (*EXPLICIT, mode_specs.ReverseMode))
        for address in server.listen_addrs
    }


def _network(text: str) -> Network:
    try:
        return ip_network(text, strict=False)
    except ValueError as error:
        raise ConfigError(f"detour_clients: {text!r} is no network, write one like 10.0.0.0/8") from error
