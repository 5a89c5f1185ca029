"""Writes the prompt log: one transaction for an exchange, so that it is there whole or not at all.

Theory. A writer appends to a segment of its own, so several processes may write one log; SQLite lets one commit at a
time. Of a request only what the last one of its conversation did not hold is looked at: that is redacted, cut into
pieces, and each large piece that is stored already is referred to. All that is new, and the exchange's document, are
compressed as the next part of the segment, with all before it as the dictionary. When a commit fails, the compressor is
ahead of what is stored, so everything remembered is dropped and the next exchange begins a segment.

An exchange refers to segments that another process may remove meanwhile, because nothing needed them any more. Then
its foreign keys refuse it, and it is written again with nothing remembered.
"""

import os
import sqlite3
import time
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import lru_cache
from hashlib import blake2b
from itertools import pairwise
from pathlib import Path
from typing import Protocol

import zstandard

from addon.prompts.entry import Entry, Headers, Reply, Request, Summary
from addon.prompts.log import document, retention, statements, streams
from addon.prompts.log.document import Span, Spans
from addon.prompts.log.pieces import cut, reused
from addon.protocol.errors import ConfigError

SEGMENT_BYTES = 1 << 20  # before compression: a reader unpacks one whole, in some 2 ms
LEVEL, SEALED_LEVEL = 3, 6
WINDOW_LOG = 20  # as far back as a segment goes; the compressor keeps it in memory
HASHED_BYTES = 1024  # smaller pieces are stored again: a row to find one again costs as much as it does compressed
HASH_BYTES = 16
REMEMBERED_BYTES = 4 << 20  # of the last requests of conversations, those that were used last
REMEMBERED_TEXTS = 1024
BUSY_S = 5.0
MOST = 2**63 - 1  # SQLite's largest number


class Redacts(Protocol):
    """What takes credentials out, see ``redact``."""

    def headers(self, fields: Iterable[tuple[str, str]]) -> Headers:
        """Of headers."""

    def url(self, text: str) -> str:
        """Of an address."""

    def body(self, data: bytes) -> bytes:
        """Of a body, or a part of one."""

    def text(self, text: str) -> str:
        """Of a text."""


class Remembering:
    """Redacts what recurs with nearly every exchange once: headers, addresses, names."""

    def __init__(self, redactor: Redacts) -> None:
        """Remember nothing."""
        self.body = redactor.body
        self.text = lru_cache(REMEMBERED_TEXTS)(redactor.text)
        self.url = lru_cache(REMEMBERED_TEXTS)(redactor.url)
        self._header = lru_cache(REMEMBERED_TEXTS)(lambda name, value: redactor.headers(((name, value),)))

    def headers(self, fields: Iterable[tuple[str, str]]) -> Headers:
        """Of headers."""
        return tuple(pair for name, value in fields for pair in self._header(name, value))


@dataclass(frozen=True, slots=True)
class Last:
    """A body that was stored: where its pieces begin, and the span of each; the first ``joined`` are joined already."""

    body: bytes = b""
    cuts: list[int] = field(default_factory=list)
    spans: Spans = field(default_factory=list)
    joined: int = 0


class Segment:
    """A stream of bytes on its way to the log, in parts."""

    def __init__(self, number: int) -> None:
        """Nothing is in it."""
        parameters = zstandard.ZstdCompressionParameters.from_level(LEVEL, window_log=WINDOW_LOG)
        self._compressor = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
        self.number = number
        self.size = self.parts = 0
        self._waiting: list[bytes] = []

    def append(self, data: bytes) -> Span:
        """Return where it lies."""
        span = (self.number, self.size, len(data))
        self.size += len(data)
        self._waiting.append(data)
        return span

    def flush(self) -> tuple[int, bytes]:
        """Return the id and the bytes of the part that holds what was appended."""
        made = self._compressor.compress(b"".join(self._waiting))
        made += self._compressor.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK)
        self._waiting.clear()
        self.parts += 1
        return self.number * statements.PACKS_OF_SEGMENT + self.parts - 1, made


class Writer:
    """See the module. For one thread."""

    def __init__(self, file: Path, redactor: Redacts) -> None:
        """Open the log, or make it. Raises: OSError, sqlite3.Error; ConfigError for a log of a newer version."""
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(file, os.O_CREAT | os.O_RDWR, 0o600))  # SQLite gives its other files the same mode
        self._redactor = Remembering(redactor)
        self._database = connect(file)
        self._segment: Segment | None = None
        self._words: dict[str, int] = {}
        self._last: OrderedDict[tuple[str | None, ...], Last] = OrderedDict()
        self._remembered = 0

    def add(self, entry: Entry) -> int:
        """Store an exchange; return its number. Raises: sqlite3.Error, and nothing of it is stored."""
        try:
            return self._add(entry)
        except sqlite3.IntegrityError:
            return self._add(entry)

    def keep(self, redactor: Redacts) -> None:
        """Redact by other rules from now on; what was stored by the old ones is not referred to."""
        self._redactor = Remembering(redactor)
        self._forget()

    def shrink(self, keep_days: int, keep_bytes: int, now: float) -> int:
        """Let old exchanges go; return how many went. Raises: sqlite3.Error."""
        return retention.shrink(self._database, keep_days, keep_bytes, now)

    def close(self) -> None:
        """Let go of the file. Raises: sqlite3.Error where it could not be tidied up; nothing is lost then."""
        try:
            if self._segment is not None:
                self._database.execute(statements.BEGIN)
                self._seal(self._segment)
                self._database.execute("COMMIT")
        finally:
            self._database.close()

    def _add(self, entry: Entry) -> int:
        try:
            self._database.execute(statements.BEGIN)
            number = self._store(entry)
            self._database.execute("COMMIT")
        except BaseException:
            self._forget()
            if self._database.in_transaction:
                self._database.execute("ROLLBACK")
            raise
        return number

    def _forget(self) -> None:
        self._segment = None
        self._words.clear()
        self._last.clear()
        self._remembered = 0

    def _store(self, entry: Entry) -> int:
        segment, pieces = self._opened(), dict[bytes, Span]()
        summary = entry.summary
        parts: dict[str, Request | Reply] = {}
        bodies: dict[str, Spans] = {}
        for name in document.PARTS:
            part: Request | Reply | None = getattr(entry, name)
            if part is None:
                continue
            headers = self._redactor.headers(part.headers)
            if isinstance(part, Request):
                parts[name] = replace(part, url=self._redactor.url(part.url), headers=headers, body=b"")
                key = (name, summary.session, summary.agent, summary.kind)
                bodies[name] = self._request(segment, pieces, key, part.body)
            else:
                parts[name] = replace(part, headers=headers, body=b"")
                bodies[name] = [segment.append(streams.pack(part.body, self._redactor.body))]
        text = document.dump(self._redacted(entry), bodies, parts)
        place = segment.append(text)
        execute = self._database.execute
        execute(statements.ADD_PACK, segment.flush())
        self._database.executemany(statements.ADD_PIECE, [(key, *span) for key, span in pieces.items()])
        number = execute(statements.ADD_EXCHANGE, (*self._row(summary), *place)).lastrowid or 0
        needed = {span[0] for spans in bodies.values() for span in spans} | {segment.number}
        self._database.executemany(statements.ADD_REF, [(each, number) for each in needed])
        return number

    def _opened(self) -> Segment:
        if self._segment is not None and self._segment.size >= SEGMENT_BYTES:
            self._seal(self._segment)
            self._segment = None
        if self._segment is None:
            number = self._database.execute(statements.ADD_SEGMENT, (time.time(),)).lastrowid or 0
            self._segment = Segment(number)
            self._words.clear()  # they may have gone with the segment before, see ``statements.DROP_WORDS``
        return self._segment

    def _seal(self, segment: Segment) -> None:
        """Put the parts of a segment that is full into one, which takes a fifth less; none is left where it went."""
        first = segment.number * statements.PACKS_OF_SEGMENT
        held = (first, first + segment.parts - 1)
        unpack = zstandard.ZstdDecompressor().decompressobj().decompress
        if whole := b"".join(unpack(part) for (part,) in self._database.execute(statements.FIND_PACKS, held)):
            self._database.execute(statements.DROP_PACKS, held)
            self._database.execute(statements.ADD_PACK, (first, zstandard.ZstdCompressor(SEALED_LEVEL).compress(whole)))

    def _request(self, segment: Segment, pieces: dict[bytes, Span], key: tuple[str | None, ...], body: bytes) -> Spans:
        """Store what is new in a body; return where all of it lies."""
        last = self._last.pop(key, None) or Last()
        self._remembered -= len(last.body)
        begins, ends = reused(last.body, last.cuts, body)
        behind = len(last.cuts) - ends
        moved = len(body) - len(last.body)
        start = last.cuts[begins] if begins < len(last.cuts) else len(last.body)
        stop = last.cuts[behind] + moved if ends else len(body)
        begun, first = _joined(last, begins)
        cuts = cut(body, start, stop)
        middle = body[start:stop]
        parts = [body[one:other] for one, other in pairwise((*cuts, stop))]
        if (told := self._redactor.body(middle)) != middle:
            parts = [self._redactor.body(part) for part in parts]
            if b"".join(parts) != told:  # a credential is told by what stands in the piece before
                cuts, parts = [start], [told]
        new = [self._piece(segment, pieces, part) for part in parts]
        spans = [*first, *new, *last.spans[behind:]]
        tail = [each + moved for each in last.cuts[behind:]]
        self._last[key] = Last(body, [*begun, *cuts, *tail], spans, len(begun))
        self._remembered += len(body)
        while self._remembered > REMEMBERED_BYTES:
            self._remembered -= len(self._last.popitem(last=False)[1].body)
        return document.merged(spans)

    def _piece(self, segment: Segment, pieces: dict[bytes, Span], piece: bytes) -> Span:
        if len(piece) < HASHED_BYTES:
            return segment.append(piece)
        key = blake2b(piece, digest_size=HASH_BYTES).digest()
        if (known := pieces.get(key)) is not None:
            return known
        if (found := self._database.execute(statements.FIND_PIECE, (key,)).fetchone()) is not None:
            return (found[0], found[1], found[2])
        pieces[key] = span = segment.append(piece)
        return span

    def _redacted(self, entry: Entry) -> Entry:
        text = self._redactor.text
        return replace(
            entry,
            reason=text(entry.reason),
            attempts=[replace(each, target=text(each.target), why=text(each.why)) for each in entry.attempts],
            changes=[replace(each, what=text(each.what)) for each in entry.changes],
            losses=[replace(each, what=text(each.what)) for each in entry.losses],
        )

    def _row(self, summary: Summary) -> list[object]:
        made: list[object] = []
        for name in statements.SUMMARY:
            value = getattr(summary, name)
            if name in statements.WORDS and value is not None:
                value = self._word(value)
            elif isinstance(value, int):
                value = max(-MOST, min(value, MOST))  # a backend may claim any number
            elif isinstance(value, str):
                value = document.clean(self._redactor.text(value) if name == "error" else value)
            made.append(value)
        return made

    def _word(self, text: str) -> int:
        if (known := self._words.get(text)) is not None:
            return known
        kept = document.clean(self._redactor.text(text))
        found = self._database.execute(statements.FIND_WORD, (kept,)).fetchone()
        number: int | None = found[0] if found else self._database.execute(statements.ADD_WORD, (kept,)).lastrowid
        self._words[text] = number or 0
        return number or 0


def _joined(last: Last, count: int) -> tuple[list[int], Spans]:
    """The first pieces of a body, those that lie side by side as one: a long conversation has too many to walk over."""
    known = min(last.joined, count)
    cuts, spans = last.cuts[:known], last.spans[:known]
    for begun, (segment, start, size) in zip(last.cuts[known:count], last.spans[known:count], strict=True):
        if spans and spans[-1][0] == segment and sum(spans[-1][1:]) == start:
            spans[-1] = (segment, spans[-1][1], spans[-1][2] + size)
        else:
            cuts.append(begun)
            spans.append((segment, start, size))
    return cuts, spans


def connect(file: Path) -> sqlite3.Connection:
    """Open a log for writing, with its tables. Raises: sqlite3.Error; ConfigError for a log of a newer version."""
    database = sqlite3.connect(file, timeout=BUSY_S, isolation_level=None)
    try:
        _prepare(database, file)
    except BaseException:
        database.close()
        raise
    return database


def _prepare(database: sqlite3.Connection, file: Path) -> None:
    version, tables, ours = database.execute(statements.LOOK).fetchone()
    if tables and (version == 0 or not ours):
        raise ConfigError(f"{file} is another program's database: move it away, or use another DETOUR_HOME.")
    if version > statements.VERSION:
        raise ConfigError(statements.NEWER.format(file))
    for statement in statements.PREPARE:
        database.execute(statement)
    if version < statements.VERSION:
        for statement in (statements.BEGIN, *statements.TABLES, statements.SET_VERSION, "COMMIT"):
            database.execute(statement)
