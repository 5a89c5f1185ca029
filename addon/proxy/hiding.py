"""Takes credentials out of what we show and say: views, comments, lines of the log. By the rules that are in force.

The prompt log has the same rules and the same marks (see ``redact``), so that a mark there is a mark here.
"""

import logging
import secrets
from collections.abc import Callable
from pathlib import Path

from addon.prompts import redact
from addon.prompts.redact import Redactor
from addon.protocol.errors import ConfigError
from addon.routing.settings import Settings
from addon.settings import mark_secret

logger = logging.getLogger(__name__)


class Hiding:
    """See the module."""

    def __init__(
        self,
        settings: Callable[[], Settings | None],
        home: Callable[[], Path],
        made: Callable[[], tuple[str, ...]] = tuple,
    ) -> None:
        """``settings``: what is in force; ``home``: where the key of the marks lies; ``made``: what mints have made."""
        self._wanted, self._home, self._made = settings, home, made
        self._settings: Settings | None = None
        self._known: tuple[str, ...] = ()
        self._redactor: Redactor | None = None

    def text(self, text: str) -> str:
        """Return a text without them."""
        return self._in_force().text(text)

    def after(self, hide: Callable[[str], str]) -> Callable[[str], str]:
        """Return what does the same behind another that hides: an exchange's own key is told by its variable."""
        return lambda text: self.text(hide(text))

    def _in_force(self) -> Redactor:
        settings, made = self._wanted(), self._made()
        if self._redactor is None or settings is not self._settings or made is not self._known:
            self._redactor = redact.for_settings(settings or Settings(), self._key(), made)
            self._settings, self._known = settings, made
        return self._redactor

    def _key(self) -> bytes:
        try:
            return mark_secret.read(self._home())
        except ConfigError as error:
            logger.warning("Detour: the marks in place of credentials hold for this run alone: %s", error.message)
            return secrets.token_bytes(mark_secret.BYTES)
