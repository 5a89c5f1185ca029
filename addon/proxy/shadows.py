"""Shadows: once an exchange has ended, its request is sent to a second model in the background.

Theory of operation. ``note`` hears of every exchange that has ended. For one whose route has a shadow it decides, which
takes microseconds, and leaves the rest to a task: the copy, the booking (a file), and mitmproxy's client replay, by
which the copy goes through the whole pipeline as a flow of its own. Nothing of that is in the way of the client: its
reply has left when the task begins, and whatever goes wrong in the task ends there, with a line in the log.

Only the client's own requests have shadows, and only those that were answered well. Two are under way at most; the
rest is dropped and counted. Each is booked before it is sent, and what it cost when it has ended. A budget that is
spent pauses all of them until midnight.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial

from mitmproxy import ctx, http
from mitmproxy.addons import clientplayback

from addon.prompts import prices
from addon.proxy import copies, forcing, transfer
from addon.proxy.control import Control
from addon.proxy.exchange import Exchange
from addon.routing.config import Choice
from addon.routing.forced import SHADOW, Forced
from addon.routing.pricing import price_of
from addon.routing.shadow import Budget, Spent
from addon.settings import shadow_file

logger = logging.getLogger(__name__)

MOST_AT_ONCE = 2
AFTER_S = 0.05  # the client's own reply has left by then
TOLD_EVERY = 100  # dropped shadows, for a line in the log


def _today() -> date:
    return datetime.now().astimezone().date()


@dataclass(slots=True)
class Counts:
    """Of this run."""

    sent: int = 0
    dropped: int = 0  # two were under way
    failed: int = 0  # came to nothing, and no flow says why


class Shadows:
    """See the module."""

    def __init__(self, control: Control, today: Callable[[], date] = _today) -> None:
        """``control`` holds what is in force."""
        self.counts = Counts()
        self._control = control
        self._today = today
        self._spent: Spent | None = None  # None: nothing was booked in this run yet
        self._paused: tuple[date, Budget] | None = None  # for which day, and by which budget, it was said
        self._is_told = False  # that the booking cannot be kept
        self._tasks: set[asyncio.Task[None]] = set()
        self._ended: dict[str, Exchange | None] = {}  # by flow, those under way; None: it has not ended

    @property
    def under_way(self) -> int:
        """How many there are now."""
        return len(self._tasks)

    def note(self, flow: http.HTTPFlow, exchange: Exchange) -> None:
        """An exchange has ended: one with a shadow, or a shadow itself. Never raises."""
        try:
            if flow.id in self._ended:
                self._ended[flow.id] = exchange
            elif exchange.route.shadow is not None and forcing.of(flow) is None:
                self._offer(flow, exchange, exchange.route.shadow)
        except Exception:
            logger.exception("Detour: %s has no shadow", flow.id)

    def rows(self) -> Sequence[str]:
        """What people may want to know."""
        settings, counts = self._control.settings, self.counts
        if settings is None or settings.shadow_budget is None:
            return ["there are no shadows: they have no budget"]
        spent = self._spent.on(self._today()) if self._spent is not None else None
        return [
            f"budget: {settings.shadow_budget.told}",
            f"today: {spent.told if spent is not None else 'none yet in this run'}",
            f"in this run: {counts.sent:,} sent, {counts.dropped:,} dropped because {MOST_AT_ONCE} were under way, "
            f"{counts.failed:,} came to nothing; {self.under_way} under way",
        ]

    # -- the decision --------------------------------------------------------------------------------------------------

    def _offer(self, flow: http.HTTPFlow, exchange: Exchange, choice: Choice) -> None:
        settings = self._control.settings
        budget = settings.shadow_budget if settings is not None else None
        if budget is None or exchange.error or exchange.client_left or flow.is_replay:
            return
        day = self._today()
        if self._spent is not None and self._spent.on(day).is_over(budget):
            self._pause(day, budget)
        elif self.under_way >= MOST_AT_ONCE:
            self._drop()
        else:
            forced = Forced(choice.name, SHADOW, transfer.exchange_id(flow))
            task = asyncio.get_running_loop().create_task(self._shadow(flow, forced, day, budget))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def _pause(self, day: date, budget: Budget) -> None:
        if self._paused != (day, budget):
            self._paused = day, budget
            told = self._spent.told if self._spent is not None else ""
            logger.warning("Detour: the budget of shadows (%s) is spent (%s): none until midnight", budget.told, told)

    def _drop(self) -> None:
        self.counts.dropped += 1
        if self.counts.dropped % TOLD_EVERY == 1:
            logger.info(
                "Detour: %d shadows were dropped by now, because %d were under way each time",
                self.counts.dropped, MOST_AT_ONCE,
            )  # fmt: skip

    # -- the task ------------------------------------------------------------------------------------------------------

    async def _shadow(self, flow: http.HTTPFlow, forced: Forced, day: date, budget: Budget) -> None:
        try:
            await asyncio.sleep(AFTER_S)
            made = copies.copy(flow, forced)
            spent = await self._book(day, requests=1)
            if spent.plus(requests=-1).is_over(budget):  # by another proxy, or by one that was under way
                self._pause(day, budget)
                return
            self.counts.sent += 1
            await self._ask(made, day)
        except Exception as error:  # noqa: BLE001 - a shadow may fail in any way, and nobody waits for it
            self.counts.failed += 1
            logger.warning("Detour: the %s came to nothing: %s: %s", forced.told, type(error).__name__, error)

    async def _ask(self, made: http.HTTPFlow, day: date) -> None:
        made.is_replay = "request"
        self._ended[made.id] = None
        try:
            # not by mitmproxy's queue of replays, which is the user's; the class is our own (see ``takeover``)
            await clientplayback.ReplayHandler(made, ctx.options).replay()
        finally:
            exchange = self._ended.pop(made.id)
        if exchange is not None and exchange.usage is not None:
            cost = await asyncio.to_thread(self._cost, exchange)
            await self._book(day, dollars=cost or 0.0, unpriced=int(cost is None))

    def _cost(self, exchange: Exchange) -> float | None:
        """What an answer cost, in dollars; None: nobody knows."""
        settings = self._control.settings
        if settings is None or exchange.usage is None:
            return None
        return prices.dollars(exchange.usage, price_of(exchange.route, settings))

    async def _book(self, day: date, *, requests: int = 0, dollars: float = 0.0, unpriced: int = 0) -> Spent:
        """Add to what was spent, and return all of it; what cannot be kept counts in this run alone."""
        add = partial(shadow_file.add, self._control.home, day, requests=requests, dollars=dollars, unpriced=unpriced)
        try:
            spent = await asyncio.to_thread(add)
        except OSError as error:
            spent = (self._spent or Spent(day)).on(day).plus(requests, dollars, unpriced)
            if not self._is_told:
                self._is_told = True
                logger.warning("Detour: what shadows spend cannot be kept, a restart forgets it: %s", error)
        self._spent = spent
        return spent
