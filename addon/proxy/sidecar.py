"""What flows need of litellm's process: its address and its token, while the rest of Detour knows a provider.

A provider whose row is ``by_process`` has an address that stands for the process. When an attempt is put on its flow,
that is replaced by the true one, and the process starts where it does not run yet. A credential that is written for
such a provider goes along as litellm's ``api_key``, an address as its ``api_base``; everything else litellm finds in
the environment under its own names: that of the proxy, and ``.env``.
"""

import logging
import os
from collections.abc import Container, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

from mitmproxy import ctx, http
from mitmproxy.addonmanager import Loader

from addon.protocol.errors import BackendError, ConfigError, DetourError, Kind
from addon.proxy import doors, inspection
from addon.proxy.control import Control
from addon.proxy.greeting import Listener
from addon.proxy.inspection import Inspection
from addon.proxy.intake import Send
from addon.proxy.litellm_process import LitellmProcess
from addon.routing import targets
from addon.routing.backends import BACKENDS
from addon.routing.config import LITELLM, Endpoint, Timeouts
from addon.settings import litellm_library, settings_file, upstream

logger = logging.getLogger(__name__)

WINDOWS = (
    "litellm/... models need a process that inherits a socket, which is not done on Windows: run litellm's own proxy, "
    "and write litellm-proxy/MODEL."
)
KEPT = "detour_litellm_process"  # on mitmproxy's master, which outlives a reload
START_S = 60.0  # how long the process may take to start; twelve times what it takes
PLATFORM = os.name
NOBODY = ("127.0.0.1", 1)  # a port that no ordinary program may open
API_BASE = "x-detour-api-base"  # see addon/sidecar.py
BEARER, MASK = "authorization", "Bearer $LITELLM_PROCESS"
PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


class Sidecar:
    """See the module."""

    def __init__(self, control: Control) -> None:
        """Nothing is started before it is needed."""
        self._control = control
        self.inspection = Inspection()
        self._process: LitellmProcess | None = None
        self._is_checked = False
        self._why: str | None = None  # what kept the last request from the process
        self._is_stale = True  # what the environment says may be another since the last look
        control.changed.append(self._note)

    def load(self, loader: Loader) -> None:
        """Add the option."""
        self.inspection.load(loader)

    def configure(self, updated: set[str]) -> None:
        """Look whether there is a litellm that may run, where it is configured. Raises: OptionsError.

        A mistake at the start is logged, upon which mitmproxy ends.
        """
        self.inspection.configure(updated)
        self._is_stale = True
        if self._is_checked or (settings := self._control.settings) is None:
            return
        self._is_checked = True
        rows = (settings.endpoints[choice.provider].backend for choice in targets.configured(settings) if choice.model)
        if any(row.by_process for row in rows) and (why := _unfit()) is not None:
            logger.error("Detour: %s", why)

    def running(self) -> None:
        """The doors are open; after a reload the process is there already."""
        if KEPT in vars(ctx.master):
            self._kept()
        if self.inspection.is_on and not any(not each.reverse for each in doors.listeners()):
            logger.error("Detour: %s", inspection.NO_DOOR)

    def reach(self, send: Send, *, masked: bool) -> Send:
        """Let a request go to the process, which is started where it does not run. Raises: BackendError.

        ``masked``: the token is put on the wire at the last moment. Where there is another target, a request that
        cannot be answered here goes where nobody listens, so that it fails as others do and the other one is asked.
        """
        if PLATFORM == "nt":
            raise BackendError(Kind.REFUSED, f"Detour: {WINDOWS}")
        process = self._kept()
        try:
            if not process.runs and (why := _unfit()) is not None:
                raise OSError(why)  # noqa: TRY301 - told as the others are
            host, port = process.reach(self._environment)
            if self._is_stale:
                process.renew(self._environment())
                self._is_stale = False
            self._why = None
        except (OSError, ConfigError) as error:
            if not masked or not send.route.others:
                raise BackendError(Kind.UNREACHABLE, f"Detour: {error}") from None
            self._why, (host, port) = str(error), NOBODY
        wire, target = send.encoded.wire, send.destination.target
        symbol = BACKENDS[LITELLM].base_url or ""
        own = () if target.base_url == symbol else ((API_BASE, target.base_url),)
        path = wire.url.removeprefix(target.base_url)
        url = f"http://{host}:{port}{urlsplit(symbol).path}{path}"
        headers = (*wire.headers, *own, (BEARER, MASK if masked else f"Bearer {process.token}"))
        return replace(send, encoded=replace(send.encoded, wire=replace(wire, url=url, headers=headers)))

    def credentials(self, endpoint: Endpoint) -> Mapping[str, str]:
        """Return the header that opens the process; none for what goes elsewhere."""
        if self._process is None or not endpoint.backend.by_process:
            return {}
        return {BEARER: f"Bearer {self._process.token}"}

    def is_gone(self, endpoint: Endpoint) -> bool:
        """Whether nobody of ours listens any more where the process did: whoever does gets no credential."""
        return endpoint.backend.by_process and (self._process is None or not self._process.runs)

    def allowed(self, timeouts: Timeouts, endpoint: Endpoint) -> Timeouts:
        """Give a process that starts the time for it, beside what its provider has."""
        if self._process is None or self._process.is_ready or not endpoint.backend.by_process:
            return timeouts
        return replace(timeouts, first_byte_s=_later(timeouts.first_byte_s), total_s=_later(timeouts.total_s))

    def explain(self, error: DetourError, endpoint: Endpoint) -> None:
        """Let an attempt that came to nothing say why, where the process was given up."""
        why = self._why or (self._process.fault if self._process is not None else None)
        if endpoint.backend.by_process and why is not None:
            error.message = f"Detour: {why}"

    @staticmethod
    def mask(request: http.Request, endpoint: Endpoint) -> None:
        """Take the token off a request that bore it."""
        if endpoint.backend.by_process and BEARER in request.headers:
            request.headers[BEARER] = MASK

    def done(self) -> None:
        """End the process with mitmproxy; after a reload the successor has it."""
        kept: LitellmProcess | None = vars(ctx.master).get(KEPT)
        if kept is not None and ctx.master.should_exit.is_set():
            kept.end()

    def _kept(self) -> LitellmProcess:
        """The process of this mitmproxy."""
        if self._process is None:
            self._process = vars(ctx.master).setdefault(KEPT, LitellmProcess())
            self._process.hide = self._control.hiding.text
            self.inspection.password = self._process.password
        return self._process

    def _note(self) -> None:
        self._is_stale = True

    def _environment(self) -> dict[str, str]:
        values, trusted = settings_file.variables(Path.cwd()), ctx.options.ssl_verify_upstream_trusted_ca
        listeners = doors.listeners()
        if not self.inspection.is_on:
            return environment(values, trusted=trusted, own=listeners)
        back = self.inspection.variables(listeners, self._control.home, trusted)
        return {**environment(values, own=listeners), "NO_PROXY": "", **back}


def environment(
    values: Mapping[str, str], *, trusted: str | None = None, own: Iterable[Listener] = ()
) -> dict[str, str]:
    """Return the variables of the process: all of ``values``, but for those that lead back to us.

    A proxy that the environment names may be this one, and so may an address of Anthropic's: ``own`` are our doors.
    ``trusted``: a file of certificates for the way out, which is Detour's own.
    """
    ports = {door.port for door in own}
    made = {
        name: value for name, value in values.items() if name.lower() not in PROXIES and not _leads_to(value, ports)
    }
    if way_out := values.get(upstream.VARIABLE):
        made |= {"HTTP_PROXY": way_out, "HTTPS_PROXY": way_out}
        exempt = [values[name] for name in upstream.EXEMPTION_VARIABLES if name in values][:1]
        made["NO_PROXY"] = ",".join((*exempt, "localhost,127.0.0.1,::1"))
    if trusted:
        made["SSL_CERT_FILE"] = trusted
    return made


def _leads_to(value: str, ports: Container[int]) -> bool:
    """Whether a value is the address of one of our doors."""
    if not value.startswith(("http://", "https://")):
        return False
    try:
        parts = urlsplit(value)
        return upstream.is_loopback(parts.hostname or "") and parts.port in ports
    except ValueError:
        return False


def _unfit() -> str | None:
    """Why the installed litellm is not started, and what to do; None where it may be."""
    found = litellm_library.unfit(litellm_library.installed())
    return f"{found[0]}: {found[1]}." if found is not None else None


def _later(limit_s: float | None) -> float | None:
    return None if limit_s is None else limit_s + START_S
