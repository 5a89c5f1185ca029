"""Text that others wrote, made fit to be shown: no character of it moves a cursor, hides a word or ends a line. Pure.

A prompt holds what files, web pages and programs said. Printed as it is, an escape sequence in it could colour, erase
or forge what a terminal shows, and marks of direction could make a line read as another. Each such character becomes
one that is seen. Sources: ECMA-48 (control functions), UAX 9 (marks of direction), CVE-2021-42574.
"""

import re

KEPT = "\n\t"
PICTURES = 0x2400  # Unicode's pictures of the control characters, in their order
UNSEEN = "�"
# what moves, erases, ends a line or turns a direction, but for what is a line break and a tab
FORBIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)
SPACE = re.compile(r"\s+")
ELLIPSIS = "…"


def text(told: str) -> str:
    """Return a text of several lines; every way to end a line becomes the one."""
    return FORBIDDEN.sub(_seen, told.replace("\r\n", "\n").replace("\r", "\n"))


def line(told: str, most: int | None = None) -> str:
    """Return the text in one line, of at most so many characters; an ellipsis stands for the rest."""
    joined = SPACE.sub(" ", text(told)).strip()
    if most is None or len(joined) <= most:
        return joined
    return joined[: most - 1].rstrip() + ELLIPSIS


def encodable(told: str) -> str:
    """Return a text that UTF-8 can hold: mitmproxy keeps a header's other bytes as halves of surrogate pairs."""
    return told.encode("utf-8", "replace").decode()


def _seen(found: re.Match[str]) -> str:
    code = ord(found[0])
    if code < 0x20:
        return chr(PICTURES + code)
    return "␡" if code == 0x7F else UNSEEN
