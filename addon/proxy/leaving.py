"""What a reload leaves behind: the exchanges under way are seen to their end by the addon that began them.

mitmproxy unloads the old addon and asks only the new one, which knows nothing of them: a reply in the middle of its
translation would reach the client half raw.
"""

from typing import Protocol

from mitmproxy import ctx, http


class Owner(Protocol):
    """The addon that was unloaded."""

    def responseheaders(self, flow: http.HTTPFlow) -> None:
        """See mitmproxy's hook."""

    def response(self, flow: http.HTTPFlow) -> None:
        """See mitmproxy's hook."""

    def error(self, flow: http.HTTPFlow) -> None:
        """See mitmproxy's hook."""

    def left(self) -> None:
        """Nothing is under way any more."""

    @property
    def is_idle(self) -> bool:
        """Whether nothing is under way."""


class Leaving:
    """Asks the unloaded addon in its successor's place, until it has nothing left to do."""

    def __init__(self, owner: Owner) -> None:
        """See the class."""
        self.name = f"detour_leaving_{id(self):x}"
        self._owner = owner

    def stay(self) -> None:
        """Join mitmproxy's addons, before all others, as scripts are."""
        addons = ctx.master.addons
        addons.chain = [addons.register(self), *addons.chain]  # a new list: the old one may be being walked

    def responseheaders(self, flow: http.HTTPFlow) -> None:
        """Pass it on."""
        self._owner.responseheaders(flow)

    def response(self, flow: http.HTTPFlow) -> None:
        """Pass it on, and leave after the last."""
        self._owner.response(flow)
        self._leave()

    def error(self, flow: http.HTTPFlow) -> None:
        """Pass it on, and leave after the last."""
        self._owner.error(flow)
        self._leave()

    def _leave(self) -> None:
        if self._owner.is_idle and self.name in ctx.master.addons.lookup:
            ctx.master.addons.remove(self)
            self._owner.left()
