"""The tables of the prompt log. What mitmproxy's process runs is compiled from them beforehand, see ``statements``.

A **segment** is a stream of bytes that one writer appends to, compressed as one, so that each part costs what it adds
to all before it; its parts stand in ``packs``. Everything long lies in segments, and is told by spans of three numbers:
segment, first byte, how many. ``pieces`` finds the span of a piece that was stored before. An **exchange** is a row of
what lists and sums ask for, and the span of its document, in which all else stands. ``refs`` says which segments an
exchange needs: one that nobody needs is removed.
"""

from sqlalchemy import (
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
)

METADATA = MetaData()

WORDS = Table(
    "words",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("text", Text, nullable=False, unique=True),
)


def _word(name: str) -> Column[int]:
    return Column(name, Integer)


EXCHANGES = Table(
    "exchanges",
    METADATA,
    Column("number", Integer, primary_key=True),
    Column("id", Text, nullable=False),
    Column("at", Float, nullable=False),
    *map(_word, ("session", "agent", "parent_agent", "agent_type", "kind", "path", "door", "asked", "route")),
    Column("status", Integer, nullable=False),
    *map(_word, ("stop_reason",)),
    Column("error", Text),
    *(Column(name, Integer) for name in ("first_byte_ms", "first_content_ms", "total_ms")),
    *(Column(name, Integer) for name in ("input_tokens", "cache_read_tokens", "cache_write_tokens")),
    *(Column(name, Integer) for name in ("output_tokens", "reasoning_tokens")),
    Column("dollars", Float),
    *(Column(name, Integer) for name in ("losses", "attempts")),
    *map(_word, ("origin",)),
    Column("of", Text),
    *(Column(name, Integer, nullable=False) for name in ("segment", "start", "size")),  # of its document
    sqlite_autoincrement=True,  # a number is never given twice, also after all was removed
)
Index("exchanges_of_session", EXCHANGES.c.session)

SEGMENTS = Table(
    "segments",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("at", Float, nullable=False),
    sqlite_autoincrement=True,
)

# id: the segment's times PACKS_OF_SEGMENT, and which of its parts it is
PACKS = Table(
    "packs",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("data", LargeBinary, nullable=False),
)

PIECES = Table(
    "pieces",
    METADATA,
    Column("hash", LargeBinary, primary_key=True),
    *(Column(name, Integer, nullable=False) for name in ("segment", "start", "size")),
    sqlite_with_rowid=False,
)

REFS = Table(
    "refs",
    METADATA,
    Column("segment", Integer, ForeignKey("segments.id"), primary_key=True),
    Column("exchange", Integer, primary_key=True),
    sqlite_with_rowid=False,
)
