"""Shadows: a share of a route's requests is asked of a second model too, unseen, within a daily budget. Pure.

The number of requests is what limits for certain: of an answer whose price nobody knows, only that counts. Money is
known when an answer has ended, so the last one of a day may go over.
"""

from dataclasses import dataclass, replace
from datetime import date

from addon.routing.config import Choice


@dataclass(frozen=True, slots=True)
class Shadow:
    """Who is asked too, of which share of the requests; ``salt`` tells the draws of several rules apart."""

    choice: Choice
    share: float
    salt: str

    @property
    def told(self) -> str:
        """What becomes of the requests, in words."""
        return f"{self.share:.4g} of them also to {self.choice.name}, unseen"


@dataclass(frozen=True, slots=True)
class Budget:
    """What shadows may take in a day of the local calendar. ``dollars`` None: no limit beside the requests."""

    requests: int
    dollars: float | None = None

    @property
    def told(self) -> str:
        """As people read it."""
        dollars = f" and ${self.dollars:,.2f}" if self.dollars is not None else ""
        return f"{self.requests:,} requests{dollars} a day"


@dataclass(frozen=True, slots=True)
class Spent:
    """What shadows took on ``day``; ``unpriced`` of the requests cost what nobody knows."""

    day: date
    requests: int = 0
    dollars: float = 0.0
    unpriced: int = 0

    def on(self, day: date) -> "Spent":
        """Return what was spent on that day: nothing yet, where it is another."""
        return self if day == self.day else Spent(day)

    def plus(self, requests: int = 0, dollars: float = 0.0, unpriced: int = 0) -> "Spent":
        """Return this and more."""
        return replace(
            self,
            requests=self.requests + requests,
            dollars=self.dollars + dollars,
            unpriced=self.unpriced + unpriced,
        )

    def is_over(self, budget: Budget) -> bool:
        """Whether nothing more may be asked that day."""
        return self.requests >= budget.requests or (budget.dollars is not None and self.dollars >= budget.dollars)

    @property
    def told(self) -> str:
        """As people read it."""
        unpriced = f", {self.unpriced:,} of them at prices that nobody knows" if self.unpriced else ""
        return f"{self.requests:,} requests{unpriced}, ${self.dollars:,.4f}"
