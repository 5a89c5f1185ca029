"""The way out through another proxy: what leaves by either door goes through DETOUR_UPSTREAM, but for NO_PROXY.

mitmproxy's own ``--mode upstream:`` knows neither NO_PROXY nor the reverse door, and its ``upstream_auth`` writes the
proxy's password over the request's own ``Authorization`` there. What door one only tunnels does need that mode; for the
rest a flow's ``server_conn.via`` is set, which every mode follows. A plain ``http://`` request leaves that mode without
a CONNECT, and without the credential.
"""

import os
from base64 import b64encode
from collections.abc import Mapping

from mitmproxy import exceptions, http
from mitmproxy.net.server_spec import ServerSpec
from mitmproxy.proxy.mode_specs import UpstreamMode

from addon.protocol.errors import ConfigError
from addon.settings import upstream
from addon.settings.upstream import EXEMPTION_VARIABLES, VARIABLE


class Upstream:
    """Asked when the backend is chosen; where no proxy is named, it only keeps requests apart."""

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        """Nothing is read before ``configure``."""
        self._environment = environment
        self._proxy: upstream.Upstream | None = None
        self._via: ServerSpec | None = None
        self._exemptions = ""

    def configure(self, updated: set[str]) -> None:
        """Read the environment. Raises: OptionsError."""
        value = self._environment.get(VARIABLE)
        if not value:
            return
        try:
            self._proxy = upstream.parse(VARIABLE, value)
        except ConfigError as error:
            raise exceptions.OptionsError(error.message) from None
        self._via = ("https" if self._proxy.scheme == "https" else "http", (self._proxy.host, self._proxy.port))
        self._exemptions = next(
            (self._environment[name] for name in EXEMPTION_VARIABLES if name in self._environment), ""
        )

    def requestheaders(self, flow: http.HTTPFlow) -> None:
        """Forget the way of the request before: mitmproxy keeps it for the connection of the client."""
        mode = flow.client_conn.proxy_mode
        flow.server_conn.via = None
        if self._via is None and isinstance(mode, UpstreamMode):
            flow.server_conn.via = (mode.scheme, mode.address)

    def request(self, flow: http.HTTPFlow) -> None:
        """Choose the way, unless the backend has a proxy of its own."""
        if self._via is None or flow.response or flow.error or flow.server_conn.via is not None:
            return
        host, port = flow.request.host, flow.request.port
        if not upstream.is_loopback(host) and not upstream.exempts(self._exemptions, host, port):
            flow.server_conn.via = self._via

    def http_connect_upstream(self, flow: http.HTTPFlow) -> None:
        """Show the credential to the proxy, and to nobody else."""
        if (
            self._proxy is not None
            and self._proxy.credential
            and flow.server_conn.address
            == (
                self._proxy.host,
                self._proxy.port,
            )
        ):
            encoded = b64encode(self._proxy.credential.encode()).decode("ascii")
            flow.request.headers["proxy-authorization"] = f"Basic {encoded}"
