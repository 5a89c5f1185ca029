"""What flows need of litellm's process: its address and its token, while the rest of Detour knows a provider.

A provider whose row is ``by_process`` has an address that stands for the process. When an attempt is put on its flow,
that is replaced by the true one, and the process starts where it does not run yet. A credential that is written for
such a provider goes along as litellm's ``api_key``, an address as its ``api_base``; everything else litellm finds in
the environment under its own names: that of the proxy, and ``.env``.
"""

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

from mitmproxy import ctx

from addon.protocol.errors import BackendError, ConfigError, Kind
from addon.proxy.control import Control
from addon.proxy.intake import Send
from addon.proxy.litellm_process import LitellmProcess
from addon.routing.backends import BACKENDS
from addon.routing.config import LITELLM, Endpoint, Timeouts
from addon.settings import settings_file, upstream

KEPT = "detour_litellm_process"  # on mitmproxy's master, which outlives a reload
START_S = 60.0  # how long the process may take to start; twelve times what it takes
API_BASE = "x-detour-api-base"  # see addon/sidecar.py
BEARER, MASK = "authorization", "Bearer $LITELLM_PROCESS"
PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


class Sidecar:
    """See the module."""

    def __init__(self, control: Control) -> None:
        """Nothing is started before it is needed."""
        self._control = control
        self._process: LitellmProcess | None = None
        self._is_stale = True  # what the environment says may be another since the last look
        control.changed.append(self._note)

    def reach(self, send: Send) -> Send:
        """Let a request go to the process, which is started where it does not run. Raises: BackendError."""
        if os.name == "nt":
            raise BackendError(
                Kind.REFUSED,
                "Detour: litellm/... models need a process that inherits a socket, which Windows has no way for: run "
                "litellm's own proxy, and write litellm-proxy/MODEL.",
            )
        process = self._kept()
        try:
            host, port = process.reach(self._environment)
        except (OSError, ConfigError) as error:
            raise BackendError(Kind.UNREACHABLE, f"Detour: {error}") from None
        if self._is_stale:
            self._is_stale = False
            process.renew(self._environment())
        wire, target = send.encoded.wire, send.destination.target
        symbol = BACKENDS[LITELLM].base_url or ""
        own = () if target.base_url == symbol else ((API_BASE, target.base_url),)
        path = wire.url.removeprefix(target.base_url)
        url = f"http://{host}:{port}{urlsplit(symbol).path}{path}"
        headers = (*wire.headers, *own, (BEARER, MASK))
        return replace(send, encoded=replace(send.encoded, wire=replace(wire, url=url, headers=headers)))

    def credentials(self, endpoint: Endpoint) -> Mapping[str, str]:
        """Return the header that opens the process; none for what goes elsewhere."""
        if self._process is None or not endpoint.backend.by_process:
            return {}
        return {BEARER: f"Bearer {self._process.token}"}

    def allowed(self, timeouts: Timeouts, endpoint: Endpoint) -> Timeouts:
        """Give a process that starts the time for it, beside what its provider has."""
        if self._process is None or self._process.is_ready or not endpoint.backend.by_process:
            return timeouts
        return replace(timeouts, first_byte_s=_later(timeouts.first_byte_s), total_s=_later(timeouts.total_s))

    @property
    def fault(self) -> str | None:
        """Why the process does not run, and will not for now."""
        return self._process.fault if self._process is not None else None

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
        return self._process

    def _note(self) -> None:
        self._is_stale = True

    def _environment(self) -> dict[str, str]:
        return environment(settings_file.variables(Path.cwd()), trusted=ctx.options.ssl_verify_upstream_trusted_ca)


def environment(values: Mapping[str, str], *, trusted: str | None = None) -> dict[str, str]:
    """Return the variables of the process: all of ``values``, but for the way out, which is Detour's own.

    A proxy that the environment names may be this one. ``trusted``: a file of certificates for the way out.
    """
    made = {name: value for name, value in values.items() if name.lower() not in PROXIES}
    if way_out := values.get(upstream.VARIABLE):
        made |= {"HTTP_PROXY": way_out, "HTTPS_PROXY": way_out}
        exempt = [values[name] for name in upstream.EXEMPTION_VARIABLES if name in values][:1]
        made["NO_PROXY"] = ",".join((*exempt, "localhost,127.0.0.1,::1"))
    if trusted:
        made["SSL_CERT_FILE"] = trusted
    return made


def _later(limit_s: float | None) -> float | None:
    return None if limit_s is None else limit_s + START_S
