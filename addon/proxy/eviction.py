"""Old flows leave the list of mitmweb and the console, so that a long day does not fill the memory.

Theory of operation. Claude Code sends the whole conversation with each turn, so a list that keeps every flow grows with
the square of a session. Each flow that ends is entered into ``Books``, the oldest first. Above a count, or above a size
of all bodies together, the oldest leave mitmproxy's ``View``. Who must stay (marked, under way, stopped, queued for a
replay, in front of a reader's eyes) is set aside when its turn comes and counts no more; each flow that ends has one of
these looked at again, so nothing walks over all of them. Flows that were loaded from a file or duplicated by hand never
end here, so they stay too. A flow is weighed when the next one ends, because other addons may still write on it at its
own end.

The books lie with the view, which outlives a reload of ours. mitmdump has no view: there nothing happens.
"""

import logging
from collections import OrderedDict, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from mitmproxy import ctx, http
from mitmproxy.addonmanager import Loader
from mitmproxy.addons.view import View
from mitmproxy.flow import Error, Flow
from mitmproxy.utils import human

from addon.protocol.errors import ConfigError
from addon.proxy import record

logger = logging.getLogger(__name__)

FLOWS_OPTION = "detour_keep_flows"
BYTES_OPTION = "detour_keep_bytes"
KEEP_FLOWS = 500  # a long day's work of one session; mitmweb's page loads and draws them all
KEEP_BYTES = "48m"  # what 80 requests of 300 kB take with what was made of them: two hours of a long session
# connections with their certificates, headers, and all that once more for a revert: 34 kB, as resident memory shows
EMPTY_FLOW_BYTES = 36 * 1024
MOST_LOOKED_AT = 4  # flows open in pages of mitmweb
TOLD_EVERY = 1_000  # flows that left, for a line in the log


@dataclass(slots=True)
class Books:
    """Which flows have ended, by id, the oldest first, and what each keeps in memory."""

    ended: OrderedDict[str, int] = field(default_factory=OrderedDict)
    aside: OrderedDict[str, None] = field(default_factory=OrderedDict)  # had to stay when their turn came
    total: int = 0  # bytes, of those in ``ended``
    newest: str = ""  # is not weighed yet
    looked_at: deque[str] = field(default_factory=lambda: deque(maxlen=MOST_LOOKED_AT))
    gone: int = 0
    gone_bytes: int = 0  # since the last line in the log

    def enter(self, flow_id: str, size: int) -> None:
        """Take a flow as the newest, or what it weighs by now."""
        self.total += size - self.ended.get(flow_id, 0)
        self.ended[flow_id] = size

    def forget(self, flow_id: str) -> int:
        """Strike a flow out; return what it weighed."""
        self.aside.pop(flow_id, None)
        size = self.ended.pop(flow_id, 0)
        self.total -= size
        return size


class Eviction:
    """Asked whenever a flow ends."""

    def __init__(self) -> None:
        """Nothing is removed before mitmproxy runs."""
        self._view: View | None = None
        self._books = Books()
        self._keep_flows = 0
        self._keep_bytes = 0

    def load(self, loader: Loader) -> None:
        """Add the options."""
        loader.add_option(
            FLOWS_OPTION, int, KEEP_FLOWS, "How many flows mitmweb and the console keep, beside marked ones. 0: all."
        )
        loader.add_option(
            BYTES_OPTION, str, KEEP_BYTES, "How much memory these may take together (200m, 1g). 0: no limit."
        )

    def configure(self, updated: set[str]) -> None:
        """Check the limits. Raises: ConfigError."""
        if FLOWS_OPTION in updated:
            self._keep_flows = _count(ctx.options.detour_keep_flows)
        if BYTES_OPTION in updated:
            self._keep_bytes = _size(ctx.options.detour_keep_bytes)

    def running(self) -> None:
        """Begin to watch mitmproxy's list, where it has one."""
        view = ctx.master.addons.get("view")
        if not isinstance(view, View):
            return
        self._view = view
        self._books = vars(view).setdefault("detour_books", self._books)
        view.sig_store_remove.connect(self._removed)
        view.sig_store_refresh.connect(self._cleared)
        if not _is_console():
            view.get_by_id = self._look_up  # type: ignore[method-assign]  # how mitmweb finds what a reader opens

    def done(self) -> None:
        """Leave the list as it was."""
        if self._view is not None:
            vars(self._view).pop("get_by_id", None)

    def note(self, flow: http.HTTPFlow) -> None:
        """A flow has ended; others may have to go."""
        view, books = self._view, self._books
        if view is None or not (flow.live or _is_killed(flow)):  # else it was loaded from a file
            return
        if (last := _found(view, books.newest)) is not None and books.newest in books.ended:
            books.enter(last.id, weight(last))
        books.forget(flow.id)  # it has ended before: a replay
        books.enter(flow.id, 0)
        books.newest = flow.id
        self._look_aside(view)
        while self._is_full():
            self._let_go(view, next(iter(books.ended)))

    # -- inside ----------------------------------------------------------------------------------------------------

    def _is_full(self) -> bool:
        books = self._books
        return 0 < self._keep_flows < len(books.ended) or 0 < self._keep_bytes < books.total

    def _let_go(self, view: View, flow_id: str) -> None:
        """Remove a flow, or set it aside."""
        flow = _found(view, flow_id)
        size = self._books.forget(flow_id)
        if flow is None:
            return
        if self._must_stay(flow):
            self._books.aside[flow_id] = None
            return
        view.remove([flow])
        self._tell(size)

    def _look_aside(self, view: View) -> None:
        """See whether the one that was set aside longest must still stay; it is the oldest again if not."""
        books = self._books
        if not books.aside:
            return
        flow_id, _ = books.aside.popitem(last=False)
        flow = _found(view, flow_id)
        if flow is None:
            return
        if self._must_stay(flow):
            books.aside[flow_id] = None
            return
        books.enter(flow_id, weight(flow))
        books.ended.move_to_end(flow_id, last=False)

    def _must_stay(self, flow: Flow) -> bool:
        """Whether somebody marked it, works with it or looks at it."""
        if flow.marked or flow.live or flow.intercepted or flow.id in self._books.looked_at:
            return True
        if flow.is_replay == "request" and isinstance(flow, http.HTTPFlow) and not flow.response and not flow.error:
            return True  # queued for it
        return self._view is not None and _is_console() and flow is self._view.focus.flow  # mitmweb has no such thing

    def _tell(self, size: int) -> None:
        books = self._books
        books.gone += 1
        books.gone_bytes += size
        if books.gone == 1:
            logger.info(
                "Detour: the list of flows is full (%s flows, %s): the oldest leave it now, marked ones stay; "
                "--set %s=N and %s=SIZE keep more, 0 keeps all",
                self._keep_flows or "all", human.pretty_size(self._keep_bytes) if self._keep_bytes else "any size",
                FLOWS_OPTION, BYTES_OPTION,
            )  # fmt: skip
        elif books.gone % TOLD_EVERY == 0:
            size_told = human.pretty_size(books.gone_bytes)
            logger.info(
                "Detour: %s flows have left the list by now, %s since this was last said", f"{books.gone:,}", size_told
            )
            books.gone_bytes = 0

    def _look_up(self, flow_id: str) -> Flow | None:
        """As the view does it, and note who is looked at."""
        assert self._view is not None  # noqa: S101 - it is the view that asks
        flow = _found(self._view, flow_id)
        if flow is not None:
            looked_at = self._books.looked_at
            if flow_id in looked_at:
                looked_at.remove(flow_id)
            looked_at.append(flow_id)
        return flow

    def _removed(self, flow: Flow) -> None:
        self._books.forget(flow.id)

    def _cleared(self) -> None:
        """Somebody removed all, or all that are not marked."""
        assert self._view is not None  # noqa: S101 - it is the view that asks
        for flow_id in [*self._books.ended, *self._books.aside]:
            if _found(self._view, flow_id) is None:
                self._books.forget(flow_id)


def weight(flow: Flow) -> int:
    """What a flow keeps in memory, in bytes; a body that it refers to twice counts once."""
    return EMPTY_FLOW_BYTES + sum({id(body): len(body) for body in _bodies(flow)}.values())


def _bodies(flow: Flow) -> Iterator[bytes]:
    kept = record.of(flow)
    states: list[Any] = [kept.get("original"), {"body": kept.get("reply")}]
    if flow._backup is not None:
        states += [flow._backup.get("request"), flow._backup.get("response")]  # type: ignore[attr-defined]  # a state
    for state in states:
        for name in ("body", "content"):
            body = state.get(name) if isinstance(state, dict) else None
            if isinstance(body, bytes):
                yield body
    if isinstance(flow, http.HTTPFlow):
        for message in (flow.request, flow.response):
            if message is not None and message.raw_content:
                yield message.raw_content
        if flow.websocket is not None:
            yield from (message.content for message in flow.websocket.messages)


def _found(view: View, flow_id: str) -> Flow | None:
    """The view's own look-up, not ours."""
    return View.get_by_id(view, flow_id)


def _is_killed(flow: Flow) -> bool:
    return flow.error is not None and flow.error.msg == Error.KILLED_MESSAGE


def _is_console() -> bool:
    return ctx.master.addons.get("consoleaddon") is not None


def _count(flows: int) -> int:
    if flows < 0:
        raise ConfigError(f"{FLOWS_OPTION} is {flows}: write how many flows to keep, or 0 for all.")
    return flows


def _size(text: str) -> int:
    try:
        size = human.parse_size(text.strip().lower() or "0") or 0
    except ValueError:
        size = -1
    if size < 0:
        raise ConfigError(f"{BYTES_OPTION} is {text!r}: write a size like 200m or 1g, or 0 for no limit.")
    return size
