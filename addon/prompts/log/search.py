"""Full-text search in the prompt log: an index of its own beside it, brought up to date when somebody searches.

Recording does nothing for it. The index holds words and where they stand, not the texts; it may be removed at any time.
What an exchange says anew is found under its number: the messages behind the last answer, and the answer to them. When
exchanges have left the log, the index is made anew, so that their words go too.

For any thread, one search at a time. Several processes may share an index: who finds it being brought up to date uses
it as it is. Source: SQLite, "FTS5".
"""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from addon.prompts import answer
from addon.prompts.entry import Entry
from addon.prompts.exports import pieces
from addon.prompts.log.reading import Log, NotKept
from addon.prompts.log.statements import FILE as LOG
from addon.protocol.errors import BadRequest, ConfigError
from addon.protocol.messages import parse_json

FILE = "prompts-search.sqlite"
VERSION = 1
AT_ONCE = 200  # exchanges in one transaction
MOST_OF_AN_EXCHANGE = 200_000  # characters; what follows is a file's or a command's output
AROUND = 90  # characters shown on each side of a word that was found
BUSY_S = 0.2

TABLES = (
    "CREATE TABLE IF NOT EXISTS state (first INTEGER NOT NULL, last INTEGER NOT NULL)",
    "CREATE VIRTUAL TABLE IF NOT EXISTS said USING fts5(text, content='', tokenize=\"unicode61 remove_diacritics 2\")",
    f"PRAGMA user_version = {VERSION}",
)


class NoSearch(ConfigError):
    """There is no full-text search here."""


@dataclass(frozen=True, slots=True)
class Hit:
    """An exchange in which it was said; ``before``, ``found`` and ``after`` are the place, ``found`` may be empty."""

    number: int
    before: str
    found: str
    after: str


class Search:
    """See the module."""

    def __init__(self, log: Log) -> None:
        """For this log. Nothing is read or made before the first search."""
        self._log = log
        self._file = log.file.with_name(FILE)
        self._lock = Lock()

    def update(self) -> None:
        """Bring the index up to date. Raises: NoSearch."""
        with self._lock, suppress(_Busy):
            self._update()

    def find(self, query: str, limit: int = 50) -> list[Hit]:
        """Return the exchanges in which all words of ``query`` were said, the newest first. Raises: NoSearch."""
        wanted = expression(query)
        if not wanted:
            return []
        with self._lock:
            with suppress(_Busy):
                self._update()
            asked = "SELECT rowid FROM said WHERE said MATCH ? ORDER BY rowid DESC LIMIT ?"
            try:
                with _opened(self._file) as database:
                    numbers = [number for (number,) in database.execute(asked, (wanted, limit))]
            except _Busy as error:
                raise NoSearch(f"{self._file} cannot be read now: {error}. It may be removed.") from error
        return [hit for number in numbers if (hit := self._hit(number, query)) is not None]

    # -- inside --------------------------------------------------------------------------------------------------------

    def _update(self) -> None:
        known = self._log.summaries(limit=1)
        oldest, newest = (known[0].number if known else 0), self._log.newest()
        with _opened(self._file) as database:
            first, last = database.execute("SELECT first, last FROM state").fetchone() or (oldest, 0)
        if last and (oldest > first or newest < last):
            remove(self._log.file)
            first, last = oldest, 0
        while last < newest:
            with _opened(self._file) as database:
                last = self._add(database, first or oldest, last, newest)

    def _add(self, database: sqlite3.Connection, first: int, last: int, newest: int) -> int:
        """Index the next exchanges; return the number of the last."""
        _begin(database)
        (now,) = database.execute("SELECT coalesce(max(last), 0) FROM state").fetchone()
        if now != last:  # somebody else has gone on meanwhile
            database.execute("ROLLBACK")
            return max(int(now), last)
        summaries = self._log.summaries(after=last, limit=AT_ONCE)
        for summary in summaries:
            with suppress(NotKept):
                text = "\n".join(said(self._log.entry(summary.number)))[:MOST_OF_AN_EXCHANGE]
                if text:
                    database.execute("INSERT INTO said (rowid, text) VALUES (?, ?)", (summary.number, text))
        reached = summaries[-1].number if summaries else newest
        database.execute("DELETE FROM state")
        database.execute("INSERT INTO state VALUES (?, ?)", (first, reached))
        database.execute("COMMIT")
        return reached

    def _hit(self, number: int, query: str) -> Hit | None:
        try:
            text = "\n".join(said(self._log.entry(number)))
        except NotKept:
            return None
        return Hit(number, *around(text, query))


class _Busy(Exception):
    """Somebody else brings the index up to date."""


def remove(log_file: Path) -> None:
    """Remove the index of a log. Raises: OSError."""
    for ending in ("", "-wal", "-shm"):
        log_file.with_name(FILE + ending).unlink(missing_ok=True)


def expression(query: str) -> str:
    """Return what SQLite looks for: every word, each as it stands; the last may be the beginning of one."""
    query = query.replace("\0", " ").encode("utf-8", "replace").decode()  # what SQLite takes for a text
    words = ['"' + word.replace('"', '""') + '"' for word in query.split() if any(map(str.isalnum, word))]
    return " ".join(words) + ("*" if words and query[-1:].isalnum() else "")


def said(entry: Entry) -> Iterator[str]:
    """Yield what an exchange says anew: the messages behind the last answer, and the answer."""
    with suppress(BadRequest):
        parsed = parse_json(entry.request.body) if entry.request is not None else None
        messages = parsed.get("messages") if isinstance(parsed, dict) else None
        yield from _newest(messages if isinstance(messages, list) else [])
    reply = entry.given or entry.reply
    if reply is not None:
        told = answer.of(reply)
        yield from (part for part in (told.thinking, told.text) if part)
        for call in told.calls:
            yield f"{call.name} {pieces.arguments(call.arguments)}"


def _newest(messages: Sequence[object]) -> Iterator[str]:
    asked = [message for message in messages if isinstance(message, dict)]
    last = max((place for place, message in enumerate(asked) if message.get("role") == "assistant"), default=-1)
    for message in asked[last + 1 :]:
        yield from (piece.text for piece in pieces.of(message.get("content"), {}) if piece.text)


def around(text: str, query: str) -> tuple[str, str, str]:
    """Return where the first word of ``query`` stands in ``text``, with a little before and behind it."""
    lower = text.lower()
    for word in sorted(query.lower().split(), key=len, reverse=True):
        place = lower.find(word) if len(lower) == len(text) else -1
        if place >= 0:
            end = place + len(word)
            return _flat(text[max(0, place - AROUND) : place]), text[place:end], _flat(text[end : end + AROUND])
    return _flat(text[: 2 * AROUND]), "", ""


def _flat(text: str) -> str:
    return " ".join(f"|{text}|".split())[1:-1]  # blanks at its ends stay


def _begin(database: sqlite3.Connection) -> None:
    try:
        database.execute("BEGIN IMMEDIATE")
    except sqlite3.OperationalError as error:
        raise _Busy from error


@contextmanager
def _opened(file: Path) -> Iterator[sqlite3.Connection]:
    """Open the index, made where there is none. Raises: NoSearch."""
    try:
        file.touch(mode=0o600)
        made = sqlite3.connect(file, timeout=BUSY_S, isolation_level=None)
    except (OSError, sqlite3.Error) as error:
        raise NoSearch(f"The index of the search, {file}, cannot be made: {error}") from error
    with closing(made) as database:
        try:
            (version,) = database.execute("PRAGMA user_version").fetchone()
            for statement in TABLES if version != VERSION else ():
                database.execute(statement)
            yield database
        except sqlite3.OperationalError as error:
            if "fts5" in str(error):
                raise NoSearch("This Python's SQLite has no full-text search (FTS5).") from error
            raise _Busy(str(error)) from error
        except sqlite3.DatabaseError as error:  # it is no index any more; the next search makes it anew
            remove(file.with_name(LOG))
            raise _Busy(str(error)) from error
