"""mitmproxy script, loaded after the addon under test: nothing leaves this machine, namespace or not.

What the addon passes on to Anthropic (settings, policy limits, an unrouted call) is answered 403 in Anthropic's
envelope, which the client tolerates; a connection to any other host than loopback fails before it is dialled. Where
``DETOUR_TEST_ANTHROPIC`` names a port of this machine, a server there answers Anthropic's calls in its place.
"""

import json
import os

from mitmproxy import http
from mitmproxy.proxy.server_hooks import ServerConnectionHookData

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
REFUSAL = json.dumps({"type": "error", "error": {"type": "permission_error", "message": "sealed test proxy"}})


STAND_IN = int(os.environ.get("DETOUR_TEST_ANTHROPIC", "0"))


class Sealed:
    """Answers or refuses whatever is addressed to a foreign host."""

    def request(self, flow: http.HTTPFlow) -> None:
        """Answer in the stranger's place."""
        if STAND_IN and flow.request.host == "api.anthropic.com" and flow.request.path.startswith("/v1/messages"):
            flow.request.scheme, flow.request.host, flow.request.port = "http", "127.0.0.1", STAND_IN
        if flow.response is None and flow.error is None and flow.request.host not in LOOPBACK:
            flow.response = http.Response.make(403, REFUSAL, {"content-type": "application/json"})

    def server_connect(self, data: ServerConnectionHookData) -> None:
        """Refuse to dial."""
        if data.server.address and data.server.address[0] not in LOOPBACK:
            data.server.error = f"sealed test proxy: {data.server.address[0]} is not on this machine"


addons = [Sealed()]
