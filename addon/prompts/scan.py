"""What an exchange of the log holds of secrets: marks, and what a rule of today would take out. Pure.

A session's requests repeat each other, so a message that was looked at once is not looked at again.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b

from addon.prompts.entry import Entry, Reply, Request
from addon.prompts.redact import MARK, Redactor

PARTS: Mapping[str, str] = {
    "request": "the client's request",
    "sent": "the request to the backend",
    "reply": "the backend's reply",
    "given": "the reply to the client",
}
NOTES = "what is noted of it"
MESSAGE = b'{"role":'  # what a message begins with; inside of a text its quotes would be escaped
MOST_KNOWN = 500_000  # messages: some 100 MB

type Mark = tuple[str, str]  # its kind, and its digits


@dataclass(frozen=True, slots=True)
class Open:
    """Something that is not redacted: what it is, and where in the exchange. Not itself."""

    kind: str
    place: str


@dataclass(frozen=True, slots=True)
class Holding:
    """What an exchange holds, each once for each place."""

    marks: frozenset[Mark] = frozenset()
    open: tuple[Open, ...] = ()


@dataclass(slots=True)
class _Found:
    marks: set[Mark] = field(default_factory=set)
    open: Counter[Open] = field(default_factory=Counter)


class Scanner:
    """Looks at exchanges, one by one, by the rules of a redactor."""

    def __init__(self, redactor: Redactor) -> None:
        """Nothing is known yet."""
        self._redactor = redactor
        self._known: dict[bytes, tuple[frozenset[Mark], frozenset[str]]] = {}

    def look(self, entry: Entry) -> Holding:
        """Return what an exchange holds."""
        found = _Found()
        for name, place in PARTS.items():
            part: Request | Reply | None = getattr(entry, name)
            if part is None:
                continue
            self._head(part, place, found)
            for piece in _pieces(part):
                marks, kinds = self._body(piece)
                found.marks |= marks
                found.open.update(Open(kind, f"{place}, body") for kind in kinds)
        for text in _notes(entry):
            marks, kinds = self._looked_at(text.encode("utf-8", "surrogatepass"))
            found.marks |= marks
            found.open.update(Open(kind, NOTES) for kind in kinds)
        return Holding(frozenset(found.marks), tuple(sorted(found.open, key=lambda each: (each.place, each.kind))))

    def _head(self, part: Request | Reply, place: str, found: _Found) -> None:
        for (name, value), (_, kept) in zip(part.headers, self._redactor.headers(part.headers), strict=True):
            found.marks |= _marks(value.encode("utf-8", "surrogatepass"))
            if value != kept:
                kinds = _marks(kept.encode("utf-8", "surrogatepass"))
                found.open.update(Open(kind, f"{place}, header {name.lower()}") for kind, _ in kinds)
        if isinstance(part, Request):
            address, kept = part.url, self._redactor.url(part.url)
            had = _marks(address.encode("utf-8", "surrogatepass"))
            found.marks |= had
            if address != kept:
                kinds = _marks(kept.encode("utf-8", "surrogatepass")) - had
                found.open.update(Open(kind, f"{place}, address") for kind, _ in kinds)

    def _body(self, piece: bytes) -> tuple[frozenset[Mark], frozenset[str]]:
        key = blake2b(piece, digest_size=16).digest()
        if key not in self._known:
            if len(self._known) >= MOST_KNOWN:
                self._known.clear()
            self._known[key] = self._looked_at(piece)
        return self._known[key]

    def _looked_at(self, text: bytes) -> tuple[frozenset[Mark], frozenset[str]]:
        return _marks(text), frozenset(each.kind for each in self._redactor.find(text))


def _pieces(part: Request | Reply) -> Iterator[bytes]:
    """Yield a request message by message; a reply may cut a secret into pieces, and is looked at whole."""
    if isinstance(part, Reply):
        yield part.body
        return
    first, *others = part.body.split(MESSAGE)
    yield first
    for message in others:
        yield MESSAGE + message


def _notes(entry: Entry) -> Iterator[str]:
    yield entry.reason
    yield entry.summary.error or ""
    for attempt in entry.attempts:
        yield from (attempt.target, attempt.status, attempt.why)
    for change in (*entry.changes, *entry.losses):
        yield from (change.path, change.what)


def _marks(text: bytes) -> frozenset[Mark]:
    if b"[redacted:" not in text:
        return frozenset()
    return frozenset((kind.decode(), digits.decode()) for kind, digits in MARK.findall(text))
