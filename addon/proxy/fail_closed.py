"""Answers 503 where Detour should have routed and cannot: no request leaves un-rewritten. Needs mitmproxy only.

Two uses: in place of the addon when it cannot be loaded, and beside it as a guard for the time after a failed reload,
when mitmproxy has unloaded the script and would forward everything as it is.
"""

import json
from collections.abc import Callable

from mitmproxy import ctx, http
from mitmproxy.addonmanager import Loader
from mitmproxy.proxy import mode_specs

ROUTED = ("/v1/messages", "/v1/messages/count_tokens")
CONTROL = ("/_detour/", "/switch_model")  # REST calls: they may bear our token, which is nothing for Anthropic
HOST = "api.anthropic.com"
GUARD, STUB = "detour_guard", "detour_not_loaded"


class Guard:
    """``reason`` tells the client why; ``applies`` decides for each request whether the guard is needed."""

    name = GUARD

    def __init__(self, reason: str, applies: Callable[[], bool] = lambda: True) -> None:
        """See the class."""
        self._reason = reason
        self._applies = applies

    def request(self, flow: http.HTTPFlow) -> None:
        """Answer in Anthropic's envelope."""
        if flow.response or flow.error or not flow.live or not self._applies():
            return
        path = flow.request.path.partition("?")[0]
        is_reverse = isinstance(flow.client_conn.proxy_mode, mode_specs.ReverseMode)
        is_routed = path in ROUTED and (is_reverse or flow.request.host.lower() == HOST)
        if is_routed or (is_reverse and path.startswith(CONTROL)):
            error = {"type": "api_error", "message": f"Detour is not loaded: {self._reason}"}
            request_id = f"req_{flow.id.replace('-', '')[:24]}"
            body = json.dumps({"type": "error", "error": error, "request_id": request_id})
            body = "" if flow.request.method == "HEAD" else body
            headers = {"content-type": "application/json", "request-id": request_id}
            flow.response = http.Response.make(503, body, headers)


class FailClosed(Guard):
    """In place of the addon."""

    name = STUB

    def load(self, loader: Loader) -> None:
        """Keep mitmproxy from contacting Anthropic, or streaming a request to it, before ``request`` is asked."""
        ctx.options.update(connection_strategy="lazy", stream_large_bodies=None)


def stand_guard() -> None:
    """Leave a guard behind for the case that our script is still configured but no longer loaded."""
    if ctx.master.addons.get(GUARD) is None:
        ctx.master.addons.add(Guard("its last reload failed; the proxy's log says why", _is_orphaned))


def _is_orphaned() -> bool:
    if ctx.master.addons.get("detour") is not None:  # asked for every request
        return False
    return any(script.endswith("rewrite.py") for script in ctx.options.scripts)
