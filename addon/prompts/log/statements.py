"""What mitmproxy's process says to SQLite, compiled from ``tables`` (a test holds the two together).

SQLAlchemy takes 12 MB of memory and these are all statements that recording needs, so it stays out of that process
until somebody reads. Pure.
"""

from dataclasses import fields

from addon.prompts.entry import Summary

FILE = "prompts.sqlite"  # under DETOUR_HOME
VERSION = 1  # of the tables, in SQLite's user_version
NEWER = "{} was written by a newer Detour: use that one, or move the file away."
PACKS_OF_SEGMENT = 65_536

# the texts of a summary that recur: each is stored once
WORDS = (
    "session", "agent", "parent_agent", "agent_type", "kind", "path", "door", "asked", "route", "stop_reason", "origin",
)  # fmt: skip
SUMMARY = tuple(field.name for field in fields(Summary) if field.name != "number")
DOCUMENT = ("segment", "start", "size")

PREPARE = (
    "PRAGMA page_size = 1024",  # most parts of a segment have that much: in larger pages a third would lie idle
    "PRAGMA auto_vacuum = INCREMENTAL",
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = NORMAL",
    "PRAGMA foreign_keys = ON",
)
# before anything is done: its version, how many tables and indexes it has, and whether it is a log
LOOK = (
    "SELECT (SELECT user_version FROM pragma_user_version()), (SELECT count(*) FROM sqlite_master),"
    " (SELECT count(*) FROM sqlite_master WHERE name = 'exchanges')"
)
TABLES = (
    "CREATE TABLE IF NOT EXISTS exchanges ( number INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL,"
    " at FLOAT NOT NULL, session INTEGER, agent INTEGER, parent_agent INTEGER, agent_type INTEGER, kind INTEGER,"
    " path INTEGER, door INTEGER, asked INTEGER, route INTEGER, status INTEGER NOT NULL, stop_reason INTEGER,"
    " error TEXT, first_byte_ms INTEGER, first_content_ms INTEGER, total_ms INTEGER, input_tokens INTEGER,"
    " cache_read_tokens INTEGER, cache_write_tokens INTEGER, output_tokens INTEGER, reasoning_tokens INTEGER,"
    ' dollars FLOAT, losses INTEGER, attempts INTEGER, origin INTEGER, "of" TEXT, segment INTEGER NOT NULL,'
    " start INTEGER NOT NULL, size INTEGER NOT NULL )",
    "CREATE INDEX IF NOT EXISTS exchanges_of_session ON exchanges (session)",
    "CREATE TABLE IF NOT EXISTS packs ( id INTEGER NOT NULL, data BLOB NOT NULL, PRIMARY KEY (id) )",
    "CREATE TABLE IF NOT EXISTS pieces ( hash BLOB NOT NULL, segment INTEGER NOT NULL, start INTEGER NOT NULL,"
    " size INTEGER NOT NULL, PRIMARY KEY (hash) ) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS segments ( id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, at FLOAT NOT NULL )",
    "CREATE TABLE IF NOT EXISTS words ( id INTEGER NOT NULL, text TEXT NOT NULL, PRIMARY KEY (id), UNIQUE (text) )",
    "CREATE TABLE IF NOT EXISTS refs ( segment INTEGER NOT NULL, exchange INTEGER NOT NULL,"
    " PRIMARY KEY (segment, exchange), FOREIGN KEY(segment) REFERENCES segments (id) ) WITHOUT ROWID",
)

BEGIN = "BEGIN IMMEDIATE"  # else two writers may each wait for the other's end
SET_VERSION = f"PRAGMA user_version = {VERSION}"


def _insert(table: str, *names: str) -> str:
    quoted = ", ".join(f'"{name}"' if name == "of" else name for name in names)
    return f"INSERT INTO {table} ({quoted}) VALUES ({', '.join('?' * len(names))})"  # noqa: S608 - names of ours


ADD_EXCHANGE = _insert("exchanges", *SUMMARY, *DOCUMENT)
ADD_SEGMENT = _insert("segments", "at")
ADD_PACK = _insert("packs", "id", "data")
FIND_PACKS = "SELECT data FROM packs WHERE id BETWEEN ? AND ? ORDER BY id"
DROP_PACKS = "DELETE FROM packs WHERE id BETWEEN ? AND ?"
ADD_PIECE = _insert("pieces", "hash", "segment", "start", "size")
ADD_REF = _insert("refs", "segment", "exchange")
ADD_WORD = _insert("words", "text")
FIND_WORD = "SELECT id FROM words WHERE text = ?"
FIND_PIECE = "SELECT segment, start, size FROM pieces WHERE hash = ?"

# Letting go, in one transaction. The first takes what goes: a time, or a number up to which.
DROP_OLDER = "DELETE FROM exchanges WHERE at < ?"
DROP_UP_TO = "DELETE FROM exchanges WHERE number <= ?"
DROP_UNNEEDED = (
    "DELETE FROM refs WHERE exchange NOT IN (SELECT number FROM exchanges)",
    "DELETE FROM segments WHERE id NOT IN (SELECT segment FROM refs)",
    "DELETE FROM pieces WHERE segment NOT IN (SELECT id FROM segments)",
    f"DELETE FROM packs WHERE id / {PACKS_OF_SEGMENT} NOT IN (SELECT id FROM segments)",  # noqa: S608 - a number
)
# A writer that remembers words has a segment, and forgets both when that is gone.
DROP_WORDS = "DELETE FROM words WHERE NOT EXISTS (SELECT 1 FROM exchanges)"
OLDEST = "SELECT number FROM exchanges ORDER BY number LIMIT 1 OFFSET ?"
COUNT = "SELECT count(*) FROM exchanges"
COUNT_OLDER = "SELECT count(*) FROM exchanges WHERE at < ?"
NEWEST = "SELECT max(number) FROM exchanges"
SHRINK = "PRAGMA incremental_vacuum"
USED_PAGES = (
    "SELECT (SELECT page_count FROM pragma_page_count()) - (SELECT freelist_count FROM pragma_freelist_count()),"
    " (SELECT page_size FROM pragma_page_size())"
)
