"""Who may read. Pure; the time comes in.

Prompts are for who has the token, which lies in a file that only the user can read. A browser gets in by a code, which
`detour read` makes of the token and which opens once and for minutes, or by the token itself, pasted into a form. Then
it bears a ticket in a cookie, made of the token too: so it holds at either door and after a restart, and it ends with
its time or with the token's file. The cookie is HttpOnly and SameSite=Strict.

A page of another site can make its own name lead here (DNS rebinding): it has no cookie, and ``is_here`` refuses its
Host. A page of another server of this machine is of the same site, and may not be of the same origin: ``is_own``.
"""

import hmac
from hashlib import sha256
from ipaddress import ip_address
from urllib.parse import urlsplit

COOKIE = "detour_reader"
CODE, TICKET = "code", "ticket"  # what a seal is for
CODE_S = 10 * 60  # between printing an address and opening it
TICKET_S = 30 * 24 * 3600
SAME = ("same-origin", "none")  # of Sec-Fetch-Site; "none": the user typed it


def seal(token: str, purpose: str, until: float) -> str:
    """Return a text that only a holder of the token can make: ``UNTIL.MAC``."""
    return f"{int(until)}.{_mac(token, purpose, int(until))}"


def opens(token: str, purpose: str, text: str, now: float) -> bool:
    """Whether a text is sealed for that purpose, and its time not over."""
    until, _, mac = text.partition(".")
    if not (until.isascii() and until.isdigit() and len(until) < 12 and mac.isascii()):
        return False
    return hmac.compare_digest(_mac(token, purpose, int(until)), mac) and now <= int(until)


def is_token(token: str, given: str) -> bool:
    """Whether somebody knows the token itself."""
    return hmac.compare_digest(token.encode(), given.strip().encode("utf-8", "surrogateescape"))


def is_here(host: str, *, by_address: bool = False) -> bool:
    """Whether a Host header names this machine. ``by_address``: any address may, as others were let in."""
    name = _name(host)
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ip_address(name).is_loopback or by_address
    except ValueError:
        return False


def is_own(origin: str | None, fetch_site: str | None, host: str) -> bool:
    """Whether a request that changes something comes from a page of ours, as its browser says."""
    if fetch_site is not None and fetch_site not in SAME:
        return False
    if origin is None:
        return fetch_site is not None  # no browser of today leaves both out of a POST
    place = _place(origin)
    return place is not None and place == _place(f"http://{host}")


def _mac(token: str, purpose: str, until: int) -> str:
    return hmac.new(token.encode(), f"detour reader {purpose} {until}".encode(), sha256).hexdigest()


def _name(host: str) -> str:
    try:
        return (urlsplit(f"//{host}").hostname or "").lower()
    except ValueError:
        return ""


def _place(url: str) -> tuple[str, int] | None:
    """Host and port, where the host names this machine: all its names are one."""
    try:
        parts = urlsplit(url)
        name, port = (parts.hostname or "").lower(), parts.port or 80
    except ValueError:
        return None
    if parts.scheme != "http" or not name:
        return None
    return ("here" if is_here(name if ":" not in name else f"[{name}]") else name), port
