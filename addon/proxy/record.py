"""What a flow keeps beside itself: the client's request as it came, and the backend's reply as it came.

``flow.metadata["detour"]`` is a dict of plain values, because it is saved with the flow: ``original`` (method, url,
headers, body), ``version`` (ours), ``route``, ``reason``, ``changes``, ``losses``, and after the end ``reply``,
``dropped``, ``head`` (the reply's status, and the headers that say how it is read), and ``attempts``, those that
failed, where there were any: target, status, milliseconds, and why of each. A copy of another exchange also says
``origin`` and ``of`` (see ``forcing``). No credential is among them: the client's are removed before anything is kept,
but for a request that goes to the very host they were meant for with no key of ours, which bears them openly anyway.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from mitmproxy import flow as mitmproxy_flow
from mitmproxy import http

from addon import __version__
from addon.dialects.losses import Loss
from addon.proxy import forcing, transfer
from addon.proxy.exchange import Exchange
from addon.proxy.intake import Send
from addon.proxy.routed_exchange import RoutedExchange
from addon.proxy.told import SELF
from addon.routing.route import Route

KEY = "detour"
READ_HEADERS = frozenset(("content-type", "retry-after", "retry-after-ms"))
LONG_WINDOW = "; asked for with the long window, [1m]"


def of(flow: mitmproxy_flow.Flow | None) -> dict[str, Any]:
    """Return what is kept; empty for a flow that is not ours."""
    kept = flow.metadata.get(KEY) if flow is not None else None
    return kept if isinstance(kept, dict) else {}


def is_rewritten(flow: http.HTTPFlow) -> bool:
    """Whether the flow's request is one that we sent to a backend (and that is replayed now)."""
    return "original" in of(flow)


def keep_original(flow: http.HTTPFlow, send: Send) -> None:
    """Keep the client's request; its credentials are off the flow already."""
    flow.metadata[KEY] = {
        "original": {
            "method": flow.request.method,
            "url": flow.request.url,
            "headers": [[name, value] for name, value in flow.request.headers.fields],
            "body": flow.request.raw_content or b"",
        },
        "version": __version__,
        "route": send.route.name,
        "reason": _reason(send.route),
        "changes": [[change.path, change.what] for change in send.changes],
        "losses": _told(send.losses),
        **forcing.provenance(flow),
    }


def keep_route(flow: http.HTTPFlow, route: Route) -> None:
    """Keep why a request passes."""
    flow.metadata[KEY] = {"route": route.name, "reason": _reason(route), **forcing.provenance(flow)}


def keep_answer(flow: http.HTTPFlow, why: str) -> None:
    """Keep why Detour answered itself."""
    flow.metadata[KEY] = {"route": SELF, "reason": why, **forcing.provenance(flow)}


def original(flow: http.HTTPFlow) -> http.Request:
    """Return a copy of the client's own request; the body is shared."""
    request = transfer.copy_request(flow.request)
    if is_rewritten(flow):
        _put_back(request, of(flow)["original"])
    return request


def restore(flow: http.HTTPFlow) -> None:
    """Put the client's own request back: a replay starts from it."""
    original = of(flow).get("original")
    if original is None:
        return
    _put_back(flow.request, original)
    del flow.metadata[KEY]


def _put_back(request: http.Request, original: dict[str, Any]) -> None:
    request.method = original["method"]
    request.url = original["url"]
    request.headers = http.Headers([(bytes(name), bytes(value)) for name, value in original["headers"]])
    request.raw_content = original["body"]


def offer_revert(flow: http.HTTPFlow) -> None:
    """Let mitmproxy's "revert" show the client's own request, once the exchange is over.

    Not earlier: reverting a flow under way would take its response from under mitmproxy, and its connection's address
    would no longer be the one it is connected to.
    """
    if flow._backup is None and is_rewritten(flow):
        request = flow.request.copy()
        _put_back(request, of(flow)["original"])
        state = flow.get_state()
        metadata = {name: value for name, value in flow.metadata.items() if name != KEY}
        state.update(request=request.get_state(), response=None, error=None, comment="", metadata=metadata)
        flow._backup = state


def keep_reply(flow: http.HTTPFlow, exchange: Exchange) -> None:
    """Keep the backend's bytes, where they are not the client's anyway."""
    if is_rewritten(flow):
        flow.metadata[KEY].update(losses=_told(exchange.losses))
        if isinstance(exchange, RoutedExchange):
            flow.metadata[KEY].update(reply=exchange.backend_reply(), dropped=exchange.dropped)
            if exchange.head is not None:
                flow.metadata[KEY]["head"] = [exchange.head[0], *_read(exchange.head[1])]
    if exchange.journey is not None and exchange.journey.attempts and KEY in flow.metadata:
        flow.metadata[KEY]["attempts"] = [
            [attempt.target, attempt.status, attempt.elapsed_ms, attempt.why] for attempt in exchange.journey.attempts
        ]


def _read(fields: Iterable[tuple[bytes, bytes]]) -> Iterator[list[str]]:
    """Those of a reply's headers that say how it is to be read."""
    for raw_name, raw_value in fields:
        if (name := raw_name.decode("latin-1").lower()) in READ_HEADERS:
            yield [name, raw_value.decode("latin-1")]


def _reason(route: Route) -> str:
    return route.reason + (LONG_WINDOW if route.long_window else "")


def _told(losses: Iterable[Loss]) -> list[list[str | bool]]:
    return [[loss.path, loss.what, loss.routine] for loss in losses]
