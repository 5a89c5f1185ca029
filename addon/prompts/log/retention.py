"""Lets old exchanges go: those beyond an age, then the oldest until the log is no larger than it may be.

What an exchange shares with a younger one stays: a segment goes when nothing needs it any more.
"""

import sqlite3

from addon.prompts.log import statements

DAY_S = 86_400
PART = 8  # of the exchanges go at once, the oldest: until enough room is free
FEWEST = 1  # stays, however large it is


def shrink(database: sqlite3.Connection, keep_days: int, keep_bytes: int, now: float) -> int:
    """Let go what is too old or too much; return how many exchanges went. Raises: sqlite3.Error."""
    before = count(database)
    (older,) = database.execute(statements.COUNT_OLDER, (now - keep_days * DAY_S,)).fetchone()
    if older:
        _drop(database, statements.DROP_OLDER, now - keep_days * DAY_S)
    while size(database) > keep_bytes and (left := count(database)) > FEWEST:
        (last,) = database.execute(statements.OLDEST, (max(0, left // PART - 1),)).fetchone()
        _drop(database, statements.DROP_UP_TO, last)
    return before - count(database)


def empty(database: sqlite3.Connection) -> int:
    """Let everything go; return how many exchanges went. Raises: sqlite3.Error."""
    gone = count(database)
    (newest,) = database.execute(statements.NEWEST).fetchone()
    _drop(database, statements.DROP_UP_TO, newest or 0)
    database.execute(statements.DROP_WORDS)
    return gone


def count(database: sqlite3.Connection) -> int:
    """How many exchanges there are."""
    (found,) = database.execute(statements.COUNT).fetchone()
    return int(found)


def size(database: sqlite3.Connection) -> int:
    """How many bytes are in use."""
    pages, page_size = database.execute(statements.USED_PAGES).fetchone()
    return int(pages * page_size)


def _drop(database: sqlite3.Connection, statement: str, until: float) -> None:
    database.execute(statements.BEGIN)
    try:
        database.execute(statement, (until,))
        for each in statements.DROP_UNNEEDED:
            database.execute(each)
        database.execute("COMMIT")
    except BaseException:
        if database.in_transaction:
            database.execute("ROLLBACK")
        raise
    database.execute(statements.SHRINK).fetchall()  # a row for each page: it frees while it is read
