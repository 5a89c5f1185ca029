"""The text of a PDF, for models that are given no documents.

In: a PDF as the client sends it, base64. Out: its text, page by page, or why there is none. The same PDF comes again
with every turn of a conversation, and its text must be the same then, byte for byte; what was read lately is kept.

A large PDF takes seconds to read (docs/protocol.md, "Media"). Whoever must not wait so long asks ``at_hand``: inside
it ``text_of`` raises ``Unread`` instead of reading, and the reader ``read``s it elsewhere and asks again. pypdf is
imported with the first PDF: 0.1 s and 6 MB beside mitmproxy.
"""

import base64
import hashlib
import re
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pypdf import PageObject, PdfReader

MOST_PAGES = 600  # Anthropic's own limit for a request (PDF guide)
MOST_CHARACTERS = 4_000_000  # four for a token: no model's window holds more
MOST_KEPT = 8_000_000  # characters of all texts that are kept; a session has a handful of documents

NO_TEXT = "this one holds no text: it is a scan, or has pictures only"
NO_BASE64 = "the bytes of this one are no base64"
LOCKED = "this one is locked with a password"
BROKEN = "this one cannot be read as a PDF"
TOO_LONG = "this one has {:,} pages, more than {:,}"
TOO_LARGE = "the text of this one has more than {:,} characters"
BLANK_PAGE = "[no text on this page]"
BROKEN_PAGE = "[this page cannot be read]"
UNSPEAKABLE = re.compile("[\ud800-\udfff\0]")  # half characters, which JSON cannot say, and what many servers refuse


@dataclass(frozen=True, slots=True)
class Reading:
    """What became of a PDF: its text, or else why there is none, as the end of a sentence about it."""

    text: str = ""
    fault: str = ""


class Unread(Exception):
    """A PDF that was not read yet: ``read`` it, add that to what is at hand under ``key``, and ask again."""

    def __init__(self, key: bytes, encoded: str) -> None:
        """``encoded`` is the PDF as base64."""
        super().__init__("a PDF was not read yet")
        self.key = key
        self.encoded = encoded


_kept: OrderedDict[bytes, Reading] = OrderedDict()  # the latest last
_at_hand: ContextVar[dict[bytes, Reading] | None] = ContextVar("_at_hand", default=None)


@contextmanager
def at_hand(readings: dict[bytes, Reading]) -> Iterator[None]:
    """Take what was read lately and ``readings``, and read nothing."""
    token = _at_hand.set(readings)
    try:
        yield
    finally:
        _at_hand.reset(token)


def text_of(encoded: str) -> Reading:
    """Return the text of a PDF. Raises: Unread, inside ``at_hand``."""
    key = hashlib.sha256(encoded.encode("utf-8", "replace")).digest()
    readings = _at_hand.get()
    found = _kept.get(key) or (readings or {}).get(key)
    if found is None:
        if readings is not None:
            raise Unread(key, encoded)
        found = read(encoded)
    _keep(key, found)
    return found


def _keep(key: bytes, reading: Reading) -> None:
    _kept[key] = reading
    _kept.move_to_end(key)
    while len(_kept) > 1 and sum(len(each.text) + len(each.fault) for each in _kept.values()) > MOST_KEPT:
        _kept.popitem(last=False)


def decode(encoded: str) -> str | None:
    """Return the text of a document that is text; None where it is no base64."""
    try:
        raw = base64.b64decode(encoded)
    except ValueError:
        return None
    return UNSPEAKABLE.sub("\ufffd", raw.decode("utf-8-sig", "replace"))


def read(encoded: str) -> Reading:
    """Read a PDF, however long that takes; never raises. Touches nothing that others use."""
    try:
        pdf = base64.b64decode(encoded)
    except ValueError:
        return Reading(fault=NO_BASE64)
    from pypdf import PdfReader  # noqa: PLC0415 - 0.1 s and 6 MB, and most sessions have no PDF

    try:
        return _read(PdfReader(BytesIO(pdf)))
    except Exception:  # noqa: BLE001 - a broken PDF may break pypdf anywhere; its words may quote the document
        return Reading(fault=BROKEN)


def _read(reader: "PdfReader") -> Reading:
    if reader.is_encrypted and not reader.decrypt(""):  # many can be read by all, and are locked against changes only
        return Reading(fault=LOCKED)
    count = len(reader.pages)
    if count > MOST_PAGES:
        return Reading(fault=TOO_LONG.format(count, MOST_PAGES))
    pages: list[str] = []
    size = 0
    for page in reader.pages:
        pages.append(_page(page))
        size += len(pages[-1])
        if size > MOST_CHARACTERS:
            return Reading(fault=TOO_LARGE.format(MOST_CHARACTERS))
    if all(text in (BLANK_PAGE, BROKEN_PAGE) for text in pages):
        return Reading(fault=BROKEN if BROKEN_PAGE in pages else NO_TEXT)
    return Reading("\n\n".join(f"[page {number}]\n{text}" for number, text in enumerate(pages, 1)))


def _page(page: "PageObject") -> str:
    try:
        text = page.extract_text()
    except Exception:  # noqa: BLE001 - see read
        return BROKEN_PAGE
    return UNSPEAKABLE.sub("\ufffd", text).strip() or BLANK_PAGE
