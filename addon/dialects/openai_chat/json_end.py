"""Where a JSON object or array ends in text that arrives in pieces.

It knows strings, brackets and the characters that may stand between them, and no more: JSON is measured rightly, and
what is none breaks mostly where it stops to look like it. Linear, and nothing is kept.
"""

import re
from collections.abc import Mapping

INSIDE = re.compile(r'[^"\\]*')
BETWEEN = re.compile(r"[\s,:0-9eE+.\-truefalsn]*")
STEPS: Mapping[str, int] = {"{": 1, "[": 1, "}": -1, "]": -1}


class JsonEnd:
    """A push parser: ``feed`` text from the first bracket on, until it is ``over`` or ``broken``."""

    __slots__ = ("_depth", "_escaped", "_in_string", "broken", "over")

    def __init__(self) -> None:
        """Start before the first bracket."""
        self._depth = 0
        self._in_string = False
        self._escaped = False
        self.over = False  # the last bracket was closed
        self.broken = False  # what comes next cannot be JSON

    def feed(self, text: str, at: int = 0) -> int:
        """Return where in ``text`` it ends, breaks, or goes on; ``at`` is where to begin."""
        while at < len(text) and not self.over and not self.broken:
            at = self._string(text, at) if self._in_string else self._structure(text, at)
        return at

    def _string(self, text: str, at: int) -> int:
        if self._escaped:
            self._escaped = False
            return at + 1
        at = _past(INSIDE, text, at)
        if at == len(text):
            return at
        self._escaped = self._in_string = text[at] == "\\"
        return at + 1

    def _structure(self, text: str, at: int) -> int:
        at = _past(BETWEEN, text, at) if self._depth else at
        if at == len(text):
            return at
        if text[at] == '"' and self._depth:
            self._in_string = True
            return at + 1
        self.broken = text[at] not in STEPS or self._depth + STEPS[text[at]] < 0
        if self.broken:
            return at
        self._depth += STEPS[text[at]]
        self.over = self._depth == 0
        return at + 1


def _past(pattern: re.Pattern[str], text: str, at: int) -> int:
    found = pattern.match(text, at)
    return found.end() if found else at
