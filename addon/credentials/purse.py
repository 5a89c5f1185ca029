"""Holds the credentials that are made: each made in a thread of its own, once for all who wait, and anew in time.

Theory of operation. A credential is asked for with ``look``, which never waits. It is there, or it is being made, or it
cannot be made; who asks has its own way to wait. From some time before it expires it is made anew, while the old one
serves on (``lifetime.fresh_until``): by a clock where it was used since it was made, else when it is next asked for.
What cannot be made is tried again when it is asked for, but not at once: all who waited hear the same.

Everything here happens on the event loop, but for the making itself. The threads are daemons: a mint that hangs must
not keep the proxy from ending.
"""

import asyncio
import logging
import threading
import time
import traceback
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from math import inf

from addon.credentials import lifetime
from addon.credentials.made import Made, Unmade
from addon.routing.backend import Minting

logger = logging.getLogger(__name__)

MINT_LIMIT_S = 60.0  # a password manager may ask its user to unlock it; the client is pinged meanwhile
AGAIN_S = 3.0  # after a failure: those that waited have heard it by then, and who asks next has perhaps mended it
RENEWED_AGAIN_S = 30.0  # the same while the old one still serves
MOST_SECRETS = 100  # of those made before: what was quoted in an old flow stays hidden

OVER = "made of {}, it had expired when it was made: set this machine's clock, or sign in anew"

type Make = Callable[[Minting], Made]  # raises Unmade; called in a thread
type Start = Callable[[Callable[[], None]], object]  # runs something beside the event loop


def in_a_thread(work: Callable[[], None]) -> None:
    """Run it beside the event loop."""
    threading.Thread(target=work, name="detour-mint", daemon=True).start()


@dataclass(slots=True)
class _Slot:
    """One credential."""

    made: Made | None = None
    fresh_until: float = -inf
    fault: str | None = None
    again_at: float = -inf
    turn: int = 0  # of the making under way; each has its own
    is_busy: bool = False
    is_used: bool = False
    clock: asyncio.TimerHandle | None = None


class Purse:
    """See the module. ``now``: seconds since the epoch."""

    def __init__(
        self,
        make: Make,
        now: Callable[[], float] = time.time,
        start: Start = in_a_thread,
        hide: Callable[[str], str] = str,
    ) -> None:
        """Nothing is made yet. ``hide`` takes credentials out of a line of the log: a command may have said one."""
        self.secrets: tuple[str, ...] = ()  # of all that was made, the newest last; another one when something is made
        self._make, self._now, self._start, self._hide = make, now, start, hide
        self._slots: dict[Minting, _Slot] = {}

    def want(self, mintings: Iterable[Minting]) -> None:
        """Begin to make what will be asked for."""
        for minting in mintings:
            slot = self._slots.setdefault(minting, _Slot())
            if slot.made is None and not slot.is_busy:
                self._mint(minting, slot)

    def look(self, minting: Minting) -> Made | None:
        """Return it; None while it is being made. Raises: Unmade."""
        now, slot = self._now(), self._slots.setdefault(minting, _Slot())
        slot.is_used = True
        if slot.made is not None and now < slot.fresh_until:
            return slot.made
        if not slot.is_busy and now >= slot.again_at:
            self._mint(minting, slot)
        if slot.made is not None and not lifetime.is_over(slot.made.expires_at, now):
            return slot.made
        if slot.is_busy:
            return None
        raise Unmade(slot.fault or "nothing was made")

    def refuse(self, minting: Minting, made: Made) -> None:
        """The backend took it no more: who asks next waits for another."""
        slot = self._slots.get(minting)
        if slot is not None and slot.made is made:
            slot.made, slot.fresh_until, slot.again_at = None, -inf, -inf

    def close(self) -> None:
        """Make nothing any more unasked."""
        for slot in self._slots.values():
            if slot.clock is not None:
                slot.clock.cancel()

    def _mint(self, minting: Minting, slot: _Slot) -> None:
        loop = asyncio.get_running_loop()
        slot.is_busy, slot.fault, slot.turn = True, None, slot.turn + 1
        turn = slot.turn

        def work() -> None:
            try:
                outcome: Made | Unmade = self._make(minting)
            except Unmade as unmade:
                outcome = unmade
            except Exception as error:  # noqa: BLE001 - told below
                frames = "".join(traceback.format_tb(error.__traceback__))  # its words may quote what it had in hand
                logger.error("Detour: %s: %s\n%s", minting.told, type(error).__name__, frames)  # noqa: TRY400
                outcome = Unmade(f"{minting.told} failed in a way that nobody thought of: {type(error).__name__}")
            with suppress(RuntimeError):  # the loop is closed: nobody waits any more
                loop.call_soon_threadsafe(self._take, minting, slot, turn, outcome)

        self._set_clock(slot, MINT_LIMIT_S, lambda: self._give_up(minting, slot, turn))
        self._start(work)

    def _take(self, minting: Minting, slot: _Slot, turn: int, outcome: Made | Unmade) -> None:
        """It was made, or not; of an earlier turn that was given up, what was made is good all the same."""
        now = self._now()
        if not isinstance(outcome, Unmade) and lifetime.is_over(outcome.expires_at, now):
            outcome = Unmade(OVER.format(outcome.kind))
        if isinstance(outcome, Unmade):
            if turn == slot.turn and slot.is_busy:
                self._fail(minting, slot, outcome.message, now)
            return
        end = (
            "does not expire" if outcome.expires_at is None else f"expires in {(outcome.expires_at - now) / 60:.0f} min"
        )
        logger.info("Detour: %s: made of %s, %s", minting.told, outcome.kind, end)
        slot.is_busy, slot.is_used, slot.fault = False, False, None
        slot.made, slot.again_at = outcome, -inf
        if news := tuple(secret for secret in outcome.secrets if secret not in self.secrets):
            self.secrets = (*self.secrets, *news)[-MOST_SECRETS:]
        until = lifetime.fresh_until(now, outcome.expires_at)
        slot.fresh_until = inf if until is None else until
        self._set_clock(slot, None if until is None else until - now, lambda: self._renew(minting, slot))

    def _renew(self, minting: Minting, slot: _Slot) -> None:
        if slot.is_used and not slot.is_busy:
            self._mint(minting, slot)

    def _give_up(self, minting: Minting, slot: _Slot, turn: int) -> None:
        if slot.is_busy and slot.turn == turn:
            self._fail(minting, slot, f"it was not made within {MINT_LIMIT_S:g} s", self._now())

    def _fail(self, minting: Minting, slot: _Slot, why: str, now: float) -> None:
        logger.warning("Detour: %s: %s", minting.told, self._hide(why))
        serves = slot.made is not None and not lifetime.is_over(slot.made.expires_at, now)
        slot.is_busy, slot.fault = False, why
        slot.again_at = now + (RENEWED_AGAIN_S if serves else AGAIN_S)
        self._set_clock(slot, None, None)

    def _set_clock(self, slot: _Slot, delay_s: float | None, ring: Callable[[], None] | None) -> None:
        if slot.clock is not None:
            slot.clock.cancel()
        slot.clock = None
        if delay_s is not None and ring is not None:
            slot.clock = asyncio.get_running_loop().call_later(max(0.0, delay_s), ring)
